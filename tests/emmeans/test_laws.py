"""What marginal means are by their definitions: averages of predictions, derivatives, integrals in closed form."""

import itertools
import pickle
import warnings

import numpy as np
import pandas
import pytest
from scipy import integrate, stats
from scipy.interpolate import BSpline

import ranef
from ranef.contracts import InputError, InputTypeError
from ranef.inference.emmeans.adjust import Together, alike, stepwise
from ranef.inference.emmeans.families import FAMILIES, family_of
from ranef.inference.emmeans.grid import reference_grid
from ranef.inference.emmeans.letters import letters_of
from ranef.inference.emmeans.mvt import Maximum
from ranef.inference.emmeans.scale import scale_of

from .models import fit, weeks

# Means --------------------------------------------------------------------------------------------------------------


def population(m, **columns):
    n = max(len(np.atleast_1d(c)) for c in columns.values())
    return m.predict({k: np.broadcast_to(c, (n,)) for k, c in columns.items()}, random="none", scale="link")


def test_means_are_averages_of_predictions():
    m, data = fit("weeks"), weeks()
    cells = list(itertools.product(["w1", "w2", "w3", "w4"], [0.0, 1.0]))
    columns = {"week": np.array([w for w, _ in cells], object), "z": np.array([z for _, z in cells])}
    for weights in ("equal", "proportional", "cells", "outer"):
        table = m.emmeans("trt", weights=weights)
        for trt, estimate in zip(table["trt"], table["estimate"], strict=True):
            means = population(m, trt=np.array([trt] * 8, object), x=data["x"].mean(), **columns)
            inside = data["trt"] == trt if weights == "cells" else np.full(220, True)
            w = np.array([(inside & (data["week"] == a) & (data["z"] == b)).sum() for a, b in cells], float)
            if weights == "equal":
                w[:] = 1.0
            if weights == "outer":
                w = np.array([(data["week"] == a).sum() * (data["z"] == b).sum() for a, b in cells], float)
            assert estimate == pytest.approx(means @ w / w.sum(), rel=1e-10)


def test_cells_of_some_levels_only():
    m, data = fit("weeks"), weeks()
    table = m.emmeans("trt", at={"week": ["w3", "w1"], "x": 2.0, "z": 1}, weights="proportional")
    means = [
        population(m, trt=np.array(["hi"], object), week=np.array([w], object), x=2.0, z=1.0)[0] for w in ("w3", "w1")
    ]
    w = [(data["week"] == name).sum() for name in ("w3", "w1")]  # a number that is given counts for nothing
    assert table["estimate"][1] == pytest.approx(np.average(means, weights=w), rel=1e-10)


def test_prior_weights_count_in_cells():
    data = weeks()
    weight = np.where(data["week"] == "w1", 3.0, 1.0)
    m = ranef.lmm("y ~ trt + week + (1 | g)", data, weights=weight)
    table = m.emmeans("trt", weights="proportional")
    means = [
        population(m, trt=np.array(["ctl"], object), week=np.array([w], object))[0] for w in ("w1", "w2", "w3", "w4")
    ]
    w = [weight[data["week"] == name].sum() for name in ("w1", "w2", "w3", "w4")]
    assert table["estimate"][0] == pytest.approx(np.average(means, weights=w), rel=1e-10)


def test_values_of_the_grid_are_lists_ranges_or_columns_of_any_frame():
    m = fit("weeks")
    expected = m.emmeans("x", at={"x": [1.0, 2.0]})["estimate"]
    for given in (range(1, 3), (1, 2), pandas.Series([1.0, 2.0]), np.array([1, 2])):
        np.testing.assert_array_equal(m.emmeans("x", at={"x": given})["estimate"], expected)
    levels = m.emmeans("trt", at={"trt": pandas.Series(["lo", "ctl"])})
    assert levels["trt"].tolist() == ["lo", "ctl"]


def test_interaction_contrasts_are_contrasts_of_contrasts():
    means = fit("weeks").emmeans(["trt", "week"])
    by_hand = means.contrast("consec", by="week").contrast("poly", by="contrast")
    at_once = means.contrast(interaction=["consec", "poly"])
    assert at_once["week_poly"].tolist() == ["linear", "linear", "quadratic", "quadratic", "cubic", "cubic"]
    order = np.argsort(at_once["trt_consec"], kind="stable")
    assert by_hand["contrast"].tolist() == at_once["trt_consec"][order].tolist()
    assert by_hand["contrast1"].tolist() == at_once["week_poly"][order].tolist()  # the name that emmeans gives it
    np.testing.assert_allclose(by_hand["estimate"], at_once["estimate"][order], rtol=1e-10)


