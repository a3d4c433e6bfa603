"""Effects and coefficients of single levels: predictions for rows of one column each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..design.labels import GroupLabels, Labels
from .rows import Rows

#: By factor the names of what a level has, a row for each: of the first level, then of the next.
ByLevel = tuple[list[tuple[str, ...]], Rows]


def effect_rows(labels: Labels) -> ByLevel:
    """The random effects, of the user's columns."""
    names = [g.column_names for g in labels.groups]
    return names, _rows(labels, names, fixed=False)


def coefficient_rows(labels: Labels) -> ByLevel:
    """Fixed effects plus the random effects of the same columns; then effects that have no fixed one."""
    fixed = labels.fixed.names
    names = [(*fixed, *(name for name in g.column_names if name not in fixed)) for g in labels.groups]
    return names, _rows(labels, names, fixed=True)


def _rows(labels: Labels, names: Sequence[tuple[str, ...]], *, fixed: bool) -> Rows:
    if not labels.groups:
        raise InputError("the model has no random effects, of which there could be a table by level")
    sizes = [g.grouping.n_levels for g in labels.groups]
    X = [fixed * _indicators(own, labels.fixed.names) for own in names]
    dropped = labels.fixed.dropped_names if fixed else ()
    there = [np.array([name not in dropped for name in own]) for own in names]
    factor = np.repeat(np.arange(len(names)), [size * len(own) for size, own in zip(sizes, names, strict=True)])
    codes, columns = [], []
    for j, (g, own, size) in enumerate(zip(labels.groups, names, sizes, strict=True)):
        codes.append(np.full(len(factor), -1))
        codes[j][factor == j] = np.repeat(np.arange(size), len(own))
        columns.append(np.zeros((len(g.R), len(factor))))
        columns[j][:, factor == j] = np.tile(_in_basis(g, _indicators(own, g.column_names)), size)
    return Rows(
        np.concatenate([np.tile(labels.fixed.in_basis(x), (size, 1)) for x, size in zip(X, sizes, strict=True)]),
        np.concatenate([np.tile(kept, size) for kept, size in zip(there, sizes, strict=True)]),
        tuple(codes),
        tuple(columns),
        None,
        None,
    )


def _indicators(names: Sequence[str], columns: Sequence[str]) -> FloatArray:
    """1 where a name is that of a column, (names, columns)."""
    return np.array([[float(name == column) for column in columns] for name in names]).reshape(len(names), len(columns))


def _in_basis(g: GroupLabels, Z: FloatArray) -> FloatArray:
    """Columns (k, c) in the basis of the model, of rows Z (c, k) of the user's columns."""
    return np.asarray(np.linalg.solve(g.R.T, Z.T))
