"""The normal distribution."""

from __future__ import annotations

import numpy as np
from scipy import special

from ranef.contracts import DispersionParameter, InR
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.family import ExponentialFamily


class Gaussian(ExponentialFamily):
    """Normal responses, Var(y) = dispersion, with any link.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Gaussian
    >>> one = np.ones(1)
    >>> Gaussian().log_density(one, one, one, one).round(6).item()
    -0.918939
    """

    name = "gaussian"
    in_r = (InR("glmmTMB", "gaussian", ("sigma(m)^2",)),)
    links = (
        "identity",
        "log",
        "inverse",
        "sqrt",
        "logit",
        "probit",
        "cloglog",
        "loglog",
        "cauchit",
        "inverse_squared",
    )
    mean_bounds = (-np.inf, np.inf)
    support_text = "finite real numbers"
    multiplicative_dispersion = True

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("dispersion", start=1.0),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return -0.5 * weights * ((y - mu) ** 2 / dispersion + np.log(2 * np.pi * dispersion))

    def log_density_phi(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return (0.5 * weights * ((y - mu) ** 2 / dispersion - 1) / dispersion)[None]

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return np.full_like(mu, dispersion)

    def variance_derivatives(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.zeros_like(mu), np.zeros_like(mu)

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return np.isfinite(y)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return rng.normal(mu, np.sqrt(dispersion))

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        dispersion: FloatArray = phi[0]
        return np.asarray(special.ndtr((y - mu) / np.sqrt(dispersion)), np.float64)

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return weights * (y - mu) ** 2

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        residual = float(np.average((y - mu) ** 2, weights=weights))
        return np.array([residual if residual > 0 else 1.0])
