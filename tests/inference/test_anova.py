"""Tests of terms: lmerTest's and car's figures, and hypotheses that do not depend on how factors are coded."""

import contextlib
import itertools
import pickle

import numpy as np
import pytest
from scipy import stats

import ranef
from ranef.contracts import InputError, InputTypeError
from ranef.inference.fixed_terms import fixed_terms
from ranef.inference.sums_of_squares import type_three

from ..lmm.models import fitted as reference
from ..reference.load import names
from .wards import EMPTY, FACTS, WARDS, counts, fitted, glmm, lmm

COLUMNS = {
    "Sum Sq": "sum_sq",
    "Mean Sq": "mean_sq",
    "NumDF": "num_df",
    "DenDF": "den_df",
    "F value": "statistic",
    "Pr(>F)": "p_value",
}


def anova_of(name):
    """lmerTest's table of a reference fit."""
    return reference(name).record.get("anova_type3_satterthwaite", {})


def agree(table, facts, columns, rtol):
    """Rows of R's by their names."""
    order = [table["term"].tolist().index(row) for row in facts["rows"] if row in table["term"]]
    assert len(order) == len(table)
    rows = [i for i, row in enumerate(facts["rows"]) if row in table["term"]]
    for theirs, ours in columns.items():
        expected = np.array(facts["columns"][theirs], dtype=float)[rows]
        np.testing.assert_allclose(table[ours][order], expected, rtol=rtol, err_msg=ours)


# Linear models ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("interaction", "Satterthwaite"),
        ("interaction", "Kenward-Roger"),
        ("covariate", "Satterthwaite"),
        ("covariate", "Kenward-Roger"),
        ("weights", "Satterthwaite"),
        ("empty", "Satterthwaite"),
        ("empty", "Kenward-Roger"),
    ],
)
def test_tables_are_those_of_lmertest(name, method, kind):
    table = fitted(name).anova(kind, method.lower())
    agree(table, FACTS[name][method][str(kind)], COLUMNS, rtol=2e-6)  # lmerTest rounds its rows to seven digits


@pytest.mark.parametrize("name", ["lmm_cake_full_ml", "lmm_cake_reml"])
def test_type_three_of_the_reference_fits(name):
    facts = reference(name).record["anova_type3_satterthwaite"]
    data = ranef.datasets.load("cake")
    fit = lmm("angle ~ recipe * temperature + (1 | recipe:replicate)", data, reml=name.endswith("reml"))
    table = fit.anova()
    assert table["term"].tolist() == facts["rows"]
    values = dict(zip(facts["cols"], facts["values"], strict=True))
    for theirs, ours in COLUMNS.items():
        np.testing.assert_allclose(table[ours], values[theirs], rtol=1e-6 if ours != "p_value" else 1e-4)


@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger"])
@pytest.mark.parametrize("coding", ["sum", "helmert", "poly", "SAS", "diff"])
@pytest.mark.parametrize("name", ["interaction", "covariate", "nested", "empty"])
def test_type_three_does_not_depend_on_the_coding(name, coding, method):
    one, other = fitted(name).anova(3, method), fitted(name, coding).anova(3, method)
    for column in ("num_df", "den_df", "statistic", "p_value"):
        np.testing.assert_allclose(other[column], one[column], rtol=2e-5, atol=1e-12)


def test_type_three_compares_means_with_equal_weights():
    fit, levels = fitted("interaction", "sum"), {"drug": "abc", "dose": ("high", "low", "mid")}
    cells = list(itertools.product(levels["drug"], levels["dose"]))
    rows = {"drug": [a for a, _ in cells], "dose": [b for _, b in cells], "x": np.zeros(9)}
    X = fit.terms.encoder.new_data(rows, effects=False, levels=False).X.reshape(3, 3, -1)
    means = X.mean(axis=1)
    np.testing.assert_allclose(fit.anova().hypotheses["drug"], means[1:] - means[0], atol=1e-12)
    crossed = X[1:, 1:] - X[:1, 1:] - X[1:, :1] + X[:1, :1]
    mine = fit.anova().hypotheses["drug:dose"].reshape(2, 2, -1)
    np.testing.assert_allclose(mine.transpose(1, 0, 2), crossed, atol=1e-12)


