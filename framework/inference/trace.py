"""The profile of one parameter: the least deviance at each of its values, from the estimate outwards.

The signed root zeta of how much the deviance rises is nearly linear in the parameter (Bates, Maechler, Bolker & Walker
2015, section 5.1, doi 10.18637/jss.v067.i01). By the envelope theorem its slope is known at every point, from the
gradient of the criterion: so that steps lead to where they are meant to, and a few points make a curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from ..contracts.arrays import FloatArray
from ..contracts.optim import OptimizationResult
from ..design.basis import lower_root
from ..estimation.certificate import ENDED
from ..estimation.criterion import Criterion, ModelCriterion
from ..estimation.slice import Slice
from .distributions import chi2_quantile
from .quantity import Point, Quantity

#: Distance of points in zeta; and how far beyond where the profile is to reach the last of them is meant to lie, so as
#: not to fall short.
APART, BEYOND = 0.55, 1.02
#: No more points than this on a side: a profile that has not risen by then does not.
MOST = 24
#: A step that leads farther than this part of the reach is taken again, shorter; so many times.
TOO_FAR, SHORTER = 0.6, 12
#: First step, in units of x, where curvature says nothing. How much a step may grow.
FIRST, GROWTH = 0.1, 4.0
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

#: Minimizes a slice from a start.
Minimizer = Callable[[Criterion[Any], FloatArray], OptimizationResult]


def reach_of(level: float) -> float:
    """|zeta| at the limits of an interval."""
    return float(np.sqrt(chi2_quantile(level, 1)))


@dataclass(frozen=True, eq=False)
class Curve:
    """The profile of one parameter.

    Parameters
    ----------
    quantity : Quantity
        The parameter.
    coordinates : (n,) array
        Coordinates c of the points, ascending; none where there is no profile.
    zeta : (n,) array
        Signed roots of the deviance's excess.
    slopes : (n,) array
        Their derivatives by c.
    others : (n, m) array
        All parameters at these points, on the user's scale.
    word : str
        Why there is no profile.
    """

    quantity: Quantity
    coordinates: FloatArray
    zeta: FloatArray
    slopes: FloatArray
    others: FloatArray
    word: str = ""

    @classmethod
    def missing(cls, quantity: Quantity, word: str) -> Curve:
        """No profile, for a reason."""
        nothing = np.zeros(0)
        return cls(quantity, nothing, nothing, nothing, np.zeros((0, 0)), word)

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return self.quantity.name

    @property
    def values(self) -> FloatArray:
        """Values of the parameter, (n,)."""
        return np.array([self.quantity.shown(c) for c in self.coordinates])

    @property
    def estimate(self) -> float:
        """Where zeta is zero; NaN where there is no profile."""
        return np.nan if self.word else float(self.values[np.abs(self.zeta).argmin()])

    def sample(self, n: int = 101) -> tuple[FloatArray, FloatArray]:
        """Values and zeta at n points of the smooth curve, for plots."""
        c = np.linspace(self.coordinates[0], self.coordinates[-1], n)
        return np.array([self.quantity.shown(float(at)) for at in c]), np.asarray(self._spline(c))

    def limits(self, level: float) -> tuple[float, float]:
        """Limits of the interval: NaN where the profile does not reach the level; a bound that belongs to it.

        A standard deviation of zero, say, where the deviance does not rise to the level before.
        """
        lower, upper = (self._limit(sign * reach_of(level)) for sign in (-1.0, 1.0))
        return lower, upper

    def _limit(self, zeta: float) -> float:
        if self.word:
            return np.nan
        at = self.crossing(zeta)
        if np.isnan(at):
            end, bound = (0, self.quantity.lower) if zeta < 0.0 else (-1, self.quantity.upper)
            at = bound if self.coordinates[end] == bound else np.nan
        return self.quantity.shown(at) if np.isfinite(at) else np.nan

    def crossing(self, zeta: float) -> float:
        """The coordinate that is nearest to the estimate's where the curve has a height; NaN where it has not."""
        if len(self.coordinates) < 2:
            return np.nan
        center = self.coordinates[np.abs(self.zeta).argmin()]
        roots = self._spline.solve(zeta, extrapolate=False)
        roots = roots[np.isfinite(roots) & (np.sign(roots - center) == np.sign(zeta))]
        return float(roots[np.abs(roots - center).argmin()]) if len(roots) else np.nan

    @property
    def _spline(self) -> scipy.interpolate.CubicHermiteSpline:
        return scipy.interpolate.CubicHermiteSpline(self.coordinates, self.zeta, self.slopes)


