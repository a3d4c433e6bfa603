"""Contrasts: lmerTest and Wald's tests, how rows are written, what X does not determine, and how it is all shown."""

import pickle
import warnings

import numpy as np
import pandas
import pytest
from scipy import stats

import ranef
from ranef.contracts import DataWarning, InputError, InputTypeError, RankDeficiencyWarning
from ranef.inference.hypotheses import hypotheses
from ranef.inference.satterthwaite import fai_cornelius

from ..lmm.models import fit as fit_of
from ..lmm.models import fitted
from ..reference.load import load, names
from .test_kenward_roger import FACTS, ratings

NAMES = ("(Intercept)", "trtB", "trtC", "I(x^2)", "a-b", "x")


# Numbers ------------------------------------------------------------------------------------------------------------


def test_rows_are_those_of_lmertest():
    facts = FACTS["ratings"]["rows"]
    ours = ratings().contrast(facts["L"], "satterthwaite")
    for column, expected in facts["satterthwaite"].items():
        rtol = 1e-6 if column in ("estimate", "se") else 1e-5
        np.testing.assert_allclose(ours[column], expected, rtol=rtol)


WITH_ANOVA = [n for n in names("lmm_") if "rows" in fitted(n).record.get("anova_type3_satterthwaite", {})]


@pytest.mark.parametrize("name", [n for n in WITH_ANOVA if "rankdef" not in n])
def test_joint_tests_are_those_of_lmertest_s_anova(name):
    facts = fitted(name).record["anova_type3_satterthwaite"]
    columns = dict(zip(facts["cols"], facts["values"], strict=True))
    for i, term in enumerate(facts["rows"]):
        block = facts["contrasts"][term]
        L = np.round(6.0 * np.array(block["matrix"]), 5) / 6.0  # sixths, printed with seven digits
        order = [block["cols"].index(column) for column in fitted(name).solution.names]
        joint = fitted(name).solution.contrast(L[:, order], joint=True).joint
        assert joint.df == columns["NumDF"][i]
        assert joint.df_denominator == pytest.approx(columns["DenDF"][i], rel=1e-5)
        assert joint.statistic == pytest.approx(columns["F value"][i], rel=1e-5)
        assert joint.p_value == pytest.approx(columns["Pr(>F)"][i], rel=1e-3)


@pytest.mark.parametrize("formula", ["recipe * temperature", "recipe * temp", "recipe + C(temperature, contr.sum)"])
@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
def test_a_term_is_what_anova_tests_of_it(formula, df):
    fit = ranef.lmm(f"angle ~ {formula} + (1 | recipe:replicate)", ranef.datasets.load("cake"))
    table = fit.anova(df=df)
    for i, term in enumerate(table["term"]):
        if term in fit.names:  # the covariate, whose coefficient comes first
            assert fit.contrast(term, df).hypotheses.L.tolist() == [[float(name == term) for name in fit.names]]
            assert fit.contrast(term, df).joint is None
            continue
        found = fit.contrast(term, df)
        np.testing.assert_array_equal(found.hypotheses.L, table.hypotheses[term])
        assert found.joint.statistic == pytest.approx(table["statistic"][i], rel=1e-12)
        assert found.joint.df_denominator == pytest.approx(table["den_df"][i], rel=1e-12)
        assert [note for note in found.notes if "is zero" in note] == [
            n for n in table.notes if n.startswith(term + " ")
        ]


def test_terms_among_others():
    fit = ranef.lmm("angle ~ recipe + temp + (1 | recipe:replicate)", ranef.datasets.load("cake"))
    both = fit.contrast(["recipe", "temp = 0.1"])
    assert both["contrast"].tolist() == ["recipe[T.B]", "recipe[T.C]", "temp = 0.1"]
    assert both.joint is None
    assert fit.contrast("recipe", rhs=[-1.0, 0.0]).hypotheses.rhs.tolist() == [-1.0, 0.0]
    with pytest.raises(InputError, match=r"or the name of a term; .*recipe\[T.C\], temp; terms: recipe$"):
        fit.contrast("replicate")
    with pytest.raises(InputError, match="has 2 rows; a label stands for one"):
        fit.contrast({"all": "recipe"})


