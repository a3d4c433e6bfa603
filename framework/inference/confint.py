"""Confidence intervals by any method."""

from __future__ import annotations

from typing import Any

from ..contracts.errors import InputError, shown
from ..estimation.model import Fit
from .intervals import Coefficients, Intervals, checked_level, wald_intervals
from .profile import profile

#: Methods that are here; "boot" is a bootstrap of the solution.
METHODS = ("wald", "profile")


def confint(fit: Fit, coefficients: Coefficients, which: Any, method: Any, level: Any) -> Intervals:
    """Intervals of the parameters `which`.

    Raises
    ------
    InputError, InputTypeError
        For an unknown method, unknown parameters, or a level that is none.
    """
    level = checked_level(level)
    if method not in METHODS:
        raise InputError(f"method must be 'wald', 'profile' or 'boot'; got {shown(method)}")
    if method == "wald":
        return wald_intervals(fit, coefficients, which, level)
    return profile(fit, which, level).confint(level)
