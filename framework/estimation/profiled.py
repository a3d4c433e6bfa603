"""The profiled deviance of a linear mixed model, with exact derivatives.

Bates, Maechler, Bolker & Walker (2015), sections 3.3-3.4 (doi 10.18637/jss.v067.i01), for the criterion; the gradient
follows by the envelope theorem and d log|M| = tr(M^-1 dM). Everything here works on cross-products: no cost depends on
the number of observations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import lapack

from ..contracts.arrays import FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..contracts.linalg import Blocks, Factor, Pattern, PatternBlocks, SampledSymbolic, Symbolic
from ..design.crossproducts import CrossProducts
from .level_sums import level_sums
from .prior import Prior
from .relative import RelativeFactor, bending

#: r^2 as a part of what it is a difference from at which no digit of it is left.
EXHAUSTED = 1e-13
#: Smallest singular value of T down to which the short formula of d log|M| / dT keeps its digits.
FAR_FROM_SINGULAR = 1e-2
#: Random effects of several factors up to which Z'V^-1 Z is formed: it costs less than another gradient.
SMALL = 100


@dataclass(frozen=True, eq=False)
class Held:
    """Values of gamma (r,), less `cross.gamma0`, and sigma^2 that are given and not profiled out."""

    gamma: FloatArray
    sigma2: float


class ProfiledDeviance:
    """T -> the deviance (or REML criterion) with beta and sigma profiled out.

    Parameters
    ----------
    cross : CrossProducts
    symbolic : Symbolic
        A backend's analysis of `cross.pattern`.
    reml : bool
    """

    def __init__(self, cross: CrossProducts, symbolic: Symbolic, reml: bool) -> None:
        self.cross, self.symbolic, self.reml = cross, symbolic, reml
        self.pattern, self.K = cross.pattern, Prior(cross.pattern)
        self.df = cross.n - (len(cross.gamma0) if reml else 0)

    @property
    def by_levels(self) -> bool:
        """Whether Z'V^-1 Z is block diagonal, one block a level."""
        return self.pattern.is_block_diagonal

    @property
    def has_exact_curvature(self) -> bool:
        """Whether `PenalizedLeastSquares.curvature` is the Hessian: where Z'V^-1 Z is block diagonal, or small.

        Not where log|M| is sampled: the Hessian of that function is another one.
        """
        if isinstance(self.symbolic, SampledSymbolic):
            return False
        return self.by_levels or (self.pattern.q <= SMALL and not self.pattern.has_precision)

    def at(self, entries: FloatArray, held: Held | None = None) -> PenalizedLeastSquares:
        """Solve the penalized least squares problem at these entries of T (see `Template`).

        Where gamma and sigma are `held`, for u alone: the criterion is -2 log L at all these values (of ML only).

        Raises
        ------
        NotPositiveDefiniteError
            Where rounding makes a Cholesky factorization break down.
        """
        return PenalizedLeastSquares(self, np.array(entries, dtype=np.float64), held)


