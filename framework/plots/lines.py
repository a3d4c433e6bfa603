"""Fitted lines of groups over the data: in one picture, or in panels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.censoring import ends
from ..contracts.errors import InputError
from .fitted import Fitted, codes_of, column_of, factor_of, response_of
from .style import LINE, POINTS, QUIET, WIDTH, axes, point_style, pyplot, styled

#: Most panels of a figure.
MOST_PANELS = 60


@styled
def lines(fit: Fitted, x: str, factor: str | None = None, ax: Any = None) -> Any:
    """Predictions of each level of a factor along a column of X, and the population's, over the data.

    Effects of other factors are left out, but for those that this one is nested in.

    Parameters
    ----------
    fit : LMMSolution or GLMMSolution
    x : str
        A column of X.
    factor : str, optional
        That with the most levels by default.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        For columns or factors that the model does not have.
    """
    _, values, codes, _, _ = _parts(fit, x, factor)
    design, fitted = fit._fit.model.design, _of_levels(fit, codes)
    ax = axes(ax)
    ax.scatter(values, ends(design.y)[0], **(point_style(len(values)) | {"color": QUIET}), zorder=1)
    for i, part in enumerate(_by_group(values, codes)):
        ax.plot(
            values[part], fitted[part], color=POINTS, linewidth=0.6, alpha=0.7, zorder=2, label="_" if i else "levels"
        )
    at, mean = _population(fit, values)
    ax.plot(at, mean, color=LINE, linewidth=2.0, zorder=3, label="population")
    ax.set(xlabel=x, ylabel=response_of(fit))
    ax.legend(loc="best")
    return ax


@styled
def panels(fit: Fitted, x: str, factor: str | None = None) -> Any:
    """Predictions of each level of a factor along a column of X over its data, a panel a level, as in `lines`.

    The population's line is in all of them.

    Parameters
    ----------
    fit : LMMSolution or GLMMSolution
    x : str
        A column of X.
    factor : str, optional
        That with the most levels by default; of many levels the first 60 are shown.

    Returns
    -------
    (rows, columns) array of matplotlib Axes

    Raises
    ------
    InputError
        For columns or factors that the model does not have.
    """
    name, values, codes, labels, _ = _parts(fit, x, factor)
    design, fitted = fit._fit.model.design, _of_levels(fit, codes)
    count = min(len(labels), MOST_PANELS)
    columns = min(5, count)
    rows = -(-count // columns)
    size = (WIDTH, 0.75 * rows + 0.5)
    figure, grid = pyplot().subplots(rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
    at, mean = _population(fit, values)
    for i, (ax, part) in enumerate(zip(grid.flat, _by_group(values, codes), strict=False)):
        ax.plot(at, mean, color=QUIET, linewidth=0.8, zorder=1)
        ax.scatter(values[part], ends(design.y)[0][part], s=4.0, color=POINTS, linewidths=0.0, zorder=2)
        ax.plot(values[part], fitted[part], color=LINE, linewidth=1.0, zorder=3)
        ax.set_title(labels[i], fontsize=6.5, pad=2.0)
        ax.tick_params(labelsize=6.0, length=2.0)
    for ax in grid.flat[count:]:
        ax.set_visible(False)
    figure.supxlabel(f"{x}, by {name}", fontsize=8.0)
    figure.supylabel(response_of(fit), fontsize=8.0)
    return grid


def _parts(fit: Fitted, x: str, factor: str | None) -> tuple[str, FloatArray, Any, list[str], int]:
    name, j = factor_of(fit, factor), column_of(fit, x)
    values = fit._fit.model.design.X[:, j]
    if np.ptp(values) == 0.0:
        raise InputError(f"the column {x} is constant: choose one that varies")
    codes, labels = codes_of(fit, name)
    return name, values, codes, labels, j


def _of_levels(fit: Fitted, codes: Any) -> FloatArray:
    """Predictions with the effects of the factor and of those that it is nested in; others would bend the lines."""
    constant = []
    for f in fit._fit.model.design.random.groups:
        first = np.zeros(codes.max() + 1, dtype=np.intp)
        first[codes] = f.codes
        if np.array_equal(first[codes], f.codes):
            constant.append(f.name)
    return np.asarray(fit.predict(random=constant))


def _by_group(x: FloatArray, codes: Any) -> list[Any]:
    """Rows of each group, in the order of x."""
    order = np.lexsort((x, codes))
    return np.split(order, np.cumsum(np.bincount(codes))[:-1])


def _population(fit: Fitted, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means of the population's predictions of the rows at each x, or in 30 bins of it."""
    mean = fit.predict(random="none")
    places, at = np.unique(x, return_inverse=True)
    if len(places) > 30:
        at = np.minimum((30 * (x - x.min()) / np.ptp(x)).astype(np.intp), 29)
        there = np.unique(at, return_inverse=True)[1]
        counts = np.bincount(there)
        return np.bincount(there, weights=x) / counts, np.bincount(there, weights=mean) / counts
    return places, np.bincount(at, weights=mean) / np.bincount(at)
