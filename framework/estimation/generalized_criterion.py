"""The criterion of a generalized linear mixed model as the search sees it: a function of scaled parameters."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from scipy.linalg import block_diag

from ..contracts.arrays import FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..contracts.linalg import Blocks, Symbolic
from .criterion import ModelCriterion
from .dispersion import DispersionScale
from .laplace import Gradient, curvature, laplace_gradient
from .modes import PRECISION, Mode, PenalizedLikelihood, find_mode
from .parameters import Parameters
from .pipeline import Watch
from .quadrature import Grid, Quadrature, gauss_hermite_grid

#: Unconstrained dispersion parameters stay within this distance of their start (a factor of 5e8 on the log scale).
WIDEST = 20.0
#: Added to approximate curvatures by these, so that they are positive: little enough where parameters have a model for
#: the certificate to see that some of its coefficients are on their way to a limit.
LEAST, LEAST_OF_MODELS = 1e-3, 1e-6


@dataclass(frozen=True, eq=False)
class Units:
    """What the search measures its parameters in, so that no result depends on the units of y.

    Parameters
    ----------
    eta : float
        Standard deviation of one observation on the scale of the linear predictor.
    xi : (r,) array
        Unconstrained dispersion parameters at the start: the centre of their bounds.
    """

    eta: float
    xi: FloatArray


class GeneralizedCriterion(ModelCriterion["Evaluation"]):
    """The criterion as a function of the search's parameters, warm-started from the last modes.

    x holds (gamma - origin, theta) / eta and xi; gamma is left out where it is estimated with the modes.

    Parameters
    ----------
    origin : (r,) array, optional
        Near the estimates of gamma, so that x is of the size of what the data leave open; 0 by default.
    parameters : Parameters, optional
        Those of the model's random effects, where they are known.
    differentiable : Symbolic, optional
        The analysis of a backend with gradients, for the certificate, where the model's own has none.
    """

    def __init__(
        self,
        model: PenalizedLikelihood,
        nagq: int,
        units: Units,
        *,
        joint: bool,
        watch: Watch,
        precision: float = PRECISION,
        differentiable: Symbolic | None = None,
        origin: FloatArray | None = None,
        turned: Blocks | None = None,
        parameters: Parameters | None = None,
    ) -> None:
        self.n_gamma = 0 if joint else model.design.fixed.rank
        parameters = Parameters(model.design.random.groups) if parameters is None else parameters
        super().__init__(parameters, units.eta, self.n_gamma, watch, turned)
        self.model, self.nagq, self.units, self.joint, self.precision = model, nagq, units, joint, precision
        self.dispersion = DispersionScale(model.family.parameters, model.design.parameters)
        self.parameter_rows = model.design.parameter_rows
        self.u = np.zeros(model.pattern.q)
        self.gamma = np.zeros(model.design.fixed.rank)
        #: natural parameters are these, and x times those
        self.origin = np.zeros(self.n_gamma + len(self.parameters) + len(units.xi))
        self.unit = np.concatenate([np.full(self.n_gamma, units.eta), self.unit_of_theta, np.ones(len(units.xi))])
        if origin is not None:
            self.origin[: self.n_gamma] = origin[: self.n_gamma]
        free = np.full(self.n_gamma, np.inf)
        lower, upper = self.bounds_of_theta
        self.lower = np.concatenate([-free, lower, units.xi - WIDEST])
        self.upper = np.concatenate([free, upper, units.xi + WIDEST])
        self.grid: Grid | None = None
        if nagq > 1:
            self.grid = gauss_hermite_grid(nagq, model.pattern.groupings[0].n_columns)
        self._effects: FloatArray | None = None
        self._differentiable = differentiable
        #: another one that has gradients; never itself, or what a fit leaves would wait for the garbage collector
        self._other: GeneralizedCriterion | None = None
        if differentiable is not None:
            self._other = self._with(replace(model, symbolic=differentiable), None, self.turned)

    def _with(
        self, model: PenalizedLikelihood, differentiable: Symbolic | None, turned: Blocks
    ) -> GeneralizedCriterion:
        return GeneralizedCriterion(
            model,
            self.nagq,
            self.units,
            joint=self.joint,
            watch=self.watch,
            precision=self.precision,
            differentiable=differentiable,
            origin=self.origin[: self.n_gamma],
            turned=turned,
        )

    @property
    def exact(self) -> GeneralizedCriterion:
        """The problem that has gradients: itself mostly."""
        if self._other is None:
            return self
        if self._other._last is None:
            self._other.u, self._other.gamma, self._other._effects = self.u, self.gamma, self._effects
        return self._other

    def rotated(self, by: Sequence[FloatArray]) -> GeneralizedCriterion:
        """The same in another basis of every factor; the modes go along."""
        model = replace(self.model, design=self.model.design.rotated(by))
        other, last = self._with(model, self._differentiable, self._turned(by)), self.exact._last or self._last
        other.gamma = self.gamma
        if last is not None:
            split = model.pattern.split(last[1].mode.point.b[:, None])
            other._effects = np.concatenate([(turn.T @ part[0]).ravel() for turn, part in zip(by, split, strict=True)])
            other.gamma = last[1].mode.point.gamma
        return other

    def pack(self, gamma: FloatArray, theta: FloatArray, xi: FloatArray) -> FloatArray:
        """The search's parameters."""
        return np.asarray((np.concatenate([gamma[: self.n_gamma], theta, xi]) - self.origin) / self.unit)

    def unpack(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """gamma (the last joint one), theta and xi."""
        natural, n = self.origin + self.unit * x, self.n_gamma + len(self.parameters)
        return self.gamma if self.joint else natural[: self.n_gamma], natural[self.n_gamma : n], natural[n:]

    def evaluate(self, x: FloatArray) -> Evaluation:
        """The modes at x, and what follows from them.

        Raises
        ------
        NotPositiveDefiniteError
            Where PIRLS fails.
        """
        gamma, theta, xi = self.unpack(x)
        if self._last is None and self._effects is not None:
            self.u = self._spherical(theta, self._effects)
        here = Evaluation(self, gamma, theta, xi, None if self._last is None else self._last[1].mode)
        self.u, self.gamma = here.mode.point.u, here.mode.point.gamma
        return here

    def _spherical(self, theta: FloatArray, b: FloatArray) -> FloatArray:
        """u of the smallest norm with Lambda u nearest to b."""
        pattern = self.model.pattern
        parts = zip(self.parameters.T(theta), pattern.split(b[:, None]), strict=True)
        return np.concatenate([(np.linalg.pinv(T) @ part[0]).ravel() for T, part in parts])


class Evaluation:
    """The modes at one point of the search and what follows from them, each found when first asked for.

    The modes are searched from where the last ones lead to; where that fails from the last ones, and then from zero.

    Raises
    ------
    NotPositiveDefiniteError
        Where no start leads to modes.
    """

    def __init__(
        self, problem: GeneralizedCriterion, gamma: FloatArray, theta: FloatArray, xi: FloatArray, last: Mode | None
    ) -> None:
        # No reference to the problem, which holds this: a cycle would keep arrays of n rows alive.
        self.unit, self.n_gamma, self.grid = problem.unit, problem.n_gamma, problem.grid
        self.dispersion, self.rows = problem.dispersion, problem.parameter_rows
        phi, self.phi_slope = self.dispersion.to_natural(xi, self.rows)
        self.theta, self.jacobian = theta, problem.parameters.jacobian(theta)
        Lambda = problem.model.Lambda(problem.parameters.entries(theta))
        find = partial(find_mode, problem.model, Lambda, phi, joint=problem.joint, precision=problem.precision)
        if last is not None:
            with suppress(NotPositiveDefiniteError):
                self.mode = find(*last.follow(Lambda, phi, gamma))
                return
        try:
            self.mode = find(problem.u, gamma)
        except NotPositiveDefiniteError:
            self.mode = find(np.zeros_like(problem.u), gamma)

    @cached_property
    def quadrature(self) -> Quadrature | None:
        """The nodes, where there is more than one."""
        return None if self.grid is None else Quadrature(self.mode, self.grid)

    @cached_property
    def value(self) -> float:
        """The criterion."""
        return self.mode.criterion if self.quadrature is None else self.quadrature.criterion

    @cached_property
    def _by(self) -> Gradient:
        """Derivatives by the natural parameters."""
        return laplace_gradient(self.mode) if self.quadrature is None else self.quadrature.gradient()

    @cached_property
    def gradient(self) -> FloatArray:
        """Its exact gradient in the search's parameters."""
        by = self._by
        xi = self.dispersion.by_xi(by.phi, self.phi_slope, self.rows)
        by_theta = by.entries if self.jacobian is None else by.entries @ self.jacobian
        return np.asarray(self.unit * np.concatenate([by.gamma[: self.n_gamma], by_theta, xi]))

    @cached_property
    def curvature(self) -> FloatArray:
        """Approximate Hessian in the search's parameters; by the dispersion the outer product of scores."""
        H = np.zeros((len(self.unit),) * 2)
        n = len(H) - len(self.dispersion)
        by_entries = curvature(self.mode, self._by.T)
        if self.jacobian is not None:
            J = block_diag(np.eye(self.n_gamma), self.jacobian)
            by_entries = J.T @ by_entries @ J
        H[:n, :n] = by_entries
        if len(self.dispersion):
            products = self.mode.model.outer_scores(self.mode, self.dispersion, self.phi_slope)
            of_model = np.isin(self.dispersion.owners, list(self.dispersion.models))
            H[n:, n:] = products + np.diag(np.where(of_model, LEAST_OF_MODELS, LEAST))
        return np.asarray(H * np.outer(self.unit, self.unit))
