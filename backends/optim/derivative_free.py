"""What the derivative-free optimizers share: units, failed points, restarts."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from ranef.contracts.arrays import FloatArray, IntArray
from ranef.contracts.optim import Objective, OptimizationResult, Optimizer, Status

from .evaluations import Evaluations, LimitReached

#: First radius of a search, relative to max(|x|, 1).
FIRST_RADIUS = 0.25
#: Final radius of a search, relative to its first.
FINAL_RADIUS = 1e-6


class DerivativeFree(Optimizer):
    """Searches from the best point again, each time with a smaller radius, until one gains less than the tolerance.

    A subclass gives `search`, in units in which the start is 0 and the first radius is 1.
    """

    #: radius of a search relative to that of the one before
    shrink = 0.1

    @abstractmethod
    def search(self, f: Callable[[FloatArray], float], lower: FloatArray, upper: FloatArray, fatol: float) -> None:
        """Minimize f (always finite) from z = 0 with radius 1 on the box, down to `FINAL_RADIUS`.

        The caller keeps the best point. A method that needs one may take `fatol` as its tolerance on values.
        """

    def minimize(self, objective: Objective, *, tol: float, max_evaluations: int) -> OptimizationResult:
        """Search and search again, until a search gains less than the tolerance."""
        evaluations = Evaluations(objective, max_evaluations)
        radius = FIRST_RADIUS * np.maximum(np.abs(objective.start), 1.0)
        radius = np.minimum(radius, (objective.upper - objective.lower) / 4.0)
        free = radius > 0.0
        try:
            if evaluations.value(evaluations.x) == math.inf:
                return evaluations.result(Status.FAILED, "the objective is not finite at the start")
            while np.any(free):
                before = evaluations.best
                self._search_around(evaluations, objective, np.flatnonzero(free), radius, tol)
                if before - evaluations.best <= evaluations.tolerance(tol):
                    break
                radius = radius * self.shrink
        except LimitReached:
            return evaluations.result(Status.MAX_EVALUATIONS)
        return evaluations.result(Status.CONVERGED, "a restart gained less than the tolerance")

    def _search_around(
        self, evaluations: Evaluations, objective: Objective, free: IntArray, radius: FloatArray, tol: float
    ) -> None:
        """One search from the best point, over the coordinates whose bounds differ."""
        center = evaluations.x

        def f(z: FloatArray) -> float:
            x = center.copy()
            x[free] += radius[free] * z
            value = evaluations.value(x)
            if value < math.inf:
                return value
            # a failed point: worse than every other, but finite, so that models of f stay defined
            return evaluations.worst + max(evaluations.worst - evaluations.best, abs(evaluations.best), 1.0)

        lower = (objective.lower - center)[free] / radius[free]
        upper = (objective.upper - center)[free] / radius[free]
        self.search(f, lower, upper, 0.1 * evaluations.tolerance(tol))
