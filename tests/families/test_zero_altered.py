"""Zero inflation, hurdles and further families: figures of mpmath, fits of glmmTMB, and laws that tie them to others.

zero_altered.json was made by make_zero_altered.R (glmmTMB 1.1.5, fits polished by Newton steps on its own likelihood),
mpmath_more.json by make_mpmath_more.py (mpmath 1.4.1, 60 digits).
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
from ranef.contracts import Family, InputError, InputTypeError, NoMaximumError
from ranef.families import (
    Binomial,
    Gamma,
    Gaussian,
    GeneralizedPoisson,
    Hurdle,
    LogNormal,
    NegativeBinomial,
    Poisson,
    TruncatedNegativeBinomial,
    TruncatedPoisson,
    Tweedie,
    ZeroInflated,
)
from ranef.testkit import as_pytest, family_checks

HERE = Path(__file__).parent
MPMATH = json.loads((HERE / "mpmath_more.json").read_text())
RECORD: dict[str, Any] = json.loads((HERE / "zero_altered.json").read_text())
DATA = {name: np.array(values, float) for name, values in RECORD["data"].items()}
FITS: dict[str, dict[str, Any]] = {fit["name"]: fit for fit in RECORD["fits"]}
RESPONSES = {
    "zero_inflated_binomial": "binomial",
    "zero_inflated_beta_binomial": "betabinomial",
    "hurdle_gamma": "gamma",
    "hurdle_beta": "beta",
}


class Geometric(Family):
    """Somebody's: the least that the contract asks for, with derivatives by differences."""

    name = "geometric"
    links = ("log",)
    discrete = True
    support_text = "counts 0, 1, 2, ..."

    def log_density(self, y, mu, weights, phi):
        return weights * (y * np.log(mu / (1 + mu)) - np.log1p(mu))

    def variance(self, mu, phi):
        return mu * (1 + mu)

    def support(self, y, weights):
        return np.isfinite(y) & (y >= 0) & (y == np.round(y))

    def sample(self, mu, weights, phi, rng):
        return rng.geometric(1 / (1 + mu)) - 1.0


test_laws_of_an_inflated_third_party = as_pytest(family_checks(ZeroInflated(Geometric())))
test_laws_of_a_hurdle_of_a_third_party = as_pytest(family_checks(Hurdle(Geometric())))
test_laws_with_given_parameters = as_pytest(family_checks(ZeroInflated(NegativeBinomial(theta=2.0), zi=0.3)))
test_laws_with_few_zeros_of_the_base = as_pytest(family_checks(Hurdle(Poisson()), means=[1e-3, 30.0], phis=[[0.9]]))


# Densities and derivatives ------------------------------------------------------------------------------------------


def _id(row):
    return f"{row['family']}-y={row['y']:g}-eta={row['eta']:g}-phi={row['phi']}"


@pytest.mark.parametrize("row", MPMATH, ids=_id)
def test_derivatives_are_those_of_mpmath(row):
    family = eval(row["family"], {name: getattr(ranef.families, name) for name in ranef.families.__all__})
    y, eta, w = (np.array([row[k]]) for k in ("y", "eta", "weight"))
    phi = np.array(row["phi"], float)
    two, three = (family.evaluate(y, eta, w, phi, order) for order in (2, 3))
    floor = 1e-14 * row["weight"] * max(abs(row["y"]), 1.0) * (1 + min(abs(row["eta"]), 40.0))
    if isinstance(family, LogNormal):
        floor /= min(phi[0], 1.0) ** 2
    for name in ("log_density", "d1", "d2", "d3"):
        np.testing.assert_allclose(getattr(three, name)[0], row[name], rtol=1e-10, atol=floor, err_msg=name)
        if name != "d3":
            np.testing.assert_allclose(getattr(two, name), getattr(three, name), rtol=1e-13, err_msg=name)
    for name in ("phi1", "phi1_eta", "phi1_eta2"):
        # on the scale on which a parameter is searched
        scale = phi.copy()
        for j, p in enumerate(family.parameters):
            if np.isfinite(p.upper):
                scale[j] = phi[j] * (1 - phi[j])
            elif p.lower:
                scale[j] = phi[j] - p.lower
        np.testing.assert_allclose(
            getattr(three, name)[:, 0] * scale, np.array(row[name]) * scale, rtol=1e-10, atol=floor, err_msg=name
        )


