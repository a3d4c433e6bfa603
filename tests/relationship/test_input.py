"""What a known relationship may be given as, and what is refused, with what to do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import ranef
from ranef.contracts import InputError, InputTypeError

from .known import random_walk

LEVELS = ["a", "b", "c", "d", "e"]
RNG = np.random.default_rng(8)
N = 60
G = np.array(LEVELS)[np.arange(N) % 5]
X = np.ones((N, 1))
Y = RNG.normal(size=5)[np.arange(N) % 5] + RNG.normal(size=N)
Q = random_walk(5)
SHUFFLED = [3, 0, 4, 2, 1]
NAMES = np.array(LEVELS)[SHUFFLED]
MOVED = Q[np.ix_(SHUFFLED, SHUFFLED)]


def fit(precision, groups=G, argument: str = "precision"):
    return ranef.lmm(Y, X, {"g": groups}, **{argument: {"g": precision}})


@pytest.mark.parametrize(
    "given",
    [
        Q.tolist(),
        sp.csr_matrix(Q),
        sp.coo_array(Q),
        (MOVED, NAMES),
        (sp.csc_array(MOVED), list(NAMES)),
        (MOVED, pd.Categorical(NAMES)),
        pd.DataFrame(MOVED, index=NAMES, columns=NAMES),
    ],
    ids=["lists", "csr_matrix", "coo_array", "labelled", "sparse labelled", "categories", "frame"],
)
def test_one_relationship_in_many_forms(given: object) -> None:
    expected, found = fit(Q), fit(given)
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, abs=1e-10)
    np.testing.assert_allclose(found.ranef["g"], expected.ranef["g"], rtol=1e-6)


def test_integer_labels() -> None:
    codes = np.arange(N) % 5
    named = fit((MOVED, np.array(SHUFFLED) + 10), codes + 10)
    assert named.log_likelihood == pytest.approx(fit(Q).log_likelihood, abs=1e-10)


def intrinsic(n: int) -> np.ndarray:
    return random_walk(n, 0.0)


COPIES = np.eye(5)
COPIES[0, 1] = COPIES[1, 0] = 1.0
ASYMMETRIC = Q + np.triu(np.ones((5, 5)), 1) * 0.01
INFINITE = sp.csc_array(np.where(Q > 1, np.inf, Q))


@pytest.mark.parametrize(
    ("argument", "given", "message"),
    [
        ("precision", Q[:4], r"precision\['g'\] must be square, with rows; it has shape \(4, 5\)"),
        ("precision", sp.csc_array((0, 0)), r"must be square, with rows; it has shape \(0, 0\)"),
        ("precision", ASYMMETRIC, "must be symmetric; entries differ by up to 0.01"),
        ("precision", random_walk(6), "of shape \\(6, 6\\), and the factor has 5 levels. Without labels"),
        ("precision", (Q, ["a", "b", "c", "d", "x"]), r"no row for 1 levels: e\. Add them"),
        ("precision", (Q, list("aabcd")), "labels that stand twice"),
        ("precision", (Q, list("abcd")), "5 rows and labels of shape"),
        ("precision", np.where(Q > 1, np.nan, Q), "missing"),
        ("precision", INFINITE, "infinite"),
        ("precision", Q - 2 * np.diag([0, 0, 1, 0, 0.0]) * Q[2, 2], "its diagonal is zero or negative for c"),
        ("precision", intrinsic(5), "An intrinsic precision.*add a small ridge"),
        ("precision", np.eye(5) - 0.9 * (1 - np.eye(5)), "not positive definite"),
        ("precision", np.zeros((5, 5)), "its diagonal is zero or negative for a, b, c, d, e"),
        ("relationship", COPIES, "what it says of b follows from other levels"),
        ("relationship", pd.DataFrame(Q, index=LEVELS, columns=NAMES), "other labels on its rows than on its columns"),
    ],
)
def test_what_is_refused(argument: str, given: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit(given, argument=argument)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((Q, LEVELS, LEVELS), r"must be a matrix or \(matrix, labels\); got 3 parts"),
        (sp.csc_array(Q.astype(complex)), "holds complex128 values"),
        ("kinship", "text"),
        ([list("abcde")] * 5, "text"),
    ],
)
def test_what_is_of_no_such_type(given: object, message: str) -> None:
    with pytest.raises((InputTypeError, InputError), match=message):
        fit(given)


def test_labels_of_another_type_are_named() -> None:
    with pytest.raises(InputError, match="labels are of another type than those of groups: convert one of them"):
        fit((Q, list("01234")), np.arange(N) % 5)


def test_factors_that_are_not_there_or_have_both() -> None:
    with pytest.raises(InputError, match="relationship names h, which groups does not have; groups has g"):
        ranef.lmm(Y, X, {"g": G}, relationship={"h": Q})
    with pytest.raises(InputError, match="'g' has a relationship and a precision"):
        ranef.lmm(Y, X, {"g": G}, relationship={"g": Q}, precision={"g": Q})
    with pytest.raises(InputTypeError, match="precision must be a dict from factors"):
        ranef.lmm(Y, X, {"g": G}, precision=Q)


def test_a_family_too_large_to_invert_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranef.design.precision.LARGEST_FAMILY", 4)
    with pytest.raises(InputError, match="relates 5 levels with each other, too many to invert it"):
        fit(Q, argument="relationship")
    blocks = np.kron(np.eye(5), [[2.0]])
    assert fit(blocks, argument="relationship").converged


def test_inverses_of_families_are_sparse() -> None:
    """Families that are not related have no entries between them."""
    A = np.eye(5)
    A[:2, :2] += 1.0
    A[2:, 2:] += 0.5
    precision = fit(A, argument="relationship")._fit.pattern.groupings[0].precision
    assert precision.matrix.nnz == 4 + 9
    np.testing.assert_allclose(precision.matrix.toarray(), np.linalg.inv(A), atol=1e-12)
    assert precision.logdet == pytest.approx(-np.linalg.slogdet(A)[1], abs=1e-12)


def test_inputs_are_not_changed() -> None:
    given = sp.csc_array(Q)
    given.data.flags.writeable = False
    fit(given)
    np.testing.assert_array_equal(given.toarray(), Q)
