"""What surrounds an optimizer: patience with approximate curvature, ways down, a look at other basins."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.optim import OptimizationResult, Optimizer, Status
from ..design.random import RandomDesign, RandomSums
from .basins import (
    APART,
    descents,
    elsewhere,
    has_many_basins,
    is_far,
    looks,
    n_different,
    nearly_dependent,
    times_met,
    turns,
    unseen,
)
from .certificate import ENDED, Standing, certify
from .criterion import Criterion
from .curvature import FLAT
from .eigenbasis import C, aligned

log = logging.getLogger(__name__)

#: Evaluations, and more for each parameter, after which a search that uses curvature is looked at: the basis is turned
#: to the matrices' eigenvectors, and the second time approximate curvature gives way to the Hessian.
PATIENCE, PATIENCE_EACH = 10, 1
#: How often a search goes on from where it was stopped, or from where its certificate failed.
STAGES = 30
#: Evaluations of a look from another start, which is gone on with where they lead lower.
SHORT = 20
#: Rounds of descents that follow each other while the lowest optimum was met once only, or twice where more than a part
#: of them is expected to end in optima not seen yet: after the last round nobody knows the lowest one then. An optimum
#: far out has seldom one basin for itself, and takes all rounds.
ROUNDS, LOST = 3, 0.2

MANY_OPTIMA = (
    "{descents} descents from other starts ended in {optima} optima, the lowest of which was met {times}: lower ones "
    "are likely, since the data are too few for these random effects. Use fewer, or (x || g) instead of (x | g)"
)
FAR_COLUMNS = (
    "The values of {0} are large beside their differences, so that effects in (... || g) nearly cancel: centre {0}"
)


def search(
    criterion: C,
    start: FloatArray,
    optimizer: Optimizer,
    *,
    tol: float,
    max_evaluations: int,
    quick: bool = False,
    random: RandomDesign | RandomSums | None = None,
) -> Standing[C]:
    """Minimize until the certificate holds, and look at other basins.

    Parameters
    ----------
    quick : bool
        Let the certificate believe approximate curvature where it leaves no doubt.
    random : RandomDesign, optional
        Says where the criterion may have more basins: where levels are few, where columns are nearly dependent.
    """
    first = found = _descend(criterion, start, optimizer, tol, _Budget(max_evaluations), quick)
    for there in looks(first):
        other = _descend(first.criterion, there, optimizer, tol, _Budget(max_evaluations), quick)
        if other.value < found.value - FLAT or (other.flat and other.value <= found.value + FLAT):
            found = other
    optima = [standing.value for standing in (first, found) if standing.certificate.converged]

    def tried(there: FloatArray) -> float:
        nonlocal found
        log.debug("another start: %s", there)
        shortly = _Budget(SHORT if optimizer.uses_curvature else max_evaluations)
        result = _minimize(first.criterion, there, optimizer, tol, shortly, by_differences=False)
        if result.value < found.value - FLAT:
            other = _descend(first.criterion, result.x, optimizer, tol, _Budget(max_evaluations), quick)
            found = min(found, other, key=lambda standing: standing.value)
            if other.certificate.converged:
                optima.append(other.value)
            return other.value
        if result.status is Status.CONVERGED:
            optima.append(result.value)
        return result.value

    seen = [tried(there) for there in chain(turns(first), elsewhere(first, random) if random else ())]
    led = [value for value in seen if value < first.value - APART]  # others than those that went back to the start
    ends, settled, met = [found.value], True, 0
    rounds = ROUNDS if random and has_many_basins(first, random) else 0
    for attempt in range(rounds):
        assert random is not None  # or there is no round
        for there, value in descents(first, random, attempt):
            is_new = value < found.value - FLAT or all(abs(value - known) > APART for known in optima)
            ends.append(min(value, tried(there)) if is_new else value)
        met = times_met(ends + led[1:])
        settled = len(ends) == 1 or met > (2 if unseen(ends) > LOST else 1)
        if settled and not is_far(found):
            break
    certificate = replace(found.certificate, other_optima=_others(optima, found.value))
    if certificate.converged and not settled:
        times = ("once", "twice")[met - 1]
        said = MANY_OPTIMA.format(descents=len(ends) - 1, optima=n_different(ends), times=times)
        certificate = replace(certificate, converged=False, message=said)
    if not certificate.converged and random and (far := nearly_dependent(random)):
        said = f"{certificate.message.rstrip('.')}. {FAR_COLUMNS.format(', '.join(far))}"
        certificate = replace(certificate, message=said)
    log.debug("search ended at %.9g, %d other optima known", found.value, len(certificate.other_optima))
    return replace(found, certificate=certificate)


def lower(one: Standing[C], other: Standing[C]) -> Standing[C]:
    """The better one of two ends of searches, which knows of the other where that is an optimum as well."""
    best, rest = (one, other) if one.value <= other.value else (other, one)
    if rest.value <= best.value + FLAT and rest.certificate.converged and not best.certificate.converged:
        best, rest = rest, best
    heights = [*best.certificate.other_optima, *[rest.value - best.value] * rest.certificate.converged]
    optima = _others([best.value + height for height in heights], best.value)
    return replace(best, certificate=replace(best.certificate, other_optima=optima))


def _others(values: Sequence[float], lowest: float) -> tuple[float, ...]:
    """How much higher other optima are, each once, ascending."""
    out: list[float] = []
    for higher in sorted(value - lowest for value in values):
        if higher > (out[-1] if out else 0.0) + APART:
            out.append(higher)
    return tuple(out)


def minimize(
    criterion: Criterion[Any], start: FloatArray, optimizer: Optimizer, tol: float, max_evaluations: int
) -> OptimizationResult:
    """The optimizer alone, to a tolerance in absolute deviance."""
    return _minimize(criterion, start, optimizer, tol, _Budget(max_evaluations), by_differences=False)


def minimize_nearby(
    criterion: Criterion[Any], start: FloatArray, optimizer: Optimizer, tol: float, max_evaluations: int
) -> OptimizationResult:
    """The same from a start that is near: where it lasts, approximate curvature gives way to the Hessian."""
    budget = _Budget(max_evaluations)
    patience = PATIENCE + PATIENCE_EACH * len(start)
    if criterion.curvature_is_exact or not optimizer.uses_curvature:
        return _minimize(criterion, start, optimizer, tol, budget, by_differences=False)
    found = _minimize(criterion, start, optimizer, tol, budget, by_differences=False, limit=patience)
    if found.status is Status.CONVERGED:
        return found
    return _minimize(criterion, found.x, optimizer, tol, budget, by_differences=True)


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
    log.debug("optimizer ended: %s at %.9g, %d evaluations", result.status.name, result.value, result.n_evaluations)
    return result


def _descend(
    criterion: C, start: FloatArray, optimizer: Optimizer, tol: float, budget: _Budget, quick: bool
) -> Standing[C]:
    """Minimize from a start; go on from where the certificate fails, downhill or with the Hessian."""
    approximate, by_differences, stages = not criterion.curvature_is_exact, False, 0
    patience = PATIENCE + PATIENCE_EACH * len(start) if optimizer.uses_curvature else np.inf
    best: Standing[C] | None = None
    lowest = np.inf
    while True:
        result = _minimize(criterion, start, optimizer, tol, budget, by_differences=by_differences, limit=patience)
        stages, gained, lowest = stages + 1, lowest - result.value, result.value
        stopped = result.status is Status.MAX_EVALUATIONS and patience < np.inf and budget.left > 0
        if stopped and (gained > tol or not by_differences):
            # It creeps: along a curved valley, or misled by approximate curvature.
            log.debug("stage %d creeps: the basis is turned", stages)
            criterion, start, _ = aligned(criterion, result.x)
            by_differences = approximate and stages > 1
            continue
        here = certify(criterion, result.x, result.status, quick=quick)
        if best is None or here.value <= best.value:
            best = here
        misled = optimizer.uses_curvature and approximate and not by_differences and result.status in ENDED
        if here.certificate.converged or budget.left <= 0 or stages > STAGES:
            break
        log.debug("stage %d has no certificate: %s", stages, here.certificate.message)
        if here.way_down is not None:
            criterion, start = here.criterion, here.way_down
        elif misled and here.certificate.expected_drop < np.inf:
            criterion, start, by_differences = here.criterion, here.x, True
        else:
            break
    assert best is not None
    return best
