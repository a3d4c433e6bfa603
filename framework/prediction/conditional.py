"""Variances of predictions where the variance parameters are known, relative to scale^2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Factor, Pattern, PatternBlocks
from ..estimation.model import Factorized
from ..estimation.profiled import PenalizedLeastSquares
from ..estimation.relative import RelativeFactor
from .crossings import Crossing
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

    def of_effects(self, rows: Rows, among: Sequence[Crossing]) -> FloatArray:
        """z'Lambda M^-1 Lambda'z of each row, and z'Lambda Lambda'z where its level is not known, (n,).

        `among` are the `crossings` of these rows.
        """
        K, T, out = self.blocks, self.Lambda.T, np.zeros(len(rows))
        for block, t, z, codes in zip(K.diagonal, T, rows.columns, rows.codes, strict=True):
            known = codes >= 0
            out[known] += np.einsum("an,abn,bn->n", z[:, known], block[:, :, codes[known]], z[:, known])
            out[~known] += ((t.T @ z[:, ~known]) ** 2).sum(axis=0)
        for c in among:
            zi, zj = rows.columns[c.i][:, c.met], rows.columns[c.j][:, c.met]
            out[c.met] += 2.0 * np.einsum("an,abn,bn->n", zi, K.cross[c.i, c.j][:, :, c.place], zj)
            self._add_apart(out, rows, c)
        return out

    def _add_apart(self, out: FloatArray, rows: Rows, c: Crossing) -> None:
        """Add what the pairs off the pattern have, by solving with columns of the factor with fewer levels."""
        pattern, codes = self.pattern, rows.codes[c.few][c.apart]
        wanted, first = np.unique(codes, return_index=True)
        ends = np.append(first, len(codes))
        grouping = pattern.groupings[c.few]
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            where = slice(ends[start], ends[start + len(chunk)])
            here, column = (
                c.apart[where],
                np.repeat(np.arange(len(chunk)), np.diff(ends[start : start + len(chunk) + 1])),
            )
            level, z = rows.codes[c.many][here], rows.columns[c.many][:, here]
            for b in range(grouping.n_columns):
                E = np.zeros((pattern.q, len(chunk)))
                E[pattern.offsets[c.few] + b * grouping.n_levels + chunk, np.arange(len(chunk))] = 1.0
                solved = self.Lambda @ self.factor.solve(self.Lambda.t @ E)
                effects = pattern.split(solved)[c.many]  # (columns of E, k, levels)
                of_rows = np.einsum("an,an->n", z, effects.transpose(1, 0, 2)[:, column, level])
                out[here] += 2.0 * rows.columns[c.few][b, here] * of_rows
