"""Effects that differ between thresholds: R's clmm2, the same by hand, laws, and what every method says of them.

clmm2.json was made by make_clmm2.R (R 4.2.2, ordinal 2022.11.16).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

import ranef
from ranef.contracts import IdentificationWarning, InputError, InputTypeError, NoMaximumError
from ranef.design.parameter import spelled_out
from ranef.estimation.thresholds import groups_of_spacings, one_sided
from ranef.families import Ordinal

RECORD = json.loads((Path(__file__).parent / "clmm2.json").read_text())
WINE = pd.DataFrame(ranef.datasets.load("wine"))
SALAMANDERS = pd.DataFrame(ranef.datasets.load("salamanders"))
SALAMANDERS["y"] = np.digitize(SALAMANDERS["count"], [0.5, 1.5, 3.5])
FORMULA = "rating ~ temp + contact + (1 | judge)"
NAMES = ("2|3 - 1|2", "3|4 - 2|3", "4|5 - 3|4")
NO, YES = ({"temp": ["cold"], "contact": [contact]} for contact in ("no", "yes"))
F = {
    "logit": special.expit,
    "probit": special.ndtr,
    "cloglog": lambda x: -np.expm1(-np.exp(x)),
    "loglog": lambda x: np.exp(-np.exp(-x)),
    "cauchit": lambda x: 0.5 + np.arctan(x) / np.pi,
}


@cache
def wine(link="logit", thresholds="flexible", nagq=1, spacings="~ contact"):
    models = {"spacings": spacings} if spacings else None
    return ranef.glmm(FORMULA, WINE, family=Ordinal(link, thresholds), nagq=nagq, parameters=models)


def other_ratings(which, become):
    """The wine data, with other ratings where there was contact."""
    y = WINE.rating.astype(int)
    return WINE.assign(rating=y.where(~((WINE.contact == "yes") & (y == which)), become))


# Figures --------------------------------------------------------------------------------------------------------------


def of_clmm2(row):
    """Our fit, and the rows of its two levels."""
    if row["data"] == "wine":
        return wine(row["link"], row["threshold"], row["nAGQ"]), NO, YES
    family = Ordinal(row["link"], row["threshold"])
    models = {"spacings": "~ mined"}
    fit = ranef.glmm("y ~ DOP + mined + (1 | site)", SALAMANDERS, family=family, nagq=row["nAGQ"], parameters=models)
    return fit, *({"DOP": [0.0], "mined": [mined]} for mined in ("no", "yes"))


def _id(row):
    return f"{row['data']}-{row['link']}-{row['threshold']}-{row['nAGQ']}"


@pytest.mark.parametrize("row", RECORD["fits"], ids=_id)
def test_fits_are_those_of_clmm2(row):
    """Log-likelihoods to 1e-6; clmm2 stops up to 7e-6 before the top where it finds modes exactly."""
    fit, no, yes = of_clmm2(row)
    assert fit.converged
    assert -1e-8 < fit.log_likelihood - row["logLik"] < 1e-5
    assert fit.coefficients[1] == pytest.approx(row["beta"], abs=1e-4)
    assert fit.var_components[0].std_dev == pytest.approx(row["sd"], abs=3e-4)
    tables = fit.thresholds_at(no), fit.thresholds_at(yes, minus=no)
    for table, theirs in zip(tables, row["Theta"], strict=True):
        np.testing.assert_allclose(table["estimate"], theirs, atol=5e-4)
    if row["nAGQ"] > 1:
        np.testing.assert_allclose([*tables[0]["se"], *tables[1]["se"], fit.se[1]], row["se"], rtol=2e-5)


def test_clmm2_as_it_is_by_default():
    """The figures of its documentation's model: 2e-5 off in the log-likelihood, 1e-4 in thresholds."""
    row = RECORD["default"]
    assert row["logLik"] == pytest.approx(-81.31470396, abs=1e-8)
    fit = wine()
    assert fit.log_likelihood == pytest.approx(row["logLik"], abs=3e-5)
    np.testing.assert_allclose(fit.thresholds["estimate"], [-1.6204, 1.5206, 4.3593, 5.7545], atol=2e-4)
    effects = fit.thresholds_at(YES, minus=NO)
    np.testing.assert_allclose(effects["estimate"], [-1.8298, -1.8328, -2.0451, -1.3589], atol=2e-4)
    np.testing.assert_allclose(effects["se"], [1.2386, 0.6614, 0.7402, 0.9732], atol=2e-4)  # summary(m)
    np.testing.assert_allclose(effects["p_value"], 2 * special.ndtr(-np.abs(effects["statistic"])), rtol=1e-12)


