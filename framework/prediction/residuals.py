"""Residuals of generalized models, by kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from scipy import special

from ..contracts.arrays import FloatArray
from ..contracts.censoring import ends, is_observed, observed
from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.family import Family

KINDS = ("response", "pearson", "deviance", "working", "quantile")


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses and what a model expects of them.

    Parameters
    ----------
    family : Family
    y : (n,) array, or (n, 2)
        Ends of what is known, where some are censored.
    eta : (n,) array
        Linear predictor.
    weights : (n,) array
        What multiplies log densities, or numbers of trials.
    phi : (r,) array
        Dispersion parameters.
    """

    family: Family
    y: FloatArray
    eta: FloatArray
    weights: FloatArray
    phi: FloatArray

    @cached_property
    def mu(self) -> FloatArray:
        """The link's mean."""
        with np.errstate(over="ignore"):
            return self.family.link.mean(self.eta).mu

    @cached_property
    def fitted(self) -> FloatArray:
        """Expected responses."""
        return np.array(self.family.response_mean(self.mu, self.phi))

    @cached_property
    def unit_deviances(self) -> FloatArray:
        """Squares of the deviance residuals."""
        return self.family.deviance(self.y, self.mu, self.weights, self.phi)

    @property
    def multiplicity(self) -> FloatArray | float:
        """How many observations a row stands for."""
        return 1.0 if self.family.weights_are_trials else self.weights

    def residuals(self, kind: Any, rng: np.random.Generator | int | None = None) -> FloatArray:
        """Residuals of one kind, (n,): see `GLMMSolution.residuals_of`.

        Raises
        ------
        InputError, InputTypeError
            For an unknown kind, quantile residuals of a family without a distribution function, or without `rng`.
        """
        if not isinstance(kind, str) or kind not in KINDS:
            raise InputError(f"kind must be one of {', '.join(KINDS)}; got {shown(kind)}")
        family = self.family
        response = observed(self.y) - self.fitted
        if kind == "response":
            return response
        if kind == "pearson":
            variance = family.response_variance(self.mu, self.weights, self.phi)
            if family.multiplicative_dispersion:
                variance = variance / self.phi[0]
            with np.errstate(divide="ignore", invalid="ignore"):  # where the mean is 0 or 1 to rounding
                pearson = response * np.sqrt(self.multiplicity / variance)
            return np.where(response == 0.0, 0.0, pearson)
        if kind == "deviance":
            return np.asarray(self._signs(response) * np.sqrt(np.maximum(self.unit_deviances, 0.0)))
        if kind == "working":
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                return np.asarray((observed(self.y) - self.mu) / family.link.mean(self.eta).mu_eta)
        return self._quantile(rng)

    def _signs(self, response: FloatArray) -> FloatArray:
        """Of the residuals; of a censored response the direction in which it is likelier."""
        if self.y.ndim == 1:
            return np.asarray(np.sign(response))
        best = self.family.saturated_mean(self.y, self.weights, self.phi)
        return np.where(is_observed(self.y), np.sign(response), np.sign(best - self.mu))

    def _quantile(self, rng: np.random.Generator | int | None) -> FloatArray:
        family = self.family
        below, above = ends(self.y)
        upper = family.cdf(above, self.mu, self.weights, self.phi)
        if upper is None:
            raise InputError(f"the {family.name} family gives no distribution function (cdf): no quantile residuals")
        if self.y.ndim == 2:
            if rng is None:
                raise InputError(
                    "quantile residuals of censored responses are randomized: pass rng, a Generator or a seed"
                )
            lower = family.cdf(below, self.mu, self.weights, self.phi)
            assert lower is not None
            upper = upper - generator(rng).uniform(size=len(upper)) * (upper - lower)
        elif family.discrete or family.atoms:
            if rng is None:
                raise InputError(
                    "quantile residuals of a discrete response are randomized: pass rng, a Generator or a seed"
                )
            probability = np.exp(family.log_density(self.y, self.mu, self.weights, self.phi) / self.multiplicity)
            steps = probability if family.discrete else np.where(np.isin(self.y, family.atoms), probability, 0.0)
            upper = upper - generator(rng).uniform(size=len(upper)) * steps
        tiny = np.finfo(float).tiny
        return np.asarray(special.ndtri(np.clip(upper, tiny, 1.0 - 1e-16)))


def generator(rng: Any) -> np.random.Generator:
    """The generator that was given, or a new one with that seed.

    Raises
    ------
    InputTypeError
        For anything else.
    """
    # Nothing else is left to default_rng, which ends the interpreter for some arrays.
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool) or not isinstance(rng, Integral) or rng < 0:
        raise InputTypeError(f"rng must be a Generator or a seed, an integer from 0 on; got {shown(rng)}")
    return np.random.default_rng(int(rng))
