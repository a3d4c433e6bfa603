"""Wald tests of single coefficients: an estimate over its standard error, against t distributions or the normal one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats

from ..contracts.arrays import FloatArray


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
        return np.asarray(2.0 * stats.t.sf(np.abs(statistics), self.df))

    def quantiles(self, level: float) -> FloatArray:
        """How many standard errors the limits of an interval of that level are away from the estimate."""
        return np.asarray(stats.t.ppf(0.5 + level / 2.0, self.df))


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
        return np.asarray(2.0 * stats.norm.sf(np.abs(statistics)))

    def quantiles(self, level: float) -> FloatArray:
        """How many standard errors the limits of an interval of that level are away from the estimate."""
        return np.asarray(stats.norm.ppf(0.5 + level / 2.0))
