"""Linear models with known relationships against dense n x n matrices, and against models that say the same."""

from __future__ import annotations

import pickle
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.linalg import block_diag

import ranef
from ranef import registry
from ranef.contracts import ComparisonError
from ranef.design.crossproducts import cross_products
from ranef.design.mixed import build_design
from ranef.estimation.linear_criterion import LinearCriterion
from ranef.estimation.parameters import Parameters
from ranef.estimation.pipeline import Watch
from ranef.estimation.profiled import ProfiledDeviance
from ranef.estimation.relative import bending
from ranef.inference.satterthwaite import parameter_covariance, vcov_derivatives

from .known import conditional_autoregression, covariance, log_likelihood, phylogeny, random_walk

BACKENDS = ["dense", *(["cholmod"] if find_spec("sksparse") else [])]
N, LEVELS = 160, 12
RNG = np.random.default_rng(20260101)
X = np.column_stack([np.ones(N), RNG.normal(size=N)])
G, H = RNG.integers(0, LEVELS, N), RNG.integers(0, 6, N)
G[:LEVELS], H[:6] = np.arange(LEVELS), np.arange(6)
WEIGHTS = RNG.uniform(0.5, 2.0, N)
Q = random_walk(LEVELS)
A = np.linalg.inv(Q)
EFFECTS = np.linalg.cholesky(A) @ RNG.normal(size=(LEVELS, 2)) @ np.array([[0.9, 0.3], [0.0, 0.6]])
Y = X @ [1.0, 2.0] + (EFFECTS[G] * X).sum(axis=1) + RNG.normal(size=6)[H] + RNG.normal(size=N) / np.sqrt(WEIGHTS)

MODELS = {
    "one factor, k = 1": {"groups": {"g": G}},
    "one factor, k = 2": {"groups": {"g": G}, "random_effects": {"g": "1 + x"}},
    "one factor, k = 2, uncorrelated": {"groups": {"g": G}, "random_effects": {"g": "1 + x"}, "correlated": False},
    "two factors, k = 1": {"groups": {"g": G, "h": H}},
    "two factors, k = 2": {"groups": {"h": H, "g": G}, "random_effects": {"g": "1 + x", "h": "1 + x"}},
    "two precisions": {"groups": {"g": G, "h": H}, "precision": {"g": Q, "h": random_walk(6, 1.0)}},
    "a structure": {"groups": {"g": G}, "random_effects": {"g": "0 + a + b"}, "covariance": {"g": "cs"}},
}
COLUMNS = {"x": X[:, 1], "a": (RNG.random(N) < 0.5).astype(float)}
COLUMNS["b"] = 1.0 - COLUMNS["a"]


def arguments(name: str) -> dict:
    return {"random_data": COLUMNS, "weights": WEIGHTS, "precision": {"g": Q}} | MODELS[name]


def dense_log_likelihood(fit, model: dict) -> float:
    """At the fit's estimates, from V."""
    parts = []
    for f, G_j in zip(fit._fit.groups, fit._fit.covariances, strict=True):
        columns = [np.ones(N) if c == "(Intercept)" else COLUMNS[c] for c in f.column_names]
        precision = model["precision"].get(f.name)
        relationship = np.eye(len(f.levels)) if precision is None else np.linalg.inv(precision)
        parts.append((model["groups"][f.name], np.column_stack(columns), G_j, relationship))
    return log_likelihood(Y, X, covariance(fit.sigma**2, WEIGHTS, parts), fit.reml)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_the_likelihood_is_that_of_dense_matrices(name: str, reml: bool, backend: str) -> None:
    model = arguments(name)
    fit = ranef.lmm(Y, X, x_names=["one", "x"], reml=reml, backend=backend, **model)
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(dense_log_likelihood(fit, model), abs=1e-8)


def criterion(name: str, reml: bool, backend: str, **other) -> tuple[LinearCriterion, np.ndarray]:
    """The criterion, and a point away from its optimum."""
    structures = {"g": registry.covariance("cs")[0]} if "covariance" in MODELS[name] else None
    design = build_design(Y, X, **(arguments(name) | {"covariance": structures} | other))
    symbolic = registry.linalg_backend(backend)[0].analyze(design.random.pattern)
    deviance = ProfiledDeviance(cross_products(design), symbolic, reml)
    made = LinearCriterion(deviance, Parameters(design.random.groups), 1.0, Watch())
    return made, made.parameters.of(tuple(0.5 * np.eye(k) + 0.1 for k in made.columns))