@dataclass(frozen=True, eq=False)
class _Visit:
    """The least deviance at a coordinate."""

    c: float
    z: FloatArray
    x: FloatArray
    zeta: float
    slope: float


class _Lower(Exception):
    """The deviance is lower than at the estimates."""


def trace(
    quantity: Quantity,
    criterion: ModelCriterion[Any],
    x: FloatArray,
    reach: float,
    minimize: Minimizer,
    all_of: Callable[[Point], FloatArray],
) -> Curve:
    """The profile of a parameter, from the minimum x of a criterion to |zeta| = `reach`.

    Parameters
    ----------
    all_of : callable
        All parameters on the user's scale.
    """
    if quantity.several:
        return Curve.missing(quantity, "it is a function of several parameters of its covariance structure")
    if np.isnan(quantity.at(Point.of(criterion, x))):
        return Curve.missing(quantity, "a standard deviation is zero: there is no correlation")
    turned, x = quantity.turned(criterion, x)
    if not np.isfinite(turned.curvature(x)).all():
        return Curve.missing(quantity, "the deviance has no curvature at the estimate: it is beside an edge")
    walk = _Walk(quantity, turned, x, reach, minimize)
    try:
        visits = [*walk.side(-1.0)[::-1], walk.start, *walk.side(1.0)]
        if (np.diff([visit.c for visit in visits]) <= 0.0).any():
            return Curve.missing(quantity, "the deviance changes within the rounding of the estimate")
        visits = walk.filled(visits)
    except _Lower as fall:
        return Curve.missing(quantity, f"the deviance falls by {fall} below the estimates', which are no optimum")
    if len(visits) == 1:
        return Curve.missing(quantity, "the deviance is not finite beside the estimate")
    others = np.array([all_of(Point.of(walk.criterion, visit.x)) for visit in visits])
    return Curve(quantity, *_columns(visits), others)


