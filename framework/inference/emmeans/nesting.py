"""Which variables of a reference grid are nested in others: each of their levels occurs with one of the other alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from .grid import Grid


def nestings(grid: Grid) -> Iterator[tuple[str, str]]:
    """Pairs of a variable and one that it is nested in, by the rows of the data; of two alike the first one is."""
    found: set[tuple[str, str]] = set()
    axes = [j for j, axis in enumerate(grid.axes) if len(axis.values) > 1]
    for i, j in permutations(axes, 2):
        rest = tuple(k for k in range(len(grid.axes)) if k not in (i, j))
        partners = (grid.counts.sum(axis=rest) > 0.0).sum(axis=1 if i < j else 0)
        if partners.max() == 1 and (grid.names[j], grid.names[i]) not in found:
            found.add((grid.names[i], grid.names[j]))
            yield grid.names[i], grid.names[j]
