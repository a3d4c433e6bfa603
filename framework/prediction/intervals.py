"""Prediction intervals of generalized models: quantiles of a response whose linear predictor is known with an error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError
from ..contracts.family import Family, phi_of_rows
from ..estimation.generalized import GeneralizedFit

#: Nodes over the error of the linear predictor.
NODES = 15
#: Halvings of an interval that holds a quantile, and doublings to find one.
HALVINGS, DOUBLINGS = 60, 200


def predictive_quantiles(
    fit: GeneralizedFit, eta: FloatArray, sd: FloatArray, weights: FloatArray, level: float, phi: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper limits (n,) between which a new response lies with probability `level`, or somewhat more.

    Quantiles of the family's distribution, averaged over a normal error of the linear predictor.

    Raises
    ------
    InputError
        For a family that gives no distribution function.
    """
    tail, family = 0.5 - 0.5 * level, fit.family
    one = np.ones(1)
    if family.cdf(one, family.start_mean(one, one), one, phi_of_rows(phi, slice(1))) is None:
        raise InputError(f"the {family.name} family gives no distribution function (cdf): no prediction intervals")
    known = np.isfinite(eta) & np.isfinite(sd)
    inside = _Predictive(family, phi_of_rows(phi, known), eta[known], sd[known], weights[known])
    lower, upper = np.full_like(eta, np.nan), np.full_like(eta, np.nan)
    lower[known], upper[known] = inside.quantile(tail), inside.quantile(1.0 - tail)
    return lower, upper


class _Predictive:
    """The distribution of responses y, averaged over eta + sd z."""

    def __init__(self, family: Family, phi: FloatArray, eta: FloatArray, sd: FloatArray, weights: FloatArray) -> None:
        self.family, self.phi, self.weights = family, phi, weights
        z, w = np.polynomial.hermite_e.hermegauss(NODES)
        self.shares = w / w.sum()
        lower, upper = family.eta_bounds
        with np.errstate(all="ignore"):
            etas = [np.clip(eta + sd * node, np.nextafter(lower, np.inf), np.nextafter(upper, -np.inf)) for node in z]
            self.mu = [family.link.mean(at).mu for at in etas]

    def cdf(self, y: FloatArray) -> FloatArray:
        """P(Y <= y), (n,)."""
        total = np.zeros(len(y))
        with np.errstate(all="ignore"):
            for share, mu in zip(self.shares, self.mu, strict=True):
                at = self.family.cdf(y, mu, self.weights, self.phi)
                assert at is not None
                total += share * at
        return total

    def quantile(self, p: float) -> FloatArray:
        """Smallest y with P(Y <= y) >= p."""
        if self.family.discrete:
            step = 1.0 / self.weights if self.family.weights_are_trials else np.ones(len(self.weights))
            first = 0.0 if self._has(0.0) else 1.0
            return step * self._integer(lambda k: self.cdf(step * k) >= p, first)
        return self._real(p)

    def _has(self, y: float) -> bool:
        return bool(self.family.support(np.full(1, y), np.ones(1)).all())

    def _integer(self, reached: Callable[[FloatArray], BoolArray], first: float) -> FloatArray:
        """Smallest k from `first` on where `reached`, by doubling and halving."""
        low = np.full(len(self.weights), first - 1.0)
        width = np.ones_like(low)
        for _ in range(DOUBLINGS):
            short = ~reached(self._limited(low + width)) & (low + width < self._most)
            if not short.any():
                break
            low, width = np.where(short, low + width, low), np.where(short, 2.0 * width, width)
        high = self._limited(low + width)
        while (wide := high - low > 1.0).any():
            middle = np.floor(0.5 * (low + high))
            there = reached(middle)
            high, low = np.where(wide & there, middle, high), np.where(wide & ~there, middle, low)
        return high

    @property
    def _most(self) -> FloatArray | float:
        return self.weights if self.family.weights_are_trials else np.inf

    def _limited(self, k: FloatArray) -> FloatArray:
        return np.minimum(k, self._most)

    def _real(self, p: float) -> FloatArray:
        """By halving an interval that holds the quantile: all of (0, 1), or one that grows from the mean."""
        low, high = np.zeros(len(self.weights)), np.ones(len(self.weights))
        below_zero = self._has(-1.0)
        if below_zero or self._has(2.0):
            high = self._away(1.0, lambda y: ~(self.cdf(y) < p))
        if below_zero:
            low = self._away(-1.0, lambda y: ~(self.cdf(y) > p))
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            there = self.cdf(middle) >= p
            high, low = np.where(there, middle, high), np.where(there, low, middle)
        return high

    def _away(self, sign: float, enough: Callable[[FloatArray], BoolArray]) -> FloatArray:
        """The mean plus or minus itself, doubled until it is enough."""
        mean = np.asarray(sum(share * mu for share, mu in zip(self.shares, self.mu, strict=True)))
        width = np.maximum(np.abs(mean), 1e-8)
        for _ in range(DOUBLINGS):
            there = enough(mean + sign * width)
            if there.all():
                break
            width = np.where(there, width, 2.0 * width)
        return np.asarray(mean + sign * width)
