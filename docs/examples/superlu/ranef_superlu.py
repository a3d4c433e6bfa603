"""A linear-algebra backend of ranef on SuperLU, by SciPy's `splu`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ranef.contracts import (
    Blocks,
    Factor,
    LinalgBackend,
    LinalgEntry,
    NotPositiveDefiniteError,
    Pattern,
    PatternBlocks,
    Symbolic,
    hookimpl,
)
from ranef.contracts.arrays import FloatArray
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import splu, spsolve_triangular


class SuperLU(LinalgBackend):
    """P M P' = L D L', from SuperLU's factors L U without row exchanges: U = D L'.

    Source: Demmel, Eisenstat, Gilbert, Li & Liu (1999), doi 10.1137/S0895479895291765.
    """

    has_selected_inverse = False

    def cost(self, pattern: Pattern) -> float:
        """A rough guess: some hundred operations for every entry of M; inf where levels have a known precision."""
        if pattern.has_precision:
            return np.inf
        entries = sum(f.size * f.n_columns for f in pattern.groupings)
        for (i, j), (rows, _) in pattern.pairs.items():
            entries += 2 * len(rows) * pattern.groupings[i].n_columns * pattern.groupings[j].n_columns
        return 100.0 * entries + 1e5

    def analyze(self, pattern: Pattern) -> Symbolic:
        return SuperLUSymbolic(pattern)


class SuperLUSymbolic(Symbolic):
    """Rows and columns of the entries of M, block by block."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        # (k_j, n_levels_j): where the effects of factor j stand among all q
        at = [
            o + f.n_levels * np.arange(f.n_columns)[:, None] + np.arange(f.n_levels)
            for o, f in zip(pattern.offsets, pattern.groupings, strict=True)
        ]
        places = [np.broadcast_arrays(a[:, None], a[None]) for a in at]
        for (i, j), (rows, columns) in pattern.pairs.items():
            upper = np.broadcast_arrays(at[i][:, None, rows], at[j][None, :, columns])
            places += [upper, upper[::-1]]
        self._rows, self._columns = (np.concatenate([p[side].ravel() for p in places]) for side in (0, 1))

    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> Factor:
        values = [np.einsum("ra,rcl,cb->abl", T[j], block, T[j]) for j, block in enumerate(ZtWZ.diagonal)]
        for i, j in self._pattern.pairs:
            block = np.einsum("ra,rcl,cb->abl", T[i], ZtWZ.cross[i, j], T[j])
            values += [block, block]
        entries = np.concatenate([block.ravel() for block in values])
        q = self._pattern.q
        M = csc_array((entries, (self._rows, self._columns)), shape=(q, q)) + eye_array(q, format="csc")
        try:
            lu = splu(csc_array(M), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        except RuntimeError as error:  # exactly singular
            raise NotPositiveDefiniteError("M is singular") from error
        D = lu.U.diagonal()
        # SuperLU factorizes indefinite matrices too, with negative pivots, and exchanges rows at zero ones
        if not (np.all(D > 0) and np.array_equal(lu.perm_r, lu.perm_c)):
            raise NotPositiveDefiniteError("M is not positive definite")
        return SuperLUFactor(csc_array(lu.L), D, np.argsort(lu.perm_c))


class SuperLUFactor(Factor):
    """The Cholesky factor L D^(1/2), and the order in which P takes the rows."""

    def __init__(self, L: csc_array, D: FloatArray, order: np.ndarray) -> None:
        self._L = L.tocsr()
        self._Lt = csc_array(L).T.tocsr()
        self._D, self._order = D, order

    @property
    def logdet(self) -> float:
        return float(np.log(self._D).sum())

    def half_solve(self, B: FloatArray) -> FloatArray:
        solved = self._triangular(self._L, B[self._order], lower=True)
        return solved / np.sqrt(self._D)[:, None]

    def back_solve(self, C: FloatArray) -> FloatArray:
        solved = np.empty_like(C)
        solved[self._order] = self._triangular(self._Lt, C / np.sqrt(self._D)[:, None], lower=False)
        return solved

    @staticmethod
    def _triangular(L: csc_array, B: FloatArray, lower: bool) -> FloatArray:
        if B.shape[1] == 0:  # which SciPy does not take
            return B
        return spsolve_triangular(L, np.ascontiguousarray(B), lower=lower, unit_diagonal=True)


@hookimpl
def ranef_linalg_backends() -> Iterator[LinalgEntry]:
    # fits without gradients take several times as long: only by name
    yield LinalgEntry("superlu", "Sparse LU factorization by SciPy", SuperLU, automatic=False, api_version="0.9")
