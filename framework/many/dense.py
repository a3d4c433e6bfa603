"""The profiled deviance of linear models with any factors of few levels, of many responses at once, by dense Z'V^-1 Z.

With A = Z'WZ and N = Lambda M^-1 Lambda' all that the criterion and its first and second derivatives need is

    P = Z'V^-1 Z = A - A N A,    Z'V^-1 [Q y] = (I - A N) Z'W [Q y],

which are (q, q) and (q, r + 1) for each response. Derivatives by G_j = T_j T_j' are sums over levels of P's blocks (those
of P_X = P - R C R', R = Z'V^-1 Q, for REML), and second ones are inner products of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..design.labels import GroupLabels
from ..design.mixed import MixedDesign
from ..design.template import Template
from ..estimation.moments import relative_factor
from .matrices import Roots, positive_inverse, times_root, times_transposed_root
from .row_sums import RowSums
from .small import by_matrix, inverse, lower_roots


@dataclass(frozen=True, eq=False)
class DenseResponses:
    """Sums of m responses.

    Parameters
    ----------
    yWy, total : (m,) arrays
        Of the residuals on X, and of the responses.
    gamma0 : (r, m) array
        Q'Wy.
    z : (q, m) array
        Z'W times the residuals on X.
    """

    yWy: FloatArray
    total: FloatArray
    gamma0: FloatArray
    z: FloatArray

    def of(self, which: IntArray) -> DenseResponses:
        """Those of some responses."""
        return replace(self, **{name: value.take(which, axis=-1) for name, value in vars(self).items()})


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
    template : Template
        Entries of all T_j.
    levels : tuple of int
        Numbers of levels.
    n : int
    reml : bool
    unit : float
        What theta is measured in.
    from_moments : (sum k_j k_j + 1, sum k_j k_j + 1) array
        Inverse of the moments' matrix.
    """

    sums: DenseSums
    template: Template
    levels: tuple[int, ...]
    n: int
    reml: bool
    unit: float
    from_moments: FloatArray

    @property
    def df(self) -> int:
        """What sigma^2 is r^2 over."""
        return self.n - (len(self.sums.root) if self.reml else 0)

    @property
    def cost(self) -> int:
        """Numbers of one response in the largest array."""
        return int(self.sums.A.size)

    @property
    def lanes(self) -> list[tuple[slice, slice]]:
        """Random effects of the columns a and b, for every entry (a, b) of the T_j."""
        out, at = [], 0
        for k, L, rows, columns in zip(
            self.template.sizes, self.levels, self.template.rows, self.template.columns, strict=True
        ):
            own = [slice(at + a * L, at + (a + 1) * L) for a in range(k)]
            out += [(own[a], own[b]) for a, b in zip(rows, columns, strict=True)]
            at += k * L
        return out

    def T(self, x: FloatArray) -> Roots:
        """T_j (k_j, k_j, m) of x (d, m)."""
        out = []
        for k, rows, columns, mine in zip(
            self.template.sizes, self.template.rows, self.template.columns, self.template.slices, strict=True
        ):
            T = np.zeros((k, k, x.shape[1]))
            T[rows, columns] = self.unit * x[mine]
            out.append(T)
        return out

    def start(self, responses: DenseResponses) -> FloatArray:
        """x by moments, as `estimation.moments` has it."""
        rhs, at, m = [], 0, len(responses.yWy)
        for k, L in zip(self.template.sizes, self.levels, strict=True):
            z = responses.z[at : at + k * L].reshape(k, L, m)
            rhs += [(z[a] * z[b]).sum(axis=0) for a in range(k) for b in range(k)]
            at += k * L
        rhs.append(responses.yWy)
        solution = sum(column[:, None] * moment for column, moment in zip(self.from_moments.T, rhs, strict=True))
        variance = responses.yWy / self.n
        sigma2 = np.where(solution[-1] > 0.01 * variance, solution[-1], 0.5 * variance)
        x, at = np.empty((len(self.template), m)), 0
        for k, rows, columns, mine in zip(
            self.template.sizes, self.template.rows, self.template.columns, self.template.slices, strict=True
        ):
            G = solution[at : at + k * k].reshape(k, k, m) / (sigma2 * self.unit**2)
            x[mine] = relative_factor(by_matrix(G))[:, rows, columns].T
            at += k * k
        return x

    def at(self, x: FloatArray, responses: DenseResponses) -> EvaluatedDense:
        """Everything at x (d, m)."""
        return EvaluatedDense(self, responses, self.T(x))


