"""Fit of a linear mixed model: cross-products, search over theta, and the estimates at the optimum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError, NotPositiveDefiniteError
from ..contracts.linalg import Pattern, Symbolic
from ..contracts.observer import FitFinished, FitStarted
from ..design.arrays import as_numbers
from ..design.crossproducts import CrossProducts, cross_products
from ..design.mixed import MixedDesign
from ..notes import Note
from ..registry import Provenance
from ..threads import few_threads
from .certificate import Certificate, Standing
from .criterion import Criterion
from .ending import (
    Quantities,
    covariance_quantities,
    not_identified,
    notes_of,
    own_size,
    singular_factors,
)
from .moments import moment_start
from .parameters import Parameters
from .pipeline import Pipeline, Watch, assemble, choose_backend
from .profiled import PenalizedLeastSquares, ProfiledDeviance
from .search import search

#: A residual variance below this part of y's is that of a model that reproduces y; without an optimum, below this one.
PERFECT, SUSPECT = 1e-18, 1e-8
#: r^2 that is a smaller part of what it is a difference from loses too many digits: the reference moves nearer.
CANCELLED = 1e8
REFERENCES = 3


class LinearCriterion(Criterion["_Scaled"]):
    """The profiled deviance of x = theta / unit."""

    def __init__(
        self,
        deviance: ProfiledDeviance,
        parameters: Parameters,
        eta: float,
        watch: Watch,
        differentiable: Symbolic | None = None,
        turned: tuple[FloatArray, ...] | None = None,
    ) -> None:
        super().__init__(watch)
        self.deviance, self.parameters, self.eta = deviance, parameters, eta
        self.roots, self.columns = parameters.roots, parameters.template.sizes
        #: the basis that it is in: that of the design, times these orthogonal matrices
        self.turned = tuple(np.eye(k) for k in self.columns) if turned is None else turned
        self.curvature_is_exact = deviance.has_exact_curvature and not parameters.structured
        self.bends = bool(parameters.structured)
        self.unit = parameters.unit(eta)
        self.lower, self.upper = (bound / self.unit for bound in parameters.bounds)
        self._differentiable = differentiable
        self._exact = self
        if differentiable is not None:
            other = ProfiledDeviance(deviance.cross, differentiable, deviance.reml)
            self._exact = LinearCriterion(other, parameters, eta, watch, None, self.turned)

    @property
    def exact(self) -> LinearCriterion:
        """The criterion with gradients."""
        return self._exact

    def evaluate(self, x: FloatArray) -> _Scaled:
        """The penalized least squares problem at x."""
        theta = self.unit * x
        at = self.deviance.at(self.parameters.entries(theta))
        return _Scaled(theta, at, self.parameters.jacobian(theta), self.unit)

    def idle(self, x: FloatArray) -> BoolArray:
        """Which parameters of covariance structures have no effect here."""
        return self.parameters.idle(self.unit * x, self.eta)

    def moderate(self, x: FloatArray, size: float) -> Iterator[FloatArray]:
        """Points with independent effects in terms with a covariance structure."""
        yield from self.parameters.moderate(x, size)

    def rotated(self, by: Sequence[FloatArray]) -> LinearCriterion:
        """The same in another basis of every factor."""
        turned = tuple(turn @ more for turn, more in zip(self.turned, by, strict=True))
        return self._on(self.deviance.cross.rotated(by), turned)

    def seen_from(self, design: MixedDesign, at: PenalizedLeastSquares) -> LinearCriterion:
        """The same with residuals at the solution `at` as the reference; `design` is in the criterion's basis."""
        B = at.Lambda @ np.column_stack([at.solved[:, :-1], at.u])
        return self._on(self.deviance.cross.seen_from(design, at.gamma, B), self.turned)

    def _on(self, cross: CrossProducts, turned: tuple[FloatArray, ...]) -> LinearCriterion:
        deviance = ProfiledDeviance(cross, self.deviance.symbolic, self.deviance.reml)
        return LinearCriterion(deviance, self.parameters, self.eta, self.watch, self._differentiable, turned)


