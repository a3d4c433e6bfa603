"""Parameters of terms with a covariance structure: the standard deviations and correlations that it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..estimation.criterion import ModelCriterion
from ..estimation.term_parameters import Structured
from .quantity import Conditioned, OnFishersScale, OnLogScale, Point, Quantity, at_entry

#: A derivative of what a structure shows, by one of its parameters, that is none.
NOTHING = 1e-7
STEP = 1e-5


@dataclass(frozen=True, eq=False)
class Shown(Quantity):
    """One number that a covariance structure shows; it has a coordinate where it is a function of one parameter.

    Parameters
    ----------
    s : Structured
    line, correlation : int, int or None
        Which line of the table of variance components, and which correlation there; None for the standard deviation.
    behind : int
        The parameter that it is a function of.
    is_sine : bool
        Whether that parameter, an angle, counts by its sine alone.
    """

    name: str
    s: Structured
    line: int
    correlation: int | None
    behind: int
    is_sine: bool
    several: bool
    lower: float
    upper: float

    def value(self, point: Point) -> float:
        """What is shown."""
        return _shown(self.s, self._users(point.theta), self.line, self.correlation)

    def at(self, point: Point) -> float:
        """The parameter behind it, in the user's units; of angles that of the same sine within +-pi / 2."""
        c = float(self._users(point.theta)[self.behind])
        return float(np.arcsin(np.sin(c))) if self.is_sine else c

    def shown(self, c: float) -> float:
        """From the parameter behind it, whatever the others are."""
        usual = _usual(self.s)
        return _shown(self.s, np.where(np.arange(len(usual)) == self.behind, c, usual), self.line, self.correlation)

    def turned(self, criterion: ModelCriterion[Any], x: FloatArray) -> tuple[ModelCriterion[Any], FloatArray]:
        """No other basis, but scales that are not negative."""
        there, mine = x.copy(), self._mine(criterion)
        there[mine] = self.s.upright(x[mine])
        return criterion, there

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """The parameter behind it is fixed."""
        unit = float(self.s.unit[self.behind]) if self.s.scales[self.behind] else 1.0
        return at_entry(criterion, self._mine(criterion).start + self.behind, c * unit, unit)

    def _users(self, theta: FloatArray) -> FloatArray:
        """The structure's parameters in the user's units."""
        return self.s.in_units(self.s.upright(theta[self.s.mine]), 1.0 / self.s.unit)

    def _mine(self, criterion: ModelCriterion[Any]) -> slice:
        """The structure's parameters in x."""
        first = criterion.of_theta.start
        return slice(first + self.s.mine.start, first + self.s.mine.stop)


class ShownDeviation(Shown, OnLogScale):
    """A standard deviation that a structure shows."""


class ShownCorrelation(Shown, OnFishersScale):
    """A correlation that a structure shows."""


def components_of(s: Structured, group: str) -> Iterator[Quantity]:
    """What the structure of a term shows: standard deviations, each with its correlations."""
    components = s.structure.components(_usual(s), s.term.columns)
    for line, component in enumerate(components):
        yield ShownDeviation(f"sd_{component.name}|{group}", s, line, None, *_coordinate(s, line, None))
        n = len(component.correlations)
        for k in range(n):
            # of pairs, where each column has those with the columns before it; else of distances
            shown = f"{component.name}.{components[k].name}" if n == line else s.structure.name + f".{k + 1}" * (n > 1)
            yield ShownCorrelation(f"cor_{shown}|{group}", s, line, k, *_coordinate(s, line, k))


def _usual(s: Structured) -> FloatArray:
    """Parameters at which nothing is special."""
    return np.where(s.scales, 1.0, 0.1)


def _shown(s: Structured, parameters: FloatArray, line: int, correlation: int | None) -> float:
    component = s.structure.components(parameters, s.term.columns)[line]
    return float(component.sd if correlation is None else component.correlations[correlation])


def _coordinate(s: Structured, line: int, correlation: int | None) -> tuple[int, bool, bool, float, float]:
    """The parameter behind a number, whether by its sine, whether there are several, and its bounds."""
    usual = _usual(s)

    def at(moved: FloatArray) -> float:
        return _shown(s, usual + moved, line, correlation)

    steps = np.eye(len(usual))
    moving = [i for i, e in enumerate(steps) if abs(at(STEP * e) - at(-STEP * e)) > NOTHING * STEP]
    behind = moving[0] if moving else 0
    if s.scales[behind]:
        return behind, False, len(moving) != 1, 0.0, np.inf
    around = np.array([0.3, 1.2, -0.8]) - usual[behind], np.pi - np.array([0.3, 1.2, -0.8]) - usual[behind]
    one, other = ([at(c * steps[behind]) for c in angles] for angles in around)
    if np.allclose(one, other, rtol=0.0, atol=1e-12):
        return behind, True, len(moving) != 1, -np.pi / 2.0, np.pi / 2.0
    lower, upper = s.structure.bounds(len(s))
    return behind, False, len(moving) != 1, float(lower[behind]), float(upper[behind])
