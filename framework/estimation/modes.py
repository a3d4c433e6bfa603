"""PIRLS: the conditional modes of the random effects, by Newton steps on the penalized likelihood.

With eta = offset + Q gamma + Z Lambda u, the modes minimize h(u) = -2 sum log f(y | eta) + u'Ku, where K is I but for
levels of known precision. Each step solves the same system M = Lambda'Z'WZ Lambda + K as a linear mixed model, with
working weights W (Bates et al. 2015, section 3.2; "penalized iteratively reweighted least squares" of lme4). Observed
weights make it Newton's method; where they leave M indefinite, the step takes the expected ones (Fisher scoring).

With some links (identity, inverse, the log link of a probability) the linear predictors must stay on one side of an
edge. Steps then go at most a part of the way to it. Where h falls all the way to the edge there are no modes.

Longer than other files: a step, its system and the edge it may meet share their state and are read together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..contracts.family import Derivatives, Family
from ..contracts.linalg import Factor, Pattern, PatternBlocks, Symbolic
from ..design.mixed import MixedDesign
from ..design.template import Template
from .dispersion import DispersionScale
from .prior import Prior
from .profiled import triangular_solves, upper_cholesky
from .relative import RelativeFactor
from .weighted import Weighted, WeightedRows

#: Newton decrement, a coordinate, at which modes are exact to rounding (log|M| is linear in their error).
PRECISION = 1e-22
#: Newton decrement below which Newton's method converges quadratically: a tenth of a standard deviation.
QUADRATIC = 1e-2
#: Newton decrement from which one more step leaves nothing but rounding: its error is the square of the last one.
LAST_STEP = 1e-10
#: No working weight is that large but on the way to overflow.
OVERFLOW = 1e150
#: Newton decrement, a coordinate, of predicted modes beyond which the prediction is compared: ten standard deviations.
FAR = 1e2
MAX_STEPS = 100
MAX_HALVINGS = 50
#: Part of the way to the edge of the domain that a step may go.
TO_EDGE = 0.9
#: So many steps towards the edge, one after the other, end there to rounding.
MAX_STEPS_TO_EDGE = 15


#: Halvings of the way from a start that is outside of the domain to u = 0.
MAX_PULLS = 6


class DegenerateModeError(NotPositiveDefiniteError):
    """The conditional density of the random effects has no strict maximum where its slope vanishes."""


class EdgeError(NotPositiveDefiniteError):
    """The modes are not inside of the family's domain, as far as was seen."""


