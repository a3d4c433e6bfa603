"""The search and its certificate, on criteria whose minima are known: functions of one covariance matrix T T'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pytest

from ranef.backends.optim.lbfgsb import Lbfgsb
from ranef.backends.optim.nelder_mead import NelderMead
from ranef.backends.optim.trust_region import TrustRegion
from ranef.contracts import Objective, OptimizationResult, Optimizer, Status
from ranef.contracts.arrays import FloatArray
from ranef.design.terms import Term
from ranef.estimation.certificate import certify
from ranef.estimation.criterion import Criterion, Root
from ranef.estimation.eigenbasis import aligned
from ranef.estimation.pipeline import Watch
from ranef.estimation.search import search

#: D(Sigma) and its derivative G by Sigma, (k, k) symmetric.
OfSigma = Callable[[FloatArray], tuple[float, FloatArray]]


@dataclass
class At:
    value: float
    gradient: FloatArray
    curvature: FloatArray


class Known(Criterion[At]):
    """D(T T') for a known D, in a turned basis of the columns of Sigma; its curvature is a poor approximation."""

    def __init__(self, of_sigma: OfSigma, k: int, turned: FloatArray | None = None) -> None:
        super().__init__(Watch())
        self.of_sigma, self.k = of_sigma, k
        self.turned = np.eye(k) if turned is None else turned
        places = np.zeros((k, k), dtype=np.intp)
        places[np.tril_indices(k)] = np.arange(k * (k + 1) // 2)
        self.roots, self.columns = (Root(Term("g", tuple("abc"[:k])), 0, 0, places),), (k,)
        self.lower = np.full(k * (k + 1) // 2, -np.inf)
        self.upper = -self.lower

    def evaluate(self, x: FloatArray) -> At:
        T = self.turned @ self.roots[0].of(x)
        value, G = self.of_sigma(T @ T.T)
        by_T = self.turned.T @ (2.0 * G @ T)
        return At(value, by_T[np.tril_indices(self.k)], 4.0 * np.eye(len(x)))

    def rotated(self, by: Sequence[FloatArray]) -> Self:
        return type(self)(self.of_sigma, self.k, self.turned @ by[0])

    def sigma(self, x: FloatArray) -> FloatArray:
        """Sigma in the columns that D is a function of."""
        T = self.turned @ self.roots[0].of(x)
        return np.asarray(T @ T.T)


def towards(target: FloatArray, weight: float = 1.0) -> OfSigma:
    """weight |Sigma - target|^2: its minimum over covariance matrices is the nearest one to the target."""

    def of_sigma(S: FloatArray) -> tuple[float, FloatArray]:
        return float(weight * ((S - target) ** 2).sum()), 2.0 * weight * (S - target)

    return of_sigma


def nearest(target: FloatArray) -> FloatArray:
    """The positive semidefinite matrix nearest to a symmetric one."""
    eigenvalues, V = np.linalg.eigh(target)
    return np.asarray((V * np.maximum(eigenvalues, 0.0)) @ V.T)


INSIDE = np.array([[1.0, 0.3], [0.3, 0.5]])
SINGULAR = np.array([[1.0, 1.4], [1.4, 0.5]])  # eigenvalues 2.17, -0.67
ZERO = np.array([[-1.0, 0.2], [0.2, -0.5]])


class Stay(Optimizer):
    """Claims that the start is the minimum, always or for the first times."""

    def __init__(self, times: int = 100) -> None:
        self.times, self.starts = times, list[FloatArray]()

    def minimize(self, objective: Objective, *, tol: float, max_evaluations: int) -> OptimizationResult:
        self.starts.append(objective.start.copy())
        if len(self.starts) > self.times:
            return TrustRegion().minimize(objective, tol=tol, max_evaluations=max_evaluations)
        return OptimizationResult(objective.start, objective.value(objective.start), Status.CONVERGED, 1)


def run(of_sigma: OfSigma, optimizer: Optimizer, start: list[float], k: int = 2, max_evaluations: int = 500):
    return search(Known(of_sigma, k), np.array(start), optimizer, tol=1e-10, max_evaluations=max_evaluations)


@pytest.mark.parametrize("optimizer", [TrustRegion(), Lbfgsb(), NelderMead()])
@pytest.mark.parametrize("target", [INSIDE, SINGULAR, ZERO], ids=["inside", "rank one", "zero"])
def test_the_nearest_covariance_matrix_is_found_and_certified(optimizer: Optimizer, target: FloatArray) -> None:
    found = run(towards(target), optimizer, [0.7, -0.4, 0.9], max_evaluations=5000)
    assert found.certificate.converged, found.certificate
    np.testing.assert_allclose(found.criterion.sigma(found.x), nearest(target), atol=1e-4)
    rank = int((np.linalg.eigvalsh(target) > 0).sum())
    assert [c.rank for c in found.certificate.conditions] == ([] if rank == 2 else [rank])
    assert found.certificate.boundary_ok
    assert not found.flat


def test_the_smallest_eigenvalue_is_that_of_the_hessian() -> None:
    # D = (T^2 - 1)^2 has second derivative 8 at T = 1.
    found = run(towards(np.ones((1, 1))), TrustRegion(), [0.3], k=1)
    assert found.certificate.smallest_eigenvalue == pytest.approx(8.0, rel=1e-3)
    assert found.certificate.hessian == "differences of exact gradients"


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_zero_diagonal_above_a_column_that_is_not_is_no_boundary(sign: float) -> None:
    # T = [[0, 0], [t, s]]: with a bound T11 >= 0 one of the two signs of t is stationary, and there is a way down.
    target = np.array([[0.2, 0.3], [0.3, 1.0]])
    found = run(towards(target), TrustRegion(), [0.0, 0.6 * sign, 0.8])
    assert found.certificate.converged
    np.testing.assert_allclose(found.criterion.sigma(found.x), target, atol=1e-5)


def test_a_false_boundary_is_left_along_the_negative_eigenvector() -> None:
    """At T = 0 every derivative by T vanishes, though Sigma wants to grow: G is negative."""
    liar = Stay(times=1)
    found = run(towards(INSIDE), liar, [0.0, 0.0, 0.0])
    assert len(liar.starts) > 1
    assert not any(np.array_equal(start, [1.0, 0.0, 1.0]) for start in liar.starts)  # it goes on, not back to a start
    assert np.abs(liar.starts[1]).max() > 0.0
    assert found.certificate.converged
    np.testing.assert_allclose(found.criterion.sigma(found.x), INSIDE, atol=1e-5)


@pytest.mark.parametrize("rank", [0, 1])
def test_the_certificate_names_the_matrix_that_failed_and_the_drop(rank: int) -> None:
    target = INSIDE if rank == 0 else np.diag([1.0, 0.5])
    x = np.array([1.0 * rank, 0.0, 0.0])
    certificate = certify(Known(towards(target), 2), x, Status.CONVERGED, quick=False).certificate
    assert not certificate.converged
    assert not certificate.boundary_ok
    (condition,) = certificate.conditions
    assert (condition.term, condition.rank) == ("(0 + a + b | g)", rank)
    assert condition.slope < -0.5
    # What is to be gained in all is D(x) - 0; what is quoted is of its order.
    gain = ((target - np.diag([1.0 * rank, 0.0])) ** 2).sum()
    assert 0.2 * gain < condition.drop <= gain
    assert certificate.expected_drop == condition.drop
    assert "(0 + a + b | g) is at the boundary" in certificate.message


def test_a_slope_at_the_boundary_that_is_nothing_is_no_alarm() -> None:
    # G = 0 on the null space, up to a slope of -1e-7 that is worth 1e-14: no absolute slope decides.
    target = np.array([[1.0, 0.0], [0.0, 5e-8]])
    standing = certify(Known(towards(target), 2), np.array([1.0, 0.0, 0.0]), Status.CONVERGED, quick=False)
    assert standing.certificate.converged
    assert standing.certificate.boundary_ok


@pytest.mark.parametrize(("short", "converged"), [(1e-4, True), (1e-2, False)])
def test_the_expected_drop_is_right(short: float, converged: bool) -> None:
    """D = (T^2 - 1)^2 near T = 1 + short is 4 short^2, on either side of the limit 1e-6."""
    short *= 0.3
    x = np.array([1.0 + short])
    certificate = certify(Known(towards(np.ones((1, 1))), 1), x, Status.MAX_EVALUATIONS, quick=False).certificate
    assert certificate.expected_drop == pytest.approx(4.0 * short**2, rel=0.1)
    assert certificate.converged is converged
    assert ("expected to fall by another" in certificate.message) is not converged


def test_a_lie_about_convergence_is_noticed() -> None:
    found = run(towards(np.ones((1, 1))), Stay(), [0.7], k=1)
    assert not found.certificate.converged
    assert "fall by another" in found.certificate.message or "saddle" in found.certificate.message


def hill(a: float) -> OfSigma:
    """a (-d^2 + d^4) with d = Sigma - 1: a maximum at Sigma = 1, a stationary point of full rank."""

    def of_sigma(S: FloatArray) -> tuple[float, FloatArray]:
        d = S - 1.0
        return a * float((-(d**2) + d**4).sum()), a * (-2.0 * d + 4.0 * d**3)

    return of_sigma


def test_a_saddle_inside_is_left() -> None:
    standing = certify(Known(hill(1.0), 1), np.array([1.0]), Status.CONVERGED, quick=False)
    assert not standing.certificate.converged
    assert "saddle" in standing.certificate.message
    assert standing.way_down is not None
    found = run(hill(1.0), Stay(times=1), [1.0], k=1)
    assert found.certificate.converged
    assert found.value == pytest.approx(-0.25)  # at Sigma = 1 +- sqrt(1/2)


class WithHessian(Known):
    """The hill with its Hessian as the curvature."""

    curvature_is_exact = True

    def __init__(self, a: float) -> None:
        super().__init__(hill(a), 1)
        self.a = a

    def evaluate(self, x: FloatArray) -> At:
        at, d = super().evaluate(x), x[0] ** 2 - 1.0
        at.curvature = np.array([[self.a * (4.0 * x[0] ** 2 * (12.0 * d**2 - 2.0) + 2.0 * (4.0 * d**3 - 2.0 * d))]])
        return at

    def rotated(self, by: Sequence[FloatArray]) -> Self:
        return self  # of one column


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "differences"])
@pytest.mark.parametrize(("fall", "seen"), [(1e-5, True), (2e-6, True), (5e-7, False)])
def test_a_saddle_counts_where_the_fall_beside_it_counts(fall: float, seen: bool, exact: bool) -> None:
    # It is a/4 at d^2 = 1/2, on either side of the limit 1e-6; the curvature -8 a is as small as differences show.
    criterion = WithHessian(4.0 * fall) if exact else Known(hill(4.0 * fall), 1)
    standing = certify(criterion, np.array([1.0]), Status.CONVERGED, quick=False)
    assert standing.certificate.converged is not seen
    assert ("saddle" in standing.certificate.message) is seen
    if seen:
        assert 0.5 * fall < standing.certificate.expected_drop <= fall  # what was tried


@pytest.mark.parametrize(("short", "source"), [(1e-5, "average information"), (1e-4, "differences of exact gradients")])
def test_approximate_curvature_is_believed_where_it_expects_nothing(short: float, source: str) -> None:
    # By the curvature 4 the drop of (T^2 - 1)^2 is 8 short^2, on either side of the limit 1e-8.
    standing = certify(Known(towards(np.ones((1, 1))), 1), np.array([1.0 + short]), Status.CONVERGED, quick=True)
    assert standing.certificate.hessian == source
    assert standing.certificate.converged


def test_the_slope_at_the_boundary_is_the_eigenvalue_of_the_derivative_by_sigma() -> None:
    # |Sigma - target|^2 at zero: G = -2 target, which is positive definite here.
    (condition,) = run(towards(ZERO), TrustRegion(), [0.7, -0.4, 0.9]).certificate.conditions
    assert condition.slope == pytest.approx(np.linalg.eigvalsh(-2.0 * ZERO)[0], rel=1e-5)
    assert condition.holds


@pytest.mark.parametrize("k", [2, 3])
def test_the_basis_of_eigenvectors_is_the_same_point(k: int) -> None:
    rng = np.random.default_rng(k)
    target, x = np.eye(k), rng.normal(size=k * (k + 1) // 2)
    criterion = Known(towards(target), k)
    turned, there, roots = aligned(criterion, x)
    np.testing.assert_allclose(turned.sigma(there), criterion.sigma(x), rtol=1e-12, atol=1e-12)
    T = roots[0].of(there)
    np.testing.assert_allclose(T, np.diag(np.diagonal(T)), atol=1e-12)


def test_the_gradient_norm_is_the_largest_slope() -> None:
    # D = |Sigma - target|^2 has slopes 4 (Sigma - target) T by T, 0 and 4e-3 here.
    x = np.array([1.0, 0.0, 1.0])
    certificate = certify(Known(towards(np.diag([1.0, 0.999])), 2), x, Status.MAX_EVALUATIONS, quick=False).certificate
    assert certificate.gradient_norm == pytest.approx(4e-3, rel=1e-6)


def test_no_minimum_is_not_certified() -> None:
    def slope(S: FloatArray) -> tuple[float, FloatArray]:
        return float(np.exp(-S[0, 0])), np.array([[-np.exp(-S[0, 0])]])

    found = run(slope, Stay(), [1.0], k=1, max_evaluations=50)
    assert not found.certificate.converged


def test_approximate_curvature_that_misleads_gives_way_to_the_hessian() -> None:
    # The curvature that `Known` gives is 1,000 times too large: Newton steps with it creep.
    class Overstated(Known):
        def evaluate(self, x: FloatArray) -> At:
            at = super().evaluate(x)
            at.curvature = 4e3 * np.eye(len(x))
            return at

    criterion = Overstated(towards(np.diag([9.0, 4.0])), 2)
    found = search(criterion, np.array([0.1, 0.0, 0.1]), TrustRegion(), tol=1e-10, max_evaluations=200)
    assert found.certificate.converged
    assert criterion.watch.n_evaluations < 100


def test_an_end_that_approximate_curvature_misjudged_is_left_with_the_hessian() -> None:
    class Misled(Stay):
        uses_curvature = True

        def minimize(self, objective: Objective, *, tol: float, max_evaluations: int) -> OptimizationResult:
            self.times = 0 if objective.curvature_is_exact else 100
            return super().minimize(objective, tol=tol, max_evaluations=max_evaluations)

    found = run(towards(INSIDE), Misled(), [1.0, 0.1, 0.5])
    assert found.certificate.converged
    np.testing.assert_allclose(found.criterion.sigma(found.x), INSIDE, atol=1e-5)


@pytest.mark.parametrize("level", [0.0, 1e6])
def test_the_tolerance_is_one_in_absolute_deviance(level: float) -> None:
    # Optimizers take theirs relative to max(|value|, 1).
    class Asked(Stay):
        def minimize(self, objective: Objective, *, tol: float, max_evaluations: int) -> OptimizationResult:
            absolute = tol * max(abs(objective.value(objective.start)), 1.0)
            assert absolute == pytest.approx(1e-10, rel=1e-12)
            return super().minimize(objective, tol=tol, max_evaluations=max_evaluations)

    run(lambda S: (level + towards(INSIDE)(S)[0], towards(INSIDE)(S)[1]), Asked(), [1.0, 0.3, 0.6])


def test_negative_curvature_is_followed_downhill() -> None:
    # -exp(-Sigma) is concave in T at T = 1: it rises to 0 on one side, and falls to -1 on the other.
    def slope(S: FloatArray) -> tuple[float, FloatArray]:
        return -float(np.exp(-S[0, 0])), np.exp(-S)

    standing = certify(Known(slope, 1), np.array([1.0]), Status.CONVERGED, quick=False)
    assert standing.way_down is not None
    assert standing.criterion.value(standing.way_down) < standing.value


def test_another_basin_is_looked_for_from_zero() -> None:
    """A minimum at Sigma = 0 and a better one at 1: the slope at zero is positive, and no derivative there tells."""

    def two_basins(S: FloatArray) -> tuple[float, FloatArray]:
        s = float(S[0, 0])
        return s * (s - 0.1) * (s - 2.0) - 0.1 * s, np.array([[3 * s**2 - 4.2 * s + 0.1]])

    found = run(two_basins, TrustRegion(), [0.01], k=1)
    assert found.certificate.converged
    best = (4.2 + np.sqrt(4.2**2 - 1.2)) / 6.0
    assert found.criterion.sigma(found.x)[0, 0] == pytest.approx(best, rel=1e-5)


def test_flat_directions_are_found_by_the_criterion() -> None:
    """D depends on the trace only: an optimum on a segment, and one more point of the same value for each direction."""

    def trace(S: FloatArray) -> tuple[float, FloatArray]:
        d = float(np.trace(S)) - 2.0
        return d**2, 2.0 * d * np.eye(len(S))

    found = run(trace, TrustRegion(), [0.5, 0.1, 0.9])
    assert found.certificate.converged
    assert len(found.flat) == 2
    for there in found.flat:
        S = found.criterion.sigma(there)
        assert np.trace(S) == pytest.approx(2.0, abs=1e-3)
        assert np.abs(S - found.criterion.sigma(found.x)).max() > 0.05


def test_a_flat_direction_that_ends_nearby_on_both_sides_is_found() -> None:
    # Only the variances 1 and 0.04 matter: their covariance may be anything between -0.2 and 0.2.
    def variances(S: FloatArray) -> tuple[float, FloatArray]:
        d = np.diagonal(S - np.diag([1.0, 0.04]))
        return float(d[0] ** 2 + 100.0 * d[1] ** 2), np.diag([2.0 * d[0], 200.0 * d[1]])

    found = run(variances, TrustRegion(), [1.0, 0.0, 0.19])
    assert found.certificate.converged
    (there,) = found.flat
    assert 0.1 < abs(found.criterion.sigma(there)[0, 1] - found.criterion.sigma(found.x)[0, 1]) < 0.4


@pytest.mark.parametrize(("cost", "flat"), [(1e-3, False), (2e-5, False), (1e-8, True)])
def test_a_weak_direction_is_not_called_flat(cost: float, flat: bool) -> None:
    # A covariance whose change by its own size costs little deviance is badly, but it is determined: down to 1e-6.
    def weak(S: FloatArray) -> tuple[float, FloatArray]:
        d = S - np.array([[1.0, 0.0], [0.0, 1.0]])
        W = np.array([[1.0, cost], [cost, cost]])
        return float((W * d**2).sum()), 2.0 * W * d

    found = run(weak, TrustRegion(), [0.9, 0.2, 0.9])
    assert found.certificate.converged
    assert bool(found.flat) is flat
