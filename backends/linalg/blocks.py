"""Linear algebra on many small k x k blocks at once, with the levels on the last, contiguous axis.

A Cholesky factorization of a million 2 x 2 blocks is a dozen operations on arrays of length one million: no loop over
levels, and no LAPACK call a level.
"""

from __future__ import annotations

import numpy as np

from ranef.contracts import NotPositiveDefiniteError
from ranef.contracts.arrays import FloatArray

#: A pivot that is a smaller part of its diagonal is rounding.
NO_PIVOT = 1e-15
#: What a root leaves of its block, in parts of the block's diagonal, is more than rounding.
LEFT = 1e-12


def congruence(T: FloatArray, A: FloatArray) -> FloatArray:
    """T' A_l T for every level l; T (k, k), A (k, k, L)."""
    k, _, n_levels = A.shape
    if k == 1:
        return np.asarray(A * (T[0, 0] * T[0, 0]))
    half = (T.T @ A.reshape(k, k * n_levels)).reshape(k, k, n_levels)
    return np.asarray(np.matmul(T.T, half))


def plus_identity(A: FloatArray) -> FloatArray:
    """A_l + I for every level, in place."""
    for j in range(len(A)):
        A[j, j] += 1.0
    return A


def cholesky(M: FloatArray) -> FloatArray:
    """Lower Cholesky factors of the blocks of M (k, k, L), of which the lower triangles are read."""
    k = M.shape[0]
    if k == 1:
        return np.sqrt(_positive(M))
    C = np.zeros_like(M)
    for j in range(k):
        column = M[j:, j]
        if j:
            column = column - np.einsum("icl,cl->il", C[j:, :j], C[j, :j])
        C[j, j] = np.sqrt(_positive(column[0]))
        C[j + 1 :, j] = column[1:] / C[j, j]
    return C


def root(A: FloatArray) -> FloatArray | None:
    """Lower C_l with C_l C_l' = A_l; columns without a pivot are zero. None where a block is indefinite.

    Observed weights of a density that is not log-concave may be negative, and so may be what they add up to.

    Examples
    --------
    >>> root(np.array([[4.0, 2.0], [2.0, 1.0]])[:, :, None])[:, :, 0].tolist()
    [[2.0, 0.0], [1.0, 0.0]]
    >>> root(np.array([[4.0, 2.0], [2.0, 0.5]])[:, :, None]) is None
    True
    """
    k = A.shape[0]
    C = np.zeros_like(A)
    for j in range(k):
        column = A[j:, j] - np.einsum("icl,cl->il", C[j:, :j], C[j, :j])
        there = column[0] > NO_PIVOT * A[j, j]
        C[j, j] = np.sqrt(np.where(there, column[0], 0.0))
        np.divide(column[1:], C[j, j], out=C[j + 1 :, j], where=there)
    size = np.sqrt(np.abs(np.einsum("jjl->jl", A)))
    left = np.abs(A - np.einsum("icl,jcl->ijl", C, C))
    return C if np.all(left <= LEFT * size * size[:, None]) else None


def _positive(pivots: FloatArray) -> FloatArray:
    if not pivots.min() > 0.0:
        raise NotPositiveDefiniteError("a diagonal block of M is not positive definite")
    return pivots


def logdet(C: FloatArray) -> float:
    """Sum over levels of log|C_l C_l'|."""
    return 2.0 * sum(float(np.log(C[j, j]).sum()) for j in range(len(C)))


def forward_solve(C: FloatArray, B: FloatArray) -> FloatArray:
    """C_l^-1 B_l for every level; C (k, k, L) lower triangular, B (r, k, L)."""
    k = C.shape[0]
    if k == 1:
        return np.asarray(B / C[0])
    Y = np.zeros(np.broadcast_shapes(B.shape, (1, *C.shape[1:])))
    for j in range(k):
        rest = B[:, j] if j == 0 else B[:, j] - np.einsum("cl,rcl->rl", C[j, :j], Y[:, :j])
        np.divide(rest, C[j, j], out=Y[:, j], where=C[j, j] != 0.0)  # of a `root` without a pivot: nothing
    return Y


def backward_solve(C: FloatArray, B: FloatArray) -> FloatArray:
    """C_l^-T B_l for every level; C (k, k, L) lower triangular, B (r, k, L)."""
    k = C.shape[0]
    if k == 1:
        return np.asarray(B / C[0])
    X = np.empty_like(B)
    for j in reversed(range(k)):
        rest = B[:, j] if j == k - 1 else B[:, j] - np.einsum("cl,rcl->rl", C[j + 1 :, j], X[:, j + 1 :])
        X[:, j] = rest / C[j, j]
    return X


def inverse(C: FloatArray) -> FloatArray:
    """(C_l C_l')^-1 for every level, (k, k, L)."""
    k = C.shape[0]
    if k == 1:
        return np.asarray(1.0 / C**2)
    root = forward_solve(C, np.eye(k)[:, :, None])  # row r of `root` is C^-1 e_r
    return np.asarray(np.einsum("rcl,scl->rsl", root, root))


def multiply(A: FloatArray, B: FloatArray) -> FloatArray:
    """A_l B_l for every level; either may be one (k, k) matrix for all levels."""
    if A.ndim == 2:
        return np.asarray(np.einsum("ab,bcl->acl", A, B))
    if B.ndim == 2:
        return np.asarray(np.einsum("abl,bc->acl", A, B))
    return np.asarray(np.einsum("abl,bcl->acl", A, B))


def symmetric(A: FloatArray) -> FloatArray:
    """The blocks with their lower triangles mirrored to the upper ones; A itself is not changed."""
    k = A.shape[0]
    if k == 1:
        return A
    out = A.copy()
    for r in range(1, k):
        out[:r, r] = A[r, :r]
    return out
