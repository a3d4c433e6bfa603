"""Newton's method in trust regions, for many smooth functions at once.

The steps of the trust-region optimizer: in units of a parameter's own size, or of 1 where that is larger. Along
directions of negative curvature they go downhill, by its absolute value; a step that is longer than the radius is
shortened. Functions that have come to their end are left out of further steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from .small import by_matrix

#: Expected gains from which there is nothing to gain, and from which one more step leaves nothing.
NOTHING, LAST_STEP = 1e-20, 1e-11
#: The same where Hessians are approximate, and expected gains below which steps tell of the curvature.
NEARLY_NOTHING, LOCAL = 1e-13, 0.1
#: Values are exact up to this part of themselves.
ROUNDING = 1e-13
#: No radius is smaller.
SMALLEST_RADIUS = 1e-10

#: A step (d, m) and the difference of gradients along it.
Pair = tuple[FloatArray, FloatArray]
#: Values (m,), gradients (d, m) and Hessians (d, d, m) at x (d, m) of the functions with these numbers (m,).
Evaluate = Callable[[FloatArray, IntArray], tuple[FloatArray, FloatArray, FloatArray]]


class Ends(NamedTuple):
    """Where the searches ended: x (d, m), and which came to their end."""

    x: FloatArray
    finished: BoolArray


class Standing(NamedTuple):
    """Where the searches that go on stand: which they are, values, gradients, Hessians, radii, steps seen."""

    active: IntArray
    f: FloatArray
    g: FloatArray
    H: FloatArray
    radius: FloatArray
    pairs: list[Pair]

    def of(self, keep: BoolArray) -> Standing:
        """Some of them."""
        if keep.all():
            return self
        f, g, H, radius = (_some(v, keep) for v in (self.f, self.g, self.H, self.radius))
        pairs = [(_some(s, keep), _some(y, keep)) for s, y in self.pairs]
        return Standing(self.active[keep], f, g, H, radius, pairs)


def _some(values: FloatArray, keep: BoolArray) -> FloatArray:
    """Along the last axis, contiguous."""
    return np.asarray(values.compress(keep, axis=-1))


def spectrum(H: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (m, d) and vectors (m, d, d) of H (d, d, m)."""
    if len(H) == 1:
        return H[0].T.copy(), np.ones((H.shape[2], 1, 1))
    return np.linalg.eigh(by_matrix(H))


def expected_drop(slopes: FloatArray, eigenvalues: FloatArray) -> FloatArray:
    """Newton decrements, with steps of at most 1 along every eigenvector; negative curvature is not counted."""
    slopes, curvatures = np.abs(slopes), np.maximum(eigenvalues, 0.0)
    steps = np.divide(slopes, curvatures, out=np.ones_like(slopes), where=curvatures > slopes)
    return np.asarray((slopes * steps - 0.5 * curvatures * steps**2).sum(axis=-1))


def minimize(evaluate: Evaluate, start: FloatArray, max_evaluations: int, *, exact: bool = True) -> Ends:
    """Minimize m functions from start (d, m), each in so many evaluations at most.

    Hessians that are not `exact` are corrected by the differences of gradients that were seen (symmetric rank one;
    Nocedal & Wright 2006, section 6.2).
    """
    nothing, last_step = (NOTHING, LAST_STEP) if exact else (NEARLY_NOTHING, 0.0)
    x, m = start.copy(), start.shape[1]
    finished = np.zeros(m, bool)
    here = Standing(np.arange(m), *evaluate(x, np.arange(m)), np.ones(m), [])
    here = here.of(np.isfinite(here.f))
    for _ in range(max_evaluations):
        sizes = np.maximum(np.abs(x.take(here.active, axis=1)), 1.0)
        eigenvalues, V = spectrum(_corrected(here.H, here.pairs) * (sizes[:, None] * sizes))
        slopes = np.matmul((here.g * sizes).T[:, None], V)[:, 0]
        expected = expected_drop(slopes, eigenvalues)
        ended = (expected <= nothing) & (eigenvalues[:, 0] >= 0.0)
        finished[here.active[ended]] = True
        if ended.all():
            break
        goes_on = ~ended
        here, sizes, expected = here.of(goes_on), _some(sizes, goes_on), expected[goes_on]
        eigenvalues, V, slopes = eigenvalues[goes_on], V[goes_on], slopes[goes_on]
        step, length, predicted = _steps(eigenvalues, V, slopes, here.radius)
        at = x.take(here.active, axis=1)
        new = at + sizes * step
        f, g, H = evaluate(new, here.active)
        rounding = ROUNDING * np.maximum(np.abs(here.f), 1.0)
        gain = here.f - f
        ratio = np.where(predicted > rounding, gain / predicted, np.where(gain >= -rounding, 1.0, -1.0))
        good = np.isfinite(f) & np.isfinite(H).all(axis=(0, 1)) & (ratio > 1e-4)
        pairs = here.pairs
        if not exact:  # steps from far off say nothing of the curvature here
            local = np.isfinite(f) & (expected < LOCAL)
            pairs = [*pairs, (np.where(local, new - at, 0.0), np.where(local, g - here.g, 0.0))][-2 * len(x) :]
        x[:, here.active[good]] = new[:, good]
        radius = np.where(good, here.radius, 0.3 * length)
        radius = np.where(good & (ratio > 0.75) & (length > 0.8 * radius), 2.5 * radius, radius)
        radius = np.where(good & (ratio < 0.25), 0.4 * length, radius)
        f, g, H = (np.where(good, there, old) for there, old in ((f, here.f), (g, here.g), (H, here.H)))
        ended = good & (expected <= last_step) & (eigenvalues[:, 0] > 0.0)
        finished[here.active[ended]] = True
        here = Standing(here.active, f, g, H, radius, pairs).of(~ended & (radius > SMALLEST_RADIUS))
        if not len(here.active):
            break
    return Ends(x, finished)


def _corrected(H: FloatArray, pairs: list[Pair]) -> FloatArray:
    """H with corrections that make it map each step to its difference of gradients."""
    for s, y in pairs:
        missing = y - np.einsum("ijm,jm->im", H, s)
        size = (missing * s).sum(axis=0)
        sure = np.abs(size) > 1e-8 * np.sqrt((s**2).sum(axis=0) * (missing**2).sum(axis=0))
        H = H + np.where(sure, missing[:, None] * missing / np.where(sure, size, 1.0), 0.0)
    return H


def _steps(
    eigenvalues: FloatArray, V: FloatArray, slopes: FloatArray, radius: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Steps (d, m) in units of the parameters' sizes, their lengths, and what the quadratic models gain."""
    scale = np.abs(eigenvalues).max(axis=1, keepdims=True)
    along = -slopes / np.maximum(np.abs(eigenvalues), 1e-10 * scale + 1e-300)
    length = np.sqrt((along**2).sum(axis=1))
    short = np.minimum(1.0, radius / np.maximum(length, 1e-300))
    along = along * short[:, None]
    predicted = -(slopes * along + 0.5 * eigenvalues * along**2).sum(axis=1)
    return np.matmul(V, along[:, :, None])[:, :, 0].T, length * short, predicted


__all__ = ["Ends", "expected_drop", "minimize", "spectrum"]
