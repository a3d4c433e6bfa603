"""Quantiles of simulated residuals, with an envelope of those of simulations."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from .fitted import Fitted
from .style import POINTS, QUIET, axes, point_style, styled

#: Part of the simulations that the envelope holds at each place.
INSIDE = 0.95


@styled
def qq(fit: Fitted, ax: Any = None, *, nsim: int = 250, rng: Any = None) -> Any:
    """Quantiles of simulated residuals against normal ones, in an envelope that holds 95 % of simulations.

    Simulations draw random effects, too, and have residuals among each other as the observed response has, so that the
    envelope is as wide as the model's dependence between rows makes it.

    Parameters
    ----------
    fit : LMMSolution or GLMMSolution
    ax : matplotlib Axes, optional
    nsim : int, default 250
    rng : numpy.random.Generator or int

    Returns
    -------
    matplotlib Axes
    """
    z = np.sort(ndtri(fit.simulated_residuals(nsim, rng).uniform), axis=0)
    n = len(z)
    expected = ndtri((np.arange(n) + 0.5) / n)
    lower, upper = np.quantile(z[:, 1:], [0.5 - INSIDE / 2, 0.5 + INSIDE / 2], axis=1)
    ax = axes(ax)
    ax.fill_between(expected, lower, upper, color=QUIET, alpha=0.3, linewidth=0.0, label="95 % of simulations")
    ax.plot(expected[[0, -1]], expected[[0, -1]], color=QUIET, linewidth=0.8)
    ax.scatter(expected, z[:, 0], **(point_style(n) | {"color": POINTS}), zorder=3)
    ax.set(xlabel="normal quantile", ylabel="quantile of simulated residuals")
    ax.legend(loc="upper left")
    return ax
