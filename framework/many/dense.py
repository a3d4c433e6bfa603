"""The profiled deviance of linear models with any factors of few levels, of many responses at once, by dense Z'V^-1 Z.

With A = Z'WZ and N = Lambda M^-1 Lambda' all that the criterion and its first and second derivatives need is

    P = Z'V^-1 Z = A - A N A,    Z'V^-1 [Q y] = (I - A N) Z'W [Q y],

which are (q, q) and (q, r + 1) for each response. Derivatives by G_j = T_j T_j' are sums over levels of P's blocks
(those of P_X = P - R C R', R = Z'V^-1 Q, for REML), and second ones are inner products of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..design.labels import GroupLabels
from ..design.mixed import MixedDesign
from ..estimation.basins import MODERATE
from ..estimation.moments import relative_factor
from .matrices import invert, times_root
from .profiled import Profiled, relative_moments
from .roots import Effects, Roots
from .row_sums import Regressed, RowSums
from .small import by_matrix, product


@dataclass(frozen=True, eq=False)
class DenseResponses(Regressed):
    """Sums of m responses, beside those of the regression on X.

    Parameters
    ----------
    z : (q, m) array
        Z'W times the residuals on X.
    """

    z: FloatArray


@dataclass(frozen=True, eq=False)
class DenseSums(RowSums):
    """What all responses share.

    Parameters
    ----------
    A : (1, q, q) array
        Z'WZ.
    B : (q, r) array
        Z'WQ.
    """

    A: FloatArray
    B: FloatArray

    @classmethod
    def of(cls, design: MixedDesign, A: FloatArray) -> DenseSums:
        """One pass over the rows of a design with Z'WZ = A (q, q)."""
        shared = RowSums.shared(design)
        return cls(**vars(shared), A=A[None], B=shared.ZtWQ)

    def of_responses(self, Y: FloatArray) -> DenseResponses:
        """Sums of the columns of Y (n, m)."""
        return DenseResponses(*self.regressions(Y))


