"""The studentized range: how far apart the largest and the smallest of k normal means are, over an estimate of scale.

Given the scale the chance is an integral over the largest of them, whose integrand is smooth and positive: Gauss and
Legendre take it. The logarithm of the scale has a density that is analytic on the whole line, where the trapezoidal
rule converges exponentially. Chances have 12 digits as far down as 1e-20, or so.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy
from scipy import special

from ...contracts.arrays import FloatArray
from ..distributions import t_quantile

#: Points over the largest of the means, and how far they reach to both sides of half the range.
POINTS, REACH = 128, 9.0
#: Step in the logarithm of the scale, absolute and in standard deviations of a normal one.
STEP, STEP_NORMAL = 0.12, 0.35
#: Densities below exp(-LEFT) and exp(-RIGHT) times the largest are nothing; to the left small chances are decided.
LEFT, RIGHT = 80.0, 45.0


def sf(q: FloatArray, k: float, df: FloatArray) -> FloatArray:
    """Chance that the studentized range of k means is beyond q, one for each of the degrees of freedom; NaN for NaN.

    Examples
    --------
    >>> two = sf(np.sqrt(2.0) * np.array([2.228]), 2, np.array([10.0]))  # that is a t-test
    >>> two.round(4).tolist()
    [0.05]
    """
    q, df = np.broadcast_arrays(np.asarray(q, dtype=np.float64), df)
    out = np.full(q.shape, np.nan)
    for d in np.unique(df[~np.isnan(df)]):
        scale, weight = _scales(float(d))
        for i in np.flatnonzero((df == d) & ~np.isnan(q)):
            out[i] = weight @ _normal_sf(q[i] * scale, k)
    return np.asarray(np.clip(out, 0.0, 1.0))


def quantile(level: float, k: float, df: float) -> float:
    """What the range is below with a chance, between those of two means and Bonferroni's of all pairs.

    Examples
    --------
    >>> round(quantile(0.95, 3, 10.0), 3)  # 3.877 in the tables
    3.877
    """
    outside = 1.0 - level
    scale, weight = _scales(df)
    tails = np.array([0.5 * outside, outside / (k * (k - 1.0))])
    ends = -np.sqrt(2.0) * t_quantile(tails, np.full(2, df))

    def excess(q: float) -> float:
        return float(np.log(weight @ _normal_sf(q * scale, k)) - np.log(outside))

    return float(scipy.optimize.brentq(excess, 0.999 * ends[0], 1.001 * ends[1], xtol=1e-12))


def _normal_sf(w: FloatArray, k: float) -> FloatArray:
    """Chance that the range of k standard normal variables is beyond each w.

    k phi(z) [Phi(z)^(k-1) - (Phi(z) - Phi(z - w))^(k-1)] over the largest of them, z, without the difference.
    """
    x, weight = _nodes()
    z = 0.5 * w[:, None] + REACH * x
    above = special.log_ndtr(z)
    ratio = np.exp(np.minimum(special.log_ndtr(z - w[:, None]) - above, 0.0))
    with np.errstate(divide="ignore"):
        some_below = -np.expm1((k - 1.0) * np.log1p(-ratio))
    density = np.exp((k - 1.0) * above - 0.5 * z**2) / np.sqrt(2.0 * np.pi)
    return np.asarray(k * REACH * (density * some_below) @ weight)


@lru_cache(maxsize=1)
def _nodes() -> tuple[FloatArray, FloatArray]:
    x, weight = np.polynomial.legendre.leggauss(POINTS)
    return x, weight


def _scales(df: float) -> tuple[FloatArray, FloatArray]:
    """Values of the estimate of scale, the root of chi-squared over its degrees of freedom, and their weights."""
    h = min(STEP, STEP_NORMAL / np.sqrt(2.0 * df))
    lower = -np.sqrt(LEFT / df) - LEFT / df
    upper = 0.5 * np.log1p(2.0 * np.sqrt(RIGHT / df) + 2.0 * RIGHT / df)  # Laurent & Massart (2000), lemma 1
    t = np.arange(np.floor(lower / h), np.ceil(upper / h) + 1.0) * h
    density = np.exp(df * (t - 0.5 * np.expm1(2.0 * t)))
    used = density > np.exp(-LEFT)
    return np.exp(t[used]), density[used] / density.sum()
