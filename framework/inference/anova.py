"""Analysis of variance tables: a joint test of every term of the fixed effects, types I, II and III."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..display.records import Table
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..formula.terms import Terms
from . import caveats
from .contrasts import zero_test
from .fixed_terms import FixedTerm, fixed_terms
from .methods import Asymptotic, JointTest, Method
from .refits import by_columns, by_maximum_likelihood, ratio, under
from .sums_of_squares import type_one, type_three, type_two
from .term_rows import at_zero

TYPES = {1: "I", 2: "II", 3: "III"}
TESTS = ("Wald", "LRT")
HEADERS = {"sum_sq": "Sum Sq", "mean_sq": "Mean Sq", "num_df": "NumDF", "den_df": "DenDF", "df": "Df"}
REFITTED = "Refitted by maximum likelihood: restricted likelihoods of other fixed effects are of other data"


@dataclass(frozen=True, eq=False, repr=False)
class Anova(Table):
    """Tests of terms: a table with a row for each, and the hypotheses behind it.

    F tests have the columns ``term``, ``sum_sq``, ``mean_sq``, ``num_df``, ``den_df``, ``statistic``, ``p_value``;
    chi-squared ones ``term``, ``statistic``, ``df``, ``p_value``.

    Parameters
    ----------
    hypotheses : mapping of term -> (c, p) array
        L of L beta = 0.
    type : int
        1, 2 or 3.
    test : str
        "Wald" or "LRT".
    method : str
        Of degrees of freedom; "asymptotic" for chi-squared.
    """

    _: KW_ONLY
    hypotheses: Mapping[str, FloatArray] = field(repr=False)
    type: int
    test: str
    method: str

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "hypotheses", MappingProxyType(dict(self.hypotheses)))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "hypotheses": dict(self.hypotheses)}


def anova(fit: Fit, method: Method, terms: Terms | None, kind: Any = 3, test: Any = "Wald", given: Any = None) -> Anova:
    """Tests of all terms; `given` are the terms of a fit to arrays.

    Raises
    ------
    InputError, InputTypeError
        For types, tests or terms that there are not.
    """
    number = type_of(kind)
    if not isinstance(test, str) or test not in TESTS:
        raise InputError(f"test must be 'Wald' or 'LRT'; got {shown(test)}")
    partition = fixed_terms(fit.labels.fixed, terms, given)
    if not any(term.is_tested for term in partition):
        raise InputError("the model has no term but the intercept: there is nothing to test")
    rows = hypotheses(fit, method, partition, number, by_names=given is not None)
    tested = [(term, L) for term, L in zip(partition, rows, strict=True) if term.is_tested]
    names = tuple(term.name for term, _ in tested)
    # type II of generalized models is car's, which leaves out interactions with covariates
    apart = number == 1 or given is not None or (number == 2 and not isinstance(fit, LinearFit))
    notes = [
        *(() if apart else at_zero(partition, names)),
        *_of_rank(fit, tested),
        *_of_coding(number, given),
        caveats.first_threshold(fit),
    ]
    frame = terms.frame if terms else ""
    record: dict[str, Any] = {
        "hypotheses": {term.name: L for term, L in tested},
        "type": number,
        "test": test,
        "frame": frame,
    }
    if test == "LRT":
        tests, of_refits = _likelihood_ratios(fit, partition, tested, number, by_names=given is not None)
        title = f"Analysis of Deviance Table (Type {TYPES[number]} likelihood ratio tests)"
        return _chi_squared(names, tests, title, [*notes, *of_refits], record)
    tests = [zero_test(fit, method, L) for _, L in tested]
    if isinstance(method, Asymptotic):
        title = f"Analysis of Deviance Table (Type {TYPES[number]} Wald chi-squared tests)"
        return _chi_squared(names, tests, title, [*notes, caveats.few_levels(fit.labels)], record)
    notes += caveats.of_method(fit, method)
    title = f"Type {TYPES[number]} Analysis of Variance Table with {method.title}"
    return Anova(
        {"term": names} | f_columns(fit, tests),
        title=title,
        notes=tuple(filter(None, notes)),
        headers=HEADERS | {"statistic": "F value", "p_value": "Pr(>F)"},
        method=method.name,
        **record,
    )


def f_columns(fit: Fit, tests: Sequence[JointTest]) -> dict[str, FloatArray]:
    """Columns of F tests: sums of squares as in lmerTest, F times the residual variance."""
    df, F = np.array([t.df for t in tests]), np.array([t.statistic for t in tests])
    mean_sq = F / np.array([t.scaling for t in tests]) * fit.scale**2
    return {
        "sum_sq": mean_sq * df,
        "mean_sq": mean_sq,
        "num_df": df,
        "den_df": np.array([t.df_denominator for t in tests]),
        "statistic": F,
        "p_value": np.array([t.p_value for t in tests]),
    }


def _chi_squared(
    names: tuple[str, ...], tests: Sequence[JointTest], title: str, notes: Sequence[str], record: dict[str, Any]
) -> Anova:
    return Anova(
        {
            "term": names,
            "statistic": np.array([t.statistic for t in tests]),
            "df": np.array([t.df for t in tests]),
            "p_value": np.array([t.p_value for t in tests]),
        },
        title=title,
        notes=tuple(filter(None, notes)),
        headers=HEADERS | {"statistic": "Chisq", "p_value": "Pr(>Chisq)"},
        method=Asymptotic.name,
        **record,
    )


def type_of(given: Any) -> int:
    """1, 2 or 3; their Roman numbers are taken too."""
    by_name = {name: number for number, name in TYPES.items()}
    if isinstance(given, str) and given in by_name:
        return by_name[given]
    if isinstance(given, bool) or not isinstance(given, int | np.integer | str):
        raise InputTypeError(f"type must be 1, 2 or 3; got {shown(given)}")
    if given not in TYPES:
        raise InputError(f"type must be 1, 2 or 3; got {shown(given)}")
    return int(given)


def hypotheses(
    fit: Fit, method: Method, terms: Sequence[FixedTerm], number: int, *, by_names: bool = False
) -> list[FloatArray]:
    """L (c, p) of every term. Linear models have lmerTest's, generalized ones car's of types I and II."""
    fixed = fit.labels.fixed
    if number == 3:
        return type_three(terms, fixed)
    F = _factor(fit, method)
    if number == 1:
        return type_one(terms, fixed, F)
    return type_two(terms, fixed, F, [above_of(term, terms, fit, by_names=by_names) for term in terms])


def above_of(term: FixedTerm, terms: Sequence[FixedTerm], fit: Fit, *, by_names: bool = False) -> list[FixedTerm]:
    """The terms that a term is marginal to, as type II has it: by lmerTest's rule, or car's."""
    numbers_too = isinstance(fit, LinearFit) and not by_names
    return [t for t in terms if term.is_in(t, numbers_too=numbers_too)]


def _factor(fit: Fit, method: Method) -> FloatArray:
    """F with F'F = X'X of the kept columns, prior weights left out; for generalized models their information."""
    fixed = fit.labels.fixed
    if isinstance(fit, LinearFit):
        if not fit.labels.has_weights:
            return fixed.R
        return np.asarray(np.linalg.qr(fit.model.design.X[:, fixed.kept], mode="r"))
    V = method.V if np.isfinite(method.V).all() else fit.gamma_covariance
    return np.asarray(np.linalg.solve(np.linalg.cholesky(V), fixed.R))


def _likelihood_ratios(
    fit: Fit, terms: Sequence[FixedTerm], tested: Sequence[tuple[FixedTerm, FloatArray]], number: int, *, by_names: bool
) -> tuple[list[JointTest], list[str]]:
    """Each term by two models, with it and without it, beside what its type leaves in; and what to say of them."""
    full = by_maximum_likelihood(fit)
    tests, refits = [], []
    for term, L in tested:
        if number == 3:
            large, small = full, under(full, L)
        else:
            above = terms[terms.index(term) + 1 :] if number == 1 else above_of(term, terms, fit, by_names=by_names)
            gone = {c for t in above for c in t.columns.tolist()}
            large, small = by_columns(full, gone), by_columns(full, gone | set(term.columns.tolist()))
        tests.append(ratio(large, small))
        refits += [(term.name, large), (term.name, small)]
    notes = [REFITTED] if full is not fit else []
    return tests, [*notes, *dict.fromkeys(caveats.not_converged(refits)), caveats.few_levels(fit.labels)]


def _of_rank(fit: Fit, tested: Sequence[tuple[FixedTerm, FloatArray]]) -> list[str]:
    """What the data do not determine."""
    fixed = fit.labels.fixed
    if not len(fixed.dropped):
        return []
    none = [term.name for term, L in tested if len(L) == 0]
    fewer = [term.name for term, L in tested if len(L) > 0 and np.isin(term.columns, fixed.dropped).any()]
    notes = [f"X is rank deficient ({', '.join(fixed.dropped_names)} dropped): empty cells, or columns that depend"]
    if none:
        notes.append(f"NA: nothing of {', '.join(none)} can be told from other terms")
    if fewer:
        notes.append(f"{', '.join(fewer)}: only what the data determine of it is tested, with fewer degrees of freedom")
    return notes


def _of_coding(number: int, given: Any) -> list[str]:
    if given is None or number != 3:
        return []
    return ["Type III of terms of arrays: their columns given all others; it depends on how factors are coded in X"]
