"""What solutions say of models with a residual structure."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

import ranef
from ranef.contracts import ComparisonError, InputError, InputTypeError

from .models import covariance_of_residuals, data, profiled
from .test_reference import frame

ARMS = {"residual": "ar1(time | subject)", "dispersion": "~ 0 + arm"}


@pytest.fixture(scope="module")
def mixed():
    return ranef.lmm("y ~ arm + time + (1 | site)", frame(), **ARMS)


@pytest.fixture(scope="module")
def unstructured():
    return ranef.lmm("y ~ arm + time", frame(), residual="us(visit | subject)")


def dense_v(d, parameters):
    """sigma^2 R of visits, from 5 log standard deviations and the rows of a Cholesky factor below the diagonal."""
    sd, L = np.exp(parameters[:5]), np.eye(5)
    L[np.tril_indices(5, -1)] = parameters[5:]
    L = sd[:, None] * L / np.linalg.norm(L, axis=1)[:, None]
    S = L @ L.T
    return np.where(d.subject[:, None] == d.subject, S[np.ix_(d.time, d.time)], 0.0)


def minus_two(V, X, y):
    """The REML criterion of y ~ N(X beta, V)."""
    inverse = np.linalg.inv(V)
    gram = X.T @ inverse @ X
    e = y - X @ np.linalg.solve(gram, X.T @ inverse @ y)
    value = np.linalg.slogdet(V)[1] + np.linalg.slogdet(gram)[1] + e @ inverse @ e
    return value + (len(y) - X.shape[1]) * np.log(2.0 * np.pi)


def second_differences(f, at, steps):
    """By steps of 1e-3."""
    return (
        np.array([[f(at + a + b) - f(at + a - b) - f(at - a + b) + f(at - a - b) for b in steps] for a in steps]) / 4e-6
    )


def test_mmrm_by_brute_force(unstructured):
    """The REML estimate of a whole matrix V by another optimizer, and Satterthwaite's df by differences there."""
    d = data()
    found = minimize(lambda p: minus_two(dense_v(d, p), d.X, d.y), np.zeros(15), method="BFGS", options={"gtol": 1e-6})
    assert unstructured.reml_criterion == pytest.approx(found.fun, abs=1e-5)
    V = dense_v(d, found.x)
    C = np.linalg.inv(d.X.T @ np.linalg.inv(V) @ d.X)
    assert unstructured.vcov == pytest.approx(C, rel=2e-3)
    shown = unstructured.residual_parameters
    assert [shown[f"sd_{v}"] for v in range(5)] == pytest.approx(np.exp(found.x[:5]), rel=1e-3)

    steps = 1e-3 * np.eye(15)

    def f(p):
        return minus_two(dense_v(d, p), d.X, d.y)

    H = np.array(
        [
            [f(found.x + a + b) - f(found.x + a - b) - f(found.x - a + b) + f(found.x - a - b) for b in steps]
            for a in steps
        ]
    )
    A = 2.0 * np.linalg.inv(H / 4e-6)

    def variances(p):
        return np.diagonal(np.linalg.inv(d.X.T @ np.linalg.inv(dense_v(d, p)) @ d.X))

    g = np.array([(variances(found.x + s) - variances(found.x - s)) / 2e-3 for s in steps])
    df = 2.0 * np.diagonal(C) ** 2 / np.einsum("mc,mn,nc->c", g, A, g)
    assert unstructured.df_satterthwaite == pytest.approx(df, rel=5e-3)


def test_satterthwaite_by_differences(mixed):
    """Of a model with random effects: second derivatives of the dense criterion by all variance parameters."""
    d, fit = data(), mixed._fit
    design = fit.model.design

    def V(p):  # the variance of sites, R's parameters, log sigma
        R = covariance_of_residuals(d, design, p[1:-1])
        return np.exp(2.0 * p[-1]) * (R + np.exp(2.0 * p[0]) * (d.site[:, None] == d.site))

    at = np.array([np.log(fit.relative_factors[0][0, 0]), *fit.theta[1:], np.log(fit.sigma)])
    steps = 1e-3 * np.eye(len(at))

    def f(p):
        return minus_two(V(p), d.X, d.y)

    assert mixed.reml_criterion == pytest.approx(f(at), abs=1e-8)
    H = second_differences(f, at, steps)

    def variances(p):
        return np.diagonal(np.linalg.inv(d.X.T @ np.linalg.inv(V(p)) @ d.X))

    g = np.array([(variances(at + s) - variances(at - s)) / 2e-3 for s in steps])
    df = 2.0 * variances(at) ** 2 / np.einsum("mc,mn,nc->c", g, 2.0 * np.linalg.inv(H), g)
    assert mixed.df_satterthwaite == pytest.approx(df, rel=1e-4)
    se = np.sqrt(np.diagonal(2.0 * np.linalg.inv(H)))
    wald = mixed.confint("random")
    upper = dict(zip(wald["parameter"], np.asarray(wald["upper"], dtype=float), strict=True))
    assert np.arctanh(upper["Phi|subject"]) == pytest.approx(at[1] + 1.959964 * se[1], abs=1e-4)
    assert np.log(upper["sigma"]) == pytest.approx(at[-1] + 1.959964 * se[-1], abs=1e-4)