@pytest.mark.parametrize(
    ("base", "truncated", "phi"),
    [(Poisson(), TruncatedPoisson(), []), (NegativeBinomial(), TruncatedNegativeBinomial(), [1.7])],
)
def test_a_hurdle_has_the_truncated_counts_of_the_built_in_families(base, truncated, phi):
    y, eta, one = np.array([1.0, 2.0, 7.0, 30.0]), np.array([-25.0, -2.0, 1.0, 3.0]), np.ones(4)
    mine = Hurdle(base).evaluate(y, eta, one, np.array([*phi, 0.25]), 3)
    theirs = truncated.evaluate(y, eta, one, np.array(phi), 3)
    np.testing.assert_allclose(mine.log_density, theirs.log_density + np.log(0.75), rtol=1e-13)
    for name in ("d1", "d2", "d3"):
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), rtol=1e-9, atol=1e-13)
    for name in ("phi1", "phi1_eta", "phi1_eta2"):
        np.testing.assert_allclose(getattr(mine, name)[:-1], getattr(theirs, name), rtol=1e-8, atol=1e-13)
    mu = np.exp(eta)
    mean = Hurdle(base).conditional_mean(mu, np.array([*phi, 0.25]))
    np.testing.assert_allclose(mean, truncated.response_mean(mu, np.array(phi)), rtol=1e-12)


def test_without_inflation_it_is_the_base():
    y, eta, one = np.array([0.0, 1.0, 5.0]), np.array([-1.0, 0.5, 2.0]), np.ones(3)
    mine = ZeroInflated(NegativeBinomial()).evaluate(y, eta, one, np.array([1.7, 1e-300]), 3)
    theirs = NegativeBinomial().evaluate(y, eta, one, np.array([1.7]), 3)
    for name in ("log_density", "d1", "d2", "expected_weight", "d3", "expected_weight_eta"):
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), rtol=1e-13)
    for name in ("phi1", "phi1_eta", "phi1_eta2", "expected_weight_phi"):
        np.testing.assert_allclose(getattr(mine, name)[:-1], getattr(theirs, name), rtol=1e-13)


def test_a_density_near_one_keeps_its_digits():
    # log(zi + (1 - zi) exp(-mu)) = -(1 - zi) mu + O(mu^2)
    density = ZeroInflated(Poisson()).log_density(np.zeros(1), np.array([1e-20]), np.ones(1), np.array([0.3]))
    np.testing.assert_allclose(density, -0.7e-20, rtol=1e-14)


def test_slopes_vanish_where_a_zero_can_only_be_an_extra_one():
    d = ZeroInflated(Poisson()).evaluate(np.zeros(3), np.array([20.0, 60.0, 150.0]), np.ones(3), np.array([0.3]), 3)
    np.testing.assert_allclose(d.log_density, np.log(0.3), rtol=1e-14)
    for name in ("d1", "d2", "d3"):
        np.testing.assert_array_equal(getattr(d, name), 0.0)


def test_a_generalized_poisson_is_poisson_where_the_variance_is_the_mean():
    y, mu, one = np.array([0.0, 3.0, 1000.0]), np.array([1.0, 4.0, 990.0]), np.ones(3)
    xi = 2.0**-26
    actual = GeneralizedPoisson().log_density(y, mu, one, np.array([1 + xi]))
    # the score at phi = 1 is [(y - mu)^2 - y] / (2 mu)
    expected = stats.poisson.logpmf(y, mu) + xi * ((y - mu) ** 2 - y) / (2 * mu)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-11)


def test_lognormal_density_is_that_of_scipy():
    y, mu = np.linspace(0.05, 12.0, 40), np.linspace(0.2, 9.0, 40)
    expected = stats.lognorm.logpdf(y, 0.7, scale=mu * np.exp(-0.245))
    np.testing.assert_allclose(LogNormal().log_density(y, mu, np.ones(40), np.array([0.7])), expected, rtol=1e-12)


# Distributions ------------------------------------------------------------------------------------------------------


