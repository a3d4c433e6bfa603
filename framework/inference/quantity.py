"""One parameter of a model as its user knows it: its value, its coordinate, and the slices on which it is fixed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Blocks
from ..estimation.criterion import ModelCriterion
from ..estimation.eigenbasis import SINGULAR
from ..estimation.parameters import Parameters
from ..estimation.slice import Slice, fixed

#: Correlations beyond this are +-1.
ONE = 1.0 - 1e-8


@dataclass(frozen=True, eq=False)
class Point:
    """Natural parameters: coefficients of Q, covariance parameters (of sigma T) in a basis, and log sigma or xi."""

    parameters: Parameters
    gamma: FloatArray
    theta: FloatArray
    xi: FloatArray

    @classmethod
    def of(cls, criterion: ModelCriterion[Any], x: FloatArray) -> Point:
        """From the argument of a criterion in all parameters."""
        natural = criterion.origin + criterion.unit * x
        mine = criterion.of_theta
        return cls(criterion.parameters, natural[: mine.start], natural[mine], natural[mine.stop :])

    @cached_property
    def roots(self) -> Blocks:
        """Roots of the covariance matrices of the user's columns, by factor."""
        return self.parameters.users_roots(self.theta)


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A slice on which a parameter has a value.

    Parameters
    ----------
    slice : Slice
    velocity : (d, e) array, (d,) array
        As c grows, x changes by `velocity[0]` z + `velocity[1]`.
    """

    slice: Slice
    velocity: tuple[FloatArray, FloatArray]

    def by_coordinate(self, z: FloatArray) -> FloatArray:
        """Derivative of x (d,) by the coordinate at z."""
        return np.asarray(self.velocity[0] @ z + self.velocity[1])


class Quantity(ABC):
    """One parameter.

    Attributes
    ----------
    name : str
        As lme4's `confint` has it.
    fixed : bool
        Whether it is a coefficient.
    lower, upper : float
        Where its coordinate ends.
    several : bool
        Whether it is a function of several parameters, and has no coordinate.
    size : float
        Its own size where that is more than its value.
    """

    name: str
    fixed: bool = False
    lower: float = -np.inf
    upper: float = np.inf
    several: bool = False
    size: float = 0.0

    @abstractmethod
    def value(self, point: Point) -> float:
        """The parameter on the user's scale."""

    def shown(self, c: float) -> float:
        """The parameter from its coordinate."""
        return c

    def at(self, point: Point) -> float:
        """The coordinate."""
        return self.value(point)

    def to_normal(self, value: float) -> float:
        """On the scale where its estimate is nearest to a normal distribution; infinite at the edge of its range."""
        return value

    def from_normal(self, value: float) -> float:
        """The inverse."""
        return value

    def at_boundary(self, value: float, unit: float) -> bool:
        """Whether a value is at the edge of its range; `unit` is that of an average observation."""
        return False

    def turned(self, criterion: ModelCriterion[Any], x: FloatArray) -> tuple[ModelCriterion[Any], FloatArray]:
        """The criterion in a basis in which the parameter can be fixed, and the point x there."""
        return criterion, x

    @abstractmethod
    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """The slice of the (turned) criterion at a coordinate; `at` is some point of the criterion."""


class OnLogScale(Quantity):
    """A standard deviation: its logarithm is near to a normal distribution."""

    def at_boundary(self, value: float, unit: float) -> bool:
        """At zero."""
        return value < SINGULAR * unit

    def to_normal(self, value: float) -> float:
        """The logarithm."""
        return float(np.log(value)) if value > 0.0 else -np.inf

    def from_normal(self, value: float) -> float:
        """The exponential."""
        return float(np.exp(value))


class OnFishersScale(Quantity):
    """A correlation: its Fisher's z is near to a normal distribution."""

    size = 1.0

    def at_boundary(self, value: float, unit: float) -> bool:
        """At +-1, or without a standard deviation."""
        return not abs(value) < ONE

    def to_normal(self, value: float) -> float:
        """The inverse hyperbolic tangent."""
        return float(np.arctanh(value)) if abs(value) < 1.0 else float(np.copysign(np.inf, value))

    def from_normal(self, value: float) -> float:
        """The hyperbolic tangent."""
        return float(np.tanh(value))


def at_entry(criterion: ModelCriterion[Any], i: int, value: float, speed: float) -> Conditioned:
    """x_i has a value, in natural units, which grows by `speed` with the coordinate."""
    d, unit = len(criterion.unit), criterion.unit[i]
    A, at = fixed(d, i, value / unit)
    bounds = (np.delete(b, i) for b in (criterion.lower, criterion.upper))
    return Conditioned(Slice(criterion, at, A, *bounds), (np.zeros_like(A), speed / unit * np.eye(d)[i]))


def on_hyperplane(criterion: ModelCriterion[Any], at: FloatArray, first: int, a: FloatArray, c: float) -> Conditioned:
    """a'v = c for the natural parameters v from position `first` on, through the point that is nearest to `at`."""
    d, r, mine = len(at), len(a), slice(first, first + len(a))
    of_x = a * criterion.unit[mine]
    size = float(np.linalg.norm(of_x))
    H = np.linalg.qr(np.column_stack([of_x, np.eye(r)]))[0]
    A = np.delete(np.eye(d), first, axis=1)
    A[mine, first : first + r - 1] = H[:, 1:]
    normal, here = np.zeros(d), np.zeros(d)
    normal[mine], here[mine] = of_x / size, at[mine]
    rest = (c - float(a @ criterion.origin[mine])) / size - float(normal @ at)
    bounds = (np.delete(b, first) for b in (criterion.lower, criterion.upper))
    return Conditioned(Slice(criterion, here + rest * normal, A, *bounds), (np.zeros_like(A), normal / size))
