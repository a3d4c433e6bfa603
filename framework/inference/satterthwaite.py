"""Satterthwaite's degrees of freedom (Kuznetsova, Brockhoff & Christensen 2017, doi 10.18637/jss.v082.i13).

For a contrast l: df = 2 (l'Vl)^2 / (g'A g), with V = sigma^2 (X'V^-1 X)^-1 the covariance of the coefficients, g the
gradient of l'Vl by the variance parameters (theta, sigma) and A twice the inverse Hessian of the deviance in the same
parameters. The gradient is analytic; parameters at the boundary are left out.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from ..contracts.arrays import FloatArray
from ..estimation.covariance import parameter_covariance
from ..estimation.linear import FactorizedLinear, LinearFit


def vcov_derivatives(at: FactorizedLinear) -> FloatArray:
    """Derivatives of the covariance of the kept coefficients by free theta and sigma, (f + 1, r, r)."""
    fit, here, s2 = at.fit, at.least_squares, at.fit.sigma**2
    by_entries, template = [], fit.parameters.template
    marginal = fit.pattern.split(here.marginal[:, :-1])
    by_precision = fit.pattern.split(here.criterion.K.solve(here.marginal[:, :-1]))
    parts = zip(template.rows, template.columns, here.Lambda.T, marginal, by_precision, strict=True)
    for rows, columns, T, Q, KQ in parts:
        for row, column in zip(rows, columns, strict=True):
            one = Q[:, row] @ np.einsum("a,xal->xl", T[:, column], KQ).T
            by_entries.append(s2 * here.C @ (one + one.T) @ here.C)
    J = fit.parameters.jacobian(fit.theta)
    by_theta = by_entries if J is None else np.tensordot(J.T, np.array(by_entries), axes=1)
    derivatives = [d for d, is_free in zip(by_theta, fit.free_theta, strict=True) if is_free]
    derivatives.append(2.0 * fit.sigma * here.C)
    R = fit.labels.fixed.R
    Rinv = solve_triangular(R, np.eye(len(R)), check_finite=False) if len(R) else R
    return np.array([Rinv @ d @ Rinv.T for d in derivatives])


def satterthwaite_df(fit: LinearFit, contrasts: FloatArray, vcov: FloatArray) -> FloatArray:
    """Degrees of freedom of every row of `contrasts` (c, r), for the covariance `vcov` (r, r) of the coefficients."""
    at = fit.factorized()
    A, derivatives = parameter_covariance(at), vcov_derivatives(at)
    variance = np.einsum("ci,ij,cj->c", contrasts, vcov, contrasts)
    g = np.einsum("ci,mij,cj->cm", contrasts, derivatives, contrasts)
    return np.asarray(2.0 * variance**2 / np.einsum("cm,mn,cn->c", g, A, g))
