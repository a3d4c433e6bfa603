"""The profiled deviance of a linear mixed model, with exact derivatives.

Bates, Maechler, Bolker & Walker (2015), sections 3.3-3.4 (doi 10.18637/jss.v067.i01), for the criterion; the gradient
follows by the envelope theorem and d log|M| = tr(M^-1 dM). Everything here works on cross-products: no cost depends on
the number of observations.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.linalg import lapack, solve_triangular

from ..contracts.arrays import FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..contracts.linalg import Factor, PatternBlocks, Structure, Symbolic
from ..design.crossproducts import CrossProducts

Blocks = tuple[FloatArray, ...]


class ProfiledDeviance:
    """theta -> the deviance (or REML criterion) with beta and sigma profiled out.

    Parameters
    ----------
    cross : CrossProducts
    symbolic : Symbolic
        A backend's analysis of `cross.structure`.
    reml : bool
    """

    def __init__(self, cross: CrossProducts, symbolic: Symbolic, reml: bool) -> None:
        self.cross, self.symbolic, self.reml = cross, symbolic, reml
        self.structure = cross.structure
        self.df = cross.n - (len(cross.gamma0) if reml else 0)

    def at(self, theta: FloatArray) -> PenalizedLeastSquares:
        """Solve the penalized least squares problem at theta.

        Raises
        ------
        NotPositiveDefiniteError
            Where rounding makes a Cholesky factorization break down.
        """
        return PenalizedLeastSquares(self, np.array(theta, dtype=np.float64))


class PenalizedLeastSquares:
    """Solution of the penalized least squares problem at one theta, and the criterion there.

    Attributes
    ----------
    factor : Factor
        L of M(theta).
    RX : (r, r) array
        Upper triangular, R_X'R_X = Q'WQ - RZX'RZX.
    gamma : (r,) array
        Coefficients of Q, less `cross.gamma0`.
    pwrss : float
        r^2, the penalized weighted residual sum of squares.
    """

    def __init__(self, criterion: ProfiledDeviance, theta: FloatArray) -> None:
        cross = criterion.cross
        self.criterion, self.cross, self.theta = criterion, cross, theta
        self.structure: Structure = criterion.structure
        self.T = self.structure.relative_factors(theta)
        self.factor: Factor = criterion.symbolic.factorize(cross.ZtWZ, theta)
        # [RZX, cu] = L^-1 P Lambda' Z'W [Q, y]
        self.half = self.factor.half_solve(self._lambda_t(cross.ZtWQy))
        gram = self.half.T @ self.half
        r = len(cross.gamma0)
        self.RX, info = lapack.dpotrf(cross.QtWQ - gram[:r, :r], lower=0, clean=1) if r else (np.zeros((0, 0)), 0)
        if info:
            raise NotPositiveDefiniteError(f"R_X breaks down at theta = {theta}: X is nearly inside the span of Z")
        cbeta = solve_triangular(self.RX, cross.QtWy - gram[:r, r], trans="T", check_finite=False) if r else np.zeros(0)
        self.gamma = solve_triangular(self.RX, cbeta, check_finite=False) if r else np.zeros(0)
        self.pwrss = cross.yWy - float(gram[r, r]) - float(cbeta @ cbeta)
        # Of `total` some digits are lost: below this the model fits the data to rounding.
        if not self.pwrss > 1e-13 * cross.total:
            raise NotPositiveDefiniteError(f"the residual variance is zero to rounding at theta = {theta}")

    def _lambda_t(self, B: FloatArray) -> FloatArray:
        return blockwise(self.structure, [T.T for T in self.T], B)

    def _lambda(self, B: FloatArray) -> FloatArray:
        return blockwise(self.structure, list(self.T), B)

    @cached_property
    def logdet_RX2(self) -> float:
        """2 log|R_X| in the basis Q."""
        return 2.0 * float(np.log(np.diagonal(self.RX)).sum())

    @property
    def sigma2(self) -> float:
        """Profiled residual variance r^2 / n, or r^2 / (n - p) for REML."""
        return self.pwrss / self.criterion.df

    @property
    def deviance(self) -> float:
        """The profiled criterion, up to log|R|^2 of X = QR (a constant that `Fit` adds for REML)."""
        df = self.criterion.df
        d = self.factor.logdet - self.cross.sum_log_weights + df * (1.0 + np.log(2.0 * np.pi * self.sigma2))
        return float(d + (self.logdet_RX2 if self.criterion.reml else 0.0))

    # First derivatives --------------------------------------------------------------------------------------------

    @cached_property
    def solved(self) -> FloatArray:
        """M^-1 Lambda'Z'W [Q, y], (q, r + 1)."""
        return self.factor.back_solve(self.half)

    @cached_property
    def u(self) -> FloatArray:
        """Spherical random effects."""
        return np.asarray(self.solved[:, -1] - self.solved[:, :-1] @ self.gamma)

    @cached_property
    def b(self) -> FloatArray:
        """Random effects b = Lambda u."""
        return self._lambda(self.u[:, None])[:, 0]

    @cached_property
    def marginal(self) -> FloatArray:
        """Z'V^-1 [Q, y] with V = W^-1 + Z Lambda Lambda'Z', (q, r + 1)."""
        return self.cross.ZtWQy - self.cross.ZtWZ_times(self._lambda(self.solved))

    @cached_property
    def Zte(self) -> FloatArray:
        """Z'e with e = W (y - X beta - Z b)."""
        return np.asarray(self.marginal[:, -1] - self.marginal[:, :-1] @ self.gamma)

    @cached_property
    def C(self) -> FloatArray:
        """(Q'V^-1 Q)^-1 = (R_X'R_X)^-1."""
        root = solve_triangular(self.RX, np.eye(len(self.RX)), check_finite=False) if len(self.RX) else self.RX
        return np.asarray(root @ root.T)

    @cached_property
    def logdet_gradient(self) -> FloatArray:
        """Derivative by theta of log|M|, for REML of log|M| + 2 log|R_X|."""
        by_T = self.factor.logdet_gradient()
        if by_T is None:
            by_T = logdet_gradient(self.structure, self.T, self.cross.ZtWZ, self.factor.selected_inverse())
        if self.criterion.reml and len(self.C):
            P, LP = self.structure.split(self.marginal[:, :-1] @ self.C), self.structure.split(self.solved[:, :-1])
            by_T = tuple(
                g - 2.0 * np.einsum("ral,rcl->ac", p, lp, optimize=True) for g, p, lp in zip(by_T, P, LP, strict=True)
            )
        return self.structure.theta_of(by_T)

    @cached_property
    def pwrss_gradient(self) -> FloatArray:
        """Derivative of r^2 by theta: -2 (Z'e)' dLambda u."""
        pairs = zip(self.structure.split(self.Zte[:, None]), self.structure.split(self.u[:, None]), strict=True)
        return self.structure.theta_of(tuple(-2.0 * e[0] @ u[0].T for e, u in pairs))

    @property
    def gradient(self) -> FloatArray:
        """Exact gradient of the criterion."""
        return self.logdet_gradient + self.pwrss_gradient / self.sigma2

    # Second derivatives -------------------------------------------------------------------------------------------

    @cached_property
    def _directions(self) -> tuple[FloatArray, FloatArray]:
        """w_k = (dT T' + T dT') Z'e for every theta_k, as (q, m), and v_k = (Z'e)'w_k = -dr^2."""
        W = covariance_directions(self.structure, self.T, self.Zte)
        return W, W.T @ self.Zte

    @cached_property
    def _average_information(self) -> tuple[FloatArray, FloatArray]:
        """w'Z'PZ w / sigma^2 for all pairs of directions, and dr^2 dr^2' / (df sigma^4)."""
        W, v = self._directions
        AW = self.cross.ZtWZ_times(W)
        half = self.factor.half_solve(self._lambda_t(AW))
        inner = W.T @ AW - half.T @ half
        QtW = self.marginal[:, :-1].T @ W
        inner -= QtW.T @ self.C @ QtW
        return inner / self.sigma2, np.outer(v, v) / (self.criterion.df * self.sigma2**2)

    @property
    def curvature(self) -> FloatArray:
        """The Hessian of the criterion where it is cheap (one grouping factor), else the average information matrix."""
        return self._exact_hessian() if self.has_exact_curvature else self._ai_curvature()

    @property
    def has_exact_curvature(self) -> bool:
        """Whether `curvature` is the Hessian: Z'V^-1 Z is then block diagonal."""
        return len(self.structure.factors) == 1 and self.criterion_has_selected_inverse

    @property
    def criterion_has_selected_inverse(self) -> bool:
        """Whether the factor gives M^-1 on the pattern."""
        return type(self.factor).selected_inverse is not Factor.selected_inverse

    def _ai_curvature(self) -> FloatArray:
        information, profiled = self._average_information
        return np.asarray(information - profiled)

    def _exact_hessian(self) -> FloatArray:
        """Second derivatives for one grouping factor.

        With E_l the diagonal blocks of Z'V^-1 Z, R_l = Q_l C Q_l' (REML) and dG = dT T' + T dT':
        -tr(P dV P dV') + 2 y'P dV P dV' P y / sigma^2 + tr(d2V (P - P y y'P / sigma^2)), less the profiled part.
        """
        T, A = self.T[0], self.cross.ZtWZ.diagonal[0]
        k, entries = len(T), theta_entries(self.structure)[0]
        Minv = self.factor.selected_inverse().diagonal[0]
        AT = np.einsum("abl,bc->acl", A, T)
        E = A - np.einsum("acl,cdl,bdl->abl", AT, Minv, AT, optimize=True)
        flat = E.reshape(k * k, -1)
        gram = flat @ flat.T
        dG = np.zeros((len(entries), k, k))
        for m, (r, c) in enumerate(entries):
            dG[m, r] += T[:, c]
            dG[m, :, r] += T[:, c]
        total = E.sum(axis=2)
        if self.criterion.reml and len(self.C):
            Q = self.structure.split(self.marginal[:, :-1])[0]  # (r, k, L)
            R = np.einsum("xal,xy,ybl->abl", Q, self.C, Q, optimize=True)
            gram = gram - flat @ R.reshape(k * k, -1).T - R.reshape(k * k, -1) @ flat.T
            total = total - R.sum(axis=2)
            QQ = np.einsum("xal,ybl->xyab", Q, Q, optimize=True)
            S = np.einsum("zx,xyab,mab->mzy", self.C, QQ, dG, optimize=True)
            low_rank = np.einsum("mzy,nyz->mn", S, S, optimize=True)
        else:
            low_rank = np.zeros((len(entries), len(entries)))
        trace = np.einsum("abcd,mbc,nda->mn", gram.reshape(k, k, k, k), dG, dG, optimize=True) + low_rank
        e = self.structure.split(self.Zte[:, None])[0][0]
        bent = total - (e @ e.T) / self.sigma2
        second = np.array([[2.0 * bent[r, s] if c == d else 0.0 for s, d in entries] for r, c in entries])
        information, profiled = self._average_information
        return np.asarray(-trace + 2.0 * information + second - profiled)


