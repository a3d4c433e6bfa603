"""Rows and levels left out of models with a residual structure, against dense covariance matrices of the rest."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import ranef
from ranef.contracts import InputError
from ranef.diagnostics import left_out
from ranef.diagnostics.effects import normality

from .models import covariance_of_residuals, data
from .test_reference import frame

SLOPES = "y ~ arm + time + (time | site)"
MODELS = [
    (SLOPES, "ar1(time | subject)", "~ 0 + arm"),
    ("y ~ arm + time + (1 | site)", "car1(time | subject)", "~ time"),
    ("y ~ arm + time + (1 | site)", None, "~ 0 + arm"),
    ("y ~ arm + time", "cs(1 | subject)", None),
    ("y ~ arm + time", "toep(time | subject)", None),
]


def matrices(fit):
    """R, V relative to sigma^2, and P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1."""
    d, own = data(), fit._fit
    design = own.model.design
    R = covariance_of_residuals(d, design, own.theta[own.parameters.of_residual])
    V = R.copy()
    for f, T in zip(design.random.groups, own.roots_of_model, strict=True):
        zt = T.T @ f.values
        V += np.where(f.codes[:, None] == f.codes, zt.T @ zt, 0.0)
    inverse = np.linalg.inv(V)
    return R, V, inverse - inverse @ d.X @ np.linalg.solve(d.X.T @ inverse @ d.X, d.X.T @ inverse)


@pytest.fixture(scope="module", params=MODELS, ids=lambda m: str(m[1]))
def fit(request):
    formula, residual, dispersion = request.param
    given = frame() | {"weights": data().weights}
    return ranef.lmm(formula, given, residual=residual, dispersion=dispersion, weights="weights")


@pytest.mark.parametrize("by", [None, "subject", "site", "parts"])
def test_the_rest_is_fitted_by_generalized_least_squares(fit, by):
    """Estimates without rows, groups, levels, and sets that cut groups into pieces; given the variance parameters."""
    d = data()
    codes = {None: np.arange(d.n), "subject": d.subject, "site": d.site, "parts": d.arm + 2 * (d.time % 2)}[by]
    _, V, _ = matrices(fit)
    without = fit.influence(None if by is None else codes)
    for i, label in enumerate(without[without.case]):
        rest = codes != label
        inverse = np.linalg.inv(V[np.ix_(rest, rest)])
        gram = d.X[rest].T @ inverse @ d.X[rest]
        beta = np.linalg.solve(gram, d.X[rest].T @ inverse @ d.y[rest])
        e = d.y[rest] - d.X[rest] @ beta
        sigma = np.sqrt(e @ inverse @ e / (rest.sum() - 3))
        assert without.coefficients[i] == pytest.approx(beta, abs=1e-10)
        assert without["sigma"][i] == pytest.approx(sigma, rel=1e-10)
        ratio = np.linalg.det(sigma**2 * np.linalg.inv(gram)) / np.linalg.det(fit.vcov)
        assert without["covratio"][i] == pytest.approx(ratio, rel=1e-9)
        change = fit.coefficients - beta
        assert without["cooks"][i] == pytest.approx(change @ np.linalg.solve(fit.vcov, change) / 3, rel=1e-8)


def test_leverages_are_what_fitted_values_follow(fit):
    """The diagonal of I - R P; and residuals over their own standard deviations, of R P R."""
    R, _, P = matrices(fit)
    assert fit.hat_values() == pytest.approx(1.0 - np.diagonal(R @ P), abs=1e-10)
    sd = fit.sigma * np.sqrt(np.diagonal(R @ P @ R))
    assert fit.residuals_of("pearson", standardized=True) == pytest.approx(fit.residuals / sd, rel=1e-9)


def test_a_leverage_is_a_derivative():
    """Of fitted values by the response, where the variance parameters stay: by that of a moved response's modes."""
    fit = ranef.lmm("y ~ arm + time + (1 | site)", frame(), residual="ar1(time | subject)")
    R, _, P = matrices(fit)
    i, y = 7, data().y.copy()
    y[i] += 1.0
    moved = y - R @ P @ y  # y - R V^-1 (y - X beta) is the fitted value
    assert moved[i] - fit.fitted_values[i] == pytest.approx(fit.hat_values()[i], abs=1e-10)


