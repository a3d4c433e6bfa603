"""Laws that hold for every family, whatever its formulas."""

from __future__ import annotations

import pickle
from itertools import product
from math import comb, sqrt

import numpy as np
import pytest
from scipy import stats

from ranef.contracts import Family
from ranef.families import (
    Beta,
    BetaBinomial,
    Binomial,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    NegativeBinomial1,
    Poisson,
    SkewNormal,
    StudentT,
    TruncatedNegativeBinomial,
    TruncatedPoisson,
    Tweedie,
    beta_binomial,
    tweedie,
)

#: Class and dispersion parameters.
MODELS = [
    (Gaussian, [2.3]),
    (Binomial, []),
    (Poisson, []),
    (Gamma, [0.4]),
    (Gamma, [1.8]),
    (InverseGaussian, [0.3]),
    (NegativeBinomial, [1.7]),
    (NegativeBinomial, [0.05]),
    (NegativeBinomial, [40.0]),
    (NegativeBinomial1, [0.8]),
    (NegativeBinomial1, [6.0]),
    (Beta, [4.2]),
    (BetaBinomial, [3.0]),
    (BetaBinomial, [60.0]),
    (StudentT, [1.3, 9.0]),
    (SkewNormal, [1.3, 0.6]),
    (Tweedie, [1.2, 1.4]),
    (Tweedie, [0.3, 1.8]),
    (TruncatedPoisson, []),
    (TruncatedNegativeBinomial, [1.7]),
]
MODEL_IDS = [f"{cls.__name__}{phi}" for cls, phi in MODELS]
LINKED = [(cls, phi, link) for cls, phi in MODELS for link in cls.links]
LINKED_IDS = [f"{cls.__name__}{phi}-{link}" for cls, phi, link in LINKED]
#: The expected weight of these is that of quasi-likelihood, a lower bound of the information.
QUASI = (NegativeBinomial1, BetaBinomial, SkewNormal)
FIELDS = ("log_density", "d1", "d2", "expected_weight", "d3", "expected_weight_eta")
PHI_FIELDS = ("phi1", "phi1_eta", "phi1_eta2", "expected_weight_phi")

each_model = pytest.mark.parametrize(("cls", "phi"), MODELS, ids=MODEL_IDS)
each_link = pytest.mark.parametrize(("cls", "phi", "link"), LINKED, ids=LINKED_IDS)


def draw(family, phi, n=30, seed=5):
    """Means inside the bounds of family and link, weights, and responses."""
    rng = np.random.default_rng(seed)
    upper = 0.95 if 1.0 in (family.link.range[1], family.mean_bounds[1]) else 6.0
    mu = rng.uniform(0.05 * upper, upper, n)
    weights = rng.integers(1, 6, n).astype(float)
    return family.sample(mu, weights, phi, rng), family.link.link(mu), weights, mu


def distribution(family, mu, phi, trials=6.0):
    """Values y and their probabilities (a fine quadrature where y is continuous), for sums that are expectations."""
    positive = family.mean_bounds == (0.0, np.inf)
    spread = np.linspace(-80, 10, 9001) if positive else np.linspace(-20, 20, 4001)
    if isinstance(family, Tweedie):
        y = np.exp(spread)
        y, mass = np.append(y, 0.0), np.append(y * (spread[1] - spread[0]), 1.0)
    elif family.weights_are_trials:
        y, mass = np.arange(trials + 1) / trials, np.ones(int(trials) + 1)
    elif family.discrete:
        y = np.arange(0.0, 4000.0)
        y, mass = y[family.support(y, np.ones_like(y))], 1.0
    elif family.mean_bounds == (0.0, 1.0):
        y = 1 / (1 + np.exp(-spread))
        mass = y * (1 - y) * (spread[1] - spread[0])
        inside = (y > 0) & (y < 1)
        y, mass = y[inside], mass[inside]
    elif positive:
        y = np.exp(spread)
        mass = y * (spread[1] - spread[0])
    else:
        y = mu + np.sinh(spread)
        mass = np.cosh(spread) * (spread[1] - spread[0])
    n = np.full_like(y, trials if family.weights_are_trials else 1.0)
    return y, n, mass * np.exp(family.log_density(y, np.full_like(y, mu), n, phi))