def test_a_term_of_which_x_determines_nothing():
    d = {name: ranef.datasets.load("cake")[name] for name in ("angle", "recipe", "replicate")}
    d["again"] = [f"{value}'" for value in d["recipe"]]
    with pytest.warns(RankDeficiencyWarning):
        fit = ranef.lmm("angle ~ recipe + again + (1 | recipe:replicate)", d)
    with pytest.raises(InputError, match="X determines nothing of again"):
        fit.contrast("again")


def test_coefficients_are_the_contrasts_of_the_identity():
    for name in ("lmm_pastes_reml", "lmm_cake_full_ml", "lmm_sleepstudy_weights_ml"):
        fit = fitted(name).solution
        table = fit.contrast(np.eye(len(fit.names)))
        for column, expected in (
            ("estimate", fit.coefficients),
            ("se", fit.se),
            ("df", fit.df_satterthwaite),
            ("p_value", fit.p_values),
            ("lower", fit.conf_int[:, 0]),
            ("upper", fit.conf_int[:, 1]),
        ):
            np.testing.assert_allclose(table[column], expected, rtol=1e-9)
        np.testing.assert_allclose(table.covariance, fit.vcov, rtol=1e-8, atol=1e-10 * fit.vcov.max())
        assert table["contrast"].tolist() == list(fit.names)


@pytest.mark.parametrize("name", ["glmm_cbpp_laplace", "glmm_cbpp_nagq0", "glmm_negbin"])
def test_generalized_models_have_wald_s_tests(name):
    case = load(name)
    family = {"negative.binomial": "negative_binomial"}.get(case.family, case.family)
    fit = ranef.glmm(case.y, case.X, case.groups, family=family, weights=case.weights, nagq=case.nagq)
    p = case.X.shape[1]
    L = np.eye(p)[1:]
    table = fit.contrast(L, joint=True, rhs=0.1)
    z = (fit.coefficients[1:] - 0.1) / fit.se[1:]
    np.testing.assert_allclose(table["statistic"], z, rtol=1e-9)
    np.testing.assert_allclose(table["p_value"], 2 * stats.norm.sf(np.abs(z)), rtol=1e-9)
    half = stats.norm.ppf(0.975) * fit.se[1:]
    np.testing.assert_allclose(table["upper"] - table["estimate"], half, rtol=1e-9)
    d = fit.coefficients[1:] - 0.1
    chi2 = d @ np.linalg.solve(fit.vcov[1:, 1:], d)
    assert table.joint.statistic == pytest.approx(chi2, rel=1e-9)
    assert table.joint.p_value == pytest.approx(stats.chi2.sf(chi2, p - 1), rel=1e-9)
    assert "df" not in table
    assert (table.method, np.isinf(table.joint.df_denominator)) == ("asymptotic", True)


def test_residual_degrees_of_freedom_are_rows_less_the_rank():
    fit = ratings()
    L = np.eye(4)[1:3]
    table = fit.contrast(L, "residual", joint=True, level=0.9)
    assert table["df"].tolist() == [62.0, 62.0]
    np.testing.assert_allclose(table["upper"] - table["estimate"], stats.t.ppf(0.95, 62) * fit.se[1:3], rtol=1e-12)
    F = fit.coefficients[1:3] @ np.linalg.solve(fit.vcov[1:3, 1:3], fit.coefficients[1:3]) / 2
    assert table.joint.statistic == pytest.approx(F, rel=1e-9)
    assert table.joint.p_value == pytest.approx(stats.f.sf(F, 2, 62), rel=1e-9)
    chi2 = fit.contrast(L, "asymptotic", joint=True).joint
    assert chi2.statistic == pytest.approx(2 * F, rel=1e-9)


def test_the_default_is_what_the_table_of_coefficients_has():
    case = load("lmm_dyestuff_reml")
    without = ranef.lmm(case.y, case.X, case.groups, compute_satterthwaite=False)
    assert without.contrast([1.0]).method == "residual"
    assert without.contrast([1.0], "satterthwaite")["df"][0] == pytest.approx(5.0)
    assert fit_of("lmm_dyestuff_reml").contrast([1.0]).method == "satterthwaite"


