"""Independent effects of nearly dependent columns."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import ranef
from ranef.estimation.independent import Independent
from tests.laws.designs import linear
from tests.laws.judge import judge


def unit_columns(seed: int, k: int, dependence: float) -> Independent:
    rng = np.random.default_rng(seed)
    R = np.linalg.qr(np.ones((2 * k, k)) + dependence * rng.normal(size=(2 * k, k)))[1]
    R *= np.where(np.diagonal(R) < 0.0, -1.0, 1.0)[:, None]
    return Independent(R / np.linalg.norm(R, axis=0))


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("dependence", [1.0, 1e-3])
def test_derivatives_are_those_of_differences(k, dependence):
    structure, sd = unit_columns(k, k, dependence), np.array([1.0, -2.0, 0.5, 3.0])[:k]
    steps = 1e-6 * np.eye(k)
    differences = [
        (structure.relative_factor(sd + step, k) - structure.relative_factor(sd - step, k)) / 2e-6 for step in steps
    ]
    np.testing.assert_allclose(structure.derivatives(sd, k), differences, rtol=1e-6, atol=1e-8)


def test_derivatives_at_zero_are_their_limits():
    structure = unit_columns(1, 2, 1e-2)
    for zero in range(2):
        sd = np.where(np.arange(2) == zero, 0.0, 1.0)
        there = np.where(np.arange(2) == zero, 1e-5, 1.0)
        np.testing.assert_allclose(structure.derivatives(sd, 2), structure.derivatives(there, 2), atol=1e-4)


def test_starts_are_those_of_the_covariance_matrix():
    structure, sd = unit_columns(2, 3, 0.3), np.array([1.0, 2.0, 3.0])
    T = structure.relative_factor(sd, 3)
    np.testing.assert_allclose(structure.start(T @ T.T), sd, rtol=1e-6)


def test_effects_that_cancel_are_found():
    """The columns themselves leave no digits: the search ended 2.1 too high and said so."""
    verdict = judge(linear(1895424376), 1895424376)
    assert verdict.is_good, verdict


def test_the_deviance_has_all_digits():
    """An intercept and a year, independent: V by rational numbers at the fit's estimates."""
    rng = np.random.default_rng(8)
    g, year = np.repeat(np.arange(6), 5), np.tile(np.arange(2001.0, 2006.0), 6)
    slopes = 0.8 * rng.normal(size=6)
    y = 1.0 + (year - 2003.0) * (0.5 + slopes[g]) + rng.normal(size=30)
    X = np.column_stack([np.ones(30), year - 2003.0])
    fit = ranef.lmm(
        y,
        X,
        {"g": g},
        random_effects={"g": "1 + year"},
        random_data={"year": year},
        correlated={"g": False},
        reml=False,
    )
    assert fit.converged
    sd0, sd1 = (Fraction(row.std_dev) for row in fit.var_components[:2])
    rest = y - X @ fit.coefficients
    logdet, quadratic = 0.0, 0.0
    for level in range(6):
        rows = np.flatnonzero(g == level)
        V = [
            [sd0**2 + sd1**2 * int(year[i]) * int(year[j]) + Fraction(fit.sigma) ** 2 * int(i == j) for j in rows]
            for i in rows
        ]
        pivots, solved = eliminated(V, [Fraction(rest[i]) for i in rows])
        logdet += sum(np.log(float(p)) for p in pivots)
        quadratic += sum(float(z * z / p) for p, z in zip(pivots, solved, strict=True))
    assert fit.log_likelihood == pytest.approx(-0.5 * (30 * np.log(2 * np.pi) + logdet + quadratic), abs=1e-8)


def eliminated(V: list[list[Fraction]], z: list[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
    """Pivots d and L^-1 z of V = L diag(d) L'."""
    n = len(V)
    for i in range(n):
        for j in range(i + 1, n):
            factor = V[j][i] / V[i][i]
            V[j] = [a - factor * b for a, b in zip(V[j], V[i], strict=True)]
            z[j] -= factor * z[i]
    return [V[i][i] for i in range(n)], z
