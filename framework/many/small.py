"""Many small matrices at once: the first two axes are a matrix's, all others run over matrices.

The last axis is long and contiguous, and every step is elementwise along it: what one response gets has the same bits
whichever others are beside it.
"""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray, IntArray


def product(A: FloatArray, B: FloatArray) -> FloatArray:
    """A B."""
    if A.shape[1] == 1:
        return A * B
    return np.asarray(np.einsum("ac...,cb...->ab...", A, B))


def transposed(A: FloatArray) -> FloatArray:
    """A'."""
    return A.swapaxes(0, 1)


def congruence(A: FloatArray, B: FloatArray) -> FloatArray:
    """A B A'."""
    return product(product(A, B), transposed(A))


def inverse(A: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverse and log determinant of positive definite matrices, by Gauss and Jordan; NaN where they are not.

    Examples
    --------
    >>> inverse(np.array([[4.0, 2.0], [2.0, 5.0]])[:, :, None])[0][..., 0].tolist()
    [[0.3125, -0.125], [-0.125, 0.25]]
    """
    out, logdet = np.array(A), np.zeros(A.shape[2:])
    for i in range(len(out)):
        pivot, column = out[i, i].copy(), out[:, i].copy()
        logdet += np.log(pivot)
        row = out[i] / pivot
        out -= column[:, None] * row
        out[i], out[:, i] = row, -column / pivot
        out[i, i] = 1.0 / pivot
    return out, logdet


def lower_roots(A: FloatArray) -> FloatArray:
    """Lower triangular L (m, k, k) with L L' = A A' and a diagonal that is not negative, of A (k, k, m)."""
    if len(A) == 1:
        return np.abs(by_matrix(A))
    upper = np.linalg.qr(np.swapaxes(by_matrix(A), 1, 2), mode="r")
    signs = np.where(np.diagonal(upper, axis1=1, axis2=2) < 0.0, -1.0, 1.0)
    return np.asarray(np.swapaxes(upper * signs[:, :, None], 1, 2))


def at_least_two(which: IntArray) -> IntArray:
    """Numbers of matrices: one is taken twice, since along an axis of one NumPy adds up in another order."""
    return np.repeat(which, 2) if len(which) == 1 else which


def is_all(which: IntArray, m: int) -> bool:
    """Whether these are all m matrices in their order: one of two, taken twice, is not."""
    return len(which) == m and bool((which == np.arange(m)).all())


def by_matrix(A: FloatArray) -> FloatArray:
    """(a, b, m) as (m, a, b), for LAPACK."""
    return np.ascontiguousarray(np.moveaxis(A, -1, 0))


__all__ = ["at_least_two", "by_matrix", "congruence", "inverse", "is_all", "lower_roots", "product", "transposed"]
