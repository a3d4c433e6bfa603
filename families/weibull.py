"""The Weibull distribution of times, some of them censored."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
from scipy import special

from ranef.contracts import DispersionParameter, Link
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.censoring import ends
from ranef.contracts.links import CLogLog

from .location_scale import LocationScaleFamily, Standard
from .special import raised


class PositiveTimes(LocationScaleFamily):
    """Times of which the logarithm has a distribution of location and scale."""

    links = ("log", "identity")
    support_text = "positive times, or bounds of such (Surv)"

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        lower, upper = ends(y)
        if y.ndim == 1:
            return np.asarray(np.isfinite(y) & (y > 0))
        with np.errstate(invalid="ignore"):
            open_ = ((lower >= 0) | (lower == -np.inf)) & (lower < upper) & ~((lower <= 0) & (upper == np.inf))
        return np.asarray(np.where(lower == upper, np.isfinite(lower) & (lower > 0), open_ & (upper > 0)))

    def guess(self, y: FloatArray) -> FloatArray:
        """A time for each row; half of the upper end where there is no lower one."""
        lower, upper = ends(y)
        return super().guess(np.column_stack([np.maximum(lower, 0.0), upper])) if y.ndim == 2 else y


class ExtremeTimes(PositiveTimes):
    """Times of which the logarithm has an extreme value distribution."""

    noise: Link = CLogLog()

    def log_noise(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        with np.errstate(over="ignore"):
            e = np.exp(x)
        return x - e, 1 - e, -e, -e

    def likeliest(self, width: FloatArray) -> FloatArray:
        return np.asarray(np.log(width / np.expm1(width)))


class Weibull(ExtremeTimes):
    """Times with the hazard shape/scale (t/scale)^(shape - 1); mu = E(y) = scale Gamma(1 + 1/shape).

    The hazard grows with time where shape > 1. Effects multiply times (accelerated failure) and hazards (proportional
    hazards) alike: with the log link a coefficient beta of the mean is -shape beta of the logarithm of the hazard.
    Responses may be censored (`ranef.Surv`).

    Parameters
    ----------
    link : str or Link, optional
        "log" or "identity".
    shape : float, optional
        A given shape, which is then not estimated.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Weibull
    >>> one = np.ones(1)
    >>> Weibull().log_density(2 * one, one, one, one).item()  # the exponential distribution
    -2.0
    >>> Weibull().log_density(np.array([[2.0, np.inf]]), one, one, one).item()  # censored at 2
    -2.0

    References
    ----------
    Kalbfleisch & Prentice (2002), The Statistical Analysis of Failure Time Data, doi 10.1002/9781118032985.
    """

    name = "weibull"

    def __init__(self, link: str | Link | None = None, shape: Any = None) -> None:
        super().__init__(link)
        self.shape = None if shape is None else DispersionParameter("shape", start=1.0, fixed=shape).fixed

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("shape", start=1.0, fixed=self.shape),)

    def standard(self, phi: FloatArray) -> Standard:
        k: FloatArray = phi[0]
        one: FloatArray = np.ones_like(k)
        return k, special.gammaln(1 + 1 / k), one, -special.digamma(1 + 1 / k) / np.square(k)

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        k: FloatArray = phi[0]
        excess: FloatArray = np.expm1(special.gammaln(1 + 2 / k) - 2 * special.gammaln(1 + 1 / k))
        return mu**2 * excess

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        k: FloatArray = phi[0]
        scale: FloatArray = np.exp(-special.gammaln(1 + 1 / k))
        return np.asarray(mu * scale * raised(rng.standard_exponential(mu.shape), 1 / k))

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        if self.shape is not None:
            return np.array([self.shape])
        logs = np.log(self.guess(y) / mu)
        spread = float(np.sqrt(np.average((logs - np.average(logs, weights=weights)) ** 2, weights=weights)))
        return np.array([pi / (sqrt(6) * 2 * spread) if spread > 0 else 1.0])


__all__ = ["ExtremeTimes", "PositiveTimes", "Weibull"]
