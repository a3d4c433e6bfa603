"""The Conway-Maxwell-Poisson distribution, by its mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from ranef.contracts import DispersionParameter, InR
from ranef.contracts.arrays import BoolArray, FloatArray, IntArray
from ranef.contracts.family import ExponentialFamily, phi_of_rows

from .special import is_count, summed_to

#: Probabilities below exp(-44) of the greatest are left out of sums.
_NEGLIGIBLE = 44.0
#: Above this mean sums get long.
_LARGEST = 1e6
#: Sums are taken over so many counts at once, for as many pairs of mean and nu as that is.
_AT_ONCE = 2**17
#: From this nu on the distribution is nearly one of two neighbouring counts.
_NEARLY_TWO = 3.0


class ConwayMaxwellPoisson(ExponentialFamily):
    """Under- or overdispersed counts, P(y) proportional to lambda^y / (y!)^nu, where lambda is such that E(y) = mu.

    The parameter is phi = 1 / nu: Var(y) is about phi mu, less than mu for phi < 1; phi = 1 is the Poisson
    distribution, a geometric one is the limit of large phi, and two neighbouring counts are that of small phi. For a
    given nu it is an exponential family in mu; sums over counts give all cumulants, and all derivatives by phi.

    References
    ----------
    Huang (2017), Mean-parametrized Conway-Maxwell-Poisson regression models for dispersed counts,
    doi 10.1177/1471082X17697749.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import ConwayMaxwellPoisson
    >>> ConwayMaxwellPoisson().variance(np.array([2.5, 2.5]), np.array([[1.0, 0.5]])).round(4).tolist()
    [2.5, 1.3919]
    """

    name = "conway_maxwell_poisson"
    in_r = (InR("glmmTMB", "compois", ("sigma(m)",)),)
    links = ("log", "identity", "sqrt")
    support_text = f"counts 0, 1, 2, ... below {_LARGEST:.0f}"
    discrete = True

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("phi", start=1.0),)

    def valid(self, eta: FloatArray) -> bool:
        """Whether every eta maps to a mean for which sums are not too long."""
        with np.errstate(over="ignore"):
            return super().valid(eta) and bool(np.all(self.link.mean(eta).mu < _LARGEST))

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        at = _moments(mu, phi)
        density: FloatArray = y * at.log_rate - special.gammaln(y + 1) / phi[0] - at.log_total
        return weights * density

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return _moments(mu, phi).m2

    def variance_derivatives(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        at = _moments(mu, phi)
        skew = at.m3 / at.m2
        return skew, ((at.m4 - at.m3 * skew) / at.m2 - 3 * at.m2) / at.m2

    def variance_phi(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        at = _moments(mu, phi)
        slope, fall = at.cg / at.m2, np.square(1 / phi[0])
        # d E(h) / d nu = E(h T) for the score T = slope (y - mu) - (log y! - E log y!), which leaves the mean alone
        by_nu = at.m3 * slope - at.c2g
        third_by_nu = at.m4 * slope - at.c3g
        by_mu = (third_by_nu - at.m3 / at.m2 * by_nu) / at.m2
        return (-fall * by_nu)[None], (-fall * by_mu)[None]

    def log_density_phi(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        at = _moments(mu, phi)
        score: FloatArray = (y - mu) * at.cg / at.m2 - (special.gammaln(y + 1) - at.g)
        by_phi: FloatArray = -np.square(1 / phi[0]) * score
        return (weights * by_phi)[None]

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return is_count(y) & (y < _LARGEST)

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        mean, nu, row = _pairs(mu, phi)
        draws, u, order = np.empty(len(mu)), rng.random(len(mu)), np.argsort(row, kind="stable")
        ends = np.searchsorted(row[order], np.arange(len(mean) + 1))
        for t in _tables(mean, nu):
            rows = order[ends[t.pairs.start] : ends[t.pairs.stop]]
            pair = row[rows] - t.pairs.start
            m, K = t.probability.shape
            below = np.arange(m)[:, None] + np.minimum(np.cumsum(t.probability, axis=1), 1.0)
            place = np.searchsorted(below.ravel(), pair + u[rows]) - pair * K
            draws[rows] = t.counts[pair if len(t.counts) > 1 else 0, np.clip(place, 0, K - 1)]
        return draws

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        def log_density(counts: FloatArray, rows: IntArray) -> FloatArray:
            return self.log_density(counts, mu[rows], np.ones_like(counts), phi_of_rows(phi, rows))

        return summed_to(y, log_density)

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        return np.clip([float(np.average((y - mu) ** 2 / mu, weights=weights))], 0.1, 10.0)  # by moments


# Sums over counts ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Moments:
    """Of each row: log lambda, log of the sum of lambda^y / (y!)^nu, and moments of c = y - mu and g = log y! - E."""

    log_rate: FloatArray
    log_total: FloatArray
    m2: FloatArray
    m3: FloatArray
    m4: FloatArray
    g: FloatArray
    cg: FloatArray
    c2g: FloatArray
    c3g: FloatArray


@dataclass(frozen=True, eq=False)
class _Table:
    """Distributions of a range of pairs: counts (m, K) or (1, K), probabilities (m, K), log lambda, log total (m,)."""

    pairs: slice
    counts: FloatArray
    log_factorial: FloatArray
    probability: FloatArray
    log_rate: FloatArray
    log_total: FloatArray


def _pairs(mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """The different pairs of mean and nu, in ascending order, and which of them each row has."""
    pair, row = np.unique(mu + 1j * (1 / phi[0]), return_inverse=True)
    return pair.real.copy(), pair.imag.copy(), row


def _moments(mu: FloatArray, phi: FloatArray) -> _Moments:
    """The last ones are kept: a fit asks for density, variance and derivatives at the same means."""
    return _moments_of(
        np.ascontiguousarray(mu, np.float64).tobytes(), np.ascontiguousarray(phi[0], np.float64).tobytes()
    )


@lru_cache(maxsize=4)
def _moments_of(mu: bytes, phi: bytes) -> _Moments:
    mean, nu, row = _pairs(np.frombuffer(mu), np.frombuffer(phi)[None])
    sums = np.empty((9, len(mean)))
    for t in _tables(mean, nu):
        p, c = t.probability, t.counts - mean[t.pairs, None]
        g = _sums(p, t.log_factorial)
        h = p * (t.log_factorial - g[:, None])
        c2 = np.square(c)
        c3 = c2 * c
        moments = _sums(p, c2), _sums(p, c3), np.einsum("mk,mk,mk->m", p, c2, c2)
        sums[:, t.pairs] = [t.log_rate, t.log_total, *moments, g, _sums(h, c), _sums(h, c2), _sums(h, c3)]
    rows = sums[:, row]
    rows.flags.writeable = False
    return _Moments(*rows)


def _sums(p: FloatArray, values: FloatArray) -> FloatArray:
    """Of p (m, K) times values (m, K) or (1, K), over counts: without an array of the products."""
    return np.asarray(np.einsum("mk,mk->m", p, values) if len(values) == len(p) else p @ values[0])


def _tables(mean: FloatArray, nu: FloatArray) -> Iterator[_Table]:
    """Distributions of pairs of mean and nu in ascending order, as many at once as `_AT_ONCE` counts allow."""
    first, last = _windows(mean, nu)
    width, start = last - first + 1, 0
    while start < len(mean):
        longest = np.maximum.accumulate(width[start : start + _AT_ONCE])
        many = int(np.searchsorted(longest * np.arange(1, len(longest) + 1), _AT_ONCE, side="right"))
        pairs = slice(start, start + max(many, 1))
        lowest = first[pairs]
        if np.all(lowest == lowest[0]):
            lowest = lowest[:1]
        counts = lowest[:, None] + np.arange(width[pairs].max())
        yield _table(pairs, counts, mean[pairs], nu[pairs])
        start = pairs.stop


def _windows(mean: FloatArray, nu: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Counts beyond which probabilities are negligible."""
    # log P falls as nu m k(x), x = y/m - 1, k(x) = (1 + x) log(1 + x) - x, which Bennett's inequalities bound by
    # x^2/2 below and x^2/(2 + 2x/3) above m; what is enough for the mean 1 is enough for smaller ones
    m = np.maximum(mean, 1.0)
    c = _NEGLIGIBLE / (nu * m)
    first = np.floor(np.maximum(m * (1 - np.sqrt(2 * c)) - 2, 0))
    bennett = m * (1 + c / 3 + np.sqrt(c**2 / 9 + 2 * c)) + 2
    # and tails are no longer than those of the geometric distribution with this mean
    geometric = m + (_NEGLIGIBLE + np.log1p(m)) / np.log1p(1 / m)
    return first, np.ceil(np.minimum(bennett, geometric))


