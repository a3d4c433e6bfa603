"""Structures for the built-in backends, beyond those of the kit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ranef.testkit import structures
from ranef.testkit.structures import Case, make_case


def slopes_of_an_outer_factor(rng: np.random.Generator) -> Case:
    """(1 + x | f:g) + (1 + x + z | f): blocks of several columns are updated by those of nested levels."""
    n = 150
    child = rng.integers(0, 20, n)
    x, z = rng.normal(size=(2, n))
    return make_case([child, child // 4], [np.column_stack([np.ones(n), x]), np.column_stack([np.ones(n), x, z])])


CASES: dict[str, Callable[[np.random.Generator], Case]] = structures.CASES | {
    "slopes_of_an_outer_factor": slopes_of_an_outer_factor
}
