"""Bounded Newton method in a trust region.

Each step minimizes the quadratic model g's + s'Bs/2 on a ball, over the parameters that are not held at a bound (Conn,
Gould & Toint 2000, *Trust-Region Methods*, chapters 7 and 12). The ball is one of relative changes: it measures a
parameter in its own size, and in 1 where that is larger. B is the objective's own curvature, corrected by the last
steps' gradient differences (symmetric rank one; Nocedal & Wright 2006, section 6.2) unless it is exact.
"""

from __future__ import annotations

import numpy as np

from ranef.contracts import Objective, OptimizationResult, Optimizer, Status
from ranef.contracts.arrays import BoolArray, FloatArray

#: A step covers at most this part of the way to a bound, so that a bad model does not jump onto it ...
TO_BOUND = 0.9
#: ... unless the bound is as near as this.
NEAR = 1e-3
#: Gradient differences correct a given curvature only where less than this is expected to be gained: of steps far from
#: the minimum they say nothing about the curvature there.
LOCAL = 0.1
#: Objective values are taken to be exact up to this part of themselves.
ROUNDING = 1e-13


class TrustRegion(Optimizer):
    """Newton steps in a trust region, for smooth objectives of up to a few hundred parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.contracts import Objective
    >>> from ranef.backends.optim.trust_region import TrustRegion
    >>> bowl = Objective(
    ...     value=lambda x: float((x - 3) @ (x - 3)), gradient=lambda x: (float((x - 3) @ (x - 3)), 2 * (x - 3)),
    ...     start=np.ones(2), lower=np.zeros(2), upper=np.full(2, np.inf))
    >>> TrustRegion().minimize(bowl, tol=1e-10, max_evaluations=50).x.round(6).tolist()
    [3.0, 3.0]
    """

    needs_gradient = True
    uses_curvature = True

    def minimize(self, objective: Objective, *, tol: float, max_evaluations: int) -> OptimizationResult:
        """Minimize; stops after a step from where the model expects less than tol max(|value|, 1) to gain."""
        if objective.gradient is None:
            raise ValueError("the trust-region optimizer needs an objective with a gradient")
        x = np.array(objective.start, dtype=np.float64)
        f, g = objective.gradient(x)
        n = 1
        if not np.isfinite(f):
            return OptimizationResult(x, f, Status.FAILED, n, "the objective is not finite at the start")
        pairs: list[tuple[FloatArray, FloatArray]] = []
        B0 = self._curvature(objective, x, g)
        radius = 1.0
        while True:
            sizes = np.maximum(np.abs(x), 1.0)
            B = B0 if objective.curvature_is_exact else _secant_corrected(B0, pairs)
            free = ~(((x <= objective.lower) & (g >= 0)) | ((x >= objective.upper) & (g <= 0)))
            if not free.any():
                return OptimizationResult(x, f, Status.CONVERGED, n, "every parameter is at a bound")
            model = _Model(B, g, free, sizes)
            if objective.curvature is not None and B is not B0 and model.eigenvalues[0] <= 0.0:
                pairs, model = [], _Model(B0, g, free, sizes)
            expected = model.newton_decrement
            finished = expected <= tol * max(abs(f), 1.0)
            near_bound = ((x > objective.lower) & (x < objective.lower + NEAR)).any()
            nothing_to_polish = expected <= 1e-2 * ROUNDING * max(abs(f), 1.0) and not near_bound
            if n >= max_evaluations or nothing_to_polish:
                status = Status.CONVERGED if finished else Status.MAX_EVALUATIONS
                return OptimizationResult(x, f, status, n, f"expected remaining decrease {expected:.2g}")
            s = model.step(radius)
            new = _inside(x, s, objective.lower, objective.upper)
            s = new - x
            f_new, g_new = objective.gradient(new)
            n += 1
            rounding = ROUNDING * max(abs(f), 1.0)
            gain, predicted = f - f_new, -float(g @ s + 0.5 * s @ model.B @ s)
            if np.isfinite(f_new) and (objective.curvature is None or expected < LOCAL):
                pairs = [*pairs, (s, g_new - g)][-2 * len(x) :]
            if finished:  # the last step polishes; beyond it there is nothing but rounding
                if np.isfinite(f_new) and gain >= -rounding:
                    x, f = new, min(f, f_new)
                return OptimizationResult(x, f, Status.CONVERGED, n, f"expected remaining decrease {expected:.2g}")
            length = _length(s / sizes)
            ratio = gain / predicted if predicted > rounding else (1.0 if gain >= -rounding else -1.0)
            if np.isfinite(f_new) and (ratio > 1e-4):
                x, f, g = new, f_new, g_new
                B0 = self._curvature(objective, x, g) if objective.curvature else _secant_corrected(B0, pairs)
                if objective.curvature is None:
                    pairs = []
                if ratio > 0.75 and length > 0.8 * radius:
                    radius = 2.5 * radius
                elif ratio < 0.25:
                    radius = 0.4 * length
            else:
                radius = 0.3 * length if np.isfinite(f_new) else 0.1 * length
            if radius <= 1e-12:
                return OptimizationResult(x, f, Status.STALLED, n, f"expected remaining decrease {expected:.2g}")

    @staticmethod
    def _curvature(objective: Objective, x: FloatArray, g: FloatArray) -> FloatArray:
        if objective.curvature is not None and np.isfinite(B := objective.curvature(x)).all():
            return B
        return np.eye(len(x)) * max(_length(g), 1.0)


