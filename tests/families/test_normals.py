"""Skew-normal and truncated normal responses.

mpmath_normals.json was made by make_mpmath_normals.py (mpmath 1.4.1, 60 digits), normals.json by make_normals.R (TMB
1.9.2, the engine of glmmTMB, with the skew-normal density of glmmTMB's `skewnormal`; fits polished by Newton steps).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special, stats

import ranef
import ranef.families
from ranef import NoMaximumError, NotPositiveDefiniteError, registry
from ranef.contracts import InputError, InputTypeError
from ranef.contracts.in_r import in_r
from ranef.families import Gaussian, SkewNormal, TruncatedGaussian
from ranef.families.special import decreasing_root
from ranef.testkit import as_pytest, family_checks
from ranef.testkit.differences import derivative

HERE = Path(__file__).parent
MPMATH = json.loads((HERE / "mpmath_normals.json").read_text())
RECORD: dict[str, Any] = json.loads((HERE / "normals.json").read_text())
DATA = {name: np.array(values, float) for name, values in RECORD["data"].items()}
FITS: dict[str, dict[str, Any]] = {fit["response"]: fit for fit in RECORD["fits"]}
ONE = np.ones(1)


def made(text: str) -> Any:
    return eval(text, {name: getattr(ranef.families, name) for name in ranef.families.__all__})


test_laws_of_skew_normal_links = as_pytest(
    check for link in SkewNormal.links for check in family_checks(SkewNormal(link=link))
)
test_laws_of_extreme_skewness = as_pytest(family_checks(SkewNormal(), phis=[[0.7, -0.9], [2.0, 0.05], [1.0, 0.97]]))
test_laws_of_a_given_shape = as_pytest(family_checks(SkewNormal(alpha=-2.0)))
test_laws_of_a_log_link = as_pytest(family_checks(TruncatedGaussian(link="log")))
test_laws_of_an_upper_limit = as_pytest(family_checks(TruncatedGaussian(lower=None, upper=0.5)))
test_laws_of_two_limits = as_pytest(family_checks(TruncatedGaussian(lower=-1.0, upper=2.5), phis=[[0.3], [30.0]]))
test_laws_far_beyond_a_limit = as_pytest(family_checks(TruncatedGaussian(lower=0.0), means=[-40.0, -6.0, 8.0]))


def _id(row):
    return f"{row['family']}-y={row['y']:g}-eta={row['eta']:g}-phi={row['phi']}"


@pytest.mark.parametrize("row", MPMATH, ids=_id)
def test_derivatives_are_those_of_mpmath(row):
    """To 1e-10, or to what is left of a term where terms must cancel: a log density near 0, d3 of a symmetric density.

    Far beyond a limit the information hardly depends on sigma: of phi1_eta2 the digits are those of 4 d2 / sigma.
    """
    family, phi, w = made(row["family"]), np.array(row["phi"], float), np.array([2.0])
    y, eta = np.array([row["y"]]), np.array([row["eta"]])
    two, three = (family.evaluate(y, eta, w, phi, order) for order in (2, 3))
    d2, sigma = abs(row["d2"]), phi[0]
    floors = {"log_density": 4e-15, "d3": 1e-14 * d2**1.5, "phi1_eta2": 1e-12 * d2 / sigma}
    for name in ("log_density", "d1", "d2", "d3"):
        floor = floors.get(name, 0.0) + 1e-70
        np.testing.assert_allclose(getattr(three, name)[0] / 2, row[name], rtol=1e-10, atol=floor, err_msg=name)
        if name != "d3":
            np.testing.assert_allclose(getattr(two, name), getattr(three, name), rtol=1e-13, err_msg=name)
    for name in ("phi1", "phi1_eta", "phi1_eta2"):
        actual, floor = getattr(three, name)[:, 0] / 2, floors.get(name, 0.0)
        np.testing.assert_allclose(actual, row[name], rtol=1e-10, atol=floor, err_msg=name)
    mu = family.link.mean(eta).mu
    np.testing.assert_allclose(family.log_density(y, mu, w, phi) / 2, row["log_density"], rtol=1e-10, atol=4e-15)


# Skew-normal --------------------------------------------------------------------------------------------------------


def test_a_skew_normal_density_is_that_of_scipy():
    """By location, scale and shape: those of which scipy says that mean, variance and skewness are ours."""
    y = np.linspace(-3, 6, 19)
    for alpha in (-30.0, -2.0, -1e-3, 0.0, 0.4, 5.0):
        unit = stats.skewnorm(alpha)
        scale = 1.7 / unit.std()
        theirs = stats.skewnorm(alpha, loc=0.8 - scale * unit.mean(), scale=scale)
        mu, phi = np.full(19, 0.8), np.array([1.7, float(theirs.stats("s"))])
        np.testing.assert_allclose(SkewNormal.skewness(alpha), phi[1], rtol=1e-10, atol=1e-12)
        density = SkewNormal().log_density(y, mu, np.ones(19), phi)
        np.testing.assert_allclose(density, theirs.logpdf(y), rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(SkewNormal().cdf(y, mu, np.ones(19), phi), theirs.cdf(y), rtol=1e-6, atol=1e-9)


def test_without_skewness_it_is_normal():
    y, mu, ones = np.linspace(-9, 9, 7), np.full(7, 0.4), np.ones(7)
    skew, normal = SkewNormal().evaluate(y, mu, ones, np.array([1.3, 0.0]), 3), Gaussian()
    plain = normal.evaluate(y, mu, ones, np.array([1.69]), 3)
    for part in ("log_density", "d1", "d2", "expected_weight"):
        np.testing.assert_allclose(getattr(skew, part), getattr(plain, part), rtol=1e-14, err_msg=part)
    np.testing.assert_array_equal(skew.d3, 0.0)
    np.testing.assert_allclose(SkewNormal().cdf(y, mu, ones, np.array([1.3, 0.0])), special.ndtr((y - mu) / 1.3))


def test_at_the_normal_distribution_the_score_of_the_skewness_is_the_third_hermite_polynomial():
    """(z^3 - 3 z)/6, the first term of the Gram-Charlier series: no slope vanishes there, whatever the data."""
    z, sigma = np.array([-12.0, -1.0, 0.3, 2.0, 40.0]), 1.3
    d = SkewNormal().evaluate(0.5 + sigma * z, np.full(5, 0.5), np.ones(5), np.array([sigma, 0.0]), 3)
    np.testing.assert_allclose(d.phi1[1], (z**3 - 3 * z) / 6, rtol=1e-12)
    np.testing.assert_allclose(d.phi1_eta[1], -(z**2 - 1) / 2 / sigma, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(d.phi1_eta2[1], z / sigma**2, rtol=1e-12)


def test_by_the_shape_every_likelihood_is_flat_at_the_normal_distribution():
    """Why the skewness is what is estimated: the slope by alpha is 0 there, and so is the curvature."""
    y = np.random.default_rng(1).exponential(size=50)
    mu, ones = np.full(50, y.mean()), np.ones(50)

    def by_shape(alpha: float) -> float:
        return float(SkewNormal().log_density(y, mu, ones, np.array([1.0, SkewNormal.skewness(alpha)])).sum())

    up, here, down = (by_shape(alpha) for alpha in (1e-3, 0.0, -1e-3))
    assert abs(up - down) / 2e-3 < 1e-4
    assert abs(up - 2 * here + down) / 1e-6 < 1e-3
    slope = SkewNormal().evaluate(y, mu, ones, np.array([1.0, 0.0]), 3).phi1[1].sum()
    assert slope > 10


def test_shape_and_skewness_are_inverse():
    alpha = np.array([-1e4, -30.0, -1.0, -1e-5, 0.0, 1e-4, 0.3, 7.0, 900.0])
    np.testing.assert_allclose(SkewNormal.shape(SkewNormal.skewness(alpha)), alpha, rtol=1e-7)
    # origin: scipy.stats.skewnorm(2).stats("s")
    assert SkewNormal.skewness(2.0) == pytest.approx(0.4538255639593821, rel=1e-13)
    low, high = (getattr(SkewNormal().parameters[1], end) for end in ("lower", "upper"))
    assert [low, high] == pytest.approx([-0.9952717464311566, 0.9952717464311566], rel=1e-14)  # that of |Z|
    assert np.isfinite(SkewNormal.shape(np.array([low, high]))).all()


def test_the_thin_tail_of_the_cdf_has_its_digits():
    """P by quadrature of the density with scipy; Owen's T leaves 1e-17 of a difference."""
    phi = np.array([1.0, SkewNormal.skewness(4.0)])
    for y in (-1.45, -2.0, -2.5, -3.5):
        exact = integrate.quad(
            lambda t: np.exp(SkewNormal().log_density(np.array([t]), 0 * ONE, ONE, phi)[0]), y - 4, y, epsabs=0
        )[0]
        assert SkewNormal().cdf(np.array([y]), 0 * ONE, ONE, phi)[0] == pytest.approx(exact, rel=1e-9, abs=0)