def differences(f, x: np.ndarray, h: float = 1e-3) -> np.ndarray:
    """Central differences, extrapolated."""
    out = []
    for e in h * np.eye(len(x)):
        out.append((8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h))
    return np.array(out)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_is_that_of_differences(name: str, reml: bool, backend: str) -> None:
    at, x = criterion(name, reml, backend)
    expected = differences(at.value, x)
    np.testing.assert_allclose(at.gradient(x)[1], expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("name", [name for name in MODELS if name != "a structure"])
def test_the_average_information_is_that_of_dense_matrices(name: str) -> None:
    """y'P dV P dV P y / sigma^2 less what sigma takes up; V = W^-1 + Z Lambda K^-1 Lambda' Z', P of REML."""
    at, x = criterion(name, True, "dense")
    here = at.at(x).at
    design = build_design(Y, X, **arguments(name))
    pattern = design.random.pattern
    Z = np.array([design.random.Z(e) for e in np.eye(pattern.q)]).T
    inverses = [
        np.eye(f.n_levels) if f.precision is None else np.linalg.inv(f.precision.matrix.toarray())
        for f in pattern.groupings
    ]

    def V(entries: np.ndarray) -> np.ndarray:
        T = design.random.template.T(entries)
        return (
            np.diag(1 / WEIGHTS)
            + Z @ block_diag(*(np.kron(t @ t.T, A) for t, A in zip(T, inverses, strict=True))) @ Z.T
        )

    inverse = np.linalg.inv(V(x))
    P = inverse - inverse @ X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse)
    dV = [(V(x + e) - V(x - e)) / 2e-3 for e in 1e-3 * np.eye(len(x))]
    moved = np.array([d @ P @ Y for d in dV])
    slopes = moved @ P @ Y
    s2 = Y @ P @ Y / here.criterion.df
    expected = moved @ P @ moved.T / s2 - np.outer(slopes, slopes) / (here.criterion.df * s2**2)
    actual = here.curvature - bending(design.random.template, here.Lambda.T, here.by_T)
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_degrees_of_freedom_are_those_of_dense_matrices() -> None:
    """Satterthwaite's, with derivatives by differences of V's likelihood and of (X'V^-1 X)^-1."""
    fit = ranef.lmm(Y, X, {"g": G}, precision={"g": Q}, weights=WEIGHTS)

    def at(parameters: np.ndarray) -> np.ndarray:
        theta, sigma = parameters
        return covariance(sigma**2, WEIGHTS, [(G, np.ones((N, 1)), np.array([[(theta * sigma) ** 2]]), A)])

    def deviance(parameters: np.ndarray) -> float:
        return -2.0 * log_likelihood(Y, X, at(parameters), reml=True)

    def C(parameters: np.ndarray) -> np.ndarray:
        return np.linalg.inv(X.T @ np.linalg.solve(at(parameters), X))

    estimates = np.array([fit.theta[0], fit.sigma])
    H = differences(lambda x: differences(deviance, x), estimates)
    np.testing.assert_allclose(parameter_covariance(fit._fit.factorized()), 2.0 * np.linalg.inv(H), rtol=1e-5)
    slopes = differences(C, estimates)
    Rinv = np.linalg.inv(fit._fit.labels.fixed.R)
    ours = Rinv @ vcov_derivatives(fit._fit.factorized()) @ Rinv.T
    np.testing.assert_allclose(ours, slopes, rtol=1e-6, atol=1e-9)
    variances = np.diagonal(C(estimates))
    np.testing.assert_allclose(fit.se, np.sqrt(variances), rtol=1e-8)
    g = np.diagonal(slopes, axis1=1, axis2=2)
    df = 2.0 * variances**2 / np.einsum("mi,mn,ni->i", g, 2.0 * np.linalg.inv(H), g)
    np.testing.assert_allclose(fit.df_satterthwaite, df, rtol=1e-5)


