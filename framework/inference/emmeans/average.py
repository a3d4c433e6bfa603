"""Averages over a reference grid, with equal weights or those of the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...contracts.arrays import BoolArray, FloatArray
from .grid import Grid
from .nesting import nestings, occurring, within

#: How averaged cells are weighted: alike, by the product of each axis' own frequencies, by the frequencies of their
#: combinations in all rows, or by those within each mean.
WEIGHTS = ("equal", "proportional", "outer", "cells")


def averages(grid: Grid, rows: FloatArray, kept: Sequence[str], weights: str) -> FloatArray:
    """Means of the grid's rows for each combination of the `kept` axes, the first of these fastest, (R, p).

    NaN where all weights are zero, as those of combinations of nested variables that do not occur are. Where nothing is
    averaged over there is nothing to weight.
    """
    order, rest = _axes(grid, kept)
    size, shape = int(np.prod([grid.shape[j] for j in order])), [grid.shape[j] for j in rest]
    cells = np.moveaxis(rows, [*order, *rest], range(len(grid.axes))).reshape(size, -1, rows.shape[-1])
    counts = grid.counts.transpose([*order, *rest]).reshape(size, -1)
    there = occurring(grid).transpose([*order, *rest]).reshape(size, -1)
    how = weights if counts.shape[1] > 1 else "equal"
    if how in ("equal", "outer"):
        own = _frequencies(counts, shape) if how == "outer" else [np.ones(1)] * len(rest)
        w = _independent(grid, rest, there.reshape(size, *shape), own).reshape(size, -1)
    else:
        w = (counts if how == "cells" else counts.sum(axis=0)) * there
    used = np.where((w > 0.0)[:, :, None], cells, 0.0)  # what has no weight may be unknown
    with np.errstate(invalid="ignore"):
        return np.asarray(np.einsum("ra,rap->rp", w / w.sum(axis=1, keepdims=True), used))


def _frequencies(counts: FloatArray, shape: Sequence[int]) -> list[FloatArray]:
    """Of each axis, by itself: to be multiplied with arrays (R, *shape)."""
    table, axes = counts.sum(axis=0).reshape(shape), range(len(shape))
    return [table.sum(axis=tuple(i for i in axes if i != j), keepdims=True)[None] for j in axes]


def _independent(grid: Grid, axes: Sequence[int], there: BoolArray, own: Sequence[FloatArray]) -> FloatArray:
    """Products of each axis' own weights, (R, *shape): those of a nested one within the others."""
    nested = [any(grid.names[axis] == inner for inner, _ in nestings(grid)) for axis in axes]
    w = there.astype(np.float64)
    for weights, inner in zip(own, nested, strict=True):
        w = w * (weights if inner else 1.0)
    w = within(grid, w, axes)
    for weights, inner in zip(own, nested, strict=True):
        w = w * (1.0 if inner else weights)
    return w


def occur(grid: Grid, kept: Sequence[str]) -> BoolArray:
    """Which combinations of the `kept` axes occur, (R,), in the order of `averages`."""
    order, rest = _axes(grid, kept)
    there = occurring(grid).transpose([*order, *rest])
    return np.asarray(there.any(axis=tuple(range(len(order), there.ndim))).ravel())


def _axes(grid: Grid, kept: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places of the axes that are kept, the last one first, and of the others."""
    order = [grid.names.index(name) for name in reversed(kept)]
    return order, [j for j in range(len(grid.axes)) if j not in order]
