"""Hard data and laws: separation, extreme sizes, boundaries, equivalences, and what a solution promises."""

from __future__ import annotations

import json
import pickle
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import ranef
from ranef import registry
from ranef.contracts import (
    ComparisonError,
    ConvergenceWarning,
    DataWarning,
    Factor,
    InputError,
    LinalgBackend,
    NoMaximumError,
    Observer,
    Pattern,
    PatternBlocks,
    SingularFitWarning,
    Symbolic,
)
from ranef.contracts.arrays import FloatArray
from ranef.contracts.observer import Evaluated, Event, FitFinished, FitStarted
from ranef.contracts.optim import Status
from ranef.design.mixed import build_design
from ranef.estimation.modes import PenalizedLikelihood, find_mode
from ranef.estimation.separation import refuse_separation
from ranef.families import Binomial, Gamma, Gaussian, InverseGaussian, NegativeBinomial, Poisson, StudentT

from .models import Geometric, fit, fitted

TOENAIL: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "fits.json").read_text(encoding="utf-8"))[
    "toenail"
]


class Simulated:
    """200 rows in 20 groups, a linear predictor with a random intercept, and a column for quasi-separation."""

    def __init__(self, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.n = 200
        self.groups = {"g": np.arange(self.n) % 20}
        self.x = self.rng.normal(size=self.n)
        self.X = np.column_stack([np.ones(self.n), self.x])
        self.eta = 0.3 + 0.8 * self.x + 0.7 * self.rng.normal(size=20)[self.groups["g"]]
        self.late = (self.x > 0.5).astype(float)

    @property
    def binary(self) -> FloatArray:
        return (self.rng.uniform(size=self.n) < special.expit(self.eta)).astype(float)

    @property
    def counts(self) -> FloatArray:
        return self.rng.poisson(np.exp(self.eta)).astype(float)


def without_warnings(*args: Any, **arguments: Any) -> ranef.GLMMSolution:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ranef.glmm(*args, **arguments)


def same_fit(one: ranef.GLMMSolution, other: ranef.GLMMSolution, rtol: float = 1e-5) -> None:
    """The same coefficients, standard errors and standard deviations."""
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(one.se, other.se, rtol=10 * rtol)
    np.testing.assert_allclose(
        [c.std_dev for c in one.var_components], [c.std_dev for c in other.var_components], rtol=rtol
    )


# Separation --------------------------------------------------------------------------------------------------------

LINKS = ("logit", "probit", "cloglog", "loglog", "cauchit")


@pytest.mark.parametrize("link", LINKS)
def test_complete_separation(link: str) -> None:
    s = Simulated()
    with pytest.raises(
        NoMaximumError, match=r"separation\): dose predicts some responses perfectly.*Leave such columns"
    ):
        ranef.glmm((s.x > 0).astype(float), s.X, s.groups, family=Binomial(link), x_names=["one", "dose"])


@pytest.mark.parametrize("nagq", [0, 1, 5])
@pytest.mark.parametrize("link", LINKS)
def test_quasi_complete_separation(link: str, nagq: int) -> None:
    s = Simulated()
    y = np.where(s.late > 0, 1.0, s.binary)
    with pytest.raises(NoMaximumError, match=r"separation\): late predicts"):
        ranef.glmm(
            y, np.column_stack([s.X, s.late]), s.groups, family=Binomial(link), nagq=nagq, x_names=["one", "x", "late"]
        )


@pytest.mark.parametrize("family", ["poisson", "nbinom2", "nbinom1", "tweedie", "truncated_poisson", "betabinomial"])
def test_quasi_complete_separation_of_other_families(family: str) -> None:
    # Where `late`, the response is at the end of its range: no count, no success.
    s = Simulated()
    lowest = 1.0 if family == "truncated_poisson" else 0.0
    y = np.where(s.late > 0, lowest, lowest + s.rng.poisson(3, s.n))
    trials = None
    if family == "betabinomial":
        y, trials = np.minimum(y, 10) / 10, np.full(s.n, 10)
    with pytest.raises(NoMaximumError, match=r"separation\): late predicts"):
        ranef.glmm(
            y, np.column_stack([s.X, s.late]), s.groups, family=family, weights=trials, x_names=["one", "x", "late"]
        )


def test_separation_by_a_combination_of_columns() -> None:
    # The reference level has no success: only the intercept less all others separates it.
    s = Simulated()
    level = np.arange(s.n) // 50
    X = np.column_stack([np.ones(s.n), *(level == k for k in (1, 2, 3))])
    with pytest.raises(NoMaximumError, match="a combination of one, b, c, d predicts"):
        ranef.glmm(np.where(level == 0, 0.0, s.binary), X, s.groups, x_names=["one", "b", "c", "d"])


def test_only_columns_that_separate_are_blamed() -> None:
    # As above, beside two columns with which the responses vary.
    s = Simulated()
    level = np.arange(s.n) // 50
    X = np.column_stack([s.x, np.ones(s.n), *(level == k for k in (1, 2, 3)), s.rng.normal(size=s.n)])
    with pytest.raises(NoMaximumError, match=r"a combination of one, b, c, d predicts"):
        ranef.glmm(np.where(level == 0, 0.0, s.binary), X, s.groups, x_names=["x", "one", "b", "c", "d", "z"])


@pytest.mark.parametrize(("ratio", "refused"), [(1e-7, True), (0.9e-5, True), (1.1e-5, False), (1e-2, False)])
def test_separation_is_suspected_below_1e_5_of_the_average_mean(ratio: float, refused: bool) -> None:
    # No counts where `late`: how far the coefficient has run is what a search makes of it.
    s = Simulated()
    y, X = np.where(s.late > 0, 0.0, 3.0), np.column_stack([np.ones(s.n), s.late])
    design = build_design(y, X, s.groups, x_names=["one", "late"])
    symbolic = registry.linalg_backend("blocked")[0].analyze(design.random.pattern)
    model = PenalizedLikelihood(design, Poisson(), symbolic, "observed")
    share = 1.0 - s.late.mean()  # the average of 1 and of nearly nothing
    gamma = design.fixed.R @ np.array([0.0, np.log(ratio * share)])
    with pytest.raises(NoMaximumError, match="late predicts") if refused else nullcontext():
        refuse_separation(model, gamma, np.zeros(0), converged=True)


@pytest.mark.parametrize(
    ("family", "value"), [("binomial", 0.0), ("binomial", 1.0), ("poisson", 0.0), ("truncated_poisson", 1.0)]
)
def test_all_responses_at_the_end_of_the_range(family: str, value: float) -> None:
    s = Simulated()
    with pytest.raises(NoMaximumError, match=r"\(Intercept\) predicts"):
        ranef.glmm(np.full(s.n, value), s.X, s.groups, family=family)


def test_a_steep_but_finite_slope_is_no_separation() -> None:
    s = Simulated()
    y = (s.rng.uniform(size=s.n) < special.expit(6 * s.x)).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)
        steep = ranef.glmm(y, s.X, s.groups)
    assert steep.converged
    assert 3 < steep.coefficients[1] < 12
    assert steep.fitted_values.min() < 1e-5