class PenalizedLeastSquares:
    """Solution of the penalized least squares problem at one T, and the criterion there.

    Attributes
    ----------
    factor : Factor
        L of M(T).
    solved : (q, r + 1) array
        M^-1 Lambda'Z'W [Q, y].
    RX : (r, r) array
        Upper triangular, R_X'R_X = Q'WQ - RZX'RZX.
    gamma : (r,) array
        Coefficients of Q, less `cross.gamma0`.
    short : (r,) array
        R_X (gamma - the best gamma): nothing, unless gamma is held.
    marginal : (q, r + 1) array
        Z'V^-1 [Q, y] with V = W^-1 + Z Lambda K^-1 Lambda'Z'.
    pwrss : float
        r^2, the penalized weighted residual sum of squares.
    cancelled : float
        By how much Q'V^-1 Q or r^2 is smaller than what it was found from as a difference.
    """

    def __init__(self, criterion: ProfiledDeviance, entries: FloatArray, held: Held | None = None) -> None:
        cross = criterion.cross
        self.criterion, self.cross, self.held = criterion, cross, held
        self.pattern: Pattern = criterion.pattern
        self.Lambda = RelativeFactor(self.pattern, cross.template, entries)
        self.factor: Factor = criterion.symbolic.factorize(cross.ZtWZ, self.Lambda.T)
        self.solved = self.factor.solve(self.Lambda.t @ cross.ZtWQy)
        B, KU = self.Lambda @ self.solved, criterion.K @ self.solved
        marginal = cross.ZtWQy - cross.ZtWZ_times(B)
        self.marginal = self.Lambda.with_digits(marginal, KU, cross.mean_weight)
        gram, r = cross.reference.gram(self.solved, KU, B, self.marginal), len(cross.gamma0)
        self.RX = upper_cholesky(gram[:r, :r])
        cbeta, self.gamma = triangular_solves(self.RX, gram[:r, r])
        self.pwrss = float(gram[r, r]) - float(cbeta @ cbeta)
        if not self.pwrss > EXHAUSTED * cross.reference.EtWE[r, r]:
            raise NotPositiveDefiniteError("the residual variance is zero to rounding")
        left = np.append(np.diagonal(gram)[:r], self.pwrss)
        self.cancelled = float((np.diagonal(cross.reference.EtWE) / left).max())
        self.short: FloatArray = np.zeros(r)
        if held is not None:
            self.short, self.gamma = self.RX @ (held.gamma - self.gamma), held.gamma
            self.pwrss += float(self.short @ self.short)

    @property
    def logdet_L2(self) -> float:
        """log|M| - log|K|, which is log|V W|."""
        return self.factor.logdet - self.criterion.K.logdet

    @cached_property
    def logdet_RX2(self) -> float:
        """2 log|R_X| in the basis Q."""
        return 2.0 * float(np.log(np.diagonal(self.RX)).sum())

    @property
    def sigma2(self) -> float:
        """Profiled residual variance r^2 / n, or r^2 / (n - p) for REML; or the one that is held."""
        return self.pwrss / self.criterion.df if self.held is None else self.held.sigma2

    @property
    def deviance(self) -> float:
        """The profiled criterion, up to log|R|^2 of X = QR (a constant that `fit_linear` adds for REML)."""
        df = self.criterion.df
        d = self.logdet_L2 - self.cross.sum_log_weights + df * (1.0 + np.log(2.0 * np.pi * self.sigma2))
        if self.held is not None:
            d += self.pwrss / self.sigma2 - df
        return float(d + (self.logdet_RX2 if self.criterion.reml else 0.0))

    # First derivatives --------------------------------------------------------------------------------------------

    @cached_property
    def u(self) -> FloatArray:
        """Spherical random effects."""
        return np.asarray(self.solved[:, -1] - self.solved[:, :-1] @ self.gamma)

    @cached_property
    def b(self) -> FloatArray:
        """Random effects b = Lambda u."""
        return self.Lambda @ self.u

    @cached_property
    def Zte(self) -> FloatArray:
        """Z'e with e = W (y - X beta - Z b)."""
        return np.asarray(self.marginal[:, -1] - self.marginal[:, :-1] @ self.gamma)

    @cached_property
    def C(self) -> FloatArray:
        """(Q'V^-1 Q)^-1 = (R_X'R_X)^-1; nothing where gamma is held."""
        if self.held is not None:
            return np.zeros_like(self.RX)
        root = lapack.dtrtri(self.RX)[0] if len(self.RX) else self.RX
        return np.asarray(root @ root.T)

    @cached_property
    def logdet_by_T(self) -> Blocks:
        """Derivatives by T_j of log|M|, for REML of log|M| + 2 log|R_X|."""
        by_T = self.factor.logdet_gradient()
        if by_T is None:
            by_T = logdet_gradient(self.pattern, self.Lambda.T, self.cross.ZtWZ, self.factor.selected_inverse())
        if self.criterion.reml and len(self.C):
            P, LP = self.pattern.split(self.marginal[:, :-1] @ self.C), self.pattern.split(self.solved[:, :-1])
            by_T = tuple(
                g - 2.0 * np.tensordot(p, lp, axes=([0, 2], [0, 2])) for g, p, lp in zip(by_T, P, LP, strict=True)
            )
        return by_T

    @cached_property
    def pwrss_by_T(self) -> Blocks:
        """Derivatives of r^2 by T_j: -2 (Z'e)' dLambda u."""
        pairs = zip(self.pattern.split(self.Zte[:, None]), self.pattern.split(self.u[:, None]), strict=True)
        return tuple(-2.0 * e[0] @ u[0].T for e, u in pairs)

    @property
    def pwrss_gradient(self) -> FloatArray:
        """Derivative of r^2 by the entries of T."""
        return self.cross.template.entries(self.pwrss_by_T)

    @property
    def by_T(self) -> Blocks:
        """Derivatives of the criterion by T_j, (k_j, k_j)."""
        return tuple(d + r / self.sigma2 for d, r in zip(self.logdet_by_T, self.pwrss_by_T, strict=True))

    @cached_property
    def gradient(self) -> FloatArray:
        """Exact gradient of the criterion by the entries of T."""
        return self.cross.template.entries(self.by_T)

    # Second derivatives -------------------------------------------------------------------------------------------

    def average_information(self) -> FloatArray:
        """w'Z'PZ w / sigma^2 - dr^2 dr^2' / (df sigma^4), over the directions w = (dT T' + T dT') K^-1 Z'e.

        That is the second derivative by the covariances T T'; what bends the criterion besides is 2 tr(G dT dT').
        """
        W = self.Lambda.directions(self.criterion.K.solve(self.Zte))
        AW = self.cross.ZtWZ_times(W)
        inner = W.T @ AW - self.factor.gram(self.Lambda.t @ AW)
        QtW = self.marginal[:, :-1].T @ W
        inner -= QtW.T @ self.C @ QtW
        by_covariance = inner / self.sigma2 - self._profiled_out(W.T @ self.Zte)
        return np.asarray(by_covariance + bending(self.cross.template, self.Lambda.T, self.by_T))

    @cached_property
    def curvature(self) -> FloatArray:
        """The Hessian of the criterion where it is cheap, else the average information matrix."""
        if not self.criterion.has_exact_curvature:
            return self.average_information()
        return self._hessian_by_levels() if self.criterion.by_levels else self._dense_hessian()

    def _marginal_blocks(self, levels: slice) -> FloatArray:
        """Diagonal blocks (k, k, L) of Z'V^-1 Z for one grouping factor."""
        T, A = self.Lambda.T[0], self.cross.ZtWZ.diagonal[0][:, :, levels]
        M_inverse = self.factor.selected_inverse().diagonal[0][:, :, levels]
        if self.Lambda.informative(self.cross.mean_weight)[0]:  # A - AT M^-1 T'A would have no digits
            inverse = np.linalg.inv(T)
            rest = np.eye(len(T))[:, :, None] - M_inverse
            return np.asarray(np.einsum("ca,cdl,db->abl", inverse, rest, inverse, optimize=True))
        AT = np.einsum("abl,bc->acl", A, T)
        return np.asarray(A - np.einsum("adl,bdl->abl", np.einsum("acl,cdl->adl", AT, M_inverse), AT))

    def _hessian_by_levels(self) -> FloatArray:
        """Second derivatives for one grouping factor, all from Gram matrices over its levels.

        With E_l the diagonal blocks of Z'V^-1 Z, R_l = Q_l C Q_l' (REML), e_l = (Z'e)_l and dG = dT T' + T dT':
        -tr(P dV P dV') + 2 y'P dV P dV' P y / sigma^2 + tr(d2V (P - P y y'P / sigma^2)), less the profiled part.
        """
        template, k, r = self.cross.template, self.pattern.groupings[0].n_columns, len(self.C)
        rows, columns, dG = template.rows[0], template.columns[0], self._moves_of_G()[0]
        directions = dG.reshape(-1, k * k)
        e, Q = self.Zte.reshape(k, -1), self.pattern.split(self.marginal[:, :-1])[0]
        over = level_sums(self._marginal_blocks, e, Q, self.C if self.criterion.reml else None)
        sums = over.sums.reshape(-1, k, k)
        gram = over.gram.reshape(k, k, len(sums), k, k)

        def pair(G: FloatArray, order: tuple[int, int, int, int]) -> FloatArray:
            """Bilinear form in two directions of a Gram matrix with indices (a, b, c, d)."""
            return np.asarray(directions @ G.transpose(order).reshape(k * k, k * k) @ directions.T)

        cyclic = (1, 2, 3, 0)
        trace = pair(gram[:, :, 0], cyclic)
        information = pair(gram[:, :, 1], (0, 2, 1, 3))
        bent = sums[0] - sums[1] / self.sigma2
        if r:
            QGe = over.Qe.reshape(r, k * k) @ directions.T
            information = information - QGe.T @ self.C @ QGe
        if len(sums) == 3:
            S = self.C @ np.tensordot(dG, over.QQ.reshape(r, k, r, k), axes=([1, 2], [1, 3]))
            low_rank = S.reshape(len(dG), -1) @ S.transpose(0, 2, 1).reshape(len(dG), -1).T
            crossed = pair(gram[:, :, 2], cyclic)
            trace = trace - crossed - crossed.T + low_rank
            bent = bent - sums[2]
        second = 2.0 * bent[np.ix_(rows, rows)] * (columns[:, None] == columns)
        profiled = self._profiled_out(directions @ sums[1].ravel())
        return np.asarray(-trace + 2.0 * information / self.sigma2 + second - profiled)

    def _dense_hessian(self) -> FloatArray:
        """The same second derivatives for several factors, from Z'V^-1 Z as one matrix E.

        The trace of E dG E dG' over two factors is a Gram matrix of E's blocks over pairs of levels (`_traces`).
        """
        pattern, template, A = self.pattern, self.cross.template, self.cross.dense_ZtWZ
        solved = self.factor.solve(self.Lambda.t @ A)
        E = self.Lambda.with_digits(A - A @ (self.Lambda @ solved), solved, self.cross.mean_weight)
        Q = self.marginal[:, :-1]
        P = E - Q @ self.C @ Q.T
        K = P if self.criterion.reml else E  # that of the determinants
        W = self.Lambda.directions(self.Zte)
        bent = K - np.outer(self.Zte, self.Zte) / self.sigma2
        trace, second = np.zeros((len(template),) * 2), np.zeros((len(template),) * 2)
        parts = list(zip(template.slices, pattern.offsets, pattern.groupings, self._moves_of_G(), strict=True))
        for i, (mine, o, f, dG) in enumerate(parts):
            rows, columns = template.rows[i], template.columns[i]
            own = bent[o : o + f.size, o : o + f.size].reshape(f.n_columns, f.n_levels, f.n_columns, f.n_levels)
            G = np.einsum("albl->ab", own)
            second[mine, mine] = 2.0 * G[np.ix_(rows, rows)] * (columns[:, None] == columns)
            for theirs, start, g, dG_other in parts[: i + 1]:
                block = K[o : o + f.size, start : start + g.size].reshape(f.n_columns, f.n_levels, g.n_columns, -1)
                flat = block.transpose(0, 2, 1, 3).reshape(f.n_columns, g.n_columns, -1)
                trace[mine, theirs] = _traces(flat, dG, dG_other)
                trace[theirs, mine] = trace[mine, theirs].T
        information = W.T @ P @ W
        return np.asarray(-trace + 2.0 * information / self.sigma2 + second - self._profiled_out(W.T @ self.Zte))

    def _moves_of_G(self) -> list[FloatArray]:
        """dG = dT T' + T dT' by each entry of every T, (entries, k, k)."""
        out = []
        for T, rows, columns in zip(self.Lambda.T, self.cross.template.rows, self.cross.template.columns, strict=True):
            m = np.arange(len(rows))
            dG = np.zeros((len(rows), *T.shape))
            dG[m, rows] += T.T[columns]
            dG[m, :, rows] += T.T[columns]
            out.append(dG)
        return out

    def _profiled_out(self, v: FloatArray) -> FloatArray:
        """What profiling sigma out takes from second derivatives, dr^2 dr^2' / (df sigma^4), where v = -dr^2."""
        if self.held is not None:
            return np.zeros((len(v),) * 2)
        return np.outer(v, v) / (self.criterion.df * self.sigma2**2)


