"""theta of terms with and without a covariance structure, and T from it."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.contracts import CovarianceStructure
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.covariances import CompoundSymmetry, FirstOrderAutoregressive
from ranef.design.mixed import build_design
from ranef.estimation.parameters import Parameters

UNIT = 100.0


class Narrow(CovarianceStructure):
    """A standard deviation between 1/2 and 2, and no more than that."""

    name = "narrow"

    def names(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        return ("sd",)

    def scales(self, k: int) -> BoolArray:
        return np.array([True])

    def bounds(self, k: int) -> tuple[FloatArray, FloatArray]:
        return np.array([0.5]), np.array([2.0])

    def relative_factor(self, parameters: FloatArray, k: int) -> FloatArray:
        return np.asarray(parameters[0] * np.eye(k))

    def start(self, covariance: FloatArray) -> FloatArray:
        return np.sqrt([np.mean(np.diagonal(covariance))])


def parameters(*structures: CovarianceStructure | None) -> Parameters:
    """Of terms (0 + a + b | g), (0 + c + d | g) with structures, and (1 + x | h), whose columns are made orthogonal."""
    rng = np.random.default_rng(0)
    sign = rng.choice([-1.0, 1.0], 60)
    data = {name: UNIT * np.roll(sign, i) for i, name in enumerate("abcd")} | {"x": rng.normal(5.0, 1.0, 60)}
    design = build_design(
        rng.normal(size=60),
        np.ones((60, 1)),
        {"g": np.arange(60) % 6, "h": np.arange(60) // 6},
        random_effects={"g": [["a", "b"], ["c", "d"]][: len(structures)], "h": ["1", "x"]},
        random_data=data,
        covariance={"g": list(structures)},
    )
    return Parameters(design.random.groups)


#: Three of compound symmetry, two of ar1, three of (1 + x | h).
BOTH = parameters(CompoundSymmetry(), FirstOrderAutoregressive())
THETA = np.array([1.5, 0.5, 0.3, 2.0, -0.4, 1.0, 0.2, 0.7])


def test_T_has_a_block_for_each_term() -> None:
    g, h = BOTH.T(THETA)
    np.testing.assert_array_equal(g[:2, :2], CompoundSymmetry().relative_factor(THETA[:3], 2))
    np.testing.assert_array_equal(g[2:, 2:], FirstOrderAutoregressive().relative_factor(THETA[3:5], 2))
    np.testing.assert_array_equal(g[2:, :2], 0.0)
    np.testing.assert_array_equal(h, [[1.0, 0.0], [0.2, 0.7]])


def test_the_jacobian_is_that_of_differences() -> None:
    steps = 1e-6 * np.eye(len(BOTH))
    numeric = [(BOTH.entries(THETA + step) - BOTH.entries(THETA - step)) / 2e-6 for step in steps]
    J = BOTH.jacobian(THETA)
    assert J is not None
    np.testing.assert_allclose(J.T, numeric, atol=1e-9)


def test_where_theta_are_the_entries_there_is_no_jacobian() -> None:
    plain = parameters(None)
    theta = np.arange(6.0)
    assert plain.jacobian(theta) is None
    assert plain.entries(theta) is theta


def test_starts_are_those_of_the_covariance_matrices() -> None:
    np.testing.assert_allclose(BOTH.of(BOTH.T(THETA)), THETA, rtol=1e-12)


def test_scales_change_with_the_unit_of_the_columns_and_angles_do_not() -> None:
    users = BOTH.users(THETA)
    np.testing.assert_allclose(users[:5], [0.015, 0.005, 0.3, 0.02, -0.4], rtol=1e-12)
    np.testing.assert_allclose(BOTH.basis(users), THETA, rtol=1e-12)
    np.testing.assert_array_equal(BOTH.unit(3.0), [3.0, 3.0, 1.0, 3.0, 1.0, 3.0, 3.0, 3.0])
    T, _ = BOTH.users_roots(THETA)
    np.testing.assert_allclose(UNIT * T, BOTH.T(THETA)[0], rtol=1e-12)


def test_a_single_standard_deviation_is_shown_with_its_sign_taken_off() -> None:
    """An angle keeps its own; what can be written in two ways can be a start again."""
    turned = np.where(np.arange(8) == 3, -THETA, THETA)
    np.testing.assert_array_equal(BOTH.users(turned), BOTH.users(THETA))
    assert BOTH.users(turned)[4] == THETA[4] < 0.0


def test_bounds_are_those_of_the_structures_in_the_unit_of_the_basis() -> None:
    lower, upper = parameters(Narrow(), CompoundSymmetry()).bounds
    free = [-np.inf] * 4
    np.testing.assert_allclose(lower, [0.5 * UNIT, 0.0, 0.0, *free], rtol=1e-12)
    np.testing.assert_allclose(upper, [2.0 * UNIT, *[np.inf] * 6], rtol=1e-12)


def test_what_is_at_a_bound_or_in_a_column_of_zeros_is_not_free() -> None:
    theta = THETA.copy()
    theta[[0, 4, 7]] = 0.0  # a standard deviation, an angle, and the second column of T for h
    assert np.flatnonzero(~BOTH.free(theta, 1.0)).tolist() == [0, 2, 7]  # and the correlation with that one
    assert BOTH.zeros(theta) == (0, 7)


def test_scales_and_diagonals_of_T_are_told_from_the_rest() -> None:
    assert np.flatnonzero(BOTH.diagonal).tolist() == [0, 1, 3, 5, 7]


def test_standing_in_a_longer_vector() -> None:
    (root,), (moved,) = BOTH.roots, BOTH.roots_at(3)
    assert (moved.places - root.places == 3).all()
    assert root.entries.tolist() == [5, 6, 7]


def test_an_angle_is_idle_where_its_standard_deviations_are_zero() -> None:
    theta = THETA.copy()
    theta[[0, 1]] = 0.0, 1e-9
    assert np.flatnonzero(BOTH.idle(theta, 1.0)).tolist() == [0, 1, 2]
    theta[[0, 1]] = 0.0, 1e-3
    assert np.flatnonzero(BOTH.idle(theta, 1.0)).tolist() == [2]
    assert np.flatnonzero(BOTH.idle(theta, 1e6)).tolist() == [0, 1, 2, 4]  # in units that make hardly anything of it


def test_searches_start_again_from_independent_effects() -> None:
    """Instead of what the structures have, and besides it; the other terms keep theirs."""
    instead, besides = BOTH.moderate(THETA, size=0.5)
    np.testing.assert_allclose(instead, [0.5, 0.5, 0.0, 0.5, 0.0, *THETA[5:]], atol=1e-12)
    np.testing.assert_array_equal(besides[5:], THETA[5:])
    T = CompoundSymmetry().relative_factor(THETA[:3], 2)
    more = CompoundSymmetry().relative_factor(besides[:3], 2)
    np.testing.assert_allclose(more @ more.T, T @ T.T + 0.25 * np.eye(2), rtol=1e-12)


def test_smallest_singular_values_are_those_of_all_matrices_of_a_factor() -> None:
    theta = THETA.copy()
    theta[0] = 1e-3
    found = BOTH.smallest_singular_values(theta)
    T = CompoundSymmetry().relative_factor(theta[:3], 2)
    assert found["g"] == pytest.approx(np.linalg.svd(T, compute_uv=False)[-1], rel=1e-10)
    assert found["h"] == pytest.approx(np.linalg.svd([[1.0, 0.0], [0.2, 0.7]], compute_uv=False)[-1], rel=1e-10)
