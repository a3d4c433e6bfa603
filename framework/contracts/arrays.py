"""Array types used in annotations throughout ranef."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
AnyArray = NDArray[Any]

__all__ = ["AnyArray", "BoolArray", "FloatArray", "IntArray"]
