"""Predictions for rows of the data and new ones, their standard errors and intervals."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import ranef
from ranef.families import TruncatedPoisson
from tests.glmm import models as generalized
from tests.lmm import models as linear
from tests.reference import load

GLMMTMB = json.loads((Path(__file__).parent / "glmmtmb_reference.json").read_text())

# Figures of other programs --------------------------------------------------------------------------------------------


def as_newdata(rows: load.Rows) -> dict[str, Any]:
    return {"X": rows.X, "groups": rows.groups, "random_data": rows.random_data, "offset": rows.offset}


@pytest.mark.parametrize("name", [name for name in load.names("lmm_") if "rankdef" not in name])
def test_linear_predictions_are_lme4s(name: str) -> None:
    """lme4 1.1.31, predict of new rows, one of them of a new level (tests/reference)."""
    record, new = load.expected(name), as_newdata(load.new_rows(name))
    fit = linear.fitted(name).solution
    with_re = fit.predict(new, new_levels="population")
    np.testing.assert_allclose(with_re, record["predict"]["with_re"], rtol=1e-5)
    fixed = {"X": new["X"], "offset": new["offset"]}
    np.testing.assert_allclose(fit.predict(fixed, random="none"), record["predict"]["without_re"], rtol=1e-6)


def test_new_rows_off_the_columns_span_have_no_prediction() -> None:
    """DaysLin = 3 + 2 Days in the data, 3.3 + 2 Days in the new rows: lme4 drops the column and does not look."""
    new = as_newdata(load.new_rows("lmm_sleepstudy_rankdef_reml"))
    fit = linear.fitted("lmm_sleepstudy_rankdef_reml").solution
    with pytest.warns(ranef.IdentificationWarning, match="5 rows"):
        assert np.isnan(fit.predict(new, new_levels="population")).all()
    new["X"][:, 2] -= 0.3
    found = fit.predict(new, new_levels="population")
    np.testing.assert_allclose(found, load.expected("lmm_sleepstudy_rankdef_reml")["predict"]["with_re"], rtol=1e-5)


@pytest.mark.parametrize("name", [n for n in load.names("glmm_") if load.expected(n)["primary"].startswith("lme4")])
def test_generalized_predictions_are_lme4s(name: str) -> None:
    """The same for lme4's glmer, on both scales."""
    record, new = load.expected(name)["predict"], as_newdata(load.new_rows(name))
    fit = generalized.fitted_as_lme4(name).solution
    for random, key in (("all", "with_re"), ("none", "without_re")):
        for scale, end in (("link", ""), ("response", "_response")):
            found = fit.predict(new, random=random, new_levels="population", scale=scale)
            np.testing.assert_allclose(found, record[key + end], rtol=2e-4, atol=2e-4)


@cache
def like_glmmtmb(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "sleepstudy":
            return linear.fitted("lmm_sleepstudy_slope_ml").solution
        if name == "sleepstudy_reml":
            return linear.fitted("lmm_sleepstudy_slope_reml").solution
        if name == "cbpp":
            return generalized.fitted("glmm_cbpp_laplace").solution
        d = load.read_csv("data/grouseticks.csv", ["YEAR", "BROOD", "LOCATION", "INDEX"])
        years = [d["YEAR"] == year for year in ("96", "97")]
        X = np.column_stack([np.ones(len(d["YEAR"])), *years, np.asarray(d["cHEIGHT"], float)])
        groups = {"BROOD": d["BROOD"], "LOCATION": d["LOCATION"]}
        return ranef.glmm(np.asarray(d["TICKS"], float), X, groups, family="negative_binomial")


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, figures in GLMMTMB.items() for key in figures])
def test_standard_errors_are_glmmtmbs(name: str, key: str) -> None:
    """glmmTMB 1.1.5, predict(se.fit = TRUE, re.form = NULL or NA): with the uncertainty of the variances."""
    expected, random = GLMMTMB[name][key], "none" if key.startswith("population") else "all"
    found = like_glmmtmb(name).predict(scale=key.removeprefix("population_"), se=True, random=random)
    np.testing.assert_allclose(found["fit"], expected["fit"], rtol=1e-4, atol=1e-5)
    # the two take other parameters of the variances, by which second-order terms of the delta method differ
    np.testing.assert_allclose(found["se"], expected["se"], rtol=2e-3)