def test_joint_tests_say_what_the_data_do_not_determine():
    # emmeans 1.8.4, joint_tests of trt, which is nested in two (nesting.R)
    data = weeks()
    data["two"] = np.where(data["trt"] == "lo", "B", "A").astype(object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ranef.RankDeficiencyWarning)
        table = ranef.lmm("y ~ two * trt + week + (1 | g)", data).joint_tests()
    assert table["term"].tolist() == ["two", "week", "two:trt"]
    assert table["df1"].tolist() == [1, 3, 1]
    np.testing.assert_allclose(table["statistic"], [26.780, 10.581, 6.140], atol=2e-3)
    assert any(note.endswith("of freedom: trt, holes, trt:holes") for note in fit("holes").joint_tests().notes)
    assert not fit("weeks").joint_tests().notes


def test_labels_with_operators_stand_in_brackets():
    # emmeans 1.8.4: pairs(emmeans(lmer(y ~ trt + (1 | g)), "trt")) of these levels, and pairs() of that
    data = weeks()
    data["trt"] = np.array([{"ctl": "pre-op", "hi": "hi", "lo": "a/b"}[level] for level in data["trt"]], object)
    model = ranef.lmm("y ~ trt + (1 | g)", data, levels={"trt": ["pre-op", "hi", "a/b"]})
    pairs = model.emmeans("trt").pairs()
    assert pairs["contrast"].tolist() == ["(pre-op) - hi", "(pre-op) - (a/b)", "hi - (a/b)"]
    assert pairs.pairs()["contrast"].tolist()[0] == "((pre-op) - hi) - ((pre-op) - (a/b))"
    control = model.emmeans("trt").contrast("trt.vs.ctrl", ref="a/b")
    assert control["contrast"].tolist() == ["(pre-op) - (a/b)", "hi - (a/b)"]
    ratios = ranef.lmm("log(size) ~ trt + (1 | g)", data).emmeans("trt", type="response").pairs()
    assert set(ratios["contrast"]) == {"(a/b) / hi", "(a/b) / (pre-op)", "hi / (pre-op)"}


def test_variables_as_functions_of_others():
    data = weeks() | {"x2": weeks()["x"] ** 2}
    m = ranef.lmm("y ~ trt + x + x2 + (1 | g)", data)
    table = m.emmeans("trt", at={"x": [1.0, 4.0], "x2": lambda x: x**2})
    means = population(m, trt=np.array(["ctl"] * 2, object), x=np.array([1.0, 4.0]), x2=np.array([1.0, 16.0]))
    assert table["estimate"][0] == pytest.approx(means.mean(), rel=1e-10)
    slope = m.emtrends(var="x", at={"x": 3.0, "x2": lambda x: x**2})["estimate"][0]
    assert slope == pytest.approx(m.fixef["x"] + 6.0 * m.fixef["x2"], rel=1e-9)


def test_models_without_variables():
    m = ranef.lmm("y ~ 1 + (1 | g)", weeks())
    np.testing.assert_allclose(m.emmeans()["estimate"], m.coefficients, rtol=1e-14)
    with pytest.raises(InputError, match="are: none"):
        m.emmeans("trt")
    assert len(m.joint_tests()) == 0


def test_categories_keep_their_order():
    data = pandas.DataFrame(weeks())
    data["trt"] = pandas.Categorical(data["trt"], ["lo", "unused", "hi", "ctl"])
    data["my x"] = data.pop("x")
    m = ranef.lmm("y ~ trt * `my x` + (1 | g)", data)
    table = m.emmeans("trt", by="my x", at={"my x": [2, 7]})
    assert table["trt"].tolist() == ["lo", "hi", "ctl"] * 2
    plain = ranef.lmm("y ~ trt * x + (1 | g)", weeks()).emmeans("trt", by="x", at={"x": [2, 7]})
    np.testing.assert_allclose(table["estimate"], plain["estimate"][[2, 1, 0, 5, 4, 3]], rtol=1e-9)
    assert any("NOTE" in note for note in m.emmeans("trt").notes)


