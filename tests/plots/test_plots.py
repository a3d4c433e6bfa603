"""What plots draw: points, lines, labels; no pixels."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.integrate import trapezoid

import ranef
from ranef import plots
from ranef.contracts import InputError, InputTypeError, MissingExtraError
from ranef.observers import Trace
from ranef.plots.pairs import contour
from ranef.plots.smooth import smooth
from ranef.plots.style import RC, WIDTH, pyplot

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

SLEEP, CBPP, CAKE = (ranef.datasets.load(name) for name in ("sleepstudy", "cbpp", "cake"))


@pytest.fixture(autouse=True)
def _closed():
    yield
    pyplot().close("all")


@pytest.fixture(scope="module")
def linear():
    return ranef.lmm("Reaction ~ Days + (Days | Subject)", SLEEP)


@pytest.fixture(scope="module")
def generalized():
    return ranef.glmm("cbind(incidence, size - incidence) ~ period + (1 | herd)", CBPP, family="binomial")


@pytest.fixture(scope="module")
def profile(linear):
    return linear.profile(["sd_Days|Subject", "sigma", "Days"])


def points(ax, i=0):
    return np.asarray(ax.collections[i].get_offsets())


def segments(ax, i=0):
    return np.asarray(ax.collections[i].get_segments())


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_residuals(linear):
    ax = linear.plot.residuals()
    expected = linear.residuals_of("pearson", standardized=True)
    np.testing.assert_allclose(points(ax), np.column_stack([linear.fitted_values, expected]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("fitted Reaction", "standardized Pearson residual")
    np.testing.assert_allclose(ax.lines[1].get_xydata().T, smooth(linear.fitted_values, expected))
    assert set(ax.lines[0].get_ydata()) == {0.0}


def test_residuals_of_generalized_models_are_on_the_scale_of_the_link(generalized):
    ax = generalized.plot.residuals(kind="quantile", rng=3)
    expected = generalized.residuals_of("quantile", 3)
    np.testing.assert_allclose(points(ax), np.column_stack([generalized.linear_predictor, expected]))
    assert ax.get_xlabel() == "fitted logit of proportion incidence"
    assert ax.get_ylabel() == "quantile residual"


def test_scale_location(linear):
    ax = linear.plot.scale_location()
    size = np.sqrt(np.abs(linear.residuals_of("pearson", standardized=True)))
    np.testing.assert_allclose(points(ax), np.column_stack([linear.fitted_values, size]))
    assert ax.get_ylim()[0] == 0.0
    assert ax.get_ylabel() == "root of absolute\nstandardized Pearson residual"


def test_qq(generalized):
    ax = generalized.plot.qq(nsim=99, rng=5)
    from scipy.special import ndtri

    u = generalized.simulated_residuals(99, rng=5).uniform
    n = len(u)
    drawn = points(ax, 1)
    np.testing.assert_allclose(drawn[:, 0], ndtri((np.arange(n) + 0.5) / n))
    np.testing.assert_allclose(drawn[:, 1], np.sort(ndtri(u[:, 0])))
    envelope = ax.collections[0].get_paths()[0].vertices
    limits = np.quantile(np.sort(ndtri(u[:, 1:]), axis=0), [0.025, 0.975], axis=1)
    assert np.isclose(envelope[:, 1].min(), limits[0].min())
    assert np.isclose(envelope[:, 1].max(), limits[1].max())
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["95 % of simulations"]


def test_groups(linear):
    ax = linear.plot.groups()
    assert ticks(ax.yaxis) == linear.levels["Subject"].tolist()
    expected = linear.residuals_of("pearson", standardized=True)
    first = SLEEP["Subject"] == "308"
    bar = ax.patches[0]
    low, high = np.quantile(expected[first], [0.25, 0.75])
    np.testing.assert_allclose([bar.get_x(), bar.get_x() + bar.get_width()], [low, high])
    np.testing.assert_allclose(ax.lines[-1].get_xdata()[0], np.median(expected[first]))
    drawn = points(ax)
    np.testing.assert_allclose(drawn[drawn[:, 1] == 0.0, 0], expected[first])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("standardized Pearson residual", "Subject")


def test_caterpillar(linear):
    ax = linear.plot.caterpillar(column="Days", level=0.9)
    modes = linear.ranef["Subject"][:, 1]
    order = np.argsort(modes)
    np.testing.assert_allclose(ax.lines[-1].get_xdata(), modes[order])
    half = 1.6448536269514722 * np.sqrt(linear.ranef_variances["Subject"][order, 1, 1])
    np.testing.assert_allclose(segments(ax)[:, :, 0], np.column_stack([modes[order] - half, modes[order] + half]))
    assert ticks(ax.yaxis) == linear.levels["Subject"][order].tolist()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Days, with 90 % intervals", "Subject")


def test_many_levels_have_no_labels():
    rng = np.random.default_rng(0)
    g = np.repeat(np.arange(80), 4)
    fit = ranef.lmm(rng.normal(size=320) + rng.normal(size=80)[g], np.ones((320, 1)), {"g": g})
    for ax in (fit.plot.caterpillar(), fit.plot.groups()):
        assert ticks(ax.yaxis) == []
        assert ax.figure.get_figheight() < 5.0
    assert len(fit.plot.influence("g").texts) == 5  # drawn as rows are


def test_lines(linear):
    ax = linear.plot.lines("Days")
    np.testing.assert_allclose(points(ax), np.column_stack([SLEEP["Days"], SLEEP["Reaction"]]))
    assert len(ax.lines) == 19
    of_308 = SLEEP["Subject"] == "308"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), linear.fitted_values[of_308])
    a, b = linear.coefficients
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), np.column_stack([np.arange(10), a + b * np.arange(10)]))
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["levels", "population"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Days", "Reaction")


def test_panels(linear):
    grid = linear.plot.panels("Days")
    shown = [ax for ax in grid.flat if ax.get_visible()]
    assert [ax.get_title() for ax in shown] == linear.levels["Subject"].tolist()
    of_309 = SLEEP["Subject"] == "309"
    np.testing.assert_allclose(points(shown[1])[:, 1], SLEEP["Reaction"][of_309])
    np.testing.assert_allclose(shown[1].lines[1].get_ydata(), linear.fitted_values[of_309])
    assert "Days, by Subject" in [text.get_text() for text in grid[0, 0].figure.texts]


def test_lines_of_crossed_and_of_nested_factors():
    rng = np.random.default_rng(1)
    a, b, x = np.repeat(np.arange(6), 20), np.tile(np.arange(5), 24), rng.normal(size=120)
    y = x + rng.normal(size=6)[a] + rng.normal(size=5)[b] + rng.normal(size=120)
    fit = ranef.lmm(y, np.column_stack([np.ones(120), x]), {"a": a, "b": b}, x_names=["1", "x"])
    at, line = fit.plot.lines("x", "a").lines[0].get_data()
    np.testing.assert_allclose(line, fit.coefficients[0] + fit.ranef["a"][0, 0] + fit.coefficients[1] * at)
    inner = a * 5 + b
    fit = ranef.lmm(
        y + 1.5 * rng.normal(size=30)[inner],
        np.column_stack([np.ones(120), x]),
        {"a": a, "in": inner},
        x_names=["1", "x"],
    )
    at, line = fit.plot.lines("x", "in").lines[0].get_data()
    effects = fit.ranef["a"][0, 0] + fit.ranef["in"][0, 0]
    np.testing.assert_allclose(line, fit.coefficients[0] + effects + fit.coefficients[1] * at)


def test_effect_of_a_column(linear):
    ax = linear.plot.effect("Days")
    a, b = linear.coefficients
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(y, a + b * x)
    band = ax.collections[0].get_paths()[0].vertices
    se = np.sqrt(np.array([1.0, 9.0]) @ linear.vcov @ [1.0, 9.0])
    np.testing.assert_allclose(band[band[:, 0] == 9.0, 1].max(), a + 9 * b + 1.959963984540054 * se)
    np.testing.assert_allclose(ax.lines[1].get_xdata(), np.arange(10))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Days", "mean Reaction")


def test_effect_of_a_variable_in_an_interaction_is_a_mean_over_the_rows():
    fit = ranef.lmm("angle ~ recipe * temp + (1 | replicate)", CAKE)
    with pytest.raises(InputError, match=r"temp is in recipe:temp as well: pass data="):
        fit.plot.effect("temp")
    x, y = fit.plot.effect("temp", data=CAKE).lines[0].get_data()
    for i in (0, -1):
        rows = {**CAKE, "temp": np.full(len(CAKE["temp"]), x[i])}
        np.testing.assert_allclose(y[i], fit.predict(rows, random="none").mean())


def test_effect_of_a_factor(generalized):
    ax = generalized.plot.effect("period", data=CBPP)
    assert ticks(ax.xaxis) == ["1", "2", "3", "4"]
    eta = generalized.coefficients[0] + np.append(0.0, generalized.coefficients[1:])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 1 / (1 + np.exp(-eta)))
    se = generalized.se[0]
    ends = 1 / (1 + np.exp(-(eta[0] + np.array([-1, 1]) * 1.959963984540054 * se)))
    np.testing.assert_allclose(segments(ax)[0, :, 1], ends)
    assert ax.get_ylabel() == "mean proportion incidence"


def test_influence(linear):
    table = linear.influence()
    ax = linear.plot.influence()
    np.testing.assert_allclose(segments(ax)[:, 1, 1], table["cooks"])
    assert [t.get_text() for t in ax.texts] == [str(row) for row in table.largest(5)["row"]]
    table = linear.influence("Subject")
    ax = linear.plot.influence("Subject")
    order = np.argsort(table["cooks"])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), table["cooks"][order])
    assert ticks(ax.yaxis) == table["Subject"][order].tolist()
    assert ax.get_xlabel() == "Cook's distance"


def test_forest(generalized, linear):
    other = ranef.glmm("cbind(incidence, size - incidence) ~ period + size + (1 | herd)", CBPP, family="binomial")
    ax = plots.forest({"plain": generalized, "with size": other})
    assert ticks(ax.yaxis) == ["period[T.2]", "period[T.3]", "period[T.4]", "size"]
    np.testing.assert_allclose(ax.lines[1].get_xdata(), generalized.coefficients[1:])
    np.testing.assert_allclose(ax.lines[2].get_xdata(), other.coefficients[1:])
    np.testing.assert_allclose(segments(ax, 1)[:, :, 0], other.conf_int[1:])
    np.testing.assert_allclose(ax.lines[2].get_ydata() - [0, 1, 2, 3], 0.3)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["plain", "with size"]
    assert ticks(linear.plot.forest(intercept=True).yaxis) == ["(Intercept)", "Days"]
    alone = plots.forest([linear])
    assert alone.get_legend() is None


def test_zeta_and_density(profile):
    curve = profile.curves["sd_Days|Subject"]
    ax = plots.zeta(profile)
    np.testing.assert_allclose(ax.lines[1].get_xydata(), np.column_stack(curve.sample(200)))
    limits = curve.limits(0.95)
    assert [line.get_xdata()[0] for line in ax.lines[2::2]] == list(limits)
    assert ax.get_xlabel() == "sd_Days|Subject, 95 % interval"
    ax = plots.density(profile, "Days", level=0.9)
    x, y = ax.lines[0].get_data()
    # between the limits of the profile lies its level, 99 %
    np.testing.assert_allclose((np.diff(x) * (y[1:] + y[:-1]) / 2).sum(), 0.99, atol=2e-3)
    assert ax.lines[1].get_xdata()[0] == profile.curves["Days"].estimate


def test_pairs(profile):
    grid = plots.pairs(profile)
    assert grid.shape == (3, 3)
    assert grid[2, 0].get_xlabel() == "sd_Days|\nSubject"
    assert not grid[0, 2].get_visible()
    curve, other = profile.curves["sd_Days|Subject"], profile.curves["sigma"]
    names = [name for name in profile.names if name not in ("parameter", "value", "zeta")]
    trace = grid[1, 0].lines[0]
    np.testing.assert_allclose(trace.get_xdata(), curve.values)
    np.testing.assert_allclose(trace.get_ydata(), curve.others[:, names.index("sigma")])
    assert grid[1, 0].lines[2].get_xydata().tolist() == [[curve.estimate, other.estimate]]


def test_contours_reach_as_far_as_the_profiles(profile):
    curve, other = profile.curves["sd_Days|Subject"], profile.curves["Days"]
    names = [name for name in profile.names if name not in ("parameter", "value", "zeta")]
    i, j = names.index("sd_Days|Subject"), names.index("Days")
    x, y = contour(curve, other, i, j, 0.8)
    r = np.sqrt(-2 * np.log(0.2))  # chi-squared on two degrees of freedom
    values, zeta = curve.sample(400)
    np.testing.assert_allclose(x.max(), np.interp(r, zeta, values), rtol=1e-3)
    np.testing.assert_allclose(x.min(), np.interp(-r, zeta, values), rtol=1e-3)
    values, zeta = other.sample(400)
    np.testing.assert_allclose([y.min(), y.max()], np.interp([-r, r], zeta, values), rtol=1e-3)
    # beyond the profiles there is none
    assert np.isnan(contour(curve, other, i, j, 0.9999)[0]).all()


@pytest.mark.parametrize("rho", [0.0, 0.6, -0.9])
def test_contours_of_a_quadratic_deviance_are_ellipses(rho):
    v = np.linspace(-4, 4, 41)

    class Straight:
        values, zeta, estimate = v, v, 0.0
        others = np.column_stack([v, rho * v])

        def sample(self, n):
            return np.linspace(-4, 4, n), np.linspace(-4, 4, n)

    class Other(Straight):
        others = np.column_stack([rho * v, v])

    x, y = contour(Straight(), Other(), 0, 1, 0.8)
    r2 = -2 * np.log(0.2)
    np.testing.assert_allclose((x**2 - 2 * rho * x * y + y**2) / (1 - rho**2), r2, rtol=1e-9)
    assert np.ptp(np.arctan2(y, x)) > 6.0


def test_trace():
    trace = Trace()
    ranef.glmm("cbind(incidence, size - incidence) ~ period + (1 | herd)", CBPP, family="binomial", callbacks=trace)
    ax = plots.trace(trace)
    assert [line.get_label() for line in ax.lines] == ["nAGQ = 0", "Laplace"]
    drawn = np.concatenate([line.get_ydata() for line in ax.lines])
    np.testing.assert_allclose(drawn, np.maximum(trace.values - trace.values.min(), 1e-12))
    assert ax.get_yscale() == "log"
    with pytest.raises(InputError, match="the trace has seen no evaluation"):
        plots.trace(Trace())


# What all have in common ----------------------------------------------------------------------------------------------


def all_of(fit, profile, ax=None):
    yield fit.plot.residuals(ax)
    yield fit.plot.scale_location(ax)
    yield fit.plot.qq(ax, nsim=20, rng=1)
    yield fit.plot.groups(ax=ax)
    yield fit.plot.caterpillar(ax=ax)
    yield fit.plot.lines("Days", ax=ax)
    yield fit.plot.effect("Days", ax)
    yield fit.plot.influence(ax=ax)
    yield fit.plot.influence("Subject", ax)
    yield fit.plot.forest(ax)
    yield plots.zeta(profile, ax=ax)
    yield plots.density(profile, ax=ax)


def test_axes_that_are_given_are_drawn_into(linear, profile):
    _, ax = pyplot().subplots()
    assert all(drawn is ax for drawn in all_of(linear, profile, ax))
    assert len(pyplot().get_fignums()) == 1


def test_figures_are_80_mm_wide_white_and_everything_is_inside(linear, profile):
    for ax in [*all_of(linear, profile), linear.plot.panels("Days")[0, 0]]:
        figure = ax.figure
        assert figure.get_figwidth() == WIDTH
        assert matplotlib.colors.to_hex(figure.get_facecolor()) == "#ffffff"
        figure.canvas.draw()
        box = figure.get_tightbbox()
        assert box.x0 > -0.02
        assert box.y0 > -0.02
        assert box.x1 < figure.get_figwidth() + 0.02
        assert box.y1 < figure.get_figheight() + 0.02


def test_settings_are_left_as_they_were(linear):
    before = matplotlib.rcParams.copy()
    linear.plot.residuals()
    assert matplotlib.rcParams == before
    assert before["font.size"] != RC["font.size"]


def test_the_smooth_line_is_exact_for_lines_and_bends_with_curves():
    x = np.random.default_rng(0).uniform(-1, 1, 200)
    at, line = smooth(x, 1 - 2 * x)
    np.testing.assert_allclose(line, 1 - 2 * at, atol=1e-12)
    at, line = smooth(x, x**2, span=0.2)
    np.testing.assert_allclose(line, at**2, atol=0.02)
    assert smooth(np.ones(9), x[:9])[0].size == 0
    assert np.isfinite(smooth(np.append(x, np.nan), np.append(x, 1.0))[1]).all()


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda f, p: f.plot.groups("g"), "there is no grouping factor 'g'; the model has Subject"),
        (lambda f, p: f.plot.caterpillar(column="x"), r"Subject has no effect 'x'; it has \(Intercept\), Days"),
        (lambda f, p: f.plot.lines("x"), "there is no column 'x' of X"),
        (lambda f, p: f.plot.lines("(Intercept)"), "is constant: choose one that varies"),
        (lambda f, p: f.plot.effect("(Intercept)"), "is constant: choose one that varies"),
        (lambda f, p: f.plot.effect("x", data=SLEEP), "data has no column 'x'; it has"),
        (lambda f, p: f.plot.qq(), "pass rng"),
        (lambda f, p: plots.zeta(p, "cor"), "'cor' cannot be drawn: it is not in the profile; there are sd_Days"),
        (lambda f, p: plots.pairs(p, ["sigma"]), "pairs needs two parameters or more; got 1"),
        (lambda f, p: plots.forest([]), "from one to 6 fits; got 0"),
        (lambda f, p: plots.forest([f, 3]), "fit 2 is no fit"),
    ],
)
def test_arguments_are_checked(linear, profile, draw, words):
    with pytest.raises(InputError, match=words):
        draw(linear, profile)


def test_what_is_no_fit_is_named(linear):
    with pytest.raises(InputTypeError, match="fits must be a fit, a list or a dict of fits"):
        plots.forest(3)


def test_an_effect_with_data_is_of_formulas():
    fit = ranef.lmm(SLEEP["Reaction"], np.column_stack([np.ones(180), SLEEP["Days"]]), {"g": SLEEP["Subject"]})
    with pytest.raises(InputError, match="data= is for fits by formula"):
        fit.plot.effect("x1", data=SLEEP)
    assert fit.plot.effect("x1").get_xlabel() == "x1"


def test_without_matplotlib_the_extra_is_named(monkeypatch, linear):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'plots need matplotlib: pip install "ranef\[plots\]"'):
        linear.plot.residuals()


def test_matplotlib_is_imported_on_first_use():
    code = "import sys, ranef, ranef.plots; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_replicates_are_bars_and_a_curve_of_one_area():
    fit = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff"))
    record = fit.bootstrap(300, rng=1)
    ax = plots.replicates(record, "sigma", level=0.9)
    values = record.replicates[:, record.statistics.index("sigma")]
    (curve, line), (bars, band) = ax.lines, (ax.patches[0], ax.collections[0])
    heights, edges, _ = bars.get_data()
    assert (heights * np.diff(edges)).sum() == pytest.approx(1.0)
    assert trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(1.0, abs=0.02)
    assert line.get_xdata()[0] == fit.sigma
    filled = band.get_paths()[0].vertices[:, 0]
    step = np.diff(curve.get_xdata()[:2])[0]
    np.testing.assert_allclose([filled.min(), filled.max()], np.quantile(values, [0.05, 0.95]), atol=step)
    assert ax.get_xlabel() == "sigma, 90 % of 300 replicates"
    assert ax.get_legend() is None


def test_replicates_at_zero_are_no_density():
    fit = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff"))
    record = fit.bootstrap(300, rng=1)
    zero = (record.replicates[:, 0] < 1e-12).mean()
    assert 0.02 < zero < 0.1
    ax = plots.replicates(record)
    heights, edges, _ = ax.patches[0].get_data()
    assert (heights * np.diff(edges)).sum() == pytest.approx(1.0 - zero)
    assert ax.get_legend().get_texts()[0].get_text() == f"{100 * zero:.0f} % at 0"


def test_replicates_that_cannot_be_drawn():
    record = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff")).bootstrap(20, rng=1)
    with pytest.raises(InputError, match="the record has no 'Days'; it has sd_"):
        plots.replicates(record, "Days")
    with pytest.raises(InputError, match=r"level must"):
        plots.replicates(record, level=2)
    few = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff")).bootstrap(5, rng=1)
    with pytest.raises(InputError, match="sigma has 5 different replicates; a density needs 10"):
        plots.replicates(few, "sigma")
