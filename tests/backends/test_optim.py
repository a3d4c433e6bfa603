"""Every optimizer on plain bounded problems with known minima."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from ranef.backends.optim.bobyqa import Bobyqa
from ranef.backends.optim.cobyqa import Cobyqa
from ranef.backends.optim.derivative_free import DerivativeFree
from ranef.backends.optim.evaluations import Evaluations
from ranef.backends.optim.lbfgsb import Lbfgsb
from ranef.backends.optim.nelder_mead import NelderMead
from ranef.backends.optim.trust_region import TrustRegion
from ranef.contracts.arrays import FloatArray
from ranef.contracts.optim import Objective, Optimizer, Status

needs_nlopt = pytest.mark.skipif(find_spec("nlopt") is None, reason="NLopt is not installed")
DERIVATIVE_FREE = [Cobyqa, NelderMead, pytest.param(Bobyqa, marks=needs_nlopt)]
OPTIMIZERS = [TrustRegion, Lbfgsb, *DERIVATIVE_FREE]

Function = Callable[[FloatArray], tuple[float, FloatArray]]


@pytest.fixture(params=OPTIMIZERS)
def optimizer(request: pytest.FixtureRequest) -> Optimizer:
    made: Optimizer = request.param()
    return made


class Recorded:
    """An objective that checks where it is evaluated, hands out one result array only, and remembers all points."""

    def __init__(
        self, function: Function, start: list[float], lower: list[float], upper: list[float], smooth: bool = True
    ) -> None:
        self.function = function
        self.points: list[FloatArray] = []
        self.values: list[float] = []
        arrays = [np.array(a, dtype=float) for a in (start, lower, upper)]
        for array in arrays:
            array.flags.writeable = False
        self.objective = Objective(self.value, *arrays, gradient=self.gradient if smooth else None)

    def gradient(self, x: FloatArray) -> tuple[float, FloatArray]:
        assert np.all((self.objective.lower <= x) & (x <= self.objective.upper))
        value, gradient = self.function(x)
        self.points.append(x.copy())
        self.values.append(value)
        gradient.flags.writeable = False
        return value, gradient

    def value(self, x: FloatArray) -> float:
        return self.gradient(x)[0]


def rosenbrock(x: FloatArray) -> tuple[float, FloatArray]:
    a, b = 1.0 - x[0], x[1] - x[0] ** 2
    return a * a + 100.0 * b * b, np.array([-2.0 * a - 400.0 * x[0] * b, 200.0 * b])


def quadratic(center: list[float], scales: list[float], offset: float = 0.0) -> Function:
    """offset + sum of (scale (x - center))^2"""
    c, s = np.array(center), np.array(scales)

    def f(x: FloatArray) -> tuple[float, FloatArray]:
        return offset + float(np.sum((s * (x - c)) ** 2)), 2.0 * s**2 * (x - c)

    return f


INF = np.inf
# function, start, lower, upper, known minimizer
PROBLEMS = {
    "rosenbrock": (rosenbrock, [-1.2, 1.0], [-INF, -INF], [INF, INF], [1.0, 1.0]),
    # on x1 = 1.5 the function is decreasing in x2 down to x1^2 = 2.25, and (1 - x1)^2 is least at the bound
    "rosenbrock with a bound": (rosenbrock, [2.0, 2.0], [1.5, -INF], [INF, INF], [1.5, 2.25]),
    "lower bound active": (quadratic([-1.0, 2.0], [1.0, 1.0]), [1.0, 1.0], [0.0, 0.0], [INF, INF], [0.0, 2.0]),
    "start on the bound": (quadratic([1.5, 2.0], [1.0, 2.0]), [0.0, 0.0], [0.0, 0.0], [INF, INF], [1.5, 2.0]),
    "both bounds active": (quadratic([5.0, -5.0], [1.0, 1.0]), [0.5, 0.5], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0]),
    "one parameter": (quadratic([0.3], [2.0]), [1.0], [0.0], [INF], [0.3]),
    "one parameter at its bound": (quadratic([-0.3], [2.0]), [1.0], [0.0], [INF], [0.0]),
    "a fixed parameter": (quadratic([0.3, 9.0], [2.0, 1.0]), [1.0, 1.0], [0.0, 1.0], [INF, 1.0], [0.3, 1.0]),
    "bad scale": (
        quadratic([0.5, 2.0, -1.0], [1.0, 30.0, 0.1]),
        [1.0, 1.0, 0.0],
        [0, 0, -INF],
        [INF] * 3,
        [0.5, 2.0, -1],
    ),
    "far away": (quadratic([40.0, 0.02], [1.0, 100.0]), [1.0, 1.0], [0.0, 0.0], [INF, INF], [40.0, 0.02]),
    "large value": (quadratic([0.4, 0.7], [50.0, 20.0], 1e3), [1.0, 1.0], [0.0, 0.0], [INF, INF], [0.4, 0.7]),
    "start at the minimum": (quadratic([1.0, 1.0], [1.0, 1.0]), [1.0, 1.0], [0.0, 0.0], [INF, INF], [1.0, 1.0]),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_finds_the_known_minimum(optimizer: Optimizer, name: str) -> None:
    function, start, lower, upper, minimizer = PROBLEMS[name]
    recorded = Recorded(function, start, lower, upper)
    tol = 1e-10
    result = optimizer.minimize(recorded.objective, tol=tol, max_evaluations=5000)
    known = function(np.array(minimizer))[0]
    assert result.status is Status.CONVERGED, result
    assert result.value - known <= 10 * tol * max(abs(known), 1.0)
    # half the squared distance times the curvature (at least 0.02 here) is the difference in value
    np.testing.assert_allclose(result.x, minimizer, atol=5e-4)


def test_derivative_free_reaches_six_digits_on_smooth_objectives() -> None:
    """theta is good to 1e-6 relative, with a value far from zero as deviances are."""
    pytest.importorskip("nlopt")
    recorded = Recorded(quadratic([0.4, 0.7, 0.1], [5.0, 2.0, 1.0], 10.0), [1.0, 1.0, 0.0], [0.0, 0.0, -INF], [INF] * 3)
    result = Bobyqa().minimize(recorded.objective, tol=1e-12, max_evaluations=1000)
    np.testing.assert_allclose(result.x, [0.4, 0.7, 0.1], rtol=1e-6)


def test_returns_the_best_point_seen_and_counts_evaluations(optimizer: Optimizer) -> None:
    recorded = Recorded(rosenbrock, [-1.2, 1.0], [-INF, -INF], [INF, INF])
    result = optimizer.minimize(recorded.objective, tol=1e-8, max_evaluations=5000)
    best = int(np.argmin(recorded.values))
    assert result.value == recorded.values[best]
    np.testing.assert_array_equal(result.x, recorded.points[best])
    assert result.n_evaluations == len(recorded.values)


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_honours_max_evaluations(optimizer: Optimizer, limit: int) -> None:
    recorded = Recorded(rosenbrock, [-1.2, 1.0], [-INF, -INF], [INF, INF])
    result = optimizer.minimize(recorded.objective, tol=1e-8, max_evaluations=limit)
    assert result.status is Status.MAX_EVALUATIONS
    assert result.n_evaluations == len(recorded.values) <= limit
    assert result.value == min(recorded.values)


def test_lets_exceptions_of_the_objective_pass(optimizer: Optimizer) -> None:
    class Mine(Exception):
        pass

    calls = 0

    def function(x: FloatArray) -> tuple[float, FloatArray]:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Mine("at the fourth evaluation")
        return rosenbrock(x)

    recorded = Recorded(function, [-1.2, 1.0], [-INF, -INF], [INF, INF])
    with pytest.raises(Mine, match="at the fourth evaluation"):
        optimizer.minimize(recorded.objective, tol=1e-8, max_evaluations=5000)
    assert calls == 4


@pytest.mark.parametrize("failure", [np.inf, np.nan])
def test_gets_around_a_region_where_the_objective_is_not_defined(optimizer: Optimizer, failure: float) -> None:
    """x - log(x) - log(y) + y on x, y > 0 has its minimum 2 at (1, 1); the bounds allow points where it fails."""

    def function(x: FloatArray) -> tuple[float, FloatArray]:
        if np.any(x <= 0.0):
            return failure, np.full(2, np.nan)
        return float(np.sum(x - np.log(x))), 1.0 - 1.0 / x

    recorded = Recorded(function, [0.05, 6.0], [-3.0, -3.0], [INF, INF])
    result = optimizer.minimize(recorded.objective, tol=1e-10, max_evaluations=5000)
    np.testing.assert_allclose(result.value, 2.0, rtol=1e-9)
    np.testing.assert_allclose(result.x, 1.0, atol=1e-4)


def test_quasi_newton_steps_back_from_a_failed_point() -> None:
    """The first step of L-BFGS-B, of length 1 down the slope, leads to where the objective is infinite."""

    def function(x: FloatArray) -> tuple[float, FloatArray]:
        if x[0] > 0.5:
            return np.inf, np.zeros(1)
        return quadratic([0.4], [100.0])(x)

    recorded = Recorded(function, [0.0], [-INF], [INF])
    result = Lbfgsb().minimize(recorded.objective, tol=1e-10, max_evaluations=100)
    assert not np.all(np.isfinite(recorded.values))
    assert result.status is Status.CONVERGED
    np.testing.assert_allclose(result.x, 0.4, rtol=1e-6)


def test_says_so_when_the_start_fails(optimizer: Optimizer) -> None:
    recorded = Recorded(lambda x: (np.inf, np.zeros(2)), [1.0, 1.0], [0.0, 0.0], [INF, INF])
    result = optimizer.minimize(recorded.objective, tol=1e-8, max_evaluations=100)
    assert result.status is Status.FAILED
    assert result.value == np.inf


def test_is_deterministic(optimizer: Optimizer) -> None:
    runs = [Recorded(rosenbrock, [-1.2, 1.0], [-INF, 0.0], [INF, INF]) for _ in range(2)]
    for run in runs:
        optimizer.minimize(run.objective, tol=1e-8, max_evaluations=300)
    np.testing.assert_array_equal(runs[0].points, runs[1].points)


def test_quasi_newton_does_not_claim_convergence_on_noise() -> None:
    """A gradient of the wrong sign: no step goes down although the slope is steep."""

    def wrong(x: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = quadratic([0.0, 0.0], [1.0, 1.0])(x)
        return value, -gradient

    recorded = Recorded(wrong, [1.0, 1.0], [-INF, -INF], [INF, INF])
    result = Lbfgsb().minimize(recorded.objective, tol=1e-8, max_evaluations=500)
    assert result.status is Status.STALLED


def test_quasi_newton_is_free_of_scale() -> None:
    """Stretching the parameters changes the path, not where it ends (to the tolerance) nor the verdict."""
    for scale in (1e-4, 1.0, 1e4):
        recorded = Recorded(
            quadratic([0.5 / scale, 2.0 / scale], [scale, 3.0 * scale]), [1.0 / scale] * 2, [0.0] * 2, [INF] * 2
        )
        result = Lbfgsb().minimize(recorded.objective, tol=1e-12, max_evaluations=500)
        assert result.status is Status.CONVERGED
        np.testing.assert_allclose(result.x * scale, [0.5, 2.0], rtol=1e-5)


@pytest.mark.parametrize("kind", DERIVATIVE_FREE)
def test_without_gradient(kind: type[Optimizer]) -> None:
    """Derivative-free optimizers take objectives that have no gradient."""
    optimizer = kind()
    recorded = Recorded(rosenbrock, [0.5, 0.5], [0.0, 0.0], [INF, INF], smooth=False)
    result = optimizer.minimize(recorded.objective, tol=1e-10, max_evaluations=5000)
    np.testing.assert_allclose(result.x, [1.0, 1.0], atol=1e-4)


# Trust region ------------------------------------------------------------------------------------------------------


def test_a_trust_region_shrinks_after_a_poor_step() -> None:
    # x^2 from 0.6 by a curvature that is 20 times too small: the step of -1 gains a sixth of what the model says.
    recorded = Recorded(quadratic([0.0], [1.0]), [0.6], [-INF], [INF])
    objective = replace(recorded.objective, curvature=lambda x: np.array([[0.1]]), curvature_is_exact=True)
    result = TrustRegion().minimize(objective, tol=1e-10, max_evaluations=50)
    np.testing.assert_allclose(np.ravel(recorded.points)[:3], [0.6, -0.4, 0.0], atol=1e-3)  # by 1, and by 0.4 of it
    assert result.value == pytest.approx(0.0, abs=1e-10)


def test_a_trust_region_shrinks_after_a_step_uphill() -> None:
    # From 0.3 it leads to -0.7, which is higher: the next one is 0.3 of it.
    recorded = Recorded(quadratic([0.0], [1.0]), [0.3], [-INF], [INF])
    objective = replace(recorded.objective, curvature=lambda x: np.array([[0.1]]), curvature_is_exact=True)
    TrustRegion().minimize(objective, tol=1e-10, max_evaluations=50)
    np.testing.assert_allclose(np.ravel(recorded.points)[:3], [0.3, -0.7, 0.0], atol=1e-3)


def test_a_trust_region_leaves_a_maximum_without_a_slope() -> None:
    """-x^2 + x^4 at 0: the hard case of the step."""
    recorded = Recorded(lambda x: (float(x[0] ** 4 - x[0] ** 2), 4 * x**3 - 2 * x), [0.0], [-INF], [INF])
    objective = replace(recorded.objective, curvature=lambda x: np.diag(12 * x**2 - 2), curvature_is_exact=True)
    result = TrustRegion().minimize(objective, tol=1e-10, max_evaluations=50)
    assert result.status is Status.CONVERGED
    assert result.value == pytest.approx(-0.25, abs=1e-8)


# Derivative-free ---------------------------------------------------------------------------------------------------


class Parabolas(DerivativeFree):
    """A search that takes one parabolic step along each axis: it needs to be repeated."""

    def __init__(self) -> None:
        self.boxes: list[FloatArray] = []

    def search(self, f: Callable[[FloatArray], float], lower: FloatArray, upper: FloatArray, fatol: float) -> None:
        self.boxes.append(upper - lower)
        z = np.zeros(len(lower))
        for axis in np.eye(len(lower)):
            below, here, above = f(z - axis), f(z), f(z + axis)
            z = z + 0.5 * (below - above) / (below - 2.0 * here + above) * axis
            f(z)


def test_derivative_free_searches_are_repeated_by_smaller_radii() -> None:
    # Along the axes of this ellipse a step gains, but does not arrive: a hundredth of the distance is left each time.
    A = np.array([[2.0, 0.2], [0.2, 2.0]])
    recorded = Recorded(lambda x: (float(x @ A @ x), 2.0 * A @ x), [1.0, -1.5], [-10.0] * 2, [10.0] * 2)
    optimizer = Parabolas()
    result = optimizer.minimize(recorded.objective, tol=1e-8, max_evaluations=500)
    assert result.status is Status.CONVERGED
    assert result.value < 1e-8
    assert len(optimizer.boxes) > 2
    np.testing.assert_allclose(20.0 / optimizer.boxes[0], [0.25, 0.375])  # the first radius
    np.testing.assert_allclose(optimizer.boxes[0] / optimizer.boxes[1], 0.1)


def test_tolerances_are_relative_to_large_values() -> None:
    for offset, absolute in ((0.5, 1e-3), (400.0, 0.4)):
        evaluations = Evaluations(Recorded(quadratic([0.0], [1.0], offset), [0.0], [-INF], [INF]).objective, 10)
        evaluations.value(evaluations.x)
        assert evaluations.tolerance(1e-3) == pytest.approx(absolute)


def test_quasi_newton_does_not_claim_convergence_where_its_curvature_expects_more() -> None:
    """The gradient changes its sign after some steps: no step goes down any more, half-way to the minimum."""
    recorded = Recorded(rosenbrock, [-1.2, 1.0], [-INF] * 2, [INF] * 2)

    def turning(x: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = recorded.gradient(x)
        return value, gradient if len(recorded.values) < 10 else -gradient

    result = Lbfgsb().minimize(replace(recorded.objective, gradient=turning), tol=1e-8, max_evaluations=500)
    assert result.value > 0.1
    assert result.status is Status.STALLED