def test_logical_variables_and_missing_values():
    data = weeks()
    data["late"] = data["time"] > 3
    data["x"] = np.where(np.arange(220) < 20, np.nan, data["x"])
    m = ranef.lmm("y ~ late + x + (1 | g)", data)
    table = m.emmeans("late")
    assert table["late"].tolist() == ["False", "True"]
    means = population(m, late=np.array([False, True]), x=data["x"][20:].mean())
    np.testing.assert_allclose(table["estimate"], means, rtol=1e-10)
    assert m.emmeans("late", at={"late": True})["estimate"][0] == table["estimate"][1]


def test_calls_that_make_factors_take_their_columns_along():
    m = ranef.lmm("y ~ cut(x, c(0, 5, 10)) + ifelse(z > 0, 'yes', 'no') + (1 | g)", weeks())
    table = m.emmeans("x", at={"x": [2.0, 7.0]})
    np.testing.assert_allclose(np.diff(table["estimate"]), [m.coefficients[1]], rtol=1e-10)


def test_offsets_of_both_kinds_are_at_their_mean():
    data = weeks()
    one = ranef.glmm("count ~ trt + offset(log(time)) + (1 | g)", data, family="poisson")
    two = ranef.glmm("count ~ trt + (1 | g)", data, family="poisson", offset=np.log(data["time"]))
    np.testing.assert_allclose(one.emmeans("trt")["estimate"], two.emmeans("trt")["estimate"], rtol=1e-8)
    assert one.emmeans("trt")["estimate"][0] == pytest.approx(
        one.coefficients[0] + np.log(data["time"]).mean(), rel=1e-10
    )
    assert one.emmeans("trt", offset=0)["estimate"][0] == pytest.approx(one.coefficients[0], rel=1e-10)
    assert any("offset is at its mean" in note for note in one.emmeans("trt").notes)


def test_notes_say_what_was_averaged_over():
    m = fit("weeks")
    assert m.emmeans("trt").notes == (
        "Averaged over week, z",
        f"At x = {weeks()['x'].mean():.5g}",
        "NOTE: averaged over levels that interact with these: the differences may not be the same at all of them",
    )
    assert not any("NOTE" in note for note in m.emmeans(["trt", "week"]).notes)
    assert not any("NOTE" in note for note in m.emmeans("z").notes)
    assert any("NOTE" in note for note in fit("curves").emmeans("trt").notes)


# Slopes -------------------------------------------------------------------------------------------------------------


def test_slopes_of_polynomials_splines_and_logarithms_are_exact():
    data = weeks()
    m = ranef.lmm("y ~ x + I(x^2) + I(x^3) + log(time) + (1 | g)", data)
    b = m.fixef
    at = np.array([0.5, 3.0, 8.0])
    found = m.emtrends("x", "x", at={"x": at})["estimate"]
    np.testing.assert_allclose(found, b["x"] + 2 * b["I(x ** 2)"] * at + 3 * b["I(x ** 3)"] * at**2, rtol=1e-9)
    found = m.emtrends("time", "time", at={"time": [0.5, 5.0]})["estimate"]
    np.testing.assert_allclose(found, b["log(time)"] / np.array([0.5, 5.0]), rtol=1e-8)


def test_slopes_of_splines_at_and_near_knots():
    data = weeks()
    m = ranef.lmm("y ~ bs(x, knots=c(4, 6)) + (1 | g)", data)
    low, high = data["x"].min(), data["x"].max()
    at = np.array([low, 3.9999, 4.0, 4.0003, 5.0, high])
    padded = np.r_[[low] * 4, 4.0, 6.0, [high] * 4]
    basis = BSpline(padded, np.eye(6), 3)(at, nu=1)[:, 1:]
    found = m.emtrends("x", "x", at={"x": at})["estimate"]
    np.testing.assert_allclose(found, basis @ m.coefficients[1:], rtol=1e-6, atol=1e-8)


def test_a_slope_that_there_is_not():
    m = ranef.lmm("y ~ I(abs(x - 5)) + (1 | g)", weeks())
    with pytest.raises(InputError, match="no derivative by x"):
        m.emtrends(var="x", at={"x": 5})
    assert m.emtrends(var="x", at={"x": 5.001})["estimate"][0] == pytest.approx(m.coefficients[1], rel=1e-9)
    assert m.emtrends(var="x", at={"x": 7})["estimate"][0] == pytest.approx(m.coefficients[1], rel=1e-10)


