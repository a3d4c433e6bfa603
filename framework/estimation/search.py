"""What surrounds an optimizer: patience with approximate curvature, ways down, a look at other basins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
from scipy.linalg import expm
from scipy.optimize import brentq

from ..contracts.arrays import FloatArray
from ..contracts.optim import OptimizationResult, Optimizer, Status
from ..design.basis import lower_root
from ..design.random import RandomDesign
from .certificate import ENDED, FLAT, SUSPICIOUS, C, Standing, aligned, certify
from .criterion import Criterion

#: Evaluations, and more for each parameter, after which a search that uses curvature is looked at: the basis is turned
#: to the matrices' eigenvectors, and the second time approximate curvature gives way to the Hessian.
PATIENCE, PATIENCE_EACH = 10, 1
#: How often a search goes on from where it was stopped, or from where its certificate failed.
STAGES = 30
#: Standard deviation at which a variance that ended at zero is looked at once more.
MODERATE = 0.5
#: A column that is this many times as large as what sets it apart from others is nearly dependent on them.
LARGE = 3.0 * MODERATE
#: Where levels are few: for every entry of T so many points are looked at, with standard deviations in this range, and
#: a search starts from some of them, to be gone on with where so many evaluations led lower.
POINTS_EACH, MOST_STARTS, SHORT = 12, 12, 20
#: The lowest of those that did not end, one for so many starts, are gone on with for so many evaluations more.
PROMISING, LONG = 4, 60
#: Evaluations of descents by slopes alone, which stay in their basin where steps by curvature jump out of it.
PLAIN = 100
SMALLEST, LARGEST = 0.03, 100.0
#: Standard deviations below this are at zero where directions are swapped; the new one is so many times the old one.
SMALLEST_SWAPPED, SIZES_SWAPPED = 0.1, (0.1, 0.3, 1.0, 3.0)
#: Deviances that differ by less belong to one optimum.
APART = 1e-3
#: Levels up to which a variance is looked at once more at zero.
FEW = 10
#: Columns of matrices of which singular ones have others of low rank beside them.
LARGE_MATRIX = 3
#: Levels for each covariance parameter, below which they are few; with more rows than this nobody searches again.
FEW_LEVELS, MANY_ROWS = 3, 1_000


def search(
    criterion: C,
    start: FloatArray,
    optimizer: Optimizer,
    *,
    tol: float,
    max_evaluations: int,
    quick: bool = False,
    random: RandomDesign | None = None,
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
    for there in _looks(first):
        other = _descend(first.criterion, there, optimizer, tol, _Budget(max_evaluations), quick)
        if other.value < found.value - FLAT or (other.flat and other.value <= found.value + FLAT):
            found = other
    unfinished: list[OptimizationResult] = []
    optima = [standing.value for standing in (first, found) if standing.certificate.converged]

    def tried(there: FloatArray, evaluations: int, *, plain: bool = False) -> None:
        nonlocal found
        shortly = _Budget(evaluations if optimizer.uses_curvature else max_evaluations)
        result = _minimize(first.criterion, there, optimizer, tol, shortly, by_differences=False, plain=plain)
        if result.value < found.value - FLAT:
            other = _descend(first.criterion, result.x, optimizer, tol, _Budget(max_evaluations), quick)
            found = min(found, other, key=lambda standing: standing.value)
            if other.certificate.converged:
                optima.append(other.value)
        elif result.status is Status.CONVERGED:
            optima.append(result.value)
        elif result.status is Status.MAX_EVALUATIONS:
            unfinished.append(result)

    for there in chain(_turns(first), _elsewhere(first, random) if random else ()):
        tried(there, SHORT)
    spread = list(_starts(first)) if random and _has_many_basins(first, random) else []
    for there in spread:
        tried(there, SHORT)
    promising = -(-len(unfinished) // PROMISING)
    for result in sorted(unfinished, key=lambda result: result.value)[:promising]:
        tried(result.x, LONG)
    for there in spread if first.certificate.converged else ():
        tried(there, PLAIN, plain=True)
    return replace(found, certificate=replace(found.certificate, other_optima=_others(optima, found.value)))


def _others(values: Sequence[float], lowest: float) -> tuple[float, ...]:
    """How much higher other optima are, each once, ascending."""
    out: list[float] = []
    for higher in sorted(value - lowest for value in values):
        if higher > (out[-1] if out else 0.0) + APART:
            out.append(higher)
    return tuple(out)


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


def _turns(found: Standing[C]) -> Iterator[FloatArray]:
    """Independent effects of moderate size: where a matrix of several columns lost rank, and of covariance structures.

    A start with a correlation of the wrong sign leads to a matrix of lower rank, in the wrong direction.
    """
    roots = {str(root): root for root in found.criterion.roots if len(root) > 1}
    if any(condition.term in roots for condition in found.certificate.conditions):
        there = found.x
        for root in found.criterion.roots:
            there = root.put(there, np.eye(len(root)))
        if found.criterion.exact.value(there) < np.inf:
            yield there
    for there in found.criterion.moderate(found.x, MODERATE):
        if found.criterion.exact.value(there) < np.inf:
            yield there


def _elsewhere(found: Standing[C], random: RandomDesign) -> Iterator[FloatArray]:
    """Starts in the basins that a design may have."""
    yield from _apart(found, random)
    if random.n <= MANY_ROWS and found.certificate.converged:
        yield from _zeros(found, random)
        yield from _swaps(found)


def _apart(found: Standing[C], random: RandomDesign) -> Iterator[FloatArray]:
    """Large independent effects of nearly dependent columns, as of an intercept and a variable far from its origin.

    They may cancel each other in what the columns share; what sets them apart is as small as they are large.
    """
    there = found.x
    for root in found.criterion.roots:
        if len(root) < found.criterion.columns[root.factor] and len(root) == 1:
            size = MODERATE * random.factors[root.factor].inflation[root.first]
            there = root.put(there, np.full((1, 1), size)) if size > LARGE else there
    if there is not found.x and found.criterion.exact.value(there) < np.inf:
        yield there


def _has_many_basins(found: Standing[C], random: RandomDesign) -> bool:
    """Whether the criterion may have many basins: a factor has few levels beside its covariance parameters.

    Or a matrix of several columns is singular: others of low rank may be as good or better.
    """
    sizes = zip(random.pattern.groupings, random.template.rows, strict=True)
    few_levels = any(g.n_levels < FEW_LEVELS * len(rows) for g, rows in sizes)
    large = {str(root) for root in found.criterion.roots if len(root) >= LARGE_MATRIX}
    lost_rank = any(condition.term in large for condition in found.certificate.conditions)
    return random.n <= MANY_ROWS and (few_levels or lost_rank)


def _swaps(found: Standing[C]) -> Iterator[FloatArray]:
    """One direction of a covariance matrix at zero, and in its place another one that is at zero, of any matrix.

    The matrices are those of the optimum but for the two directions, of which the new one has the best of a few sizes.
    """
    roots, x = found.criterion.roots, found.x
    parts = [np.linalg.svd(root.of(x))[:2] for root in roots]
    on = [(a, i) for a, (_, s) in enumerate(parts) for i in range(len(s)) if s[i] >= SMALLEST_SWAPPED]
    off = [(b, j) for b, (_, s) in enumerate(parts) for j in range(len(s)) if s[j] < SMALLEST_SWAPPED]
    for a, i in on:
        for b, j in off:
            best, there = np.inf, x
            for size in SIZES_SWAPPED:
                sizes = [s.copy() for _, s in parts]
                sizes[b][j], sizes[a][i] = size * sizes[a][i], 0.0
                point = x
                for root, (U, _), s in zip(roots, parts, sizes, strict=True):
                    point = root.put(point, lower_root(U * s))
                value = found.criterion.value(point)
                if value < best:
                    best, there = value, point
            if best < np.inf:
                yield there


def _zeros(found: Standing[C], random: RandomDesign) -> Iterator[FloatArray]:
    """One matrix after the other at zero: a few levels of very different size may leave a basin there too."""
    for root in found.criterion.roots:
        if random.pattern.groupings[root.factor].n_levels > FEW:
            continue
        there = root.put(found.x, np.zeros((len(root),) * 2))
        if found.criterion.value(there) < found.value - FLAT:
            yield there


def _starts(found: Standing[C]) -> Iterator[FloatArray]:
    """Covariance matrices of all sizes and directions: of many, ordered by size, the best of each class.

    The same ones in every fit: multiples of powers of the generalized golden ratio, modulo 1, fill a cube evenly in any
    dimension; some of a point's coordinates are logarithms of standard deviations, the others angles of rotations.
    """
    roots, points = found.criterion.roots, []
    if not roots:
        return
    d = sum(len(root.entries) for root in roots)
    n_points, n_starts = POINTS_EACH * d, min(d + 1, MOST_STARTS)
    ratio = brentq(lambda g: g ** (d + 1) - g - 1.0, 1.0, 2.0)
    for i in range(n_points):
        there, rest, size = found.x, (0.5 + (i + 1) * ratio ** -np.arange(1.0, d + 1.0)) % 1.0, 0.0
        for root in roots:
            k = len(root)
            sizes, angles, rest = rest[:k], rest[k : k * (k + 1) // 2], rest[k * (k + 1) // 2 :]
            turn = np.zeros((k, k))
            turn[np.tril_indices(k, -1)] = np.pi * (angles - 0.5)
            there = root.put(there, lower_root(expm(turn - turn.T) * SMALLEST * (LARGEST / SMALLEST) ** sizes))
            size += sizes.sum()
        points.append((size, found.criterion.exact.value(there), there))
    points.sort(key=lambda point: point[0])
    ends = np.linspace(0, n_points, n_starts + 1).astype(int).tolist()
    for a, b in pairwise(ends):
        _, value, there = min(points[a:b], key=lambda point: point[1])
        if value < np.inf:
            yield there


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
    plain: bool = False,
) -> OptimizationResult:
    objective = criterion.objective(start, by_differences=by_differences)
    if plain:
        objective = replace(objective, curvature=None, curvature_is_exact=False)
    scale = max(abs(criterion.value(start)), 1.0)
    result = optimizer.minimize(objective, tol=tol / scale, max_evaluations=int(min(limit, max(budget.left, 1))))
    budget.left -= result.n_evaluations
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
            criterion, start, _ = aligned(criterion, result.x)
            by_differences = approximate and stages > 1
            continue
        here = certify(criterion, result.x, result.status, quick=quick)
        if best is None or here.value <= best.value:
            best = here
        misled = optimizer.uses_curvature and approximate and not by_differences and result.status in ENDED
        if here.certificate.converged or budget.left <= 0 or stages > STAGES:
            break
        if here.way_down is not None:
            criterion, start = here.criterion, here.way_down
        elif misled and here.certificate.expected_drop < np.inf:
            criterion, start, by_differences = here.criterion, here.x, True
        else:
            break
    assert best is not None
    return best