# Dense algebra --------------------------------------------------------------------------------------------------------

N = 110
RNG = np.random.default_rng(5)
G, H, X1 = RNG.integers(0, 8, N), RNG.integers(0, 6, N), RNG.normal(size=N)
H = np.where((G == 2) & (H == 3), 4, H)  # a pair of levels that never meets
WEIGHTS = RNG.uniform(0.5, 2.0, N)
X = np.column_stack([np.ones(N), X1])
B = RNG.normal(size=(8, 2)) @ np.array([[1.0, 0.3], [0.0, 0.6]])
ETA = X @ [1.0, 0.5] + B[G, 0] + B[G, 1] * X1 + 0.8 * RNG.normal(size=6)[H]
Y = ETA + RNG.normal(size=N) / np.sqrt(WEIGHTS)
NEW_G, NEW_H, NEW_X = np.array([0, 1, 2, 2, 5, 7]), np.array([0, 1, 3, 4, 3, 3]), RNG.normal(size=6)
TERMS: dict[str, Any] = {"random_effects": {"g": "1 + x"}, "random_data": {"x": X1}}


def new_rows(g: Any = NEW_G, h: Any = NEW_H) -> dict[str, Any]:
    ones = np.column_stack([np.ones(6), NEW_X])
    return {"X": ones, "groups": {"g": g, "h": h}, "random_data": {"x": NEW_X}, "weights": np.full(6, 2.0)}


def Z_of(g: np.ndarray, h: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.eye(8)[g], x[:, None] * np.eye(8)[g], np.eye(6)[h]])


@cache
def linear_fit(backend: str = "auto") -> ranef.LMMSolution:
    return ranef.lmm(Y, X, {"g": G, "h": H}, weights=WEIGHTS, backend=backend, **TERMS)


@cache
def counts_fit() -> ranef.GLMMSolution:
    y = np.random.default_rng(1).poisson(np.exp(0.5 * ETA)).astype(float)
    return ranef.glmm(y, X, {"g": G, "h": H}, family="poisson", **TERMS)


def dense_covariance(fit: Any, W: np.ndarray, scale: float, T: Any = None) -> np.ndarray:
    """Of X beta + Z b for the new rows, by the inverse of Henderson's equations in spherical effects."""
    T = fit._fit.relative_factors if T is None else T
    Lambda = np.zeros((22, 22))
    Lambda[:16, :16], Lambda[16:, 16:] = np.kron(T[0], np.eye(8)), T[1][0, 0] * np.eye(6)
    A = np.column_stack([X, Z_of(G, H, X1) @ Lambda])
    M = A.T @ (W[:, None] * A) + np.diag(np.repeat([0.0, 1.0], [2, 22]))
    new = np.column_stack([np.ones(6), NEW_X, Z_of(NEW_G, NEW_H, NEW_X) @ Lambda])
    return np.asarray(scale**2 * new @ np.linalg.inv(M) @ new.T)


@pytest.mark.parametrize("backend", ["dense", "blocked"])
def test_covariances_of_a_linear_model_are_hendersons(backend: str) -> None:
    fit = linear_fit(backend)
    exact = dense_covariance(fit, WEIGHTS, fit.sigma)
    found = fit.predict(new_rows(), se=True, covariance=True, theta_uncertainty=False)
    np.testing.assert_allclose(found.covariance, exact, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found["se"], np.sqrt(np.diagonal(exact)), rtol=1e-9)


