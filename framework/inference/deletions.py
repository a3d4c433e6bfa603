"""Single terms of the fixed effects left out, where no other term is an interaction of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.errors import InputError, shown
from ..display.records import Table
from ..estimation.model import Fit
from ..formula.terms import Terms
from . import caveats
from .anova import HEADERS, REFITTED, f_columns
from .contrasts import zero_test
from .criteria import information_criteria
from .fixed_terms import FixedTerm, fixed_terms
from .methods import Asymptotic, Method
from .refits import by_columns, by_maximum_likelihood, ratio
from .sums_of_squares import estimable_rows


def drop1(fit: Fit, method: Method, terms: Terms | None, test: Any, given: Any) -> Table:
    """Likelihood ratio or F tests of the terms that may be left out.

    Raises
    ------
    InputError, InputTypeError
        For tests or terms that there are not.
    """
    if not isinstance(test, str) or test not in ("LRT", "F"):
        raise InputError(f"test must be 'LRT' or 'F'; got {shown(test)}")
    partition = fixed_terms(fit.labels.fixed, terms, given)
    listed = [t for t in partition if t.is_tested and not any(t.is_in(o, numbers_too=False) for o in partition)]
    if not listed:
        raise InputError("the model has no term but the intercept: there is nothing to leave out")
    frame = terms.frame if terms else ""
    return _by_f(fit, method, listed, frame) if test == "F" else _by_refits(fit, listed, frame)


def _by_refits(fit: Fit, terms: list[FixedTerm], frame: str) -> Table:
    full = by_maximum_likelihood(fit)
    refits = [by_columns(full, set(term.columns.tolist())) for term in terms]
    tests = [ratio(full, refit) for refit in refits]
    notes = [REFITTED] if full is not fit else []
    names = [term.name for term in terms]
    notes += caveats.not_converged([("<none>", full), *zip(names, refits, strict=True)])
    return Table(
        {
            "term": ["<none>", *names],
            "df": np.array([np.nan, *(t.df for t in tests)]),
            "aic": [information_criteria(m).aic for m in (full, *refits)],
            "statistic": np.array([np.nan, *(t.statistic for t in tests)]),
            "p_value": np.array([np.nan, *(t.p_value for t in tests)]),
        },
        title="Single term deletions by likelihood ratios",
        notes=tuple(filter(None, [*notes, caveats.first_threshold(fit), caveats.few_levels(fit.labels)])),
        headers={"df": "Df", "aic": "AIC", "statistic": "LRT", "p_value": "Pr(>Chisq)"},
        frame=frame,
    )


def _by_f(fit: Fit, method: Method, terms: list[FixedTerm], frame: str) -> Table:
    if isinstance(method, Asymptotic):
        raise InputError("test='F' is for linear models with degrees of freedom: use test='LRT'")
    fixed = fit.labels.fixed
    rows = [estimable_rows(fixed)[np.isin(fixed.kept, term.columns)] for term in terms]
    return Table(
        {"term": [term.name for term in terms]} | f_columns(fit, [zero_test(fit, method, L) for L in rows]),
        title=f"Single term deletions by {method.title}",
        notes=tuple(caveats.of_method(fit, method)),
        headers=HEADERS | {"statistic": "F value", "p_value": "Pr(>F)"},
        frame=frame,
    )
