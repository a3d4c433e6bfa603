"""The reference grid: combinations of the levels of factors, covariates at their means, encoded as the rows of a fit.

Searle, Speed & Milliken (1980, doi 10.1080/00031305.1980.10483031); defaults are those of R's emmeans.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...contracts.arrays import AnyArray, FloatArray
from ...contracts.errors import InputError, InputTypeError, shown
from ...formula.observed import MOST_CELLS, Observed, columns_behind, made_factors
from ...formula.terms import Terms
from ...formula.variables import LOGICAL, number_label


@dataclass(frozen=True)
class Axis:
    """A variable and the values that it takes in the grid.

    Parameters
    ----------
    name : str
    kind : str
        "number", "logical", or that of a factor.
    values : tuple of str or float
    """

    name: str
    kind: str
    values: tuple[Any, ...]

    @property
    def labels(self) -> AnyArray:
        """The values as they are shown: text of levels, numbers."""
        return np.array(self.values, dtype=np.float64 if self.kind == "number" else object)

    def column(self, codes: AnyArray) -> AnyArray:
        """A column of data with these values."""
        values = np.array([v == LOGICAL[1] for v in self.values]) if self.kind == "logical" else self.labels
        return values[codes]


@dataclass(frozen=True, eq=False)
class Grid:
    """All combinations of the axes' values.

    Parameters
    ----------
    terms : Terms
    axes : tuple of Axis
        Of one value too: covariates at their means.
    functions : dict of str to callable
        Variables that are functions of others.
    counts : (k1, k2, ...) array
        Rows of the data (sums of their weights) by factor levels.
    """

    terms: Terms
    axes: tuple[Axis, ...]
    functions: Mapping[str, Callable[..., Any]]
    counts: FloatArray

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    def __getitem__(self, name: str) -> Axis:
        return self.axes[self.names.index(name)]

    def data(self, moves: Mapping[str, float] | None = None) -> dict[str, AnyArray]:
        """The grid as columns of data, the last axis fastest; with `moves` to be added to numeric ones."""
        if not self.axes:
            return {"": np.zeros(1)}
        codes = np.indices(self.shape).reshape(len(self.axes), -1)
        columns = {axis.name: axis.column(code) for axis, code in zip(self.axes, codes, strict=True)}
        for name, move in (moves or {}).items():
            columns[name] = columns[name] + move
        for name, function in self.functions.items():
            given = [columns[parameter] for parameter in inspect.signature(function).parameters]
            value = np.asarray(function(*given), dtype=np.float64)
            columns[name] = np.array(np.broadcast_to(value, (codes.shape[1],)))
        return columns

    def rows(self, moves: Mapping[str, float] | None = None) -> FloatArray:
        """Rows of X, (k1, k2, ..., p), with `moves` to be added to numeric variables."""
        X = self.terms.encoder.fixed_columns(self.data(moves))
        return X.reshape(*self.shape, X.shape[1])


def reference_grid(terms: Terms, at: Mapping[str, Any] | None) -> Grid:
    """The grid of a fit by formula.

    Factors have all their levels. Numeric variables are at their means, those with two values and those inside of
    ``factor(...)`` at all; `at` gives others.

    Raises
    ------
    InputError, InputTypeError
        For names in `at` that the fixed part does not have, levels that the fit has not seen, or too many rows.
    """
    observed = terms.observed
    if observed is None:
        raise InputError(
            "this fit was saved by an earlier version, without the means of its variables: fit the model again"
        )
    plan, given = terms.encoder.plan, _mapping(at)
    names = columns_behind(plan.in_fixed, plan.names)
    names = [name for name in names if name in terms.encoder.variables]
    if unknown := [name for name in given if name not in names]:
        raise InputError(f"at names {', '.join(unknown)}, which the fixed part does not have; it has {_listed(names)}")
    functions = {name: _function(name, value, names) for name, value in given.items() if callable(value)}
    axes = tuple(
        _axis(name, *terms.encoder.variables[name], given.get(name), observed)
        for name in names
        if name not in functions
    )
    size = int(np.prod([len(axis.values) for axis in axes], dtype=np.float64))
    if size > MOST_CELLS:
        raise InputError(
            f"the reference grid has {size:,} rows, of {_listed([f'{a.name} ({len(a.values)})' for a in axes])}; at "
            f"most {MOST_CELLS:,} are made. Give fewer levels by at="
        )
    # as in emmeans: numbers that were given are covariates, whatever values they have in the data
    free = {name for name in given if name in observed.means} - made_factors(plan.names)
    counted = [name for name in observed.crossed if name not in free]
    return Grid(terms, axes, functions, _counts(axes, counted, terms, observed))


def _mapping(at: Any) -> dict[str, Any]:
    if at is None:
        return {}
    if not isinstance(at, Mapping):
        raise InputTypeError(f"at must be a dict such as {{'x': [0, 1]}}; got {shown(at)}")
    return {str(name): value for name, value in at.items()}


def _function(name: str, function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    parameters = list(inspect.signature(function).parameters)
    if not parameters or any(p not in names or p == name for p in parameters):
        raise InputError(
            f"at[{name!r}] is a function of {', '.join(parameters) or 'nothing'}: its parameters must be called as "
            f"other variables of the fixed part: {_listed([n for n in names if n != name])}"
        )
    return function


def _axis(name: str, kind: str, levels: tuple[str, ...], given: Any, observed: Observed) -> Axis:
    if kind != "number":
        return Axis(name, kind, levels if given is None else _levels(name, given, levels))
    if given is not None:
        return Axis(name, kind, _numbers(name, given, observed.values.get(name)))
    return Axis(name, kind, observed.values.get(name, (observed.means[name],)))


def _list(given: Any) -> list[Any]:
    """The values of a list, a range, or a column of any kind; one value alone."""
    values = np.asarray(given, dtype=object)
    return values.tolist() if values.ndim == 1 else [given]


def _levels(name: str, given: Any, levels: tuple[str, ...]) -> tuple[str, ...]:
    wanted = tuple(number_label(v) if isinstance(v, float) else str(v) for v in _list(given))
    if unknown := [level for level in wanted if level not in levels]:
        raise InputError(f"at[{name!r}] has {', '.join(unknown)}; the levels are {_listed(levels)}")
    return _distinct(name, wanted)


def _numbers(name: str, given: Any, known: tuple[float, ...] | None) -> tuple[float, ...]:
    try:
        values = tuple(float(v) for v in _list(given))
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"at[{name!r}] must have numbers; got {shown(given)}") from error
    if not np.isfinite(values).all():
        raise InputError(f"at[{name!r}] must have finite numbers; got {shown(given)}")
    return _distinct(name, values)


def _distinct(name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise InputError(f"at[{name!r}] has no values")
    if len(set(values)) < len(values):
        raise InputError(f"at[{name!r}] has a value twice")
    return values


def _counts(axes: tuple[Axis, ...], counted: Sequence[str], terms: Terms, observed: Observed) -> FloatArray:
    """Sums over the observed cells of the variables that are counted; the same for all values of others."""
    counts = np.zeros([len(axis.values) for axis in axes])
    if not counted:
        return np.asarray(counts + 1.0)
    cells = np.array(observed.cells, dtype=np.intp).reshape(-1, len(observed.crossed))
    places: list[Any] = []
    inside = np.ones(len(cells), dtype=bool)
    for axis in axes:
        if axis.name not in counted:
            places.append(None)
            continue
        all_values: Sequence[Any] = observed.values.get(axis.name, terms.encoder.variables[axis.name][1])
        table = np.array([axis.values.index(v) if v in axis.values else -1 for v in all_values])
        codes = table[cells[:, observed.crossed.index(axis.name)]]
        inside &= codes >= 0
        places.append(codes)
    index = tuple(np.zeros(len(cells), dtype=np.intp) if p is None else np.maximum(p, 0) for p in places)
    np.add.at(counts, index, np.where(inside, np.array(observed.counts), 0.0))
    uncounted = tuple(j for j, p in enumerate(places) if p is None)
    return np.asarray(np.broadcast_to(counts.sum(axis=uncounted, keepdims=True), counts.shape))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
