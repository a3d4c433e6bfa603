"""The deviance by dense matrices: its derivatives, and inverses by halves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranef.many.combinations import Combinations
from ranef.many.dense import DenseDeviance
from ranef.many.linear_road import LinearRoad
from ranef.many.matrices import invert

from .make import linear


@pytest.mark.parametrize("name", ["crossed", "nested_ml", "slopes_in_two"])
def test_gradient_and_hessian_are_differences(name: str) -> None:
    fit, Y = linear(name, 2)
    model = fit._fit.model
    road = LinearRoad.of(model, Combinations.given(None, model.labels.fixed))
    assert road is not None
    assert isinstance(road.criterion, DenseDeviance)
    responses = road.criterion.sums.of_responses(Y)
    x = 1.1 * road.criterion.start(responses)
    here: Any = road.criterion.at(x, responses)
    for i in range(len(x)):
        step = np.zeros_like(x)
        step[i] = 1e-5
        above, below = (road.criterion.at(x + sign * step, responses) for sign in (1.0, -1.0))
        np.testing.assert_allclose((above.value - below.value) / 2e-5, here.gradient[i], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose((above.gradient - below.gradient) / 2e-5, here.hessian[i], rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(("size", "diagonal"), [(7, 0), (7, 3), (33, 0), (33, 12), (48, 24)])
def test_inverses_are_those_of_lapack(size: int, diagonal: int) -> None:
    rng = np.random.default_rng(size)
    B = rng.normal(size=(3, size, size))
    A = B @ B.swapaxes(1, 2) + size * np.eye(size)
    first = A[:, :diagonal, :diagonal]
    first[:] = np.where(np.eye(diagonal, dtype=bool), first, 0.0)
    own = A.copy()
    logdet = invert(own, diagonal)
    np.testing.assert_allclose(own, np.linalg.inv(A), atol=1e-12)
    np.testing.assert_allclose(logdet, np.linalg.slogdet(A)[1], rtol=1e-13)


def test_matrices_that_are_not_positive_definite_have_no_logarithm_of_a_determinant() -> None:
    A = np.stack([np.eye(24), np.eye(24)])
    A[1, 20, 20] = -1.0
    with np.errstate(invalid="ignore"):
        assert np.isnan(invert(A)).tolist() == [False, True]
