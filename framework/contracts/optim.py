"""Contract of optimizers: a plain bounded minimization; they know nothing of mixed models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .arrays import FloatArray


class Status(Enum):
    """How a minimization ended, as data; the value is a sentence with advice."""

    CONVERGED = "The optimizer's own convergence test was met."
    MAX_EVALUATIONS = "The limit of evaluations was reached: raise max_iter, or start nearer to the optimum."
    STALLED = "No further progress was possible to rounding: the objective may be flat or noisy near this point."
    FAILED = "The optimizer gave up: try another optimizer, another start, or rescale the predictors."


@dataclass(frozen=True, eq=False)
class Objective:
    """A function of x (d,) to be minimized on a box.

    Parameters
    ----------
    value : callable x -> float
        May return inf where the function is not defined. Raises only for programming errors; an optimizer lets these
        pass through.
    start : (d,) array
        Inside the bounds.
    lower, upper : (d,) arrays
        Bounds, -inf and inf where there are none. `value` is never called outside of them.
    gradient : callable x -> (value, (d,) gradient), or None
        None where no gradient is available.
    curvature : callable x -> (d, d) array, or None
        A symmetric approximation of the Hessian at x (exact, or average information), cheap right after
        `gradient(x)`.
    curvature_is_exact : bool
        Whether `curvature` is the Hessian itself.
    """

    value: Callable[[FloatArray], float]
    start: FloatArray
    lower: FloatArray
    upper: FloatArray
    gradient: Callable[[FloatArray], tuple[float, FloatArray]] | None = None
    curvature: Callable[[FloatArray], FloatArray] | None = None
    curvature_is_exact: bool = False


@dataclass(frozen=True, eq=False)
class OptimizationResult:
    """Where a minimization ended, and why."""

    x: FloatArray
    value: float
    status: Status
    n_evaluations: int
    message: str = ""


class Optimizer(ABC):
    """A bounded minimizer."""

    #: an optimizer that needs `Objective.gradient` is not offered objectives without one.
    needs_gradient: bool = False
    #: whether it reads `Objective.curvature`: it is then offered the Hessian where an approximation has misled it.
    uses_curvature: bool = False

    @abstractmethod
    def minimize(self, objective: Objective, *, tol: float, max_evaluations: int) -> OptimizationResult:
        """Minimize.

        `tol` is the expected remaining decrease of the objective, relative to max(abs(value), 1), at which to stop; a
        derivative-free method may take it as its tolerance on values. The returned x is the best point seen.
        """
