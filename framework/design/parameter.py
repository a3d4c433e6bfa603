"""Models of dispersion parameters: columns of a parameter, on the scale on which it is estimated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError
from ..contracts.family import Family
from ..contracts.ordered import OrderedFamily
from .arrays import as_numbers, check_length, column_names
from .fixed import FixedDesign, orthogonalize, reason_of_dropped

#: Name of the probability of extra zeros, of families that have one.
INFLATION = "zi"
#: Stands for all parameters of a family of ordered categories, the spacings of its thresholds.
SPACINGS = "spacings"

M = TypeVar("M")


@dataclass(frozen=True, eq=False)
class ParameterDesign(FixedDesign):
    """The columns that a dispersion parameter is a linear function of: X = Q R, where Q has columns of mean square 1.

    Parameters
    ----------
    X : (n, c) array
        The columns as they were given; none is a combination of others.
    """

    X: FloatArray


def parameter_design(parameter: str, Z: Any, n: int, names: tuple[str, ...] | None = None) -> ParameterDesign | None:
    """The columns of a parameter, checked; None for a column of ones, which is what it has without a model.

    Raises
    ------
    InputError, InputTypeError
        For a matrix that is none of n rows of numbers, or whose columns depend on each other.
    """
    argument = f"parameters[{parameter!r}]"
    matrix = as_numbers(Z, argument, ndim=2)
    check_length(matrix, n, argument)
    if matrix.shape[1] == 0:
        raise InputError(f"{argument} has no columns: give a column of ones for a parameter that is the same for all")
    names = column_names(Z, names, matrix)
    if matrix.shape[1] == 1 and (matrix == 1.0).all():
        return None
    return _orthogonal(matrix, names, argument)


def select_parameters(designs: Mapping[str, ParameterDesign], rows: BoolArray | IntArray) -> dict[str, ParameterDesign]:
    """The models of some rows, in bases of their own.

    Raises
    ------
    InputError
        Where the columns of a parameter depend on each other in these rows.
    """
    return {p: _orthogonal(d.X[rows], d.names, f"parameters[{p!r}]") for p, d in designs.items()}


def dispersion_among(names: Iterable[str], family: Family) -> str | None:
    """What dispersion stands for: the first parameter that is neither a probability of extra zeros nor a spacing."""
    return None if isinstance(family, OrderedFamily) else next((name for name in names if name != INFLATION), None)


def spelled_out(family: Family, models: Mapping[str, M]) -> dict[str, M]:
    """What belongs to parameters, by their names: `SPACINGS` stands for all spacings that are not named themselves.

    Raises
    ------
    InputError
        Where there are no spacings.

    Examples
    --------
    >>> from ranef.families import Ordinal
    >>> spelled_out(Ordinal(categories=["a", "b", "c", "d"]), {"spacings": "~ x", "c|d - b|c": "~ 1"})
    {'b|c - a|b': '~ x', 'c|d - b|c': '~ 1'}
    """
    if SPACINGS not in models or not isinstance(family, OrderedFamily):
        return dict(models)
    if not (names := [p.name for p in family.parameters if p.fixed is None]):
        raise InputError(
            f"parameters names {SPACINGS}, of which the {family.name} family of {family.n_categories} categories has "
            "none to be estimated"
        )
    alike = dict.fromkeys(names, models[SPACINGS])
    return alike | {name: value for name, value in models.items() if name != SPACINGS}


def refuse_models(family: Family, names: Collection[str]) -> None:
    """Refuse models of parameters that the family does not have, or that have a given value.

    Raises
    ------
    InputError
        With the names.
    """
    known = {p.name: p for p in family.parameters}
    if unknown := [name for name in names if name not in known]:
        have = f"it has {', '.join(known)}" if known else "it has none beside the mean"
        have += f", and {SPACINGS} for all of them" if known and isinstance(family, OrderedFamily) else ""
        raise InputError(f"parameters names {', '.join(unknown)}, which the {family.name} family does not have; {have}")
    if given := [name for name in names if known[name].fixed is not None]:
        raise InputError(
            f"parameters names {given[0]}, which the family has as {known[given[0]].fixed:g}: a parameter is given or "
            "estimated, not both"
        )


def _orthogonal(X: FloatArray, names: tuple[str, ...], argument: str) -> ParameterDesign:
    fixed = orthogonalize(X, names, np.full(len(X), 1.0 / len(X)))
    if len(fixed.dropped):
        reasons = "; ".join(reason_of_dropped(fixed, j) for j in range(min(5, len(fixed.dropped))))
        raise InputError(
            f"{argument} has columns that depend on others, of which no data tell the coefficients: {reasons}. Leave "
            "redundant columns out"
        )
    return ParameterDesign(**vars(fixed), X=X)
