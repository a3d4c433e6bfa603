"""Bootstrap intervals of one statistic, from its replicates: normal, basic, percentile, studentized and BCa.

After Davison & Hinkley (1997, chapter 5, doi 10.1017/CBO9780511802843). Quantiles are those of the order statistics
t(1) <= ... <= t(R) at (R + 1) alpha, between two of them by interpolation on the scale of normal quantiles (their
equation 5.6), as in R's `boot.ci`; where (R + 1) alpha lies outside of 1 ... R there are none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, shown

KINDS = ("percentile", "basic", "normal", "bca", "studentized")


def check_kind(kind: Any) -> None:
    """Refuse kinds that there are not."""
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(map(repr, KINDS))}; got {shown(kind)}")


def order_quantiles(t: FloatArray, alpha: FloatArray) -> FloatArray:
    """Quantiles of replicates t (R,) at alpha; NaN beyond the least or the largest.

    Examples
    --------
    >>> order_quantiles(np.arange(1.0, 100.0), np.array([0.025, 0.5, 0.001])).round(3).tolist()
    [2.542, 50.0, nan]
    """
    ordered, R = np.sort(t), len(t)
    place = (R + 1) * alpha
    near = np.round(place)
    place = np.where(np.abs(place - near) < 1e-9 * (R + 1), near, place)  # 40 x 0.025 is 1
    with np.errstate(invalid="ignore"):
        k = np.floor(place)
        inside = (k >= 1) & (place <= R)
    k = np.where(inside, k, 1).astype(np.intp)
    above = np.minimum(k, R - 1)
    low, high = ordered[k - 1], ordered[above]
    at, to = ndtri(k / (R + 1)), ndtri((above + 1) / (R + 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.where(place == k, 0.0, (ndtri(alpha) - at) / (to - at))
    return np.where(inside, low + between * (high - low), np.nan)


def percentile(t: FloatArray, level: float) -> FloatArray:
    """Quantiles of the replicates, (2,)."""
    return order_quantiles(t, _tails(level))


def basic(t0: float, t: FloatArray, level: float) -> FloatArray:
    """The estimate, less quantiles of the replicates' deviations from it."""
    return np.asarray(2.0 * t0 - order_quantiles(t, _tails(level)[::-1]))


def normal(t0: float, t: FloatArray, level: float) -> FloatArray:
    """The estimate less its bias, and multiples of the replicates' standard deviation."""
    return np.asarray(2.0 * t0 - t.mean() + ndtri(_tails(level)) * t.std(ddof=1))


def studentized(t0: float, se0: float, t: FloatArray, se: FloatArray, level: float) -> FloatArray:
    """By the quantiles of (t - t0) / se in the place of those of Student's t."""
    return np.asarray(t0 - se0 * order_quantiles((t - t0) / se, _tails(level)[::-1]))


def bca(t0: float, t: FloatArray, acceleration: float, level: float) -> FloatArray:
    """Bias-corrected and accelerated (Efron 1987, doi 10.1080/01621459.1987.10478410); NaN for t0 beyond all t."""
    z = ndtri((t < t0).mean())
    if not np.isfinite(z):
        return np.full(2, np.nan)
    shifted = z + ndtri(_tails(level))
    return order_quantiles(t, ndtr(z + shifted / (1.0 - acceleration * shifted)))


def acceleration(left_out: FloatArray) -> FloatArray:
    """a (q,) by the jackknife: from statistics (g, q) of the data without each unit.

    With influences l = (g - 1) (mean - t_i), a = sum l^3 / (6 (sum l^2)^3/2).

    Examples
    --------
    >>> acceleration(np.array([[1.0], [2.0], [6.0]])).round(4).tolist()
    [-0.0573]
    """
    influence = left_out.mean(axis=0) - left_out
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((influence**3).sum(axis=0) / (6.0 * (influence**2).sum(axis=0) ** 1.5))


def _tails(level: float) -> FloatArray:
    return np.array([0.5 - 0.5 * level, 0.5 + 0.5 * level])


__all__ = [
    "KINDS",
    "acceleration",
    "basic",
    "bca",
    "check_kind",
    "normal",
    "order_quantiles",
    "percentile",
    "studentized",
]
