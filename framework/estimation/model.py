"""What to fit (`Model`), and what came out (`Fit`): data, from which criteria are made when needed.

Longer than other files: a model makes fits and a fit holds its model, so that their types name each other.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from numbers import Integral
from typing import Any, Generic, Self, TypeVar

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, real_number
from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.linalg import Blocks, Factor, LinalgBackend, Pattern
from ..contracts.observer import FitFinished
from ..contracts.optim import Optimizer
from ..design.arrays import check_length
from ..design.censored import as_response
from ..design.fingerprint import Fingerprint
from ..design.labels import GroupLabels, Labels
from ..design.mixed import MixedDesign
from ..design.summed import SummedDesign
from ..notes import Note
from ..registry import Provenance
from ..threads import few_threads
from .certificate import Certificate
from .criterion import ModelCriterion
from .ending import Quantities, not_identified, notes_of, singular_factors
from .parameters import Parameters
from .pipeline import Analysis, Watch
from .relative import RelativeFactor

log = logging.getLogger(__name__)

#: More iterations than any optimizer counts.
MOST = 10**9
#: The fit of a kind of models.
F = TypeVar("F", bound="Fit")


@dataclass(frozen=True)
class Controls:
    """How to search.

    Parameters
    ----------
    backend, optimizer : str or plugin
        Names, objects, or "auto".
    tol : float
        The search stops when no more than this is expected to be gained in deviance.
    max_iter : int
        Iterations of the optimizer.
    """

    backend: str | LinalgBackend = "auto"
    optimizer: str | Optimizer = "auto"
    tol: float = 1e-8
    max_iter: int = 200

    @classmethod
    def of(cls, backend: Any, optimizer: Any, tol: Any, max_iter: Any) -> Self:
        """Controls as a user gives them, checked.

        Raises
        ------
        InputError, InputTypeError
            For numbers that are out of their range.
        """
        tol = real_number(tol, "tol")
        if not 0 < tol < np.inf:
            raise InputError(f"tol must be positive and finite; got {tol}")
        if not is_integer(max_iter) or not 1 <= max_iter <= MOST:
            raise InputError(f"max_iter must be an integer of at least 1 (and at most {MOST}); got {shown(max_iter)}")
        return cls(backend, optimizer, tol, int(max_iter))

    def evaluations(self, optimizer: Optimizer, n_parameters: int) -> int:
        """Most evaluations of the criterion: derivative-free optimizers need more."""
        return self.max_iter if optimizer.needs_gradient else self.max_iter * (1 + n_parameters)


class Likelihood(ABC, Generic[F]):
    """What the rows are distributed as given the random effects, and what is maximized."""

    #: Whether log|M| may have a Monte Carlo error.
    can_be_sampled = False

    @abstractmethod
    def check(self, design: MixedDesign) -> list[Note]:
        """What to warn of in these rows.

        Raises
        ------
        InputError
            For rows that this likelihood cannot be of.
        """

    @abstractmethod
    def check_design(self, design: MixedDesign) -> list[Note]:
        """The part of `check` that is about the design alone, for models of many responses.

        Raises
        ------
        InputError
            For a design that this likelihood cannot have.
        """

    @abstractmethod
    def updated(self, changes: Mapping[str, Any]) -> Self:
        """With other settings, all of which have to be this likelihood's.

        Raises
        ------
        InputError, InputTypeError
            For settings that are unknown or out of their range.
        """

    @abstractmethod
    def maximize(self, model: Model[F], start: Any, watch: Watch, analysis: Analysis | None = None) -> F:
        """The estimates; `start` is theta of the user's columns, or None."""


