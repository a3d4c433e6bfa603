"""How far predictions may be off: the covariance of estimated effects less the true ones.

Given the variance parameters, with A = Q - Z B and B = Lambda M^-1 Lambda'Z'WQ (both of the rows predicted for),

    Var(Q gamma^ + Z b^ - Q gamma - Z b) = A Var(gamma^) A' + scale^2 Z Lambda M^-1 Lambda' Z'

(Henderson's mixed model equations: McLean, Sanders & Stroup 1991, doi 10.1080/00031305.1991.10475767). Estimated
variance parameters move gamma^ and b^: the delta method adds D Var(theta^) D', D their derivatives (Kackar & Harville
1984, doi 10.1080/01621459.1984.10477102, to first order). Effects of levels that the model does not know have their
whole variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..estimation.covariance import estimates_covariance
from ..estimation.model import Factorized, Fit
from .conditional import Conditional
from .crossings import Crossing, crossings
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

    def of_rows(self, rows: Rows) -> RowUncertainty:
        """That of the linear predictors of some rows."""
        return RowUncertainty(self, rows.rotated(self.fit.turned))

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


@dataclass(frozen=True, eq=False)
class RowUncertainty:
    """Covariance of the linear predictors of some rows about the true ones.

    Parameters
    ----------
    uncertainty : Uncertainty
    rows : Rows
        In the basis of the fit.
    """

    uncertainty: Uncertainty
    rows: Rows

    @cached_property
    def among(self) -> Sequence[Crossing]:
        """Which pairs of levels the rows are in."""
        return crossings(self.uncertainty.fit.pattern, self.rows)

    @cached_property
    def of_effects(self) -> FloatArray:
        """Variance of each row's effects where all parameters are known, relative to scale^2, (n,)."""
        return self.uncertainty.conditional.of_effects(self.rows, self.among)

    @cached_property
    def derivatives(self) -> FloatArray:
        """Of the linear predictor by gamma (which b follows) and by the other parameters, (n, r + m)."""
        of, rows = self.uncertainty, self.rows
        moved = rows.Q @ of.by_gamma + rows.Z(of.fit.pattern.split(of.by_b))
        return np.column_stack([of.conditional.by_gamma(rows), moved])

    @property
    def variances(self) -> FloatArray:
        """Variance of the linear predictor of each row, (n,)."""
        return self._variances(self.derivatives, 1.0)

    def variances_of_mean(self, slope: FloatArray, by_xi: FloatArray) -> FloatArray:
        """Variance of functions of the linear predictor, with these slopes, and of dispersion parameters, (n,)."""
        D = slope[:, None] * self.derivatives
        if D.shape[1] > len(self.uncertainty.fit.gamma):
            D[:, D.shape[1] - by_xi.shape[1] :] += by_xi
        return self._variances(D, slope)

    def _variances(self, D: FloatArray, slope: FloatArray | float) -> FloatArray:
        of = self.uncertainty
        return np.asarray(np.einsum("na,na->n", D @ of.V, D) + slope**2 * of.fit.scale**2 * self.of_effects)

    @property
    def covariance(self) -> FloatArray:
        """Covariance matrix (n, n) of the linear predictors of all rows."""
        of, rows, D = self.uncertainty, self.rows, self.derivatives
        at, scale2 = of.at, of.fit.scale**2
        out = D @ of.V @ D.T + scale2 * at.factor.gram(at.Lambda.t @ of.Zt(rows))
        for T, z, codes in zip(at.Lambda.T, rows.columns, rows.codes, strict=True):
            new = np.flatnonzero(codes < 0)
            t = T.T @ z[:, new]
            same = codes[new][:, None] == codes[new]
            out[np.ix_(new, new)] += scale2 * np.where(same, t.T @ t, 0.0)
        return np.asarray(out)
