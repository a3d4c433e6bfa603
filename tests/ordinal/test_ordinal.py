"""Ordered categories: densities with 60 digits, laws, responses in and out, and what is refused."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ranef
from ranef.contracts import InputError, InputTypeError, NoMaximumError
from ranef.estimation.thresholds import one_sided
from ranef.families import Ordinal, Probit
from ranef.testkit import as_pytest, family_checks

WINE = pd.DataFrame(ranef.datasets.load("wine"))
WINE["label"] = pd.Categorical(
    np.array(["a", "b", "c", "d", "e"])[WINE.rating.astype(int) - 1], categories=list("abcde"), ordered=True
)
FORMULA = "rating ~ temp + contact + (1 | judge)"
MPMATH = json.loads((Path(__file__).parent / "mpmath.json").read_text())
LINKS = ("logit", "probit", "cloglog", "loglog", "cauchit")

test_laws_probit = as_pytest(family_checks(Ordinal("probit", categories=list("abc"))))
test_laws_cloglog = as_pytest(family_checks(Ordinal("cloglog", "symmetric")))
test_laws_equidistant = as_pytest(family_checks(Ordinal("loglog", "equidistant")))
test_laws_of_two_categories = as_pytest(family_checks(Ordinal("cauchit", categories=["no", "yes"])))


@cache
def wine():
    return ranef.glmm(FORMULA, WINE, family="ordinal")


# Densities ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", LINKS)
def test_derivatives_have_the_digits_of_mpmath(link):
    """Textbook differences of distribution functions with 400 digits, in both tails (make_mpmath.py, mpmath 1.3)."""
    rows = [row for row in MPMATH if row["link"] == link]
    y, eta = (np.array([row[name] for row in rows], float) for name in ("y", "eta"))
    assert len(rows) > 10
    at = Ordinal(link, categories=list("abcd")).evaluate(y, eta, np.ones(len(y)), np.array([1.5, 0.02]), 3)
    for name in ("log_density", "d1", "d2", "d3", "phi1", "phi1_eta", "phi1_eta2"):
        wanted = np.array([row[name] for row in rows]).T
        # the category between thresholds 0.02 apart has derivatives of 1/0.02 and its powers, which cancel
        np.testing.assert_allclose(getattr(at, name), wanted, rtol=1e-9, atol=1e-8, err_msg=name)


def test_two_categories_are_the_binomial():
    """With a symmetric noise; without categories between there are no spacings."""
    data = WINE.assign(high=(WINE.rating > 3) * 1)
    for link in ("logit", "probit"):
        ours = ranef.glmm("high ~ contact + (1 | judge)", data, family=f"ordinal({link})")
        theirs = ranef.glmm("high ~ contact + (1 | judge)", data, family=f"binomial({link})")
        assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, abs=1e-9)
        np.testing.assert_allclose(ours.coefficients, theirs.coefficients, atol=1e-6)
        np.testing.assert_allclose(ours.se, theirs.se, rtol=1e-5)
        assert ours.dispersion == {}
        np.testing.assert_allclose(ours.thresholds["estimate"], -ours.coefficients[:1])


def test_spacings_of_each_kind():
    five = {
        kind: Ordinal(thresholds=kind, categories=list("abcde")) for kind in ("flexible", "symmetric", "equidistant")
    }
    phi = {"flexible": [1.0, 2.0, 4.0], "symmetric": [1.0, 2.0], "equidistant": [3.0]}
    told = {kind: (family.spacings @ phi[kind]).tolist() for kind, family in five.items()}
    assert told == {
        "flexible": [0.0, 1.0, 3.0, 7.0],
        "symmetric": [0.0, 1.0, 3.0, 4.0],
        "equidistant": [0.0, 3.0, 6.0, 9.0],
    }
    assert [p.name for p in five["flexible"].parameters] == ["b|c - a|b", "c|d - b|c", "d|e - c|d"]


# Fits -----------------------------------------------------------------------------------------------------------------


def test_labels_and_numbers_and_arrays_are_one_model():
    fit = wine()
    X = np.column_stack([np.ones(72), WINE.temp == "warm", WINE.contact == "yes"])
    others = [
        ranef.glmm("label ~ temp + contact + (1 | judge)", WINE, family="ordinal"),
        ranef.glmm(WINE.label, X, {"judge": WINE.judge}, family="ordinal"),
        ranef.glmm(list(WINE.rating), X, {"judge": WINE.judge}, family="ordinal"),
        ranef.glmm(FORMULA, WINE, family=Ordinal(categories=["1", "2", "3", "4", "5"])),
        ranef.glmm("I(3 * rating - 7) ~ temp + contact + (1 | judge)", WINE, family="ordinal"),
    ]
    for other in others:
        np.testing.assert_allclose(other.coefficients, fit.coefficients, atol=1e-8)
        np.testing.assert_allclose(other.thresholds["estimate"], fit.thresholds["estimate"], atol=1e-8)
    assert [other.thresholds["name"][0] for other in others] == ["a|b", "a|b", "1|2", "1|2", "-4|-1"]


def test_a_reversed_order_turns_everything():
    """Of symmetric noise: the coefficients change their signs, thresholds also their order."""
    fit, turned = wine(), ranef.glmm("I(6 - rating) ~ temp + contact + (1 | judge)", WINE, family="ordinal")
    assert turned.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(turned.coefficients[1:], -fit.coefficients[1:], atol=2e-5)
    np.testing.assert_allclose(turned.thresholds["estimate"], -fit.thresholds["estimate"][::-1], atol=2e-5)
    np.testing.assert_allclose(turned.thresholds["se"], fit.thresholds["se"][::-1], rtol=1e-4)


def test_the_origin_of_a_column_does_not_matter():
    data = WINE.assign(x=np.arange(72.0), year=np.arange(72.0) + 2000)
    one, other = (ranef.glmm(f"rating ~ {v} + (1 | judge)", data, family="ordinal") for v in ("x", "year"))
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-8)
    shift = 2000 * one.coefficients[1]
    np.testing.assert_allclose(other.thresholds["estimate"], one.thresholds["estimate"] + shift, atol=1e-3)


def test_summary_has_thresholds():
    text = str(wine().summary())
    at = text.index("Threshold coefficients:\n")
    assert text[at:].splitlines()[1:3] == ["    Estimate Std. Error z value", "1|2  -1.6237     0.6824  -2.379"]
    assert "Dispersion parameters" not in text
    assert "<caption>Threshold coefficients</caption>" in wine()._repr_html_()


def test_probabilities_and_means():
    fit = wine()
    new = {"temp": ["cold", "warm"], "contact": ["no", "yes"], "judge": ["1", "9"]}
    P = np.column_stack([fit.probabilities(new)[c] for c in "12345"])
    t, eta = fit.thresholds["estimate"], fit.predict(new, scale="link") - fit.coefficients[0]
    below = 1 / (1 + np.exp(-(t - eta[:, None])))
    np.testing.assert_allclose(np.cumsum(P, axis=1)[:, :-1], below, atol=1e-12)
    np.testing.assert_allclose(fit.predict(new), P @ np.arange(5))
    shares = np.column_stack([fit.probabilities(new, random="none")[c] for c in "12345"])
    drawn = fit.simulate(4000, rng=1, newdata=new, random="conditional")
    np.testing.assert_allclose([(drawn[0] == k).mean() for k in range(5)], P[0], atol=0.03)
    assert not np.allclose(shares, P)


def test_quantile_residuals_are_normal_of_simulated_responses():
    fit = wine().refit(wine().simulate(1, rng=3, random="conditional")[:, 0])
    r = fit.residuals_of("quantile", rng=2)
    assert abs(r.mean()) < 0.35
    assert 0.7 < r.std() < 1.3


def test_files_and_refits_and_updates_keep_the_categories(tmp_path):
    fit = wine()
    fit.save(tmp_path / "m.ranef")
    loaded = ranef.load(tmp_path / "m.ranef")
    assert loaded.family == fit.family
    assert list(loaded.thresholds["name"]) == ["1|2", "2|3", "3|4", "4|5"]
    np.testing.assert_array_equal(loaded.thresholds["estimate"], fit.thresholds["estimate"])
    assert fit.update(family="ordinal(probit)").log_likelihood == pytest.approx(-80.9306, abs=1e-5)  # clmm
    again = fit.update(formula="label ~ .", data=WINE, family=Ordinal())
    assert again.thresholds["name"][0] == "a|b"
    assert Ordinal(Probit()) == Ordinal("probit")


def test_the_script_is_one_of_clmm():
    """Run by hand, R has these figures to 1e-5."""
    script = str(wine().r_code(frame=WINE))
    assert "library(ordinal)" in script
    call = """m <- clmm(
  factor(y) ~ x2 + x3 + (1 | g1),
  data = d,
  link = "logit",
  threshold = "flexible",
  nAGQ = 1,"""
    assert call in script
    assert '"1|2", "2|3", "3|4", "4|5"' in script
    with pytest.raises(InputError, match="cloglog for loglog"):
        wine().update(family="ordinal(cloglog)").r_code()


# Refusals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "change", "family", "error", "text"),
    [
        ("rating ~ 0 + temp + (1 | judge)", {}, "ordinal", InputError, "first threshold is minus the"),
        (
            "half ~ temp + (1 | judge)",
            {"half": 0.5},
            "ordinal",
            InputError,
            "half must be categories, or whole numbers",
        ),
        ("word ~ temp + (1 | judge)", {"word": "x"}, "ordinal", InputTypeError, "make it a category with its levels"),
        ("one ~ temp + (1 | judge)", {"one": 1}, "ordinal", InputError, "at least two"),
        (
            "many ~ temp + (1 | judge)",
            {"many": range(72)},
            Ordinal(categories=["a", "b"]),
            InputError,
            "none of the cat",
        ),
        ("rating ~ s + (1 | judge)", {"s": (WINE.rating > 3) * 1.0}, "ordinal", NoMaximumError, "separation"),
        ("label ~ temp + (1 | judge)", {}, "poisson", InputTypeError, "family='ordinal'"),
        (
            FORMULA,
            {},
            Ordinal(categories=["0", "1", "2", "3", "4", "5"]),
            InputError,
            "no response is in the category 0",
        ),
    ],
)
def test_what_is_refused(formula, change, family, error, text):
    with pytest.raises(error, match=text):
        ranef.glmm(formula, WINE.assign(**change), family=family)


def test_a_combination_that_separates_is_found():
    """A numeric column that orders the ratings: no single column does, and thresholds move with it."""
    data = WINE.assign(s=WINE.rating + np.where(WINE.temp == "cold", 0.1, 0.3))
    with pytest.raises(NoMaximumError, match="separation"):
        ranef.glmm("rating ~ s + (1 | judge)", data, family="ordinal")


def test_conditions_of_separation_are_those_of_both_thresholds():
    """Rows below the upper threshold, sign -1, and above the lower one, sign 1, of three categories."""
    rows, spaced, sign = one_sided(Ordinal(categories=list("abc")), np.array([0.0, 1.0, 2.0]))
    assert rows.tolist() == [0, 1, 1, 2]
    assert spaced[:, 0].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert sign.tolist() == [-1.0, -1.0, 1.0, 1.0]


def test_options_are_refused_by_name():
    for options, text in (
        ({"link": "log"}, "link 'log' does not fit"),
        ({"thresholds": "even"}, "thresholds must be one of"),
        ({"categories": ["a"]}, "at least two"),
        ({"categories": "ab"}, "list of texts"),
    ):
        with pytest.raises((InputError, InputTypeError), match=text):
            Ordinal(**options)
    with pytest.raises(InputError, match="categories of the ordinal family are not known"):
        ranef.simulate("y ~ temp + (1 | judge)", WINE, beta=[1.0, 2.0], theta=[1.0], family="ordinal", rng=1)
    with pytest.raises(InputError, match="are of ordered families"):
        ranef.glmm("rating ~ temp + (1 | judge)", WINE, family="poisson").thresholds  # noqa: B018


def test_a_response_without_one_of_the_categories_has_no_fit():
    fit = wine()
    y = np.where(WINE.rating == 5, 3.0, WINE.rating - 1)
    with pytest.raises(InputError, match="no response is in the category 5"):
        fit.refit(y)
    many = fit.refit_many(np.column_stack([y, WINE.rating - 1]))
    assert np.isnan(many.coefficients[0]).all()
    np.testing.assert_allclose(many.coefficients[1], fit.coefficients, atol=1e-6)


@pytest.mark.parametrize("arrays", [False, True])
def test_a_category_without_an_order_is_taken_in_the_order_it_shows(arrays):
    """Text made a category has the order of the alphabet, and the warning shows it; ordered ones and two need none."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": rng.normal(size=120), "g": np.arange(120) % 12})
    frame["y"] = pd.Categorical(np.array(["low", "middle", "high"])[rng.integers(0, 3, 120)])

    def fit(y):
        if arrays:
            return ranef.glmm(y, np.column_stack([np.ones(120), frame["x"]]), {"g": frame["g"]}, family="ordinal")
        return ranef.glmm("y ~ x + (1 | g)", frame.assign(y=y), family="ordinal")

    with pytest.warns(ranef.DataWarning, match="without an order .*: high < low < middle"):
        assert fit(frame["y"]).family.categories == ("high", "low", "middle")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ranef.DataWarning)
        ordered = fit(frame["y"].cat.reorder_categories(["low", "middle", "high"], ordered=True))
        assert ordered.family.categories == ("low", "middle", "high")
        fit(frame["y"].cat.remove_categories(["low"]).fillna("high"))


