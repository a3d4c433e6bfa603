"""The effect of one variable on the population's mean, with a band."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import InputError, shown
from ..design.reading import as_mapping, read
from ..inference.intervals import checked_level
from ..prediction.response import mean_of
from .fitted import Fitted, column_of, response_of
from .marks import band, rug
from .style import LINE, POINTS, axes, styled

#: Places along a number.
PLACES = 40
#: Most rows of the data that are averaged over: more of them are taken at equal distances.
MOST_ROWS = 2_000


@styled
def effect(fit: Fitted, x: str, ax: Any = None, *, data: Any = None, level: float = 0.95) -> Any:
    """Means of the response along a variable, at random effects of zero, with a confidence band.

    The linear predictor is averaged over the rows of the data, in all of which the variable has the same value; the
    band is by the coefficients' covariance matrix, and is taken to the response by the link.

    Parameters
    ----------
    fit : LMMSolution or GLMMSolution
    x : str
        A variable of `data`, or without data a column of X that no other depends on.
    ax : matplotlib Axes, optional
    data : data frame or dict of arrays, optional
        Those of the fit by formula, without missing values. Needed where x makes more than one column.
    level : float, default 0.95

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        For variables that there are not, or that need `data`.
    """
    level = checked_level(level)
    fit._fit.model.labels.refuse_penalty("the plot of an effect")
    places, X, offset = _by_column(fit, x) if data is None else _by_variable(fit, x, data)
    eta, half = _means(fit, X, level)
    estimate, lower, upper = (mean_of(fit._fit, line + offset) for line in (eta, eta - half, eta + half))
    ax = axes(ax)
    if places.dtype.kind == "f":
        band(ax, places, estimate, lower, upper)
        rug(ax, np.unique(_observed(fit, x, data)))
    else:
        at = np.arange(len(places))
        ax.vlines(at, lower, upper, color=POINTS)
        ax.plot(at, estimate, "o", color=LINE, markersize=3.5)
        ax.set_xticks(at, places.tolist())
        ax.set_xlim(-0.5, len(at) - 0.5)
    ax.set(xlabel=x, ylabel=f"mean {response_of(fit)}")
    return ax


def _observed(fit: Fitted, x: str, data: Any) -> FloatArray:
    values = fit._fit.model.design.X[:, column_of(fit, x)] if data is None else _column(as_mapping(data, "data"), x)
    return np.asarray(values, dtype=np.float64)


def _means(fit: Any, X: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Linear predictors of rows of X, and the half of their intervals."""
    kept = fit._fit.labels.fixed.kept
    X = X[:, kept]
    variance = np.einsum("na,ab,nb->n", X, fit.vcov[np.ix_(kept, kept)], X)
    return X @ fit.coefficients[kept], ndtri(0.5 + level / 2.0) * np.sqrt(variance)


def _by_column(fit: Fitted, x: str) -> tuple[AnyArray, FloatArray, float]:
    """Rows of X along a column, the others at their means."""
    j, design = column_of(fit, x), fit._fit.model.design
    dependent = [] if fit.terms is None else [name for name in fit.terms.fixed if x in name and name != x]
    if dependent:
        raise InputError(f"{x} is in {', '.join(dependent)} as well: pass data=, the data of the fit")
    if np.ptp(design.X[:, j]) == 0.0:
        raise InputError(f"the column {x} is constant: choose one that varies")
    places = np.linspace(design.X[:, j].min(), design.X[:, j].max(), PLACES)
    X = np.tile(design.X.mean(axis=0), (PLACES, 1))
    X[:, j] = places
    return places, X, 0.0 if design.offset is None else float(design.offset.mean())


def _by_variable(fit: Fitted, x: str, data: Any) -> tuple[AnyArray, FloatArray, float]:
    """Mean rows of X along a variable of the data, as the formula encodes them."""
    if fit.terms is None:
        raise InputError("data= is for fits by formula; this one was fitted to arrays, whose columns of X have names")
    columns = as_mapping(data, "data")
    values, (kind, levels) = _column(columns, x), fit.terms.encoder.variables.get(x, ("number", ()))
    some = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_ROWS)).astype(np.intp))
    number = kind == "number"
    places = np.linspace(values.min(), values.max(), PLACES) if number else np.array(levels or np.unique(values))
    rows: dict[Any, Any] = {name: _column(columns, name)[some] for name in columns}
    means, offset = [], 0.0
    for place in places:
        new = fit.terms.new_rows(rows | {x: np.full(len(some), place)}, effects=False, levels=False, weights=False)
        means.append(new["X"].mean(axis=0))
        offset = 0.0 if new["offset"] is None else float(new["offset"].mean())
    return places, np.array(means), offset


def _column(columns: Any, x: str) -> AnyArray:
    if x not in columns:
        raise InputError(f"data has no column {shown(x)}; it has {', '.join(map(str, columns))}")
    column = read(columns[x], f"data[{x!r}]")
    return column.values if column.codes is None else column.values[column.codes]
