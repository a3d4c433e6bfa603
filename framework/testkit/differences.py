"""Derivatives by differences, independent of those in the contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray

#: Central difference formula of the first derivative, error O(h^6).
_OFFSETS = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
_WEIGHTS = np.array([-1.0, 9.0, -45.0, 45.0, -9.0, 1.0]) / 60.0
_HALVINGS = 7


def derivative(f: Callable[[Any], FloatArray], x: Any, step: Any) -> FloatArray:
    """First derivative of f, elementwise in x, where nothing is known of the scale of f.

    Central differences with steps halved again and again from `step`; for each element the one that changed least from
    its predecessor, between truncation and rounding.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.1, 1.0, 30.0])
    >>> bool(np.allclose(derivative(np.log, x, 0.2 * x), 1 / x, rtol=1e-11))
    True
    """
    estimates = []
    for halving in range(_HALVINGS):
        h = step * 0.5**halving
        values = np.stack([f(x + offset * h) for offset in _OFFSETS])
        estimates.append(np.tensordot(_WEIGHTS, values, 1) / h)
    sequence = np.stack(estimates)
    changes = np.abs(np.diff(sequence, axis=0))
    best = np.argmin(np.where(np.isnan(changes), np.inf, changes), axis=0) + 1
    chosen: FloatArray = np.take_along_axis(sequence, best[None], axis=0)[0]
    return chosen
