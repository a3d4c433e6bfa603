"""The laws of families, and a fit."""

from __future__ import annotations

import numpy as np
import ranef
from ranef.testkit import as_pytest, family_checks

from ranef_example.family import Example

test_laws = as_pytest(family_checks(Example(), name="example"))


def test_ranef_finds_it():
    family, provenance = ranef.registry.family("example")
    assert isinstance(family, Example)
    assert provenance.distribution == "ranef-example"


def test_probabilities():
    # half of the counts are 0, a quarter 1, an eighth 2 where the mean is 1
    y, one = np.arange(3.0), np.ones(3)
    np.testing.assert_allclose(np.exp(Example().log_density(y, one, one, np.array([]))), [1 / 2, 1 / 4, 1 / 8])


def test_a_fit_finds_what_was_simulated():
    rng = np.random.default_rng(1)
    group, x = np.repeat(np.arange(60), 20), rng.normal(size=1200)
    eta = 1.0 + 0.5 * x + 0.7 * rng.normal(size=60)[group]
    y = Example().sample(np.exp(eta), np.ones(1200), np.array([]), rng)
    fit = ranef.glmm(y, np.column_stack([np.ones(1200), x]), {"group": group}, family="example")
    np.testing.assert_array_less(np.abs(fit.coefficients - [1.0, 0.5]), 4 * fit.se)
