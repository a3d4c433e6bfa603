"""Laws of optimizers, on plain bounded problems with known minima."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..contracts import Objective, OptimizationResult, Optimizer, Status
from ..contracts.arrays import FloatArray
from .check import Check, LawBook, close, pickled, read_only, require, same_bits, same_in_threads
from .plugin import Held, plugin_checks, require_array, require_type

INF = np.inf
#: The tolerance that optimizers are asked for.
TOL = 1e-10
#: Evaluations that are enough for every problem here.
ENOUGH = 5000

Function = Callable[[FloatArray], tuple[float, FloatArray]]


def optimizer_checks(
    optimizer: Optimizer, *, name: str | None = None, expected_failures: Mapping[str, str] | None = None
) -> Iterator[Check]:
    """One check for every law that an optimizer has to obey.

    Parameters
    ----------
    optimizer : Optimizer
    name : str, optional
        Name of its entry.
    expected_failures : mapping, optional
        Names of laws that the optimizer is known to break, with the reason. Strict: they must be broken.

    Examples
    --------
    >>> from ranef import registry
    >>> from ranef.testkit import optimizer_checks
    >>> for check in optimizer_checks(registry.optimizer("lbfgsb")[0]):
    ...     check.run()
    """
    return plugin_checks(Held(optimizer, name), LAWS, _Optimizer(optimizer), expected_failures)


@dataclass(frozen=True, eq=False)
class Problem:
    """A smooth function with gradient on a box, and where its minimum is."""

    name: str
    function: Function
    start: Sequence[float]
    lower: Sequence[float]
    upper: Sequence[float]
    minimizer: Sequence[float]

    def __str__(self) -> str:
        return self.name

    @property
    def minimum(self) -> float:
        """The value at the minimizer."""
        return self.function(np.array(self.minimizer, float))[0]


class Recorder:
    """An objective that writes down where it is evaluated, and hands out nothing that can be written to."""

    def __init__(self, problem: Problem, with_gradient: bool = True) -> None:
        self.function = problem.function
        self.points: list[FloatArray] = []
        self.values: list[float] = []
        start, lower, upper = read_only(*(np.array(a, float) for a in (problem.start, problem.lower, problem.upper)))
        gradient = self._gradient if with_gradient else None
        self.objective = Objective(self._value, start, lower, upper, gradient=gradient)

    def _gradient(self, x: FloatArray) -> tuple[float, FloatArray]:
        self.points.append(np.array(x, float))
        value, gradient = self.function(self.points[-1].copy())
        self.values.append(value)
        gradient.flags.writeable = False
        return value, gradient

    def _value(self, x: FloatArray) -> float:
        return self._gradient(x)[0]


@dataclass(frozen=True, eq=False)
class _Optimizer:
    """The optimizer, with all runs that laws have looked at: several look at the same."""

    optimizer: Optimizer
    runs: dict[tuple[str, int, bool], tuple[OptimizationResult, Recorder]] = field(default_factory=dict)

    def run(
        self, problem: Problem, limit: int = ENOUGH, with_gradient: bool = True
    ) -> tuple[OptimizationResult, Recorder]:
        """The result, and all that was asked."""
        key = problem.name, limit, with_gradient
        if key not in self.runs:
            self.runs[key] = run(self.optimizer, problem, limit, with_gradient)
        return self.runs[key]


def run(
    optimizer: Optimizer, problem: Problem, limit: int = ENOUGH, with_gradient: bool = True
) -> tuple[OptimizationResult, Recorder]:
    """Minimize, and write down all that was asked."""
    recorder = Recorder(problem, with_gradient)
    return optimizer.minimize(recorder.objective, tol=TOL, max_evaluations=limit), recorder


# Problems -----------------------------------------------------------------------------------------------------------


def rosenbrock(x: FloatArray) -> tuple[float, FloatArray]:
    """A curved valley (Rosenbrock 1960, doi 10.1093/comjnl/3.3.175)."""
    a, b = 1.0 - x[0], x[1] - x[0] ** 2
    return float(a * a + 100.0 * b * b), np.array([-2.0 * a - 400.0 * x[0] * b, 200.0 * b])


def quadratic(center: Sequence[float], scales: Sequence[float], offset: float = 0.0) -> Function:
    """offset + sum of (scale (x - center))^2."""
    c, s = np.array(center, float), np.array(scales, float)

    def f(x: FloatArray) -> tuple[float, FloatArray]:
        return offset + float(np.sum((s * (x - c)) ** 2)), 2.0 * s**2 * (x - c)

    return f


def barrier(x: FloatArray) -> tuple[float, FloatArray]:
    """Sum of x - log(x) where x > 0, with its minimum at 1; infinite elsewhere."""
    if np.any(x <= 0.0):
        return INF, np.full(len(x), np.nan)
    return float(np.sum(x - np.log(x))), 1.0 - 1.0 / x


VALLEY = Problem("Rosenbrock's valley", rosenbrock, [-1.2, 1.0], [-INF, -INF], [INF, INF], [1.0, 1.0])
BARRIER = Problem("a region where it is infinite", barrier, [0.05, 6.0], [-3.0, -3.0], [INF, INF], [1.0, 1.0])
PROBLEMS = [
    VALLEY,
    # on x1 = 1.5 the function is decreasing in x2 down to x1^2 = 2.25, and (1 - x1)^2 is least at the bound
    Problem("a valley cut by a bound", rosenbrock, [2.0, 2.0], [1.5, -INF], [INF, INF], [1.5, 2.25]),
    Problem("a minimum on a bound", quadratic([-1, 2], [1, 1]), [1, 1], [0, 0], [INF, INF], [0, 2]),
    Problem("a start on a bound", quadratic([1.5, 2], [1, 2]), [0, 0], [0, 0], [INF, INF], [1.5, 2]),
    Problem("a minimum in a corner", quadratic([5, -5], [1, 1]), [0.5, 0.5], [0, 0], [1, 1], [1, 0]),
    Problem("one parameter", quadratic([0.3], [2]), [1], [0], [INF], [0.3]),
    Problem("one parameter, on its bound", quadratic([-0.3], [2]), [1], [0], [INF], [0]),
    Problem("a fixed parameter", quadratic([0.3, 9], [2, 1]), [1, 1], [0, 1], [INF, 1], [0.3, 1]),
    Problem(
        "a bad scale", quadratic([0.5, 2, -1], [1, 30, 0.1]), [1, 1, 0], [0, 0, -INF], [INF, INF, INF], [0.5, 2, -1]
    ),
    Problem("a minimum far away", quadratic([40, 0.02], [1, 100]), [1, 1], [0, 0], [INF, INF], [40, 0.02]),
    Problem("a large value", quadratic([0.4, 0.7], [50, 20], 1e3), [1, 1], [0, 0], [INF, INF], [0.4, 0.7]),
    Problem("a start at the minimum", quadratic([1, 1], [1, 1]), [1, 1], [0, 0], [INF, INF], [1, 1]),
]

# The laws -----------------------------------------------------------------------------------------------------------

LAWS: LawBook[_Optimizer] = LawBook()


def _problems(o: _Optimizer) -> list[Problem]:
    return PROBLEMS


def _valleys(o: _Optimizer) -> list[Problem]:
    return PROBLEMS[:2]


@LAWS.law(on=_problems, first=True)
def results_are_of_the_declared_types(o: _Optimizer, problem: Problem) -> None:
    """X is a float array of the start's shape, the value a float, the status a `Status`, the count an int."""
    result, recorder = o.run(problem)
    minimize = o.optimizer.minimize
    require_type(minimize, result, OptimizationResult)
    require_array(minimize, result.x, recorder.objective.start.shape, part="x")
    require(isinstance(result.value, float), f"value is of type {type(result.value).__name__}")
    require(isinstance(result.status, Status), f"status is {result.status!r}")
    require(isinstance(result.n_evaluations, int), f"n_evaluations is of type {type(result.n_evaluations).__name__}")
    require(result.x is not recorder.objective.start, "x is the objective's own start")


