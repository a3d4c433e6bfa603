"""Profiles: by other programs to many digits, by refits, by closed forms, and what is said where there is no limit."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import ranef
from ranef.contracts.errors import InputError, InputTypeError
from ranef.estimation.full_criterion import FullCriterion
from ranef.estimation.pipeline import choose_optimizer
from ranef.estimation.search import minimize_nearby
from ranef.families import NegativeBinomial
from ranef.inference.quantities import quantities
from ranef.inference.trace import reach_of, trace
from ranef.inference.walk import Walk
from tests.lmm import models as linear
from tests.reference.load import load, names

from .models import BY_R, fitted, limits, sleepstudy, slopes

EXACT = [name for name in names() if "confint_profile_exact" in load(name).expected]


@pytest.fixture(scope="module")
def sleep():
    return sleepstudy()


# Other programs -------------------------------------------------------------------------------------------------------


def test_there_are_seven_references():
    assert len(EXACT) == 7


@pytest.mark.parametrize("name", EXACT)
def test_reference(name):
    fit = fitted(name)
    block = load(name).expected["confint_profile_exact"]
    rows = ["sd_(Intercept)|herd" if row == "sd" else row for row in block["rows"]]
    expected = {row: pair for row, pair in zip(rows, block["matrix"], strict=True) if row != "log_sd"}
    profile = fit.profile()
    # the limits that were asked for are solved for, those of other levels are interpolated
    for table, tolerance in ((fit.confint(method="profile"), 1e-8), (profile.confint(), 1e-4)):
        found = limits(table)
        assert found.keys() == expected.keys()
        for parameter, pair in expected.items():
            np.testing.assert_allclose(found[parameter], pair, rtol=0.0, atol=tolerance * (pair[1] - pair[0]))


@pytest.mark.parametrize("name", BY_R["profile"])
def test_lme4(name):
    found = limits(fitted(name).confint(method="profile"))
    assert found.keys() == BY_R["profile"][name].keys()
    for parameter, pair in BY_R["profile"][name].items():
        np.testing.assert_allclose(found[parameter], pair, rtol=0.0, atol=2e-4 * (pair[1] - pair[0]))


@pytest.mark.parametrize("name", ["lmm_dyestuff_ml", "lmm_pastes_ml", "glmm_cbpp_laplace"])
@pytest.mark.parametrize("level", [0.3, 0.8, 0.975])
def test_curves_are_right_between_points(name, level):
    """Interpolated limits are those that are solved for."""
    fit = fitted(name)
    one, other = limits(fit.profile().confint(level)), limits(fit.confint(method="profile", level=level))
    for parameter, pair in one.items():
        exact = other[parameter]
        np.testing.assert_allclose(pair, exact, rtol=0.0, atol=1e-4 * (exact[1] - exact[0]))


# Laws -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameter"), [("lmm_sleepstudy_slope_ml", "Days"), ("lmm_penicillin_ml", "(Intercept)")]
)
def test_zeta_is_the_deviance_of_a_refit_with_an_offset(name, parameter):
    fit, case = fitted(name), load(name)
    curve = fit.profile([parameter]).curves[parameter]
    j = list(case.x_names).index(parameter)
    for value, zeta in list(zip(curve.values, curve.zeta, strict=True))[::4]:
        less = ranef.lmm(
            case.y,
            np.delete(case.X, j, axis=1),
            case.groups,
            random_effects=case.random_effects,
            random_data=case.random_data,
            offset=value * case.X[:, j],
            reml=False,
        )
        assert np.sign(zeta) * zeta**2 == pytest.approx(
            np.sign(value - fit.fixef[parameter]) * (less.deviance - fit.deviance), abs=1e-6
        )


def test_zeta_of_a_generalized_model_is_the_deviance_of_a_refit_with_an_offset():
    fit, case = fitted("glmm_poisson_offset"), load("glmm_poisson_offset")
    curve = fit.profile(["x"]).curves["x"]
    for value, zeta in list(zip(curve.values, curve.zeta, strict=True))[::4]:
        less = ranef.glmm(
            case.y,
            case.X[:, :1],
            case.groups,
            family="poisson",
            random_effects=case.random_effects,
            random_data=case.random_data,
            offset=case.offset + value * case.X[:, 1],
        )
        assert zeta**2 == pytest.approx(2.0 * (fit.log_likelihood - less.log_likelihood), abs=1e-6)


def test_zeta_of_a_dispersion_parameter_is_the_deviance_of_a_refit_at_its_value():
    fit, case = fitted("glmm_negbin"), load("glmm_negbin")
    curve = fit.profile(["theta"]).curves["theta"]
    for value, zeta in list(zip(curve.values, curve.zeta, strict=True))[::5]:
        less = ranef.glmm(case.y, case.X, case.groups, family=NegativeBinomial(theta=value))
        assert zeta**2 == pytest.approx(2.0 * (fit.log_likelihood - less.log_likelihood), abs=1e-6)


def balanced():
    """A balanced one-way layout, and -2 log L of (tau, sigma) in closed form with the mean profiled out."""
    rng = np.random.default_rng(7)
    a, n = 8, 5
    y = (0.8 * rng.standard_normal(a))[:, None] + rng.standard_normal((a, n))
    within = float(((y - y.mean(axis=1, keepdims=True)) ** 2).sum())
    between = float(n * ((y.mean(axis=1) - y.mean()) ** 2).sum())

    def deviance(tau, sigma):
        v = sigma**2 + n * tau**2
        logs = n * np.log(2 * np.pi) + (n - 1) * np.log(sigma**2) + np.log(v)
        return a * logs + within / sigma**2 + between / v

    X, groups = np.ones((a * n, 1)), {"g": np.repeat(np.arange(a), n)}
    return ranef.lmm(y.ravel(), X, groups, x_names=["mean"], reml=False), deviance


def least(of):
    """Of a function of one standard deviation."""
    found = minimize_scalar(of, bounds=(1e-6, 5.0), method="bounded", options={"xatol": 1e-9})
    return found.fun


def test_standard_deviations_of_a_balanced_layout():
    fit, deviance = balanced()
    profile = fit.profile("random")
    curve = profile.curves["sd_(Intercept)|g"]
    for tau, zeta in zip(curve.values, curve.zeta, strict=True):
        assert zeta**2 == pytest.approx(least(partial(deviance, tau)) - fit.deviance, abs=1e-6)
    curve = profile.curves["sigma"]
    for sigma, zeta in zip(curve.values, curve.zeta, strict=True):
        best = min(least(partial(deviance, sigma=sigma)), deviance(0.0, sigma))
        assert zeta**2 == pytest.approx(best - fit.deviance, abs=1e-6)
    # the others along it are where the deviance is least
    at = profile["parameter"] == "sigma"
    columns = (profile[name][at] for name in ("sd_(Intercept)|g", "sigma", "zeta"))
    for tau, sigma, zeta in zip(*columns, strict=True):
        assert deviance(tau, sigma) - fit.deviance == pytest.approx(zeta**2, abs=1e-6)


def test_units_change_nothing(sleep):
    one, other = limits(sleep.confint(method="profile")), limits(sleepstudy(y=1e-3, days=1e4).confint(method="profile"))
    units = [1e-3, 1.0, 1e-7, 1e-3, 1e-3, 1e-7]
    for (parameter, pair), unit in zip(one.items(), units, strict=True):
        np.testing.assert_allclose(np.array(other[parameter]) / unit, pair, rtol=1e-6)


def test_order_of_columns_changes_nothing():
    y, X, groups, columns = slopes(4, [[1, 0, 0], [0.3, 0.5, 0], [-0.4, 0.2, 0.4]], 20, 8)
    fits = [
        ranef.lmm(y, X, groups, random_effects={"g": effects}, random_data=columns, reml=False)
        for effects in (["1", "x1", "x2"], ["x2", "x1", "1"])
    ]
    one, other = (limits(fit.confint("random", method="profile")) for fit in fits)
    swapped = {"cor_x1.(Intercept)|g": "cor_(Intercept).x1|g", "cor_x2.(Intercept)|g": "cor_(Intercept).x2|g"}
    swapped["cor_x2.x1|g"] = "cor_x1.x2|g"
    for parameter, pair in one.items():
        np.testing.assert_allclose(other[swapped.get(parameter, parameter)], pair, atol=1e-6)


@pytest.mark.parametrize(
    ("structure", "unstructured"),
    [
        ("cs", {"sd_(Intercept)|g": "sd_(Intercept)|g", "sd_x1|g": "sd_x1|g", "cor_cs|g": "cor_x1.(Intercept)|g"}),
        ("toep", {"sd_(Intercept)|g": "sd_(Intercept)|g", "sd_x1|g": "sd_x1|g", "cor_toep|g": "cor_x1.(Intercept)|g"}),
    ],
)
@pytest.mark.parametrize("method", ["wald", "profile"])
def test_structures_of_two_columns_are_any_matrix(structure, unstructured, method):
    y, X, groups, columns = slopes(1, [[1, 0], [0.3, 0.5]], 20)
    settings = {"random_effects": {"g": "1 + x1"}, "random_data": columns, "reml": False}
    any_matrix = limits(ranef.lmm(y, X, groups, **settings).confint(method=method))
    found = limits(ranef.lmm(y, X, groups, covariance={"g": structure}, **settings).confint(method=method))
    assert len(found) == len(any_matrix)
    for parameter, pair in found.items():
        np.testing.assert_allclose(pair, any_matrix[unstructured.get(parameter, parameter)], atol=2e-6)


def test_one_standard_deviation_of_two_columns():
    y, X, groups, columns = slopes(1, [[1, 0], [0.3, 0.5]], 20)
    settings = {"random_effects": {"g": "1 + x1"}, "random_data": columns, "reml": False}
    fits = [ranef.lmm(y, X, groups, covariance={"g": name}, **settings) for name in ("ar1", "homcs")]
    one, other = (limits(fit.confint(method="profile")) for fit in fits)
    np.testing.assert_allclose(list(one.values()), list(other.values()), atol=1e-5)
    assert list(one)[:2] == ["sd_(Intercept) ...|g", "cor_ar1|g"]


@pytest.mark.parametrize("name", ["lmm_dyestuff_ml", "lmm_dyestuff2_ml"])
@pytest.mark.filterwarnings("ignore::ranef.SingularFitWarning")
def test_one_standard_deviation_of_one_column(name):
    structured = linear.fit(name, covariance={"Batch": "homdiag"}).confint(method="profile")
    one, other = limits(fitted(name).confint(method="profile")), limits(structured)
    assert one.keys() == other.keys()
    np.testing.assert_allclose(list(other.values()), list(one.values()), rtol=1e-6)


def test_what_depends_on_several_parameters_has_no_profile():
    rng = np.random.default_rng(8)
    D = {f"t{i}": np.tile(np.eye(3)[i], 20) for i in range(3)}
    g = np.repeat(np.arange(20), 3)
    L = np.linalg.cholesky([[1, 0.5, 0.2], [0.5, 1, 0.5], [0.2, 0.5, 1]])
    y = (rng.standard_normal((20, 3)) @ L.T).ravel()
    y = np.concatenate([y, y]) + 0.5 * rng.standard_normal(120)
    D, g = {name: np.tile(column, 2) for name, column in D.items()}, np.tile(g, 2)
    fit = ranef.lmm(
        y,
        np.ones((120, 1)),
        {"g": g},
        random_effects={"g": ["t0", "t1", "t2"]},
        random_data=D,
        covariance={"g": "toep"},
        reml=False,
    )
    table = fit.confint("random", method="profile")
    assert np.isnan(limits(table)["cor_toep.2|g"]).all()
    assert np.isfinite(limits(table)["cor_toep.1|g"]).all()
    assert "several parameters" in table.reasons["cor_toep.2|g"]


# How it goes along ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("i", range(6))
def test_tangents_are_how_fast_the_others_go_along(sleep, i):
    """Of each parameter: central differences between the minima beside a point."""
    criterion, x = sleep._fit.factorized().joint()
    optimizer, _ = choose_optimizer("auto", gradients=True)
    least = partial(minimize_nearby, optimizer=optimizer, tol=1e-12, max_evaluations=100)
    quantity = quantities(sleep._fit)[i]
    turned, x = quantity.turned(criterion, x)
    walk = Walk(quantity, turned, x, 1.96, least)
    visits = walk.visits()
    assert all(visit.tangent is not None for visit in visits)
    for visit in visits[::3]:
        step = 1e-2 * walk.step
        before, after = (walk._visit(visit.c + by, visits, 1.0) for by in (-step, step))
        scale = np.abs(visit.tangent).max()
        np.testing.assert_allclose(visit.tangent, (after.z - before.z) / (2.0 * step), atol=3e-3 * scale, rtol=0.0)


def test_a_point_of_a_profile_needs_two_evaluations(sleep, monkeypatch):
    """At most, on the average: nobody evaluates where the quadratic model knows."""
    evaluate, n = FullCriterion.evaluate, []
    monkeypatch.setattr(FullCriterion, "evaluate", lambda self, x: n.append(x) or evaluate(self, x))
    profile = sleep.profile()
    assert len(n) < 1.75 * len(profile)
    assert len(profile) < 11 * len(profile.curves)


# Fits by REML ---------------------------------------------------------------------------------------------------------


def test_fits_by_reml_are_profiled_by_ml(sleep):
    reml = sleepstudy(reml=True)
    table = reml.confint(method="profile")
    one, other = limits(table), limits(sleep.confint(method="profile"))
    np.testing.assert_allclose(list(one.values()), list(other.values()), rtol=1e-6)
    assert "ML criterion" in str(table)
    assert "ML" not in str(sleep.confint(method="profile"))


# Boundaries, and what has no limit -----------------------------------------------------------------------------------


def test_a_correlation_of_one():
    y, X, groups, columns = slopes(3, [[1, 0], [0.8, 0]])
    fit = ranef.lmm(y, X, groups, random_effects={"g": "1 + x1"}, random_data=columns, reml=False)
    assert fit.is_singular
    curve = fit.profile().curves["cor_x1.(Intercept)|g"]
    lower, upper = curve.limits(0.95)
    assert upper == 1.0
    # by a term of one column, the sum of both: the model with this correlation
    assert 0.0 < lower < 1.0
    assert curve.zeta[-1] == 0.0
    assert (np.diff(curve.zeta) > 0.0).all()
    for name in ("sd_(Intercept)|g", "sd_x1|g"):
        assert np.isfinite(fit.profile([name]).curves[name].limits(0.95)).all()


def test_no_variance():
    fit = fitted("lmm_dyestuff2_ml")
    curve = fit.profile().curves["sd_(Intercept)|Batch"]
    assert curve.values[0] == curve.zeta[0] == 0.0
    assert curve.limits(0.9)[0] == 0.0


def test_zeta_at_zero_is_the_likelihood_ratio_of_the_smaller_model():
    fit = fitted("lmm_pastes_ml")
    curve = fit.profile().curves["sd_(Intercept)|batch"]
    assert curve.values[0] == 0.0
    assert curve.zeta[0] ** 2 == pytest.approx(fitted("lmm_pastes_sample_ml").deviance - fit.deviance, abs=1e-6)
    assert limits(fit.confint(method="profile"))["sd_(Intercept)|batch"][0] == 0.0


def test_counts_without_overdispersion_give_theta_no_upper_limit():
    rng = np.random.default_rng(12)
    g = np.repeat(np.arange(15), 8)
    y = rng.poisson(np.exp(1.0 + 0.5 * rng.standard_normal(15)[g]))
    fit = ranef.glmm(y.astype(float), np.ones((120, 1)), {"g": g}, family=NegativeBinomial())
    table = fit.confint("random", method="profile")
    lower, upper = limits(table)["theta"]
    assert 0.0 < lower < np.inf
    assert np.isnan(upper)
    assert "as far as it can be followed" in table.reasons["theta"]
    assert "NA" in str(table)


def test_a_fit_that_is_no_optimum_has_no_profile():
    with pytest.warns(ranef.ConvergenceWarning):
        fit = sleepstudy(max_iter=1)
    table = fit.confint(method="profile")
    assert np.isnan(table["lower"]).all()
    assert all("did not converge" in word for word in table.reasons.values())


def test_what_the_data_do_not_determine_has_no_profile():
    d = ranef.datasets.load("dyestuff")
    groups = {"Batch": d["Batch"], "again": d["Batch"]}
    with pytest.warns(ranef.IdentificationWarning):
        fit = ranef.lmm(d["Yield"], np.ones((30, 1)), groups, x_names=["(Intercept)"], reml=False)
    table = fit.confint(method="profile")
    assert list(table.reasons) == ["sd_(Intercept)|Batch", "sd_(Intercept)|again"]
    assert np.isnan(table["estimate"]).tolist() == [True, True, False, False]
    expected = limits(fitted("lmm_dyestuff_ml").confint(method="profile"))
    for parameter in ("sigma", "(Intercept)"):
        np.testing.assert_allclose(limits(table)[parameter], expected[parameter], rtol=1e-5)


def test_a_start_that_is_no_optimum_is_seen(sleep):
    everything = quantities(sleep._fit)
    criterion, x = sleep._fit.factorized().joint()
    optimizer, _ = choose_optimizer("auto", gradients=True)
    least = partial(minimize_nearby, optimizer=optimizer, tol=1e-8, max_evaluations=100)
    curve = trace(everything[3], criterion, x + 0.5, 1.96, least, lambda point: np.zeros(6))
    assert "no optimum" in curve.word
    assert np.isnan([curve.estimate, *curve.limits(0.95)]).all()


def test_no_correlation_where_there_are_no_variances():
    y, X, groups, columns = slopes(1, [[0, 0], [0, 0]])
    settings = {"random_data": columns, "reml": False}
    fit = ranef.lmm(y, X, groups, random_effects={"g": "1 + x1"}, **settings)
    assert fit.var_components[1].std_dev == 0.0
    table = fit.confint(method="profile")
    assert list(table.reasons) == ["cor_x1.(Intercept)|g"]
    assert "no correlation" in table.reasons["cor_x1.(Intercept)|g"]
    # a model that allows less falls less: its zeta is larger, its interval not wider
    alone = ranef.lmm(y, X, groups, random_effects={"g": "0 + x1"}, **settings).confint(method="profile")
    for name in ("sd_x1|g", "sigma"):
        assert limits(table)[name][1] > limits(alone)[name][1] - 1e-8
    assert limits(table)["sd_x1|g"][0] == 0.0


# The record -----------------------------------------------------------------------------------------------------------


def test_the_record(sleep):
    profile = sleep.profile(["sigma", "Days"])
    assert list(profile.curves) == ["sigma", "Days"]
    assert profile.names[:3] == ("parameter", "value", "zeta")
    assert profile.names[3:] == (
        "sd_(Intercept)|Subject",
        "cor_Days.(Intercept)|Subject",
        "sd_Days|Subject",
        "sigma",
        "(Intercept)",
        "Days",
    )
    assert set(profile["parameter"]) == {"sigma", "Days"}
    assert not profile["zeta"].flags.writeable
    for curve in profile.curves.values():
        assert (np.diff(curve.values) > 0.0).all()
        assert (np.diff(curve.zeta) > 0.0).all()
        assert np.abs(np.abs(curve.zeta[[0, -1]]) - reach_of(0.99)).max() < 0.1
        values, zeta = curve.sample(41)
        assert len(values) == len(zeta) == 41
        np.testing.assert_allclose(np.interp(curve.zeta, zeta, values), curve.values, rtol=1e-2)
    at = profile["parameter"] == "Days"
    np.testing.assert_allclose(profile["Days"][at], profile["value"][at], rtol=1e-12)
    assert profile.to_frame("polars").shape == (len(profile), 9)
    assert max(map(len, str(profile).splitlines())) <= 80
    assert "99% profile intervals" in profile._repr_html_()
    again = pickle.loads(pickle.dumps(profile))
    assert str(again) == str(profile)
    assert limits(again.confint(0.5)) == limits(profile.confint(0.5))


def test_a_profile_ends_somewhere(sleep):
    with pytest.raises(InputError, match="curves end at the level"):
        sleep.profile(["sigma"], level=0.9).confint(0.95)


def test_names_that_others_have():
    d = ranef.datasets.load("sleepstudy")
    X = np.column_stack([np.ones(180), d["Days"]])
    fit = ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, x_names=["zeta", "sigma"], reml=False)
    for table in (fit.confint(), fit.confint(method="profile")):
        assert table["parameter"].tolist() == ["sd_(Intercept)|Subject", "sigma", "beta_zeta", "beta_sigma"]
    assert len(fit.profile().names) == 7


def test_dropped_columns_are_left_out():
    table = fitted("lmm_sleepstudy_rankdef_reml").confint(method="profile")
    assert table["parameter"].tolist() == ["sd_(Intercept)|Subject", "sigma", "(Intercept)", "Days"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"which": "beta"}, InputError, "no parameter 'beta'; use 'fixed', 'random', 'all', or names of sd_"),
        ({"which": ["Days", "Nights"]}, InputError, "'Nights'"),
        ({"which": 3}, InputTypeError, "which must be"),
        ({"method": "bayes"}, InputError, "method must be 'wald', 'profile' or 'boot'; got 'bayes'"),
        ({"method": ["wald"]}, InputError, "method must be"),
        ({"level": 1.0}, InputError, "level must lie between 0 and 1"),
        ({"level": float("nan")}, InputError, "level must lie between 0 and 1"),
        ({"level": "high"}, InputTypeError, "level"),
    ],
)
def test_bad_input(sleep, arguments, error, message):
    with pytest.raises(error, match=message):
        sleep.confint(**arguments)


def test_no_likelihood_with_nagq_0():
    fit = fitted("glmm_cbpp_nagq0")
    with pytest.raises(InputError, match="nagq=0"):
        fit.profile()