@pytest.mark.parametrize("link", list(F))
def test_the_likelihood_is_that_by_hand(link):
    """Of rows with their own thresholds, by the trapezoidal rule; the cauchit's heavy tails need more nodes."""
    fit = wine(link, nagq=61 if link == "cauchit" else 21)
    phi = np.array([fit.predict(type=name) for name in NAMES])
    ends = np.vstack([np.full(72, -np.inf), np.zeros(72), np.cumsum(phi, axis=0), np.full(72, np.inf)])
    z = np.linspace(-8.0, 8.0, 2001)
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi) * (z[1] - z[0])
    X = np.column_stack([np.ones(72), WINE.temp == "warm", WINE.contact == "yes"])
    eta = (X @ fit.coefficients)[:, None] + fit.var_components[0].std_dev * z
    y, row = WINE.rating.astype(int).to_numpy(), np.arange(72)
    p = F[link](ends[y, row][:, None] - eta) - F[link](ends[y - 1, row][:, None] - eta)
    of_judges = np.array([p[(WINE.judge == judge).to_numpy()].prod(axis=0) for judge in WINE.judge.unique()])
    by_hand = np.log(of_judges @ density).sum()
    assert fit.log_likelihood == pytest.approx(by_hand, abs=1e-8 if link == "cauchit" else 1e-10)


# Laws -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("thresholds", ["flexible", "symmetric", "equidistant"])
def test_phi_of_rows_is_that_of_each(thresholds):
    """Equal columns give the bits of one, and rows of different spacings what single rows give; by differences too."""
    family, rng = Ordinal("logit", thresholds, list("abcde")), np.random.default_rng(1)
    r, n = len(family.parameters), 40
    y, eta, one = rng.integers(0, 5, n).astype(float), rng.normal(size=n), np.ones(n)
    phi, rows = rng.uniform(0.3, 2.0, r), rng.uniform(0.3, 2.0, (r, n))
    single = family.evaluate(y, eta, one, phi, 3)
    tiled = family.evaluate(y, eta, one, np.repeat(phi[:, None], n, axis=1), 3)
    together = family.evaluate(y, eta, one, rows, 3)
    for part, value in vars(single).items():
        np.testing.assert_array_equal(getattr(tiled, part), value, err_msg=part)
    for i in range(n):
        alone = family.evaluate(y[i : i + 1], eta[i : i + 1], one[:1], rows[:, i], 3)
        for part, value in vars(alone).items():
            np.testing.assert_array_equal(getattr(together, part)[..., [i]], value, err_msg=part)
    h = 1e-6
    for j in range(r):
        step = h * (np.arange(r) == j)[:, None]
        ahead, back = (family.evaluate(y, eta, one, rows + s * step, 2) for s in (1.0, -1.0))
        for given, of in (("phi1", "log_density"), ("phi1_eta", "d1"), ("phi1_eta2", "d2")):
            slope = (getattr(ahead, of) - getattr(back, of)) / (2 * h)
            np.testing.assert_allclose(getattr(together, given)[j], slope, atol=1e-7, err_msg=given)


