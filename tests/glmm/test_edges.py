"""Edges: of the families' domains, of the numbers that can be computed with, of what data determine; and printing.

With the identity, inverse and sqrt links, and the log link of a probability, linear predictors end at an edge.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

import ranef
from ranef import registry
from ranef.contracts import Family, InputError, NoMaximumError, RanefError, RanefWarning, SingularFitWarning
from ranef.contracts.arrays import FloatArray
from ranef.contracts.links import Identity
from ranef.design.mixed import build_design
from ranef.estimation.covariance import covariance_of
from ranef.estimation.existence import explained
from ranef.estimation.modes import DegenerateModeError, EdgeError, PenalizedLikelihood, find_mode
from ranef.estimation.quadrature import Quadrature, gauss_hermite_grid
from ranef.estimation.start import fixed_effects_start
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

from .test_gradient import CLASSES, PHI, assert_gradient, differences, problem_of


class Small:
    """Few rows in few groups, with an effect of x and a random intercept."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        levels, each = int(self.rng.integers(5, 15)), int(self.rng.integers(3, 8))
        self.n = levels * each
        self.g = np.repeat(np.arange(levels), each)
        self.x = self.rng.normal(size=self.n)
        self.b = self.rng.choice([0.1, 0.3, 0.5]) * self.rng.normal(size=levels)[self.g]
        self.X, self.groups = np.column_stack([np.ones(self.n), self.x]), {"g": self.g}

    def binary(self) -> FloatArray:
        """0/1 with a probability of the log link."""
        eta = np.minimum(self.rng.choice([-0.5, -1.0, -1.5]) + 0.3 * self.x + self.b, -0.02)
        return (self.rng.random(self.n) < np.exp(eta)).astype(float)

    def means(self) -> FloatArray:
        """Positive, and linear in x and the random effects."""
        return np.maximum(self.rng.choice([0.7, 2.0, 5.0]) * (1 + 0.2 * self.x + self.b), 0.02)


