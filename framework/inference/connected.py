"""Sets of levels that the data connect, and what cross-products and known precisions are within each: dense matrices.

Nothing connects two sets, so that matrices over random effects are block diagonal over them. Small sets are put
together. Of all factors the largest may be eliminated first: A11 is block diagonal, and what is left are the levels of
the others with U = A22 - A21 S1 F and F = (I + A11 S1)^-1 A12.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.linalg import cholesky, solve_triangular

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError
from ..contracts.linalg import Blocks, Pattern, PatternBlocks

#: Sets of levels that nothing connects are put together up to this many effects.
TOGETHER = 256
#: Most effects of a set beside those of the largest factor: about ten dense matrices of 800 MB each.
LARGEST = 10_000


class Eliminated:
    """The largest factor: (I + A11 S1)^-1 and E as (k, k, L)."""

    def __init__(self, A: PatternBlocks, Sigma: Blocks, group: int) -> None:
        self.group, self.Sigma = group, Sigma[group]
        block = np.moveaxis(A.diagonal[group], 2, 0)
        inverse = np.linalg.inv(np.eye(len(self.Sigma)) + block @ self.Sigma)
        E = inverse @ block
        self.inverse = np.moveaxis(inverse, 0, 2)
        self.E = np.moveaxis(0.5 * (E + E.transpose(0, 2, 1)), 0, 2)


@dataclass(frozen=True, eq=False)
class Part:
    """A set of connected levels of the factors that are not eliminated.

    Parameters
    ----------
    levels : mapping of factor -> int array
    slices : mapping of factor -> slice
        Where a factor's effects are among those of the set, column by column.
    place : int array
        Which of all these factors' effects they are.
    rows : int array
        Levels of the eliminated factor that meet them.
    U : (n, n) array
    F : list of (rows, n) sparse arrays
        For each column of the eliminated factor.
    roots : mapping of factor -> array
        J with J J' = Q^-1, for levels with a known precision.
    """

    levels: Mapping[int, IntArray]
    slices: Mapping[int, slice]
    place: IntArray
    rows: IntArray
    U: FloatArray
    F: list[scipy.sparse.csr_array]
    roots: Mapping[int, FloatArray]

    def scaled(self, Sigma: Blocks, X: FloatArray) -> FloatArray:
        """blockdiag(Sigma_j (x) I) X."""
        out = np.empty_like(X)
        for j, mine in self.slices.items():
            k = len(Sigma[j])
            out[mine] = (Sigma[j] @ X[mine].reshape(k, -1)).reshape(-1, X.shape[1])
        return out

    def times_roots(self, rows: FloatArray) -> FloatArray:
        """Rows (m, n) times blockdiag(I (x) J_j)."""
        return _times(self.roots, self.slices, rows)

    def between_roots(self, X: FloatArray) -> FloatArray:
        """J'X J."""
        return self.times_roots(self.times_roots(X).T).T

    def around_roots(self, R: FloatArray) -> FloatArray:
        """J R J'."""
        turned = {j: J.T for j, J in self.roots.items()}
        return _times(turned, self.slices, _times(turned, self.slices, R).T).T

    def columns(self, X: FloatArray, j: int) -> FloatArray:
        """The columns of X (m, n) that belong to factor j, (m, k_j, levels)."""
        return X[:, self.slices[j]].reshape(len(X), -1, len(self.levels[j]))


def _times(roots: Mapping[int, FloatArray], slices: Mapping[int, slice], rows: FloatArray) -> FloatArray:
    out = rows.copy() if roots else rows
    for j, J in roots.items():
        mine = slices[j]
        out[:, mine] = (rows[:, mine].reshape(len(rows), -1, len(J)) @ J).reshape(len(rows), -1)
    return out


def parts_of(pattern: Pattern, A: PatternBlocks, first: Eliminated | None) -> Iterator[Part]:
    """All parts; small ones together."""
    one = None if first is None else first.group
    others = [j for j in range(len(pattern.groupings)) if j != one]
    if not others:
        return
    groups = _connected(pattern, others)
    starts, n = {}, 0
    for j in others:
        starts[j], n = n, n + pattern.groupings[j].size
    A22 = _among(pattern, A, starts, n)
    A12, F = ([], []) if first is None else _beside(pattern, A, first, starts, n)
    n_parts = 1 + max(int(groups[j].max()) for j in others)
    members = {j: _members(groups[j], n_parts) for j in groups}
    for g in range(n_parts):
        levels = {j: members[j][g] for j in others if len(members[j][g])}
        columns = [
            starts[j] + c * pattern.groupings[j].n_levels + mine
            for j, mine in levels.items()
            for c in range(pattern.groupings[j].n_columns)
        ]
        slices, at = {}, 0
        for j, mine in levels.items():
            slices[j] = slice(at, at + len(mine) * pattern.groupings[j].n_columns)
            at = slices[j].stop
        roots = {j: root for j, mine in levels.items() if (root := _root(pattern, j, mine)) is not None}
        place = np.concatenate(columns)
        rows = members[one][g] if one is not None else np.zeros(0, dtype=np.intp)
        U = A22[place][:, place].toarray()
        right, left = [M[rows][:, place] for M in F], [M[rows][:, place] for M in A12]
        if first is not None:
            for (c, d), s in np.ndenumerate(first.Sigma):
                if s:
                    U -= s * (left[c].T @ right[d]).toarray()
        yield Part(levels, slices, place, rows, 0.5 * (U + U.T), right, roots)


