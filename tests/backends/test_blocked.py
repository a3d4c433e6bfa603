"""Laws of the blocked backend beyond those that every backend obeys."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ranef.backends.linalg import elimination
from ranef.backends.linalg.blocked import SMALL, Blocked
from ranef.contracts.linalg import Blocks, Grouping, Pattern
from ranef.design.mixed import build_design
from ranef.testkit.structures import CASES, Case


@pytest.fixture(params=[name for name in CASES if "known_precision" not in name])
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param](np.random.default_rng(11))


@pytest.fixture(params=[0, SMALL], ids=["by steps", "whole"])
def small(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def _slogdet(case: Case, T: Blocks) -> float:
    return float(np.linalg.slogdet(case.M(T))[1])


@pytest.mark.parametrize("boundary", [False, True])
def test_logdet_gradient_is_the_derivative_of_logdet(case: Case, boundary: bool, small: int) -> None:
    """d log|M| / dtheta by central differences of numpy.linalg.slogdet, inside and at a singular T."""
    rng = np.random.default_rng(5)
    T = case.roots(lambda shape: rng.normal(size=shape))
    if boundary:
        for t in T:
            t[:, -1] = 0.0
    factor = Blocked(small).analyze(case.pattern).factorize(case.ZtWZ, T)
    h = 1e-5
    for j, by_T in enumerate(factor.logdet_gradient()):
        for r, c in zip(*np.tril_indices(len(by_T)), strict=True):
            above, below = (tuple(t.copy() for t in T) for _ in range(2))
            above[j][r, c] += h
            below[j][r, c] -= h
            difference = (_slogdet(case, above) - _slogdet(case, below)) / (2 * h)
            np.testing.assert_allclose(by_T[r, c], difference, rtol=1e-7, atol=1e-7)


def two_meetings_each(n_dense: int) -> Pattern:
    """A factor whose levels meet two of another one's each: this is left as a dense block."""
    levels = np.arange(n_dense + 1)
    rows, columns = np.repeat(levels, 2), np.column_stack([levels, levels + 1]).ravel() % n_dense
    order = np.lexsort((columns, rows))
    factors = (Grouping("f", n_dense + 1, 1), Grouping("g", n_dense, 1))
    return Pattern(factors, {(0, 1): (rows[order], columns[order])})


@pytest.mark.parametrize(("n_dense", "possible"), [(20_000, True), (20_001, False)])
def test_a_dense_block_of_more_than_some_gigabytes_is_refused(n_dense: int, possible: bool) -> None:
    # 8 bytes x 20,000^2 = 3.2 GB, of which the cost is found without allocating any.
    assert np.isfinite(Blocked().cost(two_meetings_each(n_dense))) == possible


def test_plans_made_anew_by_chunks_give_the_same(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans too large to keep are rebuilt chunk by chunk: same factor, same derivatives."""
    rng = np.random.default_rng(6)
    T = case.roots(lambda shape: rng.normal(size=shape))
    whole = Blocked(0).analyze(case.pattern).factorize(case.ZtWZ, T)
    monkeypatch.setattr(elimination, "KEEP", 0)
    monkeypatch.setattr(elimination, "CHUNK", 5)
    chunked = Blocked(0).analyze(case.pattern).factorize(case.ZtWZ, T)
    assert chunked.logdet == pytest.approx(whole.logdet, rel=1e-13)
    for a, b in zip(chunked.logdet_gradient(), whole.logdet_gradient(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)
    for a, b in zip(chunked.selected_inverse().diagonal, whole.selected_inverse().diagonal, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)


def test_levels_with_little_to_say_leave_all_digits(small: int) -> None:
    """Intercepts and slopes of large variance, of levels with one row or two: N has no digits, R N R' has all.

    log|M| is log|I + Z T T'Z'|, here by rational numbers.
    """
    rng = np.random.default_rng(4)
    g, h, x = np.repeat(np.arange(12), [1, 1, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3]), np.arange(22) % 4, rng.normal(size=22)
    y, X = rng.normal(size=22), np.ones((22, 1))
    random = build_design(y, X, {"g": g, "h": h}, random_effects={"g": "1 + x"}, random_data={"x": x}).random
    T = np.array([[900.0, 0.0], [-300.0, 700.0]]), np.array([[800.0]])
    columns = [np.ones(22) if z is None else z for z in random.groups[0].columns]
    B = np.hstack([*(np.eye(12)[g] * z[:, None] for z in (np.array(columns).T @ T[0]).T), 800.0 * np.eye(4)[h]])
    rows = [[Fraction(b) for b in row] for row in B.tolist()]
    V = [
        [int(i == j) + sum(a * b for a, b in zip(one, other, strict=True)) for j, other in enumerate(rows)]
        for i, one in enumerate(rows)
    ]
    exact = 0.0
    for i in range(22):
        exact += np.log(float(V[i][i]))
        for j in range(i + 1, 22):
            factor = V[j][i] / V[i][i]
            V[j] = [a - factor * b for a, b in zip(V[j], V[i], strict=True)]
    factor = Blocked(small).analyze(random.pattern).factorize(random.ZtWZ(None), T)
    assert factor.logdet == pytest.approx(exact, abs=1e-8)
