"""How likely all of several dependent t statistics are to stay within limits, without random numbers.

The transformation of Genz & Bretz (2009, doi 10.1007/978-3-642-01689-9) makes it an integral over a cube, and Sobol's
points take that, the same points always. Correlation matrices need no full rank: what a row adds to those before it are
limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
from scipy import special

from ...contracts.arrays import FloatArray

#: Sobol's points, a power of 2. Probabilities are to about 1e-5, of all pairs of six means to 1e-4, of 18 to 1e-3.
POINTS = 2**15
#: Entries of the root of a correlation matrix below this are zero.
ZERO = 1e-7


@dataclass(frozen=True, eq=False)
class Maximum:
    """The largest absolute value of t statistics with common degrees of freedom.

    Parameters
    ----------
    correlation : (m, m) array
        Of the normal variables in the statistics.
    df : float
        Infinite for normal ones.

    Examples
    --------
    >>> round(Maximum(np.eye(1), 10.0).quantile(0.95), 3)
    2.228
    """

    correlation: FloatArray
    df: float

    @cached_property
    def _root(self) -> FloatArray:
        return _trapezoid(self.correlation)

    @cached_property
    def _points(self) -> FloatArray:
        dimensions = self._root.shape[1] + 1
        return np.asarray(scipy.stats.qmc.Sobol(dimensions, scramble=False).random(POINTS).T + 0.5 / POINTS)

    @cached_property
    def _scale(self) -> FloatArray:
        """What the normal variables are divided by: the root of chi-squared over its degrees of freedom."""
        if np.isinf(self.df):
            return np.ones(POINTS)
        return np.asarray(np.sqrt(special.chdtri(self.df, 1.0 - self._points[-1]) / self.df))

    def sf(self, limit: float) -> float:
        """Chance that one of them is beyond `limit` >= 0."""
        root, points = self._root, self._points
        rank = root.shape[1]
        bound = limit * self._scale
        last = np.array([np.flatnonzero(row)[-1] for row in root])
        y = np.empty((rank, POINTS))
        inside, beyond = np.ones(POINTS), np.zeros(POINTS)
        for j in range(rank):
            rows = root[last == j]
            before, own = rows[:, :j] @ y[:j], rows[:, j, None]
            ends = (-bound - before) / own, (bound - before) / own
            least, most = np.minimum(*ends).max(axis=0), np.maximum(*ends).min(axis=0)
            low, out = special.ndtr(least), np.minimum(special.ndtr(least) + special.ndtr(-most), 1.0)
            beyond += inside * out
            inside *= 1.0 - out
            y[j] = special.ndtri(np.clip(low + points[j] * (1.0 - out), 1e-300, 1.0 - 1e-16))
        # Sidak's inequality: what is left of the integral's error where the chance is small
        one = 2.0 * special.stdtr(min(self.df, 1e10), -limit)
        return float(np.clip(beyond.mean(), one, -np.expm1(len(root) * np.log1p(-one))))

    def quantile(self, level: float) -> float:
        """The limit that none is beyond with this chance, between that of one statistic and Bonferroni's."""
        outside, df = 1.0 - level, min(self.df, 1e10)
        one, all_apart = (special.stdtrit(df, 1.0 - 0.5 * p) for p in (outside, outside / len(self.correlation)))
        found = scipy.optimize.brentq(lambda c: self.sf(c) - outside, 0.99 * one, 1.01 * all_apart, xtol=1e-7)
        return float(found)


def _trapezoid(correlation: FloatArray) -> FloatArray:
    """A (m, rank) with A A' the correlation in an order of rows for which it is lower trapezoidal: pivoted Cholesky."""
    rest, m = np.array(correlation), len(correlation)
    order, columns = np.arange(m), []
    for j in range(m):
        pivot = j + int(np.diagonal(rest)[order[j:]].argmax())
        order[[j, pivot]] = order[[pivot, j]]
        size = rest[order[j], order[j]]
        if size < ZERO:
            break
        columns.append(rest[:, order[j]] / np.sqrt(size))
        rest = rest - np.outer(columns[-1], columns[-1])
    A = np.array(columns).T[order]
    A[np.abs(A) < ZERO] = 0.0
    return A
