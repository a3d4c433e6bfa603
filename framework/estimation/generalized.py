"""Fit of a generalized linear mixed model: starts, stage nAGQ = 0, joint search, and the estimates at the optimum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError, shown
from ..contracts.family import Family
from ..contracts.observer import FitStarted
from ..contracts.ordered import OrderedFamily
from ..design.censored import refuse_censored
from ..design.mixed import MixedDesign, notes_of_no_intercept
from ..design.parameter import refuse_models
from ..notes import Note
from ..registry import Provenance
from .certificate import Standing
from .curvature import FLAT
from .dispersion import DispersionScale
from .ending import Quantities, covariance_quantities, own_size
from .existence import (
    explained,
    refuse_dead_end,
    refuse_exact_fit,
    refuse_growing_dispersion,
    refuse_offset,
    refuse_predicted,
)
from .generalized_criterion import WIDEST, GeneralizedCriterion, Units
from .generalized_factors import FactorizedGeneralized, GeneralizedDigest
from .model import Fit, Likelihood, Model, is_integer, refuse_settings
from .modes import PRECISION, PenalizedLikelihood
from .parameters import Parameters
from .parted import PartedLikelihood, penalized_likelihood
from .parted_start import Start, refuse_runaways, start_of_parts
from .pipeline import Analysis, Pipeline, Watch, analysis_with_gradient, choose_family
from .quadrature import refuse_quadrature
from .search import minimize, search
from .separation import refuse_separation
from .start import fixed_effects_start, second_stage, start_by_moments
from .thresholds import refuse_no_intercept
from .unbounded import refuse_dispersions_of_few_rows

#: The first stage only has to come near: its estimates are where the joint search starts.
STAGE_ONE_TOLERANCE = 1.0
#: The same for its modes: a ten-thousandth of their standard deviations.
STAGE_ONE_PRECISION = 1e-8


@dataclass(frozen=True, eq=False, kw_only=True)
class GeneralizedFit(Fit):
    """A fitted generalized linear mixed model.

    Parameters
    ----------
    xi : (s,) array
        Estimated dispersion parameters on the unconstrained scale, or coefficients of the basis of their models.
    value : float
        -2 log-likelihood.
    xi_start : (s,) array
        Where the search for these started.
    """

    xi: FloatArray
    value: float
    xi_start: FloatArray = field(repr=False)
    digest: GeneralizedDigest | None = None

    @property
    def criterion(self) -> float:
        """-2 log-likelihood."""
        return self.value

    @property
    def scale(self) -> float:
        """Standard deviation that T is relative to: none."""
        return 1.0

    @property
    def likelihood(self) -> Laplace:
        """What was maximized."""
        likelihood = self.model.likelihood
        assert isinstance(likelihood, Laplace)
        return likelihood

    @property
    def family(self) -> Family:
        """The response family, with its link."""
        return self.likelihood.family

    @property
    def nagq(self) -> int:
        """Nodes of quadrature."""
        return self.likelihood.nagq

    @property
    def weights(self) -> FloatArray:
        """What multiplies log densities, or numbers of trials, (n,)."""
        design = self.model.design
        return np.ones(design.n) if design.weights is None else design.weights

    @property
    def quantities(self) -> Quantities:
        """Variance and dispersion parameters and coefficients by description."""
        fixed = self.labels.fixed
        beta = fixed.coefficients(self.gamma).tolist()
        se = np.linalg.norm(np.linalg.inv(self.RX @ fixed.R), axis=1).tolist() if fixed.rank else []
        coefficients = dict(zip(fixed.kept_names, zip(beta, se, strict=True), strict=True))
        own = covariance_quantities(self.parameters, self.theta) | own_size(self.constant_dispersion)
        return own | {f"{parameter}~{c}": (v, 1.0) for parameter, c, v in self._of_models()} | coefficients

    def _of_models(self) -> Iterator[tuple[str, str, float]]:
        """Parameter, column and value of each coefficient of the parameters' models."""
        for name, labels in self.dispersion.models.items():
            for column, value in zip(labels.names, self.dispersion.coefficients(self.xi, name).tolist(), strict=True):
                yield name, column, value

    @property
    def phi(self) -> FloatArray:
        """Dispersion parameters, fixed ones included: (r,), or (r, n) where some have a model."""
        scale = self.dispersion
        return scale.to_natural(self.xi, self.model.design.parameter_rows if scale.models else None)[0]

    @property
    def constant_dispersion(self) -> dict[str, float]:
        """Dispersion parameters that are the same for all rows, fixed ones included."""
        scale = self.dispersion
        rows = {name: np.zeros((1, labels.rank)) for name, labels in scale.models.items()}
        phi = scale.to_natural(self.xi, rows)[0]
        return {
            p.name: float(np.ravel(v)[0])
            for p, v in zip(scale.parameters, phi, strict=True)
            if p.name not in scale.models
        }

    @property
    def dispersion(self) -> DispersionScale:
        """The family's dispersion parameters."""
        return DispersionScale(self.family.parameters, self.model.labels.parameters)

    @property
    def has_joint_covariance(self) -> bool:
        """Not where gamma was estimated with the modes."""
        return self.nagq > 0

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters and estimated dispersion parameters."""
        return len(self.gamma) + len(self.theta) + len(self.xi)

    @property
    def sizes(self) -> FloatArray:
        """What is a large change of each of (gamma, theta, xi)."""
        of_gamma, of_xi = np.full(len(self.gamma), self.eta), np.ones(len(self.xi_start))
        return np.concatenate([of_gamma, self.parameters.unit(self.eta), of_xi])

    @property
    def free(self) -> BoolArray:
        """Which of (gamma, theta, xi) are not at a boundary."""
        return np.concatenate([np.ones(len(self.gamma), bool), self.free_theta, ~self.dispersion_at_bound])

    @property
    def dispersion_at_bound(self) -> BoolArray:
        """Which estimated dispersion parameters are as far from their start as the search goes."""
        return np.abs(self.xi - self.xi_start) > WIDEST - 1e-6

    def factorized(self) -> FactorizedGeneralized:
        """The criterion in all parameters and the conditional modes at the estimates, analysed again."""
        return FactorizedGeneralized(self, analysis_with_gradient(self.pattern, self.backend))


@dataclass(frozen=True, eq=False)
class Laplace(Likelihood[GeneralizedFit]):
    """y given b as in a family, integrated over b by the Laplace approximation or by quadrature.

    Parameters
    ----------
    family : Family
    nagq : int
        Nodes of quadrature: 1 is the Laplace approximation, 0 estimates coefficients with the modes.
    weights_in_logdet : {"observed", "expected"}
        The weights in log|M|: `hessian` of `glmm`.
    provenance : tuple of Provenance
        Where the family comes from.
    """

    family: Family
    nagq: int = 1
    weights_in_logdet: str = "observed"
    provenance: tuple[Provenance, ...] = ()

    @classmethod
    def of(cls, family: Any, nagq: Any, hessian: Any) -> Laplace:
        """A likelihood as a user gives it, checked.

        Raises
        ------
        InputError, InputTypeError
            Where the family, `nagq` or `hessian` is none of what there is.
        """
        if not is_integer(nagq) or nagq < 0:
            raise InputError(f"nagq must be 0, 1 or a larger integer (nodes of quadrature); got {shown(nagq)}")
        if not isinstance(hessian, str) or hessian not in ("observed", "expected"):
            raise InputError(f"hessian must be 'observed' or 'expected'; got {shown(hessian)}")
        made, provenance = choose_family(family)
        return cls(made, int(nagq), hessian, (provenance,))

    def updated(self, changes: Mapping[str, Any]) -> Laplace:
        """With another `family` (a name or an object), `nagq` or `hessian`."""
        refuse_settings(changes, ("family", "nagq", "hessian"))
        settings = {"family": self.family, "nagq": self.nagq, "hessian": self.weights_in_logdet, **changes}
        made, known = Laplace.of(**settings), self.family
        if isinstance(known, OrderedFamily) and isinstance(made.family, OrderedFamily) and not made.family.categories:
            return replace(made, family=made.family.of_categories(known.labels))
        return made

    def check(self, design: MixedDesign) -> list[Note]:
        """What to warn of; responses that the family does not have, and impossible quadrature, are refused."""
        weights = np.ones(design.n) if design.weights is None else design.weights
        refuse_censored(design.y, f"the {self.family.name} family", self.family.censored)
        self.family.check_response(design.y, weights)
        self.family.check_identified(design.y, weights)
        notes = self.check_design(design)
        refuse_dispersions_of_few_rows(design, self.family)
        return notes

    def check_design(self, design: MixedDesign) -> list[Note]:
        """What to warn of; impossible quadrature, and thresholds without an intercept, are refused."""
        refuse_models(self.family, design.parameters)
        refuse_quadrature(self.nagq, design.labels)
        if isinstance(self.family, OrderedFamily):
            refuse_no_intercept(self.family, design.labels)
            return []
        return notes_of_no_intercept(design)

    def maximize(
        self, model: Model[GeneralizedFit], start: Any, watch: Watch, analysis: Analysis | None = None
    ) -> GeneralizedFit:
        """Maximize the (Laplace or quadrature) likelihood."""
        design, controls = model.design, model.controls
        with watch.phase("symbolic"):
            pattern = design.random.pattern
            covariance = Parameters(design.random.groups)
            given = None if start is None else covariance.given(start)
            analysis = analysis or model.analyze()
            pipeline = analysis.pipeline
            penalized = penalized_likelihood(design, self.family, analysis.symbolic, self.weights_in_logdet)
            scale = DispersionScale(self.family.parameters, design.parameters)
        if watch.observers:
            fixed = design.fixed.rank
            parameters = fixed + len(covariance) + len(scale)
            watch.tell(FitStarted("glmm", design.n, fixed, pattern.q, parameters, *pipeline.names))
        with watch.phase("start"), explained(penalized):
            begin = _start(penalized)
            xi = scale.to_free(begin.phi, design.parameter_rows)
            units = Units(float(1.0 / np.sqrt(begin.weight)), xi)
            criterion_of = partial(
                GeneralizedCriterion,
                penalized,
                units=units,
                watch=watch,
                differentiable=analysis.differentiable,
                parameters=covariance,
            )
            near = PRECISION if self.nagq == 0 else STAGE_ONE_PRECISION
            first = criterion_of(1, joint=True, precision=near)
            first.gamma = begin.gamma
            theta = covariance.of(begin.moments()) if given is None else given
            x = first.pack(begin.gamma, theta, xi)
        evaluations = controls.evaluations(pipeline.optimizer, len(x) + design.fixed.rank)
        look = partial(
            search,
            optimizer=pipeline.optimizer,
            tol=controls.tol,
            max_evaluations=evaluations,
            quick=True,
            random=design.random,
        )
        with watch.phase("nAGQ = 0"), explained(penalized):
            if self.nagq == 0:
                found = look(first, x)
            else:
                tolerance = max(controls.tol, STAGE_ONE_TOLERANCE)
                near_by = minimize(first, x, pipeline.optimizer, tolerance, evaluations).x
        if self.nagq:
            name = "Laplace" if self.nagq == 1 else f"nAGQ = {self.nagq}"
            with watch.phase(name), explained(penalized):
                found = look(*second_stage(partial(criterion_of, self.nagq, joint=False), first, near_by, x))
        with watch.phase("estimates"), explained(penalized):
            return _fit(model, self, found, pipeline, watch)


def _start(model: PenalizedLikelihood) -> Start:
    """Where the search starts, of a model that may have a maximum."""
    if isinstance(model, PartedLikelihood):
        return start_of_parts(model)
    refuse_offset(model)
    gamma, phi, working = fixed_effects_start(model)
    refuse_exact_fit(model, gamma)
    return Start(gamma, phi, float(np.mean(working.expected_weight)), partial(start_by_moments, model, working))


def _fit(
    model: Model[GeneralizedFit],
    likelihood: Laplace,
    found: Standing[GeneralizedCriterion],
    pipeline: Pipeline,
    watch: Watch,
) -> GeneralizedFit:
    """The estimates at the end of the search, and at the other points of the same deviance.

    Raises
    ------
    InputError
        Where the end of the search is no maximum.
    """
    criterion = found.criterion.exact

    def at(x: FloatArray) -> GeneralizedFit:
        here = criterion.at(x)
        mode = here.mode
        zeros = tuple(criterion.n_gamma + i for i in criterion.parameters.zeros(here.theta))
        return GeneralizedFit(
            model=model,
            parameters=criterion.parameters,
            turned=criterion.turned,
            eta=criterion.eta,
            theta=here.theta,
            gamma=mode.point.gamma,
            u=mode.point.u,
            b=mode.point.b,
            RX=mode.regular.RX,
            xi=criterion.unpack(x)[2],
            value=here.value,
            xi_start=criterion.units.xi,
            certificate=replace(found.certificate, at_boundary=zeros),
            provenance=(*pipeline.provenance, *likelihood.provenance, *model.provenance),
            n_evaluations=watch.n_evaluations,
            timings=dict(watch.timings),
        )

    here, converged = criterion.at(found.x), found.certificate.converged
    if isinstance(criterion.model, PartedLikelihood):
        refuse_runaways(criterion.model, here.mode.point.gamma)
    else:
        refuse_separation(criterion.model, here.mode.point.gamma, here.mode.phi, converged)
    refuse_dead_end(here.mode, here.quadrature, converged)
    if not found.certificate.is_stationary:
        refuse_predicted(here.mode)
    fit = at(found.x).beside([at(x) for x in found.flat if not _is_a_limit(criterion, found, x)])
    if fit.dispersion_at_bound.any():
        slopes = here.gradient[len(found.x) - len(fit.xi_start) :]
        refuse_growing_dispersion(fit.dispersion.owners, fit.dispersion_at_bound, slopes, model.labels.n)
    return fit


def _is_a_limit(criterion: GeneralizedCriterion, found: Standing[GeneralizedCriterion], there: FloatArray) -> bool:
    """Whether a flat direction is that of dispersion parameters on their way to a limit, such as the Poisson's.

    The data do determine that: the start of these parameters has another deviance. The coefficients of a parameter's
    model are not determined where it goes to a limit in some rows.
    """
    n = len(found.x) - len(criterion.units.xi)
    of_models = np.isin(criterion.dispersion.owners, list(criterion.dispersion.models))
    others = np.append(np.ones(n, dtype=bool), of_models)
    if not np.allclose(there[others], found.x[others], atol=1e-6):
        return False
    start = np.concatenate([found.x[:n], criterion.units.xi])
    return bool(abs(criterion.value(start) - found.value) > FLAT)
