"""Replicates of a bootstrap: how a statistic is distributed."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError, shown
from ..inference.intervals import checked_level
from .marks import filled_density
from .style import POINTS, axes, styled

#: Points of the curve; bars.
PLACES, BARS = 200, 30
#: A value that a larger part of the replicates has is an atom: variances of zero, say.
ATOM = 0.01
#: Fewest distinct replicates that a curve is drawn of.
FEWEST = 10


class Replicated(Protocol):
    """What is drawn of a `Bootstrap`."""

    @property
    def statistics(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def original(self) -> FloatArray: ...  # noqa: D102
    @property
    def replicates(self) -> FloatArray: ...  # noqa: D102
    @property
    def failed(self) -> BoolArray: ...  # noqa: D102


@styled
def replicates(record: Replicated, parameter: str | None = None, ax: Any = None, *, level: float = 0.95) -> Any:
    """Distribution of a statistic over the replicates of a bootstrap: bars, a kernel density, the estimate.

    Filled is the percentile interval. Replicates that are all at one value, variances of zero for example, are no
    density: the legend says what part of them is there, and bars and curve are of the rest.

    Parameters
    ----------
    record : Bootstrap
        As `fit.bootstrap(nsim, rng=)` gives it.
    parameter : str, optional
        One of its statistics, the first by default.
    ax : matplotlib Axes, optional
    level : float, default 0.95
        Of the interval that is filled.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        For statistics that the record has not, and those of which there are too few replicates.

    Examples
    --------
    >>> import matplotlib, ranef
    >>> matplotlib.use("Agg")
    >>> fit = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff"))
    >>> ranef.plots.replicates(fit.bootstrap(200, rng=1), "sigma").get_ylabel()
    'density'

    References
    ----------
    Davison & Hinkley (1997), section 2.3, doi 10.1017/CBO9780511802843. The bandwidth is Scott's.
    """
    from scipy.stats import gaussian_kde

    level = checked_level(level)
    name = record.statistics[0] if parameter is None else parameter
    if name not in record.statistics:
        raise InputError(f"the record has no {shown(name)}; it has {', '.join(record.statistics)}")
    j = record.statistics.index(name)
    values = record.replicates[~record.failed, j]
    values = values[np.isfinite(values)]
    rest, atom = apart(values)
    if len(np.unique(rest)) < FEWEST:
        raise InputError(f"{name} has {len(np.unique(rest))} different replicates; a density needs {FEWEST}")
    ends = np.quantile(values, [0.5 - level / 2.0, 0.5 + level / 2.0])
    share = len(rest) / len(values)
    at = np.linspace(rest.min(), rest.max(), PLACES)
    height = share * gaussian_kde(rest)(at)
    ax = axes(ax)
    heights, edges = np.histogram(rest, BARS, density=True)
    ax.stairs(share * heights, edges, color=POINTS, alpha=0.35, linewidth=0.6)
    inside = (at >= ends[0]) & (at <= ends[1])
    filled_density(ax, at, height, inside, record.original[j])
    if share < 1.0:
        ax.plot([], [], " ", label=f"{100 * (1.0 - share):.0f} % at {atom:.3g}")
        ax.legend(loc="upper right", handlelength=0.0)
    ax.set(xlabel=f"{name}, {100 * level:g} % of {len(values)} replicates", ylabel="density")
    return ax


def apart(values: FloatArray) -> tuple[FloatArray, float]:
    """Values without those of an atom, and where that is; NaN without one.

    Examples
    --------
    >>> rest, atom = apart(np.array([0.0, 0.0, 1.0, 2.0]))
    >>> rest.tolist(), atom
    ([1.0, 2.0], 0.0)
    """
    places, counts = np.unique(np.round(values, 12), return_counts=True)
    if len(values) == 0 or counts.max() <= max(1, ATOM * len(values)):
        return values, float("nan")
    atom = float(places[counts.argmax()])
    return values[np.abs(values - atom) > 1e-12], atom
