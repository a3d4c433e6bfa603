"""The search's certificate and restarts, on functions whose minima are known."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.backends.optim.lbfgsb import Lbfgsb
from ranef.backends.optim.nelder_mead import NelderMead
from ranef.backends.optim.trust_region import TrustRegion
from ranef.contracts import Objective, OptimizationResult, Optimizer, Status
from ranef.estimation.search import search

INF = np.inf


def double_well(x):
    """(x^2 - 1)^2: even, a stationary point at 0 that is a maximum, the minimum at 1."""
    return float((x[0] ** 2 - 1) ** 2), np.array([4 * x[0] * (x[0] ** 2 - 1)])


def bowl(x):
    """x^2: even, its minimum at the bound 0."""
    return float(x[0] ** 2), np.array([2 * x[0]])


def slope(x):
    """exp(-x), falling towards larger x for ever."""
    return float(np.exp(-x[0])), np.array([-np.exp(-x[0])])


class Stay(Optimizer):
    """Claims that the start is the minimum."""

    def __init__(self, where: float | None = None) -> None:
        self.where, self.starts = where, []

    def minimize(self, objective: Objective, *, tol: float, max_evaluations: int) -> OptimizationResult:
        self.starts.append(objective.start.copy())
        x = objective.start if self.where is None or len(self.starts) > 1 else np.array([self.where])
        return OptimizationResult(x, objective.value(x), Status.CONVERGED, 1)


def run(function, optimizer: Optimizer, start: float):
    objective = Objective(lambda x: function(x)[0], np.array([start]), np.array([0.0]), np.array([INF]), function)
    return search(objective, optimizer, tol=1e-10, max_evaluations=500, exact=objective, nonnegative=np.array([True]))


@pytest.mark.parametrize("optimizer", [TrustRegion(), Lbfgsb(), NelderMead()])
def test_minimum_inside_is_certified(optimizer: Optimizer) -> None:
    found = run(double_well, optimizer, 0.5)
    assert found.certificate.converged
    assert found.x[0] == pytest.approx(1.0, abs=1e-4)
    assert found.certificate.smallest_eigenvalue == pytest.approx(8.0, rel=1e-2)


@pytest.mark.parametrize("optimizer", [TrustRegion(), Lbfgsb()])
def test_minimum_at_the_boundary_is_certified(optimizer: Optimizer) -> None:
    found = run(bowl, optimizer, 1.0)
    assert found.certificate.converged
    assert found.x[0] == pytest.approx(0.0, abs=1e-3)


def test_a_false_boundary_is_left() -> None:
    """At 0 the derivative of an even function vanishes, though 0 is a maximum here: the search starts again inside."""
    liar = Stay(where=0.0)
    found = run(double_well, liar, 0.5)
    assert [float(s[0]) for s in liar.starts] == [0.5, 0.3]
    assert not found.certificate.converged  # it stays at 0.3
    assert run(double_well, TrustRegion(), 0.0).x[0] == pytest.approx(1.0)


def test_a_lie_about_convergence_is_noticed() -> None:
    found = run(double_well, Stay(), 0.7)
    assert not found.certificate.converged
    assert "fall by another" in found.certificate.message or "saddle" in found.certificate.message


def test_no_minimum_is_not_certified() -> None:
    objective = Objective(lambda x: slope(x)[0], np.array([0.0]), np.array([0.0]), np.array([INF]), slope)
    found = search(objective, Stay(), tol=1e-10, max_evaluations=50, exact=objective, nonnegative=np.array([True]))
    assert not found.certificate.converged
