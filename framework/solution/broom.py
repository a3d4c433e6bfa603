"""A fit in the columns of R's broom.mixed: `tidy` of its parameters, `glance` at the whole, `augment` its rows.

Names of columns and values are those of broom.mixed's tidiers for lme4, dots included, so that code and habits carry
over; what lme4 alone has (``.sqrtXwt``, ``.sqrtrwt``) is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

from ..contracts.arrays import AnyArray
from ..contracts.censoring import ends
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.labels import GroupLabels
from ..design.mixed import MixedDesign
from ..design.reading import Column, as_mapping, frame_columns, read
from ..design.terms import INTERCEPT
from ..display.frames import kind_of
from ..display.records import Table
from ..estimation.generalized import GeneralizedFit
from ..inference.intervals import checked_level, variance_parameters
from ..inference.quantities import Correlation
from ..inference.quantity import Quantity

if TYPE_CHECKING:
    from .mixed import MixedSolution

#: Kinds of rows that `tidy` has, and the two that it has by default.
EFFECTS = ("fixed", "ran_pars", "ran_vals")
DEFAULT = ("fixed", "ran_pars")
#: Columns of `tidy`, in order; the ones that have text.
COLUMNS = (
    "effect", "group", "level", "term", "estimate", "std.error", "df", "statistic", "p.value", "conf.low", "conf.high",
)  # fmt: skip
LABELS = COLUMNS[:4]
#: Group of what is no random effect's, and sigma's term there.
RESIDUAL, SIGMA = "Residual", "sd__Observation"


# Parameters ---------------------------------------------------------------------------------------------------------


def tidy(fit: MixedSolution[Any], effects: Any, conf_int: Any, level: Any) -> Table:
    """A row for each parameter or conditional mode; columns that only other rows have are None or NaN there."""
    if not isinstance(conf_int, bool | np.bool_):
        raise InputTypeError(f"conf_int must be True or False; got {shown(conf_int)}")
    level = checked_level(level)
    makers = {"fixed": _fixed, "ran_pars": _parameters, "ran_vals": _modes}
    parts = [makers[effect](fit, level if conf_int else None) for effect in _chosen(effects)]
    there = [name for name in COLUMNS if any(name in part for part in parts)]
    return Table({name: _stacked(name, parts) for name in there}, headers={"estimate": "estimate"}, frame=fit._frame)


def _chosen(effects: Any) -> Sequence[str]:
    chosen = [effects] if isinstance(effects, str) else effects
    if not isinstance(chosen, Sequence) or not chosen or not all(e in EFFECTS for e in chosen):
        raise InputError(f"effects must be one or several of {', '.join(map(repr, EFFECTS))}; got {shown(effects)}")
    return chosen


def _fixed(fit: MixedSolution[Any], level: float | None) -> dict[str, Any]:
    table = fit.coef_table()
    names = {"term": "name", "estimate": "estimate", "std.error": "se", "df": "df", "statistic": "statistic"}
    names["p.value"] = "p_value"
    columns: dict[str, Any] = {"effect": ["fixed"] * len(table)}
    columns |= {ours: table[theirs] for ours, theirs in names.items() if theirs in table}
    return columns if level is None else columns | _limits(*fit._tested.limits(level).T)


def _parameters(fit: MixedSolution[Any], level: float | None) -> dict[str, Any]:
    """Standard deviations and correlations, sigma or dispersion parameters; without standard errors, as in broom."""
    parameters, values = variance_parameters(fit._fit)
    labels = [_group_and_term(q, fit._fit.groups) for q in parameters]
    columns: dict[str, Any] = {
        "effect": ["ran_pars"] * len(labels),
        "group": [group for group, _ in labels],
        "term": [term for _, term in labels],
        "estimate": values,
    }
    if level is None:
        return columns
    intervals = fit.confint("random", level=level)
    return columns | _limits(intervals["lower"], intervals["upper"])


def _group_and_term(q: Quantity, groups: Sequence[GroupLabels]) -> tuple[str, str]:
    """``sd_Days|Subject`` is ``sd__Days`` of Subject, and sigma the standard deviation of an observation."""
    if q.name == "sigma":
        return RESIDUAL, SIGMA
    if isinstance(q, Correlation):
        group = groups[q.group]
        return group.name, "cor__" + ".".join(group.column_names[j] for j in q.columns)
    for group in groups:
        if q.name.startswith(("sd_", "cor_")) and q.name.endswith(f"|{group.name}"):
            kind, _, column = q.name.removesuffix(f"|{group.name}").partition("_")
            return group.name, f"{kind}__{column}"
    return RESIDUAL, q.name


def _modes(fit: MixedSolution[Any], level: float | None) -> dict[str, Any]:
    table = fit.ranef_table()
    names = {"group": "factor", "level": "level", "term": "column", "estimate": "value", "std.error": "se"}
    columns: dict[str, Any] = {"effect": ["ran_vals"] * len(table)}
    columns |= {ours: table[theirs] for ours, theirs in names.items()}
    if level is None:
        return columns
    half = scipy.special.ndtri(0.5 + level / 2.0) * table["se"]
    return columns | _limits(table["value"] - half, table["value"] + half)


def _limits(lower: AnyArray, upper: AnyArray) -> dict[str, Any]:
    return {"conf.low": lower, "conf.high": upper}


def _stacked(name: str, parts: Sequence[Mapping[str, Any]]) -> AnyArray:
    """One column of all parts: text as objects where some part has none."""
    missing = None if name in LABELS else np.nan
    columns = [np.asarray(p[name]) if name in p else np.full(len(p["term"]), missing) for p in parts]
    if len({column.dtype.kind for column in columns}) > 1:
        columns = [column.astype(object) for column in columns]
    return np.concatenate(columns)


# The whole ----------------------------------------------------------------------------------------------------------


def glance(fit: Any) -> Table:
    """One row: size, residual standard deviation (or dispersion parameters), likelihood and criteria."""
    columns: dict[str, Any] = {"nobs": fit.n_obs}
    if isinstance(fit._fit, GeneralizedFit):
        columns |= fit.dispersion or {"sigma": 1.0}
        last = {"deviance": fit.deviance}
    else:
        columns["sigma"] = fit.sigma
        last = {"REMLcrit": fit.reml_criterion} if fit.reml else {"deviance": fit.deviance}
    columns |= {"logLik": fit.log_likelihood, "AIC": fit.aic, "BIC": fit.bic, **last, "df.residual": fit.df_residual}
    return Table({name: [value] for name, value in columns.items()}, frame=fit._frame)


# Rows ---------------------------------------------------------------------------------------------------------------


def augment(fit: MixedSolution[Any], data: Any) -> Table:
    """The rows of the fit, or those of `data`, with fitted values and residuals beside."""
    design = fit._fit.model.design
    columns = _model_frame(design) if data is None else _given(data, design)
    frame = fit._frame if data is None or frame_columns(data) is None else kind_of(data)
    ours = _of_rows(fit, design)
    if taken := [name for name in ours if name in columns]:
        raise InputError(f"data has columns {', '.join(taken)} already; leave them out")
    return Table({**columns, **ours}, frame=frame)


def _of_rows(fit: Any, design: MixedDesign) -> dict[str, AnyArray]:
    ones = np.ones(design.n)
    weights = ones if design.weights is None else design.weights
    if isinstance(fit._fit, GeneralizedFit):
        residuals, weighted = fit.residuals_of("deviance"), fit.residuals_of("pearson")
    else:
        residuals, weighted = fit.residuals, np.sqrt(weights) * fit.residuals
    return {
        ".fitted": fit.predict(scale="link"),
        ".resid": residuals,
        ".fixed": fit.predict(scale="link", random="none"),
        ".mu": fit.fitted_values,
        ".offset": 0.0 * ones if design.offset is None else design.offset,
        ".weights": weights,
        ".wtres": weighted,
    }


def _model_frame(design: MixedDesign) -> dict[str, AnyArray]:
    """Response, columns of X but the intercept, grouping factors; a name that is taken gets a ``_``."""
    x = [(name, column) for name, column in zip(design.fixed.names, design.X.T, strict=True) if name != INTERCEPT]
    groups = [(f.name, f.levels[f.codes]) for f in design.random.groups]
    columns: dict[str, AnyArray] = {}
    y = [(name, end) for name, end in zip((design.response, "upper"), ends(design.y), strict=True)]
    for name, column in [*y[: design.y.ndim], *x, *groups]:
        while name in columns:
            name += "_"
        columns[name] = column
    return columns


def _given(data: Any, design: MixedDesign) -> dict[str, AnyArray]:
    """Columns of `data`, which must be the rows of the fit."""
    columns = {str(name): _plain(read(column, str(name))) for name, column in as_mapping(data, "data").items()}
    for name, column in columns.items():
        if len(column) != design.n:
            raise InputError(
                f"data[{name!r}] has {len(column)} rows, the fit {design.n}: give the rows that were fitted (without "
                "those left out for missing values or by subset), or leave data out"
            )
    y = columns.get(design.response)
    if y is not None and y.dtype.kind in "fiu" and not np.array_equal(y, design.y):
        raise InputError(
            f"data[{design.response!r}] differs from the response of the fit: give the rows that were fitted, in their "
            "order, or leave data out; predict(newdata) is for others"
        )
    return columns


def _plain(column: Column) -> AnyArray:
    """Its values, None where a category or a number is missing."""
    values, missing = column.values, column.missing
    if column.codes is not None:
        values, missing = values[column.codes], column.codes < 0
    if missing is not None and missing.any():
        values = values.astype(object)
        values[missing] = None
    return values
