"""Bases of the random-effects columns: what a fit computes in, and the way back to the user's columns.

The columns z of a correlated term and any basis B of their span, z = B R, give the same model: the effects b of z and
R b of B, with covariance matrices Sigma and R Sigma R'. A fit computes in columns that are orthonormal (on average over
the rows, B'WB = trace(W) I), so that no result depends on the units of a slope's variable or on where it is counted
from. Columns without estimated correlations are only scaled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np
from scipy.linalg import solve_triangular

from ..contracts.arrays import FloatArray

#: Values (n,) of a column of Z, or None for ones.
Column = FloatArray | None
#: Weights (n,) of the rows, or None. Or sums C'WC (m, m) of columns C, of which the first is one of ones: columns of Z
#: are then coefficients (m,) of those.
Metric = FloatArray | None
#: Columns nearer to a linear dependence than this are scaled only.
DEPENDENT = 1e-7
#: A column whose spread is a smaller part of its size than this is constant to rounding.
CONSTANT = 1e-13
#: Columns of which one is so many times as large as its part that the others do not explain are nearly dependent.
ENTANGLED = 30.0


def orthonormal(columns: Sequence[Column], metric: Metric) -> tuple[tuple[Column, ...], FloatArray]:
    """Basis B of correlated columns and R (k, k), columns = B R; a column of ones stays what it is.

    Others are counted from their mean first where there is a column of ones: day numbers and years keep their digits.

    Examples
    --------
    >>> B, R = orthonormal([None, np.array([2001.0, 2003.0])], None)
    >>> B[1].tolist(), R.tolist()
    ([-1.0, 1.0], [[1.0, 2002.0], [0.0, 1.0]])
    """
    ones = next((j for j, z in enumerate(columns) if z is None), None)
    others = [j for j, z in enumerate(columns) if z is not None]
    if not others:
        return scaled(columns, metric)
    Z = np.array([columns[j] for j in others], dtype=np.float64)
    largest = _largest(Z, metric)
    means = np.zeros(len(Z)) if ones is None else _means(Z, metric)
    Z -= means[:, None] * _ones(Z.shape[1], metric) if _is_summed(metric) else means[:, None]
    size = np.sqrt(_gram(Z, metric).diagonal())
    if not (size > CONSTANT * largest).all():
        return scaled(columns, metric)
    Z /= size[:, None]
    if len(Z) > 1:
        try:
            C = np.linalg.cholesky(_gram(Z, metric)).T
        except np.linalg.LinAlgError:
            return scaled(columns, metric)
        if C.diagonal().min() < DEPENDENT:
            return scaled(columns, metric)
        Z = np.asarray(solve_triangular(C, Z, trans="T", check_finite=False))
    else:
        C = np.ones((1, 1))
    R = np.zeros((len(columns),) * 2)
    R[np.ix_(others, others)] = C * size
    basis: list[Column] = [None] * len(columns)
    for j, z in zip(others, Z, strict=True):
        basis[j] = z
    if ones is not None:
        R[ones, ones], R[ones, others] = 1.0, means
    return tuple(basis), R


def scaled(columns: Sequence[Column], metric: Metric) -> tuple[tuple[Column, ...], FloatArray]:
    """Columns over their root mean squares, and R, the diagonal matrix of these."""
    size = np.array([1.0 if z is None else np.sqrt(_gram(z[None], metric)[0, 0]) for z in columns])
    return tuple(None if z is None else z / s for z, s in zip(columns, size, strict=True)), np.diag(size)


def disentangled(columns: Sequence[Column], metric: Metric) -> tuple[tuple[Column, ...], FloatArray]:
    """Columns of independent effects, scaled; an orthonormal basis and R where they are nearly dependent.

    Examples
    --------
    >>> disentangled([None, np.array([-1.0, 1.0])], None)[1].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    >>> disentangled([None, np.array([2001.0, 2003.0])], None)[1].tolist()
    [[1.0, 2002.0], [0.0, 1.0]]
    """
    if len(columns) > 1:
        B, R = orthonormal(columns, metric)
        size, apart = np.linalg.norm(R, axis=0), 1.0 / np.linalg.norm(np.linalg.inv(R), axis=1)
        if (size > ENTANGLED * apart).any():
            return B, R
    return scaled(columns, metric)


def alike(columns: Sequence[Column], metric: Metric) -> tuple[tuple[Column, ...], FloatArray]:
    """Columns over the root mean square of all, and R: a covariance structure is one of all columns in one unit.

    Examples
    --------
    >>> B, R = alike([None, np.array([3.0, -4.0])], None)
    >>> R.round(3).tolist()
    [[2.598, 0.0], [0.0, 2.598]]
    """
    if all(z is None for z in columns):
        return tuple(columns), np.eye(len(columns))
    squares = [1.0 if z is None else float(_gram(z[None], metric)[0, 0]) for z in columns]
    size = float(np.sqrt(np.mean(squares)))
    n = next(len(z) for z in columns if z is not None)
    full = [_ones(n, metric) if z is None else z for z in columns]
    return tuple(z / size for z in full), size * np.eye(len(columns))


def _is_summed(metric: Metric) -> TypeGuard[FloatArray]:
    """Whether columns are coefficients of those that there are sums of."""
    return metric is not None and metric.ndim == 2


def _gram(Z: FloatArray, metric: Metric) -> FloatArray:
    """Z W Z' over the trace of W, for columns Z (k, n)."""
    if metric is None:
        return np.asarray(Z @ Z.T / Z.shape[1])
    if _is_summed(metric):
        return np.asarray(Z @ metric @ Z.T / metric[0, 0])
    return np.asarray((Z * metric) @ Z.T / metric.sum())


def _means(Z: FloatArray, metric: Metric) -> FloatArray:
    """Weighted means of columns Z (k, n)."""
    if _is_summed(metric):
        return np.asarray(Z @ metric[0] / metric[0, 0])
    return np.asarray(np.average(Z, axis=1, weights=metric))


def _largest(Z: FloatArray, metric: Metric) -> FloatArray:
    """How large columns Z (k, n) are, counted from zero."""
    if _is_summed(metric):
        return np.sqrt(_gram(Z, metric).diagonal())
    return np.asarray(np.maximum(Z.max(axis=1), -Z.min(axis=1)))


def _ones(n: int, metric: Metric) -> FloatArray:
    """A column of ones."""
    return np.eye(1, n)[0] if _is_summed(metric) else np.ones(n)


def lower_root(A: FloatArray) -> FloatArray:
    """The lower triangular L with L L' = A A' and a diagonal that is not negative; where it is 0, so is its column.

    A is (k, m). By Gram-Schmidt on the rows of A, twice, so that small pivots keep their digits.

    Examples
    --------
    >>> lower_root(np.array([[0.0, 3.0], [0.0, -4.0]])).tolist()
    [[3.0, 0.0], [-4.0, 0.0]]
    """
    k = len(A)
    L, directions = np.zeros((k, k)), np.zeros(A.shape)
    for j, row in enumerate(A):
        rest = row.copy()
        for _ in range(2):
            share = directions @ rest
            rest = rest - share @ directions
            L[j] += share
        pivot, size = np.sqrt(rest @ rest), np.sqrt(row @ row)
        if pivot > 1e-14 * k * size:
            L[j, j], directions[j] = pivot, rest / pivot
    return L
