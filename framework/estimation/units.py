"""Coordinates of the search: free of the units, origins and weights of the random-effects columns.

With the columns of a correlated term written Z = Q L, Q'WQ = n I and L lower triangular, the same model in Q has the
relative covariance factor L T: lower triangular again, its diagonal of the same signs, and linear in T column by
column. So a search in x = A theta, the entries of L T, has the same bounds, and converges alike whether a slope is in
seconds or days, and counted from today or from the year 0. Columns without estimated correlations are only scaled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.linalg import PatternBlocks, Structure

#: Columns nearer to a linear dependence than this are scaled only.
DEPENDENT = 1e-7


@dataclass(frozen=True, eq=False)
class ThetaUnits:
    """x = A theta.

    Parameters
    ----------
    factors : tuple of (k_j, k_j) arrays
        L of every grouping factor.
    A, inverse : (m, m) arrays
    """

    factors: tuple[FloatArray, ...]
    A: FloatArray
    inverse: FloatArray

    def gradient(self, by_theta: FloatArray) -> FloatArray:
        """Derivatives by x from those by theta."""
        return self.inverse.T @ by_theta

    def hessian(self, by_theta: FloatArray) -> FloatArray:
        """Second derivatives by x from those by theta."""
        return np.asarray(self.inverse.T @ by_theta @ self.inverse)


def theta_units(structure: Structure, ZtWZ: PatternBlocks, n: int) -> ThetaUnits:
    """Coordinates for the columns whose cross-products are given."""
    factors = tuple(
        _column_factor(f.theta_rows, f.theta_columns, block.sum(axis=2) / n)
        for f, block in zip(structure.factors, ZtWZ.diagonal, strict=True)
    )
    m, start = structure.n_theta, 0
    A = np.zeros((m, m))
    for f, L in zip(structure.factors, factors, strict=True):
        mine = slice(start, start + f.n_theta)
        same_column = f.theta_columns[:, None] == f.theta_columns
        A[mine, mine] = np.where(same_column, L[np.ix_(f.theta_rows, f.theta_rows)], 0.0)
        start += f.n_theta
    return ThetaUnits(factors, A, np.asarray(np.linalg.inv(A), dtype=np.float64))


def _column_factor(theta_rows: IntArray, theta_columns: IntArray, gram: FloatArray) -> FloatArray:
    """L with L'L = gram within correlated columns, and nothing between others."""
    correlated = np.eye(len(gram), dtype=bool)
    correlated[theta_rows, theta_columns] = correlated[theta_columns, theta_rows] = True
    rms = np.sqrt(np.diagonal(gram))
    shape = np.where(correlated, gram / np.outer(rms, rms), 0.0)
    try:  # the Cholesky factor of the reversed matrix, reversed: L'L instead of LL'
        L = np.linalg.cholesky(shape[::-1, ::-1])[::-1, ::-1].T
    except np.linalg.LinAlgError:
        return np.diag(rms)
    return L * rms if np.diagonal(L).min() > DEPENDENT else np.diag(rms)
