"""Further families of counts and proportions: figures of mpmath, fits of glmmTMB, and laws that tie them to others.

further.json was made by make_further.R (glmmTMB 1.1.5, fits polished by Newton steps on its own likelihood),
mpmath_further.json by make_mpmath_further.py (mpmath 1.4.1, 60 digits).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import ranef
import ranef.families
from ranef.families import Bell, Beta, ConwayMaxwellPoisson, OrderedBeta
from ranef.testkit import as_pytest, family_checks

HERE = Path(__file__).parent
MPMATH = json.loads((HERE / "mpmath_further.json").read_text())
RECORD: dict[str, Any] = json.loads((HERE / "further.json").read_text())
DATA = {name: np.array(values, float) for name, values in RECORD["data"].items()}
FITS: dict[str, dict[str, Any]] = {fit["name"]: fit for fit in RECORD["fits"]}

test_laws_of_far_dispersions = as_pytest(family_checks(ConwayMaxwellPoisson(), means=[0.3, 2.6], phis=[[0.05], [40.0]]))
test_laws_of_other_counts = as_pytest(family_checks(ConwayMaxwellPoisson("sqrt"), means=[0.02, 60.5]))


def _id(row):
    return f"{row['family']}-y={row['y']:g}-eta={row['eta']:g}-phi={row['phi']}"


@pytest.mark.parametrize("row", MPMATH, ids=_id)
def test_derivatives_are_those_of_mpmath(row):
    family = eval(row["family"], {name: getattr(ranef.families, name) for name in ranef.families.__all__})
    y, eta, w = (np.array([row[k]]) for k in ("y", "eta", "weight"))
    phi = np.array(row["phi"], float)
    two, three = (family.evaluate(y, eta, w, phi, order) for order in (2, 3))
    floor = 2e-14 * row["weight"] * max(abs(row["y"]), 1.0) * (1 + min(abs(row["eta"]), 40.0))
    for name in ("log_density", "d1", "d2", "d3"):
        np.testing.assert_allclose(getattr(three, name)[0], row[name], rtol=1e-10, atol=floor, err_msg=name)
        if name != "d3":
            np.testing.assert_allclose(getattr(two, name), getattr(three, name), rtol=1e-13, err_msg=name)
    for name in ("phi1", "phi1_eta", "phi1_eta2"):
        np.testing.assert_allclose(getattr(three, name)[:, 0], row[name], rtol=1e-10, atol=floor, err_msg=name)


# Conway-Maxwell-Poisson ---------------------------------------------------------------------------------------------


def test_it_contains_the_poisson_distribution():
    y, mu = np.arange(20.0), np.full(20, 6.3)
    density = ConwayMaxwellPoisson().log_density(y, mu, np.ones(20), np.array([1.0]))
    np.testing.assert_allclose(density, stats.poisson.logpmf(y, 6.3), rtol=1e-12)


def test_its_limits_are_two_neighbouring_counts_and_a_geometric_distribution():
    y, one = np.arange(5.0), np.ones(5)
    two = np.exp(ConwayMaxwellPoisson().log_density(y, 2.3 * one, one, np.array([1e-3])))
    np.testing.assert_allclose(two, [0.0, 0.0, 0.7, 0.3, 0.0], atol=1e-12)
    long = ConwayMaxwellPoisson().log_density(y, 2.3 * one, one, np.array([1e8]))
    np.testing.assert_allclose(long, stats.geom.logpmf(y + 1, 1 / 3.3), atol=1e-6)


@pytest.mark.parametrize("phi", [1e-3, 0.02, 0.3, 1.0, 2.0, 20.0, 1e6])
def test_the_mean_is_the_mean(phi):
    y = np.arange(20_000.0)
    for m in (1e-6, 0.01, 0.7, 3.0, 17.5, 300.0):
        p = np.exp(ConwayMaxwellPoisson().log_density(y, np.full_like(y, m), np.ones_like(y), np.array([phi])))
        np.testing.assert_allclose([p.sum(), p @ y], [1.0, m], rtol=1e-8)


def test_means_beyond_the_sums_are_refused():
    family = ConwayMaxwellPoisson()
    assert not family.valid(np.array([1.0, 14.0]))
    with pytest.raises(ranef.InputError, match=r"counts 0, 1, 2, \.\.\. below 1000000; found row 1: 2e\+06"):
        family.check_response(np.array([1.0, 2e6]), np.ones(2))


def test_rows_do_not_change_with_their_number():
    """So many pairs of mean and phi that sums are taken in parts."""
    rng = np.random.default_rng(2)
    mu, phi = np.exp(rng.normal(1.0, 1.5, 3000)), rng.uniform(0.2, 3.0, (1, 3000))
    family, y = ConwayMaxwellPoisson(), rng.poisson(mu).astype(float)
    together = family.log_density(y, mu, np.ones(3000), phi)
    some = [*rng.choice(3000, 20, replace=False), *np.argsort(mu)[-20:]]
    for i in some:
        alone = family.log_density(y[[i]], mu[[i]], np.ones(1), phi[:, i])
        np.testing.assert_allclose(together[i], alone[0], rtol=1e-12)


# Bell ---------------------------------------------------------------------------------------------------------------


def bell_numbers(n: int) -> list[int]:
    """B_0, ..., B_n by the triangle of Aitken."""
    row, numbers = [1], [1]
    for _ in range(n):
        new = [row[-1]]
        for x in row:
            new.append(new[-1] + x)
        row, numbers = new, [*numbers, new[0]]
    return numbers


def test_bell_numbers_are_exact_to_rounding():
    y = np.arange(151.0)
    expected = np.array([float(b) for b in bell_numbers(150)])
    W = 1.0  # mu = e
    density = Bell().log_density(y, np.full_like(y, np.e), np.ones_like(y), np.array([]))
    np.testing.assert_allclose(density + np.expm1(W) + special.gammaln(y + 1), np.log(expected), rtol=1e-13, atol=1e-12)


def test_bell_counts_are_groups_of_truncated_poisson_numbers():
    """P(Y = y) by sums over the number of groups: convolutions of truncated Poisson numbers with W = 0.8."""
    y, W = np.arange(40.0), 0.8
    members = np.where(y > 0, stats.poisson.pmf(y, W), 0.0) / -np.expm1(-W)
    expected, groups = np.zeros(40), np.eye(1, 40)[0]
    for k in range(40):
        expected += stats.poisson.pmf(k, np.expm1(W)) * groups
        groups = np.convolve(groups, members)[:40]
    density = Bell().log_density(y, np.full(40, W * np.exp(W)), np.ones(40), np.array([]))
    np.testing.assert_allclose(np.exp(density), expected, rtol=1e-10)


def test_a_bell_model_is_that_of_brute_force():
    """The likelihood by sums over a fine grid of the random effect, and its greatest value."""
    y, x, g = DATA["count"], DATA["x"], DATA["g"].astype(int) - 1
    fit = ranef.glmm(y, np.column_stack([np.ones(len(y)), x]), {"g": g}, family="bell", nagq=15)
    z, log_b = np.linspace(-8, 8, 401), np.log([float(b) for b in bell_numbers(int(y.max()))])[y.astype(int)]

    def log_likelihood(p):
        W = special.lambertw(np.exp(p[0] + p[1] * x[:, None] + p[2] * z)).real
        rows = y[:, None] * np.log(W) - np.expm1(W) + (log_b - special.gammaln(y + 1))[:, None]
        by_group = np.stack([rows[g == k].sum(axis=0) for k in range(12)])
        return float(np.log(np.exp(by_group) @ stats.norm.pdf(z) * (z[1] - z[0])).sum())

    at = np.array([*fit.coefficients, fit.var_components[0].std_dev])
    assert fit.log_likelihood == pytest.approx(log_likelihood(at), abs=1e-7)
    for step in 0.02 * np.vstack([np.eye(3), -np.eye(3)]):
        assert log_likelihood(np.abs(at + step)) <= log_likelihood(at) + 1e-9
    assert fit.converged


# Ordered beta -------------------------------------------------------------------------------------------------------


def test_an_ordered_beta_density_is_three_parts():
    family, phi, mu = OrderedBeta(), np.array([4.0, -1.0, 2.5]), np.full(3, 0.6)
    y, one, eta = np.array([0.0, 0.3, 1.0]), np.ones(3), special.logit(0.6)
    zero, upto = special.expit(-1.0 - eta), special.expit(1.5 - eta)
    between = (upto - zero) * stats.beta.pdf(0.3, 2.4, 1.6)
    density = np.exp(family.log_density(y, mu, one, phi))
    np.testing.assert_allclose(density, [zero, between, 1 - upto], rtol=1e-13)
    np.testing.assert_allclose(family.probabilities(mu, phi)[0], [zero, upto - zero, 1 - upto], rtol=1e-13)
    cdf = family.cdf(y, mu, one, phi)
    np.testing.assert_allclose(cdf, [zero, zero + (upto - zero) * stats.beta.cdf(0.3, 2.4, 1.6), 1.0], rtol=1e-13)


def test_far_thresholds_leave_a_beta_distribution():
    y, eta, one, phi = np.array([0.1, 0.7]), np.array([-0.4, 1.2]), np.ones(2), np.array([6.0, -80.0, 160.0])
    mine, beta = OrderedBeta().evaluate(y, eta, one, phi, 3), Beta().evaluate(y, eta, one, phi[:1], 3)
    for name in ("log_density", "d1", "d2", "d3", "expected_weight", "expected_weight_eta"):
        np.testing.assert_allclose(getattr(mine, name), getattr(beta, name), rtol=1e-12)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        ([0.0, 0.4, 0.6], "no response is 1: use the hurdle_beta family"),
        ([1.0, 0.4, 0.6], "no response is 0: use the hurdle_beta family for 1 - y"),
        ([0.2, 0.4, 0.6], "no response is 0 or 1: use the beta family"),
        ([0.0, 1.0, 1.0], "no response is between 0 and 1"),
        ([0.0, 1.0, 1.5], "needs numbers from 0 to 1; found row 2: 1.5"),
    ],
)
def test_responses_that_do_not_tell_are_refused(y, text):
    with pytest.raises(ranef.InputError, match=text):
        ranef.glmm(np.tile(y, 8), np.ones((24, 1)), {"g": np.repeat(np.arange(4), 6)}, family="ordered_beta")


# Fits ---------------------------------------------------------------------------------------------------------------

RESPONSE = {"conway_maxwell_poisson": "count", "ordered_beta": "share"}


@cache
def fitted(name: str) -> ranef.GLMMSolution:
    X = np.column_stack([np.ones(len(DATA["x"])), DATA["x"]])
    return ranef.glmm(DATA[RESPONSE[name]], X, {"g": DATA["g"]}, family=name)


@pytest.mark.parametrize("name", RESPONSE)
def test_fits_are_those_of_glmmtmb(name):
    ours, theirs = fitted(name), FITS[name]
    assert theirs["newton_step"] < 1e-6
    assert ours.converged
    assert ours.log_likelihood == pytest.approx(theirs["logLik"], abs=1e-6)
    se = np.array(theirs["beta_se"])
    np.testing.assert_allclose((ours.coefficients - theirs["beta"]) / se, 0, atol=1e-4)
    np.testing.assert_allclose(ours.se, se, rtol=1e-3)
    assert ours.var_components[0].std_dev == pytest.approx(np.exp(theirs["theta"][0]), rel=1e-4)
    first, *cuts = ours.dispersion.values()
    assert np.log(first) == pytest.approx(theirs["betad"][0], abs=1e-4)
    first_se = ours.dispersion_se[next(iter(ours.dispersion))]
    assert first_se / first == pytest.approx(theirs["betad_se"][0], rel=2e-3)
    if cuts:  # psi are the lower and the upper threshold
        assert [cuts[0], sum(cuts)] == pytest.approx(theirs["psi"], abs=1e-4)


def test_quantile_residuals_are_normal():
    for name in RESPONSE:
        residuals = fitted(name).residuals_of("quantile", rng=1)
        assert stats.kstest(residuals, "norm").pvalue > 1e-3, name


def test_files_keep_them(tmp_path):
    for name in RESPONSE:
        fit = fitted(name)
        fit.save(tmp_path / "fit.ranef")
        back = ranef.load(tmp_path / "fit.ranef")
        assert back.family == fit.family
        assert back.dispersion == fit.dispersion
