"""Roots of covariance matrices in other bases."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.design.basis import lower_root


@pytest.mark.parametrize("distance", [1.0, 1e-4, 1e-8, 1e-12])
def test_the_lower_root_has_the_gram_matrix_to_rounding(distance: float) -> None:
    # Rows that are nearly the same: what is left of one beside the other is a difference without digits.
    rng = np.random.default_rng(3)
    A = rng.normal(size=(4, 4))
    A[1] = A[0] + distance * A[1]
    L = lower_root(A)
    np.testing.assert_allclose(L @ L.T, A @ A.T, rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(L, np.tril(L))
    assert (np.diagonal(L) > 0.0).all()
