"""Systems that linear-algebra backends are asked to solve, beside dense matrices of the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts import Blocks, Factor, LinalgBackend, SampledFactor, SampledSymbolic, Symbolic
from ..contracts.arrays import FloatArray
from .roots import ROOTS, inner_roots
from .structures import Case

#: Probes of backends that sample, in comparisons with dense algebra; these allow this many Monte Carlo standard errors.
MANY_PROBES, STANDARD_ERRORS = 64, 4.0


@dataclass(frozen=True, eq=False)
class System:
    """One pattern at one T, as dense matrices too."""

    name: str
    case: Case
    T: Blocks

    def __str__(self) -> str:
        return self.name

    @cached_property
    def M(self) -> FloatArray:
        """M as one matrix."""
        return self.case.M(self.T)

    @cached_property
    def rounding(self) -> float:
        """Relative tolerance; M has no small eigenvalue, so rounding grows with the largest only."""
        return 1e-10 + 1e-15 * float(np.linalg.norm(self.M, 2))

    def right_hand_side(self, columns: int = 4) -> FloatArray:
        """Some numbers, always the same."""
        return np.random.default_rng(3).normal(size=(self.case.pattern.q, columns))

    def analysis(self, backend: LinalgBackend) -> Symbolic:
        """The backend's; with many probes where it samples."""
        symbolic = backend.analyze(self.case.pattern)
        return symbolic.with_probes(MANY_PROBES) if isinstance(symbolic, SampledSymbolic) else symbolic

    def factor(self, backend: LinalgBackend) -> Factor:
        """By that analysis."""
        return self.analysis(backend).factorize(self.case.ZtWZ, self.T)


@dataclass(frozen=True, eq=False)
class Tested:
    """The backend, and the systems that it says it can do."""

    backend: LinalgBackend
    cases: Mapping[str, Case]

    @cached_property
    def inner(self) -> list[System]:
        """One T inside for every structure that it can do."""
        return [
            System(name, case, inner_roots(case))
            for name, case in self.cases.items()
            if self.backend.cost(case.pattern) < np.inf
        ]

    @cached_property
    def everywhere(self) -> list[System]:
        """Every one of these at every kind of T."""
        return [
            System(f"{system.name}, T {where}", system.case, at(system.case))
            for system in self.inner
            for where, at in ROOTS.items()
        ]


def inner(b: Tested) -> list[System]:
    """One T inside for every structure that the backend can do."""
    return b.inner


def precise(b: Tested) -> list[System]:
    """Those of known precisions."""
    return [system for system in b.inner if system.case.pattern.has_precision]


def takes_precision(b: Tested) -> bool:
    """Whether the backend can do any of these."""
    return bool(precise(b))


def everywhere(b: Tested) -> list[System]:
    """Every structure at every kind of T."""
    return b.everywhere


def has_selected_inverse(b: Tested) -> bool:
    """Whether that is declared."""
    return b.backend.has_selected_inverse


def is_exact(b: Tested) -> bool:
    """Whether log|M| is exact."""
    return not b.backend.samples


def samples(b: Tested) -> bool:
    """Whether log|M| is from random probes."""
    return b.backend.samples


def logdet_error(factor: Factor) -> float:
    """How far log|M| may be off beside rounding: some Monte Carlo standard errors of it where it is sampled."""
    return float(_error(factor.probe_logdets)) if isinstance(factor, SampledFactor) else 0.0


def gradient_error(factor: Factor, j: int) -> FloatArray:
    """The same of the derivatives by T_j."""
    return _error(factor.probe_gradients[j]) if isinstance(factor, SampledFactor) else np.zeros(())


def _error(by_probe: FloatArray) -> FloatArray:
    return np.asarray(STANDARD_ERRORS * by_probe.std(axis=-1, ddof=1) / np.sqrt(by_probe.shape[-1]))