@pytest.mark.parametrize("family", ["gaussian", "gamma", "inverse_gaussian", "beta", "student_t", "tweedie"])
def test_a_constant_response_of_a_continuous_family(family: str) -> None:
    s = Simulated()
    with pytest.raises(NoMaximumError, match="columns of X give y exactly"):
        ranef.glmm(np.full(s.n, 0.3), s.X, s.groups, family=family)


def test_responses_that_do_not_vary_within_levels() -> None:
    s = Simulated()
    y = 2.0 + s.rng.uniform(size=20)[s.groups["g"]]
    with pytest.raises(NoMaximumError, match="grows without end with dispersion"):
        ranef.glmm(y, s.X[:, :1], s.groups, family="gaussian")


# Extremes ----------------------------------------------------------------------------------------------------------


def toenail(nagq: int, **changed: Any) -> ranef.GLMMSolution:
    y = np.array(list(TOENAIL["y"]), dtype=float)
    person = np.repeat(np.arange(1, 151), 7)
    month = np.tile([0.0, 1.0, 2.0, 3.0, 6.0, 9.0, 12.0], 150)
    X = np.column_stack([np.ones(len(y)), month, (person % 2) * month])
    return without_warnings(y, X, {"id": person}, nagq=nagq, **changed)


@pytest.mark.parametrize(("which", "nagq"), [(0, 1), (1, 25)])
def test_very_large_variance(which: int, nagq: int) -> None:
    # lme4 1.1.31, polished (data/make_fits.R): a standard deviation near 4, where Laplace and quadrature part.
    theirs, ours = TOENAIL["fits"][which], toenail(nagq)
    assert theirs["newton_step"] < 1e-7
    assert ours.converged
    assert ours.log_likelihood == pytest.approx(theirs["logLik"], abs=1e-5)
    np.testing.assert_allclose((ours.coefficients - theirs["fixef"]) / theirs["se"], 0, atol=1e-4)
    np.testing.assert_allclose(ours.se, theirs["se"], rtol=1e-3)
    assert ours.var_components[0].std_dev == pytest.approx(np.exp(theirs["log_sd"]), rel=1e-4)


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_clusters_without_any_success(family: str) -> None:
    s = Simulated()
    y = np.where(s.groups["g"] < 8, 0.0, s.binary if family == "binomial" else s.counts)
    f = without_warnings(y, s.X, s.groups, family=family)
    assert f.converged
    assert np.isfinite(f.ranef["g"]).all()
    assert f.ranef["g"][:8].max() < f.ranef["g"][8:].min()
    np.testing.assert_allclose(f.fitted_values[s.groups["g"] < 8].mean(), 0, atol=0.15)