# Scales -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "ratio"),
    [
        ("log(size)", True), ("log2(size)", True), ("log10(size + 2)", True), ("log(size, 3)", True),
        ("log1p(size)", False), ("sqrt(size)", False), ("size^0.3", False), ("I(1/size)", False), ("exp(size)", False),
        ("3 * log(size) - 1", False), ("expm1(-size)", False), ("5 - sqrt(2 * size)", False),
    ],
)  # fmt: skip
def test_transformations_of_the_response_are_undone(response, ratio):
    data = weeks()
    m = ranef.lmm(f"{response} ~ trt + (1 | g)", data)
    frame = ranef.model_frame(f"{response} ~ trt + (1 | g)", data)
    scale = scale_of(m._fit, m.terms)
    np.testing.assert_allclose(scale.back(frame.y), data["size"], rtol=1e-9)
    h = 1e-6 * np.maximum(np.abs(frame.y), 1e-2)
    np.testing.assert_allclose(
        scale.slope(frame.y), (scale.back(frame.y + h) - scale.back(frame.y - h)) / (2 * h), rtol=1e-5
    )
    assert (scale.differences is not None) == ratio
    link, back = m.emmeans("trt"), m.emmeans("trt", type="response")
    ends = [scale.back(link["lower"]), scale.back(link["upper"])]
    falls = scale.slope(frame.y)[0] < 0
    np.testing.assert_allclose([back["lower"], back["upper"]], ends[::-1] if falls else ends)
    np.testing.assert_allclose(back["se"], np.abs(scale.slope(link["estimate"])) * link["se"])


def test_shifts_and_units_are_the_response():
    m = ranef.lmm("I(size / 10 + 1) ~ trt + (1 | g)", weeks())
    assert np.array_equal(m.emmeans("trt", type="response")["estimate"], m.emmeans("trt")["estimate"])


def test_ratios_of_other_logarithms():
    m = ranef.lmm("log2(size) ~ trt + (1 | g)", weeks())
    natural = fit("logged").emmeans("trt")
    ratios = m.emmeans("trt", type="response").pairs(adjust="none")
    assert ratios["contrast"].tolist() == ["ctl / hi", "ctl / lo", "hi / lo"]
    np.testing.assert_allclose(ratios["estimate"], 2.0 ** m.emmeans("trt").pairs()["estimate"])
    assert len(natural) == 3


def test_an_interval_through_a_pole_has_no_limits():
    data = weeks()
    rng = np.random.default_rng(1)
    data["odd"] = 1.0 / rng.normal(0.0, 1.0, 220)
    m = ranef.lmm("I(1 / odd) ~ trt + (1 | week)", data)
    table = m.emmeans("trt", type="response")
    link = m.emmeans("trt")
    through = (link["lower"] < 0) & (link["upper"] > 0)
    assert through.any()
    assert np.isnan(table["lower"][through]).all()
    assert np.isnan(table["upper"][through]).all()


# Adjustments --------------------------------------------------------------------------------------------------------


def dunnett(k, rho, c, df):
    """1 - P(max |t| < c) for equally correlated normal variables over one chi."""
    a, b = np.sqrt(rho), np.sqrt(1 - rho)

    def given(s):
        def inside(z):
            both = stats.norm.cdf((c * s - a * z) / b) - stats.norm.cdf((-c * s - a * z) / b)
            return stats.norm.pdf(z) * both**k

        return integrate.quad(inside, -9, 9, epsabs=1e-11)[0] * stats.chi.pdf(s * np.sqrt(df), df) * np.sqrt(df)

    return 1.0 - integrate.quad(given, 0, 6, epsabs=1e-11, limit=200)[0]


@pytest.mark.parametrize(("k", "rho", "c", "df"), [(5, 0.5, 2.5, 20.5), (2, 0.5, 1.2, 5.0), (8, 0.2, 1.5, 30.0)])
def test_multivariate_t_of_equal_correlations(k, rho, c, df):
    R = np.full((k, k), rho) + (1 - rho) * np.eye(k)
    assert Maximum(R, df).sf(c) == pytest.approx(dunnett(k, rho, c, df), abs=3e-5)


