"""Wald tests of single coefficients: an estimate over its standard error, against t distributions or the normal one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy

from ..contracts.arrays import FloatArray
from .distributions import normal_sf, t_quantile, t_sf


class WaldTest(ABC):
    """The distribution that estimates over their standard errors have where the coefficients are zero."""

    #: What the statistic is called: "t" or "z".
    letter: ClassVar[str]
    df: FloatArray | None = None

    @abstractmethod
    def p_values(self, statistics: FloatArray) -> FloatArray:
        """Two-sided p-values."""

    @abstractmethod
    def quantiles(self, level: float) -> FloatArray:
        """How many standard errors the limits of an interval of that level are away from the estimate."""


@dataclass(frozen=True, eq=False)
class TTest(WaldTest):
    """t distributions.

    Parameters
    ----------
    df : (p,) array
        Their degrees of freedom.

    Examples
    --------
    >>> TTest(np.array([10.0])).quantiles(0.95).round(3).tolist()
    [2.228]
    """

    letter = "t"
    df: FloatArray

    def p_values(self, statistics: FloatArray) -> FloatArray:
        """Two-sided p-values."""
        return 2.0 * t_sf(np.abs(statistics), self.df)

    def quantiles(self, level: float) -> FloatArray:
        """How many standard errors the limits of an interval of that level are away from the estimate."""
        return t_quantile(0.5 + level / 2.0, self.df)


class ZTest(WaldTest):
    """The normal distribution.

    Examples
    --------
    >>> ZTest().p_values(np.array([1.96])).round(3).tolist()
    [0.05]
    """

    letter = "z"

    def p_values(self, statistics: FloatArray) -> FloatArray:
        """Two-sided p-values."""
        return 2.0 * normal_sf(np.abs(statistics))

    def quantiles(self, level: float) -> FloatArray:
        """How many standard errors the limits of an interval of that level are away from the estimate."""
        return np.asarray(scipy.special.ndtri(0.5 + level / 2.0))
