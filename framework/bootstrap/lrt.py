"""Parametric bootstrap of a likelihood ratio: its distribution where the smaller model is true, by simulation."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from scipy.special import chdtrc, gammaincc

from ..contracts.arrays import AnyArray, BoolArray, FloatArray
from ..contracts.errors import ComparisonError, ConvergenceWarning, InputError
from ..display.records import Table
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..estimation.pipeline import watch_of
from ..inference.lrt import check_same_data, comparable, likelihood_ratio_test, same_span
from ..inference.refits import by_maximum_likelihood
from ..many.estimates import Estimates
from ..many.fitting import Task
from ..many.one_by_one import Of
from ..notes import Note
from .blocks import Seed, blocks, checked_replicates, executor_of, until_interrupted
from .proportion import clopper_pearson
from .record import failures
from .schemes import Parametric

#: A simulated statistic that is no more than this below the observed one reaches it: what fits may have left to gain.
#: So ties, which discrete responses have, count as such.
LEFT_TO_GAIN = 1e-6
#: What is said of the last two rows where they are NaN.
AT_THE_BOUNDARY = (
    "NA: Bartlett's and the gamma distribution have no zeros, which are many where models differ in variances"
)


@dataclass(frozen=True, eq=False, repr=False)
class BootstrapTest(Table):
    """The test: a row for each distribution of the ratio, with ``test``, ``statistic``, ``df``, ``p_value``.

    ``chi-squared``; ``bootstrap``, the simulated statistics themselves; ``Bartlett``, chi-squared of the statistic
    divided by their mean, times df; ``gamma`` with their mean and variance. The last two have their tails from few
    replicates, and are NaN where the models differ in random effects: there a part of the statistics is zero.

    Parameters
    ----------
    p_value, lower, upper : float
        (1 + number of simulated statistics that reach the observed one) / (1 + number of replicates), and 95 % limits
        of the chance that one does (Clopper & Pearson): what more replicates could still change.
    statistic : float
        Twice the difference of the log-likelihoods.
    simulated : (nsim,) array
        The same of every replicate, NaN where it failed.
    reason : (nsim,) array of str
        Why; "" elsewhere.
    """

    _: KW_ONLY
    statistic: float
    p_value: float
    lower: float
    upper: float
    simulated: FloatArray = field(repr=False)
    reason: AnyArray = field(repr=False)

    @property
    def failed(self) -> BoolArray:
        """Replicates of which one of the two refits has not converged, (nsim,)."""
        return np.asarray(self.reason != "")

    @property
    def messages(self) -> tuple[Note, ...]:
        """What to warn of."""
        return (Note(ConvergenceWarning, failures(self.reason)),) if self.failed.any() else ()


@dataclass(frozen=True, eq=False)
class Ratios:
    """Statistics of a block of replicates."""

    values: FloatArray
    reason: AnyArray


@dataclass(frozen=True, eq=False)
class RefitBoth:
    """Draw from the smaller model, and fit both.

    Parameters
    ----------
    scheme : Parametric
        Of the smaller model.
    small, large : Task
    constant : float
        What the likelihood ratio has besides twice the difference of the log-likelihoods: of restricted ones, which
        depend on the units of X.
    """

    scheme: Parametric
    small: Task
    large: Task
    constant: float

    def __call__(self, rng: np.random.Generator, skip: int, count: int) -> Ratios:
        """Likelihood ratios."""
        Y = self.scheme.responses(rng, skip, count)
        return likelihood_ratios(self.small(Y), self.large(Y), self.constant, ("smaller model: ", "larger model: "))


def likelihood_ratios(small: Estimates, large: Estimates, constant: float, told: tuple[str, str]) -> Ratios:
    """Twice the differences of log-likelihoods of two models, and a constant; at least 0.

    Parameters
    ----------
    small, large : Estimates
        Of the same responses.
    constant : float
    told : (str, str)
        What the reasons of the smaller and of the larger model begin with; a failure of the smaller one is told first.
    """
    reason = np.full(len(small.converged), "", dtype=object)
    for begin, found in zip(told[::-1], (large, small), strict=True):
        failed = ~found.converged
        reason[failed] = [f"{begin}{text or 'not converged'}" for text in found.reason[failed]]
    ratio = 2.0 * (large.log_likelihood - small.log_likelihood) + constant
    return Ratios(np.where(reason == "", np.maximum(ratio, 0.0), np.nan), reason)


def bootstrap_test(
    one: tuple[Fit, Of, str], other: tuple[Fit, Of, str], nsim: Any, rng: Any, executor: Any, workers: Any,
    progress: Any, frame: str,
) -> BootstrapTest:  # fmt: skip
    """The test of two nested fits, each with the way to its solutions and its name.

    Raises
    ------
    ComparisonError
        Where the fits are not nested, or not of the same data.
    InputError, InputTypeError
        For arguments that cannot be used, and fits without rows.
    """
    count = checked_replicates(nsim)
    check_same_data(one[0], other[0])
    refit = _needs_maximum_likelihood(one[0], other[0])
    if refit:
        one, other = ((by_maximum_likelihood(fit), of, name) for fit, of, name in (one, other))
    (small, of_small, small_name), (large, of_large, large_name) = sorted((one, other), key=lambda m: m[0].n_parameters)
    test = likelihood_ratio_test(small, large)
    for fit, name in ((small, small_name), (large, large_name)):
        if not fit.certificate.converged:
            raise ComparisonError(f"the fit of {name} has not converged: {fit.certificate.message}")
    if small.model.design.y.ndim == 2:
        raise InputError(
            "the bootstrap test draws responses that are not censored, and these are: compare the models by anova"
        )
    reml = isinstance(large, LinearFit) and large.reml
    constant = 2.0 * (comparable(large, reml) + 0.5 * large.criterion - comparable(small, reml) - 0.5 * small.criterion)
    tasks = Task.make(small.model, of_small, None), Task.make(large.model, of_large, None)
    work = RefitBoth(Parametric(small), *tasks, constant)
    at_once = all(task.road is not None for task in tasks)
    seed = Seed.of(rng, small.labels.n, at_once=at_once, generalized=isinstance(small, GeneralizedFit))
    with executor_of(executor, workers) as pool, watch_of(progress) as watch:
        found, interrupted = until_interrupted(blocks(work, seed, 0, count, pool, watch, "bootstrap test"))
    simulated, reason = (np.concatenate([getattr(part, name) for part in found]) for name in ("values", "reason"))
    reached, of_all = reaching(simulated, test.statistic), int((reason == "").sum())
    by_fixed_effects = large.labels.fixed.rank - small.labels.fixed.rank == test.df
    fitted = fitted_tails(test.statistic, test.df, simulated[reason == ""] if by_fixed_effects else simulated[:0])
    p_value, (lower, upper) = (1 + reached) / (1 + of_all), clopper_pearson(reached, of_all, 0.95)
    notes = [f"95% limits of the bootstrap's p-value: {lower:.4g} to {upper:.4g}"]
    notes += ["Fits by REML were refitted by maximum likelihood"] * refit
    notes += [] if by_fixed_effects else [AT_THE_BOUNDARY]
    notes += [failures(reason)] * bool((reason != "").any())
    notes += [f"Interrupted after {len(reason)} of {count} replicates"] * interrupted
    return BootstrapTest(
        {
            "test": ("chi-squared", "bootstrap", "Bartlett", "gamma"),
            "statistic": [test.statistic, test.statistic, fitted.bartlett_statistic, test.statistic],
            "df": [float(test.df), float("nan"), float(test.df), float("nan")],
            "p_value": [test.p_value, p_value, fitted.bartlett, fitted.gamma],
        },
        title=f"Likelihood ratio test, {len(reason)} replicates of the smaller model\n"
        f"smaller: {small_name}\nlarger:  {large_name}",
        notes=tuple(notes),
        headers={"statistic": "Chisq", "df": "Df"},
        frame=frame,
        statistic=test.statistic,
        p_value=p_value,
        lower=lower,
        upper=upper,
        simulated=simulated,
        reason=reason,
    )


@dataclass(frozen=True)
class FittedTails:
    """Bartlett's corrected statistic and its p-value, and that of the gamma distribution with the same moments."""

    bartlett_statistic: float
    bartlett: float
    gamma: float


