"""Several models side by side: R's `anova` of nested fits, weights of others, and what is not comparable."""

import pickle
import warnings

import numpy as np
import pytest

import ranef
from ranef.contracts import ComparisonError, InputError, InputTypeError

from ..reference.load import likelihood_ratio_tests, load
from .wards import EMPTY, FACTS, WARDS, counts, glmm, lmm

NESTED = ("y ~ x + (1 | ward)", "y ~ x + (x | ward)", "y ~ drug + x + (x | ward)")


def fit(case):
    """A reference model."""
    X, names = case.X, case.x_names
    more = {"random_effects": case.random_effects, "random_data": case.random_data, "correlated": case.correlated}
    options = {"weights": case.weights, "offset": case.offset, "x_names": names, **more}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if case.kind == "lmm":
            return ranef.lmm(case.y, X, case.groups, reml=case.reml, **options)
        family = {"binomial": "binomial", "poisson": "poisson"}[case.family]
        return ranef.glmm(case.y, X, case.groups, family=family, **options)


@pytest.mark.parametrize("facts", likelihood_ratio_tests(), ids=lambda facts: facts["name"])
def test_pairs_are_those_of_the_reference_fits(facts):
    reduced, full = (fit(load(facts[which])) for which in ("reduced", "full"))
    table = ranef.anova(full, reduced, names=["full", "reduced"])
    assert table["model"].tolist() == ["reduced", "full"]
    assert table["npar"].tolist() == [facts["npar_reduced"], facts["npar_full"]]
    np.testing.assert_allclose(table["aic"], facts["AIC"], rtol=1e-7)
    np.testing.assert_allclose(table["bic"], facts["BIC"], rtol=1e-7)
    assert table["statistic"][1] == pytest.approx(facts["chisq"], rel=1e-5)
    assert table["df"][1] == facts["df"]
    assert table["p_value"][1] == pytest.approx(facts["p"], rel=1e-4)


def test_three_models_are_those_of_r_refitted_by_maximum_likelihood():
    fits = [lmm(formula) for formula in NESTED]
    table, facts = ranef.anova(fits[2], fits[0], fits[1]), FACTS["anova"]["columns"]
    columns = {
        "npar": "npar",
        "AIC": "aic",
        "BIC": "bic",
        "logLik": "log_likelihood",
        "deviance": "deviance",
        "Chisq": "statistic",
        "Df": "df",
        "Pr(>Chisq)": "p_value",
    }
    for theirs, ours in columns.items():
        np.testing.assert_allclose(table[ours], np.array(facts[theirs], dtype=float), rtol=1e-7, err_msg=ours)
    assert table["model"].tolist() == ["m2", "m3", "m1"]
    assert table.refitted
    assert "Fits by REML were refitted by maximum likelihood" in str(table)
    by_ml = ranef.anova(*(lmm(formula, reml=False) for formula in NESTED))
    assert not by_ml.refitted
    np.testing.assert_allclose(by_ml["statistic"], table["statistic"], rtol=1e-7)


def test_refits_can_be_prevented():
    fits = [lmm(formula) for formula in NESTED]
    with pytest.raises(ComparisonError, match="differ in fixed effects are of different data: leave refit=True"):
        ranef.anova(*fits, refit=False)
    mixed = [fits[0], lmm(NESTED[1], reml=False)]
    with pytest.raises(ComparisonError, match="leave refit=True"):
        ranef.anova(*mixed, refit=False)
    assert ranef.anova(*mixed).refitted


def test_fits_by_reml_of_the_same_fixed_effects_stay():
    small, large = lmm(NESTED[0]), lmm(NESTED[1])
    table = ranef.anova(small, large)
    assert not table.refitted
    assert "By REML: the models have the same fixed effects" in str(table)
    assert table["statistic"][1] == pytest.approx(2.0 * (large.log_likelihood - small.log_likelihood), rel=1e-9)
    again = ranef.anova(small, lmm("y ~ I(2 * x) + (x | ward)"))  # another basis of the same columns
    assert not again.refitted
    assert again["statistic"][1] == pytest.approx(table["statistic"][1], rel=1e-6)
    np.testing.assert_allclose(again["weight"], table["weight"], rtol=1e-5)


def test_models_that_are_not_nested_have_weights_and_no_test():
    table = ranef.anova(lmm("y ~ x + (1 | ward)", reml=False), lmm("y ~ x + (1 | nurse)", reml=False))
    assert np.isnan(table["statistic"]).all()
    assert "m2 is not tested against m1: the models have the same number of parameters" in str(table)
    difference = table["aic"][1] - table["aic"][0]
    assert table["weight"][0] / table["weight"][1] == pytest.approx(np.exp(0.5 * difference), rel=1e-9)
    assert table["weight"].sum() == pytest.approx(1.0)