class _Model:
    """The quadratic model in the free parameters over their sizes, in the eigenvectors of its curvature."""

    def __init__(self, B: FloatArray, g: FloatArray, free: BoolArray, sizes: FloatArray) -> None:
        self.B, self.free, self.sizes = B, free, sizes[free]
        scaled = B[np.ix_(free, free)] * np.outer(self.sizes, self.sizes)
        self.eigenvalues, self.V = np.linalg.eigh(scaled)
        self.slopes = self.V.T @ (g[free] * self.sizes)
        self.scale = max(float(np.abs(self.eigenvalues).max()), 1e-12)

    @property
    def newton_decrement(self) -> float:
        """Expected decrease g'B^-1 g / 2, with steps of at most 1 along every eigenvector."""
        slopes, curvatures = np.abs(self.slopes), self.eigenvalues
        steps = np.divide(slopes, curvatures, out=np.ones_like(slopes), where=curvatures > slopes)
        return float(np.sum(slopes * steps - 0.5 * curvatures * steps**2))

    def step(self, radius: float) -> FloatArray:
        """Minimizer on the ball of the radius, zero where a parameter is held."""
        s = self._along(0.0)
        lowest = float(self.eigenvalues[0])
        if lowest < 1e-10 * self.scale or _length(s) > radius:
            low = max(0.0, -lowest) + 1e-10 * self.scale
            high = low + _length(self.slopes) / radius + 1e-300
            for _ in range(60):  # bisection on the secular equation |s(shift)| = radius
                middle = 0.5 * (low + high)
                if _length(self._along(middle)) > radius:
                    low = middle
                else:
                    high = middle
                if high - low <= 1e-3 * high:
                    break
            s = self._along(high)
            if lowest < -1e-10 * self.scale and _length(s) < 0.99 * radius:
                # the hard case: no slope along the direction of most negative curvature, where there is most to gain
                s[0] += np.copysign(np.sqrt(radius**2 - s @ s), s[0])
        out = np.zeros(len(self.free))
        out[self.free] = self.sizes * (self.V @ s)
        return out

    def _along(self, shift: float) -> FloatArray:
        return np.asarray(-self.slopes / np.maximum(self.eigenvalues + shift, 1e-14 * self.scale))


def _inside(x: FloatArray, s: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """x + s, going at most `TO_BOUND` of the way to a bound that is not `NEAR`."""
    new = x + s
    for bound, beyond in ((lower, new < lower), (upper, new > upper)):
        near = np.abs(x - bound) <= NEAR
        new = np.where(beyond, np.where(near, bound, x + TO_BOUND * (bound - x)), new)
    return new


def _length(v: FloatArray) -> float:
    return float(np.sqrt(v @ v))


def _secant_corrected(B: FloatArray, pairs: list[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """B with the symmetric rank-one corrections that make it map each step to its gradient difference."""
    for s, y in pairs:
        missing = y - B @ s
        size = float(missing @ s)
        if abs(size) > 1e-8 * _length(s) * _length(missing):
            B = B + np.outer(missing, missing) / size
    return B