def fitted_tails(statistic: float, df: int, simulated: FloatArray) -> FittedTails:
    """Tails of distributions with the moments of simulated statistics; NaN of fewer than two that are above zero.

    Statistics of zero, of which there are few by chance or by what a search leaves, are left out as pbkrtest does.

    Examples
    --------
    >>> fitted_tails(4.0, 2, np.array([1.0, 2.0, 3.0]))
    FittedTails(bartlett_statistic=4.0, bartlett=0.1353352832366127, gamma=0.04238011199168396)
    """
    positive = simulated[simulated > 0.0]
    if len(positive) < 2:
        return FittedTails(np.nan, np.nan, np.nan)
    mean, variance = float(positive.mean()), float(positive.var(ddof=1))
    corrected = df * statistic / mean
    gamma = float(gammaincc(mean**2 / variance, statistic * mean / variance)) if variance > 0.0 else np.nan
    return FittedTails(corrected, float(chdtrc(df, corrected)), gamma)


def reaching(simulated: FloatArray, statistic: float) -> int:
    """How many simulated statistics reach the observed one."""
    return int((simulated >= statistic - LEFT_TO_GAIN).sum())


def _needs_maximum_likelihood(one: Fit, other: Fit) -> bool:
    """Whether fits by REML have different fixed effects, or only one of them is by REML."""
    by_reml = [isinstance(fit, LinearFit) and fit.reml for fit in (one, other)]
    return any(by_reml) and not (all(by_reml) and same_span(one, other))


__all__ = ["BootstrapTest", "bootstrap_test", "fitted_tails", "reaching"]
