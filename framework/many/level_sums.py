"""Sums over the levels of one grouping factor: all that a linear model of one factor needs of its rows.

With Q an orthonormal basis of X, A_l = Z_l'WZ_l, B_l = Z_l'WQ and z_l = Z_l'W(y - QQ'Wy), the criterion and its first
and second derivatives need sums over levels of B_l (x) B_l, B_l (x) z_l and z_l (x) z_l only, each between two copies
of a function of A_l. So levels with equal A_l are one class, of which sums are enough: a balanced design has one class,
and its evaluations cost the same for any number of levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from ..contracts.arrays import FloatArray
from ..design.mixed import MixedDesign
from .row_sums import Regressed, RowSums

#: Matrices A_l that agree to this part of the largest entry are one.
EQUAL = 1e-12


@dataclass(frozen=True, eq=False)
class ResponseSums(Regressed):
    """Sums of m responses, beside those of the regression on X.

    Parameters
    ----------
    BZ : (r, k, k, U, m) array
        Sums over each class of B_l (x) z_l.
    ZZ : (k, k, U, m) array
        Of z_l z_l'.
    """

    BZ: FloatArray
    ZZ: FloatArray


@dataclass(frozen=True, eq=False)
class LevelSums(RowSums):
    """What all responses share.

    Parameters
    ----------
    A : (k, k, U, 1) array
        Z_l'WZ_l of each class.
    counts : (U, 1) array
        Levels of each class.
    BB : (r, k, r, k, U) array
        Sums over each class of B_l (x) B_l.
    into_BZ : (r k U, L) sparse array
        From z to the sums of B_l z_l.
    into_ZZ : (U, L) sparse array
        From levels to classes.
    """

    A: FloatArray
    counts: FloatArray
    BB: FloatArray
    into_BZ: csr_array
    into_ZZ: csr_array

    @classmethod
    def of(cls, design: MixedDesign) -> LevelSums:
        """One pass over the rows of a design with one grouping factor."""
        shared, (factor,) = RowSums.shared(design), design.random.groups
        k, L, r = len(factor.columns), factor.grouping.n_levels, len(shared.root)
        A = design.random.ZtWZ(design.weights).diagonal[0]
        B = shared.ZtWQ.reshape(k, L, r).transpose(2, 0, 1)
        flat = np.round(A.reshape(k * k, L) / (EQUAL * np.abs(A).max())).T
        _, first, which = np.unique(flat, axis=0, return_index=True, return_inverse=True)
        which, U = which.ravel(), len(first)
        member = csr_array((np.ones(L), (which, np.arange(L))), shape=(U, L))
        at = (which + U * np.arange(r * k)[:, None]).ravel()
        into_BZ = csr_array((B.ravel(), (at, np.tile(np.arange(L), r * k))), shape=(r * k * U, L))
        BB = np.asarray(into_BZ @ B.reshape(r * k, L).T).reshape(r, k, U, r, k).transpose(0, 1, 3, 4, 2)
        return cls(
            **vars(shared),
            A=np.ascontiguousarray(A[:, :, first, None]),
            counts=np.bincount(which, minlength=U)[:, None].astype(float),
            BB=np.ascontiguousarray(BB),
            into_BZ=into_BZ,
            into_ZZ=member,
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(r, k, U)."""
        r, k, *_, U = self.BB.shape
        return r, k, U

    def of_responses(self, Y: FloatArray) -> ResponseSums:
        """Sums of the columns of Y (n, m)."""
        (r, k, U), m = self.shape, Y.shape[1]
        yWy, total, gamma0, z = self.regressions(Y)
        z = z.reshape(k, -1, m)
        BZ = np.array([self.into_BZ @ z_b for z_b in z]).reshape(k, r, k, U, m).transpose(1, 2, 0, 3, 4)
        ZZ = np.empty((k, k, U, m))
        for a in range(k):
            for b in range(a + 1):
                ZZ[a, b] = ZZ[b, a] = self.into_ZZ @ (z[a] * z[b])
        return ResponseSums(yWy, total, gamma0, np.ascontiguousarray(BZ), ZZ)


__all__ = ["LevelSums", "ResponseSums"]
