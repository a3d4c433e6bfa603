"""The random-effects model matrix Z, never formed: per factor the level of each row and k columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import scipy

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.linalg import Pattern, PatternBlocks
from .basis import DEPENDENT, Column
from .labels import GroupLabels
from .row_sums import RowSums
from .template import Template

#: Pairs of levels from which products are prepared, and random effects up to which they are those of one matrix.
MANY_PAIRS, FEW_EFFECTS = 20_000, 100


@dataclass(frozen=True, eq=False)
class GroupRows(GroupLabels):
    """The rows of one grouping factor, with its labels.

    Parameters
    ----------
    codes : (n,) int array
        Level of each row.
    columns : tuple of (n,) arrays, or None for a column of ones
        The k columns of Z for each row: a basis B of each term's columns (see `basis`).
    """

    codes: IntArray
    columns: tuple[Column, ...]

    @cached_property
    def by_level(self) -> RowSums:
        """Sums over the rows of each level."""
        return RowSums(self.codes, self.grouping.n_levels)

    @property
    def values(self) -> FloatArray:
        """The columns (k, n), ones included."""
        ones = np.ones(len(self.codes))
        return np.array([ones if z is None else z for z in self.columns])

    @property
    def users_values(self) -> FloatArray:
        """The columns (k, n) as they were given: those of the basis, times R."""
        return np.asarray(self.R.T @ self.values)

    @cached_property
    def gram(self) -> FloatArray:
        """Mean products of the columns, (k, k)."""
        k, n = len(self.columns), len(self.codes)
        gram = np.empty((k, k))
        for a, one in enumerate(self.columns):
            for b, other in enumerate(self.columns[: a + 1]):
                gram[a, b] = gram[b, a] = _product(one, other, n) / n
        return gram

    @cached_property
    def inflation(self) -> FloatArray:
        """How many times each column is as large as its part that the others do not explain, (k,)."""
        return inflation(self.gram)

    def rotated(self, turn: FloatArray) -> Self:
        """The rows too."""
        if np.array_equal(turn, np.eye(len(turn))):
            return self
        return replace(self, columns=tuple(turn.T @ self.values), R=turn.T @ self.R)


@dataclass(frozen=True, eq=False)
class GroupSums(GroupLabels):
    """A grouping factor of which there are sums and no rows.

    Parameters
    ----------
    gram : (k, k) array
        Mean products of the columns of the basis.
    """

    gram: FloatArray

    @property
    def inflation(self) -> FloatArray:
        """How many times each column is as large as its part that the others do not explain, (k,)."""
        return inflation(self.gram)


@dataclass(frozen=True, eq=False)
class RandomSums:
    """What is known of Z without its rows.

    Parameters
    ----------
    groups : tuple of GroupSums
    n : int
        Number of rows.
    pattern : Pattern
    """

    groups: tuple[GroupSums, ...]
    n: int
    pattern: Pattern

    @cached_property
    def template(self) -> Template:
        """Which entries the factors' T have."""
        return Template.of([f.computed for f in self.groups])


