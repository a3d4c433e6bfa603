"""Parameters of the residuals' covariance as their users know them: correlations, and what variances depend on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..design.residual_labels import ResidualLabels
from ..estimation.correlations import correlations
from ..estimation.criterion import ModelCriterion
from .quantity import Conditioned, OnFishersScale, OnLogScale, Point, Quantity, at_entry, on_hyperplane


class OfResiduals(Quantity):
    """A function of the parameters of R, and of sigma."""

    labels: ResidualLabels

    def own(self, point: Point) -> FloatArray:
        """Parameters of R."""
        return point.theta[point.parameters.of_residual]


@dataclass(frozen=True, eq=False)
class ResidualCorrelation(OfResiduals, OnFishersScale):
    """A correlation of residuals; the first one is a function of the first parameter alone, its coordinate."""

    name: str
    labels: ResidualLabels
    k: int
    several: bool

    def value(self, point: Point) -> float:
        """Of C."""
        return float(correlations(self.labels, self.own(point)[: self.labels.n_correlations])[self.k])

    def at(self, point: Point) -> float:
        """The parameter."""
        return float(self.own(point)[0])

    def shown(self, c: float) -> float:
        """From the parameter, whatever the others are."""
        x = np.zeros(self.labels.n_correlations)
        x[0] = c
        return float(correlations(self.labels, x)[0])

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """The first parameter of R is fixed."""
        return at_entry(criterion, criterion.of_theta.start + criterion.parameters.of_residual.start, c, 1.0)


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

    def condition(self, criterion: ModelCriterion[Any], at: FloatArray, c: float) -> Conditioned:
        """A combination of delta and log sigma, which stand side by side."""
        of_sigma, *of_delta = self.labels.to_users[self.k].tolist()
        a = np.array([*of_delta, of_sigma])
        return on_hyperplane(criterion, at, criterion.of_theta.stop - len(of_delta), a, c)


@dataclass(frozen=True, eq=False)
class ResidualDeviation(OnLogScale, DispersionCoefficient):
    """The residual standard deviation of one stratum, by its logarithm."""

    size = 0.0

    def value(self, point: Point) -> float:
        """The exponential of its coefficient."""
        return self.shown(self.at(point))

    def at(self, point: Point) -> float:
        """The coefficient."""
        return float(_coefficients(self, point)[self.k])

    def shown(self, c: float) -> float:
        """The exponential."""
        return float(np.exp(c))


def _coefficients(q: OfResiduals, point: Point) -> FloatArray:
    delta = q.own(point)[q.labels.n_correlations :]
    return np.asarray(q.labels.to_users @ np.append(point.xi[0], delta))


def of_residuals(labels: ResidualLabels) -> Iterator[Quantity]:
    """Of a residual structure: correlations, then standard deviations or coefficients."""
    for k, name in enumerate(labels.correlation_names):
        yield ResidualCorrelation(f"{name if name[0].isupper() else f'cor_{name}'}|{labels.group}", labels, k, k > 0)
    kind = ResidualDeviation if labels.strata else DispersionCoefficient
    for k, name in enumerate(labels.dispersion):
        yield kind(f"{'sd' if labels.strata else 'logsd'}_{name}", labels, k)
