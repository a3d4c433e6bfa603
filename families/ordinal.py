"""Cumulative link models of ordered categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ranef.contracts import (
    Derivatives,
    DispersionParameter,
    InputError,
    InputTypeError,
    InR,
    Link,
    LogMean,
    OrderedFamily,
)
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.errors import shown
from ranef.contracts.links import STANDARD, Identity

from .special import maximize

#: How thresholds may be spaced.
THRESHOLDS = ("flexible", "symmetric", "equidistant")


class Latent(Identity):
    """The identity, on the scale of a latent variable with noise of a standard link's distribution.

    Parameters
    ----------
    noise : Link, optional
        Its mean is the distribution function of the noise; `Ordinal` needs one.

    Examples
    --------
    >>> from ranef.families import Probit
    >>> from ranef.families.ordinal import Latent
    >>> Latent(Probit()).name
    'probit'
    """

    def __init__(self, noise: Link | None = None) -> None:
        if noise is not None and noise.range != (0.0, 1.0):
            raise InputError(f"the noise of a latent variable needs a link of probabilities; {noise.name} is none")
        self.noise = noise

    @property
    def name(self) -> str:  # type: ignore[override]
        """That of the noise's link."""
        return "latent" if self.noise is None else self.noise.name

    @property
    def latent_variance(self) -> float | None:  # type: ignore[override]
        """Variance of the noise."""
        return None if self.noise is None else self.noise.latent_variance


