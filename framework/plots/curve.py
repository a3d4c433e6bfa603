"""A smooth term: a curve with a band, or a surface by its contours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.errors import InputError
from ..inference.smooths import SmoothCurve, curves
from .fitted import Fitted
from .marks import band, rug
from .style import QUIET, axes, styled

#: Contours of a surface.
CONTOURS = 9


@styled
def curve(fit: Fitted, term: str | None = None, ax: Any = None, *, level: float = 0.95) -> Any:
    """A smooth term along its variable with a band, and the values of the data as ticks; of two variables contours.

    Parameters
    ----------
    fit : LMMSolution or GLMMSolution
    term : str, optional
        As `smooth_table` calls it; the first one by default.
    ax : matplotlib Axes, optional
    level : float, default 0.95

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        For a term that there is not.
    """
    known = curves(fit.terms)
    if not known:
        raise InputError("the model has no smooth term: write s(x) in the formula")
    label = next(iter(known)) if term is None else term
    along = fit.smooth(label, level=level)
    ax = axes(ax)
    if len(along.variables) > 1:
        return _surface(along, ax)
    (x,) = along.variables
    ax.axhline(0.0, color=QUIET, linewidth=0.6, zorder=0)
    band(ax, along[x], along["fit"], along["lower"], along["upper"])
    design = fit._fit.model.rows
    smooth, _, own = known[label]
    if design is not None and smooth.by != "number":
        line = design.X[:, list(fit.names).index(own.fixed[0])]
        rug(ax, line[line != 0.0] + smooth.means[0][0])
    ax.set(xlabel=x, ylabel=label)
    return ax


def _surface(along: SmoothCurve, ax: Any) -> Any:
    x, z = along.variables
    sides = np.unique(along[x]), np.unique(along[z])
    heights = along["fit"].reshape(len(sides[0]), len(sides[1])).T
    filled = ax.contourf(*sides, heights, CONTOURS, cmap="cividis")
    ax.figure.colorbar(filled, ax=ax)
    ax.set(xlabel=x, ylabel=z, title=along.label)
    return ax