@dataclass(frozen=True, eq=False)
class Model(Generic[F]):
    """What to fit.

    Parameters
    ----------
    labels : Labels
    likelihood : Likelihood
    controls : Controls
    provenance : tuple of Provenance
        Plugins of the likelihood and of covariance structures.
    rows : MixedDesign, optional
        None in models that were saved without.
    summed : SummedDesign, optional
        Sums over rows that were never together, in their place.
    """

    labels: Labels
    likelihood: Likelihood[F]
    controls: Controls
    provenance: tuple[Provenance, ...] = ()
    rows: MixedDesign | None = None
    summed: SummedDesign | None = None

    @classmethod
    def of(
        cls,
        design: MixedDesign,
        likelihood: Likelihood[F],
        controls: Controls | None = None,
        provenance: tuple[Provenance, ...] = (),
    ) -> Self:
        """The model of these rows."""
        return cls(design.labels, likelihood, controls or Controls(), provenance, design)

    @property
    def design(self) -> MixedDesign:
        """The rows.

        Raises
        ------
        InputError
            Where there are none.
        """
        if self.rows is None:
            raise InputError(
                f"this model has no rows (it was {'saved without them' if self.summed is None else 'fitted to sums'}): "
                "predictions for new data, tests and tables work; fitted values, residuals and refits need a fit with "
                "rows"
            )
        return self.rows

    def analyze(self) -> Analysis:
        """What fits of this model to other responses may share."""
        sampled = self.likelihood.can_be_sampled and self.labels.residual is None
        return Analysis.of(self.labels.pattern, self.controls.backend, self.controls.optimizer, sampled=sampled)

    def fit(self, *, start: Any = None, watch: Watch | None = None, analysis: Analysis | None = None) -> F:
        """Maximize the likelihood, from theta = `start` where one is given, by an `analysis` that was made before."""
        level = logging.DEBUG if watch is None else logging.INFO  # a fit that nobody watches is part of other work
        watch = Watch() if watch is None else watch
        labels = self.labels
        log.log(level, "fit of %s: %d observations, %d random effects", labels, labels.n, labels.pattern.q)
        with few_threads(*labels.dense_sizes):
            fit = self.likelihood.maximize(self, start, watch, analysis)
        seconds = sum(watch.timings.values())
        log.log(level, "fit ended: %s; criterion %.6f, %d evaluations, %.3g s, by %s", fit.certificate, fit.criterion,
                fit.n_evaluations, seconds, " and ".join(map(str, fit.provenance[:2])))  # fmt: skip
        if watch.observers:
            watch.tell(FitFinished(fit.certificate.converged, fit.criterion, fit.n_evaluations, seconds))
        return fit

    def with_response(self, y: Any) -> Self:
        """The same model of another response.

        Raises
        ------
        InputError, InputTypeError
            For a y that does not fit.
        """
        values = as_response(y)
        check_length(values, self.labels.n, "y")
        design = replace(self.design, y=values)
        self.likelihood.check(design)
        return replace(self, rows=design)

    def updated(self, changes: Mapping[str, Any]) -> Self:
        """The same model with another response `y`, or other settings of the likelihood or the search.

        Raises
        ------
        InputError, InputTypeError
            For settings that are unknown or out of their range.
        """
        model = self.with_settings({name: value for name, value in changes.items() if name != "y"})
        if "y" in changes:
            return model.with_response(changes["y"])
        if model.summed is None:
            model.likelihood.check(model.design)
        return model

    def with_settings(self, changes: Mapping[str, Any]) -> Self:
        """The same model with other settings, not yet held against the rows.

        Raises
        ------
        InputError, InputTypeError
            For settings that are unknown or out of their range.
        """
        own = {f.name: getattr(self.controls, f.name) for f in fields(self.controls)}
        others = {name: value for name, value in changes.items() if name not in own}
        controls = Controls.of(**(own | {name: changes[name] for name in own if name in changes}))
        return replace(self, controls=controls, likelihood=self.likelihood.updated(others))


