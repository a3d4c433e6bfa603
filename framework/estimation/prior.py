"""The known precision of the random effects, as an operator: never formed, written as in the formulas."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Pattern


class Prior:
    """K = blockdiag(I (x) Q_j), the precision of the spherical effects over that of the residuals.

    Without known precisions it is the identity, and gives back what it is given.

    Attributes
    ----------
    logdet : float
        log|K| = sum k_j log|Q_j|.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csc_array
    >>> from ranef.contracts import Grouping, KnownPrecision, Pattern
    >>> Q = KnownPrecision(csc_array([[2.0, -1.0], [-1.0, 2.0]]))
    >>> K = Prior(Pattern((Grouping("g", n_levels=2, n_columns=2, precision=Q),), {}))
    >>> u = np.array([1.0, 2.0, 3.0, 4.0])
    >>> (K @ u).tolist(), K.solve(K @ u).round(12).tolist(), round(float(np.exp(K.logdet)), 12)
    ([0.0, 3.0, 2.0, 5.0], [1.0, 2.0, 3.0, 4.0], 9.0)
    """

    def __init__(self, pattern: Pattern) -> None:
        self._known = [
            (f.precision, o, f) for o, f in zip(pattern.offsets, pattern.groupings, strict=True) if f.precision
        ]
        self.logdet = sum((f.n_columns * Q.logdet for Q, _, f in self._known), 0.0)

    def __matmul__(self, U: FloatArray) -> FloatArray:
        """K U for (q,) and (q, r) arrays."""
        return self._by_levels(U, solve=False)

    def solve(self, V: FloatArray) -> FloatArray:
        """K^-1 V for (q,) and (q, r) arrays."""
        return self._by_levels(V, solve=True)

    def _by_levels(self, B: FloatArray, *, solve: bool) -> FloatArray:
        if not self._known:
            return B
        out = B.copy(order="F")
        for Q, o, f in self._known:
            mine = slice(o, o + f.size)
            levels = B[mine].T.reshape(-1, f.n_levels).T
            product = Q.solve(levels) if solve else Q.matrix @ levels
            out[mine] = np.asarray(product).T.reshape(out[mine].T.shape).T
        return out