@pytest.mark.parametrize("thresholds", ["flexible", "symmetric", "equidistant"])
def test_a_reversed_order_turns_the_thresholds_of_every_row(thresholds):
    fit = wine(thresholds=thresholds)
    turned = ranef.glmm(
        "I(6 - rating) ~ temp + contact + (1 | judge)",
        WINE,
        family=Ordinal("logit", thresholds),
        parameters={"spacings": "~ contact"},
    )
    assert turned.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-7)
    for rows, less in ((NO, None), (YES, None), (YES, NO)):
        ours, theirs = fit.thresholds_at(rows, minus=less), turned.thresholds_at(rows, minus=less)
        np.testing.assert_allclose(theirs["estimate"], -ours["estimate"][::-1], atol=3e-4)
        np.testing.assert_allclose(theirs["se"], ours["se"][::-1], rtol=1e-3)


def test_a_basis_of_the_columns_does_not_matter():
    fit, cells = wine(), wine(spacings="~ 0 + contact")
    assert cells.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(cells.coefficients, fit.coefficients, atol=1e-5)
    effects = [f.thresholds_at(YES, minus=NO) for f in (fit, cells)]
    np.testing.assert_allclose(effects[1]["se"], effects[0]["se"], rtol=1e-5)
    assert "Threshold coefficients" not in str(cells.summary())
    with pytest.raises(InputError, match=r"model of 2\|3 - 1\|2 has no column \(Intercept\).*thresholds_at"):
        cells.thresholds  # noqa: B018


def test_logarithms_of_spacings_are_linear_in_numbers():
    """The origin and the unit of the number do not matter; thresholds never cross, wherever it goes."""
    data = SALAMANDERS.assign(far=SALAMANDERS.DOP * 10 + 300)
    models = ({"spacings": "~ DOP"}, {"spacings": "~ far"})
    one, other = (ranef.glmm("y ~ mined + (1 | site)", data, family="ordinal", parameters=m) for m in models)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-8)
    assert one.log_likelihood > ranef.glmm("y ~ mined + (1 | site)", data, family="ordinal").log_likelihood
    table = one.coef_table("1|2 - 0|1")
    np.testing.assert_allclose(table["estimate"][1], 10 * other.coef_table("1|2 - 0|1")["estimate"][1], rtol=1e-3)
    new = {"mined": ["no"] * 3, "DOP": [-30.0, 0.5, 30.0]}
    spaced = np.diff(one.thresholds_at(new)["estimate"].reshape(3, 3), axis=1)
    assert (spaced > 0).all()
    np.testing.assert_allclose(np.log(spaced[:, 0]), table["estimate"] @ [[1, 1, 1], new["DOP"]], atol=1e-8)
    np.testing.assert_allclose(
        one.thresholds["estimate"][1] - one.thresholds["estimate"][0], np.exp(table["estimate"][0])
    )


def test_names_formulas_and_matrices_are_one_model():
    fit = wine()
    X = np.column_stack([np.ones(72), WINE.temp == "warm", WINE.contact == "yes"]).astype(float)
    arrays = ranef.glmm(WINE.rating, X, {"judge": WINE.judge}, family="ordinal", parameters={"spacings": X[:, [0, 2]]})
    named = ranef.glmm(FORMULA, WINE, family="ordinal", parameters=dict.fromkeys(reversed(NAMES), "~ contact"))
    for other in (arrays, named):
        assert other.log_likelihood == fit.log_likelihood
        np.testing.assert_array_equal(other.coefficients, fit.coefficients)
    assert tuple(named.terms.parameters) == NAMES
    new = {"X": X[:9], "groups": {"judge": WINE.judge[:9]}, "parameters": {"spacings": X[:9, [0, 2]]}}
    for get in (
        lambda f, d: f.predict(d),
        lambda f, d: f.predict(d, type=NAMES[2]),
        lambda f, d: f.thresholds_at(d)["se"],
    ):
        np.testing.assert_allclose(get(arrays, new), get(fit, WINE[:9]), rtol=1e-9)
    np.testing.assert_array_equal(arrays.simulate(2, rng=1, newdata=new), fit.simulate(2, rng=1, newdata=WINE[:9]))


