"""Satterthwaite's degrees of freedom (Kuznetsova, Brockhoff & Christensen 2017, doi 10.18637/jss.v082.i13).

For a contrast l: df = 2 (l'Vl)^2 / (g'A g), with V = sigma^2 (X'V^-1 X)^-1 the covariance of the coefficients, g the
gradient of l'Vl by the variance parameters (theta, sigma) and A twice the inverse Hessian of the deviance in the same
parameters. The gradient is analytic; parameters at the boundary are left out.

Several contrasts are tested by F, with the degrees of freedom of Fai & Cornelius (1996, doi 10.1080/00949659608811740):
L V L' = P D P' makes them t-tests that do not depend on each other, whose degrees of freedom nu_m give E, the sum of
nu_m / (nu_m - 2), and 2 E / (E - q).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray
from ..estimation.covariance import parameter_covariance
from ..estimation.linear import LinearFit
from ..estimation.linear_factors import FactorizedLinear
from .methods import JointTest, Method, independent
from .wald import TTest

#: Degrees of freedom of the t-tests that differ by less than this are equal.
EQUAL = 1e-8


@dataclass(frozen=True, eq=False)
class Satterthwaite(Method):
    """Tests by matching the variance of the estimated variance.

    Parameters
    ----------
    A : (f + 1, f + 1) array
        Asymptotic covariance of the variance parameters.
    derivatives : (f + 1, r, r) array
        Of V by these.
    """

    name, title = "satterthwaite", "Satterthwaite's method"

    A: FloatArray
    derivatives: FloatArray

    @classmethod
    def of(cls, fit: LinearFit) -> Satterthwaite:
        """Of a fit."""
        at = fit.factorized()
        return cls(fit.sigma**2 * at.least_squares.C, parameter_covariance(at), vcov_derivatives(at))

    def df(self, rows: FloatArray) -> FloatArray:
        """Degrees of freedom of the t-test of each row, (c,)."""
        g = np.einsum("ci,mij,cj->cm", rows, self.derivatives, rows)
        with np.errstate(invalid="ignore"):  # of rows without weights
            return np.asarray(2.0 * self.variances(rows) ** 2 / np.einsum("cm,mn,cn->c", g, self.A, g))

    def test(self, rows: FloatArray) -> TTest:
        """t distributions."""
        return TTest(self.df(rows))

    def joint(self, rows: FloatArray, distances: FloatArray) -> JointTest:
        """F with the degrees of freedom of Fai & Cornelius, in the directions of L V L' for the rows as given."""
        rank = len(independent(rows, distances)[0])
        D, P = np.linalg.eigh(rows @ self.V @ rows.T)
        D, P = D[-rank:], P[:, -rank:]
        statistic = float(((P.T @ distances) ** 2 / D).sum() / rank)
        return JointTest.f(statistic, rank, fai_cornelius(self.df(P.T @ rows)))


def fai_cornelius(nu: FloatArray) -> float:
    """Denominator degrees of freedom of F, the mean of squares of independent t with nu_m.

    A t with two degrees of freedom or less has no variance: 2 then, as in lmerTest.

    Examples
    --------
    >>> round(fai_cornelius(np.array([10.0, 20.0])), 6), fai_cornelius(np.array([7.0, 7.0]))
    (13.076923, 7.0)
    """
    if np.ptp(nu) < EQUAL:
        return float(nu.mean())
    if (nu <= 2.0).any():
        return 2.0
    E = float((nu / (nu - 2.0)).sum())
    return 2.0 * E / (E - len(nu))


def vcov_derivatives(at: FactorizedLinear) -> FloatArray:
    """Derivatives of the covariance of gamma by free theta and sigma, (f + 1, r, r)."""
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
    by_theta = by_entries if J is None else _by_theta(J, by_entries, len(here.C))
    if (residual := at.residual_evaluation) is not None:
        by_theta[fit.parameters.of_residual] += -s2 * here.C @ residual.gram_moves() @ here.C
    derivatives = [d for d, is_free in zip(by_theta, fit.free_theta, strict=True) if is_free]
    return np.array([*derivatives, 2.0 * fit.sigma * here.C])


def _by_theta(J: FloatArray, by_entries: list[FloatArray], r: int) -> FloatArray:
    """Derivatives by theta (m, r, r) from those by T's entries, of which there may be none."""
    return np.tensordot(J.T, np.array(by_entries).reshape(len(by_entries), r, r), axes=1)