@dataclass(frozen=True, eq=False)
class PenalizedLikelihood:
    """The likelihood given the random effects, and theirs, of a generalized linear mixed model.

    Parameters
    ----------
    design : MixedDesign
        Weights multiply log densities, or are numbers of trials.
    family : Family
    symbolic : Symbolic
        A backend's analysis of the design's pattern.
    weights_in_logdet : {"observed", "expected"}
        The weights in log|M|.
    """

    design: MixedDesign
    family: Family
    symbolic: Symbolic
    weights_in_logdet: str

    @property
    def y(self) -> FloatArray:
        """The response."""
        return self.design.y

    @cached_property
    def weights(self) -> FloatArray:
        """Weights of the rows."""
        return np.ones(self.design.n) if self.design.weights is None else self.design.weights

    @property
    def pattern(self) -> Pattern:
        """Pattern of the random effects."""
        return self.design.random.pattern

    @property
    def template(self) -> Template:
        """Which entries the factors' T have."""
        return self.design.random.template

    @cached_property
    def density(self) -> Family:
        """The family, to be evaluated at the response."""
        return self.family.of_response(self.y, self.weights)

    @cached_property
    def K(self) -> Prior:
        """Precision of the spherical effects."""
        return Prior(self.pattern)

    def Lambda(self, entries: FloatArray) -> RelativeFactor:
        """The relative covariance factor of these entries of T."""
        return RelativeFactor(self.pattern, self.template, entries)

    @cached_property
    def domain(self) -> tuple[float, float]:
        """Open interval of the linear predictors that have a mean."""
        return self.family.eta_bounds

    @property
    def bounded(self) -> bool:
        """Whether the domain of the linear predictors has an edge."""
        return bool(np.isfinite(self.domain).any())

    @cached_property
    def support(self) -> tuple[float, float]:
        """Open interval of the linear predictors that have a density.

        That is the domain, and what lies beyond an edge where the link's formula goes on to give means (eta^2 of the
        sqrt link at eta < 0): a level's integral goes on there, as in other programs.
        """
        lower, upper = self.family.mean_bounds
        with np.errstate(all="ignore"):
            below, above = self.family.link.mean(np.array([self.domain[0] - 1.0, self.domain[1] + 1.0])).mu
        return (
            -np.inf if lower < below < upper else self.domain[0],
            np.inf if lower < above < upper else self.domain[1],
        )

    @property
    def Q(self) -> FloatArray:
        """Basis of X's columns."""
        return self.design.fixed.Q

    def Zt(self, v: FloatArray) -> FloatArray:
        """Z'v."""
        return self.design.random.Zt(v)

    def Z(self, b: FloatArray) -> FloatArray:
        """Z b."""
        return self.design.random.Z(b)

    def eta(self, b: FloatArray, gamma: FloatArray) -> FloatArray:
        """The linear predictor offset + Q gamma + Z b."""
        return self.design.linear_predictor(gamma, b)

    def evaluate(self, eta: FloatArray, phi: FloatArray) -> Derivatives | None:
        """Log density and derivatives at eta; None outside of the family's domain."""
        if not (np.isfinite(eta).all() and self.family.valid(eta)):
            return None
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self.density.evaluate(self.y, eta, self.weights, phi, 2)

    def within(self, eta: FloatArray, phi: FloatArray, order: Literal[2, 3], inside: FloatArray) -> Derivatives:
        """The same at any eta: a density of 0 outside of its support; `inside` lies in it."""
        lower, upper = self.support
        ok = np.isfinite(eta) & (eta > lower) & (eta < upper)
        with np.errstate(all="ignore"):
            at = self.density.evaluate(self.y, np.where(ok, eta, inside), self.weights, phi, order)
        density = np.where(ok & ~np.isnan(at.log_density), at.log_density, -np.inf)
        # no slope where there is no density, or where a mean has underflowed and the density is at its limit
        d1 = np.where(np.isfinite(density) & np.isfinite(at.d1), at.d1, 0.0)
        phi1 = None if at.phi1 is None else np.where(np.isfinite(density) & np.isfinite(at.phi1), at.phi1, 0.0)
        return replace(at, log_density=density, d1=d1, phi1=phi1)

    @staticmethod
    def steps_to_edge(eta: FloatArray, change: FloatArray, interval: tuple[float, float]) -> FloatArray:
        """How many times `change` each linear predictor may move before it leaves the interval, (n,)."""
        lower, upper = interval
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            steps = np.where(change > 0, upper - eta, lower - eta) / change
        return np.where(change == 0, np.inf, steps)

    def point(self, Lambda: RelativeFactor, phi: FloatArray, u: FloatArray, gamma: FloatArray) -> Point:
        """The penalized likelihood at (u, gamma); infinite where eta leaves the family's domain."""
        b = Lambda @ u
        eta = self.eta(b, gamma)
        at, penalized = self.evaluate(eta, phi), np.inf
        if at is not None:
            penalized = -2.0 * float(at.log_density.sum()) + float(u @ (self.K @ u))
        return Point(u, gamma, b, eta, at, penalized if np.isfinite(penalized) else np.inf)

    # The rows' part of a step -----------------------------------------------------------------------------------------

    def slopes(self, point: Point, *, joint: bool) -> tuple[FloatArray, FloatArray | None]:
        """Z'd1, and Q'd1 where gamma is estimated jointly."""
        d1 = point.derivatives.d1
        return self.Zt(d1), self.Q.T @ d1 if joint else None

    def weighted(self, point: Point, *, observed: bool) -> Weighted:
        """Sums over the rows with observed or expected working weights."""
        at = point.derivatives
        return WeightedRows(self.design, -at.d2 if observed else at.expected_weight)

    def length_to_edge(self, point: Point, db: FloatArray, dgamma: FloatArray) -> float:
        """How many times (db, dgamma) fit between the linear predictors and the edge of the domain."""
        change = self.Z(db) + (self.Q @ dgamma if len(dgamma) else 0.0)
        return float(self.steps_to_edge(point.eta, change, self.domain).min())

    def moved(
        self, mode: Mode, Lambda: RelativeFactor, phi: FloatArray, gamma: FloatArray
    ) -> tuple[FloatArray, FloatArray | None]:
        """Z'd1 and Q'd1 at other parameters and the same u, to first order."""
        d = mode.derivatives
        moved = d.d1 + d.d2 * (self.eta(Lambda @ mode.point.u, gamma) - mode.point.eta)
        if len(phi):
            assert d.phi1_eta is not None
            moved += ((phi - mode.phi).reshape(len(phi), -1) * d.phi1_eta).sum(axis=0)
        return self.Zt(moved), self.Q.T @ moved if mode.joint else None

    def outer_scores(self, mode: Mode, scale: DispersionScale, slope: FloatArray) -> FloatArray:
        """Twice the sum over rows of products of scores about their means, by unconstrained dispersion parameters."""
        phi1 = mode.derivatives.phi1
        assert phi1 is not None
        scores = scale.scores(phi1, slope, self.design.parameter_rows)
        scores = scores - scores.mean(axis=1, keepdims=True)
        return np.asarray(2.0 * scores @ scores.T)


