"""Known precision of a grouping factor's levels: pedigrees, phylogenies, neighbours, random walks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy

from .arrays import FloatArray


@dataclass(frozen=True, eq=False)
class KnownPrecision:
    """The inverse Q of the covariance matrix of a factor's levels, up to the covariance matrix of its columns.

    A backend needs `matrix` alone.

    Parameters
    ----------
    matrix : (L, L) csc_array
        Sparse, symmetric and positive definite; both triangles are stored, row indices ascending.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csc_array
    >>> Q = KnownPrecision(csc_array(np.array([[2.0, -1.0], [-1.0, 2.0]])))
    >>> round(float(np.exp(Q.logdet)), 12), Q.solve(np.array([[3.0], [0.0]])).ravel().round(12).tolist()
    (3.0, [2.0, 1.0])
    """

    matrix: scipy.sparse.csc_array

    @cached_property
    def pivots(self) -> FloatArray:
        """Squared diagonal of the Cholesky factor of Q in some order of levels, each over the diagonal of Q.

        One that is not positive, or only by rounding, says that Q is not positive definite.
        """
        order = np.empty(self.matrix.shape[0], dtype=np.intp)
        order[self._lu.perm_c] = np.arange(len(order))
        if not np.array_equal(self._lu.perm_r, self._lu.perm_c):  # a pivot off the diagonal: that one was zero
            return np.zeros(len(order))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self._lu.U.diagonal() / self.matrix.diagonal()[order])

    @cached_property
    def logdet(self) -> float:
        """log|Q|."""
        return float(np.log(self._lu.U.diagonal()).sum())

    def solve(self, B: FloatArray) -> FloatArray:
        """Q^-1 B for an (L, r) array."""
        return np.asarray(self._lu.solve(np.ascontiguousarray(B)))

    def colour(self, Z: FloatArray) -> FloatArray:
        """Columns of covariance Q^-1 from such of independent standard normal numbers, (L, r): Q^-1 L Z with L L' = Q.

        Examples
        --------
        >>> import numpy as np
        >>> from scipy.sparse import csc_array
        >>> Q = np.array([[2.0, -1.0], [-1.0, 2.0]])
        >>> root = KnownPrecision(csc_array(Q)).colour(np.eye(2))
        >>> bool(np.allclose(root @ root.T @ Q, np.eye(2)))
        True
        """
        LD = self._lu.L @ (np.sqrt(self._lu.U.diagonal())[:, None] * Z)  # of the permuted Q: U = D L'
        return self.solve(LD[self._lu.perm_c])

    @cached_property
    def _lu(self) -> scipy.sparse.linalg.SuperLU:
        from scipy.sparse.linalg import splu  # imported on first use

        Q = scipy.sparse.csc_matrix(self.matrix)
        # Panels and relaxed supernodes are for matrices with more fill: without them a pedigree takes half the time.
        return splu(
            Q,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            relax=1,
            panel_size=1,
            options={"SymmetricMode": True},
        )

    def __getstate__(self) -> dict[str, object]:
        return {"matrix": self.matrix}