def test_multivariate_t_of_all_pairs_is_tukeys():
    pairs = family_of("pairwise", "abcd").weights / np.sqrt(2)
    for df in (12.0, np.inf):
        wanted = stats.studentized_range.sf(2.0 * np.sqrt(2), 4, df)
        assert Maximum(pairs @ pairs.T, df).sf(2.0) == pytest.approx(wanted, abs=5e-5)
    limit = Maximum(pairs @ pairs.T, 12.0).quantile(0.95)
    assert limit == pytest.approx(stats.studentized_range.ppf(0.95, 4, 12) / np.sqrt(2), abs=1e-3)


@pytest.mark.parametrize(("k", "atol"), [(6, 1.5e-4), (12, 6e-4)])
def test_multivariate_t_of_all_pairs_of_more_means(k, atol):
    pairs = family_of("pairwise", [str(i) for i in range(k)]).weights / np.sqrt(2)
    tests = Maximum(pairs @ pairs.T, 40.0)
    for c in (1.5, 2.5, 3.0, 3.5):
        assert tests.sf(c) == pytest.approx(stats.studentized_range.sf(c * np.sqrt(2), k, 40), abs=atol)


def test_small_p_values_of_the_multivariate_t_stay_within_their_bounds():
    t = np.array([9.0, 0.5])
    tests = Together(t, np.full(2, 30.0), np.array([[1.0, 0.5], [0.5, 1.0]]), 0, 2)
    plain = 2 * stats.t.sf(t, 30)
    p = tests.p_values("mvt")
    assert plain[0] <= p[0] <= 2.0 * plain[0]


def test_degrees_of_freedom_that_differ_by_rounding_are_integrated_once(monkeypatch):
    asked = []

    def counted(correlation, df):
        asked.append(df)
        return Maximum(correlation, df)

    monkeypatch.setattr("ranef.inference.emmeans.adjust.Maximum", counted)
    df = np.array([20.0 + 2e-9, 20.0, 35.0, np.inf, np.inf, 20.0 + 1e-9])
    tests = Together(np.linspace(1.0, 3.0, 6), df, np.eye(6), 0, 6)
    p, limits = tests.p_values("mvt"), tests.quantiles(0.95, "mvt")
    assert asked == [20.0, 35.0, np.inf] * 2
    one = stats.t.sf(tests.statistics, df)  # independent but for their common divisor: at infinity Sidak's
    np.testing.assert_allclose(p[3:5], 1 - (1 - 2 * one[3:5]) ** 6, atol=3e-5)
    assert limits[0] == limits[1] == limits[5] > limits[2] > limits[3] == limits[4]
    # a chain of small steps has no end that is far from its beginning
    assert len(set(alike(20.0 * (1.0 + 4e-7 * np.arange(12))).tolist())) == 4


def test_stepwise_adjustments_by_their_definitions():
    p = np.array([0.011, 0.02, 0.004, 0.3, 0.049])
    order = np.sort(p)
    holm = [max((5 - j) * order[j] for j in range(i + 1)) for i in range(5)]
    hochberg = [min((5 - j) * order[j] for j in range(i, 5)) for i in range(5)]
    bh = [min(5 / (j + 1) * order[j] for j in range(i, 5)) for i in range(5)]
    place = np.argsort(np.argsort(p))
    np.testing.assert_allclose(stepwise(p, "holm"), np.minimum(holm, 1)[place])
    np.testing.assert_allclose(stepwise(p, "hochberg"), np.minimum(hochberg, 1)[place])
    np.testing.assert_allclose(stepwise(p, "BH"), np.array(bh)[place])
    assert np.array_equal(stepwise(p, "fdr"), stepwise(p, "BH"))


def test_limits_and_p_values_are_of_one_test():
    """A p-value is below 0.05 exactly where the limits leave out zero; and equal at a level of 1 - p."""
    means = fit("weeks").emmeans("week")
    for adjust in ("none", "tukey", "sidak", "bonferroni", "scheffe", "mvt", "dunnettx"):
        table = means.contrast("pairwise", adjust=adjust)
        assert np.array_equal(table["p_value"] < 0.05, (table["lower"] > 0) | (table["upper"] < 0))
        i = int(table["p_value"].argmin())
        at_p = means.contrast("pairwise", adjust=adjust, level=1 - table["p_value"][i])
        assert min(abs(at_p["lower"][i]), abs(at_p["upper"][i])) < 2e-3 * table["se"][i]