@pytest.mark.parametrize("family", ["poisson", "nbinom2", "nbinom1"])
def test_counts_up_to_a_million(family: str) -> None:
    # With counts so large, log y is normal with variance 1/mu: the weighted linear model of log y is the same.
    s = Simulated()
    y = s.rng.poisson(np.exp(11 + s.eta)).astype(float)
    assert y.max() > 1e6
    linear = ranef.lmm(np.log(y), s.X, s.groups, weights=y, reml=False)
    f = without_warnings(y, s.X, s.groups, family=family)
    assert f.converged
    np.testing.assert_allclose((f.coefficients - linear.coefficients) / linear.se, 0, atol=0.1)
    assert f.var_components[0].std_dev == pytest.approx(linear.var_components[0].std_dev, rel=1e-3)


def test_offsets_that_span_decades() -> None:
    s = Simulated()
    offset = np.linspace(-9.0, 12.0, s.n)
    y = s.rng.poisson(np.exp(offset + s.eta)).astype(float)
    f = without_warnings(y, s.X, s.groups, family="poisson", offset=offset)
    assert f.converged
    np.testing.assert_allclose((f.coefficients - [0.3, 0.8]) / f.se, 0, atol=3)
    # A constant added to the offset is taken from the intercept.
    moved = ranef.glmm(y, s.X, s.groups, family="poisson", offset=offset + 5.0)
    np.testing.assert_allclose(moved.coefficients, f.coefficients - [5.0, 0.0], rtol=1e-5, atol=1e-5)
    assert moved.log_likelihood == pytest.approx(f.log_likelihood, abs=1e-7)


def test_rare_events() -> None:
    rng = np.random.default_rng(3)
    groups = np.arange(20000) % 50
    p = np.exp(-7.0 + 1.5 * rng.normal(size=50)[groups])
    y = (rng.uniform(size=len(p)) < p).astype(float)
    assert 50 < y.sum() < 200
    ones = np.ones((len(y), 1))
    f = without_warnings(y, ones, {"g": groups})
    # Rare events are Poisson events.
    poisson = ranef.glmm(y, ones, {"g": groups}, family="poisson")
    same_fit(f, poisson, rtol=0.03)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.parametrize(
    "family",
    [Gaussian(), StudentT(), Gamma(), InverseGaussian(), Gaussian("log"), Gamma("inverse"), Gamma("identity")],
    ids=repr,
)
def test_units_of_the_response_do_not_matter(family: Any, scale: float) -> None:
    s = Simulated()
    y = np.exp(0.3 * s.eta) * s.rng.gamma(8, 1 / 8, s.n)
    one, other = (without_warnings(k * y, s.X, s.groups, family=family) for k in (1.0, scale))
    assert other.converged
    assert other.log_likelihood + s.n * np.log(scale) == pytest.approx(one.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(other.z_values[1], one.z_values[1], rtol=1e-3)
    assert other.is_singular == one.is_singular


# Equivalent data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_bernoulli_rows_and_their_sums(link: str) -> None:
    s = Simulated()
    trials = 1 + np.arange(s.n) % 4
    successes = s.rng.binomial(trials, special.expit(s.eta)).astype(float)
    sums = ranef.glmm(successes / trials, s.X, s.groups, family=Binomial(link), weights=trials)
    rows = np.repeat(np.arange(s.n), trials)
    first = np.concatenate([[0], np.cumsum(trials)[:-1]])
    y = (np.arange(len(rows)) - first[rows] < successes[rows]).astype(float)
    single = ranef.glmm(y, s.X[rows], {"g": s.groups["g"][rows]}, family=Binomial(link))
    same_fit(single, sums)
    # The log-likelihoods differ by the binomial coefficients.
    coefficients = (
        special.gammaln(trials + 1) - special.gammaln(successes + 1) - special.gammaln(trials - successes + 1)
    )
    assert sums.log_likelihood - single.log_likelihood == pytest.approx(coefficients.sum(), abs=1e-7)


def test_two_columns_are_proportions_with_trials() -> None:
    s = Simulated()
    successes = s.rng.binomial(6, special.expit(s.eta))
    columns = ranef.glmm(np.column_stack([successes, 6 - successes]), s.X, s.groups)
    weights = ranef.glmm(successes / 6, s.X, s.groups, weights=np.full(s.n, 6))
    assert columns.log_likelihood == weights.log_likelihood
    np.testing.assert_array_equal(columns.coefficients, weights.coefficients)


@pytest.mark.parametrize("family", ["poisson", "gamma", "nbinom2"])
def test_weight_two_is_two_rows(family: str) -> None:
    s = Simulated()
    y = (
        s.rng.gamma(2.0, np.exp(s.eta) / 2)
        if family == "gamma"
        else s.rng.poisson(np.exp(s.eta) * s.rng.gamma(2, 0.5, s.n))
    )
    weights = 1 + np.arange(s.n) % 2
    rows = np.repeat(np.arange(s.n), weights)
    weighted = ranef.glmm(y, s.X, s.groups, family=family, weights=weights)
    repeated = ranef.glmm(y[rows], s.X[rows], {"g": s.groups["g"][rows]}, family=family)
    same_fit(weighted, repeated)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, abs=1e-7)
    assert weighted.dispersion == pytest.approx(repeated.dispersion, rel=1e-4)
    assert weighted.deviance == pytest.approx(repeated.deviance, rel=1e-5)


