"""Fit of a generalized linear mixed model: starts, stage nAGQ = 0, joint search, and the estimates at the optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.optimize import linprog

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError, NotPositiveDefiniteError
from ..contracts.family import Derivatives, Family
from ..contracts.linalg import Blocks, Pattern
from ..contracts.observer import FitFinished, FitStarted
from ..design.basis import lower_root
from ..design.crossproducts import cross_products
from ..design.mixed import MixedDesign
from ..notes import Note
from ..registry import Provenance
from ..threads import few_threads
from .certificate import FLAT, Certificate, Standing
from .dispersion import DispersionScale
from .ending import (
    Quantities,
    covariance_quantities,
    not_identified,
    notes_of,
    own_size,
    singular_factors,
)
from .existence import (
    explained,
    links_without_edge,
    refuse_dead_end,
    refuse_exact_fit,
    refuse_growing_dispersion,
    refuse_offset,
    refuse_separation,
)
from .linear import start_values
from .modes import PRECISION, Mode, Model, System, mode_at
from .moments import SMALLEST, moment_start
from .objective import WIDEST, Problem, Units
from .parameters import Parameters
from .pipeline import Watch, assemble, choose_backend
from .search import minimize, search

#: The first stage only has to come near: its estimates are where the joint search starts.
STAGE_ONE_TOLERANCE = 1.0
#: The same for its modes: a ten-thousandth of their standard deviations.
STAGE_ONE_PRECISION = 1e-8
#: Steps of the regression without random effects, which only has to come near too.
START_STEPS = 6
#: How often random effects are halved to find modes inside of the family's domain.
SMALLER = 12


@dataclass(frozen=True, eq=False)
class GeneralizedFit:
    """All numbers of a fitted generalized linear mixed model, and the design it came from."""

    design: MixedDesign
    family: Family
    y: FloatArray
    weights: FloatArray
    nagq: int
    hessian_kind: str
    parameters: Parameters = field(repr=False)
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
    elsewhere: tuple[GeneralizedFit, ...] = ()

    @property
    def pattern(self) -> Pattern:
        """Pattern of the random effects."""
        return self.design.random.pattern

    @property
    def scale(self) -> float:
        """Standard deviation that T is relative to: none."""
        return 1.0

    @property
    def relative_factors(self) -> tuple[FloatArray, ...]:
        """T of every factor, for the user's columns."""
        return self.parameters.users_roots(self.theta)

    @property
    def covariances(self) -> list[FloatArray]:
        """Covariance matrices of the random effects by factor, of the user's columns."""
        return [T @ T.T for T in self.relative_factors]

    @property
    def singular_factors(self) -> list[str]:
        """Names of the factors whose covariance matrix has no full rank, seen in the units of one observation."""
        return singular_factors(self.parameters, self.theta / self.parameters.unit(self.units.eta))

    @property
    def notes(self) -> tuple[Note, ...]:
        """What to warn of."""
        return notes_of(self.certificate, self.singular_factors)

    @property
    def quantities(self) -> Quantities:
        """Variance and dispersion parameters and coefficients by description."""
        dispersion = {p.name: float(v) for p, v in zip(self.family.parameters, self.phi, strict=True)}
        fixed = self.design.fixed
        beta = fixed.coefficients(self.gamma).tolist()
        se = np.linalg.norm(np.linalg.inv(self.RX @ fixed.R), axis=1).tolist() if fixed.rank else []
        coefficients = dict(zip(fixed.kept_names, zip(beta, se, strict=True), strict=True))
        return covariance_quantities(self.parameters, self.theta) | own_size(dispersion) | coefficients

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
        backend, _ = choose_backend(self.pattern, self.backend)
        if not backend.has_selected_inverse:
            backend, _ = choose_backend(self.pattern, "auto", with_gradient=True)
        symbolic = backend.analyze(self.pattern)
        return Model(self.design, self.family, self.y, self.weights, symbolic, self.hessian_kind)

    @property
    def mode(self) -> Mode:
        """The conditional modes at the estimates, factorized again."""
        Lambda = self._model.Lambda(self.parameters.entries(self.theta))
        with few_threads(*self.design.dense_sizes):
            return mode_at(self._model, Lambda, self.phi, self.u, self.gamma)

    def solve(self) -> System:
        """The factorized system that enters log|M|, as `.factor`."""
        return self.mode.system

    def problem(self) -> tuple[Problem, FloatArray]:
        """The criterion in all parameters, and the estimates as its argument."""
        problem = Problem(self._model, self.nagq, self.units, joint=False, watch=Watch(), origin=self.gamma)
        problem.u, problem.gamma = self.u, self.gamma
        return problem, problem.pack(self.gamma, self.theta, self.dispersion.to_free(self.phi))

    @cached_property
    def joint_hessian(self) -> FloatArray:
        """Hessian of the criterion in (gamma, theta, xi), by central differences of the exact gradient."""
        problem, x = self.problem()
        with few_threads(*self.design.dense_sizes):
            return np.asarray(problem.hessian(x, central=True) / np.outer(problem.unit, problem.unit))

    @property
    def sizes(self) -> FloatArray:
        """What is a large change of each of (gamma, theta, xi)."""
        return self.problem()[0].unit

    @property
    def free(self) -> BoolArray:
        """Which of (gamma, theta, xi) are not at a boundary."""
        theta_free = self.parameters.free(self.theta, self.units.eta)
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
        pattern = design.random.pattern
        covariance = Parameters(design.random)
        given = start_values(covariance, start)
        n_fixed = design.fixed.rank
        pipeline = assemble(pattern, backend, optimizer)
        model = Model(design, family, y, weights, pipeline.backend.analyze(pattern), hessian)
        differentiable = None
        if not pipeline.backend.has_selected_inverse:
            differentiable = choose_backend(pattern, "auto", with_gradient=True)[0].analyze(pattern)
    if watch.observers:
        parameters = n_fixed + len(covariance) + len(DispersionScale(family.parameters).estimated)
        watch.tell(FitStarted("glmm", design.n, n_fixed, pattern.q, parameters, *pipeline.names))
    refuse_offset(model)
    with watch.phase("start"), explained(model):
        gamma, phi, working = _fixed_effects_start(model)
        refuse_exact_fit(model, gamma)
        xi = DispersionScale(family.parameters).to_free(phi)
        units = Units(float(1.0 / np.sqrt(np.mean(working.expected_weight))), xi)
        problem_of = partial(Problem, model, units=units, watch=watch, differentiable=differentiable)
        near = PRECISION if nagq == 0 else STAGE_ONE_PRECISION
        first = problem_of(1, joint=True, precision=near)
        first.gamma = gamma
        x = first.pack(gamma, covariance.of(_start(model, working)) if given is None else given, xi)
    evaluations = max_iter if pipeline.optimizer.needs_gradient else max_iter * (1 + len(x) + n_fixed)
    look = partial(
        search,
        optimizer=pipeline.optimizer,
        tol=tol,
        max_evaluations=evaluations,
        quick=True,
        random=design.random,
    )
    with watch.phase("nAGQ = 0"), explained(model):
        if nagq == 0:
            found = look(first, x)
        else:
            near_by = minimize(first, x, pipeline.optimizer, max(tol, STAGE_ONE_TOLERANCE), evaluations)
    if nagq:
        with watch.phase("Laplace" if nagq == 1 else f"nAGQ = {nagq}"), explained(model):
            try:
                mode = first.at(near_by.x).mode
            except NotPositiveDefiniteError:  # modes that were found from their neighbours only, or none inside
                problem = problem_of(nagq, joint=False, origin=gamma)
                x = _start_with_modes(problem, gamma, first.unpack(x)[1], xi)
            else:
                problem = problem_of(nagq, joint=False, origin=mode.point.gamma)
                problem.u, problem.gamma = mode.point.u, mode.point.gamma
                _, theta, xi = first.unpack(near_by.x)
                unit = covariance.unit(units.eta)
                x = problem.pack(mode.point.gamma, _inside(covariance, theta / unit) * unit, xi)
            found = look(problem, x)
    with watch.phase("estimates"), explained(model):
        fit = _fit(found, nagq, (*pipeline.provenance, *provenance), backend, watch)
        refuse_separation(model, fit.gamma, fit.phi, fit.certificate.converged)
        here = found.criterion.exact.at(found.x)
        refuse_dead_end(here.mode, here.quadrature, fit.certificate.converged)
        if fit.dispersion_at_bound.any():
            slopes = found.criterion.exact.at(found.x).gradient[len(found.x) - len(units.xi) :]
            refuse_growing_dispersion(fit.dispersion.names, fit.dispersion_at_bound, slopes, design.n)
    if watch.observers:
        watch.tell(
            FitFinished(fit.certificate.converged, fit.criterion, fit.n_evaluations, sum(watch.timings.values()))
        )
    return fit