def test_a_name_goes_before_the_word_for_all():
    fit = ranef.glmm(FORMULA, WINE, family="ordinal", parameters={"spacings": "~ contact", NAMES[1]: "~ 1"})
    assert tuple(fit.dispersion) == (NAMES[1],)
    assert fit.n_parameters == wine().n_parameters - 1
    effects = fit.thresholds_at(YES, minus=NO)["estimate"]
    assert effects[1] == pytest.approx(effects[2], abs=1e-12)  # a spacing that is the same for all
    assert abs(effects[2] - effects[3]) > 0.1
    family = Ordinal("logit", "symmetric", categories=list("abcde"))
    assert spelled_out(family, {"spacings": 1, "spacing 2": 2}) == {"spacing 1": 1, "spacing 2": 2}
    of_one = ranef.glmm(FORMULA, WINE, family=Ordinal("logit", "symmetric"), parameters={"spacing 1": "~ contact"})
    assert tuple(of_one.dispersion) == ("spacing 2",)


# What follows a fit ---------------------------------------------------------------------------------------------------


def test_probabilities_are_those_of_the_thresholds():
    fit = wine()
    new = {"temp": ["cold", "warm", "warm"], "contact": ["no", "yes", "no"], "judge": ["1", "2", "9"]}
    P = np.column_stack([fit.probabilities(new)[c] for c in "12345"])
    t = fit.thresholds_at(new)
    assert t["row"].tolist() == np.repeat([0, 1, 2], 4).tolist()
    b = fit.predict(new, scale="link") - fit.predict(new, scale="link", random="none")
    below = special.expit(t["estimate"].reshape(3, 4) - b[:, None])
    np.testing.assert_allclose(np.cumsum(P, axis=1)[:, :-1], below, atol=1e-12)
    np.testing.assert_allclose(fit.predict(new), P @ np.arange(5), rtol=1e-12)
    drawn = fit.simulate(4000, rng=1, newdata=new, random="conditional")
    np.testing.assert_allclose([[(y == k).mean() for k in range(5)] for y in drawn], P, atol=0.03)
    of_fit = np.column_stack([fit.probabilities()[c] for c in "12345"])
    again = np.column_stack([fit.probabilities(WINE)[c] for c in "12345"])
    np.testing.assert_allclose(of_fit, again, atol=1e-12)
    one = fit.predict(new, type=NAMES[0])
    np.testing.assert_allclose(one, np.diff(t["estimate"].reshape(3, 4))[:, 0], rtol=1e-12)


def test_standard_errors_are_those_of_differences():
    """Of E(y) by the delta method, spacings included: slopes by differences, parameter by parameter."""
    fit = wine()
    mean = fit.predict(YES, random="none", se=True)
    J, V = [], fit._covariance
    base, h = fit._fit, 1e-5
    for j in range(len(V)):
        ends = []
        for s in (h, -h):
            gamma, xi = base.gamma.copy(), base.xi.copy()
            if j < 3:
                gamma[j] += s
            elif j > 3:
                xi[j - 4] += s
            rows = base.labels.parameters[NAMES[0]].in_basis(np.array([[1.0, 1.0]]))
            phi = np.array([np.exp(rows @ part) for part in xi.reshape(3, 2)])
            eta = base.labels.fixed.in_basis(np.array([[1.0, 0.0, 1.0]])) @ gamma
            ends.append(fit.family.probabilities(eta, phi) @ np.arange(5))
        J.append((ends[0] - ends[1])[0] / (2 * h))
    assert mean["se"][0] == pytest.approx(np.sqrt(J @ V @ J), rel=1e-6)


