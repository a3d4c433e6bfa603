"""Exact derivatives against differences, on random structures at random theta.

Differences of functions are central and Richardson-extrapolated: their own error is then near 1e-9 relative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import block_diag

from ranef import registry
from ranef.contracts.arrays import FloatArray
from ranef.design.crossproducts import cross_products
from ranef.design.mixed import MixedDesign, build_design
from ranef.estimation import level_sums
from ranef.estimation.linear import LinearFit
from ranef.estimation.linear_criterion import LinearCriterion
from ranef.estimation.parameters import Parameters
from ranef.estimation.pipeline import Watch
from ranef.estimation.profiled import ProfiledDeviance
from ranef.inference.satterthwaite import parameter_covariance, vcov_derivatives

from .models import fitted


@dataclass(frozen=True)
class Terms:
    """Random effects and templates of one factor, as arguments of `ranef.lmm`."""

    terms: tuple[Any, ...]
    correlated: bool = True


TERMS = (
    Terms(("1",)),
    Terms(("x",)),
    Terms(("1", "x")),
    Terms(("1", "x"), correlated=False),
    Terms(("1", "x", "z")),
    Terms(("1", "x", "z"), correlated=False),
    Terms((("1",), ("x",))),
    Terms((("1", "x"), ("z",))),
    Terms((("x",), ("1", "z")), correlated=False),
)
BACKENDS = ("dense", "blocked", *(("cholmod",) if find_spec("sksparse") else ()))


@dataclass(frozen=True)
class Model:
    """A random model: its factors' terms, how they meet, and the rest of the arguments."""

    factors: tuple[Terms, ...]
    nested: bool
    reml: bool
    weighted: bool
    with_offset: bool
    p: int
    backend: str
    seed: int

    def design(self) -> MixedDesign:
        """Random data."""
        rng = np.random.default_rng(self.seed)
        n = 60
        groups = {"f0": rng.integers(0, 5, n)}
        for j in range(1, len(self.factors)):
            labels = rng.integers(0, 3, n)
            groups[f"f{j}"] = groups["f0"] * 3 + labels if self.nested and j == 1 else labels
        columns = {"x": rng.normal(size=n), "z": rng.normal(2.0, 1.0, n)}
        return build_design(
            rng.normal(3.0, 1.0, n),
            np.column_stack([np.ones(n), columns["x"], rng.normal(size=n)])[:, : self.p],
            groups,
            random_effects={f"f{j}": _as_lists(t.terms) for j, t in enumerate(self.factors)},
            random_data=columns,
            correlated={f"f{j}": t.correlated for j, t in enumerate(self.factors)},
            weights=rng.uniform(0.5, 2.0, n) if self.weighted else None,
            offset=rng.normal(size=n) if self.with_offset else None,
        )

    def deviance(self) -> tuple[ProfiledDeviance, FloatArray]:
        """The criterion, and random entries of T."""
        rng = np.random.default_rng([self.seed, 1])
        design = self.design()
        cross = cross_products(design)
        symbolic = registry.linalg_backend(self.backend)[0].analyze(cross.pattern)
        theta = rng.uniform(-1.0, 1.0, len(cross.template))
        diagonal = Parameters(design.random.groups).diagonal
        theta[diagonal] = 0.2 + np.abs(theta[diagonal])
        return ProfiledDeviance(cross, symbolic, self.reml), theta


def _as_lists(terms: tuple[Any, ...]) -> list[Any]:
    return [t if isinstance(t, str) else list(t) for t in terms]


models = st.builds(
    Model,
    factors=st.lists(st.sampled_from(TERMS), min_size=1, max_size=3).map(tuple),
    nested=st.booleans(),
    reml=st.booleans(),
    weighted=st.booleans(),
    with_offset=st.booleans(),
    p=st.integers(0, 3),
    backend=st.sampled_from(BACKENDS),
    seed=st.integers(0, 2**32 - 1),
)


def differences(f: Callable[[FloatArray], Any], x: FloatArray, h: float = 1e-3) -> FloatArray:
    """Derivatives of f by each x, by central differences of h and 2h extrapolated: an error of order h^4."""
    out = []
    for i in range(len(x)):
        e = np.zeros(len(x))
        e[i] = h
        out.append((8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h))
    return np.array(out)


def assert_derivatives(exact: FloatArray, numeric: FloatArray, rtol: float = 1e-6) -> None:
    np.testing.assert_allclose(exact, numeric, rtol=rtol, atol=rtol * max(1.0, float(np.abs(numeric).max())))


