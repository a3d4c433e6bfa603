"""Plots of fits: a function a file, `ax` in, axes out. They need matplotlib: ``pip install "ranef[plots]"``.

``fit.plot.residuals()`` is ``plots.residuals(fit)``, and so for all that have a fit as their first argument. Without
`ax` a plot makes a figure that is readable at a width of 80 mm, on white, in colours that colour-blind readers can tell
apart.
"""

from .caterpillar import caterpillar
from .curve import curve
from .effect import effect
from .forest import forest
from .groups import groups
from .influence import influence
from .lines import lines, panels
from .pairs import pairs
from .profile import density, zeta
from .qq import qq
from .replicates import replicates
from .residuals import residuals
from .scale_location import scale_location
from .trace import trace

__all__ = [
    "caterpillar",
    "curve",
    "density",
    "effect",
    "forest",
    "groups",
    "influence",
    "lines",
    "pairs",
    "panels",
    "qq",
    "replicates",
    "residuals",
    "scale_location",
    "trace",
    "zeta",
]
