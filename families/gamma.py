"""The gamma distribution."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from ranef.contracts import DispersionParameter
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.family import ExponentialFamily

from .special import LARGE, digamma_less_log, log_less_excess, stirling


class Gamma(ExponentialFamily):
    """Positive responses with Var(y) = dispersion mu^2; the shape is 1/dispersion.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Gamma
    >>> one = np.ones(1)
    >>> Gamma().log_density(2 * one, one, one, one).item()  # the exponential distribution
    -2.0
    """

    name = "gamma"
    links = ("log", "inverse", "identity")
    support_text = "positive numbers"
    multiplicative_dispersion = True

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("dispersion", start=1.0),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion = float(phi[0])
        shape, ratio = 1 / dispersion, y / mu
        if shape > LARGE:
            constant = 0.5 * math.log(shape / (2 * math.pi)) - float(stirling(shape))
            return weights * (shape * log_less_excess(y, mu) + constant - np.log(y))
        return weights * (shape * (np.log(ratio) - ratio + math.log(shape)) - math.lgamma(shape) - np.log(y))

    def log_density_phi(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion = float(phi[0])
        shape = 1 / dispersion
        by_shape = log_less_excess(y, mu) - digamma_less_log(shape)
        return (-weights * by_shape * shape**2)[None]

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion = float(phi[0])
        return dispersion * mu**2

    def variance_derivatives(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        dispersion = float(phi[0])
        return 2 * dispersion * mu, np.full_like(mu, 2 * dispersion)

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return np.isfinite(y) & (y > 0)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        dispersion = float(phi[0])
        # small shapes give draws that underflow to 0, which is not in the support
        return np.maximum(rng.gamma(1 / dispersion, dispersion * mu), np.finfo(float).tiny)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion = float(phi[0])
        return np.asarray(special.gammainc(1 / dispersion, y / (dispersion * mu)), np.float64)

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return -2 * weights * log_less_excess(y, mu)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        residual = float(np.average((y / mu - 1) ** 2, weights=weights))
        return np.array([residual if residual > 0 else 1.0])