class Ordinal(OrderedFamily):
    """Ordered categories: P(y <= k) = F(threshold_k - X beta - Z b), a cumulative link mixed model.

    A latent variable with mean eta and noise of distribution F falls between two thresholds. y is the place 0, ...,
    K - 1 of the category. The first threshold is minus the intercept; the parameters are the spacings between one
    threshold and the next.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"}
        F is its mean: logistic (proportional odds), normal, ...
    thresholds : {"flexible", "symmetric", "equidistant"}
        Any; with spacings that mirror each other; or with one spacing.
    categories : sequence of str, optional
        Labels of the categories, the lowest first; None: those of the data.

    Raises
    ------
    InputError, InputTypeError
        For another link or spacing, or categories that are none.

    References
    ----------
    McCullagh (1980), Regression models for ordinal data, doi 10.1111/j.2517-6161.1980.tb01109.x.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.families import Ordinal
    >>> family = Ordinal("logit", categories=["low", "middle", "high"])
    >>> family.probabilities(np.zeros(1), np.array([2.0])).round(4).tolist()
    [[0.5, 0.3808, 0.1192]]
    """

    name = "ordinal"
    in_r = (InR("ordinal", "clmm"),)
    links = tuple(Latent(STANDARD[name]) for name in ("logit", "probit", "cloglog", "loglog", "cauchit"))

    def __init__(
        self,
        link: str | Link | None = None,
        thresholds: str = "flexible",
        categories: Sequence[str] | None = None,
    ) -> None:
        if isinstance(link, Link) and not isinstance(link, Latent):
            self.refuse_unfit(link.name)
            link = Latent(link)
        super().__init__(link, categories)
        if not isinstance(self.link, Latent) or self.link.noise is None:
            raise InputTypeError(f"link must be one of probabilities; got {shown(link)}")
        if thresholds not in THRESHOLDS:
            raise InputError(f"thresholds must be one of {', '.join(THRESHOLDS)}; got {shown(thresholds)}")
        self.thresholds = thresholds

    def of_categories(self, categories: tuple[str, ...]) -> Ordinal:
        return Ordinal(self.link, self.thresholds, categories)

    @property
    def noise(self) -> Link:
        """The link whose mean is F."""
        assert isinstance(self.link, Latent)
        assert self.link.noise is not None
        return self.link.noise

    @property
    def _steps(self) -> FloatArray:
        """Which parameter each step from a threshold to the next is, (K - 2, r) of zeros and ones."""
        m = self.n_categories - 2
        place = np.arange(m)
        of = {
            "flexible": place,
            "symmetric": np.minimum(place, place[::-1]),
            "equidistant": np.zeros(m, np.intp),
        }[self.thresholds]
        return np.asarray(of[:, None] == np.unique(of), np.float64)

    @property
    def spacings(self) -> FloatArray:
        """S (K - 1, r): the thresholds less the first are S phi."""
        steps = self._steps
        return np.vstack([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])

    @property
    def parameters(self) -> tuple[DispersionParameter, ...]:
        if self.categories is None:
            return ()
        if self.thresholds == "flexible":
            ends = zip(self.threshold_names, self.threshold_names[1:], strict=False)
            return tuple(DispersionParameter(f"{b} - {a}", start=1.0) for a, b in ends)
        r = self._steps.shape[1]
        return tuple(DispersionParameter("spacing" if r == 1 else f"spacing {j + 1}", start=1.0) for j in range(r))

    def probabilities(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return np.exp(_log_probabilities(self.noise, self.relative_thresholds(phi) - mu)).T

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        log_p = _log_probabilities(self.noise, self.relative_thresholds(phi) - mu)
        return weights * _picked(log_p, y)

    def evaluate(
        self,
        y: FloatArray,
        eta: FloatArray,
        weights: FloatArray,
        phi: FloatArray,
        order: Literal[2, 3] = 2,
    ) -> Derivatives:
        """Log density and derivatives at eta, exact; the expected weight is Fisher's information."""
        cells = _Cells.at(self.noise, self.relative_thresholds(phi) - eta)
        p, n1, n2 = np.exp(cells.log_p), cells.n1, cells.n2
        d2 = n2 - n1**2
        log_density, first, second = (weights * _picked(part, y) for part in (cells.log_p, n1, d2))
        expected = weights * (p * n1**2).sum(axis=0)
        if order == 2:
            return Derivatives(log_density, first, second, expected)
        S = self.spacings
        # by the threshold above each category, and by the one below, through which phi acts
        above, below = np.vstack([S, 0 * S[:1]]), np.vstack([0 * S[:1], S])

        def by_phi(of_above: FloatArray, of_below: FloatArray) -> FloatArray:
            """Derivatives by each spacing, (r, K, n)."""
            return above.T[:, :, None] * of_above + below.T[:, :, None] * of_below

        m0, m1, m2 = (by_phi(a, -b) for a, b in zip(cells.above, cells.below, strict=True))
        m1 = -m1
        return Derivatives(
            log_density,
            first,
            second,
            expected,
            d3=weights * _picked(cells.n3 - 3 * n1 * n2 + 2 * n1**3, y),
            expected_weight_eta=weights * (p * n1 * (2 * n2 - n1**2)).sum(axis=0),
            phi1=weights * _picked(m0, y),
            phi1_eta=weights * _picked(m1 - n1 * m0, y),
            phi1_eta2=weights * _picked(m2 - n2 * m0 - 2 * n1 * (m1 - n1 * m0), y),
            expected_weight_phi=weights * (p * n1 * (2 * m1 - n1 * m0)).sum(axis=1),
        )

    def saturated_mean(self, y: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Where a category is likeliest; without end of the lowest and the highest."""
        t, last = self.relative_thresholds(phi), self.n_categories - 1
        place = y.astype(np.intp)
        mean = np.where(place == 0, -np.inf, np.inf)
        some = np.flatnonzero((place > 0) & (place < last))
        if len(some):
            column = some if t.shape[1] > 1 else np.zeros_like(some)
            k = place[some]
            start = 0.5 * (t[k - 1, column] + t[k, column])
            own = phi[:, some] if phi.ndim == 2 else phi
            at = maximize(lambda eta: self.evaluate(y[some], eta, np.ones(len(some)), own, 2), start)
            mean[some] = at
        return mean

    def _shares(self, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Shares of the categories, none of them 0."""
        counts = np.bincount(y.astype(np.intp), weights=weights, minlength=self.n_categories)
        share = np.maximum(counts / counts.sum(), 0.5 / (len(y) + 1.0))
        return np.asarray(share / share.sum())

    def start_mean(self, y: FloatArray, weights: FloatArray) -> FloatArray:
        """Half-way from the mean of all, at which the categories have their shares, to the middle of the own one."""
        share = self._shares(y, weights)
        below = np.cumsum(share)
        return np.asarray(
            0.5 * self.noise.link(below - 0.5 * share)[y.astype(np.intp)] - self.noise.link(below[:1])[0], np.float64
        )

    def start_dispersion(self, y: FloatArray, mu: FloatArray, weights: FloatArray) -> FloatArray:
        """Spacings with which the categories have their shares; averages of those that are alike."""
        steps = self._steps
        spaced = np.diff(self.noise.link(np.cumsum(self._shares(y, weights))[:-1]))
        return np.asarray(steps.T @ spaced / steps.sum(axis=0), np.float64)

    def latent_variance(self, mu: float, phi: FloatArray) -> float:
        """Variance of the noise: pi^2/3 for the logit, 1 for the probit link; without end for the cauchit."""
        variance = self.link.latent_variance
        return np.inf if variance is None else variance


def _picked(cells: FloatArray, y: FloatArray) -> FloatArray:
    """Of (..., K, n) the category of each row, (..., n)."""
    place = y.astype(np.intp)
    return np.asarray(cells[..., place, np.arange(len(place))])


@dataclass(frozen=True, eq=False)
class _Cells:
    """All categories at all rows, (K, n): log p, and derivatives of p over p.

    n1, n2, n3 are by eta; `above` and `below`, (3, K, n), are f, f', f'' over p at the threshold above and below.
    """

    log_p: FloatArray
    n1: FloatArray
    n2: FloatArray
    n3: FloatArray
    above: FloatArray
    below: FloatArray

    @classmethod
    def at(cls, noise: Link, x: FloatArray) -> _Cells:
        """At thresholds less eta, (K - 1, n)."""
        log = noise.log_mean(x)
        log_p, gap, rest, lower = _differences(log)
        with np.errstate(invalid="ignore", divide="ignore"):
            of_larger, of_smaller = 1 / rest, np.exp(gap) / rest
        low = _over(log.log_mu1, log.log_mu2, log.log_mu3)
        up = -_over(log.log_complement1, log.log_complement2, log.log_complement3)
        none = np.zeros_like(low[:, :1])
        low_above, up_above = np.concatenate([low, none], axis=1), np.concatenate([up, none], axis=1)
        low_below, up_below = np.concatenate([none, low], axis=1), np.concatenate([none, up], axis=1)
        above = np.where(lower, low_above * of_larger, up_above * of_smaller)
        below = np.where(lower, low_below * of_smaller, up_below * of_larger)
        n1, n2, n3 = np.array([-1.0, 1.0, -1.0])[:, None, None] * (above - below)
        return cls(log_p, n1, n2, n3, above, below)


def _log_probabilities(noise: Link, x: FloatArray) -> FloatArray:
    """log p of all categories at thresholds less eta, (K, n)."""
    return _differences(noise.log_mean(x))[0]


def _differences(log: LogMean) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """log p, log of the ratio and 1 - ratio of the two parts of p, and where these are of the lower tail; (K, n).

    p = F(a) - F(b) is taken as a difference in the nearer tail, F(a) (1 - ratio) or (1 - F(b)) (1 - ratio), in
    logarithms: no digits are lost where F is nearly 1 at both ends.
    """
    none, all_ = np.full_like(log.log_mu[:1], -np.inf), np.zeros_like(log.log_mu[:1])
    low_a, low_b = np.vstack([log.log_mu, all_]), np.vstack([none, log.log_mu])
    up_a, up_b = np.vstack([log.log_complement, none]), np.vstack([all_, log.log_complement])
    lower = low_a < up_b
    larger, smaller = np.where(lower, low_a, up_b), np.where(lower, low_b, up_a)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = smaller - larger
        rest = -np.expm1(gap)
        return larger + np.log(rest), gap, rest, lower


def _over(v1: FloatArray, v2: FloatArray, v3: FloatArray) -> FloatArray:
    """Three derivatives of a function over it, from those of its logarithm."""
    return np.array([v1, v2 + v1**2, v3 + 3 * v1 * v2 + v1**3])