def _connected(pattern: Pattern, others: Sequence[int]) -> dict[int, IntArray]:
    """For the levels of every factor the part that they are in."""
    L = [f.n_levels for f in pattern.groupings]
    nodes = np.cumsum([0, *L])
    edges = [(np.zeros(0, dtype=np.intp),) * 2]
    edges += [(nodes[i] + rows, nodes[j] + columns) for (i, j), (rows, columns) in pattern.pairs.items()]
    for j, f in enumerate(pattern.groupings):
        if f.precision is not None:
            links = f.precision.matrix.tocoo()
            edges.append((nodes[j] + links.row, nodes[j] + links.col))
    rows, columns = (np.concatenate(ends) for ends in zip(*edges, strict=True))
    graph = scipy.sparse.coo_array((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(nodes[-1],) * 2)
    n_sets, found = scipy.sparse.csgraph.connected_components(graph, directed=False)
    of_factor = [found[nodes[j] : nodes[j + 1]] for j in range(len(L))]
    sizes = np.sum(
        [pattern.groupings[j].n_columns * np.bincount(of_factor[j], minlength=n_sets) for j in others], axis=0
    )
    if sizes.max() > LARGEST:
        raise InputError(
            f"df='kenward-roger' needs dense matrices of {int(sizes.max()):,} random effects that the data connect "
            f"(those beside the largest factor), and stops at {LARGEST:,}: use df='satterthwaite'"
        )
    part = np.cumsum(sizes) // TOGETHER
    part = np.unique(part, return_inverse=True)[1]
    return {j: part[of_factor[j]] for j in range(len(L))}


def _members(groups: IntArray, n: int) -> list[IntArray]:
    """Positions of each group, ascending."""
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.searchsorted(groups[order], np.arange(1, n)))


def _root(pattern: Pattern, j: int, levels: IntArray) -> FloatArray | None:
    """J with J J' = Q^-1 for a set of levels; None for the identity."""
    precision = pattern.groupings[j].precision
    if precision is None:
        return None
    Q = precision.matrix[:, levels][levels].toarray()
    return np.asarray(solve_triangular(cholesky(Q), np.eye(len(Q))))


def _among(pattern: Pattern, A: PatternBlocks, starts: Mapping[int, int], n: int) -> scipy.sparse.csr_array:
    """A22, (n, n)."""
    entries = []
    for j in starts:
        own = np.arange(pattern.groupings[j].n_levels)
        entries.append(_entries(pattern, A.diagonal[j], (j, j), (own, own), starts))
    for (i, j), met in pattern.pairs.items():
        if i in starts and j in starts:
            values, rows, columns = _entries(pattern, A.cross[i, j], (i, j), met, starts)
            entries += [(values, rows, columns), (values, columns, rows)]
    values, rows, columns = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    return scipy.sparse.coo_array((values, (rows, columns)), shape=(n, n)).tocsr()


def _beside(
    pattern: Pattern, A: PatternBlocks, first: Eliminated, starts: Mapping[int, int], n: int
) -> tuple[list[scipy.sparse.csr_array], list[scipy.sparse.csr_array]]:
    """A12 and F, for each column of the eliminated factor (L, n)."""
    one, (k, _, L) = first.group, first.E.shape
    entries: list[list[tuple[FloatArray, IntArray, IntArray]]] = [[] for _ in range(2 * k)]
    for (i, j), (rows, columns) in pattern.pairs.items():
        if one not in (i, j):
            continue
        block, other, mine, theirs = A.cross[i, j], j, rows, columns
        if j == one:
            block, other, mine, theirs = block.transpose(1, 0, 2), i, columns, rows
        solved = np.einsum("abn,bcn->acn", first.inverse[:, :, mine], block)
        for c, row in enumerate([*block, *solved]):
            values, level, column = _entries(pattern, row[None], (one, other), (mine, theirs), {one: 0, **starts})
            entries[c].append((values, level, column))
    out = []
    for parts in entries:
        values, level, column = (np.concatenate(part) for part in zip(*parts, strict=True))
        out.append(scipy.sparse.coo_array((values, (level, column)), shape=(L, n)).tocsr())
    return out[:k], out[k:]


def _entries(
    pattern: Pattern,
    block: FloatArray,
    factors: tuple[int, int],
    levels: tuple[IntArray, IntArray],
    starts: Mapping[int, int],
) -> tuple[FloatArray, IntArray, IntArray]:
    """Values, rows and columns of blocks (a, b, n) between levels of two factors."""
    a, b = (np.arange(size) for size in block.shape[:2])
    (i, j), (one, other) = factors, levels
    rows = starts[i] + a[:, None, None] * pattern.groupings[i].n_levels + one
    columns = starts[j] + b[:, None] * pattern.groupings[j].n_levels + other
    return block.ravel(), np.broadcast_to(rows, block.shape).ravel(), np.broadcast_to(columns, block.shape).ravel()


def dense_parts(pattern: Pattern, matrices: Sequence[PatternBlocks]) -> Iterator[tuple[Part, list[FloatArray]]]:
    """Sets of connected levels of all factors, with what matrices on the pattern of Z'Z are there.

    Raises
    ------
    InputError
        Where a dense matrix would be too large.
    """
    starts = dict(enumerate(pattern.offsets))
    sparse = [_among(pattern, M, starts, pattern.q) for M in matrices]
    for part in parts_of(pattern, matrices[0], None):
        yield part, [M[part.place][:, part.place].toarray() for M in sparse]
