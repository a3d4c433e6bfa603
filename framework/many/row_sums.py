"""What a linear model takes from rows for every response: regressions on X, and sums by levels of what they leave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.sparse import csr_array, vstack

from ..contracts.arrays import FloatArray, IntArray
from ..design.mixed import MixedDesign


@dataclass(frozen=True, eq=False)
class Regressed:
    """What the regression on X says of m responses; responses are the last axis of all arrays.

    Parameters
    ----------
    yWy, total : (m,) arrays
        Of the residuals on X, and of the responses.
    gamma0 : (r, m) array
        Coefficients of the basis of X.
    """

    yWy: FloatArray
    total: FloatArray
    gamma0: FloatArray

    def of(self, which: IntArray) -> Self:
        """Those of some responses."""
        return replace(self, **{name: value.take(which, axis=-1) for name, value in vars(self).items()})


@dataclass(frozen=True, eq=False)
class RowSums:
    """What all responses share.

    Parameters
    ----------
    root : (r, r) array
        Coefficients of X's kept columns are these times those of Q, a basis of X that is orthonormal in W.
    logdet_X : float
        log|X'WX|.
    sum_log_weights : float
    offset : (n, 1) array
    of_rows : (r + q, n) sparse array
        Q'W, and below it Z'W: factor by factor, column by column, level by level.
    Q : (n, r) sparse array
    weights : (n, 1) array
    """

    root: FloatArray
    logdet_X: float
    sum_log_weights: float
    offset: FloatArray
    of_rows: csr_array
    Q: csr_array
    weights: FloatArray

    @classmethod
    def shared(cls, design: MixedDesign) -> RowSums:
        """One pass over the rows of a design."""
        n = design.n
        w = np.ones(n) if design.weights is None else design.weights
        RQ = np.linalg.cholesky((design.fixed.Q * w[:, None]).T @ design.fixed.Q).T
        upper = RQ @ design.fixed.R
        Q = np.ascontiguousarray(design.fixed.Q @ np.linalg.inv(RQ))
        parts = [csr_array((Q * w[:, None]).T)]
        for factor in design.random.groups:
            k, L = len(factor.columns), factor.grouping.n_levels
            ZW = np.array([w if z is None else w * z for z in factor.columns])
            rows = (factor.codes + L * np.arange(k)[:, None]).ravel()
            parts.append(csr_array((ZW.ravel(), (rows, np.tile(np.arange(n), k))), shape=(k * L, n)))
        return RowSums(
            root=np.ascontiguousarray(np.linalg.inv(upper)),
            logdet_X=2.0 * float(np.log(np.abs(np.diagonal(upper))).sum()),
            sum_log_weights=float(np.log(w).sum()),
            offset=design.known[:, None],
            of_rows=csr_array(vstack(parts)),
            Q=csr_array(Q),
            weights=w[:, None],
        )

    @property
    def ZtWQ(self) -> FloatArray:
        """Z'WQ, (q, r)."""
        return np.asarray((self.of_rows @ self.Q).toarray()[len(self.root) :])

    def regressions(self, Y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Of the columns of Y (n, m): r'Wr and y'Wy (m,), Q'Wy (r, m), and Z'Wr (q, m), r = y - QQ'Wy."""
        r = len(self.root)
        y = np.ascontiguousarray(Y - self.offset)
        rest, gamma0 = y, np.zeros((r, Y.shape[1]))
        for _ in range(2):  # twice, so that no digits are lost where the mean is large against the spread
            sums = self.of_rows @ rest
            gamma0 = gamma0 + sums[:r]
            rest = rest - self.Q @ sums[:r]
        z = np.asarray(self.of_rows @ rest)[r:]
        yWy, total = (np.einsum("nm,nm,n->m", v, v, self.weights[:, 0]) for v in (rest, y))
        return yWy, total, gamma0, z


__all__ = ["Regressed", "RowSums"]