def _inside(parameters: Parameters, theta: FloatArray) -> FloatArray:
    """theta with covariance matrices away from the boundary: from zero no step leads away."""
    for root in parameters.roots:
        U, s, _ = np.linalg.svd(root.of(theta))
        if s[-1] < SMALLEST:
            theta = root.put(theta, lower_root(U * np.maximum(s, SMALLEST)))
    return theta


def _fit(
    found: Standing[Problem], nagq: int, provenance: tuple[Provenance, ...], backend: Any, watch: Watch
) -> GeneralizedFit:
    """The estimates at the end of the search, and at the other points of the same deviance."""
    problem = found.criterion.exact
    model = problem.model

    def at(x: FloatArray, elsewhere: tuple[GeneralizedFit, ...]) -> GeneralizedFit:
        here = problem.at(x)
        mode = here.mode
        return GeneralizedFit(
            design=model.design,
            family=model.family,
            y=model.y,
            weights=model.weights,
            nagq=nagq,
            hessian_kind=model.hessian,
            parameters=problem.parameters,
            theta=here.theta,
            gamma=mode.point.gamma,
            phi=mode.phi,
            u=mode.point.u,
            b=mode.point.b,
            eta=mode.point.eta,
            RX=mode.regular.RX,
            criterion=here.value,
            units=problem.units,
            certificate=replace(
                found.certificate,
                at_boundary=tuple(problem.n_gamma + i for i in problem.parameters.zeros(here.theta)),
            ),
            provenance=provenance,
            backend=backend if not isinstance(backend, str) else provenance[0].name,
            n_evaluations=watch.n_evaluations,
            timings=dict(watch.timings),
            elsewhere=elsewhere,
        )

    fit = at(found.x, tuple(at(x, ()) for x in found.flat if not _is_a_limit(problem, found, x)))
    unknown = not_identified(fit.quantities, [other.quantities for other in fit.elsewhere])
    return replace(fit, certificate=replace(fit.certificate, not_identified=unknown))


