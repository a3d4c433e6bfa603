"""A criterion on a flat slice of its parameters, on which one of them, or a function of them, has a fixed value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..contracts.arrays import FloatArray
from .criterion import Criterion


class Slice(Criterion["_Point"]):
    """A criterion as a function of z, where x = at + A z.

    Parameters
    ----------
    criterion : Criterion
        With gradients.
    at : (d,) array
    A : (d, e) array
        Of full column rank.
    lower, upper : (e,) arrays
        Bounds of z.

    Examples
    --------
    The second of three parameters has the value 5:

    >>> from ranef.estimation.slice import fixed
    >>> A, at = fixed(3, 1, 5.0)
    >>> (at + A @ np.array([1.0, 2.0])).tolist()
    [1.0, 5.0, 2.0]
    """

    def __init__(
        self, criterion: Criterion[Any], at: FloatArray, A: FloatArray, lower: FloatArray, upper: FloatArray
    ) -> None:
        super().__init__(criterion.watch)
        self.criterion, self.origin, self.A, self.lower, self.upper = criterion, at, A, lower, upper
        self.curvature_is_exact, self.roots, self.columns = criterion.curvature_is_exact, (), ()

    def x(self, z: FloatArray) -> FloatArray:
        """All parameters."""
        return np.asarray(self.origin + self.A @ z)

    def z(self, x: FloatArray) -> FloatArray:
        """The point of the slice that is nearest to x."""
        return np.clip(np.linalg.lstsq(self.A, x - self.origin, rcond=None)[0], self.lower, self.upper)

    def evaluate(self, z: FloatArray) -> _Point:
        """The criterion at x."""
        return _Point(self.criterion.at(self.x(z)), self.A)

    def rotated(self, by: Sequence[FloatArray]) -> Self:
        """A slice is one in a basis."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class _Point:
    """One evaluation, with derivatives by z."""

    at: Any
    A: FloatArray

    @property
    def value(self) -> float:
        return float(self.at.value)

    @property
    def gradient(self) -> FloatArray:
        return np.asarray(self.at.gradient @ self.A)

    @property
    def curvature(self) -> FloatArray:
        return np.asarray(self.A.T @ self.at.curvature @ self.A)


def fixed(d: int, i: int, value: float) -> tuple[FloatArray, FloatArray]:
    """A and the origin of the slice on which the parameter i of d has a value."""
    return np.delete(np.eye(d), i, axis=1), value * np.eye(d)[i]