def test_families_are_side_by_side():
    formula = "count ~ drug + dose + x + (1 | ward)"
    fits = [counts(formula), counts(formula, "negative_binomial")]
    table = ranef.anova(*fits, names=["P", "NB"])
    for i, family in enumerate(("poisson", "nbinom2")):
        ours = [table[column][i] for column in ("log_likelihood", "aic", "bic")]
        np.testing.assert_allclose(ours, FACTS["families"][family], rtol=1e-7)
    assert np.isnan(table["p_value"]).all()
    text = str(table)
    assert "NB is not tested against P: the models have different families" in text
    assert "P: count ~ drug + dose + x + (1 | ward), poisson (log)" in text
    with pytest.raises(ComparisonError, match="P and y: one has probabilities and the other densities"):
        ranef.anova(fits[0], lmm("count ~ x + (1 | ward)"), names=["P", "y"])


def test_a_linear_model_is_beside_a_generalized_one():
    data = {**WARDS, "z": np.exp(WARDS["y"] / 4.0)}
    linear = lmm("z ~ x + (1 | ward)", data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gamma = ranef.glmm("z ~ x + (1 | ward)", data, family="gamma")
        same = ranef.glmm("z ~ x + (1 | ward)", data, family="gaussian")
    table = ranef.anova(linear, gamma, same)
    assert table.refitted
    assert table["log_likelihood"][0] == pytest.approx(table["log_likelihood"][2], rel=1e-7)
    assert "m2 is not tested against m1: one model is linear and the other generalized" in str(table)
    with_weights = [lmm("z ~ x + (1 | ward)", data, weights="w")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with_weights.append(ranef.glmm("z ~ x + (1 | ward)", data, family="gamma", weights="w"))
    with pytest.raises(ComparisonError, match="weights are precisions in a linear model"):
        ranef.anova(*with_weights)


def test_other_data_are_refused_by_name():
    one = lmm(NESTED[0])
    with pytest.raises(ComparisonError, match="whole and part: the models are fitted to different data: 150 and 144"):
        ranef.anova(one, lmm(NESTED[1], EMPTY), names=["whole", "part"])
    other = {**WARDS, "y": WARDS["y"] + np.eye(150)[3]}
    with pytest.raises(ComparisonError, match=r"m1 and m3: .* their y differ"):
        ranef.anova(one, lmm(NESTED[1]), lmm(NESTED[2], other))
    with pytest.raises(ComparisonError, match="their weights differ"):
        ranef.anova(one, lmm(NESTED[1], weights="w"))


def test_likelihoods_of_other_kinds_are_refused():
    formula = "count ~ x + (1 | ward)"
    with pytest.raises(ComparisonError, match="nagq=0 does not maximize the Laplace likelihood"):
        ranef.anova(counts(formula), glmm("count ~ drug + x + (1 | ward)", nagq=0))


def test_the_boundary_has_a_caveat_and_fixed_effects_have_theirs():
    fits = [lmm(formula, reml=False) for formula in NESTED]
    variances, fixed = str(ranef.anova(fits[0], fits[1])), str(ranef.anova(fits[1], fits[2]))
    assert "m2: m1 has no variance of x|ward; zero is at the boundary" in variances
    assert "Chi-squared" not in variances
    assert "boundary" not in fixed
    assert "Chi-squared is for many levels, and ward has 12" in fixed
    correlation = str(ranef.anova(lmm("y ~ x + (x || ward)"), lmm("y ~ x + (x | ward)")))
    assert "boundary" not in correlation


@pytest.mark.parametrize(
    ("fits", "options", "error", "message"),
    [
        (0, {}, InputError, "two models or more"),
        (1, {}, InputError, "two models or more; fit.anova\\(\\) tests the terms of one"),
        (2, {"names": ["a"]}, InputError, "names has 1 for 2 fits"),
        (2, {"names": ["a", "a"]}, InputError, "two models have one name: a, a"),
        (2, {"names": "ab"}, InputTypeError, "names must be texts"),
        (2, {"names": [1, 2]}, InputTypeError, "names must be texts"),
        (2, {"refit": "no"}, InputTypeError, "refit must be True or False"),
    ],
)
def test_arguments_that_are_none_are_refused(fits, options, error, message):
    with pytest.raises(error, match=message):
        ranef.anova(*[lmm(formula) for formula in NESTED[:fits]], **options)


def test_what_is_no_fit_is_refused():
    with pytest.raises(InputTypeError, match=r"anova takes fits of ranef.lmm and ranef.glmm; got 'm1'"):
        ranef.anova(lmm(NESTED[0]), "m1")


def test_compare_takes_several_by_the_same_code():
    fits = [lmm(formula, reml=False) for formula in NESTED]
    assert str(fits[0].compare(*fits[1:])) == str(ranef.anova(*fits))
    with pytest.raises(ComparisonError, match="leave refit=True"):
        lmm(NESTED[0]).compare(*fits[1:])
    with pytest.raises(ComparisonError, match="fits of one kind"):
        fits[0].compare(fits[1], counts())


def test_the_record_is_a_table():
    table = ranef.anova(*(lmm(formula) for formula in NESTED))
    again = pickle.loads(pickle.dumps(table))
    assert str(again) == str(table)
    assert again.refitted
    assert "<br>m2: y ~ x + (x | ward)<br>" in table._repr_html_()
    assert table.to_frame("pandas").shape == (3, 10)
    header = str(table).splitlines()[4].split()
    assert header == ["npar", "AIC", "BIC", "logLik", "-2logLik", "weight", "Chisq", "Df", "Pr(>Chisq)"]
