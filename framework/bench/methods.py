"""What fits a model in a benchmark: ranef with some plugins, or a peer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import registry
from .model import Model, Prepared
from .peers import PEERS


@dataclass(frozen=True)
class Method:
    """`peer` is the name of one, or "" for ranef with these plugins."""

    backend: str = "auto"
    optimizer: str = "auto"
    peer: str = ""

    @property
    def label(self) -> str:
        """What tables show."""
        return self.peer or f"{self.backend} / {self.optimizer}"

    def prepare(self, model: Model) -> Prepared:
        """All that is not timed: conversion of the data to what a peer takes."""
        if self.peer:
            return PEERS[self.peer].prepare(model)
        return Prepared(lambda: model.fit(self.backend, self.optimizer), lambda fit: -2.0 * fit.log_likelihood)


def methods(backends: Sequence[str], optimizers: Sequence[str], peers: Sequence[str]) -> list[Method]:
    """Every backend with every optimizer, then the peers; "all" stands for all that are ready."""
    chosen = [Method(b, o) for b in _expand("linalg", backends) for o in _expand("optimizer", optimizers)]
    return chosen + [Method("", "", peer) for peer in peers]


def _expand(kind: str, names: Sequence[str]) -> list[str]:
    if "all" not in names:
        return list(dict.fromkeys(names))
    return [info.name for info in registry.entries(kind) if info.state == "ready"]
