"""The walk along a profile: least deviances at values of one parameter, from the estimate outwards.

By the envelope theorem the slope of zeta is known at every point, from the gradient of the criterion: so that steps
lead to where they are meant to. Where the criterion has a Hessian, the implicit function theorem says besides how fast
the other parameters go along: the next point is expected so near to its minimum that a Newton step or two, the last of
them by the quadratic model alone, are all that is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from scipy.linalg import lapack

from ..contracts.arrays import FloatArray
from ..contracts.optim import OptimizationResult
from ..design.basis import lower_root
from ..estimation.certificate import ENDED
from ..estimation.criterion import Criterion, ModelCriterion
from ..estimation.slice import Slice
from .quantity import Point, Quantity

#: Distance of points in zeta; and how far beyond where the profile is to reach the last of them is meant to lie, so as
#: not to fall short: by a line through one point, by a cubic through two.
APART, BEYOND, JUST_BEYOND = 0.65, 1.02, 1.0004
#: No more points than this on a side: a profile that has not risen by then does not.
MOST = 24
#: A step that leads farther than this part of the reach is taken again, shorter; so many times.
TOO_FAR, SHORTER = 0.6, 12
#: First step, in units of x, where curvature says nothing. How much a step may grow, or a cubic may bend it.
FIRST, GROWTH, BENT = 0.1, 4.0, 2.0
#: A limit is right when a point lies so near to it, in zeta: the curve beside a point is exact to the square.
NEAR, TIMES = 2e-3, 4
#: Difference from a better curve, in zeta, that a curve may have halfway between two points.
ROUGH = 1e-4
#: Excess of the deviance that is none, and falls below the estimates' that are one.
NOTHING, LOWER = 1e-9, 1e-5
#: Distance to a bound, in units of x, that is none.
AT_BOUND = 1e-6
#: Nearly singular covariance matrices are lifted this far where a search starts: from zero no slope leads away.
LIFTED = 0.03
#: What a Newton step gains, as its model has it, is right to many more digits where it is less than this. So many steps
#: from where the minimum is expected, or it is searched for.
GAIN, STEPS = 1e-6, 4

#: Minimizes a slice from a start.
Minimizer = Callable[[Criterion[Any], FloatArray], OptimizationResult]


class LowerError(Exception):
    """The deviance is lower than at the estimates."""


@dataclass(frozen=True, eq=False)
class Visit:
    """The least deviance at a coordinate c, where x = at + A z; slope of zeta, and dz/dc where it is known."""

    c: float
    z: FloatArray
    x: FloatArray
    zeta: float
    slope: float
    tangent: FloatArray | None = None


class Walk:
    """From the estimate outwards."""

    def __init__(
        self, quantity: Quantity, criterion: ModelCriterion[Any], x: FloatArray, reach: float, minimize: Minimizer
    ) -> None:
        self.quantity, self.criterion, self.x, self.reach, self.minimize = quantity, criterion, x, reach, minimize
        self.heights = np.linspace(0.0, reach, int(np.ceil(reach / APART)), endpoint=False)[1:]
        self.least = criterion.value(x)
        c = quantity.at(Point.of(criterion, x))
        here = quantity.condition(criterion, x, c)
        z, A = here.slice.z(x), here.slice.A
        speed, H = here.by_coordinate(z), criterion.curvature(x)
        # by the curvature: how fast the others go along, and the deviance rises
        tangent = np.asarray(-np.linalg.lstsq(A.T @ H @ A, A.T @ H @ speed, rcond=None)[0])
        rise = float(speed @ H @ (speed + A @ tangent))
        self.size = 1.0 / float(np.linalg.norm(speed))
        rises = rise * self.size**2 > NOTHING
        self.step = np.sqrt(2.0 / rise) * APART if rises else FIRST * self.size
        slope = np.sqrt(0.5 * rise) if rises and criterion.curvature_is_exact else np.nan
        bounds = [b for b in (quantity.lower, quantity.upper) if abs(b - c) <= AT_BOUND * self.size]
        self.start = Visit(bounds[0] if bounds else c, z, x, 0.0, slope, tangent)

    def visits(self) -> list[Visit]:
        """All points, by their coordinates.

        Raises
        ------
        LowerError
            Where the deviance is less than at the estimates.
        """
        out = [*self._side(-1.0)[::-1], self.start, *self._side(1.0)]
        return self._filled(out) if is_ascending(out) else out

    def _side(self, sign: float) -> list[Visit]:
        """Points on one side, in the order in which they were found, with one near the limit."""
        end = self.quantity.lower if sign < 0.0 else self.quantity.upper
        visits, step, again = [self.start], self.step, 0
        while abs(visits[-1].zeta) < self.reach and visits[-1].c != end and len(visits) < MOST and again < SHORTER:
            last = visits[-1]
            c = last.c + sign * step
            c = end if sign * (c - end) >= 0.0 else c
            there = self._visit(c, visits, sign)
            risen = np.inf if there is None else abs(there.zeta) - abs(last.zeta)
            if there is None or risen > TOO_FAR * self.reach:
                again += 1
                step = abs(c - last.c) * float(np.clip(APART / risen, 0.1, 0.5))
                continue
            visits.append(there)
            step = self._next_step(*visits[-2:])
        return self._with_limit(visits, sign)[1:]

    def _next_step(self, before: Visit, last: Visit) -> float:
        """To the next height, by the cubic in zeta through two points: by the line through the last where it bends."""
        step, height = abs(last.c - before.c), abs(last.zeta)
        if not last.slope > 0.0:
            return GROWTH * step
        following = self.heights[self.heights > height + 0.25 * APART]
        line = (following.min(initial=BEYOND * self.reach) - height) / last.slope
        if before.slope > 0.0 and height > abs(before.zeta):
            rates = [1.0 / before.slope, 1.0 / last.slope]
            cubic = scipy.interpolate.CubicHermiteSpline([abs(before.zeta), height], [0.0, step], rates)
            to = float(cubic(following.min(initial=JUST_BEYOND * self.reach))) - step
            if line < BENT * to < BENT**2 * line:
                return min(to, GROWTH * step)
        return float(min(line, GROWTH * step))

    def _with_limit(self, visits: list[Visit], sign: float) -> list[Visit]:
        """With points near to the limit, so that the curve is exact there."""
        for _ in range(TIMES):
            if abs(visits[-1].zeta) < self.reach:
                break
            after = next(i for i, visit in enumerate(visits) if abs(visit.zeta) >= self.reach)
            if min(abs(abs(visit.zeta) - self.reach) for visit in visits[after - 1 : after + 1]) < NEAR:
                break
            a, b = visits[after - 1], visits[after]
            slope = (a.zeta - b.zeta) / (a.c - b.c) if np.isnan(a.slope) else a.slope
            low, high = sorted((a, b), key=lambda visit: visit.c)
            slopes = [slope if visit is a else visit.slope for visit in (low, high)]
            spline = scipy.interpolate.CubicHermiteSpline([low.c, high.c], [low.zeta, high.zeta], slopes)
            root = spline.solve(sign * self.reach, extrapolate=False)
            c = float(root[0]) if len(root) else 0.5 * (a.c + b.c)
            there = self._visit(c, visits, sign)
            if there is None:
                break
            visits.insert(after, there)
        return visits

    def _filled(self, visits: list[Visit]) -> list[Visit]:
        """With points halfway where the curve between two would else be rough: polynomials of more points tell."""
        out, known = visits[:1], columns(visits)
        middles = known[0][:-1] + 0.5 * np.diff(known[0])
        cubic = scipy.interpolate.CubicHermiteSpline(*known)(middles) if len(visits) > 1 else middles
        for i, (other, c) in enumerate(zip(visits[1:], middles, strict=True)):
            better = _polynomial(*known, slice(max(i - 1, 0), i + 3))(c)
            sign = float(np.sign(c - self.start.c))
            side = [visit for visit in visits if sign * (visit.c - self.start.c) >= 0.0]
            there = self._visit(float(c), side, sign) if abs(cubic[i] - better) > ROUGH else None
            out += [other] if there is None else [there, other]
        return out

    def _visit(self, c: float, visits: list[Visit], sign: float) -> Visit | None:
        """The least deviance at a coordinate, from where the last points lead to; None where it is not defined.

        Raises
        ------
        LowerError
            Where that is less than at the estimates.
        """
        there = self.quantity.condition(self.criterion, self.x, c)
        found = self._least(there.slice, self._expected(c, visits, there.slice))
        if found is None:
            return None
        excess = found.value - self.least
        if excess < -LOWER:
            raise LowerError(f"{-excess:.2g}")
        zeta, speed = sign * float(np.sqrt(max(excess, 0.0))), there.by_coordinate(found.z)
        slope = 0.5 * float(found.gradient @ speed) / zeta if excess > NOTHING else 0.0
        return Visit(c, found.z, there.slice.x(found.z), zeta, slope, found.tangent(there.velocity[0], speed))

    def _least(self, there: Slice, z: FloatArray) -> _Minimum | None:
        """The minimum of a slice; None where the criterion is not defined, or it has none."""
        near = _by_newton(there, z) if self.criterion.curvature_is_exact else None
        if near is not None:
            return near
        found = self.minimize(there, there.z(self._lifted(there.x(z))))
        if not np.isfinite(found.value) or found.status not in ENDED:
            return None
        return _Minimum(found.value, found.x, self.criterion.gradient(there.x(found.x))[1], there.A)

    def _expected(self, c: float, visits: list[Visit], there: Slice) -> FloatArray:
        """z by the polynomial through the nearest points, and along their tangents, of five or six conditions."""
        nodes: list[float] = []
        values: list[FloatArray] = []
        for visit in sorted(visits, key=lambda visit: abs(visit.c - c)):
            known = [visit.z] if visit.tangent is None else [visit.z, visit.tangent]
            nodes, values = [*nodes, *[visit.c] * len(known)], [*values, *known]
            if len(nodes) >= 5:
                break
        return np.clip(scipy.interpolate.KroghInterpolator(nodes, np.array(values))(c), there.lower, there.upper)

    def _lifted(self, x: FloatArray) -> FloatArray:
        """x with covariance matrices away from the boundary."""
        for root in self.criterion.roots:
            U, s, _ = np.linalg.svd(root.of(x))
            if s[-1] < LIFTED:
                x = root.put(x, lower_root(U * np.maximum(s, LIFTED)))
        return x


@dataclass(frozen=True, eq=False)
class _Minimum:
    """The minimum of a slice x = at + A z, with the gradient by x, and the Hessian where it is known."""

    value: float
    z: FloatArray
    gradient: FloatArray
    A: FloatArray
    H: FloatArray | None = None

    def tangent(self, dA: FloatArray, speed: FloatArray) -> FloatArray | None:
        """dz/dc from A'(gradient) = 0, where A changes by dA, and x at a fixed z by `speed`."""
        if self.H is None:
            return None
        bends = dA.T @ self.gradient + self.A.T @ self.H @ speed
        return np.asarray(-np.linalg.solve(self.A.T @ self.H @ self.A, bends))


