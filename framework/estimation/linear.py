"""Fit of a linear mixed model: cross-products, search over theta, and the estimates at the optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, NotPositiveDefiniteError, shown
from ..contracts.linalg import SampledSymbolic
from ..contracts.observer import FitStarted
from ..design.censored import refuse_censored
from ..design.crossproducts import CrossProducts, cross_products
from ..design.mixed import MixedDesign, check_identifiable, notes_of_many_effects, notes_of_no_intercept
from ..design.summed import SummedDesign
from ..notes import Note
from ..threads import few_threads
from .certificate import Standing
from .correlations import residual_quantities
from .ending import Quantities, covariance_quantities, own_size
from .linear_criterion import LinearCriterion
from .linear_factors import FactorizedLinear
from .model import Controls, Digest, Fit, Likelihood, Model, refuse_settings
from .moments import moment_start
from .parameters import Parameters
from .pipeline import Analysis, Pipeline, Watch, analysis_with_gradient
from .profiled import ProfiledDeviance
from .residual_criterion import ResidualCriterion
from .sampling import monte_carlo, with_probes
from .search import lower, search
from .unbounded import refuse_growing, refuse_unbounded
from .whitening import ResidualModel, Whitening

#: A residual variance below this part of y's is that of a model that reproduces y; without an optimum, below this one.
PERFECT, SUSPECT = 1e-18, 1e-8
#: r^2 that is a smaller part of what it is a difference from loses too many digits, at an optimum and at a start: the
#: reference moves nearer.
CANCELLED, CANCELLED_START = 1e6, 1e8
REFERENCES = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearFit(Fit):
    """A fitted linear mixed model.

    Parameters
    ----------
    cross : CrossProducts
        Sums over the rows, in the basis of the fit: all that inference needs of them.
    sigma : float
        Residual standard deviation.
    pwrss : float
        r^2, the penalized weighted residual sum of squares.
    logdet_L2, logdet_RX2 : float
        log|V W|, and 2 log|R_X R| of X = QR.
    """

    cross: CrossProducts = field(repr=False)
    sigma: float
    pwrss: float
    logdet_L2: float
    logdet_RX2: float

    @property
    def reml(self) -> bool:
        """Whether by restricted maximum likelihood."""
        likelihood = self.model.likelihood
        assert isinstance(likelihood, Gaussian)
        return likelihood.reml

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
        df = self.cross.n - (len(self.gamma) if reml else 0)
        d = self.logdet_L2 - self.cross.sum_log_weights + df * (1.0 + np.log(2.0 * np.pi * self.pwrss / df))
        return float(d + (self.logdet_RX2 if reml else 0.0))

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters and sigma."""
        return len(self.gamma) + len(self.theta) + 1

    @property
    def quantities(self) -> Quantities:
        """Variance parameters by description."""
        residual = own_size({"the residual variance": self.sigma**2})
        if (labels := self.parameters.residual) is not None:
            residual |= residual_quantities(labels, self.theta[self.parameters.of_residual])
        return covariance_quantities(self.parameters, self.theta, self.sigma) | residual

    @property
    def whitening(self) -> Whitening:
        """W of the residual structure at the estimates: of models that have one, with rows."""
        return ResidualModel.of(self.model.design).at(self.theta[self.parameters.of_residual])

    @property
    def precision_root(self) -> FloatArray | None:
        """One over the standard deviations of the rows' residuals relative to sigma, (n,); None for ones."""
        if self.parameters.residual is not None:
            return self.whitening.precision_root
        weights = self.model.design.weights
        return None if weights is None else np.sqrt(weights)

    def white(self, E: FloatArray) -> FloatArray:
        """Residuals E (m, n) of the rows, made independent and of variance sigma^2."""
        if self.parameters.residual is not None:
            return np.asarray(self.whitening.white(E))
        root = self.precision_root
        return E if root is None else E * root

    def coloured(self, E: FloatArray) -> FloatArray:
        """The inverse of `white`."""
        if self.parameters.residual is not None:
            return np.asarray(self.whitening.coloured(E))
        root = self.precision_root
        return E if root is None else E / root

    def vcov_root(self) -> FloatArray:
        """R^-1 R_X^-1: its Gram matrix times sigma^2 is the covariance of the kept coefficients."""
        root = solve_triangular(self.RX, np.eye(len(self.RX)), check_finite=False) if len(self.RX) else self.RX
        return np.asarray(solve_triangular(self.labels.fixed.R, root, check_finite=False)) if len(root) else root

    @property
    def vcov_of_basis(self) -> FloatArray:
        """Covariance sigma^2 (Q'V^-1 Q)^-1 of gamma."""
        root = solve_triangular(self.RX, np.eye(len(self.RX)), check_finite=False) if len(self.RX) else self.RX
        return np.asarray(self.sigma**2 * root @ root.T)

    def factorized(self) -> FactorizedLinear:
        """The penalized least squares problem at the estimates, with gradients, analysed again."""
        with few_threads(*self.labels.dense_sizes):
            symbolic = analysis_with_gradient(self.pattern, self.backend)
            if isinstance(symbolic, SampledSymbolic) and self.certificate.monte_carlo is not None:
                symbolic = symbolic.with_probes(self.certificate.monte_carlo.n_probes)
            criterion = LinearCriterion(
                ProfiledDeviance(self.cross, symbolic, self.reml), self.parameters, self.eta, Watch()
            )
            if self.parameters.residual is not None:
                design = self.model.design.rotated(self.turned)
                criterion = ResidualCriterion(
                    design, symbolic, self.reml, self.parameters, self.eta, Watch(), self.turned
                )
            return FactorizedLinear(self, criterion, criterion.at(self.theta / criterion.unit).at)


