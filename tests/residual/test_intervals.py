"""Prediction intervals of new rows: the variance of a residual is that of its place in the structure."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

import ranef
from ranef.contracts import InputError, InputTypeError

from .models import data
from .test_reference import frame
from .test_solutions import minus_two, second_differences


def t_interval(y):
    """Of one more value beside a sample."""
    half = stats.t.ppf(0.975, len(y) - 1) * y.std(ddof=1) * np.sqrt(1.0 + 1.0 / len(y))
    return pytest.approx([y.mean() - half, y.mean() + half], rel=1e-6)


def limits(fit, new, **options):
    found = fit.predict(new, interval="prediction", **options)
    return np.column_stack([found["lower"], found["upper"]])


def test_strata_with_means_and_variances_of_their_own_are_samples():
    rng = np.random.default_rng(1)
    g = np.repeat(["a", "b"], [8, 25])
    y = rng.normal(size=33) * np.where(g == "a", 1.0, 4.0)
    fit = ranef.lmm("y ~ 0 + g", {"y": y, "g": g}, dispersion="~ 0 + g")
    found = limits(fit, {"g": ["b", "a"]})
    assert found[0] == t_interval(y[g == "b"])
    assert found[1] == t_interval(y[g == "a"])
    assert found == pytest.approx(limits(fit, None)[[-1, 0]], rel=1e-12)


def test_visits_of_complete_groups_are_samples():
    """Groups that were observed, and what they were, are nothing to the interval: it needs visits alone."""
    rng = np.random.default_rng(2)
    visit = np.tile(["u", "v", "w"], 12)
    y = (rng.normal(size=(12, 1)) + rng.normal(size=(12, 3)) * [1.0, 2.0, 3.0]).ravel()
    d = {"y": y, "visit": visit, "subject": np.repeat(np.arange(12), 3)}
    fit = ranef.lmm("y ~ 0 + visit", d, residual="us(visit | subject)")
    found = limits(fit, {"visit": ["w", "v", "w"]})
    for row, name in zip(found, "wvw", strict=True):
        assert row == t_interval(y[visit == name])
    for x in (["z"], ["u", "z"]):
        with pytest.raises(InputError, match="visit"):
            fit.predict({"visit": x}, interval="prediction")


@pytest.mark.parametrize("random", ["all", "none"])
def test_limits_are_those_of_dense_matrices(random):
    """Errors of b and beta and the row's own noise, with Satterthwaite's df by differences of all of their sum."""
    d = data()
    fit = ranef.lmm("y ~ arm + time + (1 | site)", frame(), residual="ar1(time | subject)", dispersion="~ time")
    new = {"arm": np.array(["1", "0", "1"]), "time": np.array([0, 2, 6]), "site": np.array([0, 1, 5])}
    x = np.column_stack([np.ones(3), new["arm"] == "1", new["time"]])
    Z, z = np.eye(6)[d.site], np.eye(6)[new["site"]] * (random == "all")
    apart = np.abs(np.subtract.outer(d.time, d.time))

    def V(p):
        sd = np.exp(p[1] + p[2] * d.time)
        R = np.where(d.subject[:, None] == d.subject, np.tanh(p[0]) ** apart, 0.0) * np.outer(sd, sd)
        return R + np.exp(2.0 * p[3]) * Z @ Z.T

    def variances(p):
        G, inverse = np.exp(2.0 * p[3]), np.linalg.inv(V(p))
        c = G * z @ Z.T
        A = x - c @ inverse @ d.X
        of_mean = np.diagonal(A @ np.linalg.inv(d.X.T @ inverse @ d.X) @ A.T)
        of_effects = G * (z**2).sum(axis=1) - np.diagonal(c @ inverse @ c.T)
        return of_mean + of_effects + np.exp(2.0 * (p[1] + p[2] * new["time"]))

    shown = fit.residual_parameters
    sd_site = float(np.sqrt(fit._fit.covariances[0][0, 0]))
    at = np.array([np.arctanh(shown["Phi|subject"]), shown["logsd_(Intercept)"], shown["logsd_time"], np.log(sd_site)])
    steps = 1e-3 * np.eye(4)
    A = 2.0 * np.linalg.inv(second_differences(lambda p: minus_two(V(p), d.X, d.y), at, steps))
    g = np.array([(variances(at + s) - variances(at - s)) / 2e-3 for s in steps])
    df = 2.0 * variances(at) ** 2 / np.einsum("mc,mn,nc->c", g, A, g)
    half = stats.t.ppf(0.95, df) * np.sqrt(variances(at))
    found = limits(fit, new, random=random, level=0.9, theta_uncertainty=False)
    assert found[:, 1] - found[:, 0] == pytest.approx(2.0 * half, rel=1e-5)


@pytest.mark.parametrize(
    ("formula", "residual", "dispersion"),
    [
        ("y ~ arm + time + (1 | site)", "ar1(time | subject)", "~ 0 + arm"),
        ("y ~ arm + time + (1 | site)", "car1(time | subject)", None),
        ("y ~ arm + time", "cs(1 | subject)", "~ time"),
        ("y ~ arm + time", "toep(time | subject)", None),
        ("y ~ arm + time", "us(visit | subject)", None),
        ("y ~ arm + time + (1 | site)", None, "~ 0 + arm"),
    ],
)
def test_rows_of_the_fit_as_new_ones_have_its_intervals(formula, residual, dispersion, tmp_path):
    """Also twice, without their groups, in parts, and after a way over a file."""
    weights = None if residual and residual.startswith("us") else "weights"  # with them there is no maximum
    fit = ranef.lmm(formula, frame(), residual=residual, dispersion=dispersion, weights=weights)
    own = limits(fit, None)
    new = {name: np.tile(column, 2) for name, column in frame().items() if name not in ("y", "subject")}
    assert limits(fit, new) == pytest.approx(np.tile(own, (2, 1)), rel=1e-10)
    batches = list(fit.predict_stream([pa.table(new)], interval="prediction"))
    assert np.asarray(batches[0]["upper"])[:99] == pytest.approx(own[:, 1], rel=1e-10)
    fit.save(tmp_path / "fit", rows=True)
    assert limits(ranef.load(tmp_path / "fit"), new) == pytest.approx(np.tile(own, (2, 1)), rel=1e-10)
    if weights:
        with pytest.raises(InputError, match="weights"):
            limits(fit, {name: column for name, column in new.items() if name != "weights"})


def test_arrays_name_what_variances_depend_on():
    d = data()
    options = {"x_names": ["one", "arm", "time"], "compute_satterthwaite": False}
    structure = {"correlation": "us", "time": d.time, "group": d.subject}
    visits = ranef.lmm(d.y, d.X, {}, residual=structure, **options)
    new = {"X": d.X, "residual": {"time": d.time}}
    assert limits(visits, new) == pytest.approx(limits(visits, None))
    assert visits.predict(new) == pytest.approx(visits.fitted_values)
    with pytest.raises(InputError, match="has no time, and each visit has a variance"):
        limits(visits, {"X": d.X})
    arms = np.column_stack([d.arm == 0, d.arm == 1]).astype(float)
    strata = ranef.lmm(d.y, d.X, {"site": d.site}, dispersion=arms, **options)
    new = {"X": d.X, "groups": {"site": d.site}, "dispersion": arms}
    assert limits(strata, new) == pytest.approx(limits(strata, None))
    with pytest.raises(InputError, match="newdata has no dispersion"):
        limits(strata, {"X": d.X, "groups": {"site": d.site}})
    plain = ranef.lmm(d.y, d.X, {"site": d.site}, **options)
    with pytest.raises(InputTypeError, match="and has dispersion"):
        limits(plain, new)


@pytest.mark.filterwarnings("ignore:the data do not determine")
def test_a_stratum_of_which_nothing_is_known_has_no_limits():
    rng = np.random.default_rng(6)
    d = {"y": rng.normal(size=22), "s": np.where(np.arange(22) < 1, "q", "r")}
    fit = ranef.lmm("y ~ s", d, dispersion="~ 0 + s")
    found = limits(fit, {"s": ["q", "r"]})
    assert np.isnan(found[0]).all()
    assert found[1] == t_interval(d["y"][1:])


def test_levels_that_are_new_have_all_of_their_variance():
    fit = ranef.lmm("y ~ arm + time + (1 | site)", frame(), dispersion="~ 0 + arm", compute_satterthwaite=False)
    new, options = {"arm": ["1"], "time": [2], "site": [90]}, {"new_levels": "population", "theta_uncertainty": False}
    found = fit.predict(new, interval="prediction", **options)
    variance = np.asarray(found["se"]) ** 2 + fit.residual_parameters["sd_arm[1]"] ** 2
    half = np.asarray(found["upper"]) - np.asarray(found["fit"])
    assert half == pytest.approx(stats.t.ppf(0.975, 96) * np.sqrt(variance))
    assert found["se"][0] ** 2 > fit._fit.covariances[0][0, 0]