def test_simulated_residuals_have_the_covariance_of_the_model(mixed):
    fit, d = mixed._fit, data()
    draws = mixed.simulate(20_000, 5, random="conditional") - mixed.fitted_values[:, None]
    R = fit.sigma**2 * covariance_of_residuals(d, fit.model.design, fit.theta[1:])
    assert np.cov(draws) == pytest.approx(R, abs=0.15)


def test_normalized_residuals_are_whitened(mixed):
    d, fit = data(), mixed._fit
    R = fit.sigma**2 * covariance_of_residuals(d, fit.model.design, fit.theta[1:])
    e = mixed.residuals_of("normalized")
    assert e @ e == pytest.approx(mixed.residuals @ np.linalg.inv(R) @ mixed.residuals)
    assert mixed.scaled_residuals == pytest.approx(mixed.residuals / np.sqrt(np.diagonal(R)))
    V = R + fit.covariances[0][0, 0] * (d.site[:, None] == d.site)
    about = d.y - d.X @ mixed.coefficients
    pearson = mixed.residuals_of("pearson", about="marginal")
    assert pearson * np.sqrt(np.diagonal(V)) / fit.sigma == pytest.approx(about)


def test_files_and_pickles(mixed, tmp_path):
    mixed.save(tmp_path / "fit", rows=True)
    for copy in (ranef.load(tmp_path / "fit"), pickle.loads(pickle.dumps(mixed))):
        assert str(copy.summary()) == str(mixed.summary())
        assert np.array_equal(copy.simulate(2, 1), mixed.simulate(2, 1))
        assert copy.update(reml=False).log_likelihood == mixed.update(reml=False).log_likelihood
    with pytest.raises(InputError, match="rows=True"):
        mixed.save(tmp_path / "other")


def test_summary(mixed, unstructured):
    text = str(mixed.summary())
    assert "Correlation Structure: AR(1)\n Formula: ~ time | subject\n Parameter estimate(s):\n   Phi" in text
    assert "Variance function:\n Structure: standard deviations of strata\n Formula: ~ 0 + arm" in text
    assert "Number of obs: 99\n" in str(unstructured.summary())
    assert "Correlation Structure: unstructured" in unstructured._repr_html_()


def test_arrays_are_the_same_model(mixed):
    d = data()
    fit = ranef.lmm(
        d.y,
        d.X,
        {"site": d.site},
        residual={"correlation": "ar1", "time": d.time, "group": d.subject},
        dispersion=np.column_stack([d.arm == 0, d.arm == 1]).astype(float),
    )
    assert fit.log_likelihood == pytest.approx(mixed.log_likelihood, abs=1e-9)
    alone = ranef.lmm(d.y, d.X, {}, residual={"correlation": "cs", "group": d.subject})
    beside = ranef.lmm("y ~ arm + time + (1 | subject)", frame())  # the same where the correlation is positive
    assert alone.log_likelihood == pytest.approx(beside.log_likelihood, abs=1e-7)
    assert alone.df_satterthwaite == pytest.approx(beside.df_satterthwaite, rel=1e-3)


def test_weights_are_precisions(mixed):
    """Weights that are the inverse squares of strata's standard deviations are what the dispersion finds."""
    shown = mixed.residual_parameters
    sd = np.where(data().arm, shown["sd_arm[1]"], shown["sd_arm[0]"])
    fit = ranef.lmm("y ~ arm + time + (1 | site)", frame(), residual=ARMS["residual"], weights=sd**-2.0)
    assert fit.sigma == pytest.approx(1.0, abs=1e-3)
    assert fit.log_likelihood == pytest.approx(mixed.log_likelihood, abs=1e-6)


