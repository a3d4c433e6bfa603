"""Variances of predictions where the variance parameters are known, relative to scale^2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.linalg import Factor, Pattern, PatternBlocks
from ..estimation.model import Factorized
from ..estimation.profiled import PenalizedLeastSquares
from ..estimation.relative import RelativeFactor
from .rows import Rows

#: Columns of the identity that are solved for at once.
CHUNK = 64


@dataclass(frozen=True, eq=False)
class Conditional:
    """Henderson's equations, factorized at one theta, for rows in the basis of the fit.

    Parameters
    ----------
    pattern : Pattern
    Lambda : RelativeFactor
    factor : Factor
        L of M.
    solved : (q, r) array
        M^-1 Lambda'Z'WQ.
    """

    pattern: Pattern
    Lambda: RelativeFactor
    factor: Factor
    solved: FloatArray

    @classmethod
    def of(cls, pattern: Pattern, at: Factorized) -> Conditional:
        """At the estimates of a fit."""
        return cls(pattern, at.Lambda, at.factor, at.solved)

    @classmethod
    def at(cls, pattern: Pattern, here: PenalizedLeastSquares) -> Conditional:
        """At any theta of a linear model."""
        return cls(pattern, here.Lambda, here.factor, here.solved[:, :-1])

    def by_gamma(self, rows: Rows) -> FloatArray:
        """A = Q - Z B: derivatives of the linear predictor by gamma, which b follows, (n, r)."""
        return rows.Q - rows.Z(self.pattern.split(self.Lambda @ self.solved))

    @cached_property
    def blocks(self) -> PatternBlocks:
        """K = Lambda M^-1 Lambda' on the pattern of Z'Z."""
        return self.Lambda.sandwich(self.factor.selected_inverse())

    def of_effects(self, rows: Rows) -> FloatArray:
        """z'Lambda M^-1 Lambda'z of each row, and z'Lambda Lambda'z where its level is not known, (n,)."""
        K, T, out = self.blocks, self.Lambda.T, np.zeros(len(rows))
        for block, t, z, codes in zip(K.diagonal, T, rows.columns, rows.codes, strict=True):
            known = codes >= 0
            out[known] += np.einsum("an,abn,bn->n", z[:, known], block[:, :, codes[known]], z[:, known])
            out[~known] += ((t.T @ z[:, ~known]) ** 2).sum(axis=0)
        for i, j in self.pattern.pairs:
            zi, zj = rows.columns[i], rows.columns[j]
            known = (rows.codes[i] >= 0) & (rows.codes[j] >= 0) & zi.any(axis=0) & zj.any(axis=0)
            blocks, at = self._crosswise(i, j, rows.codes[i][known], rows.codes[j][known])
            out[known] += 2.0 * np.einsum("an,abn,bn->n", zi[:, known], blocks[:, :, at], zj[:, known])
        return out

    def _crosswise(self, i: int, j: int, level: IntArray, other: IntArray) -> tuple[FloatArray, IntArray]:
        """Blocks (k_i, k_j, pairs) of K for pairs of levels, and the pair of each row.

        Pairs that met in the data of the fit are in its blocks; the others are solved for.
        """
        n = self.pattern.groupings[j].n_levels
        pairs, at = np.unique(level * n + other, return_inverse=True)
        rows, columns = self.pattern.pairs[i, j]
        met = rows * n + columns
        order = np.argsort(met)
        place = np.minimum(np.searchsorted(met[order], pairs), len(met) - 1)
        place = order[place]
        known = met[place] == pairs
        block = self.blocks.cross[i, j]
        out = np.empty((*block.shape[:2], len(pairs)))
        out[:, :, known] = block[:, :, place[known]]
        if not known.all():
            out[:, :, ~known] = self._solved_for(i, j, *np.divmod(pairs[~known], n))
        return out, at

    def _solved_for(self, i: int, j: int, level: IntArray, other: IntArray) -> FloatArray:
        """Blocks of K off the pattern, by solving with columns of the factor with fewer levels."""
        if len(np.unique(level)) < len(np.unique(other)):
            return self._solved_for(j, i, other, level).transpose(1, 0, 2)
        pattern, Lambda, factor = self.pattern, self.Lambda, self.factor
        gi, gj = pattern.groupings[i], pattern.groupings[j]
        out = np.empty((gi.n_columns, gj.n_columns, len(level)))
        wanted, at = np.unique(other, return_inverse=True)
        for first in range(0, len(wanted), CHUNK):
            chunk = wanted[first : first + CHUNK]
            here = (at >= first) & (at < first + CHUNK)
            for b in range(gj.n_columns):
                E = np.zeros((pattern.q, len(chunk)))
                E[pattern.offsets[j] + b * gj.n_levels + chunk, np.arange(len(chunk))] = 1.0
                solved = Lambda @ factor.back_solve(factor.half_solve(Lambda.t @ E))
                effects = pattern.split(solved)[i]  # (columns of E, k_i, levels)
                out[:, b, here] = effects[at[here] - first, :, level[here]].T
        return out
