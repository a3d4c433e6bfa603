"""Cook's distances."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fitted import Fitted
from .groups import MOST_LABELS
from .style import POINTS, QUIET, axes, height_of, styled

#: Rows that have their number beside them.
NAMED = 5


@styled
def influence(fit: Fitted, by: Any = None, ax: Any = None, *, refit: bool = False) -> Any:
    """Cook's distances of rows in their order, the largest by number; or of levels, the largest on top.

    Parameters
    ----------
    fit : LMMSolution or GLMMSolution
    by : str or (n,) array, optional
        A grouping factor, or labels of the rows; each row by default.
    ax : matplotlib Axes, optional
    refit : bool
        By fits without each case, instead of given the variance parameters.

    Returns
    -------
    matplotlib Axes
    """
    table = fit.influence(by, refit=refit)
    cooks, labels = table["cooks"], [str(label) for label in table[table.case]]
    if by is None or len(table) > MOST_LABELS:
        ax = axes(ax)
        places = np.arange(len(cooks))
        ax.vlines(places, 0.0, cooks, color=POINTS, linewidth=0.8)
        for i in np.argsort(-np.nan_to_num(cooks, nan=-1.0), kind="stable")[:NAMED]:
            if np.isfinite(cooks[i]):
                ax.annotate(
                    labels[i], (i, cooks[i]), (0, 1), textcoords="offset points", ha="center", va="bottom", fontsize=6.5
                )
        ax.set(xlabel=table.case, ylabel="Cook's distance")
        ax.set_ylim(0.0, 1.12 * np.nanmax(cooks, initial=0.0) or 1.0)
        return ax
    order = np.argsort(np.nan_to_num(cooks, nan=-1.0), kind="stable")
    places = np.arange(len(order))
    ax = axes(ax, height_of(len(order)))
    ax.hlines(places, 0.0, cooks[order], color=QUIET, linewidth=0.8)
    ax.plot(cooks[order], places, "o", color=POINTS, markersize=3.5)
    ax.set(xlabel="Cook's distance", ylabel=table.case, ylim=(-0.7, len(order) - 0.3))
    ax.set_xlim(left=0.0)
    ax.set_yticks(places, [labels[i] for i in order])
    return ax
