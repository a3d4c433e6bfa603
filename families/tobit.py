"""The normal distribution of responses that are censored, at limits or as they say."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import special

from ranef.contracts import Derivatives, DispersionParameter, InputError, Link
from ranef.contracts.arrays import BoolArray, FloatArray, real_number
from ranef.contracts.censoring import ends
from ranef.contracts.family import describe_rows
from ranef.contracts.links import Probit

from .location_scale import LocationScaleFamily, Standard


class Tobit(LocationScaleFamily):
    """Normal responses with standard deviation sigma, censored at limits (Tobin 1958); mu is the mean behind.

    A response at a limit is known to be no larger (`left`), or no smaller (`right`), than it. What is observed has the
    mean `response_mean`. Without limits responses may be censored each at its own place (`ranef.Surv`).

    Parameters
    ----------
    link : str or Link, optional
        "identity".
    left, right : float or None
        Limits; by default 0 and none.

    Raises
    ------
    InputError
        For limits in the wrong order.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Tobit
    >>> one = np.ones(1)
    >>> Tobit().log_density(0 * one, 0 * one, one, one).round(6).item()  # log(1/2)
    -0.693147

    References
    ----------
    Tobin (1958), Estimation of relationships for limited dependent variables, doi 10.2307/1907382.
    """

    name = "tobit"
    mean_bounds = (-np.inf, np.inf)
    links = ("identity",)
    support_text = "numbers within the limits"
    logarithmic = False
    noise: Link = Probit()

    def __init__(self, link: str | Link | None = None, left: Any = 0.0, right: Any = None) -> None:
        super().__init__(link)
        self.left = None if left is None else real_number(left, "left")
        self.right = None if right is None else real_number(right, "right")
        if not self._limits[0] < self._limits[1]:
            raise InputError(f"left={self.left:g} must lie below right={self.right:g}")

    @property
    def _limits(self) -> tuple[float, float]:
        return (-np.inf if self.left is None else self.left, np.inf if self.right is None else self.right)

    @property
    def atoms(self) -> tuple[float, ...]:  # type: ignore[override]
        """The limits."""
        return tuple(limit for limit in self._limits if np.isfinite(limit))

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        return (DispersionParameter("sigma", start=1.0),)

    def known(self, y: FloatArray) -> FloatArray:
        if y.ndim == 2 or not self.atoms:
            return y
        left, right = self._limits
        return np.column_stack([np.where(y <= left, -np.inf, y), np.where(y >= right, np.inf, y)])

    def log_noise(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        return -0.5 * x**2 - 0.5 * np.log(2 * np.pi), -x, -np.ones_like(x), np.zeros_like(x)

    def standard(self, phi: FloatArray) -> Standard:
        sigma: FloatArray = phi[0]
        none: FloatArray = np.zeros_like(sigma)
        return 1 / sigma, none, -1 / np.square(sigma), none

    def by_location(
        self, y: FloatArray, t: FloatArray, weights: FloatArray, phi: FloatArray, order: Literal[2, 3]
    ) -> Derivatives:
        """... with Fisher's information, where the family says what is censored."""
        d = super().by_location(y, t, weights, phi, order)
        if not self.atoms:
            return d
        sigma: FloatArray = phi[0]
        left, right = self._limits
        low, high = (left - t) / sigma, (right - t) / sigma
        (g_low, g1_low), (g_high, g1_high) = _of_tail(low), _of_tail(-high)
        share = special.ndtr(high) - special.ndtr(low) + g_low + g_high
        by_low, by_high = g1_low - _normal(low), _normal(high) - g1_high
        scale = weights / np.square(sigma)
        parts = vars(d) | {"expected_weight": scale * share}
        if order == 3:
            moved = _times(low, by_low) + _times(high, by_high)
            parts["expected_weight_eta"] = -scale / sigma * (by_low + by_high)
            parts["expected_weight_phi"] = (-scale / sigma * (2 * share + moved))[None]
        return Derivatives(**parts)

    def _moments(self, mu: FloatArray, phi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """E and E of the square of (observed response - mu) / sigma."""
        sigma: FloatArray = phi[0]
        left, right = self._limits
        low, high = (left - mu) / sigma, (right - mu) / sigma
        below, above = special.ndtr(low), special.ndtr(-high)
        first = _times(low, below) + _times(high, above) + _normal(low) - _normal(high)
        inner = special.ndtr(high) - special.ndtr(low) + _times(low, _normal(low)) - _times(high, _normal(high))
        return first, inner + _times(low, _times(low, below)) + _times(high, _times(high, above))

    def response_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """E(y) of what is observed: limits included."""
        return np.asarray(mu + phi[0] * self._moments(mu, phi)[0]) if self.atoms else mu

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        first, second = self._moments(mu, phi)
        return np.asarray(np.square(phi[0]) * (second - first**2))

    def latent_variance(self, mu: float, phi: FloatArray) -> float:
        """sigma^2, that of what is behind."""
        return float(np.mean(np.square(phi[0])))

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        left, right = self._limits
        if y.ndim == 2:
            lower, upper = ends(y)
            return np.asarray(np.isfinite(lower) | np.isfinite(upper))
        return np.asarray(np.isfinite(y) & (y >= left) & (y <= right))

    def check_response(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError`, naming the rows, where y lies beyond a limit."""
        if y.ndim == 2 and self.atoms:
            raise InputError(
                f"y says itself which responses are censored (Surv), and the family has limits ({self!r}): use "
                "Tobit(left=None)"
            )
        if len(bad := np.flatnonzero(~self.support(y, weights))):
            left, right = self._limits
            raise InputError(
                f"y: the {self.name} family has the limits {left:g} and {right:g} (Tobit(left=, right=)); found "
                f"{describe_rows(y, bad)}"
            )

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw what is observed, (n,)."""
        return np.asarray(np.clip(mu + phi[0] * rng.standard_normal(mu.shape), *self._limits))

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        left, right = self._limits
        below = super().cdf(y, mu, weights, phi)
        return np.where(y >= right, 1.0, np.where(y < left, 0.0, below)) if self.atoms else below

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        squares = float(np.average((self.guess(y) - mu) ** 2, weights=weights))
        return np.array([2 * np.sqrt(squares) if squares > 0 else 1.0])


def _normal(x: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi))


def _times(x: FloatArray, small: FloatArray) -> FloatArray:
    """x times what vanishes faster where x is infinite."""
    return np.asarray(np.where(np.isfinite(x), np.where(np.isfinite(x), x, 0.0) * small, 0.0))


def _of_tail(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Information about the mean in a response of which is known that it lies below x, times P; and its derivative."""
    x = np.where(np.isfinite(x), x, np.where(x > 0, 40.0, -40.0))  # nothing is left there
    log_below: FloatArray = special.log_ndtr(x)
    ratio = np.exp(-0.5 * x**2 - 0.5 * np.log(2 * np.pi) - log_below)
    f = _normal(x)
    return f * (ratio + x), -x * f * (ratio + x) + f * (1 - ratio * (x + ratio))
