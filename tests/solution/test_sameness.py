"""Fits are equal by what they are: the same model of the same data, with the same estimates."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import ranef

SLEEP = ranef.datasets.load("sleepstudy")
CBPP = ranef.datasets.load("cbpp")
FORMULA = "Reaction ~ Days + (Days | Subject)"


def linear(**options):
    return ranef.lmm(FORMULA, SLEEP, **options)


def generalized(**options):
    given = {"family": "binomial", "weights": "size"} | options
    return ranef.glmm("incidence / size ~ period + (1 | herd)", CBPP, **given)


def arrays(**options):
    X = np.column_stack([np.ones(180), SLEEP["Days"]])
    return ranef.lmm(SLEEP["Reaction"], X, {"Subject": SLEEP["Subject"]}, **options)


def related(decay):
    labels = np.unique(SLEEP["Subject"])
    apart = np.abs(np.subtract.outer(np.arange(18), np.arange(18)))
    return arrays(relationship={"Subject": (decay**apart, labels)})


@pytest.mark.parametrize("make", [linear, generalized, arrays])
def test_a_copy_and_a_second_fit_are_equal(make, tmp_path):
    fit = make()
    fit.save(tmp_path / "fit.ranef")
    fit.save(tmp_path / "rows.ranef", rows=True)
    same = [
        pickle.loads(pickle.dumps(fit)),
        copy.deepcopy(fit),
        make(),
        ranef.load(tmp_path / "fit.ranef"),
        ranef.load(tmp_path / "rows.ranef"),
        make(callbacks="trace"),
    ]
    assert all(fit == other for other in same)
    assert {hash(other) for other in same} == {hash(fit)}
    assert len({fit, *same}) == 1


def nearly(column):
    """The data with one value moved by its last bit."""
    values = np.array(SLEEP[column], dtype=float)
    values[7] = np.nextafter(values[7], np.inf)
    return {**SLEEP, column: values}


@pytest.mark.parametrize(
    "other",
    [
        lambda: linear(reml=False),
        lambda: linear(conf_level=0.9),
        lambda: linear(compute_satterthwaite=False),
        lambda: ranef.lmm("Reaction ~ Days + (1 | Subject)", SLEEP),
        lambda: ranef.lmm(FORMULA, nearly("Reaction")),
        lambda: ranef.lmm(FORMULA, {**SLEEP, "Subject": [f"s{s}" for s in SLEEP["Subject"]]}),
        lambda: linear(weights=np.full(180, 2.0)),
        arrays,
        generalized,
        lambda: 3,
    ],
    ids=["ML", "level", "df", "terms", "y", "labels", "weights", "arrays", "kind", "number"],
)
def test_others_are_not(other):
    assert linear() != other()


def test_likelihoods_of_other_families_and_approximations_are_not():
    assert generalized() != generalized(nagq=5)
    assert generalized() != generalized(family="binomial(probit)")
    expected = generalized(hessian="expected")  # the same number for a canonical link
    assert expected.coefficients.tolist() == generalized().coefficients.tolist()
    assert expected != generalized()


def test_rows_count_where_estimates_are_the_same():
    """An offset and a response that move together leave every estimate what it was, to the last bit (of integers)."""
    X, groups = np.ones((30, 1)), {"Batch": ranef.datasets.load("dyestuff")["Batch"]}
    y = np.asarray(ranef.datasets.load("dyestuff")["Yield"], dtype=float)
    one, other = ranef.lmm(y, X, groups), ranef.lmm(y + 64.0, X, groups, offset=np.full(30, 64.0))
    assert one.theta.tolist() == other.theta.tolist()
    assert one.fixef == other.fixef
    assert one != other


def test_relationships_count():
    assert related(0.5) == related(0.5)
    assert related(0.5) != related(0.4)
    assert related(0.5) != arrays()


def test_relationships_count_where_the_variance_is_zero():
    """There estimates do not depend on them."""
    d = ranef.datasets.load("dyestuff2")
    labels = np.unique(d["Batch"])
    apart = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))

    def fit(decay):
        relationship = {"Batch": (decay**apart, labels)}
        with pytest.warns(ranef.SingularFitWarning):
            return ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, relationship=relationship)

    assert fit(0.3) == fit(0.3)
    assert fit(0.3) != fit(0.2)
