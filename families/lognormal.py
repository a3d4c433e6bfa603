"""The log-normal distribution."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter
from ranef.contracts.arrays import BoolArray, FloatArray

from .log_mean import LogMeanFamily


class LogNormal(LogMeanFamily):
    """Positive responses of which the logarithm is normal with standard deviation sigma; mu = E(y).

    log y has the mean log mu - sigma^2 / 2, and Var(y) = mu^2 (exp(sigma^2) - 1). With the log link this is a linear
    model of log y but for the intercept, which is that of log E(y); log-likelihoods are those of y itself. (glmmTMB's
    lognormal, in later versions, has sigma = sqrt(Var(y)) instead, the same for all means.)

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import LogNormal
    >>> LogNormal().variance(np.array([2.0]), np.sqrt(np.log([2.0]))).round(12).item()
    4.0
    """

    name = "lognormal"
    links = ("log", "identity")
    support_text = "positive numbers"

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("sigma", start=0.5),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        sigma: FloatArray = phi[0]
        constant: FloatArray = np.log(sigma) + 0.5 * np.log(2 * np.pi)
        squares: FloatArray = np.square(_residual(y, mu, phi) / sigma)
        return weights * (-np.log(y) - constant - 0.5 * squares)

    def by_log_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        sigma: FloatArray = phi[0]
        z = _residual(y, mu, phi)
        log_density = self.log_density(y, mu, weights, phi)
        information: FloatArray = weights / np.square(sigma)
        d1 = information * z
        if order == 2:
            return Derivatives(log_density, d1, -information, information)
        none, fall = np.zeros_like(mu), (-2 * information / sigma)[None]
        return Derivatives(
            log_density,
            d1,
            -information,
            information,
            d3=none,
            expected_weight_eta=none,
            phi1=((d1 * (z - np.square(sigma)) - weights) / sigma)[None],
            phi1_eta=((weights - 2 * d1) / sigma)[None],
            phi1_eta2=-fall,
            expected_weight_phi=fall,
        )

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        excess: FloatArray = np.expm1(np.square(phi[0]))
        return mu**2 * excess

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return np.isfinite(y) & (y > 0)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        sigma: FloatArray = phi[0]
        factor: FloatArray = np.exp(sigma * rng.standard_normal(mu.shape) - 0.5 * np.square(sigma))
        return mu * factor

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return np.asarray(special.ndtr(_residual(y, mu, phi) / phi[0]), np.float64)

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        factor: FloatArray = np.exp(0.5 * np.square(phi[0]))
        return y * factor

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        squares: FloatArray = np.square(_residual(y, mu, phi) / phi[0])
        return weights * squares

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        squares = float(np.average(np.log(y / mu) ** 2, weights=weights))
        return np.array([np.sqrt(squares) if squares > 0 else 1.0])


def _residual(y: FloatArray, mu: FloatArray, phi: FloatArray) -> FloatArray:
    """log y less its mean."""
    shift: FloatArray = 0.5 * np.square(phi[0])
    return np.log(y / mu) + shift
