"""Many responses of one model: all at once, and one by one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..contracts import RanefError
from ..contracts.arrays import FloatArray
from .methods import Method, Plugins
from .model import Prepared, Workload

#: Responses are drawn from the fit to the case's own, with this seed.
SEED = 1


@dataclass(frozen=True)
class ManyResponses(Method):
    """Ranef on responses that are drawn from the model."""

    peer = ""
    plugins: Plugins
    responses: int
    at_once: bool

    @property
    def label(self) -> str:
        """What tables show."""
        return f"{self.plugins.label}, {self.responses} {'at once' if self.at_once else 'one by one'}"

    def prepare(self, model: Workload) -> Prepared:
        """The model fitted once, and the responses."""
        fit = model.fit(self.plugins.backend, self.plugins.optimizer)
        Y = fit.simulate(self.responses, rng=SEED)
        refits = partial(_log_likelihoods, fit, Y, self.at_once)
        return Prepared(refits, lambda log_likelihoods: -2.0 * float(np.nansum(log_likelihoods)))

    def refuse(self, model: Workload) -> None:
        """As single fits are."""
        self.plugins.refuse(model)

    def details(self, model: Workload, found: FloatArray, n_fits: int) -> dict[str, Any]:
        """How many responses there are, and how many of them have a fit."""
        return {"responses": self.responses, "fitted": int(np.isfinite(found).sum())}


def _log_likelihoods(fit: Any, Y: FloatArray, at_once: bool) -> FloatArray:
    """Of all responses, NaN where one has no fit; warnings are left out, as of single fits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array(fit.refit_many(Y).log_likelihood if at_once else [_log_likelihood(fit, y) for y in Y.T])


def _log_likelihood(fit: Any, y: FloatArray) -> float:
    try:
        return float(fit.refit(y).log_likelihood)
    except RanefError:
        return np.nan


def many(methods: Sequence[Method], responses: int) -> list[Method]:
    """Every method on many responses, both ways."""
    plugins = [method for method in methods if isinstance(method, Plugins)]
    return [ManyResponses(method, responses, at_once) for method in plugins for at_once in (True, False)]