def test_many_categories_by_their_own_thresholds():
    """Derivatives by 38 spacings are those by differences of the log density, and of the information."""
    K, rng = 40, np.random.default_rng(3)
    family = Ordinal("logit", categories=[str(k) for k in range(K)])
    y, eta, one = np.arange(K).astype(float), rng.normal(size=K) + 2.0, np.ones(K)
    phi = rng.uniform(0.05, 0.3, K - 2)
    d = family.evaluate(y, eta, one, phi, 3)
    h = 1e-5
    for j in (0, 17, K - 3):
        ahead, back = (family.evaluate(y, eta, one, phi + s * h * np.eye(K - 2)[j], 2) for s in (1, -1))
        for given, of in (("phi1", "log_density"), ("phi1_eta", "d1"), ("phi1_eta2", "d2")):
            slope = (getattr(ahead, of) - getattr(back, of)) / (2 * h)
            np.testing.assert_allclose(getattr(d, given)[j], slope, atol=1e-6, err_msg=given)
        slope = (ahead.expected_weight - back.expected_weight) / (2 * h)
        np.testing.assert_allclose(d.expected_weight_phi[j], slope, atol=1e-7)


@pytest.mark.parametrize("link", LINKS)
def test_deviances_at_means_without_derivatives_are_quiet(link):
    """At the mean at which an end is certain log F has no second derivative to rounding: the deviance needs none."""
    family, mu = Ordinal(link, categories=["no", "yes"]), np.array([0.15, 0.15])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = family.deviance(np.array([0.0, 1.0]), mu, np.ones(2), np.zeros(0))
    p = family.probabilities(mu[:1], np.zeros(0))[0]
    np.testing.assert_allclose(found, -2.0 * np.log(p), rtol=1e-9)
