"""In which order factors are eliminated, where fill goes, and the update plan of each step: all symbolic.

Eliminating the levels of a factor e from M (as in sparse Cholesky) changes only entries between two neighbours of one
level. With G the matrix Z'WZ less what was eliminated so far (before Lambda is applied), N_u = T (T'G_uu T + I)^-1 T'
and X_u the row of blocks of level u, the step reads

    G_rest  <-  G_rest - sum_u X_u' N_u X_u.

Factors stay block diagonal as long as each eliminated level meets at most one of their levels (nested factors); these
are eliminated level by level. All others (crossed factors, and those of known precision, whose levels meet each other)
form one dense trailing block. Compare the chapter "Details of the parameter estimation" of MixedModels.jl's
documentation, which uses the same block structure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, tril

from ranef.contracts import Pattern
from ranef.contracts.arrays import AnyArray, FloatArray, IntArray

from .pattern import prior_precision

#: Pairs of one chunk: what is made and dropped at a time.
CHUNK = 1 << 22
#: Chunks of up to this many pairs keep the places of both factors (8 bytes a pair).
SMALL = 1 << 20
#: Neighbours of a level that are few.
FEW = 6
#: Plans with more pairs than this are made anew at each use, chunk by chunk, instead of being kept.
KEEP = 100_000_000

Pairs = dict[tuple[int, int], tuple[IntArray, IntArray]]


@dataclass(frozen=True, eq=False)
class PairChunk:
    """Products of two neighbours of one level, for the levels from `first` to `last`.

    The product lands at `target` (relative to the step's tail) of the flat array G; `start` says where each level's
    pairs begin.
    """

    step: Step
    first: int
    last: int
    target: AnyArray
    start: AnyArray

    def operands(self) -> tuple[AnyArray, AnyArray]:
        """Places of the two factors in the step's neighbour list; made anew at each call where they are many."""
        if len(self.target) > SMALL:
            return self.step.operands(self.first, self.last)
        return self._operands

    @cached_property
    def _operands(self) -> tuple[AnyArray, AnyArray]:
        return self.step.operands(self.first, self.last)


@dataclass(frozen=True, eq=False)
class Step:
    """Elimination of one factor.

    Parameters
    ----------
    factor : int
        Index of the factor in the pattern.
    diagonal : slice
        Its (k, k, L) diagonal blocks in the flat array G.
    tail : int
        Where in G the remaining matrix begins.
    x : (c,) int array
        Neighbour list, ordered by (level, x): scalar indices of later random effects, in elimination order.
    level : (c,) int array
        The level that each neighbour belongs to.
    position : (k, c) int array
        Where in G the entries between the level's k random effects and the neighbour stand.
    """

    factor: int
    k: int
    n_levels: int
    offset: int
    diagonal: slice
    tail: int
    x: IntArray
    level: IntArray
    position: IntArray
    plan: Plan

    @property
    def end(self) -> int:
        """Where later factors begin in elimination order."""
        return self.offset + self.k * self.n_levels

    @cached_property
    def even(self) -> int | None:
        """How many neighbours every level has, where all have as many, and few; None elsewhere."""
        each, rest = divmod(len(self.x), self.n_levels)
        return each if not rest and each <= FEW and np.all(np.diff(self.start) == each) else None

    def meets_most(self, part: float) -> bool:
        """Whether all neighbours are in the trailing block, and levels meet this part of it on average."""
        dense, d = self.plan.dense_offset, self.plan.dense_size
        return len(self.x) >= part * d * self.n_levels > 0 and bool(self.x.min() >= dense)

    @cached_property
    def start(self) -> IntArray:
        """(L + 1,) where each level's neighbours begin."""
        return _starts(self.level, self.n_levels)

    @cached_property
    def rank(self) -> IntArray:
        """(c,) place of each neighbour within its level."""
        return np.arange(len(self.x)) - self.start[self.level]

    @cached_property
    def n_pairs(self) -> int:
        """Number of products in the update."""
        return int((self.rank + 1).sum())

    @cached_property
    def keeps_pairs(self) -> bool:
        """Whether the pairs are few enough to be held in memory."""
        return self.n_pairs * self.k * (self.k + 1) // 2 <= KEEP

    @cached_property
    def _kept(self) -> list[PairChunk]:
        return list(self._make())

    def pairs(self) -> Iterator[PairChunk]:
        """The update's pairs, chunk by chunk."""
        return iter(self._kept) if self.keeps_pairs else self._make()

    def _make(self) -> Iterator[PairChunk]:
        per_level = np.concatenate([[0], np.cumsum(self.rank + 1)])[self.start]
        first = 0
        while first < self.n_levels:
            last = int(np.searchsorted(per_level, per_level[first] + CHUNK, side="right")) - 1
            last = min(max(last, first + 1), self.n_levels)
            left, right = self.operands(first, last)
            target = self.plan.target(self.x[left], self.x[right], self.tail)
            start = (per_level[first : last + 1] - per_level[first]).astype(target.dtype)
            yield PairChunk(self, first, last, target, start)
            first = last

    def operands(self, first: int, last: int) -> tuple[AnyArray, AnyArray]:
        """All pairs left >= right of neighbours of one level, as places in the neighbour list."""
        lo, hi = int(self.start[first]), int(self.start[last])
        repeats = self.rank[lo:hi] + 1
        left = np.repeat(np.arange(lo, hi, dtype=np.int32), repeats)
        # right runs over the neighbours of the same level up to and including left
        shift = (self.start[self.level[lo:hi]] - (np.cumsum(repeats) - repeats)).astype(np.int32)
        right = np.repeat(shift, repeats)
        right += np.arange(len(left), dtype=np.int32)
        return left, right


@dataclass(frozen=True, eq=False)
class Sparse:
    """An eliminated factor's place in G: diagonal blocks, and blocks with later factors on a filled pattern."""

    factor: int
    offset: int
    diagonal: int
    cross: dict[int, tuple[int, IntArray, IntArray]]


class Plan:
    """Elimination order and layout of the flat array G of one pattern; of up to `small` effects none is eliminated."""

    def __init__(self, pattern: Pattern, small: int = 0) -> None:
        self.pattern = pattern
        order, filled = elimination_of(pattern) if pattern.q > small else ([], {})
        self.n_sparse = len(order)
        rest = [j for j in range(len(pattern.groupings)) if j not in order]
        self.order = order + sorted(rest, key=lambda j: -pattern.groupings[j].n_levels)
        sizes = [pattern.groupings[j].size for j in self.order]
        self.offsets = dict(zip(self.order, np.cumsum([0, *sizes])[:-1].tolist(), strict=True))
        self.dense_factors = self.order[self.n_sparse :]
        self.dense_offset = sum(sizes[: self.n_sparse])
        self.dense_size = sum(sizes[self.n_sparse :])
        self.sparse: dict[int, Sparse] = {}
        self._parts: dict[int, list[tuple[int, slice, tuple[int, int]]]] = {}
        self.tails: list[int] = []
        at = 0
        for e in order:
            f = pattern.groupings[e]
            diagonal, at = at, at + f.n_columns**2 * f.n_levels
            cross = {}
            for b in self.order[self.order.index(e) + 1 :]:
                if (e, b) in filled:
                    rows, columns = filled[e, b]
                    cross[b] = (at, rows, columns)
                    at += f.n_columns * pattern.groupings[b].n_columns * len(rows)
            self.sparse[e] = Sparse(e, self.offsets[e], diagonal, cross)
            self.tails.append(at)
        self.dense_start = at
        self.size = at + self.dense_size**2

    @cached_property
    def moves(self) -> list[tuple[int, int, int]]:
        """Where each factor's random effects begin in the pattern and in elimination order, and how many they are."""
        pattern = self.pattern
        starts = zip(pattern.offsets, pattern.groupings, strict=True)
        return [(o, self.offsets[j], f.size) for j, (o, f) in enumerate(starts)]

    def parts_after(self, offset: int) -> list[tuple[int, slice, tuple[int, int]]]:
        """Factors from `offset` on in elimination order: where each is, counted from there, and its (k, L)."""
        if offset not in self._parts:
            listed = [(j, self.offsets[j] - offset, self.pattern.groupings[j]) for j in self.order]
            self._parts[offset] = [(j, slice(o, o + f.size), (f.n_columns, f.n_levels)) for j, o, f in listed if o >= 0]
        return self._parts[offset]

    @cached_property
    def steps(self) -> list[Step]:
        """The elimination steps, in order."""
        return [self._step(e, tail) for e, tail in zip(self.order[: self.n_sparse], self.tails, strict=True)]

    @cached_property
    def cross_positions(self) -> dict[tuple[int, int], IntArray]:
        """Where the (k_i, k_j, n_pairs) blocks of each pair of factors stand in G."""
        factors = self.pattern.groupings
        out: dict[tuple[int, int], IntArray] = {}
        for (i, j), (rows, columns) in self.pattern.pairs.items():
            position = np.empty((factors[i].n_columns, factors[j].n_columns, len(rows)), dtype=np.intp)
            for r in range(factors[i].n_columns):
                for c in range(factors[j].n_columns):
                    x = self.offsets[i] + r * factors[i].n_levels + rows
                    y = self.offsets[j] + c * factors[j].n_levels + columns
                    low, high = (x, y) if self.offsets[i] < self.offsets[j] else (y, x)
                    position[r, c] = self.target(high, low, 0)
            out[i, j] = position
        return out

    def _step(self, e: int, tail: int) -> Step:
        factors, place = self.pattern.groupings, self.sparse[e]
        k = factors[e].n_columns
        xs, levels, positions = [], [], []
        for b, (base, rows, columns) in place.cross.items():
            kb, nnz = factors[b].n_columns, len(rows)
            for c in range(kb):
                xs.append(self.offsets[b] + c * factors[b].n_levels + columns)
                levels.append(rows)
                positions.append(base + (np.arange(k)[:, None] * kb + c) * nnz + np.arange(nnz))
        x = np.concatenate(xs) if xs else np.zeros(0, dtype=np.intp)
        level = np.concatenate(levels) if xs else np.zeros(0, dtype=np.intp)
        position = np.concatenate(positions, axis=1) if xs else np.zeros((k, 0), dtype=np.intp)
        key = level * sum(f.size for f in factors) + x
        if np.any(key[1:] < key[:-1]):
            by_key = np.argsort(key, kind="stable")
            x, level, position = x[by_key], level[by_key], position[:, by_key]
        n_levels = factors[e].n_levels
        diagonal = slice(place.diagonal, place.diagonal + k * k * n_levels)
        return Step(e, k, n_levels, place.offset, diagonal, tail, x, level, position, self)

    def dense_position(self, x: IntArray, y: IntArray) -> IntArray:
        """Where the entry (x, y), x >= y, of the trailing block stands in G (row-major, lower triangle)."""
        return self.dense_start + (x - self.dense_offset) * self.dense_size + (y - self.dense_offset)

    @cached_property
    def prior(self) -> tuple[IntArray, IntArray, FloatArray]:
        """K of the trailing block, lower triangle: rows, columns and values. I, or I (x) Q_j of a known precision."""
        if not self.pattern.has_precision:
            each = np.arange(self.dense_size)
            return each, each, np.ones(self.dense_size)
        dense = Pattern(tuple(self.pattern.groupings[j] for j in self.dense_factors), {})
        K = coo_array(tril(prior_precision(dense)))
        return K.row.astype(np.intp), K.col.astype(np.intp), K.data

    def target(self, x: IntArray, y: IntArray, tail: int) -> AnyArray:
        """Where the entries (x, y), x >= y, stand in G, relative to tail."""
        small = np.int32 if self.size < 2**31 else np.int64
        if len(y) == 0 or y.min() >= self.dense_offset:
            return (self.dense_position(x, y) - tail).astype(small)
        out = np.empty(len(x), dtype=small)
        dense = y >= self.dense_offset
        out[dense] = self.dense_position(x[dense], y[dense]) - tail
        for e in self.order[: self.n_sparse]:
            mine = _within(y, self.offsets[e], self.pattern.groupings[e].size)
            for b in self.order[self.order.index(e) :]:
                both = np.flatnonzero(mine & _within(x, self.offsets[b], self.pattern.groupings[b].size))
                if len(both):
                    out[both] = self._sparse_position(e, y[both], b, x[both]) - tail
        return out

    def _sparse_position(self, e: int, y: IntArray, b: int, x: IntArray) -> IntArray:
        fe, fb = self.pattern.groupings[e], self.pattern.groupings[b]
        ce, le = np.divmod(y - self.offsets[e], fe.n_levels)
        cb, lb = np.divmod(x - self.offsets[b], fb.n_levels)
        if e == b:  # one level with itself: lower triangle of its diagonal block
            return np.asarray(self.sparse[e].diagonal + (cb * fe.n_columns + ce) * fe.n_levels + le)
        base, rows, columns = self.sparse[e].cross[b]
        at = np.searchsorted(rows * fb.n_levels + columns, le * fb.n_levels + lb)
        return np.asarray(base + (ce * fb.n_columns + cb) * len(rows) + at)


def elimination_of(pattern: Pattern) -> tuple[list[int], Pairs]:
    """Factors to eliminate level by level, in order, and the filled patterns of their blocks with later factors."""
    factors = pattern.groupings
    filled: Pairs = {}
    for (i, j), (rows, columns) in pattern.pairs.items():
        filled[i, j] = (rows, columns)
        swap = np.lexsort((rows, columns))
        filled[j, i] = (columns[swap], rows[swap])
    remaining = sorted(range(len(factors)), key=lambda j: -factors[j].n_levels)
    block_diagonal = {j for j in remaining if factors[j].precision is None}
    order: list[int] = []
    while remaining and (candidates := [j for j in remaining if j in block_diagonal]):
        e = candidates[0]
        remaining.remove(e)
        order.append(e)
        for b in remaining:
            if (e, b) not in filled:
                continue
            rows, columns = filled[e, b]
            if len(rows) and np.any(rows[1:] == rows[:-1]):
                block_diagonal.discard(b)
                continue
            parent = np.full(factors[e].n_levels, -1, dtype=np.intp)
            parent[rows] = columns
            for c in remaining:
                if c != b and (e, c) in filled:
                    _fill(filled, b, c, parent, filled[e, c], factors[c].n_levels, factors[b].n_levels)
    return order, filled


def _fill(
    filled: Pairs,
    b: int,
    c: int,
    parent: IntArray,
    neighbours: tuple[IntArray, IntArray],
    n_levels_c: int,
    n_levels_b: int,
) -> None:
    """Add to the pattern of (b, c) the pairs that meet at a level of the eliminated factor."""
    rows, columns = filled.get((b, c), (np.zeros(0, np.intp), np.zeros(0, np.intp)))
    level, column = neighbours
    has_parent = parent[level] >= 0
    new = parent[level[has_parent]] * n_levels_c + column[has_parent]
    filled_rows, filled_columns = np.divmod(np.union1d(rows * n_levels_c + columns, new), n_levels_c)
    filled[b, c] = (filled_rows, filled_columns)
    swap = np.argsort(filled_columns * n_levels_b + filled_rows)
    filled[c, b] = (filled_columns[swap], filled_rows[swap])


def _starts(sorted_ids: IntArray, n: int) -> IntArray:
    return np.concatenate([[0], np.cumsum(np.bincount(sorted_ids, minlength=n))])


def _within(x: IntArray, offset: int, size: int) -> AnyArray:
    return (x >= offset) & (x < offset + size)
