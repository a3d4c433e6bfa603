"""The laws of generalized models: they are fitted at once, whatever the family."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError
from ranef.contracts.arrays import FloatArray
from tests.glmm.models import Geometric

from .test_laws import assert_alike, assert_same_bits

pytestmark = pytest.mark.filterwarnings("ignore::ranef.contracts.errors.RanefWarning")


TRIALS = {"weights": np.random.default_rng(8).integers(1, 20, 90).astype(float)}
CROSSED = np.random.default_rng(4).integers(0, 11, 90)
CASES: dict[str, dict[str, Any]] = {
    "binomial": {"family": "binomial"},
    "trials": {"family": "binomial", **TRIALS},
    "probit": {"family": "binomial(probit)", **TRIALS},
    "expected": {"family": "binomial(cloglog)", "hessian": "expected", **TRIALS},
    "poisson": {"family": "poisson", "offset": np.linspace(-1.0, 1.0, 90)},
    "gamma": {"family": "gamma(log)", "dispersion": {"dispersion": 0.3}},
    "negative_binomial": {"family": "negative_binomial", "dispersion": {"theta": 3.0}},
    "slope": {"family": "poisson", "random_effects": {"g": "0 + x1"}},
    "geometric": {"family": Geometric()},
    "small": {"family": "poisson", "size": 0.02},
    "quadrature": {"family": "binomial", "nagq": 7, **TRIALS},
    "quadrature_expected": {"family": "binomial(cloglog)", "hessian": "expected", "nagq": 4, **TRIALS},
    "quadrature_dispersion": {"family": "negative_binomial", "dispersion": {"theta": 3.0}, "nagq": 5},
    "slopes": {"family": "poisson", "random_effects": {"g": "1 + x1"}, "size": [0.6, 0.2, 0.5]},
    "uncorrelated": {
        "family": "binomial(probit)",
        "random_effects": {"g": "1 + x1"},
        "correlated": False,
        "hessian": "expected",
        "size": [0.6, 0.5],
        **TRIALS,
    },
    "crossed": {"family": "poisson", "h": CROSSED, "size": [0.7, 0.6]},
    "nested": {"family": "poisson", "h": np.arange(90) % 15 // 2, "size": [0.7, 0.8]},
    "crossed_slopes": {
        "family": "binomial",
        "h": CROSSED,
        "random_effects": {"g": "1", "h": "1 + x1"},
        "size": [0.9, 0.8, 0.3, 0.7],
        **TRIALS,
    },
}


def make(name: str, m: int) -> tuple[ranef.GLMMSolution, FloatArray]:
    """A fit with a tight tolerance, and m responses."""
    arguments = dict(CASES[name])
    rng = np.random.default_rng(5)
    X, g = np.column_stack([np.ones(90), rng.normal(size=90)]), np.arange(90) % 15
    truth = {
        "beta": [0.4, 0.3],
        "theta": np.atleast_1d(arguments.pop("size", 0.6)),
        "dispersion": arguments.pop("dispersion", None),
    }
    settings = {"hessian": arguments.pop("hessian", "observed"), "nagq": arguments.pop("nagq", 1)}
    groups = {"g": g} | ({"h": arguments.pop("h")} if "h" in arguments else {})
    Y = ranef.simulate(X, groups, rng=2, nsim=m, **truth, **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ranef.glmm(Y[:, 0], X, groups, tol=1e-13, **arguments, **settings), Y


@pytest.mark.parametrize("name", CASES)
def test_a_response_has_the_estimates_of_its_own_fit(name: str) -> None:
    fit, Y = make(name, 6)
    many = fit.refit_many(Y)
    singles = [fit.refit(y) for y in Y.T]
    assert_alike(many, singles)
    np.testing.assert_allclose(many.dispersion, [list(s.dispersion.values()) for s in singles], rtol=1e-6)
    np.testing.assert_allclose(many.p_values, [s.p_values for s in singles], rtol=1e-4)
    assert np.isnan(many.sigma).all()
    assert many.at_once.mean() > 0.6


@pytest.mark.parametrize(
    "name",
    [
        "trials",
        "expected",
        "negative_binomial",
        "slope",
        "geometric",
        "quadrature_expected",
        "quadrature_dispersion",
        "slopes",
        "uncorrelated",
        "nested",
        "crossed_slopes",
    ],
)
def test_the_criterion_of_single_fits_has_no_slope_at_the_estimates(name: str) -> None:
    fit, Y = make(name, 4)
    many = fit.refit_many(Y)
    for j in np.flatnonzero(many.at_once):
        single = fit.refit(Y[:, j])._fit
        criterion, R = single.factorized().criterion, single.model.labels.fixed.R
        theta, xi = single.parameters.basis(many.theta[j]), single.dispersion.to_free(many.dispersion[j])
        g = criterion.gradient(criterion.pack(R @ many.coefficients[j], theta, xi))[1]
        assert np.abs(g).max() < 1e-8


def test_singular_fits_are_among_them() -> None:
    fit, Y = make("small", 6)
    assert fit.refit_many(Y).singular.any()


@pytest.mark.parametrize("name", ["trials", "negative_binomial", "quadrature", "slopes", "crossed_slopes"])
def test_the_same_bits_for_any_blocks_and_order(name: str) -> None:
    fit, Y = make(name, 11)
    many = fit.refit_many(Y)
    assert_same_bits(many, fit.refit_many(iter([Y[:, :1], Y[:, 1:4], Y[:, 4:]])))
    order = np.random.default_rng(1).permutation(11)
    np.testing.assert_array_equal(fit.refit_many(Y[:, order]).se, many.se[order])


class Picky(Geometric):
    """A family that refuses some responses: here those with a count of 9."""

    def check_identified(self, y: FloatArray, weights: FloatArray) -> None:
        if (y == 9.0).any():
            raise InputError("y: a count of 9")


def test_what_a_family_refuses_is_refused_here_too() -> None:
    fit, Y = make("geometric", 8)
    Y = np.where(Y == 9.0, 8.0, Y)
    picky = fit.update(family=Picky(), y=Y[:, 0])
    free = picky.refit_many(Y)
    Y[5, 2] = 9.0
    many = picky.refit_many(Y)
    assert free.at_once[2]
    assert not many.at_once[2]
    assert many.reason[2] == "y: a count of 9"
    np.testing.assert_array_equal(np.delete(many.log_likelihood, 2), np.delete(free.log_likelihood, 2))


def test_what_has_no_maximum_is_marked() -> None:
    rng = np.random.default_rng(3)
    g, x = np.arange(80) % 10, np.repeat([0.0, 1.0], 40)
    Y = (rng.random((80, 4)) < 0.5).astype(float)
    Y[x == 1.0, 1] = 1.0  # x separates
    Y[:, 2] = 1.0  # no variation
    many = ranef.glmm_many(Y, np.column_stack([np.ones(80), x]), {"g": g})
    assert many.converged.tolist() == [True, False, False, True]
    assert "separation" in many.reason[1]
    assert "separation" in many.reason[2]


@pytest.mark.parametrize(
    ("name", "settings"), [("slopes", {"nagq": 3}), ("trials", {"nagq": 0}), ("poisson", {"backend": "dense"})]
)
def test_other_settings_are_fitted_one_by_one(name: str, settings: dict[str, Any]) -> None:
    fit, Y = make(name, 2)
    other = fit.update(**settings)
    many = other.refit_many(Y)
    assert not many.at_once.any()
    assert many.log_likelihood.tolist() == [other.refit(y).log_likelihood for y in Y.T]


def test_links_with_an_edge_are_fitted_one_by_one() -> None:
    rng = np.random.default_rng(3)
    g = np.arange(80) % 10
    Y = rng.poisson(5.0, (80, 2)).astype(float)
    many = ranef.glmm_many(Y, np.ones((80, 1)), {"g": g}, family="poisson(identity)")
    assert not many.at_once.any()
    assert many.converged.all()
