"""Many larger matrices at once: the first axis runs over them, so that each is one product of BLAS after the other.

What one response gets has the same bits whichever others are beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..contracts.arrays import FloatArray
from ..design.template import Template
from . import small

#: Matrices that are not cut further.
LEAF = 10

#: T_j of every factor, (k_j, k_j, m).
Roots = Sequence[FloatArray]


def positive_inverse(A: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Inverses (m, q, q) and log determinants (m,) of positive definite matrices, by halves; NaN where they are not.

    Examples
    --------
    >>> inverse, logdet = positive_inverse(np.diag(np.arange(1.0, 31.0))[None])
    >>> inverse.diagonal(axis1=1, axis2=2)[0, [0, 1, 9]].tolist(), round(float(logdet[0]), 6)
    ([1.0, 0.5, 0.1], 74.658236)
    """
    if A.shape[1] <= LEAF:
        inverse, logdet = small.inverse(np.ascontiguousarray(np.moveaxis(A, 0, -1)))
        return small.by_matrix(inverse), logdet
    half = A.shape[1] // 2
    first, logdet_first = positive_inverse(A[:, :half, :half])
    across = first @ A[:, :half, half:]
    rest, logdet_rest = positive_inverse(A[:, half:, half:] - A[:, half:, :half] @ across)
    out = np.empty_like(A)
    corner = across @ rest
    out[:, :half, :half] = first + corner @ across.swapaxes(1, 2)
    out[:, :half, half:], out[:, half:, half:] = -corner, rest
    out[:, half:, :half] = out[:, :half, half:].swapaxes(1, 2)
    return out, logdet_first + logdet_rest


def times_root(B: FloatArray, T: Roots, template: Template, levels: Sequence[int]) -> FloatArray:
    """B Lambda of B (m, a, q), Lambda = T_j (x) I over the factors' levels."""
    return _combined(B, T, template, levels, transposed=False)


def times_transposed_root(B: FloatArray, T: Roots, template: Template, levels: Sequence[int]) -> FloatArray:
    """B Lambda'."""
    return _combined(B, T, template, levels, transposed=True)


def _combined(B: FloatArray, T: Roots, template: Template, levels: Sequence[int], transposed: bool) -> FloatArray:
    """Column by column of each factor: its entries times the columns that they stand for."""
    m = T[0].shape[-1]
    out, at = np.zeros((m, *B.shape[1:])), 0
    for t, rows, columns, L in zip(T, template.rows, template.columns, levels, strict=True):
        for a, b in zip(rows, columns, strict=True):
            source, target = (b, a) if transposed else (a, b)
            entry = t[a, b][:, None, None]
            out[..., at + target * L : at + (target + 1) * L] += entry * B[..., at + source * L : at + (source + 1) * L]
        at += len(t) * L
    return out


__all__ = ["Roots", "positive_inverse", "times_root", "times_transposed_root"]
