"""PIRLS: the conditional modes of the random effects, by Newton steps on the penalized likelihood.

With eta = offset + Q gamma + Z Lambda u, the modes minimize h(u) = -2 sum log f(y | eta) + |u|^2. Each step solves the
same system M = Lambda'Z'WZ Lambda + I as a linear mixed model, with working weights W (Bates et al. 2015, section 3.2;
"penalized iteratively reweighted least squares" of lme4). Observed weights make it Newton's method; where they leave M
indefinite, the step takes the expected ones (Fisher scoring).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import NotPositiveDefiniteError
from ..contracts.family import Derivatives, Family
from ..contracts.linalg import Factor, PatternBlocks, Structure, Symbolic
from ..design.mixed import MixedDesign
from ..design.random import PatternProduct
from .profiled import blockwise, triangular_solves, upper_cholesky

#: Newton decrement, a coordinate, at which modes are exact to rounding (log|M| is linear in their error).
PRECISION = 1e-18
#: Newton decrement below which Newton's method converges quadratically: a tenth of a standard deviation.
QUADRATIC = 1e-2
MAX_STEPS = 100
MAX_HALVINGS = 50


@dataclass(frozen=True, eq=False)
class Model:
    """Design, response and backend of a generalized linear mixed model."""

    design: MixedDesign
    family: Family
    y: FloatArray
    weights: FloatArray
    symbolic: Symbolic
    hessian: str

    @property
    def structure(self) -> Structure:
        """Structure of the random effects."""
        return self.design.random.structure

    @property
    def Q(self) -> FloatArray:
        """Basis of X's columns."""
        return self.design.fixed.Q

    def lambda_t(self, T: tuple[FloatArray, ...], B: FloatArray) -> FloatArray:
        """Lambda' B."""
        return blockwise(self.structure, [t.T for t in T], B)

    def lambda_(self, T: tuple[FloatArray, ...], B: FloatArray) -> FloatArray:
        """Lambda B."""
        return blockwise(self.structure, list(T), B)

    def Zt(self, v: FloatArray) -> FloatArray:
        """Z'v of one vector."""
        return self.design.random.Zt(v[:, None])[:, 0]

    def point(self, T: tuple[FloatArray, ...], phi: FloatArray, u: FloatArray, gamma: FloatArray) -> Point:
        """The penalized likelihood at (u, gamma); infinite where eta leaves the family's domain."""
        b = self.lambda_(T, u[:, None])[:, 0]
        eta = self.design.random.Z(b)
        if len(gamma):
            eta += self.Q @ gamma
        if self.design.offset is not None:
            eta += self.design.offset
        at, penalized = None, np.inf
        if np.isfinite(eta).all() and self.family.valid(eta):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                at = self.family.evaluate(self.y, eta, self.weights, phi, 2)
                penalized = -2.0 * float(at.log_density.sum()) + float(u @ u)
        return Point(u, gamma, b, eta, at, penalized if np.isfinite(penalized) else np.inf)


@dataclass(frozen=True, eq=False)
class Point:
    """Where PIRLS stands: h(u) is `penalized`."""

    u: FloatArray
    gamma: FloatArray
    b: FloatArray
    eta: FloatArray
    at: Derivatives | None
    penalized: float


