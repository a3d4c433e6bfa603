"""Profiles by pairs: where two parameters lie together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
from scipy.special import chdtri

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..inference.profile import Profile
from ..inference.trace import Curve
from .profile import curve_of
from .style import LINE, POINTS, QUIET, WIDTH, pyplot, styled

#: Levels of the regions.
LEVELS = (0.5, 0.8, 0.95)
#: Points of a contour.
PLACES = 100


@styled
def pairs(profile: Profile, parameters: Sequence[str] | None = None) -> Any:
    """Regions of pairs of parameters at 50, 80 and 95 %, with the traces of the profiles; zeta of each on the diagonal.

    A trace is where the other parameter is best; contours are interpolated between the traces, on the scale of zeta
    (Bates & Watts 1988, doi 10.1002/9780470316757, appendix A6).

    Parameters
    ----------
    profile : Profile
        As `fit.profile()` gives it.
    parameters : sequence of str, optional
        Two or more; all that have a profile by default.

    Returns
    -------
    (k, k) array of matplotlib Axes

    Raises
    ------
    InputError
        For parameters without a profile, or fewer than two.
    """
    names = [n for n, c in profile.curves.items() if not c.word] if parameters is None else list(parameters)
    curves = [curve_of(profile, name) for name in names]
    k = len(curves)
    if k < 2:
        raise InputError(f"pairs needs two parameters or more; got {k}")
    everything = [name for name in profile.names if name not in ("parameter", "value", "zeta")]
    at = [everything.index(name) for name in names]
    side = max(WIDTH, 1.05 * k)
    _, grid = pyplot().subplots(k, k, figsize=(side, side), squeeze=False)
    for i, row in enumerate(grid):
        for j, ax in enumerate(row):
            if j > i:
                ax.set_visible(False)
                continue
            if i == j:
                ax.plot(*curves[i].sample(), color=POINTS, linewidth=1.0)
                ax.axhline(0.0, color=QUIET, linewidth=0.6)
            else:
                _draw_pair(ax, curves[j], curves[i], at[j], at[i])
            ax.tick_params(labelsize=5.5, length=2.0)
            ax.locator_params(nbins=3)
            ax.tick_params(labelbottom=i == k - 1, labelleft=j == 0)
            if i == k - 1:
                ax.set_xlabel(_broken(names[j]), fontsize=6.0)
            if j == 0:
                ax.set_ylabel("zeta" if i == 0 else _broken(names[i]), fontsize=6.0)
    return grid


def _broken(name: str) -> str:
    """A name of two effects and a factor on lines of their own."""
    return name.replace("|", "|\n").replace(".(", ".\n(")


def _draw_pair(ax: Any, one: Curve, other: Curve, i: int, j: int) -> None:
    """Traces and contours of a pair, `one` on the horizontal axis; i and j are their places among all parameters."""
    ax.plot(one.values, one.others[:, j], color=QUIET, linewidth=0.7)
    ax.plot(other.others[:, i], other.values, color=QUIET, linewidth=0.7)
    ax.plot(one.estimate, other.estimate, "+", color=LINE, markersize=5.0)
    for level in LEVELS:
        x, y = contour(one, other, i, j, level)
        ax.plot(x, y, color=POINTS, linewidth=0.8)


def contour(one: Curve, other: Curve, i: int, j: int, level: float) -> tuple[FloatArray, FloatArray]:
    """The edge of the joint region of two parameters; NaN where it leaves the profiles, or where these end before it.

    With zeta_1 = r cos(a + d / 2) and zeta_2 = r cos(a - d / 2), d is 2 pi-periodic in a. Both are known at the four
    places where the traces cross the edge; a periodic spline is between them.
    """
    r = float(np.sqrt(chdtri(2, 1.0 - level)))
    zeta_1, zeta_2 = _zeta(one, other.others[:, i]), _zeta(other, one.others[:, j])
    known = [(np.pi * (s < 0), _angle(one.zeta, zeta_2, s * r)) for s in (1.0, -1.0)]
    known += [(_angle(other.zeta, zeta_1, s * r), np.pi * (s < 0)) for s in (1.0, -1.0)]
    x, y = np.array(known).T
    average = np.where(x > y, x + y, -x - y) / 2.0 % (2.0 * np.pi)
    order = np.argsort(average)
    at, difference = average[order], np.abs(x - y)[order]
    if not np.isfinite(difference).all() or (np.diff(at) < 1e-9).any():
        return np.full(1, np.nan), np.full(1, np.nan)
    closed = np.append(at, at[0] + 2.0 * np.pi), np.append(difference, difference[0])
    spline = scipy.interpolate.CubicSpline(*closed, bc_type="periodic")
    a = np.linspace(at[0], at[0] + 2.0 * np.pi, PLACES + 1)
    half = spline(a) / 2.0
    return _value(one, r * np.cos(a + half)), _value(other, r * np.cos(a - half))


def _angle(zeta: FloatArray, of_other: FloatArray, at: float) -> float:
    """arccos of the other parameter's zeta over r on a trace, where the trace crosses the edge; NaN beyond it."""
    there = float(np.interp(at, zeta, of_other, left=np.nan, right=np.nan))
    return float(np.arccos(np.clip(there / abs(at), -1.0, 1.0)))


def _zeta(curve: Curve, values: FloatArray) -> FloatArray:
    known, zeta = curve.sample(400)
    return np.interp(values, known, zeta)


def _value(curve: Curve, zeta: FloatArray) -> FloatArray:
    values, known = curve.sample(400)
    return np.interp(zeta, known, values, left=np.nan, right=np.nan)