def test_means_and_probabilities_of_zero():
    mu, one, phi = np.array([0.5, 2.0]), np.ones(2), np.array([0.25])
    inflated, hurdle = ZeroInflated(Poisson()), Hurdle(Poisson())
    np.testing.assert_allclose(inflated.conditional_mean(mu, phi), mu)
    np.testing.assert_allclose(inflated.response_mean(mu, phi), 0.75 * mu)
    np.testing.assert_allclose(inflated.zero_probability(mu, one, phi), 0.25 + 0.75 * np.exp(-mu), rtol=1e-14)
    np.testing.assert_allclose(hurdle.conditional_mean(mu, phi), mu / -np.expm1(-mu), rtol=1e-14)
    np.testing.assert_allclose(hurdle.zero_probability(mu, one, phi), 0.25)
    trials = ZeroInflated(Binomial()).zero_probability(np.array([0.3]), np.array([4.0]), phi)
    np.testing.assert_allclose(trials, 0.25 + 0.75 * 0.7**4, rtol=1e-14)


def test_positive_counts_are_drawn_where_the_base_has_hardly_any():
    mu = np.full(3000, 1e-7)
    draws = Hurdle(NegativeBinomial()).sample(mu, np.ones(3000), np.array([1e-7, 0.2]), np.random.default_rng(3))
    # the limit is a logarithmic distribution with p = mu / (mu + theta) = 1/2
    positive = draws[draws > 0]
    observed = np.bincount(np.minimum(positive, 5).astype(int), minlength=6)[1:]
    p = stats.logser.pmf(np.arange(1, 5), 0.5)
    assert stats.chisquare(observed, len(positive) * np.append(p, 1 - p.sum())).pvalue > 1e-4
    assert abs(len(positive) - 2400) < 5 * np.sqrt(3000 * 0.16)


# Fits ---------------------------------------------------------------------------------------------------------------


@cache
def fitted(name: str) -> ranef.GLMMSolution:
    if name in RESPONSES:
        y: Any = DATA[RESPONSES[name]]
        if "binomial" in name:
            y = np.column_stack([y, DATA["trials"] - y])
        return ranef.glmm(y, np.column_stack([np.ones(len(y)), DATA["x"]]), {"g": DATA["g"]}, family=name)
    d = ranef.datasets.load("salamanders")
    by_site = name not in ("hurdle_negative_binomial", "hurdle_negative_binomial1")
    columns = [d["mined"] == "no", d["cover"]] if by_site else [d["cover"], d["DOP"]]
    groups = {"site": d["site"]} if by_site else {"species": d["species"]}
    return ranef.glmm(d["count"], np.column_stack([np.ones(644), *columns]), groups, family=name)


@pytest.mark.parametrize("name", FITS)
def test_fits_are_those_of_glmmtmb(name):
    ours, theirs = fitted(name), FITS[name]
    assert theirs["newton_step"] < 1e-10
    assert ours.converged
    assert ours.log_likelihood == pytest.approx(theirs["logLik"], abs=1e-6)
    se = np.array(theirs["beta_se"])
    np.testing.assert_allclose((ours.coefficients - theirs["beta"]) / se, 0, atol=1e-4)
    np.testing.assert_allclose(ours.se, se, rtol=1e-3)
    assert ours.var_components[0].std_dev == pytest.approx(np.exp(theirs["theta"][0]), rel=1e-4)
    *base, zi = ours.dispersion.values() if theirs["betazi"] else (*ours.dispersion.values(), None)
    if theirs["betazi"]:
        share = special.expit(theirs["betazi"][0])
        assert zi == pytest.approx(share, rel=1e-4)
        assert ours.dispersion_se["zi"] == pytest.approx(theirs["betazi_se"][0] * share * (1 - share), rel=1e-3)
    assert len(base) == len(theirs["betad"])
    for value, betad in zip(base, theirs["betad"], strict=True):  # Gamma: glmmTMB's is the log of the shape
        assert np.log(value) == pytest.approx(-betad if name == "hurdle_gamma" else betad, abs=1e-4)