@each_link
def test_exact_derivatives_are_those_of_differences(cls, phi, link):
    family, phi = cls(link=link), np.array(phi)
    y, eta, weights, _ = draw(family, phi)
    exact = family.evaluate(y, eta, weights, phi, 3)
    differences = Family.evaluate(family, y, eta, weights, phi, 3)
    of_other_scores = (Beta, SkewNormal, StudentT)  # not (y - mu) / V
    quasi_only = family.response_mean(np.ones(1), phi)[0] != 1 or cls in of_other_scores
    for name in (*FIELDS, *PHI_FIELDS):
        if name.startswith("expected") and quasi_only:
            continue
        a, b = getattr(exact, name), getattr(differences, name)
        tolerance = {"d3": 2e-6, "phi1_eta2": 1e-6}.get(name, 1e-8)
        allowed = tolerance * (np.abs(b) + np.abs(b).max(initial=1.0))
        if name == "d3":  # where terms cancel (a d3 of exactly 0), third differences leave the rounding of log f
            step = 0.02 * np.asarray(family._eta_scale(eta, phi))
            allowed = allowed + 8.0 * np.finfo(float).eps * np.abs(exact.log_density) / step**3
        assert (np.abs(a - b) <= allowed).all(), (name, np.abs(a - b) / allowed)


@each_link
def test_each_derivative_is_the_slope_of_the_one_before(cls, phi, link):
    """Includes the derivatives of the expected weight, which differences of the log density do not show."""
    family, phi = cls(link=link), np.array(phi)
    y, eta, weights, _ = draw(family, phi)
    h = 1e-3 * np.minimum(np.abs(eta), 1.0)

    def slope(name, moved):
        at = [getattr(moved(k), name) for k in (-2, -1, 1, 2)]
        return at[0] - 8 * at[1] + 8 * at[2] - at[3]

    def compare(actual, expected, lower, name):
        floor = 1e-7 * np.abs(expected).max() + 1e-8 * np.abs(lower).max()  # of differences, by rounding
        np.testing.assert_allclose(actual, expected, rtol=1e-7, atol=floor, err_msg=name)

    here = family.evaluate(y, eta, weights, phi, 3)
    pairs = {"log_density": "d1", "d1": "d2", "d2": "d3", "expected_weight": "expected_weight_eta"}
    for lower, upper in pairs.items():
        expected = slope(lower, lambda k: family.evaluate(y, eta + k * h, weights, phi, 3)) / (12 * h)
        compare(getattr(here, upper), expected, getattr(here, lower), upper)
    pairs = {"log_density": "phi1", "d1": "phi1_eta", "d2": "phi1_eta2", "expected_weight": "expected_weight_phi"}
    for (lower, upper), j in product(pairs.items(), range(len(phi))):
        step = 1e-3 * (min(phi[j] - 1, 2 - phi[j]) if family.parameters[j].upper == 2 else phi[j])
        move = step * np.eye(len(phi))[j]
        expected = slope(lower, lambda k, m=move: family.evaluate(y, eta, weights, phi + k * m, 3)) / (12 * step)
        compare(getattr(here, upper)[j], expected, getattr(here, lower), upper)


@each_model
def test_the_density_has_mass_one_and_the_stated_moments(cls, phi):
    family, phi = cls(), np.array(phi)
    mu = 0.35 if family.mean_bounds[1] == 1 else 2.4
    y, n, p = distribution(family, mu, phi)
    at = np.array([mu])
    assert p.sum() == pytest.approx(1, rel=1e-9)
    mean = family.response_mean(at, phi)[0]
    assert (p * y).sum() == pytest.approx(mean, rel=1e-8)
    assert (p * (y - mean) ** 2).sum() == pytest.approx(family.response_variance(at, n[:1], phi)[0], rel=1e-6)