@dataclass(frozen=True, eq=False)
class RandomDesign:
    """Z of all factors, and sums over its rows.

    Every sum is one pass over the rows (`RowSums`).

    Parameters
    ----------
    groups : tuple of GroupRows
    n : int
        Number of rows.
    pattern : Pattern
        Which levels meet, for the backends.
    pairs : mapping (i, j) -> (n,) int array
        Which of ``pattern.pairs[i, j]`` each row belongs to.
    """

    groups: tuple[GroupRows, ...]
    n: int
    pattern: Pattern
    pairs: Mapping[tuple[int, int], IntArray]

    @classmethod
    def of(cls, groups: tuple[GroupRows, ...], n: int) -> RandomDesign:
        """Find out which levels meet."""
        meetings, pairs = {}, {}
        for j in range(len(groups)):
            for i in range(j):
                rows, columns, pairs[i, j] = _meeting(groups[i], groups[j])
                meetings[i, j] = rows, columns
        return cls(groups, n, Pattern(tuple(f.grouping for f in groups), meetings), pairs)

    @cached_property
    def by_pair(self) -> dict[tuple[int, int], RowSums]:
        """Sums over the rows of each pair of levels."""
        return {ij: RowSums(index, len(self.pattern.pairs[ij][0])) for ij, index in self.pairs.items()}

    @cached_property
    def template(self) -> Template:
        """Which entries the factors' T have."""
        return Template.of([f.computed for f in self.groups])

    def rotated(self, by: Sequence[FloatArray]) -> RandomDesign:
        """Z in bases of its factors' columns that are turned by orthogonal matrices."""
        return replace(self, groups=tuple(f.rotated(turn) for f, turn in zip(self.groups, by, strict=True)))

    def ZtWZ(self, w: FloatArray | None) -> PatternBlocks:
        """Z'WZ by blocks; w (n,) are the diagonal of W, None for ones."""
        diagonal = []
        for f in self.groups:
            k, n_levels = len(f.columns), f.grouping.n_levels
            block = np.empty((k, k, n_levels))
            for a in range(k):
                for b in range(a + 1):
                    block[a, b] = block[b, a] = f.by_level(f.columns[a], f.columns[b], w)
            diagonal.append(block)
        cross = {}
        for (i, j), by_pair in self.by_pair.items():
            fi, fj = self.groups[i], self.groups[j]
            block = np.empty((len(fi.columns), len(fj.columns), by_pair.size))
            for a, za in enumerate(fi.columns):
                for b, zb in enumerate(fj.columns):
                    block[a, b] = by_pair(za, zb, w)
            cross[i, j] = block
        return PatternBlocks(tuple(diagonal), cross)

    def Zt(self, V: FloatArray) -> FloatArray:
        """Z'V for a vector (n,), or the contiguous columns of V (n, r): (q,), or (q, r) with contiguous columns."""
        if V.ndim == 2:
            return np.array([self.Zt(v) for v in V.T]).reshape(V.shape[1], self.pattern.q).T
        sums = [f.by_level(z, V) for f in self.groups for z in f.columns]
        return sums[0] if len(sums) == 1 else np.concatenate([np.zeros(0), *sums])

    def Z(self, b: FloatArray) -> FloatArray:
        """Z b (n,) for random effects b (q,)."""
        out = np.zeros(self.n)
        for o, f in zip(self.pattern.offsets, self.groups, strict=True):
            n_levels = f.grouping.n_levels
            for a, z in enumerate(f.columns):
                effect = f.by_level.spread(b[o + a * n_levels : o + (a + 1) * n_levels])
                out += effect if z is None else effect * z
        return out

    def variances(self, roots: Sequence[FloatArray]) -> FloatArray:
        """z_i' T T' z_i for every row i, all factors together: the variance of Z b over new levels, (n,)."""
        blocks = (
            np.repeat((T @ T.T)[:, :, None], f.grouping.n_levels, axis=2)
            for f, T in zip(self.groups, roots, strict=True)
        )
        return self.quadratic_rows(PatternBlocks(tuple(blocks), {}))

    def quadratic_rows(self, K: PatternBlocks) -> FloatArray:
        """z_i' K z_i for every row i, K symmetric on the pattern of Z'Z: (n,)."""
        out = np.zeros(self.n)
        for f, block in zip(self.groups, K.diagonal, strict=True):
            for a, za in enumerate(f.columns):
                for b in range(a + 1):
                    out += _times(f.by_level.spread((1.0 if a == b else 2.0) * block[a, b]), za, f.columns[b])
        for ij, block in K.cross.items():
            fi, fj = self.groups[ij[0]], self.groups[ij[1]]
            by_pair = self.by_pair[ij]
            for a, za in enumerate(fi.columns):
                for b, zb in enumerate(fj.columns):
                    out += _times(by_pair.spread(2.0 * block[a, b]), za, zb)
        return out


