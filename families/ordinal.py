"""Cumulative link models of ordered categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ranef.contracts import (
    Derivatives,
    DispersionParameter,
    InputError,
    InputTypeError,
    InR,
    Link,
    OrderedFamily,
)
from ranef.contracts.arrays import FloatArray
from ranef.contracts.errors import shown
from ranef.contracts.links import STANDARD, Identity

from .between import Between, Tails, log_difference
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
        with np.errstate(invalid="ignore"):  # of infinite spacings, to which no step is taken
            cells = Between.of(*_tails(self.noise, self.relative_thresholds(phi) - eta))
        p, n1, n2 = np.exp(cells.log_p), cells.n1, cells.n2
        d2 = n2 - n1**2
        log_density, first, second = (weights * _picked(part, y) for part in (cells.log_p, n1, d2))
        expected = weights * (p * n1**2).sum(axis=0)
        if order == 2:
            return Derivatives(log_density, first, second, expected)
        S, place = self.spacings, y.astype(np.intp)
        # by the threshold above each category, and by the one below, through which phi acts
        above, below = np.vstack([S, 0 * S[:1]])[place].T, np.vstack([0 * S[:1], S])[place].T
        ups, lows = _picked(cells.above, y), _picked(cells.below, y)
        m0, m1, m2 = (above * up - below * low for up, low in zip(ups, lows, strict=True))
        m1 = -m1
        n1_here, n2_here = _picked(n1, y), _picked(n2, y)
        return Derivatives(
            log_density,
            first,
            second,
            expected,
            d3=weights * (_picked(cells.n3, y) - 3 * n1_here * n2_here + 2 * n1_here**3),
            expected_weight_eta=weights * (p * n1 * (2 * n2 - n1**2)).sum(axis=0),
            phi1=weights * m0,
            phi1_eta=weights * (m1 - n1_here * m0),
            phi1_eta2=weights * (m2 - n2_here * m0 - 2 * n1_here * (m1 - n1_here * m0)),
            expected_weight_phi=weights * self._by_spacings(self._information_by_ends(cells)),
        )

    @staticmethod
    def _information_by_ends(cells: Between) -> FloatArray:
        """Derivatives of the information by each threshold, (K - 1, n): it is above one category and below the next."""
        p, n1 = np.exp(cells.log_p), cells.n1
        of_above = p * n1 * (-2 * cells.above[1] - n1 * cells.above[0])
        of_below = p * n1 * (2 * cells.below[1] + n1 * cells.below[0])
        return np.asarray(of_above[:-1] + of_below[1:])

    def _by_spacings(self, by_thresholds: FloatArray) -> FloatArray:
        """S' of derivatives by the thresholds (K - 1, n): each spacing moves all thresholds from it on."""
        of = self._steps
        out = np.zeros((of.shape[1], by_thresholds.shape[1]))
        if out.size:
            steps = np.cumsum(by_thresholds[:0:-1], axis=0)[::-1]  # the first threshold does not move
            np.add.at(out, of.argmax(axis=1), steps)
        return out

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


def _tails(noise: Link, x: FloatArray) -> tuple[Tails, Tails]:
    """Lower and upper ends of all categories, (K, n), of thresholds less eta (K - 1, n); the outer ones are open."""
    with np.errstate(over="ignore", invalid="ignore"):  # far out F is nothing to rounding, and has no derivatives
        inner = Tails.of(noise.log_mean(x))
    open_, none = np.zeros_like(x[:1]), np.zeros((3, *x[:1].shape))
    lower = Tails(
        np.concatenate([open_ - np.inf, inner.log_below]),
        np.concatenate([open_, inner.log_above]),
        np.concatenate([none, inner.over_below], axis=1),
        np.concatenate([none, inner.over_above], axis=1),
    )
    upper = Tails(
        np.concatenate([inner.log_below, open_]),
        np.concatenate([inner.log_above, open_ - np.inf]),
        np.concatenate([inner.over_below, none], axis=1),
        np.concatenate([inner.over_above, none], axis=1),
    )
    return lower, upper


def _log_probabilities(noise: Link, x: FloatArray) -> FloatArray:
    """log p of all categories at thresholds less eta, (K, n)."""
    return log_difference(*_tails(noise, x))[0]
