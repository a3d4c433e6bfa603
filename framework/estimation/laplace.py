"""The Laplace approximation of a GLMM's log-likelihood, and its exact gradient by the adjoint formula.

-2 log L is approximated by f = h(u) + log|M(u)| - log|K| at the conditional modes u(gamma, theta, phi). f is
differentiated totally: the modes move with the parameters, du = -H^-1 d(grad h / 2), and one adjoint solve
v = H^-1 Lambda'Z'c serves all parameters, with c_i = l_i dw_i/deta_i and l_i the leverages z_i'Lambda M^-1 Lambda'z_i.
With t = Z Lambda v and r = -2 d1 + c + d2 t the derivatives are

    gamma:  Q'r
    T_j:    sum over levels of (Z'r) u' + (Z'd1) v'  +  d log|M| / dT_j at fixed weights
    phi_i:  -2 phi1 + l dw/dphi + t dd1/dphi.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Blocks, PatternBlocks
from ..design.random import PatternProduct, both_sides
from .modes import Mode
from .parted import PartedLikelihood
from .profiled import logdet_gradient, triangular_solves
from .relative import bending
from .weighted import weight_derivatives


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivatives of the criterion by gamma, the entries of T, all of T_j, and phi of each row (r, n)."""

    gamma: FloatArray
    entries: FloatArray
    T: Blocks
    phi: FloatArray


def laplace_gradient(mode: Mode) -> Gradient:
    """Exact gradient of h(u) + log|M(u)|; by gamma it is zero where gamma was estimated jointly."""
    model = mode.model
    inverse = mode.system.factor.selected_inverse()
    by_T = logdet_gradient(model.pattern, mode.Lambda.T, mode.system.ZtWZ, inverse)
    K = mode.Lambda.sandwich(inverse)
    if isinstance(model, PartedLikelihood):
        return _gradient_of_parts(model, mode, K, by_T)
    d = mode.derivatives
    assert d.phi1 is not None
    leverages, by_phi = model.design.random.quadratic_rows(K), -2.0 * d.phi1
    return total_gradient(mode, leverages, by_eta=-2.0 * d.d1, by_b=-2.0 * mode.score, by_T=by_T, by_phi=by_phi)


def _gradient_of_parts(model: PartedLikelihood, mode: Mode, K: PatternBlocks, by_T: Blocks) -> Gradient:
    """The same by two reductions: on the way to the adjoint solve, and back."""
    of_z, of_q = model.through_weights(mode, K)
    v, v_gamma, _ = mode.newton.solve(mode.Lambda.t @ of_z, of_q if mode.joint else None)
    moved, gamma, by_phi = model.through_modes(mode, K, mode.Lambda @ v, v_gamma)
    return _of_sums(mode, v, by_b=-2.0 * mode.score + moved, by_T=by_T, by_gamma=gamma, by_phi=by_phi)


def total_gradient(
    mode: Mode,
    leverages: FloatArray,
    *,
    by_eta: FloatArray,
    by_T: tuple[FloatArray, ...],
    by_phi: FloatArray,
    by_u: FloatArray | None = None,
    by_b: FloatArray | None = None,
) -> Gradient:
    """Add to the explicit derivatives `by_...` those through the weights and through the modes.

    `by_eta` are those by the linear predictors, `by_b` their sums Z'by_eta where these are known better, `by_T` those
    that do not go through eta = ... + Z Lambda u.
    """
    model, d = mode.model, mode.derivatives
    assert d.phi1_eta is not None
    w_eta, w_phi = weight_derivatives(model.weights_in_logdet, d)
    c = leverages * w_eta
    s = mode.Lambda.t @ model.Zt(c)
    if by_u is not None:
        s = s + by_u
    v, v_gamma, _ = mode.newton.solve(s, model.Q.T @ c if mode.joint else None)
    t = model.Z(mode.Lambda @ v)
    if len(v_gamma):
        t += model.Q @ v_gamma
    moved = c + d.d2 * t
    r = by_eta + moved
    by_b = model.Zt(r) if by_b is None else by_b + model.Zt(moved)
    by_gamma = None if mode.joint else model.Q.T @ r
    by_phi = by_phi + w_phi * leverages + d.phi1_eta * t
    return _of_sums(mode, v, by_b=by_b, by_T=by_T, by_gamma=by_gamma, by_phi=by_phi)


