"""Sums over N = Z'V^-1Z with V = W^-1 + Z S Z', S = blockdiag(Sigma_j (x) Q_j^-1), from cross-products alone.

N is dense within each set of levels that the data connect. Its largest factor is eliminated (part 1; the others are
part 2), so that dense matrices have the size of the other factors, set by set. With A = Z'WZ by parts,

    E = (I + A11 S1)^-1 A11,  F = (I + A11 S1)^-1 A12       block diagonal, and sparse as A12 is
    U = A22 - A21 S1 F,  H = (I + S2 U)^-1,  R = H S2       dense
    N11 = E - F R F',  N12 = F H,  N22 = U H

(Woodbury). Factors with a known precision are in part 2, where their levels are taken in a basis in which Q_j is the
identity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
#: Rows of F R that are formed at once.
ROWS = 4096


class Direction(NamedTuple):
    """dV = Z_j (G (x) Q_j^-1) Z_j' with a symmetric G (k_j, k_j), for the effects of factor j."""

    factor: int
    G: FloatArray


@dataclass(frozen=True, eq=False)
class MarginalSums:
    """What Kenward & Roger need of N, for directions D_i = G_i (x) Q^-1 and a matrix B (q, r).

    Parameters
    ----------
    trace : (m,) array
        tr(N D_i).
    products : (m, m) array
        tr(N D_i N D_j).
    quadratic : (m, m, r, r) array
        B'D_i N D_j B.
    """

    trace: FloatArray
    products: FloatArray
    quadratic: FloatArray


def marginal_sums(
    pattern: Pattern, A: PatternBlocks, Sigma: Blocks, B: FloatArray, directions: Sequence[Direction]
) -> MarginalSums:
    """Sums over N, in time and memory that depend on levels, never on rows.

    Raises
    ------
    InputError
        Where a dense matrix would be too large.
    """
    sizes = [0 if f.precision is not None else f.size for f in pattern.groupings]
    first = _Eliminated(A, Sigma, int(np.argmax(sizes))) if max(sizes) else None
    sums = _Sums(pattern, B, directions, first)
    for part in _parts(pattern, A, first):
        sums.add(part, Sigma)
    return sums.result()


def dense_parts(pattern: Pattern, matrices: Sequence[PatternBlocks]) -> Iterator[tuple[_Part, list[FloatArray]]]:
    """Sets of connected levels of all factors, with what matrices on the pattern of Z'Z are there.

    Raises
    ------
    InputError
        Where a dense matrix would be too large.
    """
    starts = dict(enumerate(pattern.offsets))
    sparse = [_among(pattern, M, starts, pattern.q) for M in matrices]
    for part in _parts(pattern, matrices[0], None):
        yield part, [M[part.place][:, part.place].toarray() for M in sparse]


class _Eliminated:
    """The largest factor: (I + A11 S1)^-1 and E as (k, k, L)."""

    def __init__(self, A: PatternBlocks, Sigma: Blocks, factor: int) -> None:
        self.factor, self.Sigma = factor, Sigma[factor]
        block = np.moveaxis(A.diagonal[factor], 2, 0)
        inverse = np.linalg.inv(np.eye(len(self.Sigma)) + block @ self.Sigma)
        E = inverse @ block
        self.inverse = np.moveaxis(inverse, 0, 2)
        self.E = np.moveaxis(0.5 * (E + E.transpose(0, 2, 1)), 0, 2)


# Parts: sets of connected levels ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Part:
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


def _parts(pattern: Pattern, A: PatternBlocks, first: _Eliminated | None) -> Iterator[_Part]:
    """All parts; small ones together."""
    one = None if first is None else first.factor
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
        yield _Part(levels, slices, place, rows, 0.5 * (U + U.T), right, roots)


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
    pattern: Pattern, A: PatternBlocks, first: _Eliminated, starts: Mapping[int, int], n: int
) -> tuple[list[scipy.sparse.csr_array], list[scipy.sparse.csr_array]]:
    """A12 and F, for each column of the eliminated factor (L, n)."""
    one, (k, _, L) = first.factor, first.E.shape
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


# The sums -----------------------------------------------------------------------------------------------------------


