"""Contract of families of ordered categories: thresholds on the scale of the linear predictor.

The response is the place 0, 1, ..., K - 1 of a category among `categories`. Thresholds are counted from the first, so
that the linear predictor keeps its intercept, as in all other models: with an intercept b0 and spacings phi the
thresholds are S phi - b0, where S, `spacings`, has a first row of zeros.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import numpy as np

from .arrays import BoolArray, FloatArray
from .errors import InputError, InputTypeError, shown
from .family import Family, describe_rows
from .link import Link


class OrderedFamily(Family):
    """Distribution of an ordered category given mu = eta, the mean of what is behind it less the first threshold.

    A subclass gives `probabilities`, `spacings` and its parameters, and all that `Family` has by default; exact
    derivatives by `evaluate`. Categories that are not given are those of the data: the front ends make the family again
    by `of_categories`.

    Parameters
    ----------
    link : str, Link or None
        As of `Family`; its mean is eta.
    categories : sequence of str, optional
        Labels of the categories, the lowest first; None: those of the data.

    Raises
    ------
    InputError, InputTypeError
        For fewer than two categories, labels that are no text, or one that stands twice.
    """

    discrete = True
    mean_bounds = (-np.inf, np.inf)
    support_text = "places 0, ..., K - 1 of ordered categories"

    def __init__(self, link: str | Link | None = None, categories: Any = None) -> None:
        super().__init__(link)
        self.categories: tuple[str, ...] | None = None if categories is None else checked_categories(categories)

    @abstractmethod
    def of_categories(self, categories: tuple[str, ...]) -> Self:
        """The same family of these categories."""

    @property
    @abstractmethod
    def spacings(self) -> FloatArray:
        """S (K - 1, r): the thresholds less the first are S phi; its entries are not negative."""

    @abstractmethod
    def probabilities(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """P(y = k) for every category, (n, K)."""

    # What follows ---------------------------------------------------------------------------------------------------

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories.

        Raises
        ------
        InputError
            Where they are not known yet.
        """
        if self.categories is None:
            raise InputError(
                f"the categories of the {self.name} family are not known: a fit takes them from its response; "
                f"elsewhere give them, {type(self).__name__}(categories=['low', 'middle', 'high'])"
            )
        return self.categories

    @property
    def n_categories(self) -> int:
        """K."""
        return len(self.labels)

    @property
    def threshold_names(self) -> tuple[str, ...]:
        """``"low|middle"`` for the threshold between two categories."""
        return tuple(f"{a}|{b}" for a, b in zip(self.labels, self.labels[1:], strict=False))

    def relative_thresholds(self, phi: FloatArray) -> FloatArray:
        """Thresholds less the first, (K - 1, 1), or (K - 1, n) where phi differs from row to row."""
        S = self.spacings
        out = np.zeros((len(S), *(phi.shape[1:] or (1,))))
        for column, spacing in zip(S.T, phi, strict=True):  # no product of matrices, whose bits depend on the shape
            out = out + column[:, None] * spacing
        return out

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """Log probability of the category of each row, weighted, (n,)."""
        with np.errstate(divide="ignore"):
            log_p = np.log(self.probabilities(mu, phi))
        return np.asarray(weights * np.take_along_axis(log_p, y.astype(np.intp)[:, None], 1)[:, 0])

    def response_mean(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """E(y), the mean place of the category, counted from 0."""
        return np.asarray(self.probabilities(mu, phi) @ np.arange(self.n_categories, dtype=np.float64))

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        """Variance of the place of the category, (n,)."""
        places = np.arange(self.n_categories, dtype=np.float64)
        away = places - self.response_mean(mu, phi)[:, None]
        return np.asarray((self.probabilities(mu, phi) * away**2).sum(axis=1))

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        """Which responses are places of categories, (n,)."""
        return np.asarray((y >= 0) & (y < self.n_categories) & (y == np.floor(y)))

    def check_identified(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError` where a category has no response: its thresholds could lie anywhere, or at one place."""
        counts = np.bincount(y.astype(np.intp), minlength=self.n_categories)
        if empty := [label for label, count in zip(self.labels, counts, strict=True) if count == 0]:
            raise InputError(
                f"y: no response is in the categor{'y' if len(empty) == 1 else 'ies'} {', '.join(empty)}, so that the "
                "thresholds beside it are not identified: leave it out of the categories"
            )

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw a place for every mean, (n,)."""
        below = np.cumsum(self.probabilities(mu, phi), axis=1)[:, :-1]
        return np.asarray((rng.random(len(mu))[:, None] > below).sum(axis=1), np.float64)

    def cdf(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        """P(Y <= y), (n,)."""
        below = np.cumsum(self.probabilities(mu, phi), axis=1)
        below[:, -1] = 1.0
        place = np.clip(y, 0, self.n_categories - 1).astype(np.intp)
        return np.where(y < 0, 0.0, np.take_along_axis(below, place[:, None], 1)[:, 0])

    def check_response(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError`, naming the rows, where y is no place of a category."""
        bad = np.flatnonzero(~self.support(y, weights))
        if len(bad):
            raise InputError(
                f"y: the {self.name} family needs places of the {self.n_categories} categories, 0 to "
                f"{self.n_categories - 1}; found {describe_rows(y, bad)}"
            )


def checked_categories(categories: Any) -> tuple[str, ...]:
    """Labels of categories.

    Raises
    ------
    InputError, InputTypeError
        For fewer than two, labels that are no text, or one that stands twice.

    Examples
    --------
    >>> checked_categories(["low", "high"])
    ('low', 'high')
    """
    if isinstance(categories, str) or not all(isinstance(label, str) for label in categories):
        raise InputTypeError(f"categories must be a list of texts, the lowest first; got {shown(categories)}")
    labels = tuple(categories)
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise InputError(f"categories must be at least two, none of them twice; got {', '.join(labels) or 'none'}")
    return labels


__all__ = ["OrderedFamily", "checked_categories"]
