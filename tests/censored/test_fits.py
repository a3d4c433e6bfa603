"""Frailty models: fits against the marginal likelihood by brute force, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, special

import ranef
from ranef.families import Exponential, LogNormal, Tobit, Weibull

FORMULA = "Surv(time, event) ~ x + (1 | clinic)"


def textbook(name, t, event, eta, phi):
    """Log density where event, else log survival, from the formulas of textbooks."""
    if name == "lognormal":
        z = (np.log(t) - eta + phi**2 / 2) / phi
        density = -np.log(t * phi) - 0.5 * np.log(2 * np.pi) - z**2 / 2
        return np.where(event == 1, density, special.log_ndtr(-z))
    k = 1.0 if name == "exponential" else phi
    cumulative = (t * special.gamma(1 + 1 / k) / np.exp(eta)) ** k
    return event * np.log(k * cumulative / t) - cumulative


def by_hand(name, data, beta, phi, sd, laplace):
    """Log-likelihood, clinic by clinic: an integral, or the curvature at its integrand's maximum by differences."""
    total = 0.0
    for c in np.unique(data["clinic"]):
        own = data["clinic"] == c
        t, event, x = (data[key][own] for key in ("time", "event", "x"))

        def joint(u, t=t, event=event, x=x):
            eta = beta[0] + beta[1] * x + sd * u
            return textbook(name, t, event, eta, phi).sum() - u**2 / 2 - 0.5 * np.log(2 * np.pi)

        mode = optimize.minimize_scalar(lambda u, f=joint: -f(u), tol=1e-12).x
        if laplace:
            h = 2e-3
            by = [joint(mode + k * h) for k in (-2, -1, 0, 1, 2)]
            curvature = -(-by[0] + 16 * by[1] - 30 * by[2] + 16 * by[3] - by[4]) / (12 * h**2)
            total += by[2] + 0.5 * np.log(2 * np.pi / curvature)
        else:
            top = joint(mode)
            area = integrate.quad(lambda u, f=joint, m=top: np.exp(f(u) - m), mode - 10, mode + 10, epsabs=1e-12)[0]
            total += top + np.log(area)
    return total


@pytest.mark.parametrize("nagq", [1, 15])
@pytest.mark.parametrize("name", ["weibull", "exponential", "lognormal"])
def test_likelihoods_are_those_by_brute_force(trial, name, nagq):
    """At the estimates to 1e-7 (quadrature with 15 nodes to 5e-6), and no parameter that is moved gains anything."""
    fit = ranef.glmm(FORMULA, trial, family=name, nagq=nagq)
    assert fit.converged
    phi = next(iter(fit.dispersion.values()), None)
    at = np.array([*fit.coefficients, phi or 1.0, fit.var_components[0].std_dev])

    def likelihood(p):
        return by_hand(name, trial, p[:2], p[2], p[3], nagq == 1)

    best = likelihood(at)
    assert fit.log_likelihood == pytest.approx(best, abs=1e-7 if nagq == 1 else 5e-6)
    moved = [0, 1, 3] if phi is None else [0, 1, 2, 3]
    for j in moved:
        step = 1e-2 * np.eye(4)[j]
        ahead, back = likelihood(at + step), likelihood(at - step)
        assert max(ahead, back) < best
        assert abs(ahead - back) / 2e-2 < 5e-2 * np.sqrt(2 * best - ahead - back) / 1e-2  # far below a standard error


def test_without_variance_between_clinics_it_is_survival_regression(trial):
    """Times that are permuted have no frailty: the fit has the maximum without random effects."""
    order = np.random.default_rng(1).permutation(200)
    data = trial | {name: trial[name][order] for name in ("time", "event", "x")}
    fit = ranef.glmm(FORMULA, data, family="weibull")

    def minus(p):
        return -textbook("weibull", data["time"], data["event"], p[0] + p[1] * data["x"], np.exp(p[2])).sum()

    best = optimize.minimize(minus, [1.0, 0.5, 0.3], method="BFGS", options={"gtol": 1e-9})
    if fit.is_singular:
        assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-7)
        np.testing.assert_allclose(fit.coefficients, best.x[:2], atol=1e-5)
    assert fit.log_likelihood >= -best.fun - 1e-9


def test_units_of_time_move_the_intercept(trial):
    fit = ranef.glmm(FORMULA, trial, family="weibull")
    other = ranef.glmm(FORMULA, trial | {"time": 365.25 * trial["time"]}, family="weibull")
    np.testing.assert_allclose(other.coefficients - fit.coefficients, [np.log(365.25), 0.0], atol=2e-5)
    assert other.log_likelihood == pytest.approx(fit.log_likelihood - trial["event"].sum() * np.log(365.25), abs=1e-7)