@each_link
def test_scores_have_mean_zero_and_the_stated_information(cls, phi, link):
    family, phi = cls(link=link), np.array(phi)
    mu = 0.35 if 1.0 in (family.mean_bounds[1], family.link.range[1]) else 2.4
    y, n, p = distribution(family, mu, phi)
    d = family.evaluate(y, np.full_like(y, family.link.link(np.array([mu]))[0]), n, phi, 3)
    information = -(p * d.d2).sum()
    scale = sqrt(information)
    assert (p * d.d1).sum() == pytest.approx(0, abs=1e-7 * scale)
    assert (p * d.d1**2).sum() == pytest.approx(information, rel=1e-6)
    for score in d.phi1:
        assert (p * score).sum() == pytest.approx(0, abs=1e-6 * sqrt((p * score**2).sum()))
    if cls in QUASI:
        assert d.expected_weight[0] < information * (1 + 1e-9)
        slope = family.link.mean(family.link.link(np.array([mu]))).mu_eta
        expected = slope**2 / family.response_variance(np.array([mu]), n[:1], phi)
        np.testing.assert_allclose(d.expected_weight[0], expected, rtol=1e-12)
    else:
        assert d.expected_weight[0] == pytest.approx(information, rel=1e-6)


@each_model
def test_samples_have_the_stated_mean_and_variance(cls, phi):
    """z-tests of 40,000 draws with a fixed seed; 4.5 standard errors: one false alarm in 150,000."""
    family, phi = cls(), np.array(phi)
    mu, draws = (0.35 if family.mean_bounds[1] == 1 else 2.4), 40_000
    y, n, p = distribution(family, mu, phi)
    sample = family.sample(np.full(draws, mu), np.full(draws, n[0]), phi, np.random.default_rng(20240607))
    mean = (p * y).sum()
    variance, fourth = ((p * (y - mean) ** k).sum() for k in (2, 4))
    assert family.support(sample, np.full(draws, n[0])).all()
    assert abs(sample.mean() - mean) < 4.5 * sqrt(variance / draws)
    assert abs(((sample - mean) ** 2).mean() - variance) < 4.5 * sqrt((fourth - variance**2) / draws)


def test_samples_that_round_to_a_bound_stay_in_the_support():
    rng, mu, ones = np.random.default_rng(3), np.full(5000, 0.5), np.ones(5000)
    for family, phi in ((Beta(), 0.01), (Gamma(), 1000.0)):
        sample = family.sample(mu, ones, np.array([phi]), rng)
        assert family.support(sample, ones).all()


@each_model
def test_cdf_sums_the_density(cls, phi):
    family, phi = cls(), np.array(phi)
    mu = 0.35 if family.mean_bounds[1] == 1 else 2.4
    y, n, p = distribution(family, mu, phi)
    if family.discrete:
        expected = np.cumsum(p)
        np.testing.assert_allclose(family.cdf(y, np.full_like(y, mu), n, phi), expected, rtol=1e-9)
        below = np.append(y[-1:], -1.0 / n[-1])  # nothing is below 0, in the last row as well
        np.testing.assert_allclose(family.cdf(below, np.full(2, mu), n[-2:], phi), [expected[-1], 0.0], rtol=1e-9)
        return
    rng = np.random.default_rng(77)
    sample = family.sample(np.full(5000, mu), np.ones(5000), phi, rng)
    uniform = family.cdf(sample, np.full(5000, mu), np.ones(5000), phi)
    if cls is Tweedie:  # an atom at 0
        atom = p[-1]
        np.testing.assert_allclose(uniform[sample == 0], atom, rtol=1e-12)
        uniform = (uniform[sample > 0] - atom) / (1 - atom)
    assert stats.kstest(uniform, "uniform").pvalue > 1e-4
    # and its slope is the density, five-point differences
    q = np.linspace(0.2, 0.8, 7) if family.mean_bounds[1] == 1 else np.linspace(0.5, 6, 12)
    h, ones, at = 1e-3, np.ones_like(q), np.full_like(q, mu)
    F = [family.cdf(q + k * h, at, ones, phi) for k in (-2, -1, 1, 2)]
    density = np.exp(family.log_density(q, at, ones, phi))
    np.testing.assert_allclose((F[0] - 8 * F[1] + 8 * F[2] - F[3]) / (12 * h), density, rtol=1e-8)


