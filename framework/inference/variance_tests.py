"""Tests of random effects and of residual structures: each left out or made smaller, refitted, the likelihood ratio.

A variance of zero is at the boundary of what variances can be, where twice the log-likelihood ratio is not chi-squared:
for one variance with k covariances it is a mixture of halves of chi-squared on k and on k + 1 degrees of freedom
(Self & Liang 1987, doi 10.1080/01621459.1987.10478472; Stram & Lee 1994, doi 10.2307/2533455).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.labels import GroupLabels
from ..design.mixed import MixedDesign
from ..design.reduced import without_effects
from ..design.terms import INTERCEPT, Term
from ..display.records import Table
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..estimation.pipeline import choose_optimizer
from ..estimation.search import minimize
from ..estimation.slice import Slice
from ..formula.terms import Terms
from . import caveats
from .criteria import information_criteria
from .distributions import chi2_sf
from .refits import of_design
from .residual_tests import ResidualReduction, residual_reductions

HEADERS = {
    "log_likelihood": "logLik",
    "aic": "AIC",
    "statistic": "LRT",
    "df": "Df",
    "p_value": "Pr(>Chisq)",
    "p_mixture": "Pr(mixture)",
}
MIXTURE = (
    "A variance of zero is at the boundary, where Pr(>Chisq) is too large. Pr(mixture) is half chi-squared on Df - 1, "
    "half on Df: right for many levels"
)
UNKNOWN = "NA: of several variances, or a covariance structure, at once the mixture depends on the data"


@dataclass(frozen=True)
class Reduction:
    """What is left out of a term of random effects.

    Parameters
    ----------
    name : str
        As lmerTest calls it.
    group : str
    term : int
        Which of the factor's terms.
    columns : tuple of str
        Those that are left out.
    one_variance : bool
        Whether that is one variance, with its covariances.
    """

    name: str
    group: str
    term: int
    columns: tuple[str, ...]
    one_variance: bool


def ranova(fit: Fit, terms: Terms | None, *, reduce: Any = True, frame: str = "") -> Table:
    """Likelihood ratio tests of all random-effects terms, by the criterion of the fit.

    Raises
    ------
    InputError, InputTypeError
        For a fit without rows, with nagq=0, or `reduce` that is neither True nor False.
    """
    if not isinstance(reduce, bool | np.bool_):
        raise InputTypeError(f"reduce must be True or False; got {shown(reduce)}")
    if isinstance(fit, GeneralizedFit) and fit.nagq == 0:
        raise InputError("a fit with nagq=0 does not maximize the Laplace likelihood: use fit.update(nagq=1)")
    design = fit.model.design
    found = list(reductions(fit.model.labels.groups, terms, whole=not reduce))
    of_residual = list(residual_reductions(fit.model.labels.residual, terms))
    smaller_designs = [
        *((r.name, without_effects(design, r.group, r.term, r.columns)) for r in found),
        *((r.name, r.smaller(design)) for r in of_residual),
    ]
    refits: list[tuple[str, Fit]] = []
    loglik, npar = [information_criteria(fit).log_likelihood], [fit.n_parameters]
    for name, smaller in smaller_designs:
        if smaller is None:
            loglik.append(-0.5 * criterion_of_fixed_effects(fit, design))
            npar.append(fit.n_parameters - len(fit.theta))
        else:
            refit = of_design(fit, smaller)
            refits.append((name, refit))
            loglik.append(-0.5 * refit.criterion)
            npar.append(refit.n_parameters)
    ll, k = np.array(loglik), np.array(npar)
    statistic = np.maximum(0.0, 2.0 * (ll[0] - ll[1:]))
    df = k[0] - k[1:]
    one = np.array([r.one_variance for r in found], dtype=bool)
    known = np.concatenate([one, np.array([r.at_boundary and r.mixture_known for r in of_residual], dtype=bool)])
    mixture = np.where(known, mixture_p_values(statistic, df), np.nan)
    notes = [*([MIXTURE] if found else []), *([] if one.all() else [UNKNOWN]), *_of_residuals(of_residual)]
    notes += [*_of_singular_fits(refits), *caveats.not_converged(refits)]
    if isinstance(fit, LinearFit):
        notes.insert(0, "By REML" if fit.reml else "By maximum likelihood")
    return Table(
        {
            "term": ["<none>", *(name for name, _ in smaller_designs)],
            "npar": k,
            "log_likelihood": ll,
            "aic": 2.0 * k - 2.0 * ll,
            "statistic": np.concatenate([[np.nan], statistic]),
            "df": np.concatenate([[np.nan], df]),
            "p_value": np.concatenate([[np.nan], chi2_sf(statistic, df)]),
            "p_mixture": np.concatenate([[np.nan], mixture]),
        },
        title=f"Random effects{' and residuals' if of_residual else ''}: single terms left out",
        notes=tuple(notes),
        headers=HEADERS,
        frame=frame,
    )


def mixture_p_values(statistic: Any, df: Any) -> Any:
    """Upper tails of half chi-squared on df - 1 and half on df; chi-squared on 0 is zero.

    Examples
    --------
    >>> mixture_p_values(np.array([2.706, 0.0]), np.array([1, 1])).round(4).tolist()
    [0.05, 1.0]
    """
    df = np.asarray(df)
    below = np.where(df == 1, np.asarray(statistic) <= 0.0, chi2_sf(statistic, np.maximum(df - 1, 1)))
    return 0.5 * below + 0.5 * chi2_sf(statistic, df)


def reductions(groups: tuple[GroupLabels, ...], terms: Terms | None, *, whole: bool) -> Iterator[Reduction]:
    """What can be left out, by term: all of it if `whole`, else its slopes where it has some."""
    parts = _parts(terms)
    for f in groups:
        for i, term in enumerate(f.terms):
            if not term.correlated:  # a term each, as lme4 has them
                for c in term.columns:
                    yield Reduction(str(Term(f.name, (c,))), f.name, i, (c,), True)
                continue
            droppable = [] if whole or term.structure is not None else _droppable(term, parts)
            if not droppable:
                one = len(term.columns) == 1
                yield Reduction(str(term), f.name, i, term.columns, one)
            for name, columns in droppable:
                yield Reduction(f"{name} in {term}", f.name, i, columns, len(columns) == 1)


def _parts(terms: Terms | None) -> dict[str, tuple[str, frozenset[str]]]:
    """Of columns of random effects: the term of the formula that they belong to, and its variables."""
    if terms is None:
        return {}
    listed = (t for part in terms.encoder.parts[1:] for t in part.terms)
    return {c: (t.name, frozenset(t.factors)) for t in listed for c in t.columns}


def _droppable(term: Term, parts: dict[str, tuple[str, frozenset[str]]]) -> list[tuple[str, tuple[str, ...]]]:
    """Sets of columns that may be left out of a term: all but the intercept, and what others are interactions of."""
    columns: dict[str, list[str]] = {}
    variables = {}
    for c in term.columns:
        name, own = parts.get(c, (c, frozenset(c.split(":"))))
        if c != INTERCEPT:
            columns.setdefault(name, []).append(c)
            variables[name] = own
    if INTERCEPT not in term.columns and len(columns) == 1:
        return []
    return [
        (name, tuple(own)) for name, own in columns.items() if not any(variables[name] < v for v in variables.values())
    ]


def criterion_of_fixed_effects(fit: Fit, design: MixedDesign) -> float:
    """-2 log-likelihood, or the REML criterion, of the model without random effects."""
    if isinstance(fit, LinearFit):
        return _of_regression(fit, design)
    assert isinstance(fit, GeneralizedFit)
    criterion, x = fit.factorized().joint()
    r, d = len(fit.gamma), len(x)
    fixed = np.zeros(d, dtype=bool)
    fixed[r : r + len(fit.theta)] = True
    A = np.eye(d)[:, ~fixed]
    slice_ = Slice(criterion, np.zeros(d), A, criterion.lower[~fixed], criterion.upper[~fixed])
    optimizer, _ = choose_optimizer(fit.model.controls.optimizer, gradients=True)
    controls = fit.model.controls
    found = minimize(slice_, x[~fixed], optimizer, controls.tol, controls.evaluations(optimizer, d))
    return float(found.value)


def _of_regression(fit: LinearFit, design: MixedDesign) -> float:
    return float(criteria_of_regressions(design, design.y[:, None], fit.reml)[0])


def criteria_of_regressions(design: MixedDesign, Y: FloatArray, reml: bool) -> FloatArray:
    """Of weighted least squares of every column of Y (n, m), without the random effects of the design."""
    w = np.ones(design.n) if design.weights is None else design.weights
    root = np.sqrt(w)[:, None]
    residuals = root * (Y if design.offset is None else Y - design.offset[:, None])
    Q = root * design.fixed.Q
    residuals = residuals - Q @ np.linalg.lstsq(Q, residuals, rcond=None)[0] if Q.shape[1] else residuals
    df = design.n - (design.fixed.rank if reml else 0)
    values = df * (1.0 + np.log(2.0 * np.pi * (residuals**2).sum(axis=0) / df)) - float(np.log(w).sum())
    return np.asarray(values + (2.0 * np.log(np.abs(np.diagonal(design.fixed.R))).sum() if reml else 0.0))


def _of_residuals(reductions: list[ResidualReduction]) -> Iterator[str]:
    """Which distribution is right for tests of a residual structure."""
    if inside := [r.name for r in reductions if not r.at_boundary]:
        yield f"{'; '.join(inside)}: inside of the range, where Pr(>Chisq) is right for many groups"
    for r in reductions:
        if r.at_boundary and r.mixture_known:
            yield f"{r.name}: {caveats.CAR1}, and Pr(mixture) is right for many groups"
        elif r.at_boundary:
            yield f"{r.name}: {caveats.CAR1}; with times that differ from group to group neither p-value is right"


def _of_singular_fits(refits: list[tuple[str, Fit]]) -> Iterator[str]:
    for name, refit in refits:
        if refit.singular_factors:
            yield f"{name}: without it the fit is singular ({', '.join(refit.singular_factors)}); p-values are rough"