@dataclass(frozen=True)
class Gaussian(Likelihood[LinearFit]):
    """y = X beta + Z b + e with e ~ N(0, sigma^2 W^-1).

    Parameters
    ----------
    reml : bool
        Restricted maximum likelihood, or maximum likelihood.
    """

    reml: bool
    can_be_sampled = True

    def check(self, design: MixedDesign | SummedDesign) -> list[Note]:
        """As `check_design`: any response is possible that is known."""
        if isinstance(design, MixedDesign):
            refuse_censored(design.y, "a linear model")
        return self.check_design(design)

    def check_design(self, design: MixedDesign | SummedDesign) -> list[Note]:
        """What to warn of; models of which a random effect is the residual are refused."""
        check_identifiable(design)
        if isinstance(design, MixedDesign):
            refuse_unbounded(design, self.reml)
        return [*notes_of_many_effects(design), *notes_of_no_intercept(design)]

    def updated(self, changes: Mapping[str, Any]) -> Gaussian:
        """With another `reml`."""
        refuse_settings(changes, ("reml",))
        reml = changes.get("reml", self.reml)
        if not isinstance(reml, bool | np.bool_):
            raise InputTypeError(f"reml must be True or False; got {shown(reml)}")
        return Gaussian(bool(reml))

    def maximize(
        self, model: Model[LinearFit], start: Any, watch: Watch, analysis: Analysis | None = None
    ) -> LinearFit:
        """Estimate theta by the profiled criterion."""
        design, controls = model.summed or model.design, model.controls
        with watch.phase("choice"):
            pattern = design.random.pattern
            parameters = Parameters(design.random.groups, model.labels.residual)
            given = None if start is None else parameters.given(start)
        with watch.phase("cross-products"):
            cross = design.cross if isinstance(design, SummedDesign) else cross_products(design)
            _refuse_perfect_fit(cross)
        with watch.phase("symbolic"):
            analysis = analysis or model.analyze()
            pipeline = analysis.pipeline
        if watch.observers:
            fixed = design.fixed.rank
            watch.tell(FitStarted("lmm", design.n, fixed, pattern.q, len(parameters), *pipeline.names))
        with watch.phase("search"):
            eta = float(1.0 / np.sqrt(cross.mean_weight))
            deviance = ProfiledDeviance(cross, analysis.symbolic, self.reml)
            criterion = LinearCriterion(deviance, parameters, eta, watch, analysis.differentiable)
            if isinstance(design, MixedDesign) and design.residual is not None:
                symbolic = analysis.differentiable or analysis.symbolic
                criterion = ResidualCriterion(design, symbolic, self.reml, parameters, eta, watch)
            criterion, x0 = _start(criterion, given, design)
            found = _with_enough_probes(_search(criterion, x0, design, pipeline, controls), design, pipeline, controls)
            if isinstance(criterion, ResidualCriterion):
                for there in criterion.elsewhere(x0):
                    found = lower(found, _search(criterion, there, design, pipeline, controls))
                refuse_growing(found)
        return _fit(model, found, pipeline, watch)


def _start(
    criterion: LinearCriterion, given: FloatArray | None, design: MixedDesign | SummedDesign
) -> tuple[LinearCriterion, FloatArray]:
    """Where to begin: at theta = `given`, or by moments; and the criterion with digits there."""
    if given is None:
        moments = moment_start(criterion.deviance.cross, criterion.eta)
        x0 = criterion.parameters.of(moments.T) / criterion.unit
        return (criterion, x0) if moments.sure else _grown(criterion, x0, design)
    x0 = given / criterion.unit
    if not np.isfinite(criterion.value(x0)):
        raise InputError(
            "the criterion is not finite at start: its entries are standard deviations over the residual one, mostly "
            "between 0.01 and 100"
        )
    return criterion, x0


