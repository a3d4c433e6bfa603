"""Independent effects of nearly dependent columns, computed in an orthonormal basis of these.

An intercept and a variable that is counted from far away are nearly proportional. Where their effects are independent,
both may be large and cancel each other, and then Z'Z of the columns themselves leaves no digits. In a basis B of the
columns z = B R the effects R b have covariance matrix R diag(sd)^2 R', and T is its lower root: the same model, in
which nothing cancels.
"""

from __future__ import annotations

import numpy as np
import scipy

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.covariance import Component, CovarianceStructure
from ..design.basis import lower_root

#: A standard deviation that is zero is so small a part of the others where derivatives are taken: their limit.
NOTHING = 1e-8
#: Starting standard deviations are at least this.
SMALLEST = 0.05


class Independent(CovarianceStructure):
    """T T' = R diag(sd)^2 R', for columns of unit size: those of R (k, k) have length 1."""

    name = "diag"

    def __init__(self, R: FloatArray) -> None:
        self.R = R

    def names(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """The columns."""
        return columns

    def scales(self, k: int) -> BoolArray:
        """All are."""
        return np.ones(k, dtype=bool)

    def relative_factor(self, parameters: FloatArray, k: int) -> FloatArray:
        """The lower root."""
        return lower_root(self.R * parameters)

    def derivatives(self, parameters: FloatArray, k: int) -> FloatArray:
        """Of L L' = A A' with A = R diag(sd): dL = L Phi(L^-1 d(A A') L^-T), where L^-1 A is orthogonal.

        Phi takes the lower triangle and half of the diagonal (Murray 2016, arXiv 1602.07527).
        """
        sd = np.abs(parameters)
        sd = np.maximum(sd, NOTHING * max(float(sd.max()), NOTHING))
        A = self.R * sd
        L = lower_root(A)
        # rows of A are L's times orthonormal directions; A = L V
        V = np.linalg.qr(A.T)[0].T
        V *= np.where((V * A).sum(axis=1) < 0.0, -1.0, 1.0)[:, None]
        phi = np.tril(2.0 * V.T[:, :, None] * V.T[:, None, :])
        phi[:, range(k), range(k)] *= 0.5
        return np.asarray(L @ phi * (np.where(parameters < 0.0, -1.0, 1.0) / sd)[:, None, None])

    def start(self, covariance: FloatArray) -> FloatArray:
        """Variances with which R diag(sd)^2 R' is nearest to a covariance matrix."""
        lower = np.tril_indices(len(covariance))
        products = np.array([np.outer(r, r)[lower] for r in self.R.T]).T
        return np.maximum(np.sqrt(scipy.optimize.nnls(products, covariance[lower])[0]), SMALLEST)

    def apart(self, size: float) -> FloatArray:
        """Standard deviations that are large where columns are nearly dependent: what sets these apart has `size`."""
        return np.asarray(size * np.linalg.norm(np.linalg.inv(self.R), axis=1))

    def components(self, parameters: FloatArray, columns: tuple[str, ...]) -> tuple[Component, ...]:
        """A line of each."""
        return tuple(Component(name, abs(float(s))) for name, s in zip(columns, parameters, strict=True))
