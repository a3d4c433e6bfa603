"""The relative covariance factor Lambda(theta), as an operator: never formed, written as in the formulas."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Structure

Blocks = tuple[FloatArray, ...]

#: Variance of a random effect, in those of an average observation, at which only its conditional one is left of it.
INFORMATIVE = 1e6
#: Diagonals of T below this leave no digits in derivatives by T T' that are found from those by T.
SINGULAR_TO_ROUNDING = 1e-8


class RelativeFactor:
    """Lambda(theta) = blockdiag(T_j (x) I): ``Lambda @ B`` and ``Lambda.t @ B`` for (q,) and (q, r) arrays B.

    Attributes
    ----------
    T : tuple of (k_j, k_j) arrays
        The relative covariance factor of each grouping factor.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts import GroupingFactor, Structure
    >>> g = GroupingFactor("g", 2, 2, theta_rows=np.array([0, 1, 1]), theta_columns=np.array([0, 0, 1]))
    >>> Lambda = RelativeFactor(Structure((g,), {}), np.array([1.0, 2.0, 3.0]))
    >>> (Lambda @ np.array([1.0, 0.0, 0.0, 1.0])).tolist(), (Lambda.t @ np.array([1.0, 0.0, 0.0, 1.0])).tolist()
    ([1.0, 0.0, 2.0, 3.0], [1.0, 2.0, 0.0, 3.0])
    """

    def __init__(self, structure: Structure, theta: FloatArray) -> None:
        self.structure, self.theta = structure, theta
        self.T: Blocks = structure.relative_factors(theta)

    @cached_property
    def t(self) -> _Blockwise:
        """Lambda'."""
        return _Blockwise(self.structure, tuple(T.T for T in self.T))

    @cached_property
    def _blocks(self) -> _Blockwise:
        return _Blockwise(self.structure, self.T)

    def __matmul__(self, B: FloatArray) -> FloatArray:
        return self._blocks @ B

    def informative(self, weight: float) -> list[bool]:
        """For which factors an average observation, of this weight, says all about an effect."""
        return [bool(np.abs(np.diagonal(T)).min() ** 2 * weight > INFORMATIVE) for T in self.T]

    def with_digits(self, V: FloatArray, U: FloatArray, weight: float) -> FloatArray:
        """V (q, r), of which Lambda'V = U; from the latter for informative factors.

        V, sums of residuals, is then a difference of large numbers that has lost its digits.
        """
        out = V
        parts = zip(self.structure.offsets, self.structure.factors, self.T, self.informative(weight), strict=True)
        for o, f, T, informative in parts:
            if informative:
                mine = slice(o, o + f.size)
                out = V.copy(order="F") if out is V else out
                u = U[mine].T.reshape(-1, f.n_columns, f.n_levels)
                out[mine] = np.linalg.solve(T.T, u).reshape(len(u), f.size).T
        return out

    def directions(self, e: FloatArray) -> FloatArray:
        """(dT T' + T dT') e for every theta, as (q, m): how Lambda Lambda' e moves with theta."""
        structure = self.structure
        columns = np.zeros((structure.n_theta, structure.q))
        at = 0
        for T, o, f in zip(self.T, structure.offsets, structure.factors, strict=True):
            mine = slice(o, o + f.size)
            part = e[mine].reshape(f.n_columns, f.n_levels)
            Te = T.T @ part
            for r, c in zip(f.theta_rows.tolist(), f.theta_columns.tolist(), strict=True):
                w = columns[at, mine].reshape(f.n_columns, f.n_levels)
                w[r] += Te[c]
                w += T[:, c, None] * part[r]
                at += 1
        return columns.T


class _Blockwise:
    """blockdiag(T_j (x) I) for square T_j."""

    def __init__(self, structure: Structure, blocks: Blocks) -> None:
        self.structure, self.blocks = structure, blocks
        self._scale: float | FloatArray | None = None  # all there is to it where every block is 1 x 1
        if all(len(T) == 1 for T in blocks):
            scales = [float(T[0, 0]) for T in blocks]
            self._scale = scales[0] if len(scales) == 1 else np.repeat(scales, [f.size for f in structure.factors])

    def __matmul__(self, B: FloatArray) -> FloatArray:
        """The product, with contiguous columns."""
        if self._scale is not None:
            return np.asarray((B.T * self._scale).T)
        if B.ndim == 1:
            return (self @ B[:, None])[:, 0]
        out = np.empty((B.shape[1], self.structure.q))
        parts = zip(self.structure.offsets, self.structure.factors, self.blocks, self.structure.split(B), strict=True)
        for o, f, T, part in parts:
            out[:, o : o + f.size] = np.matmul(T, part).reshape(B.shape[1], f.size)
        return out.T


def bending(structure: Structure, T: Blocks, by_T: Blocks) -> FloatArray:
    """2 tr(G dT dT') over the directions of theta, where G is the derivative by T T': by_T = 2 G T.

    It vanishes at an optimum inside; at one of lower rank it is all that bends the criterion. Of an indefinite G (far
    from the optimum) the positive part is taken. T that is singular to rounding says nothing about G: 0.
    """
    out, at = np.zeros((structure.n_theta,) * 2), 0
    for f, t, by in zip(structure.factors, T, by_T, strict=True):
        mine = slice(at, at + f.n_theta)
        at += f.n_theta
        if np.abs(np.diagonal(t)).min() < SINGULAR_TO_ROUNDING:
            continue
        G = 0.5 * np.linalg.solve(t.T, by.T)
        eigenvalues, V = np.linalg.eigh(0.5 * (G + G.T))
        G = (V * np.maximum(eigenvalues, 0.0)) @ V.T
        same_column = f.theta_columns[:, None] == f.theta_columns
        out[mine, mine] = np.where(same_column, 2.0 * G[np.ix_(f.theta_rows, f.theta_rows)], 0.0)
    return out


__all__ = ["Blocks", "RelativeFactor", "bending"]
