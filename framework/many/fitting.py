"""Many responses of one model: blocks, the rows that each has, and the road that fits them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputTypeError, RanefError, shown
from ..design.selection import select_rows
from ..estimation.dispersion import DispersionScale
from ..estimation.generalized import Laplace
from ..estimation.model import Model
from ..estimation.parameters import Parameters
from ..estimation.pipeline import Watch
from ..threads import few_threads
from .combinations import Combinations
from .estimates import Estimates
from .generalized_road import GeneralizedRoad
from .linear_road import LinearRoad
from .one_by_one import Of, fit_one_by_one
from .responses import blocks_of, patterns_of

#: Responses of one block where each is fitted by itself.
ONE_BY_ONE = 32


@dataclass(frozen=True, eq=False)
class Task:
    """How responses of one model are fitted: sent to workers, with a block each.

    Parameters
    ----------
    model : Model
    of : callable
        From a fit to its solution.
    combinations : Combinations
    road : LinearRoad, GeneralizedRoad or None
        For many responses at once, where there is one.
    """

    model: Model[Any]
    of: Of
    combinations: Combinations
    road: LinearRoad | GeneralizedRoad | None

    @classmethod
    def make(cls, model: Model[Any], of: Of, L: Any) -> Task:
        """The task of a model, with the road that its design allows."""
        combinations = Combinations.given(L, model.labels.fixed)
        with few_threads(*model.labels.dense_sizes):
            road = LinearRoad.of(model, combinations) or GeneralizedRoad.of(model, combinations)
            return cls(model, of, combinations, road)

    @property
    def block(self) -> int:
        """How many responses make a block."""
        return ONE_BY_ONE if self.road is None else self.road.block

    def empty(self, m: int) -> Estimates:
        """Estimates of m responses, still to be found."""
        likelihood = self.model.likelihood
        of_family = likelihood.family.parameters if isinstance(likelihood, Laplace) else ()
        s = len(DispersionScale(of_family, self.model.labels.parameters).shown_names)
        d = len(Parameters(self.model.labels.groups, self.model.labels.residual))
        return Estimates.empty(m, p=len(self.model.labels.fixed.names), c=len(self.combinations.names), d=d, s=s)

    def __call__(self, Y: FloatArray) -> Estimates:
        """Estimates of every column of Y (n, m)."""
        out, m = self.empty(Y.shape[1]), Y.shape[1]
        out.n_obs[:] = self.model.labels.n
        left = np.arange(m)
        with few_threads(*self.model.labels.dense_sizes):
            if self.road is not None:
                left = np.flatnonzero(~self.road.fit(Y, out))
            if len(left):
                rest = self.empty(len(left))
                rest.n_obs[:] = self.model.labels.n
                fit_one_by_one(self.model, Y[:, left], self.of, self.combinations, rest)
                out.put(left, rest)
        return out


def estimates_of(
    task: Task, Y: Any, L: Any, executor: Executor | None, watch: Watch
) -> tuple[tuple[str, ...], Estimates, FloatArray | None]:
    """Names and estimates of all responses, and these themselves (n, m) unless they came block by block.

    Of an iterator's responses, those that are not yet there are not counted in what observers are told.

    Raises
    ------
    InputError, InputTypeError
        Where Y is no table of numbers with the model's rows.
    """
    if executor is not None and not hasattr(executor, "map"):
        raise InputTypeError(
            f"executor must be one of concurrent.futures, such as ProcessPoolExecutor(); got {shown(executor)}"
        )
    run = map if executor is None else executor.map
    names: list[str] = []
    parts: list[Estimates] = []
    kept: FloatArray | None = None
    done = failed = 0
    for responses in blocks_of(Y, task.model.labels.n):
        out = task.empty(responses.values.shape[1])
        jobs = list(_jobs(task, responses.values, L, out))
        last = done + responses.values.shape[1]
        done, failed = last - sum(len(where) for where, _, _ in jobs), failed + int((out.reason != "").sum())
        for (where, _, _), estimates in zip(jobs, run(_run, jobs), strict=True):
            out.put(where, estimates)
            done, failed = done + len(where), failed + int((estimates.reason != "").sum())
            watch.advanced("refits", done, last, failed, time.perf_counter() - watch.began)
        names += responses.names
        parts.append(out)
        kept = responses.values
    return tuple(names), Estimates.joined(parts), None if isinstance(Y, Iterator) else kept


#: Where the estimates belong, who finds them, and the responses.
Job = tuple[IntArray, "Task", FloatArray]


def _run(job: Job) -> Estimates:
    _, task, Y = job
    return task(Y)


def _jobs(whole: Task, Y: FloatArray, L: Any, out: Estimates) -> Iterator[Job]:
    """Blocks of responses with the same rows; where too few rows are left, that is the responses' reason."""
    for rows, which in patterns_of(Y):
        columns, task = np.flatnonzero(which), whole
        out.n_obs[columns] = rows.sum()
        if not rows.all():
            try:
                task = Task.make(part_of(whole.model, rows), whole.of, L)
            except RanefError as error:
                out.reason[columns] = str(error)
                continue
        for first in range(0, len(columns), task.block):
            some = columns[first : first + task.block]
            yield some, task, Y[:, some] if rows.all() else Y[np.ix_(rows, some)]


def part_of(model: Model[Any], rows: Any) -> Model[Any]:
    """The model of some rows.

    Raises
    ------
    InputError
        Where too little is left.
    """
    return replace(model, labels=(design := select_rows(model.design, rows)).labels, rows=design)


__all__ = ["Task", "estimates_of", "part_of"]
