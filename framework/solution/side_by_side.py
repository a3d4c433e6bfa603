"""`table`: fitted models side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, RanefError, shown
from ..display.side_by_side import MOST_DECIMALS, STARS, Cell, ModelTable, Row, decimals_for, number, star_marks
from .broom import RESIDUAL, SIGMA
from .glmm import GLMMSolution
from .lmm import LMMSolution

Solution = LMMSolution | GLMMSolution
Fits = Mapping[str, Solution] | Sequence[Solution] | Solution
#: What stands below an estimate, in words.
BELOW = {
    "se": "Standard errors in parentheses",
    "ci": "Confidence intervals in brackets",
    "p": "p-values in parentheses",
}
#: Of the kinds of variance parameters.
WORDS = {"sd": "SD", "cor": "Cor"}
#: Decimals of likelihoods and criteria.
OF_CRITERIA = 1


def table(fits: Fits, statistic: str = "se", *, stars: bool = True, digits: int = 3, r2: bool = True) -> ModelTable:
    """Fitted models side by side: coefficients, variance components, intraclass correlations, R2, criteria, sizes.

    Parameters
    ----------
    fits : dict of name -> fit, or sequence of fits
        Linear and generalized models. Those of a sequence are called (1), (2) ...
    statistic : {"se", "ci", "p"}
        What stands below each coefficient: its standard error, confidence interval (at `conf_level` of the fit), or
        p-value.
    stars : bool, default True
        Mark coefficients by their p-values.
    digits : int, default 3
        Decimals; more where a standard error, or a standard deviation, would show fewer than two significant digits.
    r2 : bool, default True
        Marginal and conditional R2, where `fit.r2()` has them; of generalized models that may take the fit of a null
        model.

    Returns
    -------
    ModelTable
        It prints as text; `to_markdown`, `to_html` and `to_latex` give others. Variance components are standard
        deviations (SD) and correlations. NA is what the data do not determine; a cell is empty where a model does not
        have the row.

    Raises
    ------
    InputError, InputTypeError
        Where there is no fit, something else, or an unknown setting.

    Examples
    --------
    >>> import ranef
    >>> d = ranef.datasets.load("sleepstudy")
    >>> one = ranef.lmm("Reaction ~ Days + (1 | Subject)", d)
    >>> two = ranef.lmm("Reaction ~ Days + (Days | Subject)", d)
    >>> ranef.table({"intercepts": one, "slopes": two})
                                       intercepts        slopes
    Response                          Reaction      Reaction
    Method                                REML          REML
    Fixed effects
    (Intercept)                        251.405***    251.405***
                                        (9.747)       (6.825)
    Days                                10.467***     10.467***
                                        (0.804)       (1.546)
    Random effects
    SD (Intercept) | Subject            37.124        24.740
    Cor (Intercept).Days | Subject                     0.066
    SD Days | Subject                                  5.922
    SD residual                         30.991        25.592
    Intraclass correlation
    Subject                              0.589         0.483
    R2
    Marginal                             0.280         0.279
    Conditional                          0.704         0.799
    ...
    """
    named = _named(fits)
    _check(statistic, {"stars": stars, "r2": r2}, digits)
    models = list(named.values())
    columns = [_Column(fit) for fit in models]
    rows = [
        *_texts("Response", [fit._labels.response for fit in models]),
        *_texts("Method", [_method(fit) for fit in models]),
        *_texts("Family", [_family(fit) for fit in models]),
        *_coefficients(columns, statistic, bool(stars), int(digits)),
        *_values("Random effects", [column.variances for column in columns], int(digits)),
        *_values("", [column.residual for column in columns], int(digits)),
        *_shares("Intraclass correlation", [column.icc for column in columns], int(digits)),
        *_shares("R2", [column.r2 if r2 else {} for column in columns], int(digits)),
        *_values("Fit", [column.criteria for column in columns], OF_CRITERIA),
        *_values("", [column.counts for column in columns], 0),
    ]
    return ModelTable(tuple(named), tuple(rows), tuple(_notes(named, statistic, bool(stars))))


def _check(statistic: Any, switches: Mapping[str, Any], digits: Any) -> None:
    if statistic not in BELOW:
        raise InputError(f"statistic must be one of {', '.join(map(repr, BELOW))}; got {shown(statistic)}")
    for name, given in switches.items():
        if not isinstance(given, bool | np.bool_):
            raise InputTypeError(f"{name} must be True or False; got {shown(given)}")
    if isinstance(digits, bool) or not isinstance(digits, int | np.integer) or not 0 <= digits <= MOST_DECIMALS:
        raise InputError(f"digits must be an integer from 0 to {MOST_DECIMALS}; got {shown(digits)}")


def _named(fits: Any) -> dict[str, Solution]:
    if isinstance(fits, Solution):
        fits = [fits]
    if isinstance(fits, Mapping):
        named = {str(name): fit for name, fit in fits.items()}
    elif isinstance(fits, Sequence) and not isinstance(fits, str):
        named = {f"({i})": fit for i, fit in enumerate(fits, start=1)}
    else:
        raise InputTypeError(f"fits must be a list of fits or a dict from names to fits; got {shown(fits)}")
    if not named:
        raise InputError("fits has no fit")
    for name, fit in named.items():
        if not isinstance(fit, Solution):
            raise InputTypeError(f"fits: {name} is no fit of lmm or glmm, but {shown(fit)}")
    return named


# One model ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """The figures of one model by label."""

    fit: Solution

    @property
    def coefficients(self) -> dict[str, tuple[float, float, FloatArray, float]]:
        """Estimate, standard error, interval and p-value."""
        fit = self.fit
        return dict(zip(fit.names, zip(fit.coefficients, fit.se, fit.conf_int, fit.p_values, strict=True), strict=True))

    @property
    def variances(self) -> dict[str, float]:
        """Standard deviations and correlations of random effects."""
        return {_label(group, term): v for group, term, v in self._parameters if group != RESIDUAL}

    @property
    def residual(self) -> dict[str, float]:
        """The residual standard deviation, or dispersion parameters."""
        return {_label(group, term): v for group, term, v in self._parameters if group == RESIDUAL}

    @cached_property
    def _parameters(self) -> list[tuple[str, str, float]]:
        """Group, term and estimate of each variance parameter."""
        tidy = self.fit.tidy("ran_pars")
        return list(zip(*(tidy[name].tolist() for name in ("group", "term", "estimate")), strict=True))

    @property
    def icc(self) -> dict[str, float]:
        """Where there is a random intercept."""
        return {name: v for name, v in self.fit.icc.items() if "(Intercept)" in self.fit.ranef_names[name]}

    @property
    def r2(self) -> dict[str, float]:
        """Where the rows are there, and the family has a variance."""
        try:
            found = self.fit.r2()
        except RanefError:
            return {}
        return {"Marginal": found.marginal, "Conditional": found.conditional}

    @property
    def criteria(self) -> dict[str, float]:
        """By the maximized (restricted) likelihood."""
        return {"AIC": self.fit.aic, "BIC": self.fit.bic, "logLik": self.fit.log_likelihood}

    @property
    def counts(self) -> Mapping[str, float]:
        """Rows and levels."""
        return {"N": self.fit.n_obs} | {f"Levels of {name}": n for name, n in self.fit.n_groups.items()}


def _label(group: str, term: str) -> str:
    if group == RESIDUAL:
        return "SD residual" if term == SIGMA else term
    kind, _, of = term.partition("__")
    return f"{WORDS[kind]} {of} | {group}"


def _method(fit: Solution) -> str:
    if isinstance(fit, LMMSolution):
        return "REML" if fit.reml else "ML"
    return "Laplace" if fit.nagq <= 1 else f"AGQ, {fit.nagq} nodes"


def _family(fit: Solution) -> str:
    return f"{fit.family.name} ({fit.family.link.name})" if isinstance(fit, GLMMSolution) else ""


# Rows ---------------------------------------------------------------------------------------------------------------


def _texts(label: str, texts: Sequence[str]) -> list[Row]:
    return [Row(label, tuple(map(Cell, texts)))] if any(texts) else []


def _coefficients(columns: Sequence[_Column], statistic: str, stars: bool, digits: int) -> Iterable[Row]:
    found = [column.coefficients for column in columns]
    if labels := _union(found):
        yield Row("Fixed effects")
    for label in labels:
        mine = [coefficients.get(label) for coefficients in found]
        estimates, below = [], []
        for one in mine:
            if one is None:
                estimates.append(Cell())
                below.append(Cell())
                continue
            estimate, se, interval, p = one
            decimals = decimals_for([se], digits)
            estimates.append(Cell(number(estimate, decimals, digits), star_marks(p) if stars else ""))
            if statistic == "se":
                below.append(Cell(f"({number(se, decimals, digits)}", ")"))
            elif statistic == "ci":
                below.append(Cell(f"[{', '.join(number(v, decimals, digits) for v in interval)}", "]"))
            else:
                below.append(Cell(f"({_p(p, digits)}", ")"))
        yield Row(label, tuple(estimates))
        yield Row("", tuple(below))


def _p(p: float, digits: int) -> str:
    least = 10.0**-digits
    return f"<{least:.{digits}f}" if p < least else number(p, digits, digits)


def _values(
    heading: str, found: Sequence[Mapping[str, float]], digits: int, shown: Callable[[float, int], str] | None = None
) -> Iterable[Row]:
    """A row for each label that a model has."""
    labels = _union(found)
    if heading and labels:
        yield Row(heading)
    for label in labels:
        mine = [values.get(label) for values in found]
        yield Row(label, tuple(Cell() if v is None else Cell((shown or _of_size)(v, digits)) for v in mine))


def _shares(heading: str, found: Sequence[Mapping[str, float]], digits: int) -> Iterable[Row]:
    """Parts of one, which need no more decimals where they are small."""
    return _values(heading, found, digits, lambda v, digits: f"{v:.{digits}f}")


def _of_size(v: float, digits: int) -> str:
    """So many decimals, or more for a small number: that of one model says nothing of the others'."""
    return number(v, decimals_for([v], digits) if digits > OF_CRITERIA else digits, digits)


def _union(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Labels of all, each before those that come after it in its model."""
    labels: list[str] = []
    for mapping in found:
        own = list(mapping)
        for i, label in enumerate(own):
            if label not in labels:
                after = next((other for other in own[i:] if other in labels), None)
                labels.insert(len(labels) if after is None else labels.index(after), label)
    return labels


def _notes(named: Mapping[str, Solution], statistic: str, stars: bool) -> Iterable[str]:
    levels = sorted({100.0 * fit._conf_level for fit in named.values()})
    percent = f" ({', '.join(f'{level:g}%' for level in levels)})" if statistic == "ci" else ""
    yield BELOW[statistic] + percent + "."
    if stars:
        yield STARS
    by_reml = [fit for fit in named.values() if isinstance(fit, LMMSolution) and fit.reml]
    if by_reml and len({fit.names for fit in named.values()}) > 1:
        yield "Criteria of fits by REML do not compare fixed effects."
    for name, fit in named.items():
        if not fit.converged:
            yield f"{name}: NOT CONVERGED"
        if fit.is_singular:
            yield f"{name}: singular, a covariance matrix of random effects has no full rank"
