"""Descents with full matrices T: their gradient, and that only T T' counts."""

from __future__ import annotations

import numpy as np
import pytest

import ranef
from ranef.estimation.basins import _FullRoots


@pytest.fixture(scope="module")
def full():
    rng = np.random.default_rng(3)
    g, h = np.repeat(np.arange(6), 10), np.tile(np.arange(10), 6)
    x = rng.normal(size=60)
    y = x + rng.normal(size=6)[g] + rng.normal(size=6)[g] * x + rng.normal(size=10)[h] + rng.normal(size=60)
    X, effects = np.column_stack([np.ones(60), x]), {"g": "1 + x"}
    fit = ranef.lmm(y, X, {"g": g, "h": h}, random_effects=effects, random_data={"x": x})
    return _FullRoots(fit._fit.factorized().criterion.exact)


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_by_full_matrices_is_that_of_differences(full, seed):
    at = np.random.default_rng(seed).normal(size=5)
    _, gradient = full(at)
    steps = 1e-6 * np.eye(5)
    differences = [(full(at + step)[0] - full(at - step)[0]) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-6)


def test_the_sign_of_a_standard_deviation_changes_nothing(full):
    one, other = np.array([0.5, 1.0, 0.4, -0.3, 0.7]), np.array([-0.5, 1.0, 0.4, -0.3, 0.7])
    (value, gradient), (same, turned) = full(one), full(other)
    assert value == pytest.approx(same, abs=1e-9)
    np.testing.assert_allclose(turned, gradient * [-1, 1, 1, 1, 1], rtol=1e-9)


def test_orthogonal_turns_of_T_change_nothing(full):
    T, angle = np.array([[1.0, 0.4], [-0.3, 0.7]]), 0.8
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    values = [full(np.append(0.5, matrix.ravel()))[0] for matrix in (T, T @ turn)]
    assert values[0] == pytest.approx(values[1], abs=1e-9)