def _is_a_limit(problem: Problem, found: Standing[Problem], there: FloatArray) -> bool:
    """Whether a flat direction is that of dispersion parameters on their way to a limit, such as the Poisson's.

    The data do determine that: the start of these parameters has another deviance.
    """
    n = len(found.x) - len(problem.units.xi)
    if not np.allclose(there[:n], found.x[:n], atol=1e-6):
        return False
    start = np.concatenate([found.x[:n], problem.units.xi])
    return bool(abs(problem.value(start) - found.value) > FLAT)


def _start_with_modes(problem: Problem, gamma: FloatArray, theta: FloatArray, xi: FloatArray) -> FloatArray:
    """x where the first stage found no modes inside of the domain: small random effects have some."""
    for _ in range(SMALLER):
        if np.isfinite(problem.value(problem.pack(gamma, theta, xi))):
            break
        theta = 0.5 * theta
    return problem.pack(gamma, theta, xi)


def _start(model: Model, working: Derivatives) -> Blocks:
    """Covariance matrices by moments of the working linear model: response d1 / w, weights w."""
    weights = np.maximum(working.expected_weight, 1e-6 * working.expected_weight.max())
    design = replace(model.design, y=working.d1 / weights, weights=weights, offset=None)
    moments = moment_start(cross_products(design), float(1.0 / np.sqrt(weights.mean())))
    return tuple(moments.sigma * T for T in moments.T)


def _fixed_effects_start(model: Model) -> tuple[FloatArray, FloatArray, Derivatives]:
    """Fixed effects and dispersion of a model without random effects, by a few steps of Fisher scoring.

    The first step comes from means near the responses, which no fixed effects give. Where that leads astray, the steps
    start from equal means.
    """
    family, y, w = model.family, model.y, model.weights
    mu = family.start_mean(y, w)
    phi = family.start_dispersion(y, mu, w)
    eta = family.link.link(mu)
    at = family.evaluate(y, eta, w, phi, 2)
    gamma = _equal_means(model, float(np.average(mu, weights=w)))
    equal = _scored(model, eta_equal := _predictor(model, gamma), phi)
    found = _scoring(model, phi, gamma, eta, at, -np.inf)
    if equal is not None and (found is None or found[1].log_density.sum() < equal.log_density.sum()):
        found = _scoring(model, phi, gamma, eta_equal, equal, float(equal.log_density.sum())) or (gamma, equal)
    gamma, at = found or (gamma, at)
    return gamma, phi, at