@pytest.mark.parametrize("skewness", [0.0, 1e-6, -0.4, 0.995])
def test_its_log_density_is_concave(skewness):
    y, eta = np.meshgrid(np.linspace(-50, 50, 101), np.linspace(-3, 3, 7))
    d = SkewNormal().evaluate(y.ravel(), eta.ravel(), np.ones(y.size), np.array([1.2, skewness]))
    assert (d.d2 < 0).all()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (np.inf, InputError, "alpha=inf must lie between -10000 and 10000"),
        (np.nan, InputError, "alpha=nan"),
        (-2e4, InputError, "told from an infinite one"),
        ("3", InputTypeError, "alpha must be a number"),
    ],
)
def test_shapes_that_are_refused(value, error, text):
    with pytest.raises(error, match=text):
        SkewNormal(alpha=value)


def test_a_given_shape_is_kept():
    family = SkewNormal(alpha=-3.0)
    assert repr(family) == "SkewNormal(link='identity', alpha=-3.0)"
    assert family.parameters[1].fixed == pytest.approx(SkewNormal.skewness(-3.0))
    fit = ranef.glmm("y ~ x + (1 | g)", DATA | {"y": DATA["left"]}, family=family)
    free = fitted("left")
    assert fit.dispersion["skewness"] == family.parameters[1].fixed
    assert free.log_likelihood - 1 < fit.log_likelihood < free.log_likelihood
    assert "Dispersion: skewness = " in str(fit.summary())


