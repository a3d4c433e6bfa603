"""Adjustments for several tests: p-values, and how many standard errors simultaneous limits are away.

Names and rules are those of R's emmeans: what has no limits of its own (Holm, Hochberg, false discovery rates) gets
Bonferroni's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy
from scipy import special

from ...contracts.arrays import FloatArray
from ...contracts.errors import InputError, shown
from ..distributions import f_quantile, f_sf, t_quantile, t_sf
from . import studentized_range
from .mvt import Maximum

ADJUSTMENTS = (
    "none", "tukey", "sidak", "dunnettx", "mvt", "scheffe", "bonferroni", "holm", "hochberg", "fdr", "BH", "BY",
)  # fmt: skip
#: What takes its place where there are limits to be adjusted.
WITHOUT_LIMITS = ("holm", "hochberg", "fdr", "BH", "BY")
#: Relative difference of degrees of freedom that makes none: the multivariate t is known to 1e-5.
SAME_DF = 1e-6
#: More degrees of freedom make no difference.
INFINITE = 1e10


def check_adjust(adjust: str | None, default: str, pairwise: bool) -> tuple[str, str]:
    """The adjustment to be used, and what to say where it is another one than was asked for.

    Raises
    ------
    InputError
        For one that there is not.
    """
    if adjust is not None and adjust not in ADJUSTMENTS:
        raise InputError(f"adjust must be one of {', '.join(map(repr, ADJUSTMENTS))}; got {shown(adjust)}")
    chosen = default if adjust is None else adjust
    if chosen == "tukey" and not pairwise:
        return "sidak", "Tukey's adjustment is for one set of all pairwise differences: Sidak's is used"
    return chosen, ""


@dataclass(frozen=True, eq=False)
class Together:
    """One family of tests, in which errors are counted together.

    Parameters
    ----------
    statistics : (m,) array
        Estimates over standard errors, NaN where there are none.
    df : (m,) array
        Degrees of freedom, infinite for normal distributions.
    correlation : (m, m) array
        Of the estimates.
    means : int
        How many means the estimates compare.
    rank : int
        Dimension of what the estimates span.
    """

    statistics: FloatArray
    df: FloatArray
    correlation: FloatArray
    means: int
    rank: int

    def __len__(self) -> int:
        return len(self.df)

    def p_values(self, adjust: str) -> FloatArray:
        """Two-sided p-values, (m,)."""
        t, df, m = np.abs(self.statistics), np.minimum(self.df, INFINITE), len(self)
        plain: FloatArray = 2.0 * t_sf(t, df)
        if m == 1 and adjust != "scheffe":
            return plain
        match adjust:
            case "tukey":
                return np.asarray(_range_sf(t, self.means, df))
            case "sidak":
                return np.asarray(-np.expm1(m * np.log1p(-plain)))
            case "dunnettx":
                return _dunnett_sf(t, m, df)
            case "scheffe":
                return f_sf(t**2 / self.rank, self.rank, df)
            case "mvt":
                return self._beyond(t)
            case "none":
                return plain
        return stepwise(plain, adjust)

    def quantiles(self, level: float, adjust: str) -> FloatArray:
        """How many standard errors the limits are away, (m,)."""
        df, m = np.minimum(self.df, INFINITE), len(self)
        if m == 1 and adjust != "scheffe":
            adjust = "none"
        match adjust:
            case "tukey":
                return _by_df(lambda d: studentized_range.quantile(level, self.means, d) / np.sqrt(2.0), df)
            case "dunnettx":
                return _by_df(lambda d: _dunnett_quantile(level, m, d), df)
            case "scheffe":
                return np.asarray(np.sqrt(self.rank * f_quantile(level, self.rank, df)))
            case "mvt":
                known = np.isfinite(np.diagonal(self.correlation))
                inside = self.correlation[np.ix_(known, known)]
                out = np.full(m, np.nan)
                out[known] = _by_df(lambda d: Maximum(inside, d).quantile(level), alike(self.df[known]))
                return out
            case "sidak":
                outside = -np.expm1(np.log(level) / m)
            case "none":
                outside = 1.0 - level
            case _:
                outside = (1.0 - level) / m
        return -t_quantile(0.5 * outside, df)

    def _beyond(self, t: FloatArray) -> FloatArray:
        """Chance that any of the statistics is beyond each of these."""
        out = np.full(len(t), np.nan)
        known = np.flatnonzero(~np.isnan(t))
        inside = self.correlation[np.ix_(known, known)]
        grouped = alike(self.df[known])
        for df in np.unique(grouped):
            largest = Maximum(inside, float(df))
            for i in known[grouped == df]:
                out[i] = largest.sf(float(t[i]))
        return out


def alike(df: FloatArray) -> FloatArray:
    """Degrees of freedom, the least of them for all that differ from it by a rounding error.

    Satterthwaite's of balanced designs do in their last digits, and an integral for each would be much longer than one.

    Examples
    --------
    >>> alike(np.array([12.0, 18.000001, 18.0, np.inf])).tolist()
    [12.0, 18.0, 18.0, inf]
    """
    order, out = np.argsort(df), df.copy()
    for before, i in pairwise(order):
        if df[i] <= out[before] * (1.0 + SAME_DF):
            out[i] = out[before]
    return out


def stepwise(p: FloatArray, adjust: str) -> FloatArray:
    """Bonferroni's, Holm's (1979), Hochberg's (1988), Benjamini & Hochberg's (1995) or Benjamini & Yekutieli's (2001).

    Together without a p-value count among the tests.

    Examples
    --------
    >>> stepwise(np.array([0.01, 0.04, 0.03]), "holm").round(10).tolist()
    [0.03, 0.06, 0.06]
    """
    m, order = len(p), np.argsort(p)  # NaN last
    sorted_p, rank = p[order], np.arange(1, len(p) + 1)
    if adjust == "bonferroni":
        adjusted = m * sorted_p
    elif adjust == "holm":
        adjusted = np.maximum.accumulate((m + 1 - rank) * sorted_p)
    else:
        factor = {"hochberg": m + 1.0 - rank, "BY": m / rank * (1.0 / rank).sum()}.get(adjust, m / rank)
        from_above = np.fmin.accumulate((factor * sorted_p)[::-1])[::-1]
        adjusted = np.where(np.isnan(sorted_p), np.nan, from_above)
    out = np.empty(m)
    out[order] = np.minimum(adjusted, 1.0)
    return out


def _range_sf(t: FloatArray, k: float, df: FloatArray) -> FloatArray:
    """Chance that the range of k means is beyond, for differences in units of their standard errors."""
    return studentized_range.sf(np.sqrt(2.0) * t, k, df)


def _dunnett_sf(t: FloatArray, m: int, df: FloatArray) -> FloatArray:
    """emmeans' approximation: (m - 1) / m of Tukey's for as many differences, and 1 / m of Sidak's."""
    tukey = _range_sf(t, _as_means(m), df)
    sidak = -np.expm1(m * np.log1p(-2.0 * t_sf(t, df)))
    return np.asarray(((m - 1.0) * tukey + sidak) / m)


def _as_means(m: int) -> float:
    """How many means have m differences, which need be no whole number."""
    return float(0.5 * (1.0 + np.sqrt(1.0 + 8.0 * m)))


def _dunnett_quantile(level: float, m: int, df: float) -> float:
    ends = special.stdtrit(df, 0.5 + 0.5 * level), special.stdtrit(df, 1.0 - 0.5 * (1.0 - level) / m)
    one = np.array([df])
    found = scipy.optimize.brentq(
        lambda c: 1.0 - level - _dunnett_sf(np.array([c]), m, one)[0], 0.9 * ends[0], 1.1 * ends[1]
    )
    return float(found)


def _by_df(quantile: Callable[[float], float], df: FloatArray) -> FloatArray:
    """A quantile for each of the degrees of freedom, found once for those that are equal."""
    distinct, place = np.unique(df, return_inverse=True)
    return np.array([float("nan") if np.isnan(d) else quantile(float(d)) for d in distinct])[place]
