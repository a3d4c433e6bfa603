"""The Laplace approximation of a GLMM's log-likelihood, and its exact gradient by the adjoint formula.

-2 log L is approximated by f = h(u) + log|M(u)| at the conditional modes u(gamma, theta, phi). f is differentiated
totally: the modes move with the parameters, du = -H^-1 d(grad h / 2), and one adjoint solve v = H^-1 Lambda'Z'c serves
all parameters, with c_i = l_i dw_i/deta_i and l_i the leverages z_i'Lambda M^-1 Lambda'z_i. With t = Z Lambda v and
r = -2 d1 + c + d2 t the derivatives are

    gamma:  Q'r
    T_j:    sum over levels of (Z'r) u' + (Z'd1) v'  +  d log|M| / dT_j at fixed weights
    phi:    sum of -2 phi1 + l dw/dphi + t dd1/dphi.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.family import Derivatives
from ..contracts.linalg import PatternBlocks
from ..design.random import PatternProduct
from .modes import Mode
from .profiled import covariance_directions, logdet_gradient


@dataclass(frozen=True, eq=False)
class Gradient:
    """Derivatives of the criterion by gamma, theta and phi (natural scale)."""

    gamma: FloatArray
    theta: FloatArray
    phi: FloatArray


def laplace_gradient(mode: Mode) -> Gradient:
    """Exact gradient of h(u) + log|M(u)|; by gamma it is zero where gamma was estimated jointly."""
    model = mode.model
    d = model.family.evaluate(model.y, mode.point.eta, model.weights, mode.phi, 3)
    assert d.phi1 is not None
    inverse = mode.system.factor.selected_inverse()
    by_T = mode.system.factor.logdet_gradient()
    if by_T is None:
        by_T = logdet_gradient(model.structure, mode.T, mode.system.ZtWZ, inverse)
    explicit = -2.0 * d.d1
    by_T = tuple(g + o for g, o in zip(by_T, outer_by_factor(mode, model.Zt(explicit), mode.point.u), strict=True))
    leverages = model.design.random.quadratic_rows(sandwich(mode, inverse))
    return total_gradient(
        mode, d, leverages, by_gamma=model.Q.T @ explicit, by_T=by_T, by_phi=-2.0 * d.phi1.sum(axis=1), by_u=None
    )


def total_gradient(
    mode: Mode,
    d: Derivatives,
    leverages: FloatArray,
    *,
    by_gamma: FloatArray,
    by_T: tuple[FloatArray, ...],
    by_phi: FloatArray,
    by_u: FloatArray | None,
) -> Gradient:
    """Add to the explicit derivatives `by_...` those through the weights and through the modes."""
    model = mode.model
    assert d.phi1_eta is not None
    w_eta, w_phi = weight_derivatives(model.hessian, d)
    c = leverages * w_eta
    s = model.lambda_t(mode.T, model.Zt(c)[:, None])[:, 0]
    if by_u is not None:
        s = s + by_u
    v, v_gamma, _ = mode.newton.solve(s, model.Q.T @ c if mode.joint else None)
    t = model.design.random.Z(model.lambda_(mode.T, v[:, None])[:, 0])
    if len(v_gamma):
        t += model.Q @ v_gamma
    r = c + d.d2 * t
    through_eta = outer_by_factor(mode, model.Zt(r), mode.point.u)
    through_lambda = outer_by_factor(mode, model.Zt(d.d1), v)
    by_T = tuple(a + b + e for a, b, e in zip(by_T, through_eta, through_lambda, strict=True))
    gamma = np.zeros(len(mode.point.gamma)) if mode.joint else by_gamma + model.Q.T @ r
    return Gradient(gamma, model.structure.theta_of(by_T), by_phi + w_phi @ leverages + d.phi1_eta @ t)


def outer_by_factor(mode: Mode, a: FloatArray, b: FloatArray) -> list[FloatArray]:
    """Sum over levels of a_l b_l' for every factor, (k_j, k_j)."""
    split = mode.model.structure.split
    return [x[0] @ y[0].T for x, y in zip(split(a[:, None]), split(b[:, None]), strict=True)]


def weight_derivatives(hessian: str, d: Derivatives) -> tuple[FloatArray, FloatArray]:
    """dw/deta (n,) and dw/dphi (r, n) of the weights in log|M|."""
    if hessian == "observed":
        assert d.d3 is not None
        assert d.phi1_eta2 is not None
        return -d.d3, -d.phi1_eta2
    assert d.expected_weight_eta is not None
    assert d.expected_weight_phi is not None
    return d.expected_weight_eta, d.expected_weight_phi


def sandwich(mode: Mode, inverse: PatternBlocks) -> PatternBlocks:
    """Lambda M^-1 Lambda' on the pattern of Z'Z."""
    T = mode.T
    diagonal = tuple(
        block * t[0, 0] ** 2 if len(t) == 1 else np.einsum("ab,bcl,dc->adl", t, block, t, optimize=True)
        for t, block in zip(T, inverse.diagonal, strict=True)
    )
    cross = {
        (i, j): np.einsum("ab,bcl,dc->adl", T[i], block, T[j], optimize=True) for (i, j), block in inverse.cross.items()
    }
    return PatternBlocks(diagonal, cross)


def curvature(mode: Mode) -> tuple[FloatArray, FloatArray]:
    """Approximate Hessians of the criterion by gamma and by theta.

    2 Q'V^-1 Q, and the average information matrix of the working linear model (its residual variance is 1): w'Z'V^-1 Zw
    over w = (dT T' + T dT') Z'd1, less what gamma takes up where it is estimated jointly.
    """
    model, system, point = mode.model, mode.regular, mode.point
    assert point.at is not None
    information = 2.0 * system.RX.T @ system.RX
    e = model.Zt(point.at.d1)
    W = covariance_directions(model.structure, mode.T, e)
    AW = PatternProduct(model.structure, system.ZtWZ)(W)
    half = system.factor.half_solve(model.lambda_t(mode.T, AW))
    inner = W.T @ AW - half.T @ half
    if mode.joint and len(system.RX):
        QtW = np.linalg.solve(system.RX.T, system.marginal.T @ W)
        inner = inner - QtW.T @ QtW
    return information, inner