class EvaluatedDense:
    """The criterion of m responses at one theta each; NaN where rounding makes a factorization break down."""

    def __init__(self, criterion: DenseDeviance, responses: DenseResponses, T: Roots) -> None:
        self.criterion, self.responses, self.T = criterion, responses, T
        sums, own = criterion.sums, (T, criterion.template, criterion.levels)
        r = len(sums.root)
        half = times_root(sums.A, *own)
        M = times_root(half.swapaxes(1, 2), *own)
        q = np.arange(M.shape[1])
        M[:, q, q] += 1.0
        M_inverse, self.logdet_M = positive_inverse(M)
        self._half, self._M_inverse = half, M_inverse
        Qy = np.empty((len(half), len(sums.B), r + 1))
        Qy[:, :, :r], Qy[:, :, r] = sums.B, responses.z.T
        spherical = times_root(Qy.swapaxes(1, 2), *own).swapaxes(1, 2)
        self._u = M_inverse @ spherical
        taken = np.moveaxis(spherical.swapaxes(1, 2) @ self._u, 0, -1)
        self.gram = -taken[:r, :r]
        self.gram[range(r), range(r)] += 1.0
        QVy, yVy = -taken[:r, r], responses.yWy - taken[r, r]
        self.C, self.logdet_gram = inverse(self.gram)
        self.gamma = np.einsum("xym,ym->xm", self.C, QVy)
        self.pwrss = yVy - (QVy * self.gamma).sum(axis=0)
        self.sigma2 = self.pwrss / criterion.df
        self._Qy = Qy

    @property
    def value(self) -> FloatArray:
        """The criterion, (m,)."""
        c = self.criterion
        value = self.logdet_M - c.sums.sum_log_weights + c.df * (1.0 + np.log(2.0 * np.pi * self.sigma2))
        return np.asarray(value + (self.logdet_gram + c.sums.logdet_X if c.reml else 0.0))

    @property
    def cancelled(self) -> FloatArray:
        """By how much r^2 or Q'V^-1 Q is smaller than what it was found from as a difference, (m,)."""
        r = len(self.gram)
        least: FloatArray = self.gram[range(r), range(r)].min(axis=0, initial=1.0)
        return np.asarray(np.maximum(self.responses.yWy / self.pwrss, 1.0 / least))

    # Derivatives by G_j = T_j T_j' ----------------------------------------------------------------------------------

    @cached_property
    def _P(self) -> FloatArray:
        """Z'V^-1 Z, (m, q, q)."""
        return np.asarray(self.criterion.sums.A - (self._half @ self._M_inverse) @ self._half.swapaxes(1, 2))

    @cached_property
    def _R_and_e(self) -> tuple[FloatArray, FloatArray]:
        """Z'V^-1 Q (m, q, r) and Z'V^-1 (y - X beta) (m, q)."""
        D, r = self._Qy - self._half @ self._u, len(self.gram)
        R, e = np.ascontiguousarray(D[:, :, :r]), D[:, :, r]
        return R, e - np.einsum("mqx,xm->mq", R, self.gamma)

    @cached_property
    def _P_star(self) -> FloatArray:
        """What log determinants have as their derivative: P, less R C R' for REML."""
        if not self.criterion.reml:
            return self._P
        R, _ = self._R_and_e
        return np.asarray(self._P - R @ by_matrix(self.C) @ R.swapaxes(1, 2))

    @cached_property
    def by_G(self) -> list[FloatArray]:
        """Derivatives by each G_j, (k_j, k_j, m)."""
        out, at, (_, e) = [], 0, self._R_and_e
        for T, L in zip(self.T, self.criterion.levels, strict=True):
            k = len(T)
            mine = slice(at, at + k * L)
            blocks, own = self._P_star[:, mine, mine].reshape(-1, k, L, k, L), e[:, mine].reshape(-1, k, L)
            ee = np.einsum("mal,mbl->abm", own, own)
            out.append(np.einsum("malbl->abm", blocks) - ee / self.sigma2)
            at += k * L
        return out

    @property
    def gradient(self) -> FloatArray:
        """By x, (d, m)."""
        c, out = self.criterion, []
        for G, T, rows, columns in zip(self.by_G, self.T, c.template.rows, c.template.columns, strict=True):
            out.append(np.einsum("acm,cbm->abm", G, T)[rows, columns])
        return np.asarray(2.0 * c.unit * np.concatenate(out))

    @property
    def hessian(self) -> FloatArray:
        """By x, (d, d, m); dG = t_b e_a' + e_a t_b' by an entry (a, b) of T with columns t_b."""
        c, (R, e), own = self.criterion, self._R_and_e, (self.T, self.criterion.template, self.criterion.levels)
        P, PT = self._P_star, times_root(self._P_star, *own)
        TP = np.ascontiguousarray(PT.swapaxes(1, 2))
        TPT, Te = times_root(TP, *own), times_root(e[:, None], *own)[:, 0]
        d = len(c.lanes)
        H, inner, outer = np.empty((d, d, len(e))), np.zeros((len(e), d, e.shape[1])), np.zeros((len(e), d, e.shape[1]))
        for i, (a, b) in enumerate(c.lanes):
            outer[:, i, a], inner[:, i, b] = Te[:, b], e[:, a]
            for j, (other_a, other_b) in enumerate(c.lanes[: i + 1]):
                straight = np.einsum("mxy,mxy->m", P[:, a, other_a], TPT[:, b, other_b])
                crosswise = np.einsum("mxy,mxy->m", PT[:, a, other_b], TP[:, b, other_a])
                H[i, j] = H[j, i] = -2.0 * (straight + crosswise)
        moved = outer + times_transposed_root(inner, *own)
        shares = moved @ R
        quadratic = moved @ self._P @ moved.swapaxes(1, 2) - shares @ by_matrix(self.C) @ shares.swapaxes(1, 2)
        H += 2.0 / self.sigma2 * np.moveaxis(quadratic, 0, -1)
        v = np.einsum("miq,mq->im", moved, e)
        H -= v[:, None] * v / (c.df * self.sigma2**2)
        for G, mine, rows, columns in zip(
            self.by_G, c.template.slices, c.template.rows, c.template.columns, strict=True
        ):
            H[mine, mine] += np.where((columns[:, None] == columns)[:, :, None], 2.0 * G[rows[:, None], rows], 0.0)
        return np.asarray(c.unit**2 * H)

    def users_theta(self, groups: Sequence[GroupLabels]) -> FloatArray:
        """theta of the user's columns, (m, d)."""
        template, out = self.criterion.template, []
        for group, T, rows, columns in zip(groups, self.T, template.rows, template.columns, strict=True):
            users = np.einsum("ab,bcm->acm", np.linalg.inv(group.R), T)
            out.append(lower_roots(users)[:, rows, columns])
        return np.concatenate(out, axis=1)


__all__ = ["DenseDeviance", "DenseSums"]
