"""The optimizer's way."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.errors import InputError
from .fitted import Recorded
from .style import COLOURS, axes, styled

#: Least distance that is drawn: where the criterion is at its best value to rounding.
LEAST = 1e-12


@styled
def trace(trace: Recorded, ax: Any = None) -> Any:
    """Distance of the criterion to its best value against the evaluations, on a log scale, by phase of the fit.

    Parameters
    ----------
    trace : ranef.observers.Trace
        That has watched a fit: ``ranef.lmm(..., callbacks=trace)``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        Where it has seen no evaluation.
    """
    values = trace.values
    if not np.isfinite(values).any():
        raise InputError("the trace has seen no evaluation: pass it to a fit, callbacks=trace")
    above = np.maximum(values - values[np.isfinite(values)].min(), LEAST)
    phases = np.array([record.phase for record in trace.records])
    ax = axes(ax)
    for i, phase in enumerate(dict.fromkeys(phases.tolist())):
        at = np.flatnonzero(phases == phase)
        ax.semilogy(
            at + 1, above[at], "o-", markersize=2.5, linewidth=0.8, color=COLOURS[i % len(COLOURS)], label=phase
        )
    ax.set(xlabel="evaluation", ylabel="criterion above its best value")
    ax.legend(loc="best")
    return ax
