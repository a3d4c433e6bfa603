"""Takahashi's recursion against the whole inverse, on patterns with narrow, wide, and many supernodes."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.backends.linalg import selected_inversion
from ranef.backends.linalg.selected_inversion import SelectedInversion
from ranef.contracts.arrays import BoolArray, FloatArray, IntArray


def filled(pattern: BoolArray) -> BoolArray:
    """The lower triangle with all fill of elimination in the given order, by the definition."""
    closed = np.tril(pattern | pattern.T) | np.eye(len(pattern), dtype=bool)
    for j in range(len(pattern)):
        below = np.flatnonzero(closed[j + 1 :, j]) + j + 1
        closed[np.ix_(below, below)] = True
    return np.tril(closed)


def by_columns(pattern: BoolArray) -> tuple[IntArray, IntArray]:
    """Column pointers and row indices."""
    return np.concatenate([[0], np.cumsum(pattern.sum(axis=0))]), np.nonzero(pattern.T)[1]


def random_pattern(n: int) -> BoolArray:
    return np.random.default_rng(n).random((n, n)) < 2.0 / n


def arrow(leaves: int, width: int, dense: int) -> BoolArray:
    """Leaves of `width` columns each, which meet three of the last `dense` columns: two crossed factors."""
    n = leaves * width + dense
    pattern = np.zeros((n, n), dtype=bool)
    rng = np.random.default_rng(0)
    for leaf in range(leaves):
        own = slice(leaf * width, (leaf + 1) * width)
        pattern[own, own] = True
        pattern[leaves * width + rng.choice(dense, 3, replace=False), own] = True
    pattern[leaves * width :, leaves * width :] = True
    return pattern


PATTERNS = {
    "diagonal": np.eye(5, dtype=bool),
    "one entry": np.eye(1, dtype=bool),
    "tridiagonal": np.abs(np.subtract.outer(np.arange(30), np.arange(30))) <= 1,
    "dense and narrow": np.ones((6, 6), dtype=bool),
    "dense and wide": np.ones((40, 40), dtype=bool),
    "random": random_pattern(60),
    "random with a forest": random_pattern(25),
    "arrow": arrow(leaves=20, width=1, dense=30),
    "arrow of blocks": arrow(leaves=12, width=3, dense=10),
    "wide leaves": arrow(leaves=3, width=30, dense=5),
}


def check(pattern: BoolArray) -> None:
    lower = filled(pattern)
    rng = np.random.default_rng(1)
    L: FloatArray = np.where(lower, rng.normal(size=lower.shape), 0.0)
    np.fill_diagonal(L, rng.uniform(2.0, 4.0, len(L)))
    inversion = SelectedInversion(*by_columns(lower))
    Z = inversion.run(L.T[lower.T])
    inverse = np.linalg.inv(L @ L.T)
    rows, columns = np.nonzero(lower)
    np.testing.assert_allclose(Z[inversion.find(rows, columns)], inverse[rows, columns], rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(Z[inversion.find(columns, rows)], Z[inversion.find(rows, columns)])


@pytest.mark.parametrize("name", PATTERNS)
def test_equals_the_whole_inverse_on_the_pattern(name: str) -> None:
    check(PATTERNS[name])


@pytest.mark.parametrize("name", PATTERNS)
def test_small_batches_and_no_kept_plan_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What large problems do for lack of memory."""
    monkeypatch.setattr(selected_inversion, "LARGEST_BATCH", 30)
    monkeypatch.setattr(selected_inversion, "LARGEST_PLAN", 20)
    check(PATTERNS[name])


def test_predicted_work_grows_with_fill() -> None:
    sparse, full = (
        SelectedInversion(*by_columns(filled(PATTERNS[name]))) for name in ("tridiagonal", "dense and wide")
    )
    diagonal = SelectedInversion(*by_columns(np.eye(40, dtype=bool)))
    assert diagonal.work() < full.work()
    assert diagonal.work() < sparse.work()
