"""Fit of a generalized linear mixed model: starts, stage nAGQ = 0, joint search, and the estimates at the optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError, NotPositiveDefiniteError
from ..contracts.family import Derivatives, DispersionParameter, Family
from ..contracts.linalg import Structure
from ..contracts.observer import FitFinished, FitStarted
from ..contracts.optim import Objective, Optimizer
from ..design.crossproducts import cross_products
from ..design.mixed import MixedDesign
from ..registry import Provenance
from .existence import explained, refuse_exact_fit, refuse_growing_dispersion, refuse_separation
from .laplace import Gradient, curvature, laplace_gradient
from .linear import on_diagonal, rank_deficient, start_values, warn_of
from .modes import PRECISION, Mode, Model, find_mode
from .moments import moment_start
from .pipeline import Watch, assemble, choose_backend
from .quadrature import Grid, Quadrature, gauss_hermite_grid
from .search import Certificate, SearchResult, central_hessian, search
from .units import theta_units

#: The first stage only has to come near: its estimates are where the joint search starts.
STAGE_ONE_TOLERANCE = 1.0
#: The same for its modes: a ten-thousandth of their standard deviations.
STAGE_ONE_PRECISION = 1e-8
#: Steps of the regression without random effects, which only has to come near too.
START_STEPS = 6
#: Unconstrained dispersion parameters stay within this distance of their start (a factor of 5e8 on the log scale).
WIDEST = 20.0


class DispersionScale:
    """Dispersion parameters as the search sees them: unconstrained, fixed ones left out."""

    def __init__(self, parameters: tuple[DispersionParameter, ...]) -> None:
        self.parameters = parameters
        self.estimated = [i for i, p in enumerate(parameters) if p.fixed is None]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the estimated parameters."""
        return tuple(self.parameters[i].name for i in self.estimated)

    def to_free(self, phi: FloatArray) -> FloatArray:
        """Unconstrained values of the estimated parameters."""
        return np.array([_to_free(self.parameters[i], float(phi[i])) for i in self.estimated])

    def to_natural(self, xi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """All parameters (r,), and the derivatives of the estimated ones by their unconstrained values."""
        phi = np.array([0.0 if p.fixed is None else p.fixed for p in self.parameters])
        slope = np.empty(len(self.estimated))
        for j, i in enumerate(self.estimated):
            phi[i], slope[j] = _to_natural(self.parameters[i], float(xi[j]))
        return phi, slope


def _to_free(p: DispersionParameter, value: float) -> float:
    if np.isfinite(p.lower) and np.isfinite(p.upper):
        share = (value - p.lower) / (p.upper - p.lower)
        return float(np.log(share) - np.log1p(-share))
    if np.isfinite(p.lower):
        return float(np.log(value - p.lower))
    if np.isfinite(p.upper):
        return float(-np.log(p.upper - value))
    return value


def _to_natural(p: DispersionParameter, xi: float) -> tuple[float, float]:
    if np.isfinite(p.lower) and np.isfinite(p.upper):
        share = 1.0 / (1.0 + np.exp(-xi))
        return p.lower + (p.upper - p.lower) * share, (p.upper - p.lower) * share * (1.0 - share)
    if np.isfinite(p.lower):
        return p.lower + float(np.exp(xi)), float(np.exp(xi))
    if np.isfinite(p.upper):
        return p.upper - float(np.exp(-xi)), float(np.exp(-xi))
    return xi, 1.0


@dataclass(frozen=True, eq=False)
class GeneralizedFit:
    """All numbers of a fitted generalized linear mixed model, and the design it came from."""

    design: MixedDesign
    family: Family
    y: FloatArray
    weights: FloatArray
    nagq: int
    hessian_kind: str
    theta: FloatArray
    gamma: FloatArray
    phi: FloatArray
    u: FloatArray
    b: FloatArray
    eta: FloatArray
    RX: FloatArray
    criterion: float
    units: Units
    certificate: Certificate
    provenance: tuple[Provenance, ...]
    backend: Any = field(repr=False)
    n_evaluations: int
    timings: Mapping[str, float]

    @property
    def structure(self) -> Structure:
        """Structure of the random effects."""
        return self.design.random.structure

    @property
    def relative_factors(self) -> tuple[FloatArray, ...]:
        """T of every factor."""
        return self.structure.relative_factors(self.theta)

    @property
    def singular_factors(self) -> list[str]:
        """Names of the factors whose covariance matrix has no full rank, seen in the units of one observation."""
        units = theta_units(self.structure, self.design.random.ZtZ, self.design.n)
        return rank_deficient(self.structure, units, [T / self.units.eta for T in self.relative_factors])

    @property
    def dispersion(self) -> DispersionScale:
        """The family's dispersion parameters."""
        return DispersionScale(self.family.parameters)

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters and estimated dispersion parameters."""
        return len(self.gamma) + len(self.theta) + len(self.dispersion.estimated)

    @cached_property
    def _model(self) -> Model:
        backend, _ = choose_backend(self.structure, self.backend)
        if not backend.has_selected_inverse:
            backend, _ = choose_backend(self.structure, "auto", with_gradient=True)
        symbolic = backend.analyze(self.structure)
        return Model(self.design, self.family, self.y, self.weights, symbolic, self.hessian_kind)

    @property
    def mode(self) -> Mode:
        """The conditional modes at the estimates, factorized again."""
        return find_mode(self._model, self.theta, self.phi, self.u, self.gamma, joint=False)

    def solve(self) -> Any:
        """The factorized system that enters log|M|, as `.factor`."""
        return self.mode.system

    def problem(self) -> tuple[Problem, FloatArray]:
        """The criterion in all parameters, and the estimates as its argument."""
        problem = Problem(self._model, self.nagq, self.units, joint=False, watch=Watch())
        problem.u, problem.gamma = self.u, self.gamma
        return problem, problem.pack(self.gamma, self.theta, self.dispersion.to_free(self.phi))

    @cached_property
    def joint_hessian(self) -> FloatArray:
        """Hessian of the criterion in (gamma, theta, xi), by central differences of the exact gradient."""
        problem, x = self.problem()
        H = central_hessian(lambda z: problem.gradient(z)[1], x, problem.lower)
        return np.asarray(problem.A.T @ H @ problem.A)

    @property
    def free(self) -> BoolArray:
        """Which of (gamma, theta, xi) are not at a boundary."""
        theta_free = ~(on_diagonal(self.structure) & (self.theta <= 0.0))
        return np.concatenate([np.ones(len(self.gamma), bool), theta_free, ~self.dispersion_at_bound])

    @property
    def dispersion_at_bound(self) -> BoolArray:
        """Which estimated dispersion parameters are as far from their start as the search goes."""
        return np.abs(self.dispersion.to_free(self.phi) - self.units.xi) > WIDEST - 1e-6

    def release(self) -> None:
        """Forget the backend's analysis, which can be large; it is made again when needed."""
        self.__dict__.pop("_model", None)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_model"}


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


class Problem:
    """The criterion as a function of the search's parameters, warm-started from the last modes.

    The parameters are (gamma, theta, xi) in `units`, theta also in the coordinates of `theta_units`; gamma is left out
    where it is estimated with the modes.
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
        theta = theta_units(model.structure, model.design.random.ZtZ, model.design.n).A
        # the search's parameters are A (gamma, theta, xi)
        self.A = block_diag(np.eye(self.n_gamma) / units.eta, theta / units.eta, np.eye(len(self.dispersion.estimated)))
        self.inverse = np.linalg.inv(self.A)
        self.grid: Grid | None = None
        if nagq > 1:
            self.grid = gauss_hermite_grid(nagq, model.structure.factors[0].n_columns)
        self._last: tuple[bytes, Mode] | None = None

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
        gamma, theta, xi = np.split(self.inverse @ x, np.cumsum([self.n_gamma, len(self.diagonal)]))
        return self.gamma if self.joint else gamma, theta, xi

    def mode(self, x: FloatArray) -> Mode:
        """The modes at x; from zero where the warm start fails."""
        key = x.tobytes()
        if self._last is None or self._last[0] != key:
            gamma, theta, xi = self.unpack(x)
            phi, _ = self.dispersion.to_natural(xi)
            find = partial(find_mode, self.model, theta, phi, joint=self.joint, precision=self.precision)
            try:
                mode = find(self.u, gamma)
            except NotPositiveDefiniteError:
                mode = find(np.zeros_like(self.u), gamma)
            self.u, self.gamma = mode.point.u, mode.point.gamma
            self._last = (key, mode)
        return self._last[1]

    def value(self, x: FloatArray) -> float:
        """The criterion; inf where PIRLS fails."""
        known = self._last is not None and self._last[0] == x.tobytes()
        try:
            mode = self.mode(x)
            f = mode.criterion if self.grid is None else Quadrature(mode, self.grid).criterion
        except NotPositiveDefiniteError:
            f = np.inf
        if not known:
            self.watch.evaluated(x, f, None)
        return f if np.isfinite(f) else np.inf

    def gradient(self, x: FloatArray) -> tuple[float, FloatArray]:
        """The criterion and its exact gradient."""
        known = self._last is not None and self._last[0] == x.tobytes()
        try:
            mode = self.mode(x)
            if self.grid is None:
                f, by = mode.criterion, laplace_gradient(mode)
            else:
                quadrature = Quadrature(mode, self.grid)
                f, by = quadrature.criterion, quadrature.gradient()
            g = self._chain(x, by)
        except NotPositiveDefiniteError:
            f, g = np.inf, np.zeros_like(x)
        if not np.isfinite(f) or not np.isfinite(g).all():
            f, g = np.inf, np.zeros_like(x)
        if not known:
            self.watch.evaluated(x, f, g)
        return f, g

    def _chain(self, x: FloatArray, by: Gradient) -> FloatArray:
        _, slope = self.dispersion.to_natural(self.unpack(x)[2])
        xi = by.phi[self.dispersion.estimated] * slope
        return np.asarray(self.inverse.T @ np.concatenate([by.gamma[: self.n_gamma], by.theta, xi]))

    def curvature(self, x: FloatArray) -> FloatArray:
        """Block diagonal approximation of the Hessian, for the search to start from."""
        mode = self.mode(x)
        by_gamma, by_theta = curvature(mode)
        n, m = self.n_gamma, len(self.diagonal)
        H = np.zeros((len(x), len(x)))
        if n:
            H[:n, :n] = by_gamma
        H[n : n + m, n : n + m] = by_theta
        if len(self.dispersion.estimated):  # outer product of scores
            model = self.model
            d = model.family.evaluate(model.y, mode.point.eta, model.weights, mode.phi, 3)
            assert d.phi1 is not None
            _, slope = self.dispersion.to_natural(self.unpack(x)[2])
            scores = d.phi1[self.dispersion.estimated] * slope[:, None]
            scores = scores - scores.mean(axis=1, keepdims=True)
            H[n + m :, n + m :] = 2.0 * scores @ scores.T + 1e-3 * np.eye(len(slope))
        return np.asarray(self.inverse.T @ H @ self.inverse)

    def search(self, start: FloatArray, optimizer: Optimizer, tol: float, max_evaluations: int) -> SearchResult:
        """Minimize the criterion from a start."""
        objective = Objective(self.value, start, self.lower, self.upper, self.gradient, self.curvature, False)
        return search(
            objective,
            optimizer,
            tol=tol,
            max_evaluations=max_evaluations,
            exact=objective,
            nonnegative=self.nonnegative,
            quick=True,
        )


def fit_generalized(
    design: MixedDesign,
    family: Family,
    y: FloatArray,
    weights: FloatArray,
    *,
    nagq: int,
    hessian: str,
    tol: float,
    max_iter: int,
    start: Any,
    backend: Any,
    optimizer: Any,
    provenance: tuple[Provenance, ...],
    watch: Watch,
) -> GeneralizedFit:
    """Maximize the (Laplace or quadrature) likelihood."""
    with watch.phase("symbolic"):
        structure = design.random.structure
        given = start_values(structure, start)
        n_fixed = design.fixed.rank
        pipeline = assemble(structure, backend, optimizer)
        model = Model(design, family, y, weights, pipeline.backend.analyze(structure), hessian)
    if watch.observers:
        parameters = n_fixed + structure.n_theta + len(DispersionScale(family.parameters).estimated)
        watch.tell(FitStarted("glmm", design.n, n_fixed, structure.q, parameters, *pipeline.names))
    with watch.phase("start"):
        gamma, phi, working = _fixed_effects_start(model)
        refuse_exact_fit(model, gamma)
        xi = DispersionScale(family.parameters).to_free(phi)
        units = Units(float(1.0 / np.sqrt(np.mean(working.expected_weight))), xi)
        near = PRECISION if nagq == 0 else STAGE_ONE_PRECISION
        stage_one = Problem(model, 1, units, joint=True, watch=watch, precision=near)
        stage_one.gamma = gamma
        first = _theta_start(model, working) if given is None else given
        x = stage_one.pack(gamma, first, xi)
    evaluations = max_iter if pipeline.optimizer.needs_gradient else max_iter * (1 + len(x) + n_fixed)
    with watch.phase("nAGQ = 0"), explained(model):
        minimum = stage_one.search(
            x, pipeline.optimizer, tol if nagq == 0 else max(tol, STAGE_ONE_TOLERANCE), evaluations
        )
    problem, result = stage_one, minimum
    if nagq:
        with watch.phase("Laplace" if nagq == 1 else f"nAGQ = {nagq}"), explained(model):
            mode = stage_one.mode(minimum.x)
            problem = Problem(model, nagq, units, joint=False, watch=watch)
            problem.u, problem.gamma = mode.point.u, mode.point.gamma
            _, theta, xi = stage_one.unpack(minimum.x)
            # A diagonal that the first stage put at zero starts again from inside.
            theta = np.where(problem.diagonal & (theta <= 0.0), first, theta)
            x = problem.pack(mode.point.gamma, theta, xi)
            result = problem.search(x, pipeline.optimizer, tol, evaluations)
    with watch.phase("estimates"), explained(model):
        mode = problem.mode(result.x)
        refuse_separation(model, mode.point.gamma, mode.phi)
        fit = GeneralizedFit(
            design=design,
            family=family,
            y=y,
            weights=weights,
            nagq=nagq,
            hessian_kind=hessian,
            theta=mode.theta,
            gamma=mode.point.gamma,
            phi=mode.phi,
            u=mode.point.u,
            b=mode.point.b,
            eta=mode.point.eta,
            RX=mode.regular.RX,
            criterion=mode.criterion if problem.grid is None else Quadrature(mode, problem.grid).criterion,
            units=units,
            certificate=result.certificate,
            provenance=(*pipeline.provenance, *provenance),
            backend=backend if not isinstance(backend, str) else pipeline.provenance[0].name,
            n_evaluations=watch.n_evaluations,
            timings=dict(watch.timings),
        )
        if fit.dispersion_at_bound.any():
            slopes = problem.gradient(result.x)[1][len(result.x) - len(units.xi) :]
            refuse_growing_dispersion(fit.dispersion.names, fit.dispersion_at_bound, slopes, design.n)
    if watch.observers:
        watch.tell(
            FitFinished(fit.certificate.converged, fit.criterion, fit.n_evaluations, sum(watch.timings.values()))
        )
    warn_of(fit.certificate, fit.singular_factors)
    return fit


def _theta_start(model: Model, working: Derivatives) -> FloatArray:
    """theta by moments of the working linear model: response d1 / w, weights w, residual variance about 1."""
    weights = np.maximum(working.expected_weight, 1e-6 * working.expected_weight.max())
    design = replace(model.design, y=working.d1 / weights, weights=weights, offset=None)
    cross = cross_products(design)
    sigma = float(np.sqrt(min(max(cross.yWy / cross.n, 1e-2), 1e2)))
    return sigma * moment_start(cross, theta_units(cross.structure, cross.ZtWZ, cross.n))


def _fixed_effects_start(model: Model) -> tuple[FloatArray, FloatArray, Derivatives]:
    """Fixed effects and dispersion of a model without random effects, by a few steps of Fisher scoring."""
    family, y, w, Q = model.family, model.y, model.weights, model.Q
    offset = model.design.offset
    mu = family.start_mean(y, w)
    phi = family.start_dispersion(y, mu, w)
    eta = family.link.link(mu)
    known = np.zeros(len(y)) if offset is None else offset
    gamma = _constant_mean(model, float(np.average(mu, weights=w)))
    at = family.evaluate(y, eta, w, phi, 2)
    for _ in range(START_STEPS):
        working = np.maximum(at.expected_weight, 1e-10 * at.expected_weight.max())
        WQ = Q * working[:, None]
        target = np.linalg.lstsq(WQ.T @ Q, WQ.T @ (eta - known + at.d1 / working), rcond=None)[0]
        step = 1.0
        while step > 1e-4 and not family.valid(Q @ (gamma + step * (target - gamma)) + known):
            step *= 0.5
        moved = gamma + step * (target - gamma)
        new = Q @ moved + known
        if step <= 1e-4 or not np.isfinite(new).all():
            break
        change = np.abs(new - eta).max()
        gamma, eta = moved, new
        at = family.evaluate(y, eta, w, phi, 2)
        if change < 1e-2:
            break
    if not family.valid(Q @ gamma + known):
        raise InputError(
            f"no start was found at which all means lie inside the domain of the {family.name} family with the "
            f"{family.link.name} link: include an intercept in X, or use the log link"
        )
    return gamma, phi, at


def _constant_mean(model: Model, mu: float) -> FloatArray:
    """Coefficients with which all means come near to mu; zeros where these are invalid."""
    offset = model.design.offset
    known = np.zeros(len(model.y)) if offset is None else offset
    gamma = model.Q.T @ (model.family.link.link(np.array([mu])) - known)  # Q is orthonormal
    return gamma if model.family.valid(model.Q @ gamma + known) else np.zeros_like(gamma)
