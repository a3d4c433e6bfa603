"""The log-normal distribution, of responses that may be censored."""

from __future__ import annotations

import numpy as np

from ranef.contracts import DispersionParameter, Link
from ranef.contracts.arrays import FloatArray
from ranef.contracts.links import Probit

from .location_scale import Standard
from .weibull import PositiveTimes


class LogNormal(PositiveTimes):
    """Positive responses of which the logarithm is normal with standard deviation sigma; mu = E(y).

    log y has the mean log mu - sigma^2 / 2, and Var(y) = mu^2 (exp(sigma^2) - 1). With the log link this is a linear
    model of log y but for the intercept, which is that of log E(y); log-likelihoods are those of y itself. (glmmTMB's
    lognormal, in later versions, has sigma = sqrt(Var(y)) instead, the same for all means.) Responses may be censored
    (`ranef.Surv`).

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import LogNormal
    >>> LogNormal().variance(np.array([2.0]), np.sqrt(np.log([2.0]))).round(12).item()
    4.0
    """

    name = "lognormal"
    support_text = "positive numbers"
    noise: Link = Probit()

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("sigma", start=0.5),)

    def log_noise(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        return -0.5 * x**2 - 0.5 * np.log(2 * np.pi), -x, -np.ones_like(x), np.zeros_like(x)

    def standard(self, phi: FloatArray) -> Standard:
        sigma: FloatArray = phi[0]
        return 1 / sigma, 0.5 * np.square(sigma), -1 / np.square(sigma), sigma

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        excess: FloatArray = np.expm1(np.square(phi[0]))
        return mu**2 * excess

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        sigma: FloatArray = phi[0]
        factor: FloatArray = np.exp(sigma * rng.standard_normal(mu.shape) - 0.5 * np.square(sigma))
        return mu * factor

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        squares = float(np.average(np.log(self.guess(y) / mu) ** 2, weights=weights))
        return np.array([np.sqrt(squares) if squares > 0 else 1.0])
