"""Conditional modes with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from ..contracts.errors import InputError, shown
from ..inference.intervals import checked_level
from .fitted import Fitted, factor_of
from .groups import MOST_LABELS
from .style import LABEL, POINTS, QUIET, axes, height_of, styled


@styled
def caterpillar(
    fit: Fitted, factor: str | None = None, column: str | None = None, ax: Any = None, *, level: float = 0.95
) -> Any:
    """Conditional modes of the levels of a factor in their order, with intervals by conditional variances.

    Parameters
    ----------
    fit : LMMSolution or GLMMSolution
    factor : str, optional
        That with the most levels by default.
    column : str, optional
        Which effect; the first by default.
    ax : matplotlib Axes, optional
    level : float, default 0.95
        Of the intervals, given the parameters.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        For factors or columns that the model does not have.
    """
    level, name = checked_level(level), factor_of(fit, factor)
    columns = fit.ranef_names[name]
    if column is not None and column not in columns:
        raise InputError(f"{name} has no effect {shown(column)}; it has {', '.join(columns)}")
    j = 0 if column is None else columns.index(column)
    modes, sd = fit.ranef[name][:, j], np.sqrt(fit.ranef_variances[name][:, j, j])
    order = np.argsort(modes, kind="stable")
    labels = [str(label) for label in fit.levels[name][order]]
    few = len(labels) <= MOST_LABELS
    ax = axes(ax, height_of(len(labels)) if few else LABEL * MOST_LABELS / 2)
    places = np.arange(len(labels))
    half = ndtri(0.5 + level / 2.0) * sd[order]
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    ax.hlines(places, modes[order] - half, modes[order] + half, color=POINTS, linewidth=1.2 if few else 0.5, zorder=2)
    ax.plot(modes[order], places, "o", color=POINTS, markersize=3.0 if few else 1.5, zorder=3)
    ax.set(xlabel=f"{columns[j]}, with {100 * level:g} % intervals", ylabel=name, ylim=(-0.7, len(labels) - 0.3))
    ax.set_yticks(places if few else [], labels if few else [])
    return ax
