"""A smooth line through points."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray

#: Places of the line.
PLACES = 60


def smooth(x: FloatArray, y: FloatArray, span: float = 0.75) -> tuple[FloatArray, FloatArray]:
    """Local lines with tricube weights over the nearest part of the points (Cleveland 1979, without robust steps).

    Of points of one x, or of fewer than four, there is no line: empty arrays.

    Examples
    --------
    >>> x = np.linspace(0.0, 1.0, 30)
    >>> at, line = smooth(x, 2.0 * x + 1.0)
    >>> bool(np.allclose(line, 2.0 * at + 1.0))
    True
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 4 or np.ptp(x) == 0.0:
        return np.zeros(0), np.zeros(0)
    at = np.linspace(x.min(), x.max(), PLACES)
    distance = np.abs(at[:, None] - x)
    k = min(len(x), max(3, int(np.ceil(span * len(x)))))
    reach = np.maximum(np.partition(distance, k - 1, axis=1)[:, k - 1 : k], 1e-3 * np.ptp(x)) * 1.0001
    w = np.clip(1.0 - (distance / reach) ** 3, 0.0, None) ** 3
    total = w.sum(axis=1)
    mx, my = w @ x / total, w @ y / total
    dx = x - mx[:, None]
    sxx, sxy = (w * dx * dx).sum(axis=1), (w * dx * y).sum(axis=1)
    slope = np.divide(sxy, sxx, out=np.zeros_like(sxy), where=sxx > 1e-12 * np.ptp(x) ** 2 * total)
    return at, my + slope * (at - mx)
