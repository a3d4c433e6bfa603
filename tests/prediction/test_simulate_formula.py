"""Responses drawn from a formula, a frame and parameters, for the design of experiments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranef

pytest.importorskip("formulaic")

SCHOOL, WEEK = np.repeat(np.arange(40), 6), np.tile(np.arange(6.0), 40)
ARM = np.where(SCHOOL % 2 == 0, "control", "treated")
TRIAL: dict[str, Any] = {"school": SCHOOL, "week": WEEK, "arm": ARM}
FORMULA = "score ~ week + arm + (1 + week | school)"
BETA = {"(Intercept)": 50.0, "week": 1.0, "arm[treated]": 3.0}
SIGMA = np.array([[9.0, 0.6], [0.6, 0.25]])


def names(formula: str = FORMULA) -> tuple[str, ...]:
    return ranef.model_frame(formula, TRIAL | {"score": WEEK}).x_names


def beta() -> dict[str, float]:
    return dict(zip(names(), BETA.values(), strict=True))


def draw(formula: str = FORMULA, **options: Any) -> np.ndarray:
    return ranef.simulate(formula, TRIAL, **({"beta": beta(), "sigma": 2.0, "rng": 3} | options))


def test_a_formula_draws_what_arrays_draw() -> None:
    X = np.column_stack([np.ones(240), WEEK, ARM == "treated"])
    theta = (np.linalg.cholesky(SIGMA) / 2.0)[np.tril_indices(2)][[0, 1, 2]]
    arrays = ranef.simulate(X, {"school": SCHOOL}, beta=list(BETA.values()), theta=theta, sigma=2.0, nsim=3, rng=3,
                            random_effects={"school": "1 + week"}, random_data={"week": WEEK})  # fmt: skip
    np.testing.assert_allclose(draw(covariances={"school": SIGMA}, nsim=3), arrays, rtol=1e-10)
    np.testing.assert_allclose(draw(theta=theta, nsim=3), arrays, rtol=1e-10)
    by_name = ranef.simulate(formula=FORMULA, data=TRIAL, beta=beta(), theta=theta, sigma=2.0, nsim=3, rng=3)
    np.testing.assert_array_equal(by_name, draw(theta=theta, nsim=3))


def test_a_response_in_the_data_is_not_looked_at() -> None:
    with_response = TRIAL | {"score": np.full(240, np.nan)}
    options: dict[str, Any] = {"beta": beta(), "sd": {"school": [3.0, 0.5]}, "sigma": 2.0, "rng": 3}
    np.testing.assert_array_equal(
        ranef.simulate(FORMULA, with_response, **options), ranef.simulate(FORMULA, TRIAL, **options)
    )


def test_moments_are_those_of_the_parameters() -> None:
    """Mean X beta, covariance Z Sigma Z' + sigma^2 I within a school, to five standard errors of 20,000 draws."""
    n = 20_000
    Y = draw(covariances={"school": SIGMA}, nsim=n)[6:12]  # a treated school
    Z = np.column_stack([np.ones(6), WEEK[:6]])
    V = Z @ SIGMA @ Z.T + 4.0 * np.eye(6)
    sd = np.sqrt(np.diagonal(V))
    np.testing.assert_allclose((Y.mean(axis=1) - 53.0 - WEEK[:6]) / sd, 0.0, atol=5 / np.sqrt(n))
    np.testing.assert_allclose(np.cov(Y) / np.outer(sd, sd), V / np.outer(sd, sd), atol=10 / np.sqrt(n))


def test_standard_deviations_are_independent_effects() -> None:
    alike = draw(sd={"school": [3.0, 0.5]})
    np.testing.assert_allclose(alike, draw(covariances={"school": np.diag([9.0, 0.25])}), rtol=1e-10)
    Y = draw("score ~ week + arm + (week || school)", sd={"school": [3.0, 0.5]}, sigma=1e-6, nsim=4_000)
    slopes, levels = (Y[5] - Y[0]) / 5.0, Y[0]
    assert (levels.std(), slopes.std()) == pytest.approx((3.0, 0.5), rel=0.05)
    assert np.corrcoef(levels, slopes)[0, 1] == pytest.approx(0.0, abs=0.08)


