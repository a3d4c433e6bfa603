"""The profile of one parameter: the least deviance at each of its values, from the estimate outwards.

The signed root zeta of how much the deviance rises is nearly linear in the parameter (Bates, Maechler, Bolker & Walker
2015, section 5.1, doi 10.18637/jss.v067.i01): a few points, with slopes there, make a curve (see `walk`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from ..contracts.arrays import FloatArray
from ..estimation.criterion import ModelCriterion
from .distributions import chi2_quantile
from .quantity import Point, Quantity
from .walk import LowerError, Minimizer, Walk, columns, is_ascending


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
    try:
        visits = Walk(quantity, turned, x, reach, minimize).visits()
    except LowerError as fall:
        return Curve.missing(quantity, f"the deviance falls by {fall} below the estimates', which are no optimum")
    if not is_ascending(visits):
        return Curve.missing(quantity, "the deviance changes within the rounding of the estimate")
    if len(visits) == 1:
        return Curve.missing(quantity, "the deviance is not finite beside the estimate")
    others = np.array([all_of(Point.of(turned, visit.x)) for visit in visits])
    return Curve(quantity, *columns(visits), others)