@dataclass(frozen=True, eq=False)
class Point:
    """Where PIRLS stands: h(u) is `penalized`."""

    u: FloatArray
    gamma: FloatArray
    b: FloatArray
    eta: FloatArray
    at: Derivatives | None
    penalized: float

    @property
    def derivatives(self) -> Derivatives:
        """Those of the log density, inside of the domain."""
        assert self.at is not None
        return self.at


class System:
    """M with given working weights, and with gamma where it is solved for jointly."""

    def __init__(self, model: PenalizedLikelihood, Lambda: RelativeFactor, sums: Weighted) -> None:
        if not sums.largest < OVERFLOW:
            raise NotPositiveDefiniteError("the working weights overflow: the predictor is far from the data")
        self.sums, self.Lambda = sums, Lambda
        self.ZtWZ: PatternBlocks = sums.ZtWZ
        self.factor: Factor = model.symbolic.factorize(self.ZtWZ, Lambda.T)

    @property
    def ZtWQ(self) -> FloatArray:
        """Z'WQ, (q, r)."""
        return self.sums.ZtWQ

    @cached_property
    def RZX(self) -> FloatArray:
        """L^-1 P Lambda'Z'WQ."""
        return self.factor.half_solve(self.Lambda.t @ self.ZtWQ)

    @cached_property
    def RX(self) -> FloatArray:
        """Upper triangular, R_X'R_X = Q'WQ - RZX'RZX."""
        return upper_cholesky(self.sums.QtWQ - self.RZX.T @ self.RZX)

    def solve(self, g_u: FloatArray, g_gamma: FloatArray | None) -> tuple[FloatArray, FloatArray, float]:
        """(du, dgamma) from the gradients, and the Newton decrement; gamma is held where g_gamma is None."""
        cu = self.factor.half_solve(g_u[:, None])[:, 0]
        if g_gamma is None:
            return self.factor.back_solve(cu[:, None])[:, 0], np.zeros(0), float(cu @ cu)
        c, dgamma = triangular_solves(self.RX, g_gamma - self.RZX.T @ cu)
        du = self.factor.back_solve((cu - self.RZX @ dgamma)[:, None])[:, 0]
        return du, dgamma, float(cu @ cu + c @ c)


