"""The zero-truncated Poisson distribution."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, InR
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.links import log_one_minus_exp

from .count import CountFamily
from .log_mean import LogMeanFamily
from .special import by_eta_alone, large_counts


class TruncatedPoisson(CountFamily, LogMeanFamily):
    """Counts 1, 2, ...: Poisson counts of which the zeros were not seen.

    mu is the mean of the Poisson distribution *before* truncation; the mean of the response is mu / (1 - exp(-mu))
    (`response_mean`).

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import TruncatedPoisson
    >>> TruncatedPoisson().response_mean(np.array([1.0]), np.array([])).round(6).item()
    1.581977
    """

    name = "truncated_poisson"
    in_r = (InR("glmmTMB", "truncated_poisson"),)
    links = ("log",)
    support_text = "counts 1, 2, 3, ..."

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return weights * (self._log_poisson(y, mu, weights) - log_one_minus_exp(np.log(mu))[0])

    def _log_poisson(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        return large_counts(special.xlogy(y, mu) - mu - self.response_term(y, weights), y, mu)

    def by_log_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        log_seen, seen1, seen2, seen3 = log_one_minus_exp(np.log(mu))
        log_density = weights * (self._log_poisson(y, mu, weights) - log_seen)
        d1 = weights * (y - mu - seen1)
        information = weights * (mu + seen2)
        if order == 2:
            return Derivatives(log_density, d1, -information, information)
        rise = weights * (mu + seen3)
        return by_eta_alone(log_density, d1, -information, information, -rise, rise)

    def response_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return mu + log_one_minus_exp(np.log(mu))[1]

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Variance of the truncated counts."""
        return mu + log_one_minus_exp(np.log(mu))[2]

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return super().support(y, weights) & (y > 0)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        # the first event of a Poisson process comes before time mu; from then on the process starts afresh
        first = -np.log1p(rng.random(mu.shape) * np.expm1(-mu))
        return rng.poisson(np.maximum(mu - first, 0.0)) + np.ones_like(mu)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return np.maximum(1 - special.pdtrc(np.maximum(y, 0.0), mu) / -np.expm1(-mu), 0.0)

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return self.most_likely_mean(y, phi, smallest=1)
