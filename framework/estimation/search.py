"""What surrounds an optimizer: patience with approximate curvature, ways down, a look at other basins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.optim import OptimizationResult, Optimizer, Status
from .certificate import FLAT, SUSPICIOUS, C, Standing, certify
from .criterion import Criterion

#: Evaluations after which a search with approximate curvature goes on with the Hessian: as many as these, and more for
#: each parameter. Searches that get along take half of that.
PATIENCE, PATIENCE_EACH = 12, 2
#: How often a search goes on from where its certificate failed.
RESTARTS = 6
#: Standard deviation at which a variance that ended at zero is looked at once more.
MODERATE = 0.5


def search(
    criterion: C,
    start: FloatArray,
    optimizer: Optimizer,
    *,
    tol: float,
    max_evaluations: int,
    quick: bool = False,
) -> Standing[C]:
    """Minimize until the certificate holds, and look at other basins.

    Parameters
    ----------
    quick : bool
        Let the certificate believe approximate curvature where it leaves no doubt.
    """
    budget = _Budget(max_evaluations)
    first = found = _descend(criterion, start, optimizer, tol, budget, quick)
    for there in _looks(first):
        other = _descend(first.criterion, there, optimizer, tol, budget, quick)
        if other.value < found.value - FLAT or (other.flat and other.value <= found.value + FLAT):
            found = other
    return found


def _looks(found: Standing[C]) -> Iterator[FloatArray]:
    """Points inside the boundary from where a search may lead elsewhere.

    One moderate value of each matrix that lost rank: where the criterion is lower there, or falls beyond, or where the
    slope at the boundary leaves open whether there is one.
    """
    singular = {c.term: c for c in found.certificate.conditions} if found.certificate.converged else {}
    for root in found.criterion.roots:
        if (condition := singular.get(str(root))) is None:
            continue
        inside = np.arange(condition.rank, len(root))
        T = root.of(found.x)
        T[inside, inside] = MODERATE
        there = root.put(found.x, T)
        value, g = found.criterion.exact.gradient(there)
        outward = g[root.places[inside, inside]].min() < 0.0
        if value < np.inf and (value < found.value - FLAT or outward or condition.slope < SUSPICIOUS):
            yield there


def minimize(
    criterion: Criterion[Any], start: FloatArray, optimizer: Optimizer, tol: float, max_evaluations: int
) -> OptimizationResult:
    """The optimizer alone, to a tolerance in absolute deviance."""
    return _minimize(criterion, start, optimizer, tol, _Budget(max_evaluations), by_differences=False)


class _Budget:
    """Evaluations that are left to optimizers."""

    def __init__(self, left: int) -> None:
        self.left = left


def _minimize(
    criterion: Criterion[Any],
    start: FloatArray,
    optimizer: Optimizer,
    tol: float,
    budget: _Budget,
    *,
    by_differences: bool,
    limit: float = np.inf,
) -> OptimizationResult:
    objective = criterion.objective(start, by_differences=by_differences)
    scale = max(abs(criterion.value(start)), 1.0)
    result = optimizer.minimize(objective, tol=tol / scale, max_evaluations=int(min(limit, max(budget.left, 1))))
    budget.left -= result.n_evaluations
    return result


def _descend(
    criterion: C, start: FloatArray, optimizer: Optimizer, tol: float, budget: _Budget, quick: bool
) -> Standing[C]:
    """Minimize from a start; go on from where the certificate fails, downhill or with the Hessian."""
    improves = optimizer.uses_curvature and not criterion.curvature_is_exact
    by_differences = False
    best: Standing[C] | None = None
    for _ in range(RESTARTS + 1):
        patience = PATIENCE + PATIENCE_EACH * len(start) if improves and not by_differences else np.inf
        result = _minimize(criterion, start, optimizer, tol, budget, by_differences=by_differences, limit=patience)
        if result.status is Status.MAX_EVALUATIONS and patience < np.inf and budget.left > 0:
            start, by_differences = result.x, True  # it creeps: the approximate curvature misleads
            continue
        here = certify(criterion, result.x, result.status, quick=quick)
        if best is None or here.value <= best.value:
            best = here
        if here.certificate.converged or budget.left <= 0:
            break
        misled = result.status in (Status.CONVERGED, Status.STALLED) and not by_differences
        if here.way_down is not None:
            criterion, start = here.criterion, here.way_down
        elif misled and here.certificate.expected_drop < np.inf:
            criterion, start, by_differences = here.criterion, here.x, improves
        else:
            break
    assert best is not None
    return best
