"""The beta distribution by mean and precision."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, Family, InR, Link
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.links import Logit

from .special import (
    LARGE,
    digamma_less_log,
    either,
    large_trials,
    log_less_excess,
    maximize,
    rising_excess,
    tetragamma,
    trigamma,
)


class Beta(Family):
    """Proportions strictly between 0 and 1, Var(y) = mu (1 - mu) / (1 + precision).

    The shape parameters are a = mu precision and b = (1 - mu) precision (Ferrari & Cribari-Neto 2004,
    doi 10.1080/0266476042000214501).

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Beta
    >>> half, one = np.array([0.5]), np.ones(1)
    >>> Beta().log_density(half, half, one, 4 * one).round(6).item()  # density 6 y (1 - y)
    0.405465
    """

    name = "beta"
    in_r = (InR("glmmTMB", "beta_family", ("sigma(m)",)),)
    links = ("logit", "probit", "cloglog", "loglog", "cauchit", "log")
    mean_bounds = (0.0, 1.0)
    support_text = "numbers strictly between 0 and 1"

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("precision", start=1.0),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        precision: FloatArray = phi[0]
        a, b = mu * precision, (1 - mu) * precision
        log_y, log_rest = np.log(y), np.log1p(-y)
        density = (a - 1) * log_y + (b - 1) * log_rest - special.betaln(a, b)
        return weights * _large_precision(density, precision, log_y, log_rest, a, b)

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, exact."""
        return self._evaluate(self.link, y, eta, weights, phi, order)

    @staticmethod
    def _evaluate(
        link: Link, y: FloatArray, eta: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        """Derivatives with any link.

        log Gamma(a) is taken as log Gamma(1 + a) - log a, and log a = log mu + log phi from the link: the poles at
        a = 0 and b = 0 cancel in the tails otherwise.
        """
        m, log = link.mean(eta), link.log_mean(eta)
        v: FloatArray = phi[0]
        mu, nu = m.mu, m.complement
        a, b = v * mu, v * nu
        log_y, log_rest = np.log(y), np.log1p(-y)
        slope = log_y - log_rest - special.digamma(1 + a) + special.digamma(1 + b)
        a1, b1 = trigamma(1 + a), trigamma(1 + b)
        v1, v2 = v * m.mu_eta, v * m.mu_eta2
        density = (
            (a - 1) * log_y
            + (b - 1) * log_rest
            + log.log_mu
            + log.log_complement
            + 2 * np.log(v)
            + special.gammaln(v)
            - special.gammaln(1 + a)
            - special.gammaln(1 + b)
        )
        log_density = weights * _large_precision(density, v, log_y, log_rest, a, b)
        d1 = weights * (log.log_mu1 + log.log_complement1 + v1 * slope)
        d2 = weights * (log.log_mu2 + log.log_complement2 - v1**2 * (a1 + b1) + v2 * slope)
        expected = weights * (log.log_mu1**2 + log.log_complement1**2 + v1**2 * (a1 + b1))
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)
        a2, b2 = tetragamma(1 + a), tetragamma(1 + b)
        slope_phi = nu * b1 - mu * a1
        weight_phi = 2 * v * m.mu_eta**2 * (a1 + b1) + v1**2 * (mu * a2 + nu * b2)

        def textbook() -> FloatArray:
            by_phi = special.digamma(v) + 2 / v - mu * special.digamma(1 + a) - nu * special.digamma(1 + b)
            return np.asarray(by_phi + (mu * log_y + nu * log_rest), np.float64)

        def large_precision() -> FloatArray:
            by_phi = digamma_less_log(v) - mu * digamma_less_log(a) - nu * digamma_less_log(b)
            return by_phi + (mu * log_less_excess(y, mu) + nu * log_less_excess(1 - y, nu))

        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=weights
            * (log.log_mu3 + log.log_complement3 - v1**3 * (a2 - b2) - 3 * v1 * v2 * (a1 + b1) + v * m.mu_eta3 * slope),
            expected_weight_eta=weights
            * (
                2 * (log.log_mu1 * log.log_mu2 + log.log_complement1 * log.log_complement2 + v1 * v2 * (a1 + b1))
                + v1**3 * (a2 - b2)
            ),
            phi1=(weights * either(v < LARGE, textbook, large_precision))[None],
            phi1_eta=(weights * (m.mu_eta * slope + v1 * slope_phi))[None],
            phi1_eta2=(weights * (m.mu_eta2 * slope + v2 * slope_phi - weight_phi))[None],
            expected_weight_phi=(weights * weight_phi)[None],
        )

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        precision: FloatArray = phi[0]
        return mu * (1 - mu) / (1 + precision)

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return (y > 0) & (y < 1)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        precision: FloatArray = phi[0]
        tiny = np.finfo(float).tiny  # a mean may be 0 or 1 to rounding
        draws = rng.beta(np.maximum(mu * precision, tiny), np.maximum((1 - mu) * precision, tiny))
        # small precisions give draws that round to 0 or 1, which are not in the support
        return np.clip(draws, tiny, np.nextafter(1.0, 0.0))

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        precision: FloatArray = phi[0]
        return np.asarray(special.betainc(mu * precision, (1 - mu) * precision, y), np.float64)

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        link = Logit()
        eta = maximize(lambda t: self._evaluate(link, y, t, np.ones_like(y), phi, 2), link.link(y))
        return link.mean(eta).mu

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        ratio = float(np.average((y - mu) ** 2 / (mu * (1 - mu)), weights=weights))
        return np.array([max(1 / ratio - 1, 0.05) if ratio > 0 else 1.0])  # by moments


def _large_precision(
    density: FloatArray, precision: FloatArray, log_y: FloatArray, log_rest: FloatArray, a: FloatArray, b: FloatArray
) -> FloatArray:
    """`density`, the log density, without its loss of digits where the precision a + b is large.

    Where both shapes are above 1 it is a + b - 1 times a binomial density at y; where one is not, the ratio of two
    gamma functions is taken as a whole.
    """
    rows = np.broadcast_to(precision >= LARGE, density.shape)
    if not rows.any():
        return density
    result = density.copy()
    log_y, log_rest, a, b = log_y[rows], log_rest[rows], a[rows], b[rows]
    small, large = np.minimum(a, b), np.maximum(a, b)
    ratio = rising_excess(small, large, 0)[0] + small * np.log(large) - special.gammaln(small)
    density = (a - 1) * log_y + (b - 1) * log_rest + ratio
    k, f = np.maximum(a - 1, 0.0), np.maximum(b - 1, 0.0)
    binomial = large_trials(density - np.log(a + b - 1), k, f, log_y, log_rest) + np.log(a + b - 1)
    result[rows] = np.where(small > 1, binomial, density)
    return result
