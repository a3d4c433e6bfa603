"""What a solution does, by topic: a class a file, each method a line on a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .averaged import Averaged
from .base import F
from .bootstrapped import Bootstrapped
from .diagnosed import Diagnosed
from .estimated import Estimated
from .explained import Explained
from .kept import Kept
from .predicting import Predicting
from .reported import Reported
from .smoothed import Smoothed

if TYPE_CHECKING:
    from ..plots.accessor import Plots


class MixedSolution(
    Averaged[F],
    Estimated[F],
    Explained[F],
    Diagnosed[F],
    Bootstrapped[F],
    Predicting[F],
    Smoothed[F],
    Kept[F],
    Reported[F],
):
    """A fitted mixed model. Frozen: attributes cannot be set, arrays are read-only."""

    @property
    def plot(self) -> Plots:
        """Plots of the fit, a method each; they need matplotlib (the extra `plots`)."""
        from ..plots.accessor import Plots

        return Plots(self)
