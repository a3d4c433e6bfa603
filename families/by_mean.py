"""What families share whose derivatives are simplest by the mean, with any link."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from ranef.contracts import Derivatives, Family
from ranef.contracts.arrays import FloatArray


class ByMeanFamily(Family):
    """A family that gives its derivatives by mu; links come in by the chain rule."""

    @abstractmethod
    def by_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        """What `evaluate` gives, with mu in the place of eta."""

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
        return self.by_mean(y, m.mu, weights, phi, order).through(m.mu_eta, m.mu_eta2, m.mu_eta3)
