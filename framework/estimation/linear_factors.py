"""A linear fit whose matrices are factorized again, from its sums over the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Factor
from ..threads import few_threads
from .full_criterion import FullCriterion
from .linear_criterion import LinearCriterion
from .model import Factorized
from .pipeline import Watch, choose_optimizer
from .profiled import PenalizedLeastSquares, ProfiledDeviance
from .relative import RelativeFactor
from .residual_criterion import ResidualCriterion, ResidualEvaluation
from .residual_full import FullResidualCriterion
from .search import search

if TYPE_CHECKING:
    from .linear import LinearFit

#: Steps of differences of estimates by theta, in parts of a parameter's size.
MOVE = 1e-4


@dataclass(frozen=True, eq=False)
class FactorizedLinear(Factorized):
    """A linear fit with its criterion, and the penalized least squares problem at the estimates."""

    fit: LinearFit
    criterion: LinearCriterion
    least_squares: PenalizedLeastSquares

    @property
    def factor(self) -> Factor:
        """L of M at the estimates."""
        return self.least_squares.factor

    @property
    def Lambda(self) -> RelativeFactor:
        """The relative covariance factor at the estimates."""
        return self.least_squares.Lambda

    @property
    def solved(self) -> FloatArray:
        """M^-1 Lambda'Z'WQ, (q, r)."""
        return self.least_squares.solved[:, :-1]

    @property
    def pwrss_gradient(self) -> FloatArray:
        """Derivatives of r^2 by theta, (m,)."""
        return self.criterion.at(self.fit.theta / self.criterion.unit).pwrss_gradient

    @property
    def residual_evaluation(self) -> ResidualEvaluation | None:
        """The whitened rows at the estimates, of models with a residual structure."""
        here = self.criterion.at(self.fit.theta / self.criterion.unit)
        return here if isinstance(here, ResidualEvaluation) else None

    def moved(self) -> tuple[FloatArray, FloatArray]:
        """Derivatives of gamma (r, m) and of b (q, m) by theta, zero for parameters at a boundary."""
        fit, unit = self.fit, self.criterion.unit
        gamma, b = np.zeros((len(fit.gamma), len(unit))), np.zeros((len(fit.b), len(unit)))
        x = fit.theta / unit
        with few_threads(*fit.labels.dense_sizes):
            for j, step in enumerate(MOVE * self.criterion.sizes(x)):
                if fit.free_theta[j]:
                    up, down = (self.criterion.at(x + h * np.eye(len(x))[j]).at for h in (step, -step))
                    moved = (up.gamma - down.gamma) + (up.cross.gamma0 - down.cross.gamma0)
                    gamma[:, j] = moved / (2.0 * step * unit[j])
                    b[:, j] = (up.b - down.b) / (2.0 * step * unit[j])
        return gamma, b

    def joint(self) -> tuple[FullCriterion, FloatArray]:
        """-2 log-likelihood in all parameters, and where it is least: of REML fits by a search from their estimates."""
        fit, controls = self.fit, self.fit.model.controls
        with few_threads(*fit.labels.dense_sizes):
            criterion = self._by_ml()
            x = fit.theta / criterion.unit
            if fit.reml:
                optimizer, _ = choose_optimizer(controls.optimizer, gradients=True)
                evaluations = controls.evaluations(optimizer, len(x))
                found = search(criterion, x, optimizer, tol=controls.tol, max_evaluations=evaluations)
                criterion, x = found.criterion, found.x
            here, turned = criterion.at(x), criterion.turned
            gamma, sigma = here.at.cross.gamma0 + here.at.gamma, float(np.sqrt(here.at.sigma2))
            se = sigma * np.sqrt(np.diagonal(here.at.C))
            parameters = fit.parameters.rotated(turned)
            full: FullCriterion
            if isinstance(criterion, ResidualCriterion):
                full = FullResidualCriterion(criterion, parameters, gamma, se, sigma, Watch(), turned)
            else:
                full = FullCriterion(criterion.deviance, parameters, fit.eta, gamma, se, sigma, Watch(), turned)
            return full, full.pack(gamma, here.theta, sigma)

    def _by_ml(self) -> LinearCriterion:
        """The criterion of maximum likelihood."""
        fit, here = self.fit, self.criterion
        if isinstance(here, ResidualCriterion):
            return ResidualCriterion(here.design, here.symbolic, False, fit.parameters, fit.eta, Watch())
        deviance = ProfiledDeviance(fit.cross, here.deviance.symbolic, reml=False)
        return LinearCriterion(deviance, fit.parameters, fit.eta, Watch())

    def at(self, theta: FloatArray) -> PenalizedLeastSquares:
        """The problem at another theta, of the user's columns."""
        with few_threads(*self.fit.labels.dense_sizes):
            return self.criterion.deviance.at(self.fit.parameters.entries(self.fit.parameters.basis(theta)))

    @cached_property
    def hessian(self) -> FloatArray:
        """Second derivatives of the profiled criterion by theta: exact for one factor, else by differences."""
        with few_threads(*self.fit.labels.dense_sizes):
            unit = self.criterion.unit
            return self.criterion.hessian(self.fit.theta / unit, central=True) / np.outer(unit, unit)
