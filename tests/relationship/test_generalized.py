"""Generalized models with known relationships: Laplace's criterion by dense matrices, and its gradient."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.stats import binom, poisson

import ranef
from ranef import registry
from ranef.contracts import InputError
from ranef.design.mixed import build_design
from ranef.estimation.generalized_criterion import GeneralizedCriterion, Units
from ranef.estimation.modes import PenalizedLikelihood
from ranef.estimation.pipeline import Watch
from ranef.families import Binomial, NegativeBinomial, Poisson

from .known import random_walk

BACKENDS = ["dense", *(["cholmod"] if find_spec("sksparse") else [])]
N, LEVELS = 300, 10
RNG = np.random.default_rng(5)
X = np.column_stack([np.ones(N), RNG.normal(size=N)])
G, H = RNG.integers(0, LEVELS, N), RNG.integers(0, 6, N)
Q = random_walk(LEVELS)
A = np.linalg.inv(Q)
EFFECTS = np.linalg.cholesky(A) @ RNG.normal(size=(LEVELS, 2)) @ np.array([[0.8, 0.2], [0.0, 0.6]])
ETA = X @ [0.5, 0.3] + (EFFECTS[G] * X).sum(axis=1) + RNG.normal(size=6)[H]
Y = {
    "poisson": RNG.poisson(np.exp(ETA)).astype(float),
    "binomial": (RNG.random(N) < 1 / (1 + np.exp(-ETA))).astype(float),
}
MODELS = {
    "one factor, k = 1": ({"g": G}, {}),
    "one factor, k = 2": ({"g": G}, {"g": "1 + x"}),
    "two factors": ({"g": G, "h": H}, {"g": "1 + x"}),
}


def laplace(fit, family: str, groups: dict) -> float:
    """-h(v) / 2 - log|L'Z'WZ L + I| / 2 at the mode, b = L v with LL' = T T' (x) A; v by Newton's method from zero."""
    Z, roots = [], []
    for f, T in zip(fit._fit.groups, fit._fit.relative_factors, strict=True):
        Z += [z[:, None] * np.eye(len(f.levels))[groups[f.name]] for z in X.T[: len(f.column_names)]]
        roots.append(np.kron(T, np.linalg.cholesky(A) if f.name == "g" else np.eye(len(f.levels))))
    ZL = np.concatenate(Z, axis=1) @ block_diag(*roots)
    y, v = Y[family], np.zeros(ZL.shape[1])
    for _ in range(50):
        eta = X @ fit.coefficients + ZL @ v
        mu = np.exp(eta) if family == "poisson" else 1 / (1 + np.exp(-eta))
        w = mu if family == "poisson" else mu * (1 - mu)
        hessian = ZL.T @ (w[:, None] * ZL) + np.eye(len(v))
        v = v + np.linalg.solve(hessian, ZL.T @ (y - mu) - v)
    density = poisson.logpmf(y, mu) if family == "poisson" else binom.logpmf(y, 1, mu)
    return float(density.sum() - 0.5 * (v @ v + np.linalg.slogdet(hessian)[1]))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("family", Y)
@pytest.mark.parametrize("name", MODELS)
def test_the_criterion_is_that_of_dense_matrices(name: str, family: str, backend: str) -> None:
    groups, effects = MODELS[name]
    fit = ranef.glmm(
        Y[family],
        X,
        groups,
        family=family,
        random_effects=effects,
        random_data={"x": X[:, 1]},
        precision={"g": Q},
        backend=backend,
    )
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(laplace(fit, family, groups), abs=1e-8)


def problem(
    name: str, family, backend: str, precision, *, joint: bool, hessian: str = "observed"
) -> tuple[GeneralizedCriterion, np.ndarray]:
    groups, effects = MODELS[name]
    y = Y["binomial" if isinstance(family, Binomial) else "poisson"]
    design = build_design(y, X, groups, random_effects=effects, random_data={"x": X[:, 1]}, precision=precision)
    symbolic = registry.linalg_backend(backend)[0].analyze(design.random.pattern)
    model = PenalizedLikelihood(design, family, symbolic, hessian)
    made = GeneralizedCriterion(
        model, 1, Units(1.0, np.zeros(sum(p.fixed is None for p in family.parameters))), joint=joint, watch=Watch()
    )
    theta = made.parameters.of(tuple(0.5 * np.eye(k) + 0.1 for k in made.columns))
    return made, made.pack(design.fixed.R @ [0.5, 0.3], theta, made.units.xi)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("hessian", ["observed", "expected"])
@pytest.mark.parametrize("family", [Poisson(), Binomial(), Binomial(link="cloglog"), NegativeBinomial()], ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_is_that_of_differences(name, family, hessian, joint, backend) -> None:
    made, x = problem(name, family, backend, {"g": Q}, joint=joint, hessian=hessian)

    def f(at: np.ndarray) -> float:
        made._last = None
        return made.value(at)

    h = 1e-3
    expected = np.array(
        [(8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h) for e in h * np.eye(len(x))]
    )
    made._last = None
    np.testing.assert_allclose(made.gradient(x)[1], expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("name", MODELS)
def test_the_identity_is_no_relationship(name: str) -> None:
    (one, x), (other, _) = (
        problem(name, Poisson(), backend, precision, joint=False)
        for backend, precision in (("dense", {"g": np.eye(LEVELS)}), ("blocked", None))
    )
    assert one.value(x) == pytest.approx(other.value(x), rel=1e-10)
    np.testing.assert_allclose(one.gradient(x)[1], other.gradient(x)[1], rtol=1e-9, atol=1e-9)


def test_modes_follow_the_parameters_to_first_order() -> None:
    """The error of the predicted modes falls with the square of the step."""
    made, x = problem("one factor, k = 2", Poisson(), "dense", {"g": Q}, joint=False)
    mode = made.at(x).mode
    errors = []
    for step in (1e-2, 1e-3):
        there = x + step
        gamma, theta, _ = made.unpack(there)
        Lambda = made.model.Lambda(made.parameters.entries(theta))
        predicted = mode.follow(Lambda, np.zeros(0), gamma)[0]
        errors.append(np.abs(predicted - made.at(there).mode.point.u).max())
    assert errors[1] < 0.02 * errors[0]


def test_quadrature_is_refused() -> None:
    with pytest.raises(InputError, match="the levels of g depend on each other by their known relationship"):
        ranef.glmm(Y["poisson"], X, {"g": G}, family="poisson", precision={"g": Q}, nagq=5)