class System:
    """M with given working weights, and with gamma where it is solved for jointly."""

    def __init__(self, model: Model, T: tuple[FloatArray, ...], theta: FloatArray, weights: FloatArray) -> None:
        self.model, self.T, self.weights = model, T, weights
        self.ZtWZ: PatternBlocks = model.design.random.ZtWZ(weights)
        self.factor: Factor = model.symbolic.factorize(self.ZtWZ, theta)

    @cached_property
    def ZtWQ(self) -> FloatArray:
        """Z'WQ, (q, r)."""
        return self.model.design.random.Zt(np.ascontiguousarray((self.model.Q * self.weights[:, None]).T).T)

    @cached_property
    def RZX(self) -> FloatArray:
        """L^-1 P Lambda'Z'WQ."""
        return self.factor.half_solve(self.model.lambda_t(self.T, self.ZtWQ))

    @cached_property
    def RX(self) -> FloatArray:
        """Upper triangular, R_X'R_X = Q'WQ - RZX'RZX."""
        Q = self.model.Q
        return upper_cholesky((Q * self.weights[:, None]).T @ Q - self.RZX.T @ self.RZX)

    @cached_property
    def marginal(self) -> FloatArray:
        """Z'V^-1 Q with V = W^-1 + Z Lambda Lambda'Z'."""
        moved = self.model.lambda_(self.T, self.factor.back_solve(self.RZX))
        return self.ZtWQ - PatternProduct(self.model.structure, self.ZtWZ)(moved)

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
    """The conditional modes at (theta, phi), and gamma or its joint estimate.

    Parameters
    ----------
    newton : System
        With observed weights: the Hessian of h / 2.
    system : System
        With the weights that enter log|M|.
    joint : bool
        Whether gamma was estimated together with u.
    """

    model: Model
    theta: FloatArray
    phi: FloatArray
    T: tuple[FloatArray, ...]
    point: Point
    newton: System
    system: System
    joint: bool

    @property
    def criterion(self) -> float:
        """The Laplace criterion h(u) + log|M(u)|."""
        return self.point.penalized + self.system.factor.logdet

    @cached_property
    def regular(self) -> System:
        """`system`, or one with expected weights where observed ones leave the fixed effects no information."""
        try:
            self.system.RX  # noqa: B018
        except NotPositiveDefiniteError:
            assert self.point.at is not None
            return System(self.model, self.T, self.theta, self.point.at.expected_weight)
        return self.system


def find_mode(
    model: Model,
    theta: FloatArray,
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
    NotPositiveDefiniteError
        Where the start is outside of the domain or no modes are found.
    """
    T = model.structure.relative_factors(theta)
    point = model.point(T, phi, u, gamma)
    if point.at is None or not np.isfinite(point.penalized):
        raise NotPositiveDefiniteError("the linear predictor leaves the family's domain at the start of PIRLS")
    limit, last = precision * (len(u) + len(gamma)), np.inf
    for _ in range(MAX_STEPS):
        assert point.at is not None
        system = _newton_system(model, T, theta, point.at, joint)
        g_u = model.lambda_t(T, model.Zt(point.at.d1)[:, None])[:, 0] - point.u
        g_gamma = model.Q.T @ point.at.d1 if joint else None
        du, dgamma, decrement = system.solve(g_u, g_gamma)
        # Near the modes the gradient still has digits where h, a sum of large terms, has none: full steps, without a
        # look at h, for as long as the decrement falls.
        near = decrement <= QUADRATIC
        rounding = 1e-12 * (abs(point.penalized) + 1.0)
        if decrement <= limit or (near and last <= decrement <= rounding):
            return _mode(model, theta, phi, T, point, system, joint)
        ceiling = np.finfo(float).max if near else point.penalized + 0.1 * rounding
        new = _line_search(model, T, phi, point, du, dgamma if joint else None, ceiling)
        if new is None:
            break
        point, last = new, decrement
    raise NotPositiveDefiniteError(f"PIRLS does not converge at theta = {theta}")


def _newton_system(model: Model, T: tuple[FloatArray, ...], theta: FloatArray, at: Derivatives, joint: bool) -> System:
    try:
        system = System(model, T, theta, -at.d2)
        if joint:
            system.RX  # noqa: B018  has to be there for the step
        return system
    except NotPositiveDefiniteError:
        return System(model, T, theta, at.expected_weight)


def _line_search(
    model: Model,
    T: tuple[FloatArray, ...],
    phi: FloatArray,
    point: Point,
    du: FloatArray,
    dgamma: FloatArray | None,
    ceiling: float,
) -> Point | None:
    length = 1.0
    for _ in range(MAX_HALVINGS):
        gamma = point.gamma if dgamma is None else point.gamma + length * dgamma
        new = model.point(T, phi, point.u + length * du, gamma)
        if new.penalized <= ceiling:
            return new
        length *= 0.5
    return None


def _mode(
    model: Model,
    theta: FloatArray,
    phi: FloatArray,
    T: tuple[FloatArray, ...],
    point: Point,
    system: System,
    joint: bool,
) -> Mode:
    assert point.at is not None
    newton = system
    if not np.array_equal(system.weights, -point.at.d2):
        newton = System(model, T, theta, -point.at.d2)  # raises where the mode is no minimum of h
    entering = newton if model.hessian == "observed" else System(model, T, theta, point.at.expected_weight)
    return Mode(model, theta, phi, T, point, newton, entering, joint)


__all__ = ["Mode", "Model", "Point", "System", "find_mode"]
