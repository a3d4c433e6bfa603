"""Units of time, likelihoods without end, and edges beside which no difference can be taken."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import ranef
from ranef.contracts import InputError, InputTypeError, NoMaximumError
from ranef.design.mixed import build_design
from ranef.estimation.correlations import correlations

from .models import profiled
from .test_criterion import criterion_for, criterion_of
from .test_reference import frame


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e9])
def test_the_unit_of_time_does_not_matter(unit, tmp_path):
    """Phi is the correlation over one unit: that of another is a power of it (0.5^1000 is zero to every search)."""
    as_it_was = ranef.lmm("y ~ arm + time", frame(), residual="car1(time | subject)")
    fit = ranef.lmm("y ~ arm + time", frame(), residual=f"car1(I({unit} * time) | subject)")
    assert fit.converged
    assert fit.log_likelihood == pytest.approx(as_it_was.log_likelihood, abs=1e-8)
    assert fit.df_satterthwaite == pytest.approx(as_it_was.df_satterthwaite, rel=1e-6)
    phi = as_it_was.residual_parameters["Phi|subject"] ** (1.0 / unit)
    assert fit.residual_parameters["Phi|subject"] == pytest.approx(phi, rel=1e-3)
    fit.save(tmp_path / "fit", rows=True)
    again = ranef.load(tmp_path / "fit")
    assert again.residual_parameters == fit.residual_parameters
    assert again.refit(frame()["y"]).log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)


@pytest.mark.parametrize("gap", [1e-2, 1e-6])
def test_residuals_that_differ_at_close_times_are_no_trap(gap):
    """Two rows of 80 that are close and differ hold a search where Phi is large; a fine grid has better elsewhere."""
    rng, s, t = np.random.default_rng(1), np.repeat(np.arange(20), 4), np.tile(np.arange(4.0), 20)
    C = 0.6 ** np.abs(np.subtract.outer(np.arange(4), np.arange(4)))
    d = {"y": 2.0 + rng.multivariate_normal(np.zeros(4), C, size=20).ravel(), "s": s, "x": rng.normal(size=80)}
    d["t"] = np.where(np.arange(80) == 1, gap, t)
    apart, X = np.abs(np.subtract.outer(d["t"], d["t"])), np.column_stack([np.ones(80), d["x"]])
    grid = [
        profiled(np.where(s[:, None] == s, np.exp(-np.exp(rate) * apart), 0.0), X, d["y"], reml=False)
        for rate in np.linspace(-3.0, 20.0, 150)
    ]
    fit = ranef.lmm("y ~ x", d, residual="car1(t | s)", reml=False)
    assert fit.converged
    assert -2.0 * fit.log_likelihood <= min(grid) + 1e-6


@pytest.mark.filterwarnings("ignore:X has no intercept")
def test_what_needs_random_effects_says_so_and_what_does_not_works():
    fit = ranef.lmm("y ~ arm + time", frame(), residual="ar1(time | subject)", dispersion="~ 0 + arm")
    for call in (fit.ranef_table, fit.level_coefficients):
        with pytest.raises(InputError, match="no random effects"):
            call()
    nothing = ranef.lmm("y ~ 0 + (1 | site)", frame(), residual="ar1(time | subject)")
    assert not len(nothing.coefficients)
    with pytest.raises(InputError, match="nothing to test"):
        nothing.anova()


def test_bootstrapped_deviations_are_those_of_the_refits():
    """sigma is the geometric mean of the standard deviations of the rows, in every replicate."""
    fit = ranef.lmm("y ~ arm + time", frame(), residual="ar1(time | subject)", dispersion="~ 0 + arm")
    boot = fit.bootstrap(3, rng=1)
    names = boot["parameter"].tolist()
    shown = [boot["estimate"][names.index(name)] for name in fit.residual_parameters]
    assert shown == pytest.approx(list(fit.residual_parameters.values()), rel=1e-10)
    low, high, sigma = np.log(boot.replicates[:, [names.index(n) for n in ("sd_arm[0]", "sd_arm[1]", "sigma")]]).T
    share = np.mean(frame()["arm"] == "1")
    assert (1.0 - share) * low + share * high == pytest.approx(sigma, abs=1e-10)


def two_visits(both: int, alone: int = 20):
    """Levels with one of two visits, and some with both."""
    subject = np.concatenate([np.arange(alone), alone + np.repeat(np.arange(both), 2)])
    visit = np.concatenate([np.arange(alone) % 2, np.tile([0, 1], both)])
    y = np.random.default_rng(4).normal(size=len(visit))
    return {"y": y, "visit": np.array(["A", "B"])[visit], "subject": subject}, visit


def test_two_levels_with_both_of_two_visits_have_no_maximum():
    """The restricted likelihood of V written out grows by log 10 for each two digits of the correlation."""
    d, visit = two_visits(2)
    a, b = d["y"][-4:].reshape(2, 2).T
    ratio = (b[1] - b[0]) / (a[1] - a[0])
    X = np.column_stack([np.ones(24), visit])
    values = []
    for left in (1e-4, 1e-6, 1e-8):
        C = np.where(d["subject"][:, None] == d["subject"], np.sign(ratio) * (1.0 - left), 0.0)
        np.fill_diagonal(C, 1.0)
        sd = np.where(visit, abs(ratio), 1.0)
        values.append(profiled(C * np.outer(sd, sd), X, d["y"], reml=True))
    assert np.diff(values) == pytest.approx(-np.log(100.0), abs=0.01)
    with pytest.raises(NoMaximumError, match="2 levels of subject have all of A, B, and with at most 2 of these"):
        ranef.lmm("y ~ visit", d, residual="us(visit | subject)")
    assert ranef.lmm("y ~ visit", two_visits(3)[0], residual="us(visit | subject)").converged


def test_one_level_with_both_visits_has_a_restricted_maximum_only():
    d, _ = two_visits(1)
    with pytest.raises(NoMaximumError, match="1 level of subject has all of A, B"):
        ranef.lmm("y ~ visit", d, residual="us(visit | subject)", reml=False)
    assert ranef.lmm("y ~ visit", d, residual="us(visit | subject)").converged


@pytest.mark.filterwarnings("ignore:the data do not determine")
@pytest.mark.parametrize(("formula", "rows"), [("y ~ 1", 1), ("y ~ x", 2), ("y ~ s", 1)])
def test_a_stratum_that_x_reproduces_has_no_maximum(formula, rows):
    """By maximum likelihood; the restricted one has one, and knows nothing of a stratum with a mean of its own."""
    rng = np.random.default_rng(6)
    d = {"y": rng.normal(size=22), "x": rng.normal(size=22), "s": np.where(np.arange(22) < rows, "q", "r")}
    with pytest.raises(NoMaximumError, match=rf"s\[q\] has a residual standard deviation of its own and {rows} row"):
        ranef.lmm(formula, d, dispersion="~ 0 + s", reml=False)
    more = d | {"s": np.where(np.arange(22) < 3, "q", "r")}
    assert ranef.lmm(formula, more, dispersion="~ 0 + s", reml=False).converged
    fit = ranef.lmm(formula, d, dispersion="~ 0 + s", compute_satterthwaite=False)
    assert np.isnan(fit.residual_parameters["sd_s[q]"]) == (formula == "y ~ s")


def test_a_decay_without_end_leaves_no_correlation():
    """exp(-exp(800)) is 0, and says so quietly."""
    labels = criterion_of("car1", "", False, False, True)[2].residual.rows.labels
    with np.errstate(over="raise"):
        assert correlations(labels, np.array([-800.0])).tolist() == [0.0]


def few_rows(y):
    """Nine rows of three groups, with an x of which one row has most of what there is."""
    x = np.array([-9.0, 1.0, 1.2, 1.1, 0.9, 1.3, 1.0, 1.4, 0.8])
    return {"y": y, "x": x, "g": np.array([0, 0, 0, 0, 1, 1, 2, 2, 3]), "t": np.array([0, 1, 2, 3, 0, 1, 0, 1, 0])}


@pytest.mark.parametrize(
    ("options", "at_edge"),
    [
        ({"dispersion": "~ x"}, lambda d, e: (np.eye(9), np.where(d["x"] < 0, e, 1.0))),
        ({"residual": "cs(1 | g)"}, lambda d, e: (_alike(d["g"], -(1.0 - e**2) / 3.0), np.ones(9))),
    ],
)
def test_likelihoods_that_grow_without_end_beyond_the_search_have_no_maximum(options, at_edge):
    """V written out grows by log 10 for each digit of a standard deviation that leaves one row, or one sum, nothing."""
    d = few_rows(np.random.default_rng(3).normal(size=9))
    values = []
    for e in (1e-2, 1e-4, 1e-6):
        C, sd = at_edge(d, e)
        values.append(profiled(C * np.outer(sd, sd), np.ones((9, 1)), d["y"], reml=False))
    assert np.diff(values) == pytest.approx(-2.0 * np.log(100.0), abs=0.01)
    with pytest.raises(NoMaximumError, match="the likelihood has no maximum: it grows without end as"):
        ranef.lmm("y ~ 1", d, reml=False, **options)
    assert ranef.lmm("y ~ 1", d, **options).converged


def test_a_stratum_is_one_however_it_is_written():
    """One row of 40 with a standard deviation of its own, beside random effects that would take it up as well."""
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(8), 5)
    d = {"y": 0.5 * rng.normal(size=8)[g] + rng.normal(size=40), "f": np.where(np.arange(40) == 7, "p", "q"), "g": g}
    for dispersion in ("~ 0 + f", "~ f"):
        with pytest.raises(NoMaximumError):
            ranef.lmm("y ~ 1 + (1 | g)", d, dispersion=dispersion, reml=False)


def test_a_stratum_of_one_response_has_no_restricted_maximum():
    """Ten rows of 3.0, which cost one coefficient."""
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(8), 5)
    y = 3.0 + 0.5 * rng.normal(size=8)[g] + rng.normal(size=40)
    y[:10] = 3.0
    with pytest.raises(NoMaximumError, match="the residual standard deviation of some rows goes to zero"):
        ranef.lmm("y ~ 1 + (1 | g)", {"y": y, "g": g, "f": np.arange(40) < 10}, dispersion="~ 0 + f")


def _alike(g, rho):
    return np.where(g[:, None] == g, rho, 0.0) + (1.0 - rho) * np.eye(len(g))


def test_where_correlations_are_one_to_rounding_there_is_no_curvature():
    """Partial autocorrelations of 1 - 1e-17: the criterion is defined, but not on both sides of it."""
    _, _, criterion = criterion_of("toep", "", False, False, True)
    x = np.array([0.3, 0.79, -0.94, 19.4])
    assert np.isfinite(criterion.value(x))
    assert np.isnan(criterion.hessian(x)).any()
    assert np.isfinite(criterion.objective(x).curvature(x)).all()


def test_rows_without_weight_are_no_bare_error():
    """A standard deviation e^100 times another: a column of X vanishes to rounding, and a step ends there."""
    one = np.arange(6) == 0
    X, strata = np.column_stack([np.ones(6), one]), np.column_stack([one, ~one]).astype(float)
    made = build_design(np.arange(6.0) ** 2, X, {}, dispersion=strata)
    assert criterion_for(made, reml=True).value(np.array([-50.0])) == np.inf


def test_fixed_effects_are_compared_where_nothing_is_random():
    """Twice the difference of two maximum likelihoods, each of which is tested against nlme elsewhere."""
    small, large = (
        ranef.lmm(f, frame(), residual="ar1(time | subject)", reml=False) for f in ("y ~ arm", "y ~ arm + time")
    )
    table = ranef.anova(small, large)
    statistic = 2.0 * (large.log_likelihood - small.log_likelihood)
    assert table["p_value"][1] == pytest.approx(stats.chi2.sf(statistic, 1))
    assert not large.drop1().notes


def test_times_of_other_distances_are_no_special_case():
    """AR(1) at times 0, 1, 2, 3, 7 has Phi^4 where a Toeplitz matrix of five visits has the correlation of lag 1."""
    d = frame() | {"late": np.where(frame()["time"] == 4, 7, frame()["time"])}
    toeplitz = ranef.lmm("y ~ arm", d, residual="toep(time | subject)")
    nested, other = (ranef.lmm("y ~ arm", d, residual=f"ar1({time} | subject)") for time in ("time", "late"))
    assert ranef.anova(nested, toeplitz)["p_value"][1] > 0.0
    assert np.isnan(ranef.anova(other, toeplitz)["p_value"][1])
    assert ranef.anova(other, ranef.lmm("y ~ arm", d, residual="us(visit | subject)"))["p_value"][1] > 0.0


@pytest.mark.parametrize("kind", ["ar1", "toep"])
def test_visits_that_are_text_have_no_order(kind):
    """w10 is before w2 in the order of text; levels in their order give the fit of the numbers."""
    rng = np.random.default_rng(4)
    s, v = np.repeat(np.arange(12), 12), np.tile(np.arange(12), 12)
    y = rng.normal(size=144).cumsum()
    data = {"y": y, "s": s.astype(str), "v": np.array([f"w{i}" for i in v]), "n": v}
    with pytest.raises(InputTypeError, match=f"{kind} needs visits in their order, and v is text"):
        ranef.lmm("y ~ 1", data, residual=f"{kind}(v | s)")
    with pytest.raises(InputTypeError, match=f"{kind} needs visits in their order"):
        ranef.lmm(y, np.ones((144, 1)), {}, residual={"correlation": kind, "group": s, "time": data["v"]})
    named = ranef.lmm("y ~ 1", data, residual=f"{kind}(v | s)", levels={"v": [f"w{i}" for i in range(12)]})
    numbered = ranef.lmm("y ~ 1", data, residual=f"{kind}(n | s)")
    assert named.log_likelihood == numbered.log_likelihood
