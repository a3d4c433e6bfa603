"""The binomial and Bernoulli distributions."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, InR
from ranef.contracts.arrays import FloatArray, IntArray
from ranef.contracts.links import Logit

from .proportion import ProportionFamily
from .special import LARGE, by_eta_alone, large_trials, times_log


class Binomial(ProportionFamily):
    """Proportions y of successes in `weights` trials; 0/1 (Bernoulli) responses where the weights are 1.

    Var(y) = mu (1 - mu) / weights. With the log link eta must stay negative.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Binomial
    >>> d = Binomial(link="probit").evaluate(np.ones(1), np.array([-40.0]), np.ones(1), np.array([]))
    >>> d.log_density.round(4).item()
    -804.6084
    """

    #: Of a family for single trials, which `of_response` made: 1 where y = 0, -1 where y = 1.
    _sign: FloatArray | None = None

    name = "binomial"
    in_r = (
        InR("lme4", "binomial"),
        InR("glmmTMB", "binomial"),
    )

    def of_response(self, y: FloatArray, weights: FloatArray) -> Self:
        """The same family, which knows the binomial coefficients, or that all are single trials."""
        other = super().of_response(y, weights)
        single = bool(np.all(weights == 1.0) and np.all((y == 0.0) | (y == 1.0)))
        other._sign = 1.0 - 2.0 * y if single else None
        return other

    def of_rows(self, y: FloatArray, weights: FloatArray, rows: IntArray) -> Self:
        """The same family, which knows as much of these rows."""
        other = super().of_rows(y, weights, rows)
        other._sign = None if self._sign is None else self._sign[rows]
        return other

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        k = weights * y
        density = self.response_term(y, weights) + special.xlogy(k, mu) + special.xlog1py(weights - k, -mu)
        with np.errstate(divide="ignore"):
            return large_trials(density, k, weights - k, np.log(mu), np.log1p(-mu))

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, exact: they are linear in log mu and log(1 - mu)."""
        if isinstance(self.link, Logit):
            if self._sign is not None and self.knows(y, weights):
                return _single_trials(self._sign, eta, order)
            return self._evaluate_logit(y, eta, weights, order)
        m = self.link.log_mean(eta)
        k = weights * y
        f = weights - k
        log_density = self.response_term(y, weights) + times_log(k, m.log_mu) + times_log(f, m.log_complement)
        log_density = large_trials(log_density, k, f, m.log_mu, m.log_complement)
        d1 = times_log(k, m.log_mu1) + times_log(f, m.log_complement1)
        d2 = times_log(k, m.log_mu2) + times_log(f, m.log_complement2)
        # mu_eta^2 / (mu (1 - mu)), the product of two logarithmic derivatives
        expected = -weights * _product(m.log_mu1, m.log_complement1)
        if order == 2:
            return Derivatives(log_density, d1, d2, expected)
        d3 = times_log(k, m.log_mu3) + times_log(f, m.log_complement3)
        bent = _product(m.log_mu2, m.log_complement1) + _product(m.log_mu1, m.log_complement2)
        return by_eta_alone(log_density, d1, d2, expected, d3, -weights * bent)

    def _evaluate_logit(self, y: FloatArray, eta: FloatArray, weights: FloatArray, order: Literal[2, 3]) -> Derivatives:
        """The canonical link needs one exponential and one logarithm; no term cancels in the tails."""
        decay = np.exp(-np.abs(eta))
        larger = 1 / (1 + decay)  # the larger one of mu and 1 - mu
        smaller = decay * larger
        positive = eta > 0
        mu = np.where(positive, larger, smaller)
        complement = np.where(positive, smaller, larger)
        # log f = k eta - w log(1 + exp(eta)), less eta's positive part in both terms
        exponent = weights * (y * eta - np.maximum(eta, 0.0))
        log_density = self.response_term(y, weights) + exponent - weights * np.log1p(decay)
        if (weights > LARGE).any():
            m = self.link.log_mean(eta)
            log_density = large_trials(log_density, weights * y, weights * (1 - y), m.log_mu, m.log_complement)
        d1 = weights * (y * complement - (1 - y) * mu)
        expected = weights * larger * smaller
        if order == 2:
            return Derivatives(log_density, d1, -expected, expected)
        expected_eta = expected * (complement - mu)
        return by_eta_alone(log_density, d1, -expected, expected, -expected_eta, expected_eta)

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return mu * (1 - mu)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        return rng.binomial(weights.astype(np.int64), mu) / weights

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        k = np.rint(weights * y)
        below = special.betainc(np.maximum(weights - k, 1), np.maximum(k, 0) + 1, 1 - mu)
        return np.where(k < 0, 0.0, np.where(k < weights, below, 1.0))

    def deviance(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return 2 * weights * (special.rel_entr(y, mu) + special.rel_entr(1 - y, 1 - mu))


def _single_trials(sign: FloatArray, eta: FloatArray, order: Literal[2, 3]) -> Derivatives:
    """What `_evaluate_logit` gives, to the last bit, in half the time: by the probability p of the other answer.

    That is the logistic function of v = sign eta, and log f = -log(1 + exp(v)).
    """
    v = sign * eta
    decay = np.abs(v)
    np.exp(np.negative(decay, out=decay), out=decay)
    larger = 1 / (1 + decay)
    smaller = decay * larger
    positive = v > 0
    p = np.where(positive, larger, smaller)
    log_density = -(np.maximum(v, 0.0) + np.log1p(decay))
    d1 = -sign * p
    expected = larger * smaller
    if order == 2:
        return Derivatives(log_density, d1, -expected, expected)
    expected_eta = expected * (sign * (np.where(positive, smaller, larger) - p))
    return by_eta_alone(log_density, d1, -expected, expected, -expected_eta, expected_eta)


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """a b, where one factor may have underflowed to 0 and the other be infinite: the product vanishes."""
    with np.errstate(invalid="ignore"):
        return np.where((a == 0) | (b == 0), 0.0, a * b)
