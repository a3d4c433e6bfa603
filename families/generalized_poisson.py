"""The generalized Poisson distribution."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ranef.contracts import Derivatives, DispersionParameter, InR
from ranef.contracts.arrays import FloatArray, IntArray
from ranef.contracts.family import phi_of_rows

from .count import CountFamily
from .log_mean import LogMeanFamily
from .special import LARGE, log1p_minus, stirling, summed_to


class GeneralizedPoisson(CountFamily, LogMeanFamily):
    """Counts with Var(y) = phi mu, phi > 1, and a longer tail than NB1; a Poisson distribution as phi falls to 1.

    f(y) = theta (theta + lambda y)^(y - 1) exp(-theta - lambda y) / y!, where theta = mu / sqrt(phi) and lambda = 1 -
    1 / sqrt(phi). For phi < 1 this is no distribution: its terms do not add up to 1.

    The expected weight is that of quasi-likelihood, mu_eta^2 / variance.

    References
    ----------
    Consul & Jain (1973), A generalization of the Poisson distribution, doi 10.1080/00401706.1973.10489112.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import GeneralizedPoisson
    >>> GeneralizedPoisson().variance(np.array([3.0]), np.array([1.5])).item()
    4.5
    """

    name = "generalized_poisson"
    in_r = (InR("glmmTMB", "genpois", ("sigma(m)",)),)

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("phi", start=2.0, lower=1.0),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        s, m = _scale_and_mean(y, mu, phi)
        density = np.log(mu) + (y - 1) * np.log(m) - y * np.log(s) - m / s - self.response_term(y, weights)
        if (rows := y > LARGE).any():  # the same without terms of the size y log y
            s = s[rows] if np.ndim(s) else s
            y, mu, m = y[rows], mu[rows], m[rows]
            tail = y * log1p_minus((mu - y) / (s * y)) - 0.5 * np.log(2 * np.pi * y) - stirling(y)
            density[rows] = np.log(mu / m) + tail
        return weights * density

    def by_log_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        s, m = _scale_and_mean(y, mu, phi)
        q = mu / m
        bend = (y - 1) * q * (m - mu) / m  # (y - 1) q (1 - q)
        log_density = self.log_density(y, mu, weights, phi)
        d1 = weights * (1 + (y - 1) * q - mu / s)
        d2 = weights * (bend - mu / s)
        expected = weights * mu / phi[0]
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)
        by_s = weights / (2 * s)  # phi = s^2
        q_s = -q * y / m
        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=weights * (bend * (1 - 2 * q) - mu / s),
            expected_weight_eta=expected,
            phi1=(by_s * (np.square(y - mu) / (m * np.square(s)) - y / m))[None],
            phi1_eta=(by_s * ((y - 1) * q_s + mu / np.square(s)))[None],
            phi1_eta2=(by_s * ((y - 1) * q_s * (1 - 2 * q) + mu / np.square(s)))[None],
            expected_weight_phi=(-expected / phi[0])[None],
        )

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return mu * dispersion

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        # all descendants of a Poisson number of ancestors, each with a Poisson number of children
        root = np.sqrt(phi[0])
        generation = total = rng.poisson(mu / root)
        while generation.any():
            generation = rng.poisson(generation * (1 - 1 / root))
            total = total + generation
        return np.asarray(total, np.float64)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        def log_density(counts: FloatArray, rows: IntArray) -> FloatArray:
            return self.log_density(counts, mu[rows], np.ones_like(counts), phi_of_rows(phi, rows))

        return summed_to(y, log_density)

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return self.most_likely_mean(y, phi, smallest=0)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        return np.array([max(float(np.average((y - mu) ** 2 / mu, weights=weights)), 1.05)])  # by moments


def _scale_and_mean(y: FloatArray, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
    """s = sqrt(phi), and m = mu + (s - 1) y, of which theta + lambda y is the part m / s."""
    s = np.sqrt(phi[0])
    return s, mu + (phi[0] - 1) / (s + 1) * y
