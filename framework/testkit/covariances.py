"""Laws of covariance structures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..contracts import Component, CovarianceStructure
from ..contracts.arrays import FloatArray
from .check import Check, LawBook, close, pickled, read_only, require, same_bits, same_in_threads
from .plugin import Held, plugin_checks, require_array, require_type

#: Numbers of columns that are tried, beyond the least; and points of each.
MORE, POINTS = 3, 4


def covariance_checks(
    structure: CovarianceStructure, *, name: str | None = None, expected_failures: Mapping[str, str] | None = None
) -> Iterator[Check]:
    """One check for every law that a covariance structure has to obey.

    Parameters
    ----------
    structure : CovarianceStructure
    name : str, optional
        Name of its entry.
    expected_failures : mapping, optional
        Names of laws that the structure is known to break, with the reason. Strict: they must be broken.

    Examples
    --------
    >>> from ranef import registry
    >>> from ranef.testkit import covariance_checks
    >>> for check in covariance_checks(registry.covariance("ar1")[0]):
    ...     check.run()
    """
    return plugin_checks(Held(structure, name), LAWS, structure, expected_failures)


@dataclass(frozen=True, eq=False)
class _Point:
    """A structure of k columns at some parameters inside of its bounds."""

    structure: CovarianceStructure
    k: int
    parameters: FloatArray

    def __str__(self) -> str:
        return f"{self.k} columns, parameters {self.parameters.round(3).tolist()}"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f"c{i}" for i in range(self.k))

    @property
    def T(self) -> FloatArray:
        return self.structure.relative_factor(self.parameters, self.k)

    @property
    def covariance(self) -> FloatArray:
        return self.T @ self.T.T


def _numbers_of_columns(structure: CovarianceStructure) -> range:
    least, most = structure.least_columns, structure.most_columns
    return range(least, (least + MORE if most is None else min(most, least + MORE)) + 1)


def _points(structure: CovarianceStructure) -> list[_Point]:
    """Where a start leads to from random covariance matrices: inside, whatever the parameters are."""
    rng, out = np.random.default_rng(20150107), []
    for k in _numbers_of_columns(structure):
        for _ in range(POINTS):
            A = rng.normal(size=(k, k + 2)) * rng.uniform(0.5, 2.0, (k, 1))
            out.append(_Point(structure, k, structure.start(A @ A.T / (k + 2))))
    return out


LAWS: LawBook[CovarianceStructure] = LawBook()


@LAWS.law(first=True)
def answers_have_the_types_of_the_contract(structure: CovarianceStructure) -> None:
    """A name, scale or not, bounds and a start for each parameter; T and its derivatives are arrays of floats."""
    least, most = structure.least_columns, structure.most_columns
    require(1 <= least <= (least if most is None else most), f"least_columns is {least}, most_columns {most}")
    for k in _numbers_of_columns(structure):
        columns = tuple(f"c{i}" for i in range(k))
        names = structure.names(columns)
        require_type(structure.names, names, tuple)
        m = len(names)
        right = m > 0 and len(set(names)) == m and all(isinstance(name, str) for name in names)
        require(right, f"names of {k} columns are {names}: some, each once and text, are needed")
        require_array(structure.scales, structure.scales(k), (m,), np.bool_)
        for bound, part in zip(structure.bounds(k), ("lower", "upper"), strict=True):
            require_array(structure.bounds, bound, (m,), part=part)
        start = require_array(structure.start, structure.start(np.eye(k)), (m,))
        require_array(structure.relative_factor, structure.relative_factor(start, k), (k, k))
        require_array(structure.derivatives, structure.derivatives(start, k), (m, k, k))
        for component in structure.components(start, columns):
            require_type(structure.components, component, Component)


@LAWS.law(first=True)
def free_entries_are_those_of_T(structure: CovarianceStructure) -> None:
    """`free` says that the parameters are T's lower triangle, column by column, or its diagonal, without bounds."""
    require(structure.free in ("triangle", "diagonal", None), f"free is {structure.free!r}")
    for k in _numbers_of_columns(structure) if structure.free else ():
        columns, rows = np.triu_indices(k) if structure.free == "triangle" else (np.arange(k),) * 2
        parameters = np.arange(1.0, len(rows) + 1.0)
        T = np.zeros((k, k))
        T[rows, columns] = parameters
        close("T", structure.relative_factor(parameters, k), T, rtol=0.0, atol=0.0)
        require(not np.isfinite(structure.bounds(k)).any(), "free parameters have bounds, which no search looks at")


@LAWS.law(on=_points)
def T_is_lower_triangular(structure: CovarianceStructure, point: _Point) -> None:
    """So is every derivative of it."""
    for what, arrays in (("T", [point.T]), ("a derivative", structure.derivatives(point.parameters, point.k))):
        for array in arrays:
            require(bool(np.isfinite(array).all()), f"{what} is not finite: {array.tolist()}")
            require(not np.triu(array, 1).any(), f"{what} is not lower triangular: {array.tolist()}")


@LAWS.law(on=_points)
def derivatives_are_those_of_differences(structure: CovarianceStructure, point: _Point) -> None:
    """`derivatives` are those of `relative_factor`, also at parameters that are zero."""
    for parameters in (point.parameters, np.where(structure.scales(point.k), point.parameters, 0.0)):
        by_differences = CovarianceStructure.derivatives(structure, parameters, point.k)
        size = 1.0 + float(np.abs(by_differences).max())
        close("dT", structure.derivatives(parameters, point.k), by_differences, rtol=1e-6, atol=1e-7 * size)


