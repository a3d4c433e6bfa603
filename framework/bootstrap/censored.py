"""Censored responses drawn again: times from the model, and times of censoring as those of the data.

The conditional bootstrap (Davison & Hinkley 1997, Bootstrap Methods and their Application, algorithm 3.1,
doi 10.1017/CBO9780511802843). Where a row was censored, when is known; where it was observed, censoring would have come
later, and its time is drawn from the Kaplan-Meier estimate of these times, given that it is later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.censoring import ends, is_observed
from ..contracts.errors import InputError, RanefError
from ..design.censored import Surv
from ..design.reading import rows_text
from ..estimation.model import Fit, Model
from ..prediction.simulate import simulate


@dataclass(frozen=True, eq=False)
class TimesOfCensoring:
    """Distribution of the times at which rows are censored.

    Parameters
    ----------
    y : (n, 2) array
        Responses that are observed, or censored from the right.
    times, after : (m,) arrays
        Times of censoring in their order, and the probability that it comes later than each.
    """

    y: FloatArray
    times: FloatArray
    after: FloatArray

    @classmethod
    def of(cls, y: FloatArray, weights: FloatArray) -> TimesOfCensoring:
        """The Kaplan-Meier estimate; events come before censoring at the same time.

        Raises
        ------
        InputError
            For responses that are censored otherwise.

        Examples
        --------
        >>> import numpy as np
        >>> y = np.array([[1.0, 1.0], [2.0, np.inf], [3.0, 3.0], [4.0, np.inf]])
        >>> TimesOfCensoring.of(y, np.ones(4)).after.round(3).tolist()
        [0.667, 0.0]
        """
        known = is_observed(y)
        lower, upper = ends(y)
        if (other := ~known & (upper < np.inf)).any():
            raise InputError(
                f"y is censored from the left, or lies in intervals, in {rows_text(other)}: nothing says how responses "
                "that are drawn would be. Use type='cases'"
            )
        times = np.unique(lower[~known])
        censored = np.bincount(np.searchsorted(times, lower[~known]), weights[~known], minlength=len(times))
        at_risk = np.array([weights[(lower > c) | ((lower == c) & ~known)].sum() for c in times])
        return cls(y, times, np.cumprod(1.0 - censored / at_risk))

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """A time of censoring of every row, (n,); inf where it is later than all that were seen."""
        lower, _ = ends(self.y)
        before = np.concatenate([[1.0], self.after])[np.searchsorted(self.times, lower, side="left")]
        u = before * rng.random(len(lower))
        place = np.searchsorted(-self.after, -u, side="left")  # the first time after which less than u is left
        return np.where(is_observed(self.y), np.append(self.times, np.inf)[place], lower)


@dataclass(frozen=True, eq=False)
class CensoredParametric:
    """From the model at its estimates, censored as the data are.

    Parameters
    ----------
    fit : Fit
    random : {"new", "conditional"}
        Draw random effects, or take the conditional modes.
    censoring : TimesOfCensoring
    """

    fit: Fit
    random: str
    censoring: TimesOfCensoring

    @classmethod
    def of(cls, fit: Fit, random: str) -> CensoredParametric:
        """Of a fit to censored responses.

        Raises
        ------
        InputError
            For responses that are censored from the left, or lie in intervals.
        """
        design = fit.model.design
        weights = np.ones(design.n) if design.weights is None else design.weights
        return cls(fit, random, TimesOfCensoring.of(design.y, weights))

    def models(self, rng: np.random.Generator, skip: int, count: int) -> Iterator[Model[Any] | str]:
        """The model of each of these."""
        for j in range(skip + count):
            (y,) = simulate(self.fit, 1, rng, random=self.random, newdata=None, theta_uncertainty=False).T
            limit = self.censoring.draw(rng)
            if j < skip:
                continue
            seen = np.column_stack([np.minimum(y, limit), np.where(y <= limit, y, np.inf)])
            try:
                yield self.fit.model.with_response(Surv.of_ends(seen))
            except RanefError as error:
                yield str(error)


__all__ = ["CensoredParametric", "TimesOfCensoring"]
