"""Size of residuals against fitted values."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fitted import Fitted, predictor_of
from .residuals import residuals_and_name
from .smooth import smooth
from .style import LINE, axes, point_style, styled


@styled
def scale_location(fit: Fitted, ax: Any = None, *, kind: str = "pearson", rng: Any = None) -> Any:
    """Square roots of absolute residuals against fitted values, with a smooth line: it should be level.

    Parameters
    ----------
    fit : LMMSolution or GLMMSolution
    ax : matplotlib Axes, optional
    kind : str, default "pearson"
        As in `residuals_of`; Pearson and deviance residuals are standardized.
    rng : numpy.random.Generator or int
        For quantile residuals of discrete responses.

    Returns
    -------
    matplotlib Axes
    """
    values, name = residuals_and_name(fit, kind, rng)
    x, x_name = predictor_of(fit)
    size = np.sqrt(np.abs(values))
    ax = axes(ax)
    ax.scatter(x, size, **point_style(len(x)), zorder=2)
    ax.plot(*smooth(x, size), color=LINE, zorder=3)
    ax.set(xlabel=x_name, ylabel=f"root of absolute\n{name}")
    ax.set_ylim(bottom=0.0)
    return ax