def _of_sums(
    mode: Mode, v: FloatArray, *, by_b: FloatArray, by_T: Blocks, by_gamma: FloatArray | None, by_phi: FloatArray
) -> Gradient:
    """The gradient by T too, through the linear predictor and through Lambda."""
    through_eta = outer_by_factor(mode, by_b, mode.point.u)
    through_lambda = outer_by_factor(mode, mode.score, v)
    by_T = tuple(a + b + e for a, b, e in zip(by_T, through_eta, through_lambda, strict=True))
    gamma = np.zeros(len(mode.point.gamma)) if mode.joint or by_gamma is None else by_gamma
    return Gradient(gamma, mode.model.template.entries(by_T), by_T, by_phi)


def outer_by_factor(mode: Mode, a: FloatArray, b: FloatArray) -> list[FloatArray]:
    """Sum over levels of a_l b_l' for every factor, (k_j, k_j)."""
    split = mode.model.pattern.split
    return [x[0] @ y[0].T for x, y in zip(split(a[:, None]), split(b[:, None]), strict=True)]


def bending_of_one_factor(mode: Mode) -> FloatArray:
    """What the average information leaves out near singular T: 2 tr(S dT dT') over the entries of T.

    S = sum over levels of Z'V^-1 Z - (Z'd1)(Z'd1)' is the derivative by T T' in the working linear model. It vanishes
    at an optimum inside; at one of lower rank it is all that bends the criterion. Of an indefinite S (far from the
    optimum) the positive part is taken, in coordinates that make Z'WZ the identity.
    """
    f, T, A = mode.model.pattern.groupings[0], mode.Lambda.T[0], mode.regular.ZtWZ.diagonal[0]
    AT = both_sides(np.eye(len(T)), A, T.T)
    e = mode.score.reshape(f.n_columns, f.n_levels)
    total = A.sum(axis=2)
    S = total - np.einsum("acl,cdl,bdl->ab", AT, mode.regular.factor.selected_inverse().diagonal[0], AT) - e @ e.T
    S = positive_part(S, total)
    rows, columns = mode.model.template.rows[0], mode.model.template.columns[0]
    return np.where(columns[:, None] == columns, 2.0 * S[np.ix_(rows, rows)], 0.0)


def positive_part(S: FloatArray, metric: FloatArray) -> FloatArray:
    """The positive part of S in coordinates that make the metric the identity; zero where that is singular."""
    if len(S) == 1:
        return np.maximum(S, 0.0)
    try:
        root = np.linalg.cholesky(metric)
    except np.linalg.LinAlgError:  # dependent columns of Z
        return np.zeros_like(S)
    inverse = np.linalg.inv(root)
    eigenvalues, V = np.linalg.eigh(inverse @ S @ inverse.T)
    half = root @ (V * np.sqrt(np.maximum(eigenvalues, 0.0)))
    return np.asarray(half @ half.T)


def curvature(mode: Mode, by_T: Blocks | None = None) -> FloatArray:
    """Approximate Hessian of the criterion by gamma and the entries of T, or by these alone where gamma is joint.

    That of the working linear model (its residual variance is 1), V = W^-1 + Z Lambda K^-1 Lambda'Z': 2 Q'V^-1 Q by
    gamma, 2 Q'V^-1 Zw crosswise, and by T the average information matrix w'Z'V^-1 Zw, over the directions
    w = (dT T' + T dT') K^-1 Z'd1. Where gamma is estimated jointly, that is less what gamma takes up. An average of the
    observed and the expected information need not be positive semidefinite together with the observed cross terms;
    shrunk by sqrt(1/2) it always is, since gamma takes up no more than all of w'Z'V^-1 Zw. What bends the criterion
    besides is found by levels for one factor of independent levels, and from the derivatives by T_j, where these are
    given, for others.
    """
    system, W = mode.regular, mode.Lambda.directions(mode.model.K.solve(mode.score))
    AW = PatternProduct(mode.model.pattern, system.ZtWZ)(W)
    half = system.factor.half_solve(mode.Lambda.t @ AW)
    by_entries = W.T @ AW - half.T @ half
    if mode.model.pattern.is_block_diagonal:
        by_entries += bending_of_one_factor(mode)
    elif by_T is not None:
        by_entries += bending(mode.model.template, mode.Lambda.T, by_T)
    taken_up = triangular_solves(system.RX, system.ZtWQ.T @ W - system.RZX.T @ half)[0]
    explained = taken_up.T @ taken_up
    if mode.joint:
        return by_entries - explained
    indefinite = bool(len(explained)) and np.linalg.eigvalsh(by_entries - 2.0 * explained)[0] < 0.0
    crosswise = (np.sqrt(2.0) if indefinite else 2.0) * system.RX.T @ taken_up
    r = len(crosswise)
    H = np.empty((r + len(by_entries),) * 2)
    H[:r, :r], H[:r, r:], H[r:, :r], H[r:, r:] = 2.0 * system.RX.T @ system.RX, crosswise, crosswise.T, by_entries
    return H