@pytest.mark.parametrize("name", [name for name in FITS if name.startswith("zero_inflated")])
def test_predictions_are_those_of_glmmtmb(name):
    ours, theirs = fitted(name), FITS[name]
    np.testing.assert_allclose(ours.predict()[:5], theirs["overall"], rtol=1e-4)
    mu, phi = ours.family.link.mean(ours.predict(scale="link")).mu, np.array(list(ours.dispersion.values()))
    np.testing.assert_allclose(ours.family.conditional_mean(mu, phi)[:5], theirs["conditional"], rtol=1e-4)
    np.testing.assert_allclose(phi[-1], theirs["zprob"], rtol=1e-4)


@pytest.mark.parametrize(("name", "base"), [("hurdle_poisson", "truncated_poisson"), ("hurdle_gamma", "gamma")])
def test_a_hurdle_is_two_fits(name, base):
    """The likelihood is that of y > 0, where all rows have one probability, times that of the positive responses."""
    ours, design = fitted(name), fitted(name)._fit.model.design
    y, positive = design.y, design.y > 0
    factor = design.random.groups[0]
    groups = {factor.name: np.array(factor.levels)[factor.codes][positive]}
    other = ranef.glmm(y[positive], design.X[positive], groups, family=base)
    share = positive.mean()
    binary = len(y) * (share * np.log(share) + (1 - share) * np.log(1 - share))
    assert ours.log_likelihood == pytest.approx(other.log_likelihood + binary, abs=1e-6)
    np.testing.assert_allclose(ours.coefficients, other.coefficients, rtol=1e-4, atol=1e-5)
    assert ours.dispersion["zi"] == pytest.approx(1 - share, rel=1e-6)


def test_a_lognormal_model_is_a_linear_one_of_the_logarithm():
    """Origin: lmer(log(y) ~ x + (1 | g), REML = FALSE) of lme4 1.1.31; Laplace's approximation is exact."""
    y, theirs = DATA["lognormal"], RECORD["lognormal"]
    ours = ranef.glmm(y, np.column_stack([np.ones(len(y)), DATA["x"]]), {"g": DATA["g"]}, family="lognormal")
    sigma = ours.dispersion["sigma"]
    assert ours.log_likelihood == pytest.approx(theirs["logLik"], abs=1e-6)
    assert sigma == pytest.approx(theirs["sigma"], rel=1e-4)
    assert ours.var_components[0].std_dev == pytest.approx(theirs["sd"], rel=1e-4)
    np.testing.assert_allclose(ours.coefficients - [0.5 * sigma**2, 0.0], theirs["beta"], rtol=1e-4)
    assert ours.icc["g"] == pytest.approx(theirs["sd"] ** 2 / (theirs["sd"] ** 2 + theirs["sigma"] ** 2), rel=1e-4)


