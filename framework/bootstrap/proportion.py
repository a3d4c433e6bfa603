"""Intervals of a proportion, for p-values and powers that are found by simulation."""

from __future__ import annotations

from scipy.special import betaincinv, ndtri

#: Names of the intervals.
KINDS = ("clopper-pearson", "wilson")


def clopper_pearson(k: int, n: int, level: float) -> tuple[float, float]:
    """Exact limits of the chance of k of n (Clopper & Pearson 1934, doi 10.1093/biomet/26.4.404).

    Examples
    --------
    >>> [round(limit, 4) for limit in clopper_pearson(8, 10, 0.95)]  # binom.test(8, 10) of R
    [0.4439, 0.9748]
    """
    tail = 0.5 - 0.5 * level
    lower = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    upper = float(betaincinv(k + 1, n - k, 1.0 - tail)) if k < n else 1.0
    return lower, upper


def wilson(k: int, n: int, level: float) -> tuple[float, float]:
    """Limits by the score test (Wilson 1927, doi 10.1080/01621459.1927.10502953).

    Examples
    --------
    >>> [round(limit, 4) for limit in wilson(8, 10, 0.95)]  # prop.test(8, 10, correct = FALSE) of R
    [0.4902, 0.9433]
    """
    if n == 0:
        return 0.0, 1.0
    z, p = float(ndtri(0.5 + 0.5 * level)), k / n
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


__all__ = ["KINDS", "clopper_pearson", "wilson"]