def test_covariances_of_a_generalized_model_are_those_of_the_joint_hessian() -> None:
    fit = counts_fit()
    exact = dense_covariance(fit, fit.fitted_values, 1.0)
    found = fit.predict(new_rows(), se=True, covariance=True, theta_uncertainty=False, scale="link")
    np.testing.assert_allclose(found.covariance, exact, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(found["se"], np.sqrt(np.diagonal(exact)), rtol=1e-8)


def test_uncertainty_of_theta_is_the_delta_method() -> None:
    """One factor: the derivative of each prediction by theta, by refits at fixed theta with dense algebra."""
    fit = ranef.lmm(Y, X, {"h": H}, reml=False)

    def prediction(theta: float) -> np.ndarray:
        Z = np.eye(6)[H]
        V = np.eye(N) + theta**2 * Z @ Z.T
        beta = np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, Y))
        return X @ beta + Z @ (theta**2 * Z.T @ np.linalg.solve(V, Y - X @ beta))

    def deviance(theta: float, sigma: float) -> float:
        V = sigma**2 * (np.eye(N) + theta**2 * np.eye(6)[H] @ np.eye(6)[H].T)
        beta = np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, Y))
        return -2.0 * float(stats.multivariate_normal(X @ beta, V).logpdf(Y))

    t, s, h = float(fit.theta[0]), fit.sigma, 1e-3
    D = (prediction(t + h) - prediction(t - h)) / (2 * h)
    hessian = np.empty((2, 2))
    steps = h * np.eye(2)
    for i in range(2):
        for j in range(2):
            corners = [a * steps[i] + b * steps[j] for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            values = [deviance(t + c[0], s + c[1]) for c in corners]
            hessian[i, j] = (values[0] - values[1] - values[2] + values[3]) / (4 * h**2)
    added = D**2 * (2.0 * np.linalg.inv(hessian))[0, 0]
    known, all_of_it = (fit.predict(se=True, theta_uncertainty=u)["se"] ** 2 for u in (False, True))
    np.testing.assert_allclose(all_of_it - known, added, rtol=1e-4)


# New levels, parts of the effects -------------------------------------------------------------------------------------


def test_rows_of_the_data_are_fitted_values() -> None:
    for fit in (linear_fit(), counts_fit()):
        np.testing.assert_allclose(fit.predict(), fit.fitted_values, rtol=1e-12)
        again = {"X": X, "groups": {"g": G, "h": H}, "random_data": {"x": X1}}
        np.testing.assert_allclose(fit.predict(again), fit.fitted_values, rtol=1e-12)


def test_pairs_of_levels_that_never_met_are_solved_for_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pair of 12 x 9 levels of which 30 met, twice, in a random order: diagonals of the full covariance."""
    rng = np.random.default_rng(8)
    g, h = np.arange(30) % 12, np.arange(30) % 9
    y = rng.normal(size=12)[g] + rng.normal(size=9)[h] + 0.3 * rng.normal(size=30)
    fit = ranef.lmm(y, np.ones((30, 1)), {"g": g, "h": h})
    pairs = rng.permutation(np.tile(np.arange(108), 2))
    new = {"X": np.ones((216, 1)), "groups": {"g": pairs // 9, "h": pairs % 9}}
    monkeypatch.setattr("ranef.prediction.conditional.CHUNK", 4)
    found = fit.predict(new, se=True, covariance=True)
    np.testing.assert_allclose(found["se"] ** 2, np.diagonal(found.covariance), rtol=1e-10)


def test_a_new_level_has_the_whole_variance_of_its_effects() -> None:
    fit = linear_fit()
    new = new_rows(g=[99, 98, 2, 2, 5, 99])
    found = fit.predict(new, new_levels="population", se=True, covariance=True, theta_uncertainty=False)
    without = fit.predict(new, random=["h"], se=True, covariance=True, theta_uncertainty=False)
    z = np.column_stack([np.ones(6), NEW_X])
    Sigma = fit._fit.covariances[0]
    for row in (0, 1, 5):
        assert found["fit"][row] == pytest.approx(without["fit"][row], rel=1e-12)
        assert found["se"][row] ** 2 - without["se"][row] ** 2 == pytest.approx(z[row] @ Sigma @ z[row], rel=1e-9)
    both = found.covariance - without.covariance
    assert both[0, 5] == pytest.approx(z[0] @ Sigma @ z[5], rel=1e-9)  # one new level, twice
    assert both[0, 1] == pytest.approx(0.0, abs=1e-12)  # two new levels


def test_effects_are_chosen_by_factor_and_term() -> None:
    fit = linear_fit()
    fixed, g, h, all_of_them = (fit.predict(new_rows(), random=r) for r in ("none", ["g"], ["(1 | h)"], "all"))
    np.testing.assert_allclose(g - fixed + h, all_of_them, rtol=1e-12)
    np.testing.assert_allclose(h - fixed, fit.ranef["h"][NEW_H, 0], rtol=1e-9)
    no_groups = {"X": new_rows()["X"]}
    np.testing.assert_array_equal(fit.predict(no_groups, random="none"), fixed)


def test_a_dropped_column_leaves_some_rows_undetermined() -> None:
    doubled = np.column_stack([X, 2.0 * X1])
    with pytest.warns(ranef.RankDeficiencyWarning):
        fit = ranef.lmm(Y, doubled, {"g": G})
    new = {"X": [[1.0, 1.0, 2.0], [1.0, 1.0, 0.0]], "groups": {"g": [0, 0]}}
    with pytest.warns(ranef.IdentificationWarning, match=r"1 row \(counted from 0\): 1 of newdata depend on columns"):
        found = fit.predict(new)
    assert np.isfinite(found[0])
    assert np.isnan(found[1])


# Intervals ------------------------------------------------------------------------------------------------------------


def dense_degrees(fit: Any, noise: float) -> np.ndarray:
    """2 v^2 / g'A g with the gradient of dense inverses by differences in the user's theta, and sigma."""

    def variance(theta: np.ndarray, sigma: float) -> np.ndarray:
        T = [np.array([[theta[0], 0.0], [theta[1], theta[2]]]), theta[3:].reshape(1, 1)]
        return np.diagonal(dense_covariance(fit, WEIGHTS, sigma, T)) + noise * sigma**2

    theta, sigma, h = fit.theta, fit.sigma, 1e-5
    g = [(variance(theta + h * e, sigma) - variance(theta - h * e, sigma)) / (2 * h) for e in np.eye(4)]
    g.append((variance(theta, sigma + h) - variance(theta, sigma - h)) / (2 * h))
    A = dense_parameter_covariance(np.append(theta, sigma))
    return np.asarray(2.0 * variance(theta, sigma) ** 2 / np.einsum("mn,mk,kn->n", g, A, g))


def dense_parameter_covariance(at: np.ndarray) -> np.ndarray:
    """Twice the inverse Hessian of the REML deviance by (theta, sigma), by differences of dense determinants."""

    def deviance(p: np.ndarray) -> float:
        T, U = np.array([[p[0], 0.0], [p[1], p[2]]]), p[3] * np.eye(6)
        ZL = Z_of(G, H, X1) @ np.block([[np.kron(T, np.eye(8)), np.zeros((16, 6))], [np.zeros((6, 16)), U]])
        V = p[4] ** 2 * (np.diag(1.0 / WEIGHTS) + ZL @ ZL.T)
        XtVX = X.T @ np.linalg.solve(V, X)
        r = Y - X @ np.linalg.solve(XtVX, X.T @ np.linalg.solve(V, Y))
        return float(np.linalg.slogdet(V)[1] + np.linalg.slogdet(XtVX)[1] + r @ np.linalg.solve(V, r))

    h, e = 1e-3, np.eye(5)
    hessian = [
        [sum(a * b * deviance(at + h * (a * e[i] + b * e[j])) for a in (1, -1) for b in (1, -1)) for j in range(5)]
        for i in range(5)
    ]
    return np.asarray(2.0 * np.linalg.inv(np.array(hessian) / (4 * h**2)))


@pytest.mark.parametrize("theta_uncertainty", [True, False])
def test_intervals_of_a_linear_model(theta_uncertainty: bool) -> None:
    """t quantiles, with Satterthwaite's degrees of freedom by dense algebra; some pairs of levels never met."""
    fit, asked = linear_fit(), {"level": 0.9, "theta_uncertainty": theta_uncertainty}
    confidence = fit.predict(new_rows(), interval="confidence", **asked)
    half = stats.t.ppf(0.95, dense_degrees(fit, 0.0)) * confidence["se"]
    np.testing.assert_allclose(confidence["upper"] - confidence["fit"], half, rtol=1e-5)
    response = fit.predict(new_rows(), interval="prediction", **asked)
    half = stats.t.ppf(0.95, dense_degrees(fit, 0.5)) * np.sqrt(confidence["se"] ** 2 + fit.sigma**2 / 2.0)
    np.testing.assert_allclose(response["fit"] - response["lower"], half, rtol=1e-5)


def test_limits_of_population_means_are_those_of_contrasts() -> None:
    """Satterthwaite's degrees of freedom of coefficients, which are lmerTest's (tests/inference)."""
    fit, new = linear_fit(), {"X": new_rows()["X"], "random_data": {"x": NEW_X}}
    expected = fit.contrast(new["X"])
    for options in ({"marginal": True}, {"random": "none"}):
        found = fit.predict(new, interval="confidence", theta_uncertainty=False, **options)
        np.testing.assert_allclose(found["lower"], expected["lower"], rtol=1e-6)
        np.testing.assert_allclose(found["upper"], expected["upper"], rtol=1e-6)


def test_without_satterthwaite_limits_have_the_residual_degrees_of_freedom() -> None:
    fit = ranef.lmm(Y, X, {"g": G, "h": H}, weights=WEIGHTS, compute_satterthwaite=False, **TERMS)
    for options in ({}, {"marginal": True}):
        found = fit.predict(new_rows(), interval="confidence", **options)
        half = stats.t.ppf(0.975, N - 2) * found["se"]
        np.testing.assert_allclose(found["upper"] - found["fit"], half, rtol=1e-12)


def test_no_degrees_of_freedom_are_less_than_one() -> None:
    """A variance between the groups that is nearly nothing: a new level's matches 0.05 degrees of freedom, or so."""
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(6), 5)
    noise = rng.normal(size=30)
    means = np.array([noise[g == j].mean() for j in range(6)])
    scatter = (noise - means[g]).var(ddof=0) * 30 / 24
    y = noise - means[g] + np.sqrt(1.0001 * scatter / 5) * np.array([1.0, -1, 1, -1, 1, -1])[g] * np.sqrt(5 / 6)
    fit = ranef.lmm(y, np.ones((30, 1)), {"g": g})
    assert 0.0 < fit.theta[0] < 0.05
    found = fit.predict({"X": [[1.0]], "groups": {"g": [9]}}, new_levels="population", interval="confidence",
                        theta_uncertainty=False)  # fmt: skip
    assert (found["upper"] - found["fit"])[0] == pytest.approx(stats.t.ppf(0.975, 1) * found["se"][0], rel=1e-9)


