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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Blocks, Pattern, PatternBlocks
from .connected import Eliminated, Part, parts_of

#: Rows of F R that are formed at once.
ROWS = 4096


class Direction(NamedTuple):
    """dV = Z_j (G (x) Q_j^-1) Z_j' with a symmetric G (k_j, k_j), for the effects of factor j."""

    group: int
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
    first = Eliminated(A, Sigma, int(np.argmax(sizes))) if max(sizes) else None
    sums = _Sums(pattern, B, directions, first)
    for part in parts_of(pattern, A, first):
        sums.add(part, Sigma)
    return sums.result()


class _Sums:
    """Sums that grow part by part."""

    def __init__(
        self, pattern: Pattern, B: FloatArray, directions: Sequence[Direction], first: Eliminated | None
    ) -> None:
        self.directions, self.first, self.r = directions, first, B.shape[1]
        split, k = pattern.split(B), [f.n_columns for f in pattern.groupings]
        self.DB = [np.matmul(G, split[j]) for j, G in directions]  # (r, k, L); Q^-1 is in the parts
        # sums over levels of N_jj[c, d], and over pairs of levels of N_ij[c, d] N_ij[e, f] as [c, e, d, f]
        self.diagonal = [np.zeros((kj, kj)) for kj in k]
        self.squares = {(i, j): np.zeros((ki, ki, kj, kj)) for i, ki in enumerate(k) for j, kj in enumerate(k)}
        self.gram = np.zeros((len(directions) * self.r,) * 2)
        one = None if first is None else first.group
        self.mine = [i for i, d in enumerate(directions) if d.group == one]
        self.others = [i for i, d in enumerate(directions) if d.group != one]
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

    def add(self, part: Part, Sigma: Blocks) -> None:
        """What a part adds."""
        U = part.between_roots(part.U)
        H = np.asarray(np.linalg.inv(np.eye(len(U)) + part.scaled(Sigma, U)), dtype=np.float64)
        R, N = part.scaled(Sigma, H.T), U @ H
        R, N = 0.5 * (R + R.T), 0.5 * (N + N.T)
        y = np.zeros((len(self.others), self.r, len(N)))
        for row, i in zip(y, self.others, strict=True):
            j = self.directions[i].group
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

    def _add_beside(self, first: Eliminated, part: Part, H: FloatArray, R: FloatArray, y: FloatArray) -> None:
        """What a part adds to the sums over N12, and over N11 but for E."""
        one, k, F, rows = first.group, len(first.E), part.F, part.rows
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

    def _add_eliminated(self, first: Eliminated) -> None:
        """What E adds; P is complete."""
        one, E, P = first.group, first.E, self.P
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
