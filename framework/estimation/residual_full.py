"""-2 log-likelihood of a linear model with a residual structure in all of its parameters.

The parameters of R stand in theta as in the profiled criterion; rows are whitened at every point. By these parameters
the derivatives are those of the profiled criterion, with gamma and sigma as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Blocks
from .full_criterion import Full, FullCriterion
from .parameters import Parameters
from .pipeline import Watch
from .profiled import Held
from .residual_criterion import ResidualCriterion, ResidualEvaluation


class FullResidualCriterion(FullCriterion):
    """-2 log L of x; `profiled` is the criterion of maximum likelihood, in the basis of `parameters`."""

    def __init__(
        self,
        profiled: ResidualCriterion,
        parameters: Parameters,
        gamma: FloatArray,
        se: FloatArray,
        sigma: float,
        watch: Watch,
        turned: Blocks | None = None,
    ) -> None:
        super().__init__(profiled.deviance, parameters, profiled.eta, gamma, se, sigma, watch, turned)
        self.profiled = profiled
        self.curvature_is_exact, self.bends = False, True

    def evaluate(self, x: FloatArray) -> FullResidual:
        """The penalized least squares problem of weighted rows for the random effects alone."""
        gamma, theta, sigma = self.natural(x)
        at, rows = self.profiled.least_squares(theta, lambda one: Held(gamma - one.cross.gamma0, sigma**2))
        jacobian, one = self.parameters.jacobian(theta), np.ones(len(theta))
        here = ResidualEvaluation(theta, at, jacobian, one, self.profiled, rows)
        return FullResidual(at, theta, sigma, jacobian, self.scales, self.unit, self, x, here)

    def hessian(self, x: FloatArray, *, central: bool = True) -> FloatArray:
        """By central differences, as of the profiled criterion."""
        return super().hessian(x, central=central)

    def rotated(self, by: Sequence[FloatArray]) -> FullResidualCriterion:
        """The same in another basis of every factor."""
        profiled, parameters = self.profiled.rotated(by), self.parameters.rotated(by)
        turned = self._turned(by)
        return FullResidualCriterion(profiled, parameters, self.gamma, self.se, self.sigma, self.watch, turned)


@dataclass(frozen=True, eq=False)
class FullResidual(Full):
    """One evaluation, with that of the profiled criterion at the same theta."""

    criterion: FullResidualCriterion
    x: FloatArray
    here: ResidualEvaluation

    @cached_property
    def _by(self) -> tuple[FloatArray, FloatArray, float]:
        """With what whitened rows add to the derivatives by theta."""
        by_gamma, by_theta, by_log_sigma = super()._by
        by_theta = by_theta.copy()
        by_theta[self.criterion.parameters.of_residual] += self.here.by_residual
        return by_gamma, by_theta, by_log_sigma

    @property
    def curvature(self) -> FloatArray:
        """The Hessian by differences."""
        return self.criterion.hessian(self.x)


__all__ = ["FullResidualCriterion"]
