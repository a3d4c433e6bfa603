"""Parameters of the residuals' covariance as their users know them: correlations, and what variances depend on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Never

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..design.residual_labels import ResidualLabels
from ..estimation.correlations import correlations
from ..estimation.criterion import ModelCriterion
from .quantity import OnFishersScale, OnLogScale, Point, Quantity


class OfResiduals(Quantity):
    """A function of the parameters of R, and of sigma."""

    several = True
    labels: ResidualLabels

    def own(self, point: Point) -> FloatArray:
        """Parameters of R."""
        return point.theta[point.parameters.of_residual]

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Never:
        """None."""
        raise InputError("parameters of the residuals' covariance have no profile: use method='wald'")


@dataclass(frozen=True, eq=False)
class ResidualCorrelation(OfResiduals, OnFishersScale):
    """A correlation of residuals."""

    name: str
    labels: ResidualLabels
    k: int

    def value(self, point: Point) -> float:
        """Of C."""
        return float(correlations(self.labels, self.own(point)[: self.labels.n_correlations])[self.k])


@dataclass(frozen=True, eq=False)
class ResidualDeviation(OfResiduals, OnLogScale):
    """The residual standard deviation of one stratum."""

    name: str
    labels: ResidualLabels
    k: int

    def value(self, point: Point) -> float:
        """The exponential of its coefficient."""
        return float(np.exp(_coefficients(self, point)[self.k]))


@dataclass(frozen=True, eq=False)
class DispersionCoefficient(OfResiduals):
    """A coefficient of log S = D delta, log sigma in its constant."""

    name: str
    labels: ResidualLabels
    k: int
    size = 1.0

    def value(self, point: Point) -> float:
        """Of the user's columns."""
        return float(_coefficients(self, point)[self.k])


def _coefficients(q: OfResiduals, point: Point) -> FloatArray:
    delta = q.own(point)[q.labels.n_correlations :]
    return np.asarray(q.labels.to_users @ np.append(point.xi[0], delta))


def of_residuals(labels: ResidualLabels) -> Iterator[Quantity]:
    """Of a residual structure: correlations, then standard deviations or coefficients."""
    for k, name in enumerate(labels.correlation_names):
        yield ResidualCorrelation(f"{name if name[0].isupper() else f'cor_{name}'}|{labels.group}", labels, k)
    kind = ResidualDeviation if labels.strata else DispersionCoefficient
    for k, name in enumerate(labels.dispersion):
        yield kind(f"{'sd' if labels.strata else 'logsd'}_{name}", labels, k)
