"""What families of proportions out of so many trials share."""

from __future__ import annotations

import numpy as np

from ranef.contracts import InputError
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.contracts.family import describe_rows

from .response_term import ResponseTermFamily
from .special import is_count, log_binomial

_HOW = "give weights = numbers of trials with y = successes / trials, or y as an (n, 2) array of successes and failures"


class ProportionFamily(ResponseTermFamily):
    """y is a proportion of successes, weights are the numbers of trials (1: a Bernoulli response)."""

    links = ("logit", "probit", "cloglog", "loglog", "cauchit", "log")
    mean_bounds = (0.0, 1.0)
    support_text = "proportions successes / trials, with weights = trials"
    discrete = True
    weights_are_trials = True

    @staticmethod
    def term(y: FloatArray, weights: FloatArray) -> FloatArray:
        """Logarithm of the binomial coefficient."""
        return log_binomial(weights, np.rint(weights * y))

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        successes = weights * y
        whole = np.abs(successes - np.rint(successes)) <= 1e-9 * np.maximum(weights, 1)
        return is_count(weights) & (weights > 0) & (y >= 0) & (y <= 1) & whole

    def check_response(self, y: FloatArray, weights: FloatArray) -> None:
        """Raise `InputError`, naming the rows, where y is no proportion of whole successes in whole trials."""
        outside = np.flatnonzero(~((y >= 0) & (y <= 1)))
        if len(outside):
            raise InputError(
                f"y: the {self.name} family needs proportions between 0 and 1 (or 0/1 responses); found "
                f"{describe_rows(y, outside)}. If y counts successes, {_HOW}"
            )
        broken = np.flatnonzero(~(is_count(weights) & (weights > 0)))
        if len(broken):
            raise InputError(
                f"weights: the {self.name} family takes them as numbers of trials, whole and positive; found "
                f"{describe_rows(weights, broken)}"
            )
        bad = np.flatnonzero(~self.support(y, weights))
        if len(bad) and np.all(weights == 1):
            raise InputError(
                f"y: without weights every {self.name} response is one trial, 0 or 1; found {describe_rows(y, bad)}. "
                f"If y holds proportions, {_HOW}"
            )
        if len(bad):
            raise InputError(
                f"y: weights * y must be whole numbers of successes; found weights * y = "
                f"{describe_rows(weights * y, bad)}. For the {self.name} family, {_HOW}"
            )
