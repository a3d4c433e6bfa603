"""Array types used in annotations throughout ranef, and the check of a single number."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, InputTypeError, shown

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
AnyArray = NDArray[Any]

__all__ = ["AnyArray", "BoolArray", "FloatArray", "IntArray", "real_number"]


def real_number(value: Any, name: str) -> float:
    """A real number, NaN and infinities included, as a float.

    Raises
    ------
    InputTypeError
        Where it is none.
    InputError
        Where it is too large for a float.

    Examples
    --------
    >>> real_number(3, "theta")
    3.0
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(f"{name} must be a number; got {shown(value)}")
    try:
        return float(value)
    except OverflowError as error:
        raise InputError(f"{name} is too large to be computed with: {shown(value)}") from error