def test_integer_weights_are_repeated_rows(trial):
    weights = np.arange(200) % 3 + 1
    twice = {name: np.repeat(column, weights) for name, column in trial.items()}
    weighted = ranef.glmm(FORMULA, trial, family="weibull", weights=weights)
    repeated = ranef.glmm(FORMULA, twice, family="weibull")
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, atol=1e-5)


def test_order_of_rows_and_arrays_and_formulas(trial):
    fit = ranef.glmm(FORMULA, trial, family="weibull")
    order = np.random.default_rng(0).permutation(200)
    other = ranef.glmm(FORMULA, {name: column[order] for name, column in trial.items()}, family="weibull")
    assert other.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    X = np.column_stack([np.ones(200), trial["x"]])
    y = ranef.Surv(trial["time"], trial["event"])
    arrays = ranef.glmm(y, X, {"clinic": trial["clinic"]}, family="weibull")
    np.testing.assert_allclose(arrays.coefficients, fit.coefficients, rtol=1e-9)
    ends = np.column_stack([trial["time"], np.where(trial["event"] == 1, trial["time"], np.inf)])
    intervals = ranef.glmm(
        "Surv(a, b, type='interval2') ~ x + (1 | clinic)", trial | {"a": ends[:, 0], "b": ends[:, 1]}, family="weibull"
    )
    assert np.array_equal(intervals.coefficients, fit.coefficients)


def test_observed_times_are_an_ordinary_response(trial):
    """Without a censored row any family takes Surv, with the bits of the plain column."""
    everything = trial | {"event": np.ones(200, bool)}
    for name in ("weibull", "gamma"):
        plain = ranef.glmm("time ~ x + (1 | clinic)", trial, family=name)
        assert np.array_equal(ranef.glmm(FORMULA, everything, family=name).coefficients, plain.coefficients)
    short = ranef.glmm("Surv(time) ~ x + (1 | clinic)", trial, family="weibull")
    assert np.array_equal(short.coefficients, ranef.glmm(FORMULA, everything, family="weibull").coefficients)


def test_exponential_is_weibull_with_shape_one(trial):
    one = ranef.glmm(FORMULA, trial, family=Weibull(shape=1))
    other = ranef.glmm(FORMULA, trial, family=Exponential())
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-9)


def test_tobit_without_a_response_at_the_limit_is_a_linear_model(trial):
    """Log-likelihood, coefficients and deviations of `lmm` by maximum likelihood."""
    data = trial | {"y": np.log(trial["time"]) + 20.0}
    tobit = ranef.glmm("y ~ x + (1 | clinic)", data, family="tobit")
    linear = ranef.lmm("y ~ x + (1 | clinic)", data, reml=False)
    assert tobit.log_likelihood == pytest.approx(linear.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(tobit.coefficients, linear.coefficients, atol=1e-6)
    assert tobit.dispersion["sigma"] == pytest.approx(linear.sigma, abs=1e-5)


def test_lognormal_times_are_a_tobit_model_of_their_logarithm(trial):
    """The same maximum, but for log t in the density and sigma^2/2 in the intercept."""
    times = ranef.glmm(FORMULA, trial, family=LogNormal())
    logs = ranef.glmm(FORMULA, trial | {"time": np.log(trial["time"])}, family=Tobit(left=None))
    jacobian = np.log(trial["time"])[trial["event"] == 1].sum()
    assert times.log_likelihood == pytest.approx(logs.log_likelihood - jacobian, abs=1e-7)
    sigma = times.dispersion["sigma"]
    np.testing.assert_allclose(times.coefficients - logs.coefficients, [sigma**2 / 2, 0.0], atol=2e-5)


def test_tobit_limits_are_left_censored_responses(trial):
    y = np.log(trial["time"])
    limited = ranef.glmm("y ~ x + (1 | clinic)", trial | {"y": np.maximum(y, 0.5)}, family=Tobit(left=0.5))
    said = ranef.glmm(
        "Surv(y, event, type='left') ~ x + (1 | clinic)",
        trial | {"y": np.maximum(y, 0.5), "event": y > 0.5},
        family=Tobit(left=None),
    )
    assert limited.log_likelihood == pytest.approx(said.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(limited.coefficients, said.coefficients, atol=1e-6)


def test_a_model_of_the_shape(trial):
    """The shape by its own formula, against the likelihood by hand with a shape for each row."""
    fit = ranef.glmm(FORMULA, trial, family="weibull", dispersion="~ x")
    assert fit.converged
    one = ranef.glmm(FORMULA, trial, family="weibull")
    shapes = np.exp(np.log(one.dispersion["shape"]) + 0 * trial["x"])
    same = by_hand("weibull", trial, one.coefficients, shapes[0], one.var_components[0].std_dev, True)
    assert one.log_likelihood == pytest.approx(same, abs=1e-7)
    assert fit.log_likelihood > one.log_likelihood
