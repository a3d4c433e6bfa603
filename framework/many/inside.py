"""The certificate of optima inside, and of variances at zero, of many responses at once.

It says yes only where `estimation.certificate` and the looks at other basins of `estimation.search` would say yes
beyond doubt: exact gradients that leave nothing to gain, a clear curvature, and digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.linalg import Pattern
from ..design.random import RandomDesign
from ..estimation.basins import (
    FEW,
    HIGHER,
    LARGE,
    MANY_ROWS,
    MODERATE,
    SIZES_SWAPPED,
    SMALLEST_SWAPPED,
    has_few_levels,
    size_apart,
)
from ..estimation.certificate import POLISHED
from ..estimation.curvature import FLAT, SUSPICIOUS
from ..estimation.eigenbasis import SINGULAR
from ..estimation.linear import SUSPECT
from ..estimation.moments import SMALLEST
from ..estimation.parameters import Parameters
from .level_sums import ResponseSums
from .newton import expected_drop, spectrum
from .one_factor import Evaluated
from .small import at_least_two

if TYPE_CHECKING:
    from .linear_road import LinearRoad

#: A criterion that is more uncertain by rounding is left to single fits.
UNCERTAIN = 1e-10
#: Steps of a look from another start.
LOOK = 80


@dataclass(frozen=True, eq=False)
class Certified:
    """Ends of m searches, and which of them are sure.

    Parameters
    ----------
    at : Evaluated
    value : (m,) array
    sure, singular : (m,) bool arrays
    gradient_norm, expected_drop, smallest_eigenvalue : (m,) arrays
        As those of a `Certificate`.
    """

    at: Evaluated
    value: FloatArray
    sure: BoolArray
    singular: BoolArray
    gradient_norm: FloatArray
    expected_drop: FloatArray
    smallest_eigenvalue: FloatArray


def certified_inside(road: LinearRoad, x: FloatArray, finished: BoolArray, responses: ResponseSums) -> Certified:
    """Which ends x (d, m) are optima without doubt."""
    smallest, alone = singular_values(road.parameters, x), all(len(root) == 1 for root in road.parameters.roots)
    zero = np.full(x.shape, False)
    if alone:
        zero = np.abs(x) < SINGULAR
        x, smallest = np.where(zero, 0.0, x), np.where(zero, np.inf, smallest)
    at = road.criterion.at(x, responses)
    value, g, H = at.value, at.gradient, at.hessian
    sizes, stretch = sizes_of(road.parameters, x)
    eigenvalues, V = spectrum(H * (sizes[:, None] * sizes))
    drop = expected_drop(np.matmul((g * sizes).T[:, None], V)[:, 0], eigenvalues)
    by_covariance = sizes * stretch / np.where(zero, np.sqrt(2.0), 1.0)  # at zero H is twice the slope by the variance
    clear = spectrum(H * (by_covariance[:, None] * by_covariance))[0][:, 0] > SUSPICIOUS
    near = (smallest < SMALLEST_SWAPPED).any(axis=0)
    sure = np.asarray(finished & clear & (drop <= POLISHED) & has_digits(at) & ~near)
    sure &= zero_is_no_better(road, x, value, responses)
    singular = np.asarray(zero.any(axis=0))
    if (singular & sure).any():
        some = at_least_two(np.flatnonzero(singular & sure))
        own = x.take(some, axis=1), zero.take(some, axis=1), value[some], responses.of(some)
        sure[some] &= _zeros_stay(road, *own)
    return Certified(at, value, sure, singular, np.abs(g * sizes).max(axis=0), drop, eigenvalues[:, 0])


def _zeros_stay(
    road: LinearRoad, x: FloatArray, zero: BoolArray, value: FloatArray, responses: ResponseSums
) -> BoolArray:
    """Whether variances at zero have no other basin: at a moderate value, or in the place of another variance."""
    fine = np.ones(len(value), bool)
    for j, at_zero in enumerate(zero):
        moderate = x.copy()
        moderate[j] = MODERATE
        there = road.criterion.at(moderate, responses)
        fine &= ~at_zero | ((there.value >= value - FLAT) & (there.gradient[j] >= 0.0))
        for i in range(len(x)) if road.model.labels.n <= MANY_ROWS else ():
            swaps = at_zero & ~zero[i]
            best, start = np.full(len(value), np.inf), x
            for size in SIZES_SWAPPED if swaps.any() else ():
                swapped = np.maximum(x, SMALLEST)  # from zero no step leads away
                swapped[j], swapped[i] = size * np.abs(x[i]), SMALLEST
                higher = road.criterion.at(swapped, responses).value
                start, best = np.where(higher < best, swapped, start), np.fmin(best, higher)
            fine &= same_end(road, swaps, start, value, responses)
    return fine


def same_end(
    road: LinearRoad, which: BoolArray, start: FloatArray, value: FloatArray, responses: ResponseSums
) -> BoolArray:
    """Where searches from another start end at the same criterion; yes where there is none."""
    same, some = np.ones(len(which), bool), np.flatnonzero(which)
    if len(some):
        some = at_least_two(some)
        own = responses.of(some)
        x, finished = road.search(start.take(some, axis=1), own, LOOK)
        same[some] = finished & (np.abs(road.criterion.at(x, own).value - value[some]) <= FLAT)
    return same


def has_digits(at: Evaluated) -> BoolArray:
    """Whether r^2 is no difference of much larger numbers, and not nearly nothing beside y."""
    n, df = at.criterion.n, at.criterion.df
    digits = at.cancelled * df * np.finfo(float).eps < UNCERTAIN
    return np.asarray(np.isfinite(at.value) & digits & (at.sigma2 > SUSPECT * at.responses.yWy / n))


def zero_is_no_better(road: LinearRoad, x: FloatArray, value: FloatArray, responses: ResponseSums) -> BoolArray:
    """Whether the criterion is much higher where one matrix is zero: of few levels single fits look there."""
    fine = np.ones(len(value), bool)
    for there, is_zero in points_at_zero(road.parameters, x, road.model.labels.pattern):
        fine &= is_zero | (road.criterion.at(there, responses).value >= value + HIGHER)
    return fine


def points_at_zero(parameters: Parameters, x: FloatArray, pattern: Pattern) -> Iterator[tuple[FloatArray, BoolArray]]:
    """One matrix of few levels after the other at zero, and with its variance in another one; where it is zero at x.

    Variances are taken up by those of single columns.
    """
    for root in parameters.roots:
        if pattern.groupings[root.group].n_levels <= FEW:
            own = x[root.entries]
            zeroed, is_zero = x.copy(), (own == 0.0).all(axis=0)
            zeroed[root.entries] = 0.0
            yield zeroed, is_zero
            for other in parameters.roots:
                if other is not root and len(other) == len(root) == 1:
                    there = zeroed.copy()
                    there[other.entries] = np.hypot(x[other.entries], own)
                    yield there, is_zero


def may_have_basins(parameters: Parameters, random: RandomDesign) -> bool:
    """Whether single fits look for other basins because of the design alone."""
    return has_few_levels(random) or any(size_apart(root, random) > LARGE for root in parameters.roots)


def singular_values(parameters: Parameters, x: FloatArray) -> FloatArray:
    """The least one of each unstructured matrix's relative factor, in units of an average observation: (roots, m)."""
    out = []
    for root in parameters.roots:
        if len(root) == 1:
            out.append(np.abs(x[root.entries[0]]))
        else:
            T = np.tril(np.moveaxis(x[root.places], -1, 0))
            out.append(np.sqrt(np.maximum(np.linalg.eigvalsh(T @ np.swapaxes(T, 1, 2))[:, 0], 0.0)))
    return np.array(out)


def sizes_of(parameters: Parameters, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """As `Criterion.sizes`, and what more changes Sigma by its own size: both (d, m)."""
    sizes, stretch = np.maximum(np.abs(x), 1.0), np.ones_like(x)
    for root in parameters.roots:
        T = np.where(np.tri(len(root), dtype=bool)[:, :, None], x[root.places], 0.0)
        rows, columns = np.tril_indices(len(root))
        sizes[root.entries] = np.maximum(np.sqrt((T**2).sum(axis=1)), 1.0)[rows]
        size = np.sqrt((T**2).sum(axis=0))
        stretch[root.entries] = (1.0 / np.where(size > 0.0, np.minimum(size, 1.0), 1.0))[columns]
    return sizes, stretch


__all__ = [
    "Certified",
    "certified_inside",
    "has_digits",
    "may_have_basins",
    "same_end",
    "singular_values",
    "sizes_of",
    "zero_is_no_better",
]
