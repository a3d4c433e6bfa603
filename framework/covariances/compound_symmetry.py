"""Compound symmetry: any two effects of a level have the same correlation."""

from __future__ import annotations

import numpy as np

from ranef.contracts import InR
from ranef.contracts.arrays import FloatArray

from .scaled import Scaled

#: Starts are at most this part of the way to a singular correlation matrix.
INSIDE = 0.9


class HomogeneousDiagonal(Scaled):
    """Independent effects of one standard deviation.

    Source: Pinheiro & Bates (2000), section 4.2.2, `pdIdent`; doi 10.1007/b98882.

    Examples
    --------
    >>> HomogeneousDiagonal().relative_factor(np.array([2.0]), 2).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """

    name, homogeneous, diagonal = "homdiag", True, True

    def n_angles(self, k: int) -> int:
        """None."""
        return 0

    def correlation_root(self, angles: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        """I."""
        return np.eye(k), np.zeros((0, k, k))

    def angles(self, correlation: FloatArray) -> FloatArray:
        """None."""
        return np.zeros(0)


class CompoundSymmetry(Scaled):
    """One correlation rho between any two effects, and a standard deviation of each.

    rho = a + b sin(angle) runs from -1/(k - 1), where the effects of a level sum to zero, to 1. The Cholesky factor has

        L_i0 = rho,   L_jj = (1 - rho)^1/2 (D_j+1 / D_j)^1/2,   L_ij = rho (1 - rho)^1/2 / (D_j D_j+1)^1/2

    with D_j = 1 + (j - 1) rho, for i > j >= 1. Only 1 - rho and D_k reach zero; their square
    roots are sines of half-angles, so that T is smooth in the angle up to both ends, and beyond.

    Source: Pinheiro & Bates (2000), section 4.2.2, `pdCompSymm`; doi 10.1007/b98882.

    Examples
    --------
    >>> L, _ = CompoundSymmetry().correlation_root(np.array([0.0]), 2)
    >>> (L @ L.T).round(12).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    name, least_columns = "cs", 2
    in_r = (InR("glmmTMB", "cs"),)

    def n_angles(self, k: int) -> int:
        """One."""
        return 1

    def correlation_root(self, angles: FloatArray, k: int) -> tuple[FloatArray, FloatArray]:
        """L by its closed form, and its derivative."""
        a, b = _range(k)
        angle = float(angles[0])
        rho, by_rho = a + b * np.sin(angle), b * np.cos(angle)
        half = np.pi / 4.0 - angle / 2.0
        near_one, by_near_one = np.sqrt(2.0 * b) * np.sin(half), -np.sqrt(0.5 * b) * np.cos(half)
        least, by_least = np.sqrt(2.0 * b * (k - 1)) * np.cos(half), np.sqrt(0.5 * b * (k - 1)) * np.sin(half)
        D = 1.0 + np.arange(-1, k) * rho  # D_0 ... D_k
        roots, by_roots = np.empty(k + 1), np.empty(k + 1)
        roots[1:k] = np.sqrt(D[1:k])
        by_roots[1:k] = 0.5 * np.arange(k - 1) * by_rho / roots[1:k]
        roots[k], by_roots[k] = least, by_least
        L, by = np.eye(k), np.zeros((k, k))
        L[1:, 0], by[1:, 0] = rho, by_rho
        for j in range(1, k):
            r, s, dr, ds = roots[j], roots[j + 1], by_roots[j], by_roots[j + 1]
            L[j, j] = near_one * s / r
            by[j, j] = by_near_one * s / r + near_one * (ds / r - s * dr / r**2)
            if j + 1 < k:
                L[j + 1 :, j] = rho * near_one / (r * s)
                grown = by_rho * near_one + rho * by_near_one
                by[j + 1 :, j] = (grown - rho * near_one * (dr / r + ds / s)) / (r * s)
        return L, by[None]

    def angles(self, correlation: FloatArray) -> FloatArray:
        """The mean correlation."""
        k = len(correlation)
        a, b = _range(k)
        mean = float(correlation[np.tril_indices(k, -1)].mean())
        return np.asarray(np.arcsin(np.clip([(mean - a) / b], -INSIDE, INSIDE)))

    def correlations(self, angles: FloatArray, k: int) -> tuple[float, ...]:
        """rho."""
        a, b = _range(k)
        return (a + b * float(np.sin(angles[0])),)


class HomogeneousCompoundSymmetry(CompoundSymmetry):
    """One correlation and one standard deviation.

    Source: Pinheiro & Bates (2000), section 4.2.2, `pdCompSymm`; doi 10.1007/b98882.

    Examples
    --------
    >>> T = HomogeneousCompoundSymmetry().relative_factor(np.array([2.0, np.pi / 6]), 2)
    >>> (T @ T.T).round(12).tolist()
    [[4.0, 2.0], [2.0, 4.0]]
    """

    name, homogeneous = "homcs", True


def _range(k: int) -> tuple[float, float]:
    """Centre and half-width of the possible correlations."""
    least = -1.0 / (k - 1)
    return 0.5 * (1.0 + least), 0.5 * (1.0 - least)