def test_comparisons(mixed):
    plain = ranef.lmm("y ~ arm + time + (1 | site)", frame())
    test = plain.compare(mixed)
    assert test.df == 2
    assert test.statistic == pytest.approx(2.0 * (mixed.log_likelihood - plain.log_likelihood))
    other = ranef.lmm("y ~ arm + time + (1 | site)", frame(), residual="cs(1 | subject)")
    with pytest.raises(ComparisonError, match="residual structure"):
        other.compare(mixed)
    wide = ranef.lmm("y ~ arm + time", frame(), residual="us(visit | subject)")
    narrow = ranef.lmm("y ~ arm + time", frame(), residual="toep(time | subject)", dispersion="~ visit")
    assert narrow.compare(wide).df == 6


def test_order_of_rows_and_units_do_not_matter(mixed):
    d, order = frame(), np.random.default_rng(1).permutation(99)
    turned = {name: column[order] for name, column in d.items()} | {"y": 1000.0 * d["y"][order] + 5.0}
    fit = ranef.lmm("y ~ arm + time + (1 | site)", turned, **ARMS)
    assert fit.sigma == pytest.approx(1000.0 * mixed.sigma, rel=1e-5)
    assert fit.residual_parameters["Phi|subject"] == pytest.approx(mixed.residual_parameters["Phi|subject"], abs=1e-5)


def test_update_keeps_the_residual_structure(mixed):
    assert "ar1" in mixed.terms.residual
    again = mixed.update(formula=". ~ . - time", data=frame())
    assert again.residual_parameters.keys() == mixed.residual_parameters.keys()
    assert not mixed.update(data=frame(), residual=None, dispersion=None).residual_parameters


def test_missing_times_leave_rows_out():
    d = frame() | {"time": np.where(np.arange(99) == 7, np.nan, frame()["time"])}
    assert ranef.lmm("y ~ arm + (1 | site)", d, residual="car1(time | subject)").n_obs == 98


def test_a_car1_of_whole_times_is_an_ar1():
    one, other = (ranef.lmm("y ~ arm + time", frame(), residual=f"{kind}(time | subject)") for kind in ("ar1", "car1"))
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-7)


WITHOUT = "y ~ arm + time"
BY_SITE = "y ~ arm + time + (1 | site)"
BY_SUBJECT = "y ~ arm + time + (1 | subject)"


@pytest.mark.parametrize(
    ("formula", "residual", "dispersion", "changes", "said"),
    [
        (WITHOUT, "ar1(time | site)", None, {}, "twice within a level of site"),
        (WITHOUT, "us(visit | site)", None, {}, "twice within a level of site"),
        (WITHOUT, "ar1(I(time / 2) | subject)", None, {}, "whole-numbered"),
        (WITHOUT, "ar1(I(2 * time) | subject)", None, {}, "sign of the AR"),
        (WITHOUT, "ar2(time | subject)", None, {}, "one of ar1"),
        (WITHOUT, "time", None, {}, "one correlation"),
        (WITHOUT, "us(visit | row)", None, {"row": np.arange(99)}, "one row"),
        (BY_SUBJECT, "cs(1 | subject)", None, {}, "not told apart"),
        (BY_SUBJECT, "us(visit | subject)", None, {}, "not told apart"),
        (BY_SUBJECT, "toep(time | subject)", None, {}, "not told apart"),
        (BY_SUBJECT, "ar1(time | site:arm)", None, {}, "twice|several levels"),
        ("y ~ arm + (1 | visit)", "car1(time | subject)", None, {}, "several levels of visit"),
        (WITHOUT, "toep(I(3 * time) | subject)", None, {}, "apart"),
        (BY_SITE, None, "~ 0 + time", {}, "no constant"),
        (BY_SITE, None, "~ time + I(2 * time)", {}, "depend on each other"),
        (BY_SITE, None, "~ (1 | arm)", {}, "no bars"),
        (WITHOUT, None, None, {}, "needs a random term"),
    ],
)
def test_refusals(formula, residual, dispersion, changes, said):
    with pytest.raises(InputError, match=said):
        ranef.lmm(formula, frame() | changes, residual=residual, dispersion=dispersion)


