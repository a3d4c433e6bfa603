"""A generalized fit whose matrices are factorized again: from its rows, or from what it keeps of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Factor, PatternBlocks, Symbolic
from ..threads import few_threads
from .generalized_criterion import GeneralizedCriterion, Units
from .model import Digest, Factorized
from .modes import Mode, mode_at
from .parted import penalized_likelihood
from .pipeline import Watch
from .relative import RelativeFactor

if TYPE_CHECKING:
    from .generalized import GeneralizedFit

#: Steps of differences of the modes by the parameters, in parts of a parameter's size.
MOVE = 1e-4


@dataclass(frozen=True, eq=False, kw_only=True)
class GeneralizedDigest(Digest):
    """What a generalized fit without rows keeps of them, at its estimates.

    Parameters
    ----------
    deviance : float
        Sum of squared deviance residuals.
    average_mean : float
        The mean that intraclass correlations are taken at.
    log_density : float
        Log density of the response at the modes.
    ZtWZ : PatternBlocks
    ZtWQ : (q, r) array
        With the working weights that enter log|M|, in the basis of the fit.
    b_moved : (q, m) array
        Derivatives of b by (theta, xi); NaN for nagq = 0, as the Hessian.
    hessian : (r + m, r + m) array
        Of the criterion by (gamma, theta, xi).
    """

    deviance: float
    average_mean: float
    log_density: float
    ZtWZ: PatternBlocks
    ZtWQ: FloatArray
    b_moved: FloatArray
    hessian: FloatArray


@dataclass(frozen=True, eq=False)
class FactorizedGeneralized(Factorized):
    """A generalized fit with its criterion, and the conditional modes at the estimates.

    Without rows there is what the fit's digest has: M and what follows from it. The criterion and the modes need rows.
    """

    fit: GeneralizedFit
    symbolic: Symbolic

    @cached_property
    def criterion(self) -> GeneralizedCriterion:
        """The criterion in all parameters."""
        fit = self.fit
        design = fit.model.design.rotated(fit.turned)
        model = penalized_likelihood(design, fit.family, self.symbolic, fit.likelihood.weights_in_logdet)
        units = Units(fit.eta, fit.xi_start)
        criterion = GeneralizedCriterion(model, fit.nagq, units, joint=False, watch=Watch(), origin=fit.gamma)
        criterion.u, criterion.gamma = fit.u, fit.gamma
        return criterion

    @cached_property
    def mode(self) -> Mode:
        """The conditional modes at the estimates."""
        fit, model = self.fit, self.criterion.model
        with few_threads(*fit.labels.dense_sizes):
            return mode_at(model, self.Lambda, fit.phi, fit.u, fit.gamma)

    @cached_property
    def Lambda(self) -> RelativeFactor:
        """The relative covariance factor at the estimates."""
        fit = self.fit
        return RelativeFactor(fit.pattern, fit.parameters.template, fit.parameters.entries(fit.theta))

    @cached_property
    def factor(self) -> Factor:
        """L of the M that enters log|M|, at the estimates."""
        if self.fit.digest is None:
            return self.mode.system.factor
        with few_threads(*self.fit.labels.dense_sizes):
            return self.symbolic.factorize(self.fit.digest.ZtWZ, self.Lambda.T)

    @property
    def solved(self) -> FloatArray:
        """M^-1 Lambda'Z'WQ, (q, r)."""
        digest = self.fit.digest
        ZtWQ = self.mode.system.ZtWQ if digest is None else digest.ZtWQ
        return self.factor.solve(self.Lambda.t @ ZtWQ)

    def joint(self) -> tuple[GeneralizedCriterion, FloatArray]:
        """The criterion, and the estimates as its argument."""
        return self.criterion, self.x

    def moved(self) -> tuple[FloatArray, FloatArray]:
        """Derivatives of b (q, m) by (theta, xi), zero for parameters at a boundary; gamma stays."""
        fit, n = self.fit, len(self.fit.gamma)
        if fit.digest is not None:
            return np.zeros((n, fit.digest.b_moved.shape[1])), fit.digest.b_moved
        x = self.x
        b = np.zeros((len(fit.b), len(x) - n))
        with few_threads(*fit.labels.dense_sizes):
            steps = MOVE * self.criterion.sizes(x)
            for j in np.flatnonzero(fit.free[n:]):
                i = n + j
                up, down = (self.criterion.at(x + h * np.eye(len(x))[i]).mode for h in (steps[i], -steps[i]))
                b[:, j] = (up.point.b - down.point.b) / (2.0 * steps[i] * self.criterion.unit[i])
        return np.zeros((n, b.shape[1])), b

    @property
    def x(self) -> FloatArray:
        """The estimates as the argument of the criterion."""
        fit = self.fit
        return self.criterion.pack(fit.gamma, fit.theta, fit.xi)

    @cached_property
    def hessian(self) -> FloatArray:
        """Second derivatives of the criterion by (gamma, theta, xi), by central differences of the exact gradient."""
        if self.fit.digest is not None:
            return self.fit.digest.hessian
        with few_threads(*self.fit.labels.dense_sizes):
            unit = self.criterion.unit
            return np.asarray(self.criterion.hessian(self.x, central=True) / np.outer(unit, unit))

    def digested(self, residual_quantiles: FloatArray, deviance: float, average_mean: float) -> GeneralizedDigest:
        """What the fit keeps where its rows are left out."""
        fit, system = self.fit, self.mode.system
        m = len(fit.theta) + len(fit.xi_start)
        size = len(fit.gamma) + m
        hessian, b_moved = np.full((size, size), np.nan), np.full((len(fit.b), m), np.nan)
        if fit.nagq > 0:  # with 0 nobody asks for them
            # each from the modes of the fit, as where they are asked for: that makes the same bits
            hessian, b_moved = self.hessian, fit.factorized().moved()[1]
        return GeneralizedDigest(
            residual_quantiles=residual_quantiles,
            fingerprint=fit.fingerprint,
            deviance=deviance,
            average_mean=average_mean,
            log_density=self.mode.log_density,
            ZtWZ=system.ZtWZ,
            ZtWQ=system.ZtWQ,
            b_moved=b_moved,
            hessian=hessian,
        )
