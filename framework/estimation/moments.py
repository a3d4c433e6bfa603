"""Start values: covariance matrices of the random effects by moments, without iteration.

MINQUE(0) (Rao 1971, doi 10.1016/0047-259X(71)90001-7; Searle, Casella & McCulloch 1992, section 11.3): with
P = Z'WZ - BB', B = Z'WQ for a basis Q of X that is orthonormal in W, and z = Z'W(y - X beta) of the regression on X
alone, sums over levels of z_l z_l' and y'Wy are linear in the covariance matrices G_i and sigma^2,

    E sum_l z_l z_l' = sum_i sum_l' P_ll' G_i P_l'l + sigma^2 sum_l P_ll,
    E y'Wy = sum_i tr(P_ii G_i) + (n - p) sigma^2.

Solving gives a start that is often within a few per cent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Blocks
from ..design.crossproducts import CrossProducts

#: Starting standard deviations are at least this part of the residual one: from zero no step leads away.
SMALLEST = 0.05


class Moments(NamedTuple):
    """T_j, the residual standard deviation that they are relative to, and whether that is of the data or a guess."""

    T: Blocks
    sigma: float
    sure: bool


def moment_start(cross: CrossProducts, eta: float = 1.0) -> Moments:
    """T_j and sigma by moments; where sigma^2 is nearly zero it is a guess.

    Parameters
    ----------
    cross : CrossProducts
    eta : float
        Standard deviation of an average observation, relative to sigma: the unit that the limits of the start are in.
    """
    pattern = cross.pattern
    if not pattern.groupings:
        return Moments((), float(np.sqrt(cross.yWy / cross.n)), True)
    ks = [f.n_columns for f in pattern.groupings]
    at = np.cumsum([0, *(k * k for k in ks)])
    z = [part[0] for part in pattern.split(cross.ZtWQy[:, len(cross.gamma0) :])]
    rhs = np.array([*np.concatenate([(part @ part.T).ravel() for part in z]), cross.yWy])
    H = moment_matrix(cross)
    # of one level there is one product of effects: nothing is known of covariances, and variances have to do
    wanted = [np.eye(f.n_columns) if f.n_levels == 1 else np.ones((f.n_columns,) * 2) for f in pattern.groupings]
    kept = np.flatnonzero(np.concatenate([*(each.ravel() for each in wanted), np.ones(1)]))
    solution = np.zeros(len(rhs))
    solution[kept] = np.linalg.lstsq(H[np.ix_(kept, kept)], rhs[kept], rcond=1e-12)[0]
    variance = cross.yWy / cross.n
    sure = bool(solution[-1] > 0.01 * variance)
    sigma2 = solution[-1] if sure else 0.5 * variance or 1.0  # y may be fitted exactly
    covariances = [solution[at[j] : at[j + 1]].reshape(k, k) / (sigma2 * eta**2) for j, k in enumerate(ks)]
    T = tuple(eta * relative_factor(G) for G in covariances)
    return Moments(T, float(np.sqrt(sigma2)), sure)


def moment_matrix(cross: CrossProducts) -> FloatArray:
    """What the G_i, entry by entry, and sigma^2 are multiplied by: no response is in it."""
    pattern, A = cross.pattern, cross.ZtWZ
    ks = [f.n_columns for f in pattern.groupings]
    at = np.cumsum([0, *(k * k for k in ks)])
    size = int(at[-1]) + 1
    H = np.zeros((size, size))
    p = len(cross.gamma0)
    B = pattern.split(cross.ZtWQy[:, :p] @ np.linalg.inv(np.linalg.cholesky(cross.QtWQ)).T)
    for j, (k, block) in enumerate(zip(ks, A.diagonal, strict=True)):
        mine = slice(at[j], at[j + 1])
        own = np.einsum("xal,xbl->abl", B[j], B[j])
        H[mine, mine] = _quadratic(block, own, B[j], B[j])
        H[mine, -1] = H[-1, mine] = (block - own).reshape(k * k, -1).sum(axis=1)
    for (i, j), block in A.cross.items():
        rows, columns = pattern.pairs[i, j]
        met = np.einsum("xan,xbn->abn", B[i][:, :, rows], B[j][:, :, columns])
        both = _quadratic(block, met, B[i], B[j])
        H[at[i] : at[i + 1], at[j] : at[j + 1]] = both
        H[at[j] : at[j + 1], at[i] : at[i + 1]] = both.T
    H[-1, -1] = cross.n - p
    return H


def _quadratic(A: FloatArray, BB: FloatArray, B_i: FloatArray, B_j: FloatArray) -> FloatArray:
    """sum over pairs of levels of P (x) P with P = A - B_i B_j', as (k_i k_i, k_j k_j).

    A and BB (k_i, k_j, N) are the blocks of Z'WZ and of BB' on the pattern of Z'Z; beyond it only BB' is left, whose
    share is found from the Gram matrices of B_i and B_j (p, k, L).
    """
    k, m, p = A.shape[0], A.shape[1], len(B_i)
    a, b = A.reshape(k * m, -1), BB.reshape(k * m, -1)
    inner = a @ (a - b).T - b @ a.T
    grams = [x.reshape(-1, x.shape[2]) for x in (B_i, B_j)]
    U, V = (g @ g.T for g in grams)
    outer = np.tensordot(U.reshape(p, k, p, k), V.reshape(p, m, p, m), axes=([0, 2], [0, 2])) if p else 0.0
    paired = inner.reshape(k, m, k, m).transpose(0, 2, 1, 3)
    return np.asarray(paired + outer).reshape(k * k, m * m)


def relative_factor(G: FloatArray) -> FloatArray:
    """Cholesky factor of the nearest matrix to G (..., k, k) that is positive definite by a margin."""
    eigenvalues, V = np.linalg.eigh(0.5 * (G + np.swapaxes(G, -1, -2)))
    largest = np.maximum(eigenvalues.max(axis=-1, keepdims=True), 1.0)
    clipped = np.clip(eigenvalues, np.maximum(SMALLEST**2, 1e-4 * largest), 1e8)
    return np.linalg.cholesky((V * clipped[..., None, :]) @ np.swapaxes(V, -1, -2))