def test_order_of_rows_and_names_of_levels_do_not_matter() -> None:
    s = Simulated()
    y, order = s.binary, s.rng.permutation(s.n)
    one = ranef.glmm(y, s.X, s.groups)
    other = ranef.glmm(y[order], s.X[order], {"g": np.array([f"level {20 - g}" for g in s.groups["g"]])[order]})
    same_fit(one, other)
    np.testing.assert_allclose(other.fitted_values, one.fitted_values[order], rtol=1e-4)


def test_badly_scaled_predictors() -> None:
    s = Simulated()
    y = s.binary
    one = ranef.glmm(y, s.X, s.groups)
    other = without_warnings(y, np.column_stack([np.ones(s.n), 1e8 + 1e6 * s.x]), s.groups)
    assert other.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-7)
    assert other.coefficients[1] == pytest.approx(1e-6 * one.coefficients[1], rel=1e-4)
    assert other.z_values[1] == pytest.approx(one.z_values[1], rel=1e-4)


def test_the_smallest_family_fits_as_the_negative_binomial_with_theta_one() -> None:
    s = Simulated()
    y = s.rng.geometric(1 / (1 + np.exp(s.eta))) - 1.0
    ours = without_warnings(y, s.X, s.groups, family=Geometric())
    built_in = ranef.glmm(y, s.X, s.groups, family=NegativeBinomial(theta=1.0))
    assert ours.converged
    assert ours.log_likelihood == pytest.approx(built_in.log_likelihood, abs=1e-8)
    assert ours.n_parameters == built_in.n_parameters == 3  # a theta that is given is no parameter
    same_fit(ours, built_in)
    assert ours.deviance == pytest.approx(built_in.deviance, rel=1e-6)
    np.testing.assert_allclose(ours.residuals_of("pearson"), built_in.residuals_of("pearson"), rtol=1e-4, atol=1e-5)
    assert ours.icc == pytest.approx(built_in.icc, rel=1e-5)
    assert ours.provenance[-1].name == "geometric"
    with pytest.raises(InputError, match="gives no distribution function"):
        ours.residuals_of("quantile")


