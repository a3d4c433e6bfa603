"""Tests of linear mixed models by Kenward & Roger (1997, doi 10.2307/2533558), as R's pbkrtest makes them.

V depends on variance parameters s_i with derivatives V_i and V_ij, and Phi = (X'V^-1 X)^-1. With

    P_i = -X'V^-1 V_i V^-1 X,  Q_ij = X'V^-1 V_i V^-1 V_j V^-1 X,  R_ij = X'V^-1 V_ij V^-1 X

and W the inverse of the expected information of REML, 2 (W^-1)_ij = tr(V^-1 V_i V^-1 V_j) - tr(2 Phi Q_ij - Phi P_i Phi
P_j), the covariance of the coefficients with its small-sample bias taken out is (their section 2)

    Phi_A = Phi + 2 Phi {sum_ij W_ij (Q_ij - P_i Phi P_j - R_ij / 4)} Phi.

All V_i are Z D_i Z' with D_i = G_i (x) Q^-1 but that of the residual variance, for which V itself is taken: all traces
and products are sums over N = Z'V^-1 Z (see `marginal`), and none is over rows.

The parameters are the entries of the terms' covariance matrices, in which V is linear, so that R_ij = 0. Covariance
structures have parameters of their own, in which V is not linear. For them the bias of the parameters counts too
(Kenward & Roger 2009, doi 10.1016/j.csda.2008.12.013): in R_ij only the part of V_ij remains that is no combination of
the V_k, in the metric of the information. So nothing depends on how a structure is parametrized, and one that is a
linear space (compound symmetry of two effects, say) has the numbers of that space.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError
from ..contracts.linalg import Pattern
from ..estimation.linear import LinearFit
from ..estimation.parameters import Parameters
from ..estimation.profiled import PenalizedLeastSquares
from ..estimation.term_parameters import Disentangled, Structured
from ..threads import few_threads
from .marginal import Direction, marginal_sums
from .methods import JointTest, Method, independent, wald_statistic
from .residual_directions import ResidualDirections, Sums
from .wald import TTest

#: Rounding of the information in units of tr(V^-1 V_i V^-1 V_i), for levels whose rows weigh nothing against their
#: effect; and how much they may weigh before there is more of it.
ROUNDING, LIGHT = 2e-15, 1e3
#: Part of a variance that rounding may hide.
NEGLIGIBLE = 1e-2
#: Step of the differences of derivatives by a structure's parameters.
STEP = 1e-4
#: Below this 1 + c_1 B is zero; and 1 - A_2 / q and 1 - c_2 B are, so that their ratio is 1 (both as in pbkrtest).
ZERO, BOTH_ZERO = 1e-10, 1e-14
#: So near to 2 the degrees of freedom leave F unscaled (as in pbkrtest).
NEAR_TWO = 1e-2


@dataclass(frozen=True, eq=False)
class KenwardRoger(Method):
    """Tests with the adjusted covariance `V` (Phi_A).

    Parameters
    ----------
    Phi : (r, r) array
        Covariance without the adjustment.
    P : (m, r, r) array
        -P_i = X'V^-1 V_i V^-1 X.
    W : (m, m) array
        Covariance of the variance parameters.
    unknown : (f, r, r) array
        2 W_ii Q_ii along directions that rounding hides, if the information there were as large as rounding.
    """

    name, title = "kenward-roger", "Kenward-Roger's method"

    Phi: FloatArray
    P: FloatArray
    W: FloatArray
    unknown: FloatArray

    @classmethod
    def of(cls, fit: LinearFit) -> KenwardRoger:
        """Of a fit by REML.

        Raises
        ------
        InputError
            For a fit by maximum likelihood, or where matrices would be too large.
        """
        if not fit.reml:
            raise InputError(
                "df='kenward-roger' corrects the covariance of estimates by REML, and this fit is by maximum "
                "likelihood: use fit.update(reml=True), or df='satterthwaite'"
            )
        with few_threads(*fit.labels.dense_sizes):
            return _adjusted(fit)

    def known(self, rows: FloatArray) -> BoolArray:
        """Rows whose adjusted variance has nothing from directions that rounding hides, and is no negative number."""
        half = rows @ self.Phi
        variance = np.einsum("ci,ci->c", half, rows)
        hidden = np.abs(np.einsum("ci,fij,cj->fc", half, self.unknown, half)).max(axis=0, initial=0.0)
        adjusted = np.einsum("ci,ij,cj->c", rows, self.V, rows)
        return np.asarray((hidden <= NEGLIGIBLE * variance) & (adjusted >= 0.0))

    def test(self, rows: FloatArray) -> TTest:
        """t distributions with 2 / A_1 degrees of freedom: for one row A_1 = A_2, and F is not scaled."""
        v = np.einsum("ci,ij,mjk,kl,cl->cm", rows, self.Phi, self.P, self.Phi, rows, optimize=True)
        variance = np.einsum("ci,ij,cj->c", rows, self.Phi, rows)
        with np.errstate(invalid="ignore", divide="ignore"):
            return TTest(2.0 * variance**2 / np.einsum("cm,mn,cn->c", v, self.W, v))

    def joint(self, rows: FloatArray, distances: FloatArray) -> JointTest:
        """lambda F by F(q, m): section 3, with the modification of section 3.2 that makes it exact where F is."""
        rows, distances = independent(rows, distances)
        q = len(rows)
        Theta = rows.T @ np.linalg.solve(rows @ self.Phi @ rows.T, rows)
        TP = Theta @ self.Phi @ self.P @ self.Phi
        traces = np.trace(TP, axis1=1, axis2=2)
        A1 = float(traces @ self.W @ traces)
        A2 = float(np.einsum("mij,mn,nji->", TP, self.W, TP, optimize=True))
        df, scaling = scaled_f(A1, A2, q)
        return JointTest.f(scaling * wald_statistic(rows, distances, self.V) / q, q, df, scaling)


def scaled_f(A1: float, A2: float, q: int) -> tuple[float, float]:
    """Degrees of freedom m and lambda, by matching mean and variance of F; NaN where there are none.

    Examples
    --------
    >>> [round(x, 10) for x in scaled_f(0.2, 0.2, 1)]
    [10.0, 1.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        B = (A1 + 6.0 * A2) / (2.0 * q)
        g = np.divide((q + 1) * A1 - (q + 4) * A2, (q + 2) * A2)
        c1, c2, c3 = (np.divide(c, 3 * q + 2 * (1 - g)) for c in (g, q - g, q + 2 - g))
        V0, V1, V2 = 1.0 + c1 * B, 1.0 - c2 * B, 1.0 - c3 * B
        left = 1.0 - A2 / q  # 1 / E*
        ratio = 1.0 if abs(left) < BOTH_ZERO and abs(V1) < BOTH_ZERO else np.divide(left, V1)
        rho = ratio**2 * np.divide(0.0 if abs(V0) < ZERO else V0, V2) / q  # V* / (2 E*^2)
        df = 4.0 + np.divide(q + 2, q * rho - 1.0)
    if not 0.0 < df < np.inf:
        return float("nan"), float("nan")
    return float(df), 1.0 if abs(df - 2.0) < NEAR_TWO else float(df * left / (df - 2.0))


def _adjusted(fit: LinearFit) -> KenwardRoger:
    """All of it with sigma = 1, and with log(sigma^2) after the parameters of random effects: its V_i is V."""
    factorized = fit.factorized()
    here, s2, C = factorized.least_squares, fit.sigma**2, factorized.least_squares.C
    tangent, bent = _directions(fit)
    directions = [*tangent, *(d for d, _, _ in bent)]
    m, x = len(tangent), len(directions)
    known = sums = _of_effects(fit.pattern, here, directions)
    residual = factorized.residual_evaluation
    of_residual = None if residual is None else ResidualDirections(residual, fit.free_theta)
    if of_residual:  # and some parameter of the residuals is inside of its range
        sums = of_residual.beside(known, directions)
    mine = [*range(m), *range(x, len(sums.P))]
    P, Q = sums.P[mine], sums.Q[np.ix_(mine, mine)]
    information = _information(sums, C)
    blocks = zip(here.Lambda.T, here.cross.ZtWZ.diagonal, strict=True)
    weights = (float(np.einsum("ab,bal->l", T @ T.T, A).max()) for T, A in blocks)
    rounding = ROUNDING * (LIGHT + max(weights, default=0.0))
    root, flat = _inverse_root(information[np.ix_(mine, mine)], np.diagonal(sums.traces)[mine], rounding)
    W = 2.0 * root @ root.T
    U = np.einsum("ij,ijab->ab", W, Q) - np.einsum("ij,iab,jbc->ac", W, P, C @ P, optimize=True)
    for at, (_, i, j) in enumerate(bent, start=m):
        U -= 0.25 * (1.0 if i == j else 2.0) * W[i, j] * _curved(sums.P[at], information[mine, at], W, P)
    if of_residual and of_residual.bends:
        bending = of_residual.beside(known, directions, W[m + 1 :, m + 1 :])
        U -= 0.25 * _curved(bending.P[-1], _information(bending, C)[mine, -1], W, P)
    adjusted = C + 2.0 * C @ (0.5 * (U + U.T)) @ C
    unknown = np.einsum("if,ijab,jf->fab", flat, Q, flat, optimize=True)
    return KenwardRoger(s2 * adjusted, s2 * C, P / s2, W, 4.0 / rounding * unknown / s2)


def _of_effects(pattern: Pattern, here: PenalizedLeastSquares, directions: Sequence[Direction]) -> Sums:
    """The sums of directions of random effects, and of V itself."""
    B, x = here.marginal[:, :-1], len(directions)
    r = B.shape[1]
    P = np.empty((x + 1, r, r))
    Q, traces = np.empty((x + 1, x + 1, r, r)), np.empty((x + 1, x + 1))
    P[x], traces[x, x] = here.RX.T @ here.RX, here.cross.n
    if x:
        sums = marginal_sums(pattern, here.cross.ZtWZ, tuple(T @ T.T for T in here.Lambda.T), B, directions)
        split, by_precision = pattern.split(B), pattern.split(here.criterion.K.solve(B))
        for i, (j, G) in enumerate(directions):
            P[i] = np.einsum("xal,ab,ybl->xy", split[j], G, by_precision[j], optimize=True)
        Q[:x, :x], traces[:x, :x], traces[:x, x], traces[x, :x] = sums.quadratic, sums.products, sums.trace, sums.trace
    Q[:, x] = Q[x] = P
    return Sums(P, Q, traces)


def _information(sums: Sums, C: FloatArray) -> FloatArray:
    """Twice the expected information of REML, 2 I_ij = tr(P V_i P V_j)."""
    CP = C @ sums.P
    return np.asarray(sums.traces - 2.0 * np.tensordot(sums.Q, C, axes=2) + np.einsum("iab,jba->ij", CP, CP))


def _curved(P_bent: FloatArray, information: FloatArray, W: FloatArray, P: FloatArray) -> FloatArray:
    """P of what a second derivative of V is beside the V_k."""
    return np.asarray(P_bent - np.tensordot(0.5 * W @ information, P, axes=1))


def _inverse_root(information: FloatArray, traces: FloatArray, rounding: float) -> tuple[FloatArray, FloatArray]:
    """A root of the inverse, but for directions whose information is rounding; and these (m, f)."""
    size = np.sqrt(np.where(traces > 0.0, traces, 1.0))
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(size, size))
    known = eigenvalues > rounding
    directions = vectors / size[:, None]
    return np.asarray(directions[:, known] / np.sqrt(eigenvalues[known])), np.asarray(directions[:, ~known])


