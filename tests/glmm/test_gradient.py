"""Exact gradients of the criteria in (gamma, theta, xi) against central differences, for every family and link.

Differences are Richardson-extrapolated, of criteria whose modes PIRLS finds to rounding: their own error is near 1e-9
relative.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ranef import registry
from ranef.contracts import Family
from ranef.contracts.arrays import FloatArray
from ranef.design.mixed import build_design
from ranef.estimation.dispersion import DispersionScale
from ranef.estimation.generalized_criterion import GeneralizedCriterion, Units
from ranef.estimation.laplace import bending_of_one_factor, curvature, laplace_gradient
from ranef.estimation.modes import PenalizedLikelihood, find_mode
from ranef.estimation.pipeline import Watch
from ranef.estimation.quadrature import gauss_hermite_grid
from ranef.families import (
    Bell,
    Beta,
    BetaBinomial,
    Binomial,
    ConwayMaxwellPoisson,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    NegativeBinomial1,
    OrderedBeta,
    Poisson,
    SkewNormal,
    StudentT,
    TruncatedGaussian,
    TruncatedNegativeBinomial,
    TruncatedPoisson,
    Tweedie,
)

from .models import Geometric, fit

CLASSES = (
    Bell,
    Beta,
    BetaBinomial,
    Binomial,
    ConwayMaxwellPoisson,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    NegativeBinomial1,
    OrderedBeta,
    Poisson,
    SkewNormal,
    StudentT,
    TruncatedGaussian,
    TruncatedNegativeBinomial,
    TruncatedPoisson,
    Tweedie,
)


#: Dispersion parameters of the simulations, where they are not 0.3.
PHI = {"df": 6.0, "power": 1.4, "precision": 8.0, "spacing": 2.5, "theta": 2.0, "zero": -1.0}
#: Every family with every link of its list; some have the Gaussian's ten, of which two will do.
FAMILIES = [
    pytest.param(cls(link=link), id=f"{cls.name}-{link}")
    for cls in CLASSES
    for link in (cls.links if cls not in (SkewNormal, StudentT) else ("identity", "log"))
]


def simulate(
    family: Family, seed: int, *, columns: int = 1, crossed: bool = False
) -> tuple[PenalizedLikelihood, FloatArray, FloatArray]:
    """A small data set of the family: its model, and gamma and phi near the truth."""
    rng = np.random.default_rng(seed)
    n = 72
    g, h = np.arange(n) % 6, rng.integers(0, 4, n)
    x, z = rng.uniform(-1, 1, (2, n))
    link = family.link
    lower, upper = max(family.mean_bounds[0], link.range[0]), min(family.mean_bounds[1], link.range[1])
    # A mean in the middle of what family and link can have, and etas about it that stay inside.
    centre = 0.45 if upper == 1 else 2.0 if lower == 0 else 1.0
    eta0 = float(link.link(np.array([centre]))[0])
    unbounded = link.name in ("log", "logit", "probit", "cloglog", "loglog", "cauchit")
    slope = 0.3 if unbounded else 0.2 * abs(eta0)
    eta = eta0 + slope * x + 0.2 * slope * rng.normal(size=6)[g]
    weights = rng.integers(1, 9, n).astype(float) if family.weights_are_trials else np.ones(n)
    phi = np.array([PHI.get(p.name, 0.3) for p in family.parameters])
    y = family.sample(link.mean(eta).mu, weights, phi, rng)
    design = build_design(
        y,
        np.column_stack([np.ones(n), x]),
        {"g": g, "h": h} if crossed else {"g": g},
        random_effects={"g": ["1", "z", "x"][:columns]},
        random_data={"z": z, "x": x},
        x_names=["one", "slope"],
        weights=weights,
        weights_are_precisions=False,
    )
    symbolic = registry.linalg_backend("blocked")[0].analyze(design.random.pattern)
    gamma = design.fixed.R @ np.array([eta0, slope])
    return PenalizedLikelihood(design, family, symbolic, "observed"), gamma, phi


def differences(f: Callable[[FloatArray], float], x: FloatArray, h: float = 1e-3) -> FloatArray:
    """Derivatives of f by each x, by central differences of h and 2h extrapolated: an error of order h^4."""
    out = []
    for i in range(len(x)):
        e = np.zeros(len(x))
        e[i] = h
        out.append((8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h))
    return np.array(out)


def assert_gradient(problem: GeneralizedCriterion, x: FloatArray, rtol: float) -> None:
    value, exact = problem.gradient(x)
    assert np.isfinite(value)
    numeric = differences(problem.value, x)
    np.testing.assert_allclose(exact, numeric, rtol=rtol, atol=rtol * max(1.0, float(np.abs(numeric).max())))


def problem_of(
    family: Family, seed: int, *, nagq: int = 1, joint: bool = False, hessian: str = "observed", **shape: Any
) -> tuple[GeneralizedCriterion, FloatArray]:
    """The criterion of a simulated data set, and parameters that are no optimum."""
    model, gamma, phi = simulate(family, seed, **shape)
    units = Units(1.3, DispersionScale(family.parameters).to_free(phi))
    problem = GeneralizedCriterion(replace(model, weights_in_logdet=hessian), nagq, units, joint=joint, watch=Watch())
    problem.gamma = gamma.copy()
    rng = np.random.default_rng(seed + 1)
    diagonal = problem.parameters.diagonal
    inside, around = rng.uniform(0.7, 1.3, len(diagonal)), rng.uniform(-0.5, 0.5, len(diagonal))
    size = 0.05 * (1.0 + abs(float(gamma[0])) / np.sqrt(len(model.y)))
    theta = size * np.where(diagonal, inside, around)
    return problem, problem.pack(gamma * 1.01, theta, units.xi)


def seed_of(family: Family) -> int:
    return zlib.crc32(repr(family).encode())


@pytest.mark.parametrize("crossed", [False, True], ids=["one-factor", "crossed"])
@pytest.mark.parametrize("hessian", ["observed", "expected"])
@pytest.mark.parametrize("family", FAMILIES)
def test_laplace(family: Family, hessian: str, crossed: bool) -> None:
    problem, x = problem_of(family, seed_of(family), hessian=hessian, crossed=crossed)
    assert_gradient(problem, x, rtol=1e-6)


@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("family", [Binomial(), Binomial("cloglog"), Poisson(), NegativeBinomial(), Gamma("inverse")])
def test_laplace_of_vector_terms(family: Family, columns: int) -> None:
    problem, x = problem_of(family, 7, columns=columns, crossed=True)
    assert_gradient(problem, x, rtol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_modes_and_fixed_effects_jointly(family: Family) -> None:
    # nAGQ = 0: gamma minimizes h, not the criterion, and moves with theta and xi.
    problem, x = problem_of(family, seed_of(family) + 2, joint=True)
    assert_gradient(problem, x, rtol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_quadrature_of_a_scalar_term(family: Family) -> None:
    # The weights in C matter for the nodes only; both kinds take turns.
    hessian = "expected" if seed_of(family) % 2 else "observed"
    problem, x = problem_of(family, seed_of(family) + 3, nagq=5, hessian=hessian)
    assert_gradient(problem, x, rtol=1e-6)


@pytest.mark.parametrize("nagq", [2, 4])
@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("family", [Binomial(), Binomial("probit"), Poisson("sqrt"), NegativeBinomial(), Gamma("log")])
def test_quadrature_of_vector_terms(family: Family, columns: int, nagq: int) -> None:
    problem, x = problem_of(family, 11, nagq=nagq, columns=columns)
    assert_gradient(problem, x, rtol=1e-6)


@pytest.mark.parametrize("family", [Binomial(), Binomial("cloglog"), NegativeBinomial()])
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_one_node_is_the_laplace_approximation(family: Family, columns: int) -> None:
    laplace, x = problem_of(family, 5, columns=columns)
    one, _ = problem_of(family, 5, nagq=2, columns=columns)
    one.grid = gauss_hermite_grid(1, columns)
    assert one.value(x) == pytest.approx(laplace.value(x), abs=1e-10)
    np.testing.assert_allclose(one.gradient(x)[1], laplace.gradient(x)[1], rtol=1e-8, atol=1e-8)


def test_the_gradient_does_not_depend_on_the_backend() -> None:
    problem, x = problem_of(Binomial("probit"), 3, columns=2, crossed=True)
    dense = registry.linalg_backend("dense")[0].analyze(problem.model.pattern)
    other = GeneralizedCriterion(replace(problem.model, symbolic=dense), 1, problem.units, joint=False, watch=Watch())
    np.testing.assert_allclose(other.gradient(x)[1], problem.gradient(x)[1], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "hessian"),
    [
        ("glmm_negbin_grouseticks", "expected"),
        ("glmm_contraception_slope", "observed"),
        ("glmm_gamma_log", "observed"),
        ("glmm_gamma_log", "expected"),
        ("glmm_cbpp_cloglog", "expected"),
    ],
)
def test_hessian_behind_the_standard_errors(name: str, hessian: str) -> None:
    # Second differences of the criterion, in units of standard errors, where it is of order one.
    fitted = fit(name, hessian=hessian)._fit
    factorized = fitted.factorized()
    problem, at, exact = factorized.criterion, factorized.x, factorized.hessian
    units = 1.0 / np.sqrt(np.diagonal(exact))

    def criterion(t: FloatArray) -> float:
        return problem.value(at + units * t / problem.unit)

    zero, h = np.zeros(len(at)), 0.05

    def mixed(i: int, j: int, h: float) -> float:
        a, b = h * np.eye(len(at))[i], h * np.eye(len(at))[j]
        return (criterion(a + b) - criterion(a - b) - criterion(b - a) + criterion(-a - b)) / (4 * h**2)

    assert criterion(zero) == pytest.approx(fitted.criterion, rel=1e-12)
    numeric = np.array(
        [[(4 * mixed(i, j, h) - mixed(i, j, 2 * h)) / 3 for i in range(len(at))] for j in range(len(at))]
    )
    np.testing.assert_allclose(exact * np.outer(units, units), numeric, atol=2e-5)


@pytest.mark.parametrize("nagq", [1, 5])
@pytest.mark.parametrize("hessian", ["observed", "expected"])
@pytest.mark.parametrize("link", Geometric.links)
def test_a_family_without_derivatives(link: str, hessian: str, nagq: int) -> None:
    problem, x = problem_of(Geometric(link=link), 12, hessian=hessian, nagq=nagq)
    assert_gradient(problem, x, rtol=1e-5)


def test_every_registered_family_is_here() -> None:
    registered = {entry.name for entry in registry.entries("family") if entry.distribution == "ranef"}
    registered = {name for name in registered if not name.startswith(("zero_inflated_", "hurdle_"))}  # of these ones
    registered -= {"generalized_poisson", "lognormal", "ordinal"}  # tests/families and tests/ordinal have theirs
    registered -= {"weibull", "exponential", "tobit"}  # so has tests/censored
    assert {cls.name for cls in CLASSES} == registered


# What the search makes of derivatives ------------------------------------------------------------------------------


@pytest.mark.parametrize("joint", [False, True], ids=["held", "joint"])
@pytest.mark.parametrize("crossed", [False, True], ids=["one-factor", "crossed"])
@pytest.mark.parametrize(
    "family", [Binomial(), Binomial("cloglog"), Poisson(), NegativeBinomial(), Gamma("inverse"), Beta()]
)
def test_modes_follow_the_parameters_to_first_order(family: Family, crossed: bool, joint: bool) -> None:
    # The error of the predicted modes is of second order: a third of the step, a ninth of the error.
    problem, x = problem_of(family, 21, columns=2, crossed=crossed, joint=joint)
    step = 0.001 * np.random.default_rng(22).normal(size=len(x)) * np.maximum(1.0, np.abs(x))

    def error(length: float) -> float:
        mode = problem.at(x).mode
        gamma, theta, xi = problem.unpack(x + length * step)
        Lambda, phi = problem.model.Lambda(theta), problem.dispersion.to_natural(xi)[0]
        u, gamma = mode.follow(Lambda, phi, gamma)
        there = find_mode(problem.model, Lambda, phi, mode.point.u, gamma, joint=joint).point
        return float(np.linalg.norm(np.concatenate([there.u - u, there.gamma - gamma])))

    assert error(1.0) / error(1.0 / 3.0) == pytest.approx(9.0, rel=0.1)


@pytest.mark.parametrize("crossed", [False, True], ids=["one-factor", "crossed"])
@pytest.mark.parametrize("family", [Binomial(), Binomial("cloglog"), Poisson(), Gamma("inverse")])
def test_cross_curvature_is_that_of_the_penalized_likelihood(family: Family, crossed: bool) -> None:
    # 2 Q'V^-1 Zw is how -2 Q'd1, the derivative of h by gamma, moves with theta while u stays at its modes.
    problem, x = problem_of(family, 24, columns=2, crossed=crossed)
    gamma, theta, xi = problem.unpack(x)
    theta, model, r = 5.0 * theta, problem.model, problem.n_gamma
    phi = problem.dispersion.to_natural(xi)[0]

    def by_gamma(theta: FloatArray) -> FloatArray:
        mode = find_mode(model, model.Lambda(theta), phi, problem.u, gamma, joint=False)
        return np.asarray(-2.0 * model.Q.T @ mode.derivatives.d1)

    h = 1e-5
    numeric = np.array([(by_gamma(theta + h * e) - by_gamma(theta - h * e)) / (2 * h) for e in np.eye(len(theta))]).T
    mode = find_mode(model, model.Lambda(theta), phi, problem.u, gamma, joint=False)
    H = curvature(mode)
    np.testing.assert_allclose(H[:r, r:], numeric, rtol=1e-6, atol=1e-6 * np.abs(numeric).max())
    np.testing.assert_allclose(H, H.T, rtol=1e-12)


@pytest.mark.parametrize("crossed", [False, True], ids=["one-factor", "crossed"])
def test_what_fixed_effects_take_up_is_that_of_dense_matrices(crossed: bool) -> None:
    # w'Z'V^-1 Q (Q'V^-1 Q)^-1 Q'V^-1 Zw is subtracted where gamma is estimated with the modes.
    model, gamma, phi = simulate(Poisson(), 51, columns=2, crossed=crossed)
    Lambda = model.Lambda(np.linspace(1.0, 0.5, len(model.template)))
    held = find_mode(model, Lambda, phi, np.zeros(model.pattern.q), gamma, joint=False)
    Z = np.array([model.Z(e) for e in np.eye(model.pattern.q)]).T
    ZL = np.array([model.Z(Lambda @ e) for e in np.eye(model.pattern.q)]).T
    V = np.diag(1.0 / held.regular.sums.weights) + ZL @ ZL.T
    VQ = np.linalg.solve(V, model.Q)
    QVZw = VQ.T @ Z @ Lambda.directions(held.score)
    taken = QVZw.T @ np.linalg.solve(model.Q.T @ VQ, QVZw)
    r = model.Q.shape[1]
    by_theta, left = curvature(held)[r:, r:], curvature(replace(held, joint=True))
    np.testing.assert_allclose(by_theta - left, taken, rtol=1e-8, atol=1e-8 * np.abs(taken).max())


@pytest.mark.parametrize("crossed", [False, True], ids=["one-factor", "crossed"])
@pytest.mark.parametrize("shift", [0.0, 2.0, 8.0])
@pytest.mark.parametrize("size", [0.0, 0.3, 3.0])
def test_curvature_is_positive_semidefinite(size: float, shift: float, crossed: bool) -> None:
    # Far from the estimates gamma takes up most of w'Z'V^-1 Zw, and whole cross terms would make it indefinite.
    model, gamma, phi = simulate(Binomial(), 31, columns=2, crossed=crossed)
    theta = size * np.linspace(1.0, 0.5, len(model.template))
    mode = find_mode(model, model.Lambda(theta), phi, np.zeros(model.pattern.q), gamma + shift, joint=False)
    H = curvature(mode)
    assert np.linalg.eigvalsh(H)[0] >= -1e-10 * np.abs(H).max()


@pytest.mark.parametrize("columns", [1, 2, 3])
@pytest.mark.parametrize(
    "family", [Binomial(), Binomial("cloglog"), Poisson(), NegativeBinomial(), Gamma("inverse"), Beta()]
)
def test_bending_is_the_hessian_at_zero_variance(family: Family, columns: int) -> None:
    # There the average information is zero, and by T the criterion bends by tr(S T T') alone.
    model, gamma, phi = simulate(family, 41, columns=columns)
    rng = np.random.default_rng(42)
    eta = model.Q @ gamma  # responses that do not vary between levels, so that S is positive definite
    y = family.sample(family.link.mean(eta).mu, model.weights, phi, rng)
    model = replace(model, design=replace(model.design, y=y))

    def by_theta(theta: FloatArray) -> FloatArray:
        Lambda = model.Lambda(theta)
        mode = find_mode(model, Lambda, phi, np.zeros(model.pattern.q), gamma, joint=False)
        return laplace_gradient(mode).entries

    m, h = len(model.template), 1e-4
    numeric = np.array([(by_theta(h * e) - by_theta(-h * e)) / (2 * h) for e in np.eye(m)])
    mode = find_mode(model, model.Lambda(np.zeros(m)), phi, np.zeros(model.pattern.q), gamma, joint=False)
    exact = bending_of_one_factor(mode)
    eigenvalues = np.linalg.eigvalsh(numeric)
    if eigenvalues[0] > 0.0:
        np.testing.assert_allclose(exact, numeric, rtol=1e-4, atol=1e-5 * np.abs(numeric).max())
    else:  # the positive part only: never below the Hessian
        assert np.linalg.eigvalsh(exact - numeric)[0] >= -1e-5 * np.abs(numeric).max()
        assert np.linalg.eigvalsh(exact)[0] >= -1e-12 * np.abs(numeric).max()