@pytest.mark.parametrize(
    ("family", "draw"),
    [
        ("poisson", lambda rng, mu: rng.poisson(mu)),
        ("gamma", lambda rng, mu: rng.gamma(2.0, mu / 2.0)),
        ("negative_binomial", lambda rng, mu: rng.negative_binomial(2.0, 2.0 / (2.0 + mu))),
        ("beta", lambda rng, mu: np.clip(rng.beta(4 * mu / (1 + mu), 4 / (1 + mu)), 1e-9, 1 - 1e-9)),
    ],
)
def test_prediction_limits_are_quantiles(family: str, draw: Any) -> None:
    """A sample of responses, with the linear predictor drawn from its normal distribution."""
    rng = np.random.default_rng(3)
    link = "(log)" if family == "gamma" else ""
    y = np.asarray(draw(rng, np.exp(0.3 * ETA)), float)
    fit = ranef.glmm(y, X, {"h": H}, family=family + link)
    new = {"X": X[:4], "groups": {"h": H[:4]}}
    found, on_link = fit.predict(new, interval="prediction", level=0.8), fit.predict(new, se=True, scale="link")
    n = 40_000
    for row in range(4):
        eta = on_link["fit"][row] + on_link["se"][row] * rng.normal(size=n)
        sample = fit.family.sample(fit.family.link.mean(eta).mu, np.ones(n), fit._fit.phi, rng)
        below, above = (sample < found["lower"][row]).mean(), (sample > found["upper"][row]).mean()
        assert below <= 0.1 + 0.01
        assert above <= 0.1 + 0.01
        # and no shorter interval would do: one step inwards leaves out more than the tail
        step = 1.0 if fit.family.discrete else 1e-9
        assert (sample <= found["lower"][row] + step - 1.0 * fit.family.discrete).mean() >= 0.1 - 0.01
        assert (sample >= found["upper"][row] - step + 1.0 * fit.family.discrete).mean() >= 0.1 - 0.01