class PatternProduct:
    """Products A B of Z'WZ with dense (q, r) arrays; those of many pairs of levels, or of few effects, are prepared."""

    def __init__(self, pattern: Pattern, A: PatternBlocks) -> None:
        self.pattern, self.A = pattern, A
        self._is_small = len(pattern.groupings) > 1 and pattern.q <= FEW_EFFECTS

    def __call__(self, B: FloatArray) -> FloatArray:
        """A B, with contiguous columns."""
        return (B.T @ self.dense).T if self._is_small else self._by_blocks(B)

    @cached_property
    def dense(self) -> FloatArray:
        """A as one matrix, (q, q)."""
        return self._by_blocks(np.eye(self.pattern.q))

    def _by_blocks(self, B: FloatArray) -> FloatArray:
        n_rhs = B.shape[1]
        out = np.empty((n_rhs, self.pattern.q))
        parts = zip(self.pattern.offsets, self.pattern.groupings, self.A.diagonal, self.pattern.split(B), strict=True)
        for o, f, block, part in parts:
            product = block * part if f.n_columns == 1 else np.einsum("abl,rbl->ral", block, part)
            out[:, o : o + f.size] = product.reshape(n_rhs, f.size)
        for i, j, M in self._cross:
            mine, other = slice(i, i + M.shape[0]), slice(j, j + M.shape[1])
            out[:, mine] += M.times(B[other])
            out[:, other] += M.transposed_times(B[mine])
        return out.T

    @cached_property
    def _cross(self) -> list[tuple[int, int, _Listed | _Compressed]]:
        """Where the rows and columns of each block between two factors begin, and the block, column by column."""
        out: list[tuple[int, int, _Listed | _Compressed]] = []
        for (i, j), (rows, columns) in self.pattern.pairs.items():
            fi, fj = self.pattern.groupings[i], self.pattern.groupings[j]
            kind = _Listed if len(rows) < MANY_PAIRS else _Compressed
            for a in range(fi.n_columns):
                for b in range(fj.n_columns):
                    M = kind(self.A.cross[i, j][a, b], rows, columns, (fi.n_levels, fj.n_levels))
                    at = self.pattern.offsets[i] + a * fi.n_levels, self.pattern.offsets[j] + b * fj.n_levels
                    out.append((*at, M))
        return out


@dataclass(frozen=True, eq=False)
class _Listed:
    """A sparse matrix by its entries: nothing to prepare."""

    values: FloatArray
    rows: IntArray
    columns: IntArray
    shape: tuple[int, int]

    def times(self, B: FloatArray) -> FloatArray:
        """(A B)', (r, rows)."""
        return self._sums(self.rows, self.columns, self.shape[0], B)

    def transposed_times(self, B: FloatArray) -> FloatArray:
        """(A'B)', (r, columns)."""
        return self._sums(self.columns, self.rows, self.shape[1], B)

    def _sums(self, to: IntArray, of: IntArray, size: int, B: FloatArray) -> FloatArray:
        return np.array([np.bincount(to, weights=self.values * b[of], minlength=size) for b in B.T])


class _Compressed:
    """The same as scipy's, which takes its time to be made, and is faster then."""

    def __init__(self, values: FloatArray, rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> None:
        self.shape, self.M = shape, scipy.sparse.csr_array((values, (rows, columns)), shape=shape)
        self.Mt = self.M.T

    def times(self, B: FloatArray) -> FloatArray:
        """(A B)', (r, rows)."""
        return np.asarray((self.M @ B).T)

    def transposed_times(self, B: FloatArray) -> FloatArray:
        """(A'B)', (r, columns)."""
        return np.asarray((self.Mt @ B).T)


def both_sides(left: FloatArray, A: FloatArray, right: FloatArray) -> FloatArray:
    """left A_l right' for every block of A (k, m, L)."""
    if A.shape[:2] == (1, 1):
        return np.asarray(A * (left[0, 0] * right[0, 0]))
    return np.asarray(np.matmul(right, np.tensordot(left, A, 1)))


def inflation(gram: FloatArray) -> FloatArray:
    """How many times columns with these products are as large as what the others do not explain of them, (k,)."""
    size = np.sqrt(gram.diagonal())
    eigenvalues, V = np.linalg.eigh(gram / np.outer(size, size))
    return np.asarray(np.sqrt((V**2 / np.maximum(eigenvalues, DEPENDENT**2)).sum(axis=1)))


def _meeting(f: GroupRows, g: GroupRows) -> tuple[IntArray, IntArray, IntArray]:
    """Pairs of levels that occur together, and the pair of each row."""
    n_cells = f.grouping.n_levels * g.grouping.n_levels
    key = f.codes * g.grouping.n_levels + g.codes
    if n_cells <= 8 * len(key) + 1000:  # a table of all cells is cheaper than sorting the rows
        present = np.bincount(key, minlength=n_cells) > 0
        cells = np.flatnonzero(present)
        index = (np.cumsum(present) - 1)[key]
    else:
        cells, index = np.unique(key, return_inverse=True)
    rows, columns = np.divmod(cells, g.grouping.n_levels)
    return rows, columns, index


def _product(one: Column, other: Column, n: int) -> float:
    """Inner product of two columns; None stands for ones."""
    if one is None or other is None:
        there = other if one is None else one
        return float(n) if there is None else float(there.sum())
    return float(one @ other)


def _times(values: FloatArray, *parts: FloatArray | None) -> FloatArray:
    """Values of rows times a product of row columns; None stands for ones."""
    for p in parts:
        if p is not None:
            values *= p
    return values
