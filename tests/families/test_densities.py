"""Log densities and their derivatives against figures from elsewhere: SciPy, mpmath, glmmTMB."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import ranef.families
from ranef.families import (
    Beta,
    BetaBinomial,
    Binomial,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    NegativeBinomial1,
    Poisson,
    StudentT,
    TruncatedNegativeBinomial,
    TruncatedPoisson,
    Tweedie,
)

HERE = Path(__file__).parent
MPMATH = json.loads((HERE / "mpmath_reference.json").read_text())
LARGE = json.loads((HERE / "mpmath_large.json").read_text())
GLMMTMB = json.loads((HERE / "glmmtmb_reference.json").read_text())

COUNTS = np.arange(0.0, 40.0)
MU = np.linspace(0.2, 9.0, 40)
POSITIVE = np.linspace(0.05, 12.0, 40)
PROPORTIONS = np.linspace(0.02, 0.98, 40)
TRIALS = np.arange(1.0, 41.0)
SUCCESSES = np.floor(TRIALS * 0.4)
ONES = np.ones(40)

SCIPY = {
    "gaussian": (Gaussian(), POSITIVE, MU, ONES, [2.3], stats.norm.logpdf(POSITIVE, MU, np.sqrt(2.3))),
    "poisson": (Poisson(), COUNTS, MU, ONES, [], stats.poisson.logpmf(COUNTS, MU)),
    "binomial": (
        Binomial(),
        SUCCESSES / TRIALS,
        PROPORTIONS,
        TRIALS,
        [],
        stats.binom.logpmf(SUCCESSES, TRIALS, PROPORTIONS),
    ),
    "gamma": (Gamma(), POSITIVE, MU, ONES, [0.4], stats.gamma.logpdf(POSITIVE, 2.5, scale=MU * 0.4)),
    "inverse_gaussian": (
        InverseGaussian(),
        POSITIVE,
        MU,
        ONES,
        [0.4],
        stats.invgauss.logpdf(POSITIVE, MU * 0.4, scale=2.5),
    ),
    "nb2": (NegativeBinomial(), COUNTS, MU, ONES, [1.7], stats.nbinom.logpmf(COUNTS, 1.7, 1.7 / (1.7 + MU))),
    "nb2 theta 30": (NegativeBinomial(), COUNTS, MU, ONES, [30.0], stats.nbinom.logpmf(COUNTS, 30, 30 / (30 + MU))),
    "nb1": (NegativeBinomial1(), COUNTS, MU, ONES, [0.8], stats.nbinom.logpmf(COUNTS, MU / 0.8, 1 / 1.8)),
    "beta": (
        Beta(),
        PROPORTIONS,
        PROPORTIONS[::-1],
        ONES,
        [4.2],
        stats.beta.logpdf(PROPORTIONS, 4.2 * PROPORTIONS[::-1], 4.2 * PROPORTIONS),
    ),
    "beta_binomial": (
        BetaBinomial(),
        SUCCESSES / TRIALS,
        PROPORTIONS,
        TRIALS,
        [3.0],
        stats.betabinom.logpmf(SUCCESSES, TRIALS, 3 * PROPORTIONS, 3 * (1 - PROPORTIONS)),
    ),
    "student_t": (StudentT(), POSITIVE, MU, ONES, [1.3, 4.5], stats.t.logpdf(POSITIVE, 4.5, MU, 1.3)),
    "truncated_poisson": (
        TruncatedPoisson(),
        COUNTS + 1,
        MU,
        ONES,
        [],
        stats.poisson.logpmf(COUNTS + 1, MU) - np.log(stats.poisson.sf(0, MU)),
    ),
    "truncated_nb2": (
        TruncatedNegativeBinomial(),
        COUNTS + 1,
        MU,
        ONES,
        [1.7],
        stats.nbinom.logpmf(COUNTS + 1, 1.7, 1.7 / (1.7 + MU)) - np.log(stats.nbinom.sf(0, 1.7, 1.7 / (1.7 + MU))),
    ),
}


@pytest.mark.parametrize("name", SCIPY)
def test_log_density_is_that_of_scipy(name):
    family, y, mu, weights, phi, expected = SCIPY[name]
    np.testing.assert_allclose(family.log_density(y, mu, weights, np.array(phi)), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", SCIPY)
def test_weights_multiply_the_log_density_unless_they_are_trials(name):
    family, y, mu, weights, phi, expected = SCIPY[name]
    if not family.weights_are_trials:
        doubled = family.log_density(y, mu, 2 * weights, np.array(phi))
        np.testing.assert_allclose(doubled, 2 * expected, rtol=1e-10, atol=1e-12)


def test_a_tweedie_density_is_a_compound_of_poisson_and_gamma():
    # the sum over the number of gamma variables, by scipy.stats
    y, mu, phi, power = np.array([0.1, 2.0, 9.0]), 3.0, 1.4, 1.6
    rate, shape, scale = (
        mu ** (2 - power) / (phi * (2 - power)),
        (2 - power) / (power - 1),
        phi * (power - 1) * mu ** (power - 1),
    )
    j = np.arange(1, 200)[:, None]
    expected = np.log(np.sum(stats.poisson.pmf(j, rate) * stats.gamma.pdf(y, j * shape, scale=scale), 0))
    result = Tweedie().log_density(y, np.full(3, mu), np.ones(3), np.array([phi, power]))
    np.testing.assert_allclose(result, expected, rtol=1e-11)


def _id(row):
    return f"{row['family']}-{row['link']}-y={row['y']:g}-eta={row['eta']:g}-phi={row['phi']}"


@pytest.mark.parametrize("row", MPMATH, ids=_id)
def test_derivatives_are_those_of_mpmath(row):
    """Origin: make_mpmath_reference.py (textbook densities differentiated with 60 digits by mpmath 1.4.1).

    Errors are measured by the value, or by the rounding of the terms that the density is made of: counts times logs.
    """
    family = getattr(ranef.families, row["family"])(link=row["link"])
    y, eta, w = (np.array([row[k]]) for k in ("y", "eta", "weight"))
    phi = np.array(row["phi"], float)
    d = family.evaluate(y, eta, w, phi, 3)
    floor = 1e-14 * row["weight"] * max(abs(row["y"]), 1.0) * (1 + min(abs(row["eta"]), 40.0))
    if family.multiplicative_dispersion:
        floor /= min(phi[0], 1.0)
    for name in ("log_density", "d1", "d2", "d3"):
        np.testing.assert_allclose(getattr(d, name)[0], row[name], rtol=1e-10, atol=floor, err_msg=name)
    for name in ("phi1", "phi1_eta", "phi1_eta2"):
        # on the logarithmic scale of the parameter, where it is searched
        np.testing.assert_allclose(
            getattr(d, name)[:, 0] * phi, np.array(row[name]) * phi, rtol=1e-10, atol=floor, err_msg=name
        )


@pytest.mark.parametrize("row", MPMATH, ids=_id)
def test_lower_order_gives_the_same_numbers(row):
    family = getattr(ranef.families, row["family"])(link=row["link"])
    y, eta, w = (np.array([row[k]]) for k in ("y", "eta", "weight"))
    phi = np.array(row["phi"], float)
    two, three = family.evaluate(y, eta, w, phi, 2), family.evaluate(y, eta, w, phi, 3)
    for name in ("log_density", "d1", "d2", "expected_weight"):
        np.testing.assert_allclose(getattr(two, name), getattr(three, name), rtol=1e-13)
    assert two.d3 is None
    assert two.phi1 is None


@pytest.mark.parametrize("row", LARGE, ids=lambda r: f"{r['family']}-y={r['y']:g}-mu={r['mu']:g}-phi={r['phi']}")
def test_large_numbers_leave_digits(row):
    """Origin: make_mpmath_reference.py. Errors of 1e-9 are what a likelihood of many rows can bear."""
    family = getattr(ranef.families, row["family"])()
    y, mu, w = (np.array([row[k]], float) for k in ("y", "mu", "weight"))
    phi = np.array(row["phi"], float)
    result = family.log_density(y, mu, w, phi)
    np.testing.assert_allclose(result, row["log_density"], rtol=1e-10, atol=1e-9)
    d = family.evaluate(y, family.link.link(mu), w, phi, 3)
    # link and inverse link round mu by some 1e-15 of itself, y - mu times that is left of it
    np.testing.assert_allclose(d.log_density, row["log_density"], rtol=1e-6, atol=1e-6)
    if "by_log_phi" in row:
        np.testing.assert_allclose(d.phi1[0] * phi[0], row["by_log_phi"], rtol=1e-6, atol=1e-6)


FAMILIES_OF_GLMMTMB = {
    "nbinom2": NegativeBinomial,
    "nbinom1": NegativeBinomial1,
    "beta_family": Beta,
    "t_family": StudentT,
    "tweedie": Tweedie,
    "Gamma": Gamma,
    "truncated_poisson": TruncatedPoisson,
    "truncated_nbinom2": TruncatedNegativeBinomial,
    "betabinomial": BetaBinomial,
}


@pytest.mark.parametrize("fit", GLMMTMB, ids=[f["family"] for f in GLMMTMB])
def test_parameters_mean_what_they_mean_in_glmmtmb(fit):
    """Origin: make_glmmtmb_reference.R (glmmTMB 1.1.5): maximum likelihood fits, so the scores vanish there as well."""
    family = FAMILIES_OF_GLMMTMB[fit["family"]](link=fit["link"])
    y, x = np.array(fit["y"], float), np.array(fit["x"])
    weights = np.ones_like(y)
    if family.weights_are_trials:
        weights = np.array(fit["trials"], float)
        y = y / weights
    phi = np.array({"Gamma": [fit["sigma"] ** 2], "truncated_poisson": []}.get(fit["family"], [fit["sigma"]]), float)
    phi = np.append(phi, fit["family_params"])
    X = np.column_stack([np.ones_like(x), x])
    d = family.evaluate(y, X @ np.array(fit["fixef"]), weights, phi, 3)
    assert d.log_density.sum() == pytest.approx(fit["logLik"], abs=1e-8)
    np.testing.assert_allclose(X.T @ d.d1, 0, atol=5e-4)
    np.testing.assert_allclose(d.phi1.sum(1) * phi, 0, atol=5e-4)


def test_negative_binomials_become_poisson():
    y, mu, ones = np.array([0.0, 3.0, 1000.0]), np.array([1.0, 4.0, 990.0]), np.ones(3)
    poisson = Poisson().log_density(y, mu, ones, np.array([]))
    # log f = Poisson + [(y - mu)^2 - y] / (2 theta) + O(theta^-2) (McCullagh & Nelder 1989, section 6.2)
    excess = ((y - mu) ** 2 - y) / 2
    nb2 = NegativeBinomial().log_density(y, mu, ones, np.array([1e8]))
    np.testing.assert_allclose(nb2, poisson + excess / 1e8, atol=1e-10)
    nb1 = NegativeBinomial1().log_density(y, mu, ones, np.array([1e-8]))
    np.testing.assert_allclose(nb1, poisson + excess / mu * 1e-8, atol=1e-10)
    d = NegativeBinomial().evaluate(y, np.log(mu), ones, np.array([1e8]), 3)
    np.testing.assert_allclose(d.phi1[0], -excess / 1e16, rtol=1e-4)


def test_tweedie_series_with_very_many_terms():
    # saddlepoint approximation (2 pi phi y^p)^-1/2 exp(-d/(2 phi)), of which the relative error is O(phi y^(p - 2))
    y, mu, p = np.array([1.0, 3.0, 1e3]), np.array([1.001, 3.0, 1e3]), 1.5
    family, ones = Tweedie(), np.ones(3)
    for phi in (1e-3, 1e-5, 1e-6):
        at = np.array([phi, p])
        deviance = family.deviance(y, mu, ones, at)
        saddlepoint = -0.5 * np.log(2 * np.pi * phi * y**p) - deviance / (2 * phi)
        result = family.log_density(y, mu, ones, at)
        np.testing.assert_allclose(result, saddlepoint, rtol=0, atol=phi)


@pytest.mark.parametrize(
    ("link", "latent"),
    [
        ("logit", stats.logistic),
        ("probit", stats.norm),
        ("cloglog", stats.gumbel_l),
        ("loglog", stats.gumbel_r),
        ("cauchit", stats.cauchy),
    ],
)
def test_binomial_expected_weights_do_not_cancel_in_the_tails(link, latent):
    # mu_eta^2 / (mu (1 - mu)) by the logarithms of SciPy's distributions
    eta = np.array([-30.0, -8.0, 4.0, 30.0])
    expected = np.exp(2 * latent.logpdf(eta) - latent.logcdf(eta) - latent.logsf(eta))
    d = Binomial(link=link).evaluate(np.zeros(4), eta, np.ones(4), np.array([]))
    np.testing.assert_allclose(d.expected_weight, expected, rtol=1e-11)