def test_prediction_limits_of_proportions_need_trials() -> None:
    d = ranef.datasets.load("cbpp")
    X4 = np.column_stack([np.ones(56), *(d["period"] == p for p in "234")])
    fit = ranef.glmm(d["incidence"] / d["size"], X4, {"herd": d["herd"]}, weights=d["size"])
    new = {"X": X4[:5], "groups": {"herd": d["herd"][:5]}}
    with pytest.raises(ranef.InputError, match="newdata has no weights"):
        fit.predict(new, interval="prediction")
    found = fit.predict(new | {"weights": d["size"][:5]}, interval="prediction")
    counts = found["upper"] * d["size"][:5]
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    assert ((found["upper"] > 0.0) & (found["upper"] < 1.0)).all()
    assert (found["lower"] >= 0.0).all()


# Population means -----------------------------------------------------------------------------------------------------


def test_population_means_are_integrals() -> None:
    """200-point quadrature over the variance of all effects of a row."""
    fit = counts_fit()
    z, w = np.polynomial.hermite_e.hermegauss(200)
    S, h = fit._fit.covariances
    columns = np.column_stack([np.ones(6), NEW_X])
    v = np.einsum("na,ab,nb->n", columns, S, columns) + h[0, 0]
    eta = new_rows()["X"] @ fit.coefficients
    exact = (np.exp(eta[:, None] + np.sqrt(v)[:, None] * z) * w).sum(axis=1) / w.sum()
    new = {"X": new_rows()["X"], "random_data": {"x": NEW_X}}
    np.testing.assert_allclose(fit.predict(new, marginal=True), exact, rtol=1e-9)
    one = (np.exp(eta[:, None] + np.sqrt(h[0, 0]) * z) * w).sum(axis=1) / w.sum()
    np.testing.assert_allclose(fit.predict(new, marginal=True, random=["h"]), one, rtol=1e-9)


