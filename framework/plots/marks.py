"""What several plots draw alike: bands, densities, ticks of the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from .style import LINE, POINTS, QUIET

#: Height of ticks of the data above the lower edge, in parts of the axes.
LOW = 0.02


def band(ax: Any, at: FloatArray, estimate: FloatArray, lower: FloatArray, upper: FloatArray) -> None:
    """A line in its band."""
    ax.fill_between(at, lower, upper, color=POINTS, alpha=0.2, linewidth=0.0)
    ax.plot(at, estimate, color=POINTS)


def rug(ax: Any, values: FloatArray) -> None:
    """Ticks of the data at the lower edge."""
    at_edge = ax.get_xaxis_transform()
    heights = np.full(len(values), LOW)
    ax.plot(values, heights, "|", color=QUIET, markersize=4.0, markeredgewidth=0.5, transform=at_edge)


def filled_density(ax: Any, at: FloatArray, height: FloatArray, inside: BoolArray, estimate: float) -> None:
    """A density that is filled where it is inside of an interval, and the estimate; it stands on zero."""
    ax.fill_between(at, 0.0, height, where=inside, color=POINTS, alpha=0.25, linewidth=0.0)
    ax.plot(at, height, color=POINTS)
    ax.axvline(estimate, color=LINE, linewidth=1.0)
    ax.set_ylim(bottom=0.0)
