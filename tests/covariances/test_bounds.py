"""The certificate at bounds, on criteria that are known: held, free, and ways down from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pytest

from ranef.contracts import Status
from ranef.contracts.arrays import FloatArray
from ranef.estimation.certificate import Standing, certify
from ranef.estimation.criterion import Criterion
from ranef.estimation.pipeline import Watch


@dataclass
class At:
    value: float
    gradient: FloatArray
    curvature: FloatArray


class Quartic(Criterion[At]):
    """g'x + x'Hx / 2 + |x|^4, without matrices; on one side of zero, or on both."""

    def __init__(self, g: Sequence[float], H: Sequence[Sequence[float]], side: float = 0.0) -> None:
        super().__init__(Watch())
        self.g, self.H = np.array(g), np.array(H)
        self.roots, self.columns = (), ()
        free = np.full(len(self.g), np.inf)
        self.lower, self.upper = (0.0 * self.g if side > 0.0 else -free), (0.0 * self.g if side < 0.0 else free)

    def evaluate(self, x: FloatArray) -> At:
        square = float(x @ x)
        value = float(self.g @ x + 0.5 * x @ self.H @ x) + square**2
        return At(value, self.g + self.H @ x + 4.0 * square * x, np.abs(self.H))

    def rotated(self, by: Sequence[FloatArray]) -> Self:
        return self


def at_zero(criterion: Quartic, **settings: bool) -> Standing[Quartic]:
    return certify(criterion, np.zeros(len(criterion.g)), Status.CONVERGED, **({"quick": False} | settings))


@pytest.mark.parametrize("side", [1.0, -1.0], ids=["lower", "upper"])
@pytest.mark.parametrize("curvature", [2.0, -2.0])
def test_a_bound_is_held_where_the_criterion_rises_from_it(side: float, curvature: float) -> None:
    """Whatever the curvature is; where it falls, nothing is."""
    held = at_zero(Quartic([side], [[curvature]], side)).certificate
    assert held.converged
    assert held.gradient_norm == 0.0
    assert held.smallest_eigenvalue == np.inf
    falling = at_zero(Quartic([-side], [[curvature]], side)).certificate
    assert not falling.converged
    assert falling.gradient_norm == 1.0


@pytest.mark.parametrize(("slope", "held"), [(0.0, False), (1e-9, False), (1e-7, True)])
def test_what_has_no_slope_at_its_bound_is_free(slope: float, held: bool) -> None:
    assert (at_zero(Quartic([slope], [[2.0]], 1.0)).certificate.smallest_eigenvalue == np.inf) is held


@pytest.mark.parametrize("side", [1.0, -1.0], ids=["lower", "upper"])
@pytest.mark.parametrize(
    "H",
    [
        [[-2.0]],
        # none falls alone; of the eigenvector's two ends one leads inwards
        [[0.0, -2.0], [-2.0, 0.0]],
        # the first falls alone; what is inside of either end of the eigenvector rises
        [[-0.1, 2.0, 5.0], [2.0, 1.0, 5.0], [5.0, 5.0, 1.0]],
    ],
    ids=["one", "two together", "one of three"],
)
def test_a_bound_without_a_slope_is_left_where_the_criterion_bends_down(H: list[list[float]], side: float) -> None:
    criterion = Quartic(np.zeros(len(H)).tolist(), H, side)
    standing = at_zero(criterion)
    assert not standing.certificate.converged
    assert "saddle" in standing.certificate.message
    assert standing.way_down is not None
    assert (side * standing.way_down >= 0.0).all()
    assert criterion.value(standing.way_down) < -1e-6


@pytest.mark.parametrize(
    ("bends", "source"), [(False, "average information"), (True, "differences of exact gradients")]
)
def test_approximate_curvature_of_what_bends_is_not_believed(bends: bool, source: str) -> None:
    criterion = Quartic([0.0], [[-2.0]])
    criterion.bends = bends
    certificate = at_zero(criterion, quick=True).certificate
    assert certificate.hessian == source
    assert certificate.converged is not bends  # its approximation has the wrong sign
