"""The Poisson distribution."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, InR
from ranef.contracts.arrays import FloatArray
from ranef.contracts.family import ExponentialFamily
from ranef.contracts.links import Log

from .count import CountFamily
from .special import by_eta_alone, large_counts


class Poisson(CountFamily, ExponentialFamily):
    """Counts with Var(y) = mu.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Poisson
    >>> Poisson().evaluate(np.array([3.0]), np.zeros(1), np.ones(1), np.array([])).d1.item()
    2.0
    """

    name = "poisson"
    in_r = (
        InR("lme4", "poisson"),
        InR("glmmTMB", "poisson"),
    )
    links = ("log", "identity", "sqrt")

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        log_factorial = self.response_term(y, weights)
        return weights * large_counts(special.xlogy(y, mu) - mu - log_factorial, y, mu)

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, exact; those with the canonical link are short."""
        if not isinstance(self.link, Log):
            return super().evaluate(y, eta, weights, phi, order)
        mu = np.exp(eta)
        log_density = weights * large_counts(y * eta - mu - self.response_term(y, weights), y, mu)
        d1, expected = weights * (y - mu), weights * mu
        if order == 2:
            return Derivatives(log_density, d1, -expected, expected)
        return by_eta_alone(log_density, d1, -expected, expected, -expected, expected)

    def log_density_phi(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return np.zeros((0, len(mu)))

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return mu

    def variance_derivatives(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.ones_like(mu), np.zeros_like(mu)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        return rng.poisson(mu).astype(float)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return np.where(y < 0, 0.0, special.pdtr(np.maximum(y, 0.0), mu))

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return 2 * weights * np.asarray(special.kl_div(y, mu), np.float64)