def test_type_three_of_a_covariate_beside_its_interaction_is_the_average_slope():
    fit = fitted("covariate")
    row = fit.anova().hypotheses["x"]
    at = {name: list(fit.names).index(name) for name in ("x", "drug[T.b]:x", "drug[T.c]:x")}
    expected = np.zeros(len(fit.names))
    expected[list(at.values())] = 1.0, 1.0 / 3.0, 1.0 / 3.0
    np.testing.assert_allclose(row, [expected], atol=1e-12)


def test_nested_factors_are_contained_in_what_is_nested_in_them():
    """drug / dose is the model drug * dose, so that drug has the same means. lmerTest 3.1.3 does not see it."""
    nested, crossed = fitted("nested").anova(), fitted("interaction").anova()
    facts = FACTS["nested"]["Satterthwaite"]["3"]
    for column in ("den_df", "statistic"):
        assert nested[column][0] == pytest.approx(crossed[column][0], rel=1e-6)
    for theirs, ours in COLUMNS.items():
        np.testing.assert_allclose(nested[ours][1:], facts["columns"][theirs][1:], rtol=2e-3)
    assert abs(nested["statistic"][0] / facts["columns"]["F value"][0] - 1.0) > 0.1


def test_empty_cells_leave_fewer_degrees_of_freedom_and_a_word():
    fit = fitted("empty")
    table = fit.anova()
    assert dict(zip(table["term"], table["num_df"], strict=True)) == {"drug": 2, "dose": 2, "x": 1, "drug:dose": 3}
    assert "drug:dose: only what the data determine" in str(table)
    fixed = fit._labels.fixed
    assert all(fixed.estimable(L).all() for L in table.hypotheses.values())


@pytest.mark.parametrize("formula", ["y ~ 0 + drug + drug:dose + (1 | ward)", "y ~ drug:dose + x + (1 | ward)"])
def test_models_without_main_effects(formula):
    """Each is a model of nine means: the terms' degrees of freedom are those of the columns they add."""
    table = lmm(formula).anova()
    expected = {"drug": 3, "drug:dose": 6} if "0 +" in formula else {"drug:dose": 8, "x": 1}
    assert dict(zip(table["term"], table["num_df"], strict=True)) == expected
    for other in ("sum", "helmert"):
        again = lmm(formula, contrasts={"drug": other, "dose": other}).anova()
        np.testing.assert_allclose(again["statistic"], table["statistic"], rtol=1e-5)


def test_tests_at_one_value_of_a_covariate_say_so():
    note = "drug is tested where x is zero: they interact"
    for kind, expected in ((1, False), (2, True), (3, True)):
        assert (note in str(fitted("covariate").anova(kind))) is expected
    assert note in str(counts().anova(3))
    assert note not in str(counts().anova(2))  # car's rule
    assert "is zero" not in str(fitted("interaction").anova())


@pytest.mark.parametrize("kind", [1, 3])
def test_units_and_origins_of_covariates_change_what_is_tested_at_zero_only(kind):
    formula = "y ~ drug * dose + drug * x + (1 | ward)"
    here = lmm(formula, EMPTY).anova(kind)
    for scale, origin in ((1e-7, 0.0), (1e7, 0.0), (1.0, 1e5)):
        there = lmm(formula, {**EMPTY, "x": scale * EMPTY["x"] + origin}).anova(kind)
        np.testing.assert_array_equal(there["num_df"], here["num_df"])
        rows = slice(1 if origin else 0, None)
        np.testing.assert_allclose(there["statistic"][rows], here["statistic"][rows], rtol=1e-5)


