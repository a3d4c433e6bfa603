"""Marginal means and slopes of a fit by formula, and tests of its terms by them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from ...contracts.arrays import AnyArray, BoolArray, FloatArray, real_number
from ...contracts.errors import InputError, shown
from ...display.records import Table
from ...estimation.generalized import GeneralizedFit
from ...estimation.model import Fit
from ...formula.observed import columns_behind
from ...formula.terms import Terms
from ..methods import Method
from ..thresholds import ordered_family_of
from .average import WEIGHTS, averages, occur
from .families import crossed
from .grid import Axis, Grid, reference_grid
from .joint import joint_tests_by
from .linear import Linear, names_of
from .nesting import nestings, with_outer
from .record import MarginalMeans, summarized
from .responses import cells, differ_by_cell, of_responses
from .scale import Scale, scale_of
from .trends import slopes

INTERACTIONS = "averaged over levels that interact with these: the differences may not be the same at all of them"


def marginal_means(
    fit: Fit,
    terms: Terms | None,
    method: Method,
    specs: Any,
    *,
    by: Any = None,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
    offset: Any = None,
    adjust: str | None = None,
    level: Any = 0.95,
    on: str = "link",
) -> MarginalMeans:
    """Means of the reference grid for each combination of `specs` and `by`.

    Raises
    ------
    InputError, InputTypeError
        For fits of arrays, variables that the fixed part does not have, or words that there are not.
    """
    known = by_formula(terms, "marginal means")
    grid = reference_grid(known, at)
    scale = scale_of(fit, known)
    assert known.observed is not None
    there = known.observed.offset or 0.0
    added = there if offset is None else real_number(offset, "offset")
    if on == "response" and isinstance(fit, GeneralizedFit) and differ_by_cell(fit):
        linear = _averaged(fit, method, grid, cells(fit, grid, added), specs, by, weights, scale, "means", added)
        linear = of_responses(linear, fit)
    else:
        linear = _averaged(fit, method, grid, grid.rows(), specs, by, weights, scale, "means", added)
    if known.observed.offset is None or offset is not None:
        return summarized(linear, adjust, level, on)
    said = f"The offset is at its mean, {added:.4g}"
    return summarized(replace(linear, notes=(*linear.notes, said)), adjust, level, on)


def marginal_slopes(
    fit: Fit,
    terms: Terms | None,
    method: Method,
    specs: Any,
    var: Any,
    *,
    by: Any = None,
    at: Mapping[str, Any] | None = None,
    weights: str = "equal",
    adjust: str | None = None,
    level: Any = 0.95,
) -> MarginalMeans:
    """Slopes by `var` of the reference grid, averaged as means are; on the scale of the linear predictor.

    Raises
    ------
    InputError, InputTypeError
        As `marginal_means`, and where there is no derivative.
    """
    grid = reference_grid(by_formula(terms, "marginal slopes"), at)
    if not isinstance(var, str):
        raise InputError(f"var must be the name of a numeric variable; got {shown(var)}")
    rows = slopes(grid, var)
    linear = _averaged(fit, method, grid, rows, specs, by, weights, Scale(), "slopes", 0.0, var)
    made = summarized(linear, adjust, level, "link")
    return replace(made, headers={**made.headers, "estimate": f"{var} slope"})


def joint_tests(
    fit: Fit, terms: Terms | None, method: Method, by: Any = None, at: Mapping[str, Any] | None = None
) -> Table:
    """Tests of all terms by equally weighted means: main effects, then interactions, at each level of `by`.

    Numeric variables take their means less and plus 1, as in emmeans, so that their slopes are tested.

    Raises
    ------
    InputError, InputTypeError
        As `marginal_means`.
    """
    known = by_formula(terms, "joint tests")
    groups = names_of(by, "by")
    grid = _around_means(reference_grid(known, at), at or {})
    _check_names(grid, groups, "by")
    rows = grid.rows()
    free = [axis.name for axis in grid.axes if len(axis.values) > 1 and axis.name not in groups]
    tests = []
    nested = list(nestings(grid))
    for size in range(1, len(free) + 1):
        for names in combinations(free, size):
            around = [name for name in names if any(outer == name and inner in names for inner, outer in nested)]
            inside = [name for name in names if name not in around]
            alone = any(inner in names and outer not in (*names, *groups) for inner, outer in nested)
            if not alone and _in_a_term(inside, known):
                L = averages(grid, rows, [*inside, *around, *groups], "equal")
                there = occur(grid, [*inside, *around, *groups])
                axes = [grid[name] for name in inside]
                for key, block, occurs in _blocks(L, there, [grid[name] for name in groups]):
                    parts = _blocks(block, occurs, [grid[name] for name in around])
                    of_parts = [_differences(axes, part, seen) for _, part, seen in parts]
                    tests.append(({"term": ":".join(names), **key}, np.concatenate(of_parts)))
    return joint_tests_by(fit, method, tests, title=f"Joint tests of terms by {method.title}", frame=known.frame)


def by_formula(terms: Terms | None, what: str) -> Terms:
    """The terms of a fit.

    Raises
    ------
    InputError
        For fits of arrays.
    """
    if terms is None:
        raise InputError(
            f"{what} need the terms of a formula, and this model was fitted to arrays: fit it by a formula, as in "
            "ranef.lmm('y ~ f + x + (1 | g)', data), or give the rows of the means to contrast(L)"
        )
    return terms


def _averaged(
    fit: Fit,
    method: Method,
    grid: Grid,
    rows: FloatArray,
    specs: Any,
    by: Any,
    weights: Any,
    scale: Scale,
    what: str,
    offset: float,
    var: str = "",
) -> Linear:
    names, groups = names_of(specs, "specs"), names_of(by, "by")
    _check_names(grid, names, "specs")
    _check_names(grid, groups, "by")
    if both := set(names) & set(groups):
        raise InputError(f"{', '.join(sorted(both))} is in specs and in by: name it once")
    if weights not in WEIGHTS:
        raise InputError(f"weights must be one of {', '.join(map(repr, WEIGHTS))}; got {shown(weights)}")
    groups = with_outer(grid, groups, names)
    names = with_outer(grid, names, groups)
    kept = [*names, *groups]
    _refuse_different_effects(fit, grid.terms, [*kept, *[var] * bool(var)], what)
    there = occur(grid, kept)
    L = averages(grid, rows, kept, weights)[there]
    axes = [grid[name] for name in kept]
    labels = {axis.name: axis.labels[code][there] for axis, code in zip(axes, _expanded(axes), strict=True)}
    if not labels:
        labels = {"mean": np.array(["overall"], dtype=object)}
    return Linear(
        fit=fit,
        method=method,
        labels=labels,
        by=groups,
        L=L,
        offset=np.full(len(L), offset),
        scale=scale,
        what=what,
        notes=tuple(_notes(grid, kept, var, weights)),
        frame=grid.terms.frame,
    )


def _expanded(axes: Sequence[Axis]) -> list[AnyArray]:
    """Places of all combinations of the axes' values, the first axis fastest, as in R's expand.grid."""
    shape = [len(axis.values) for axis in axes]
    return [code.ravel(order="F") for code in np.indices(shape)] if axes else []


def _refuse_different_effects(fit: Fit, terms: Terms, names: Sequence[str], what: str) -> None:
    """Of variables whose effects differ between thresholds the linear predictor has that on the first one."""
    if ordered_family_of(fit) is None:
        return
    encoders = [terms.parameters[name] for name in fit.labels.parameters]
    different = {name for own in encoders for name in columns_behind(own.plan.in_fixed, own.plan.names)}
    if both := [name for name in names if name in different]:
        raise InputError(
            f"marginal {what}: the effect of {', '.join(both)} differs between the thresholds, and the scale of the "
            "link has that on the first one only: thresholds_at(newdata, minus=other) has all of them, and "
            "probabilities(newdata) what they make of the categories"
        )


def _check_names(grid: Grid, names: Sequence[str], argument: str) -> None:
    if unknown := [name for name in names if name not in grid.names]:
        has = ", ".join(grid.names) or "none"
        hint = ". A formula is written as emmeans(['a', 'b'], by='c')" if set("~|:*") & set("".join(unknown)) else ""
        raise InputError(f"{argument} names {', '.join(unknown)}; the variables of the reference grid are: {has}{hint}")


def _notes(grid: Grid, kept: Sequence[str], var: str, weights: str) -> Iterator[str]:
    over = [axis.name for axis in grid.axes if axis.name not in kept and len(axis.values) > 1]
    if over:
        yield f"Averaged over {', '.join(over)}" + ("" if weights == "equal" else f" with {weights} weights")
    fixed = [axis for axis in grid.axes if axis.kind == "number" and len(axis.values) == 1 and axis.name not in kept]
    if fixed:
        yield "At " + ", ".join(f"{axis.name} = {axis.values[0]:.5g}" for axis in fixed)
    for inner, outer in nestings(grid):
        yield f"{inner} is nested in {outer}: combinations that do not occur are left out"
    involved = [*kept, var] if var else kept
    if involved and _in_a_term(involved, grid.terms, more=True):
        yield f"NOTE: {INTERACTIONS}"


def _in_a_term(names: Sequence[str], terms: Terms, more: bool = False) -> bool:
    """Whether a term has all of these variables, and with `more` others besides."""
    assert terms.observed is not None
    variables = [*terms.observed.means, *terms.observed.crossed]
    for term in terms.fixed.values():
        inside = {v for v in variables if any(_mentions(factor, v) for factor in term.factors)}
        if set(names) <= inside and (len(inside) > len(set(names)) or not more):
            return True
    return False


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.]|\s*\()", text) is not None


# Terms --------------------------------------------------------------------------------------------------------------


def _around_means(grid: Grid, at: Mapping[str, Any]) -> Grid:
    axes, counts = [], grid.counts
    for j, axis in enumerate(grid.axes):
        if axis.kind == "number" and len(axis.values) == 1 and axis.name not in at:
            axis = Axis(axis.name, axis.kind, (axis.values[0] - 1.0, axis.values[0] + 1.0))
            counts = np.repeat(counts, 2, axis=j)
        axes.append(axis)
    return replace(grid, axes=tuple(axes), counts=counts)


def _blocks(
    L: FloatArray, there: BoolArray, groups: Sequence[Axis]
) -> Iterator[tuple[dict[str, Any], FloatArray, BoolArray]]:
    """Rows of each combination of the groups' values, which vary slowest, the first of them fastest; none that is not.

    With which of the rows are `there`.
    """
    shape = [len(axis.values) for axis in reversed(groups)]
    parts = (np.split(rows, int(np.prod(shape))) for rows in (L, there))
    for code, block, occurs in zip(np.ndindex(*shape), *parts, strict=True):
        if occurs.any():
            yield {axis.name: axis.values[c] for axis, c in zip(groups, reversed(code), strict=True)}, block, occurs


def _differences(axes: Sequence[Axis], L: FloatArray, there: BoolArray) -> FloatArray:
    """Products of differences of consecutive values that are there, the first axis fastest; rounding is left out."""
    seen = there.reshape([len(axis.values) for axis in reversed(axes)]).T
    own = [np.flatnonzero(seen.any(axis=tuple(k for k in range(seen.ndim) if k != j))) for j in range(seen.ndim)]
    C = crossed(
        [
            np.eye(len(axis.values))[values[1:]] - np.eye(len(axis.values))[values[:-1]]
            for axis, values in zip(axes, own, strict=True)
        ]
    )
    used = (C != 0.0).any(axis=0)
    C, L = C[:, used], L[used]
    made = C @ L
    made[np.abs(made) <= 1e-13 * (np.abs(C) @ np.abs(L))] = 0.0
    return np.asarray(made)
