"""Fit of a linear mixed model: cross-products, search over theta, and the estimates at the optimum."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import ConvergenceWarning, InputError, NotPositiveDefiniteError, SingularFitWarning
from ..contracts.linalg import Structure
from ..contracts.observer import FitFinished, FitStarted
from ..contracts.optim import Objective
from ..design.arrays import as_numbers
from ..design.crossproducts import CrossProducts, cross_products
from ..design.mixed import MixedDesign
from ..registry import Provenance
from .moments import moment_start
from .pipeline import Pipeline, Watch, assemble, choose_backend
from .profiled import PenalizedLeastSquares, ProfiledDeviance
from .search import Certificate, central_hessian, search
from .units import ThetaUnits, theta_units

#: A residual variance below this part of y's, without an optimum, means that the model reproduces y.
PERFECT = 1e-8
#: A covariance matrix is singular when its relative factor's smallest singular value is below this (lme4's isSingular).
SINGULAR = 1e-4


@dataclass(frozen=True, eq=False)
class LinearFit:
    """All numbers of a fitted linear mixed model; the design and the cross-products it came from."""

    design: MixedDesign
    cross: CrossProducts
    reml: bool
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

    @property
    def structure(self) -> Structure:
        """Structure of the random effects."""
        return self.cross.structure

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
        """T of every factor."""
        return self.structure.relative_factors(self.theta)

    @property
    def free(self) -> BoolArray:
        """Parameters of theta that are not at the boundary."""
        return ~(on_diagonal(self.structure) & (self.theta <= 0.0))

    @cached_property
    def units(self) -> ThetaUnits:
        """Coordinates of the search."""
        return theta_units(self.structure, self.cross.ZtWZ, self.design.n)

    @property
    def singular_factors(self) -> list[str]:
        """Factors whose covariance matrix has no full rank."""
        return rank_deficient(self.structure, self.units, self.relative_factors)

    def vcov_root(self) -> FloatArray:
        """R^-1 R_X^-1: its Gram matrix times sigma^2 is the covariance of the kept coefficients."""
        root = solve_triangular(self.RX, np.eye(len(self.RX)), check_finite=False) if len(self.RX) else self.RX
        return np.asarray(solve_triangular(self.design.fixed.R, root, check_finite=False)) if len(root) else root

    def solve(self, theta: FloatArray | None = None) -> PenalizedLeastSquares:
        """The penalized least squares problem at theta, factorized again."""
        criterion = self.__dict__.get("_deviance")
        if criterion is None:
            backend, _ = choose_backend(self.structure, self.backend)
            if not backend.has_selected_inverse:
                backend, _ = choose_backend(self.structure, "auto", with_gradient=True)
            criterion = ProfiledDeviance(self.cross, backend.analyze(self.structure), self.reml)
            self.__dict__["_deviance"] = criterion
        at: PenalizedLeastSquares = criterion.at(self.theta if theta is None else theta)
        return at

    def hessian_of_criterion(self) -> FloatArray:
        """Second derivatives of the profiled criterion by theta: exact for one factor, else by differences."""
        here = self.solve()
        if here.has_exact_curvature:
            return here.curvature
        units, lower = self.units, np.where(on_diagonal(self.structure), 0.0, -np.inf)
        H = central_hessian(
            lambda x: units.gradient(self.solve(units.inverse @ x).gradient), units.A @ self.theta, lower
        )
        return np.asarray(units.A.T @ H @ units.A)

    def release(self) -> None:
        """Forget the backend's analysis, which can be large; `solve` makes it again."""
        self.__dict__.pop("_deviance", None)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_deviance"}


def on_diagonal(structure: Structure) -> BoolArray:
    """Which entries of theta are diagonals of a T."""
    return np.concatenate([f.theta_rows == f.theta_columns for f in structure.factors])