def _by_newton(there: Slice, z: FloatArray) -> _Minimum | None:
    """The minimum of a slice from nearby, after the last step by the quadratic model; None where it is not near."""
    most = np.inf
    for _ in range(STEPS):
        f, g = there.criterion.gradient(there.x(z))
        if not np.isfinite(f):
            return None
        H = there.criterion.curvature(there.x(z))
        root, indefinite = lapack.dpotrf(there.A.T @ H @ there.A)
        if indefinite:
            return None
        slope = there.A.T @ g
        step = -lapack.dpotrs(root, slope)[0]
        gain = -0.5 * float(slope @ step)
        z = z + step
        if not gain < most or (z < there.lower).any() or (z > there.upper).any():
            return None
        if gain < GAIN:
            return _Minimum(f - gain, z, g + H @ (there.A @ step), there.A, H)
        most = 0.25 * gain
    return None


def is_ascending(visits: list[Visit]) -> bool:
    """Whether no two points are within the rounding of one."""
    return bool((np.diff([visit.c for visit in visits]) > 0.0).all())


def columns(visits: list[Visit]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Coordinates, zeta and slopes; at the estimate the slope is that of the polynomial through its neighbours."""
    c, zeta, slopes = (np.array([getattr(visit, name) for visit in visits]) for name in ("c", "zeta", "slope"))
    for center in np.flatnonzero(np.isnan(slopes)).tolist() if len(c) > 1 else ():
        first = max(min(center - 1, len(c) - 3), 0)
        near = slice(first, first + 3)
        slopes[center] = _polynomial(c, zeta, slopes, near).derivative(c[center])
    return c, zeta, slopes


def _polynomial(
    c: FloatArray, zeta: FloatArray, slopes: FloatArray, part: slice
) -> scipy.interpolate.KroghInterpolator:
    """Through some points with their slopes, where these are known."""
    nodes, values = [], []
    for at, height, slope in zip(c[part], zeta[part], slopes[part], strict=True):
        known = [height] if np.isnan(slope) else [height, slope]
        nodes += [at] * len(known)
        values += known
    return scipy.interpolate.KroghInterpolator(nodes, values)
