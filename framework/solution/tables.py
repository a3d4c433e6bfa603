"""Tables of a fit, of the numbers that its attributes have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts.arrays import AnyArray, IntArray
from ..display.records import Table
from ..display.summary import coefficient_record
from ..display.tables import CoefficientTable

if TYPE_CHECKING:
    from .base import FittedModel


def tests_of(fit: FittedModel[Any], which: IntArray) -> CoefficientTable:
    """Estimates of these coefficients with their Wald tests."""
    test = fit._test
    return CoefficientTable(
        tuple(fit.names[j] for j in which),
        fit.coefficients[which],
        fit.se[which],
        fit._statistics[which],
        df=None if test.df is None else test.df[which],
        p_value=fit.p_values[which],
        statistic_header=f"{test.letter} value",
        p_header=f"Pr(>|{test.letter}|)",
    )


def coef_table(fit: FittedModel[Any]) -> Table:
    """All coefficients, those of dropped columns as NaN, with confidence limits after the standard errors."""
    plain = coefficient_record(tests_of(fit, np.arange(len(fit.names))))
    columns = plain.to_dict()
    first = {name: columns.pop(name) for name in ("name", "estimate", "se")}
    limits = dict(zip(("lower", "upper"), fit.conf_int.T, strict=True))
    tail = 50.0 * (1.0 - fit._conf_level)
    headers = {**plain.headers, "lower": f"{tail:.3g} %", "upper": f"{100.0 - tail:.3g} %"}
    return replace(plain, columns={**first, **limits, **columns}, headers=headers, frame=fit._frame)


def var_table(fit: FittedModel[Any]) -> Table:
    """A row for each variance component; ``corr_1`` ... where there are correlations, NaN where a row has none."""
    rows = fit.var_components
    columns: dict[str, Any] = {
        "factor": [row.group for row in rows],
        "column": [row.name for row in rows],
        "variance": [row.variance for row in rows],
        "sd": [row.std_dev for row in rows],
    }
    for j in range(max((len(row.corr) for row in rows), default=0)):
        columns[f"corr_{j + 1}"] = [row.corr[j] if j < len(row.corr) else np.nan for row in rows]
    if any(row.structure for row in rows):
        columns["structure"] = [row.structure for row in rows]
    return Table(columns, frame=fit._frame)


def ranef_table(fit: FittedModel[Any]) -> Table:
    """A row for each effect: all columns of a level, then the next level, factor by factor."""
    factors = list(fit.ranef)
    sizes = [fit.ranef[f].shape for f in factors]
    columns = [np.tile(np.array(fit.ranef_names[f]), n) for f, (n, _) in zip(factors, sizes, strict=True)]
    levels = [np.repeat(fit.levels[f], k) for f, (_, k) in zip(factors, sizes, strict=True)]
    return Table(
        {
            "factor": np.repeat(np.array(factors), [n * k for n, k in sizes]),
            "level": _together(levels),
            "column": np.concatenate(columns),
            "value": np.concatenate([fit.ranef[f].ravel() for f in factors]),
            "se": np.concatenate(
                [np.sqrt(np.diagonal(fit.ranef_variances[f], axis1=1, axis2=2)).ravel() for f in factors]
            ),
        },
        frame=fit._frame,
    )


def _together(levels: Sequence[AnyArray]) -> AnyArray:
    """Labels of several factors: as they are where they are of one type, else as text."""
    if len({column.dtype.kind for column in levels}) > 1:
        levels = [np.array([str(label) for label in column.tolist()]) for column in levels]
    return np.concatenate(levels)


def vcov_table(fit: FittedModel[Any]) -> Table:
    """The matrix row by row; the column of row names is called name_ where a coefficient is called name."""
    name = "name"
    while name in fit.names:
        name += "_"
    return Table({name: fit.names, **dict(zip(fit.names, fit.vcov.T, strict=True))}, plain=True, frame=fit._frame)
