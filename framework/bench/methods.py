"""What fits a model in a benchmark."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import registry
from ..contracts import PluginError
from ..estimation.parameters import Parameters
from .model import Prepared, Workload
from .oracle import disagreement
from .phases import phases_of_fit

#: Fits under the clock of phases.
PHASE_FITS = 3


class Method(ABC):
    """A way to fit a model: ranef with some plugins, or another package."""

    #: Name of the other package; "" for ranef.
    peer: str

    @property
    @abstractmethod
    def label(self) -> str:
        """What tables show."""

    @abstractmethod
    def prepare(self, model: Workload) -> Prepared:
        """All that is not timed: conversion of the data to what the method takes."""

    def refuse(self, model: Workload) -> None:  # noqa: B027 (most methods refuse nothing beforehand)
        """Raise where a fit is not even to be tried."""

    @abstractmethod
    def details(self, model: Workload, found: Any, n_fits: int) -> dict[str, Any]:
        """What is known of the method beyond the times of `n_fits` fits: its version, for example."""


@dataclass(frozen=True)
class Plugins(Method):
    """Ranef with these plugins."""

    peer = ""
    backend: str = "auto"
    optimizer: str = "auto"

    @property
    def label(self) -> str:
        """What tables show."""
        return f"{self.backend} / {self.optimizer}"

    def prepare(self, model: Workload) -> Prepared:
        """The model is ready as arrays."""
        return Prepared(lambda: model.fit(self.backend, self.optimizer), lambda fit: -2.0 * fit.log_likelihood)

    def refuse(self, model: Workload) -> None:
        """A backend asked for by name is not tried where it says that it cannot."""
        if self.backend != "auto":
            backend = registry.linalg_backend(self.backend)[0]
            if backend.cost(model.checked().random.pattern) == np.inf:
                raise PluginError("the backend cannot do this pattern: its cost is infinite")

    def details(self, model: Workload, found: Any, n_fits: int) -> dict[str, Any]:
        """Plugins, evaluations, time by phase, agreement with the oracle, and sizes."""
        used = {p.kind: p.name for p in found.provenance}
        backend, optimizer = registry.linalg_backend(used["linalg"])[0], registry.optimizer(used["optimizer"])[0]
        fits = [phases_of_fit(model, backend, optimizer)[1] for _ in range(min(PHASE_FITS, n_fits))]
        design = model.checked()
        pattern, parameters = design.random.pattern, Parameters(design.random.groups)
        return {
            "used": used,
            "version": str(found.provenance[0].version),
            "evaluations": found.n_evaluations,
            "converged": found.converged,
            "phases": {phase: float(np.median([fit[phase] for fit in fits])) for phase in fits[0]},
            "oracle": disagreement(backend, design, parameters.T(parameters.basis(found.theta))),
            "size": {"n": design.n, "p": design.labels.p, "q": pattern.q, "m": len(parameters)},
        }


def methods(backends: Sequence[str], optimizers: Sequence[str]) -> list[Method]:
    """Every backend with every optimizer; "all" stands for all that are ready."""
    return [Plugins(b, o) for b in _expand("linalg", backends) for o in _expand("optimizer", optimizers)]


def _expand(kind: str, names: Sequence[str]) -> list[str]:
    if "all" not in names:
        return list(dict.fromkeys(names))
    return [info.name for info in registry.entries(kind) if info.state == "ready"]