def refuse_settings(changes: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse settings that are none of those of a likelihood or of a search."""
    unknown = [name for name in changes if name not in known]
    if unknown:
        have = ", ".join(["y", *known, *(f.name for f in fields(Controls))])
        raise InputTypeError(f"update has no argument {', '.join(unknown)}; this model has {have}")


def is_integer(value: Any) -> bool:
    """Whether a value is an integer, and not True or False."""
    return isinstance(value, Integral) and not isinstance(value, bool)


@dataclass(frozen=True, eq=False, kw_only=True)
class Digest:
    """What a fit without rows keeps of them: its size does not depend on their number.

    Parameters
    ----------
    residual_quantiles : (5,) array
        Of the scaled residuals.
    fingerprint : Fingerprint
        By which other fits are known to be of the same rows.
    """

    residual_quantiles: FloatArray
    fingerprint: Fingerprint


class Factorized(ABC):
    """A fit whose matrices are factorized again: for who needs more than estimates, for as long as needed."""

    @property
    @abstractmethod
    def factor(self) -> Factor:
        """L of M at the estimates."""

    @property
    @abstractmethod
    def Lambda(self) -> RelativeFactor:
        """The relative covariance factor at the estimates."""

    @property
    @abstractmethod
    def solved(self) -> FloatArray:
        """M^-1 Lambda'Z'WQ, (q, r)."""

    @abstractmethod
    def joint(self) -> tuple[ModelCriterion[Any], FloatArray]:
        """-2 log-likelihood in all parameters (gamma, theta, dispersion), and where it is least.

        Of linear models theta is that of sigma T, the dispersion log sigma, and fits by REML lead to the estimates of
        maximum likelihood.
        """

    @abstractmethod
    def moved(self) -> tuple[FloatArray, FloatArray]:
        """Derivatives of gamma (r, m) and of the random effects b (q, m) by the other parameters.

        These are theta, and of generalized models the dispersion parameters xi. By central differences; zero where a
        parameter stands at a boundary. Generalized models estimate gamma beside them: it stays.
        """


@dataclass(frozen=True, eq=False, kw_only=True)
class Fit(ABC):
    """What came out: estimates and the evidence that they are the optimum.

    theta, u and b belong to the basis of the random-effects columns in which the fit was certified.

    Parameters
    ----------
    model : Model
    parameters : Parameters
        What theta is, in the basis of the fit.
    turned : tuple of (k, k) arrays
        That basis is the model's, times these orthogonal matrices.
    eta : float
        Standard deviation of an average observation on the scale of the linear predictor, relative to `scale`.
    theta : (m,) array
        Covariance parameters.
    gamma : (r,) array
        Coefficients of Q.
    u, b : (q,) arrays
        Spherical random effects, and random effects.
    RX : (r, r) upper triangular array
    certificate : Certificate
    provenance : tuple of Provenance
        Plugins that made the fit; the backend first.
    n_evaluations : int
    timings : mapping of str to float
        Seconds by phase.
    elsewhere : tuple of fits
        With other parameters and the same criterion, one for each direction that the data do not determine.
    digest : Digest, optional
        What is kept of the rows, in fits without rows.
    """

    model: Model[Any]
    parameters: Parameters
    turned: Blocks
    eta: float
    theta: FloatArray
    gamma: FloatArray
    u: FloatArray
    b: FloatArray
    RX: FloatArray
    certificate: Certificate
    provenance: tuple[Provenance, ...]
    n_evaluations: int
    timings: Mapping[str, float]
    elsewhere: tuple[Self, ...] = ()
    digest: Digest | None = None

    # What the kinds give --------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def criterion(self) -> float:
        """-2 log-likelihood, or the REML criterion."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """Standard deviation that T is relative to: sigma, or 1."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Number of estimated parameters, fixed effects included."""

    @property
    @abstractmethod
    def quantities(self) -> Quantities:
        """Parameters by description, with the sizes that differences between them are seen in."""

    @abstractmethod
    def factorized(self) -> Factorized:
        """The fit with its matrices factorized again."""

    # Labels and rows ------------------------------------------------------------------------------------------------

    @property
    def labels(self) -> Labels:
        """Labels of the model, with the fit's basis."""
        return replace(self.model.labels, groups=self.groups)

    @property
    def groups(self) -> tuple[GroupLabels, ...]:
        """Grouping factors, with the fit's basis."""
        return self.parameters.groups

    @property
    def pattern(self) -> Pattern:
        """Pattern of the random effects."""
        return self.model.labels.pattern

    @property
    def fingerprint(self) -> Fingerprint:
        """That of the rows."""
        if self.digest is not None:
            return self.digest.fingerprint
        return self.model.design.fingerprint

    @property
    def linear_predictor(self) -> FloatArray:
        """Offset + X beta + Z b, (n,)."""
        return self.model.design.linear_predictor(self.gamma, self.effects_of_model)

    @property
    def roots_of_model(self) -> Blocks:
        """T of every factor in the basis of the model; not lower triangular where that is another one."""
        return tuple(turn @ T for turn, T in zip(self.turned, self.parameters.T(self.theta), strict=True))

    @property
    def effects_of_model(self) -> FloatArray:
        """b in the basis of the model."""
        if all(np.array_equal(turn, np.eye(len(turn))) for turn in self.turned):
            return self.b
        parts = zip(self.turned, self.pattern.split(self.b[:, None]), strict=True)
        return np.concatenate([(turn @ part[0]).ravel() for turn, part in parts])

    # Covariance of estimates ----------------------------------------------------------------------------------------

    @property
    def has_joint_covariance(self) -> bool:
        """Whether the criterion is a likelihood of all parameters together, so that these have a covariance."""
        return True

    @property
    def gamma_covariance(self) -> FloatArray:
        """Of gamma given all other parameters, (r, r): scale^2 (R_X'R_X)^-1."""
        root = np.linalg.inv(self.RX) if len(self.RX) else self.RX
        return np.asarray(self.scale**2 * root @ root.T)

    # Covariance parameters ------------------------------------------------------------------------------------------

    @property
    def backend(self) -> str | LinalgBackend:
        """The backend that was used."""
        asked = self.model.controls.backend
        return self.provenance[0].name if asked == "auto" else asked

    @property
    def relative_factors(self) -> tuple[FloatArray, ...]:
        """T of every factor, for the user's columns."""
        return self.parameters.users_roots(self.theta)

    @property
    def covariances(self) -> list[FloatArray]:
        """Covariance matrices of the random effects by factor, of the user's columns."""
        return [self.scale**2 * T @ T.T for T in self.relative_factors]

    @property
    def free_theta(self) -> BoolArray:
        """Parameters of theta that are not in a column of T that is zero, nor at a bound."""
        return self.parameters.free(self.theta, self.eta)

    @property
    def singular_factors(self) -> list[str]:
        """Factors whose covariance matrix has no full rank, seen in the units of one observation."""
        return singular_factors(self.parameters, self.theta / self.parameters.unit(self.eta))

    # Verdict --------------------------------------------------------------------------------------------------------

    @property
    def notes(self) -> tuple[Note, ...]:
        """What to warn of."""
        return notes_of(self.certificate, self.singular_factors)

    def beside(self, others: Sequence[Self]) -> Self:
        """The fit that knows of other points with the same criterion: what differs there is not determined."""
        unknown = not_identified(self.quantities, [other.quantities for other in others]) if others else ()
        certificate = replace(self.certificate, not_identified=unknown)
        return replace(self, elsewhere=tuple(others), certificate=certificate)