@pytest.mark.parametrize(
    ("nu", "expected"), [([5.0, 5.0 + 1e-9], 5.0), ([1.5, 40.0], 2.0), ([4.0, 6.0], 2 * 3.5 / 1.5), ([9.0], 9.0)]
)
def test_degrees_of_freedom_of_fai_and_cornelius(nu, expected):
    """E = sum nu / (nu - 2): of 4 and 6 it is 2 + 1.5."""
    assert fai_cornelius(np.array(nu)) == pytest.approx(expected, rel=1e-8)


# Rows ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "weights", "rhs"),
    [
        ("trtB - trtC", {"trtB": 1, "trtC": -1}, 0.0),
        ("trtB - trtC = 0", {"trtB": 1, "trtC": -1}, 0.0),
        ("-2*trtB+.5 * trtC=-1.5", {"trtB": -2, "trtC": 0.5}, -1.5),
        ("(Intercept) + 9*x = 3e2", {"(Intercept)": 1, "x": 9}, 300.0),
        ("I(x^2) - x/2", {"I(x^2)": 1, "x": -0.5}, 0.0),
        ("a-b", {"a-b": 1}, 0.0),
        ("a-b - 1e-1*x", {"a-b": 1, "x": -0.1}, 0.0),
        ("x + x", {"x": 2}, 0.0),
        ({"trtB": 1, "trtC": -1}, {"trtB": 1, "trtC": -1}, 0.0),
        ([0, 1, -1, 0, 0, 0], {"trtB": 1, "trtC": -1}, 0.0),
    ],
    ids=str,
)
def test_a_row_may_be_written_as(given, weights, rhs):
    H = hypotheses(given, NAMES)
    assert H.L.tolist() == [[weights.get(name, 0.0) for name in NAMES]]
    assert H.rhs.tolist() == [rhs]


def test_several_rows_may_be_written_as():
    rows = [[0, 1, -1, 0, 0, 0], [0, 0, 0, 0, 0, 1]]
    for given in (rows, np.array(rows), ["trtB - trtC", {"x": 1}], ["trtB - trtC", rows[1]]):
        H = hypotheses(given, NAMES, rhs=[1, 2])
        assert H.L.tolist() == rows
        assert H.rhs.tolist() == [1.0, 2.0]
        assert H.names == ("trtB - trtC", "x")
    labelled = hypotheses({"B - C": "trtB - trtC = 1", "slope": {"x": 1}}, NAMES)
    assert labelled.names == ("B - C", "slope")
    assert labelled.rhs.tolist() == [1.0, 0.0]


def test_names_with_an_equals_sign_are_names():
    H = hypotheses(["g=1 - g=2", "g=1 = 2", "g=2"], ("g=1", "g=2"))
    assert H.L.tolist() == [[1.0, -1.0], [1.0, 0.0], [0.0, 1.0]]
    assert H.rhs.tolist() == [0.0, 2.0, 0.0]


def test_rows_have_names_that_are_short():
    L = np.array([[0, 1, -1, 0, 0, 0], [0.25, 0, 0, 0, 0, -2], [1, 1, 1, 1, 1, 1]])
    assert hypotheses(L, NAMES).names == ("trtB - trtC", "0.25*(Intercept) - 2*x", "[2]")
    assert hypotheses("trtB = 1", NAMES).names == ("trtB = 1",)


@pytest.mark.parametrize(
    ("given", "rhs", "error", "message"),
    [
        ("trtB - trtD", None, InputError, "cannot read '- trtD' in 'trtB - trtD'.* the model has"),
        ("trtB trtC", None, InputError, "cannot read 'trtC'"),
        ("trtBx", None, InputError, "cannot read 'trtBx'"),
        ("trtB = trtC", None, InputError, "after '=' in 'trtB = trtC' there must be a number; got 'trtC'"),
        ("trtB = inf", None, InputError, "must be finite; got inf"),
        ("", None, InputError, "there is no coefficient in ''"),
        ({"trtD": 1}, None, InputError, "L names 'trtD', which is no coefficient"),
        ({"trtB": np.inf}, None, InputError, "must be finite"),
        ({"trtB": "x", "two": [[1] * 6] * 2}, None, InputError, r"L\['two'\] has 2 rows; a label stands for one"),
        ([1.0, 2.0], None, InputError, "L has 2 weights a row, and the model has 6 coefficients"),
        ([[1, 2], [1]], None, InputError, "the rows of L differ in length"),
        ([], None, InputTypeError, "L must be an array with a weight for each coefficient"),
        (None, None, InputTypeError, "L must be an array with a weight for each coefficient"),
        (3.0, None, InputTypeError, "L must be an array with a weight for each coefficient"),
        ([np.nan] + 5 * [0.0], None, InputError, "L has missing"),
        ("x = 1", 2.0, InputError, "in the text after '=' and in rhs"),
        ("x", [1.0, 2.0], InputError, "one for each of the 1 rows"),
        ("x", np.inf, InputError, "rhs must be one finite number"),
    ],
    ids=str,
)
def test_rows_that_cannot_be_read_are_refused(given, rhs, error, message):
    with pytest.raises(error, match=message):
        hypotheses(given, NAMES, rhs)