def start_values(structure: Structure, start: Any) -> FloatArray | None:
    """The user's theta, checked."""
    if start is None:
        return None
    theta = as_numbers(start, "start")
    if len(theta) != structure.n_theta:
        raise InputError(
            f"start has {len(theta)} values, the model has {structure.n_theta} covariance parameters (theta)"
        )
    if (theta[on_diagonal(structure)] < 0).any():
        raise InputError("start has negative standard deviations (diagonal entries of the relative factor)")
    return theta


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
) -> LinearFit:
    """Estimate theta by the profiled criterion.

    Warns
    -----
    ConvergenceWarning
        Where the certificate fails.
    SingularFitWarning
        Where a covariance matrix is estimated without full rank.
    """
    with watch.phase("choice"):
        structure = design.random.structure
        given = start_values(structure, start)
        pipeline = assemble(structure, backend, optimizer)
    with watch.phase("cross-products"):
        cross = cross_products(design)
        _refuse_perfect_fit(cross)
    with watch.phase("symbolic"):
        criterion = ProfiledDeviance(cross, pipeline.backend.analyze(structure), reml)
        exact = criterion
        if not pipeline.backend.has_selected_inverse:
            other, _ = choose_backend(structure, "auto", with_gradient=True)
            exact = ProfiledDeviance(cross, other.analyze(structure), reml)
    _announce(watch, design, pipeline)
    with watch.phase("search"):
        units, diagonal = theta_units(structure, cross.ZtWZ, design.n), on_diagonal(structure)
        x0 = units.A @ (moment_start(cross, units) if given is None else given)
        objective = _objective(criterion, units, x0, diagonal, watch)
        if given is not None and not np.isfinite(objective.value(x0)):
            raise InputError(
                "the criterion is not finite at start: its entries are standard deviations over the residual one, "
                "mostly between 0.01 and 100"
            )
        minimum = search(
            objective,
            pipeline.optimizer,
            tol=tol,
            max_evaluations=max_iter if pipeline.optimizer.needs_gradient else max_iter * (1 + len(x0)),
            exact=objective if exact is criterion else _objective(exact, units, x0, diagonal, watch),
            nonnegative=diagonal,
        )
    theta = units.inverse @ minimum.x
    try:
        here = exact.at(theta)
    except NotPositiveDefiniteError as error:
        raise _perfect_fit() from error
    if not minimum.certificate.converged and here.sigma2 < PERFECT * cross.yWy / cross.n:
        raise _perfect_fit()
    fixed = design.fixed
    fit = LinearFit(
        design=design,
        cross=cross,
        reml=reml,
        theta=theta,
        sigma=float(np.sqrt(here.sigma2)),
        gamma=cross.gamma0 + here.gamma,
        RX=here.RX,
        u=here.u,
        b=here.b,
        pwrss=here.pwrss,
        logdet_L2=here.factor.logdet,
        logdet_RX2=here.logdet_RX2 + 2.0 * float(np.log(np.abs(np.diagonal(fixed.R))).sum()),
        certificate=minimum.certificate,
        provenance=pipeline.provenance,
        backend=backend if not isinstance(backend, str) else pipeline.provenance[0].name,
        n_evaluations=watch.n_evaluations,
        timings=dict(watch.timings),
    )
    if watch.observers:
        watch.tell(
            FitFinished(fit.certificate.converged, fit.criterion, fit.n_evaluations, sum(watch.timings.values()))
        )
    warn_of(fit.certificate, fit.singular_factors)
    return fit


def _announce(watch: Watch, design: MixedDesign, pipeline: Pipeline) -> None:
    if watch.observers:
        s = design.random.structure
        watch.tell(FitStarted("lmm", design.n, design.fixed.rank, s.q, s.n_theta, *pipeline.names))


def _objective(
    criterion: ProfiledDeviance, units: ThetaUnits, start: FloatArray, diagonal: BoolArray, watch: Watch
) -> Objective:
    """The criterion in scaled parameters; a breakdown of the factorization is an infinite value."""
    last: dict[bytes, PenalizedLeastSquares] = {}

    def solve(x: FloatArray) -> PenalizedLeastSquares:
        key = x.tobytes()
        if key not in last:
            at = criterion.at(units.inverse @ x)
            last.clear()
            last[key] = at
        return last[key]

    def value(x: FloatArray) -> float:
        known = x.tobytes() in last
        try:
            d = solve(x).deviance
        except NotPositiveDefiniteError:
            d = np.inf
        if not known:
            watch.evaluated(x, d, None)
        return d

    def gradient(x: FloatArray) -> tuple[float, FloatArray]:
        known = x.tobytes() in last
        try:
            at = solve(x)
            d, g = at.deviance, units.gradient(at.gradient)
        except NotPositiveDefiniteError:
            d, g = np.inf, np.zeros_like(x)
        if not known:
            watch.evaluated(x, d, g)
        return d, g

    def curvature(x: FloatArray) -> FloatArray:
        return units.hessian(solve(x).curvature)

    lower = np.where(diagonal, 0.0, -np.inf)
    one_factor = len(criterion.structure.factors) == 1
    return Objective(value, start, lower, np.full(len(start), np.inf), gradient, curvature, one_factor)


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


def rank_deficient(structure: Structure, units: ThetaUnits, relative_factors: Sequence[FloatArray]) -> list[str]:
    """Names of the factors whose covariance matrix has no full rank, whatever the units of their columns."""
    parts = zip(structure.factors, units.factors, relative_factors, strict=True)
    return [f.name for f, L, T in parts if np.linalg.svd(L @ T, compute_uv=False).min() < SINGULAR]


def warn_of(certificate: Certificate, singular: list[str]) -> None:
    """Warn of what the certificate and the covariance matrices say."""
    if not certificate.converged:
        warnings.warn(f"the fit did not converge: {certificate.message}", ConvergenceWarning, stacklevel=4)
    elif singular:
        warnings.warn(
            f"the fit is singular: the covariance matrix of {', '.join(singular)} is estimated without full rank (a "
            "variance of zero or a correlation of +-1). The estimates are the optimum; a simpler random-effects "
            "structure would fit as well",
            SingularFitWarning,
            stacklevel=4,
        )
