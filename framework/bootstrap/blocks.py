"""Replicates in blocks: each block has a generator of its own, so that nothing depends on who computes it, or when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from ..contracts.arrays import AnyArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..estimation.model import is_integer
from ..estimation.pipeline import Watch
from ..prediction.simulate import checked_rng

#: Most replicates, most of one block, and numbers that a block of responses has at most (but for one response).
MOST, BLOCK, NUMBERS = 1_000_000, 1000, 2_000_000
#: Most replicates of one block where each is fitted by itself: so many are lost at most when work is interrupted, and
#: between two looks at the bar. Generalized models take longer than linear ones: fewer, and fewer numbers.
BLOCK_OF_SINGLE, BLOCK_OF_GENERALIZED, NUMBERS_OF_GENERALIZED = 20, 200, 200_000


class Outcome(Protocol):
    """What a block of replicates gives: `reason` is "" where all went well, (m,)."""

    @property
    def reason(self) -> AnyArray: ...  # noqa: D102


B = TypeVar("B", bound=Outcome, covariant=True)


class Work(Protocol[B]):
    """What is done with one block; sent to workers."""

    def __call__(self, rng: np.random.Generator, skip: int, count: int) -> B:
        """Draw `skip` replicates that are known, and then `count`, of which the outcome is wanted."""


@dataclass(frozen=True)
class Seed:
    """Where the generators of all blocks come from.

    Parameters
    ----------
    entropy : tuple of int
    block : int
        Replicates of one block.
    """

    entropy: tuple[int, ...]
    block: int

    @classmethod
    def of(cls, rng: Any, n: int, *, at_once: bool, generalized: bool = False) -> Seed:
        """From the user's generator or seed, for responses of n rows, fitted at once or one by one.

        Raises
        ------
        InputError, InputTypeError
            Without one.
        """
        numbers = NUMBERS_OF_GENERALIZED if generalized and at_once else NUMBERS
        most = (BLOCK_OF_GENERALIZED if generalized else BLOCK) if at_once else BLOCK_OF_SINGLE
        entropy = checked_rng(rng).integers(0, 2**32, size=4).tolist()
        return cls(tuple(entropy), int(np.clip(numbers // n, 1, most)))

    def generator(self, k: int) -> np.random.Generator:
        """That of block k."""
        return np.random.default_rng(np.random.SeedSequence(self.entropy, spawn_key=(k,)))

    def jobs(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Blocks of the replicates from `first` up to `last`: number, how many to skip, how many there are."""
        for k in range(first // self.block, -(-last // self.block)):
            begin, end = k * self.block, min(last, (k + 1) * self.block)
            skip = max(0, first - begin)
            yield k, skip, end - begin - skip


@dataclass(frozen=True, eq=False)
class Job(Generic[B]):
    """A block, and what is done with it."""

    work: Work[B]
    seed: Seed
    k: int
    skip: int
    count: int

    def __call__(self) -> B:
        """The outcome."""
        return self.work(self.seed.generator(self.k), self.skip, self.count)


def _run(job: Job[B]) -> B:
    return job()


def blocks(work: Work[B], seed: Seed, first: int, last: int, executor: Executor | None, watch: Watch,
           name: str) -> Iterator[B]:  # fmt: skip
    """Outcomes of the replicates from `first` up to `last`, block by block, in order; observers are told."""
    began, done, failed = time.perf_counter(), first, 0
    jobs = [Job(work, seed, *which) for which in seed.jobs(first, last)]
    for job, outcome in zip(jobs, (map if executor is None else executor.map)(_run, jobs), strict=True):
        done, failed = done + job.count, failed + int((outcome.reason != "").sum())
        watch.advanced(name, done, last, failed, time.perf_counter() - began)
        yield outcome


def until_interrupted(outcomes: Iterator[B]) -> tuple[list[B], bool]:
    """All outcomes, or those that there were when the user interrupted; whether that happened.

    Raises
    ------
    KeyboardInterrupt
        Where there is nothing yet.
    """
    found: list[B] = []
    try:
        for outcome in outcomes:
            found.append(outcome)
    except KeyboardInterrupt:
        if not found:
            raise
        return found, True
    return found, False


# Settings -----------------------------------------------------------------------------------------------------------


def checked_replicates(nsim: Any, name: str = "nsim") -> int:
    """A number of replicates.

    Raises
    ------
    InputError
        For anything else.
    """
    if not is_integer(nsim) or not 1 <= nsim <= MOST:
        raise InputError(f"{name} must be an integer from 1 to {MOST}; got {shown(nsim)}")
    return int(nsim)


@contextmanager
def executor_of(executor: Any, workers: Any) -> Iterator[Executor | None]:
    """The user's executor, or one of so many processes for as long as it is needed.

    Raises
    ------
    InputError, InputTypeError
        For what is none, and where both are given.
    """
    if executor is not None and workers is not None:
        raise InputTypeError("give executor or workers, not both")
    if executor is not None and not (hasattr(executor, "map") and hasattr(executor, "submit")):
        raise InputTypeError(
            f"executor must be one of concurrent.futures, such as ProcessPoolExecutor(); got {shown(executor)}"
        )
    if workers is None:
        yield executor
        return
    if not is_integer(workers) or not 1 <= workers <= 1024:
        raise InputError(f"workers must be an integer of at least 1; got {shown(workers)}")
    if workers == 1:
        yield None
        return
    with ProcessPoolExecutor(int(workers)) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


__all__ = [
    "Job",
    "Outcome",
    "Seed",
    "Work",
    "blocks",
    "checked_replicates",
    "executor_of",
    "until_interrupted",
]
