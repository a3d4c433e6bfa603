"""The gamma distribution."""

from __future__ import annotations

import numpy as np
from scipy import special

from ranef.contracts import DispersionParameter, InR
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.family import ExponentialFamily

from .special import LARGE, digamma_less_log, either, log_less_excess, stirling


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
    in_r = (InR("glmmTMB", "Gamma", ("sigma(m)^2",)),)
    links = ("log", "inverse", "identity")
    support_text = "positive numbers"
    multiplicative_dispersion = True

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("dispersion", start=1.0),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        shape: FloatArray = 1 / phi[0]
        ratio = y / mu

        def textbook() -> FloatArray:
            density: FloatArray = shape * (np.log(ratio) - ratio + np.log(shape)) - special.gammaln(shape) - np.log(y)
            return density

        def large_shape() -> FloatArray:
            constant = 0.5 * np.log(shape / (2 * np.pi)) - stirling(shape)
            return shape * log_less_excess(y, mu) + constant - np.log(y)

        return weights * either(shape > LARGE, large_shape, textbook)

    def log_density_phi(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        shape: FloatArray = 1 / phi[0]
        by_shape = log_less_excess(y, mu) - digamma_less_log(shape)
        return (-weights * by_shape * np.square(shape))[None]

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return dispersion * mu**2

    def variance_derivatives(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        dispersion: FloatArray = phi[0]
        return 2 * dispersion * mu, np.full_like(mu, 2 * dispersion)

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return np.isfinite(y) & (y > 0)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        dispersion: FloatArray = phi[0]
        # small shapes give draws that underflow to 0, which is not in the support
        return np.maximum(rng.gamma(1 / dispersion, dispersion * mu), np.finfo(float).tiny)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return np.asarray(special.gammainc(1 / dispersion, y / (dispersion * mu)), np.float64)

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return -2 * weights * log_less_excess(y, mu)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        residual = float(np.average((y / mu - 1) ** 2, weights=weights))
        return np.array([residual if residual > 0 else 1.0])
