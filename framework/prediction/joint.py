"""How far predictions may be off: the covariance of estimated effects less the true ones.

Given the variance parameters, with A = Q - Z B and B = Lambda M^-1 Lambda'Z'WQ (both of the rows predicted for),

    Var(Q gamma^ + Z b^ - Q gamma - Z b) = A Var(gamma^) A' + scale^2 Z Lambda M^-1 Lambda' Z'

(Henderson's mixed model equations: McLean, Sanders & Stroup 1991, doi 10.1080/00031305.1991.10475767). Estimated
variance parameters move gamma^ and b^: the delta method adds D Var(theta^) D', D their derivatives (Kackar & Harville
1984, doi 10.1080/01621459.1984.10477102, to first order). Effects of levels that the model does not know have their
whole variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..estimation.covariance import estimates_covariance
from ..estimation.model import Factorized, Fit
from .conditional import Conditional
from .crossings import crossings
from .rows import Rows


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Covariance of what a fit estimates, for the rows of any data.

    Parameters
    ----------
    fit : Fit
    at : Factorized
    V : (r + m, r + m) array
        Covariance of gamma and of the other parameters (theta, xi); m = 0 where these are taken as known.
    by_gamma, by_b : (r, m), (q, m) arrays
        Derivatives of gamma and b by the other parameters.
    """

    fit: Fit
    at: Factorized
    V: FloatArray
    by_gamma: FloatArray
    by_b: FloatArray

    @classmethod
    def of(cls, fit: Fit, *, theta: bool) -> Uncertainty:
        """That of a fit, with or without the uncertainty of its variance parameters."""
        at = fit.factorized()
        if not (theta and fit.has_joint_covariance):
            return cls(fit, at, fit.gamma_covariance, np.zeros((len(fit.gamma), 0)), np.zeros((len(fit.b), 0)))
        return cls(fit, at, estimates_covariance(at), *at.moved())

    def variances(self, rows: Rows) -> FloatArray:
        """Variance of the linear predictor of each row about the true one, (n,)."""
        rows = rows.rotated(self.fit.turned)
        D, given_theta = self.derivatives(rows), self.conditional.of_effects(rows, crossings(self.fit.pattern, rows))
        return np.asarray(np.einsum("na,na->n", D @ self.V, D) + self.fit.scale**2 * given_theta)

    def variances_of_mean(self, rows: Rows, slope: FloatArray, by_xi: FloatArray) -> FloatArray:
        """Variance of functions of the linear predictor, with these slopes, and of dispersion parameters, (n,)."""
        rows = rows.rotated(self.fit.turned)
        D = slope[:, None] * self.derivatives(rows)
        if D.shape[1] > len(self.fit.gamma):
            D[:, D.shape[1] - by_xi.shape[1] :] += by_xi
        effects = self.conditional.of_effects(rows, crossings(self.fit.pattern, rows))
        return np.asarray(np.einsum("na,na->n", D @ self.V, D) + slope**2 * self.fit.scale**2 * effects)

    def covariance(self, rows: Rows) -> FloatArray:
        """Covariance matrix (n, n) of the linear predictors of all rows about the true ones."""
        rows = rows.rotated(self.fit.turned)
        D, scale2 = self.derivatives(rows), self.fit.scale**2
        out = D @ self.V @ D.T + scale2 * self.at.factor.gram(self.at.Lambda.t @ self.Zt(rows))
        for T, z, codes in zip(self.at.Lambda.T, rows.columns, rows.codes, strict=True):
            new = np.flatnonzero(codes < 0)
            t = T.T @ z[:, new]
            same = codes[new][:, None] == codes[new]
            out[np.ix_(new, new)] += scale2 * np.where(same, t.T @ t, 0.0)
        return np.asarray(out)

    def derivatives(self, rows: Rows) -> FloatArray:
        """Of the linear predictor by gamma (which b follows) and by the other parameters, (n, r + m)."""
        moved = rows.Q @ self.by_gamma + rows.Z(self.fit.pattern.split(self.by_b))
        return np.column_stack([self.conditional.by_gamma(rows), moved])

    @cached_property
    def conditional(self) -> Conditional:
        """Given the variance parameters."""
        return Conditional.of(self.fit.pattern, self.at)

    def Zt(self, rows: Rows) -> FloatArray:
        """Z' (q, n), dense."""
        pattern = self.fit.pattern
        out = np.zeros((pattern.q, len(rows)))
        parts = zip(pattern.offsets, pattern.groupings, rows.columns, rows.codes, strict=True)
        for o, g, z, codes in parts:
            known = np.flatnonzero(codes >= 0)
            for a in range(g.n_columns):
                out[o + a * g.n_levels + codes[known], known] = z[a, known]
        return out