def test_tukey_for_other_families_is_sidak_and_says_so():
    means = fit("weeks").emmeans("week")
    table = means.contrast("consec", adjust="tukey")
    np.testing.assert_allclose(table["p_value"], means.contrast("consec", adjust="sidak")["p_value"])
    assert any("Sidak" in note for note in table.notes)


# Families -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_contrasts_sum_to_zero(name):
    for k in (2, 3, 5, 9):
        family = family_of(name, [f"l{i}" for i in range(k)])
        assert family.weights.shape == (len(family.names), k)
        np.testing.assert_allclose(family.weights.sum(axis=1), 0.0, atol=1e-12)


def test_polynomials_are_those_of_the_tables():
    """Fisher & Yates' table XXIII for five and six levels."""
    assert family_of("poly", "abcde").weights.tolist() == [
        [-2, -1, 0, 1, 2],
        [2, -1, -2, -1, 2],
        [-1, 2, 0, -2, 1],
        [1, -4, 6, -4, 1],
    ]
    assert family_of("poly", "abcdef").weights[4].tolist() == [-1, 5, -10, 10, -5, 1]


def test_contrasts_of_contrasts_are_interactions():
    m = fit("weeks")
    twice = m.emmeans("trt", by="week").pairs().contrast("consec", by="contrast", adjust="none")
    L = m.emmeans(["trt", "week"]).L
    np.testing.assert_allclose(twice.L[0], (L[3] - L[4]) - (L[0] - L[1]), atol=1e-12)


def test_contrasts_across_groups():
    table = fit("weeks").emmeans("trt", by="week").contrast("pairwise", by=None, adjust="none")
    assert len(table) == 66
    assert table["contrast"][0] == "ctl w1 - hi w1"


def test_joint_test_of_contrasts_is_the_tests_of_their_rows():
    m = fit("weeks")
    pairs = m.emmeans("trt").pairs()
    joint = m.contrast(pairs.L, joint=True).joint
    table = pairs.joint_tests()
    assert table["df1"].tolist() == [2]
    assert table["statistic"][0] == pytest.approx(joint.statistic, rel=1e-10)
    assert table["df2"][0] == pytest.approx(joint.df_denominator, rel=1e-8)
    assert pairs.joint_tests()["statistic"][0] == pytest.approx(m.joint_tests()["statistic"][0], rel=1e-8)


def test_letters_do_what_they_say():
    rng = np.random.default_rng(3)
    for _ in range(50):
        k = int(rng.integers(2, 8))
        differ = np.triu(rng.random((k, k)) < 0.4, 1)
        differ |= differ.T
        letters = [set(text.strip()) - {" "} for text in letters_of(differ)]
        for i, j in itertools.combinations(range(k), 2):
            assert bool(letters[i] & letters[j]) == (not differ[i, j])


# Records, files, errors ---------------------------------------------------------------------------------------------


def test_records_go_through_pickle_frames_and_notebooks():
    data = pandas.DataFrame(weeks())
    m = ranef.glmm("count ~ trt * x + (1 | g)", data, family="poisson")
    table = m.emmeans("trt", type="response").pairs()
    copy = pickle.loads(pickle.dumps(table))
    assert str(copy) == str(table)
    assert np.array_equal(copy.contrast([1, 0, -1])["estimate"], table.contrast([1, 0, -1])["estimate"])
    assert isinstance(table.to_frame(), pandas.DataFrame)
    assert "<table" in table._repr_html_()
    assert "ratio" in str(table)
    assert m.emmeans("trt").covariance.shape == (3, 3)


def test_saved_fits_have_their_means(tmp_path):
    m = fit("weeks")
    for rows in (True, False):
        m.save(tmp_path / "m.ranef", rows=rows)
        again = ranef.load(tmp_path / "m.ranef")
        assert str(again.emmeans("trt", by="z", weights="cells")) == str(m.emmeans("trt", by="z", weights="cells"))


def test_terms_of_earlier_versions_have_no_grid():
    terms = fit("weeks").terms
    state = {name: value for name, value in terms.to_state().items() if name != "observed"}
    old = type(terms).from_state(state)
    assert old.observed is None
    with pytest.raises(InputError, match="earlier version"):
        reference_grid(old, None)
    assert type(terms).from_state(terms.to_state()).observed == terms.observed


