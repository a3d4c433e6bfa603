"""Log densities of censored responses and their derivatives.

mpmath.json was made by make_mpmath.py from textbook formulas with 60 digits, survreg.json by make_survreg.R (R 4.2.2,
survival 3.5-3).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, special

import ranef
from ranef.contracts import InputError
from ranef.families import Exponential, LogNormal, Tobit, Weibull

HERE = Path(__file__).parent
FIGURES = json.loads((HERE / "mpmath.json").read_text())
SURVREG = json.loads((HERE / "survreg.json").read_text())
FAMILIES = {"weibull": Weibull(), "exponential": Exponential(), "lognormal": LogNormal(), "tobit": Tobit(left=None)}
KIDNEY = ranef.datasets.load("kidney")


@pytest.mark.parametrize("name", FAMILIES)
def test_derivatives_are_those_with_60_digits(name):
    """To 3e-11; of intervals with two ends, whose probability is a difference, to 1e-8, and where they meet to 1e-6."""
    rows = [row for row in FIGURES if row["family"] == name]
    assert len(rows) == (18 if name == "exponential" else 36)
    y = np.array([row["y"] for row in rows], dtype=float)
    eta, phi = np.array([row["eta"] for row in rows]), np.array([row["phi"] for row in rows]).T
    d = FAMILIES[name].evaluate(y, eta, np.full(len(y), 2.0), phi, 3)
    width = y[:, 1] - y[:, 0]
    narrow, bounded = (width > 0) & (width < 1e-3), (width >= 1e-3) & np.isfinite(width)
    plain = ~(narrow | bounded)
    parts = {"log_density": d.log_density, "d1": d.d1, "d2": d.d2, "d3": d.d3}
    if phi.size:
        parts |= {"phi1": d.phi1[0], "phi1_eta": d.phi1_eta[0], "phi1_eta2": d.phi1_eta2[0]}
    for part, values in parts.items():
        exact = 2 * np.array([row[part] for row in rows])
        for which, tolerance in ((plain, 3e-11), (bounded, 1e-8), (narrow, 1e-6)):
            np.testing.assert_allclose(values[which], exact[which], rtol=tolerance, atol=tolerance / 30, err_msg=part)


def _ends(kind):
    time, event = KIDNEY["time"], KIDNEY["event"]
    if kind == "interval":
        lower = np.where(time > 100, 50.0, time)
        return ranef.Surv(lower, np.where(event == 0, np.inf, np.where(time > 100, 200.0, time)), type="interval2")
    return ranef.Surv(time, event, type=kind)


@pytest.mark.parametrize("fit", SURVREG["fits"], ids=lambda fit: f"{fit['family']}-{fit['kind']}")
def test_maxima_without_random_effects_are_those_of_survreg(fit):
    """At survreg's estimates the log-likelihood is survreg's, and its slopes vanish."""
    X = np.column_stack([np.ones(76), KIDNEY["age"], KIDNEY["sex"] == "male"])
    family, ones, beta = FAMILIES[fit["family"]], np.ones(76), np.array(fit["coef"])
    if fit["kind"] == "limit":
        family, y = Tobit(), np.maximum(np.log(KIDNEY["time"]) - 4, 0.0)
    else:
        y = _ends(fit["kind"]).y
    phi = {"weibull": [1 / fit["scale"]], "exponential": []}.get(fit["family"], [fit["scale"]])
    to_mean = {"weibull": special.gammaln(1 + fit["scale"]), "lognormal": 0.5 * fit["scale"] ** 2}
    beta[0] += to_mean.get(fit["family"], 0.0)
    d = family.evaluate(y, X @ beta, ones, np.array(phi), 3)
    assert d.log_density.sum() == pytest.approx(fit["loglik"], abs=1e-9)
    assert family.log_density(y, family.link.mean(X @ beta).mu, ones, np.array(phi)).sum() == pytest.approx(
        fit["loglik"], abs=1e-9
    )
    np.testing.assert_allclose(X.T @ d.d1 / [1, 50, 1], 0.0, atol=2e-6)
    np.testing.assert_allclose(d.phi1.sum(axis=1), 0.0, atol=2e-6)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_known_response_in_two_columns_is_one_in_one(name):
    """The same bits; and a narrow interval has its width times the density."""
    family = FAMILIES[name]
    y, ones, phi = np.array([0.5, 2.0, 7.0]), np.ones(3), np.full(len(family.parameters), 1.3)
    both = family.evaluate(np.column_stack([y, y]), 0.4 * ones, ones, phi, 3)
    for part, value in vars(family.evaluate(y, 0.4 * ones, ones, phi, 3)).items():
        assert np.array_equal(value, getattr(both, part)), part
    narrow = family.log_density(np.column_stack([y, y + 1e-5]), 1.5 * ones, ones, phi)
    np.testing.assert_allclose(narrow - np.log(1e-5), family.log_density(y + 5e-6, 1.5 * ones, ones, phi), atol=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_deviance_is_least_at_the_saturated_mean(name):
    """Of bounded intervals by a grid of means; 0 in the limit of means that suit an open end."""
    family, phi = FAMILIES[name], np.full(len(FAMILIES[name].parameters), 1.7)
    y, one = np.array([[1.0, 4.0], [2.0, 2.0], [3.0, np.inf], [-np.inf, 2.0]]), np.ones(4)
    best = family.saturated_mean(y, one, phi)
    low = -np.inf if name == "tobit" else 0.0
    assert best[2] == np.inf
    assert best[3] == low
    at = np.where(np.isfinite(best) & (best > 0), best, 1.0)
    np.testing.assert_allclose(family.deviance(y, at, one, phi)[:2], 0.0, atol=1e-12)
    for mu in np.geomspace(0.1, 20, 60):
        assert (family.deviance(y, np.full(4, mu), one, phi) > 0).all()
    assert family.deviance(y[2:3], np.array([1e8]), one[:1], phi).item() == pytest.approx(0.0, abs=1e-3)


def test_limits_of_the_tobit_family():
    """What is observed has the mean and the variance that integrals give."""
    family, phi, mu = Tobit(left=-1.0, right=2.0), np.array([1.5]), np.array([-3.0, 0.2, 4.0])
    fine = np.linspace(-12, 12, 400_001)
    density = np.exp(-0.5 * fine**2) / np.sqrt(2 * np.pi)
    for m, mean, variance in zip(mu, family.response_mean(mu, phi), family.variance(mu, phi), strict=True):
        y = np.clip(m + 1.5 * fine, -1.0, 2.0)
        first = integrate.trapezoid(y * density, fine)
        assert mean == pytest.approx(first, abs=1e-9)
        assert variance == pytest.approx(integrate.trapezoid((y - first) ** 2 * density, fine), abs=1e-9)
    assert family.latent_variance(0.0, phi) == pytest.approx(2.25)
    with pytest.raises(InputError, match="left=2 must lie below right=1"):
        Tobit(left=2.0, right=1.0)
    with pytest.raises(InputError, match=r"limits -1 and 2.*row 1: 3"):
        family.check_response(np.array([0.0, 3.0]), np.ones(2))