def test_effects_of_several_factors_and_of_none() -> None:
    """A variance of zero draws nothing."""
    formula = "score ~ week + arm + (1 | arm:school) + (1 | school)"
    y = draw(formula, sd={"arm:school": 0.0, "school": 0.0}, sigma=1e-9)[:, 0]
    np.testing.assert_allclose(y, 50.0 + WEEK + 3.0 * (ARM == "treated"), atol=1e-6)
    spread = draw(formula, sd={"arm:school": 0.0, "school": 3.0}, sigma=1e-9, nsim=400)
    assert spread[0].std() == pytest.approx(3.0, rel=0.15)


def test_a_family_with_weights_and_offset_by_name() -> None:
    data = TRIAL | {"pupils": np.tile([10, 20, 5], 80), "exposure": np.tile([1.0, 2.0], 120)}
    formula = "passed / pupils ~ week + (1 | school)"
    options: dict[str, Any] = {"beta": [-1.0, 0.2], "sd": {"school": 0.7}, "rng": 1, "nsim": 2_000}
    shares = ranef.simulate(formula, data, family="binomial", weights="pupils", **options)
    counts = shares * data["pupils"][:, None]
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    assert counts[:, 0].max() > 10
    accidents = ranef.simulate("k ~ 1 + offset(log(exposure)) + (1 | school)", data, beta=[0.5], sd={"school": 0.3},
                               family="poisson", rng=2, nsim=2_000)  # fmt: skip
    mean = np.exp(0.5 + 0.3**2 / 2)  # of a log-normal variable
    np.testing.assert_allclose(accidents[0::2].mean() / mean, 1.0, rtol=0.02)
    np.testing.assert_allclose(accidents[1::2].mean() / (2 * mean), 1.0, rtol=0.02)


def test_a_covariance_structure_has_its_own_form() -> None:
    formula = "score ~ week + arm + cs(1 + week | school)"
    draw(formula, covariances={"school": SIGMA})  # of two effects any covariance matrix has the form
    with pytest.raises(ranef.InputError, match=r"effects of school cannot have these covariances"):
        draw("score ~ week + arm + homcs(1 + week | school)", covariances={"school": SIGMA})
    with pytest.raises(ranef.InputError, match=r"effects of school cannot have these covariances"):
        draw("score ~ week + arm + (week || school)", covariances={"school": SIGMA})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "random effects of school are given nowhere"),
        ({"sd": {"school": [1.0, 1.0]}, "covariances": {"school": SIGMA}}, "effects of school are given twice"),
        ({"sd": {"school": [1.0, 1.0]}, "theta": [1.0, 0.0, 1.0]}, "by theta, or by sd and covariances, not both"),
        ({"sd": {"schools": [1.0, 1.0]}}, "schools"),
        ({"sd": {"school": 1.0}}, r"of each of \(Intercept\), week; it has 1"),
        ({"sd": {"school": [1.0, -1.0]}}, "0 or more"),
        ({"covariances": {"school": 4.0}}, "two-dimensional"),
        ({"covariances": {"school": [[4.0]]}}, r"must be a 2 x 2 matrix, of \(Intercept\), week"),
        ({"covariances": {"school": [[4.0, 1.0], [0.0, 1.0]]}}, "is not symmetric"),
        ({"covariances": {"school": [[4.0, 3.0], [3.0, 1.0]]}}, "would have a negative variance"),
        (
            {"sd": {"school": [1.0, 1.0]}, "beta": {"week": 1.0}},
            r"beta must name the columns of X, \(Inter",
        ),
        ({"sd": {"school": [1.0, 1.0]}, "x_names": ["a", "b", "c"]}, "the formula says this"),
        ({"sd": {"school": [1.0, 1.0]}, "weights": "pupils"}, "pupils"),
    ],
)
def test_bad_parameters_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ranef.RanefError, match=message):
        draw(**changes)


def test_missing_values_leave_out_no_row() -> None:
    with pytest.raises(ranef.InputError, match="values are missing: week in 1 row"):
        ranef.simulate(FORMULA, TRIAL | {"week": np.r_[np.nan, WEEK[1:]]}, beta=beta(), rng=1)
    with pytest.raises(ranef.InputTypeError, match="simulate needs a formula and data, or X and groups"):
        ranef.simulate(beta=[1.0], rng=1)
    with pytest.raises(ranef.InputTypeError, match="simulate with a formula needs data"):
        ranef.simulate(FORMULA, beta=beta(), rng=1)
