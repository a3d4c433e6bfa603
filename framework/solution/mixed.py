"""What a solution does, by topic: a class a file, each method a line on a function."""

from __future__ import annotations

from .averaged import Averaged
from .base import F
from .estimated import Estimated
from .kept import Kept
from .predicting import Predicting
from .reported import Reported


class MixedSolution(Averaged[F], Estimated[F], Predicting[F], Kept[F], Reported[F]):
    """A fitted mixed model. Frozen: attributes cannot be set, arrays are read-only."""
