"""The certificate of optima inside, and of a single variance at zero, of many responses at once.

It says yes only where `estimation.certificate` and the looks at other basins of `estimation.search` would say yes
beyond doubt: exact gradients that leave nothing to gain, a clear curvature, and digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..estimation.certificate import FLAT, POLISHED, SINGULAR, SUSPICIOUS
from ..estimation.linear import SUSPECT
from ..estimation.parameters import Parameters
from ..estimation.search import FEW, MODERATE, SMALLEST_SWAPPED
from .level_sums import ResponseSums
from .newton import expected_drop, spectrum
from .one_factor import Evaluated
from .small import at_least_two

if TYPE_CHECKING:
    from .linear_road import LinearRoad

#: A criterion that is more uncertain by rounding is left to single fits.
UNCERTAIN = 1e-10


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
    smallest = smallest_singular_values(road.parameters, x)
    zero = np.zeros(x.shape[1], bool)
    if len(x) == 1:
        zero = smallest < SINGULAR
        x = np.where(zero, 0.0, x)
    at = road.criterion.at(x, responses)
    value, g, H = at.value, at.gradient, at.hessian
    sizes, stretch = sizes_of(road.parameters, x)
    eigenvalues, V = spectrum(H * (sizes[:, None] * sizes))
    drop = expected_drop(np.matmul((g * sizes).T[:, None], V)[:, 0], eigenvalues)
    by_covariance = sizes * stretch
    curvature = spectrum(H * (by_covariance[:, None] * by_covariance))[0][:, 0]
    clear = curvature > np.where(zero, 2.0 * SUSPICIOUS, SUSPICIOUS)  # at zero it is twice the slope by the variance
    sure = finished & clear & (drop <= POLISHED) & has_digits(at) & (zero | (smallest >= SMALLEST_SWAPPED))
    sure &= zero_is_no_better(road, x, value, responses)
    some = np.flatnonzero(zero & sure)
    if len(some):  # a moderate value of a variance at zero
        some = at_least_two(some)
        there = road.criterion.at(np.full((1, len(some)), MODERATE), responses.of(some))
        sure[some] &= (there.value >= value[some] - FLAT) & (there.gradient[0] >= 0.0)
    return Certified(at, value, sure, zero, np.abs(g * sizes).max(axis=0), drop, eigenvalues[:, 0])


def has_digits(at: Evaluated) -> BoolArray:
    """Whether r^2 is no difference of much larger numbers, and not nearly nothing beside y."""
    n, df = at.criterion.n, at.criterion.df
    digits = at.cancelled * df * np.finfo(float).eps < UNCERTAIN
    return np.asarray(np.isfinite(at.value) & digits & (at.sigma2 > SUSPECT * at.responses.yWy / n))


def zero_is_no_better(road: LinearRoad, x: FloatArray, value: FloatArray, responses: ResponseSums) -> BoolArray:
    """Whether the criterion is not lower where one matrix is zero: of few levels single fits look there."""
    fine = np.ones(len(value), bool)
    if road.model.labels.pattern.groupings[0].n_levels <= FEW:
        for root in road.parameters.roots:
            zeroed = x.copy()
            zeroed[root.entries] = 0.0
            fine &= road.criterion.at(zeroed, responses).value >= value - FLAT
    return fine


def smallest_singular_values(parameters: Parameters, x: FloatArray) -> FloatArray:
    """Of the relative factors of all unstructured matrices, in units of an average observation, (m,)."""
    smallest = np.full(x.shape[1], np.inf)
    for root in parameters.roots:
        if len(root) == 1:
            s = np.abs(x[root.entries[0]])
        else:
            T = np.tril(np.moveaxis(x[root.places], -1, 0))
            s = np.sqrt(np.maximum(np.linalg.eigvalsh(T @ np.swapaxes(T, 1, 2))[:, 0], 0.0))
        smallest = np.minimum(smallest, s)
    return smallest


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


__all__ = ["Certified", "certified_inside", "has_digits", "sizes_of", "zero_is_no_better"]
