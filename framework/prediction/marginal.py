"""Population means of generalized models: the random effects integrated out.

Given a row's z, z'b is normal with variance v = z'Sigma z whatever the number of effects is, so that
m = E g^-1(eta + sqrt(v) e) is an integral in one dimension, in closed form for some links (`Link.marginal_mean`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..estimation.generalized import GeneralizedFit
from .response import depends_on_phi, mean_of
from .rows import Rows

#: Steps of differences: of eta and v, and of parameters in parts of their size.
STEP, STEP_OF_THETA = 1e-4, 1e-5
#: Nodes of Gauss-Hermite quadrature where the expected response is another function of mu.
NODES = 61


@dataclass(frozen=True, eq=False)
class MarginalMean:
    """Means of the response over all levels, for the effects that the rows have.

    Parameters
    ----------
    fit : GeneralizedFit
    rows : Rows
        Of levels that are not known, but for penalized parts of the mean.
    """

    fit: GeneralizedFit
    rows: Rows

    def estimates(self, V: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Means (n,), and their standard errors by the delta method, or zeros without V.

        Parameters
        ----------
        V : (r, r) or (r + m, r + m) array, optional
            Covariance of gamma, or of (gamma, theta, xi).
        """
        rows, fit = self.rows, self.fit
        if V is not None and any(g.is_penalty for g in fit.model.labels.groups):
            raise InputError(
                "marginal=True has no standard errors with smooth terms: leave se and interval out, or predict at "
                "random effects of zero, random='none'"
            )
        penalized = rows.rotated(fit.turned).Z(fit.pattern.split(fit.b[:, None]))[:, 0]
        eta = np.where(rows.estimable, rows.population(fit.gamma) + penalized, np.nan)
        v = self._variance(fit.theta)
        with np.errstate(all="ignore"):  # means that are infinite to rounding have no standard error
            m = self._mean(eta, v)
            if V is None:
                return m, np.zeros_like(m)
            h = STEP * np.maximum(np.abs(eta), 1.0)
            D = rows.Q * ((self._mean(eta + h, v) - self._mean(eta - h, v)) / (2.0 * h))[:, None]
            if len(V) > D.shape[1]:
                D = np.column_stack([D, self._by_theta(eta), self._by_xi(eta, v)])
                V = V[: D.shape[1], : D.shape[1]]
            return m, np.sqrt(np.einsum("na,ab,nb->n", D, V, D))

    def _by_theta(self, eta: FloatArray) -> FloatArray:
        fit, out = self.fit, []
        for j, size in enumerate(np.maximum(np.abs(fit.theta), fit.parameters.unit(fit.eta))):
            step = STEP_OF_THETA * size * np.eye(len(fit.theta))[j]
            up, down = (self._mean(eta, self._variance(fit.theta + sign * step)) for sign in (1.0, -1.0))
            out.append((up - down) / (2.0 * STEP_OF_THETA * size))
        return np.array(out).reshape(len(fit.theta), len(eta)).T

    def _by_xi(self, eta: FloatArray, v: FloatArray) -> FloatArray:
        """None where the mean is the link's, which depends on no dispersion parameter."""
        fit = self.fit
        if not depends_on_phi(fit.family):
            return np.zeros((len(eta), 0))
        steps = STEP_OF_THETA * np.eye(len(fit.xi))
        moved = [self._mean(eta, v, fit.xi + s) - self._mean(eta, v, fit.xi - s) for s in steps]
        return np.array(moved).reshape(len(steps), len(eta)).T / (2.0 * STEP_OF_THETA)

    def _variance(self, theta: FloatArray) -> FloatArray:
        """z'Sigma z of each row, (n,)."""
        fit, rows = self.fit, self.rows.rotated(self.fit.turned)
        parts = zip(fit.parameters.T(theta), rows.columns, rows.codes, strict=True)
        return np.asarray(fit.scale**2 * sum(((T.T @ z) ** 2).sum(axis=0) * (codes < 0) for T, z, codes in parts))

    def _mean(self, eta: FloatArray, v: FloatArray, xi: FloatArray | None = None) -> FloatArray:
        fit, rows = self.fit, self.rows
        if not depends_on_phi(fit.family):
            return fit.family.link.marginal_mean(eta, v)
        z, w = np.polynomial.hermite_e.hermegauss(NODES)
        sd = np.sqrt(v)
        pairs = zip(z.tolist(), w.tolist(), strict=True)
        total = sum(weight * mean_of(fit, eta + sd * node, rows, xi=xi) for node, weight in pairs)
        return np.asarray(total / w.sum())
