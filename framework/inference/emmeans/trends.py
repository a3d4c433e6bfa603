"""Slopes of the design by a numeric variable.

Differences of nine points, each exact for polynomials of degree eight: between two knots that is ``poly``, ``ns``,
``bs`` and powers. They are repeated with a quarter of the step until they agree, which they do once no knot is between
the points, and for other smooth functions once these are polynomials to rounding.
"""

from __future__ import annotations

import numpy as np

from ...contracts.arrays import FloatArray
from ...contracts.errors import InputError
from .grid import Grid

#: First step, as a part of the variable's range.
STEP = 0.01
#: Times that it is made smaller.
TIMES = 8
#: Differences that agree to this part of the largest are the derivative.
AGREE = 1e-9
#: Slopes below this are zero.
TINY = 1e-300
#: Places of the nine points in steps: around, to the right, to the left.
STENCILS = (np.arange(-4.0, 5.0), np.arange(9.0), np.arange(-8.0, 1.0))


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
    axes = tuple(range(len(grid.axes)))
    before, error = None, np.inf
    for step in (STEP * ((high - low) or 1.0) * 0.25**n for n in range(TIMES)):
        found, rounding = _difference(grid, name, step)
        if before is not None:
            off = np.abs(found - before).max(axis=axes) - rounding
            error = float((off / np.maximum(np.abs(found).max(axis=axes), TINY)).max(initial=0.0))
            if error < AGREE:
                return before  # of the larger step, with the smaller rounding
        before = found
    raise InputError(
        f"the columns of X have no derivative by {name} at all points of the grid (differences agree to {error:.0e}): "
        "at= gives other points, away from jumps and edges"
    )


def _difference(grid: Grid, name: str, step: float) -> tuple[FloatArray, FloatArray]:
    """By points around, or to one side where the others are outside of what the formula is defined for.

    And how much of it may be rounding, by column.
    """
    problem: InputError | None = None
    for stencil in STENCILS:
        try:
            rows = np.array([grid.rows({name: move}) for move in (step * stencil).tolist()])
        except InputError as error:
            problem = problem or error
            continue
        weights = _weights(stencil) / step
        # from the middle, so that what does not change has a slope of exactly zero
        slopes = np.tensordot(weights, rows - rows[stencil == 0.0], axes=1)
        largest = np.abs(rows).max(axis=tuple(range(rows.ndim - 1)))
        return np.asarray(slopes), 8.0 * np.finfo(float).eps * np.abs(weights).sum() * largest
    assert problem is not None
    raise problem


def _weights(stencil: FloatArray) -> FloatArray:
    """Of the values at these places, for the slope at 0 of the polynomial through them."""
    wanted = np.zeros(len(stencil))
    wanted[1] = 1.0
    return np.asarray(np.linalg.solve(np.vander(stencil, increasing=True).T, wanted))
