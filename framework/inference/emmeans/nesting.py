"""Variables of a reference grid that are nested in others: each of their levels occurs with one of the other alone.

Combinations that do not occur are no cells of the design. Means are averaged over levels of the inner variable within
each of the outer one first, as in R's emmeans.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from ...contracts.arrays import BoolArray, FloatArray
from .grid import Grid


def nestings(grid: Grid) -> Iterator[tuple[str, str]]:
    """Pairs of a variable and one that it is nested in, by the rows of the data; of two alike the first one is."""
    found: set[tuple[str, str]] = set()
    axes = [j for j, axis in enumerate(grid.axes) if len(axis.values) > 1]
    for i, j in permutations(axes, 2):
        if _together(grid, i, j).sum(axis=1).max() == 1 and (grid.names[j], grid.names[i]) not in found:
            found.add((grid.names[i], grid.names[j]))
            yield grid.names[i], grid.names[j]


def occurring(grid: Grid) -> BoolArray:
    """Which cells are combinations of nested variables that occur, (k1, k2, ...)."""
    out = np.ones(grid.shape, dtype=bool)
    for names in nestings(grid):
        i, j = (grid.names.index(name) for name in names)
        shape = [k if axis in (i, j) else 1 for axis, k in enumerate(grid.shape)]
        out &= _together(grid, min(i, j), max(i, j)).reshape(shape)
    return out


def with_outer(grid: Grid, names: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """Names, each followed by those that it is nested in, where these are not `given` already."""
    out = list(names)
    for inner, outer in nestings(grid):
        if inner in out and outer not in (*out, *given):
            out.insert(out.index(inner) + 1, outer)
    return tuple(out)


def within(grid: Grid, weights: FloatArray, axes: Sequence[int]) -> FloatArray:
    """Weights (R, k1, k2, ...) of the grid's `axes`, of which those of each nested one add up to 1 within the others.

    From the innermost to the outermost, with what is nested in it.
    """
    pairs, names = list(nestings(grid)), [grid.names[axis] for axis in axes]
    depth = {name: sum(inner == name for inner, _ in pairs) for name in names}
    for name in sorted((name for name in names if depth[name]), key=lambda name: -depth[name]):
        inside = [name, *(inner for inner, outer in pairs if outer == name and inner in names)]
        total = weights.sum(axis=tuple(1 + names.index(one) for one in inside), keepdims=True)
        weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0.0)
    return weights


def _together(grid: Grid, i: int, j: int) -> BoolArray:
    """Which values of two axes occur together, (k_i, k_j)."""
    rest = tuple(k for k in range(len(grid.axes)) if k not in (i, j))
    seen = grid.counts.sum(axis=rest) > 0.0
    return np.asarray(seen if i < j else seen.T)
