"""The fixed-effects model matrix X: rank, and a well-conditioned basis to compute in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas, lapack, qr, solve_triangular

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError, RankDeficiencyWarning
from ..notes import Note
from .arrays import SMALLEST
from .labels import SAME_COLUMN, FixedLabels

#: Pivots of the scaled Gram matrix above this square (condition number below 1e4) need no QR of X itself.
WELL_CONDITIONED = 1e-8
#: lme4's tolerance for the rank of X.
RANK_TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class FixedDesign(FixedLabels):
    """The rows of Q in X = Q R, with X's labels.

    Parameters
    ----------
    Q : (n, r) array with contiguous columns
        Basis of X's column space, orthonormal in the weights up to rounding of its making. Cross-products are taken of
        Q itself, so that this rounding enters no criterion; starts take Q as orthonormal.
    weights : (n,) array, or None for ones
        In which Q is orthonormal.
    """

    Q: FloatArray
    weights: FloatArray | None

    @property
    def labels(self) -> FixedLabels:
        """Without the rows."""
        return FixedLabels(self.R, self.kept, self.names, self.relations)


def orthogonalize(X: FloatArray, names: tuple[str, ...], weights: FloatArray | None) -> FixedDesign:
    """Find the rank of X and a basis of its columns; those that are linear combinations of earlier ones are left out.

    The Gram matrix decides where it can (it costs one pass over the rows); a pivoted QR of X where it cannot.
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
            return FixedDesign(R, kept, names, np.zeros((p, 0)), _basis(X, R), weights)
    if p:
        tiny = [names[j] for j in np.flatnonzero(norms < np.sqrt(n) * SMALLEST) if X[:, j].any()]
        if tiny:
            raise InputError(f"X has values too small to be computed with in {', '.join(tiny)}: change the unit")
        kept = _independent_columns(Xw, norms)
        R = np.linalg.qr(Xw[:, kept] / norms[kept], mode="r") * norms[kept]
    else:
        R = np.zeros((0, 0))
    Q, dropped = _basis(X[:, kept], R), X[:, np.setdiff1d(np.arange(p), kept)]
    relations = np.zeros((len(kept), dropped.shape[1]))
    for _ in range(2 * bool(len(kept))):  # once more from what is left: Q is orthonormal up to R's condition only
        left = dropped - X[:, kept] @ relations
        weighted = left if weights is None else left * weights[:, None]
        relations += solve_triangular(R, Q.T @ weighted, check_finite=False)
    shares = np.abs(relations) * norms[kept, None]
    relations[shares <= SAME_COLUMN * np.delete(norms, kept)] = 0.0  # by rounding only
    return FixedDesign(R, kept, names, relations, Q, weights)


def notes_of_dropped(fixed: FixedLabels, shown: int = 5) -> list[Note]:
    """Which columns were dropped (lme4 drops the same), and of which others each is a linear combination."""
    dropped = fixed.dropped_names
    if not dropped:
        return []
    reasons = [reason_of_dropped(fixed, j) for j in range(min(shown, len(dropped)))]
    more = f" and {len(dropped) - shown} more" if len(dropped) > shown else ""
    text = (
        f"X is rank deficient: dropped {'; '.join(reasons)}{more}. Coefficients of dropped columns are "
        "NaN. Leave redundant columns out of X"
    )
    return [Note(RankDeficiencyWarning, text)]


def reason_of_dropped(fixed: FixedLabels, j: int) -> str:
    """Why the j-th of the dropped columns is one."""
    name, share = fixed.dropped_names[j], np.abs(fixed.relations[:, j]) * np.linalg.norm(fixed.R, axis=0)
    if not share.any():
        return f"{name} (zero everywhere)"
    parts = [kept for kept, s in zip(fixed.kept_names, share, strict=True) if s > 1e-6 * share.max()]
    kind = "a multiple" if len(parts) == 1 else "a linear combination"
    return f"{name} ({kind} of {', '.join(parts)})"


def _basis(X: FloatArray, R: FloatArray) -> FloatArray:
    """X R^-1 with contiguous columns."""
    return np.asarray(blas.dtrsm(1.0, R, X, side=1)) if len(R) else X[:, :0]


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
