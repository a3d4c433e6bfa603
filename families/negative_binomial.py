"""The negative binomial distribution with quadratic variance (NB2)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, InR, Link
from ranef.contracts.arrays import FloatArray

from .count import CountFamily
from .log_mean import LogMeanFamily
from .special import large_counts, log1p_minus_ratio, rising_excess


class NegativeBinomial(CountFamily, LogMeanFamily):
    """Counts with Var(y) = mu + mu^2/theta (NB2); a Poisson distribution as theta grows.

    Parameters
    ----------
    theta : float or None
        A given theta (`size` in R, `sigma` of glmmTMB's nbinom2); None: estimated.
    link : str or Link
        "log" (default), "identity", "sqrt", or a link object.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import NegativeBinomial
    >>> NegativeBinomial(theta=2.0)
    NegativeBinomial(link='log', theta=2.0)
    >>> NegativeBinomial().variance(np.array([3.0]), np.array([1.5])).item()
    9.0
    """

    name = "negative_binomial"
    in_r = (InR("glmmTMB", "nbinom2", ("sigma(m)",)),)

    def __init__(self, theta: float | None = None, link: str | Link | None = None) -> None:
        super().__init__(link)
        self.theta = theta
        self.parameters  # noqa: B018  refuses a theta out of bounds at once

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("theta", start=1.0, fixed=self.theta),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        theta: FloatArray = phi[0]
        excess = rising_excess(y, theta, 0)[0]
        density = excess + special.xlogy(y, mu) - (y + theta) * np.log1p(mu / theta) - self.response_term(y, weights)
        return weights * large_counts(density, y, mu, theta)

    def by_log_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        theta: FloatArray = phi[0]
        ratio = mu / theta
        C = 1 / (1 + ratio)  # theta / (mu + theta)
        P = ratio * C  # 1 - C
        log_density = self.log_density(y, mu, weights, phi)
        d1 = weights * C * (y - mu)
        d2 = -weights * (y + theta) * P * C
        expected = weights * mu * C
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)
        by_log_theta = rising_excess(y, theta, 1)[1] - theta * log1p_minus_ratio(ratio) + P * y
        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=d2 * (C - P),
            expected_weight_eta=expected * C,
            phi1=(weights * by_log_theta / theta)[None],
            phi1_eta=(d1 * P / theta)[None],
            phi1_eta2=(weights * P * C * (y - 2 * P * (y + theta)) / theta)[None],
            expected_weight_phi=(expected * P / theta)[None],
        )

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        theta: FloatArray = phi[0]
        return mu + mu**2 / theta

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        theta: FloatArray = phi[0]
        return rng.poisson(rng.gamma(theta, mu / theta)).astype(float)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        theta: FloatArray = phi[0]
        return np.where(y < 0, 0.0, special.betainc(theta, np.maximum(y, 0.0) + 1, theta / (mu + theta)))

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        theta: FloatArray = phi[0]
        return 2 * weights * (special.xlogy(y, y / mu) - (y + theta) * np.log1p((y - mu) / (mu + theta)))

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        if self.theta is not None:
            return np.array([self.theta])
        excess = float(np.average((y - mu) ** 2 - mu, weights=weights))
        squares = float(np.average(mu**2, weights=weights))
        return np.array([squares / max(excess, 0.05 * squares)])  # by moments, at most 20