def test_a_shape_of_zero_is_the_linear_model():
    data = DATA | {"y": DATA["left"]}
    fit = ranef.glmm("y ~ x + (1 | g)", data, family=SkewNormal(alpha=0))
    linear = ranef.lmm("y ~ x + (1 | g)", data, reml=False)
    assert fit.log_likelihood == pytest.approx(linear.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(fit.coefficients, linear.coefficients, atol=1e-6)
    assert fit.dispersion["sigma"] == pytest.approx(linear.sigma, abs=1e-5)


def test_of_normal_responses_the_skewness_has_a_standard_error():
    """That of the third moment of 2,000 residuals, sqrt(6 / 2000), where by the shape there would be none."""
    rng = np.random.default_rng(4)
    data = {"g": np.repeat(np.arange(40), 50), "y": rng.normal(size=2000) + np.repeat(rng.normal(size=40), 50)}
    fit = ranef.glmm("y ~ 1 + (1 | g)", data, family="skew_normal")
    assert fit.converged
    assert fit.dispersion_se["skewness"] == pytest.approx(np.sqrt(6 / 2000), rel=0.25)
    assert abs(fit.dispersion["skewness"]) < 3 * fit.dispersion_se["skewness"]


@pytest.mark.filterwarnings("ignore::ranef.contracts.errors.SingularFitWarning")
def test_half_a_normal_distribution_is_named_where_a_search_runs_to_it():
    y = np.abs(np.random.default_rng(1).normal(size=240))
    with pytest.raises(NoMaximumError, match=r"skewness grows to 0\.9953, that of half a normal distribution"):
        ranef.glmm(y, np.ones((240, 1)), {"g": np.repeat(np.arange(24), 10)}, family="skew_normal")
    assert ranef.glmm(y, np.ones((240, 1)), {"g": np.repeat(np.arange(24), 10)}, family=SkewNormal(10)).converged


# Truncated normal ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lower", "upper"), [(0.0, None), (None, 1.0), (0.0, 1.0), (-3.0, 500.0)])
@pytest.mark.parametrize("mu", [-6.0, 0.3, 4.0])
def test_a_truncated_density_and_its_moments_are_those_of_scipy(lower, upper, mu):
    sigma = 1.3
    low, high = (-np.inf if lower is None else lower), (np.inf if upper is None else upper)
    theirs = stats.truncnorm((low - mu) / sigma, (high - mu) / sigma, loc=mu, scale=sigma)
    family, phi = TruncatedGaussian(lower=lower, upper=upper), np.array([sigma])
    y = theirs.ppf(np.linspace(0.01, 0.99, 9))
    at, ones = np.full(9, mu), np.ones(9)
    np.testing.assert_allclose(family.log_density(y, at, ones, phi), theirs.logpdf(y), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(family.cdf(y, at, ones, phi), theirs.cdf(y), rtol=1e-8)
    np.testing.assert_allclose(family.response_mean(mu * ONE, phi), theirs.mean(), rtol=1e-8)
    np.testing.assert_allclose(family.variance(mu * ONE, phi), theirs.var(), rtol=1e-6)


def test_far_limits_leave_a_normal_distribution():
    y, mu, ones, phi = np.linspace(-3, 3, 7), np.linspace(-1, 1, 7), np.ones(7), np.array([1.4])
    plain = Gaussian().evaluate(y, mu, ones, phi**2, 3)
    for limits in ({"lower": -100.0}, {"lower": None, "upper": 100.0}, {"lower": -100.0, "upper": 100.0}):
        d = TruncatedGaussian(**limits).evaluate(y, mu, ones, phi, 3)
        for part in ("log_density", "d1", "d2", "expected_weight"):
            np.testing.assert_allclose(getattr(d, part), getattr(plain, part), rtol=1e-13, err_msg=part)
        np.testing.assert_allclose(d.d3, 0.0, atol=1e-14)
        np.testing.assert_allclose(d.phi1, 2 * phi * plain.phi1, rtol=1e-13)


def test_far_beyond_a_limit_it_is_an_exponential_distribution():
    """With the mean sigma^2 / (limit - mu), to a relative error of the order of its square over sigma^2."""
    mu, phi = np.full(3, -2e6), np.array([1e3])
    y, ones = np.array([0.1, 0.5, 2.0]), np.ones(3)
    np.testing.assert_allclose(TruncatedGaussian().log_density(y, mu, ones, phi), np.log(2) - 2 * y, rtol=1e-5)
    np.testing.assert_allclose(TruncatedGaussian().variance(mu, phi), 0.25, rtol=1e-5)
    mirrored = TruncatedGaussian(lower=None, upper=0.0).log_density(-y, -mu, ones, phi)
    np.testing.assert_allclose(mirrored, np.log(2) - 2 * y, rtol=1e-5)
    draws = TruncatedGaussian().sample(np.full(20_000, -2e6), np.ones(20_000), phi, np.random.default_rng(1))
    assert draws.mean() == pytest.approx(0.5, abs=0.02)
    wide = TruncatedGaussian(lower=0.0, upper=1.0).log_density(y[:2], mu[:2], ones[:2], np.array([1e9]))
    np.testing.assert_allclose(wide, 0.0, atol=1e-11)  # uniform


@pytest.mark.parametrize("limits", [(0.0, None), (None, 1.0), (0.0, 1.0)])
def test_its_log_density_is_concave_in_the_mean(limits):
    y, eta = np.meshgrid(np.linspace(0.001, 0.999, 9), [-1e5, -30.0, -1.0, 0.5, 3.0, 1e5])
    family = TruncatedGaussian(lower=limits[0], upper=limits[1])
    for sigma in (0.02, 1.0, 300.0):
        assert (family.evaluate(y.ravel(), eta.ravel(), np.ones(y.size), np.array([sigma])).d2 < 0).all()


@pytest.mark.parametrize("limits", [(0.0, None), (None, 1.0), (0.0, 1.0)])
def test_the_saturated_mean_is_where_the_mean_of_what_is_seen_is_the_response(limits):
    family = TruncatedGaussian(lower=limits[0], upper=limits[1])
    y = np.array([1e-6, 0.01, 0.4, 0.5, 0.97, 1 - 1e-6])
    for phi in (np.array([0.1]), np.array([3.0])):
        best = family.saturated_mean(y, np.ones(6), phi)
        np.testing.assert_allclose(family.response_mean(best, phi), y, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(family.deviance(y, best, np.ones(6), phi), 0.0, atol=1e-12)


def test_roots_are_looked_for_inside_of_their_bracket():
    """Newton's steps from the middle of these lead far out, on either side."""
    low, high = np.array([-200.0, -100.0]), np.array([100.0, 200.0])

    def falling(x):
        assert ((low <= x) & (x <= high)).all()
        return -np.arctan(x - 3.0), -1 / (1 + (x - 3.0) ** 2)

    np.testing.assert_allclose(decreasing_root(falling, low, high), 3.0, rtol=1e-12)


def test_the_latent_variance_is_that_before_truncation():
    assert TruncatedGaussian().latent_variance(-2.0, np.array([1.5])) == pytest.approx(2.25)
    assert TruncatedGaussian(link="log").latent_variance(2.0, np.array([1.0])) == pytest.approx(np.log(1.25))


@pytest.mark.parametrize(
    ("limits", "error", "text"),
    [
        ({"lower": 2.0, "upper": 1.0}, InputError, "lower=2 must lie below upper=1"),
        ({"lower": 1.0, "upper": 1.0}, InputError, "lower=1 must lie below upper=1"),
        ({"lower": None}, InputError, "give lower=, upper= or both: without limits it is the gaussian family"),
        ({"lower": -np.inf}, InputError, "give lower=, upper= or both"),
        ({"lower": np.nan}, InputError, "limits must be numbers; got lower=nan, upper=inf"),
        ({"lower": "0"}, InputTypeError, "lower must be a number"),
    ],
)
def test_limits_that_are_refused(limits, error, text):
    with pytest.raises(error, match=text):
        TruncatedGaussian(**limits)


def test_responses_beyond_the_limits_are_refused_by_row():
    y = DATA["inside"].copy()
    y[[3, 7]] = 3.0, -0.2
    with pytest.raises(InputError, match=r"limits 0 and 3, exclusive.*found row 3: 3, row 7: -0.2\. .*tobit"):
        ranef.glmm(y, np.ones((150, 1)), {"g": DATA["g"]}, family=TruncatedGaussian(upper=3.0))


@pytest.mark.parametrize("upper", [None, 1.0])
def test_responses_that_fall_off_more_steeply_have_no_maximum(upper):
    """Gamma responses with a shape of 1/2, and those that gather at both ends."""
    rng = np.random.default_rng(1)
    y = rng.gamma(0.5, 1.0, 240) if upper is None else rng.beta(0.4, 0.4, 240)
    with pytest.raises(NoMaximumError, match=r"sigma grows without end.*exponential or gamma family"):
        ranef.glmm(y, np.ones((240, 1)), {"g": np.repeat(np.arange(20), 12)}, family=TruncatedGaussian(upper=upper))


def test_a_truncated_model_is_that_of_brute_force():
    """The likelihood by sums over a fine grid of the random effect, and its greatest value."""
    y, x, g = DATA["inside"], DATA["x"], DATA["g"].astype(int) - 1
    fit = ranef.glmm(
        y, np.column_stack([np.ones(150), x]), {"g": g}, family=TruncatedGaussian(upper=3.0), nagq=15, tol=1e-10
    )
    z = np.linspace(-8, 8, 401)

    def log_likelihood(p):
        mean, sigma = p[0] + p[1] * x[:, None] + p[2] * z, p[3]
        seen = special.ndtr((3.0 - mean) / sigma) - special.ndtr(-mean / sigma)
        rows = stats.norm.logpdf(y[:, None], mean, sigma) - np.log(seen)
        by_group = np.stack([rows[g == k].sum(axis=0) for k in range(15)])
        return float(np.log(np.exp(by_group) @ stats.norm.pdf(z) * (z[1] - z[0])).sum())

    at = np.array([*fit.coefficients, fit.var_components[0].std_dev, fit.dispersion["sigma"]])
    assert fit.log_likelihood == pytest.approx(log_likelihood(at), abs=1e-7)
    for step in 0.02 * np.vstack([np.eye(4), -np.eye(4)]):
        assert log_likelihood(at + step) <= log_likelihood(at) + 1e-9
    assert fit.converged


def test_with_a_limit_far_away_it_is_the_linear_model():
    data = DATA | {"y": DATA["left"]}
    linear = ranef.lmm("y ~ x + (1 | g)", data, reml=False)
    for limits in ({"lower": -500.0}, {"lower": None, "upper": 500.0}, {"lower": -500.0, "upper": 500.0}):
        fit = ranef.glmm("y ~ x + (1 | g)", data, family=TruncatedGaussian(**limits))
        assert fit.log_likelihood == pytest.approx(linear.log_likelihood, abs=1e-7)
        np.testing.assert_allclose(fit.coefficients, linear.coefficients, atol=1e-6)
        assert fit.dispersion["sigma"] == pytest.approx(linear.sigma, abs=1e-5)


def test_truncation_that_is_ignored_bends_slopes():
    """Responses made with a slope of 0.5 of which only the positive ones are seen."""
    rng = np.random.default_rng(8)
    g, x = np.repeat(np.arange(60), 40), rng.normal(size=2400)
    y = 0.5 * x + rng.normal(0, 0.5, 60)[g] + rng.normal(size=2400)
    seen = {"y": y[y > 0], "x": x[y > 0], "g": g[y > 0]}
    fit = ranef.glmm("y ~ x + (1 | g)", seen, family="truncated_gaussian")
    assert fit.coefficients[1] == pytest.approx(0.5, abs=3 * fit.se[1])
    ignored = ranef.lmm("y ~ x + (1 | g)", seen)
    assert ignored.coefficients[1] < 0.3


# Fits ---------------------------------------------------------------------------------------------------------------


@cache
def fitted(response: str) -> ranef.GLMMSolution:
    return ranef.glmm("y ~ x + (1 | g)", DATA | {"y": DATA[response]}, family=made(FITS[response]["name"]))


@pytest.mark.parametrize("response", FITS)
def test_fits_are_those_of_tmb(response):
    ours, theirs = fitted(response), FITS[response]
    assert theirs["newton_step"] < 1e-6
    assert ours.converged
    assert ours.log_likelihood == pytest.approx(theirs["logLik"], abs=1e-6)
    se = np.array(theirs["beta_se"])
    np.testing.assert_allclose((ours.coefficients - theirs["beta"]) / se, 0, atol=1e-4)
    np.testing.assert_allclose(ours.se, se, rtol=1e-3)
    assert ours.var_components[0].std_dev == pytest.approx(theirs["sd"], rel=1e-4)
    assert ours.dispersion["sigma"] == pytest.approx(theirs["sigma"], rel=1e-4)
    if theirs["alpha"] is not None:
        alpha = float(SkewNormal.shape(ours.dispersion["skewness"]))
        assert alpha == pytest.approx(theirs["alpha"], rel=1e-3)
        slope = derivative(SkewNormal.skewness, np.array([theirs["alpha"]]), np.array([1e-3])).item()
        assert ours.dispersion_se["skewness"] == pytest.approx(slope * theirs["alpha_se"], rel=5e-3)


@pytest.mark.filterwarnings("ignore::ranef.contracts.errors.RanefWarning")
@pytest.mark.parametrize("family", [SkewNormal(link="log"), TruncatedGaussian(link="log"), SkewNormal(alpha=50.0)])
def test_modes_are_found_or_the_reason_is_said(family):
    """With a log link conditional densities need not be log-concave; a density that nearly breaks off is steep."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        g, x = np.repeat(np.arange(8), 6), rng.normal(size=48)
        eta = rng.choice([-1.0, 0.5, 2.0]) + 0.5 * x + rng.choice([0.5, 2.0]) * rng.normal(size=8)[g]
        phi = np.array([0.7, 0.8])[: len(family.parameters)]
        y = family.sample(family.link.mean(eta).mu, np.ones(48), phi, rng)
        X = np.column_stack([np.ones(48), x])
        try:
            fit = ranef.glmm(y, X, {"g": g}, family=family)
        except (NoMaximumError, NotPositiveDefiniteError):
            continue
        sd = fit.var_components[0].std_dev
        if fit.converged and sd > 0:  # at the modes the scores of a group are b / sd^2
            eta = fit.predict(scale="link")
            d = family.evaluate(y, eta, np.ones(48), np.array([*fit.dispersion.values()]))
            b = (eta - X @ fit.coefficients)[::6]
            np.testing.assert_allclose(np.bincount(g, d.d1), b / sd**2, atol=1e-4 * np.abs(d.d1).max())


def test_quantile_residuals_are_normal():
    for response in FITS:
        residuals = fitted(response).residuals_of("quantile", rng=1)
        assert stats.kstest(residuals, "norm").pvalue > 1e-3, response


def test_files_keep_them(tmp_path):
    for response in FITS:
        fit = fitted(response)
        fit.save(tmp_path / "fit.ranef")
        back = ranef.load(tmp_path / "fit.ranef")
        assert back == fit
        assert back.family == fit.family
        assert back.dispersion == fit.dispersion


@pytest.mark.parametrize("response", ["right", "inside"])
def test_many_responses_are_those_of_single_fits(response):
    fit = fitted(response)
    Y = ranef.simulate("y ~ x + (1 | g)", DATA, beta=fit.coefficients.tolist(), sd={"g": 0.6}, family=fit.family,
                       dispersion=fit.dispersion, nsim=4, rng=3)  # fmt: skip
    many = ranef.glmm_many(Y, "~ x + (1 | g)", DATA, family=fit.family)
    for i, y in enumerate(Y.T):
        one = ranef.glmm("y ~ x + (1 | g)", DATA | {"y": y}, family=fit.family)
        assert many.log_likelihood[i] == pytest.approx(one.log_likelihood, abs=1e-6)
        np.testing.assert_allclose(many.coefficients[i], one.coefficients, atol=1e-3)


def test_predictions_are_means_of_what_is_seen():
    fit = fitted("positive")
    mu = fit.predict(scale="link")
    expected = mu + fit.dispersion["sigma"] * stats.norm.pdf(mu / fit.dispersion["sigma"]) / stats.norm.cdf(
        mu / fit.dispersion["sigma"]
    )
    np.testing.assert_allclose(fit.predict(), expected, rtol=1e-12)


def test_names():
    for name, cls in (("skewnormal", SkewNormal), ("skew_normal", SkewNormal), ("truncated_normal", TruncatedGaussian)):
        assert type(registry.family(name)[0]) is cls
    assert registry.family("truncated_gaussian", lower=1.0, upper=2.0)[0] == TruncatedGaussian(lower=1.0, upper=2.0)
    assert registry.family("skew_normal", alpha=2)[0] == SkewNormal(2.0)
    told = in_r(SkewNormal(), "glmmTMB")
    assert told is not None
    assert told.name == "skewnormal"
    script = fitted("left").r_code()
    assert "family = skewnormal" in script
    assert in_r(TruncatedGaussian(), "glmmTMB") is None
