"""M with its diagonal blocks scaled to I, and its Schur complement on all factors but the largest.

With the Cholesky factors L of the blocks D = I + T'AT of every level and U = T L^-T, L^-1 M L^-T is I + U'A_ij U
between levels of different factors. Eliminating the largest factor, 0, leaves

    K = I + U'(A_rr - A_r0 P A_0r) U,     P = U_0 U_0',

on the rest r, where A_rr has no diagonal blocks, and log|M| = sum of log|D| + log|K|. A never changes during a fit:
only U does. The spectrum of K is one of shrinkages, so that iterations with it need no other preconditioner.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array

from ranef.contracts import Blocks, Pattern, PatternBlocks
from ranef.contracts.arrays import AnyArray, FloatArray, IntArray

from . import blocks
from .iterations import conjugate_gradients
from .pattern import positions

#: Residuals of solves, as a part of their right-hand sides: what follows from them by sums is exact to its square.
TOLERANCE = 1e-11


class Couplings:
    """Z'WZ between levels of different factors, as sparse matrices: what is the same at every T.

    Attributes
    ----------
    lead : int
        The factor with most random effects.
    rest : tuple of int
        The others.
    up, down : (q_0, q_r) and (q_r, q_0) sparse arrays
        A_0r and its transpose.
    among : (q_r, q_r) sparse array or None
        A_rr without its diagonal blocks; None where the rest is one factor, or none.
    """

    def __init__(self, pattern: Pattern, ZtWZ: PatternBlocks) -> None:
        self.pattern, self.ZtWZ = pattern, ZtWZ
        sizes = [f.size for f in pattern.groupings]
        self.lead = lead = int(np.argmax(sizes))
        self.rest = tuple(j for j in range(len(sizes)) if j != lead)
        ends = np.cumsum([0, *(sizes[j] for j in self.rest)])
        self.q_rest = int(ends[-1])
        #: where a factor of the rest stands in vectors of the rest
        self.places = {j: slice(a, b) for j, a, b in zip(self.rest, ends[:-1], ends[1:], strict=True)}
        start = {lead: 0, **{j: place.start for j, place in self.places.items()}}
        beside, among = _Entries(), _Entries()
        for (i, j), (rows, columns) in positions(pattern).cross.items():
            rows, columns = rows - pattern.offsets[i] + start[i], columns - pattern.offsets[j] + start[j]
            if lead in (i, j):
                beside.add(ZtWZ.cross[i, j], *((rows, columns) if i == lead else (columns, rows)))
            else:
                among.add(ZtWZ.cross[i, j], rows, columns)
        self.up = beside.matrix(sizes[lead], self.q_rest)
        self.down = self.up.T.tocsr()
        self.among: csr_array | None = None
        if len(self.rest) > 1:
            half = among.matrix(self.q_rest, self.q_rest)
            self.among = (half + half.T).tocsr()

    def own(self, j: int, V: FloatArray) -> FloatArray:
        """The rows of V (q, r) that are factor j's."""
        o = self.pattern.offsets[j]
        return V[o : o + self.pattern.groupings[j].size]


class _Entries:
    """Entries of a sparse matrix, block by block."""

    def __init__(self) -> None:
        self._parts: list[tuple[AnyArray, ...]] = []

    def add(self, values: FloatArray, rows: IntArray, columns: IntArray) -> None:
        self._parts.append((values.ravel(), rows.ravel(), columns.ravel()))

    def matrix(self, n_rows: int, n_columns: int) -> csr_array:
        if not self._parts:
            return csr_array((n_rows, n_columns))
        values, rows, columns = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return coo_array((values, (rows, columns)), shape=(n_rows, n_columns)).tocsr()


