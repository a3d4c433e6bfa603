"""Simulated residuals: uniform under the model by first principles, and p-values that are what they say."""

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError, InputTypeError
from ranef.diagnostics.simulated import SimulatedResiduals, exchangeable_p, uniform_ranks

from .test_influence import crossed, poisson


def record(Y, rng):
    """Residuals of given responses, the first of which is observed."""
    U = uniform_ranks(Y, rng)
    columns = {"row": np.arange(len(Y)), "observed": Y[:, 0], "residual": U[:, 0], "normal": U[:, 0]}
    return SimulatedResiduals(columns, responses=Y, uniform=U)


def test_ranks_are_where_an_entry_lies_in_its_row():
    Y = np.array([[0.3, 0.1, 0.9, 0.5], [7.0, 2.0, 1.0, 3.0]])
    U = uniform_ranks(Y, np.random.default_rng(0))
    np.testing.assert_array_equal(np.floor(4 * U), [[1, 0, 3, 2], [3, 1, 0, 2]])


@pytest.mark.parametrize("draw", [lambda g, s: g.normal(size=s), lambda g, s: g.poisson(0.7, s) * 1.0])
def test_residuals_are_uniform_whatever_the_distribution(draw):
    rng = np.random.default_rng(1)
    u = uniform_ranks(draw(rng, (20_000, 11)), rng)[:, 0]
    counts = np.bincount((20 * u).astype(int), minlength=20)
    # chi-squared on 19 degrees of freedom, 99.9 % quantile
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8
    assert 0.0 < u.min() < u.max() < 1.0


def test_ties_are_broken_row_by_row():
    u = uniform_ranks(np.zeros((1000, 5)), np.random.default_rng(0))[:, 0]
    assert np.abs(np.bincount((5 * u).astype(int)) - 200).max() < 50


def test_p_values_hold_where_rows_depend_on_each_other():
    # 5 groups of 20 rows, with effects as large as residuals: a table for independent rows would reject often
    rng = np.random.default_rng(3)
    p = []
    for _ in range(300):
        Y = rng.normal(size=(100, 40)) + np.repeat(rng.normal(size=(5, 40)), 20, axis=0)
        p.append(record(Y, rng).tests()["p_value"])
    below = (np.array(p) <= 0.1).mean(axis=0)
    # uniformity, dispersion, outliers (a count with ties, so that it is conservative)
    assert 0.06 < below[0] < 0.14
    assert 0.06 < below[1] < 0.14
    assert below[2] < 0.13


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        (lambda y, g: y * 1.5, "dispersion"),
        (lambda y, g: y * 0.6, "dispersion"),
        (lambda y, g: y + 0.5, "uniformity"),
        (lambda y, g: np.where(g.random(len(y)) < 0.05, 9.0, y), "outliers"),
        (lambda y, g: np.where(g.random(len(y)) < 0.2, 0.0, y), "zeros"),
    ],
)
def test_faults_are_found(fault, test):
    rng = np.random.default_rng(4)
    Y = rng.normal(size=(200, 101))
    good = record(Y, rng).tests()
    assert good["p_value"].min() > 0.05
    assert "zeros" not in good["test"]  # where there is none, and none is expected
    Y[:, 0] = fault(Y[:, 0], rng)
    table = record(Y, rng).tests()
    assert table["p_value"][table["test"].tolist().index(test)] <= 0.02


def test_statistics_are_what_they_say():
    rng = np.random.default_rng(5)
    Y = rng.poisson(0.5, (50, 30)) * 1.0
    r = record(Y, rng)
    table = r.tests()
    U = np.sort(r.uniform[:, 0])
    ks = max(np.max(np.arange(1, 51) / 50 - U), np.max(U - np.arange(50) / 50))
    z = (Y[:, 0] - Y.mean(axis=1)) ** 2 / Y.var(axis=1)
    outside = ((U < 1 / 30) | (U > 29 / 30)).sum()
    expected = [ks, z[Y.var(axis=1) > 0].mean(), outside, (Y[:, 0] == 0).sum()]
    np.testing.assert_allclose(table["observed"], expected, rtol=1e-12)
    np.testing.assert_allclose(table["expected"][3], (Y[:, 1:] == 0).sum() / 29)


