"""Relative covariance factors T_j of many responses: of entries, of the user's columns, and times random effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..design.labels import GroupLabels
from ..design.random import RandomDesign
from ..design.template import Template
from .small import lower_roots

#: T_j of every factor, (k_j, k_j, m).
Roots = Sequence[FloatArray]


@dataclass(frozen=True, eq=False)
class Effects:
    """Which random effects a model has: factor by factor, column by column, level by level.

    Parameters
    ----------
    template : Template
        Entries of all T_j.
    levels : tuple of int
        Numbers of levels.
    """

    template: Template
    levels: tuple[int, ...]

    @classmethod
    def of(cls, random: RandomDesign) -> Effects:
        """Those of a design."""
        return cls(random.template, tuple(g.n_levels for g in random.pattern.groupings))

    @cached_property
    def factors(self) -> list[tuple[int, int, slice]]:
        """Columns and levels of every factor, and where its random effects stand."""
        ends = np.cumsum([0, *(k * L for k, L in zip(self.template.sizes, self.levels, strict=True))]).tolist()
        return list(zip(self.template.sizes, self.levels, map(slice, ends, ends[1:]), strict=False))

    @property
    def q(self) -> int:
        """How many they are."""
        return int(self.factors[-1][2].stop)

    @cached_property
    def is_diagonal(self) -> FloatArray:
        """1 for the diagonal entries of the T_j, (d, 1)."""
        pairs = zip(self.template.rows, self.template.columns, strict=True)
        return np.concatenate([rows == columns for rows, columns in pairs]).astype(float)[:, None]

    def roots(self, entries: FloatArray) -> Roots:
        """T_j of entries (d, m)."""
        out, t = [], self.template
        for k, rows, columns, mine in zip(t.sizes, t.rows, t.columns, t.slices, strict=True):
            T = np.zeros((k, k, entries.shape[1]))
            T[rows, columns] = entries[mine]
            out.append(T)
        return out

    def entries(self, T: Roots) -> FloatArray:
        """The inverse, and derivatives by entries from derivatives by T_j, (d, m)."""
        t = self.template
        return np.concatenate([root[rows, columns] for root, rows, columns in zip(T, t.rows, t.columns, strict=True)])

    def users_theta(self, T: Roots, groups: Sequence[GroupLabels]) -> FloatArray:
        """theta of the user's columns, (m, d)."""
        users = [np.einsum("ab,bcm->acm", np.linalg.inv(group.R), t) for group, t in zip(groups, T, strict=True)]
        return self.entries([np.moveaxis(lower_roots(t), 0, -1) for t in users]).T

    def directions(self, T: Roots) -> list[FloatArray]:
        """dT T' + T dT' of every entry of T_j, (d_j, k_j, k_j, m)."""
        out = []
        for t, rows, columns in zip(T, self.template.rows, self.template.columns, strict=True):
            dG = np.eye(len(t))[rows][:, :, None, None] * t.swapaxes(0, 1)[columns][:, None]
            out.append(dG + dG.swapaxes(1, 2))
        return out

    def bent(self, G: Roots) -> list[FloatArray]:
        """2 tr(G_j dT dT') for the pairs of entries of every T_j, (d_j, d_j, m)."""
        out = []
        for g, rows, columns in zip(G, self.template.rows, self.template.columns, strict=True):
            same = (columns[:, None] == columns)[:, :, None]
            out.append(np.where(same, 2.0 * g[rows[:, None], rows], 0.0))
        return out

    # Random effects (q, m) --------------------------------------------------------------------------------------------

    def times(self, T: Roots, u: FloatArray) -> FloatArray:
        """Lambda u."""
        return self._by_factor("abm,blm->alm", T, u)

    def transposed_times(self, T: Roots, u: FloatArray) -> FloatArray:
        """Lambda'u."""
        return self._by_factor("bam,blm->alm", T, u)

    def _by_factor(self, subscripts: str, T: Roots, u: FloatArray) -> FloatArray:
        if len(T) == 1 and len(T[0]) == 1:
            return np.asarray(T[0][0] * u)
        parts = zip(T, self.factors, strict=True)
        split = [np.einsum(subscripts, t, u[mine].reshape(k, L, -1)) for t, (k, L, mine) in parts]
        return np.concatenate([part.reshape(-1, u.shape[1]) for part in split])

    def outer(self, a: FloatArray, b: FloatArray) -> Roots:
        """Sum over levels of a_l b_l' for every factor, (k_j, k_j, m)."""
        m = a.shape[1]
        return [
            np.einsum("alm,blm->abm", a[mine].reshape(k, L, m), b[mine].reshape(k, L, m)) for k, L, mine in self.factors
        ]


__all__ = ["Effects", "Roots"]
