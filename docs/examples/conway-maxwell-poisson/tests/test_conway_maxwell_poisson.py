"""The laws of families, the two distributions that it contains, and a fit."""

from __future__ import annotations

import numpy as np
import pytest
import ranef
from ranef.testkit import as_pytest, family_checks
from scipy import stats

from ranef_conway_maxwell_poisson import ConwayMaxwellPoisson

test_laws = as_pytest(family_checks(ConwayMaxwellPoisson(), name="conway-maxwell-poisson"))
test_laws_overdispersed = as_pytest(family_checks(ConwayMaxwellPoisson(), phis=[[0.3]]))
test_laws_with_other_means = as_pytest(family_checks(ConwayMaxwellPoisson(link="sqrt"), means=[0.02, 60.5]))


def test_contains_the_poisson_distribution():
    y, mu = np.arange(20.0), np.full(20, 6.3)
    density = ConwayMaxwellPoisson().log_density(y, mu, np.ones(20), np.array([1.0]))
    np.testing.assert_allclose(density, stats.poisson.logpmf(y, 6.3), rtol=1e-12)


def test_approaches_the_bernoulli_distribution():
    y, mu = np.array([0.0, 1.0, 2.0]), np.full(3, 0.3)
    density = ConwayMaxwellPoisson().log_density(y, mu, np.ones(3), np.array([49.0]))
    np.testing.assert_allclose(np.exp(density), [0.7, 0.3, 0.0], atol=1e-13)


@pytest.mark.parametrize("nu", [0.05, 0.5, 1.0, 3.0, 40.0])
def test_the_mean_is_the_mean(nu):
    family, mu, phi = ConwayMaxwellPoisson(), np.array([0.01, 0.7, 3.0, 17.5, 900.0]), np.array([nu])
    y = np.arange(20_000.0)
    for m in mu:
        p = np.exp(family.log_density(y, np.full_like(y, m), np.ones_like(y), phi))
        np.testing.assert_allclose([p.sum(), p @ y], [1.0, m], rtol=1e-10)


def test_a_fit_finds_what_was_simulated():
    rng = np.random.default_rng(1)
    group, x = np.repeat(np.arange(40), 20), rng.normal(size=800)
    mu = np.exp(1.0 + 0.3 * x + 0.4 * rng.normal(size=40)[group])
    y = ConwayMaxwellPoisson().sample(mu, np.ones(800), np.array([2.0]), rng)
    fit = ranef.glmm(y, np.column_stack([np.ones(800), x]), {"group": group}, family="cmp")
    np.testing.assert_array_less(np.abs(fit.coefficients - [1.0, 0.3]), 4 * fit.se)
    assert 1.5 < fit.dispersion["nu"] < 2.6
