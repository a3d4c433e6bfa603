"""The exponential distribution of times, some of them censored."""

from __future__ import annotations

import numpy as np

from ranef.contracts.arrays import FloatArray

from .location_scale import Standard
from .weibull import ExtremeTimes


class Exponential(ExtremeTimes):
    """Times with the constant hazard 1/mu; mu = E(y), Var(y) = mu^2.

    The Weibull distribution with shape 1. Responses may be censored (`ranef.Surv`).

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Exponential
    >>> one = np.ones(1)
    >>> Exponential().log_density(np.array([[3.0, np.inf]]), 2 * one, one, np.empty(0)).round(6).item()  # censored at 3
    -1.5
    """

    name = "exponential"

    def standard(self, phi: FloatArray) -> Standard:
        one, none = np.ones(()), np.zeros(())
        return one, none, none, none

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return mu**2

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        return np.asarray(mu * rng.standard_exponential(mu.shape))
