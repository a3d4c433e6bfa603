"""Blocks of the residuals' covariance R = S C S, a group each, with their first and second derivatives.

The parameters are correlations and coefficients delta of log S = B delta. Of car1 it is the logarithm of the decay in
place of the correlation, which may be zero. C is linear in all others but those of ar1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError
from ..design.residual import ResidualRows
from ..estimation.correlations import correlations

#: Most rows of a group; entries of blocks that are formed at once.
LARGEST, AT_ONCE = 4_000, 2**22


class ResidualBlocks:
    """R of the rows at x, block by block.

    Parameters
    ----------
    rows : ResidualRows
    root_weights : (n,) array
    x : (m,) array
        Parameters of C as the search has them, then delta.
    free : (m,) bool array
        Those that are not at a boundary.
    """

    def __init__(self, rows: ResidualRows, root_weights: FloatArray, x: FloatArray, free: BoolArray) -> None:
        self.labels, self.rows = rows.labels, rows
        m = self.labels.n_correlations
        self.x, self.shown = x, correlations(self.labels, x[:m])
        self.sd = np.exp(x[m:] @ rows.basis) / root_weights
        self.free = np.flatnonzero(free)
        self.group = rows.group if self.labels.kind else np.arange(len(rows.group))
        largest = int(np.bincount(self.group).max())
        if largest > LARGEST:
            raise InputError(
                f"df='kenward-roger' needs dense matrices of the {largest:,} rows of a level of {self.labels.group}, "
                f"and stops at {LARGEST:,}: use df='satterthwaite'"
            )

    def __len__(self) -> int:
        return len(self.free)

    @property
    def bends(self) -> bool:
        """Whether R has second derivatives that are not zero."""
        kinds = [self.labels.kind in ("ar1", "car1"), bool(len(self.rows.basis))]
        return len(self) > 0 and any(kinds)

    def each(self, W: FloatArray | None) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
        """Rows (g, v) of some groups of v rows, roots (g, v, v) with root R root' = I, and K_a (m, g, v, v).

        K_a = root R_a root'; where W (m, m) is given there is one more, of the sum of W_ab R_ab.
        """
        m = len(self) + (W is not None)
        for rows in self._batches(m):
            sd = self.sd[rows]
            SS = sd[:, :, None] * sd[:, None, :]
            C, by, second = self._correlations(self.rows.position[rows], W)
            sums = self._sums_of_scales(rows)
            R = SS * C
            derivatives = np.concatenate([SS * by, sums * R])
            if W is not None:
                derivatives = np.concatenate([derivatives, self._second(W, SS, R, second, by, sums)[None]])
            root = np.linalg.inv(np.linalg.cholesky(R))
            yield rows, root, root @ derivatives @ root.transpose(0, 2, 1)

    def _batches(self, m: int) -> Iterator[IntArray]:
        """Rows of groups with as many rows, (g, v)."""
        order, sizes = np.argsort(self.group, kind="stable"), np.bincount(self.group)
        starts = np.cumsum(sizes) - sizes
        for v in np.unique(sizes[sizes > 0]).tolist():
            members, at_once = np.flatnonzero(sizes == v), max(AT_ONCE // (max(m, 1) * v * v), 1)
            for first in range(0, len(members), at_once):
                yield order[starts[members[first : first + at_once], None] + np.arange(v)]

    def _correlations(
        self, position: AnyArray, W: FloatArray | None
    ) -> tuple[FloatArray, FloatArray, FloatArray | float]:
        """C (g, v, v), its derivatives by the free correlations, and the sum of W_ab C_ab."""
        kind, shown = self.labels.kind, self.shown
        one, other = position[:, :, None], position[:, None, :]
        eye = np.eye(position.shape[1])
        mine = self.free[self.free < self.labels.n_correlations]
        C: FloatArray
        by: FloatArray
        bent: FloatArray | float
        if kind in ("toep", "us"):
            apart = np.abs(one - other).astype(np.intp)
            table = np.append(1.0, shown)
            if kind == "us":
                low, high = np.minimum(one, other).astype(np.intp), np.maximum(one, other).astype(np.intp)
                apart = np.where(low == high, 0, high * (high - 1) // 2 + low + 1)
            return table[apart], np.array([apart == a + 1 for a in mine], dtype=np.float64), 0.0
        shape = (len(position), len(eye), len(eye))
        if kind == "cs":
            C, by, bent = np.broadcast_to(shown[0] * (1.0 - eye) + eye, shape), 1.0 - eye, 0.0
        elif kind == "ar1":
            C, by, bent = _powers(np.abs(one - other), float(shown[0]))
        elif kind == "car1":
            decay = np.exp(-self.x[0]) * np.abs(one - other) / self.labels.step
            C = np.exp(-decay)
            by, bent = decay * C, (decay - 1.0) * decay * C
        else:
            C, by, bent = np.broadcast_to(eye, shape), 0.0 * eye, 0.0
        return C, np.broadcast_to(by, (len(mine), *shape)), 0.0 if W is None or not len(mine) else W[0, 0] * bent

    def _sums_of_scales(self, rows: IntArray) -> FloatArray:
        """b_i + b_j for the columns of B whose delta are free."""
        b = self.rows.basis[self.free[self.free >= self.labels.n_correlations] - self.labels.n_correlations][:, rows]
        return np.asarray(b[:, :, :, None] + b[:, :, None, :])

    def _second(
        self,
        W: FloatArray,
        SS: FloatArray,
        R: FloatArray,
        second: FloatArray | float,
        by: FloatArray,
        sums: FloatArray,
    ) -> FloatArray:
        """The sum of W_ab R_ab."""
        m = len(by)
        of_both = np.einsum("ad,agij,dgij->gij", W[:m, m:], by, sums, optimize=True)
        of_scales = np.einsum("de,dgij,egij->gij", W[m:, m:], sums, sums, optimize=True)
        return np.asarray(SS * (second + 2.0 * of_both) + of_scales * R)


def _powers(distance: FloatArray, phi: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """phi^d, and its derivatives by phi, for whole numbers d."""
    once, twice = distance * phi ** np.maximum(distance - 1.0, 0.0), phi ** np.maximum(distance - 2.0, 0.0)
    return phi**distance, once, distance * (distance - 1.0) * twice


__all__ = ["ResidualBlocks"]