@LAWS.law(on=_problems)
def known_minima_are_found(o: _Optimizer, problem: Problem) -> None:
    """The value returned is the minimum, to a hundred times the tolerance, within 5000 evaluations."""
    result, _ = o.run(problem)
    minimum = problem.minimum
    close("value", result.value, minimum, rtol=0.0, atol=100 * TOL * max(abs(minimum), 1.0))
    # half the squared distance times the curvature (at least 0.02 here) is the difference in value
    close("x", result.x, np.array(problem.minimizer, float), rtol=0.0, atol=2e-3)


@LAWS.law(on=_problems)
def convergence_is_claimed_where_it_is_true(o: _Optimizer, problem: Problem) -> None:
    """The status is `CONVERGED` at the minimum and nowhere else, however few evaluations are allowed."""
    for limit in (3, 10, 30, 100, ENOUGH):
        result, recorder = o.run(problem, limit=limit)
        left = result.value - problem.minimum
        if result.status is Status.CONVERGED:
            enough = 1e-6 * max(abs(problem.minimum), 1.0)
            require(left <= enough, f"CONVERGED at {result.x}, whose value is {left:.3g} above the minimum")
        if result.status is Status.MAX_EVALUATIONS:
            used = len(recorder.values)
            require(used == limit, f"MAX_EVALUATIONS after {used} evaluations of {limit}")
        elif limit == ENOUGH:
            require(result.status is Status.CONVERGED, f"{result.status} at the end: {result.message}")