def test_modes_and_their_variances_are_those_of_dense_matrices() -> None:
    fit = ranef.lmm(Y, X, {"g": G}, random_effects={"g": "1 + x"}, random_data=COLUMNS, precision={"g": Q})
    prior = np.kron(fit._fit.covariances[0], A)
    Z = np.concatenate([z[:, None] * np.eye(LEVELS)[G] for z in X.T], axis=1)
    V = fit.sigma**2 * np.eye(N) + Z @ prior @ Z.T
    gain = prior @ Z.T @ np.linalg.inv(V)
    b = gain @ (Y - X @ fit.coefficients)
    np.testing.assert_allclose(fit.ranef["g"], b.reshape(2, LEVELS).T, rtol=1e-7, atol=1e-8)
    conditional = prior - gain @ Z @ prior
    for level in range(LEVELS):
        own = [level, LEVELS + level]
        np.testing.assert_allclose(fit.ranef_variances["g"][level], conditional[np.ix_(own, own)], rtol=1e-7)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_the_identity_is_no_relationship(name: str, reml: bool) -> None:
    """Value and gradient at one theta to 1e-10, whichever backend; the fit is the same."""
    identity = {"g": np.eye(LEVELS)}
    (one, x), (other, _) = (
        criterion(name, reml, "dense", precision=identity),
        criterion(name, reml, "blocked", precision=None),
    )
    assert one.value(x) == pytest.approx(other.value(x), rel=1e-10)
    np.testing.assert_allclose(one.gradient(x)[1], other.gradient(x)[1], rtol=1e-9, atol=1e-10)
    model = arguments(name)
    with_identity = ranef.lmm(Y, X, x_names=["one", "x"], reml=reml, **(model | {"precision": identity}))
    plain = ranef.lmm(Y, X, x_names=["one", "x"], reml=reml, **(model | {"precision": None}))
    assert with_identity.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(with_identity.coefficients, plain.coefficients, rtol=1e-4)


def test_a_relationship_is_the_inverse_of_a_precision() -> None:
    one, other = (ranef.lmm(Y, X, {"g": G}, **given) for given in ({"relationship": {"g": A}}, {"precision": {"g": Q}}))
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-9)
    np.testing.assert_allclose(one.ranef["g"], other.ranef["g"], rtol=1e-5, atol=1e-6)


def test_levels_without_rows_are_marginalized() -> None:
    """With Q of all levels, the same as with the part of Q^-1 that belongs to those with rows; all have effects."""
    rows = ~np.isin(G, [3, 7])
    all_levels = ranef.lmm(Y[rows], X[rows], {"g": G[rows]}, precision={"g": (Q, np.arange(LEVELS))})
    some = ranef.lmm(Y[rows], X[rows], {"g": G[rows]}, relationship={"g": (A, np.arange(LEVELS))})
    assert all_levels.log_likelihood == pytest.approx(some.log_likelihood, abs=1e-9)
    assert all_levels.levels["g"].tolist() == [*some.levels["g"].tolist(), 3, 7]
    np.testing.assert_allclose(all_levels.ranef["g"][:-2], some.ranef["g"], rtol=1e-5, atol=1e-6)
    kept = some.levels["g"]
    missing = A[np.ix_([3, 7], kept)] @ np.linalg.solve(A[np.ix_(kept, kept)], some.ranef["g"])
    np.testing.assert_allclose(all_levels.ranef["g"][-2:], missing, rtol=1e-5, atol=1e-6)


def test_one_row_a_level_and_the_same_levels_twice() -> None:
    """Related levels are told from the residual, and from levels of their own."""
    rng = np.random.default_rng(4)
    V = phylogeny(rng, 150)
    species = np.arange(150)
    y = np.linalg.cholesky(V) @ rng.normal(size=150) + rng.normal(size=150)
    fit = ranef.lmm(y, np.ones((150, 1)), {"species": species}, relationship={"species": V})
    both = np.append(species, species)
    y2 = y[both] + (0.8 * rng.normal(size=150))[both] + 0.5 * rng.normal(size=300)
    two = ranef.lmm(y2, np.ones((300, 1)), {"tree": both, "own": both}, relationship={"tree": V})
    for solution, given, codes, groups in ((fit, y, species, 1), (two, y2, both, 2)):
        parts = [(codes, np.ones((len(codes), 1)), solution._fit.covariances[0], V)]
        if groups == 2:
            parts.append((codes, np.ones((len(codes), 1)), solution._fit.covariances[1], np.eye(150)))
        dense = covariance(solution.sigma**2, np.ones(len(codes)), parts)
        assert solution.converged
        assert solution.log_likelihood == pytest.approx(
            log_likelihood(given, np.ones((len(codes), 1)), dense, reml=True), abs=1e-7
        )


