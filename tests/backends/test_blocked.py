"""Laws of the blocked backend beyond those that every backend obeys."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.backends.linalg import elimination
from ranef.backends.linalg.blocked import Blocked
from ranef.contracts.arrays import FloatArray
from ranef.contracts.linalg import GroupingFactor, Structure
from ranef.testkit.structures import Case

from .cases import CASES


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param](np.random.default_rng(11))


def _slogdet(case: Case, theta: FloatArray) -> float:
    return float(np.linalg.slogdet(case.M(theta))[1])


@pytest.mark.parametrize("boundary", [False, True])
def test_logdet_gradient_is_the_derivative_of_logdet(case: Case, boundary: bool) -> None:
    """d log|M| / dtheta by central differences of numpy.linalg.slogdet, inside and at a singular T."""
    rng = np.random.default_rng(5)
    theta = rng.normal(size=case.structure.n_theta)
    if boundary:
        last = np.concatenate([f.theta_columns == f.n_columns - 1 for f in case.structure.factors])
        theta[last] = 0.0
    factor = Blocked().analyze(case.structure).factorize(case.ZtWZ, theta)
    gradient = case.structure.theta_of(factor.logdet_gradient())
    h = 1e-5
    differences = np.array(
        [(_slogdet(case, theta + h * e) - _slogdet(case, theta - h * e)) / (2 * h) for e in np.eye(len(theta))]
    )
    np.testing.assert_allclose(gradient, differences, rtol=1e-7, atol=1e-7)


def two_meetings_each(n_dense: int) -> Structure:
    """A factor whose levels meet two of another one's each: this is left as a dense block."""
    one, levels = np.array([0]), np.arange(n_dense + 1)
    rows, columns = np.repeat(levels, 2), np.column_stack([levels, levels + 1]).ravel() % n_dense
    order = np.lexsort((columns, rows))
    factors = (GroupingFactor("f", n_dense + 1, 1, one, one), GroupingFactor("g", n_dense, 1, one, one))
    return Structure(factors, {(0, 1): (rows[order], columns[order])})


@pytest.mark.parametrize(("n_dense", "possible"), [(20_000, True), (20_001, False)])
def test_a_dense_block_of_more_than_some_gigabytes_is_refused(n_dense: int, possible: bool) -> None:
    # 8 bytes x 20,000^2 = 3.2 GB, of which the cost is found without allocating any.
    assert np.isfinite(Blocked().cost(two_meetings_each(n_dense))) == possible


def test_plans_made_anew_by_chunks_give_the_same(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans too large to keep are rebuilt chunk by chunk: same factor, same derivatives."""
    theta = np.random.default_rng(6).normal(size=case.structure.n_theta)
    whole = Blocked().analyze(case.structure).factorize(case.ZtWZ, theta)
    monkeypatch.setattr(elimination, "KEEP", 0)
    monkeypatch.setattr(elimination, "CHUNK", 5)
    chunked = Blocked().analyze(case.structure).factorize(case.ZtWZ, theta)
    assert chunked.logdet == pytest.approx(whole.logdet, rel=1e-13)
    for a, b in zip(chunked.logdet_gradient(), whole.logdet_gradient(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)
    for a, b in zip(chunked.selected_inverse().diagonal, whole.selected_inverse().diagonal, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
