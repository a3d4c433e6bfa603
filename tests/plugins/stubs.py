"""Small plugins for the tests of the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ranef.contracts import (
    Factor,
    Family,
    LinalgBackend,
    Link,
    Mean,
    OptimizationResult,
    Optimizer,
    Status,
    Symbolic,
    hookimpl,
)


class Times(Link):
    """eta = factor mu."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def link(self, mu):
        return self.factor * mu

    def mean(self, eta):
        one = np.ones_like(eta)
        return Mean(eta / self.factor, 1 - eta / self.factor, one / self.factor, 0 * one, 0 * one)


class Own(Family):
    """A family that is never asked."""

    name = "own"

    def log_density(self, y, mu, weights, phi):
        raise NotImplementedError

    def variance(self, mu, phi):
        raise NotImplementedError

    def support(self, y, weights):
        raise NotImplementedError

    def sample(self, mu, weights, phi, rng):
        raise NotImplementedError


class Other(Own):
    """Another one."""


class Backend(LinalgBackend):
    def cost(self, pattern):
        return 1.0

    def analyze(self, pattern) -> Symbolic:
        return StubSymbolic()


class StubSymbolic(Symbolic):
    def factorize(self, ZtWZ, T) -> Factor:
        raise NotImplementedError


class Stay(Optimizer):
    """Stays at the start."""

    def __init__(self, needs_gradient: bool = False) -> None:
        self.needs_gradient = needs_gradient

    def minimize(self, objective, *, tol, max_evaluations):
        return OptimizationResult(objective.start, objective.value(objective.start), Status.STALLED, 1)


def plugin(name: str = "stub", **hooks: Callable[[], Iterable[Any]]) -> Any:
    """An object with hooks: ``plugin(links=lambda: [LinkEntry(...)])``."""
    marked = {}
    for hook, function in hooks.items():
        # pluggy marks function objects: each gets its own, with the name of the hook
        def call(function=function):
            return function()

        marked[f"ranef_{hook}"] = hookimpl(call)
    return SimpleNamespace(__name__=name, **marked)
