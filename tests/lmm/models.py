"""The reference linear models as fits of ours, made once for each backend and optimizer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import ranef
from ranef.contracts.arrays import FloatArray

from ..reference.load import Case, load

BACKENDS = ("dense", "blocked", "cholmod", "auto")


@dataclass(frozen=True, eq=False)
class Fitted:
    """A reference model, our fit of it, and the warnings that were given."""

    case: Case
    backend: str
    solution: ranef.LMMSolution
    warned: tuple[type[Warning], ...]

    @property
    def record(self) -> dict[str, Any]:
        return self.case.expected

    @property
    def kept(self) -> list[int]:
        """Columns of X that R kept."""
        return [i for i, name in enumerate(self.solution.names) if name not in self.record["dropped_columns"]]

    def by_name(self, key: str) -> FloatArray:
        """R's figures of the kept columns, in our order."""
        return np.array([self.record[key][self.solution.names[i]] for i in self.kept])


def arguments(case: Case) -> dict[str, Any]:
    """The keyword arguments of `ranef.lmm` for a reference model."""
    fields = ("random_effects", "random_data", "correlated", "weights", "offset", "x_names", "reml")
    return {field: getattr(case, field) for field in fields}


def fit(name: str, **changed: Any) -> ranef.LMMSolution:
    """Fit a reference model, with some arguments changed."""
    case = load(name)
    return ranef.lmm(case.y, case.X, case.groups, **(arguments(case) | changed))


@cache
def fitted(name: str, backend: str = "auto", optimizer: str = "auto") -> Fitted:
    """The reference model `name`, fitted once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        solution = fit(name, backend=backend, optimizer=optimizer)
        solution.summary()  # what is computed lazily warns here or never
    return Fitted(load(name), backend, solution, tuple(w.category for w in caught))
