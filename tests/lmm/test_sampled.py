"""Fits whose log|M| is from random probes: near the exact ones by their own account, compared where that is sound."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ranef
from ranef.backends.linalg.krylov import Krylov
from ranef.contracts import ComparisonError, ConvergenceWarning, InputError, SampledError
from ranef.estimation.monte_carlo import ENOUGH, MonteCarlo

CROSSED, SLOPES = "y ~ x + (1 | f) + (1 | g)", "y ~ x + (1 + x | f) + (1 + x || g) + (1 | h)"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 2500
    d = pd.DataFrame({"f": rng.integers(0, 120, n), "g": rng.integers(0, 90, n), "h": rng.integers(0, 8, n)})
    d["x"] = rng.normal(size=n)
    b = rng.normal(size=(120, 2)) @ np.array([[0.6, 0.2], [0.0, 0.4]])
    c = rng.normal(size=(90, 2)) * [0.5, 0.3]
    d["y"] = 1.0 + 0.5 * d.x + b[d.f, 0] + b[d.f, 1] * d.x + c[d.g, 0] + c[d.g, 1] * d.x + rng.normal(size=n)
    d["y"] += 0.4 * rng.normal(size=8)[d.h]
    return d


@pytest.fixture(scope="module")
def chain() -> pd.DataFrame:
    """Levels of f and g that meet neighbours only: probes say least where these correlations are long."""
    rng = np.random.default_rng(12)
    n = 1500
    f = rng.integers(0, 150, n)
    g = (f + rng.integers(0, 2, n)) % 150
    return pd.DataFrame(
        {"f": f, "g": g, "y": 2 * rng.normal(size=150)[f] + 2 * rng.normal(size=150)[g] + rng.normal(size=n)}
    )


def standard_errors(fit):
    inner = fit._fit
    return np.sqrt(np.diagonal(np.linalg.inv(0.5 * inner.factorized().hessian)))


@pytest.mark.parametrize("formula", [CROSSED, SLOPES])
@pytest.mark.parametrize("reml", [True, False])
def test_fits_are_the_exact_ones_within_their_monte_carlo_error(data, formula, reml):
    exact = ranef.lmm(formula, data, reml=reml, backend="dense")
    fit = ranef.lmm(formula, data, reml=reml, backend="krylov")
    error = fit.certificate.monte_carlo
    assert fit.converged
    assert error.n_probes >= 16
    assert 0.0 < error.theta_error <= ENOUGH
    off = np.abs(fit._fit.theta - exact._fit.theta) / standard_errors(exact)
    assert off.max() <= 4.0 * error.theta_error
    assert off.max() > 1e-6  # they are not the same: there is an error to speak of
    assert abs(fit.deviance - exact.deviance) <= 5.0 * error.criterion_error  # few probes, and a skew distribution
    np.testing.assert_allclose(fit.coefficients, exact.coefficients, atol=0.05 * exact.se.min())
    np.testing.assert_allclose(fit.se, exact.se, rtol=0.02)


def test_the_optimum_is_that_of_the_sampled_criterion(data):
    fit = ranef.lmm(CROSSED, data, backend="krylov")
    at = fit._fit.factorized().criterion
    x = fit._fit.theta / at.unit
    value, gradient = at.gradient(x)
    assert value == pytest.approx(fit._fit.criterion - 2 * np.log(np.abs(np.diagonal(fit._labels.fixed.R))).sum())
    assert np.abs(gradient).max() < 1e-2 * np.sqrt(fit.certificate.smallest_eigenvalue)
    for step in 1e-2 * np.eye(2):
        assert at.value(x + step) > value
        assert at.value(x - step) > value


def test_the_same_call_gives_the_same_bits(data):
    one, other = (ranef.lmm(CROSSED, data, backend="krylov") for _ in range(2))
    assert one.theta.tobytes() == other.theta.tobytes()
    assert one.certificate.monte_carlo.logdets.tobytes() == other.certificate.monte_carlo.logdets.tobytes()


def test_the_monte_carlo_error_is_that_of_estimates_by_other_probes(data):
    # five fits of 2 probes each against their reported errors would say little: one of 64 and the exact one do, since
    # the error of 2 is sqrt(32) times as large
    few, many = (ranef.lmm(CROSSED, data, backend=Krylov(n)).certificate.monte_carlo for n in (8, 128))
    assert few.theta_error / many.theta_error == pytest.approx(4.0, rel=0.5)
    assert many.criterion_error == pytest.approx(many.logdets.std(ddof=1) / np.sqrt(128))


def test_probes_are_doubled_until_they_are_enough(chain):
    few = ranef.lmm("y ~ 1 + (1 | f) + (1 | g)", chain, backend=Krylov(4))
    error = few.certificate.monte_carlo
    assert few.converged
    assert error.theta_error <= ENOUGH
    assert error.n_probes in (8, 16, 32, 64, 128, 256, 512, 1024)
    # begun with as many, it is the same fit: the first probes are the same
    again = ranef.lmm("y ~ 1 + (1 | f) + (1 | g)", chain, backend=Krylov(error.n_probes))
    np.testing.assert_allclose(again.theta, few.theta, rtol=1e-5)


def test_too_few_probes_are_no_convergence(chain, monkeypatch):
    monkeypatch.setattr("ranef.estimation.monte_carlo.MOST_PROBES", 4)
    with pytest.warns(ConvergenceWarning, match="Monte Carlo error of theta is .* with 4 random probes"):
        fit = ranef.lmm("y ~ 1 + (1 | f) + (1 | g)", chain, backend=Krylov(4))
    assert not fit.converged


def test_the_number_of_probes_that_is_enough():
    def enough(theta_error, n=16):
        return MonteCarlo(theta_error, np.zeros(n)).enough_probes

    assert [enough(e) for e in (0.0, 0.05, 0.0501, 0.07, 0.0708, 0.2)] == [16, 16, 32, 32, 64, 256]
    assert enough(10.0) == 1024
    assert enough(10.0, 2048) == 2048


def test_a_summary_says_how_far_it_may_be_off(data):
    fit = ranef.lmm(CROSSED, data, backend="krylov")
    assert "log|M| is from 16 random probes, which leave a Monte Carlo error of 0.0" in str(fit.summary())
    assert "16 random probes" in str(fit.certificate)
    assert "probes" not in str(ranef.lmm(CROSSED, data, backend="dense").summary())


# What it can do, and what it cannot ---------------------------------------------------------------------------------


def test_solves_are_exact_so_effects_and_tests_are(data):
    exact, fit = (ranef.lmm(CROSSED, data, backend=b) for b in ("dense", Krylov(256)))
    np.testing.assert_allclose(fit.ranef["g"], exact.ranef["g"], atol=2e-3)
    np.testing.assert_allclose(fit.anova()["den_df"], exact.anova()["den_df"], rtol=0.01)
    new = {"x": [0.0, 1.0], "f": [3, 5], "g": [2, 80]}
    np.testing.assert_allclose(fit.predict(new), exact.predict(new), atol=2e-3)


def test_variances_of_modes_are_refused(data):
    fit = ranef.lmm(CROSSED, data, backend="krylov")
    with pytest.raises(SampledError, match="variances of conditional modes"):
        _ = fit.ranef_variances


def test_other_models_are_refused(data):
    counts = data.assign(y=(data.y > 1.0).astype(float))
    with pytest.raises(InputError, match="linear models with independent residuals"):
        ranef.glmm(CROSSED, counts, family="binomial", backend="krylov")


# Comparisons ----------------------------------------------------------------------------------------------------------


def fits(data, *formulas, backend="krylov", **options):
    return [ranef.lmm(formula, data, reml=False, backend=backend, **options) for formula in formulas]


def test_likelihood_ratios_share_probes(data):
    nested = "y ~ 1 + (1 | f) + (1 | g)", CROSSED
    (exact,), (sampled,) = (
        [t for t in ranef.anova(*fits(data, *nested, backend=b))["statistic"] if not np.isnan(t)]
        for b in ("dense", "krylov")
    )
    errors = [fit.certificate.monte_carlo.criterion_error for fit in fits(data, *nested)]
    assert abs(sampled - exact) < 0.5 * min(errors)  # far less than either is off


def test_deviances_by_other_probes_are_not_compared(data, monkeypatch):
    large, exact = fits(data, CROSSED) + fits(data, CROSSED, backend="dense")
    one_factor = fits(data, "y ~ x + (1 | f)")[0]
    few = fits(data, "y ~ 1 + (1 | f) + (1 | g)", backend=Krylov(32))[0]
    for small, why in (
        (one_factor, "models with different random effects do not share"),
        (few, "from 32 and 16 random probes|from 16 and 32 random probes"),
        (exact, "is exact and the other's is from random probes"),
    ):
        with pytest.raises(ComparisonError, match=why):
            ranef.anova(small, large)
    with pytest.raises(ComparisonError, match="do not share"):
        one_factor.compare(large)
    near = fits(data, "y ~ 1 + (1 | f) + (1 | g)")[0]
    monkeypatch.setattr("ranef.inference.shared_probes.HARMLESS", 1e-9)
    with pytest.raises(ComparisonError, match="the difference of the deviances has a Monte Carlo error"):
        ranef.anova(near, large)


def test_a_file_keeps_the_monte_carlo_error(data, tmp_path):
    fit = ranef.lmm(CROSSED, data, backend="krylov")
    fit.save(tmp_path / "fit.ranef")
    again = ranef.load(tmp_path / "fit.ranef").certificate.monte_carlo
    assert again.theta_error == fit.certificate.monte_carlo.theta_error
    np.testing.assert_array_equal(again.logdets, fit.certificate.monte_carlo.logdets)