def test_array_fits_have_no_terms():
    data = ranef.datasets.load("dyestuff")
    m = ranef.lmm(data["Yield"], np.ones((30, 1)), {"Batch": data["Batch"]})
    for call in (m.emmeans, m.joint_tests, lambda: m.emtrends("x", "x")):
        with pytest.raises(InputError, match="fit it by a formula"):
            call()


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda m: m.emmeans("treat"), InputError, "specs names treat; the variables of the reference grid are: trt"),
        (lambda m: m.emmeans("~ trt | week"), InputError, r"written as emmeans\(\['a', 'b'\], by='c'\)"),
        (lambda m: m.emmeans("trt", by="trt"), InputError, "specs and in by"),
        (lambda m: m.emmeans(["trt", "trt"]), InputError, "twice"),
        (lambda m: m.emmeans(3), InputTypeError, "specs must be"),
        (lambda m: m.emmeans("trt", weights="some"), InputError, "weights must be one of 'equal'"),
        (lambda m: m.emmeans("trt", type="mean"), InputError, "type must be"),
        (lambda m: m.emmeans("trt", level=95), InputError, "level"),
        (lambda m: m.emmeans("trt", df="kr"), InputError, "kenward-roger"),
        (lambda m: m.emmeans("trt", adjust="hsd"), InputError, "adjust must be one of"),
        (lambda m: m.emmeans("trt", at=[1]), InputTypeError, "at must be a dict"),
        (lambda m: m.emmeans("trt", at={"q": 1}), InputError, "at names q"),
        (lambda m: m.emmeans("trt", at={"week": ["w9"]}), InputError, "the levels are w1, w2"),
        (lambda m: m.emmeans("trt", at={"x": "a"}), InputTypeError, "must have numbers"),
        (lambda m: m.emmeans("trt", at={"x": [1, 1]}), InputError, "twice"),
        (lambda m: m.emmeans("trt", at={"x": []}), InputError, "no values"),
        (lambda m: m.emmeans("trt", at={"x": np.inf}), InputError, "finite"),
        (lambda m: m.emmeans("trt", at={"x": lambda q: q}), InputError, "function of q"),
        (lambda m: m.emmeans("trt", at={"x": np.arange(99999.0)}), InputError, "the reference grid has"),
        (lambda m: m.emmeans("trt").contrast("pairs"), InputError, "'pairwise'"),
        (lambda m: m.emmeans("trt").contrast([1, -1]), InputError, "2 weights, and there are 3 means: ctl, hi, lo"),
        (lambda m: m.emmeans("trt").contrast({"a": [1, -1]}), InputError, "2 weights"),
        (lambda m: m.emmeans("trt").contrast({"a": {"up": 1}}), InputError, "no mean 'up'"),
        (lambda m: m.emmeans("trt").contrast("trt.vs.ctrl", ref="up"), InputError, "no mean 'up'"),
        (lambda m: m.emmeans("trt").contrast("pairwise", interaction="poly"), InputError, "takes the place"),
        (lambda m: m.emmeans(["trt", "week"]).contrast(interaction=["poly"]), InputError, "one for each of trt, week"),
        (lambda m: m.emmeans("trt").contrast(interaction="pairs"), InputError, "'pairwise'"),
        (lambda m: m.emmeans().contrast(interaction="poly"), InputError, "nothing to compare"),
        (lambda m: m.emmeans("trt").contrast("pairwise", ref="hi"), InputError, "control of"),
        (lambda m: m.emmeans("trt").contrast("pairwise", by="week"), InputError, "the rows have trt"),
        (lambda m: m.emmeans().pairs(), InputError, "nothing to compare"),
        (lambda m: m.emtrends("trt", "week"), InputError, "var must be a numeric variable"),
        (lambda m: m.emtrends("trt"), InputError, "var must be the name"),
        (lambda m: m.emmeans("trt").cld(alpha=5), InputError, "alpha"),
        (lambda m: m.joint_tests(by="q"), InputError, "by names q"),
    ],
)
def test_bad_input(call, kind, text):
    with pytest.raises(kind, match=text):
        call(fit("weeks"))


def test_letters_need_all_means():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = fit("holes")
    with pytest.raises(InputError, match="NaN"):
        m.emmeans("trt", by="holes").cld()


def test_one_is_the_overall_mean_and_slope():
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
    assert str(fit.emmeans("1")) == str(fit.emmeans([]))
    assert fit.emtrends("1", "Days")["estimate"][0] == pytest.approx(fit.fixef["Days"], rel=1e-9)
