"""Where else a criterion may have a minimum: starts from which a search looks beyond the basin that it ended in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy
from scipy.linalg import lapack

from ..contracts.arrays import FloatArray
from ..design.basis import lower_root
from ..design.random import RandomDesign, RandomSums, inflation
from ..design.terms import INTERCEPT
from .certificate import Standing
from .criterion import Criterion, Root
from .curvature import FLAT, SUSPICIOUS
from .eigenbasis import C

#: Standard deviation at which a variance that ended at zero is looked at once more.
MODERATE = 0.5
#: A column that is this many times as large as what sets it apart from others is nearly dependent on them.
LARGE = 3.0 * MODERATE
#: From here on such columns leave a search few digits, and a message says so.
NEARLY_DEPENDENT = 1e3
#: Standard deviations below this are at zero where directions are swapped; the new one is so many times the old one.
SMALLEST_SWAPPED, SIZES_SWAPPED = 0.1, (0.1, 0.3, 1.0, 3.0)
#: Levels up to which a variance is looked at once more at zero, and how much higher the deviance may be on the way.
FEW, HIGHER = 10, 1.0
#: Standard deviation of levels that are as far apart as fixed effects may be, and of all others beside them.
BEYOND_MEASURE, LITTLE = 1e4, 0.3
#: Columns of matrices of which singular ones have others of low rank beside them.
LARGE_MATRIX = 3
#: Levels for each covariance parameter, below which they are few; with more rows than this nobody searches again.
FEW_LEVELS, MANY_ROWS = 3, 1_000
#: Deviances that differ by less belong to one optimum; where descents went on too shortly, by less than this.
APART, BEGUN = 1e-3, 0.05
#: Where levels are few: standard deviations that descents begin with, and evaluations of each.
SIZES, MOST_EVALUATIONS = (1.0, 0.3, 3.0, 0.05, 30.0, 10.0, 30.0, 3.0), 300
#: What descents of one direction of every matrix go on with in the others.
WIDENED = 0.1
#: Standard deviations of an optimum that are far out; sizes, in parts of its own, of the last descents then.
FAR, SIZES_FAR = 10.0, (0.5, 0.5, 0.5, 0.5)


def looks(found: Standing[C]) -> Iterator[FloatArray]:
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


def turns(found: Standing[C]) -> Iterator[FloatArray]:
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


def elsewhere(found: Standing[C], random: RandomDesign | RandomSums) -> Iterator[FloatArray]:
    """Starts in the basins that a design may have."""
    yield from _apart(found, random)
    if random.n <= MANY_ROWS and found.certificate.converged:
        yield from _zeros(found, random)
        if has_few_levels(random):
            yield from _alone(found)
        yield from _swaps(found)


def _apart(found: Standing[C], random: RandomDesign | RandomSums) -> Iterator[FloatArray]:
    """Large independent effects of nearly dependent columns, as of an intercept and a variable far from its origin.

    They may cancel each other in what the columns share; what sets them apart is as small as they are large.
    """
    there = found.x
    for root in found.criterion.roots:
        if (size := size_apart(root, random)) > LARGE:
            there = root.put(there, np.full((1, 1), size))
    if there is not found.x and found.criterion.exact.value(there) < np.inf:
        yield there


def size_apart(root: Root, random: RandomDesign | RandomSums) -> float:
    """Standard deviation of an independent effect at which what sets its column apart is moderate; 0 of others."""
    f = random.groups[root.group]
    return MODERATE * float(f.inflation[root.first]) if len(root) == 1 < f.grouping.n_columns else 0.0


def nearly_dependent(random: RandomDesign | RandomSums) -> list[str]:
    """Variables of independent effects that are so far from their origin that they are nearly a constant."""
    independent = [f for f in random.groups if f.independent and INTERCEPT in f.column_names]
    return [
        name
        for f in independent
        for name, size in zip(f.column_names, inflation(f.R.T @ f.R).tolist(), strict=True)
        if size > NEARLY_DEPENDENT and name != INTERCEPT
    ]


def has_few_levels(random: RandomDesign | RandomSums) -> bool:
    """Whether a factor of a small design has few levels beside its covariance parameters."""
    sizes = zip(random.pattern.groupings, random.template.rows, strict=True)
    few = (1 < g.n_levels < FEW_LEVELS * len(rows) for g, rows in sizes)  # the effects of one level have one variance
    return random.n <= MANY_ROWS and any(few)


def has_many_basins(found: Standing[C], random: RandomDesign | RandomSums) -> bool:
    """Whether the criterion may have many basins: levels are few, or a matrix of several columns is singular.

    Others of low rank may be as good or better then.
    """
    large = {str(root) for root in found.criterion.roots if len(root) >= LARGE_MATRIX}
    lost_rank = any(condition.term in large for condition in found.certificate.conditions)
    return has_few_levels(random) or (random.n <= MANY_ROWS and lost_rank)


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


def _zeros(found: Standing[C], random: RandomDesign | RandomSums) -> Iterator[FloatArray]:
    """One matrix after the other at zero: a few levels of very different size may leave a basin there too.

    Another factor may take up what it had, and others change on the way, so that these points are not lower yet.
    """
    for root in found.criterion.roots:
        if random.pattern.groupings[root.group].n_levels > FEW or not root.of(found.x).any():
            continue
        zero = root.put(found.x, np.zeros((len(root),) * 2))
        points = [zero, *(_with(other, zero, root.of(found.x)) for other in found.criterion.roots if other is not root)]
        values = [found.criterion.value(there) for there in points]
        if min(values) < found.value + HIGHER:
            yield points[int(np.argmin(values))]


def _with(root: Root, x: FloatArray, T: FloatArray) -> FloatArray:
    """The point x with the first variance of T T' added to that of a matrix."""
    own = root.of(x)
    return root.put(x, lower_root(np.column_stack([own, np.linalg.norm(T[0]) * np.eye(len(own))[0]])))


