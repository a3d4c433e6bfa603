"""Smooth terms against mgcv (make_reference.R), and laws of them."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import trapezoid

import ranef
from ranef.contracts.errors import InputError
from ranef.estimation.profiled import _traces
from ranef.formula.bases import Basis, b_splines
from ranef.inference.smooths import quadratic_form

HERE = Path(__file__).parent
DATA = pd.read_csv(HERE / "data.csv")
REFERENCE = json.loads((HERE / "reference.json").read_text())
AT = pd.DataFrame({"x": [-0.2, 0.1, 0.5, 1.3], "z": 0.3, "f": "b", "g": "g00"})
ROWS = [0, 1, 239]

LINEAR = {
    "ps": 'y ~ s(x, bs="ps") + f + (1 | g)',
    "ps_20": 'y ~ s(x, bs="ps", k=20) + f + (1 | g)',
    "ps_alone": 'y ~ s(x, bs="ps") + f',
    "tp": "y ~ s(x) + f + (1 | g)",
    "two": 'y ~ s(x) + s(z, bs="ps", k=6) + f + (1 | g)',
    "by_factor": 'y ~ f + s(x, by=f, bs="ps", k=8) + (1 | g)',
    "by_number": 'y ~ s(z, by=x, bs="ps") + (1 | g)',
}


@pytest.fixture(scope="module")
def fits():
    return {name: ranef.lmm(formula, DATA) for name, formula in LINEAR.items()}


# mgcv -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LINEAR)
def test_mgcv_has_the_same_fit_and_degrees_of_freedom(fits, name):
    fit, figures = fits[name], REFERENCE[name]
    assert fit.converged
    assert fit.sigma**2 == pytest.approx(figures["sigma2"], rel=2e-5)
    np.testing.assert_allclose(fit.predict()[ROWS], figures["fitted"], atol=2e-4)
    np.testing.assert_allclose(fit.predict(AT, random="none"), figures["new"], atol=2e-3)
    table = fit.smooth_table()
    np.testing.assert_allclose(table["edf"], figures["edf"], atol=2e-3)
    np.testing.assert_allclose(table["ref_df"], figures["ref_df"], atol=4e-3)
    # mgcv prints the statistic of one of two signs of a cross term, the mean of which is taken here
    several = np.atleast_1d(figures["ref_df"]) > 3.0
    np.testing.assert_allclose(table["statistic"][several], np.atleast_1d(figures["statistic"])[several], rtol=5e-3)
    np.testing.assert_allclose(table["p_value"], figures["p_value"], atol=5e-2)


@pytest.mark.parametrize("name", ["ps", "tp"])
def test_mgcv_has_the_same_curve_and_standard_errors(fits, name):
    curve = fits[name].smooth("s(x)", n=5, theta_uncertainty=False)
    ends = DATA["x"].min(), DATA["x"].max()
    np.testing.assert_allclose(curve["x"], np.linspace(*ends, 5))
    wide = ranef.lmm(LINEAR[name], DATA)
    figures = REFERENCE[name]
    # at the places of the reference, two of them beyond the data
    smooth, own = wide.terms.encoder.smooths[0], wide.predict(AT, random="none")
    centred = own - wide.fixef["(Intercept)"] - wide.fixef["f[T.b]"]
    np.testing.assert_allclose(centred, figures["curve"], atol=2e-4)
    assert smooth.ranges == (ends,)


def test_standard_errors_of_a_curve_are_mgcvs_given_the_variances(fits):
    # predict(m, data.frame(x = seq(0.0037, 0.9955, length = 4), ...), type = "terms", se.fit = TRUE) of mgcv 1.8-41
    curve = fits["ps"].smooth("s(x)", n=4, theta_uncertainty=False)
    np.testing.assert_allclose(curve["fit"], [0.0958807575, 0.8513734795, -0.8038552080, 0.0628381290], atol=1e-6)
    np.testing.assert_allclose(curve["se"], [0.1285525494, 0.0665530870, 0.0619572351, 0.1542227014], rtol=1e-5)
    assert (fits["ps"].smooth("s(x)", n=4)["se"] > curve["se"]).all()


def test_restricted_likelihoods_differ_as_mgcvs_do(fits):
    mine = fits["ps"].log_likelihood - fits["ps_alone"].log_likelihood
    assert mine == pytest.approx(REFERENCE["ps"]["criterion"] - REFERENCE["ps_alone"]["criterion"], abs=1e-6)


# likelihoods that are not restricted depend on the coordinates in which a curve sums to zero: those of ps are mgcv's
@pytest.mark.parametrize(
    ("name", "formula", "tolerance"), [("poisson_ps", 's(x, bs="ps")', 1e-5), ("poisson_tp", "s(x)", 1e-2)]
)
def test_poisson_with_coefficients_beside_the_modes_is_mgcvs_ml(name, formula, tolerance):
    fit = ranef.glmm(f"count ~ {formula} + f + (1 | g)", DATA, family="poisson", nagq=0)
    figures = REFERENCE[name]
    assert fit.log_likelihood == pytest.approx(figures["criterion"], abs=tolerance)
    np.testing.assert_allclose(fit.predict(scale="link")[ROWS], figures["fitted"], atol=2e-4 + tolerance)
    table = fit.smooth_table()
    np.testing.assert_allclose(table["edf"], figures["edf"], atol=1e-3 + 2 * tolerance)
    np.testing.assert_allclose(table["ref_df"], figures["ref_df"], atol=2e-3 + 2 * tolerance)
    np.testing.assert_allclose(table["statistic"], figures["statistic"], rtol=1e-2)
    jointly = ranef.glmm(f"count ~ {formula} + f + (1 | g)", DATA, family="poisson")
    assert jointly.converged
    assert 0.0 < jointly.log_likelihood - fit.log_likelihood < 0.1


def test_a_smooth_term_beside_random_slopes_is_gamms():
    with pytest.warns(ranef.SingularFitWarning):  # nlme's matrix comes near to the boundary, and does not reach it
        fit = ranef.lmm('y ~ s(x, bs="ps") + f + (z | g)', DATA)
    figures = REFERENCE["gamm"]
    assert fit.sigma == pytest.approx(figures["sigma"], rel=1e-4)
    assert fit.smooth_table()["edf"][0] == pytest.approx(figures["edf"], abs=2e-3)
    np.testing.assert_allclose(fit.predict(random="none")[ROWS], figures["fitted"], atol=6e-3)


# Laws -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bs", ["ps", "tp"])
def test_units_and_origin_of_the_variable_do_not_matter(bs):
    moved = DATA.assign(x=1e4 + 700.0 * DATA["x"])
    one, two = (ranef.lmm(f'y ~ s(x, bs="{bs}") + (1 | g)', d) for d in (DATA, moved))
    np.testing.assert_allclose(one.predict(), two.predict(), atol=1e-5)
    assert one.smooth_table()["edf"][0] == pytest.approx(two.smooth_table()["edf"][0], abs=1e-4)


def test_curves_sum_to_zero_over_the_data(fits):
    fit = fits["two"]
    smooths = fit.terms.encoder.smooths
    for smooth, x in zip(smooths, ("x", "z"), strict=True):
        X, data = smooth.columns([DATA[x].to_numpy()], None)
        np.testing.assert_allclose(X.mean(axis=0), 0.0, atol=1e-12)
        np.testing.assert_allclose(np.mean([*data.values()], axis=1), 0.0, atol=1e-9)


@pytest.mark.parametrize("bs", ["ps", "tp"])
def test_curves_are_straight_beyond_the_data(bs):
    fit = ranef.lmm(f'y ~ s(x, bs="{bs}")', DATA)
    for beyond in (np.array([-3.0, -2.0, -1.0]), np.array([2.0, 3.0, 4.0])):
        assert np.diff(fit.predict({"x": beyond}), 2)[0] == pytest.approx(0.0, abs=1e-7)


def test_what_has_no_penalty_is_a_straight_line():
    x = np.linspace(0.0, 1.0, 50)
    for kind in ("ps", "tp"):
        basis = Basis.learn(kind, x, 8)
        free, penalized = basis(x)
        fitted = free @ np.linalg.lstsq(free, 2.0 - 3.0 * x, rcond=None)[0]
        np.testing.assert_allclose(fitted, 2.0 - 3.0 * x, atol=1e-10)
        assert penalized.shape == (50, 6)


def test_p_splines_add_up_to_one_and_their_penalty_is_that_of_second_differences():
    x = np.linspace(0.0, 1.0, 40)
    basis = Basis.learn("ps", x, 9)
    np.testing.assert_allclose(b_splines(x, basis.knots).sum(axis=1), 1.0)
    D = np.diff(np.eye(9), 2, axis=0) @ basis.penalized
    np.testing.assert_allclose(D.T @ D, np.eye(7), atol=1e-12)


def test_thin_plate_penalty_is_the_integral_of_the_squared_second_derivative():
    x = np.linspace(0.0, 1.0, 30)
    basis = Basis.learn("tp", x, 7)
    t = np.linspace(0.0, 1.0, 20_001)
    second = np.gradient(np.gradient(basis(t)[1], t, axis=0), t, axis=0)
    gram = trapezoid(second[:, :, None] * second[:, None, :], t, axis=0)
    np.testing.assert_allclose(gram, np.eye(5), atol=2e-2)


def test_straight_data_have_one_degree_of_freedom_and_no_warning(recwarn):
    rng = np.random.default_rng(3)
    x = np.linspace(0.0, 1.0, 80)
    y = 1.0 + 2.0 * x + np.where(np.arange(80) % 2, 0.1, -0.1) + 0.01 * rng.normal(size=80)
    fit = ranef.lmm("y ~ s(x)", {"x": x, "y": y})
    assert fit.converged
    assert not fit.is_singular
    assert fit.smooth_table()["edf"][0] == pytest.approx(1.0, abs=1e-3)
    assert not recwarn.list
    slope = ranef.lmm("y ~ s(x)", {"x": x, "y": y}).fixef["s(x)"]
    assert slope == pytest.approx(np.polyfit(x, y, 1)[0], rel=1e-4)


def test_a_surface_does_not_depend_on_the_order_of_its_variables():
    one, two = (ranef.lmm(f'y ~ t2({v}, bs="ps") + f + (1 | g)', DATA) for v in ("x, z", "z, x"))
    np.testing.assert_allclose(one.predict(), two.predict(), atol=1e-4)
    assert 3.0 < one.smooth_table()["edf"][0] < one.smooth_table()["ref_df"][0] < 24.0
    surface = one.smooth("t2(x, z)", n=4)
    assert surface.variables == ("x", "z")
    assert len(surface) == 16


def test_a_twisted_plane_needs_no_penalty():
    d = DATA.assign(y=1.0 + DATA["x"] - 2.0 * DATA["z"] + 3.0 * DATA["x"] * DATA["z"] + 1e-3 * DATA["y"])
    fit = ranef.lmm("y ~ t2(x, z) + (1 | g)", d)
    new = pd.DataFrame({"x": [0.2, 0.8], "z": [0.5, -0.5], "g": "g00"})
    expected = 1.0 + new["x"] - 2.0 * new["z"] + 3.0 * new["x"] * new["z"]
    np.testing.assert_allclose(fit.predict(new, random="none"), expected, atol=5e-3)


def test_saved_and_pickled_fits_predict_the_same(fits, tmp_path):
    for name in ("tp", "by_factor"):
        fit = fits[name]
        fit.save(tmp_path / name)
        for other in (ranef.load(tmp_path / name), pickle.loads(pickle.dumps(fit))):
            np.testing.assert_array_equal(other.predict(AT), fit.predict(AT))
            for label in fit.smooth_table()["term"].tolist():
                np.testing.assert_array_equal(other.smooth(label, n=5)["se"], fit.smooth(label, n=5)["se"])


def test_a_summary_says_where_the_table_of_smooth_terms_needs_rows(fits, tmp_path):
    fits["tp"].save(tmp_path / "a")
    said = "the table of smooth terms is left out"
    assert said in ranef.load(tmp_path / "a").summary()
    assert said not in fits["tp"].summary()


def test_new_responses_are_about_the_curve(fits):
    fit = fits["ps"]
    drawn = fit.simulate(400, rng=1)
    error = drawn.mean(axis=1) - fit.predict(random="none")
    # the group's and the rows' standard deviations, of 400 draws
    assert np.abs(error).max() < 4.5 * np.hypot(fit.sigma, 0.363) / 20.0
    assert np.abs(fit.simulate(1, rng=1, random="conditional")[:, 0] - fit.predict()).std() < 1.2 * fit.sigma


def test_population_means_have_the_curve():
    fit = ranef.glmm('count ~ s(x, bs="ps") + f + (1 | g)', DATA, family="poisson")
    at_zero, mean = fit.predict(random="none"), fit.predict(marginal=True)
    # E exp(b) of a normal effect
    np.testing.assert_allclose(mean / at_zero, np.exp(fit.var_components[0].variance / 2.0), rtol=1e-8)
    with pytest.raises(InputError, match="no standard errors with smooth terms"):
        fit.predict(marginal=True, se=True)


def test_the_penalty_is_no_factor_whose_levels_are_few_or_cases(fits):
    fit = fits["ps"]
    assert "groups:  g, 24\n" in str(fit.summary())
    assert "s(x)" in str(fit.summary()).partition("Approximate significance")[2]
    assert "replicates of levels of g" in str(fit.bootstrap(2, rng=1, type="cases"))
    assert "s(x)" not in str(fit.anova()).partition("\n")[2]


def test_a_diagonal_structure_is_computed_by_its_diagonal():
    # the same model by arrays: homdiag with all levels of g in one, and by its diagonal, has one fit
    X = np.column_stack([np.ones(240), DATA["x"]])
    fit = ranef.lmm(DATA["y"], X, {"g": DATA["g"]}, random_effects={"g": [["1", "z"]]}, random_data={"z": DATA["z"]},
                    covariance={"g": "homdiag"})  # fmt: skip
    assert len(fit._fit.model.rows.random.template) == 2
    assert fit.converged


def test_fractional_rank_by_its_definition():
    # the mean over both signs of r of z'[[1, r], [r, v]]z, after the first direction
    z, v = np.array([1.5, -0.7, 0.4]), 0.3
    r = np.sqrt(v * (1.0 - v) / 2.0)
    both = [z[0] ** 2 + z[1:] @ np.array([[1.0, s * r], [s * r, v]]) @ z[1:] for s in (1.0, -1.0)]
    sds = np.array([3.0, 2.0, 1.0])
    assert quadratic_form(z * sds, np.diag(sds**2), 2.3) == pytest.approx(np.mean(both))


# Input ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "said", "place"),
    [
        ("y ~ s(x, k=2) + (1 | g)", "k is a whole number", "^"),
        ("y ~ s(x, k=61) + (1 | g)", "k is a whole number of functions, from 3 to 60", "^^"),
        ('y ~ s(x, k=3, bs="ps") + (1 | g)', "k=3 is too small", "^^^^^^^^^^^^^^^^^^"),
        ("y ~ s(few, k=8) + (1 | g)", "k=8 functions need as many distinct values, and there are 5", "^"),
        ("y ~ s(f) + (1 | g)", "f has levels", "^^^^"),
        ("y ~ s(x, by=nothing) + (1 | g)", "there is no column 'nothing'", "^^^^^^^"),
        ("y ~ s(x, m=2) + (1 | g)", "there is no argument m", "^"),
        ('y ~ s(x, bs="cr") + (1 | g)', 'bs is one of "tp", "ps"', "^^^^"),
        ("y ~ s(x, z) + (1 | g)", "s takes one variable", "^"),
        ("y ~ t2(x) + (1 | g)", "t2 takes two variables", "^"),
        ("y ~ te(x, z) + (1 | g)", "there is no te: write t2", "^"),
        ("y ~ (s(x) | g)", "a smooth term is added", "^^^^"),
        ("y ~ s(x | g)", "a bar inside of s", "^"),
        ("y ~ f * s(x) + (1 | g)", "enters no products", "^^^^"),
        ("y ~ z - s(x) + (1 | g)", "added, not subtracted", "^^^^"),
        ("y ~ s(x) + s(x) + (1 | g)", "in the formula twice", "^^^^"),
        ("y ~ s(x) + t2(x, z) + (1 | g)", "t2(x, z) has s(x) in it", "^^^^"),
        ("y ~ x + s(x) + (1 | g)", "s(x) has x in it: leave x out", "^^^^"),
    ],
)
def test_formulas_that_are_refused_with_their_place(formula, said, place):
    d = DATA.assign(few=np.arange(240) % 5)
    with pytest.raises(InputError) as caught:
        ranef.lmm(formula, d)
    assert said in str(caught.value)
    assert place in str(caught.value).splitlines()[-1]


def test_new_data_that_are_refused(fits):
    with pytest.raises(InputError, match="x is missing in"):
        fits["tp"].predict(AT.assign(x=[0.1, np.nan, 0.2, 0.3]))
    with pytest.raises(InputError, match="levels that are not among a, b, c"):
        fits["by_factor"].predict(AT.assign(f="d"))
    with pytest.raises(InputError, match=r"there is no smooth term 's\(w\)'; there is s\(x\)"):
        fits["tp"].smooth("s(w)")
    with pytest.raises(InputError, match="the model has no smooth term"):
        ranef.lmm("y ~ x + (1 | g)", DATA).smooth_table()
    with pytest.raises(InputError, match="penalized part is no fixed effect"):
        fits["tp"].emmeans("f")


def test_what_takes_the_mean_for_fixed_effects_refuses(fits):
    fit = fits["tp"]
    for call in (fit.r2, lambda: fit.icc, lambda: fit.plot.effect("f[T.b]")):
        with pytest.raises(InputError, match="does not know smooth terms"):
            call()
    from ranef.formula.recipe import make_recipe

    with pytest.raises(InputError, match=r"s\(x\) learns from all rows"):
        make_recipe("y ~ s(x) + (1 | g)", DATA)


def test_missing_values_and_dots(fits):
    holes = DATA.assign(x=DATA["x"].where(DATA.index != 7))
    fit = ranef.lmm("y ~ s(x) + (1 | g)", holes)
    assert fit.n_obs == 239
    assert dict(fit.terms.dropped) == {"x": 1}
    dotted = ranef.lmm("y ~ . + s(x) + (1 | g)", DATA.drop(columns=["count"]))
    assert dotted.names == ("(Intercept)", "z", "f[T.b]", "f[T.c]", "s(x)")
    changed = fits["tp"].update(formula=". ~ . - s(x) + s(z)", data=DATA)
    assert [smooth.label for smooth in changed.terms.encoder.smooths] == ["s(z)"]


def test_plots(fits):
    pytest.importorskip("matplotlib").use("Agg")
    ax = fits["by_factor"].plot.curve("s(x):f[b]")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "s(x):f[b]")
    ticks = ax.lines[-1].get_xdata()
    np.testing.assert_allclose(np.sort(ticks), np.sort(DATA["x"][DATA["f"] == "b"]), atol=1e-12)
    surface = ranef.lmm('y ~ t2(x, z, bs="ps", k=4) + (1 | g)', DATA).plot.curve()
    assert (surface.get_xlabel(), surface.get_ylabel(), surface.get_title()) == ("x", "z", "t2(x, z)")


@pytest.mark.parametrize("diagonal", [(False, True), (True, False), (True, True)])
def test_traces_over_diagonal_factors_are_those_of_all_entries(diagonal):
    rng = np.random.default_rng(5)
    k = 3, 2
    moves = []
    for size, only in zip(k, diagonal, strict=True):
        T = np.diag(rng.normal(size=size)) if only else np.tril(rng.normal(size=(size, size)))
        places = [(r, c) for c in range(size) for r in range(c, c + 1 if only else size)]
        dT = [np.eye(size)[:, [r]] @ np.eye(size)[[c]] for r, c in places]
        moves.append(np.array([d @ T.T + T @ d.T for d in dT]))
    E = rng.normal(size=(*k, 5))
    expected = np.einsum("mac,abp,nbd,cdp->mn", moves[0], E, moves[1], E)
    np.testing.assert_allclose(_traces(E, *moves), expected, atol=1e-12)


def test_kenward_roger_of_a_curve_that_is_a_straight_line():
    """A curve without a variance is its line: tests are those of the model that has the line alone."""
    rng = np.random.default_rng(3)
    d = {"x": rng.uniform(size=40), "z": rng.uniform(size=40)}
    rng.normal(size=40)
    d["y"] = 3.0 * np.sin(6.0 * d["x"]) + rng.normal(size=40)
    curve, line = (ranef.lmm(f"y ~ s(x, k=5) + {z}", d) for z in ("s(z)", "z"))
    assert curve.theta[1] < 1e-6
    found, expected = (fit.contrast(np.eye(3), df="kenward-roger") for fit in (curve, line))
    assert found["df"][2] == pytest.approx(expected["df"][1], rel=1e-6)
    assert found["p_value"][2] == pytest.approx(expected["p_value"][1], rel=1e-6)