class ScaledSystem:
    """M at one T, scaled.

    Attributes
    ----------
    U : list of (k_j, k_j, n_levels_j) arrays
    logdet_D : float
        Sum over all levels of log|D|.
    """

    def __init__(self, couplings: Couplings, T: Blocks) -> None:
        self.couplings = couplings
        roots = [
            blocks.cholesky(blocks.plus_identity(blocks.congruence(t, A).copy()))
            for t, A in zip(T, couplings.ZtWZ.diagonal, strict=True)
        ]
        self.logdet_D = sum((blocks.logdet(C) for C in roots), 0.0)
        self._inverse = [blocks.forward_solve(C, np.eye(len(C))[:, :, None]).transpose(1, 0, 2) for C in roots]
        self.U = [np.einsum("ac,bcl->abl", t, R) for t, R in zip(T, self._inverse, strict=True)]
        self._P = np.einsum("acl,bcl->abl", self.U[couplings.lead], self.U[couplings.lead])

    # M ----------------------------------------------------------------------------------------------------------------

    def K(self, V: FloatArray) -> FloatArray:
        """K V for a (q_r, r) array V."""
        return V + self._rest(self.U, self._coupled(*self._spread(V)), transposed=True)

    def _spread(self, V: FloatArray) -> tuple[FloatArray, FloatArray]:
        """U V, and A_0r U V."""
        UV = self._rest(self.U, V)
        return UV, self.couplings.up @ UV

    def _coupled(self, UV: FloatArray, over: FloatArray) -> FloatArray:
        """(A_rr - A_r0 P A_0r) U V."""
        out: FloatArray = -(self.couplings.down @ times(self._P, over))
        return out if self.couplings.among is None else out + self.couplings.among @ UV

    def _rest(self, per_level: list[FloatArray], V: FloatArray, *, transposed: bool = False) -> FloatArray:
        """Every level of the rest with its own matrix."""
        out = np.empty_like(V)
        for j, mine in self.couplings.places.items():
            out[mine] = times(per_level[j].transpose(1, 0, 2) if transposed else per_level[j], V[mine])
        return out

    def solve(self, B: FloatArray) -> FloatArray:
        """M^-1 B for a (q, r) array B."""
        c, lead = self.couplings, self.couplings.lead
        X = np.empty((B.shape[0], B.shape[1]))
        over = times(self._inverse[lead], c.own(lead, B))
        if c.rest:
            right = np.concatenate([times(self._inverse[j], c.own(j, B)) for j in c.rest])
            right -= self._rest(self.U, c.down @ times(self.U[lead], over), transposed=True)
            x = conjugate_gradients(self.K, right, TOLERANCE)
            over = over - times(self.U[lead].transpose(1, 0, 2), self._spread(x)[1])
            for j, mine in c.places.items():
                c.own(j, X)[:] = times(self._inverse[j].transpose(1, 0, 2), x[mine])
        c.own(lead, X)[:] = times(self._inverse[lead].transpose(1, 0, 2), over)
        return X

    # Derivatives by T -------------------------------------------------------------------------------------------------

    @cached_property
    def logdet_D_by_T(self) -> Blocks:
        """d logdet_D / dT_j = 2 sum over levels of A T D^-1."""
        by_level = (
            2.0 * np.einsum("abl,bcl,cdl->ad", A, U, R, optimize=True)  # T D^-1 = U L^-1
            for A, U, R in zip(self.couplings.ZtWZ.diagonal, self.U, self._inverse, strict=True)
        )
        return tuple(by_level)

    def by_T(self, j: int, by_U: FloatArray) -> FloatArray:
        """Derivatives by T_j (k, k, r) of functions whose derivatives by U_j are (k, k, n_levels, r).

        dU = dT L^-T - U S' with S the lower triangle, and half the diagonal, of L^-1 dD L^-T.
        """
        A, U, R = self.couplings.ZtWZ.diagonal[j], self.U[j], self._inverse[j]
        k = len(A)
        UG = np.einsum("cal,cblr->ablr", U, by_U)
        S = np.zeros_like(UG)
        for a in range(k):
            S[a, a] = 0.5 * UG[a, a]
            for b in range(a + 1, k):
                S[a, b] = S[b, a] = 0.5 * UG[a, b]
        AU = blocks.multiply(A, U)
        moved = by_U - 2.0 * np.einsum("acl,cblr->ablr", AU, S)
        return np.asarray(np.einsum("ablr,bcl->acr", moved, R))

    def quadratic_by_U(self, Y: FloatArray, sign: float, into: dict[int, FloatArray]) -> None:
        """Add sign times the derivatives of the columns' y'Ky by every U, (k, k, n_levels, r), to `into`."""
        c = self.couplings
        UY, over = self._spread(Y)
        s = self._coupled(UY, over)
        for j, mine in c.places.items():
            into[j] += 2.0 * sign * _outer(s[mine], Y[mine], len(self.U[j]))
        a = times(self.U[c.lead].transpose(1, 0, 2), over)  # y'A_r0 P A_0r y = |a|^2
        into[c.lead] -= 2.0 * sign * _outer(over, a, len(self.U[c.lead]))

    def nothing_by_U(self, r: int) -> dict[int, FloatArray]:
        """Where `quadratic_by_U` adds to."""
        return {j: np.zeros((*U.shape, r)) for j, U in enumerate(self.U)}

    def trace(self) -> tuple[float, dict[int, FloatArray]]:
        """tr(K - I) = - sum over pairs of |U_0'A U|^2, and its derivatives by every U, (k, k, n_levels)."""
        c = self.couplings
        value, by_P = 0.0, [np.zeros_like(U) for U in self.U]
        P = [np.einsum("acl,bcl->abl", U, U) for U in self.U]
        for (i, j), A in c.ZtWZ.cross.items():
            if c.lead in (i, j):
                rows, columns = c.pattern.pairs[i, j]
                right = np.einsum("abn,bcn,dcn->adn", A, P[j][:, :, columns], A, optimize=True)
                left = np.einsum("abn,acn,cdn->bdn", A, P[i][:, :, rows], A, optimize=True)
                value -= float((P[i][:, :, rows] * right).sum())
                for factor, levels, terms in ((i, rows, right), (j, columns, left)):
                    by_P[factor] -= _summed(levels, terms, by_P[factor].shape[2])
        return value, {
            j: 2.0 * np.einsum("abl,bcl->acl", G, U) for j, (G, U) in enumerate(zip(by_P, self.U, strict=True))
        }


def times(per_level: FloatArray, V: FloatArray) -> FloatArray:
    """Every level's (k, k) matrix times its rows of V (k n_levels, r)."""
    k, _, n_levels = per_level.shape
    if k == 1:
        return np.asarray(per_level[0, 0][:, None] * V)
    product = np.einsum("abl,blr->alr", per_level, V.reshape(k, n_levels, -1))
    return np.asarray(product.reshape(V.shape))


def _outer(V: FloatArray, W: FloatArray, k: int) -> FloatArray:
    """v w' level by level, (k, k, n_levels, r)."""
    r = V.shape[1]
    return np.asarray(V.reshape(k, 1, -1, r) * W.reshape(1, k, -1, r))


def _summed(levels: IntArray, terms: FloatArray, n_levels: int) -> FloatArray:
    """Sums over pairs by level, (k, k, n_levels)."""
    k = len(terms)
    flat = [np.bincount(levels, weights=one, minlength=n_levels) for one in terms.reshape(k * k, -1)]
    return np.asarray(np.array(flat).reshape(k, k, n_levels), np.float64)
