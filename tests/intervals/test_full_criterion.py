"""-2 log L in all parameters: by the normal density, with exact derivatives, and least where fits are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import ranef
from ranef.estimation.slice import Slice, fixed

from .models import fitted, sleepstudy, slopes

WEIGHTS = np.random.default_rng(5).uniform(0.5, 2.0, 72)


def made(kind, **settings):
    """A fit and its criterion, away from the minimum."""
    y, X, groups, columns = slopes(3, [[1, 0], [0.3, 0.5]])
    more = {
        "one": {"random_effects": {"g": "1 + x1"}},
        "diagonal": {"random_effects": {"g": "1 + x1"}, "correlated": False},
        "structured": {"random_effects": {"g": "1 + x1"}, "covariance": {"g": "cs"}},
        "crossed": {},
    }[kind]
    if kind == "crossed":
        groups = {**groups, "h": np.tile(np.arange(6), 12)}
    fit = ranef.lmm(y, X, groups, random_data=columns, weights=WEIGHTS, **more, **settings)
    criterion, x = fit._fit.factorized().joint()
    return fit, criterion, x, x + 0.2 * np.random.default_rng(2).standard_normal(len(x))


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("kind", ["one", "diagonal", "structured", "crossed"])
def test_it_is_least_at_the_estimates_of_maximum_likelihood(kind, reml):
    _, criterion, x, _ = made(kind, reml=reml)
    ml = made(kind, reml=False)[0]
    value, g = criterion.gradient(x)
    assert value == pytest.approx(ml.deviance, abs=1e-7)
    assert np.abs(g).max() < 1e-4
    assert float(np.exp(criterion.origin[-1] + x[-1])) == pytest.approx(ml.sigma, rel=1e-5)


def test_it_is_the_normal_density():
    y, X, groups, columns = slopes(3, [[1, 0], [0.3, 0.5]])
    fit, criterion, _, there = made("one", reml=False)
    natural = criterion.origin + criterion.unit * there
    beta = fit._fit.labels.fixed.coefficients(natural[:2])
    T = criterion.parameters.users_roots(natural[2:5])[0]
    Z = np.column_stack([np.ones(72), columns["x1"]])
    same = groups["g"][:, None] == groups["g"]
    V = same * (Z @ T @ T.T @ Z.T) + np.diag(np.exp(2.0 * natural[5]) / WEIGHTS)
    assert criterion.value(there) == pytest.approx(-2.0 * multivariate_normal(X @ beta, V).logpdf(y), abs=1e-9)


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("kind", ["one", "diagonal", "structured", "crossed"])
def test_derivatives(kind, turn):
    _, criterion, _, x = made(kind, reml=False)
    if turn and kind == "one":
        criterion = criterion.rotated([np.linalg.qr(np.array([[1.0, 2.0], [0.5, -1.0]]))[0]])
    steps = 1e-5 * np.eye(len(x))
    g = criterion.gradient(x)[1]
    by_differences = [(criterion.value(x + h) - criterion.value(x - h)) / 2e-5 for h in steps]
    np.testing.assert_allclose(g, by_differences, atol=1e-7 * np.abs(g).max())
    H = np.array([(criterion.gradient(x + h)[1] - criterion.gradient(x - h)[1]) / 2e-5 for h in steps])
    # by coefficients it is always the Hessian, by covariance parameters an approximation for several factors
    exact = np.arange(len(x)) < (len(x) if criterion.curvature_is_exact else 2)
    C = criterion.curvature(x)
    np.testing.assert_allclose(C[exact], H[exact], atol=1e-6 * np.abs(H).max())
    np.testing.assert_allclose(C, C.T, atol=1e-12 * np.abs(C).max())
    assert criterion.curvature_is_exact == (kind != "structured")


def test_a_slice_is_the_criterion_with_a_parameter_fixed():
    _, criterion, _, x = made("one", reml=False)
    A, at = fixed(len(x), 2, x[2])
    part = Slice(criterion, at, A, np.delete(criterion.lower, 2), np.delete(criterion.upper, 2))
    z = part.z(x)
    np.testing.assert_allclose(part.x(z), x, atol=1e-12)
    assert part.value(z) == criterion.value(x)
    np.testing.assert_allclose(part.gradient(z)[1], np.delete(criterion.gradient(x)[1], 2))
    H = criterion.curvature(x)
    np.testing.assert_allclose(part.curvature(z), np.delete(np.delete(H, 2, axis=0), 2, axis=1))


def test_generalized_models_have_their_criterion():
    fit = fitted("glmm_cbpp_laplace")
    criterion, x = fit._fit.factorized().joint()
    assert criterion.value(x) == pytest.approx(-2.0 * fit.log_likelihood, abs=1e-7)


def test_fits_by_reml_lead_out_of_the_boundary():
    # REML and ML estimates of one variance: the search leaves the basis of the fit where it must
    reml, ml = sleepstudy(reml=True), sleepstudy()
    criterion, x = reml._fit.factorized().joint()
    T = criterion.parameters.users_roots((criterion.origin + criterion.unit * x)[criterion.of_theta])[0]
    expected = ml._fit.covariances[0]
    np.testing.assert_allclose(T @ T.T, expected, rtol=1e-4)