def fit(*args: Any, **arguments: Any) -> ranef.GLMMSolution:
    """The fit; a variance at zero is no matter here, all other warnings are."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SingularFitWarning)
        return ranef.glmm(*args, **arguments)


# Quadrature beyond the edge ----------------------------------------------------------------------------------------

#: Densities that vanish at the edge, so that zeros beyond it are smooth.
SOFT = [Gamma("identity"), Gamma("inverse"), InverseGaussian("identity"), Beta("log"), Beta(Identity())]


def reweighted(model: PenalizedLikelihood, factor: float) -> PenalizedLikelihood:
    return replace(model, design=replace(model.design, weights=factor * model.weights))


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("family", SOFT, ids=repr)
def test_gradient_of_quadrature_with_nodes_beyond_the_edge(family: Family, columns: int) -> None:
    problem, x = problem_of(family, 61, nagq=9, columns=columns)
    if columns == 1:  # less information in a level, so that nodes are far apart
        problem.model = reweighted(problem.model, 0.2)
    gamma, theta, xi = problem.unpack(x)
    x = problem.pack(gamma, 8.0 * theta, xi)
    quadrature = problem.at(x).quadrature
    assert quadrature is not None
    lower, upper = family.eta_bounds
    etas = np.array([quadrature.eta(quadrature.node(q)) for q in range(len(quadrature.grid.z))])
    beyond = (etas <= lower) | (etas >= upper)
    assert 0.0 < beyond.mean() < 0.5
    assert_gradient(problem, x, rtol=1e-6)


@pytest.mark.parametrize("family", SOFT, ids=repr)
def test_quadrature_is_the_integral_over_the_domain(family: Family) -> None:
    problem, x = problem_of(family, 62, nagq=100)
    gamma, theta, xi = problem.unpack(x)
    x = problem.pack(gamma, 8.0 * theta, xi)
    model, phi, sd = problem.model, problem.dispersion.to_natural(xi)[0], 8.0 * float(theta[0])
    fixed, codes = model.Q @ gamma, model.design.random.groups[0].codes
    # Gauss-Legendre on what is inside of the domain in every level, within nine standard deviations
    lower, upper = family.eta_bounds
    a = np.array([max(lower - fixed[codes == level].min(), -9 * sd) for level in range(6)])
    c = np.array([min(upper - fixed[codes == level].max(), 9 * sd) for level in range(6)])
    t, w = np.polynomial.legendre.leggauss(400)
    b = 0.5 * (a + c)[:, None] + 0.5 * (c - a)[:, None] * t
    log_density = np.array(
        [family.evaluate(model.y, fixed + b[codes, q], model.weights, phi).log_density for q in range(len(t))]
    )
    by_level = np.array([log_density[:, codes == level].sum(axis=1) for level in range(6)])
    values = np.exp(by_level + stats.norm.logpdf(b, scale=sd)) * w
    exact = -2.0 * np.log(values.sum(axis=1) * 0.5 * (c - a)).sum()
    assert problem.value(x) == pytest.approx(exact, abs=2e-4)


@pytest.mark.parametrize("nagq", [2, 5, 25])
@pytest.mark.parametrize("family", [Gamma("identity"), Gamma("inverse")], ids=repr)
def test_small_fits_by_quadrature(family: Family, nagq: int) -> None:
    # Every other one of these had a log-likelihood of NaN.
    for seed in range(6):
        s = Small(seed)
        y = family.sample(
            s.means() ** (1 if family.link.name == "identity" else -1), np.ones(s.n), np.array([0.3]), s.rng
        )
        f = fit(y, s.X, s.groups, family=family, nagq=nagq)
        assert f.converged
        assert np.isfinite(f.log_likelihood)
        assert np.isfinite(f.se).all()


def test_more_nodes_settle_beyond_a_soft_edge() -> None:
    s = Small(13)
    y = s.rng.gamma(3.0, s.means() / 3.0)
    values = [fit(y, s.X, s.groups, family=Gamma("identity"), nagq=n).log_likelihood for n in (5, 25, 50, 100)]
    errors = np.abs(np.diff(values))
    assert errors[2] < errors[1] < errors[0]
    assert errors[2] < 0.02


@pytest.mark.parametrize("nagq", [5, 9, 50])
def test_quadrature_of_an_integrand_that_breaks_off(nagq: int) -> None:
    # No counts at mean 0: the log-likelihood jumps when a node crosses the edge, and is off by about 0.1.
    s = Small(12)
    y = s.rng.poisson(s.means()).astype(float)
    assert fit(y, s.X, s.groups, family=Poisson("identity")).converged
    with pytest.raises(
        NoMaximumError, match=r"in level \d+ of g.*breaks off at the edge.*identity link, where the mean is 0"
    ):
        fit(y, s.X, s.groups, family=Poisson("identity"), nagq=nagq)


def test_what_is_cut_off_at_the_edge() -> None:
    # Two levels of three zeros: the integrand is exp(-3 (eta + b)) phi(b / sd) above b = -eta, and 0 below.
    y, sd, eta = np.zeros(6), 0.4, 0.7
    design = build_design(y, np.ones((6, 1)), {"g": np.arange(6) % 2})
    symbolic = registry.linalg_backend("blocked")[0].analyze(design.random.pattern)
    model = PenalizedLikelihood(design, Poisson("identity"), symbolic, "observed")
    Lambda, gamma = model.Lambda(np.array([sd])), design.fixed.R @ np.array([eta])
    mode = find_mode(model, Lambda, np.zeros(0), np.zeros(2), gamma, joint=False)
    quadrature = Quadrature(mode, gauss_hermite_grid(25, 1))
    exact = np.exp(-3 * eta + 4.5 * sd**2) * stats.norm.sf(-eta, loc=-3 * sd**2, scale=sd)
    found = np.exp(-0.5 * quadrature.by_level)
    np.testing.assert_allclose(found, exact, rtol=0.15)
    # a node at the edge holds the density there (in units of b / sd) times the distance between nodes
    distance = np.diff(np.sort(quadrature.grid.z[:, 0]))[10:14].mean()
    np.testing.assert_allclose(quadrature.cut, stats.norm.pdf(eta / sd) * distance / found, rtol=0.01)
    assert not Quadrature(mode, gauss_hermite_grid(1, 1)).cut.any()


@pytest.mark.parametrize(("seed", "sd", "beta"), [(9, 0.3700843, 0.5661670), (12, 0.4260513, 0.3516770)])
def test_quadrature_goes_on_beyond_an_edge_of_the_sqrt_link(seed: int, sd: float, beta: float) -> None:
    # lme4 1.1.31, nAGQ = 9, bobyqa with rhoend = 1e-9
    rng = np.random.default_rng(900 + seed)
    levels, each = int(rng.integers(5, 15)), int(rng.integers(3, 8))
    g = np.repeat(np.arange(levels), each)
    x = rng.normal(size=len(g))
    b = rng.choice([0.1, 0.3, 0.5]) * rng.normal(size=levels)
    y = rng.poisson((rng.choice([0.4, 0.8, 1.5]) + 0.3 * x + b[g]) ** 2).astype(float)
    f = fit(y, np.column_stack([np.ones(len(g)), x]), {"g": g}, family=Poisson("sqrt"), nagq=9)
    assert f.converged
    assert f.var_components[0].std_dev == pytest.approx(sd, abs=2e-5)
    assert f.coefficients[1] == pytest.approx(beta, abs=2e-5)


def test_laplace_check_at_an_edge() -> None:
    s = Small(12)
    f = fit(s.rng.poisson(s.means()).astype(float), s.X, s.groups, family=Poisson("identity"))
    assert "breaks off at the edge" in f.laplace_check().advice
    assert np.isfinite(f.laplace_check().error).all()


@pytest.mark.parametrize(
    ("nagq", "n", "columns", "message"),
    [
        (101, 20, 1, "at most 100 nodes a dimension"),
        (10**30, 20, 1, "at most 100 nodes a dimension"),
        (100, 200, 3, r"100\^3 nodes for 3 random-effect columns.*200 rows.*at most nagq=87"),
    ],
)
def test_too_many_nodes(nagq: int, n: int, columns: int, message: str) -> None:
    rng = np.random.default_rng(1)
    data = {name: rng.normal(size=n) for name in "xz"}
    terms: dict[str, Any] = {"random_effects": {"g": ["1", "x", "z"][:columns]}, "random_data": data}
    y, X, groups = rng.poisson(3.0, n).astype(float), np.ones((n, 1)), {"g": np.arange(n) % 5}
    with pytest.raises(InputError, match=message):
        ranef.glmm(y, X, groups, family="poisson", nagq=nagq, **terms)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RanefWarning)
        f = ranef.glmm(y, X, groups, family="poisson", **terms)
    with pytest.raises(InputError, match=message):
        f.laplace_check(nagq=nagq)


@pytest.mark.parametrize("family", [Poisson(), NegativeBinomial(), Gaussian("log")], ids=repr)
def test_gradient_of_quadrature_with_nodes_that_overflow(family: Family) -> None:
    # Nodes at which exp(eta) is infinite hold nothing, and neither does their gradient.
    problem, x = problem_of(family, 63, nagq=9)
    problem.model = reweighted(problem.model, 1e-7)
    gamma, theta, xi = problem.unpack(x)
    x = problem.pack(gamma, 3000.0 * theta, xi)
    quadrature = problem.at(x).quadrature
    assert quadrature is not None
    etas = np.array([quadrature.eta(quadrature.node(q)) for q in range(9)])
    assert etas.max() > 710.0
    assert etas.min() < -745.0  # means that underflow
    value, gradient = problem.gradient(x)
    assert np.isfinite(value)
    np.testing.assert_allclose(gradient, differences(problem.value, x, h=1e-2), rtol=1e-4, atol=1e-6)


def test_a_hundred_nodes_are_fine() -> None:
    s = Small(4)
    y = (s.rng.random(s.n) < 0.4).astype(float)
    many, some = (fit(y, s.X, s.groups, nagq=n) for n in (100, 25))
    assert many.log_likelihood == pytest.approx(some.log_likelihood, abs=1e-8)


# Modes at the edge ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "log_likelihood", "beta", "sd"),
    [
        (5, -36.7910, [-1.692, 0.557], 0.5437),
        (7, -44.9085, [-1.453, 0.466], 0.4974),
        (12, -22.1125, [-1.882, 0.510], 0.856),
    ],
)
def test_log_binomial(seed: int, log_likelihood: float, beta: list[float], sd: float) -> None:
    # Independent: Nelder-Mead on the Laplace approximation, with modes by bisection on the domain of every level.
    s = Small(seed)
    f = fit(s.binary(), s.X, s.groups, family=Binomial("log"))
    assert f.converged
    assert f.log_likelihood == pytest.approx(log_likelihood, abs=1e-4)
    np.testing.assert_allclose(f.coefficients, beta, atol=1e-3)
    assert f.var_components[0].std_dev == pytest.approx(sd, abs=1e-3)
    assert f.linear_predictor.max() < 0.0


@pytest.mark.parametrize("nagq", [0, 1])
def test_a_maximum_on_the_edge(nagq: int) -> None:
    # The regression without random effects has its maximum where the probability of a row is 1, too.
    s = Small(4)
    y = s.binary()
    with pytest.raises(
        NoMaximumError, match=r"grows up to the edge.*log link, where the mean is 1.*hessian='expected'.*logit"
    ):
        fit(y, s.X, s.groups, family=Binomial("log"), nagq=nagq)


def test_the_rows_at_the_edge_are_named() -> None:
    s = Small(0)
    y = s.binary()
    with pytest.raises(NoMaximumError, match=r"\(y in row (\d+): 1\)"):
        fit(y, s.X, s.groups, family=Binomial("log"))
    # Expected weights grow without end towards the edge, so that this criterion has a maximum inside. The integral over
    # the domain has it at sd = 0 with -48.5288.
    f = fit(y, s.X, s.groups, family=Binomial("log"), hessian="expected")
    assert f.converged
    assert f.log_likelihood == pytest.approx(-48.5288, abs=0.01)


def test_all_successes_with_the_log_link() -> None:
    s = Small(1)
    with pytest.raises(NoMaximumError, match="where the mean is 1"):
        fit(np.ones(s.n), s.X, s.groups, family=Binomial("log"))


def test_both_edges_of_a_probability_with_the_identity_link() -> None:
    # Risk differences: the estimates stay inside, and are those of the linear probability model, about.
    s = Small(3)
    p = np.clip(0.5 + 0.1 * s.x + 0.05 * s.b, 0.05, 0.95)
    trials = np.full(s.n, 40.0)
    y = s.rng.binomial(40, p) / 40
    f = fit(y, s.X, s.groups, family=Binomial(Identity()), weights=trials)
    assert f.converged
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)
        linear = ranef.lmm(y, s.X, s.groups, weights=trials / (p * (1 - p)))
    np.testing.assert_allclose(f.coefficients, linear.coefficients, atol=0.01)
    assert 0.0 < f.linear_predictor.min() < f.linear_predictor.max() < 1.0


@pytest.mark.parametrize("family", [Binomial("log"), Poisson("identity"), Gamma("inverse"), Poisson("sqrt")], ids=repr)
def test_a_start_outside_is_pulled_inside(family: Family) -> None:
    problem, x = problem_of(family, 71)
    gamma, theta, _ = problem.unpack(x)
    model = problem.model
    Lambda, phi, q = model.Lambda(theta), np.full(len(family.parameters), 0.3), model.pattern.q
    outside = np.full(q, (1.0 if family.eta_bounds[1] == 0.0 else -1.0) * 50.0 / abs(theta[0]))
    assert model.point(Lambda, phi, outside, gamma).at is None
    one, other = (find_mode(model, Lambda, phi, u, gamma, joint=False) for u in (outside, np.zeros(q)))
    np.testing.assert_allclose(one.point.u, other.point.u, atol=1e-9)
    with pytest.raises(EdgeError, match="leave the family's domain at the start"):
        find_mode(model, Lambda, phi, np.zeros(q), -gamma, joint=False)


def test_modes_very_near_to_an_edge_are_found() -> None:
    # A failure in 1e9 trials: the mean is 1 - 1e-9, at an interior maximum.
    n = 12
    trials = np.full(n, 1e9)
    y = 1.0 - 1e-9 * (np.arange(n) % 4 == 0)
    f = fit(y, np.ones((n, 1)), {"g": np.arange(n) % 3}, family=Binomial("log"), weights=trials)
    assert f.converged
    assert 1.0 - np.exp(f.coefficients[0]) == pytest.approx(0.25e-9, rel=1e-6)


def test_a_start_by_linear_program() -> None:
    # Equal means lie outside of the domain here, and others inside.
    rng = np.random.default_rng(3)
    g, z = np.arange(60) % 10, np.exp(rng.normal(size=60)) ** 2
    x = rng.normal(size=60) ** 3
    y = rng.gamma(5.0, 2.0 * z / 5.0)
    with pytest.warns(ranef.DataWarning, match="X has no intercept"):
        f = ranef.glmm(y, np.column_stack([z, x]), {"g": g}, family=Gamma("identity"))
    assert f.converged
    assert f.coefficients[0] == pytest.approx(2.0, rel=0.15)
    said = r"domain of the gamma family.*include an intercept in X, or use the log link"
    with pytest.raises(InputError, match=said), pytest.warns(ranef.DataWarning, match="X has no intercept"):
        ranef.glmm(y, x[:, None], {"g": g}, family=Gamma("identity"))


@pytest.mark.parametrize(
    ("family", "bounds"),
    [
        (Poisson("log"), (-np.inf, np.inf)),
        (Poisson("identity"), (0.0, np.inf)),
        (Gamma("inverse"), (0.0, np.inf)),
        (InverseGaussian("inverse_squared"), (0.0, np.inf)),
        (Binomial("log"), (-np.inf, 0.0)),
        (Binomial(Identity()), (0.0, 1.0)),
        (Gaussian("inverse"), (-np.inf, np.inf)),
    ],
)
def test_bounds_of_the_linear_predictor(family: Family, bounds: tuple[float, float]) -> None:
    assert family.eta_bounds == bounds


@pytest.mark.parametrize("family", [cls(link=link) for cls in CLASSES for link in cls.links], ids=repr)
def test_linear_predictors_within_bounds_are_valid(family: Family) -> None:
    lower, upper = family.eta_bounds
    for eta in (-3.0, -1e-9, 1e-9, 0.5, 3.0):
        assert family.valid(np.array([eta])) is (lower < eta < upper)


# Where an approximation breaks down --------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["probit", "loglog"])
def test_a_start_that_leads_astray(link: str) -> None:
    # Proportions of 1e-40 beside some of 0.5: scoring from means near the responses goes to etas of -100.
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    y = np.where(rng.random(40) < 0.7, 1e-40, rng.uniform(0.05, 0.8, 40))
    problem, _ = problem_of(Beta(link), 1)
    design = build_design(y, np.column_stack([np.ones(40), x]), {"g": np.arange(40) % 8})
    symbolic = registry.linalg_backend("blocked")[0].analyze(design.random.pattern)
    model = replace(problem.model, design=design, symbolic=symbolic)
    gamma, phi, at = fixed_effects_start(model)
    assert np.abs(model.Q @ gamma).max() < 10.0
    there = model.family.evaluate(y, model.Q @ gamma, model.weights, phi, 2)
    np.testing.assert_array_equal(at.log_density, there.log_density)
    assert fit(y, design.X, {"g": np.arange(40) % 8}, family=Beta(link)).converged


def test_predictions_of_modes_do_not_lead_astray() -> None:
    # Steps over decades of the dispersion predicted etas far out, from where nothing led back.
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 5)
    x = rng.normal(size=60)
    y = 1.0 + rng.poisson(1e9 * np.exp(0.3 * x + 0.4 * rng.normal(size=12)[g]))
    f = fit(y, np.column_stack([np.ones(60), x]), {"g": g}, family="inverse_gaussian")
    # Poisson counts: the variance mu = dispersion mu^3
    assert f.converged
    assert f.dispersion["dispersion"] == pytest.approx(np.mean(y**-2.0), rel=0.5)


@pytest.mark.parametrize("seed", [5, 6])
def test_a_laplace_approximation_that_grows_without_end(seed: int) -> None:
    # Towards a mean of 0 the density of a zero is convex: M can be singular.
    rng = np.random.default_rng(seed)
    family, g, x = Tweedie(link="identity"), np.arange(24) % 4, rng.normal(size=24)
    mean = np.maximum(0.5 * (1 + 0.3 * rng.normal(size=4)[g] + 0.3 * x), 0.03)
    y = family.sample(mean, np.ones(24), np.array([0.3, 1.4]), rng)
    with pytest.raises(NoMaximumError, match=r"grows without end.*flat at its mode.*not log-concave"):
        fit(y, np.column_stack([np.ones(24), x]), {"g": g}, family=family)


@pytest.mark.parametrize("seed", [17, 35, 48])
def test_where_laplaces_approximation_grows_slowly_quadrature_has_a_maximum(seed: int) -> None:
    # Means go to 0 where half of a normal distribution is seen: the density is no longer concave in their logarithm.
    rng = np.random.default_rng(seed)
    family, g, x = TruncatedGaussian("log"), np.repeat(np.arange(30), 10), rng.normal(size=300)
    eta = -1.0 + 0.5 * x + 0.5 * rng.normal(size=30)[g]
    y, X = family.sample(np.exp(eta), np.ones(300), np.ones(1), rng), np.column_stack([np.ones(300), x])
    with pytest.raises(NoMaximumError, match=r"flat at its mode.*Try quadrature \(nagq=9\) or hessian='expected'"):
        fit(y, X, {"g": g}, family=family)
    by_quadrature, scored = (
        fit(y, X, {"g": g}, family=family, nagq=15),
        fit(y, X, {"g": g}, family=family, hessian="expected"),
    )
    assert by_quadrature.converged
    assert scored.converged
    gamma, b_sd, sigma = by_quadrature.coefficients, by_quadrature.theta[0], by_quadrature.dispersion["sigma"]
    z, w = np.polynomial.hermite_e.hermegauss(120)
    means = np.exp(X @ gamma + b_sd * z[:, None])
    log_f = np.array([family.log_density(y, mu, np.ones(300), np.full((1, 300), sigma)) for mu in means])
    levels = np.array([np.bincount(g, weights=row) for row in log_f])
    expected = logsumexp(levels, b=(w / w.sum())[:, None], axis=0).sum()
    assert by_quadrature.log_likelihood == pytest.approx(expected, abs=5e-3)
    assert scored.log_likelihood == pytest.approx(expected, abs=0.5)


def test_a_breakdown_at_a_mode_that_is_none() -> None:
    problem, _ = problem_of(StudentT(), 1)
    with pytest.raises(NoMaximumError, match="the student_t density is not log-concave"), explained(problem.model):
        raise DegenerateModeError


def test_responses_that_do_not_vary_within_levels_of_a_heavy_tailed_family() -> None:
    rng = np.random.default_rng(2)
    g = np.arange(60) % 12
    with pytest.raises(NoMaximumError, match=r"grows without end with scale, df, because the model fits the responses"):
        fit(0.2 + rng.random(12)[g], np.ones((60, 1)), {"g": g}, family=StudentT())


# Extreme numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("null", [True, False])
@pytest.mark.parametrize("family", ["poisson", "nbinom2", "nbinom1"])
def test_all_counts_are_one(family: str, null: bool) -> None:
    s = Small(2)
    with warnings.catch_warnings():  # no variance between groups, and no overdispersion
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", RanefWarning)
        f = ranef.glmm(np.ones(s.n), s.X[:, : 1 if null else 2], s.groups, family=family)
    assert f.converged
    np.testing.assert_allclose(f.coefficients, 0.0, atol=1e-4)
    assert f.log_likelihood == pytest.approx(-s.n, abs=1e-5)  # of Poisson counts with mean 1
    assert f.is_singular
    assert f.se[0] == pytest.approx(1 / np.sqrt(s.n), rel=2e-2)


@pytest.mark.parametrize("nagq", [1, 5])
def test_counts_of_1e12(nagq: int) -> None:
    # With counts so large, log y is normal with variance 1 / mu: the weighted linear model of log y is the same.
    s = Small(6)
    y = s.rng.poisson(1e12 * np.exp(0.3 * s.x + s.b)).astype(float)
    linear = ranef.lmm(np.log(y), s.X, s.groups, weights=y, reml=False)
    f = fit(y, s.X, s.groups, family="poisson", nagq=nagq)
    assert f.converged
    np.testing.assert_allclose((f.coefficients - linear.coefficients) / linear.se, 0, atol=0.01)
    # of which the standard error is about a third: a deviance of 1e-6
    assert f.var_components[0].std_dev == pytest.approx(linear.var_components[0].std_dev, rel=5e-4)
    # densities of y instead of log y
    assert f.log_likelihood == pytest.approx(linear.log_likelihood - np.log(y).sum(), abs=s.n * 0.51)


@pytest.mark.parametrize("shift", [-300.0, -50.0, 50.0, 300.0])
@pytest.mark.parametrize("family", ["poisson", "nbinom2", "nbinom1", "gamma"])
def test_offsets_far_away(family: str, shift: float) -> None:
    s = Small(8)
    y = s.rng.poisson(5 * np.exp(0.3 * s.x + s.b)) + 0.5 * (family == "gamma")
    near, far = (fit(y, s.X, s.groups, family=family, offset=np.full(s.n, c)) for c in (0.0, shift))
    assert far.converged
    assert far.log_likelihood == pytest.approx(near.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(far.coefficients, near.coefficients - [shift, 0.0], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(far.se, near.se, rtol=1e-3)


@pytest.mark.parametrize("size", [1e-20, 1e-12, 1e-6])
@pytest.mark.parametrize("link", ["logit", "cloglog", "log"])
def test_tiny_proportions(size: float, link: str) -> None:
    # Beta proportions with a large precision are gamma variables with shape mu precision: constant coefficients.
    s = Small(10)
    mean = size * np.exp(0.2 * s.x + 0.5 * s.b)
    y = s.rng.gamma(50.0, mean / 50.0)
    f = fit(y, s.X, s.groups, family=Beta(link))
    scaled = fit(1e-4 / size * y, s.X, s.groups, family=Beta(link))  # still tiny
    assert f.converged
    np.testing.assert_allclose(f.coefficients - [np.log(size / 1e-4), 0.0], scaled.coefficients, rtol=2e-3)
    assert f.log_likelihood + s.n * np.log(size / 1e-4) == pytest.approx(scaled.log_likelihood, abs=0.1)
    assert f.dispersion["precision"] * size == pytest.approx(scaled.dispersion["precision"] * 1e-4, rel=1e-2)


@pytest.mark.parametrize("family", ["poisson", "gamma", "gaussian", "binomial"])
def test_weights_over_decades(family: str) -> None:
    # A weight w is w rows; rows of negligible weight change nothing.
    s = Small(11)
    y = {
        "poisson": s.rng.poisson(3.0, s.n).astype(float),
        "gamma": s.rng.gamma(3.0, 1.0, s.n),
        "gaussian": s.rng.normal(size=s.n),
        "binomial": s.rng.binomial(1000, 0.3, s.n) / 1000,
    }[family]
    tiny = np.arange(s.n) % 3 == 0
    weights = np.where(tiny, 1.0 if family == "binomial" else 1e-8, 1.0 if family != "binomial" else 1e8)
    if family == "binomial":
        y = np.where(tiny, np.round(y), y)
        weights = np.where(tiny, 1.0, 1e8)
    f = fit(y, s.X, s.groups, family=family, weights=weights)
    kept = fit(y[~tiny], s.X[~tiny], {"g": s.g[~tiny]}, family=family, weights=weights[~tiny])
    np.testing.assert_allclose((f.coefficients - kept.coefficients) / kept.se, 0.0, atol=1e-2)


# What data determine -------------------------------------------------------------------------------------------------


def test_covariance_of_a_regular_hessian_is_twice_its_inverse() -> None:
    A = np.random.default_rng(1).normal(size=(5, 4))
    H, unit = A.T @ A, np.array([1.0, 1e3, 1e-3, 1.0])
    np.testing.assert_allclose(covariance_of(H, np.ones(4)), 2 * np.linalg.inv(H), rtol=1e-9)
    np.testing.assert_allclose(
        covariance_of(H / np.outer(unit, unit), unit), 2 * np.linalg.inv(H) * np.outer(unit, unit), rtol=1e-9
    )


@pytest.mark.parametrize("curvature", [0.0, 1e-12, -1e-12, 4e-6, -1.0])
def test_covariance_along_a_flat_direction(curvature: float) -> None:
    # Two parameters of which only the sum is known, and a third one.
    V = np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.0, np.sqrt(2)]]) / np.sqrt(2)
    H = V.T @ np.diag([4.0, curvature, 8.0]) @ V
    C = covariance_of(H, np.ones(3))
    np.testing.assert_allclose(
        C, [[np.nan, np.nan, np.nan], [np.nan, np.nan, np.nan], [np.nan, np.nan, 0.25]], atol=1e-12
    )


def test_a_small_curvature_is_none_that_is_flat() -> None:
    np.testing.assert_allclose(covariance_of(np.diag([1e6, 2e-5]), np.ones(2)), np.diag([2e-6, 1e5]), rtol=1e-9)


def test_a_parameter_that_hardly_moves_with_a_flat_direction_keeps_its_variance() -> None:
    H = np.array([[8.0, 1e-4], [1e-4, 1e-9]])
    assert covariance_of(H, np.ones(2))[0, 0] == pytest.approx(0.25, rel=1e-4)
    H[0, 1] = H[1, 0] = np.nan
    assert np.isnan(covariance_of(H, np.ones(2))).all()


@pytest.mark.parametrize("nagq", [0, 1, 5])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_single_trials_say_nothing_about_the_precision_of_a_beta_binomial(link: str, nagq: int) -> None:
    s = Small(14)
    y = (s.rng.random(s.n) < 0.4).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RanefWarning)
        f = ranef.glmm(y, s.X, s.groups, family=BetaBinomial(link), nagq=nagq)
        plain = ranef.glmm(y, s.X, s.groups, family=Binomial(link), nagq=nagq)
    assert f.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(f.se, plain.se, rtol=1e-4)
    assert np.isnan(f.dispersion_se["precision"])
    assert "precision" in f.summary()


def test_residuals_where_a_mean_is_one_to_rounding() -> None:
    s = Small(5)
    y = (s.rng.random(s.n) < 0.4).astype(float)
    y[0], offset = 1.0, np.zeros(s.n)
    offset[0] = 60.0
    f = fit(y, s.X, s.groups, offset=offset)
    assert f.fitted_values[0] == 1.0
    for kind in ("pearson", "deviance", "response"):
        assert f.residuals_of(kind)[0] == 0.0
    assert np.isfinite(f.residuals_of("quantile", rng=1)).all()


# Printing ------------------------------------------------------------------------------------------------------------


def show(f: ranef.GLMMSolution) -> None:
    """Everything that a solution can show."""
    texts = f.summary(), repr(f), f._repr_html_(), str(f.certificate), str(f.params)
    assert all(texts)
    for name in ("se", "vcov", "vcov_conditional", "conf_int", "z_values", "p_values", "dispersion_se", "icc"):
        assert getattr(f, name) is not None
    for name in ("ranef", "ranef_variances", "aic", "bic", "deviance", "fitted_values", "var_components", "timings"):
        assert getattr(f, name) is not None
    for kind in ("response", "pearson", "deviance", "working", "quantile"):
        assert len(f.residuals_of(kind, rng=1)) == f.n_obs
    if len(f.n_groups) == 1:
        assert str(f.laplace_check())


def odd_counts(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.choice([0.0, 0.0, 1.0, 2.0, 50.0, 1e4], n)


def odd_positive(rng: np.random.Generator, n: int) -> FloatArray:
    return np.exp(rng.normal(0.0, rng.choice([1e-3, 1.0, 4.0]), n)) * rng.choice([1e-12, 1.0, 1e6])


def odd_proportions(rng: np.random.Generator, n: int) -> FloatArray:
    return np.clip(
        rng.choice([rng.beta(0.2, 0.3, n), rng.beta(50.0, 80.0, n), rng.random(n) * 1e-9]), 1e-300, 1 - 1e-16
    )


ODD: dict[type[Family], Callable[[np.random.Generator, int], FloatArray]] = {
    Bell: odd_counts,
    Beta: odd_proportions,
    BetaBinomial: lambda rng, n: rng.integers(0, 2, n).astype(float),
    Binomial: lambda rng, n: (rng.random(n) < rng.choice([0.05, 0.5, 0.95])).astype(float),
    ConwayMaxwellPoisson: lambda rng, n: np.minimum(odd_counts(rng, n), 50.0),  # sums of larger ones are long
    Gamma: odd_positive,
    Gaussian: lambda rng, n: rng.standard_t(1.5, n),
    InverseGaussian: odd_positive,
    NegativeBinomial: odd_counts,
    NegativeBinomial1: odd_counts,
    OrderedBeta: lambda rng, n: np.resize([0.0, 1.0, *odd_proportions(rng, n)], n),
    Poisson: odd_counts,
    SkewNormal: lambda rng, n: np.round(rng.standard_t(1.0, n)) + rng.exponential(rng.choice([1e-3, 1.0, 1e3]), n),
    StudentT: lambda rng, n: np.round(rng.standard_t(1.0, n)),
    TruncatedGaussian: odd_positive,
    TruncatedNegativeBinomial: lambda rng, n: 1.0 + odd_counts(rng, n),
    TruncatedPoisson: lambda rng, n: 1.0 + odd_counts(rng, n),
    Tweedie: lambda rng, n: odd_counts(rng, n) * rng.gamma(2.0, 1.0, n),
}


def odd_data(family: Family, seed: int) -> dict[str, Any]:
    """Few rows and levels, tiny groups; responses of the family, or such as it hardly has."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 40))
    g = rng.integers(0, int(rng.integers(2, max(3, n // 2))), n)
    g[:2] = 0, 1
    x = rng.normal(size=n) * rng.choice([1e-3, 1.0, 1e3])
    weights = np.ones(n)
    if rng.random() < 0.5:  # a sample from the family, with small or large variances
        lower, upper = (
            max(family.mean_bounds[0], family.link.range[0]),
            min(family.mean_bounds[1], family.link.range[1]),
        )
        centre = rng.uniform(0.1, 0.9) if upper == 1.0 else np.exp(rng.normal()) if lower == 0.0 else 1.0
        eta = np.full(n, float(family.link.link(np.array([centre]))[0]))
        moved = eta + abs(eta) * rng.choice([0.0, 0.2, 2.0]) * rng.normal(size=n)[g]
        eta = moved if family.valid(moved) else eta
        if family.weights_are_trials:
            weights = rng.integers(1, 9, n).astype(float)
        mu = np.clip(family.link.mean(eta).mu, 1e-300, 1 - 1e-12) if upper == 1.0 else family.link.mean(eta).mu
        phi = np.array([PHI.get(p.name, 0.3) for p in family.parameters])
        y = family.sample(mu, weights, phi, rng)
    else:
        y = ODD[type(family)](rng, n)
    if rng.random() < 0.1:
        y = np.full(n, y[0])
    slopes = rng.random() < 0.3
    return {
        "y": y,
        "X": np.column_stack([np.ones(n), x])[:, : int(rng.integers(1, 3))],
        "groups": {"g": g} if rng.random() < 0.8 or slopes else {"g": g, "h": rng.integers(0, 3, n)},
        "random_effects": {"g": ["1", "x"]} if slopes else None,
        "random_data": {"x": x} if slopes else None,
        "weights": weights if family.weights_are_trials else None,
        "hessian": str(rng.choice(["observed", "observed", "expected"])),
    }


@pytest.mark.parametrize("family", [cls(link=link) for cls in CLASSES for link in cls.links], ids=repr)
def test_whatever_is_fitted_can_be_shown(family: Family) -> None:
    # Small and odd data: a fit that shows without a warning but ranef's own, or one of ranef's errors at the fit.
    for seed in range(5):
        data = odd_data(family, seed)
        nagq = (0, 1, 1, 3, 4)[seed] if len(data["groups"]) == 1 else 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", RanefWarning)
            with suppress(RanefError):
                f = ranef.glmm(**data, family=family, nagq=nagq, max_iter=40)
                assert np.isfinite(f.log_likelihood)
                show(f)


def test_a_standard_error_that_is_nan_has_a_word(monkeypatch):
    rng = np.random.default_rng(1)
    g, x = np.repeat(np.arange(10), 6), rng.normal(size=60)
    y = rng.poisson(np.exp(0.5 + 0.3 * x + 0.5 * rng.normal(size=10)[g]))
    fit = ranef.glmm(y, np.column_stack([np.ones(60), x]), {"g": g}, family="poisson")
    word = (
        "x1: no standard error (NaN), since the deviance hardly changes along a direction in which the estimate moves"
    )
    assert word not in fit.summary()
    monkeypatch.setattr(type(fit), "se", np.array([0.1, np.nan]))
    assert word in " ".join(fit.refit(y).summary().split())
