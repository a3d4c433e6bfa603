"""The negative binomial distribution with linear variance (NB1)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, InR
from ranef.contracts.arrays import FloatArray

from .count import CountFamily
from .log_mean import LogMeanFamily
from .special import large_counts, log1p_minus_ratio, rising_excess


class NegativeBinomial1(CountFamily, LogMeanFamily):
    """Counts with Var(y) = mu (1 + phi) (NB1); a Poisson distribution as phi vanishes.

    The expected weight is that of quasi-likelihood, mu_eta^2 / variance: the Fisher information has no closed form.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import NegativeBinomial1
    >>> NegativeBinomial1().variance(np.array([3.0]), np.array([0.5])).item()
    4.5
    """

    name = "negative_binomial1"
    in_r = (InR("glmmTMB", "nbinom1", ("sigma(m)",)),)

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("phi", start=1.0),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return self._log_density(y, mu, weights, phi, rising_excess(y, mu / phi[0], 0)[0])

    def _log_density(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, excess: FloatArray
    ) -> FloatArray:
        dispersion: FloatArray = phi[0]
        log1p = np.log1p(dispersion)
        density = excess + special.xlogy(y, mu) - y * log1p - mu * (log1p / dispersion) - self.response_term(y, weights)
        return weights * large_counts(density, y, mu, mu / dispersion)

    def by_log_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        dispersion: FloatArray = phi[0]
        size = mu / dispersion
        excess = rising_excess(y, size, order)
        zero = size * np.log1p(dispersion)  # -log P(Y = 0)
        log_density = self._log_density(y, mu, weights, phi, excess[0])
        d1 = weights * (y + excess[1] - zero)
        d2 = weights * (excess[2] - zero)
        expected = weights * mu / (1 + dispersion)
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)
        # minus the derivative of `zero` by log phi: size (log(1 + phi) - phi / (1 + phi)), without cancellation
        fall = size * log1p_minus_ratio(dispersion)
        share = dispersion / (1 + dispersion)
        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=weights * (excess[3] - zero),
            expected_weight_eta=expected,
            phi1=(weights * (fall - excess[1] - y * share) / dispersion)[None],
            phi1_eta=(weights * (fall - excess[2]) / dispersion)[None],
            phi1_eta2=(weights * (fall - excess[3]) / dispersion)[None],
            expected_weight_phi=(-expected / (1 + dispersion))[None],
        )

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return mu * (1 + dispersion)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return rng.poisson(rng.gamma(mu / dispersion, dispersion)).astype(float)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return np.where(y < 0, 0.0, special.betainc(mu / dispersion, np.maximum(y, 0.0) + 1, 1 / (1 + dispersion)))

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return self.most_likely_mean(y, phi, smallest=0)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        return np.array([max(float(np.average((y - mu) ** 2 / mu, weights=weights)) - 1, 0.05)])  # by moments
