"""Probabilities of intervals, P(a < X <= b) of a standard distribution, without cancellation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranef.contracts import Link, LogMean
from ranef.contracts.arrays import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class Tails:
    """Both tails of a distribution F at places: log F and log(1 - F), and F', F'', F''' over F and over 1 - F.

    The derivatives are (3, ...) for places (...).
    """

    log_below: FloatArray
    log_above: FloatArray
    over_below: FloatArray
    over_above: FloatArray

    @classmethod
    def of(cls, log: LogMean) -> Tails:
        """From the mean of a link, which is F."""
        return cls(
            log.log_mu,
            log.log_complement,
            _over(log.log_mu1, log.log_mu2, log.log_mu3),
            -_over(log.log_complement1, log.log_complement2, log.log_complement3),
        )

    @classmethod
    def at(cls, noise: Link, x: FloatArray) -> Tails:
        """At x, which may be infinite."""
        known = np.isfinite(x)
        inner = cls.of(noise.log_mean(np.where(known, x, 0.0)))
        return cls(
            np.where(known, inner.log_below, np.where(x > 0, 0.0, -np.inf)),
            np.where(known, inner.log_above, np.where(x > 0, -np.inf, 0.0)),
            np.where(known, inner.over_below, 0.0),
            np.where(known, inner.over_above, 0.0),
        )


@dataclass(frozen=True, eq=False)
class Between:
    """Log probabilities p of intervals, and derivatives of p over p.

    n1, n2, n3 are by a shift of the distribution to the right; `above` and `below`, (3, ...), are f, f', f'' over p at
    the upper and the lower end.
    """

    log_p: FloatArray
    n1: FloatArray
    n2: FloatArray
    n3: FloatArray
    above: FloatArray
    below: FloatArray

    @classmethod
    def of(cls, lower: Tails, upper: Tails) -> Between:
        """Between places."""
        log_p, gap, rest, left = log_difference(lower, upper)
        with np.errstate(invalid="ignore", divide="ignore"):
            of_larger, of_smaller = 1 / rest, np.exp(gap) / rest
        above = np.where(left, upper.over_below * of_larger, upper.over_above * of_smaller)
        below = np.where(left, lower.over_below * of_smaller, lower.over_above * of_larger)
        n1, n2, n3 = (sign * (a - b) for sign, a, b in zip((-1.0, 1.0, -1.0), above, below, strict=True))
        return cls(log_p, n1, n2, n3, above, below)


def log_difference(lower: Tails, upper: Tails) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """log p, log of the ratio and 1 - ratio of the two parts of p, and where these are of the lower tail.

    p = F(b) - F(a) is taken as a difference in the nearer tail, F(b) (1 - ratio) or (1 - F(a)) (1 - ratio), in
    logarithms: no digits are lost where F is nearly 1 at both ends.
    """
    left = upper.log_below < lower.log_above
    larger = np.where(left, upper.log_below, lower.log_above)
    smaller = np.where(left, lower.log_below, upper.log_above)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = smaller - larger
        rest = -np.expm1(gap)
        return larger + np.log(rest), gap, rest, left


def _over(v1: FloatArray, v2: FloatArray, v3: FloatArray) -> FloatArray:
    """Three derivatives of a function over it, from those of its logarithm."""
    squared = v1 * v1  # a power costs ten products
    return np.array([v1, v2 + squared, v3 + v1 * (3 * v2 + squared)])
