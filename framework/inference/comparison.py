"""Any number of models of the same data side by side, with tests of those that are nested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import ComparisonError, InputError, InputTypeError, shown
from ..display.records import Table
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from . import caveats
from .criteria import information_criteria
from .lrt import LikelihoodRatio, check_same_data, comparable, likelihood_ratio_test, same_span
from .refits import by_maximum_likelihood
from .shared_probes import refuse_other_probes

HEADERS = {
    "log_likelihood": "logLik",
    "deviance": "-2logLik",
    "aic": "AIC",
    "bic": "BIC",
    "statistic": "Chisq",
    "df": "Df",
    "p_value": "Pr(>Chisq)",
}


@dataclass(frozen=True)
class Compared:
    """A model among others.

    Parameters
    ----------
    name : str
    model : str
        In the manner of a formula.
    fit : Fit
    """

    name: str
    model: str
    fit: Fit


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Table):
    """Models by number of parameters, each tested against the one before it where that is nested in it.

    The columns are ``model``, ``npar``, ``aic``, ``bic``, ``log_likelihood``, ``deviance``, ``weight`` (Akaike's),
    ``statistic``, ``df`` and ``p_value``; the last three are NaN where there is no test, and a note says why.

    Parameters
    ----------
    refitted : bool
        Whether fits by REML were refitted by maximum likelihood.
    """

    _: KW_ONLY
    refitted: bool


def compare(models: Sequence[Compared], refit: Any = True, frame: str = "") -> Comparison:
    """Information criteria and likelihood ratio tests of models of the same data.

    Raises
    ------
    ComparisonError
        For different data, or likelihoods of which none is a multiple of another: the message names the models.
    """
    if not isinstance(refit, bool | np.bool_):
        raise InputTypeError(f"refit must be True or False; got {shown(refit)}")
    if len(models) < 2:
        raise InputError("a comparison needs two models or more; fit.anova() tests the terms of one")
    if len({m.name for m in models}) < len(models):
        raise InputError(f"two models have one name: {', '.join(m.name for m in models)}")
    for other in models[1:]:
        _refuse_incomparable(models[0], other)
    must = _needs_maximum_likelihood([m.fit for m in models])
    if must and refit:
        models = [replace(m, fit=by_maximum_likelihood(m.fit)) for m in models]
    elif must:
        raise ComparisonError(
            "restricted likelihoods of models that differ in fixed effects are of different data: leave refit=True, or "
            "fit all with reml=False"
        )
    for other in models[1:]:
        _refuse_other_probes(models[0], other)
    models = sorted(models, key=lambda m: m.fit.n_parameters)
    pairs = list(pairwise(models))
    tests = [_tested(small, large) for small, large in pairs]
    criteria = [information_criteria(m.fit) for m in models]
    reml = isinstance(models[0].fit, LinearFit) and models[0].fit.reml
    aic = np.array([2.0 * m.fit.n_parameters - 2.0 * comparable(m.fit, reml) for m in models])
    nothing = float("nan"), float("nan"), float("nan")
    found = [nothing, *(nothing if isinstance(t, str) else (t.statistic, float(t.df), t.p_value) for t in tests)]
    statistic, df, p_value = zip(*found, strict=True)
    return Comparison(
        {
            "model": [m.name for m in models],
            "npar": [m.fit.n_parameters for m in models],
            "aic": [c.aic for c in criteria],
            "bic": [c.bic for c in criteria],
            "log_likelihood": [c.log_likelihood for c in criteria],
            "deviance": [c.deviance for c in criteria],
            "weight": akaike_weights(aic),
            "statistic": statistic,
            "df": df,
            "p_value": p_value,
        },
        title="\n".join(["Models of the same data", *(f"{m.name}: {m.model}" for m in models)]),
        notes=tuple(_notes(models, pairs, tests, refitted=must)),
        headers=HEADERS,
        refitted=must,
        frame=frame,
    )


def akaike_weights(aic: FloatArray) -> FloatArray:
    """exp(-AIC / 2), with the sum 1 (Burnham & Anderson 2002, section 2.9).

    Examples
    --------
    >>> akaike_weights(np.array([100.0, 102.0])).round(3).tolist()
    [0.731, 0.269]
    """
    weights = np.exp(-0.5 * (aic - aic.min()))
    return np.asarray(weights / weights.sum())


def _refuse_incomparable(one: Compared, other: Compared) -> None:
    """Refuse models of other rows, and likelihoods that are no densities by the same measure."""
    try:
        check_same_data(one.fit, other.fit)
    except ComparisonError as error:
        raise ComparisonError(f"{one.name} and {other.name}: {error}") from error
    kinds = [_is_discrete(m.fit) for m in (one, other)]
    if kinds[0] != kinds[1]:
        raise ComparisonError(
            f"{one.name} and {other.name}: one has probabilities and the other densities, which are not comparable"
        )
    linear = [isinstance(m.fit, LinearFit) for m in (one, other)]
    if linear[0] != linear[1] and one.fit.labels.has_weights:
        raise ComparisonError(
            f"{one.name} and {other.name}: weights are precisions in a linear model, and multiply log densities in a "
            "generalized one; their likelihoods are not comparable"
        )
    joint = [isinstance(m.fit, GeneralizedFit) and m.fit.nagq == 0 for m in (one, other)]
    if joint[0] != joint[1]:
        raise ComparisonError(
            f"{one.name} and {other.name}: a fit with nagq=0 does not maximize the Laplace likelihood; use nagq=1"
        )


def _refuse_other_probes(one: Compared, other: Compared) -> None:
    try:
        refuse_other_probes(one.fit, other.fit)
    except ComparisonError as error:
        raise ComparisonError(f"{one.name} and {other.name}: {error}") from error


def _is_discrete(fit: Fit) -> bool:
    return isinstance(fit, GeneralizedFit) and fit.family.discrete


def _needs_maximum_likelihood(fits: Sequence[Fit]) -> bool:
    """Whether some are by REML, and not all of them by REML of the same fixed effects."""
    by_reml = [isinstance(fit, LinearFit) and fit.reml for fit in fits]
    return any(by_reml) and not (all(by_reml) and all(same_span(fits[0], fit) for fit in fits[1:]))


def _tested(small: Compared, large: Compared) -> LikelihoodRatio | str:
    """The test, or why there is none."""
    try:
        return likelihood_ratio_test(small.fit, large.fit)
    except ComparisonError as error:
        return str(error)


def _notes(
    models: Sequence[Compared],
    pairs: Sequence[tuple[Compared, Compared]],
    tests: Sequence[LikelihoodRatio | str],
    *,
    refitted: bool,
) -> Iterator[str]:
    if refitted:
        yield "Fits by REML were refitted by maximum likelihood (refit=False prevents it)"
    elif isinstance(models[0].fit, LinearFit) and models[0].fit.reml:
        yield "By REML: the models have the same fixed effects"
    yield from caveats.not_converged([(m.name, m.fit) for m in models])
    tested = [pair for pair, test in zip(pairs, tests, strict=True) if not isinstance(test, str)]
    for (small, large), test in zip(pairs, tests, strict=True):
        if isinstance(test, str):
            yield f"{large.name} is not tested against {small.name}: {test}"
    for small, large in tested:
        yield from caveats.of_pair(large.fit, small.fit, (large.name, small.name))
    yield from filter(None, [caveats.beyond_fixed_effects([(large.fit, small.fit) for small, large in tested])])