def _table(pairs: slice, counts: FloatArray, mean: FloatArray, nu: FloatArray) -> _Table:
    """Newton's method on log(mean) in log(lambda), kept inside a bracket by bisection."""
    log_factorial = _log_factorial(counts)
    apart = counts - mean[:, None]
    squares = np.square(apart)
    base = -nu[:, None] * log_factorial
    low, high = np.log(mean / (1 + mean)) - 1, nu * np.log(mean + 2) + 3 + np.maximum(np.log(mean), 0)
    log_rate = np.clip(_first_log_rate(mean, nu), low, high)
    closed = np.full(mean.shape, False)
    for _ in range(200):
        log_p = base + log_rate[:, None] * counts
        greatest = log_p.max(axis=1)
        share = np.exp(log_p - greatest[:, None])
        total = share.sum(axis=1)
        if np.all(closed):
            break
        ahead = _sums(share, apart) / total
        found, variance = mean + ahead, _sums(share, squares) / total - np.square(ahead)
        closed = np.abs(ahead) <= 1e-9 * np.minimum(mean, variance)  # the step that follows squares the error
        low, high = np.where(found < mean, log_rate, low), np.where(found < mean, high, log_rate)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            newton = log_rate - np.log1p(ahead / mean) * found / variance
            inside = (newton > low) & (newton < high)
        log_rate = np.where(closed | inside, newton, 0.5 * (low + high))
    return _Table(pairs, counts, log_factorial, share / total[:, None], log_rate, greatest + np.log(total))


def _log_factorial(counts: FloatArray) -> FloatArray:
    """log y!: of all counts once where they occur in many rows."""
    first, last = counts[:, 0].min(), counts[:, -1].max()
    if last - first >= counts.size:
        return np.asarray(special.gammaln(counts + 1))
    return np.asarray(special.gammaln(np.arange(first, last + 1) + 1)[(counts - first).astype(np.intp)])


def _first_log_rate(mean: FloatArray, nu: FloatArray) -> FloatArray:
    """log lambda by its expansion for large means, or that of the lower and the upper of two counts."""
    expansion = nu * np.log(np.maximum(mean + (nu - 1) / (2 * nu), 0.5 * mean))
    lower = np.floor(mean)
    share = np.clip(mean - lower, 1e-3, 1 - 1e-3)
    two = nu * np.log(lower + 1) + np.log(share / (1 - share))
    return np.where(nu > _NEARLY_TWO * np.maximum(mean, 1.0), two, expansion)
