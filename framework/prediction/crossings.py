"""Which pairs of levels new rows are in: those that met in the data of the fit, and those that did not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import IntArray
from ..contracts.linalg import Pattern
from .rows import Rows


@dataclass(frozen=True, eq=False)
class Crossing:
    """Rows that have effects of two factors at levels that are known.

    Parameters
    ----------
    i, j : int
        The factors, as in `Pattern.pairs`.
    met, place : (m,) int arrays
        Rows whose pair of levels is in the pattern, and which pair that is.
    apart : (s,) int array
        The other rows, ordered by their level of `few`.
    few, many : int
        The factors again; that of which `apart` has fewer levels first.
    """

    i: int
    j: int
    met: IntArray
    place: IntArray
    apart: IntArray
    few: int
    many: int


def crossings(pattern: Pattern, rows: Rows) -> list[Crossing]:
    """That of every two factors."""
    return [_crossing(pattern, rows, i, j) for i, j in pattern.pairs]


def _crossing(pattern: Pattern, rows: Rows, i: int, j: int) -> Crossing:
    known = (rows.codes[i] >= 0) & (rows.codes[j] >= 0)
    here = np.flatnonzero(known & rows.columns[i].any(axis=0) & rows.columns[j].any(axis=0))
    n = pattern.groupings[j].n_levels
    asked = rows.codes[i][here] * n + rows.codes[j][here]
    first, second = pattern.pairs[i, j]
    pairs = first * n + second
    order = np.argsort(pairs)
    place = order[np.minimum(np.searchsorted(pairs, asked, sorter=order), len(pairs) - 1)]
    met = pairs[place] == asked
    apart = here[~met]
    few, many = sorted((j, i), key=lambda f: len(np.unique(rows.codes[f][apart])))
    return Crossing(i, j, here[met], place[met], apart[np.argsort(rows.codes[few][apart], kind="stable")], few, many)