def test_terms_with_several_columns_and_calls():
    fit = lmm("y ~ drug * poly(x, 2) + I(x > 0) + (1 | ward)")
    table = fit.anova()
    assert dict(zip(table["term"], table["num_df"], strict=True)) == {
        "drug": 2,
        "poly(x, 2)": 2,
        "I(x > 0)": 1,
        "drug:poly(x, 2)": 4,
    }
    other = lmm("y ~ drug * poly(x, 2) + I(x > 0) + (1 | ward)", contrasts={"drug": "sum"}).anova()
    np.testing.assert_allclose(other["statistic"], table["statistic"], rtol=1e-6)


def test_a_term_that_others_determine_is_nan():
    data = {**WARDS, "twice": 2.0 * WARDS["x"]}
    table = lmm("y ~ x + twice + (1 | ward)", data).anova()
    assert np.isnan(table["statistic"]).tolist() == [False, True]
    assert table["num_df"].tolist() == [1, 0]
    assert "NA: nothing of twice" in str(table)
    plain = lmm("y ~ x + (1 | ward)").anova()
    assert table["statistic"][0] == pytest.approx(plain["statistic"][0], rel=1e-6)


def test_what_the_likelihood_does_not_determine_is_nan():
    rng = np.random.default_rng(1)
    d = {"g": np.repeat(np.arange(6), 4), "x": rng.normal(size=24), "f": np.tile(["a", "b"], 12)}
    d["y"] = np.repeat(rng.normal(size=6), 4) + 0.1 * rng.normal(size=24)
    fit = lmm("y ~ x + f + (1 | g)", d)
    assert np.isfinite(fit.anova()["statistic"]).all()
    # the law that the joint test of one row is the t-test of it
    np.testing.assert_allclose(fit.anova(2)["statistic"], fit.t_values[[1, 2]] ** 2, rtol=1e-8)


# Generalized models -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [2, 3])
def test_wald_tables_are_those_of_car(kind):
    table = counts().anova(kind)
    facts = FACTS["poisson"][str(kind)]
    agree(table, facts, {"Chisq": "statistic", "Df": "df"}, rtol=5e-5)  # glmmTMB searches to about 1e-6 standard errors
    np.testing.assert_allclose(table["p_value"], stats.chi2.sf(table["statistic"], table["df"]))
    assert table.method == "asymptotic"
    assert "Wald chi-squared" in table.title


def test_sequential_likelihood_ratios_are_those_of_nested_fits():
    table = counts().anova(1, test="LRT")
    assert table["term"].tolist() == ["drug", "dose", "x", "drug:dose", "drug:x"]
    for theirs, ours in {"Chisq": "statistic", "Chi Df": "df", "Pr(>Chisq)": "p_value"}.items():
        np.testing.assert_allclose(table[ours][3:], FACTS["poisson"]["lrt"]["columns"][theirs][1:], rtol=1e-6)


def test_likelihood_ratios_of_type_two_leave_out_what_contains_a_term():
    table = counts().anova(2, test="LRT")
    without = glmm("count ~ dose + x + (1 | ward)").log_likelihood
    full = glmm("count ~ drug + dose + x + (1 | ward)").log_likelihood
    assert table["statistic"][0] == pytest.approx(2.0 * (full - without), rel=1e-6)


def test_likelihood_ratios_of_type_three_fix_the_contrasts():
    """With sum contrasts the coefficients of the term are the hypothesis: the fit without these columns of X."""
    fit = counts()
    coded = ranef.model_frame(fit.formula, dict(WARDS), contrasts={"drug": "sum", "dose": "sum"})
    gone = coded.terms.fixed["drug"].columns
    keep = [j for j, name in enumerate(coded.x_names) if name not in gone]
    small = ranef.glmm(coded.y, coded.X[:, keep], coded.groups, family="poisson")
    table = fit.anova(3, test="LRT")
    assert table["statistic"][0] == pytest.approx(2.0 * (fit.log_likelihood - small.log_likelihood), rel=1e-6)
    assert table["df"][0] == 2