# Boundaries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["nbinom2", "nbinom1", "betabinomial"])
def test_data_without_overdispersion(family: str) -> None:
    # Less dispersed than Poisson (binomial) counts: the estimate is the limit of the family.
    s = Simulated()
    if family == "betabinomial":
        trials = np.full(s.n, 8)
        y = (4 + np.arange(s.n) % 2) / 8
        simple, groups = ranef.glmm(y, s.X, s.groups, weights=trials), s.groups
    else:
        trials, groups = None, s.groups
        n = 2 * np.ceil(np.exp(s.eta))
        y = s.rng.binomial(n.astype(int), np.exp(s.eta) / n).astype(float)
        simple = ranef.glmm(y, s.X, groups, family="poisson")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)
        f = ranef.glmm(y, s.X, groups, family=family, weights=trials)
    assert f.converged
    assert f.log_likelihood == pytest.approx(simple.log_likelihood, abs=1e-5)
    np.testing.assert_allclose(f.coefficients, simple.coefficients, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(f.se, simple.se, rtol=1e-3)
    (name,) = f.dispersion
    assert f"{name} has run to the end of its range" in f.summary()


def test_zero_variance() -> None:
    s = Simulated()
    y = s.rng.poisson(3.0, s.n) * 1.0
    y[np.argsort(s.groups["g"], kind="stable")] = np.sort(y)[np.arange(s.n).reshape(10, 20).T.ravel()]
    with pytest.warns(SingularFitWarning, match="covariance matrix of g"):
        f = ranef.glmm(y, s.X, s.groups, family="poisson")
    assert f.converged
    assert f.is_singular
    assert f.theta[0] == 0.0
    assert f.certificate.boundary_ok
    assert f.certificate.at_boundary == (2,)
    np.testing.assert_array_equal(f.ranef["g"], 0.0)
    assert "the fit is singular" in f.summary()
    # It is the generalized linear model: its score vanishes, and its information gives the standard errors.
    mu = f.fitted_values
    np.testing.assert_allclose(s.X.T @ (y - mu), 0, atol=1e-4)
    information = (s.X * mu[:, None]).T @ s.X
    np.testing.assert_allclose(f.se, np.sqrt(np.diagonal(np.linalg.inv(information))), rtol=1e-5)
    assert f.log_likelihood == pytest.approx(stats.poisson.logpmf(y, mu).sum(), abs=1e-8)


@pytest.mark.parametrize("optimizer", ["trust-region", "lbfgsb"])
@pytest.mark.parametrize(("family", "seed"), [("poisson", 2), ("poisson", 3), ("binomial", 4)])
def test_correlation_at_its_limit(family: str, seed: int, optimizer: str) -> None:
    s = Simulated(seed)
    y = s.counts if family == "poisson" else s.binary
    slopes: dict[str, Any] = {"random_effects": {"g": ["1", "x"]}, "random_data": {"x": s.x}}
    with pytest.warns(SingularFitWarning):
        f = ranef.glmm(y, s.X, s.groups, family=family, optimizer=optimizer, **slopes)
    assert f.converged
    assert f.theta[2] == 0.0
    assert abs(f.var_components[1].corr[0]) == pytest.approx(1.0, abs=1e-12)
    # Not below the model without slopes, and no better than from a start that is far inside.
    assert f.log_likelihood > ranef.glmm(y, s.X, s.groups, family=family).log_likelihood
    with pytest.warns(SingularFitWarning):
        inside = ranef.glmm(y, s.X, s.groups, family=family, start=[1.0, 0.0, 1.0], **slopes)
    assert f.log_likelihood == pytest.approx(inside.log_likelihood, abs=1e-6)
    assert np.isfinite(f.se).all()


def test_a_variance_that_the_fast_stage_puts_at_zero_is_tried_again() -> None:
    f = fit("glmm_cbpp_laplace", start=[0.0])
    assert f.log_likelihood == pytest.approx(fitted("glmm_cbpp_laplace").solution.log_likelihood, abs=1e-8)


# Shapes of models --------------------------------------------------------------------------------------------------


def test_null_model_and_model_without_fixed_effects() -> None:
    s = Simulated()
    y = s.counts
    null = without_warnings(y, s.X[:, :1], s.groups, family="poisson")
    with pytest.warns(DataWarning, match="X has no intercept"):
        none = ranef.glmm(y, s.X[:, :0], s.groups, family="poisson")
    assert none.converged
    assert none.coefficients.shape == none.se.shape == (0,)
    assert none.n_parameters == 1
    assert "Fixed effects" not in none.summary()
    # Random intercepts about zero instead of their mean: var + mean^2 in all.
    test = none.compare(null)
    assert (test.df, test.statistic > 0) == (1, True)
    assert none.var_components[0].variance == pytest.approx(
        null.var_components[0].variance + null.coefficients[0] ** 2, rel=0.1
    )


def crossed_and_nested() -> dict[str, Any]:
    """Pupils in classes in schools, crossed with items; a random slope of classes."""
    rng = np.random.default_rng(8)
    pupil, item = np.divmod(np.arange(96 * 12), 12)
    klass, x = pupil // 8, rng.normal(size=96 * 12)
    school = klass // 3
    eta = (
        -0.5
        + 0.7 * x
        + 0.8 * rng.normal(size=96)[pupil]
        + 0.6 * rng.normal(size=12)[klass]
        + 0.5 * rng.normal(size=12)[klass] * x
        + 0.7 * rng.normal(size=4)[school]
        + 0.9 * rng.normal(size=12)[item]
    )
    y = (rng.uniform(size=len(eta)) < special.expit(eta)).astype(float)
    return {
        "y": y,
        "X": np.column_stack([np.ones(len(x)), x]),
        "groups": {"pupil": pupil, "class": klass, "school": school, "item": item},
        "random_effects": {"class": ["1", "x"]},
        "random_data": {"x": x},
    }


def test_crossed_and_nested_factors_with_a_slope() -> None:
    f = without_warnings(**crossed_and_nested())
    assert f.converged
    assert f.n_groups == {"pupil": 96, "class": 12, "school": 4, "item": 12}
    assert [c.name for c in f.var_components if c.group == "class"] == ["(Intercept)", "x"]
    assert f.n_parameters == 2 + 6
    np.testing.assert_allclose((f.coefficients - [-0.5, 0.7]) / f.se, 0, atol=3)
    sd = {(c.group, c.name): c.std_dev for c in f.var_components}
    assert sd["pupil", "(Intercept)"] == pytest.approx(0.8, rel=0.4)
    assert sd["item", "(Intercept)"] == pytest.approx(0.9, rel=0.5)
    dense = ranef.glmm(**crossed_and_nested(), backend="dense")
    assert dense.log_likelihood == pytest.approx(f.log_likelihood, abs=1e-8)


def test_uncorrelated_slopes_are_a_special_case() -> None:
    data = crossed_and_nested()
    data["groups"] = {"class": data["groups"]["class"]}
    correlated = ranef.glmm(**data)
    uncorrelated = ranef.glmm(**data, correlated={"class": False})
    assert all(c.corr == () for c in uncorrelated.var_components)
    test = uncorrelated.compare(correlated)
    assert test.df == 1
    assert test.statistic >= 0


def test_quadrature_of_three_columns() -> None:
    # More nodes, and the log-likelihood settles.
    data = crossed_and_nested()
    z = np.linspace(-1, 1, len(data["y"]))
    data |= {
        "groups": {"class": data["groups"]["class"]},
        "random_effects": {"class": ["1", "x", "z"]},
        "random_data": {"x": data["random_data"]["x"], "z": np.roll(z, 17)[np.argsort(data["random_data"]["x"])]},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)
        values = [ranef.glmm(**data, nagq=nagq).log_likelihood for nagq in (1, 5, 7)]
    assert abs(values[2] - values[1]) < 0.1 * abs(values[1] - values[0])


# Promises ----------------------------------------------------------------------------------------------------------


def test_modes_are_exact() -> None:
    # The Newton decrement of the modes: far below 1e-12 of the criterion.
    for name in ("glmm_contraception_slope", "glmm_grouseticks", "glmm_negbin", "glmm_cbpp_cloglog"):
        mode = fitted(name).solution._fit.factorized().mode
        model, point = mode.model, mode.point
        assert point.at is not None
        gradient = mode.Lambda.t @ model.Zt(point.at.d1) - point.u
        decrement = mode.newton.solve(gradient, None)[2]
        assert decrement < 1e-15 * mode.criterion


@pytest.mark.parametrize("distance", [1e-1, 1e-5, 1e-7])
def test_modes_are_found_to_rounding_from_starts_nearby(distance: float) -> None:
    mode = fitted("glmm_cbpp_cloglog").solution._fit.factorized().mode
    step = distance * np.cos(np.arange(len(mode.point.u)))
    again = find_mode(mode.model, mode.Lambda, mode.phi, mode.point.u + step, mode.point.gamma, joint=False)
    np.testing.assert_allclose(again.point.u, mode.point.u, atol=1e-10)


def test_the_same_call_gives_the_same_bits() -> None:
    one, other = fit("glmm_contraception_slope"), fit("glmm_contraception_slope")
    assert one.log_likelihood == other.log_likelihood
    np.testing.assert_array_equal(one.theta, other.theta)
    np.testing.assert_array_equal(one.vcov, other.vcov)


@pytest.mark.parametrize("name", ["glmm_negbin", "glmm_grouseticks", "glmm_cbpp_nagq9"])
def test_pickling_keeps_everything(name: str) -> None:
    f = fitted(name).solution
    back = pickle.loads(pickle.dumps(f))
    assert back.summary() == f.summary()
    np.testing.assert_array_equal(back.se, f.se)
    np.testing.assert_array_equal(back.residuals_of("pearson"), f.residuals_of("pearson"))
    assert back.dispersion_se == f.dispersion_se
    for factor in f.ranef_variances:
        np.testing.assert_array_equal(back.ranef_variances[factor], f.ranef_variances[factor])


def test_solutions_are_frozen() -> None:
    f = fitted("glmm_negbin").solution
    with pytest.raises(AttributeError, match="frozen"):
        f.coefficients = np.zeros(2)  # type: ignore[misc]
    for array in (
        f.coefficients,
        f.se,
        f.vcov,
        f.theta,
        f.ranef["g"],
        f.fitted_values,
        f.linear_predictor,
        f.residuals,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0
    with pytest.raises(AttributeError):
        f.params.theta = np.zeros(1)  # type: ignore[misc]


def test_inputs_are_left_alone() -> None:
    s = Simulated()
    y, X, offset = s.counts, s.X.copy(), np.full(s.n, 0.1)
    before = [a.copy() for a in (y, X, offset)]
    ranef.glmm(y, X, s.groups, family="poisson", offset=offset)
    for array, copy in zip((y, X, offset), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_provenance_lists_backend_optimizer_and_family() -> None:
    f = fitted("glmm_negbin").solution
    assert [p.kind for p in f.provenance] == ["linalg", "optimizer", "family"]
    assert (f.provenance[2].name, f.provenance[2].distribution) == ("negative_binomial", "ranef")
    assert fit("glmm_negbin", family="nbinom2").provenance == f.provenance


def test_params_gather_the_estimates() -> None:
    f = fitted("glmm_negbin").solution
    assert f.params.names == f.names
    np.testing.assert_array_equal(f.params.coefficients, f.coefficients)
    assert f.params.dispersion == f.dispersion
    assert f.params.var_components == f.var_components


def test_wald_intervals_have_the_level_that_was_asked_for() -> None:
    wide, narrow = fit("glmm_cbpp_laplace", conf_level=0.99), fit("glmm_cbpp_laplace", conf_level=0.5)
    for f, quantile in ((wide, 2.5758293035489004), (narrow, 0.6744897501960817)):  # of the normal distribution
        np.testing.assert_allclose(f.conf_int[:, 1] - f.coefficients, quantile * f.se, rtol=1e-12)
        np.testing.assert_allclose(f.conf_int.mean(axis=1), f.coefficients, rtol=1e-12)


class Recorder(Observer):
    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event) -> None:
        self.events.append(event)


def test_observers_see_the_fit() -> None:
    recorder = Recorder()
    f = fit("glmm_negbin", callbacks=recorder)
    (started,) = (e for e in recorder.events if isinstance(e, FitStarted))
    finished = recorder.events[-1]
    assert (started.kind, started.n_obs, started.n_fixed, started.n_random, started.n_parameters) == (
        "glmm",
        450,
        2,
        30,
        4,
    )
    assert isinstance(finished, FitFinished)
    assert finished.value == pytest.approx(-2 * f.log_likelihood)
    evaluations = [e for e in recorder.events if isinstance(e, Evaluated)]
    assert len(evaluations) == f.n_evaluations == finished.n_evaluations
    assert [e.count for e in evaluations] == list(range(1, len(evaluations) + 1))


def test_an_unfinished_search_says_so() -> None:
    with pytest.warns(ConvergenceWarning, match="the deviance is expected to fall by another"):
        f = fit("glmm_contraception_slope", max_iter=2)
    assert not f.converged
    assert f.certificate.status == Status.MAX_EVALUATIONS.name
    assert "raise max_iter" in f.certificate.message
    assert "NOT CONVERGED" in f.summary()
    assert f.log_likelihood < fitted("glmm_contraception_slope").solution.log_likelihood


def test_start_shortens_the_search() -> None:
    f = fitted("glmm_grouseticks").solution
    again = fit("glmm_grouseticks", start=f.theta)
    assert again.log_likelihood == pytest.approx(f.log_likelihood, abs=1e-7)
    assert again.n_evaluations <= f.n_evaluations


# Comparison --------------------------------------------------------------------------------------------------------


def refuses(one: ranef.GLMMSolution, other: Any, why: str) -> None:
    with pytest.raises(ComparisonError, match=why):
        one.compare(other)


def test_compare_refuses_what_is_not_nested() -> None:
    s = Simulated()
    y, z = s.counts, s.rng.normal(size=s.n)
    ones = s.X[:, :1]
    one = ranef.glmm(y, s.X, s.groups, family="poisson")
    refuses(one, ranef.glmm(y, np.column_stack([ones, z, z**2]), s.groups, family="poisson"), "not nested")
    refuses(one, ranef.glmm(y, np.column_stack([ones, z]), s.groups, family="poisson"), "same number of parameters")
    refuses(one, ranef.glmm(y + 1, ones, s.groups, family="poisson"), "their y differ")
    refuses(one, ranef.glmm(y, ones, s.groups, family="poisson", offset=z), "their offset differ")
    refuses(one, ranef.glmm(y, ones, s.groups, family="poisson", weights=1 + s.late), "their weights differ")
    refuses(
        one,
        ranef.glmm(y, ones, s.groups, family=Poisson("sqrt")),
        r"different families or links.*ranef\.anova\(one, other\) has their AIC",
    )
    refuses(one, ranef.glmm(y, ones, s.groups, family="poisson", nagq=0), "nagq=0")
    refuses(one, ranef.lmm(y, ones, s.groups, reml=False), "two fits of one kind")


def test_log_likelihoods_compare_for_every_nagq() -> None:
    # All constants are there: the values differ by the error of the approximation, not by a saturated likelihood.
    values = {nagq: fit("glmm_cbpp_laplace", nagq=nagq).log_likelihood for nagq in (1, 2, 9, 25)}
    assert max(values.values()) - min(values.values()) < 0.1
    assert values[9] == pytest.approx(values[25], abs=1e-4)


# Laplace check -----------------------------------------------------------------------------------------------------


def test_laplace_check_of_a_good_approximation() -> None:
    check = fitted("glmm_poisson_offset_int").solution.laplace_check()
    assert "nagq=1 is good here" in check.advice
    assert len(check.error) == len(check.levels) == fitted("glmm_poisson_offset_int").solution.n_groups["g"]
    assert str(check).endswith(check.advice)


def test_laplace_check_of_a_bad_approximation() -> None:
    laplace = toenail(1)
    check = laplace.laplace_check(nagq=25)
    assert "refit with nagq=25" in check.advice
    # The errors by level add up to that of the log-likelihood: quadrature at the estimates of the Laplace fit.
    at_same = toenail(25).log_likelihood
    assert laplace.log_likelihood + check.total < at_same  # which maximizes it
    assert laplace.log_likelihood + check.total == pytest.approx(at_same, abs=1.5)
    assert check.total > 0.1
    assert abs(check.error).max() < check.total


def test_laplace_check_is_the_difference_of_the_criteria() -> None:
    f = fitted("glmm_contraception_slope").solution
    at = f._fit.factorized()
    problem, x = at.criterion, at.x
    fine = f._fit.factorized().criterion
    from ranef.estimation.quadrature import gauss_hermite_grid

    fine.grid = gauss_hermite_grid(9, 2)
    assert f.laplace_check(9).total == pytest.approx(-0.5 * (fine.value(x) - problem.value(x)), abs=1e-8)


# Quantile residuals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "family",
    ["poisson", "binomial", "gamma", "nbinom2", "beta", "gaussian", "inverse_gaussian", "truncated_poisson", "nbinom1"],
)
def test_quantile_residuals_are_normal_under_the_model(family: str) -> None:
    rng = np.random.default_rng(11)
    n = 1500
    groups, x = np.arange(n) % 5, rng.normal(size=n)
    X = np.column_stack([np.ones(n), x])
    made = ranef.registry.family(family)[0]
    eta = 0.4 + 0.3 * x + 0.3 * rng.normal(size=5)[groups]
    trials = np.full(n, 5.0) if made.weights_are_trials else np.ones(n)
    phi = np.array([{"precision": 5.0, "theta": 2.0}.get(p.name, 0.3) for p in made.parameters])
    y = made.sample(made.link.mean(eta).mu, trials, phi, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)
        f = ranef.glmm(y, X, {"g": groups}, family=family, weights=trials)
    residuals = f.residuals_of("quantile", rng=5)
    assert stats.kstest(residuals, "norm").pvalue > 0.001
    assert residuals.std() == pytest.approx(1.0, abs=0.08)
    np.testing.assert_array_equal(residuals, f.residuals_of("quantile", rng=np.random.default_rng(5)))


def test_the_regression_at_the_start_is_damped() -> None:
    # Undamped scoring steps overflow here: gamma responses under an inverse Gaussian, over six decades.
    rng = np.random.default_rng(1033)
    g, x = rng.integers(0, 12, 150), rng.normal(size=150)
    mu = np.exp(1 + 0.3 * x + rng.choice([0, 0.1, 0.4, 1.5]) * rng.normal(size=12)[g])
    y = rng.gamma(2, mu / 2)
    X, terms = np.column_stack([np.ones(150), x]), {"g": ["1", "x"]}
    one, scaled = (
        ranef.glmm(
            unit * y, X, {"g": g}, family=InverseGaussian(link="log"), random_effects=terms, random_data={"x": x}
        )
        for unit in (1.0, 1000.0)
    )
    assert one.converged
    assert scaled.log_likelihood == pytest.approx(one.log_likelihood - 150 * np.log(1000.0), abs=1e-6)
    np.testing.assert_allclose(scaled.coefficients - one.coefficients, [np.log(1000.0), 0.0], atol=1e-5)


class SolvesOnly(Factor):
    """Of another factor the solves and log|M| alone."""

    def __init__(self, factor: Factor) -> None:
        self.factor = factor

    @property
    def logdet(self) -> float:
        return self.factor.logdet

    def half_solve(self, B: FloatArray) -> FloatArray:
        return self.factor.half_solve(B)

    def back_solve(self, C: FloatArray) -> FloatArray:
        return self.factor.back_solve(C)


class NoInverseSymbolic(Symbolic):
    def __init__(self, symbolic: Symbolic) -> None:
        self.symbolic = symbolic

    def factorize(self, ZtWZ: PatternBlocks, theta: FloatArray) -> Factor:
        return SolvesOnly(self.symbolic.factorize(ZtWZ, theta))


class NoInverse(LinalgBackend):
    """The dense backend without its selected inverse."""

    def cost(self, pattern: Pattern) -> float:
        return 1.0

    def analyze(self, pattern: Pattern) -> Symbolic:
        return NoInverseSymbolic(registry.linalg_backend("dense")[0].analyze(pattern))


@pytest.mark.parametrize("name", ["glmm_cbpp_laplace", "glmm_cbpp_nagq0", "glmm_cbpp_nagq9"])
def test_a_backend_without_gradients_is_certified_by_another(name: str) -> None:
    one, other = fit(name, backend=NoInverse()), fitted(name).solution
    assert one.converged
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(one.se, other.se, rtol=1e-3)
