"""Averages over a reference grid, with equal weights or those of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...contracts.arrays import FloatArray
from .grid import Grid


def _equal(counts: FloatArray, shape: Sequence[int]) -> FloatArray:
    return np.ones_like(counts)


def _cells(counts: FloatArray, shape: Sequence[int]) -> FloatArray:
    return counts


def _proportional(counts: FloatArray, shape: Sequence[int]) -> FloatArray:
    return np.asarray(np.broadcast_to(counts.sum(axis=0), counts.shape))


def _outer(counts: FloatArray, shape: Sequence[int]) -> FloatArray:
    table = counts.sum(axis=0).reshape(shape)
    weights = np.ones(shape)
    for j in range(table.ndim):
        weights = weights * table.sum(axis=tuple(i for i in range(table.ndim) if i != j), keepdims=True)
    return np.asarray(np.broadcast_to(weights.ravel(), counts.shape))


#: Weights (R, A) of what is averaged over, for each of R means, by the counts (R, A) of the cells; A is the product of
#: the averaged axes' shape. "cells": those of the mean's own cells; "proportional": of all rows; "outer": the products
#: of each axis' own frequencies.
WEIGHTS: dict[str, Callable[[FloatArray, Sequence[int]], FloatArray]] = {
    "equal": _equal,
    "proportional": _proportional,
    "outer": _outer,
    "cells": _cells,
}


def averages(grid: Grid, rows: FloatArray, kept: Sequence[str], weights: str) -> FloatArray:
    """Means of the grid's rows for each combination of the `kept` axes, the first of these fastest, (R, p).

    NaN where all weights are zero. Where nothing is averaged over there is nothing to weight.
    """
    order = [grid.names.index(name) for name in reversed(kept)]
    rest = [j for j in range(len(grid.axes)) if j not in order]
    size = int(np.prod([grid.shape[j] for j in order]))
    cells = np.moveaxis(rows, [*order, *rest], range(len(grid.axes))).reshape(size, -1, rows.shape[-1])
    counts = grid.counts.transpose([*order, *rest]).reshape(size, -1)
    w = WEIGHTS[weights if counts.shape[1] > 1 else "equal"](counts, [grid.shape[j] for j in rest])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.einsum("ra,rap->rp", w / w.sum(axis=1, keepdims=True), cells))
