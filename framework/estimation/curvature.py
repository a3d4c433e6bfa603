"""Curvature at a point: the eigenvectors of the Hessian, and directions along which the criterion is flat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..design.basis import lower_root
from .criterion import Criterion

#: A curvature (twice the deviance of changing a covariance by its own size, or by 1) below this may be none at all.
SUSPICIOUS = 1e-2
#: A direction is flat when the deviance does not change by more than this over half the size of what it moves.
FLAT = 1e-6
#: Steps across a valley that bends, to its bottom.
SETTLING = 20


class Spectrum:
    """Gradient and Hessian of the free parameters in units of `sizes`, in the Hessian's eigenvectors."""

    def __init__(self, g: FloatArray, H: FloatArray, sizes: FloatArray, free: BoolArray) -> None:
        self.sizes, self.free = sizes, free
        self.g = (g * sizes)[free]
        self.H = (H * np.outer(sizes, sizes))[np.ix_(free, free)]
        self.finite = bool(np.isfinite(self.H).all())
        if not self.finite:
            self.H = np.zeros_like(self.H)
        self.eigenvalues, self.V = np.linalg.eigh(self.H)

    @property
    def smallest(self) -> float:
        """Smallest eigenvalue."""
        return float(self.eigenvalues[0]) if len(self.eigenvalues) else np.inf

    @property
    def steepest(self) -> float:
        """Largest slope."""
        return float(np.abs(self.g).max(initial=0.0))

    @property
    def drop(self) -> float:
        """Newton decrement, with steps of at most 1 along every eigenvector; negative curvature is not counted."""
        if not self.finite:
            return np.inf
        slopes, curvatures = np.abs(self.V.T @ self.g), np.maximum(self.eigenvalues, 0.0)
        steps = np.divide(slopes, curvatures, out=np.ones_like(slopes), where=curvatures > slopes)
        return float(np.sum(slopes * steps - 0.5 * curvatures * steps**2))

    @property
    def newton_step(self) -> FloatArray:
        """-H^-1 g as a step of x, without directions of no or negative curvature."""
        steep = self.eigenvalues > FLAT * np.abs(self.eigenvalues).max(initial=0.0)
        V = self.V[:, steep]
        return self.whole(-V @ (V.T @ self.g / self.eigenvalues[steep]))

    @property
    def most_negative(self) -> FloatArray:
        """The direction of most negative curvature, downhill, as a step of x of 100 per cent."""
        _, V, scales = self.equilibrated
        direction = V[:, 0] * scales
        direction = direction / np.abs(direction).max()
        return self.whole(-direction if direction @ self.g > 0 else direction)

    @property
    def equilibrated(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Eigenvalues and vectors with curvatures above 1 scaled to 1, and the scales: all are then seen alike."""
        scales = 1.0 / np.sqrt(np.maximum(np.abs(np.diagonal(self.H)), 1.0))
        if not len(scales):
            return np.array([np.inf]), np.zeros((0, 1)), scales
        eigenvalues, V = np.linalg.eigh(self.H * np.outer(scales, scales))
        return eigenvalues, V, scales

    def whole(self, direction: FloatArray) -> FloatArray:
        """A direction of the free scaled parameters as one of x."""
        out = np.zeros(len(self.free))
        out[self.free] = direction
        return np.asarray(out * self.sizes)


def flat_points(criterion: Criterion[Any], x: FloatArray, value: float, spectrum: Spectrum) -> Iterator[FloatArray]:
    """Other points of the same deviance: along every eigenvector of hardly any curvature one is tried on each side."""
    for curvature, v in zip(spectrum.eigenvalues, spectrum.V.T, strict=True):
        if abs(curvature) > SUSPICIOUS:
            continue
        w = spectrum.whole(v / np.abs(v).max())
        for sign in (1.0, -1.0):
            there = _half_way(criterion, x, sign * w)
            if there is not None and criterion.valleys_bend:
                there = _settled(criterion, there, value, spectrum)
            if there is not None and abs(criterion.value(there) - value) <= FLAT:
                yield there
                break


def _settled(criterion: Criterion[Any], there: FloatArray, value: float, spectrum: Spectrum) -> FloatArray:
    """Down to the bottom of the valley by Newton steps across it, with the Hessian at its other place."""
    steep = spectrum.eigenvalues > SUSPICIOUS
    V = spectrum.V[:, steep]
    for _ in range(SETTLING):
        f, g = criterion.gradient(there)
        if not np.isfinite(f) or abs(f - value) <= FLAT:
            break
        across = (g * spectrum.sizes)[spectrum.free]
        step = spectrum.whole(-V @ (V.T @ across / spectrum.eigenvalues[steep]))
        there = np.clip(there + step, criterion.lower, criterion.upper)
    return there


def _half_way(criterion: Criterion[Any], x: FloatArray, w: FloatArray) -> FloatArray | None:
    """Half a step along w, or nearly as far as covariance matrices and bounds go; None where they end at once."""
    room = 0.5
    for root in criterion.roots:
        T, dT = root.of(x), root.of(w)
        inverse = np.linalg.pinv(T)
        lowest = float(np.linalg.eigvalsh(inverse @ (dT @ T.T + T @ dT.T) @ inverse.T)[0])
        if lowest < 0.0:
            room = min(room, -0.9 / lowest)
    if criterion.bends:  # parameters of covariance structures end at their bounds
        with np.errstate(divide="ignore", invalid="ignore"):
            to_bound = np.where(w < 0.0, criterion.lower - x, criterion.upper - x) / w
        room = min(room, 0.9 * float(np.min(to_bound, where=w != 0.0, initial=np.inf)))
    return None if room < 0.05 else moved(criterion, x, room * w)


def moved(criterion: Criterion[Any], x: FloatArray, step: FloatArray) -> FloatArray:
    """x after a step in which covariance matrices (and not T) go along straight lines, d Sigma = dT T' + T dT'.

    Whatever leaves the distribution of y as it is runs along such lines; valleys are straighter there. Columns of T
    that are zero grow by dT.
    """
    there = np.clip(x + step, criterion.lower, criterion.upper)
    for root in criterion.roots:
        T, dT = root.of(x), root.of(step)
        grown = np.where(T.any(axis=0), 0.0, dT)
        eigenvalues, V = np.linalg.eigh(T @ T.T + dT @ T.T + T @ dT.T + grown @ grown.T)
        there = root.put(there, lower_root(V * np.sqrt(np.maximum(eigenvalues, 0.0))))
    return there