def test_summary_says_which_thresholds():
    fit = wine()
    text = str(fit.summary())
    assert "Model of 2|3 - 1|2, 3|4 - 2|3, 4|5 - 3|4: ~ contact\n" in text
    at = text.index("Threshold coefficients, where the columns of the models of spacings are 0:\n")
    assert text[at:].splitlines()[2].split() == ["1|2", "-1.6204", "0.7320", "-2.214"]
    assert "Model of 4|5 - 3|4 (log of 4|5 - 3|4):\n" in text
    assert "Dispersion" not in text
    assert "Effects are those on the first threshold, 1|2" in text
    assert "models of spacings are 0</caption>" in fit._repr_html_()
    assert "first threshold" not in str(wine(spacings="").summary())
    table = fit.coef_table("spacings")
    assert table["name"].tolist()[:2] == ["2|3 - 1|2~(Intercept)", "2|3 - 1|2~contact[T.yes]"]
    np.testing.assert_array_equal(table["se"][2:4], fit.coef_table(NAMES[1])["se"])
    assert wine(spacings="").coef_table("spacings")["name"].tolist() == [f"{name}~(Intercept)" for name in NAMES]
    for table in (fit.anova(), fit.drop1(), fit.joint_tests()):
        assert "first threshold" in str(table)


def test_files_refits_and_updates_keep_the_models(tmp_path):
    fit = wine()
    fit.save(tmp_path / "m.ranef")
    loaded = ranef.load(tmp_path / "m.ranef")
    np.testing.assert_array_equal(loaded.thresholds_at(YES)["estimate"], fit.thresholds_at(YES)["estimate"])
    np.testing.assert_array_equal(loaded.probabilities(WINE)["3"], fit.probabilities(WINE)["3"])
    np.testing.assert_allclose(fit.refit(WINE.rating - 1).coefficients, fit.coefficients, atol=1e-8)
    labels = WINE.assign(rating=pd.Categorical(np.array(list("abcde"))[WINE.rating.astype(int) - 1], ordered=True))
    other = fit.update(data=labels)
    assert other.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    assert tuple(other.terms.parameters) == ("b|c - a|b", "c|d - b|c", "d|e - c|d")
    even = fit.update(data=WINE, family=Ordinal("logit", "equidistant"))
    assert even.log_likelihood == pytest.approx(wine(thresholds="equidistant").log_likelihood, abs=1e-8)
    back = fit.update(data=WINE, parameters={"spacings": "~ 1"})
    assert back.log_likelihood == wine(spacings="").log_likelihood
    without = fit.update(data=WINE, parameters={NAMES[0]: "~ 1"})
    assert without.n_parameters == fit.n_parameters - 1
    assert without.update(data=WINE, parameters={"spacings": "~ 1"}).log_likelihood == back.log_likelihood
    for one in (fit, without):  # a model of all spacings takes the place of those that have names
        again = one.update(data=WINE, parameters={"spacings": "~ 1 + contact"})
        assert {encoder.formula for encoder in again.terms.parameters.values()} == {"~ 1 + contact"}
    assert fit.update(family="ordinal(probit)").log_likelihood == pytest.approx(wine("probit").log_likelihood, abs=1e-8)


def test_many_responses_are_fitted_one_by_one():
    fit = wine()
    Y = np.column_stack([WINE.rating - 1.0, fit.simulate(1, rng=5)[:, 0]])
    many = ranef.glmm_many(
        Y,
        "~ temp + contact + (1 | judge)",
        WINE,
        family=Ordinal(categories=list("12345")),
        parameters={"spacings": "~ contact"},
    )
    np.testing.assert_allclose(many.coefficients[0], fit.coefficients, atol=1e-6)
    np.testing.assert_allclose(many.coefficients[1], fit.refit(Y[:, 1]).coefficients, atol=1e-6)
    np.testing.assert_allclose(many.dispersion[0], fit.coef_table("spacings")["estimate"], atol=1e-5)
    np.testing.assert_allclose(fit.bootstrap(2, rng=1).original, fit.confint()["estimate"], rtol=1e-9)


def test_the_test_of_proportional_odds():
    """Twice the difference of R's log-likelihoods: clmm's -81.565412777 and clmm2's -81.314723109, 3 df."""
    table = ranef.anova(wine(spacings=""), wine())
    assert table["statistic"][1] == pytest.approx(2 * (81.565412777 - 81.314723109), abs=1e-6)
    assert table["df"].tolist()[1] == 3.0
    assert table["p_value"][1] == pytest.approx(0.9186, abs=1e-4)  # pchisq(0.50138, 3, lower.tail = FALSE)


