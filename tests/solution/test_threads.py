"""One solution, or one analysis, shared by threads: everyone gets what a single thread gets."""

import pickle
from functools import partial

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

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


#: What is computed when it is asked for.
ASKED = {
    "vcov": lambda fit: fit.vcov,
    "ranef_variances": lambda fit: fit.ranef_variances,
    "p_values": lambda fit: fit.p_values,
    "hat_values": lambda fit: fit.hat_values(),
    "standardized residuals": lambda fit: fit.residuals_of("pearson", standardized=True),
    "influence": lambda fit: fit.influence().to_dict(),
    "anova": lambda fit: fit.contrast(np.eye(2)).to_dict(),
    "confint": lambda fit: fit.confint("random").to_dict(),
    "predict": lambda fit: fit.predict(se=True, interval="confidence").to_dict(),
    "ranef_table": lambda fit: fit.ranef_table(beta_uncertainty=True, theta_uncertainty=True).to_dict(),
    "r2": lambda fit: fit.r2().to_dict(),
    "simulate": lambda fit: fit.simulate(2, rng=1, theta_uncertainty=True),
    "bootstrap": lambda fit: fit.bootstrap(8, rng=1).replicates,
}


@pytest.mark.filterwarnings("ignore::ranef.RanefWarning")
@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("kind", ["lmm", "glmm"])
def test_threads_of_blas_change_no_bit_of_small_models(crossed, kind, name):
    """Another thread may set their number meanwhile."""
    sent, found = pickle.dumps(fit(crossed, kind)), []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            found.append(ASKED[name](pickle.loads(sent)))
    same_bits(name, *found)


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
