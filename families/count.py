"""What families of counts share."""

from __future__ import annotations

import numpy as np
from scipy import special

from ranef.contracts.arrays import BoolArray, FloatArray

from .response_term import ResponseTermFamily
from .special import is_count


class CountFamily(ResponseTermFamily):
    """y counts from 0, and its log density has log y! in it."""

    support_text = "counts 0, 1, 2, ..."
    discrete = True

    @staticmethod
    def term(y: FloatArray, weights: FloatArray) -> FloatArray:
        """log y!."""
        return np.asarray(special.gammaln(y + 1), np.float64)

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return is_count(y)
