"""Profiles of models with a residual structure, against the dense log-likelihood minimized at fixed values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2

import ranef
from ranef.estimation.linear import Gaussian
from ranef.estimation.model import Model

from .models import data, design
from .test_reference import frame

REACH = chi2.ppf(0.95, 1)


@pytest.fixture(scope="module")
def fit():
    """AR(1) with two standard deviations, and sites, by maximum likelihood."""
    return ranef.lmm(
        "y ~ arm + time + (1 | site)", frame(), residual="ar1(time | subject)", dispersion="~ 0 + arm", reml=False
    )


def at_best_beta(d, p, held=None):
    """Over (sd of sites, atanh phi, log sds), with beta at its best, the last of them held."""
    apart = np.abs(np.subtract.outer(d.time, d.time))
    s = np.exp(np.where(d.arm, p[3], p[2]))
    R = np.where(d.subject[:, None] == d.subject, np.tanh(p[1]) ** apart, 0.0) * np.outer(s, s)
    V = R + p[0] ** 2 * (d.site[:, None] == d.site)
    X, y = d.X, d.y
    if held is not None:
        X, y = X[:, :2], y - held * X[:, 2]
    inverse = np.linalg.inv(V)
    e = y - X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse @ y)
    return d.n * np.log(2.0 * np.pi) + np.linalg.slogdet(V)[1] + e @ inverse @ e


def profiled(d, start, place, value):
    """The least -2 log L with a parameter at a value: 0 to 3 as above, 4 the coefficient of time."""
    free = [i for i in range(4) if i != place]

    def f(rest):
        p = np.array(start)
        p[free] = rest
        if place < 4:
            p[place] = value
        return at_best_beta(d, p, value if place == 4 else None)

    return minimize(f, np.array(start)[free], method="BFGS", options={"gtol": 1e-5}).fun


def test_limits_are_those_of_the_dense_log_likelihood(fit):
    d = data()
    shown = fit.residual_parameters
    start = [np.sqrt(fit._fit.covariances[0][0, 0]), np.arctanh(shown["Phi|subject"])]
    start += [np.log(shown["sd_arm[0]"]), np.log(shown["sd_arm[1]"])]
    least = at_best_beta(d, start)
    assert least == pytest.approx(-2.0 * fit.log_likelihood, abs=1e-7)
    names = ["sd_(Intercept)|site", "Phi|subject", "sd_arm[0]", "sd_arm[1]", "time"]
    limits = fit.confint(names, method="profile")
    scales = [lambda v: v, np.arctanh, np.log, np.log, lambda v: v]
    for place, (name, scale) in enumerate(zip(names, scales, strict=True)):
        row = limits["parameter"].tolist().index(name)
        for side in ("lower", "upper"):
            excess = profiled(d, start, place, scale(limits[side][row])) - least
            assert excess == pytest.approx(REACH, abs=3e-4), (name, side)


@pytest.mark.parametrize(
    ("kind", "random", "scales", "weights"),
    [("ar1", "both", True, True), ("us", "", False, True), ("cs", "site", True, False), ("", "site", True, True)],
)
def test_the_gradient_in_all_parameters_is_that_of_differences(kind, random, scales, weights):
    made = design(data(), kind, random, scales, weights)
    fit = Model.of(made, Gaussian(reml=False)).fit()
    criterion, x = fit.factorized().joint()
    assert criterion.value(x) == pytest.approx(fit.criterion, abs=1e-8)
    rng = np.random.default_rng(0)
    x = x + 0.1 * rng.normal(size=len(x))
    _, g = criterion.gradient(x)
    differences = [(criterion.value(x + s) - criterion.value(x - s)) / 2e-5 for s in 1e-5 * np.eye(len(x))]
    assert g == pytest.approx(np.array(differences), abs=1e-5 * max(1.0, np.abs(g).max()))


def test_what_is_a_function_of_several_parameters_has_no_profile():
    fit = ranef.lmm("y ~ arm + time", frame(), residual="toep(time | subject)", reml=False)
    names = [name for name in fit.residual_parameters if name.startswith("cor_")]
    limits = fit.confint(names[:2], method="profile")
    assert np.isfinite(limits["lower"][0])
    assert np.isnan(limits["lower"][1])


def test_coefficients_of_a_dispersion_have_profiles():
    """zeta is the root of what the deviance rises where the column's coefficient is held, by weights exp(-2 c time)."""
    d = frame()
    fit = ranef.lmm("y ~ arm + time", d, dispersion="~ time", reml=False)
    curve = fit.profile(["logsd_time"]).curves["logsd_time"]
    for value, zeta in list(zip(curve.values, curve.zeta, strict=True))[::4]:
        X = np.column_stack([np.ones(99), d["arm"] == "1", d["time"]])
        sd = np.exp(value * d["time"])
        e = d["y"] / sd - X / sd[:, None] @ np.linalg.lstsq(X / sd[:, None], d["y"] / sd, rcond=None)[0]
        held = 99 * (1.0 + np.log(2.0 * np.pi * (e @ e) / 99)) + 2.0 * np.log(sd).sum()
        assert zeta**2 == pytest.approx(held + 2.0 * fit.log_likelihood, abs=1e-6)


@pytest.mark.filterwarnings("ignore::ranef.RanefWarning")
@pytest.mark.parametrize(
    ("d", "formula", "options"),
    [
        (
            {"y": [5.02, 4.06, 6.78, 7.24, 4.5, 6.39], "g": [0, 0, 1, 1, 2, 2], "t": [0, 1, 0, 1, 0, 1]},
            "y ~ factor(t)",
            {"residual": "ar1(t | g)", "dispersion": "~ 0 + f"},
        ),
        (
            {"y": [3.923, 3.757, 3.419, 3.439, 1.719, 2.889], "g": [0, 0, 0, 1, 1, 1], "t": [0, 2, 3, 0, 2, 3]},
            "y ~ x",
            {"residual": "cs(1 | g)", "dispersion": "~ factor(t)"},
        ),
    ],
)
def test_profiles_of_six_rows_are_missing_with_a_word(d, formula, options):
    """Their maximum likelihood, unlike the restricted one, grows without end."""
    d |= {"x": [0.22, -1.13, 1.39, -0.85, -1.45, -0.6], "f": list("bbbbaa")}
    found = ranef.lmm(formula, {name: np.array(column) for name, column in d.items()}, **options).confint(
        method="profile"
    )
    missing = np.isnan(found["lower"])
    assert missing.any()
    assert {name for name, lost in zip(found["parameter"], missing, strict=True) if lost} <= set(found.reasons)
