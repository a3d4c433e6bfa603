"""Rows of correlated residuals that are left out.

With P = V^-1 - V^-1 Q C Q'V^-1 the estimates without the rows I follow from P_II (as those with a column of X for each
row of I): t = P_II^-1 (P y)_I, gamma_(I) = gamma - C (Q'V^-1)_I t, r^2_(I) = r^2 - t'(P y)_I (Haslett 1999, doi
10.1111/1467-9868.00195; Christensen, Pearson & Johnson 1992, doi 10.2307/1269550). As

    P_II = (R^-1)_II - (R^-1 Z S Z'R^-1)_II - (V^-1 Q C Q'V^-1)_II,    S = Lambda M^-1 Lambda',

rows are those of R^-1 [Q, Z] over the roots of R^-1's diagonal, and correlated where (R^-1)_II is no diagonal: of
these L^-1 is taken, L L' = (R^-1)_II. Without all of a group this is the same as leaving out its whitened rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..estimation.whitening import Whitening
from .leverage import Leverage

#: Most entries of R^-1 that are kept: rows times those of the largest group.
MOST_ENTRIES = 50_000_000


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Rows as `influence` takes them out: K = A C A' with weights 1, of independent residuals.

    Parameters
    ----------
    lev : Leverage
        Of these rows.
    group, place : (n,) int arrays
        Group of each row, and which of its rows it is.
    whitening : Whitening
    scale : (n,) array
        One over the root of R^-1's diagonal.
    """

    lev: Leverage
    group: IntArray
    place: IntArray
    whitening: Whitening
    scale: FloatArray

    @classmethod
    def of(cls, fit: LinearFit) -> LeftOut:
        """All rows of a fit."""
        design = fit.model.design
        assert design.residual is not None
        R = fit.whitening
        group = design.residual.group if design.residual.labels.kind else np.arange(design.n)
        place = _places(group)
        scale = 1.0 / np.sqrt(_precisions(R, group, place))
        there = Leverage.of(fit).precise_rows()
        rows = replace(
            there.rows, Q=there.rows.Q * scale[:, None], columns=tuple(z * scale for z in there.rows.columns)
        )
        lev = replace(there, rows=rows, weights=np.ones(design.n), score=there.score * scale)
        return cls(lev, group, place, R, scale)

    def independent(
        self, rows: IntArray, there: Any, D: FloatArray, Ku: FloatArray, s: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of cases (L, m): D, Ku and scores in a basis in which (R^-1)_II is I."""
        if rows.shape[1] == 1:
            return D, Ku, s
        same = (self.group[rows][:, :, None] == self.group[rows][:, None, :]) & there[:, :, None] & there[:, None, :]
        U = self._precision[self.place[rows][:, None, :], rows[:, :, None]]
        U = np.where(same, U * self.scale[rows][:, :, None] * self.scale[rows][:, None, :], 0.0)
        U += (~there)[:, :, None] * np.eye(rows.shape[1])
        L = np.linalg.cholesky(U)
        half = np.linalg.solve(L, Ku)
        return (
            np.linalg.solve(L, D),
            np.linalg.solve(L, half.transpose(0, 2, 1)),
            np.linalg.solve(L, s[:, :, None])[..., 0],
        )

    @cached_property
    def _precision(self) -> FloatArray:
        """R^-1 of each row with those of its group by their places, (largest group, n)."""
        n, largest = len(self.group), int(self.place.max()) + 1
        if n * largest > MOST_ENTRIES:
            raise InputError(
                f"a group of correlated residuals has {largest:,} of {n:,} rows, too many for sets of rows to be left "
                "out: influence() without `by` leaves out single rows"
            )
        return np.concatenate([self.whitening.precise((self.place == j)[None].astype(float)) for j in range(largest)])


def rows_to_leave_out(fit: Fit) -> LeftOut | None:
    """Of models whose residuals have a covariance structure."""
    return LeftOut.of(fit) if isinstance(fit, LinearFit) and fit.parameters.residual is not None else None


def _places(group: IntArray) -> IntArray:
    """Which of its group's rows each row is."""
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    out = np.empty(len(group), dtype=np.intp)
    out[order] = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return out


def _precisions(R: Whitening, group: IntArray, place: IntArray) -> FloatArray:
    """Diagonal of R^-1: squares of the columns of W."""
    out = np.empty(len(group))
    for j in range(int(place.max()) + 1):
        mine = place == j
        of_group = np.bincount(group, weights=R.white(mine[None].astype(float))[0] ** 2)
        out[mine] = of_group[group[mine]]
    return out
