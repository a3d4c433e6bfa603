"""Sums over the rows of each level are those of a loop, however the rows stand."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.design.row_sums import LONG, MANY_ROWS, RowSums

LEVELS = 9
#: How rows stand, and whether runs of them are summed first.
ORDERS = {
    "level by level": (np.repeat(np.arange(LEVELS), 200), True),
    "levels in another order": (np.repeat([4, 0, 8, 1, 7, 2, 3, 6, 5], 200), True),
    "a level without rows": (np.repeat([0, 1, 3, 8], 400), True),
    "levels twice": (np.repeat([3, 1, 3, 0, 8, 1], 300), True),
    "a run of one row": (np.repeat([2, 5, 2], [700, 1, 600]), True),
    "at random": (np.random.default_rng(1).integers(0, LEVELS, 1_500), False),
    "a few rows": (np.repeat(np.arange(LEVELS), 20), False),
    "short runs": (np.tile(np.arange(LEVELS), 200), False),
}


@pytest.mark.parametrize("order", ORDERS)
def test_sums_are_those_of_a_loop(order):
    codes, runs = ORDERS[order]
    sums, rng = RowSums(codes, LEVELS), np.random.default_rng(2)
    a, b, effects = rng.normal(size=len(codes)), rng.normal(size=len(codes)), rng.normal(size=LEVELS)
    assert (sums._runs is not None) == runs
    expected = [sum(x * z for x, z, code in zip(a, b, codes, strict=True) if code == level) for level in range(LEVELS)]
    np.testing.assert_allclose(sums(a, None, b), expected, atol=1e-11)
    np.testing.assert_array_equal(sums(None), [(codes == level).sum() for level in range(LEVELS)])
    np.testing.assert_array_equal(sums.spread(effects), [effects[code] for code in codes])


@pytest.mark.parametrize(("levels", "each", "runs"), [(60, LONG, True), (60, LONG - 1, False), (2, MANY_ROWS, True)])
def test_runs_are_used_where_they_are_long(levels, each, runs):
    assert (RowSums(np.repeat(np.arange(levels), each), levels)._runs is not None) == runs