def _search(
    criterion: LinearCriterion,
    x: FloatArray,
    design: MixedDesign | SummedDesign,
    pipeline: Pipeline,
    controls: Controls,
) -> Standing[LinearCriterion]:
    """Minimize; where r^2 loses digits, once more with residuals near the optimum as the reference.

    Raises
    ------
    InputError
        Where the residual variance goes to zero.
    """
    cross, optimizer = criterion.deviance.cross, pipeline.optimizer
    evaluations = controls.evaluations(optimizer, len(x))
    for attempt in range(REFERENCES):
        criterion = _with_digits(criterion, x, design, CANCELLED if attempt else CANCELLED_START)
        found = search(criterion, x, optimizer, tol=controls.tol, max_evaluations=evaluations, random=design.random)
        criterion, x = found.criterion, found.x
        try:
            at = criterion.exact.at(x).at
        except NotPositiveDefiniteError as error:
            raise _perfect_fit() from error
        part = at.sigma2 / (cross.yWy / cross.n)
        lost = not found.certificate.converged and at.cancelled < CANCELLED and part < SUSPECT
        if part < PERFECT or (lost and _reproduces(criterion, x, found.value, design)):
            refuse_growing(found)
            raise _perfect_fit()
        if at.cancelled < CANCELLED:
            break
    return found


def _with_enough_probes(
    found: Standing[LinearCriterion], design: MixedDesign | SummedDesign, pipeline: Pipeline, controls: Controls
) -> Standing[LinearCriterion]:
    """The optimum with its Monte Carlo error; where that is large, the search goes on with more probes."""
    while True:
        error = monte_carlo(found.criterion, found.x)
        if error is None:
            return found
        n = error.enough_probes
        if n == error.n_probes or not found.certificate.converged:
            return replace(found, certificate=found.certificate.sampled(error))
        found = _search(with_probes(found.criterion, n), found.x, design, pipeline, controls)


def _reproduces(criterion: LinearCriterion, x: FloatArray, value: float, design: MixedDesign | SummedDesign) -> bool:
    """Whether a search without end, of a tiny residual variance, is one towards residuals of zero.

    The criterion falls on farther out, or cannot be computed there; or there are as many effects as rows, so that some
    covariance matrix of lower rank reproduces y, at the bottom of a canyon as narrow as the residuals are small.
    """
    enough = design.random.pattern.q + design.fixed.rank >= design.n
    return enough or not value <= criterion.value(10.0 * x) < np.inf


def _with_digits(
    criterion: LinearCriterion, x: FloatArray, design: MixedDesign | SummedDesign, limit: float
) -> LinearCriterion:
    """The criterion with a reference from which it has digits at x."""
    if not np.isfinite(criterion.value(x)):
        return criterion
    at = criterion.at(x).at
    if at.cancelled < limit:
        return criterion
    if isinstance(design, SummedDesign):
        raise InputError(
            "the residual variance is so small a part of the variation between levels that sums over rows leave it no "
            "digits: fit this model to the rows themselves"
        )
    return criterion.seen_from(design.rotated(criterion.turned), at)


def _grown(
    criterion: LinearCriterion, x: FloatArray, design: MixedDesign | SummedDesign
) -> tuple[LinearCriterion, FloatArray]:
    """x, or as many times ten times x as the criterion falls: residuals that are tiny beside the groups."""
    value = criterion.value(x)
    while criterion.value(10.0 * x) < value:
        x = 10.0 * x
        criterion = _with_digits(criterion, x, design, CANCELLED_START)
        value = criterion.value(x)
    return criterion, x


def _fit(model: Model[LinearFit], found: Standing[LinearCriterion], pipeline: Pipeline, watch: Watch) -> LinearFit:
    """The estimates at the end of the search, and at the other points of the same deviance."""
    criterion = found.criterion.exact
    R = model.labels.fixed.R
    parameters = criterion.parameters.rotated(criterion.turned)

    def at(x: FloatArray) -> LinearFit:
        evaluated = criterion.at(x)
        here = evaluated.at
        return LinearFit(
            model=model,
            parameters=parameters,
            turned=criterion.turned,
            eta=criterion.eta,
            theta=evaluated.theta,
            gamma=here.cross.gamma0 + here.gamma,
            u=here.u,
            b=here.b,
            RX=here.RX,
            cross=here.cross,
            sigma=float(np.sqrt(here.sigma2)),
            pwrss=here.pwrss,
            logdet_L2=here.logdet_L2,
            logdet_RX2=here.logdet_RX2 + 2.0 * float(np.log(np.abs(np.diagonal(R))).sum()),
            certificate=replace(found.certificate, at_boundary=parameters.zeros(evaluated.theta)),
            provenance=(*pipeline.provenance, *model.provenance),
            n_evaluations=watch.n_evaluations,
            timings=dict(watch.timings),
            digest=None if model.summed is None else _digest(model.summed),
        )

    return at(found.x).beside([at(x) for x in found.flat])


def _digest(summed: SummedDesign) -> Digest:
    """What is known of rows that were only summed: of their residuals nothing."""
    return Digest(residual_quantiles=np.full(5, np.nan), fingerprint=summed.fingerprint)


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