def test_comparisons_know_whose_thresholds_are_freer():
    even, partial = wine(thresholds="equidistant"), wine()
    assert ranef.anova(even, partial)["df"].tolist()[1] == 4.0
    assert ranef.anova(wine(thresholds="equidistant", spacings=""), partial)["df"].tolist()[1] == 5.0
    richer = ranef.glmm(
        "rating ~ temp * contact + (temp | judge)",
        WINE,
        family=Ordinal("logit", "equidistant"),
        parameters={"spacings": "~ temp * contact"},
    )
    table = ranef.anova(wine(spacings=""), richer)
    assert np.isnan(table["statistic"][1])
    assert "spaced more freely" in str(table)
    one = ranef.glmm(FORMULA, WINE, family="ordinal", parameters={NAMES[0]: "~ contact"})
    assert ranef.anova(one, partial)["df"].tolist()[1] == 2.0
    different = ranef.glmm(FORMULA, WINE, family="ordinal", parameters={NAMES[1]: "~ temp"})
    assert "is not tested" in str(ranef.anova(even, different))


# Limits and separation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("which", "become", "spacing"), [(5, 4, NAMES[2]), (3, 4, NAMES[1])])
def test_a_level_without_a_category_has_a_limit(which, become, spacing):
    """The spacing goes to infinity at the end, and to nothing between; all else is determined."""
    data = other_ratings(which, become)
    with pytest.warns(IdentificationWarning, match=r"contact\[T.yes\]"):
        fit = ranef.glmm(FORMULA, data, family="ordinal", parameters={"spacings": "~ contact"})
    assert fit.converged
    assert np.isfinite(fit.coefficients).all()
    assert np.isnan(fit.coef_table(spacing)["estimate"]).tolist() == [False, True]
    empty = fit.probabilities(YES, random="none")[str(which)][0]
    assert empty < 1e-6
    # a spacing of nothing is known, and one without end is not
    assert np.isnan(fit.thresholds_at(YES)["estimate"]).tolist() == [False, False, False, which == 5]
    assert np.isnan(fit.thresholds["se"]).tolist() == [False, False, which == 3, True]


@pytest.mark.parametrize("models", [{"spacings": "~ contact"}, {NAMES[0]: "~ contact"}])
def test_a_level_without_the_lowest_category_has_no_maximum(models):
    """Its mean and its first spacing grow together. Another spacing may differ."""
    data = other_ratings(1, 2)
    with pytest.raises(NoMaximumError, match=r"contact\[T.yes\] predicts .* the models of the spacings"):
        ranef.glmm(FORMULA, data, family="ordinal", parameters=models)
    assert ranef.glmm(FORMULA, data, family="ordinal", parameters={NAMES[1]: "~ contact"}).converged


def test_numbers_that_order_the_ratings_have_no_maximum():
    """Whatever has numbers in the models; where only some rows are set apart, nobody claims it."""
    x = SALAMANDERS.DOP + 1e-6 * np.arange(644)
    data = SALAMANDERS.assign(x=x, y=np.searchsorted([-0.5, 0.0, 0.7], x))
    for model in ("~ x", "~ x + mined", "~ mined"):
        with pytest.raises(NoMaximumError, match=r"complete .* separation.*x"):
            ranef.glmm("y ~ x + (1 | site)", data, family="ordinal", parameters={"spacings": model})


@pytest.mark.parametrize("arrays", [False, True])
def test_thresholds_of_rows_are_without_an_offset(arrays):
    data, offset = SALAMANDERS, 0.3 * SALAMANDERS.Wtemp.to_numpy()
    X = np.column_stack([np.ones(644), data.mined == "yes"]).astype(float)
    if arrays:
        fit = ranef.glmm(data.y, X, {"site": data.site}, family="ordinal", offset=offset, parameters={"spacings": X})
        new = {"X": X[:5], "parameters": {"spacings": X[:5]}}
    else:
        models = {"spacings": "~ mined"}
        fit = ranef.glmm("y ~ mined + (1 | site)", data, family="ordinal", offset=offset, parameters=models)
        new = data[:5]
    t = fit.thresholds_at(new)["estimate"].reshape(5, 3)
    eta = fit.linear_predictor[:5] - X[:5] @ fit.coefficients
    below = np.cumsum(np.column_stack([fit.probabilities()[str(k)][:5] for k in range(4)]), axis=1)[:, :-1]
    np.testing.assert_allclose(special.expit(t - eta[:, None]), below, atol=1e-12)
    np.testing.assert_array_equal(fit.thresholds_at()["estimate"][:15], t.ravel())