def test_likelihood_ratios_of_linear_models_are_of_refits_by_maximum_likelihood():
    table = fitted("interaction").anova(3, test="LRT")
    assert "Refitted by maximum likelihood" in str(table)
    by_ml = lmm("y ~ drug * dose + x + (1 | ward) + (1 | nurse)", reml=False).anova(3, test="LRT")
    assert "Refitted" not in str(by_ml)
    np.testing.assert_allclose(by_ml["statistic"], table["statistic"], rtol=1e-6)
    chisq = FACTS["drop1"]["chisq"]
    at = chisq["rows"].index("drug:dose")
    assert table["statistic"][-1] == pytest.approx(chisq["columns"]["LRT"][at], rel=1e-6)


# Arrays -------------------------------------------------------------------------------------------------------------


def arrays(**options):
    frame = ranef.model_frame("y ~ drug * dose + x + (1 | ward)", dict(WARDS))
    return ranef.lmm(frame.y, frame.X, frame.groups, x_names=frame.x_names, **options), frame.terms.fixed


def test_terms_of_arrays_are_given():
    fit, fixed = arrays()
    by_formula = lmm("y ~ drug * dose + x + (1 | ward)")
    terms = {name: list(term.columns) for name, term in fixed.items() if name != "(Intercept)"}
    for kind in (1, 2):
        table, expected = fit.anova(kind, terms=terms), by_formula.anova(kind)
        assert table["term"].tolist() == expected["term"].tolist()
        np.testing.assert_allclose(table["statistic"], expected["statistic"], rtol=1e-8)
    third = fit.anova(terms=terms)
    rows = np.eye(len(fit.names))[[fit.names.index(c) for c in terms["drug"]]]
    assert third["statistic"][0] == pytest.approx(fit.contrast(rows, joint=True).joint.statistic)
    assert "depends on how factors are coded" in " ".join(str(third).split())


@pytest.mark.parametrize("name", [n for n in names("lmm_sleepstudy") if "rows" in anova_of(n)])
def test_terms_of_the_reference_fits_are_those_of_lmertest(name):
    facts = anova_of(name)
    table = reference(name).solution.anova(terms={row: [row] for row in facts["rows"]})
    values = dict(zip(facts["cols"], np.array(facts["values"], dtype=float), strict=True))
    for theirs, ours in COLUMNS.items():
        expected = values[theirs]
        if ours == "num_df":
            expected = np.nan_to_num(expected)  # of the column that was dropped: 0
        np.testing.assert_allclose(table[ours], expected, rtol=1e-5 if ours != "p_value" else 1e-3)


@pytest.mark.parametrize(
    ("terms", "error", "message"),
    [
        (None, InputError, "say which columns make a term"),
        ({}, InputError, "terms is empty"),
        ({"a": ["x", "z"]}, InputError, r"terms\['a'\] has 'z'; the columns of X are \(Intercept\), drug"),
        ({"a": ["x"], "b": "x"}, InputError, r"'x', which is in terms\['a'\] already"),
        ({"a": 3}, InputTypeError, r"terms\['a'\] must be a list of names"),
        ({"": ["x"]}, InputError, "without a name"),
        (["x"], InputTypeError, "terms"),
    ],
)
def test_terms_that_are_none_are_refused(terms, error, message):
    with pytest.raises(error, match=message):
        arrays()[0].anova(terms=terms)


# Arguments and text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"type": 4}, InputError, "type must be 1, 2 or 3; got 4"),
        ({"type": "IV"}, InputError, "type must be 1, 2 or 3"),
        ({"type": 2.0}, InputTypeError, "type must be 1, 2 or 3"),
        ({"type": True}, InputTypeError, "type must be 1, 2 or 3"),
        ({"test": "F"}, InputError, "test must be 'Wald' or 'LRT'; got 'F'"),
        ({"df": "bw"}, InputError, "df must be one of"),
    ],
)
def test_arguments_that_are_none_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        fitted("covariate").anova(**options)


def test_types_have_roman_names_too():
    assert str(fitted("covariate").anova("II")) == str(fitted("covariate").anova(2))


