"""The inverse relationship matrix of pedigrees against the tabular method, and what is no pedigree."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ranef
from ranef.contracts import InputError

from .known import covariance, log_likelihood, population, tabular


def as_labels(parent: np.ndarray) -> list[str | None]:
    return [None if i < 0 else f"a{i}" for i in parent]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_inverse_of_the_tabular_method(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sire, dam = population(rng, 150, 6, 12)
    A = tabular(sire, dam)
    assert (np.diagonal(A) > 1.05).any()  # inbred animals, some of them children of inbred ones
    Q, labels, inbreeding = ranef.pedigree(as_labels(np.arange(150)), as_labels(sire), as_labels(dam))
    assert labels.tolist() == as_labels(np.arange(150))
    np.testing.assert_allclose(Q.toarray() @ A, np.eye(150), atol=1e-10)
    np.testing.assert_allclose(inbreeding, np.diagonal(A) - 1.0, atol=1e-12)


def test_rows_may_stand_in_any_order() -> None:
    rng = np.random.default_rng(7)
    sire, dam = population(rng, 80, 5, 10)
    shuffled = rng.permutation(80)
    rows = [np.array(as_labels(v), dtype=object)[shuffled] for v in (np.arange(80), sire, dam)]
    Q, labels, _ = ranef.pedigree(*rows)
    order = [int(label[1:]) for label in labels]
    np.testing.assert_allclose(Q.toarray() @ tabular(sire, dam)[np.ix_(order, order)], np.eye(80), atol=1e-10)


def test_known_figures_of_a_small_pedigree() -> None:
    """Mrode (2014), Linear Models for the Prediction of Animal Breeding Values, example 2.1: six animals."""
    Q, labels, F = ranef.pedigree([3, 4, 5, 6], [1, 1, 4, 5], [2, None, 3, 2])
    assert labels.tolist() == [3, 4, 5, 6, 1, 2]
    order = np.argsort(labels)
    A = [
        [1.00, 0.00, 0.50, 0.50, 0.50, 0.25],
        [0.00, 1.00, 0.50, 0.00, 0.25, 0.625],
        [0.50, 0.50, 1.00, 0.25, 0.625, 0.5625],
        [0.50, 0.00, 0.25, 1.00, 0.625, 0.3125],
        [0.50, 0.25, 0.625, 0.625, 1.125, 0.6875],
        [0.25, 0.625, 0.5625, 0.3125, 0.6875, 1.125],
    ]
    np.testing.assert_allclose(np.linalg.inv(Q.toarray())[np.ix_(order, order)], A, atol=1e-12)
    np.testing.assert_allclose(F[order], [0, 0, 0, 0, 0.125, 0.125], atol=1e-12)


def test_selfing_halves_what_is_left_of_heterozygosity() -> None:
    """A plant, its child by itself, that one's child by itself: F = 0, 1/2, 3/4."""
    _, _, F = ranef.pedigree(["b", "c"], ["a", "b"], ["a", "b"])
    assert F.tolist() == [0.5, 0.75, 0.0]


@pytest.mark.parametrize("unknown", [None, np.nan, ""])
def test_unknown_parents(unknown: object) -> None:
    Q, labels, _ = ranef.pedigree(["a", "b"], [unknown, "a"], [unknown, unknown])
    assert labels.tolist() == ["a", "b"]
    np.testing.assert_allclose(np.linalg.inv(Q.toarray()), [[1.0, 0.5], [0.5, 1.0]])


def test_numbers_that_pandas_made_floats_are_the_same_animals() -> None:
    frame = pd.DataFrame({"animal": [1, 2, 3], "sire": [None, None, 1], "dam": [None, 9, 2]})
    _, labels, _ = ranef.pedigree(frame["animal"], frame["sire"], frame["dam"])
    assert labels.tolist() == [1, 2, 3, 9]
    assert labels.dtype.kind == "i"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((["a", "b", "c"], ["b", "c", "a"], [None] * 3), r"a is its own ancestor \(3 animals"),
        ((["a"], ["a"], [None]), "a is its own ancestor"),
        ((["a", "a"], [None] * 2, [None] * 2), "animal has a twice"),
        ((["a", None], [None] * 2, [None] * 2), "animal has missing labels"),
        ((["a", "b"], ["a"], [None] * 2), "sire has 1 rows, animal has 2"),
        (([1, 2], [0, 1], [0, 0]), "0 is a parent and no animal: where it stands for an unknown parent, write None"),
    ],
)
def test_what_is_no_pedigree(rows: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ranef.pedigree(*rows)


def test_an_animal_model_of_500_animals() -> None:
    """Breeding values of a simulated population, records of the younger half only; V from the tabular method."""
    rng = np.random.default_rng(3)
    sire, dam = population(rng, 500, 20, 60)
    A = tabular(sire, dam)
    values = np.linalg.cholesky(A) @ rng.normal(size=500)
    animal = np.repeat(np.arange(250, 500), 2)
    season = rng.normal(size=500)
    X = np.column_stack([np.ones(500), season])
    y = X @ [10.0, 0.5] + values[animal] + rng.normal(size=500)
    labels = np.array(as_labels(np.arange(500)), dtype=object)
    relatives = ranef.pedigree(labels, as_labels(sire), as_labels(dam))
    fit = ranef.lmm(y, X, {"animal": labels[animal]}, precision={"animal": relatives})
    assert fit.converged
    assert fit.n_groups == {"animal": 500}
    V = covariance(fit.sigma**2, np.ones(500), [(animal, np.ones((500, 1)), fit._fit.covariances[0], A)])
    assert fit.log_likelihood == pytest.approx(log_likelihood(y, X, V, reml=True), abs=1e-7)
    at = np.array([int(label[1:]) for label in fit.levels["animal"]])
    predicted = fit._fit.covariances[0][0, 0] * A[:, animal] @ np.linalg.solve(V, y - X @ fit.coefficients)
    np.testing.assert_allclose(fit.ranef["animal"][:, 0], predicted[at], rtol=1e-6, atol=1e-7)
