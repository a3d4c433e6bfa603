"""The criterion of a generalized linear mixed model as the search sees it: a function of scaled parameters."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..contracts.optim import Objective, Optimizer
from .dispersion import DispersionScale
from .laplace import curvature, laplace_gradient
from .linear import on_diagonal
from .modes import PRECISION, Mode, Model, find_mode
from .pipeline import Watch
from .quadrature import Grid, Quadrature, gauss_hermite_grid
from .relative import RelativeFactor
from .search import SearchResult, search
from .units import ThetaUnits

#: Unconstrained dispersion parameters stay within this distance of their start (a factor of 5e8 on the log scale).
WIDEST = 20.0


@dataclass(frozen=True, eq=False)
class Units:
    """What the search measures its parameters in, so that no result depends on the units of y.

    Parameters
    ----------
    eta : float
        Standard deviation of one observation on the scale of the linear predictor.
    xi : (r,) array
        Unconstrained dispersion parameters at the start: the centre of their bounds.
    theta : ThetaUnits
        Coordinates of theta, free of the units of the random-effects columns.
    """

    eta: float
    xi: FloatArray
    theta: ThetaUnits


class Problem:
    """The criterion as a function of the search's parameters, warm-started from the last modes.

    The parameters are (gamma, theta, xi) in `units`; gamma is left out where it is estimated with the modes.

    Attributes
    ----------
    differentiable : Problem or None
        The same problem on a backend with gradients, for the certificate, where the model's own has none.
    """

    def __init__(
        self, model: Model, nagq: int, units: Units, *, joint: bool, watch: Watch, precision: float = PRECISION
    ) -> None:
        self.model, self.units, self.joint, self.watch, self.precision = model, units, joint, watch, precision
        self.dispersion = DispersionScale(model.family.parameters)
        self.diagonal = on_diagonal(model.structure)
        self.u = np.zeros(model.structure.q)
        self.gamma = np.zeros(model.Q.shape[1])
        self.n_gamma = 0 if joint else model.Q.shape[1]
        # the search's parameters are A (gamma, theta, xi)
        n = self.n_gamma + len(self.diagonal)
        self.A, self.inverse = np.eye(n + len(units.xi)), np.eye(n + len(units.xi))
        self.A[self.n_gamma : n, self.n_gamma : n] = units.theta.A
        self.inverse[self.n_gamma : n, self.n_gamma : n] = units.theta.inverse
        self.A[:n] /= units.eta
        self.inverse[:n] *= units.eta
        self.grid: Grid | None = None
        if nagq > 1:
            self.grid = gauss_hermite_grid(nagq, model.structure.factors[0].n_columns)
        self._last: tuple[bytes, Evaluation] | None = None
        self.differentiable: Problem | None = None

    @property
    def exact(self) -> Problem:
        """The problem that has gradients: itself mostly."""
        return self if self.differentiable is None else self.differentiable

    @property
    def lower(self) -> FloatArray:
        """Lower bounds."""
        free = np.full(self.n_gamma, -np.inf), np.where(self.diagonal, 0.0, -np.inf)
        return np.concatenate([*free, self.units.xi - WIDEST])

    @property
    def upper(self) -> FloatArray:
        """Upper bounds."""
        return np.concatenate([np.full(self.n_gamma + len(self.diagonal), np.inf), self.units.xi + WIDEST])

    @property
    def nonnegative(self) -> BoolArray:
        """Parameters in which the criterion is even."""
        return np.concatenate(
            [np.zeros(self.n_gamma, bool), self.diagonal, np.zeros(len(self.dispersion.estimated), bool)]
        )

    def pack(self, gamma: FloatArray, theta: FloatArray, xi: FloatArray) -> FloatArray:
        """The search's parameters."""
        return np.asarray(self.A @ np.concatenate([gamma[: self.n_gamma], theta, xi]))

    def unpack(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """gamma (the last joint one), theta and xi."""
        natural, n = self.inverse @ x, self.n_gamma + len(self.diagonal)
        return self.gamma if self.joint else natural[: self.n_gamma], natural[self.n_gamma : n], natural[n:]

    def at(self, x: FloatArray) -> Evaluation:
        """The modes at x, and what follows from them.

        Raises
        ------
        NotPositiveDefiniteError
            Where PIRLS fails.
        """
        key = x.tobytes()
        if self._last is None or self._last[0] != key:
            here = Evaluation(self, *self.unpack(x), None if self._last is None else self._last[1].mode)
            self.u, self.gamma = here.mode.point.u, here.mode.point.gamma
            self._last = (key, here)
        return self._last[1]

    def value(self, x: FloatArray) -> float:
        """The criterion; inf where PIRLS fails."""
        return self._evaluated(x, with_gradient=False)[0]

    def gradient(self, x: FloatArray) -> tuple[float, FloatArray]:
        """The criterion and its exact gradient; inf and zeros where PIRLS fails."""
        return self._evaluated(x, with_gradient=True)

    def _evaluated(self, x: FloatArray, with_gradient: bool) -> tuple[float, FloatArray]:
        known = self._last is not None and self._last[0] == x.tobytes()
        nothing = np.zeros_like(x)
        try:
            here = self.at(x)
            f, g = here.value, here.gradient if with_gradient else nothing
        except NotPositiveDefiniteError:
            f, g = np.inf, nothing
        if not (np.isfinite(f) and np.isfinite(g).all()):
            f, g = np.inf, nothing
        if not known:
            self.watch.evaluated(x, f, g if with_gradient else None)
        return f, g

    def curvature(self, x: FloatArray) -> FloatArray:
        """Approximation of the Hessian, for the search to start from."""
        return self.at(x).curvature

    def objective(self, start: FloatArray) -> Objective:
        """What an optimizer sees."""
        return Objective(self.value, start, self.lower, self.upper, self.gradient, self.curvature, False)

    def search(self, start: FloatArray, optimizer: Optimizer, tol: float, max_evaluations: int) -> SearchResult:
        """Minimize the criterion from a start."""
        self.exact.u, self.exact.gamma = self.u, self.gamma
        return search(
            self.objective(start),
            optimizer,
            tol=tol,
            max_evaluations=max_evaluations,
            exact=self.exact.objective(start),
            nonnegative=self.nonnegative,
            quick=True,
        )


class Evaluation:
    """The modes at one point of the search and what follows from them, each found when first asked for.

    The modes are searched from where the last ones lead to; where that fails from the last ones, and then from zero.

    Raises
    ------
    NotPositiveDefiniteError
        Where no start leads to modes.
    """

    def __init__(
        self, problem: Problem, gamma: FloatArray, theta: FloatArray, xi: FloatArray, last: Mode | None
    ) -> None:
        # No reference to the problem, which holds this: a cycle would keep arrays of n rows alive.
        self.inverse, self.n_gamma, self.grid = problem.inverse, problem.n_gamma, problem.grid
        self.estimated = problem.dispersion.estimated
        phi, self.phi_slope = problem.dispersion.to_natural(xi)
        Lambda = RelativeFactor(problem.model.structure, theta)
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
    def gradient(self) -> FloatArray:
        """Its exact gradient in the search's parameters."""
        by = laplace_gradient(self.mode) if self.quadrature is None else self.quadrature.gradient()
        xi = by.phi[self.estimated] * self.phi_slope
        return np.asarray(self.inverse.T @ np.concatenate([by.gamma[: self.n_gamma], by.theta, xi]))

    @cached_property
    def curvature(self) -> FloatArray:
        """Approximate Hessian in the search's parameters; by the dispersion the outer product of scores."""
        H = np.zeros_like(self.inverse)
        n = len(H) - len(self.estimated)
        H[:n, :n] = curvature(self.mode)
        if self.estimated:
            phi1 = self.mode.derivatives.phi1
            assert phi1 is not None
            scores = phi1[self.estimated] * self.phi_slope[:, None]
            scores = scores - scores.mean(axis=1, keepdims=True)
            H[n:, n:] = 2.0 * scores @ scores.T + 1e-3 * np.eye(len(scores))
        return np.asarray(self.inverse.T @ H @ self.inverse)
