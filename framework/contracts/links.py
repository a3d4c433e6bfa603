"""The standard links: exact derivatives and, for means in (0, 1), log means that are exact in the tails.

They are pure mathematics, so that a family can use them, and resolve their names, without asking anybody: "log" in a
family's `links` is always this one. Links of others are objects, or names that the registry resolves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from .arrays import FloatArray
from .errors import PluginError, shown
from .link import Link, LogMean, Mean

#: B_2k / (2k)!, k = 1, 2, ...: the coefficients of t / (e^t - 1) in t^2, t^4, ... (DLMF 24.2.1).
_BERNOULLI = np.array(
    [
        1 / 12,
        -1 / 720,
        1 / 30240,
        -1 / 1209600,
        1 / 47900160,
        -691 / 1307674368000,
        1 / 74724249600,
        -3617 / 10670622842880000,
    ]
)


class Identity(Link):
    """eta = mu."""

    name = "identity"

    def link(self, mu: FloatArray) -> FloatArray:
        return mu

    def mean(self, eta: FloatArray) -> Mean:
        zero = np.zeros_like(eta)
        return Mean(eta, 1 - eta, np.ones_like(eta), zero, zero)

    def marginal_mean(self, eta: FloatArray, variance: FloatArray | float) -> FloatArray:
        return eta


class Log(Link):
    """eta = log(mu)."""

    name = "log"
    range = (0.0, np.inf)
    multiplicative = True

    def link(self, mu: FloatArray) -> FloatArray:
        return np.log(mu)

    def mean(self, eta: FloatArray) -> Mean:
        mu = np.exp(eta)
        return Mean(mu, -np.expm1(eta), mu, mu, mu)

    def marginal_mean(self, eta: FloatArray, variance: FloatArray | float) -> FloatArray:
        with np.errstate(over="ignore"):  # of variances in the hundreds the mean is beyond all numbers
            return np.exp(eta + 0.5 * variance)

    def log_mean(self, eta: FloatArray) -> LogMean:
        zero = np.zeros_like(eta)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            odds = 1 / np.expm1(-eta)  # mu / (1 - mu)
            log_complement = np.where(eta < -0.5, np.log1p(-np.exp(eta)), np.log(-np.expm1(eta)))
        return LogMean(
            eta,
            np.ones_like(eta),
            zero,
            zero,
            log_complement,
            -odds,
            -odds * (1 + odds),
            -odds * (1 + odds) * (1 + 2 * odds),
        )


class Logit(Link):
    """eta = log(mu / (1 - mu)); canonical for the binomial family."""

    name = "logit"
    range = (0.0, 1.0)
    latent_variance = np.pi**2 / 3

    def link(self, mu: FloatArray) -> FloatArray:
        return np.asarray(scipy.special.logit(mu), np.float64)

    def mean(self, eta: FloatArray) -> Mean:
        mu, complement = scipy.special.expit(eta), scipy.special.expit(-eta)
        product = mu * complement
        return Mean(mu, complement, product, product * (complement - mu), product * (1 - 6 * product))

    def log_mean(self, eta: FloatArray) -> LogMean:
        e = np.exp(-np.abs(eta))
        log_larger, larger = -np.log1p(e), 1 / (1 + e)  # of the larger one of mu and 1 - mu
        positive = eta >= 0
        mu = np.where(positive, larger, e * larger)
        complement = np.where(positive, e * larger, larger)
        product = e * larger**2
        skew = -product * (complement - mu)
        return LogMean(
            np.minimum(eta, 0) + log_larger,
            complement,
            -product,
            skew,
            log_larger - np.maximum(eta, 0),
            -mu,
            -product,
            skew,
        )


def _log_normal_cdf(x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """log Phi(x) and its first three derivatives: r = phi/Phi, -r (x + r), r [(x + r)(x + 2 r) - 1].

    In the lower tail x + r and the bracket vanish; there Laplace's continued fraction r = t + 1/(t + 2/(t + 3/...)),
    t = -x, gives them without cancellation.
    """
    with np.errstate(over="ignore"):
        r = np.sqrt(2 / np.pi) / scipy.special.erfcx(-x / np.sqrt(2))
    excess = x + r
    bracket = excess * (x + 2 * r) - 1
    tail = x < -4
    if np.any(tail):
        t = -x[tail]
        k3 = np.zeros_like(t)
        for j in range(40, 2, -1):
            k3 = j / (t + k3)
        k2 = 2 / (t + k3)
        k1 = 1 / (t + k2)
        r[tail], excess[tail] = t + k1, k1
        bracket[tail] = k1**2 * k2 * (k3 - k2)
    return np.asarray(scipy.special.log_ndtr(x), np.float64), r, -r * excess, r * bracket


class Probit(Link):
    """eta = Phi^-1(mu), Phi the standard normal distribution function."""

    name = "probit"
    range = (0.0, 1.0)
    latent_variance = 1.0

    def link(self, mu: FloatArray) -> FloatArray:
        return np.asarray(scipy.special.ndtri(mu), np.float64)

    def mean(self, eta: FloatArray) -> Mean:
        density = np.exp(-0.5 * eta**2) / np.sqrt(2 * np.pi)
        return Mean(scipy.special.ndtr(eta), scipy.special.ndtr(-eta), density, -eta * density, (eta**2 - 1) * density)

    def marginal_mean(self, eta: FloatArray, variance: FloatArray | float) -> FloatArray:
        return np.asarray(scipy.special.ndtr(eta / np.sqrt(1 + variance)), np.float64)

    def log_mean(self, eta: FloatArray) -> LogMean:
        c0, c1, c2, c3 = _log_normal_cdf(-eta)
        return LogMean(*_log_normal_cdf(eta), c0, -c1, c2, -c3)


def log_one_minus_exp(eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """log(1 - exp(-t)) and its first three derivatives by eta = log t.

    The log mean of the complementary log-log link, and the log normalizer of zero-truncated counts (t = -log of the
    probability of 0).
    """
    eta = np.asarray(eta, np.float64)
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        t = np.exp(eta)
        # below eta = -37, log(1 - exp(-t)) = eta - t/2 to rounding, also where t underflows
        value = np.where(t < 0.5, np.log(-np.expm1(-t)), np.log1p(-np.exp(-t)))
        value = np.where(eta < -37.0, eta - 0.5 * t, value)
        first = np.where(t > 0, t / np.expm1(t), 1.0)
        first = np.where(t > 700.0, 0.0, first)  # below 1e-300
        # 1 - t - t/(e^t - 1), by the series where it would cancel
        small = np.minimum(t, 0.5)
        series = np.polynomial.polynomial.polyval(small**2, _BERNOULLI)
        rest = np.where(t < 0.5, -0.5 * small - small**2 * series, 1.0 - t - first)
        second = np.where(first > 0, first * rest, 0.0)
        third = np.where(first > 0, second * (rest - first) - first * t, 0.0)
    return value, first, second, third


class CLogLog(Link):
    """eta = log(-log(1 - mu)), the complementary log-log."""

    name = "cloglog"
    range = (0.0, 1.0)
    latent_variance = np.pi**2 / 6

    def link(self, mu: FloatArray) -> FloatArray:
        return np.log(-np.log1p(-mu))

    def mean(self, eta: FloatArray) -> Mean:
        with np.errstate(over="ignore", under="ignore"):
            t = np.exp(eta)
            complement = np.exp(-t)
            slope = np.exp(eta - t)
            small = slope > 0  # where it underflows, so do the higher derivatives (and t may be infinite)
            u = np.where(small, t, 0.0)
        return Mean(-np.expm1(-t), complement, slope, slope * (1 - u), slope * (1 - 3 * u + u**2))

    def log_mean(self, eta: FloatArray) -> LogMean:
        with np.errstate(over="ignore"):
            t = np.exp(eta)
        return LogMean(*log_one_minus_exp(eta), -t, -t, -t, -t)


class LogLog(Link):
    """eta = -log(-log(mu)): the complementary log-log link with success and failure exchanged."""

    name = "loglog"
    range = (0.0, 1.0)
    latent_variance = np.pi**2 / 6

    def link(self, mu: FloatArray) -> FloatArray:
        return -np.log(-np.log(mu))

    def mean(self, eta: FloatArray) -> Mean:
        m = CLogLog().mean(-eta)
        return Mean(m.complement, m.mu, m.mu_eta, -m.mu_eta2, m.mu_eta3)

    def log_mean(self, eta: FloatArray) -> LogMean:
        m = CLogLog().log_mean(-eta)
        return LogMean(
            m.log_complement,
            -m.log_complement1,
            m.log_complement2,
            -m.log_complement3,
            m.log_mu,
            -m.log_mu1,
            m.log_mu2,
            -m.log_mu3,
        )


class Cauchit(Link):
    """eta = tan(pi (mu - 1/2)), the quantile function of the Cauchy distribution (which has no variance)."""

    name = "cauchit"
    range = (0.0, 1.0)

    def link(self, mu: FloatArray) -> FloatArray:
        # both tails are exact: tan near its poles is not
        return np.where(mu < 0.5, -1 / np.tan(np.pi * mu), 1 / np.tan(np.pi * (1 - mu)))

    def mean(self, eta: FloatArray) -> Mean:
        mu, complement = np.arctan2(1.0, -eta) / np.pi, np.arctan2(1.0, eta) / np.pi
        inverse = 1 / (1 + eta**2)
        slope = inverse / np.pi
        return Mean(mu, complement, slope, -2 * eta * inverse * slope, (6 * eta**2 - 2) * inverse**2 * slope)


class Inverse(Link):
    """eta = 1 / mu; canonical (but for its sign) for the gamma family."""

    name = "inverse"

    def link(self, mu: FloatArray) -> FloatArray:
        return 1 / mu

    def mean(self, eta: FloatArray) -> Mean:
        mu = 1 / eta
        return Mean(mu, 1 - mu, -(mu**2), 2 * mu**3, -6 * mu**4)

    def valid(self, eta: FloatArray) -> bool:
        return bool(np.all(eta != 0))


class InverseSquared(Link):
    """eta = 1 / mu^2, mu > 0; canonical (but for a factor) for the inverse Gaussian family."""

    name = "inverse_squared"
    range = (0.0, np.inf)

    def link(self, mu: FloatArray) -> FloatArray:
        return 1 / mu**2

    def mean(self, eta: FloatArray) -> Mean:
        mu = 1 / np.sqrt(eta)
        slope = -0.5 * mu / eta
        return Mean(mu, 1 - mu, slope, -1.5 * slope / eta, 3.75 * slope / eta**2)

    def valid(self, eta: FloatArray) -> bool:
        return bool(np.all(eta > 0))


class Sqrt(Link):
    """eta = sqrt(mu), eta > 0."""

    name = "sqrt"
    range = (0.0, np.inf)

    def link(self, mu: FloatArray) -> FloatArray:
        return np.sqrt(mu)

    def mean(self, eta: FloatArray) -> Mean:
        mu = eta**2
        return Mean(mu, 1 - mu, 2 * eta, np.full_like(eta, 2.0), np.zeros_like(eta))

    def marginal_mean(self, eta: FloatArray, variance: FloatArray | float) -> FloatArray:
        return eta**2 + variance  # the mean eta^2 goes on beyond the edge

    def valid(self, eta: FloatArray) -> bool:
        return bool(np.all(eta > 0))


#: The standard links by name.
STANDARD: dict[str, Link] = {
    link.name: link
    for link in (
        Identity(),
        Log(),
        Logit(),
        Probit(),
        CLogLog(),
        LogLog(),
        Cauchit(),
        Inverse(),
        InverseSquared(),
        Sqrt(),
    )
}


def by_name(links: Any, where: str) -> dict[str, Link]:
    """The links of a tuple that has standard ones by name and others as objects.

    Parameters
    ----------
    links : tuple of str or Link
    where : str
        What messages call the tuple.

    Raises
    ------
    PluginError
        If `links` is no such tuple.

    Examples
    --------
    >>> by_name(("log", Cauchit()), "MyFamily.links")
    {'log': Log(), 'cauchit': Cauchit()}
    """
    if not links or isinstance(links, str):
        raise PluginError(
            f"{where} is {links!r}: expected a tuple of the names of the links that fit the family, the default first, "
            'for example links = ("log", "identity")'
        )
    for link in links:
        if not isinstance(link, Link) and link not in [*STANDARD]:
            raise PluginError(
                f"{where} has {shown(link)}: expected names of standard links ({', '.join(STANDARD)}), and other links "
                "as objects"
            )
    return {link.name: link for link in (STANDARD.get(link, link) for link in links)}
