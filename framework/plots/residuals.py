"""Residuals against fitted values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..diagnostics.residuals import STANDARD
from .fitted import Fitted, predictor_of
from .smooth import smooth
from .style import LINE, QUIET, axes, point_style, styled


@styled
def residuals(fit: Fitted, ax: Any = None, *, kind: str = "pearson", rng: Any = None) -> Any:
    """Residuals against fitted values, with a smooth line: it should lie on zero.

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
    ax = axes(ax)
    ax.axhline(0.0, color=QUIET, linewidth=0.8, zorder=1)
    ax.scatter(x, values, **point_style(len(x)), zorder=2)
    ax.plot(*smooth(x, values), color=LINE, zorder=3)
    ax.set(xlabel=x_name, ylabel=name)
    return ax


def residuals_and_name(fit: Fitted, kind: str, rng: Any = None) -> tuple[FloatArray, str]:
    """Residuals of one kind, standardized where they can be, and what to call them."""
    standardized = kind in STANDARD
    called = "Pearson" if kind == "pearson" else kind
    name = f"standardized {called} residual" if standardized else f"{called} residual"
    return np.asarray(fit.residuals_of(kind, rng, standardized=standardized)), name