def test_standard_errors_of_population_means_are_the_delta_method() -> None:
    """By differences in every parameter, with the covariance of all of them."""
    d = ranef.datasets.load("cbpp")
    X4 = np.column_stack([np.ones(56), *(d["period"] == p for p in "234")])
    fit = ranef.glmm(d["incidence"] / d["size"], X4, {"herd": d["herd"]}, weights=d["size"])
    z, w = np.polynomial.hermite_e.hermegauss(200)

    def mean(parameters: np.ndarray) -> np.ndarray:
        eta = X4[:4] @ parameters[:4]
        return (1.0 / (1.0 + np.exp(-eta[:, None] - parameters[4] * z)) * w).sum(axis=1) / w.sum()

    fixed = fit._labels.fixed
    root = np.linalg.inv(fixed.R)
    V = fit._covariance[:5, :5].copy()
    V[:4] = root @ V[:4]
    V[:, :4] = V[:, :4] @ root.T
    at = np.append(fit.coefficients, fit.theta)
    D = np.array([(mean(at + 1e-5 * e) - mean(at - 1e-5 * e)) / 2e-5 for e in np.eye(5)])
    found = fit.predict({"X": X4[:4]}, marginal=True, se=True)
    np.testing.assert_allclose(found["se"], np.sqrt(np.einsum("an,ab,bn->n", D, V, D)), rtol=1e-6)


def test_the_mean_of_truncated_counts_is_theirs() -> None:
    rng = np.random.default_rng(2)
    mu = np.exp(0.3 * ETA)
    y = np.array([next(v for v in iter(lambda m=m: rng.poisson(m), None) if v > 0) for m in mu], float)
    fit = ranef.glmm(y, X, {"h": H}, family=TruncatedPoisson())
    np.testing.assert_allclose(fit.predict(), fit.fitted_values, rtol=1e-12)
    z, w = np.polynomial.hermite_e.hermegauss(200)
    eta, sd = X[:3] @ fit.coefficients, fit.theta[0]
    m = np.exp(eta[:, None] + sd * z)
    exact = (m / -np.expm1(-m) * w).sum(axis=1) / w.sum()
    np.testing.assert_allclose(fit.predict({"X": X[:3]}, marginal=True), exact, rtol=1e-8)


