"""Start values by moments."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ranef
from ranef import registry
from ranef.contracts import Family
from ranef.contracts.arrays import FloatArray
from ranef.design.crossproducts import cross_products
from ranef.design.mixed import MixedDesign, build_design
from ranef.estimation.modes import PenalizedLikelihood
from ranef.estimation.moments import moment_start
from ranef.estimation.parameters import Parameters
from ranef.estimation.start import fixed_effects_start, start_by_moments
from ranef.families import Binomial, Gamma, Gaussian, NegativeBinomial, Poisson


def start_of(design: MixedDesign) -> FloatArray:
    """theta for the columns as they were given."""
    parameters = Parameters(design.random.groups)
    return parameters.users(parameters.of(moment_start(cross_products(design)).T))


def start_and_estimate(y, X, groups, **terms) -> tuple[np.ndarray, np.ndarray]:
    design = build_design(y, X, groups, **terms)
    return start_of(design), ranef.lmm(y, X, groups, **terms).theta


def test_balanced_crossed_design_starts_at_the_reml_estimate() -> None:
    """Moments (ANOVA) are REML in balanced data with nothing at the boundary (Searle et al. 1992, section 6.7)."""
    d = ranef.datasets.load("penicillin")
    groups = {"plate": d["plate"], "sample": d["sample"]}
    start, estimate = start_and_estimate(d["diameter"], np.ones((len(d["diameter"]), 1)), groups)
    np.testing.assert_allclose(start, estimate, rtol=1e-6)


def test_balanced_slopes_start_at_the_reml_estimate() -> None:
    d = ranef.datasets.load("sleepstudy")
    X = np.column_stack([np.ones(180), d["Days"]])
    terms = {"random_effects": {"Subject": ["1", "Days"]}, "random_data": {"Days": d["Days"]}}
    start, estimate = start_and_estimate(d["Reaction"], X, {"Subject": d["Subject"]}, **terms)
    np.testing.assert_allclose(start, estimate, rtol=1e-6, atol=1e-8)


def test_unbalanced_start_is_unbiased() -> None:
    """The mean over simulated unbalanced data is the truth, within four standard errors of the simulation."""
    rng = np.random.default_rng(3)
    n, truth = 400, np.array([0.8, 0.5])
    g, h = rng.integers(0, 40, n) ** 2 // 40, rng.integers(0, 15, n)
    X = np.column_stack([np.ones(n), rng.normal(size=n)])
    squares = []
    for _ in range(60):
        y = X @ [1.0, 2.0] + truth[0] * rng.normal(size=40)[g] + truth[1] * rng.normal(size=15)[h] + rng.normal(size=n)
        design = build_design(y, X, {"g": g, "h": h})
        squares.append(start_of(design) ** 2)
    mean, error = np.mean(squares, axis=0), np.std(squares, axis=0) / np.sqrt(len(squares))
    np.testing.assert_array_less(np.abs(mean - truth**2), 4 * error + 0.02)


@pytest.mark.parametrize(("unit", "origin"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e3)])
def test_start_does_not_depend_on_units_and_origins(unit: float, origin: float) -> None:
    """time = unit (Days + origin): T of (intercept, time) follows by the inverse transformation of the columns."""
    d = ranef.datasets.load("sleepstudy")

    def start(time: FloatArray) -> FloatArray:
        X = np.column_stack([np.ones(180), time])
        terms = {"random_effects": {"Subject": ["1", "time"]}, "random_data": {"time": time}}
        a, b, c = start_of(build_design(d["Reaction"], X, {"Subject": d["Subject"]}, **terms))
        T = np.array([[a, 0.0], [b, c]])
        return T @ T.T

    # b0 + b1 unit (Days + origin): the intercept at Days = 0 and the slope a day
    to_days = np.array([[1.0, unit * origin], [0.0, unit]])
    G = to_days @ start(unit * (d["Days"] + origin)) @ to_days.T
    np.testing.assert_allclose(G, start(d["Days"]), rtol=1e-5, atol=1e-7)


def test_the_start_does_not_depend_on_the_basis_of_x() -> None:
    # Weights that come after X = QR, as working weights do: Q is not orthonormal in them.
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(15), 6), rng.normal(size=90)
    y, weights = rng.normal(size=15)[g] + rng.normal(size=90), np.exp(2.0 * x)
    arguments = y, np.column_stack([np.ones(90), x]), {"g": g}
    known = moment_start(cross_products(build_design(*arguments, weights=weights)))
    later = moment_start(cross_products(replace(build_design(*arguments), weights=weights)))
    np.testing.assert_allclose(later.T[0], known.T[0], rtol=1e-10)
    assert later.sigma == pytest.approx(known.sigma, rel=1e-10)


@pytest.mark.parametrize("sd", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("family", [Poisson(), Gamma("log"), Gaussian(), Binomial(), NegativeBinomial()], ids=repr)
def test_generalized_models_start_near_their_estimates(family: Family, sd: float) -> None:
    # Standard deviations on the scale of the linear predictor: in no unit of a working residual.
    rng = np.random.default_rng(1)
    g, x = np.repeat(np.arange(40), 10), rng.normal(size=400)
    eta = (0.0 if family.name == "binomial" else 3.0) + 0.3 * x + sd * rng.normal(size=40)[g]
    weights, phi = np.ones(400), np.array([0.5] * len(family.parameters))
    y = family.sample(family.link.mean(eta).mu, weights, phi, rng)
    design = build_design(y, np.column_stack([np.ones(400), x]), {"g": g})
    symbolic = registry.linalg_backend("blocked")[0].analyze(design.random.pattern)
    model = PenalizedLikelihood(design, family, symbolic, "observed")
    start = start_by_moments(model, fixed_effects_start(model)[2])
    estimate = ranef.glmm(y, design.X, {"g": g}, family=family).theta
    assert 0.4 < start[0][0, 0] / estimate[0] < 2.5


def test_the_smallest_start_is_a_part_of_an_observation() -> None:
    # Counts of 10,000 have a standard deviation of 0.01 on the log scale; where groups do not differ the start is a
    # twentieth of it, or what moments find by chance.
    rng = np.random.default_rng(2)
    y = rng.poisson(1e4, 200).astype(float)
    design = build_design(y, np.ones((200, 1)), {"g": np.arange(200) % 40})
    symbolic = registry.linalg_backend("blocked")[0].analyze(design.random.pattern)
    model = PenalizedLikelihood(design, Poisson(), symbolic, "observed")
    assert 4e-4 < start_by_moments(model, fixed_effects_start(model)[2])[0][0, 0] < 1e-2
