"""Residuals by group."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fitted import Fitted, codes_of, factor_of
from .residuals import residuals_and_name
from .style import LABEL, LINE, QUIET, axes, height_of, point_style, styled

#: Groups beyond which labels are left out.
MOST_LABELS = 60


@styled
def groups(fit: Fitted, factor: str | None = None, ax: Any = None, *, kind: str = "pearson", rng: Any = None) -> Any:
    """Residuals of each level of a factor, with their quartiles: boxes should have one place and one width.

    Parameters
    ----------
    fit : LMMSolution or GLMMSolution
    factor : str, optional
        That with the most levels by default.
    ax : matplotlib Axes, optional
    kind : str, default "pearson"
        As in `residuals_of`.
    rng : numpy.random.Generator or int
        For quantile residuals of discrete responses.

    Returns
    -------
    matplotlib Axes
    """
    name = factor_of(fit, factor)
    values, residual = residuals_and_name(fit, kind, rng)
    codes, labels = codes_of(fit, name)
    shown = len(labels) <= MOST_LABELS
    ax = axes(ax, height_of(len(labels)) if shown else LABEL * MOST_LABELS / 2)
    ax.axvline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    order = np.argsort(codes, kind="stable")
    parts = np.split(values[order], np.cumsum(np.bincount(codes))[:-1])
    q1, median, q3 = np.array([np.nanquantile(part, [0.25, 0.5, 0.75]) for part in parts]).T
    places = np.arange(len(labels))
    ax.barh(places, q3 - q1, left=q1, height=0.7, color=QUIET, alpha=0.3, zorder=2)
    ax.scatter(values, codes, **point_style(len(values)), zorder=3)
    size = 7.0 if shown else max(2.0, 250.0 / len(labels))
    ax.plot(median, places, "|", color=LINE, markersize=size, markeredgewidth=1.5, zorder=4)
    ax.set(xlabel=residual, ylabel=name, ylim=(len(labels) - 0.4, -0.6))
    ax.set_yticks(places if shown else [], labels if shown else [])
    return ax