def _scoring(
    model: Model, phi: FloatArray, gamma: FloatArray, eta: FloatArray, at: Derivatives, best: float
) -> tuple[FloatArray, Derivatives] | None:
    """Steps of Fisher scoring from eta, halved towards gamma until the log density is not below `best`.

    Returns gamma and the derivatives there; None where no step is possible.
    """
    Q, known, found = model.Q, _predictor(model, np.zeros_like(gamma)), None
    for _ in range(START_STEPS):
        working = np.maximum(at.expected_weight, 1e-10 * at.expected_weight.max())
        WQ = Q * working[:, None]
        normal, right = WQ.T @ Q, WQ.T @ (eta - known + at.d1 / working)
        if not (np.isfinite(normal).all() and np.isfinite(right).all()):
            break
        target = np.linalg.lstsq(normal, right, rcond=None)[0]
        step, new = 1.0, _scored(model, Q @ target + known, phi)
        while step > 1e-4 and (new is None or new.log_density.sum() < best):
            step *= 0.5
            new = _scored(model, Q @ (gamma + step * (target - gamma)) + known, phi)
        if new is None or new.log_density.sum() < best:
            break
        gamma = gamma + step * (target - gamma)
        moved = Q @ gamma + known
        change, eta = np.abs(moved - eta).max(), moved
        at, best = new, float(new.log_density.sum())
        found = gamma, at
        if change < 1e-2:
            break
    return found


def _scored(model: Model, eta: FloatArray, phi: FloatArray) -> Derivatives | None:
    """Derivatives at eta, where they are finite and eta lies in the family's domain."""
    at = model.evaluate(eta, phi)
    if at is None:
        return None
    finite = all(np.isfinite(part).all() for part in (at.log_density, at.d1, at.expected_weight))
    return at if finite and at.expected_weight.max() > 0.0 else None


def _predictor(model: Model, gamma: FloatArray) -> FloatArray:
    """The linear predictor by fixed effects alone."""
    eta = model.Q @ gamma
    return eta if model.design.offset is None else eta + model.design.offset


def _equal_means(model: Model, mu: float) -> FloatArray:
    """Coefficients with which all means come near to mu; others, where these leave the domain."""
    goal = float(model.family.link.link(np.array([mu]))[0])
    gamma = model.Q.T @ (goal - _predictor(model, np.zeros(model.Q.shape[1])))  # Q is orthonormal
    if model.family.valid(_predictor(model, gamma)):
        return gamma
    return _far_from_the_edge(model, goal) if model.bounded else np.zeros_like(gamma)


def _far_from_the_edge(model: Model, goal: float) -> FloatArray:
    """Coefficients with which no linear predictor is nearer to an edge of the domain than need be, by a linear program.

    Raises
    ------
    InputError
        Where none are inside.
    """
    family, Q = model.family, model.Q
    known = _predictor(model, np.zeros(Q.shape[1]))
    lower, upper = model.domain
    room = min(goal - lower, upper - goal)
    rows = [(sign * Q, sign * (known - edge)) for sign, edge in ((-1, lower), (1, upper)) if np.isfinite(edge)]
    program = linprog(
        np.append(np.zeros(Q.shape[1]), -1.0),
        A_ub=np.vstack([np.column_stack([A / room, np.ones(len(A))]) for A, _ in rows]),
        b_ub=np.concatenate([-b / room for _, b in rows]),
        bounds=[(None, None)] * Q.shape[1] + [(None, 1.0)],
    )
    gamma = np.zeros(Q.shape[1]) if program.x is None else np.asarray(program.x[:-1])
    if not family.valid(_predictor(model, gamma)):
        others = links_without_edge(family)
        use = f", or use the {'log' if 'log' in others else others[0]} link" if others else ""
        raise InputError(
            f"no start was found at which all means lie inside the domain of the {family.name} family with the "
            f"{family.link.name} link: include an intercept in X{use}"
        )
    return gamma
