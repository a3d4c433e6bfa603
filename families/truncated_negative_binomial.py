"""The zero-truncated negative binomial distribution (NB2)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, InR
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.links import log_one_minus_exp

from .negative_binomial import NegativeBinomial
from .special import log1p_minus, rising_log1p


class TruncatedNegativeBinomial(NegativeBinomial):
    """Counts 1, 2, ...: NB2 counts of which the zeros were not seen.

    mu and theta are those of the distribution *before* truncation (glmmTMB's truncated_nbinom2); the mean of the
    response is `response_mean`.

    Parameters
    ----------
    theta : float or None
        A given theta; None: estimated.
    link : str or Link
        "log" (default), or a link object.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import TruncatedNegativeBinomial
    >>> TruncatedNegativeBinomial().response_mean(np.array([1.0]), np.array([1.0])).round(12).item()
    2.0
    """

    name = "truncated_negative_binomial"
    in_r = (InR("glmmTMB", "truncated_nbinom2", ("sigma(m)",)),)
    links = ("log",)
    support_text = "counts 1, 2, 3, ..."

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        theta: FloatArray = phi[0]
        return super().log_density(y, mu, weights, phi) - weights * _log_seen(mu, theta)[0]

    def by_log_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        theta: FloatArray = phi[0]
        whole = super().by_log_mean(y, mu, np.ones_like(mu), phi, order)
        _, K1, K2, K3, K_theta, K1_theta, K2_theta = _log_seen(mu, theta)
        C = 1 / (1 + mu / theta)
        P = mu / theta * C
        PC = P * C
        mean = mu + K1 / C
        information = (mean + theta) * PC + K2
        # of which the log density is the truncated one already: NegativeBinomial asks `log_density` for it
        log_density = weights * whole.log_density
        d1 = weights * (whole.d1 - K1)
        d2 = weights * (whole.d2 - K2)
        expected = weights * information
        if order == 2 or whole.d3 is None or whole.phi1 is None or whole.phi1_eta is None or whole.phi1_eta2 is None:
            return Derivatives(log_density, d1, d2, expected)
        mean_theta = (theta * K1_theta - K1 * P) / C  # by log theta
        information_theta = (mean_theta + theta) * PC - (mean + theta) * PC * (C - P) + theta * K2_theta
        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=weights * (whole.d3 - K3),
            expected_weight_eta=weights * (information * P + (mean + theta) * PC * (C - P) + K3),
            phi1=weights * (whole.phi1 - K_theta),
            phi1_eta=weights * (whole.phi1_eta - K1_theta),
            phi1_eta2=weights * (whole.phi1_eta2 - K2_theta),
            expected_weight_phi=(weights * information_theta / theta)[None],
        )

    def response_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        theta: FloatArray = phi[0]
        return mu + _log_seen(mu, theta)[1] * (1 + mu / theta)

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Variance of the truncated counts."""
        theta: FloatArray = phi[0]
        one = np.ones_like(mu)
        return self.by_log_mean(one, mu, one, phi, 2).expected_weight * (1 + mu / theta) ** 2

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return super().support(y, weights) & (y > 0)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        theta: FloatArray = phi[0]
        # NB counts are a Poisson number of clusters of logarithmic size: as in TruncatedPoisson the first cluster
        # comes before its time is over, and the rest of the time has NB counts with the rest of theta
        ratio = mu / theta
        clusters = theta * np.log1p(ratio)
        first = -np.log1p(rng.random(mu.shape) * np.expm1(-clusters))
        rest = theta * np.maximum(1 - first / clusters, 0.0)
        counts: FloatArray = rng.poisson(rng.gamma(rest, ratio)).astype(float)
        return counts + rng.logseries(ratio / (1 + ratio))

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        theta: FloatArray = phi[0]
        above = special.betainc(np.maximum(y, 0.0) + 1, theta, mu / (mu + theta))
        return np.maximum(1 - above / -np.expm1(-theta * np.log1p(mu / theta)), 0.0)

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return self.most_likely_mean(y, phi, smallest=1)

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return super(NegativeBinomial, self).deviance(y, mu, weights, phi)


def _log_seen(mu: FloatArray, theta: FloatArray) -> tuple[FloatArray, ...]:
    """K = log(1 - P(0)) and its derivatives: K, K', K'', K''' by log mu, and K, K', K'' differentiated by theta.

    P(0) = exp(-T) with T = theta log(1 + mu/theta), of which log T has the slope c = ratio / ((1 + ratio)
    log(1 + ratio)) by log mu and 1 - c by log theta; both 1 - c and C - c are taken without cancellation.
    """
    ratio = mu / theta
    tiny = np.finfo(float).tiny
    log1p = np.maximum(np.log1p(ratio), tiny)
    slope = np.where(ratio > tiny, log1p / np.maximum(ratio, tiny), 1.0)  # log(1 + ratio) / ratio
    C = 1 / (1 + ratio)
    c = C / slope
    rest = rising_log1p(ratio) / log1p * C  # 1 - c
    gap = log1p_minus(ratio) / log1p * C  # C - c
    t2 = c * gap
    t3 = t2 * gap - c * (ratio * C**2 + t2)
    k0, k1, k2, k3 = log_one_minus_exp(np.log(mu) + np.log(slope))
    return (
        k0,
        k1 * c,
        k2 * c**2 + k1 * t2,
        k3 * c**3 + 3 * k2 * c * t2 + k1 * t3,
        k1 * rest / theta,
        (k2 * rest * c - k1 * t2) / theta,
        (k3 * rest * c**2 - 2 * k2 * c * t2 + k2 * rest * t2 - k1 * t3) / theta,
    )
