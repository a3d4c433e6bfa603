"""Leverage: how much the fitted values follow their own observations.

Given the variance parameters the linear predictor is a linear function H of the (working) response, with

    H = A C A' W,    A = [X, Z Lambda],    C = (A'WA + diag(0, K))^-1

(Demidenko & Stukel 2005, doi 10.1002/sim.1974; Hodges & Sargent 2001, doi 10.1093/biomet/88.2.367, whose effective
degrees of freedom are its trace). C scale^2 is the covariance of what predictions are off by: `prediction.joint`. Where
residuals have a covariance structure W is R^-1, a matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..estimation.generalized_factors import FactorizedGeneralized
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..estimation.whitening import Whitening
from ..prediction.joint import RowUncertainty, Uncertainty
from ..prediction.rows import Rows
from ..threads import few_threads


@dataclass(frozen=True, eq=False)
class Leverage:
    """A C A' of the rows of a fit, by what is needed of it, and the weights W.

    Parameters
    ----------
    fit : Fit
    uncertainty : Uncertainty
        Given the variance parameters.
    rows : Rows
        In the basis of the fit.
    weights : (n,) array
        Of a generalized model those of the working response; of correlated residuals one over the diagonal of R.
    score : (n,) array
        W times the residuals: derivative of the log density by the linear predictor, times scale^2.
    whitening : Whitening, optional
        Of residuals with a covariance structure.
    """

    fit: Fit
    uncertainty: Uncertainty
    rows: Rows
    weights: FloatArray
    score: FloatArray
    whitening: Whitening | None = None

    @classmethod
    def of(cls, fit: Fit) -> Self:
        """That of all rows.

        Raises
        ------
        InputError
            Where the fit has no rows.
        """
        design = fit.model.design
        uncertainty, rows = Uncertainty.of(fit, theta=False), Rows.of(design).rotated(fit.turned)
        at = uncertainty.at
        if isinstance(at, FactorizedGeneralized):
            return cls(fit, uncertainty, rows, at.mode.working_weights, at.mode.derivatives.d1)
        weights = np.ones(design.n) if design.weights is None else design.weights
        residuals = design.y - fit.linear_predictor
        if isinstance(fit, LinearFit) and fit.parameters.residual is not None:
            R = fit.whitening
            return cls(fit, uncertainty, rows, R.precision_root**2, R.precise(residuals[None])[0], R)
        return cls(fit, uncertainty, rows, weights, weights * residuals)

    def W_times(self, V: FloatArray) -> FloatArray:
        """W V, for columns V (n, c)."""
        return self.weights[:, None] * V if self.whitening is None else self.whitening.precise(V.T).T

    @cached_property
    def C(self) -> FloatArray:
        """The part of C for the coefficients of Q, (r, r): (Q'V^-1 Q)^-1."""
        return self.fit.gamma_covariance / self.fit.scale**2

    @cached_property
    def D(self) -> FloatArray:
        """Q - Z Lambda M^-1 Lambda'Z'WQ, (n, r): W D is V^-1 Q."""
        return self._of_rows.derivatives

    @cached_property
    def of_effects(self) -> FloatArray:
        """Diagonal of Z Lambda M^-1 Lambda'Z', (n,)."""
        return self._of_rows.of_effects

    @cached_property
    def _of_rows(self) -> RowUncertainty:
        return RowUncertainty(self.uncertainty, self.rows)

    def of_effects_among(self, index: IntArray) -> FloatArray:
        """Z Lambda M^-1 Lambda'Z' among some rows, (m, m)."""
        at = self.uncertainty.at
        return at.factor.gram(at.Lambda.t @ self.uncertainty.Zt(self.rows.at(index)))

    @property
    def shares(self) -> FloatArray:
        """Parts of the rows' residual variances that the fitted values take, (n,): the diagonal of A C A' over R's."""
        return np.asarray(self.weights * (np.einsum("na,ab,nb->n", self.D, self.C, self.D) + self.of_effects))

    @property
    def hat_values(self) -> FloatArray:
        """Diagonal of H, (n,)."""
        if self.whitening is None:
            return self.shares
        # a'C R^-1 a of each row, its effects' part by (x + y)^2 - (x - y)^2 = 4 x y
        there = self.precise_rows()
        columns = list(zip(self.rows.columns, there.rows.columns, strict=True))
        more, less = (
            replace(self, rows=replace(self.rows, columns=tuple(z + sign * p for z, p in columns))).of_effects
            for sign in (1.0, -1.0)
        )
        return np.asarray(np.einsum("na,ab,nb->n", self.D, self.C, there.D) + 0.25 * (more - less))

    def precise_rows(self) -> Self:
        """The same with R^-1 [Q, Z] for the rows: `D` is V^-1 Q."""
        assert self.whitening is not None
        rows, precise = self.rows, self.whitening.precise
        return replace(self, rows=replace(rows, Q=precise(rows.Q.T).T, columns=tuple(map(precise, rows.columns))))


def hat_values(fit: Fit) -> FloatArray:
    """Diagonal of H, (n,): its sum is the effective number of degrees of freedom of the linear predictor."""
    with few_threads(*fit.labels.dense_sizes):
        return Leverage.of(fit).hat_values
