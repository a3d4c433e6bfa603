"""What the contract gives a family for nothing, and how families refuse what is wrong."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from ranef.contracts import DispersionParameter, Family, InputError, Link, Mean
from ranef.contracts.family import ExponentialFamily
from ranef.families import (
    Beta,
    BetaBinomial,
    Binomial,
    Gamma,
    Gaussian,
    InverseGaussian,
    Logit,
    NegativeBinomial,
    NegativeBinomial1,
    Poisson,
    StudentT,
    TruncatedPoisson,
    Tweedie,
)


class Geometric(Family):
    """The smallest family: an NB2 with theta = 1."""

    name = "geometric"
    links = ("log", "identity")
    discrete = True
    support_text = "counts 0, 1, 2, ..."

    def log_density(self, y, mu, weights, phi):
        return weights * (y * np.log(mu / (1 + mu)) - np.log1p(mu))

    def variance(self, mu, phi):
        return mu * (1 + mu)

    def support(self, y, weights):
        return (y >= 0) & (y == np.round(y))

    def sample(self, mu, weights, phi, rng):
        return rng.geometric(1 / (1 + mu)) - 1.0


class Power(ExponentialFamily):
    """Gamma by variance and log density alone, with a second parameter that does nothing: all else by differences."""

    name = "power"
    links = ("log", "inverse")

    @property
    def parameters(self):
        return (DispersionParameter("phi", 1.0), DispersionParameter("idle", 0.5, lower=-np.inf))

    def log_density(self, y, mu, weights, phi):
        return Gamma().log_density(y, mu, weights, phi[:1])

    def variance(self, mu, phi):
        return phi[0] * mu**2

    def support(self, y, weights):
        return y > 0

    def sample(self, mu, weights, phi, rng):
        return rng.gamma(1 / phi[0], mu * phi[0])


Y = np.array([0.0, 1.0, 4.0, 30.0])
ETA = np.array([-3.0, 0.2, 1.0, 3.0])
WEIGHTS = np.array([1.0, 2.0, 1.0, 3.0])


@pytest.mark.parametrize("link", ["log", "identity"])
def test_the_smallest_family_gets_all_derivatives(link):
    eta = np.exp(ETA) if link == "identity" else ETA
    d = Geometric(link).evaluate(Y, eta, WEIGHTS, np.array([]), 3)
    exact = NegativeBinomial(1.0, link).evaluate(Y, eta, WEIGHTS, np.array([1.0]), 3)
    for name, tolerance in {
        "log_density": 1e-13,
        "d1": 1e-10,
        "d2": 1e-9,
        "d3": 1e-6,
        "expected_weight": 1e-13,
        "expected_weight_eta": 1e-9,
    }.items():
        np.testing.assert_allclose(getattr(d, name), getattr(exact, name), rtol=tolerance, err_msg=name)
    assert d.phi1.shape == d.phi1_eta.shape == (0, 4)


def test_the_smallest_family_gets_everything_else():
    family, mu, none = Geometric(), np.exp(ETA), np.array([])
    exact = NegativeBinomial(1.0).deviance(Y, mu, WEIGHTS, np.array([1.0]))
    np.testing.assert_allclose(family.deviance(Y, mu, WEIGHTS, none), exact, rtol=1e-11, atol=1e-13)
    assert family.latent_variance(2.0, none) == pytest.approx(np.log1p(6 / 4))
    assert family.cdf(Y, mu, WEIGHTS, none) is None
    assert repr(family) == "Geometric(link='log')"
    assert pickle.loads(pickle.dumps(family)) == family
    with pytest.raises(
        InputError, match=r"y: the geometric family needs counts 0, 1, 2, \.\.\.; found row 1: -1, row 2"
    ):
        family.check_response(np.array([0.0, -1.0, 0.5]), np.ones(3))


@pytest.mark.parametrize("link", ["log", "inverse"])
def test_an_exponential_family_needs_its_variance_function_only(link):
    y, mu, phi = np.array([0.2, 1.0, 4.0]), np.array([0.5, 1.5, 3.0]), np.array([0.4, 0.3])
    family, exact = Power(link), Gamma(link)
    eta = family.link.link(mu)
    d, e = family.evaluate(y, eta, np.ones(3), phi, 3), exact.evaluate(y, eta, np.ones(3), phi[:1], 3)
    for name in ("log_density", "d1", "d2", "d3", "expected_weight", "expected_weight_eta"):
        np.testing.assert_allclose(getattr(d, name), getattr(e, name), rtol=1e-9, atol=1e-9, err_msg=name)
    for name in ("phi1", "phi1_eta", "phi1_eta2", "expected_weight_phi"):
        np.testing.assert_allclose(getattr(d, name)[:1], getattr(e, name), rtol=1e-8, atol=1e-8, err_msg=name)
        np.testing.assert_allclose(getattr(d, name)[1], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("family", "mu", "phi", "expected"),
    [
        (Binomial("logit"), 0.3, [], np.pi**2 / 3),
        (Binomial("probit"), 0.3, [], 1.0),
        (Binomial("cloglog"), 0.3, [], np.pi**2 / 6),
        (Binomial("cauchit"), 0.5, [], 0.25 * np.pi**2),  # delta method: mu (1 - mu) / mu_eta^2 at eta = 0
        (BetaBinomial("logit"), 0.3, [2.0], np.pi**2 / 3),
        (Poisson("log"), 2.0, [], np.log(1.5)),
        (Poisson("sqrt"), 2.0, [], 0.25),
        (NegativeBinomial(), 2.0, [4.0], np.log(1 + 0.5 + 0.25)),
        (Gamma("log"), 3.0, [0.7], np.log(1.7)),
        (Gaussian(), 3.0, [0.7], 0.7),
        (Beta("logit"), 0.5, [3.0], (0.25 / 4) / 0.25**2),
    ],
)
def test_latent_variances_of_nakagawa(family, mu, phi, expected):
    # origin: Nakagawa, Johnson & Schielzeth 2017, tables 1 and 2
    assert family.latent_variance(mu, np.array(phi)) == pytest.approx(expected, rel=1e-12)


def test_the_latent_variance_of_rows_is_their_mean():
    # log(1 + 1/mu + 1/theta) for theta = 1 and 4, and the delta method's dispersion mu^2 / mu^4 with the inverse link
    theta, dispersion = np.array([[1.0, 4.0]]), np.array([[0.2, 0.3, 1.0]])
    expected = 0.5 * (np.log(2.5) + np.log(1.75))
    assert NegativeBinomial().latent_variance(2.0, theta) == pytest.approx(expected, rel=1e-15)
    assert Gamma("inverse").latent_variance(2.0, dispersion) == pytest.approx(0.5 * 4 / 16, rel=1e-15)


class NaturalLog(Link):
    """The log link by another name."""

    name = "ln"
    range = (0.0, np.inf)
    multiplicative = True

    def link(self, mu):
        return np.log(mu)

    def mean(self, eta):
        mu = np.exp(eta)
        return Mean(mu, 1 - mu, mu, mu, mu)


def test_no_link_is_known_by_its_name():
    assert Gamma(NaturalLog()).latent_variance(3.0, np.array([0.7])) == pytest.approx(np.log(1.7), rel=1e-15)

    class Stranger(Logit):
        name = "log"

    # delta method: mu (1 - mu) / (1 + phi) / (mu (1 - mu))^2
    assert Beta(Stranger()).latent_variance(0.5, np.array([3.0])) == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize(
    ("family", "y", "weights", "phi"),
    [
        # on both sides of where Stirling's series and its like take over
        (Gamma(), [0.5, 1.01, 0.999], [1.0, 2.0, 1.0], [[0.7, 1e-6, 1e-9]]),
        (Beta(), [0.3, 0.5, 0.4999, 1e-7], [1.0, 1.0, 2.0, 1.0], [[2.0, 1e4, 1e9, 1e6]]),
        (NegativeBinomial(), [0.0, 3.0, 2e6], [1.0, 1.0, 1.0], [[0.2, 20.0, 3.0]]),
        (NegativeBinomial1(), [0.0, 3.0, 2e6], [1.0, 1.0, 1.0], [[0.2, 0.01, 3.0]]),
        (StudentT(), [0.2, -4.0, 1.0], [1.0, 1.0, 2.0], [[1.0, 2.0, 0.5], [1.5, 2.0, 80.0]]),
        # the power 3/2, at which NumPy takes square roots, among others
        (Tweedie(), [0.0, 2.5, 0.7, 4.0], [1.0, 1.0, 2.0, 1.0], [[1.0, 0.5, 2.0, 1.0], [1.5, 1.5, 1.2, 1.8]]),
        # few trials and many
        (BetaBinomial(), [0.5, 0.25, 0.0, 0.7], [4.0, 8.0, 1.0, 5000.0], [[2.0, 30.0, 1.0, 50.0]]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_row_has_its_dispersion_on_both_sides_of_thresholds(family, y, weights, phi):
    y, weights, phi = np.array(y), np.array(weights), np.array(phi)
    eta = family.link.link(family.start_mean(y, weights))
    mu = family.link.mean(eta).mu

    def answers(rows, phi):
        arguments = y[rows], mu[rows], weights[rows], phi
        return {
            "log_density": family.log_density(*arguments),
            "variance": family.variance(mu[rows], phi),
            "deviance": family.deviance(*arguments),
            "cdf": family.cdf(*arguments),
            **vars(family.evaluate(y[rows], eta[rows], weights[rows], phi, 3)),
        }

    together = answers(slice(None), phi)
    for i in range(len(y)):
        for question, answer in answers(slice(i, i + 1), phi[:, i]).items():
            np.testing.assert_allclose(together[question][..., [i]], answer, rtol=1e-13, err_msg=f"{question}, row {i}")


def test_tweedie_has_the_same_bits_where_numpy_takes_square_roots():
    # x ** 0.5 is a square root for one exponent, but not for an array of them: about 1 in 1000 differs in its last bit
    mu = np.exp(np.random.default_rng(1).normal(0, 3, 20_000))
    zero, one = np.zeros_like(mu), np.ones_like(mu)
    density = Tweedie().log_density(zero, mu, one, np.array([1.0, 1.5]))
    np.testing.assert_array_equal(Tweedie().log_density(zero, mu, one, np.stack([one, 1.5 * one])), density)


def test_fixed_parameters_keep_their_place():
    assert [p.fixed for p in StudentT(df=4).parameters] == [None, 4]
    assert [p.fixed for p in Tweedie(power=1.5).parameters] == [None, 1.5]
    assert NegativeBinomial(2.0).start_dispersion(Y, np.ones(4), WEIGHTS).tolist() == [2.0]
    assert repr(NegativeBinomial(2.0)) == "NegativeBinomial(link='log', theta=2.0)"
    assert NegativeBinomial(2.0) != NegativeBinomial()
    assert NegativeBinomial(2.0) == NegativeBinomial(theta=2.0, link="log")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NegativeBinomial(0.0), r"theta=0 must lie between 0 and inf"),
        (lambda: StudentT(df=-1), r"df=-1 must lie between 0 and inf"),
        (lambda: Tweedie(power=2.0), r"power=2 must lie between 1 and 2"),
        (lambda: Binomial("inverse"), r"'inverse' does not fit the binomial family: use one of logit, probit"),
        (lambda: Gamma("logit"), r"'logit' does not fit the gamma family: use one of log, inverse, identity"),
        (lambda: Beta(link="identity"), r"'identity' does not fit the beta family"),
    ],
)
def test_constructors_refuse_what_does_not_fit(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_link_objects_beyond_the_list_are_accepted_where_ranges_meet():
    assert Poisson(Logit()).link == Logit()

    class Negative(Link):
        name = "negative"
        range = (-np.inf, 0.0)

        def link(self, mu):
            return np.log(-mu)

        def mean(self, eta):
            mu = -np.exp(eta)
            return Mean(mu, 1 - mu, mu, mu, mu)

    assert Gaussian(Negative()).link.name == "negative"
    with pytest.raises(InputError, match="gives means in"):
        Poisson(Negative())


def test_families_are_immutable():
    family = NegativeBinomial(2.0)
    with pytest.raises(AttributeError, match="families are immutable: make a new NegativeBinomial"):
        family.theta = 3.0
    with pytest.raises(AttributeError, match="immutable"):
        family.link = Logit()


@pytest.mark.parametrize(
    ("family", "good", "bad"),
    [
        (Gaussian(), [1.0, -2.0], None),
        (Poisson(), [1.0, -900.0], None),
        (Poisson("identity"), [1.0, 2.0], [1.0, 0.0]),
        (Poisson("sqrt"), [1.0, 2.0], [1.0, -1.0]),
        (Gamma("inverse"), [1.0, 2.0], [1.0, -1.0]),
        (Binomial("log"), [-1.0, -2.0], [-1.0, 0.0]),
        (Binomial("cloglog"), [7.0, 50.0], None),
        (Binomial("probit"), [-60.0, 60.0], None),
        (Gaussian("inverse"), [1.0, -2.0], [1.0, 0.0]),
    ],
)
def test_valid_etas(family, good, bad):
    assert family.valid(np.array(good))
    if bad is not None:
        assert not family.valid(np.array(bad))


@pytest.mark.parametrize(
    ("family", "y", "rows"),
    [
        (Poisson(), [1.0, 2.5, -1.0], "row 1: 2.5, row 2: -1"),
        (Poisson(), [np.inf], "row 0: inf"),
        (Gaussian(), [0.0, np.nan], "row 1: nan"),
        (Gamma(), [1.0, 0.0], "positive numbers; found row 1: 0"),
        (InverseGaussian(), [1.0, -2.0], "positive numbers; found row 1: -2"),
        (Beta(), [0.5, 0.0, 1.0], "strictly between 0 and 1; found row 1: 0, row 2: 1"),
        (Tweedie(), [0.0, -0.1], "0 or positive numbers; found row 1: -0.1"),
        (TruncatedPoisson(), [1.0, 0.0], r"counts 1, 2, 3, \.\.\.; found row 1: 0"),
        (NegativeBinomial(), np.full(8, -1.0), "row 4: -1 and 3 more"),
    ],
)
def test_responses_outside_of_the_support_are_located(family, y, rows):
    with pytest.raises(InputError, match=rows):
        family.check_response(np.array(y), np.ones(len(y)))


@pytest.mark.parametrize("cls", [Binomial, BetaBinomial])
def test_binomial_responses_say_what_is_meant(cls):
    family = cls()
    family.check_response(np.array([0.0, 1.0]), np.ones(2))
    family.check_response(np.array([1 / 3, 0.7]), np.array([3.0, 10.0]))
    k = np.arange(1000.0)
    family.check_response(k / 999, np.full(1000, 999.0))  # rounding of k / n is not held against it
    with pytest.raises(
        InputError, match=r"without weights .* one trial, 0 or 1; found row 0: 0\.25.* weights = numbers of trials"
    ):
        family.check_response(np.array([0.25, 1.0]), np.ones(2))
    with pytest.raises(InputError, match=r"whole numbers of successes; found weights \* y = row 1: 1\.5"):
        family.check_response(np.array([1.0, 0.5]), np.array([2.0, 3.0]))
    with pytest.raises(
        InputError, match=r"between 0 and 1 .* found row 0: 3.*\(n, 2\) array of successes and failures"
    ):
        family.check_response(np.array([3.0, 0.0]), np.array([5.0, 5.0]))
    with pytest.raises(InputError, match=r"weights: .* whole and positive; found row 1: 2\.5"):
        family.check_response(np.array([1.0, 1.0]), np.array([1.0, 2.5]))


def test_truncated_families_state_the_mean_of_the_response():
    # E(Y | Y > 0) = mu / P(Y > 0)
    mu = np.array([1e-6, 0.5, 4.0])
    np.testing.assert_allclose(TruncatedPoisson().response_mean(mu, np.array([])), mu / -np.expm1(-mu), rtol=1e-14)


def test_importing_the_plugin_module_imports_no_family():
    code = (
        "import sys, ranef.families as f; list(f.ranef_families()); list(f.ranef_links());"
        "print([m for m in sys.modules if m.startswith('ranef.families.')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_every_entry_makes_what_it_names():
    import ranef.families as module

    for entry in module.ranef_families():
        family = entry.make()
        assert family.name == entry.name
        assert type(family).__name__ in module.__all__
    for entry in module.ranef_links():
        assert entry.make().name == entry.name
    with pytest.raises(AttributeError, match="NoSuchFamily"):
        module.NoSuchFamily  # noqa: B018
