"""The fixed-effects model matrix X: rank, and a well-conditioned basis to compute in."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack, qr, solve_triangular

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import RankDeficiencyWarning

#: Pivots of the scaled Gram matrix above this square (condition number below 1e4) need no QR of X itself.
WELL_CONDITIONED = 1e-8
#: lme4's tolerance for the rank of X.
RANK_TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class FixedDesign:
    """X = Q R on the columns that are kept.

    Parameters
    ----------
    Q : (n, r) array with contiguous columns
        Basis of X's column space, orthonormal in the weights up to rounding of its making; cross-products are taken of
        Q itself, so nothing rests on its orthogonality.
    R : (r, r) upper triangular array
    kept : (r,) int array
        Columns of X that are kept, ascending.
    names : tuple of str
        Names of all p columns.
    """

    Q: FloatArray
    R: FloatArray
    kept: IntArray
    names: tuple[str, ...]

    @property
    def rank(self) -> int:
        """Number of columns kept."""
        return len(self.kept)

    @property
    def kept_names(self) -> tuple[str, ...]:
        """Names of the columns kept."""
        return tuple(self.names[j] for j in self.kept)

    @property
    def dropped_names(self) -> tuple[str, ...]:
        """Names of the columns dropped, linear combinations of those before them."""
        return tuple(name for j, name in enumerate(self.names) if j not in self.kept)

    def coefficients(self, gamma: FloatArray) -> FloatArray:
        """Coefficients of the kept columns of X from those of Q."""
        return np.asarray(solve_triangular(self.R, gamma, check_finite=False))


def orthogonalize(X: FloatArray, names: tuple[str, ...], weights: FloatArray | None) -> FixedDesign:
    """Find the rank of X and a basis of its columns.

    The Gram matrix decides where it can (it costs one pass over the rows); a pivoted QR of X where it cannot.

    Warns
    -----
    RankDeficiencyWarning
        Names the columns that are linear combinations of others; they are dropped, as lme4 drops them.
    """
    n, p = X.shape
    root = None if weights is None else np.sqrt(weights)[:, None]
    Xw = X if root is None else X * root
    norms = np.sqrt(np.einsum("ij,ij->j", Xw, Xw))
    kept = np.arange(p)
    if p and n >= p and norms.min() > 0:
        gram = (Xw.T @ Xw) / np.outer(norms, norms)
        R, info = lapack.dpotrf(gram, lower=0, clean=1)
        if info == 0 and np.diagonal(R).min() ** 2 > WELL_CONDITIONED:
            R = R * norms
            return FixedDesign(_basis(X, R), R, kept, names)
    if p:
        kept = _independent_columns(Xw, norms)
        if len(kept) < p:
            dropped = ", ".join(names[j] for j in range(p) if j not in kept)
            warnings.warn(
                f"X is rank deficient: {dropped} {'is a' if p - len(kept) == 1 else 'are'} linear combination"
                f"{'' if p - len(kept) == 1 else 's'} of other columns and {'was' if p - len(kept) == 1 else 'were'} "
                f"dropped (the coefficient is NaN). Leave redundant columns out of X",
                RankDeficiencyWarning,
                stacklevel=2,
            )
        R = np.linalg.qr(Xw[:, kept] / norms[kept], mode="r") * norms[kept]
    else:
        R = np.zeros((0, 0))
    return FixedDesign(_basis(X[:, kept], R), R, kept, names)


def _basis(X: FloatArray, R: FloatArray) -> FloatArray:
    """X R^-1 with contiguous columns."""
    return np.ascontiguousarray(solve_triangular(R, X.T, trans="T", check_finite=False)).T if len(R) else X[:, :0]


def _independent_columns(Xw: FloatArray, norms: FloatArray) -> IntArray:
    """Columns that a rank-revealing pivoted QR keeps; among equals the first ones stay."""
    scaled = Xw / np.where(norms > 0, norms, 1.0)
    R, _ = qr(scaled, mode="r", pivoting=True, check_finite=False)
    diagonal = np.abs(np.diagonal(R))
    rank = int((diagonal > RANK_TOLERANCE * diagonal[0]).sum()) if len(diagonal) and diagonal[0] > 0 else 0
    # Which columns: the leftmost that are independent of those before them (as R's lm), not the pivots' choice.
    kept: list[int] = []
    residual = scaled.copy()
    for j in range(scaled.shape[1]):
        v = residual[:, j]
        length = np.sqrt(v @ v)
        if length > RANK_TOLERANCE and len(kept) < rank:
            kept.append(j)
            unit = v / length
            residual[:, j + 1 :] -= np.outer(unit, unit @ residual[:, j + 1 :])
    return np.array(kept, dtype=np.intp)
