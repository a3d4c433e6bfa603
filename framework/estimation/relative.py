"""The relative covariance factor Lambda, as an operator: never formed, written as in the formulas."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Blocks, Pattern, PatternBlocks
from ..design.random import both_sides
from ..design.template import Template

#: Variance of a random effect, in those of an average observation, at which only its conditional one is left of it.
INFORMATIVE = 1e6
#: Diagonals of T below this leave no digits in derivatives by T T' that are found from those by T.
SINGULAR_TO_ROUNDING = 1e-8


class RelativeFactor:
    """Lambda = blockdiag(T_j (x) I): ``Lambda @ B`` and ``Lambda.t @ B`` for (q,) and (q, r) arrays B.

    Attributes
    ----------
    T : tuple of (k_j, k_j) arrays
        The relative covariance factor of each grouping factor.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts import Grouping, Pattern
    >>> from ranef.design.terms import Term
    >>> pattern = Pattern((Grouping("g", n_levels=2, n_columns=2),), {})
    >>> template = Template.of([[Term("g", ("a", "b"))]])
    >>> Lambda = RelativeFactor(pattern, template, np.array([1.0, 2.0, 3.0]))
    >>> (Lambda @ np.array([1.0, 0.0, 0.0, 1.0])).tolist(), (Lambda.t @ np.array([1.0, 0.0, 0.0, 1.0])).tolist()
    ([1.0, 0.0, 2.0, 3.0], [1.0, 2.0, 0.0, 3.0])
    """

    def __init__(self, pattern: Pattern, template: Template, entries: FloatArray) -> None:
        self.pattern, self.template, self.entries = pattern, template, entries
        self.T: Blocks = template.T(entries)

    @cached_property
    def t(self) -> _Blockwise:
        """Lambda'."""
        return _Blockwise(self.pattern, tuple(T.T for T in self.T))

    @cached_property
    def _blocks(self) -> _Blockwise:
        return _Blockwise(self.pattern, self.T)

    def __matmul__(self, B: FloatArray) -> FloatArray:
        return self._blocks @ B

    def sandwich(self, A: PatternBlocks) -> PatternBlocks:
        """Lambda A Lambda' for A on the pattern of Z'Z."""
        T = self.T
        diagonal = tuple(both_sides(t, block, t) for t, block in zip(T, A.diagonal, strict=True))
        cross = {(i, j): both_sides(T[i], block, T[j]) for (i, j), block in A.cross.items()}
        return PatternBlocks(diagonal, cross)

    def informative(self, weight: float) -> list[bool]:
        """For which factors an average observation, of this weight, says all about an effect."""
        return [bool(np.abs(np.diagonal(T)).min() ** 2 * weight > INFORMATIVE) for T in self.T]

    def with_digits(self, V: FloatArray, U: FloatArray, weight: float) -> FloatArray:
        """V (q, r), of which Lambda'V = U; from the latter for informative factors.

        U are spherical effects times their precision K. V, sums of residuals, is then a difference of large numbers
        that has lost its digits.
        """
        out = V
        parts = zip(self.pattern.offsets, self.pattern.groupings, self.T, self.informative(weight), strict=True)
        for o, f, T, informative in parts:
            if informative:
                mine = slice(o, o + f.size)
                out = V.copy(order="F") if out is V else out
                u = U[mine].T.reshape(-1, f.n_columns, f.n_levels)
                out[mine] = np.linalg.solve(T.T, u).reshape(len(u), f.size).T
        return out

    def directions(self, e: FloatArray) -> FloatArray:
        """(dT T' + T dT') e for every entry of T, as (q, m): how Lambda Lambda' e moves with them."""
        pattern, template = self.pattern, self.template
        columns = np.zeros((len(template), pattern.q))
        at = 0
        parts = zip(self.T, pattern.offsets, pattern.groupings, template.rows, template.columns, strict=True)
        for T, o, f, rows, cols in parts:
            mine = slice(o, o + f.size)
            part = e[mine].reshape(f.n_columns, f.n_levels)
            Te = T.T @ part
            for r, c in zip(rows.tolist(), cols.tolist(), strict=True):
                w = columns[at, mine].reshape(f.n_columns, f.n_levels)
                w[r] += Te[c]
                w += T[:, c, None] * part[r]
                at += 1
        return columns.T


class _Blockwise:
    """blockdiag(T_j (x) I) for square T_j."""

    def __init__(self, pattern: Pattern, blocks: Blocks) -> None:
        self.pattern, self.blocks = pattern, blocks
        self._scale: float | FloatArray | None = None  # all there is to it where every block is 1 x 1
        if all(len(T) == 1 for T in blocks):
            scales = [float(T[0, 0]) for T in blocks]
            self._scale = scales[0] if len(scales) == 1 else np.repeat(scales, [f.size for f in pattern.groupings])

    def __matmul__(self, B: FloatArray) -> FloatArray:
        """The product, with contiguous columns."""
        if self._scale is not None:
            return np.asarray((B.T * self._scale).T)
        if B.ndim == 1:
            return (self @ B[:, None])[:, 0]
        out = np.empty((B.shape[1], self.pattern.q))
        for T, part, there in zip(self.blocks, self.pattern.split(B), self.pattern.split(out.T), strict=True):
            np.matmul(T, part, out=there)
        return out.T


def bending(template: Template, T: Blocks, by_T: Blocks) -> FloatArray:
    """2 tr(G dT dT') over the entries of T, where G is the derivative by T T': by_T = 2 G T.

    It vanishes at an optimum inside; at one of lower rank it is all that bends the criterion. Of an indefinite G (far
    from the optimum) the positive part is taken. T that is singular to rounding says nothing about G: 0.
    """
    out = np.zeros((len(template),) * 2)
    for mine, rows, columns, t, by in zip(template.slices, template.rows, template.columns, T, by_T, strict=True):
        if np.abs(np.diagonal(t)).min() < SINGULAR_TO_ROUNDING:
            continue
        if len(t) == 1:
            out[mine, mine] = np.maximum(by / t, 0.0)
            continue
        G = 0.5 * np.linalg.solve(t.T, by.T)
        eigenvalues, V = np.linalg.eigh(0.5 * (G + G.T))
        G = (V * np.maximum(eigenvalues, 0.0)) @ V.T
        same_column = columns[:, None] == columns
        out[mine, mine] = np.where(same_column, 2.0 * G[np.ix_(rows, rows)], 0.0)
    return out


__all__ = ["RelativeFactor", "bending"]
