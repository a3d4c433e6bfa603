"""Marginal means of responses whose mean depends on dispersion parameters, such as the probability of extra zeros."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError

NEW = {"mined": ["no", "yes"]}


@cache
def fitted(family, **options):
    return ranef.glmm("count ~ mined + (1 | site)", ranef.datasets.load("salamanders"), family=family, **options)


def assert_cells_are_predictions(fit, tmp_path):
    """Of a fit, and of the same one from a file."""
    expected = fit.predict(NEW, random="none", interval="confidence")
    fit.save(tmp_path / "fit")
    for one in (fit, ranef.load(tmp_path / "fit")):
        table = one.emmeans("mined", type="response")
        for own, other in zip(("estimate", "se", "lower", "upper"), ("fit", "se", "lower", "upper"), strict=True):
            assert table[own] == pytest.approx(np.asarray(expected[other]), rel=1e-7)


@pytest.mark.parametrize("family", ["zero_inflated_poisson", "hurdle_poisson", "truncated_poisson", "nbinom2"])
def test_means_of_cells_are_predictions(family, tmp_path):
    """With the standard errors and limits of `predict`, in which all parameters are estimated."""
    d = ranef.datasets.load("salamanders")
    d = {name: column[d["count"] > 0] for name, column in d.items()} if family.startswith("trunc") else d
    fit = ranef.glmm("count ~ mined + (1 | site)", d, family=family)
    assert_cells_are_predictions(fit, tmp_path)


def test_their_errors_are_by_the_delta_method():
    """(1 - p) exp(eta), with derivatives written out and the joint covariance of beta and logit p."""
    fit = fitted("zero_inflated_poisson", zi="~ 1")
    table = fit.emmeans("mined", type="response")
    V = 2.0 * np.linalg.inv(fit._fit.factorized().hessian)
    Q = fit._fit.labels.fixed.in_basis(np.array([[1.0, 0.0], [1.0, 1.0]]))
    p = fit.predict(NEW, random="none", type="zprob")[0]
    mean = (1.0 - p) * np.exp(Q @ fit._fit.gamma)
    D = np.zeros((2, len(V)))
    D[:, :2], D[:, -1] = mean[:, None] * Q, -p * mean
    assert table["estimate"] == pytest.approx(mean, rel=1e-8)
    assert table["se"] == pytest.approx(np.sqrt(np.diagonal(D @ V @ D.T)), rel=1e-5)


def test_cells_of_a_model_of_zeros_are_predictions(tmp_path):
    assert_cells_are_predictions(fitted("zero_inflated_poisson", zi="~ mined"), tmp_path)


def test_models_of_zeros_are_averaged_over_means_of_cells():
    """Of coefficients and covariance of glmmTMB 1.1.5 (count ~ mined * spp, ziformula = ~ spp), averaged in R."""
    data = ranef.datasets.load("salamanders")
    fit = ranef.glmm("count ~ mined * species + (1 | site)", data, family="zero_inflated_poisson", zi="~ species")
    table = fit.emmeans("mined", type="response")
    assert table["estimate"] == pytest.approx([2.144253817, 0.238167947], rel=2e-5)
    assert table["se"] == pytest.approx([0.3420967203, 0.0514129251], rel=2e-4)
    difference = table.pairs()
    assert difference["contrast"].tolist() == ["no - yes"]
    assert difference["estimate"][0] == pytest.approx(1.906085869, rel=2e-5)
    assert difference["se"][0] == pytest.approx(0.346120139, rel=2e-4)
    half = 1.959963984540054 * difference["se"][0]
    assert difference["upper"][0] == pytest.approx(difference["estimate"][0] + half, rel=1e-7)
    assert "Means of the response, of every cell of the grid: averages and differences are of these" in table.notes
    with pytest.raises(InputError, match="joint tests are of linear predictors"):
        difference.joint_tests()


def test_variables_of_parameters_alone_are_in_no_grid():
    fit = fitted("zero_inflated_poisson", zi="~ species")
    with pytest.raises(InputError, match=r"depend on zi, and that on species, which the fixed part does not have"):
        fit.emmeans("mined", type="response")


def test_empty_cells_of_a_model_of_zeros_are_nan():
    data = ranef.datasets.load("salamanders")
    kept = (np.asarray(data["mined"]) != "no") | (np.asarray(data["species"]) != "GP")
    data = {name: np.asarray(column)[kept] for name, column in data.items()}
    formula = "count ~ mined * species + (1 | site)"
    with pytest.warns(ranef.RankDeficiencyWarning):
        fit = ranef.glmm(formula, data, family="zero_inflated_poisson", zi="~ mined")
    cells = fit.emmeans(["mined", "species"], type="response")
    empty = (cells["mined"] == "no") & (cells["species"] == "GP")
    np.testing.assert_array_equal(np.isnan(cells["estimate"]), empty)
    np.testing.assert_array_equal(np.isnan(cells["se"]), empty)
    assert np.isnan(fit.emmeans("mined", type="response").pairs()["estimate"]).all()


def test_a_model_of_zeros_has_means_of_the_linear_predictor():
    """emmeans 1.8.4 of glmmTMB 1.1.5: emmeans(b, "mined"), and the ratio of pairs."""
    fit = fitted("zero_inflated_poisson", zi="~ mined")
    table = fit.emmeans("mined")
    assert table["estimate"] == pytest.approx([1.2298197, 0.0878965], abs=2e-5)
    assert table["se"] == pytest.approx([0.09089939, 0.23287966], rel=1e-3)
    ratio = table.contrast("pairwise", type="response")
    assert 1.0 / ratio["estimate"][0] == pytest.approx(0.3192045, rel=1e-4)


def test_a_dispersion_that_the_mean_does_not_know_is_no_hindrance():
    fit = fitted("nbinom2", dispersion="~ mined")
    table = fit.emmeans("mined", type="response")
    expected = fit.predict(NEW, random="none", se=True)
    assert table["estimate"] == pytest.approx(np.asarray(expected["fit"]))
    assert table["se"] == pytest.approx(np.asarray(expected["se"]), rel=1e-6)


def test_ratios_say_which_means_they_are_of():
    # emmeans 1.8.4, glmmTMB 1.1.5: pairs(emmeans(glmmTMB(count ~ mined + (1 | site), Salamanders, truncated_nbinom2,
    # ziformula = ~ 1), "mined", type = "response")): ratio 0.323030192, SE 0.075238179, of yes / no
    data = ranef.datasets.load("salamanders")
    hurdle = ranef.glmm("count ~ mined + (1 | site)", data, family="hurdle_negative_binomial")
    means = hurdle.emmeans("mined", type="response")
    ratio = means.contrast("revpairwise")
    assert ratio["contrast"].tolist() == ["yes / no"]
    assert ratio["estimate"][0] == pytest.approx(0.323030192, rel=2e-5)
    assert ratio["se"][0] == pytest.approx(0.075238179, rel=2e-4)
    assert abs(ratio["estimate"][0] - means["estimate"][1] / means["estimate"][0]) > 0.01
    assert any("before extra zeros and truncation" in note for note in ratio.notes)
    plain = ranef.glmm("count ~ mined + (1 | site)", data, family="poisson").emmeans("mined", type="response").pairs()
    assert not any("truncation" in note for note in plain.notes)
