"""Conway-Maxwell-Poisson counts for ranef, parametrized by their mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from ranef.contracts import DispersionParameter, FamilyEntry, hookimpl
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.family import ExponentialFamily
from scipy import special

#: Probabilities below exp(-44) of the greatest are left out of sums.
NEGLIGIBLE = 44.0
#: Above this mean sums get long.
LARGEST_MEAN = 1e6


class ConwayMaxwellPoisson(ExponentialFamily):
    """Counts with P(y) proportional to lambda^y / (y!)^nu, where lambda is such that the mean is mu.

    For a given nu this is an exponential family in mu (Huang 2017, doi 10.1177/1471082X17697749), with the variance
    function V = K'' of its cumulants and V' = K'''/K'', V'' = (K'''' - K'''^2/K'') / K''^2.

    Examples
    --------
    >>> import numpy as np
    >>> family, mu = ConwayMaxwellPoisson(link=None), np.array([2.5])
    >>> family.variance(mu, np.array([1.0])).round(9).item()  # nu = 1: Poisson
    2.5
    """

    name = "conway-maxwell-poisson"
    links = ("log", "identity", "sqrt")
    support_text = "counts 0, 1, 2, ..."
    discrete = True

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        # below 0.02 sums get long, and the distribution is geometric to all purposes
        return (DispersionParameter("nu", start=1.0, lower=0.02, upper=50.0),)

    def valid(self, eta: FloatArray) -> bool:
        return super().valid(eta) and bool(np.all(self.link.mean(eta).mu < LARGEST_MEAN))

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        t = tabulate(mu, phi)
        return weights * (y * t.log_rate[t.row] - phi[0] * special.gammaln(y + 1) - t.log_total[t.row])

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        t = tabulate(mu, phi)
        return t.central_moment(2)[t.row]

    def variance_derivatives(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        t = tabulate(mu, phi)
        K2, K3 = t.central_moment(2), t.central_moment(3)
        K4 = t.central_moment(4) - 3 * K2**2
        return (K3 / K2)[t.row], ((K4 - K3**2 / K2) / K2**2)[t.row]

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return np.isfinite(y) & (y >= 0) & (y == np.round(y))

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        t = tabulate(mu, phi)
        above = rng.random(len(mu))[:, None] > np.cumsum(t.probability, axis=1)[t.row]
        return t.counts[t.row, 0] + above.sum(axis=1)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        t = tabulate(mu, phi)
        return np.sum(t.probability[t.row], axis=1, where=t.counts[t.row] <= y[:, None])

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        ratio = float(np.average((y - mu) ** 2 / mu, weights=weights))  # V is about mu / nu
        return np.array([np.clip(1 / ratio if ratio > 0 else 1.0, 0.1, 10.0)])


@dataclass(frozen=True, eq=False)
class Table:
    """The distributions at m pairs of mean and nu: their counts and probabilities (m, K), and which row is whose."""

    row: np.ndarray
    mean: FloatArray
    log_rate: FloatArray
    log_total: FloatArray
    counts: FloatArray
    probability: FloatArray

    def central_moment(self, order: int) -> FloatArray:
        return np.sum(self.probability * (self.counts - self.mean[:, None]) ** order, axis=1)


def tabulate(mu: FloatArray, phi: FloatArray) -> Table:
    """The last tables are kept: a fit asks for density, variance and derivatives at the same means."""
    return _tabulate((mu + 1j * phi[0]).tobytes())  # nu is one number, or one for each row


@lru_cache(maxsize=8)
def _tabulate(pairs: bytes) -> Table:
    pair, row = np.unique(np.frombuffer(pairs, complex), return_inverse=True)
    mean, nu = pair.real.copy(), pair.imag.copy()
    # log P falls as nu m k(x), x = y/m - 1, k(x) = (1 + x) log(1 + x) - x, which Bennett's inequalities bound by
    # x^2/2 below and x^2/(2 + 2x/3) above m; what is enough for the mean 1 is enough for smaller ones
    m = np.maximum(mean, 1.0)
    c = NEGLIGIBLE / (nu * m)
    first = np.floor(np.maximum(m * (1 - np.sqrt(2 * c)) - 2, 0))
    last = np.ceil(m * (1 + c / 3 + np.sqrt(c**2 / 9 + 2 * c)) + 2)
    counts = first[:, None] + np.arange(float(np.max(last - first, initial=0.0)) + 1)
    base = -nu[:, None] * special.gammaln(counts + 1)

    low, high = np.log(mean / (1 + mean)) - 1, nu * np.log(mean + 2) + 3 + np.maximum(np.log(mean), 0)
    log_rate = np.clip(nu * np.log(np.maximum(mean + (nu - 1) / (2 * nu), 0.5 * mean)), low, high)
    closed = np.full(mean.shape, False)
    for _ in range(200):  # Newton's method on log(mean) in log(lambda), kept inside a bracket by bisection
        log_p = base + log_rate[:, None] * counts
        greatest = log_p.max(axis=1)
        share = np.exp(log_p - greatest[:, None])
        total = share.sum(axis=1)
        probability = share / total[:, None]
        if np.all(closed):
            break
        found = np.sum(probability * counts, axis=1)
        variance = np.sum(probability * (counts - found[:, None]) ** 2, axis=1)
        closed = np.abs(found - mean) <= 1e-9 * mean  # the step that follows squares the error
        low, high = np.where(found < mean, log_rate, low), np.where(found < mean, high, log_rate)
        newton = log_rate + np.log(mean / found) * found / variance
        log_rate = np.where(closed | ((newton > low) & (newton < high)), newton, 0.5 * (low + high))
    log_total = greatest + np.log(total)
    for array in (log_rate, log_total, counts, probability):
        array.flags.writeable = False
    return Table(row, mean, log_rate, log_total, counts, probability)


@hookimpl
def ranef_families() -> Iterator[FamilyEntry]:
    yield FamilyEntry(
        "conway-maxwell-poisson",
        "Under- or overdispersed counts, by their mean",
        ConwayMaxwellPoisson,
        aliases=("cmp",),
        api_version="0.9",
    )