# What cannot be tested ----------------------------------------------------------------------------------------------


def two_ways(**settings):
    """Three groups with a column each and an intercept: one too many."""
    rng = np.random.default_rng(7)
    t, g = np.arange(60) % 3, rng.integers(0, 8, 60)
    X = np.column_stack([np.ones(60), *(t == j for j in range(3)), rng.normal(size=60)]).astype(float)
    y = X[:, 1:] @ [1.0, 2.0, 2.5, 0.3] + rng.normal(size=8)[g] + rng.normal(size=60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ranef.lmm(y, X, {"g": g}, x_names=["1", "A", "B", "C", "x"], **settings), X[:, 1:], y, g


@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger", "residual", "asymptotic"])
def test_what_x_determines_does_not_depend_on_what_is_dropped(method):
    fit, X, y, g = two_ways()
    full = ranef.lmm(y, X, {"g": g}, x_names=["A", "B", "C", "x"])
    rows = ["A - B", "B - C", "0.5*A + 0.5*B - C", "x"]
    one, other = fit.contrast(rows, method, joint=True), full.contrast(rows, method, joint=True)
    for column in ("estimate", "se", "statistic", "p_value", "lower"):
        np.testing.assert_allclose(one[column], other[column], rtol=1e-6)
    assert one.joint.df == other.joint.df == 3
    # Fai & Cornelius depend on how rows are written, not on X
    assert one.joint.p_value == pytest.approx(other.joint.p_value, rel=1e-6)
    mean = fit.contrast({"1": 1, "B": 1}, method)
    assert mean["estimate"][0] == pytest.approx(full.fixef["B"], rel=1e-8)
    assert mean["se"][0] == pytest.approx(full.contrast("B", method)["se"][0], rel=1e-6)


def test_what_x_does_not_determine_is_nan_with_a_warning():
    fit, *_ = two_ways()
    with pytest.warns(RankDeficiencyWarning, match=r"do not determine the contrast A, 1: .* \(C dropped\)"):
        table = fit.contrast(["A", "A - B", "1"], joint=True)
    assert np.isnan(table["estimate"]).tolist() == [True, False, True]
    assert np.isnan(table["p_value"]).tolist() == [True, False, True]
    assert np.isnan(table["df"]).tolist() == [True, False, True]
    assert np.isnan(table.covariance[0]).all()
    assert np.isnan(table.joint.p_value)
    assert "NA: not estimable, X is rank deficient: A, 1" in str(table)


def test_what_the_likelihood_does_not_determine_is_nan():
    """The factor is a column of X too: the variance may be anything, and so may the standard errors of its columns."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(4), 6)
    X = np.column_stack([*(g == j for j in range(4)), rng.normal(size=24)]).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ranef.lmm(X @ [1, 2, 3, 4, 0.5] + rng.normal(size=24), X, {"g": g})
        table = fit.contrast(np.eye(5), "satterthwaite")
    np.testing.assert_array_equal(np.isnan(table["se"]), np.isnan(fit.se))
    assert np.isnan(table["p_value"][:4]).all()
    assert np.isfinite(table["p_value"][4])


def test_hypotheses_that_contradict_each_other_are_refused_together_only():
    fit = ratings()
    rows = ["treatmentt1 = 0", "2*treatmentt1 = 1"]
    assert len(fit.contrast(rows)) == 2
    with pytest.raises(InputError, match=r"row 0 of the hypotheses is a combination of the others, .* contradicts"):
        fit.contrast(rows, joint=True)
    agreeing = fit.contrast(["treatmentt1 = 0.5", "2*treatmentt1 = 1"], joint=True).joint
    assert agreeing.df == 1
    with pytest.raises(InputError, match="a weight that is not zero"):
        fit.contrast(np.zeros(4), joint=True)


def test_methods_that_there_are_not_are_refused():
    case = load("glmm_cbpp_laplace")
    generalized = ranef.glmm(case.y, case.X, case.groups, weights=case.weights)
    for method in ("satterthwaite", "kenward-roger", "residual"):
        with pytest.raises(InputError, match=f"df='{method}' is for linear models.* df='asymptotic'"):
            generalized.contrast(np.eye(4), method)
    for fit in (generalized, ratings()):
        with pytest.raises(InputError, match=r"df must be one of 'satterthwaite', 'kenward-roger', .* got 'kr'"):
            fit.contrast(np.eye(4), "kr")
        with pytest.raises(InputTypeError, match="df must be one of"):
            fit.contrast(np.eye(4), 12.0)
        with pytest.raises(InputError, match="level must lie between 0 and 1"):
            fit.contrast(np.eye(4), level=95)
        with pytest.raises(InputTypeError, match="joint must be True or False"):
            fit.contrast(np.eye(4), joint="yes")


def test_a_row_without_weights_is_zero_without_a_test():
    table = ratings().contrast(np.zeros(4))
    assert (table["estimate"][0], table["se"][0]) == (0.0, 0.0)
    assert np.isnan([table["statistic"][0], table["p_value"][0]]).all()


def test_a_model_without_fixed_effects_has_no_contrasts():
    d = ranef.datasets.load("dyestuff")
    with pytest.warns(DataWarning, match="no intercept"):
        fit = ranef.lmm(d["Yield"] - d["Yield"].mean(), np.zeros((30, 0)), {"Batch": d["Batch"]})
    with pytest.raises(InputError, match="L has 1 weights a row, and the model has 0 coefficients"):
        fit.contrast([1.0])


# The record ---------------------------------------------------------------------------------------------------------


def test_the_table_is_read_at_a_glance():
    text = str(
        ratings().contrast({"t1 - t2": "treatmentt1 - treatmentt2 = 0.25", "x": {"x": 1}}, "kenward-roger", joint=True)
    )
    assert text.splitlines()[0] == "Contrasts by Kenward-Roger's method, with 95 % limits"
    assert text.splitlines()[1].split() == "Estimate Std. Error df t value Pr(>|t|) lower upper".split()  # noqa: SIM905
    assert text.splitlines()[-1].startswith("Joint test: F(2, ")
    assert max(map(len, text.splitlines())) <= 80


def test_the_table_is_a_frame():
    table = ratings().contrast(np.eye(4))
    columns = ["contrast", "estimate", "se", "df", "statistic", "p_value", "lower", "upper"]
    assert list(table.to_frame()) == columns
    assert list(table.to_frame("pandas").columns) == columns


def test_fits_without_rows_have_the_same_contrasts(tmp_path):
    ratings().save(tmp_path / "fit")
    loaded = ranef.load(tmp_path / "fit")
    assert not loaded.has_rows
    for method in ("satterthwaite", "kenward-roger", "residual"):
        one, other = (fit.contrast(np.eye(4)[1:3], method, joint=True) for fit in (ratings(), loaded))
        assert str(one) == str(other)
        np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-12)


def test_models_of_formulas_and_frames_have_contrasts():
    d = pandas.DataFrame(dict(ranef.datasets.load("sleepstudy")))
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", d)
    table = fit.contrast("Days = 10", "kenward-roger")
    assert isinstance(table.to_frame(), pandas.DataFrame)
    assert table["df"][0] == pytest.approx(17.0, rel=1e-4)


def test_the_record_goes_through_a_pickle():
    table = ratings().contrast(np.eye(4)[1:3], "kenward-roger", joint=True)
    again = pickle.loads(pickle.dumps(table))
    assert str(again) == str(table)
    assert again.joint == table.joint
    np.testing.assert_array_equal(again.hypotheses.L, table.hypotheses.L)