# The parameters -----------------------------------------------------------------------------------------------------


def _directions(fit: LinearFit) -> tuple[list[Direction], list[tuple[Direction, int, int]]]:
    """dV of all parameters, and d2V of pairs of a structure's parameters with their places."""
    parameters, T = fit.parameters, fit.parameters.T(fit.theta)
    tangent = list(_entries(parameters, T))
    bent: list[tuple[Direction, int, int]] = []
    for s in parameters.structured:
        if isinstance(s, Disentangled):  # by variances, in which V is linear
            tangent += [Direction(s.group, _placed(np.outer(r, r), s, len(T[s.group]))) for r in s.structure.R.T]
            continue
        free = np.flatnonzero(fit.free_theta[s.mine])
        first, k = len(tangent), len(T[s.group])
        tangent += [Direction(s.group, _placed(G, s, k)) for G in s.covariance_derivatives(fit.theta[s.mine])[free]]
        second = _second_derivatives(s, fit.theta[s.mine])
        for a, i in enumerate(free):
            for b, j in enumerate(free[: a + 1]):
                if np.abs(second[i, j]).max() > 0.0:
                    bent.append((Direction(s.group, _placed(second[i, j], s, k)), first + a, first + b))
    return tangent, bent


def _entries(parameters: Parameters, T: tuple[FloatArray, ...]) -> Iterator[Direction]:
    """The entries of unstructured covariance matrices."""
    for root in parameters.roots:
        k, own = len(T[root.group]), root.first + np.arange(len(root))
        for a in own:
            for b in own[own <= a]:
                G = np.zeros((k, k))
                G[a, b] = G[b, a] = 1.0
                yield Direction(root.group, G)


def _second_derivatives(s: Structured, values: FloatArray) -> FloatArray:
    """Of T T', (m, m, k, k), by central differences of the first ones."""
    out = []
    for i, step in enumerate(STEP * np.maximum(np.abs(values), 1.0)):
        move = step * np.eye(len(values))[i]
        above, below = s.covariance_derivatives(values + move), s.covariance_derivatives(values - move)
        out.append((above - below) / (2.0 * step))
    both: Any = np.array(out)
    return np.asarray(0.5 * (both + both.transpose(1, 0, 2, 3)))


def _placed(G: FloatArray, s: Structured, k: int) -> FloatArray:
    """A term's matrix among all columns of its factor."""
    out = np.zeros((k, k))
    own = slice(s.first, s.first + len(s))
    out[own, own] = G
    return out