@dataclass(frozen=True, eq=False)
class _Scaled:
    """One evaluation by x = theta / unit; `jacobian` has the derivatives of T's entries by theta, None for theta."""

    theta: FloatArray
    at: PenalizedLeastSquares
    jacobian: FloatArray | None
    unit: FloatArray

    @property
    def value(self) -> float:
        return self.at.deviance

    @property
    def gradient(self) -> FloatArray:
        by_entries = self.at.gradient
        return self.unit * (by_entries if self.jacobian is None else by_entries @ self.jacobian)

    @property
    def curvature(self) -> FloatArray:
        H = self.at.curvature
        if self.jacobian is not None:
            H = self.jacobian.T @ H @ self.jacobian
        return np.outer(self.unit, self.unit) * H


@dataclass(frozen=True, eq=False)
class LinearFit:
    """All numbers of a fitted linear mixed model; the design and the cross-products it came from.

    theta, u and b belong to the basis of the random-effects columns in which the fit was certified.

    Parameters
    ----------
    eta : float
        Standard deviation of an average observation, relative to sigma.
    parameters : Parameters
        What theta is.
    elsewhere : tuple of LinearFit
        Fits with other parameters and the same criterion, one for each direction that the data do not determine.
    """

    design: MixedDesign
    cross: CrossProducts
    reml: bool
    eta: float
    parameters: Parameters = field(repr=False)
    theta: FloatArray
    sigma: float
    gamma: FloatArray
    RX: FloatArray
    u: FloatArray
    b: FloatArray
    pwrss: float
    logdet_L2: float
    logdet_RX2: float
    certificate: Certificate
    provenance: tuple[Provenance, ...]
    backend: Any = field(repr=False)
    n_evaluations: int
    timings: Mapping[str, float]
    elsewhere: tuple[LinearFit, ...] = ()

    @property
    def pattern(self) -> Pattern:
        """Pattern of the random effects."""
        return self.cross.pattern

    @property
    def scale(self) -> float:
        """Standard deviation that T is relative to: sigma."""
        return self.sigma

    @property
    def criterion(self) -> float:
        """-2 log-likelihood, or the REML criterion."""
        return self._criterion(self.reml)

    @property
    def ml_deviance(self) -> float:
        """-2 log-likelihood by the ML criterion at these estimates of theta."""
        return self._criterion(reml=False)

    def _criterion(self, reml: bool) -> float:
        df = self.design.n - (self.design.fixed.rank if reml else 0)
        d = self.logdet_L2 - self.cross.sum_log_weights + df * (1.0 + np.log(2.0 * np.pi * self.pwrss / df))
        return float(d + (self.logdet_RX2 if reml else 0.0))

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters and sigma."""
        return self.design.fixed.rank + len(self.theta) + 1

    @property
    def relative_factors(self) -> tuple[FloatArray, ...]:
        """T of every factor, for the user's columns."""
        return self.parameters.users_roots(self.theta)

    @property
    def covariances(self) -> list[FloatArray]:
        """Covariance matrices of the random effects by factor, of the user's columns."""
        return [self.sigma**2 * T @ T.T for T in self.relative_factors]

    @property
    def free(self) -> BoolArray:
        """Parameters of theta that are not in a column of T that is zero, nor at a bound."""
        return self.parameters.free(self.theta, self.eta)

    @property
    def singular_factors(self) -> list[str]:
        """Factors whose covariance matrix has no full rank."""
        return singular_factors(self.parameters, self.theta / self.parameters.unit(self.eta))

    @property
    def notes(self) -> tuple[Note, ...]:
        """What to warn of."""
        return notes_of(self.certificate, self.singular_factors)

    @property
    def quantities(self) -> Quantities:
        """Variance parameters by description."""
        residual = own_size({"the residual variance": self.sigma**2})
        return covariance_quantities(self.parameters, self.theta, self.sigma) | residual

    def vcov_root(self) -> FloatArray:
        """R^-1 R_X^-1: its Gram matrix times sigma^2 is the covariance of the kept coefficients."""
        root = solve_triangular(self.RX, np.eye(len(self.RX)), check_finite=False) if len(self.RX) else self.RX
        return np.asarray(solve_triangular(self.design.fixed.R, root, check_finite=False)) if len(root) else root

    @cached_property
    def _differentiable(self) -> LinearCriterion:
        """The criterion with gradients, analysed again."""
        backend, _ = choose_backend(self.pattern, self.backend)
        if not backend.has_selected_inverse:
            backend, _ = choose_backend(self.pattern, "auto", with_gradient=True)
        deviance = ProfiledDeviance(self.cross, backend.analyze(self.pattern), self.reml)
        return LinearCriterion(deviance, self.parameters, self.eta, Watch())

    def solve(self, theta: FloatArray | None = None) -> PenalizedLeastSquares:
        """The penalized least squares problem at the estimates (or at a theta of the user's), factorized again."""
        at = self.theta if theta is None else self.parameters.basis(theta)
        with few_threads(*self.design.dense_sizes):
            return self._differentiable.deviance.at(self.parameters.entries(at))

    def hessian_of_criterion(self) -> FloatArray:
        """Second derivatives of the profiled criterion by theta: exact for one factor, else by differences."""
        with few_threads(*self.design.dense_sizes):
            unit = self._differentiable.unit
            return self._differentiable.hessian(self.theta / unit, central=True) / np.outer(unit, unit)

    def release(self) -> None:
        """Forget the backend's analysis, which can be large; `solve` makes it again."""
        self.__dict__.pop("_differentiable", None)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_differentiable"}