@dataclass(frozen=True, eq=False)
class Mode:
    """The conditional modes at (Lambda, phi), and gamma or its joint estimate.

    Parameters
    ----------
    newton : System
        With observed weights: the Hessian of h / 2.
    system : System
        With the weights that enter log|M|.
    joint : bool
        Whether gamma was estimated together with u.
    """

    model: PenalizedLikelihood
    Lambda: RelativeFactor
    phi: FloatArray
    point: Point
    newton: System
    system: System
    joint: bool

    @property
    def criterion(self) -> float:
        """The Laplace criterion h(u) + log|M(u)| - log|K|."""
        return self.point.penalized + (self.system.factor.logdet - self.model.K.logdet)

    @cached_property
    def derivatives(self) -> Derivatives:
        """Those of the log density, up to the third."""
        model = self.model
        return model.density.evaluate(model.y, self.point.eta, model.weights, self.phi, 3)

    @property
    def log_density(self) -> float:
        """Of the response, given the random effects."""
        at, u = self.point.at, self.point.u
        if at is None:  # rows are in parts
            return -0.5 * (self.point.penalized - float(u @ (self.model.K @ u)))
        return float(at.log_density.sum())

    @property
    def working_weights(self) -> FloatArray:
        """The weights in log|M|, (n,)."""
        at = self.point.derivatives
        return -at.d2 if self.model.weights_in_logdet == "observed" else at.expected_weight

    @cached_property
    def score(self) -> FloatArray:
        """Z'd1, at the modes Lambda^-T K u."""
        score, weight = self.model.slopes(self.point, joint=False)[0], self.newton.sums.mean
        return self.Lambda.with_digits(score[:, None], (self.model.K @ self.point.u)[:, None], weight)[:, 0]

    @cached_property
    def regular(self) -> System:
        """`system`, or one with expected weights where observed ones leave the fixed effects no information."""
        try:
            self.system.RX  # noqa: B018
        except NotPositiveDefiniteError:
            return System(self.model, self.Lambda, self.model.weighted(self.point, observed=False))
        return self.system

    def follow(self, Lambda: RelativeFactor, phi: FloatArray, gamma: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(u, gamma) at other parameters, to first order (the implicit function theorem): a start for `find_mode`.

        At the modes Lambda'Z'd1 = Ku, and Q'd1 = 0 where gamma is estimated jointly. With the parameters d1 moves by
        d2 deta + dd1/dphi dphi, where deta is the change of the linear predictor at fixed u. A prediction of a long way
        off may lead astray: the old place may be the better one.
        """
        model = self.model
        gamma = self.point.gamma if self.joint else gamma
        score, of_gamma = model.moved(self, Lambda, phi, gamma)
        du, dgamma, decrement = self.newton.solve(Lambda.t @ score - model.K @ self.point.u, of_gamma)
        here, there = (self.point.u, gamma), (self.point.u + du, gamma + dgamma if self.joint else gamma)
        far = decrement > FAR * (len(du) + len(dgamma))
        if far and model.point(Lambda, phi, *there).penalized > model.point(Lambda, phi, *here).penalized:
            return here
        return there


def find_mode(
    model: PenalizedLikelihood,
    Lambda: RelativeFactor,
    phi: FloatArray,
    u: FloatArray,
    gamma: FloatArray,
    *,
    joint: bool,
    precision: float = PRECISION,
) -> Mode:
    """Newton's method with step-halving from (u, gamma), to a Newton decrement of `precision` a coordinate.

    Raises
    ------
    EdgeError
        Where no start inside of the domain was found, or the penalized likelihood grows up to its edge.
    DegenerateModeError
        Where the slope vanishes without a maximum.
    NotPositiveDefiniteError
        Where no modes are found.
    """
    point = _start_inside(model, Lambda, phi, u, gamma)
    limit, last, to_edge = precision * (len(u) + len(gamma)), np.inf, 0
    for _ in range(MAX_STEPS):
        system, is_newton = _step_system(model, Lambda, point, joint)
        score, of_gamma = model.slopes(point, joint=joint)
        du, dgamma, decrement = system.solve(Lambda.t @ score - model.K @ point.u, of_gamma)
        # Near the modes the gradient still has digits where h, a sum of large terms, has none: full steps, without
        # a look at h, for as long as the decrement falls.
        near = decrement <= QUADRATIC
        rounding = 1e-12 * (abs(point.penalized) + 1.0)
        if decrement <= limit or (near and last <= decrement <= rounding):
            return _mode(model, Lambda, phi, point, system if is_newton else None, joint)
        ceiling = np.finfo(float).max if near else point.penalized + 0.1 * rounding
        length = 1.0
        if model.bounded:
            length = min(length, TO_EDGE * model.length_to_edge(point, Lambda @ du, dgamma))
        to_edge = to_edge + 1 if length < 1.0 else 0
        new = _line_search(model, Lambda, phi, point, length * du, length * dgamma if joint else None, ceiling)
        if new is None or to_edge == MAX_STEPS_TO_EDGE:
            break
        point, last = new, decrement
        if is_newton and length == 1.0 and decrement <= LAST_STEP:
            return _mode(model, Lambda, phi, point, None, joint)
    if to_edge:
        raise EdgeError("the penalized likelihood grows up to the edge of its domain")
    if near and not is_newton:
        raise DegenerateModeError("M is singular at the modes")
    raise NotPositiveDefiniteError("PIRLS does not converge")


def mode_at(
    model: PenalizedLikelihood, Lambda: RelativeFactor, phi: FloatArray, u: FloatArray, gamma: FloatArray
) -> Mode:
    """The modes, where (u, gamma) are known to be them."""
    return _mode(model, Lambda, phi, model.point(Lambda, phi, u, gamma), None, False)


def _start_inside(
    model: PenalizedLikelihood, Lambda: RelativeFactor, phi: FloatArray, u: FloatArray, gamma: FloatArray
) -> Point:
    """The point (u, gamma); where it is outside of the domain, one on the way from it to u = 0."""
    length = 1.0
    for _ in range(MAX_PULLS):
        point = model.point(Lambda, phi, length * u, gamma)
        if np.isfinite(point.penalized):
            return point
        length *= 0.5
    point = model.point(Lambda, phi, np.zeros_like(u), gamma)
    if np.isfinite(point.penalized):
        return point
    if model.bounded:
        raise EdgeError("the linear predictors leave the family's domain at the start of PIRLS")
    raise NotPositiveDefiniteError(
        "the density is not finite at the start of PIRLS: the predictor is far from the data"
    )


def _step_system(model: PenalizedLikelihood, Lambda: RelativeFactor, point: Point, joint: bool) -> tuple[System, bool]:
    """The system of the next step, and whether that is Newton's (or else Fisher scoring)."""
    try:
        system = System(model, Lambda, model.weighted(point, observed=True))
        if joint:
            system.RX  # noqa: B018  has to be there for the step
        return system, True
    except NotPositiveDefiniteError:
        return System(model, Lambda, model.weighted(point, observed=False)), False


def _line_search(
    model: PenalizedLikelihood,
    Lambda: RelativeFactor,
    phi: FloatArray,
    point: Point,
    du: FloatArray,
    dgamma: FloatArray | None,
    ceiling: float,
) -> Point | None:
    length = 1.0
    for _ in range(MAX_HALVINGS):
        gamma = point.gamma if dgamma is None else point.gamma + length * dgamma
        new = model.point(Lambda, phi, point.u + length * du, gamma)
        if new.penalized <= ceiling:
            return new
        length *= 0.5
    return None


def _mode(
    model: PenalizedLikelihood,
    Lambda: RelativeFactor,
    phi: FloatArray,
    point: Point,
    newton: System | None,
    joint: bool,
) -> Mode:
    if newton is None:
        try:
            newton = System(model, Lambda, model.weighted(point, observed=True))
        except NotPositiveDefiniteError as error:
            raise DegenerateModeError(f"the modes are no minimum: {error}") from error
    entering = newton
    if model.weights_in_logdet != "observed":
        entering = System(model, Lambda, model.weighted(point, observed=False))
    return Mode(model, Lambda, phi, point, newton, entering, joint)


__all__ = ["DegenerateModeError", "EdgeError", "Mode", "PenalizedLikelihood", "Point", "System", "find_mode", "mode_at"]