# Bad input ------------------------------------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], Any, str]] = {
    "no X": ({"groups": {"g": NEW_G}}, {}, "newdata has no X"),
    "a frame": ("frame", {}, "newdata must be a dict with X, groups"),
    "a wrong part": (new_rows() | {"Z": 1}, {}, "and has Z"),
    "columns of X": (new_rows() | {"X": np.ones((6, 3))}, {}, "has 3 columns, the model has 2"),
    "missing values": (new_rows() | {"X": np.full((6, 2), np.nan)}, {}, r"newdata\['X'\] has missing"),
    "no factor": (new_rows() | {"groups": {"g": NEW_G}}, {}, r"newdata has no groups\['h'\]"),
    "new level": (new_rows(g=[0, 1, 2, 9, 9, 10]), {}, r"levels that the model was not fitted to: 9, 10, in 3 rows"),
    "labels of another type": (new_rows(g=list("abcdef")), {}, "not fitted to: a, b, c, d, e and 1 more"),
    "no column": ({"X": np.ones((6, 2)), "groups": {"g": NEW_G, "h": NEW_H}}, {}, "random_data|columns"),
    "lengths": (new_rows(g=[0, 1]), {}, r"newdata\['groups'\]\['g'\] has 2 rows, newdata\['X'\] has 6"),
    "labels that read alike": (new_rows(g=list("012567")), {}, r"another type \(int\): convert the column"),
    "offset": (new_rows() | {"offset": [1.0]}, {}, r"newdata\['offset'\] has 1 rows, newdata\['X'\] has 6"),
    "weights": (new_rows() | {"weights": [1.0]}, {}, r"newdata\['weights'\] has 1 rows, newdata\['X'\] has 6"),
    "no weight": (new_rows() | {"weights": np.zeros(6)}, {}, r"newdata\['weights'\] must be positive"),
    "columns": (new_rows() | {"random_data": {"x": [1.0]}}, {}, r"newdata\['random_data'\]\['x'\] has 1 rows"),
    "random": (new_rows(), {"random": "k"}, "random names k, which the model does not have; it has g, h"),
    "random, a number": (new_rows(), {"random": 3}, "random must be 'all', 'none'"),
    "scale": (new_rows(), {"scale": "log"}, "scale must be 'response' or 'link'"),
    "interval": (new_rows(), {"interval": True}, "interval must be None, 'confidence' or 'prediction'"),
    "level": (new_rows(), {"level": 95}, "level must lie between 0 and 1; got 95"),
    "new_levels": (new_rows(), {"new_levels": "zero"}, "new_levels must be"),
    "se": (new_rows(), {"se": "yes"}, "se must be True or False"),
    "a marginal response": (new_rows(), {"marginal": True, "interval": "prediction"}, "means over all levels"),
    "a prediction on the link scale": (new_rows(), {"interval": "prediction", "scale": "link"}, "one of responses"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case: str) -> None:
    newdata, options, message = BAD[case]
    fit = linear_fit()
    if case == "no column":
        fit = ranef.lmm(Y, X, {"g": G, "h": H}, random_effects={"g": "z"}, random_data={"z": X1**2})
    with pytest.raises((ranef.InputError, ranef.InputTypeError), match=message):
        fit.predict(newdata, **options)


def test_an_offset_is_asked_for() -> None:
    fit = ranef.lmm(Y, X, {"g": G}, offset=np.full(N, 2.0))
    new = {"X": X[:2], "groups": {"g": G[:2]}}
    with pytest.raises(ranef.InputError, match="newdata has no offset"):
        fit.predict(new)
    moved = fit.predict(new | {"offset": [2.0, 3.0]})
    np.testing.assert_allclose(moved, fit.fitted_values[:2] + np.arange(2.0), rtol=1e-12)


def test_columns_of_a_frame_are_taken_by_name() -> None:
    pandas = pytest.importorskip("pandas")
    fit = ranef.lmm(Y, pandas.DataFrame({"one": X[:, 0], "x": X1}), {"g": G})
    new = pandas.DataFrame({"x": [0.5, 1.0], "one": [1.0, 1.0]})
    found = fit.predict({"X": new, "groups": {"g": [0, 1]}})
    np.testing.assert_allclose(found, fit.predict({"X": [[1.0, 0.5], [1.0, 1.0]], "groups": {"g": [0, 1]}}))
    with pytest.raises(ranef.InputError, match=r"newdata\['X'\] has no column one"):
        fit.predict({"X": new[["x"]], "groups": {"g": [0, 1]}})


@pytest.mark.filterwarnings("ignore:the fit is singular")
def test_population_means_that_are_infinite_to_rounding_have_no_standard_error():
    """exp(v / 2) is beyond all numbers for levels of a variance of some thousands."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(5), 4)
    relationship = {"g": 1e-4 * np.eye(5)}
    y = rng.poisson(np.exp(rng.normal(size=5))[g]).astype(float)
    fit = ranef.glmm(y, np.ones((20, 1)), {"g": g}, family="poisson", relationship=relationship)
    assert fit.var_components[0].variance > 2000.0
    found = fit.predict({"X": np.ones((1, 1))}, marginal=True, se=True)
    assert np.isinf(found["fit"][0])
    assert np.isnan(found["se"][0])