def start_values(parameters: Parameters, start: Any) -> FloatArray | None:
    """The user's theta, checked, in the basis of the design."""
    if start is None:
        return None
    theta = as_numbers(start, "start")
    if len(theta) != len(parameters):
        raise InputError(
            f"start has {len(theta)} values, the model has {len(parameters)} covariance parameters (theta)"
        )
    if (theta[parameters.diagonal] < 0).any():
        raise InputError("start has negative standard deviations (diagonal entries of the relative factor)")
    return parameters.basis(theta)


def fit_linear(
    design: MixedDesign,
    *,
    reml: bool,
    tol: float,
    max_iter: int,
    start: Any,
    backend: Any,
    optimizer: Any,
    watch: Watch,
    provenance: tuple[Provenance, ...] = (),
) -> LinearFit:
    """Estimate theta by the profiled criterion."""
    with watch.phase("choice"):
        pattern = design.random.pattern
        parameters = Parameters(design.random)
        given = start_values(parameters, start)
        pipeline = assemble(pattern, backend, optimizer)
    with watch.phase("cross-products"):
        cross = cross_products(design)
        _refuse_perfect_fit(cross)
    with watch.phase("symbolic"):
        deviance = ProfiledDeviance(cross, pipeline.backend.analyze(pattern), reml)
        differentiable = None
        if not pipeline.backend.has_selected_inverse:
            differentiable = choose_backend(pattern, "auto", with_gradient=True)[0].analyze(pattern)
    _announce(watch, design, parameters, pipeline)
    with watch.phase("search"):
        eta = 1.0 if design.weights is None else float(1.0 / np.sqrt(design.weights.mean()))
        criterion = LinearCriterion(deviance, parameters, eta, watch, differentiable)
        if given is None:
            moments = moment_start(cross, eta)
            x0 = parameters.of(moments.T) / criterion.unit
            if not moments.sure:
                criterion, x0 = _grown(criterion, x0, design)
        else:
            x0 = given / criterion.unit
        if given is not None and not np.isfinite(criterion.value(x0)):
            raise InputError(
                "the criterion is not finite at start: its entries are standard deviations over the residual one, "
                "mostly between 0.01 and 100"
            )
        evaluations = max_iter if pipeline.optimizer.needs_gradient else max_iter * (1 + len(x0))
        found = _search(criterion, x0, design, pipeline, tol, evaluations)
    fit = _fit(design, found, (*pipeline.provenance, *provenance), backend, watch)
    if watch.observers:
        watch.tell(
            FitFinished(fit.certificate.converged, fit.criterion, fit.n_evaluations, sum(watch.timings.values()))
        )
    return fit


def _search(
    criterion: LinearCriterion, x: FloatArray, design: MixedDesign, pipeline: Pipeline, tol: float, evaluations: int
) -> Standing[LinearCriterion]:
    """Minimize; where r^2 loses digits, once more with residuals near the optimum as the reference.

    Raises
    ------
    InputError
        Where the residual variance goes to zero.
    """
    cross = criterion.deviance.cross
    for _ in range(REFERENCES):
        criterion = _with_digits(criterion, x, design)
        found = search(criterion, x, pipeline.optimizer, tol=tol, max_evaluations=evaluations, random=design.random)
        criterion, x = found.criterion, found.x
        try:
            at = criterion.exact.at(x).at
        except NotPositiveDefiniteError as error:
            raise _perfect_fit() from error
        part = at.sigma2 / (cross.yWy / cross.n)
        lost = not found.certificate.converged and at.cancelled < CANCELLED and part < SUSPECT
        if part < PERFECT or (lost and _reproduces(criterion, x, found.value, design)):
            raise _perfect_fit()
        if at.cancelled < CANCELLED:
            break
    return found


