"""The laws of covariance structures, and a fit."""

from __future__ import annotations

import numpy as np
import pytest
import ranef
from ranef.contracts import InputError
from ranef.testkit import as_pytest, covariance_checks

from ranef_exponential_covariance import Exponential

SITES = np.random.default_rng(4).uniform(0.0, 3.0, (6, 2))
DISTANCES = np.linalg.norm(SITES[:, None] - SITES, axis=2)

test_laws = as_pytest(covariance_checks(Exponential(), name="exponential"))
test_laws_in_the_plane = as_pytest(covariance_checks(Exponential(DISTANCES)))
test_laws_in_another_unit = as_pytest(covariance_checks(Exponential(1000.0 * DISTANCES)))


def simulated(distances, sd=1.5, reach=2.0, n=400, seed=1):
    rng, k = np.random.default_rng(seed), len(distances)
    effects = rng.normal(size=(n, k)) @ np.linalg.cholesky(sd**2 * np.exp(-distances / reach)).T
    block, site = np.repeat(np.arange(n), 2 * k), np.tile(np.arange(k), 2 * n)
    y = 1.0 + effects[block, site] + rng.normal(size=len(block))
    return y, block, {f"p{i}": (site == i).astype(float) for i in range(k)}


def fitted(y, block, columns, structure):
    return ranef.lmm(
        y,
        np.ones((len(y), 1)),
        {"block": block},
        random_effects={"block": list(columns)},
        random_data=columns,
        covariance={"block": structure},
    )


def test_a_fit_finds_what_was_simulated():
    fit = fitted(*simulated(DISTANCES), Exponential(DISTANCES))
    assert fit.converged
    sd, reach = fit.var_components[0].std_dev, np.exp(fit.theta[1])
    np.testing.assert_allclose([fit.sigma, sd, reach], [1.0, 1.5, 2.0], rtol=0.1)


def test_the_unit_of_the_distances_is_that_of_the_range():
    data = simulated(DISTANCES, n=50)
    metres, kilometres = (fitted(*data, Exponential(unit * DISTANCES)) for unit in (1000.0, 1.0))
    assert metres.log_likelihood == pytest.approx(kilometres.log_likelihood, abs=1e-7)
    assert np.exp(metres.theta[1] - kilometres.theta[1]) == pytest.approx(1000.0, rel=1e-3)


def test_sites_at_equal_steps_are_autoregressive():
    """exp(-d / range) = rho^d there: ranef's own ar1, of rho > 0."""
    line = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    data = simulated(line, n=50)
    mine, ar1 = (fitted(*data, structure) for structure in (Exponential(line), "ar1"))
    assert mine.log_likelihood == pytest.approx(ar1.log_likelihood, abs=1e-7)
    assert np.exp(-np.exp(-mine.theta[1])) == pytest.approx(np.sin(ar1.theta[1]), rel=1e-4)
    np.testing.assert_allclose(mine.df_satterthwaite, ar1.df_satterthwaite, rtol=1e-4)


def test_the_registry_takes_distances():
    structure, provenance = ranef.registry.covariance("exponential", distances=DISTANCES)
    assert structure.most_columns == len(DISTANCES)
    assert provenance.distribution == "ranef-exponential-covariance"


@pytest.mark.parametrize(
    ("distances", "message"),
    [
        ([[0, 1, 2], [1, 0, 1]], "a symmetric matrix"),
        ([[0, 1], [2, 0]], "a symmetric matrix"),
        ([[1, 1], [1, 1]], "a diagonal of zeros"),
        ([[0, 0], [0, 0]], "positive and finite"),
        ([[0, np.inf], [np.inf, 0]], "positive and finite"),
    ],
)
def test_what_are_no_distances_is_refused(distances, message):
    with pytest.raises(InputError, match=message):
        Exponential(distances)
