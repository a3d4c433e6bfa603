"""Slopes of the design by a numeric variable.

Differences of nine points to either side, which are exact for polynomials of degree eight: between two knots that is
``poly``, ``ns``, ``bs`` and powers. The step is made smaller until both sides agree, which they do once there is no
knot among the points, and for other smooth functions once these are polynomials to rounding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...contracts.arrays import FloatArray
from ...contracts.errors import InputError
from .grid import Axis, Grid

#: First step, as a part of the variable's range.
STEP = 0.01
#: Times that it is made smaller, to a quarter.
TIMES = 9
#: Slopes that agree to this part of the largest are one.
AGREE = 1e-9
#: Places of the points in steps.
RIGHT, AROUND, LEFT = np.arange(9.0), np.arange(-4.0, 5.0), np.arange(-8.0, 1.0)


def slopes(grid: Grid, name: str) -> FloatArray:
    """Derivatives of the grid's rows by a variable, (k1, k2, ..., p).

    Raises
    ------
    InputError
        For variables that are no numbers, and values where the design has no derivative.
    """
    observed = grid.terms.observed
    assert observed is not None
    if name not in observed.means:
        known = ", ".join(observed.means) or "none"
        raise InputError(f"var must be a numeric variable of the fixed part; got {name!r}, and there is: {known}")
    if name not in grid.names:
        raise InputError(f"at= makes {name!r} a function of other variables: it has no slope of its own")
    low, high = observed.ranges[name]
    step, place = STEP * ((high - low) or 1.0), grid.names.index(name)
    return np.concatenate([_at(_with_value(grid, place, v), name, v, step) for v in grid[name].values], axis=place)


def _with_value(grid: Grid, place: int, value: float) -> Grid:
    axes = list(grid.axes)
    axes[place] = Axis(axes[place].name, axes[place].kind, (value,))
    return replace(grid, axes=tuple(axes))


def _at(grid: Grid, name: str, value: float, step: float) -> FloatArray:
    """Where the variable has one value: by both sides, or by one where the formula is not defined on the other."""
    before = None
    for h in step * 0.25 ** np.arange(TIMES):
        sides, problem = _sides(grid, name, float(h))
        if problem is not None and len(sides) == 0:
            raise problem
        right, other = sides[0], sides[1] if len(sides) > 1 else before
        if other is not None and _agree(right, other):
            return sides[-1][0]
        before = right
    raise InputError(
        f"the columns of X have no derivative by {name} at {value:g}: slopes to its left and right differ. at= gives "
        "other points, away from jumps and corners"
    )


def _agree(one: tuple[FloatArray, FloatArray], other: tuple[FloatArray, FloatArray]) -> bool:
    """Whether slopes are equal but for their rounding."""
    (a, rounding_a), (b, rounding_b) = one, other
    axes = tuple(range(a.ndim - 1))
    off = np.abs(a - b).max(axis=axes) - rounding_a - rounding_b
    return bool((off <= AGREE * np.abs(a).max(axis=axes)).all())


def _sides(grid: Grid, name: str, h: float) -> tuple[list[tuple[FloatArray, FloatArray]], InputError | None]:
    """Slopes to the right and the left, and from around, as far as there are such, each with its rounding."""
    rows: dict[float, FloatArray] = {}
    found: list[tuple[FloatArray, FloatArray]] = []
    problem = None
    for stencil in (RIGHT, LEFT, AROUND):
        try:
            rows |= {place: grid.rows({name: h * place}) for place in stencil.tolist() if place not in rows}
        except InputError as error:
            problem = error
            continue
        if stencil is AROUND and len(found) < 2:
            continue
        found.append(_slope(np.array([rows[place] for place in stencil.tolist()]), stencil, h))
    return found, problem


def _slope(rows: FloatArray, stencil: FloatArray, h: float) -> tuple[FloatArray, FloatArray]:
    """Of the polynomials through the rows, and how much of it may be rounding, by column."""
    wanted = np.zeros(len(stencil))
    wanted[1] = 1.0
    weights = np.linalg.solve(np.vander(stencil, increasing=True).T, wanted) / h
    # from the middle, so that what does not change has a slope of exactly zero
    slope = np.tensordot(weights, rows - rows[stencil == 0.0], axes=1)
    largest = np.abs(rows).max(axis=tuple(range(rows.ndim - 1)))
    return np.asarray(slope), 8.0 * np.finfo(float).eps * np.abs(weights).sum() * largest