def _alone(found: Standing[C]) -> Iterator[FloatArray]:
    """One matrix after the other beyond measure, and all others small."""
    small = found.criterion.scattered(found.x, LITTLE)
    for root in found.criterion.roots:
        small = root.put(small, LITTLE * np.eye(len(root)))
    for root in found.criterion.roots:
        there = root.put(small, BEYOND_MEASURE * np.eye(len(root)))
        if found.criterion.exact.value(there) < np.inf:
            yield there


def descents(found: Standing[C], random: RandomDesign | RandomSums, attempt: int) -> Iterator[tuple[FloatArray, float]]:
    """Ends of descents by slopes alone from covariance matrices of all sizes and directions, and the criterion there.

    The starts of an attempt are the same ones in every fit; of nearly dependent columns every other one is as large as
    what sets these apart is small. T is a full matrix on the way, of which the criterion is a function without corners
    or preferred columns, T and T Q being the same for any orthogonal Q; a triangle is not. Two of four starts have one
    direction of every matrix, and the others once these have come to an end: where data are few the optimum has seldom
    more, and there are fewer basins on the way.
    """
    full = _FullRoots(found.criterion.exact)
    large = [max(size_apart(root, random) / MODERATE, 1.0) for root in found.criterion.roots]
    rng = np.random.default_rng(1 + attempt)
    far = [part * _largest(found) for part in SIZES_FAR] if is_far(found) else []
    for i, size in enumerate([*SIZES[: len(SIZES) - len(far)], *far]):
        start = full.random(found.x, size, large if i % 2 else None, rng)
        narrow = i % 4 > 1 and bool(full.matrices)
        if narrow:
            start = full.narrow(start)
        if not found.criterion.exact.value(full.x(start)) < np.inf:
            continue
        end = _descended(full, start)
        if narrow:
            end = min(end, _descended(full, full.widened(end.x, rng)), key=lambda end: float(end.fun))
        yield full.x(end.x), float(end.fun)


def _descended(full: _FullRoots, start: FloatArray) -> scipy.optimize.OptimizeResult:
    with np.errstate(all="ignore"):
        return scipy.optimize.minimize(
            full,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=full.bounds,
            options={"maxfun": MOST_EVALUATIONS, "maxcor": 20, "ftol": 1e-13, "gtol": 1e-7},
        )


def is_far(found: Standing[C]) -> bool:
    """Whether standard deviations are far out, as of answers of 0 and 1 that random effects separate."""
    return _largest(found) > FAR


def _largest(found: Standing[C]) -> float:
    return max((float(np.abs(root.of(found.x)).max()) for root in found.criterion.roots), default=0.0)


def times_met(ends: Sequence[float]) -> int:
    """How many descents ended in the lowest optimum.

    Examples
    --------
    >>> times_met([2.0, 1.0, 1.01])
    2
    """
    return int((np.array(ends) < min(ends) + BEGUN).sum())


