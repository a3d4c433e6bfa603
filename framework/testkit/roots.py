"""Where T may be: inside, on the boundary of singular covariance matrices, and far out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..contracts import Blocks
from ..contracts.arrays import FloatArray
from .structures import Case


def inner_roots(case: Case) -> Blocks:
    """T inside of its bounds: off-diagonals of either sign, diagonals positive."""
    rng = np.random.default_rng(7)

    def entries(shape: tuple[int, int]) -> FloatArray:
        T = rng.normal(scale=0.7, size=shape)
        return np.where(np.eye(len(T)), np.abs(T) + 0.1, T)

    return case.roots(entries)


def boundary_roots(case: Case) -> Blocks:
    """The last column of every T is zero."""
    return tuple(np.where(np.arange(len(T)) == len(T) - 1, 0.0, T) for T in inner_roots(case))


def times(factor: float, T: Blocks) -> Blocks:
    """Every T times a number."""
    return tuple(factor * t for t in T)


def _unbalanced(case: Case) -> Blocks:
    inner = inner_roots(case)
    sizes = iter(np.geomspace(1e-3, 1e2, sum(len(T) for T in inner)))
    return tuple(T * np.array([[next(sizes)] for _ in T]) for T in inner)


ROOTS: dict[str, Callable[[Case], Blocks]] = {
    "inside": inner_roots,
    "on the boundary": boundary_roots,
    "zero": lambda case: times(0.0, inner_roots(case)),
    "huge": lambda case: times(1e3, inner_roots(case)),
    "tiny": lambda case: times(1e-7, inner_roots(case)),
    "unbalanced": _unbalanced,
}