def test_what_is_not_there_is_refused_by_name(mixed):
    with pytest.raises(InputTypeError, match="residual"):
        ranef.glmm("y ~ arm + (1 | site)", frame(), residual="ar1(time | subject)")
    with pytest.raises(InputTypeError, match="is a text beside a formula"):
        ranef.lmm(BY_SITE, frame(), dispersion=np.ones((99, 1)))
    calls = {
        "icc": lambda: mixed.icc,
        "exact_lrt": lambda: mixed.exact_lrt(10, 1),
    }
    for name, call in calls.items():
        with pytest.raises(InputError, match=name):
            call()


def test_prediction_intervals_of_the_rows_have_their_variances():
    fit = ranef.lmm("y ~ arm + time + (1 | site)", frame(), **ARMS, compute_satterthwaite=False)
    wide, shown = fit.predict(interval="prediction", theta_uncertainty=False), fit.residual_parameters
    variance = np.where(data().arm, shown["sd_arm[1]"], shown["sd_arm[0]"]) ** 2
    half = stats.t.ppf(0.975, 96) * np.sqrt(np.asarray(wide["se"]) ** 2 + variance)
    assert np.asarray(wide["upper"]) - np.asarray(wide["fit"]) == pytest.approx(half)


def test_profiled_is_what_the_full_criterion_is_at_its_best_sigma():
    """The two dense criteria of these tests agree."""
    d = data()
    V = np.eye(d.n) + (d.subject[:, None] == d.subject)
    best = minimize(lambda s: minus_two(np.exp(s[0]) * V, d.X, d.y), [0.0], method="BFGS")
    assert best.fun == pytest.approx(profiled(V, d.X, d.y, reml=True), abs=1e-6)


@pytest.mark.parametrize(
    ("formula", "residual", "dispersion", "call"),
    [
        (BY_SITE, "ar1(time | subject)", "~ 0 + arm", "corAR1(0.5, form = ~ t1 | g1/g2)"),
        (WITHOUT, "us(visit | subject)", None, "varIdent(form = ~ 1 | s1)"),
        (WITHOUT, "cs(1 | subject)", "~ time", "varExp(form = ~ v1)"),
        (BY_SUBJECT, "car1(time | subject)", None, "corCAR1(0.5, form = ~ t1 | g1)"),
    ],
)
def test_r_code_is_nlmes(formula, residual, dispersion, call):
    text = str(ranef.lmm(formula, frame(), residual=residual, dispersion=dispersion).r_code())
    assert call in text
    assert ("lme(\n" if "|" in formula else "gls(\n") in text
    out = os.environ.get("RANEF_R_SCRIPTS")  # to run them
    if out:
        Path(out, f"{residual[:3]}.R").write_text(text)


def test_r_code_says_what_nlme_has_not():
    with pytest.raises(InputError, match="Toeplitz"):
        ranef.lmm(WITHOUT, frame(), residual="toep(time | subject)").r_code()


def test_what_two_visits_do_not_determine_is_nan():
    """A variance, a random intercept and an AR(1) for two variances and a covariance of two visits."""
    rng, s = np.random.default_rng(0), np.repeat(np.arange(40), 2)
    t = np.tile([0, 1], 40)
    d = {"y": rng.normal(size=80) + rng.normal(size=40)[s], "s": s, "t": t}
    with pytest.warns(ranef.contracts.IdentificationWarning, match="residual correlation Phi"):
        fit = ranef.lmm("y ~ t + (1 | s)", d, residual="ar1(t | s)")
    assert fit.converged
    assert np.isnan(fit.residual_parameters["Phi|s"])
    plain = ranef.lmm("y ~ t + (1 | s)", d)
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)
    assert fit.df_satterthwaite == pytest.approx(plain.df_satterthwaite, rel=1e-3)


def test_a_car1_without_correlation_is_at_its_boundary():
    rng, s = np.random.default_rng(0), np.repeat(np.arange(40), 5)
    t, y = np.tile(np.arange(5), 40), rng.normal(size=200)
    y = y - 0.3 * np.roll(y, 1)  # a negative correlation of neighbours
    fit = ranef.lmm("y ~ t", {"y": y, "s": s, "t": t}, residual="car1(t | s)")
    assert fit.converged
    assert fit.residual_parameters["Phi|s"] == pytest.approx(0.0, abs=1e-4)
    assert fit.df_satterthwaite == pytest.approx(198.0)
    assert np.isnan(np.asarray(fit.confint("random")["lower"], dtype=float)[0])