@LAWS.law(on=lambda o: [*PROBLEMS, BARRIER])
def no_evaluation_is_outside_the_bounds(o: _Optimizer, problem: Problem) -> None:
    """Every point that the objective is asked for lies within the bounds, exactly; so does the result."""
    result, recorder = o.run(problem)
    for x in [*recorder.points, result.x]:
        inside = (recorder.objective.lower <= x) & (x <= recorder.objective.upper)
        require(bool(np.all(inside)), f"evaluated at {x}, outside of {problem.lower} to {problem.upper}")


@LAWS.law(on=_valleys)
def max_evaluations_is_honoured(o: _Optimizer, problem: Problem) -> None:
    """No more evaluations than allowed, however few; the status then is `MAX_EVALUATIONS`."""
    for limit in (1, 2, 7):
        result, recorder = o.run(problem, limit=limit)
        used = len(recorder.values)
        require(used <= limit, f"{used} evaluations, {limit} were allowed")
        require(result.status is Status.MAX_EVALUATIONS, f"{result.status} after {used} of {limit} evaluations")


@LAWS.law(on=_problems)
def evaluations_are_counted(o: _Optimizer, problem: Problem) -> None:
    """`n_evaluations` is the number of calls of value and gradient together."""
    result, recorder = o.run(problem)
    require(result.n_evaluations == len(recorder.values), f"{result.n_evaluations} of {len(recorder.values)} counted")


@LAWS.law(on=lambda o: [*PROBLEMS, BARRIER])
def the_best_point_seen_is_returned(o: _Optimizer, problem: Problem) -> None:
    """No point evaluated was better than the result, and the result's value is that of its point."""
    for limit in (7, ENOUGH):
        result, recorder = o.run(problem, limit=limit)
        best = min(recorder.values)
        require(result.value == best, f"returned the value {result.value!r}; the best seen was {best!r}")
        require(problem.function(np.array(result.x))[0] == best, f"the value at {result.x} is not {best!r}")


@LAWS.law(on=_valleys)
def exceptions_of_the_objective_pass_through(o: _Optimizer, problem: Problem) -> None:
    """What the objective raises arrives at the caller as it was, at once."""

    class Raised(Exception):
        pass

    def raises_at_the_fourth(x: FloatArray) -> tuple[float, FloatArray]:
        if len(recorder.points) >= 4:
            raise Raised
        return problem.function(x)

    recorder = Recorder(problem)
    recorder.function = raises_at_the_fourth
    try:
        o.optimizer.minimize(recorder.objective, tol=TOL, max_evaluations=ENOUGH)
    except Raised:
        calls = len(recorder.points)
        require(calls == 4, f"the objective was called {calls - 4} times more after it raised")
    else:
        require(False, "the exception was swallowed")


@LAWS.law(on=lambda o: [BARRIER])
def infinite_regions_are_avoided(o: _Optimizer, problem: Problem) -> None:
    """Where the objective is infinite inside the bounds, the minimum is found all the same."""
    result, _ = o.run(problem)
    close("value", result.value, problem.minimum, rtol=1e-7)


@LAWS.law()
def an_infinite_start_is_no_success(o: _Optimizer) -> None:
    """An objective that is infinite at the start and all around is not claimed to have converged."""
    nowhere = Problem("nowhere finite", lambda x: (INF, np.zeros(2)), [1, 1], [0, 0], [INF, INF], [1, 1])
    result, _ = run(o.optimizer, nowhere, 100)
    require(result.status is not Status.CONVERGED, f"CONVERGED at {result.x}, where the objective is infinite")
    require(not result.value < INF, f"value {result.value}, which the objective never was")


@LAWS.law(on=_problems, where=lambda o: not o.optimizer.needs_gradient)
def no_gradient_is_needed(o: _Optimizer, problem: Problem) -> None:
    """Objectives without gradient are minimized too, unless the optimizer declares `needs_gradient`."""
    result, _ = o.run(problem, with_gradient=False)
    minimum = problem.minimum
    close("value", result.value, minimum, rtol=0.0, atol=1e-6 * max(abs(minimum), 1.0))


@LAWS.law(on=_valleys)
def equal_questions_get_equal_bits(o: _Optimizer, problem: Problem) -> None:
    """Two runs evaluate the same points to the last bit: no state is left by the run before, and no hidden chance."""
    paths = [run(o.optimizer, problem, 100)[1].points for _ in range(2)]
    same_bits("the second run", paths[1], paths[0])


@LAWS.law()
def threads_do_not_meet(o: _Optimizer) -> None:
    """Two minimizations at once find what each of them finds alone."""

    def task(problem: Problem) -> Callable[[], FloatArray]:
        return lambda: run(o.optimizer, problem, 60)[0].x

    same_in_threads("minimize", [task(problem) for problem in PROBLEMS[:4]])


@LAWS.law()
def optimizer_can_be_pickled(o: _Optimizer) -> None:
    """The optimizer, sent to another process, finds the same there."""
    copy = pickled("the optimizer", o.optimizer)
    same_bits("a pickled optimizer", run(copy, VALLEY)[0].x, o.run(VALLEY)[0].x)
