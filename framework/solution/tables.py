"""Tables of a fit, of the numbers that its attributes have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

from ..contracts.arrays import AnyArray, IntArray
from ..contracts.errors import InputError
from ..display.records import Table
from ..display.summary import coefficient_record
from ..display.tables import CoefficientTable
from ..threads import few_threads

if TYPE_CHECKING:
    from ..prediction.rows import Rows
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
    headers = {**plain.headers, **_limit_headers(fit._conf_level)}
    return replace(plain, columns={**first, **limits, **columns}, headers=headers, frame=fit._frame)


def model_table(coefficients: CoefficientTable, level: float, frame: str) -> Table:
    """Coefficients of a dispersion parameter's model, with normal limits after the standard errors."""
    plain = coefficient_record(coefficients)
    columns = plain.to_dict()
    first = {name: columns.pop(name) for name in ("name", "estimate", "se")}
    half = scipy.special.ndtri(0.5 + 0.5 * level) * coefficients.std_error
    limits = {"lower": coefficients.estimate - half, "upper": coefficients.estimate + half}
    headers = {**plain.headers, **_limit_headers(level)}
    return replace(plain, columns={**first, **limits, **columns}, headers=headers, frame=frame)


def _limit_headers(level: float) -> dict[str, str]:
    tail = 50.0 * (1.0 - level)
    return {"lower": f"{tail:.3g} %", "upper": f"{100.0 - tail:.3g} %"}


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


def ranef_table(
    fit: FittedModel[Any], level: float | None, *, beta_uncertainty: bool, theta_uncertainty: bool
) -> Table:
    """A row for each effect: all columns of a level, then the next level, factor by factor."""
    from ..prediction.levels import effect_rows
    from ..prediction.predict import Request

    names, rows = effect_rows(fit._labels)
    if beta_uncertainty:
        return _by_level(fit, names, _estimates(fit, rows, level, theta_uncertainty), level)
    if theta_uncertainty:
        raise InputError("theta_uncertainty=True needs beta_uncertainty=True: coefficients move with the variances")
    se = [np.sqrt(np.diagonal(fit.ranef_variances[f], axis1=1, axis2=2)).ravel() for f in fit.ranef]
    columns = {"value": np.concatenate([b.ravel() for b in fit.ranef.values()]), "se": np.concatenate(se)}
    if level is not None:
        half = scipy.special.ndtri(0.5 + 0.5 * Request(level=level).checked().level) * columns["se"]
        columns |= {"lower": columns["value"] - half, "upper": columns["value"] + half}
    return _by_level(fit, names, columns, level)


def level_coefficients(fit: FittedModel[Any], level: float | None, *, theta_uncertainty: bool) -> Table:
    """A row for each coefficient of each level, factor by factor."""
    from ..prediction.levels import coefficient_rows

    names, rows = coefficient_rows(fit._labels)
    return _by_level(fit, names, _estimates(fit, rows, level, theta_uncertainty), level)


def _estimates(fit: FittedModel[Any], rows: Rows, level: float | None, theta_uncertainty: bool) -> dict[str, AnyArray]:
    """Values of rows with standard errors about the true ones, and limits where a level is given."""
    from ..prediction.predict import Predictor, Request

    asked = Request(scale="link", se=True, theta_uncertainty=theta_uncertainty, satterthwaite=fit._satterthwaite)
    if level is not None:
        asked = replace(asked, interval="confidence", level=level)
    with few_threads(*fit._labels.dense_sizes):
        found, _ = Predictor(fit._fit, asked.checked()).conditional(rows)
    return {"value" if name == "fit" else name: column for name, column in found.items()}


def _by_level(
    fit: FittedModel[Any], names: Sequence[tuple[str, ...]], columns: Mapping[str, AnyArray], level: float | None
) -> Table:
    """The columns, after factor, level and name of what they are of."""
    levels = [(factor, labels, own) for (factor, labels), own in zip(fit.levels.items(), names, strict=True)]
    return Table(
        {
            "factor": np.repeat([f for f, _, _ in levels], [len(labels) * len(own) for _, labels, own in levels]),
            "level": _together([np.repeat(labels, len(own)) for _, labels, own in levels]),
            "column": np.concatenate([np.tile(np.array(own), len(labels)) for _, labels, own in levels]),
            **columns,
        },
        headers={} if level is None else _limit_headers(level),
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