def test_methods_that_a_fit_does_not_have_are_refused():
    with pytest.raises(InputError, match=r"fit.update\(reml=True\)"):
        lmm("y ~ x + (1 | ward)", reml=False).anova(df="kenward-roger")
    with pytest.raises(InputError, match="is for linear models"):
        counts().anova(df="satterthwaite")
    with pytest.raises(InputError, match="no term but the intercept"):
        lmm("y ~ 1 + (1 | ward)").anova()


def test_caveats_are_where_they_belong():
    few = "Chi-squared is for many levels, and ward has 12"
    assert few in str(counts().anova())
    assert few in str(counts().anova(2, test="LRT"))
    assert "Chi-squared" not in str(fitted("covariate").anova())
    assert "Chi-squared is for many levels, and nurse has 8" in str(fitted("covariate").anova(df="asymptotic"))
    assert "variances are too small" in str(lmm("y ~ x + (1 | ward)", reml=False).anova())
    assert "variances are too small" not in str(fitted("covariate").anova())
    many = {"g": np.repeat(np.arange(30), 3), "x": np.tile(np.arange(3.0), 30)}
    many["y"] = np.random.default_rng(2).poisson(np.exp(0.3 * many["x"]))
    fit = ranef.glmm("y ~ x + (1 | g)", many, family="poisson")
    assert "many levels" not in str(fit.anova())


def test_the_table_reads_as_r_s():
    text = str(fitted("covariate").anova())
    assert text.splitlines()[0] == "Type III Analysis of Variance Table with Satterthwaite's method"
    assert text.splitlines()[1].split() == ["Sum", "Sq", "Mean", "Sq", "NumDF", "DenDF", "F", "value", "Pr(>F)"]
    assert "<caption>Type III" in fitted("covariate").anova()._repr_html_()


def test_the_record_goes_through_a_pickle_and_into_frames():
    table = fitted("covariate").anova()
    again = pickle.loads(pickle.dumps(table))
    assert str(again) == str(table)
    np.testing.assert_array_equal(again.hypotheses["drug"], table.hypotheses["drug"])
    assert table.to_frame("pandas")["term"].tolist() == ["drug", "x", "dose", "drug:x"]
    assert (table.type, table.test, table.method) == (3, "Wald", "satterthwaite")
    with pytest.raises(TypeError):
        table.hypotheses["drug"] = None


def test_fits_without_rows_have_the_same_tables(tmp_path):
    fit = fitted("interaction")
    fit.save(tmp_path / "fit.ranef")
    again = ranef.load(tmp_path / "fit.ranef")
    for kind in (1, 2, 3):
        np.testing.assert_allclose(again.anova(kind)["statistic"], fit.anova(kind)["statistic"], rtol=1e-8)
    with pytest.raises(InputError, match="no rows"):
        again.anova(test="LRT")


def test_hypotheses_do_not_depend_on_the_order_of_the_terms():
    one, other = fitted("interaction"), lmm("y ~ x + dose * drug + (1 | ward) + (1 | nurse)")
    for L, M in ((one.anova().hypotheses["drug"], other.anova().hypotheses["drug"]),):
        places = [other.names.index(name) if name in other.names else None for name in one.names]
        for mine, theirs in zip(L, M, strict=True):
            for weight, at in zip(mine, places, strict=True):
                if at is not None:
                    assert theirs[at] == pytest.approx(weight, abs=1e-12)


def test_type_three_needs_no_more_than_labels():
    fit = fitted("interaction")
    terms = fixed_terms(fit._labels.fixed, fit.terms)
    assert [t.name for t in terms if not t.is_tested] == ["(Intercept)"]
    assert [len(L) for L in type_three(terms, fit._labels.fixed)] == [1, 2, 2, 1, 4]


@pytest.mark.parametrize("fixed", ["1", "0"])
def test_without_terms_there_is_nothing_to_test(fixed):
    with pytest.warns() if fixed == "0" else contextlib.nullcontext():
        fit = ranef.lmm(f"Yield ~ {fixed} + (1 | Batch)", ranef.datasets.load("dyestuff"))
    with pytest.raises(InputError, match="no term but the intercept"):
        fit.anova()
