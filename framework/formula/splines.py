"""`ns`: natural cubic splines with R's basis (``splines::ns``)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import scipy

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from .columns import library


@cache
def natural_spline() -> Callable[..., Any]:
    """``ns(x, df, knots)``, which learns its knots."""

    def ns(
        x: Any, df: Any = None, knots: Any = None, intercept: Any = False, _state: dict[str, Any] | None = None
    ) -> dict[int, FloatArray]:
        state = {} if _state is None else _state
        values = np.asarray(x, dtype=np.float64)
        if "knots" not in state:
            state["knots"] = _knots(values, df, knots, bool(intercept))
        basis = natural_basis(values, np.array(state["knots"]), bool(intercept))
        return {k + 1: basis[:, k] for k in range(basis.shape[1])}

    made: Callable[..., Any] = library("formulaic.transforms").stateful_transform(ns)
    return made


def _knots(values: FloatArray, df: Any, inner: Any, intercept: bool) -> list[float]:
    """Boundary knots at the range, inner ones given or at quantiles."""
    ends = [float(values.min()), float(values.max())]
    if inner is None:
        count = (1 if df is None else df) - 1 - intercept
        if not isinstance(count, int) or not 0 <= count < len(values):
            raise InputError(f"ns: df must be a whole number of at least {1 + intercept}; got {df}")
        inner = np.quantile(values, np.linspace(0, 1, count + 2)[1:-1]).tolist()
    inner = sorted(map(float, inner if isinstance(inner, list) else [inner]))
    if inner and not ends[0] < inner[0] <= inner[-1] < ends[1]:
        raise InputError(f"ns: knots must lie inside of the range {ends[0]:g} to {ends[1]:g}")
    if ends[0] == ends[1]:
        raise InputError("ns: all values are the same")
    return [ends[0], *inner, ends[1]]


def natural_basis(x: FloatArray, knots: FloatArray, intercept: bool = False) -> FloatArray:
    """Cubic B-splines, linear beyond the boundary knots, whose second derivatives vanish there.

    Parameters
    ----------
    x : (n,) array
    knots : (m,) array
        Ascending, boundary knots included.
    intercept : bool
        Whether the first B-spline is among them.

    Returns
    -------
    (n, m - 1) array, or (n, m) with the intercept

    Source: R's ``splines::ns``: the constraints are removed by the orthogonal part of their QR decomposition.
    """
    ends = knots[[0, -1]]
    padded = np.concatenate([ends[[0, 0, 0]], knots, ends[[1, 1, 1]]])
    spline = scipy.interpolate.BSpline(padded, np.eye(len(padded) - 4), 3)
    inside = np.clip(x, *ends)
    basis = spline(inside) + spline(inside, 1) * (x - inside)[:, None]
    constraints = spline(ends, 2)
    if not intercept:
        basis, constraints = basis[:, 1:], constraints[:, 1:]
    Q, _ = np.linalg.qr(constraints.T, mode="complete")
    return np.asarray(basis @ Q[:, 2:])
