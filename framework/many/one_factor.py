"""The profiled deviance of linear models with one grouping factor, of many responses at once, with exact derivatives.

What `estimation.profiled` finds level by level, from sums over classes of equal levels (`level_sums`). The last axis of
every array are the responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..design.labels import GroupLabels
from ..design.template import Template
from ..estimation.moments import relative_factor
from .level_sums import LevelSums, ResponseSums
from .profiled import Profiled, relative_moments
from .small import by_matrix, congruence, inverse, lower_roots, product, transposed


@dataclass(frozen=True, eq=False)
class OneFactorDeviance:
    """theta / unit -> the deviance, or the REML criterion, with beta and sigma profiled out.

    Parameters
    ----------
    sums : LevelSums
    template : Template
        Entries of T.
    n : int
    reml : bool
    unit : float
        What theta is measured in.
    from_moments : (k k + 1, k k + 1) array
        Inverse of the moments' matrix.
    """

    sums: LevelSums
    template: Template
    n: int
    reml: bool
    unit: float
    from_moments: FloatArray

    def T(self, x: FloatArray) -> FloatArray:
        """T (k, k, m) of x (d, m)."""
        (k,), (rows,), (columns,) = self.template.sizes, self.template.rows, self.template.columns
        T = np.zeros((k, k, x.shape[1]))
        T[rows, columns] = self.unit * x
        return T

    @property
    def cost(self) -> int:
        """Numbers of one response in the largest array."""
        r, k, U = self.sums.shape
        return U * k * k * max(r, len(self.template)) + (r * k) ** 2

    def start(self, responses: ResponseSums) -> FloatArray:
        """x by moments, as `estimation.moments` has it."""
        k = len(responses.ZZ)
        rhs = [*responses.ZZ.sum(axis=2).reshape(k * k, -1), responses.yWy]
        entries = relative_moments(self.from_moments, rhs, responses.yWy / self.n, self.unit)
        T = relative_factor(by_matrix(entries.reshape(k, k, -1)))
        (rows,), (columns,) = self.template.rows, self.template.columns
        return np.ascontiguousarray(T[:, rows, columns].T)

    def at(self, x: FloatArray, responses: ResponseSums, turn: FloatArray | None = None) -> Evaluated:
        """Everything at x (d, m), in the basis of the columns, or in that one turned by matrices (k, k, m)."""
        T = self.T(x)
        return Evaluated(self, responses, T if turn is None else product(turn, T), turn)

    @property
    def df(self) -> int:
        """What sigma^2 is r^2 over."""
        return self.n - (self.sums.shape[0] if self.reml else 0)


class Evaluated(Profiled):
    """The criterion of m responses at one T each; NaN where rounding makes a factorization break down.

    Derivatives are by the entries of T' in T = `turn` T', which are lower triangular.
    """

    criterion: OneFactorDeviance
    responses: ResponseSums

    def __init__(
        self, criterion: OneFactorDeviance, responses: ResponseSums, T: FloatArray, turn: FloatArray | None = None
    ) -> None:
        self.T = T
        self.turn = np.eye(len(T))[:, :, None] if turn is None else turn
        sums = criterion.sums
        r, k, _ = sums.shape
        A, root = sums.A, T[:, :, None]
        AT = product(A, root)
        M = product(transposed(root), AT)
        M[range(k), range(k)] += 1.0
        M_inverse, logdet_M = inverse(M)
        N = congruence(root, M_inverse)
        self.E = A - congruence(AT, M_inverse)
        self.K = -product(A, N)
        self.K[range(k), range(k)] += 1.0
        gram = -np.einsum("abum,xaybu->xym", N, sums.BB)
        gram[range(r), range(r)] += 1.0
        QVy = -np.einsum("abum,xabum->xm", N, responses.BZ)
        yVy = responses.yWy - np.einsum("abum,abum->m", N, responses.ZZ)
        super().__init__(criterion, responses, gram, QVy, yVy, (sums.counts * logdet_M).sum(axis=0))

    # Derivatives by G = T T', from moments of e_l = Z_l'V^-1 (y - X beta) and Q_l = Z_l'V^-1 Q ------------------

    @cached_property
    def _Qe_and_ee(self) -> tuple[FloatArray, FloatArray]:
        """Sums of Q_l (x) e_l (r, k, k, m), and of e_l e_l' by class."""
        BZ, BB, gamma = self.responses.BZ, self.criterion.sums.BB, self.gamma
        BR = BZ - np.einsum("xaybu,ym->xabum", BB, gamma)
        left = np.einsum("acum,xcdum->xadum", self.K, BR)
        Qe = np.einsum("xadum,bdum->xabm", left, self.K)
        RR = self.responses.ZZ - np.einsum("xm,xbaum->abum", gamma, BZ) - np.einsum("xm,xabum->abum", gamma, BR)
        return Qe, congruence(self.K, RR)

    @cached_property
    def _R(self) -> FloatArray:
        """Sums of Q_l C Q_l' by class, (k, k, U, m)."""
        return congruence(self.K, np.einsum("xym,xaybu->abum", self.C, self.criterion.sums.BB))

    @cached_property
    def by_G(self) -> FloatArray:
        """Derivative by G, (k, k, m)."""
        _, ee = self._Qe_and_ee
        out: FloatArray = (self.criterion.sums.counts * self.E).sum(axis=2) - ee.sum(axis=2) / self.sigma2
        return out - self._R.sum(axis=2) if self.criterion.reml else out

    @property
    def gradient(self) -> FloatArray:
        """By x, (d, m)."""
        (rows,), (columns,) = self.criterion.template.rows, self.criterion.template.columns
        by_T = product(transposed(self.turn), product(self.by_G, self.T))
        return np.asarray(2.0 * self.criterion.unit * by_T[rows, columns])

    @property
    def directions(self) -> FloatArray:
        """dG = dT T' + T dT' of every entry of T, (d, k, k, m)."""
        (rows,), (columns,) = self.criterion.template.rows, self.criterion.template.columns
        dG = transposed(self.turn)[rows][:, :, None] * transposed(self.T)[columns][:, None]
        return np.ascontiguousarray(dG + dG.swapaxes(1, 2))

    @property
    def hessian(self) -> FloatArray:
        """By x, (d, d, m)."""
        c, dG = self.criterion, self.directions
        (rows,), (columns,) = c.template.rows, c.template.columns
        Qe, ee = self._Qe_and_ee
        inner = c.sums.counts * self.E - 2.0 * ee / self.sigma2
        if c.reml:
            inner -= 2.0 * self._R
        right = np.einsum("acum,icbm->iabum", self.E, dG)
        left = np.einsum("acum,icbm->iabum", inner, dG)
        H = -np.einsum("iabum,jbaum->ijm", left, right)
        by_Qe = np.einsum("xabm,iabm->ixm", Qe, dG)
        H -= 2.0 / self.sigma2 * np.einsum("ixm,jxm->ijm", np.einsum("ixm,xym->iym", by_Qe, self.C), by_Qe)
        if c.reml:
            H -= self._low_rank(dG)
        bent = 2.0 * self.turned_by_G[rows[:, None], rows]
        H += np.where((columns[:, None] == columns)[:, :, None], bent, 0.0)
        v = np.einsum("iabm,abm->im", dG, ee.sum(axis=2))
        H -= v[:, None] * v / (c.df * self.sigma2**2)
        return np.asarray(c.unit**2 * H)

    @property
    def turned_by_G(self) -> FloatArray:
        """Derivative by G in the turned basis, (k, k, m)."""
        return congruence(transposed(self.turn), self.by_G)

    def users_theta(self, groups: Sequence[GroupLabels]) -> FloatArray:
        """theta of the user's columns, (m, d)."""
        (group,), (rows,), (columns,) = groups, self.criterion.template.rows, self.criterion.template.columns
        return lower_roots(np.einsum("ab,bcm->acm", np.linalg.inv(group.R), self.T))[:, rows, columns]

    def _low_rank(self, dG: FloatArray) -> FloatArray:
        """tr(C Q'V^-1 dV V^-1 Q C Q'V^-1 dV V^-1 Q) for all pairs of directions."""
        left = np.einsum("acum,xcydu->xaydum", self.K, self.criterion.sums.BB)
        QQ = np.einsum("xaydum,bdum->xaybm", left, self.K)
        S = np.einsum("zaybm,iabm->izym", QQ, dG)
        S = np.einsum("xzm,izym->ixym", self.C, S)
        return np.asarray(np.einsum("ixym,jyxm->ijm", S, S))


__all__ = ["Evaluated", "OneFactorDeviance"]
