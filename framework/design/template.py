"""Which entries the relative covariance factors T_j of a model have, and T_j from these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.linalg import Blocks
from .terms import Term


@dataclass(frozen=True, eq=False)
class Template:
    """The entries of all T_j as one vector: factor by factor, term by term, column by column of a lower triangle.

    All other entries are zero: T_j is block diagonal over the terms of a factor, and diagonal where their columns are
    not correlated.

    Parameters
    ----------
    rows, columns : tuple of int arrays
        Positions of the entries in each T_j.
    sizes : tuple of int
        Numbers of columns k_j.

    Examples
    --------
    >>> template = Template.of([[Term("g", ("(Intercept)", "x"))], [Term("h", ("x", "z"), correlated=False)]])
    >>> T = template.T(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    >>> [t.tolist() for t in T]
    [[[1.0, 0.0], [2.0, 3.0]], [[4.0, 0.0], [0.0, 5.0]]]
    >>> template.entries(T).tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0]
    """

    rows: tuple[IntArray, ...]
    columns: tuple[IntArray, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, factors: Sequence[Sequence[Term]]) -> Template:
        """The template of the terms of every factor."""
        rows, columns = zip(*(_positions(terms) for terms in factors), strict=True) if factors else ((), ())
        return cls(rows, columns, tuple(sum(len(term.columns) for term in terms) for terms in factors))

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where the entries of each T_j are."""
        ends = np.cumsum([0, *map(len, self.rows)]).tolist()
        return tuple(slice(a, b) for a, b in pairwise(ends))

    def __len__(self) -> int:
        return sum(map(len, self.rows))

    def T(self, entries: FloatArray) -> Blocks:
        """T_j of every factor, (k_j, k_j) lower triangular."""
        out = []
        for r, c, k, mine in zip(self.rows, self.columns, self.sizes, self.slices, strict=True):
            T = np.zeros((k, k))
            T[r, c] = entries[mine]
            out.append(T)
        return tuple(out)

    def entries(self, T: Blocks) -> FloatArray:
        """The inverse of `T`; of derivatives by T_j it makes derivatives by the entries."""
        return np.concatenate([np.zeros(0), *(t[r, c] for t, r, c in zip(T, self.rows, self.columns, strict=True))])


def _positions(terms: Sequence[Term]) -> tuple[IntArray, IntArray]:
    """Rows and columns of the entries in a factor's T, column by column of each term."""
    rows, columns, start = [], [], 0
    for term in terms:
        k = len(term.columns)
        for c in range(k):
            last = c + 1 if term.is_diagonal else k
            for r in range(c, last):
                rows.append(start + r)
                columns.append(start + c)
        start += k
    return np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp)