def _traces(E: FloatArray, dG: FloatArray, dG_other: FloatArray) -> FloatArray:
    """tr(E dG E' dG') of all pairs of moves (m, k, k) and (m', k', k'), summed over pairs of levels: (m, m').

    `E` (k, k', pairs) are blocks. Moves of a diagonal T have one entry each, so that of the Gram matrix (k k', k k')
    only k' blocks (k, k) are needed, which is what curves of many functions can afford.
    """
    k, k_other, _ = E.shape
    diagonal = [len(moves) == moves.shape[1] > 1 for moves in (dG, dG_other)]
    if diagonal[0] and not diagonal[1]:
        return _traces(E.transpose(1, 0, 2), dG_other, dG).T
    if diagonal[1]:
        blocks = E.transpose(1, 0, 2) @ E.transpose(1, 2, 0)
        sizes = np.diagonal(np.diagonal(dG_other, axis1=1, axis2=2))
        return np.asarray(dG.reshape(len(dG), -1) @ blocks.reshape(k_other, -1).T * sizes)
    flat = E.reshape(k * k_other, -1)
    gram = (flat @ flat.T).reshape(k, k_other, k, k_other)
    return np.asarray(np.einsum("mac,abcd,nbd->mn", dG, gram, dG_other))


def logdet_gradient(pattern: Pattern, T: Blocks, A: PatternBlocks, Minv: PatternBlocks) -> Blocks:
    """d log|M| / dT_j = 2 sum over levels of (M^-1 Lambda'A)_ll', from M^-1 on the pattern.

    Where T_j is far from singular this is 2 T_j^-T sum over levels of (I - M^-1)_ll, since Lambda'A Lambda = M - I.
    """
    far = [_is_far_from_singular(t) and f.precision is None for t, f in zip(T, pattern.groupings, strict=True)]
    out = []
    for inverse, t, block, short in zip(Minv.diagonal, T, A.diagonal, far, strict=True):
        if short:
            out.append(np.linalg.solve(t.T, inverse.shape[2] * np.eye(len(t)) - inverse.sum(axis=2)).T)
        else:
            out.append(np.einsum("abl,cb,cdl->ad", inverse, t, block, optimize=True))
    for (i, j), block in A.cross.items():
        inverse = Minv.cross[i, j]
        if not far[i]:
            out[i] = out[i] + np.einsum("abn,cb,dcn->ad", inverse, T[j], block, optimize=True)
        if not far[j]:
            out[j] = out[j] + np.einsum("ban,cb,cdn->ad", inverse, T[i], block, optimize=True)
    return tuple(2.0 * g.T for g in out)


def _is_far_from_singular(T: FloatArray) -> bool:
    smallest = abs(T[0, 0]) if len(T) == 1 else np.linalg.svd(T, compute_uv=False)[-1]
    return bool(smallest > FAR_FROM_SINGULAR)


def upper_cholesky(A: FloatArray) -> FloatArray:
    """R_X of R_X'R_X = A; of the empty matrix without fixed effects the empty one."""
    if len(A) == 0:
        return np.zeros((0, 0))
    RX, info = lapack.dpotrf(A, lower=0, clean=1)
    if info:
        raise NotPositiveDefiniteError("R_X breaks down: a column of X is nearly inside the span of Z")
    return np.asarray(RX)


def triangular_solves(RX: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """c = R_X^-T right, and R_X^-1 c."""
    if len(RX) == 0:
        return right, right
    c = lapack.dtrtrs(RX, right, trans=1)[0]
    return c, lapack.dtrtrs(RX, c)[0]