@pytest.mark.parametrize(("cls", "phi"), [m for m in MODELS if m[0] is not BetaBinomial])
def test_integer_weights_are_repeated_rows(cls, phi):
    """Not for the beta-binomial, of which the trials of one row share a probability."""
    family, phi = cls(), np.array(phi)
    y, eta, weights, _ = draw(family, phi)
    if family.weights_are_trials:
        # k successes in n trials: the same as n Bernoulli rows, for the binomial, but for the binomial coefficient
        successes = np.rint(y * weights)
        rows = np.concatenate(
            [np.repeat([1.0, 0.0], [int(k), int(n - k)]) for k, n in zip(successes, weights, strict=True)]
        )
        constant = sum(np.log(comb(int(n), int(k))) for k, n in zip(successes, weights, strict=True))
    else:
        rows, constant = np.repeat(y, weights.astype(int)), 0.0
    index = np.repeat(np.arange(len(y)), weights.astype(int))
    once = family.evaluate(y, eta, weights, phi, 3)
    repeated = family.evaluate(rows, eta[index], np.ones(len(rows)), phi, 3)
    assert once.log_density.sum() == pytest.approx(repeated.log_density.sum() + constant, rel=1e-11)
    for name in FIELDS[1:]:
        summed = np.bincount(index, getattr(repeated, name))
        np.testing.assert_allclose(getattr(once, name), summed, rtol=1e-9, atol=1e-11, err_msg=name)
    for name, j in product(PHI_FIELDS, range(len(phi))):
        summed = np.bincount(index, getattr(repeated, name)[j])
        np.testing.assert_allclose(getattr(once, name)[j], summed, rtol=1e-9, atol=1e-10, err_msg=name)


@each_model
def test_unit_deviances_fall_to_zero_at_the_saturated_mean_and_slope_as_the_score(cls, phi):
    family, phi = cls(), np.array(phi)
    y, _, weights, mu = draw(family, phi, n=60)
    deviance = family.deviance(y, mu, weights, phi)
    assert (deviance >= 0).all()
    best = family.saturated_mean(y, weights, phi)
    inside = (best > family.mean_bounds[0]) & (best < family.mean_bounds[1])
    assert inside.any()
    zero = family.deviance(y[inside], best[inside], weights[inside], phi)
    np.testing.assert_allclose(zero, 0, atol=1e-10)
    # d deviance / d mu = -2 score
    h = 1e-5 * mu * (1 - mu if family.mean_bounds[1] == 1 else 1)
    slope = (family.deviance(y, mu + h, weights, phi) - family.deviance(y, mu - h, weights, phi)) / (2 * h)
    score = (family.log_density(y, mu + h, weights, phi) - family.log_density(y, mu - h, weights, phi)) / (2 * h)
    scale = phi[0] if family.multiplicative_dispersion else 1.0
    np.testing.assert_allclose(slope, -2 * scale * score, rtol=1e-5, atol=1e-6)


@each_model
def test_deviance_of_the_contract_is_that_of_the_family(cls, phi):
    family, phi = cls(), np.array(phi)
    y, _, weights, mu = draw(family, phi, n=60)
    default = Family.deviance(family, y, mu, weights, phi)
    np.testing.assert_allclose(family.deviance(y, mu, weights, phi), default, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("cls", "phi"), [m for m in MODELS if m[0].multiplicative_dispersion])
def test_unit_deviances_do_not_depend_on_a_multiplicative_dispersion(cls, phi):
    family, phi = cls(), np.array(phi)
    y, _, weights, mu = draw(family, phi)
    moved = phi * np.where(np.arange(len(phi)) == 0, 3.0, 1.0)
    np.testing.assert_array_equal(family.deviance(y, mu, weights, phi), family.deviance(y, mu, weights, moved))


