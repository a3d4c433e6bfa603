"""The certificate of singular and nearly singular covariance matrices, of many responses at once.

As in `estimation.certificate` the matrix is looked at in the basis of its eigenvectors, where T is diagonal and its
last columns are zero. Single fits look at other basins then (`estimation.search`): a moderate value of what is zero,
independent effects, and one direction in the place of another one. So do these, all responses at once; one for which
any of these searches ends elsewhere is left to single fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..estimation.basins import LARGE_MATRIX, MANY_ROWS, MODERATE, SIZES_SWAPPED, SMALLEST_SWAPPED
from ..estimation.certificate import POLISHED
from ..estimation.curvature import FLAT, SUSPICIOUS
from ..estimation.eigenbasis import NEARLY_SINGULAR, SINGULAR
from ..estimation.moments import SMALLEST
from .inside import Certified, has_digits, same_end, sizes_of, zero_is_no_better
from .level_sums import ResponseSums
from .newton import expected_drop, spectrum
from .small import lower_roots

if TYPE_CHECKING:
    from .linear_road import LinearRoad


def may_be_singular(road: LinearRoad) -> bool:
    """Whether singular matrices are certified here: a single one, of which single fits look at no spread of starts."""
    k, n = max(road.parameters.template.sizes), road.model.labels.n
    whole = [len(root) for root in road.parameters.roots] == [k] and k > 1
    return whole and (k < LARGE_MATRIX or n > MANY_ROWS)


def certified_at_boundary(road: LinearRoad, x: FloatArray, responses: ResponseSums) -> Certified:
    """Which ends x (d, m) are optima without doubt, with directions at zero or nearly so."""
    criterion, (root,) = road.criterion, road.parameters.roots
    k, (columns,) = len(root), criterion.template.columns
    U, s, _ = np.linalg.svd(np.tril(np.moveaxis(x[root.places], -1, 0)))
    turn, s = np.ascontiguousarray(np.moveaxis(U, 0, -1)), s.T
    zero = s < SINGULAR
    sure = np.asarray((zero | (s >= NEARLY_SINGULAR)).all(axis=0))
    x = _diagonal(road, np.where(zero, 0.0, s))
    free = ~zero[columns]
    for polished in (False, True):
        at = criterion.at(x, responses, turn)
        g, H = np.where(free, at.gradient, 0.0), at.hessian
        sizes, stretch = sizes_of(road.parameters, x)
        scaled = H * (sizes[:, None] * sizes)
        inner = np.where(free[:, None] & free, scaled, np.eye(len(x))[:, :, None])
        eigenvalues, V = spectrum(inner)
        slopes = np.matmul((g * sizes).T[:, None], V)[:, 0]
        if not polished:  # what was not quite zero has moved the rest
            along = slopes / np.where(eigenvalues > 0.0, eigenvalues, np.inf)
            x = x - np.where(free, sizes * np.matmul(V, along[:, :, None])[:, :, 0].T, 0.0)
    value, drop = at.value, expected_drop(slopes, eigenvalues)
    relative = sizes * np.where(free, stretch, 1.0)
    curvature = spectrum(np.where(free[:, None] & free, H * (relative[:, None] * relative), np.eye(len(x))[:, :, None]))
    null = zero[:, None] & zero
    slope = spectrum(np.where(null, criterion.unit**2 * at.turned_by_G, np.eye(k)[:, :, None]))[0][:, 0]
    sure &= (drop <= POLISHED) & has_digits(at) & (curvature[0][:, 0] > SUSPICIOUS) & (slope > SUSPICIOUS)
    sure &= _no_lower(road, zero, s, turn, value, responses) & zero_is_no_better(road, x, value, responses)
    smallest = spectrum(scaled)[0][:, 0]
    return Certified(at, value, sure, np.asarray(zero.any(axis=0)), np.abs(g * sizes).max(axis=0), drop, smallest)


def _diagonal(road: LinearRoad, s: FloatArray) -> FloatArray:
    """x of T = diag(s), s (k, m)."""
    (rows,), (columns,) = road.criterion.template.rows, road.criterion.template.columns
    return np.where((rows == columns)[:, None], s[rows], 0.0)


def _no_lower(
    road: LinearRoad, zero: BoolArray, s: FloatArray, turn: FloatArray, value: FloatArray, responses: ResponseSums
) -> BoolArray:
    """Whether the looks at other basins find nothing else."""
    criterion, (rows,), (columns,) = road.criterion, road.criterion.template.rows, road.criterion.template.columns
    moderate = criterion.at(_diagonal(road, np.where(zero, MODERATE, s)), responses, turn)
    inward = ((rows == columns)[:, None] & zero[columns] & (moderate.gradient < 0.0)).any(axis=0)
    singular = np.asarray(zero.any(axis=0))
    fine: BoolArray = ~singular | ((moderate.value >= value - FLAT) & ~inward)
    fine &= same_end(road, singular, _diagonal(road, np.ones_like(s)), value, responses)
    if road.model.labels.n > MANY_ROWS:
        return fine
    for i in range(len(s)):
        for j in range(len(s)):
            swaps = (s[i] >= SMALLEST_SWAPPED) & (s[j] < SMALLEST_SWAPPED)
            best, start = np.full(len(value), np.inf), _diagonal(road, s)
            for size in SIZES_SWAPPED if swaps.any() else ():
                swapped = np.maximum(s, SMALLEST)  # from zero no step leads away
                swapped[j], swapped[i] = size * s[i], SMALLEST
                there = np.ascontiguousarray(lower_roots(turn * swapped)[:, rows, columns].T)
                higher = criterion.at(there, responses).value
                start, best = np.where(higher < best, there, start), np.fmin(best, higher)
            fine &= same_end(road, swaps, start, value, responses)
    return fine


__all__ = ["certified_at_boundary", "may_be_singular"]