@pytest.mark.parametrize(
    "precision",
    [random_walk(36, 1e-6), conditional_autoregression(6), conditional_autoregression(6, 1.0) + 1e-6 * np.eye(36)],
    ids=["random walk", "proper CAR", "intrinsic CAR"],
)
def test_walks_and_neighbours(precision: np.ndarray) -> None:
    """The likelihood has its maximum over both variances where the fit says, by a grid about it of dense matrices."""
    rng = np.random.default_rng(11)
    codes = rng.integers(0, 36, 200)
    codes[:36] = np.arange(36)
    inverse = np.linalg.inv(precision)
    b = np.linalg.cholesky(inverse) @ rng.normal(size=36)
    y, ones = (b - b.mean())[codes] + 0.5 * rng.normal(size=200), np.ones((200, 1))
    fit = ranef.lmm(y, ones, {"site": codes}, precision={"site": precision})
    assert fit.converged

    def at(theta: float, sigma: float) -> float:
        V = covariance(sigma**2, np.ones(200), [(codes, ones, np.array([[(theta * sigma) ** 2]]), inverse)])
        return log_likelihood(y, ones, V, reml=True)

    best = at(fit.theta[0], fit.sigma)
    assert fit.log_likelihood == pytest.approx(best, abs=1e-4 if inverse.max() > 1e3 else 1e-8)
    around = [at(fit.theta[0] * a, fit.sigma * s) for a in (0.9, 1.0, 1.1) for s in (0.95, 1.0, 1.05)]
    assert max(around) == around[4]


def test_what_is_not_related_and_what_is_are_not_nested() -> None:
    related = ranef.lmm(Y, X, {"g": G}, precision={"g": Q}, reml=False)
    plain = ranef.lmm(Y, X, {"g": G, "h": H}, reml=False)
    with pytest.raises(ComparisonError, match="not nested"):
        related.compare(plain)
    larger = ranef.lmm(Y, X, {"g": G, "h": H}, precision={"g": Q}, reml=False)
    assert related.compare(larger).record.df == 1


def test_a_fit_is_pickled_with_its_relationship() -> None:
    fit = ranef.lmm(Y, X, {"g": G}, precision={"g": Q})
    copy = pickle.loads(pickle.dumps(fit))
    np.testing.assert_array_equal(copy.ranef_variances["g"], fit.ranef_variances["g"])


def test_backends_without_precision_are_not_chosen() -> None:
    pattern = build_design(Y, X, {"g": G}, precision={"g": Q}).random.pattern
    assert registry.linalg_backend("krylov")[0].cost(pattern) == np.inf
    assert ranef.lmm(Y, X, {"g": G}, precision={"g": Q}).provenance[0].name == "dense"


@pytest.mark.parametrize("nested", [True, False])
def test_many_levels_beside_a_few_related_ones_are_eliminated(nested: bool) -> None:
    """150 levels beside the related ones, or within them: `blocked` eliminates these and takes less than `dense`."""
    rng = np.random.default_rng(5)
    many = np.repeat(np.arange(150), 4)
    few = many % LEVELS if nested else rng.integers(0, LEVELS, 600)
    x = rng.normal(size=600)
    given = {
        "y": 1.0 + x + rng.normal(size=150)[many] + rng.normal(size=LEVELS)[few] + rng.normal(size=600),
        "X": np.column_stack([np.ones(600), x]),
        "groups": {"g": few, "many": many},
        "random_effects": {"g": ["1", "x"], "many": ["1"]},
        "random_data": {"x": x},
        "precision": {"g": Q},
    }
    by = {name: ranef.lmm(**given, backend=name) for name in ("dense", "blocked")}
    assert by["blocked"].log_likelihood == pytest.approx(by["dense"].log_likelihood, abs=1e-9)
    np.testing.assert_allclose(by["blocked"].theta, by["dense"].theta, rtol=1e-5)
    np.testing.assert_allclose(by["blocked"].ranef["g"], by["dense"].ranef["g"], rtol=1e-5, atol=1e-7)
    pattern = build_design(**given).random.pattern
    costs = {name: registry.linalg_backend(name)[0].cost(pattern) for name in by}
    assert costs["blocked"] < costs["dense"]
