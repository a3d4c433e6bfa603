"""Counts evaluations and keeps the best point, for optimizers that other libraries run."""

from __future__ import annotations

import math

import numpy as np

from ranef.contracts.arrays import FloatArray
from ranef.contracts.optim import Objective, OptimizationResult, Status


class LimitReached(Exception):
    """Unwinds a library's optimizer when `max_evaluations` are used up."""


class Evaluations:
    """The objective as a library's optimizer sees it.

    Every point is projected onto the bounds before it is evaluated (libraries step over them by rounding), the best
    one is kept, and the evaluation after the last one allowed raises `LimitReached`. NaN counts as inf.
    """

    def __init__(self, objective: Objective, max_evaluations: int) -> None:
        self._objective = objective
        self._limit = max_evaluations
        self.count = 0
        self.x: FloatArray = np.array(objective.start, dtype=float)
        self.best = math.inf
        self.best_gradient: FloatArray = np.zeros_like(self.x)
        self.worst = -math.inf

    def value(self, x: FloatArray) -> float:
        """Objective at x."""
        x = self._inside(x)
        if self.best < math.inf and np.array_equal(x, self.x):
            return self.best  # restarts begin where the last search ended
        self._count()
        value = float(self._objective.value(x.copy()))
        return self._keep(x, value, self.best_gradient)

    def value_and_gradient(self, x: FloatArray) -> tuple[float, FloatArray]:
        """Objective and gradient at x; the value is inf where one of them is not finite."""
        assert self._objective.gradient is not None
        x = self._inside(x)
        if self.best < math.inf and np.array_equal(x, self.x):
            return self.best, self.best_gradient.copy()
        self._count()
        value, gradient = self._objective.gradient(x.copy())
        gradient = np.array(gradient, dtype=float)
        return self._keep(x, float(value) if np.all(np.isfinite(gradient)) else math.inf, gradient), gradient

    def tolerance(self, tol: float) -> float:
        """The absolute tolerance on values that `tol` means at the best point."""
        return tol * max(abs(self.best), 1.0)

    def result(self, status: Status, message: str = "") -> OptimizationResult:
        """The best point seen."""
        return OptimizationResult(self.x, self.best, status, self.count, message)

    def _inside(self, x: FloatArray) -> FloatArray:
        return np.clip(x, self._objective.lower, self._objective.upper)

    def _count(self) -> None:
        if self.count >= self._limit:
            raise LimitReached
        self.count += 1

    def _keep(self, x: FloatArray, value: float, gradient: FloatArray) -> float:
        if not math.isfinite(value):
            return math.inf
        if value < self.best:
            self.x, self.best, self.best_gradient = x, value, gradient.copy()
        self.worst = max(self.worst, value)
        return value
