"""The parameters of many fits of one model as their user knows them: what `confint` has intervals of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..estimation.parameters import Parameters
from ..inference.quantities import (
    Coefficient,
    Correlation,
    Deviation,
    Dispersion,
    ModelCoefficient,
    Residual,
    quantities,
)
from ..inference.quantity import Point, Quantity
from ..many.combinations import Combinations
from ..many.estimates import Estimates
from ..many.one_by_one import put_estimates


@dataclass(frozen=True, eq=False)
class UsersParameters:
    """Coefficients, standard deviations, correlations, sigma and dispersion of estimates.

    Parameters
    ----------
    quantities : tuple of Quantity
        In the order of `confint`.
    parameters, of_fit : Parameters
        Of the user's columns, and of the fit that the quantities belong to.
    kept : (r,) int array
        Columns of X that the coefficients are of.
    shown : tuple of str
        Dispersion parameters, and coefficients of the models of such, as `Estimates` has them.
    """

    quantities: tuple[Quantity, ...]
    parameters: Parameters
    of_fit: Parameters
    kept: Any
    shown: tuple[str, ...]

    @classmethod
    def of(cls, fit: Fit) -> UsersParameters:
        """Those of a fit's model."""
        groups = [replace(g.labels, R=np.eye(len(g.R))) for g in fit.groups]
        shown = fit.dispersion.shown_names if isinstance(fit, GeneralizedFit) else ()
        own, kept = Parameters(groups), fit.labels.fixed.kept
        return cls(quantities(fit), own, fit.parameters, kept, shown)

    @property
    def names(self) -> tuple[str, ...]:
        """As `confint` has them."""
        return tuple(q.name for q in self.quantities)

    def values(self, found: Estimates) -> FloatArray:
        """Of estimates (m responses), (m, q); correlations are NaN where a standard deviation is zero."""
        scale = np.where(np.isnan(found.sigma), 1.0, found.sigma)
        roots = self._roots(found.theta, scale)
        columns = [self._column(q, found, roots, scale) for q in self.quantities]
        return np.column_stack(columns)

    def standard_errors(self, found: Estimates) -> FloatArray:
        """Those of the coefficients; NaN for all others, (m, q)."""
        out = np.full((len(found.se), len(self.quantities)), np.nan)
        for i, q in enumerate(self.quantities):
            if isinstance(q, Coefficient):
                out[:, i] = found.se[:, self.kept[q.j]]
        return out

    def _roots(self, theta: FloatArray, scale: FloatArray) -> list[FloatArray]:
        """sigma T of the user's columns by factor, (m, k, k)."""
        template = self.parameters.template
        entries = theta
        if self.parameters.structured:
            entries = np.array([self._entries(t) for t in theta]).reshape(len(theta), len(template))
        out = []
        for r, c, k, mine in zip(template.rows, template.columns, template.sizes, template.slices, strict=True):
            T = np.zeros((len(theta), k, k))
            T[:, r, c] = entries[:, mine] * scale[:, None]
            out.append(T)
        return out

    def _entries(self, theta: FloatArray) -> FloatArray:
        nothing = np.full(len(self.parameters.template), np.nan)
        return nothing if np.isnan(theta).any() else self.parameters.entries(theta)

    def _column(self, q: Quantity, found: Estimates, roots: list[FloatArray], scale: FloatArray) -> FloatArray:
        if isinstance(q, Coefficient):
            return found.coefficients[:, self.kept[q.j]]
        if isinstance(q, Residual):
            return found.sigma
        if isinstance(q, Dispersion | ModelCoefficient):
            return found.dispersion[:, self.shown.index(q.name)]
        if isinstance(q, Deviation):
            return np.asarray(np.linalg.norm(roots[q.group][:, q.column], axis=1))
        if isinstance(q, Correlation):
            one, other = (roots[q.group][:, column] for column in q.columns)
            with np.errstate(invalid="ignore", divide="ignore"):
                sizes = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
                return np.asarray(np.clip((one * other).sum(axis=1) / sizes, -1.0, 1.0))
        return np.array([self._single(q, theta, s) for theta, s in zip(found.theta, scale, strict=True)])

    def _single(self, q: Quantity, theta: FloatArray, scale: float) -> float:
        """What a covariance structure shows."""
        if np.isnan(theta).any():
            return float("nan")
        nothing = np.zeros(0)
        return q.value(Point(self.of_fit, nothing, self.of_fit.basis(theta) * self.of_fit.unit(scale), np.log([scale])))


def estimates_of_solution(solution: Any, fit: Fit) -> Estimates:
    """The estimates of one solution, as those of many."""
    fixed = fit.labels.fixed
    s = len(fit.dispersion.shown_names) if isinstance(fit, GeneralizedFit) else 0
    out = Estimates.empty(1, p=len(fixed.names), c=0, d=len(fit.theta), s=s)
    put_estimates(out, 0, solution, Combinations.given(None, fixed))
    return out


__all__ = ["UsersParameters", "estimates_of_solution"]