def test_groups_and_variables():
    rng = np.random.default_rng(6)
    Y = rng.normal(size=(200, 101))
    labels, x = rng.integers(0, 5, 200), rng.normal(size=200)
    r = record(Y, rng)
    assert min(*r.test_groups(labels)["p_value"], *r.test_against(x)["p_value"]) > 0.02
    shifted = Y.copy()
    shifted[:, 0] += 0.8 * (labels == 2)
    assert record(shifted, rng).test_groups(labels)["p_value"][0] <= 0.02
    bent = Y.copy()
    bent[:, 0] += 0.5 * (x**2 - 1)
    assert record(bent, rng).test_against(x)["p_value"][0] <= 0.02
    wide = Y.copy()
    wide[:, 0] *= np.exp(0.6 * x)
    table = record(wide, rng).test_against(x)
    assert table["p_value"][1] <= 0.02 < table["p_value"][0]
    means = np.array([r.uniform[labels == k, 0].mean() for k in range(5)])
    expected = 12 * (np.bincount(labels) * (means - 0.5) ** 2).sum()
    np.testing.assert_allclose(r.test_groups(labels)["observed"][0], expected)


def test_p_values_of_exchangeable_values():
    values = np.array([2.0, 1.0, 2.0, 3.0, 0.0])
    assert exchangeable_p(values) == 0.6
    assert exchangeable_p(values, "two-sided") == 1.0
    assert exchangeable_p(np.array([9.0, *range(9)]), "two-sided") == 0.2
    assert np.isnan(exchangeable_p(np.array([np.nan, 1.0])))


def test_residuals_of_a_fit():
    fit = poisson()
    r = fit.simulated_residuals(99, rng=7)
    assert (r.nsim, len(r), r.names) == (99, 60, ("row", "observed", "residual", "normal"))
    np.testing.assert_array_equal(r["observed"], fit._fit.model.design.y)
    assert r.tests()["p_value"].min() > 0.05
    again = fit.simulated_residuals(99, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(r["residual"], again["residual"])
    conditional = fit.simulated_residuals(99, rng=7, random="conditional")
    # given the modes, responses vary less about their means
    assert conditional.responses[:, 1:].var(axis=1).mean() < r.responses[:, 1:].var(axis=1).mean()


def test_residuals_of_sums_by_level():
    fit = poisson()
    r = fit.simulated_residuals(50, rng=1, by="g")
    assert r.names[0] == "g"
    np.testing.assert_array_equal(r["observed"], fit._fit.model.design.y.reshape(10, 6).sum(axis=1))
    assert r.uniform.shape == (10, 51)


def test_sums_of_proportions_are_of_successes():
    d = ranef.datasets.load("cbpp")
    fit = ranef.glmm("cbind(incidence, size - incidence) ~ period + (1 | herd)", d, family="binomial")
    r = fit.simulated_residuals(20, rng=1, by="herd")
    expected = [d["incidence"][d["herd"] == h].sum() for h in r["herd"]]
    np.testing.assert_allclose(r["observed"], expected)


def test_arguments_are_checked():
    fit = crossed()
    with pytest.raises(InputError, match="pass rng"):
        fit.simulated_residuals()
    with pytest.raises(InputError, match="nsim must be an integer"):
        fit.simulated_residuals(0, rng=1)
    with pytest.raises(InputError, match="random must be 'new' or 'conditional'"):
        fit.simulated_residuals(9, rng=1, random="all")
    r = fit.simulated_residuals(9, rng=1)
    with pytest.raises(InputError, match="labels has 3 entries, there are 60 residuals"):
        r.test_groups([1, 2, 3])
    with pytest.raises(InputError, match="x has 3 entries"):
        r.test_against([1.0, 2.0, 3.0])
    with pytest.raises(InputTypeError):
        r.test_against(["a"] * 60)
    assert "p value" in str(r)
    assert "p value" in r._repr_html_()
