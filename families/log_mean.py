"""What families with positive means and derivatives by log(mu) share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np

from ranef.contracts import Derivatives, Family, Link
from ranef.contracts.arrays import FloatArray
from ranef.contracts.family import phi_of_rows

from .special import maximize


class LogMeanFamily(Family):
    """A family that gives its derivatives by log(mu), where they do not cancel; links come in by the chain rule."""

    links: tuple[str | Link, ...] = ("log", "identity", "sqrt")

    @abstractmethod
    def by_log_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        """What `evaluate` gives, with log(mu) in the place of eta."""

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, exact."""
        m = self.link.mean(eta)
        return self.by_log_mean(y, m.mu, weights, phi, order).through(*m.log_derivatives())

    def most_likely_mean(self, y: FloatArray, phi: FloatArray, smallest: float) -> FloatArray:
        """`saturated_mean` of counts for which it is not y; it is 0 at the smallest possible count."""
        mean = np.zeros_like(y)
        some = y > smallest
        counts, ones, phi = y[some], np.ones(int(some.sum())), phi_of_rows(phi, some)
        mean[some] = np.exp(maximize(lambda t: self.by_log_mean(counts, np.exp(t), ones, phi, 2), np.log(counts)))
        return mean