def _reproduces(criterion: LinearCriterion, x: FloatArray, value: float, design: MixedDesign) -> bool:
    """Whether a search without end, of a tiny residual variance, is one towards residuals of zero.

    The criterion falls on farther out, or cannot be computed there; or there are as many effects as rows, so that some
    covariance matrix of lower rank reproduces y, at the bottom of a canyon as narrow as the residuals are small.
    """
    enough = design.random.pattern.q + design.fixed.rank >= design.n
    return enough or not value <= criterion.value(10.0 * x) < np.inf


def _with_digits(criterion: LinearCriterion, x: FloatArray, design: MixedDesign) -> LinearCriterion:
    """The criterion with a reference from which it has digits at x."""
    if not np.isfinite(criterion.value(x)):
        return criterion
    at = criterion.at(x).at
    if at.cancelled < CANCELLED:
        return criterion
    return criterion.seen_from(replace(design, random=design.random.rotated(criterion.turned)), at)


def _grown(criterion: LinearCriterion, x: FloatArray, design: MixedDesign) -> tuple[LinearCriterion, FloatArray]:
    """x, or as many times ten times x as the criterion falls: residuals that are tiny beside the groups."""
    value = criterion.value(x)
    while criterion.value(10.0 * x) < value:
        x = 10.0 * x
        criterion = _with_digits(criterion, x, design)
        value = criterion.value(x)
    return criterion, x


def _fit(
    design: MixedDesign,
    found: Standing[LinearCriterion],
    provenance: tuple[Provenance, ...],
    backend: Any,
    watch: Watch,
) -> LinearFit:
    """The estimates at the end of the search, and at the other points of the same deviance."""
    criterion = found.criterion.exact
    deviance, fixed = criterion.deviance, design.fixed
    random = design.random.rotated(criterion.turned)
    parameters = criterion.parameters.of_design(random)

    def at(x: FloatArray, elsewhere: tuple[LinearFit, ...]) -> LinearFit:
        evaluated = criterion.at(x)
        here = evaluated.at
        return LinearFit(
            design=replace(design, random=random),
            cross=deviance.cross,
            reml=deviance.reml,
            eta=criterion.eta,
            parameters=parameters,
            theta=evaluated.theta,
            sigma=float(np.sqrt(here.sigma2)),
            gamma=deviance.cross.gamma0 + here.gamma,
            RX=here.RX,
            u=here.u,
            b=here.b,
            pwrss=here.pwrss,
            logdet_L2=here.logdet_L2,
            logdet_RX2=here.logdet_RX2 + 2.0 * float(np.log(np.abs(np.diagonal(fixed.R))).sum()),
            certificate=replace(found.certificate, at_boundary=parameters.zeros(evaluated.theta)),
            provenance=provenance,
            backend=backend if not isinstance(backend, str) else provenance[0].name,
            n_evaluations=watch.n_evaluations,
            timings=dict(watch.timings),
            elsewhere=elsewhere,
        )

    fit = at(found.x, tuple(at(x, ()) for x in found.flat))
    unknown = not_identified(fit.quantities, [other.quantities for other in fit.elsewhere])
    return replace(fit, certificate=replace(fit.certificate, not_identified=unknown))


def _announce(watch: Watch, design: MixedDesign, parameters: Parameters, pipeline: Pipeline) -> None:
    if watch.observers:
        q = design.random.pattern.q
        watch.tell(FitStarted("lmm", design.n, design.fixed.rank, q, len(parameters), *pipeline.names))


def _refuse_perfect_fit(cross: CrossProducts) -> None:
    if not cross.yWy > 1e-20 * cross.total:
        raise InputError(
            "the columns of X give y to ten digits (a constant y, for example): there is no variation left to estimate "
            "variances from. Where only y's mean is that large, subtract it first"
        )


def _perfect_fit() -> InputError:
    return InputError(
        "X and the random effects together reproduce y exactly: the residual variance goes to zero and the likelihood "
        "has no maximum. Use fewer random effects, or check whether y was computed from the groups"
    )
