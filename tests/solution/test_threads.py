"""One solution, or one analysis, shared by threads: everyone gets what a single thread gets."""

import pickle
from functools import partial

import numpy as np
import pytest

import ranef
from ranef.testkit.check import at_once, same_bits


@pytest.fixture(scope="module")
def crossed():
    rng = np.random.default_rng(8)
    n = 240
    groups = {"a": rng.integers(0, 12, n), "b": rng.integers(0, 9, n)}
    x = rng.normal(size=n)
    X = np.column_stack([np.ones(n), x])
    eta = 0.5 + 0.3 * x + rng.normal(size=12)[groups["a"]] + 0.5 * rng.normal(size=9)[groups["b"]]
    return rng, X, groups, eta


def fit(crossed, kind):
    rng, X, groups, eta = crossed
    if kind == "lmm":
        return ranef.lmm(eta + rng.normal(size=len(eta)), X, groups)
    return ranef.glmm(rng.poisson(np.exp(eta)).astype(float), X, groups, family="poisson")


@pytest.mark.parametrize("kind", ["lmm", "glmm"])
def test_a_solution_is_shared(crossed, kind):
    """What is found when first asked for: each is asked in two threads at once, of one fresh copy."""
    sent = pickle.dumps(fit(crossed, kind))
    names = ["vcov", "ranef_variances"] * 2 + ["p_values", "conf_int", "ranef"]
    alone = [getattr(pickle.loads(sent), name) for name in names]
    for _ in range(20):
        one = pickle.loads(sent)
        found = at_once([partial(getattr, one, name) for name in names])
        same_bits("a shared solution", found, alone)


def test_the_criterion_of_a_solution_is_shared(crossed):
    """A generalized fit, with other weights at every call."""
    shared = fit(crossed, "glmm")._fit

    def slopes(i):
        at = shared.factorized()
        return at.criterion.gradient(at.x + 0.01 * i)

    alone = [slopes(i) for i in range(8)]
    for _ in range(10):
        same_bits("a shared analysis", at_once([partial(slopes, i) for i in range(8)]), alone)


@pytest.mark.parametrize("kind", ["lmm", "glmm"])
def test_fits_side_by_side(crossed, kind):
    """Fits of different data in two threads have the bits that they have alone."""
    rng, X, groups, eta = crossed
    responses = [rng.poisson(np.exp(eta)).astype(float) for _ in range(4)]

    def coefficients(y):
        front = ranef.lmm if kind == "lmm" else ranef.glmm
        options = {} if kind == "lmm" else {"family": "poisson"}
        found = front(y, X, groups, **options)
        return [found.coefficients, found.vcov, np.array(found.log_likelihood)]

    alone = [coefficients(y) for y in responses]
    same_bits("fits side by side", at_once([partial(coefficients, y) for y in responses]), alone)