class _Walk:
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
        self.tangent = -np.linalg.lstsq(A.T @ H @ A, A.T @ H @ speed, rcond=None)[0]
        rise = float(speed @ H @ (speed + A @ self.tangent))
        self.size = 1.0 / float(np.linalg.norm(speed))
        self.step = np.sqrt(2.0 / rise) * APART if rise * self.size**2 > NOTHING else FIRST * self.size
        bounds = [b for b in (quantity.lower, quantity.upper) if abs(b - c) <= AT_BOUND * self.size]
        self.start = _Visit(bounds[0] if bounds else c, z, x, 0.0, np.nan)

    def side(self, sign: float) -> list[_Visit]:
        """Points on one side, in the order in which they were found, with one near the limit."""
        end = self.quantity.lower if sign < 0.0 else self.quantity.upper
        visits, step, again = [self.start], self.step, 0
        while abs(visits[-1].zeta) < self.reach and visits[-1].c != end and len(visits) < MOST and again < SHORTER:
            last = visits[-1]
            c = last.c + sign * step
            c = end if sign * (c - end) >= 0.0 else c
            there = self.visit(c, visits, sign)
            risen = np.inf if there is None else abs(there.zeta) - abs(last.zeta)
            if there is None or risen > TOO_FAR * self.reach:
                again += 1
                step = abs(c - last.c) * float(np.clip(APART / risen, 0.1, 0.5))
                continue
            visits.append(there)
            step = self._next_step(there, abs(c - last.c))
        return self._with_limit(visits, sign)[1:]

    def _next_step(self, last: _Visit, step: float) -> float:
        """To the next height."""
        heights = self.heights[self.heights > abs(last.zeta) + 0.25 * APART]
        missing = heights.min(initial=BEYOND * self.reach) - abs(last.zeta)
        return float(min(missing / last.slope, GROWTH * step)) if last.slope > 0.0 else GROWTH * step

    def _with_limit(self, visits: list[_Visit], sign: float) -> list[_Visit]:
        """With points near to the limit, so that the curve is exact there."""
        for _ in range(TIMES):
            if abs(visits[-1].zeta) < self.reach:
                break
            after = next(i for i, visit in enumerate(visits) if abs(visit.zeta) >= self.reach)
            if min(abs(abs(visit.zeta) - self.reach) for visit in visits[after - 1 : after + 1]) < NEAR:
                break
            a, b = visits[after - 1], visits[after]
            slope = a.slope if after > 1 else (a.zeta - b.zeta) / (a.c - b.c)
            low, high = sorted((a, b), key=lambda visit: visit.c)
            slopes = [slope if visit is a else visit.slope for visit in (low, high)]
            spline = scipy.interpolate.CubicHermiteSpline([low.c, high.c], [low.zeta, high.zeta], slopes)
            root = spline.solve(sign * self.reach, extrapolate=False)
            c = float(root[0]) if len(root) else 0.5 * (a.c + b.c)
            there = self.visit(c, visits, sign)
            if there is None:
                break
            visits.insert(after, there)
        return visits

    def filled(self, visits: list[_Visit]) -> list[_Visit]:
        """With points halfway where the curve between two would else be rough: polynomials of more points tell."""
        out, columns = visits[:1], _columns(visits)
        middles = columns[0][:-1] + 0.5 * np.diff(columns[0])
        cubic = scipy.interpolate.CubicHermiteSpline(*columns)(middles) if len(visits) > 1 else middles
        for i, (other, c) in enumerate(zip(visits[1:], middles, strict=True)):
            better = _polynomial(*columns, slice(max(i - 1, 0), i + 3))(c)
            sign = float(np.sign(c - self.start.c))
            side = [visit for visit in visits if sign * (visit.c - self.start.c) >= 0.0]
            there = self.visit(float(c), side, sign) if abs(cubic[i] - better) > ROUGH else None
            out += [other] if there is None else [there, other]
        return out

    def visit(self, c: float, visits: list[_Visit], sign: float) -> _Visit | None:
        """The least deviance at a coordinate, from where the last points lead to; None where it is not defined.

        Raises
        ------
        _Lower
            Where that is less than at the estimates.
        """
        there = self.quantity.condition(self.criterion, self.x, c)
        found = self.minimize(there.slice, self._expected(c, visits, there.slice))
        if not np.isfinite(found.value) or found.status not in ENDED:
            return None
        excess = found.value - self.least
        if excess < -LOWER:
            raise _Lower(f"{-excess:.2g}")
        zeta, x = sign * float(np.sqrt(max(excess, 0.0))), there.slice.x(found.x)
        slope = float(self.criterion.gradient(x)[1] @ there.by_coordinate(found.x))
        return _Visit(c, found.x, x, zeta, 0.5 * slope / zeta if excess > NOTHING else 0.0)

    def _expected(self, c: float, visits: list[_Visit], there: Slice) -> FloatArray:
        """z by a polynomial through the nearest points, at the estimate with its tangent; inside of bounds."""
        nodes, values = [self.start.c, self.start.c], [self.start.z, self.tangent]
        rest = [visit for visit in visits if visit is not self.start]
        if len(rest) > 2:
            rest = sorted(visits, key=lambda visit: abs(visit.c - c))[:4]
            nodes, values = [], []
        nodes, values = [*nodes, *(visit.c for visit in rest)], [*values, *(visit.z for visit in rest)]
        z = np.clip(scipy.interpolate.KroghInterpolator(nodes, np.array(values))(c), there.lower, there.upper)
        return there.z(self._lifted(there.x(z)))

    def _lifted(self, x: FloatArray) -> FloatArray:
        """x with covariance matrices away from the boundary."""
        for root in self.criterion.roots:
            U, s, _ = np.linalg.svd(root.of(x))
            if s[-1] < LIFTED:
                x = root.put(x, lower_root(U * np.maximum(s, LIFTED)))
        return x


def _columns(visits: list[_Visit]) -> tuple[FloatArray, FloatArray, FloatArray]:
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
