"""Parameters of terms with a covariance structure: the standard deviations and correlations that it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..estimation.criterion import ModelCriterion
from ..estimation.parameters import Structured
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
    """

    name: str
    s: Structured
    line: int
    correlation: int | None

    def value(self, point: Point) -> float:
        """What is shown."""
        return self._of(self._users(point.theta))

    def at(self, point: Point) -> float:
        """The parameter behind it, in the user's units; of angles that of the same sine within +-pi / 2."""
        c = float(self._users(point.theta)[self._behind])
        return float(np.arcsin(np.sin(c))) if self._is_sine else c

    def shown(self, c: float) -> float:
        """From the parameter behind it, whatever the others are."""
        return self._of(np.where(np.arange(len(self._usual)) == self._behind, c, self._usual))

    def turned(self, criterion: ModelCriterion[Any], x: FloatArray) -> tuple[ModelCriterion[Any], FloatArray]:
        """No other basis, but scales that are not negative."""
        mine = self._mine(criterion)
        there = x.copy()
        there[mine] = self.s.upright(x[mine])
        return criterion, there

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """The parameter behind it is fixed."""
        unit = self.s.unit if self.s.scales[self._behind] else 1.0
        return at_entry(criterion, self._mine(criterion).start + self._behind, c * unit, unit)

    @property
    def several(self) -> bool:
        """Whether several parameters are behind it."""
        return len(self._moving) != 1

    @property
    def lower(self) -> float:
        """Zero for scales, and the end of the sines."""
        if self.s.scales[self._behind]:
            return 0.0
        return -np.pi / 2.0 if self._is_sine else float(self.s.structure.bounds(len(self.s))[0][self._behind])

    @property
    def upper(self) -> float:
        """The end of the sines."""
        return np.pi / 2.0 if self._is_sine else float(self.s.structure.bounds(len(self.s))[1][self._behind])

    def _of(self, parameters: FloatArray) -> float:
        component = self.s.structure.components(parameters, self.s.term.columns)[self.line]
        return component.sd if self.correlation is None else component.correlations[self.correlation]

    def _users(self, theta: FloatArray) -> FloatArray:
        """The structure's parameters in the user's units."""
        return self.s.in_units(self.s.upright(theta[self.s.mine]), 1.0 / self.s.unit)

    def _mine(self, criterion: ModelCriterion[Any]) -> slice:
        """The structure's parameters in x."""
        first = criterion.of_theta.start
        return slice(first + self.s.mine.start, first + self.s.mine.stop)

    @cached_property
    def _usual(self) -> FloatArray:
        """Parameters at which nothing is special."""
        return np.where(self.s.scales, 1.0, 0.1)

    @cached_property
    def _moving(self) -> tuple[int, ...]:
        """The parameters that it is a function of."""
        steps = STEP * np.eye(len(self._usual))
        by = [self._of(self._usual + step) - self._of(self._usual - step) for step in steps]
        return tuple(np.flatnonzero(np.abs(by) > NOTHING * STEP).tolist())

    @property
    def _behind(self) -> int:
        return self._moving[0]

    @cached_property
    def _is_sine(self) -> bool:
        """Whether the parameter behind it counts by its sine alone."""
        there = (0.3, 1.2, -0.8)
        return not self.s.scales[self._behind] and np.allclose(
            [self.shown(c) for c in there], [self.shown(np.pi - c) for c in there], rtol=0.0, atol=1e-12
        )


class ShownDeviation(Shown, OnLogScale):
    """A standard deviation that a structure shows."""


class ShownCorrelation(Shown, OnFishersScale):
    """A correlation that a structure shows."""


def components_of(s: Structured, group: str) -> Iterator[Quantity]:
    """What the structure of a term shows: standard deviations, each with its correlations."""
    usual = np.where(s.scales, 1.0, 0.1)
    components = s.structure.components(usual, s.term.columns)
    for line, component in enumerate(components):
        yield ShownDeviation(f"sd_{component.name}|{group}", s, line, None)
        n = len(component.correlations)
        for k in range(n):
            # of pairs, where each column has those with the columns before it; else of distances
            shown = f"{component.name}.{components[k].name}" if n == line else s.structure.name + f".{k + 1}" * (n > 1)
            yield ShownCorrelation(f"cor_{shown}|{group}", s, line, k)
