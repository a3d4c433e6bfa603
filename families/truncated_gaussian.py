"""The normal distribution of responses that are seen only between limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, InputError, Link
from ranef.contracts.arrays import BoolArray, FloatArray, real_number
from ranef.contracts.family import describe_rows

from .by_mean import ByMeanFamily
from .gaussian import Gaussian
from .normal_tail import NormalTail
from .special import decreasing_root

#: Nodes of the quadrature between two limits, exact to rounding where the density falls to e^-_FALL inside of them.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_FALL = 40.0
#: Standard deviations between all means and a limit (or widths of what is seen in one) at which a search has run away.
_RUNAWAY = 20.0
#: Rows whose nodes are held at once.
_AT_ONCE = 4096


class TruncatedGaussian(ByMeanFamily):
    """Normal responses with standard deviation sigma that were seen only between limits; mu is the mean *before* this.

    Nothing is known of responses beyond the limits, not even how many there were (for those of which that is known see
    `Tobit`). The mean of the response is `response_mean`, and `variance` that of what is seen.

    Parameters
    ----------
    link : str or Link, optional
        "identity" (default) or "log".
    lower, upper : float or None
        Limits; by default 0 and none.

    Raises
    ------
    InputError
        Without a limit, and for limits in the wrong order.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import TruncatedGaussian
    >>> TruncatedGaussian(lower=1.0).response_mean(np.ones(1), np.array([2.0])).round(6).item()  # 1 + 2 sqrt(2/pi)
    2.595769

    Notes
    -----
    An exponential family in (mu / sigma^2, -1 / (2 sigma^2)): with Z = (Y - mu) / sigma between the limits the scores
    are (z - E Z) / sigma by mu and (z^2 - E Z^2) / sigma by sigma, and their derivatives are cumulants of Z and Z^2
    (Johnson, Kotz & Balakrishnan 1994, *Continuous univariate distributions* 1, section 13.10). The log density is
    concave in mu.
    """

    name = "truncated_gaussian"
    links = ("identity", "log")
    mean_bounds = (-np.inf, np.inf)
    support_text = "numbers inside of the limits"

    def __init__(self, link: str | Link | None = None, lower: Any = 0.0, upper: Any = None) -> None:
        super().__init__(link)
        self.lower = None if lower is None else real_number(lower, "lower")
        self.upper = None if upper is None else real_number(upper, "upper")
        if np.isnan(self._limits).any():
            raise InputError(f"limits must be numbers; got lower={self._limits[0]:g}, upper={self._limits[1]:g}")
        if not np.isfinite(self._limits).any():
            raise InputError("give lower=, upper= or both: without limits it is the gaussian family")
        if not self._limits[0] < self._limits[1]:
            raise InputError(f"lower={self.lower:g} must lie below upper={self.upper:g}")

    @property
    def _limits(self) -> tuple[float, float]:
        return (-np.inf if self.lower is None else self.lower, np.inf if self.upper is None else self.upper)

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("sigma", start=1.0),)

    def _seen(self, mu: FloatArray, phi: FloatArray) -> _Seen:
        return _Seen.between(mu, phi[0], *self._limits)

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return weights * self._seen(mu, phi).log_density(y, phi[0])

    def by_mean(
        self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        sigma: FloatArray = phi[0]
        s = self._seen(mu, phi)
        far = (y - s.peak) / sigma
        residual = far - s.ahead  # z - E Z
        log_density = weights * s.log_density(y, sigma)
        information = weights * s.variance / np.square(sigma)
        if order == 2:
            return Derivatives(log_density, weights * residual / sigma, -information, information)
        cube = sigma * np.square(sigma)
        rise = weights * s.third / cube
        with_square = s.third + 2 * s.mean * s.variance  # Cov(Z, Z^2)
        of_squares = s.fourth - s.variance**2 + 2 * s.mean * s.third  # Cov((Z - E Z)^2, Z^2)
        information_phi = (weights * (of_squares - 4 * s.variance) / cube)[None]
        return Derivatives(
            log_density,
            weights * residual / sigma,
            -information,
            information,
            d3=-rise,
            expected_weight_eta=rise,
            phi1=(weights * (residual * (far + s.ahead + 2 * s.at) - s.variance) / sigma)[None],
            phi1_eta=(-weights * (2 * residual + with_square) / np.square(sigma))[None],
            phi1_eta2=-information_phi,
            expected_weight_phi=information_phi,
        )

    def response_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        s = self._seen(mu, phi)
        return np.asarray(s.peak + phi[0] * s.ahead)

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Variance of what is seen."""
        return np.asarray(np.square(phi[0]) * self._seen(mu, phi).variance)

    def latent_variance(self, mu: float, phi: FloatArray) -> float:
        """That of a normal response: mu and sigma are those before truncation."""
        return Gaussian(self.link).latent_variance(mu, np.square(phi))

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        lower, upper = self._limits
        return np.asarray(np.isfinite(y) & (y > lower) & (y < upper))

    def check_response(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError`, naming the rows, where y does not lie inside of the limits."""
        if len(bad := np.flatnonzero(~self.support(y, weights))):
            lower, upper = self._limits
            raise InputError(
                f"y: the {self.name} family has responses between its limits {lower:g} and {upper:g}, exclusive "
                f"(TruncatedGaussian(lower=, upper=)); found {describe_rows(y, bad)}. For responses that are known to "
                "lie at or beyond a limit use the tobit family"
            )

    def runaway(self, mu: FloatArray, phi: FloatArray) -> str:
        lower, upper = self._limits
        beyond = np.maximum(lower - mu, mu - upper) / phi[0]
        if beyond.min() < _RUNAWAY and np.min(phi[0]) < _RUNAWAY * (upper - lower):
            return ""
        return (
            "sigma grows without end, and means go away from the limits with it, towards exponential distributions of "
            "what is seen, since the responses fall off from a limit as steeply as these, or more so. Use the "
            "exponential or gamma family for their distance from the limit"
        )

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw by inversion, in logarithms of the tail in which the limits lie."""
        sigma: FloatArray = phi[0]
        lower, upper = self._limits
        low, high = (lower - mu) / sigma, (upper - mu) / sigma
        sign = np.where(low + high > 0, -1.0, 1.0)
        low, high = np.where(sign > 0, low, -high), np.where(sign > 0, high, -low)
        u = rng.random(mu.shape)
        with np.errstate(divide="ignore"):
            log_below = np.logaddexp(special.log_ndtr(low) + np.log1p(-u), special.log_ndtr(high) + np.log(u))
        y = mu + sign * sigma * special.ndtri_exp(log_below)
        return np.asarray(np.clip(y, np.nextafter(lower, np.inf), np.nextafter(upper, -np.inf)))

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        sigma: FloatArray = phi[0]
        lower, upper = self._limits
        whole = self._seen(mu, phi)
        if np.isinf(upper):
            above = _Seen.between(mu, sigma, y, upper)
            return np.asarray(-np.expm1(above.log_share(whole, sigma)))
        return np.asarray(np.exp(_Seen.between(mu, sigma, lower, y).log_share(whole, sigma)))

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        squares = float(np.average((y - mu) ** 2, weights=weights))  # mu is half-way from the average to y
        return np.array([2 * np.sqrt(squares) if squares > 0 else 1.0])

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Where the mean of what is seen is y: beyond a limit that y is near to."""
        sigma: FloatArray = phi[0]
        lower, upper = self._limits

        def residual(mu: FloatArray) -> tuple[FloatArray, FloatArray]:
            s = self._seen(mu, phi)
            return y - s.peak - sigma * s.ahead, -s.variance

        # what lies above x has a mean below x + 1 / x
        low = lower - np.square(sigma) / (y - lower) if np.isfinite(lower) else y
        high = upper + np.square(sigma) / (upper - y) if np.isfinite(upper) else y
        return decreasing_root(residual, low, high)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A standard normal variable Z = (Y - mu) / sigma between limits, measured from where its density is greatest."""

    #: Where that is: of Y, and of Z.
    peak: FloatArray
    at: FloatArray
    #: log of the integral of the density over its greatest value.
    log_mass: FloatArray
    #: E Z - at.
    ahead: FloatArray
    #: Of Z, as are the third cumulant and the fourth central moment.
    variance: FloatArray
    third: FloatArray
    fourth: FloatArray

    @classmethod
    def between(cls, mu: FloatArray, sigma: FloatArray, lower: FloatArray | float, upper: FloatArray | float) -> _Seen:
        """Between limits of Y, of which one may be infinite."""
        peak = np.clip(mu, lower, upper)
        at = (peak - mu) / sigma
        if np.all(np.isinf(upper)):
            return cls(peak, at, *_above((lower - mu) / sigma))
        if np.all(np.isinf(lower)):
            log_mass, ahead, variance, third, fourth = _above((mu - upper) / sigma)
            return cls(peak, at, log_mass, -ahead, variance, -third, fourth)
        first, last = (lower - peak) / sigma, (upper - peak) / sigma
        blocks = [slice(i, i + _AT_ONCE) for i in range(0, max(len(at), 1), _AT_ONCE)]
        parts = [_inside(at[rows], first[rows], last[rows]) for rows in blocks]
        return cls(peak, at, *np.concatenate(parts, axis=1))

    @property
    def mean(self) -> FloatArray:
        """E Z."""
        return self.at + self.ahead

    def log_density(self, y: FloatArray, sigma: FloatArray) -> FloatArray:
        """Of Y."""
        far = (y - self.peak) / sigma
        return np.asarray(-0.5 * far * (far + 2 * self.at) - np.log(sigma) - self.log_mass)

    def log_share(self, whole: _Seen, sigma: FloatArray) -> FloatArray:
        """log of the probability of this, as a part of another one's."""
        apart = (self.peak - whole.peak) / sigma
        return np.asarray(self.log_mass - whole.log_mass - 0.5 * apart * (self.at + whole.at))


def _above(x: FloatArray) -> tuple[FloatArray, ...]:
    """log mass, mean from the peak, variance, third and fourth central moments of Z > x."""
    tail = NormalTail.beyond(x)
    mills = np.sqrt(np.pi / 2) * special.erfcx(np.sqrt(0.5) * np.maximum(x, 0.0))
    log_mass = np.where(x > 0, np.log(mills), 0.5 * np.log(2 * np.pi) + special.log_ndtr(-x))
    fourth = 3 * tail.variance - tail.hazard * (tail.third + tail.excess**3)  # by parts
    return log_mass, np.minimum(tail.excess, tail.hazard), tail.variance, tail.third, fourth


def _inside(at: FloatArray, first: FloatArray, last: FloatArray) -> FloatArray:
    """The same of Z between at + first and at + last, by quadrature over what has mass: (5, n)."""
    reach = 2 * _FALL / (np.sqrt(at**2 + 2 * _FALL) + np.abs(at))
    first, last = np.maximum(first, -reach), np.minimum(last, reach)
    half = 0.5 * (last - first)
    t = (0.5 * (first + last))[:, None] + half[:, None] * _NODES
    mass = _WEIGHTS * np.exp(-t * (at[:, None] + 0.5 * t))
    total = mass.sum(axis=1)
    ahead = (mass * t).sum(axis=1) / total
    t -= ahead[:, None]
    moments = [ahead]
    mass *= t
    for _ in range(3):
        mass *= t
        moments.append(mass.sum(axis=1) / total)
    return np.array([np.log(half * total), *moments])
