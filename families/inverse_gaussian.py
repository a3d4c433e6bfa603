"""The inverse Gaussian distribution."""

from __future__ import annotations

import numpy as np
from scipy import special

from ranef.contracts import DispersionParameter
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.family import ExponentialFamily


class InverseGaussian(ExponentialFamily):
    """Positive responses with Var(y) = dispersion mu^3.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import InverseGaussian
    >>> InverseGaussian("inverse_squared").variance(np.array([2.0]), np.array([0.5])).item()
    4.0
    """

    name = "inverse_gaussian"
    links = ("log", "inverse_squared", "inverse", "identity")
    support_text = "positive numbers"
    multiplicative_dispersion = True

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("dispersion", start=1.0),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        spread: FloatArray = self._unit_deviance(y, mu) / dispersion + 3 * np.log(y)
        return -0.5 * weights * (spread + np.log(2 * np.pi * dispersion))

    def log_density_phi(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return (0.5 * weights * (self._unit_deviance(y, mu) / dispersion - 1) / dispersion)[None]

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return dispersion * mu**3

    def variance_derivatives(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        dispersion: FloatArray = phi[0]
        return 3 * dispersion * mu**2, 6 * dispersion * mu

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return np.isfinite(y) & (y > 0)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return rng.wald(mu, 1 / dispersion)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        # Phi(a) + exp(2 / (phi mu)) Phi(b), by logarithms since the exponential may overflow where Phi(b) vanishes
        root = 1 / np.sqrt(dispersion * y)
        second = 2 / (dispersion * mu) + special.log_ndtr(-root * (y / mu + 1))
        return np.asarray(special.ndtr(root * (y / mu - 1)) + np.exp(second), np.float64)

    @staticmethod
    def _unit_deviance(y: FloatArray, mu: FloatArray) -> FloatArray:
        return (y - mu) ** 2 / (mu**2 * y)

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return weights * self._unit_deviance(y, mu)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        residual = float(np.average(self._unit_deviance(y, mu), weights=weights))
        return np.array([residual if residual > 0 else 1.0])
