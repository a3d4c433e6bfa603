"""The Bell distribution."""

from __future__ import annotations

import numpy as np
from scipy import special

from ranef.contracts.arrays import FloatArray, IntArray
from ranef.contracts.family import ExponentialFamily

from .count import CountFamily
from .special import flat_ranges, summed_to

#: Sums of Bell numbers end so many standard deviations from the greatest term.
_FAR = 10.0


class Bell(CountFamily, ExponentialFamily):
    """Overdispersed counts without a further parameter: Var(y) = mu (1 + W), where W exp(W) = mu.

    P(y) = W^y exp(1 - exp(W)) B_y / y! with the Bell numbers B_y: a Poisson number, of mean exp(W) - 1, of groups that
    have truncated Poisson numbers of members.

    References
    ----------
    Castellares, Ferrari & Lemonte (2018), On the Bell distribution and its associated regression model for count data,
    doi 10.1016/j.apm.2017.12.014.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Bell
    >>> Bell().variance(np.array([1.0, np.e]), np.array([])).round(4).tolist()
    [1.5671, 5.4366]
    """

    name = "bell"
    links = ("log", "identity", "sqrt")

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        W = _lambert(mu)
        with np.errstate(invalid="ignore"):
            log_W = np.log(mu) - W
        return weights * (y * log_W - np.expm1(W) + self.response_term(y, weights))

    @staticmethod
    def term(y: FloatArray, weights: FloatArray) -> FloatArray:
        """log(B_y / y!), with the Bell number B_y."""
        return _log_bell_over_factorial(y)

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return mu * (1 + _lambert(mu))

    def variance_derivatives(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        W = _lambert(mu)
        slope = np.exp(-W) / (1 + W)
        return 1 + W + W / (1 + W), slope * (1 + 1 / np.square(1 + W))

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        # the groups of k members are a Poisson number of mean W^k / k!
        W = _lambert(mu)
        total, rate, k = np.zeros(mu.shape), W, 1
        while np.any(rate > np.finfo(float).eps) or np.any(k < W):
            total, k = total + k * rng.poisson(rate), k + 1
            rate = rate * W / k
        return total

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        def log_density(counts: FloatArray, rows: IntArray) -> FloatArray:
            return self.log_density(counts, mu[rows], np.ones_like(counts), phi)

        return summed_to(y, log_density)


def _lambert(mu: FloatArray) -> FloatArray:
    """W of W exp(W) = mu."""
    with np.errstate(invalid="ignore"):  # a mean outside of its range
        return np.asarray(special.wrightomega(np.log(mu)), np.float64)


def _log_bell_over_factorial(y: FloatArray) -> FloatArray:
    """log(B_y / y!), by Dobinski's sum B_y = sum of k^y / k! over k, divided by e."""
    n, of = np.unique(y, return_inverse=True)
    if not len(n):
        return np.zeros_like(y)
    middle = n / _lambert(np.maximum(n, 1.0))  # k log k = n, where terms are greatest
    reach = _FAR * (middle / np.sqrt(np.maximum(n + middle, 1.0)) + 2)
    rows, k, starts = flat_ranges(np.floor(np.maximum(middle - reach, 0.0)), middle + reach, np.ones_like(n))
    log_terms = special.xlogy(n[rows], k) - special.gammaln(k + 1)
    greatest = np.maximum.reduceat(log_terms, starts)
    total = np.add.reduceat(np.exp(log_terms - greatest[rows]), starts)
    return np.asarray((greatest + np.log(total) - 1 - special.gammaln(n + 1))[of], np.float64)