@dataclass(frozen=True, eq=False)
class DenseDeviance:
    """theta / unit -> the deviance, or the REML criterion, with beta and sigma profiled out.

    Parameters
    ----------
    sums : DenseSums
    effects : Effects
    n : int
    reml : bool
    unit : float
        What theta is measured in.
    """

    sums: DenseSums
    effects: Effects
    n: int
    reml: bool
    unit: float

    @property
    def df(self) -> int:
        """What sigma^2 is r^2 over."""
        return self.n - (len(self.sums.root) if self.reml else 0)

    @property
    def cost(self) -> int:
        """Numbers of one response in the largest array."""
        return int(self.sums.A.size)

    @property
    def diagonal(self) -> int:
        """How large a first block of M is known to be diagonal: that of a first factor of one column."""
        k, L, _ = self.effects.factors[0]
        return L if k == 1 else 0

    # Where it starts ------------------------------------------------------------------------------------------------

    @property
    def _moderate(self) -> Roots:
        """Independent effects of moderate size, of all responses."""
        return self.effects.roots(self.unit * MODERATE * self.effects.is_diagonal)

    @cached_property
    def _of_moments(self) -> FloatArray:
        """From quadratic forms to G_j and sigma^2, (sum k_j k_j + 1, sum k_j k_j + 1).

        MINQUE at moderate independent effects, V = I + Z S Z'. With P = Z'P_V Z and e = Z'P_V y there, E sum e_l e_l'
        is sum_j sum P_.. G_j P_.. + sigma^2 sum (P - P S P)_ll, and E y'P_V P_V y follows from P_V V P_V = P_V.
        """
        m, r, q = 1, len(self.sums.root), len(self.sums.B)
        nothing = DenseResponses(np.ones(m), np.ones(m), np.zeros((r, m)), np.zeros((q, m)))
        at = EvaluatedDense(replace(self, reml=True), nothing, self._moderate)
        P, S = at._P, (self.unit * MODERATE) ** 2
        PP = P - S * (P @ P)
        ends = np.cumsum([0, *(k * k for k in self.effects.template.sizes), 1])
        H = np.zeros((ends[-1], ends[-1]))
        for i, (k, L, mine) in enumerate(self.effects.factors):
            own = slice(ends[i], ends[i + 1])
            for j, (other_k, _, _) in enumerate(self.effects.factors):
                pairs = at.pairs(i, j)[..., 0].swapaxes(1, 2)
                H[own, ends[j] : ends[j + 1]] = pairs.reshape(k * k, other_k * other_k)
            blocks = PP[0, mine, mine].reshape(k, L, k, L)
            H[own, -1] = H[-1, own] = np.einsum("albl->ab", blocks).ravel()
        H[-1, -1] = self.n - r - S * np.trace(P[0]) - S * np.trace(PP[0])
        return np.asarray(np.linalg.lstsq(H, np.eye(len(H)), rcond=1e-12)[0])

    def start(self, responses: DenseResponses) -> FloatArray:
        """x by moments (MINQUE; Searle, Casella & McCulloch 1992, section 11.3), from moderate independent effects."""
        at, m = EvaluatedDense(self, responses, self._moderate), len(responses.yWy)
        e = np.ascontiguousarray(at.R_and_e[1].T)
        rhs = [row for form in self.effects.outer(e, e) for row in form.reshape(-1, m)]
        rhs.append(at.pwrss - (self.unit * MODERATE) ** 2 * (e * e).sum(axis=0))
        entries = relative_moments(self._of_moments, rhs, responses.yWy / self.n, self.unit)
        sizes = self.effects.template.sizes
        parts = np.split(entries, np.cumsum([k * k for k in sizes])[:-1])
        matrices = [by_matrix(part.reshape(k, k, m)) for k, part in zip(sizes, parts, strict=True)]
        return self.effects.entries([np.moveaxis(relative_factor(G), 0, -1) for G in matrices])

    def at(self, x: FloatArray, responses: DenseResponses) -> EvaluatedDense:
        """Everything at x (d, m)."""
        return EvaluatedDense(self, responses, self.effects.roots(self.unit * x))


