"""Responses drawn from fits and from parameters; refits and updates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

import ranef
from ranef.families import NegativeBinomial, Poisson

SLEEP = ranef.datasets.load("sleepstudy")
X = np.column_stack([np.ones(180), SLEEP["Days"]])
SLOPE: dict[str, Any] = {"random_effects": {"Subject": "1 + Days"}, "random_data": {"Days": SLEEP["Days"]}}
CBPP = ranef.datasets.load("cbpp")
PERIODS = np.column_stack([np.ones(56), *(CBPP["period"] == p for p in "234")])


@pytest.fixture(scope="module")
def sleep() -> ranef.LMMSolution:
    return ranef.lmm(SLEEP["Reaction"], X, {"Subject": SLEEP["Subject"]}, **SLOPE)


@pytest.fixture(scope="module")
def cbpp() -> ranef.GLMMSolution:
    y = CBPP["incidence"] / CBPP["size"]
    return ranef.glmm(y, PERIODS, {"herd": CBPP["herd"]}, weights=CBPP["size"])


# Moments of the model -------------------------------------------------------------------------------------------------


def test_moments_of_new_levels_are_the_models(sleep: ranef.LMMSolution) -> None:
    n = 20_000
    Y = sleep.simulate(n, rng=1)
    (Sigma,) = sleep._fit.covariances
    V = X[:10] @ Sigma @ X[:10].T + sleep.sigma**2 * np.eye(10)
    sd = np.sqrt(np.diagonal(V))
    error = 5.0 / np.sqrt(n)
    np.testing.assert_allclose((Y[:10].mean(axis=1) - X[:10] @ sleep.coefficients) / sd, 0.0, atol=error)
    np.testing.assert_allclose(np.cov(Y[:10]) / np.outer(sd, sd), V / np.outer(sd, sd), atol=2.0 * error)
    # two subjects are independent
    assert abs(np.corrcoef(Y[0], Y[10])[0, 1]) < error


def test_moments_at_the_modes_are_the_fitted_values(sleep: ranef.LMMSolution) -> None:
    Y = sleep.simulate(4_000, rng=2, random="conditional")
    error = 5.0 / np.sqrt(4_000)
    np.testing.assert_allclose((Y.mean(axis=1) - sleep.fitted_values) / sleep.sigma, 0.0, atol=error)
    np.testing.assert_allclose(Y.std(axis=1) / sleep.sigma, 1.0, atol=error)


def test_prior_weights_are_precisions() -> None:
    weights = np.where(SLEEP["Days"] > 4, 4.0, 1.0)
    fit = ranef.lmm(SLEEP["Reaction"], X, {"Subject": SLEEP["Subject"]}, weights=weights)
    Y = fit.simulate(4_000, rng=3, random="conditional")
    np.testing.assert_allclose(Y.std(axis=1) * np.sqrt(weights) / fit.sigma, 1.0, atol=0.08)


def test_proportions_have_their_trials(cbpp: ranef.GLMMSolution) -> None:
    Y = cbpp.simulate(4_000, rng=4)
    counts = Y * np.asarray(CBPP["size"])[:, None]
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    np.testing.assert_allclose(Y.mean(axis=1), cbpp.predict(marginal=True), atol=0.02)
    new = {"X": PERIODS[:3], "groups": {"herd": CBPP["herd"][:3]}}
    with pytest.raises(ranef.InputError, match="newdata has no weights, and the model was fitted with some"):
        cbpp.simulate(rng=4, newdata=new)


def test_levels_of_a_known_relationship_are_related() -> None:
    """Covariance A of the levels, to the error of 4,000 draws."""
    A = 0.5 + 0.5 * np.eye(5)
    g = np.repeat(np.arange(5), 4)
    Y = ranef.simulate(np.ones((20, 1)), {"g": g}, beta=[0.0], theta=[3.0], sigma=1e-3, relationship={"g": A},
                       nsim=4_000, rng=5)  # fmt: skip
    np.testing.assert_allclose(np.cov(Y[::4]) / 9e-6, A + np.eye(5) / 9.0, atol=0.1)


def test_parameters_are_drawn_too(sleep: ranef.LMMSolution) -> None:
    """The slope has its standard error on top of the spread of new subjects."""
    known, drawn = (sleep.simulate(2_000, rng=6, theta_uncertainty=u) for u in (False, True))

    def mean_slope(Y: np.ndarray) -> np.ndarray:
        return np.polyfit(np.arange(10.0), Y.reshape(18, 10, -1).mean(axis=0), 1)[0]

    spread = np.var(mean_slope(drawn)) - np.var(mean_slope(known))
    assert spread == pytest.approx(sleep.se[1] ** 2, rel=0.35)


# Parameters alone -----------------------------------------------------------------------------------------------------


def test_a_fit_finds_the_parameters_again() -> None:
    rng = np.random.default_rng(7)
    g, x = np.repeat(np.arange(400), 5), rng.normal(size=2_000)
    design = np.column_stack([np.ones(2_000), x])
    terms: dict[str, Any] = {"random_effects": {"g": "1 + x"}, "random_data": {"x": x}}
    theta, r = [0.8, 0.3 * 0.5, 0.5 * np.sqrt(1 - 0.3**2)], 0.3
    y = ranef.simulate(design, {"g": g}, beta=[1.0, -2.0], theta=theta, sigma=2.0, rng=8, **terms)[:, 0]
    fit = ranef.lmm(y, design, {"g": g}, **terms)
    assert fit.sigma == pytest.approx(2.0, rel=0.05)
    np.testing.assert_allclose(fit.coefficients, [1.0, -2.0], atol=0.3)
    np.testing.assert_allclose([fit.var_components[0].std_dev, fit.var_components[1].std_dev], [1.6, 1.0], rtol=0.1)
    assert fit.var_components[1].corr[0] == pytest.approx(r, abs=0.15)


def test_counts_with_a_dispersion_parameter() -> None:
    g = np.repeat(np.arange(300), 6)
    y = ranef.simulate(
        np.ones((1_800, 1)), {"g": g}, beta=[1.0], theta=[0.5], family="negative_binomial", dispersion={"theta": 2.0},
        offset=np.full(1_800, 0.5), rng=9
    )[:, 0]  # fmt: skip
    fit = ranef.glmm(y, np.ones((1_800, 1)), {"g": g}, family=NegativeBinomial(), offset=np.full(1_800, 0.5))
    assert fit.coefficients[0] == pytest.approx(1.0, abs=0.15)
    assert fit.theta[0] == pytest.approx(0.5, abs=0.1)
    assert fit.dispersion["theta"] == pytest.approx(2.0, rel=0.25)


def test_coefficients_of_dropped_columns_count() -> None:
    doubled = np.column_stack([X, X[:, 1]])
    drawn = [
        ranef.simulate(columns, {"s": SLEEP["Subject"]}, beta=beta, theta=[0.0], sigma=1.0, rng=10)
        for columns, beta in ((X, [1.0, 5.0]), (doubled, [1.0, 2.0, 3.0]))
    ]
    np.testing.assert_allclose(*drawn, rtol=1e-12)


# The same bits --------------------------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_bits(sleep: ranef.LMMSolution) -> None:
    one, other = sleep.simulate(3, rng=11), sleep.simulate(3, np.random.default_rng(11))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, sleep.simulate(3, rng=12))


def test_a_refit_of_the_same_response_has_the_same_bits(sleep: ranef.LMMSolution, cbpp: ranef.GLMMSolution) -> None:
    for fit, y in ((sleep, SLEEP["Reaction"]), (cbpp, CBPP["incidence"] / CBPP["size"])):
        again: Any = fit.refit(y)
        for name in ("coefficients", "se", "theta", "p_values"):
            np.testing.assert_array_equal(getattr(again, name), getattr(fit, name))
        assert again.log_likelihood == fit.log_likelihood


def test_a_refit_is_the_fit_of_that_response(sleep: ranef.LMMSolution, cbpp: ranef.GLMMSolution) -> None:
    y = sleep.simulate(1, rng=13)[:, 0]
    fresh = ranef.lmm(y, X, {"Subject": SLEEP["Subject"]}, **SLOPE)
    np.testing.assert_array_equal(sleep.refit(y).theta, fresh.theta)
    shares = cbpp.simulate(1, rng=14)[:, 0]
    again = ranef.glmm(shares, PERIODS, {"herd": CBPP["herd"]}, weights=CBPP["size"])
    np.testing.assert_array_equal(cbpp.refit(shares).coefficients, again.coefficients)


def test_a_singular_fit_is_refitted_from_where_it_began() -> None:
    """Its basis was turned for the certificate."""
    rng = np.random.default_rng(18)
    g, x = np.repeat(np.arange(10), 6), rng.normal(size=60)
    y = x + rng.normal(size=10)[g] + rng.normal(size=60)
    columns = np.column_stack([np.ones(60), x])
    with pytest.warns(ranef.SingularFitWarning):
        fit = ranef.lmm(y, columns, {"g": g}, random_effects={"g": "1 + x"}, random_data={"x": x})
    with pytest.warns(ranef.SingularFitWarning):
        again = fit.refit(y)
    np.testing.assert_array_equal(again.coefficients, fit.coefficients)
    np.testing.assert_array_equal(again.fitted_values, fit.fitted_values)


def test_updates_are_fits_with_these_settings(sleep: ranef.LMMSolution, cbpp: ranef.GLMMSolution) -> None:
    ml = ranef.lmm(SLEEP["Reaction"], X, {"Subject": SLEEP["Subject"]}, reml=False, **SLOPE)
    assert sleep.update(reml=False).log_likelihood == ml.log_likelihood
    y = CBPP["incidence"] / CBPP["size"]
    probit = ranef.glmm(y, PERIODS, {"herd": CBPP["herd"]}, weights=CBPP["size"], family="binomial(probit)", nagq=5)
    found = cbpp.update(family="binomial(probit)", nagq=5)
    assert found.log_likelihood == probit.log_likelihood
    assert found.provenance == probit.provenance
    assert cbpp.update(backend="dense").provenance[0].name == "dense"


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reml": True}, "update has no argument reml; this model has y, family, nagq"),
        ({"nagq": -1}, "nagq must be 0, 1 or a larger"),
        ({"family": Poisson}, "family is the class Poisson; pass an object"),
        ({"tol": 0.0}, "tol must be positive"),
        ({"family": "poisson"}, "poisson family needs"),
        ({"y": np.ones(3)}, "y has 3 rows, y has 56|every argument needs one row"),
    ],
)
def test_bad_updates_are_named(cbpp: ranef.GLMMSolution, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ranef.RanefError, match=message):
        cbpp.update(**changes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "pass rng"),
        ({"rng": "1"}, "rng must be a Generator or a seed"),
        ({"rng": 1, "nsim": 0}, "nsim must be an integer from 1"),
        ({"rng": 1, "random": "all"}, "random must be 'new' or 'conditional'"),
        ({"rng": 1, "theta_uncertainty": "no"}, "theta_uncertainty must be True or False; got 'no'"),
    ],
)
def test_bad_input_is_named(sleep: ranef.LMMSolution, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ranef.RanefError, match=message):
        sleep.simulate(**options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beta": [1.0]}, "beta has 1 values, X has 2 columns"),
        ({"theta": [1.0, 0.0]}, "theta has 2 values, the model has 1"),
        ({"theta": [-1.0]}, "theta has negative standard deviations"),
        ({"sigma": 0.0}, "sigma must be positive"),
        ({"family": "poisson", "sigma": 2.0}, "sigma is for linear models"),
        ({"dispersion": {"theta": 1.0}}, "dispersion belongs to a family"),
        ({"family": "negative_binomial"}, "dispersion must give theta"),
        ({"family": "negative_binomial", "dispersion": {"theta": -1.0}}, "must lie between 0 and inf"),
        ({"groups": {"g": [1, 2]}}, "every argument needs one row"),
    ],
)
def test_bad_parameters_are_named(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "X": X,
        "groups": {"s": SLEEP["Subject"]},
        "beta": [1.0, 2.0],
        "theta": [1.0],
        "rng": 1,
    }
    with pytest.raises(ranef.RanefError, match=message):
        ranef.simulate(**(arguments | changes))


def test_many_related_levels_are_drawn_by_a_sparse_factor() -> None:
    """A random walk of 20,000 steps from a known start: its steps are independent, of the variance asked for."""
    n, g = 20_000, np.arange(20_000)
    D = sparse.eye_array(n) - sparse.eye_array(n, k=-1)
    y = ranef.simulate(np.ones((n, 1)), {"g": g}, beta=[0.0], theta=[3e6], sigma=1e-6, precision={"g": D.T @ D}, rng=15)
    steps = np.diff(y[:, 0], prepend=0.0)
    assert steps.std() == pytest.approx(3.0, rel=5.0 / np.sqrt(2.0 * n))
    assert np.corrcoef(steps[1:], steps[:-1])[0, 1] == pytest.approx(0.0, abs=5.0 / np.sqrt(n))
