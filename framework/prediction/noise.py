"""What new responses of linear models vary about their means by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ..contracts.arrays import FloatArray
from ..estimation.ending import determined
from ..estimation.linear import LinearFit
from .rows import Rows, weights_of


@dataclass(frozen=True, eq=False)
class Noise:
    """Variances of residuals relative to sigma^2.

    They are those of residuals that are independent of all that were observed: of the structure the standard deviation
    of each row counts, not its correlations.

    Parameters
    ----------
    variances : (n,) array
        NaN where the data do not determine them.
    by_theta : (m, n) array
        Their derivatives by the variance parameters.
    """

    variances: FloatArray
    by_theta: FloatArray

    @classmethod
    def none(cls, fit: LinearFit, rows: Rows) -> Self:
        """That of means."""
        return cls(np.zeros(len(rows)), np.zeros((len(fit.theta), len(rows))))

    @classmethod
    def of(cls, fit: LinearFit, rows: Rows) -> Self:
        """That of a new response of each row.

        Raises
        ------
        InputError
            Where the model has weights and the rows have not.
        """
        by_theta = np.zeros((len(fit.theta), len(rows)))
        variances = determined(fit, lambda one: _variances(one, rows)) / fit.sigma**2
        if rows.scales is not None:
            by_theta[len(by_theta) - len(rows.scales) :] = 2.0 * variances * rows.scales
        return cls(variances, by_theta)


def _variances(fit: LinearFit, rows: Rows) -> FloatArray:
    out = fit.sigma**2 / weights_of(fit.labels, rows)
    if rows.scales is not None:  # log S = delta B, with delta the last of theta
        out = out * np.exp(2.0 * fit.theta[len(fit.theta) - len(rows.scales) :] @ rows.scales)
    return out
