"""Time by phase: a backend and an optimizer that pass everything on to the real ones and look at the clock.

They go through the public contracts only, so that any third party's plugin is measured in the same way.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ..contracts import (
    Blocks,
    Factor,
    LinalgBackend,
    Objective,
    OptimizationResult,
    Optimizer,
    Pattern,
    PatternBlocks,
    Symbolic,
)
from ..contracts.arrays import FloatArray
from .model import Workload

#: Phases in the order of a fit. "symbolic", "numeric", "solve" and "inverse" (selected inverse, or gradient of log|M|)
#: are the backend's; "criterion" is the framework's part of an evaluation, "optimizer" the optimizer's own time;
#: "other" is what is left of the fit (checks of the input, the certificate); "inference" comes after it.
PHASES = ("cross-products", "symbolic", "numeric", "solve", "inverse", "criterion", "optimizer", "other", "inference")

T = TypeVar("T")


@dataclass
class Clock:
    """Seconds by name. Nested measurements belong to the inner name."""

    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _running: list[float] = field(default_factory=list)

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time of a block, less that of blocks measured inside it."""
        self._running.append(0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self.seconds[name] += elapsed - self._running.pop()
            if self._running:
                self._running[-1] += elapsed


class TimedBackend(LinalgBackend):
    """A backend under the clock."""

    def __init__(self, backend: LinalgBackend, clock: Clock) -> None:
        self.backend, self.clock = backend, clock
        self.has_selected_inverse, self.samples = backend.has_selected_inverse, backend.samples

    def cost(self, pattern: Pattern) -> float:
        """The backend's own prediction."""
        return self.backend.cost(pattern)

    def analyze(self, pattern: Pattern) -> Symbolic:
        """The backend's own analysis; factors of one that samples do all at once, in the time of the criterion."""
        with self.clock.measure("symbolic"):
            symbolic = self.backend.analyze(pattern)
        return symbolic if self.samples else _TimedSymbolic(symbolic, self)


class _TimedSymbolic(Symbolic):
    def __init__(self, symbolic: Symbolic, timed: TimedBackend) -> None:
        self.symbolic, self.timed = symbolic, timed

    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> Factor:
        with self.timed.clock.measure("numeric"):
            factor = self.symbolic.factorize(ZtWZ, T)
        kind = _TimedFactorWithInverse if self.timed.has_selected_inverse else _TimedFactor
        return kind(factor, self.timed.clock)


class _TimedFactor(Factor):
    def __init__(self, factor: Factor, clock: Clock) -> None:
        self.factor, self.clock = factor, clock

    @property
    def logdet(self) -> float:
        return self.factor.logdet

    def half_solve(self, B: FloatArray) -> FloatArray:
        with self.clock.measure("solve"):
            return self.factor.half_solve(B)

    def back_solve(self, C: FloatArray) -> FloatArray:
        with self.clock.measure("solve"):
            return self.factor.back_solve(C)


class _TimedFactorWithInverse(_TimedFactor):
    def selected_inverse(self) -> PatternBlocks:
        with self.clock.measure("inverse"):
            return self.factor.selected_inverse()

    def logdet_gradient(self) -> Blocks | None:
        with self.clock.measure("inverse"):
            return self.factor.logdet_gradient()


class TimedOptimizer(Optimizer):
    """An optimizer under the clock: its own time, less that of the objective."""

    def __init__(self, optimizer: Optimizer, clock: Clock) -> None:
        self.optimizer, self.clock = optimizer, clock
        self.needs_gradient = optimizer.needs_gradient
        self.uses_curvature = optimizer.uses_curvature

    def minimize(self, objective: Objective, *, tol: float, max_evaluations: int) -> OptimizationResult:
        """Minimize an objective whose evaluations are measured apart."""

        def timed(f: Callable[[FloatArray], T]) -> Callable[[FloatArray], T]:
            def g(x: FloatArray) -> T:
                with self.clock.measure("criterion"):
                    return f(x)

            return g

        watched = replace(
            objective,
            value=timed(objective.value),
            gradient=None if objective.gradient is None else timed(objective.gradient),
            curvature=None if objective.curvature is None else timed(objective.curvature),
        )
        with self.clock.measure("optimizer"):
            return self.optimizer.minimize(watched, tol=tol, max_evaluations=max_evaluations)


def phases_of_fit(model: Workload, backend: LinalgBackend, optimizer: Optimizer) -> tuple[Any, dict[str, float]]:
    """A fit under the clock: the solution, and seconds by phase."""
    clock = Clock()
    start = time.perf_counter()
    solution = model.fit(TimedBackend(backend, clock), TimedOptimizer(optimizer, clock))
    total = time.perf_counter() - start
    seconds = dict(clock.seconds)
    if "cross-products" in solution.timings:
        seconds["cross-products"] = solution.timings["cross-products"]
    seconds["other"] = total - sum(seconds.values())
    start = time.perf_counter()
    _ = solution.p_values
    seconds["inference"] = time.perf_counter() - start
    return solution, {phase: seconds[phase] for phase in PHASES if phase in seconds}