class EvaluatedDense(Profiled):
    """The criterion of m responses at one theta each; NaN where rounding makes a factorization break down."""

    criterion: DenseDeviance
    responses: DenseResponses

    def __init__(self, criterion: DenseDeviance, responses: DenseResponses, T: Roots) -> None:
        self.T = T
        sums, own = criterion.sums, (T, criterion.effects)
        r, q = len(sums.root), np.arange(len(sums.B))
        self._AL = times_root(sums.A, *own, axis=2)
        self._M_inverse = times_root(self._AL, *own, axis=1)
        self._M_inverse[:, q, q] += 1.0
        logdet_M = invert(self._M_inverse, criterion.diagonal)
        self._Qy = np.empty((len(responses.yWy), len(q), r + 1))
        self._Qy[:, :, :r], self._Qy[:, :, r] = sums.B, responses.z.T
        LQy = times_root(self._Qy, *own, axis=1)
        self._u = self._M_inverse @ LQy
        taken = np.moveaxis(LQy.swapaxes(1, 2) @ self._u, 0, -1)
        gram = -taken[:r, :r]
        gram[range(r), range(r)] += 1.0
        super().__init__(criterion, responses, gram, -taken[:r, r], responses.yWy - taken[r, r], logdet_M)

    # Derivatives by G_j = T_j T_j' ----------------------------------------------------------------------------------

    @cached_property
    def R_and_e(self) -> tuple[FloatArray, FloatArray]:
        """Z'V^-1 Q (m, q, r) and Z'V^-1 (y - X beta) (m, q)."""
        D, r = self._Qy - self._AL @ self._u, len(self.gram)
        R, e = np.ascontiguousarray(D[:, :, :r]), D[:, :, r]
        return R, e - np.einsum("mqx,xm->mq", R, self.gamma)

    @cached_property
    def _P(self) -> FloatArray:
        """What log determinants have as their derivative: Z'V^-1 Z, for REML less R C R', (m, q, q)."""
        left, right = self._AL @ self._M_inverse, self._AL
        if self.criterion.reml:
            R, _ = self.R_and_e
            left = np.concatenate([left, R @ by_matrix(self.C)], axis=2)
            right = np.concatenate([right, R], axis=2)
        P = left @ right.swapaxes(1, 2)
        return np.subtract(self.criterion.sums.A, P, out=P)

    @cached_property
    def by_G(self) -> list[FloatArray]:
        """Derivatives by each G_j, (k_j, k_j, m)."""
        out, (_, e) = [], self.R_and_e
        for k, L, mine in self.criterion.effects.factors:
            blocks, own = self._P[:, mine, mine].reshape(-1, k, L, k, L), e[:, mine].reshape(-1, k, L)
            ee = np.einsum("mal,mbl->abm", own, own)
            out.append(np.einsum("malbl->abm", blocks) - ee / self.sigma2)
        return out

    @property
    def gradient(self) -> FloatArray:
        """By x, (d, m)."""
        by_T = [product(G, T) for G, T in zip(self.by_G, self.T, strict=True)]
        return np.asarray(2.0 * self.criterion.unit * self.criterion.effects.entries(by_T))

    def pairs(self, i: int, j: int) -> FloatArray:
        """Inner products of the blocks (a, c) and (b, d) of P for two factors, (k_i, k_j, k_i, k_j, m)."""
        (k, L, mine), (other_k, other_L, other) = self.criterion.effects.factors[i], self.criterion.effects.factors[j]
        blocks = self._P[:, mine, other].reshape(-1, k, L, other_k, other_L)
        out = np.empty((k, other_k, k, other_k, len(blocks)))
        for a, c, b, d in np.ndindex(k, other_k, k, other_k):
            out[a, c, b, d] = np.einsum("mxy,mxy->m", blocks[:, a, :, c], blocks[:, b, :, d])
        return out

    @property
    def hessian(self) -> FloatArray:
        """By x, (d, d, m)."""
        c, (R, e), effects = self.criterion, self.R_and_e, self.criterion.effects
        dG, bent, slices = effects.directions(self.T), effects.bent(self.by_G), effects.template.slices
        d, m = len(effects.template), len(e)
        H, Ze = np.empty((d, d, m)), np.zeros((m, d, effects.q))
        for i, (k, L, mine) in enumerate(effects.factors):
            Ze[:, slices[i], mine] = np.einsum("iabm,mbl->mial", dG[i], e[:, mine].reshape(m, k, L)).reshape(
                m, -1, k * L
            )
            for j in range(i + 1):
                both = -np.einsum("iabm,acbdm,jcdm->ijm", dG[i], self.pairs(i, j), dG[j])
                H[slices[i], slices[j]], H[slices[j], slices[i]] = both, both.swapaxes(0, 1)
            H[slices[i], slices[i]] += bent[i]
        quadratic = Ze @ self._P @ Ze.swapaxes(1, 2)
        if not c.reml:
            shares = Ze @ R
            quadratic -= shares @ by_matrix(self.C) @ shares.swapaxes(1, 2)
        v = np.einsum("miq,mq->im", Ze, e)
        H += 2.0 / self.sigma2 * np.moveaxis(quadratic, 0, -1) - v[:, None] * v / (c.df * self.sigma2**2)
        return np.asarray(c.unit**2 * H)

    def users_theta(self, groups: Sequence[GroupLabels]) -> FloatArray:
        """theta of the user's columns, (m, d)."""
        return self.criterion.effects.users_theta(self.T, groups)


__all__ = ["DenseDeviance", "DenseSums"]
