"""Many larger matrices at once: the first axis runs over them, so that each is one product of BLAS after the other.

What one response gets has the same bits whichever others are beside it.
"""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray
from . import small
from .roots import Effects, Roots

#: Matrices that are not cut further.
LEAF = 10


def invert(A: FloatArray, diagonal: int = 0) -> FloatArray:
    """Put the inverses of positive definite matrices (m, q, q) into their place, by halves; log determinants (m,).

    Both are NaN where matrices are not positive definite. A first block of size `diagonal` is known to be diagonal.

    Examples
    --------
    >>> A = np.diag(np.arange(1.0, 31.0))[None]
    >>> logdet = invert(A)
    >>> A.diagonal(axis1=1, axis2=2)[0, [0, 1, 9]].tolist(), round(float(logdet[0]), 6)
    ([1.0, 0.5, 0.1], 74.658236)
    """
    q = A.shape[1]
    if not diagonal and q <= LEAF:
        inverse, logdet = small.inverse(np.ascontiguousarray(np.moveaxis(A, 0, -1)))
        A[...] = np.moveaxis(inverse, -1, 0)
        return logdet
    half = diagonal or q // 2
    first, rest, corner = A[:, :half, :half], A[:, half:, half:], A[:, :half, half:]
    if diagonal:
        pivots = np.diagonal(first, axis1=1, axis2=2).copy()
        logdet, across = np.asarray(np.log(pivots).sum(axis=1)), corner / pivots[:, :, None]
    else:
        logdet = invert(first)
        across = first @ corner
    rest -= corner.swapaxes(1, 2) @ across
    logdet = logdet + invert(rest)
    np.matmul(across, -rest, out=corner)
    if diagonal:
        np.matmul(corner, -across.swapaxes(1, 2), out=first)
        first[:, range(half), range(half)] += 1.0 / pivots
    else:
        first -= corner @ across.swapaxes(1, 2)
    A[:, half:, :half] = corner.swapaxes(1, 2)
    return logdet


def times_root(B: FloatArray, T: Roots, effects: Effects, axis: int, *, transpose: bool = False) -> FloatArray:
    """B Lambda of B (m, a, q), along axis 2, or Lambda'B of B (m, q, a), along axis 1; with Lambda' for Lambda."""
    out, before = np.empty((max(len(B), T[0].shape[-1]), *B.shape[1:])), (slice(None),) * axis
    template = effects.template
    for t, rows, columns, (k, L, mine) in zip(T, template.rows, template.columns, effects.factors, strict=True):
        own = [(*before, slice(mine.start + a * L, mine.start + (a + 1) * L)) for a in range(k)]
        for a in range(k):
            np.multiply(t[a, a][:, None, None], B[own[a]], out=out[own[a]])
        for a, b in zip(rows, columns, strict=True):
            if a != b:
                source, target = (b, a) if transpose else (a, b)
                out[own[target]] += t[a, b][:, None, None] * B[own[source]]
    return out


__all__ = ["invert", "times_root"]
