"""The criterion of a linear mixed model as the search sees it: the profiled deviance of scaled parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Blocks, Symbolic
from ..design.crossproducts import CrossProducts
from ..design.mixed import MixedDesign
from .criterion import ModelCriterion
from .parameters import Parameters
from .pipeline import Watch
from .profiled import PenalizedLeastSquares, ProfiledDeviance


class LinearCriterion(ModelCriterion["Scaled"]):
    """The profiled deviance of x = theta / unit."""

    keeps_lowest = True

    def __init__(
        self,
        deviance: ProfiledDeviance,
        parameters: Parameters,
        eta: float,
        watch: Watch,
        differentiable: Symbolic | None = None,
        turned: Blocks | None = None,
    ) -> None:
        super().__init__(parameters, eta, 0, watch, turned)
        self.deviance = deviance
        self.curvature_is_exact = deviance.has_exact_curvature and not parameters.structured
        self.origin, self.unit = np.zeros(len(parameters)), self.unit_of_theta
        self.lower, self.upper = self.bounds_of_theta
        self._differentiable = differentiable
        #: another one that has gradients; never itself, or what a fit leaves would wait for the garbage collector
        self._other: LinearCriterion | None = None
        if differentiable is not None:
            other = ProfiledDeviance(deviance.cross, differentiable, deviance.reml)
            self._other = LinearCriterion(other, parameters, eta, watch, None, self.turned)

    @property
    def exact(self) -> LinearCriterion:
        """The criterion with gradients."""
        return self._other or self

    def evaluate(self, x: FloatArray) -> Scaled:
        """The penalized least squares problem at x."""
        theta = self.unit * x
        at = self.deviance.at(self.parameters.entries(theta))
        return Scaled(theta, at, self.parameters.jacobian(theta), self.unit)

    def rotated(self, by: Sequence[FloatArray]) -> LinearCriterion:
        """The same in another basis of every factor."""
        return self._on(self.deviance.cross.rotated(by), self._turned(by))

    def seen_from(self, design: MixedDesign, at: PenalizedLeastSquares) -> LinearCriterion:
        """The same with residuals at the solution `at` as the reference; `design` is in the criterion's basis."""
        B = at.Lambda @ np.column_stack([at.solved[:, :-1], at.u])
        return self._on(self.deviance.cross.seen_from(design, at.gamma, B), self.turned)

    def by(self, symbolic: Symbolic) -> LinearCriterion:
        """The same by another analysis, which has gradients."""
        deviance = ProfiledDeviance(self.deviance.cross, symbolic, self.deviance.reml)
        return LinearCriterion(deviance, self.parameters, self.eta, self.watch, None, self.turned)

    def _on(self, cross: CrossProducts, turned: Blocks) -> LinearCriterion:
        deviance = ProfiledDeviance(cross, self.deviance.symbolic, self.deviance.reml)
        return LinearCriterion(deviance, self.parameters, self.eta, self.watch, self._differentiable, turned)


@dataclass(frozen=True, eq=False)
class Scaled:
    """One evaluation by x = theta / unit; `jacobian` has the derivatives of T's entries by theta, None for theta."""

    theta: FloatArray
    at: PenalizedLeastSquares
    jacobian: FloatArray | None
    unit: FloatArray

    @property
    def value(self) -> float:
        """The criterion."""
        return self.at.deviance

    @property
    def pwrss_gradient(self) -> FloatArray:
        """Derivatives of r^2 by theta, (m,)."""
        return self.at.pwrss_gradient if self.jacobian is None else self.at.pwrss_gradient @ self.jacobian

    @property
    def gradient(self) -> FloatArray:
        """By x."""
        by_entries = self.at.gradient
        return self.unit * (by_entries if self.jacobian is None else by_entries @ self.jacobian)

    @property
    def curvature(self) -> FloatArray:
        """By x: the Hessian, or the average information matrix."""
        H = self.at.curvature
        if self.jacobian is not None:
            H = self.jacobian.T @ H @ self.jacobian
        return np.outer(self.unit, self.unit) * H