def n_different(ends: Sequence[float]) -> int:
    """In how many optima they ended; those that broke down, at inf, in one.

    Examples
    --------
    >>> n_different([2.0, 1.0, 1.01])
    2
    """
    found = np.sort(np.array(ends))
    return 1 + int((found[1:] > found[:-1] + BEGUN).sum())


def unseen(ends: Sequence[float]) -> float:
    """Part of all descents that would end in optima not seen yet, by the ends of those that were made.

    When N descents from random starts ended in W different optima the expectation is W (W + 1) / (N (N - 1)), with any
    number of basins and any sizes of them equally likely before. Source: Boender & Rinnooy Kan, 1987, Mathematical
    Programming 37, 59-80, section 2.
    """
    n, w = len(ends), n_different(ends)
    return w * (w + 1) / (n * (n - 1)) if n > 1 else 0.0


class _FullRoots:
    """The criterion and its gradient where every T is full, (k, k): other parameters, then the matrices row by row.

    Standard deviations of single columns are among the other parameters, of either sign.
    """

    def __init__(self, criterion: Criterion[Any]) -> None:
        self.criterion = criterion
        large = [root for root in criterion.roots if len(root) > 1]
        d, mine = len(criterion.lower), [root.entries for root in large]
        self.others = np.setdiff1d(np.arange(d), np.concatenate(mine) if mine else [])
        self.deviations = np.searchsorted(self.others, [root.entries[0] for root in criterion.roots if len(root) == 1])
        ends = np.cumsum([len(self.others), *(len(root) ** 2 for root in large)]).tolist()
        self.matrices = [(root, slice(*at)) for root, at in zip(large, pairwise(ends), strict=True)]
        free = [(None, None)] * (ends[-1] - len(self.others))
        self.bounds = [(criterion.lower[i], criterion.upper[i]) for i in self.others] + free

    def random(self, x: FloatArray, size: float, apart: Sequence[float] | None, rng: np.random.Generator) -> FloatArray:
        """Matrices with normal entries of a size, or that many times a size; so are scales of covariance structures."""
        there = self.criterion.scattered(x, size, rng, apart=apart is not None)
        sizes = zip(self.criterion.roots, apart or [1.0] * len(self.criterion.roots), strict=True)
        drawn = {root.places[0, 0]: by * size * rng.normal(size=len(root) ** 2) for root, by in sizes}
        out = np.concatenate([there[self.others], *(drawn[root.places[0, 0]] for root, _ in self.matrices)])
        for i in self.deviations:
            out[i] = drawn[self.others[i]][0]
        return out

    def narrow(self, full: FloatArray) -> FloatArray:
        """Of every matrix the first column, which is all that a descent from there changes."""
        out = full.copy()
        for root, mine in self.matrices:
            out[mine].reshape(len(root), -1)[:, 1:] = 0.0
        return out

    def widened(self, full: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The same with small normal entries in the other columns."""
        out = full.copy()
        for root, mine in self.matrices:
            out[mine].reshape(len(root), -1)[:, 1:] = WIDENED * rng.normal(size=(len(root), len(root) - 1))
        return out

    def x(self, full: FloatArray) -> FloatArray:
        """The criterion's parameters, with lower triangular T."""
        x = np.empty(len(self.criterion.lower))
        x[self.others] = full[: len(self.others)]
        for root, mine in self.matrices:
            x[root.entries] = lower_root(full[mine].reshape(len(root), -1))[root.lower]
        return x

    def __call__(self, full: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient: with G the derivative by T T' = L L' and T = L Q', that by T is 2 G T.

        Known is the lower triangle of 2 G L, which makes L' 2 G L, which makes 2 G T = L^-T (L' 2 G L) Q'.
        """
        x = self.x(full)
        value, g = self.criterion.gradient(x)
        out = np.empty_like(full)
        out[: len(self.others)] = g[self.others]
        for root, mine in self.matrices:
            L, T = root.of(x), full[mine].reshape(len(root), -1)
            if not np.diagonal(L).all():  # the gradient of another T of the same rank, hardly away
                L = L + np.diag(np.where(np.diagonal(L) == 0.0, 1e-9 * max(1.0, np.abs(L).max()), 0.0))
            S, lower = L.T @ root.of(g), root.lower
            S.T[lower] = S[lower]
            Qt = lapack.dtrtrs(L, T, lower=1)[0]
            out[mine] = lapack.dtrtrs(L, S @ Qt, lower=1, trans=1)[0].ravel()
        return value, out