class _Sums:
    """Sums that grow part by part."""

    def __init__(
        self, pattern: Pattern, B: FloatArray, directions: Sequence[Direction], first: _Eliminated | None
    ) -> None:
        self.directions, self.first, self.r = directions, first, B.shape[1]
        split, k = pattern.split(B), [f.n_columns for f in pattern.groupings]
        self.DB = [np.matmul(G, split[j]) for j, G in directions]  # (r, k, L); Q^-1 is in the parts
        # sums over levels of N_jj[c, d], and over pairs of levels of N_ij[c, d] N_ij[e, f] as [c, e, d, f]
        self.diagonal = [np.zeros((kj, kj)) for kj in k]
        self.squares = {(i, j): np.zeros((ki, ki, kj, kj)) for i, ki in enumerate(k) for j, kj in enumerate(k)}
        self.gram = np.zeros((len(directions) * self.r,) * 2)
        one = None if first is None else first.factor
        self.mine = [i for i, d in enumerate(directions) if d.factor == one]
        self.others = [i for i, d in enumerate(directions) if d.factor != one]
        if first is not None:
            k1, _, L = first.E.shape
            self.Y = np.array([self.DB[i] for i in self.mine]).reshape(-1, k1, L)
            self.P = np.zeros_like(first.E)  # diagonal blocks of F R F'

    def result(self) -> MarginalSums:
        """The sums by directions."""
        if self.first is not None:
            self._add_eliminated(self.first)
        D, m, r = self.directions, len(self.directions), self.r
        trace = np.array([np.sum(G * self.diagonal[j]) for j, G in D])
        pairs = [np.einsum("ce,cedf,df->", G, self.squares[i, j], K, optimize=True) for i, G in D for j, K in D]
        quadratic = self.gram.reshape(m, r, m, r).transpose(0, 2, 1, 3)
        return MarginalSums(trace, np.array(pairs).reshape(m, m), quadratic)

    def add(self, part: _Part, Sigma: Blocks) -> None:
        """What a part adds."""
        U = part.between_roots(part.U)
        H = np.asarray(np.linalg.inv(np.eye(len(U)) + part.scaled(Sigma, U)), dtype=np.float64)
        R, N = part.scaled(Sigma, H.T), U @ H
        R, N = 0.5 * (R + R.T), 0.5 * (N + N.T)
        y = np.zeros((len(self.others), self.r, len(N)))
        for row, i in zip(y, self.others, strict=True):
            j = self.directions[i].factor
            if j in part.levels:
                row[:, part.slices[j]] = self.DB[i][:, :, part.levels[j]].reshape(self.r, -1)
        y = part.times_roots(y.reshape(-1, len(N)))
        self._add_gram(self.others, self.others, y @ N @ y.T)
        for i in part.levels:
            k, L = self.diagonal[i].shape[0], len(part.levels[i])
            own = N[part.slices[i]]
            self.diagonal[i] += np.einsum("cldl->cd", part.columns(own, i).reshape(k, L, k, L))
            for j in part.levels:
                block = part.columns(own, j).reshape(k, L, -1, len(part.levels[j])).transpose(0, 2, 1, 3)
                self.squares[i, j] += _squares(block, block)
        if self.first is not None:
            self._add_beside(self.first, part, H, R, y)

    def _add_beside(self, first: _Eliminated, part: _Part, H: FloatArray, R: FloatArray, y: FloatArray) -> None:
        """What a part adds to the sums over N12, and over N11 but for E."""
        one, k, F, rows = first.factor, len(first.E), part.F, part.rows
        f = np.zeros((len(self.Y), len(R)))
        for c in range(k):
            f += (F[c].T @ self.Y[:, c, rows].T).T
        f = part.times_roots(f)
        self._add_gram(self.mine, self.mine, -f @ R @ f.T)
        crossed = f @ H @ y.T
        self._add_gram(self.mine, self.others, crossed)
        self._add_gram(self.others, self.mine, crossed.T)
        R_gram = np.empty((k, k, *R.shape))
        for c in range(k):
            for d in range(k):
                gram = part.between_roots((F[c].T @ F[d]).toarray())
                R_gram[c, d] = R @ gram
                gram_H = gram @ H
                for j in part.levels:
                    added = np.tensordot(part.columns(H, j), part.columns(gram_H, j), axes=([0, 2], [0, 2]))
                    self.squares[one, j][c, d] += added
                    self.squares[j, one][:, :, c, d] += added
        turned = R_gram.transpose(1, 0, 3, 2).reshape(k * k, -1)
        self.squares[one, one] += (R_gram.reshape(k * k, -1) @ turned.T).reshape(k, k, k, k)
        R = part.around_roots(R)
        for start in range(0, len(rows), ROWS):
            some = slice(start, start + ROWS)
            for c in range(k):
                FR = F[c][some] @ R
                for d in range(k):
                    self.P[c, d, rows[some]] = F[d][some].multiply(FR).sum(axis=1)

    def _add_eliminated(self, first: _Eliminated) -> None:
        """What E adds; P is complete."""
        one, E, P = first.factor, first.E, self.P
        self.diagonal[one] += (E - P).sum(axis=2)
        self.squares[one, one] += _squares(E, E) - _squares(E, P) - _squares(P, E)
        EY = np.einsum("abl,ibl->ial", E, self.Y)
        self._add_gram(self.mine, self.mine, np.einsum("ial,jal->ij", EY, self.Y, optimize=True))

    def _add_gram(self, left: Sequence[int], right: Sequence[int], block: FloatArray) -> None:
        rows, columns = (
            (np.array(i, dtype=np.intp)[:, None] * self.r + np.arange(self.r)).ravel() for i in (left, right)
        )
        self.gram[np.ix_(rows, columns)] += block


def _squares(one: FloatArray, other: FloatArray) -> FloatArray:
    """Sums of one[c, d] other[e, f] over all further axes, as [c, e, d, f]."""
    k, m = one.shape[:2]
    flat = one.reshape(k * m, -1) @ other.reshape(k * m, -1).T
    return flat.reshape(k, m, k, m).transpose(0, 2, 1, 3)