@LAWS.law(on=_points)
def start_inverts(structure: CovarianceStructure, point: _Point) -> None:
    """`start` of T T' gives parameters with the same T T'."""
    again = structure.relative_factor(structure.start(point.covariance), point.k)
    size = float(np.abs(point.covariance).max())
    close("T T'", again @ again.T, point.covariance, rtol=1e-7, atol=1e-9 * size)


@LAWS.law(on=_points)
def a_start_lies_within_the_bounds(structure: CovarianceStructure, point: _Point) -> None:
    """Not on them, and where T has full rank: from a boundary no step leads away."""
    lower, upper = structure.bounds(point.k)
    inside = (point.parameters > lower) & (point.parameters < upper)
    require(bool(inside.all()), f"bounds are {lower.tolist()} and {upper.tolist()}")
    values = np.linalg.svd(point.T, compute_uv=False)
    require(bool(values[-1] > 1e-3 * values[0]), f"T has singular values {values.tolist()}")


@LAWS.law(on=_points)
def scales_multiply_T(structure: CovarianceStructure, point: _Point) -> None:
    """Parameters with c times the scales have c times T; and some parameter is a scale."""
    scales = structure.scales(point.k)
    require(bool(scales.any()), "no parameter is a scale: covariances would have no unit")
    moved = np.where(scales, 3.0 * point.parameters, point.parameters)
    close("T", structure.relative_factor(moved, point.k), 3.0 * point.T, rtol=1e-13, atol=0.0)


@LAWS.law(on=_points)
def T_is_continuous_up_to_the_bounds(structure: CovarianceStructure, point: _Point) -> None:
    """Where a parameter has a bound, T and its derivatives are finite there, and T near to it is near to it."""
    for bound in structure.bounds(point.k):
        for i in np.flatnonzero(np.isfinite(bound)):
            at, near = point.parameters.copy(), point.parameters.copy()
            at[i], near[i] = bound[i], bound[i] + 1e-9 * (point.parameters[i] - bound[i])
            T = structure.relative_factor(at, point.k)
            require(bool(np.isfinite(T).all()), f"T is not finite at the bound {bound[i]} of parameter {i}")
            require(bool(np.isfinite(structure.derivatives(at, point.k)).all()), f"dT is not, at {bound[i]} of {i}")
            size = float(np.abs(point.T).max())
            close("T", structure.relative_factor(near, point.k), T, rtol=0.0, atol=1e-3 * size)


@LAWS.law(on=_points)
def components_are_those_of_T(structure: CovarianceStructure, point: _Point) -> None:
    """What is shown are standard deviations of columns, and correlations of two; also where a scale may be negative."""
    lower, _ = structure.bounds(point.k)
    may_turn = structure.scales(point.k) & (lower <= -point.parameters)
    mirrored = np.where(may_turn, -point.parameters, point.parameters)
    for here in (point, replace(point, parameters=mirrored)):
        sd = np.sqrt(np.diagonal(here.covariance))
        correlations = (here.covariance / np.outer(sd, sd)).ravel()
        shown = structure.components(here.parameters, here.columns)
        require(bool(shown), "nothing is shown")
        for component in shown:
            require(bool(np.isclose(sd, component.sd, rtol=1e-9).any()), f"{component}: columns have {sd.tolist()}")
            for r in component.correlations:
                found = bool(np.isclose(correlations, r, rtol=1e-9, atol=1e-9).any())
                require(found, f"{component}: columns have correlations {correlations.tolist()}")


@LAWS.law(on=_points)
def inputs_are_not_changed(structure: CovarianceStructure, point: _Point) -> None:
    """Parameters and matrices may be read-only, and stay as they are."""
    parameters, covariance = read_only(point.parameters.copy(), point.covariance)
    structure.relative_factor(parameters, point.k)
    structure.derivatives(parameters, point.k)
    structure.components(parameters, point.columns)
    structure.start(covariance)
    same_bits("inputs", (parameters, covariance), (point.parameters, point.covariance))


@LAWS.law(on=_points)
def equal_questions_get_equal_bits(structure: CovarianceStructure, point: _Point) -> None:
    """The same parameters give the same T to the last bit, whatever was asked in between; answers stay as they are."""
    answer = _answers(structure, point)
    before = [array.copy() for array in answer]
    for k in _numbers_of_columns(structure):
        other = structure.start(2.0 * np.eye(k))
        structure.relative_factor(other, k)
        structure.derivatives(other, k)
    same_bits("an answer, after another question", answer, before)
    same_bits("asked again", _answers(structure, point), before)


@LAWS.law()
def threads_do_not_meet(structure: CovarianceStructure) -> None:
    """Threads that ask at different parameters get what one gets."""
    asked = [partial(_answers, structure, point) for point in _points(structure)]
    same_in_threads("relative_factor", asked)


@LAWS.law()
def structure_can_be_pickled(structure: CovarianceStructure) -> None:
    """The structure, sent to another process, gives the same bits there."""
    copy = pickled("the structure", structure)
    for point in _points(structure):
        same_bits("a pickled structure", _answers(copy, point), _answers(structure, point))


def _answers(structure: CovarianceStructure, point: _Point) -> list[Any]:
    return [structure.relative_factor(point.parameters, point.k), structure.derivatives(point.parameters, point.k)]
