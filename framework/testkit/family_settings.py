"""What families are checked with: means, dispersion parameters, and data to go with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..contracts import Derivatives, DispersionParameter, Family
from ..contracts.arrays import FloatArray
from .check import leaves
from .links import means_within
from .measure import Measure, measure

#: Numbers of trials that families with trials are checked with.
TRIALS = np.array([1.0, 2.0, 7.0, 20.0])


@dataclass(frozen=True, eq=False)
class Setting:
    """Dispersion parameters, and rows with means, weights and responses to go with them."""

    family: Family
    phi: FloatArray
    means: FloatArray

    def __str__(self) -> str:
        return f"phi = {self.phi.tolist()}" if len(self.phi) else ""

    @cached_property
    def mu(self) -> FloatArray:
        """Every mean, with every number of trials where there are trials."""
        return np.repeat(self.means, len(TRIALS)) if self.family.weights_are_trials else self.means

    @cached_property
    def weights(self) -> FloatArray:
        """Numbers of trials, or ones."""
        return np.tile(TRIALS, len(self.means)) if self.family.weights_are_trials else np.ones_like(self.mu)

    @cached_property
    def measure(self) -> Measure:
        """The distributions of all rows, by density."""
        return measure(self.family, self.mu, self.weights, self.phi)

    @cached_property
    def moments(self) -> Derivatives:
        """`evaluate` at every point of the measure."""
        eta = self.family.link.link(self.mu)[self.measure.rows]
        return self.family.evaluate(self.measure.y, eta, self.weights[self.measure.rows], self.phi)

    @cached_property
    def sample(self) -> Sample:
        """A few rows of data, weighted."""
        rng, repeats = np.random.default_rng(5), 6
        mu, weights = np.tile(self.mu, repeats), np.tile(self.weights, repeats)
        y = self.family.sample(mu, weights, self.phi, rng)
        if not self.family.weights_are_trials:
            weights = rng.choice([0.5, 1.0, 3.0], len(mu))
        return Sample(self.family, y, mu, self.family.link.link(mu), weights, self.phi)


@dataclass(frozen=True, eq=False)
class Sample:
    """Responses, means, linear predictors, weights and dispersion parameters."""

    family: Family
    y: FloatArray
    mu: FloatArray
    eta: FloatArray
    weights: FloatArray
    phi: FloatArray

    def answers(self, family: Family | None = None) -> dict[str, Any]:
        """All that the family can be asked about the sample, by the name of the method."""
        f, y, mu, w, phi = family or self.family, self.y, self.mu, self.weights, self.phi
        f.check_response(y, w)
        return {
            "log_density": f.log_density(y, mu, w, phi),
            "variance": f.variance(mu, phi),
            "support": f.support(y, w),
            "sample": f.sample(mu, np.ceil(w), phi, np.random.default_rng(1)),
            "evaluate at order 2": f.evaluate(y, self.eta, w, phi, 2).d2,
            "evaluate": [x for x in leaves(f.evaluate(y, self.eta, w, phi, 3)) if x.dtype != object],
            "valid": f.valid(self.eta),
            "response_mean": f.response_mean(mu, phi),
            "response_variance": f.response_variance(mu, w, phi),
            "start_mean": f.start_mean(y, w),
            "start_dispersion": f.start_dispersion(y, mu, w),
            "saturated_mean": f.saturated_mean(y, w, phi),
            "deviance": f.deviance(y, mu, w, phi),
            "cdf": 0.0 if (cdf := f.cdf(y, mu, w, phi)) is None else cdf,
        }


@dataclass(frozen=True, eq=False)
class Checked:
    """A family, and what it is checked with."""

    family: Family
    given_means: ArrayLike | None
    given_phis: Sequence[ArrayLike] | None

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """Means that both the family and the link can have."""
        (low, high), (link_low, link_high) = self.family.mean_bounds, self.family.link.range
        return max(low, link_low), min(high, link_high)

    @cached_property
    def means(self) -> FloatArray:
        """Those that were given, or some inside the bounds."""
        if self.given_means is not None:
            return np.asarray(self.given_means, float)
        with np.errstate(all="ignore"):
            mu = means_within(*self.bounds)
            eta = self.family.link.link(mu)
        return mu[np.isfinite(eta)]

    @cached_property
    def settings(self) -> list[Setting]:
        """One for all dispersion parameters that were given; or two, or one where there are no such parameters."""
        phis: Sequence[ArrayLike]
        if self.given_phis is not None:
            phis = self.given_phis
        elif self.family.parameters:
            phis = [_dispersion(self.family, high) for high in (False, True)]
        else:
            phis = [np.empty(0)]
        return [Setting(self.family, np.asarray(phi, float), self.means) for phi in phis]


def _dispersion(family: Family, high: bool) -> FloatArray:
    """Dispersion parameters inside their bounds: smaller and larger than where estimation starts."""

    def inside(index: int, p: DispersionParameter) -> float:
        if p.fixed is not None:
            return p.fixed
        if np.isfinite(p.lower) and np.isfinite(p.upper):
            share = special.logit((p.start - p.lower) / (p.upper - p.lower)) + (0.8 if high else -0.8)
            return p.lower + (p.upper - p.lower) * float(special.expit(share))
        if np.isinf(p.lower) and np.isinf(p.upper):
            return p.start + (1.0 if high else -1.0)
        # a precision, shape or size much below 1 gives densities that are hard to integrate; so does a large dispersion
        factor = (2.0 if high else 0.3) if index == 0 and family.multiplicative_dispersion else (6.0 if high else 2.0)
        return (
            p.lower + factor * (p.start - p.lower) if np.isfinite(p.lower) else p.upper - factor * (p.upper - p.start)
        )

    return np.array([inside(j, p) for j, p in enumerate(family.parameters)])


def settings_of(f: Checked) -> list[Setting]:
    """The cases of laws that hold in every setting."""
    return f.settings


def dispersed(f: Checked) -> bool:
    """Whether a family has dispersion parameters."""
    return bool(f.family.parameters)