def test_groups_of_spacings_are_the_rows_that_share_one():
    family = Ordinal(categories=list("abcd"))
    y = np.array([0.0, 1.0, 2.0, 3.0])
    columns = np.column_stack([np.ones(4), [0.0, 1.0, 0.0, 1.0]])
    numbers = np.column_stack([np.ones(4), [0.0, 1.0, 2.0, 1.0]])
    groups = groups_of_spacings(family, {"b|c - a|b": columns, "c|d - b|c": numbers}, 4)
    assert groups[0].tolist() == [0, 1, 0, 1]
    assert groups[1] is None
    rows, spaced, sign = one_sided(family, y, groups)
    # a below the first threshold; b below the second, of its group 1; c in group 0 above it, and d above the third
    assert rows.tolist() == [0, 1, 2, 1, 2, 3]
    assert spaced.tolist() == [[0, 0], [0, 1], [1, 0], [0, 0], [1, 0], [0, 1]]
    assert sign.tolist() == [-1, -1, -1, 1, 1, 1]
    assert one_sided(family, y, groups_of_spacings(family, {}, 4))[1].tolist() == one_sided(family, y)[1].tolist()


# Refused --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dispersion": "~ contact"}, r"no dispersion parameter.*parameters=\{'spacings': '~ x'\}"),
        ({"zi": "~ contact"}, "zi: the ordinal family has no probability of extra zeros"),
        ({"parameters": {"spacing": "~ contact"}}, r"names spacing, which .* 4\|5 - 3\|4, and spacings for all"),
        ({"parameters": {"spacings": "contact"}}, "must be a formula without a response"),
        ({"parameters": {"spacings": "~ contact + (1 | judge)"}}, "random effects"),
        ({"parameters": {"spacings": np.ones((72, 2))}}, "must be a formula"),
    ],
)
def test_models_that_cannot_be_are_refused_by_name(options, message):
    with pytest.raises((InputError, InputTypeError), match=message):
        ranef.glmm(FORMULA, WINE, family="ordinal", **options)


def test_two_categories_have_no_spacings():
    data = WINE.assign(high=(WINE.rating > 3) * 1)
    with pytest.raises(InputError, match="spacings, of which the ordinal family of 2 categories has none"):
        ranef.glmm("high ~ contact + (1 | judge)", data, family="ordinal", parameters={"spacings": "~ contact"})


def test_what_has_no_answer_says_so():
    fit = wine()
    for ask, message in (
        (lambda: fit.emmeans("contact"), "effect of contact differs between the thresholds"),
        (lambda: fit.emmeans("temp", by="contact"), "thresholds_at"),
        (lambda: fit.emmeans("temp", type="response"), "differs from row to row"),
        (lambda: fit.r_code(), "clmm2"),
        (lambda: fit.coef_table("disp"), "estimated parameter"),
        (lambda: fit.predict(type="disp"), "type must be one of"),
        (lambda: fit.thresholds_at({"temp": ["cold"]}), "contact"),
        (lambda: fit.thresholds_at(WINE[:3], minus=WINE[:2]), "minus has 2 rows, and newdata 3"),
        (
            lambda: ranef.glmm("rating ~ temp + (1 | judge)", WINE, family="poisson").thresholds_at(NO),
            "ordered families",
        ),
    ):
        with pytest.raises(InputError, match=message):
            ask()
    pairs = fit.emmeans("temp").contrast("pairwise")
    np.testing.assert_allclose(pairs["estimate"], [-fit.coefficients[1]], rtol=1e-9)
