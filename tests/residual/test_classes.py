"""Few residual variances: sums by class give what the rows give."""

import numpy as np
import pytest

import ranef
from ranef.design.residual import ResidualRows
from ranef.estimation import residual_classes
from ranef.estimation.residual_classes import classes_of

RNG = np.random.default_rng(20)
N = 6_000
D = {
    "g": RNG.integers(0, 20, N),
    "h": RNG.integers(0, 8, N),
    "x": RNG.normal(size=N),
    "s": RNG.choice(list("abc"), N),
    "w": RNG.uniform(0.5, 2.0, N),
}
SD = np.array([1.0, 2.0, 0.3])[np.searchsorted(list("abc"), D["s"])]
D["y"] = (
    1.0 + D["x"] + RNG.normal(size=20)[D["g"]] * (1.0 + D["x"]) + RNG.normal(size=8)[D["h"]] + SD * RNG.normal(size=N)
)
FORMULAS = ("y ~ x", "y ~ x + (1 | g)", "y ~ x + (1 + x | g) + (1 | h)", "y ~ x + s + (1 + x || g)")


def criterion_of(fit):
    """At the fit's parameters for the user, and how its evaluation came about."""
    criterion = fit._fit.factorized().criterion
    return criterion, fit._fit.theta / criterion.unit


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("formula", FORMULAS)
def test_sums_by_class_are_those_of_the_rows(formula, reml, weights, monkeypatch):
    model = {"dispersion": "~ s", "reml": reml, "weights": weights}
    fit = ranef.lmm(formula, D, **model)
    by_class, x = criterion_of(fit)
    monkeypatch.setattr(residual_classes, "MOST", 0)
    other = ranef.lmm(formula, D, **model)
    by_row, _ = criterion_of(other)
    assert by_class.classes is not None
    assert by_row.classes is None
    moved = x + 0.1
    one, two = by_class.at(moved), by_row.at(moved)
    assert one.made_of is None
    assert two.made_of is not None
    assert one.value == pytest.approx(two.value, rel=1e-12)
    np.testing.assert_allclose(one.gradient, two.gradient, rtol=1e-9, atol=1e-9 * np.abs(two.gradient).max())
    np.testing.assert_allclose(one.pwrss_gradient, two.pwrss_gradient, rtol=1e-9, atol=1e-7)
    assert fit.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-8)
    assert fit.n_evaluations == other.n_evaluations
    np.testing.assert_allclose(fit.se, other.se, rtol=1e-7)
    rows = np.eye(len(fit.se))
    np.testing.assert_allclose(*(f.contrast(rows).to_dict()["df"] for f in (fit, other)), rtol=1e-6)


def test_standard_deviations_are_those_of_each_class():
    """Without random effects and X alike in each class: a regression of its own for each, by maximum likelihood."""
    fit = ranef.lmm("y ~ s * x", D, dispersion="~ 0 + s", reml=False)
    own = []
    for s in "abc":
        at = D["s"] == s
        X = np.column_stack([np.ones(at.sum()), D["x"][at]])
        own.append(np.sqrt(np.mean((D["y"][at] - X @ np.linalg.lstsq(X, D["y"][at], rcond=None)[0]) ** 2)))
    shown = fit.sigma * np.exp(fit._fit.whitening.root.logdet) / fit._fit.whitening.precision_root
    np.testing.assert_allclose([shown[D["s"] == s][0] for s in "abc"], own, rtol=1e-6)


def test_variances_that_are_far_apart_are_found_by_the_rows():
    """A class of rows with 1e-7 of the others' standard deviation: sums would have few digits of its residuals."""
    d = {**D, "s": np.where(D["s"] == "a", "a", "b")}
    d["y"] = 1.0 + d["x"] + np.where(d["s"] == "a", 1e-7, 1.0) * RNG.normal(size=N)
    fit = ranef.lmm("y ~ x", d, dispersion="~ 0 + s", reml=False)
    at = d["s"] == "a"
    X = np.column_stack([np.ones(N), d["x"]])
    least = d["y"] - X @ np.linalg.lstsq(X[at], d["y"][at], rcond=None)[0]
    sd = fit.sigma / fit._fit.whitening.precision_root
    assert sd[at][0] == pytest.approx(np.sqrt(np.mean(least[at] ** 2)), rel=1e-6)
    assert sd[~at][0] == pytest.approx(np.sqrt(np.mean(least[~at] ** 2)), rel=1e-6)


@pytest.mark.parametrize(
    ("basis", "most", "codes"),
    [
        ([[1.0, 2.0, 1.0, 3.0]], 3, [0, 1, 0, 2]),
        ([[1.0, 2.0, 1.0, 3.0]], 2, None),
        ([[1.0, 1.0 + 1e-15, 1.0, 1.1]], 2, [0, 0, 0, 1]),
        ([[1.0, 1.0, 2.0, 2.0], [1.0, 2.0, 1.0, 2.0]], 9, [0, 1, 2, 3]),
    ],
)
def test_classes_are_rows_alike(basis, most, codes):
    rows = ResidualRows(None, np.zeros(4, int), np.zeros(4), np.array(basis))
    found = classes_of(rows, most)
    assert (None if found is None else found.tolist()) == codes


@pytest.mark.parametrize("dispersion", ["~ x", "~ s"])
def test_a_few_rows_have_no_classes(dispersion):
    few = {name: column[:120] for name, column in D.items()}
    model = ranef.lmm("y ~ 1", few, dispersion=dispersion)._fit.factorized().criterion
    assert (model.classes is None) == (dispersion == "~ x")
    assert ranef.lmm("y ~ 1 + (1 | g)", few, dispersion=dispersion)._fit.factorized().criterion.classes is None
