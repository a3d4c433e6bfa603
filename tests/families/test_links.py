"""The link functions: means, derivatives, log means, tails."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, special, stats

from ranef.contracts import InputError, Link
from ranef.contracts.links import STANDARD
from ranef.families import Cauchit, CLogLog, Log, Logit, LogLog, Poisson, Probit

BINARY = ["logit", "probit", "cloglog", "loglog", "cauchit"]
ETAS = {
    **dict.fromkeys(BINARY, np.linspace(-4, 1.3, 40)),
    "identity": np.linspace(-3, 3, 20),
    "log": np.linspace(-3, 3, 20),
    "inverse": np.linspace(0.2, 3, 20),
    "inverse_squared": np.linspace(0.2, 3, 20),
    "sqrt": np.linspace(0.2, 3, 20),
}


def slope(f, x, h):
    """Five-point central difference, error O(h^4)."""
    return (f(x - 2 * h) - 8 * f(x - h) + 8 * f(x + h) - f(x + 2 * h)) / (12 * h)


@pytest.mark.parametrize("name", ETAS)
def test_link_inverts_mean(name):
    link, eta = STANDARD[name], ETAS[name]
    np.testing.assert_allclose(link.link(link.mean(eta).mu), eta, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ETAS)
def test_derivatives_of_the_mean_are_those_of_differences(name):
    link, eta = STANDARD[name], ETAS[name]
    m = link.mean(eta)
    for lower, upper in (("mu", "mu_eta"), ("mu_eta", "mu_eta2"), ("mu_eta2", "mu_eta3")):
        expected = slope(lambda e, lower=lower: getattr(link.mean(e), lower), eta, 1e-3)
        np.testing.assert_allclose(getattr(m, upper), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(m.complement, 1 - m.mu, atol=1e-15)


@pytest.mark.parametrize("name", [*BINARY, "log"])
def test_derivatives_of_log_means_are_those_of_differences(name):
    link = STANDARD[name]
    eta = np.linspace(-6, -0.3, 40) if name == "log" else np.linspace(-6, 3, 40)
    m = link.log_mean(eta)
    for of in ("log_mu", "log_complement"):
        np.testing.assert_allclose(
            np.exp(getattr(m, of)), link.mean(eta).mu if of == "log_mu" else link.mean(eta).complement
        )
        for k in range(3):
            lower = of + (str(k) if k else "")
            expected = slope(lambda e, lower=lower: getattr(link.log_mean(e), lower), eta, 1e-3)
            np.testing.assert_allclose(getattr(m, f"{of}{k + 1}"), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("eta", [-700.0, -40.0, 40.0, 700.0])
def test_log_means_are_finite_far_out(name, eta):
    m = STANDARD[name].log_mean(np.array([eta]))
    assert all(np.isfinite(getattr(m, field)).all() for field in vars(m))


def test_logit_tails_are_exponential():
    # log(1/(1 + e^40)) = -40 - log1p(e^-40)
    m = Logit().log_mean(np.array([-40.0, 40.0]))
    np.testing.assert_allclose(m.log_mu, [-40.0, -np.exp(-40.0)], rtol=1e-15)
    np.testing.assert_allclose(m.log_mu2, -np.exp(-40.0), rtol=1e-15)


def test_probit_tail_has_mills_ratio():
    # origin: asymptotic series of the Mills ratio, phi/Phi(-t) = t + 1/t - 2/t^3 + 10/t^5 - 74/t^7 + ... at t = 200
    t = 200.0
    m = Probit().log_mean(np.array([-t]))
    np.testing.assert_allclose(m.log_mu1, t + 1 / t - 2 / t**3 + 10 / t**5, rtol=1e-15)
    # 1 - (t + d)' with d = 1/t - 2/t^3 + ...: second derivative -1 + 1/t^2 - 6/t^4 + 50/t^6, third 2/t^3 - 24/t^5 + ...
    np.testing.assert_allclose(m.log_mu2, -1 + 1 / t**2 - 6 / t**4 + 50 / t**6, rtol=1e-14)
    np.testing.assert_allclose(m.log_mu3, 2 / t**3 - 24 / t**5 + 300 / t**7, rtol=1e-9)


def test_probit_continued_fraction_meets_the_closed_form():
    eta = np.array([-4.0 - 1e-9, -4.0 + 1e-9])  # one on each side of the switch
    m = Probit().log_mean(eta)
    for field in ("log_mu", "log_mu1", "log_mu2", "log_mu3"):
        left, right = getattr(m, field)
        assert left == pytest.approx(right, rel=1e-8)


def test_means_are_the_distribution_functions_of_scipy():
    eta = np.linspace(-8, 8, 50)
    for link, distribution in (
        (Logit(), stats.logistic),
        (Probit(), stats.norm),
        (CLogLog(), stats.gumbel_l),
        (LogLog(), stats.gumbel_r),
        (Cauchit(), stats.cauchy),
    ):
        m = link.mean(eta)
        np.testing.assert_allclose(m.mu, distribution.cdf(eta), rtol=1e-12)
        np.testing.assert_allclose(m.complement, distribution.sf(eta), rtol=1e-12)
        np.testing.assert_allclose(m.mu_eta, distribution.pdf(eta), rtol=1e-12)
        if link.latent_variance is not None:
            assert link.latent_variance == pytest.approx(distribution.var(), rel=1e-12)


def test_cauchit_has_no_latent_variance():
    assert Cauchit().latent_variance is None


def test_cauchit_is_exact_in_both_tails():
    # arctan(1/x)/pi = 1/(pi x) - 1/(3 pi x^3) + ...
    m = Cauchit().mean(np.array([-1e9, 1e9]))
    np.testing.assert_allclose([m.mu[0], m.complement[1]], 1 / (np.pi * 1e9), rtol=1e-15)


def test_log_one_minus_exp_meets_its_series():
    # on both sides of t = 1/2, where the series takes over
    below, above = (CLogLog().log_mean(np.log(np.array([0.5 * (1 + s)]))) for s in (-1e-9, 1e-9))
    for field in ("log_mu", "log_mu1", "log_mu2", "log_mu3"):
        assert getattr(below, field)[0] == pytest.approx(getattr(above, field)[0], rel=1e-8)


def test_log_link_log_mean_is_exact_where_the_mean_underflows():
    m = Log().log_mean(np.array([-800.0]))
    assert (m.log_mu[0], m.log_mu1[0], m.log_mu2[0]) == (-800.0, 1.0, 0.0)
    assert m.log_complement[0] == 0.0


def by_integration(link, eta, variance):
    """E g^-1(eta + e), e ~ N(0, variance), by adaptive quadrature between where the mean bends."""
    sd = np.sqrt(variance)
    bends = np.clip((np.array([-6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0]) - eta) / sd, -12, 12)
    ends = np.unique([-12.0, -3.0, 0.0, 3.0, 12.0, *bends])

    def integrand(z):
        return float(link.mean(np.array([eta + sd * z])).mu[0]) * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)

    return sum(integrate.quad(integrand, a, b, epsabs=1e-14, epsrel=1e-12)[0] for a, b in pairwise(ends))


@pytest.mark.parametrize("name", BINARY)
def test_marginal_means_of_probabilities_are_those_of_integration(name):
    link, etas = STANDARD[name], np.array([-6.0, -1.0, 0.0, 0.7, 4.0])
    for variance in (1e-4, 0.5, 4.0, 25.0):
        expected = [by_integration(link, eta, variance) for eta in etas]
        np.testing.assert_allclose(link.marginal_mean(etas, variance), expected, rtol=0, atol=1e-11)
        np.testing.assert_allclose(Link.marginal_mean(link, etas, variance), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "mean"),
    [
        ("identity", lambda eta, v: eta),
        ("log", lambda eta, v: np.exp(eta + v / 2)),  # of a log-normal variable
        ("sqrt", lambda eta, v: eta**2 + v),  # second moment
        # moments of a normal variable: Phi(eta / sqrt(1 + v)) = P(standard normal < eta + e)
        ("probit", lambda eta, v: stats.norm.cdf(eta / np.sqrt(1 + v))),
    ],
)
def test_marginal_means_in_closed_form(name, mean):
    link, eta, variance = STANDARD[name], np.array([0.5, 1.0, 2.5]), np.array([0.0, 0.01, 4.0])
    np.testing.assert_allclose(link.marginal_mean(eta, variance), mean(eta, variance), rtol=1e-15)


def test_marginal_means_beyond_all_numbers_are_infinite_without_a_word():
    with np.errstate(all="raise"):
        assert np.isinf(Log().marginal_mean(np.zeros(1), 2_000.0)).all()


def test_marginal_means_of_a_row_are_its_own():
    link, eta, variance = Logit(), np.array([-1.0, 0.3, 2.0]), np.array([0.0, 0.04, 100.0])
    together = link.marginal_mean(eta, variance)
    alone = [link.marginal_mean(eta[[i]], float(variance[i]))[0] for i in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-14)
    assert together[0] == pytest.approx(special.expit(-1.0), rel=1e-15)
    assert link.marginal_mean(np.empty(0), 1.0).shape == (0,)
    np.testing.assert_array_equal(link.marginal_mean(eta, np.array([np.nan, 0.0, np.inf]))[[0, 2]], np.nan)


@pytest.mark.parametrize("name", ["inverse", "inverse_squared"])
def test_marginal_means_beyond_an_edge_are_nan(name):
    link, eta = STANDARD[name], np.array([0.5, 5.0])
    inside = by_integration(link, 5.0, 0.01)
    np.testing.assert_allclose(link.marginal_mean(eta, 0.01), [np.nan, inside], rtol=1e-12)
    # 1/x^k around 5 to the second order: 5^-k (1 + k (k + 1) v / 50)
    k = 1.0 if name == "inverse" else 0.5
    assert inside == pytest.approx(5.0**-k * (1 + k * (k + 1) * 0.01 / 50), rel=1e-6)


def test_valid_domains():
    ones = np.ones(3)
    assert STANDARD["inverse"].valid(-ones)
    assert not STANDARD["inverse"].valid(np.array([1.0, 0.0]))
    for name in ("sqrt", "inverse_squared"):
        assert STANDARD[name].valid(ones)
        assert not STANDARD[name].valid(np.array([1.0, -1.0]))
    assert STANDARD["log"].valid(-ones)


@pytest.mark.parametrize("name", ETAS)
def test_links_are_equal_by_value_and_pickle(name):
    link = STANDARD[name]
    assert pickle.loads(pickle.dumps(link)) == link
    assert hash(type(link)()) == hash(link)
    assert link.name == name


def test_different_links_differ():
    assert Logit() != Probit()
    assert repr(CLogLog()) == "CLogLog()"


def test_the_standard_links_are_those_with_tests():
    assert set(STANDARD) == set(ETAS)


def test_unknown_link_names():
    with pytest.raises(InputError, match=r"'probit' does not fit the poisson family: use one of log, identity, sqrt"):
        Poisson(link="probit")


def test_logit_of_scipy():
    mu = np.array([1e-300, 0.2, 0.9])
    np.testing.assert_array_equal(Logit().link(mu), special.logit(mu))
