"""Profiles of the deviance: zeta, and the densities that they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from ..contracts.errors import InputError, shown
from ..inference.profile import Profile
from ..inference.trace import Curve
from .marks import filled_density
from .style import LINE, POINTS, QUIET, axes, styled

#: Points of a curve.
PLACES = 200


@styled
def zeta(profile: Profile, parameter: str | None = None, ax: Any = None, *, level: float = 0.95) -> Any:
    """Signed root of how much the deviance rises along a parameter: a straight line where Wald's interval is right.

    Parameters
    ----------
    profile : Profile
        As `fit.profile()` gives it.
    parameter : str, optional
        The first by default.
    ax : matplotlib Axes, optional
    level : float, default 0.95
        Of the interval that is marked.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        For parameters that have no profile.
    """
    curve = curve_of(profile, parameter)
    values, at = curve.sample(PLACES)
    reach = float(ndtri(0.5 + level / 2.0))
    ax = axes(ax)
    ax.axhline(0.0, color=QUIET, linewidth=0.8)
    ax.plot(values, at, color=POINTS)
    for limit, z in zip(curve.limits(level), (-reach, reach), strict=True):
        if np.isfinite(limit):
            ax.plot([limit, limit], [0.0, z], color=LINE, linewidth=1.0)
            ax.plot(limit, z, "o", color=LINE, markersize=3.0)
    ax.set(xlabel=f"{curve.name}, {100 * level:g} % interval", ylabel="zeta")
    return ax


@styled
def density(profile: Profile, parameter: str | None = None, ax: Any = None, *, level: float = 0.95) -> Any:
    """The density that a profile stands for, phi(zeta) dzeta: normal where zeta is a straight line.

    Parameters
    ----------
    profile : Profile
        As `fit.profile()` gives it.
    parameter : str, optional
        The first by default.
    ax : matplotlib Axes, optional
    level : float, default 0.95
        Of the interval that is filled.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        For parameters that have no profile.
    """
    curve = curve_of(profile, parameter)
    values, at = curve.sample(PLACES)
    height = np.exp(-0.5 * at**2) / np.sqrt(2.0 * np.pi) * np.gradient(at, values)
    lower, upper = curve.limits(level)
    inside = (values >= np.nan_to_num(lower, nan=-np.inf)) & (values <= np.nan_to_num(upper, nan=np.inf))
    ax = axes(ax)
    filled_density(ax, values, height, inside, curve.estimate)
    ax.set(xlabel=f"{curve.name}, {100 * level:g} % interval", ylabel="density")
    return ax


def curve_of(profile: Profile, parameter: Any) -> Curve:
    """The curve of a parameter, the first by default.

    Raises
    ------
    InputError
        For parameters that have no profile.
    """
    known = {name: curve for name, curve in profile.curves.items() if not curve.word}
    if parameter is None and known:
        return next(iter(known.values()))
    if parameter not in known:
        reason = profile.curves[parameter].word if parameter in profile.curves else "it is not in the profile"
        raise InputError(f"{shown(parameter)} cannot be drawn: {reason}; there are {', '.join(known) or 'none'}")
    return known[parameter]
