"""Threads of BLAS: one, where matrices are small.

A threaded BLAS waits for its threads at every product and factorization, also at those of 6 x 6 blocks, and on a busy
machine it waits for milliseconds. A fit makes hundreds of them. Where the dense parts of a model are small, one thread
is as fast on an idle machine and 4 to 30 times faster on a busy one; where they are large, threads stay as they are.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import LibController, ThreadpoolController

#: Random effects outside of the largest factor, at most: rows of the dense block that crossed factors leave.
SMALL_BLOCK = 500
#: Multiplications in X'WX, at most.
SMALL_PRODUCT = 1e8


@contextmanager
def few_threads(n: int, p: int, block: int = 0) -> Iterator[None]:
    """BLAS with one thread, for a small model; the limit belongs to the process, and the last one out lifts it.

    Parameters
    ----------
    n, p : int
        Rows and columns of X.
    block : int
        Random effects outside of the largest factor.
    """
    if block > SMALL_BLOCK or float(n) * (p + 1) ** 2 > SMALL_PRODUCT:
        yield
        return
    _limit.enter()
    try:
        yield
    finally:
        _limit.leave()


class _Limit:
    """One thread as long as anyone is inside."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._before: list[tuple[LibController, int]] = []

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                libraries = _libraries("sksparse.cholmod" in sys.modules)
                self._before = [(library, library.num_threads) for library in libraries]
                _set((library, 1) for library in libraries)
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                _set(self._before)


_limit = _Limit()


@lru_cache
def _libraries(with_cholmod: bool) -> list[LibController]:
    """The BLAS libraries of this process, found once (that takes milliseconds), and again with CHOLMOD's."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


def _set(numbers: Iterable[tuple[LibController, int]]) -> None:
    for library, number in numbers:
        library.set_num_threads(number)
        # Versions from 3.7 let one thread at a time set the number, until it says that it is done: here another one may
        # have to lift the limit.
        getattr(library, "clear_controlling_thread", lambda: None)()


__all__ = ["few_threads"]
