"""Cumulative link mixed models of the wine data: R's ordinal, and the same by hand.

clmm.json was made by make_clmm.R (R 4.2.2, ordinal 2022.11.16).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import special

import ranef
from ranef.families import Ordinal

RECORD = json.loads((Path(__file__).parent / "clmm.json").read_text())
FITS = RECORD["fits"]
WINE = ranef.datasets.load("wine")
FORMULA = "rating ~ temp + contact + (1 | judge)"
#: Distribution functions, as McCullagh (1980) has them.
F = {
    "logit": special.expit,
    "probit": special.ndtr,
    "cloglog": lambda x: -np.expm1(-np.exp(x)),
    "loglog": lambda x: np.exp(-np.exp(-x)),
    "cauchit": lambda x: 0.5 + np.arctan(x) / np.pi,
}


@cache
def fitted(link="logit", thresholds="flexible", nagq=1, formula=FORMULA):
    return ranef.glmm(formula, WINE, family=Ordinal(link, thresholds), nagq=nagq)


def _id(row):
    return f"{row['link']}-{row['threshold']}-{row['nAGQ']}-{row['formula'].count('|')}"


@pytest.mark.parametrize("row", FITS, ids=_id)
def test_fits_are_those_of_clmm(row):
    """Log-likelihoods to 1e-6, coefficients and thresholds to 1e-4.

    clmm stops before the top with the cauchit link, and its probit is 2e-6 lower than it is by hand (below).
    """
    fit = fitted(row["link"], row["threshold"], row["nAGQ"], row["formula"])
    assert fit.converged
    cauchit = row["link"] == "cauchit"
    gain = fit.log_likelihood - row["logLik"]
    assert -1e-6 < gain < {"cauchit": 3e-4, "probit": 2e-6}.get(row["link"], 1e-6)
    atol = 1e-3 if cauchit else 1e-4
    np.testing.assert_allclose(fit.coefficients[1:], row["beta"], atol=atol)
    np.testing.assert_allclose(fit.thresholds["estimate"], row["thresholds"], atol=atol)
    judge = next(c.std_dev for c in fit.var_components if c.group == "judge")
    assert judge == pytest.approx(row["sd"], abs=atol)
    P = np.column_stack([fit.probabilities()[str(k)] for k in range(1, 6)])
    chosen = P[np.arange(72), WINE["rating"].astype(int) - 1]
    np.testing.assert_allclose(chosen[:4], row["fitted"], atol=1e-4)


def test_standard_errors_are_near_those_of_clmm():
    """Its Hessian is by differences, and right to a hundredth: ours is held against one by hand below."""
    fit, se = fitted(), FITS[0]["se"]
    np.testing.assert_allclose(fit.se[1:], [se["tempwarm"], se["contactyes"]], rtol=1e-2)
    np.testing.assert_allclose(fit.thresholds["se"], [se[name] for name in fit.thresholds["name"]], rtol=1e-2)


# By hand --------------------------------------------------------------------------------------------------------------


def log_likelihood(parameters, link="logit", nodes=None):
    """That of (thresholds, beta, log sd): Laplace's approximation, or by so many fixed nodes."""
    t, beta, sd = parameters[:4], parameters[4:6], np.exp(parameters[6])
    ends, y = np.concatenate([[-np.inf], t, [np.inf]]), WINE["rating"].astype(int)
    mean = (WINE["temp"] == "warm") * beta[0] + (WINE["contact"] == "yes") * beta[1]
    judge = WINE["judge"].astype(int) - 1

    def log_p(u):
        """Sums over the ratings of every judge, at u (9, ...)."""
        eta = mean[:, None] + sd * u[judge]
        p = F[link](ends[y][:, None] - eta) - F[link](ends[y - 1][:, None] - eta)
        with np.errstate(divide="ignore"):
            return np.array([np.log(p[judge == j]).sum(axis=0) for j in range(9)])

    if nodes is not None:
        z, w = np.polynomial.hermite_e.hermegauss(nodes)
        return np.log(np.exp(log_p(np.tile(z, (9, 1)))) @ (w / w.sum())).sum()
    u, h = np.zeros(9), 1e-3
    for _ in range(12):
        at = u[:, None] + h * np.arange(-2.0, 3.0)
        g = log_p(at) - 0.5 * at**2
        slope = g @ np.array([1, -8, 0, 8, -1]) / (12 * h)
        bend = g @ np.array([-1, 16, -30, 16, -1]) / (12 * h * h)
        u = u - slope / bend
    return (g[:, 2] - 0.5 * np.log(-bend)).sum()


def parameters_of(fit):
    return np.concatenate([fit.thresholds["estimate"], fit.coefficients[1:], [np.log(fit.var_components[0].std_dev)]])


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog"])  # cauchit is not log-concave
def test_laplace_is_that_by_hand(link):
    fit = fitted(link)
    assert fit.log_likelihood == pytest.approx(log_likelihood(parameters_of(fit), link), abs=2e-7)


@pytest.mark.parametrize("link", list(F))
def test_the_links_are_those_that_they_are_called(link):
    """The likelihood at the estimates by 40 nodes; clmm exchanges cloglog and loglog, clm does not."""
    fit = fitted(link, nagq=21)
    parameters = parameters_of(fit)
    # the integrand has the tails of the noise: fixed nodes have fewer digits than adaptive ones
    assert fit.log_likelihood == pytest.approx(log_likelihood(parameters, link, 60), abs=1e-5)
    if link == "cloglog":
        parameters = np.append(RECORD["clm"]["coefficients"], -30.0)
        assert log_likelihood(parameters, link, 2) == pytest.approx(RECORD["clm"]["cloglog"], abs=1e-8)


def test_standard_errors_are_those_of_the_hessian_by_hand():
    """Of Laplace's log-likelihood in thresholds, coefficients and log sd, another parametrization than the search's."""
    fit = fitted()
    at = parameters_of(fit)
    h, n = 0.02, len(at)
    H, unit = np.zeros((n, n)), h * np.eye(n)
    for i in range(n):
        for j in range(n):
            signs = [(a, b) for a in (1, -1) for b in (1, -1)]
            H[i, j] = sum(a * b * log_likelihood(at + a * unit[i] + b * unit[j]) for a, b in signs) / (4 * h * h)
    se = np.sqrt(np.diagonal(np.linalg.inv(-H)))
    np.testing.assert_allclose(fit.thresholds["se"], se[:4], rtol=2e-3)
    np.testing.assert_allclose(fit.se[1:], se[4:6], rtol=2e-3)