@settings(max_examples=150)
@given(models)
def test_gradient_is_exact(model: Model) -> None:
    criterion, theta = model.deviance()
    assert_derivatives(criterion.at(theta).gradient, differences(lambda t: criterion.at(t).deviance, theta))


@settings(max_examples=60)
@given(models.map(lambda m: replace(m, factors=m.factors[:1])))
def test_curvature_of_one_factor_is_the_hessian(model: Model) -> None:
    criterion, theta = model.deviance()
    here = criterion.at(theta)
    assert here.criterion.has_exact_curvature
    assert_derivatives(here.curvature, differences(lambda t: criterion.at(t).gradient, theta))


def test_levels_are_summed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two levels at a time give the Hessian that all at once give."""
    model = Model((Terms(("1", "x")),), False, True, True, False, p=2, backend="blocked", seed=3)
    criterion, theta = model.deviance()
    whole = criterion.at(theta).curvature
    monkeypatch.setattr(level_sums, "CACHED", 8)
    np.testing.assert_allclose(criterion.at(theta).curvature, whole, rtol=1e-11)


@settings(max_examples=60)
@given(models.filter(lambda m: len(m.factors) > 1))
def test_curvature_of_few_effects_of_several_factors_is_the_hessian(model: Model) -> None:
    criterion, theta = model.deviance()
    here = criterion.at(theta)
    assert here.criterion.has_exact_curvature
    assert not here.criterion.by_levels
    assert_derivatives(here.curvature, differences(lambda t: criterion.at(t).gradient, theta))


@pytest.mark.parametrize("unit", [1e-2, 1.0, 1e2])
def test_the_search_measures_in_units_of_an_average_observation(unit: float) -> None:
    # x = theta / eta: value, gradient and curvature are those of one function of x, whatever the unit of the weights.
    model = Model((TERMS[2],), False, True, True, False, 2, "blocked", 3)
    design = model.design()
    assert design.weights is not None
    design = replace(design, weights=unit * design.weights)
    fit = LinearCriterion(
        ProfiledDeviance(cross_products(design), model.deviance()[0].symbolic, True),
        Parameters(design.random.groups),
        float(1.0 / np.sqrt(design.weights.mean())),
        Watch(),
    )
    x = np.array([0.8, -0.3, 0.5])
    assert_derivatives(fit.at(x).gradient, differences(fit.value, x))
    assert_derivatives(fit.curvature(x), differences(lambda x: fit.at(x).gradient, x))
    same = model.deviance()[0].at(x / np.sqrt(model.design().weights.mean()))
    assert fit.value(x) == pytest.approx(same.deviance, rel=1e-10)


@settings(max_examples=40)
@given(models.filter(lambda m: len(m.factors) > 1))
def test_curvature_of_several_factors_is_positive_semidefinite(model: Model) -> None:
    # Average information: what makes it a safe substitute for the Hessian in the optimizer.
    criterion, theta = model.deviance()
    here = criterion.at(theta)
    curvature = here.average_information()
    size = float(np.abs(curvature).max())
    np.testing.assert_allclose(curvature, curvature.T, atol=1e-8 * size)
    assert np.linalg.eigvalsh(curvature).min() > -1e-8 * size


@settings(max_examples=40)
@given(models.filter(lambda m: len(m.factors) > 1))
def test_average_information_is_that_of_dense_matrices(model: Model) -> None:
    # y'P dV P dV'P y / sigma^2, less what sigma takes up (Gilmour, Thompson & Cullis 1995), from V itself. What bends
    # the criterion besides is 2 tr(G dT dT'), of which the positive part is added: G is its derivative by T T'.
    criterion, theta = model.deviance()
    design, pattern = model.design(), criterion.pattern
    n, weights = design.n, np.ones(design.n) if design.weights is None else design.weights
    Z = np.array([design.random.Z(e) for e in np.eye(pattern.q)]).T
    parts = [
        Z[:, o : o + f.size].reshape(n, f.n_columns, f.n_levels)
        for o, f in zip(pattern.offsets, pattern.groupings, strict=True)
    ]
    roots, template = criterion.cross.template.T(theta), criterion.cross.template
    V = np.diag(1.0 / weights)
    for z, T in zip(parts, roots, strict=True):
        V += np.einsum("ial,ab,jbl->ij", z, T @ T.T, z)
    inverse, Q, y = np.linalg.inv(V), design.fixed.Q, design.y - (0.0 if design.offset is None else design.offset)
    P = inverse - inverse @ Q @ np.linalg.solve(Q.T @ inverse @ Q, Q.T @ inverse)
    Py, df = P @ y, criterion.df
    s2 = float(y @ Py) / df
    K = (P if model.reml else inverse) - np.outer(Py, Py) / s2
    moved, bent = [], []
    for rows, columns, z, T in zip(template.rows, template.columns, parts, roots, strict=True):
        eigenvalues, U = np.linalg.eigh(np.einsum("ial,ij,jbl->ab", z, K, z))
        G = (U * np.maximum(eigenvalues, 0.0)) @ U.T
        directions = np.zeros((len(rows), *T.shape))
        directions[np.arange(len(rows)), rows, columns] = 1.0
        moved += [np.einsum("ial,ab,jbl,j->i", z, dT @ T.T + T @ dT.T, z, Py) for dT in directions]
        bent.append(2.0 * np.einsum("ab,mbc,nac->mn", G, directions, directions))
    W = np.array(moved)
    v = W @ Py
    exact = W @ P @ W.T / s2 - np.outer(v, v) / (df * s2**2) + block_diag(*bent)
    found = criterion.at(theta).average_information()
    np.testing.assert_allclose(found, exact, rtol=1e-7, atol=1e-7 * np.abs(exact).max())


@settings(max_examples=40)
@given(models)
def test_gradient_at_zero_vanishes_for_a_diagonal(model: Model) -> None:
    # The criterion is even in a diagonal of T when the rest of its column is zero: the reason for the second-order
    # condition at the boundary.
    criterion, theta = model.deviance()
    diagonal = Parameters(model.design().random.groups).diagonal
    at_zero = np.zeros_like(theta)
    gradient = criterion.at(at_zero).gradient
    np.testing.assert_allclose(gradient[diagonal], 0.0, atol=1e-12)


@settings(max_examples=30)
@given(models)
def test_the_gradient_does_not_depend_on_the_backend(model: Model) -> None:
    criterion, theta = model.deviance()
    dense, _ = replace(model, backend="dense").deviance()
    ours, exact = criterion.at(theta).gradient, dense.at(theta).gradient
    np.testing.assert_allclose(ours, exact, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(exact).max()))


# Satterthwaite's ingredients ---------------------------------------------------------------------------------------

FITS = [
    "lmm_cake_reml",
    "lmm_pastes_reml",
    "lmm_penicillin_ml",
    "lmm_sleepstudy_quad_ml",
    "lmm_sleepstudy_uncorr_reml",
    "lmm_sleepstudy_weights_reml",
]


@pytest.mark.parametrize("name", FITS)
def test_derivatives_of_the_covariance_of_the_coefficients(name: str) -> None:
    fit = fitted(name).solution._fit
    factorized = fit.factorized()

    def vcov(parameters: FloatArray) -> FloatArray:
        *theta, sigma = parameters
        return np.asarray(sigma**2 * factorized.criterion.deviance.at(np.array(theta)).C)

    at = np.append(fit.theta, fit.sigma)
    exact = vcov_derivatives(factorized)
    scale = np.sqrt(np.diagonal(vcov(at)))
    numeric = differences(vcov, at)
    assert_derivatives(exact / np.outer(scale, scale), numeric / np.outer(scale, scale))


@pytest.mark.parametrize("name", FITS)
def test_covariance_of_the_variance_parameters(name: str) -> None:
    # Twice the inverse Hessian of the deviance in (theta, sigma), here by differences of the unprofiled deviance.
    fit: LinearFit = fitted(name).solution._fit
    df = fit.labels.n - (fit.labels.fixed.rank if fit.reml else 0)
    factorized = fit.factorized()

    def gradient(parameters: FloatArray) -> FloatArray:
        # -2 log L(theta, sigma) = log|M| (+ 2 log|R_X|) + df log(2 pi sigma^2) + r^2(theta) / sigma^2
        *theta, sigma = parameters
        here = factorized.criterion.deviance.at(np.array(theta))
        by_theta = fit.cross.template.entries(here.logdet_by_T) + here.pwrss_gradient / sigma**2
        return np.append(by_theta, 2 * df / sigma - 2 * here.pwrss / sigma**3)

    at = np.append(fit.theta, fit.sigma)
    numeric = 2.0 * np.linalg.inv(differences(gradient, at))
    scale = np.sqrt(np.diagonal(numeric))
    assert_derivatives(
        parameter_covariance(factorized) / np.outer(scale, scale), numeric / np.outer(scale, scale), rtol=1e-5
    )
