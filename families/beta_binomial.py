"""The beta-binomial distribution by mean and precision."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, InR, Link
from ranef.contracts.arrays import FloatArray, IntArray
from ranef.contracts.family import phi_of_rows
from ranef.contracts.links import Logit

from .proportion import ProportionFamily
from .special import maximize, rising_excess, summed_to, times_log

#: From so many trials on, sums over all numbers of successes are not taken.
_MANY_TRIALS = 1000


class BetaBinomial(ProportionFamily):
    """Proportions y of successes in `weights` trials; their probability is beta(mu precision, (1 - mu) precision).

    Var(y) = mu (1 - mu) / n * (1 + (n - 1) / (1 + precision)) for n trials; binomial as the precision grows. The
    expected weight is that of quasi-likelihood, mu_eta^2 / Var(y): the Fisher information has no closed form.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import BetaBinomial
    >>> y, mu, trials, precision = np.array([0.5]), np.array([0.5]), np.array([4.0]), np.array([2.0])
    >>> round(float(np.exp(BetaBinomial().log_density(y, mu, trials, precision)[0])), 12)  # uniform on 0, 1, ..., 4
    0.2
    """

    name = "beta_binomial"
    in_r = (InR("glmmTMB", "betabinomial", ("sigma(m)",)),)

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("precision", start=1.0),)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        precision: FloatArray = phi[0]
        k = np.rint(weights * y)
        f = weights - k
        excess = (
            rising_excess(k, mu * precision, 0)[0]
            + rising_excess(f, (1 - mu) * precision, 0)[0]
            - rising_excess(weights, precision, 0)[0]
        )
        with np.errstate(invalid="ignore"):
            density = excess + special.xlogy(k, mu) + special.xlog1py(f, -mu) + self.response_term(y, weights)
        return np.where(((mu == 0) & (k > 0)) | ((mu == 1) & (f > 0)), -np.inf, density)

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, exact."""
        d = self._evaluate(self.link, y, eta, weights, phi, order)
        return replace(d, log_density=d.log_density + self.response_term(y, weights))

    @staticmethod
    def _evaluate(
        link: Link, y: FloatArray, eta: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        """Those without the binomial coefficient: by log(mu precision) for successes, likewise failures."""
        m = link.log_mean(eta)
        v: FloatArray = phi[0]
        n, k = weights, np.rint(weights * y)
        f = n - k
        A = rising_excess(k, v * np.exp(m.log_mu), order)
        B = rising_excess(f, v * np.exp(m.log_complement), order)
        N = rising_excess(n, v, 1)
        # derivatives of log Gamma(k + a) / Gamma(a) by log a
        A1, A2, B1, B2 = k + A[1], A[2], f + B[1], B[2]
        s1, s2, s3 = m.log_mu1, m.log_mu2, m.log_mu3
        c1, c2, c3 = m.log_complement1, m.log_complement2, m.log_complement3

        log_density = A[0] + B[0] - N[0] + times_log(k, m.log_mu) + times_log(f, m.log_complement)
        d1 = A1 * s1 + B1 * c1
        d2 = A2 * s1**2 + A1 * s2 + B2 * c1**2 + B1 * c2
        share = n * (1 + v) / (n + v)
        expected = -share * s1 * c1
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)
        A3, B3 = A[3], B[3]
        return Derivatives(
            log_density,
            d1,
            d2,
            expected,
            d3=A3 * s1**3 + 3 * A2 * s1 * s2 + A1 * s3 + B3 * c1**3 + 3 * B2 * c1 * c2 + B1 * c3,
            expected_weight_eta=-share * (s2 * c1 + s1 * c2),
            phi1=((A[1] + B[1] - N[1]) / v)[None],
            phi1_eta=((A2 * s1 + B2 * c1) / v)[None],
            phi1_eta2=((A3 * s1**2 + A2 * s2 + B3 * c1**2 + B2 * c2) / v)[None],
            expected_weight_phi=(-n * (n - 1) / (n + v) ** 2 * s1 * c1)[None],
        )

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Variance of a single trial, which does not depend on the precision; see `response_variance`."""
        return mu * (1 - mu)

    def response_variance(self, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        precision: FloatArray = phi[0]
        return mu * (1 - mu) / weights * (1 + (weights - 1) / (1 + precision))

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        precision: FloatArray = phi[0]
        tiny = np.finfo(float).tiny  # a mean may be 0 or 1 to rounding
        probability = rng.beta(np.maximum(mu * precision, tiny), np.maximum((1 - mu) * precision, tiny))
        return rng.binomial(weights.astype(np.int64), probability) / weights

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """P(Y <= y), summed over the smaller numbers of successes where there are few trials."""
        result, many = np.empty_like(y), weights > _MANY_TRIALS
        result[many] = self._cdf_of_many_trials(y[many], mu[many], weights[many], phi_of_rows(phi, many))
        if not many.all():
            y, mu, weights, phi = y[~many], mu[~many], weights[~many], phi_of_rows(phi, ~many)

            def log_density(k: FloatArray, rows: IntArray) -> FloatArray:
                return self.log_density(k / weights[rows], mu[rows], weights[rows], phi_of_rows(phi, rows))

            result[~many] = summed_to(np.rint(weights * y), log_density)
        return np.minimum(result, 1.0)

    @staticmethod
    def _cdf_of_many_trials(y: FloatArray, mu: FloatArray, n: FloatArray, phi: FloatArray) -> FloatArray:
        """P(Y <= k) = P(P < T), P the beta probability and T an independent beta(k + 1, n - k).

        Given P there are at most k successes if the (k + 1)th smallest of n uniform numbers, T, is above it. Of P and
        T the one that varies less is integrated over.
        """
        k, precision = np.rint(n * y), phi[0]
        tiny = np.finfo(float).tiny
        p = np.maximum(mu * precision, tiny), np.maximum((1 - mu) * precision, tiny)
        t = k + 1, np.maximum(n - k, 1)
        over_p = _logit_variance(*p) < _logit_variance(*t)
        return np.where(k == n, 1.0, np.where(over_p, 1 - _mean_of_cdf(p, t), _mean_of_cdf(t, p)))

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        mean, link = y.copy(), Logit()  # no success or no failure: the likelihood grows up to the bound
        inside = (y > 0) & (y < 1)
        p, n, phi = y[inside], weights[inside], phi_of_rows(phi, inside)
        mean[inside] = link.mean(maximize(lambda t: self._evaluate(link, p, t, n, phi, 2), link.link(p))).mu
        return mean

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        inflation = float(np.mean(weights * (y - mu) ** 2 / (mu * (1 - mu))))
        trials = float(np.mean(weights))
        return np.array([max((trials - 1) / max(inflation - 1, 0.05) - 1, 0.05)])  # by moments


def _logit_variance(a: FloatArray, b: FloatArray) -> FloatArray:
    """About the variance of the logit of a beta(a, b) variable."""
    return 1 / a + 1 / b


def _mean_of_cdf(of: tuple[FloatArray, FloatArray], cdf: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Mean of one beta distribution function at a variable of another one that is concentrated.

    By the trapezoidal rule on the logit scale, which is exact to rounding: the density there is analytic, and falls off
    exponentially at least.
    """
    a, b = of[0][:, None], of[1][:, None]
    with np.errstate(over="ignore", invalid="ignore"):  # of the rows where it is the other one
        logit = np.log(a / b) + 0.25 * np.sqrt(_logit_variance(a, b)) * np.arange(-200.0, 201.0)
        log_weight = a * logit - (a + b) * np.logaddexp(0.0, logit)
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        below = special.betainc(cdf[0][:, None], cdf[1][:, None], special.expit(logit))
    return np.asarray((weight * below).sum(axis=1) / weight.sum(axis=1), np.float64)
