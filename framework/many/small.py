"""Many small matrices at once: the first two axes are a matrix's, all others run over matrices.

The last axis is long and contiguous, and every step is elementwise along it: what one response gets has the same bits
whichever others are beside it.
"""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray


def product(A: FloatArray, B: FloatArray) -> FloatArray:
    """A B."""
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


def by_matrix(A: FloatArray) -> FloatArray:
    """(a, b, m) as (m, a, b), for LAPACK."""
    return np.ascontiguousarray(np.moveaxis(A, -1, 0))


__all__ = ["by_matrix", "congruence", "inverse", "product", "transposed"]
