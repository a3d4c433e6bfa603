"""The criterion of residual structures is that of V written out, and its derivatives are those of its differences."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.design.residual_labels import KINDS
from ranef.estimation.linear import Gaussian
from ranef.estimation.model import Model
from ranef.estimation.parameters import Parameters
from ranef.estimation.pipeline import Watch
from ranef.estimation.residual_criterion import ResidualCriterion

from .models import covariance_of_residuals, data, dense_criterion, design

#: Correlation, random effects, whether variances differ, whether there are weights.
MODELS = [
    *[(kind, "", True, False) for kind in ["", *KINDS]],
    *[(kind, "site", False, True) for kind in KINDS],
    *[(kind, "both", True, True) for kind in ["", *KINDS]],
    ("ar1", "subject", False, False),
    ("us", "site", False, False),
]


def criterion_of(kind, random, scales, weights, reml):
    d = data()
    made = design(d, kind, random, scales, weights)
    return d, made, criterion_for(made, reml)


def criterion_for(made, reml):
    analysis = Model.of(made, Gaussian(reml)).analyze()
    parameters = Parameters(made.random.groups, made.labels.residual)
    return ResidualCriterion(made, analysis.symbolic, reml, parameters, 1.0, Watch())


def some_theta(criterion, seed=0):
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=len(criterion.parameters)) * 0.5
    return np.where(criterion.parameters.diagonal, np.abs(theta) + 0.2, theta)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("kind", "random", "scales", "weights"), MODELS)
def test_the_criterion_is_that_of_the_whole_covariance_matrix(kind, random, scales, weights, reml):
    d, made, criterion = criterion_of(kind, random, scales, weights, reml)
    theta = some_theta(criterion)
    value = criterion.value(theta)
    if reml:  # the criterion is in the basis Q of X
        value += 2.0 * np.log(np.abs(np.diagonal(made.fixed.R))).sum()
    assert value == pytest.approx(dense_criterion(d, made, theta, reml), abs=1e-8)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("kind", "random", "scales", "weights"), MODELS)
def test_the_gradient_is_that_of_differences(kind, random, scales, weights, reml):
    _, _, criterion = criterion_of(kind, random, scales, weights, reml)
    x = some_theta(criterion)
    _, g = criterion.gradient(x)
    steps = 1e-5 * np.eye(len(x))
    differences = [(criterion.value(x + s) - criterion.value(x - s)) / 2e-5 for s in steps]
    assert g == pytest.approx(np.array(differences), abs=2e-6 * max(1.0, np.abs(g).max()))


@pytest.mark.parametrize(("kind", "random", "scales", "weights"), MODELS)
def test_rows_are_whitened(kind, random, scales, weights):
    d, made, criterion = criterion_of(kind, random, scales, weights, True)
    x = some_theta(criterion)[criterion.parameters.of_residual]
    R = covariance_of_residuals(d, made, x)
    W = criterion.residual.at(x)
    M = W.white(np.eye(d.n)).T  # columns of V are rows of the argument
    assert np.abs(M @ R @ M.T - np.eye(d.n)).max() < 1e-10
    assert np.abs(W.coloured(np.eye(d.n)).T - np.linalg.inv(M)).max() < 1e-9
    assert W.logdet == pytest.approx(np.linalg.slogdet(R)[1], abs=1e-9)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize(("kind", "random", "scales", "weights"), MODELS[:8])
def test_derivatives_of_estimates_by_the_residual_parameters(kind, random, scales, weights, reml):
    """Of r^2 and of Q'V^-1 Q, which Satterthwaite's degrees of freedom need."""
    _, _, criterion = criterion_of(kind, random, scales, weights, reml)
    x, own = some_theta(criterion), criterion.parameters.of_residual

    def gram(at):
        here = criterion.evaluate(at).at
        return here.RX.T @ here.RX

    here = criterion.evaluate(x)
    pwrss, moves = here.pwrss_gradient, here.gram_moves()
    for k, j in enumerate(range(own.start, own.stop)):
        step = 1e-5 * np.eye(len(x))[j]
        up, down = criterion.evaluate(x + step), criterion.evaluate(x - step)
        assert pwrss[j] == pytest.approx((up.at.pwrss - down.at.pwrss) / 2e-5, rel=1e-5, abs=1e-5)
        assert moves[k] == pytest.approx((gram(x + step) - gram(x - step)) / 2e-5, rel=1e-5, abs=1e-7)