@each_link
def test_start_means_are_inside_whatever_the_data(cls, phi, link):
    family, phi = cls(link=link), np.array(phi)
    y, _, weights, _ = draw(family, phi)
    lower = max(family.mean_bounds[0], family.link.range[0])
    upper = min(family.mean_bounds[1], family.link.range[1])
    for response in (y, np.full_like(y, y.min()), np.full_like(y, y.max())):
        mu = family.start_mean(response, weights)
        assert ((mu > lower) & (mu < upper)).all()
        assert family.valid(family.link.link(mu))
        d = family.evaluate(response, family.link.link(mu), weights, phi)
        assert np.isfinite([d.log_density, d.d1, d.d2]).all()


@each_model
def test_start_dispersions_lie_inside_their_bounds(cls, phi):
    family, phi = cls(), np.array(phi)
    y, _, weights, mu = draw(family, phi, n=2000)
    start = family.start_dispersion(y, mu, weights)
    assert start.shape == (len(family.parameters),)
    for value, parameter in zip(start, family.parameters, strict=True):
        assert parameter.lower < value < parameter.upper
    if len(phi) and cls is not NegativeBinomial:
        assert 0.4 < start[0] / phi[0] < 2.5  # moments find the right order of magnitude


@each_link
def test_families_pickle_and_are_equal_by_value(cls, phi, link):
    family = cls(link=link)
    again = pickle.loads(pickle.dumps(family))
    assert again == family
    assert hash(again) == hash(family)
    assert repr(family) == f"{cls.__name__}(link={link!r})"


@each_model
def test_inputs_are_left_alone_and_results_are_deterministic(cls, phi):
    family, phi = cls(), np.array(phi)
    y, eta, weights, mu = draw(family, phi)
    inputs = [a.copy() for a in (y, eta, weights, phi, mu)]
    first = family.evaluate(y, eta, weights, phi, 3)
    family.deviance(y, mu, weights, phi)
    family.cdf(y, mu, weights, phi)
    second = family.evaluate(y, eta, weights, phi, 3)
    for before, after in zip(inputs, (y, eta, weights, phi, mu), strict=True):
        np.testing.assert_array_equal(before, after)
    for name in (*FIELDS, *PHI_FIELDS):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("precision", [0.05, 1.0, 40.0, 1e4, 1e8])
def test_beta_binomial_probabilities_of_many_trials(precision, monkeypatch):
    # the integral that is taken for many trials, against the sum over the numbers of successes
    n = 1500.0
    k = np.array([0.0, 1.0, 3.0, 450.0, 700.0, 1200.0, n - 1, n])
    y, mu, phi = k / n, np.array([1e-3, 0.1, 0.01, 0.3, 0.5, 0.6, 0.999, 0.4]), np.array([precision])
    weights = np.full(len(k), n)
    integral = BetaBinomial().cdf(y, mu, weights, phi)
    monkeypatch.setattr(beta_binomial, "_MANY_TRIALS", 10000)
    np.testing.assert_allclose(integral, BetaBinomial().cdf(y, mu, weights, phi), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("power", [1.02, 1.3, 1.7])
def test_tweedie_probabilities_in_strides(power, monkeypatch):
    # sums of thousands of gamma variables: their number in strides, against all numbers, in one portion and in several
    mu, phi = np.array([0.5, 3.0, 8.0]), np.array([2e-3, power])
    y, ones = mu * (1 + 0.05 * np.array([-1.0, 0.0, 1.0])), np.ones(3)
    monkeypatch.setattr(tweedie, "_AT_ONCE", 100.0)
    strides = Tweedie().cdf(y, mu, ones, phi)
    monkeypatch.setattr(tweedie, "_stride", lambda first, peak, sharpness: np.ones_like(first))
    monkeypatch.setattr(tweedie, "_AT_ONCE", 1e9)
    np.testing.assert_allclose(strides, Tweedie().cdf(y, mu, ones, phi), rtol=1e-9)


def test_samples_at_the_ends_of_the_range():
    # means that are 0 or 1 to rounding
    mu, ones, rng = np.array([0.0, 1e-320, 0.5, 1.0]), np.ones(4), np.random.default_rng(1)
    beta = Beta().sample(mu, ones, np.array([5.0]), rng)
    assert ((beta > 0) & (beta < 1)).all()
    assert BetaBinomial().sample(mu, ones, np.array([5.0]), rng)[[0, 3]].tolist() == [0.0, 1.0]
