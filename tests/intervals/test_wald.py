"""Wald intervals: by glmmTMB, by the Hessian of the density, and NaN with a reason where there is no standard error."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

import ranef
from tests.reference.load import load

from .models import BY_R, fitted, limits, sleepstudy, slopes


@pytest.mark.parametrize("name", BY_R["wald"])
def test_glmmtmb(name):
    found = limits(fitted(name).confint("random"))
    checked = 0
    for parameter, pair in BY_R["wald"][name].items():
        ours = parameter.replace("cond.Std.Dev.", "sd_")
        if name == "glmm_negbin" and ours == "sigma":
            ours = "theta"
        if ours in found:
            np.testing.assert_allclose(found[ours], pair, rtol=1e-5)
            checked += 1
    assert checked == len([q for q in found if not q.startswith("cor")])


@pytest.mark.parametrize("name", ["lmm_sleepstudy_slope_ml", "lmm_sleepstudy_slope_reml", "glmm_cbpp_laplace"])
def test_fixed_effects_have_the_solutions_limits(name):
    fit = fitted(name)
    table = fit.confint("fixed")
    np.testing.assert_array_equal(np.column_stack([table["lower"], table["upper"]]), fit.conf_int)
    # z of generalized models
    if name.startswith("glmm"):
        block = load(name).expected["confint_wald"]
        for parameter, pair in zip(block["rows"], block["matrix"], strict=True):
            if pair[0] is not None:
                np.testing.assert_allclose(limits(table)[parameter], pair, rtol=1e-5)


@pytest.mark.parametrize("reml", [False, True])
def test_variance_parameters_by_the_hessian_of_the_density(reml):
    """In (log sd, Fisher's z, log sigma), by differences of the (restricted) normal density."""
    y, X, groups, columns = slopes(3, [[1, 0], [0.3, 0.5]])
    fit = ranef.lmm(y, X, groups, random_effects={"g": "1 + x1"}, random_data=columns, reml=reml)
    Z, same = np.column_stack([np.ones(72), columns["x1"]]), groups["g"][:, None] == groups["g"]

    def deviance(p):
        sd, rho = np.exp(p[[0, 2]]), np.tanh(p[1])
        S = np.outer(sd, sd) * np.array([[1.0, rho], [rho, 1.0]])
        V = same * (Z @ S @ Z.T) + np.exp(2.0 * p[3]) * np.eye(72)
        W = X.T @ np.linalg.solve(V, X)
        beta = np.linalg.solve(W, X.T @ np.linalg.solve(V, y))
        return -2.0 * multivariate_normal(X @ beta, V).logpdf(y) + (np.linalg.slogdet(W)[1] if reml else 0.0)

    values = fit.confint("random")["estimate"]
    at = np.array([np.log(values[0]), np.arctanh(values[1]), np.log(values[2]), np.log(values[3])])
    h, H = 2e-3, np.empty((4, 4))
    for i, e in enumerate(h * np.eye(4)):
        for j, f in enumerate(h * np.eye(4)):
            H[i, j] = (deviance(at + e + f) - deviance(at + e - f) - deviance(at - e + f) + deviance(at - e - f)) / (
                4 * h**2
            )
    half = norm.ppf(0.95) * np.sqrt(np.diagonal(2.0 * np.linalg.inv(H)))
    expected = np.column_stack([at - half, at + half])
    expected = np.where([[False], [True], [False], [False]], np.tanh(expected), np.exp(expected))
    table = fit.confint("random", level=0.9)
    np.testing.assert_allclose(np.column_stack([table["lower"], table["upper"]]), expected, rtol=1e-4)


def test_crossed_factors_have_the_exact_hessian():
    fit = fitted("lmm_penicillin_ml")
    expected = [BY_R["wald"]["lmm_penicillin_ml"][name] for name in ("cond.Std.Dev.(Intercept)|plate", "sigma")]
    found = limits(fit.confint())
    np.testing.assert_allclose([found["sd_(Intercept)|plate"], found["sigma"]], expected, rtol=1e-5)


def test_at_the_boundary():
    table = fitted("lmm_dyestuff2_ml").confint()
    assert np.isnan(limits(table)["sd_(Intercept)|Batch"]).all()
    assert table["estimate"][0] == 0.0
    assert "boundary" in table.reasons["sd_(Intercept)|Batch"]
    assert np.isfinite(limits(table)["sigma"]).all()
    y, X, groups, columns = slopes(3, [[1, 0], [0.8, 0]])
    table = ranef.lmm(y, X, groups, random_effects={"g": "1 + x1"}, random_data=columns, reml=False).confint()
    assert list(table.reasons) == ["cor_x1.(Intercept)|g"]


def test_a_structures_standard_deviation_at_zero():
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(10), 6)
    y = rng.standard_normal(60)
    y = y - np.array([y[g == i].mean() for i in range(10)])[g]
    fit = ranef.lmm(y, np.ones((60, 1)), {"g": g}, covariance={"g": "homdiag"}, reml=False)
    table = fit.confint("random")
    assert "boundary" in table.reasons["sd_(Intercept)|g"]
    assert np.isfinite(limits(table)["sigma"]).all()


def test_what_the_data_do_not_determine():
    rng = np.random.default_rng(0)
    g, h, x = np.repeat(np.arange(4), 9), rng.integers(0, 6, 36), rng.standard_normal(36)
    X = np.column_stack([*((g == i) * 1.0 for i in range(4)), x])
    y = rng.standard_normal(36) + rng.standard_normal(6)[h]
    with pytest.warns(ranef.IdentificationWarning):
        fit = ranef.lmm(y, X, {"g": g, "h": h})
    without = ranef.lmm(y, X, {"h": h})
    table, smaller = fit.confint(), limits(without.confint())
    assert np.isnan(limits(table)["sd_(Intercept)|g"]).all()
    assert np.isnan(table["estimate"][table["parameter"] == "sd_(Intercept)|g"]).all()
    assert "do not determine" in table.reasons["sd_(Intercept)|g"]
    for parameter in ("sd_(Intercept)|h", "sigma", "x4"):
        np.testing.assert_allclose(limits(table)[parameter], smaller[parameter], rtol=1e-4)
    # Satterthwaite's df were those of another direction left out
    np.testing.assert_allclose(fit.df_satterthwaite[4], without.df_satterthwaite[4], rtol=1e-5)


def test_nagq_0_has_no_standard_errors_of_variance_parameters():
    table = fitted("glmm_cbpp_nagq0").confint()
    assert list(table.reasons) == ["sd_(Intercept)|herd"]


def test_the_table():
    fit = sleepstudy()
    table = fit.confint(["sigma", "Days"], level=0.9)
    assert table.names == ("parameter", "estimate", "lower", "upper")
    assert (table.method, table.level, dict(table.reasons)) == ("wald", 0.9, {})
    assert str(table).splitlines()[0] == "90% Wald intervals"
    assert "5 %" in str(table)
    assert table["estimate"].tolist() == pytest.approx([fit.sigma, fit.fixef["Days"]])
    assert len(fit.confint("all")) == len(fit.confint("fixed")) + len(fit.confint("random"))
