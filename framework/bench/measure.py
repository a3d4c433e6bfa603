"""The measurement itself: what runs in a process with pinned threads."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import memory
from .methods import Method
from .model import Case, Prepared, Workload

#: Without `--repeats`: between these numbers of fits, as many as take about this time.
FEWEST, MOST, SECONDS = 3, 51, 5.0

Result = dict[str, Any]


@dataclass(frozen=True)
class Probe:
    """Task: one fit in a process of its own, for its memory, and to see that it ends."""

    case: Case
    method: Method

    def run(self) -> list[Result]:
        """Peak memory during the fit, in MB."""
        memory.limit_to_physical()
        model = self.case.build()
        try:
            self.method.refuse(model)
            prepared = self.method.prepare(model)
            gc.collect()
            memory.reset_peak()
            before = memory.peak()
            prepared.fit()
        except Exception as error:  # whatever a peer raises
            return [{"status": "failed", "reason": said(error)}]
        if prepared.seconds is not None:
            return [{"status": "ok"}]  # its memory is another process's
        return [{"status": "ok", "memory": {"peak_mb": memory.peak(), "before_mb": before}}]


@dataclass(frozen=True)
class Comparison:
    """Task: all methods on one case, in turns."""

    case: Case
    methods: Sequence[Method]
    repeats: int | None

    def run(self) -> list[Result]:
        """One result for each method."""
        model = self.case.build()
        runs = [_Run(method, model) for method in self.methods]
        for run in runs:
            run.warm_up()
        remaining = {run.method: self.repeats or run.affordable for run in runs if not run.reason}
        controls = [control()]
        while any(remaining.values()):
            for run in runs:
                if remaining.get(run.method):
                    run.fit()
                    remaining[run.method] -= 1
                    controls.append(control())
        return [run.result() | {"control": controls} for run in runs]


class _Run:
    """The fits of one method."""

    def __init__(self, method: Method, model: Workload) -> None:
        self.method, self.model = method, model
        self.seconds: list[float] = []
        self.found: Any = None
        self.reason, self.last = "", 0.0
        try:
            method.refuse(model)
            self.prepared: Prepared = method.prepare(model)
        except Exception as error:  # whatever a peer raises
            self.reason = said(error)

    @property
    def affordable(self) -> int:
        """Number of fits that take about `SECONDS`."""
        return int(np.clip(SECONDS / max(self.last, 1e-9), FEWEST, MOST))

    def warm_up(self) -> None:
        """Imports and caches; twice where it is cheap, so that `affordable` knows the time."""
        self.fit()
        if self.last < 1.0:
            self.fit()
        self.seconds.clear()

    def fit(self) -> None:
        """One timed fit."""
        if self.reason:
            return
        gc.collect()
        start = time.perf_counter()
        try:
            self.found = self.prepared.fit()
        except Exception as error:  # whatever a peer raises
            self.reason = said(error)
            return
        elapsed = time.perf_counter() - start
        if self.prepared.seconds is not None:
            elapsed = self.prepared.seconds(self.found)
        self.seconds.append(elapsed)
        self.last = elapsed

    def result(self) -> Result:
        """All that is known of the method on this case."""
        if self.reason:
            return {"status": "failed", "reason": self.reason}
        out: Result = {
            "status": "ok",
            "times": self.seconds,
            "seconds": quartiles(self.seconds),
            "criterion": float(self.prepared.minus_2_log_likelihood(self.found)),
        }
        return out | self.method.details(self.model, self.found, len(self.seconds))


def control() -> float:
    """Seconds of a piece of work that no version of ranef changes: calls of NumPy on small matrices.

    Between the fits of a run, it tells what the machine did to them: what it takes longer in another run, fits do too.
    """
    M, start = np.eye(24) + 0.1, time.perf_counter()
    for _ in range(300):
        np.log(np.diagonal(np.linalg.cholesky(M))).sum()
    return time.perf_counter() - start


def quartiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median and quartiles of times.

    Examples
    --------
    >>> quartiles([1.0, 2.0, 3.0, 4.0, 9.0])
    {'q1': 2.0, 'median': 3.0, 'q3': 4.0}
    """
    return dict(zip(("q1", "median", "q3"), np.quantile(seconds, [0.25, 0.5, 0.75]).tolist(), strict=True))


def said(error: BaseException) -> str:
    """An error in one line: its kind, and the first line of what it says."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
