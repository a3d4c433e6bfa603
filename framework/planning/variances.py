"""Tests of random effects in simulations: likelihood ratios, and the mixture that they follow at a variance of zero."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.mixed import MixedDesign
from ..design.reduced import without_effects
from ..estimation.linear import Gaussian
from ..estimation.parameters import Parameters
from ..inference.variance_tests import Reduction, criteria_of_regressions, mixture_p_values, reductions
from ..many.estimates import Estimates
from ..many.fitting import Task
from .planned import Planned


@dataclass(frozen=True, eq=False)
class Regressions:
    """Log-likelihoods of the linear model that has no random effects any more.

    Parameters
    ----------
    design : MixedDesign
        Of the model that has them.
    reml : bool
    """

    design: MixedDesign
    reml: bool

    def __call__(self, Y: FloatArray) -> Estimates:
        """Of every column of Y (n, m)."""
        out = Estimates.empty(Y.shape[1], p=0, c=0, d=0, s=0)
        out.log_likelihood[:] = -0.5 * criteria_of_regressions(self.design, Y, self.reml)
        out.converged[:] = True
        return out


@dataclass(frozen=True)
class Mixture:
    """Half of chi-squared on df - 1, and half on df."""

    df: int

    def __call__(self, statistics: FloatArray) -> FloatArray:
        """Upper tails; NaN stays."""
        return np.where(np.isnan(statistics), np.nan, mixture_p_values(statistics, self.df))


@dataclass(frozen=True)
class InTable:
    """The p-value of a row of `ranova`."""

    name: str

    def __call__(self, solution: Any) -> float:
        """By the mixture."""
        table = solution.ranova()
        return float(table["p_mixture"][table["term"].tolist().index(self.name)])


def named_variance(plan: Planned, test: Any) -> Reduction | None:
    """What of the random effects is left out; None where the test is another one.

    Raises
    ------
    InputError
        For random effects that there are not, or with several variances.
    """
    if not isinstance(test, str) or "|" not in test or test in plan.model.labels.fixed.names:
        return None
    plan.model.labels.refuse_residual("power of a test of random effects")
    groups = plan.model.labels.groups
    every = {r.name: r for whole in (True, False) for r in reductions(groups, plan.terms, whole=whole)}
    of_one = ", ".join(repr(name) for name, r in every.items() if r.one_variance) or "none"
    if test not in every:
        raise InputError(f"test: there are no random effects {shown(test)}; those of one variance are {of_one}")
    if not every[test].one_variance:
        raise InputError(
            f"test: {test} has several variances or a structure, for which the distribution depends on the data; those "
            f"of one variance are {of_one}"
        )
    return every[test]


def both_models(plan: Planned, left_out: Reduction, df: Any, method: Any) -> tuple[Any, Task, Mixture] | InTable:
    """Who fits the smaller and the larger model, and the distribution of their ratio; or the table that has all.

    Raises
    ------
    InputError, InputTypeError
        For degrees of freedom, and for Wald's test.
    """
    if df is not None:
        raise InputTypeError("df has no use in a test of random effects")
    if method == "wald":
        raise InputError("a variance of zero has no Wald test: method='lrt'")
    model = plan.model
    smaller = without_effects(model.design, left_out.group, left_out.term, left_out.columns)
    large = Task.make(model, plan.of, None)
    npar = len(Parameters(model.labels.groups, model.labels.residual))
    if smaller is not None:
        small = replace(model, rows=smaller, labels=smaller.labels)
        left = len(Parameters(small.labels.groups, small.labels.residual))
        return Task.make(small, plan.of, None), large, Mixture(npar - left)
    if isinstance(model.likelihood, Gaussian):
        return Regressions(model.design, model.likelihood.reml), large, Mixture(npar)
    return InTable(left_out.name)


__all__ = ["InTable", "both_models", "named_variance"]