def logdet_gradient(structure: Structure, T: Blocks, A: PatternBlocks, Minv: PatternBlocks) -> Blocks:
    """d log|M| / dT_j = 2 sum over levels of (M^-1 Lambda'A)_ll', from M^-1 on the pattern."""
    out = [
        np.einsum("abl,cb,cdl->ad", inverse, t, block, optimize=True)
        for inverse, t, block in zip(Minv.diagonal, T, A.diagonal, strict=True)
    ]
    for (i, j), block in A.cross.items():
        inverse = Minv.cross[i, j]
        out[i] = out[i] + np.einsum("abn,cb,dcn->ad", inverse, T[j], block, optimize=True)
        out[j] = out[j] + np.einsum("ban,cb,cdn->ad", inverse, T[i], block, optimize=True)
    return tuple(2.0 * g.T for g in out)


def covariance_directions(structure: Structure, T: Blocks, Zte: FloatArray) -> FloatArray:
    """(dT T' + T dT') Z'e for every theta, as (q, m)."""
    columns = np.zeros((structure.n_theta, structure.q))
    at = 0
    for T_j, o, f, entries in zip(T, structure.offsets, structure.factors, theta_entries(structure), strict=True):
        e = Zte[o : o + f.size].reshape(f.n_columns, f.n_levels)
        Te = T_j.T @ e
        for r, c in entries:
            w = columns[at, o : o + f.size].reshape(f.n_columns, f.n_levels)
            w[r] += Te[c]
            w += np.outer(T_j[:, c], e[r])
            at += 1
    return columns.T


def blockwise(structure: Structure, factors: list[FloatArray], B: FloatArray) -> FloatArray:
    """blockdiag(T_j (x) I) B with contiguous columns."""
    out = np.empty((B.shape[1], structure.q))
    parts = zip(structure.offsets, structure.factors, factors, structure.split(B), strict=True)
    for o, f, T, part in parts:
        product = part * T[0, 0] if f.n_columns == 1 else np.matmul(T, part)
        out[:, o : o + f.size] = product.reshape(B.shape[1], f.size)
    return out.T


def theta_entries(structure: Structure) -> list[list[tuple[int, int]]]:
    """(row, column) of every theta in its T, by factor."""
    return [
        list(zip(f.theta_rows.tolist(), f.theta_columns.tolist(), strict=True)) for f in structure.factors
    ]


