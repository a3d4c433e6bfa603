"""``fit.plot``: a method a plot, each a line on its function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .caterpillar import caterpillar
from .curve import curve
from .effect import effect
from .fitted import Fitted
from .forest import forest
from .groups import groups
from .influence import influence
from .lines import lines, panels
from .qq import qq
from .residuals import residuals
from .scale_location import scale_location


@dataclass(frozen=True)
class Plots:
    """Plots of one fit: each returns the axes that it has drawn into.

    Examples
    --------
    >>> import matplotlib, ranef
    >>> matplotlib.use("Agg")
    >>> d = ranef.datasets.load("sleepstudy")
    >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", d)
    >>> fit.plot.caterpillar("Subject", "Days").get_ylabel()
    'Subject'
    """

    _fit: Fitted

    def __repr__(self) -> str:
        """What there is."""
        return f"<plots of {self._fit.model}: {', '.join(n for n in dir(self) if not n.startswith('_'))}>"

    def residuals(self, ax: Any = None, *, kind: str = "pearson", rng: Any = None) -> Any:
        """Residuals against fitted values: see `ranef.plots.residuals`."""
        return residuals(self._fit, ax, kind=kind, rng=rng)

    def scale_location(self, ax: Any = None, *, kind: str = "pearson", rng: Any = None) -> Any:
        """Size of residuals against fitted values: see `ranef.plots.scale_location`."""
        return scale_location(self._fit, ax, kind=kind, rng=rng)

    def qq(self, ax: Any = None, *, nsim: int = 250, rng: Any = None) -> Any:
        """Quantiles of simulated residuals in an envelope: see `ranef.plots.qq`."""
        return qq(self._fit, ax, nsim=nsim, rng=rng)

    def groups(self, factor: str | None = None, ax: Any = None, *, kind: str = "pearson", rng: Any = None) -> Any:
        """Residuals by group: see `ranef.plots.groups`."""
        return groups(self._fit, factor, ax, kind=kind, rng=rng)

    def caterpillar(
        self, factor: str | None = None, column: str | None = None, ax: Any = None, *, level: float = 0.95
    ) -> Any:
        """Conditional modes with intervals: see `ranef.plots.caterpillar`."""
        return caterpillar(self._fit, factor, column, ax, level=level)

    def lines(self, x: str, factor: str | None = None, ax: Any = None) -> Any:
        """Fitted lines of groups over the data: see `ranef.plots.lines`."""
        return lines(self._fit, x, factor, ax)

    def panels(self, x: str, factor: str | None = None) -> Any:
        """Fitted lines of groups, a panel each: see `ranef.plots.panels`."""
        return panels(self._fit, x, factor)

    def effect(self, x: str, ax: Any = None, *, data: Any = None, level: float = 0.95) -> Any:
        """Means along a variable with a band: see `ranef.plots.effect`."""
        return effect(self._fit, x, ax, data=data, level=level)

    def curve(self, term: str | None = None, ax: Any = None, *, level: float = 0.95) -> Any:
        """A smooth term with a band: see `ranef.plots.curve`."""
        return curve(self._fit, term, ax, level=level)

    def influence(self, by: Any = None, ax: Any = None, *, refit: bool = False) -> Any:
        """Cook's distances: see `ranef.plots.influence`."""
        return influence(self._fit, by, ax, refit=refit)

    def forest(self, ax: Any = None, *, intercept: bool = False) -> Any:
        """Coefficients with intervals: see `ranef.plots.forest`."""
        return forest(self._fit, ax, intercept=intercept)