def test_sets_of_rows_of_very_large_groups_are_refused(fit, monkeypatch):
    monkeypatch.setattr(left_out, "MOST_ENTRIES", 98)
    assert len(fit.influence()) == 99
    with pytest.raises(InputError, match="too many for sets of rows"):
        fit.influence(data().subject)


@pytest.mark.parametrize("by", ["site", "arm and site"])
def test_refits_are_fits_without_the_rows(fit, by):
    """Of a formula and the other rows; sigma is the geometric mean of the standard deviations of all rows."""
    d, given = data(), frame() | {"weights": data().weights}
    codes = d.site if by == "site" else d.arm + 2 * d.site
    some = codes < 4
    table = fit.influence(np.where(some, codes, 99), refit=True)
    shown = {"residual": fit._terms.residual or None, "dispersion": fit._terms.dispersion or None}
    for i in range(4):
        rest = {name: column[codes != i] for name, column in given.items()}
        other = ranef.lmm(fit._terms.formula, rest, weights="weights", compute_satterthwaite=False, **shown)
        assert table.coefficients[i] == pytest.approx(other.coefficients, abs=1e-5)
        parameters, log_sd = other.residual_parameters, np.log(other.sigma)
        if "sd_arm[0]" in parameters:
            log_sd = np.mean(np.log(np.where(d.arm, parameters["sd_arm[1]"], parameters["sd_arm[0]"])))
        elif "logsd_time" in parameters:
            log_sd = parameters["logsd_(Intercept)"] + parameters["logsd_time"] * d.time.mean()
        assert table["sigma"][i] == pytest.approx(np.exp(log_sd), rel=1e-5)
        assert table["covratio"][i] == pytest.approx(np.linalg.det(other.vcov) / np.linalg.det(fit.vcov), rel=1e-4)


def test_refits_keep_the_visits_and_say_what_is_not_left():
    """A stratum, a pair of visits, or correlations that only one set of rows has."""
    d = frame()
    fit = ranef.lmm("y ~ arm + time", d, residual="toep(time | subject)", dispersion="~ 0 + arm")
    for labels, said in [
        (d["arm"], "dispersion has columns that depend on each other"),
        (np.where((d["time"] == 0) | (d["time"] == 4), "ends", "rest"), "rows that are 4 apart"),
    ]:
        table = fit.influence(labels, refit=True)
        assert said in table.reasons[str(np.unique(labels)[0])]
        assert np.isnan(table["cooks"][0])
    last = fit.influence(np.where(d["subject"] == 3, "one", "others"), refit=True)
    rest = {name: column[d["subject"] != 3] for name, column in d.items()}
    other = ranef.lmm("y ~ arm + time", rest, residual="toep(time | subject)", dispersion="~ 0 + arm")
    assert last.coefficients[0] == pytest.approx(other.coefficients, abs=1e-6)


def test_checks_of_a_right_model_find_little(fit):
    assert "serious" not in fit.check(100, 1)["severity"].tolist()


def test_checks_find_what_was_put_in():
    """A row far out, in a model whose residuals are correlated; independent residuals where they are not."""
    d = frame()
    d["y"] = np.where(np.arange(99) == 3, d["y"] + 60.0, d["y"])
    found = str(ranef.lmm("y ~ arm + time", d, residual="ar1(time | subject)").check(100, 1))
    assert "responses are not distributed as in the model" in found or "outside of all simulated" in found


def test_normality_is_of_standardized_modes():
    """Kolmogorov's distance of the modes over their standard deviations, of b = T^2 Z'P y."""
    fit = ranef.lmm("y ~ arm + time + (1 | site)", frame(), residual="car1(time | subject)", dispersion="~ time")
    _, _, P = matrices(fit)
    d, own = data(), fit._fit
    Z, T2 = (d.site[:, None] == np.arange(6)).astype(float), own.roots_of_model[0][0, 0] ** 2
    u = np.sort(stats.norm.cdf(Z.T @ P @ d.y / (own.sigma * np.sqrt(np.diagonal(Z.T @ P @ Z)))))
    assert T2 * Z.T @ P @ d.y == pytest.approx(own.effects_of_model, abs=1e-10)
    i = np.arange(1, 7) / 6
    distance = max((i - u).max(), (u - i + 1 / 6).max())
    assert normality(own, np.column_stack([d.y, d.y]))["distance"][0] == pytest.approx(distance, abs=1e-10)