def test_a_third_partys_family_is_fitted():
    rng = np.random.default_rng(5)
    group, x = np.repeat(np.arange(40), 20), rng.normal(size=800)
    mu = np.exp(1.0 + 0.3 * x + 0.4 * rng.normal(size=40)[group])
    family = ZeroInflated(Geometric())
    y = family.sample(mu, np.ones(800), np.array([0.25]), rng)
    X = np.column_stack([np.ones(800), x])
    fit = ranef.glmm(y, X, {"group": group}, family=family)
    known = ranef.glmm(y, X, {"group": group}, family=ZeroInflated(NegativeBinomial(theta=1.0)))
    assert fit.log_likelihood == pytest.approx(known.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(fit.coefficients, known.coefficients, rtol=1e-4)
    assert abs(fit.dispersion["zi"] - 0.25) < 4 * fit.dispersion_se["zi"]


def test_quantile_residuals_are_normal():
    for name in ("zero_inflated_negative_binomial", "hurdle_gamma", "zero_inflated_generalized_poisson"):
        residuals = fitted(name).residuals_of("quantile", rng=1)
        assert stats.kstest(residuals, "norm").pvalue > 1e-3, name
    with pytest.raises(InputError, match="randomized"):
        fitted("hurdle_gamma").residuals_of("quantile")


def test_simulated_responses_have_the_zeros_of_the_model():
    fit = fitted("zero_inflated_poisson")
    y = np.asarray(fit.simulate(200, rng=4))
    share = float((y == 0).mean())
    assert share == pytest.approx(float((ranef.datasets.load("salamanders")["count"] == 0).mean()), abs=0.03)


def test_names_are_objects_and_files_keep_them(tmp_path):
    assert ranef.registry.family("zero_inflated_negative_binomial(sqrt)", zi=0.2, theta=2.0)[0] == ZeroInflated(
        NegativeBinomial(theta=2.0, link="sqrt"), zi=0.2
    )
    assert ranef.registry.family("zero_inflated_gamma")[0] == Hurdle(Gamma())
    assert repr(ZeroInflated(Poisson(), zi=0.2)) == "ZeroInflated(Poisson(link='log'), zi=0.2)"
    fit = fitted("zero_inflated_negative_binomial")
    fit.save(tmp_path / "fit.ranef")
    back = ranef.load(tmp_path / "fit.ranef")
    assert back.family == fit.family
    assert back.dispersion == fit.dispersion


# Refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: ZeroInflated(Poisson), InputTypeError, "a Family object"),
        (lambda: ZeroInflated("poisson"), InputTypeError, "a Family object"),
        (lambda: ZeroInflated(Gamma()), InputError, "positive amounts with zeros are a Hurdle"),
        (lambda: ZeroInflated(TruncatedPoisson()), InputError, "no zeros to inflate"),
        (lambda: ZeroInflated(Hurdle(Poisson())), InputError, "extra zeros already"),
        (lambda: Hurdle(ZeroInflated(Poisson())), InputError, "extra zeros already"),
        (lambda: Hurdle(TruncatedPoisson()), InputError, "before its truncation"),
        (lambda: Hurdle(Binomial()), InputError, "numbers of trials"),
        (lambda: Hurdle(Gaussian()), InputError, "neither one of counts nor of positive amounts"),
        (lambda: Hurdle(Tweedie()), InputError, "neither one of counts nor of positive amounts"),
        (lambda: ZeroInflated(Poisson(), zi=1.0), InputError, "zi=1 must lie between 0 and 1"),
        (
            lambda: ranef.registry.family("hurdle_poisson", base=NegativeBinomial()),
            InputError,
            "base must be a Poisson",
        ),
        (lambda: ranef.registry.family("hurdle_poisson", base=Poisson(), link="log"), InputError, "belong to the base"),
    ],
)
def test_what_has_no_such_family_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    ("family", "y", "text"),
    [
        ("zero_inflated_binomial", [0.0, 1.0], "0/1 responses is not identified"),
        ("zero_inflated_poisson", [1.0, 2.0], "no response is 0: use the poisson family"),
        ("hurdle_gamma", [1.0, 2.0], "no response is 0: use the gamma family"),
        ("hurdle_poisson", [0.0, 0.0], "all 20 responses are 0"),
        ("zero_inflated_poisson", [0.0, 0.5], "needs counts 0, 1, 2"),
        ("hurdle_beta", [0.0, 1.0], "needs 0 or "),
    ],
)
def test_responses_that_do_not_tell_are_refused(family, y, text):
    with pytest.raises(InputError, match=text):
        ranef.glmm(np.tile(y, 10), np.ones((20, 1)), {"g": np.repeat(np.arange(4), 5)}, family=family)


def test_a_given_probability_needs_no_zeros():
    y = np.tile([1.0, 2.0, 3.0, 5.0], 10)
    ZeroInflated(Poisson(), zi=0.1).check_identified(y, np.ones(40))
    ZeroInflated(Binomial(), zi=0.1).check_identified(np.tile([0.0, 1.0], 20), np.ones(40))


def test_a_hurdle_that_runs_to_its_logarithmic_limit_is_refused():
    """Truncated NB1 counts are logarithmic as the mean falls to 0, and those of mined sites like that best.

    The log-likelihood grows as b, the coefficient of mined, falls: it is -943.480 and -943.224 with the offsets -2 and
    -3 in the place of it, and -943.176 at b = -16.
    """
    d = ranef.datasets.load("salamanders")
    with pytest.raises(NoMaximumError, match=r"means run to the end of their range with mined"):
        ranef.glmm("count ~ mined + (1 | site)", d, family="hurdle_negative_binomial1")
