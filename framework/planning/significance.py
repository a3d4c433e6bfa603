"""Tests of a block of simulated responses: p-values, by many fits at once as far as the test allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.special import stdtr as t_cdf

from ..bootstrap.lrt import likelihood_ratios
from ..bootstrap.schemes import Scheme
from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import InputError, InputTypeError, RanefError, shown
from ..estimation.linear import Gaussian
from ..estimation.model import Fit, Model
from ..inference.contrasts import METHODS as DF
from ..inference.distributions import chi2_sf
from ..inference.hypotheses import Hypotheses, hypotheses
from ..inference.refits import restricted_design
from ..inference.term_rows import TermRows
from ..many.estimates import Estimates
from ..many.fitting import Task
from ..many.one_by_one import Of
from ..threads import few_threads
from .planned import Planned
from .variances import InTable, both_models, named_variance

METHODS = ("wald", "lrt")


@dataclass(frozen=True, eq=False)
class Tested:
    """P-values of a block, NaN where there are none, and why, (m,)."""

    p_values: FloatArray
    reason: AnyArray


#: From a solution to a p-value.
PValue = Callable[[Any], Any]
#: From responses (n, m) to their estimates.
Fits = Callable[[FloatArray], Estimates]


@dataclass(frozen=True, eq=False)
class ByContrast:
    """t- or z-test of one linear combination of the coefficients.

    Satterthwaite's degrees of freedom take a fit of its own for each response. A statistic that does not reach the
    normal quantile is significant with no degrees of freedom at all, so that these are left out: their p-value is that
    of z, which is above alpha, and the true one is above it.

    Parameters
    ----------
    plan : Planned
    task : Task
    H : Hypotheses
    df : str
    alpha : float
    """

    plan: Planned
    task: Task
    H: Hypotheses
    df: str
    alpha: float

    def __call__(self, rng: np.random.Generator, skip: int, count: int) -> Tested:
        """Draw, fit and test."""
        Y = self.plan.responses(rng, skip, count)
        found = self.task(Y)
        reason = np.where(found.converged, "", np.where(found.reason == "", "not converged", found.reason))
        with np.errstate(invalid="ignore", divide="ignore"):
            t = np.abs(found.contrasts[:, 0] - self.H.rhs[0]) / found.contrasts_se[:, 0]
        unknown = (reason == "") & ~np.isfinite(t)
        reason = np.where(unknown, "the data do not determine the effect or its standard error", reason).astype(object)
        rank, n = self.plan.model.labels.fixed.rank, self.plan.model.labels.n
        df = float(n - rank) if self.df == "residual" else np.inf
        p = np.where(reason == "", 2.0 * t_cdf(df, -t), np.nan)
        if self.df == "satterthwaite":
            again = np.flatnonzero(t > -ndtri(0.5 * self.alpha))
            work = BySolution(self.plan, self.plan.of, self._p_value)
            for j in again[reason[again] == ""]:
                p[j], reason[j] = work.tested(self.plan.model.with_response(Y[:, j]))
        return Tested(p, reason)

    def _p_value(self, solution: Any) -> float:
        return float(solution.contrast(self.H.L, self.df, rhs=self.H.rhs)["p_value"][0])


@dataclass(frozen=True, eq=False)
class BySolution:
    """Any p-value of a solution, one fit after the other."""

    scheme: Scheme
    of: Of
    p_value: PValue

    def __call__(self, rng: np.random.Generator, skip: int, count: int) -> Tested:
        """Draw, fit and test."""
        models = self.scheme.models(rng, skip, count)
        found = [(np.nan, m) if isinstance(m, str) else self.tested(m) for m in models]
        p, reason = zip(*found, strict=True)
        reasons = np.empty(count, dtype=object)
        reasons[:] = reason
        return Tested(np.array(p, dtype=np.float64), reasons)

    def tested(self, model: Model[Any]) -> tuple[float, str]:
        """The p-value, and why there is none."""
        try:
            with few_threads(*model.labels.dense_sizes):
                fit: Fit = model.fit()
                if not fit.certificate.converged:
                    return np.nan, fit.certificate.message or "not converged"
                p = float(self.p_value(self.of(fit)))
        except (RanefError, np.linalg.LinAlgError, ArithmeticError) as error:
            return np.nan, str(error) or type(error).__name__
        except Exception as error:  # a function of the user's
            return np.nan, f"{type(error).__name__}: {error}"
        return (p, "") if 0.0 <= p <= 1.0 else (np.nan, f"the p-value is {p}")


@dataclass(frozen=True, eq=False)
class ByRatio:
    """Likelihood ratio test.

    Parameters
    ----------
    plan : Planned
    small, large : callable
        From responses to the estimates of the two models.
    tail : callable
        From statistics to p-values.
    """

    plan: Planned
    small: Fits
    large: Fits
    tail: Callable[[FloatArray], FloatArray]

    def __call__(self, rng: np.random.Generator, skip: int, count: int) -> Tested:
        """Draw, fit both models and test."""
        Y = self.plan.responses(rng, skip, count)
        ratios = likelihood_ratios(self.small(Y), self.large(Y), 0.0, ("", ""))
        return Tested(self.tail(ratios.values), ratios.reason)


Test = ByContrast | BySolution | ByRatio


def chosen_test(plan: Planned, test: Any, df: Any, method: Any, alpha: float) -> tuple[Test, str, bool]:
    """The test that is asked for, in words, and whether many fits at once do it.

    Raises
    ------
    InputError, InputTypeError
        For coefficients, methods or degrees of freedom that there are not, or that do not go together.
    """
    if method is not None and method not in METHODS:
        raise InputError(f"method must be 'wald' or 'lrt'; got {shown(method)}")
    if callable(test):
        if df is not None or method is not None:
            raise InputTypeError("a test that is a function gives the p-value itself: df and method have no use")
        return BySolution(plan, plan.of, test), getattr(test, "__name__", "a function"), False
    if (left_out := named_variance(plan, test)) is not None:
        words = f"likelihood ratio test of {left_out.name}"
        found = both_models(plan, left_out, df, method)
        if isinstance(found, InTable):
            return BySolution(plan, plan.of, found), words, False
        return ByRatio(plan, *found), words, True
    fixed = plan.model.labels.fixed
    given = {test: {test: 1.0}} if isinstance(test, str) and test in fixed.names else test
    named = TermRows(fixed, plan.terms)
    H = hypotheses(given, fixed.names, terms=named)
    if not fixed.estimable(H.L).all():
        raise InputError(f"test: X does not determine {', '.join(H.names)}")
    words = ", ".join(f"{name} = {rhs:g}" if "=" not in name else name
                      for name, rhs in zip(H.names, H.rhs.tolist(), strict=True))  # fmt: skip
    if isinstance(test, str) and test in named.names:
        words = test
    if method == "lrt":
        return _ratio(plan, H, df), f"likelihood ratio test of {words}", True
    linear = plan.family is None
    df = ("satterthwaite" if linear else "asymptotic") if df is None else df
    if df not in DF:
        raise InputError(f"df must be one of {', '.join(map(repr, DF))}; got {shown(df)}")
    if not linear and df != "asymptotic":
        raise InputError(f"df={df!r} is for linear models; generalized ones have df='asymptotic'")
    likelihood = plan.model.likelihood
    if df == "kenward-roger" and isinstance(likelihood, Gaussian) and not likelihood.reml:
        raise InputError("df='kenward-roger' needs a fit by REML")
    kind = {"satterthwaite": "Satterthwaite's df", "kenward-roger": "Kenward-Roger's df", "residual": "n - p df"}
    if len(H.L) > 1:
        said = "Wald's chi-squared" if df == "asymptotic" else f"F test, {kind[df]},"
        return BySolution(plan, plan.of, _Joint(H.L, H.rhs, df)), f"{said} of {words}", False
    said = "z-test" if df == "asymptotic" else f"t-test, {kind[df]},"
    if df == "kenward-roger":
        return BySolution(plan, plan.of, _Single(H.L, H.rhs, df)), f"{said} of {words}", False
    task = Task.make(plan.model, plan.of, H.L)
    return ByContrast(plan, task, H, df, alpha), f"{said} of {words}", task.road is not None


@dataclass(frozen=True, eq=False)
class _Joint:
    """The p-value of all rows together."""

    L: FloatArray
    rhs: FloatArray
    df: str

    def __call__(self, solution: Any) -> float:
        return float(solution.contrast(self.L, self.df, rhs=self.rhs, joint=True).joint.p_value)


class _Single(_Joint):
    """The p-value of the only row."""

    def __call__(self, solution: Any) -> float:
        return float(solution.contrast(self.L, self.df, rhs=self.rhs)["p_value"][0])


def _ratio(plan: Planned, H: Hypotheses, df: Any) -> ByRatio:
    if df is not None:
        raise InputTypeError("df has no use with method='lrt'")
    if H.rhs.any():
        raise InputError("method='lrt' tests combinations against zero")
    model = plan.model
    if isinstance(model.likelihood, Gaussian):
        model = replace(model, likelihood=Gaussian(reml=False))
    design = restricted_design(model.design, H.L)
    small = replace(model, rows=design, labels=design.labels)
    rank = model.labels.fixed.rank - design.labels.fixed.rank
    return ByRatio(plan, Task.make(small, plan.of, None), Task.make(model, plan.of, None), partial(chi2_sf, df=rank))


__all__ = ["Test", "Tested", "chosen_test"]
