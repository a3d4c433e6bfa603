"""beta and sigma of many responses, profiled out of a linear model's criterion, whatever V^-1 is found from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from ..contracts.arrays import FloatArray
from .row_sums import Regressed, RowSums
from .small import inverse


class Criterion(Protocol):
    """What is profiled."""

    @property
    def sums(self) -> RowSums: ...
    @property
    def reml(self) -> bool: ...
    @property
    def df(self) -> int: ...


class Profiled:
    """The criterion of m responses at one theta each.

    Parameters
    ----------
    criterion : Criterion
    responses : Regressed
    gram : (r, r, m) array
        Q'V^-1 Q, with Q a basis of X that is orthonormal in W.
    QVy : (r, m) array
        Q'V^-1 y of the residuals on X.
    yVy : (m,) array
    logdet_V : (m,) array
        log|V|, without that of W^-1.
    """

    criterion: Criterion
    responses: Regressed

    def __init__(
        self,
        criterion: Criterion,
        responses: Regressed,
        gram: FloatArray,
        QVy: FloatArray,
        yVy: FloatArray,
        logdet_V: FloatArray,
    ) -> None:
        self.criterion, self.responses, self.gram, self._logdet_V = criterion, responses, gram, logdet_V
        self.C, self.logdet_gram = inverse(gram)
        self.gamma = np.einsum("xym,ym->xm", self.C, QVy)
        self.pwrss = yVy - (QVy * self.gamma).sum(axis=0)
        self.sigma2 = self.pwrss / criterion.df

    @property
    def value(self) -> FloatArray:
        """The criterion, (m,)."""
        c = self.criterion
        value = self._logdet_V - c.sums.sum_log_weights + c.df * (1.0 + np.log(2.0 * np.pi * self.sigma2))
        return np.asarray(value + (self.logdet_gram + c.sums.logdet_X if c.reml else 0.0))

    @property
    def cancelled(self) -> FloatArray:
        """By how much r^2 or Q'V^-1 Q is smaller than what it was found from as a difference, (m,)."""
        r = len(self.gram)
        least: FloatArray = self.gram[range(r), range(r)].min(axis=0, initial=1.0)
        return np.asarray(np.maximum(self.responses.yWy / self.pwrss, 1.0 / least))


def relative_moments(
    of_moments: FloatArray, moments: Iterable[FloatArray], variance: FloatArray, unit: float
) -> FloatArray:
    """Entries of all G_j in units of sigma^2 from moments that are linear in both, (sum k_j k_j, m).

    Parameters
    ----------
    of_moments : (e, e) array
        From moments to the entries, and sigma^2 as the last one.
    moments : (m,) arrays, e of them
    variance : (m,) array
        Of the responses; sigma^2 is half of it where the moments give less than a hundredth.
    unit : float
        What theta is measured in.
    """
    solution = sum(column[:, None] * moment for column, moment in zip(of_moments.T, moments, strict=True))
    sigma2 = np.where(solution[-1] > 0.01 * variance, solution[-1], 0.5 * variance)
    return np.asarray(solution[:-1] / (sigma2 * unit**2))


__all__ = ["Profiled", "relative_moments"]
