"""Power by simulation, against formulas that are exact in balanced designs, and laws of sizes and tests."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from scipy import stats

import ranef
from ranef.bootstrap.proportion import clopper_pearson, wilson
from ranef.contracts import Advanced, Event, Observer
from ranef.planning.planned import Planned, sized
from tests.inference.wards import SIMULATED


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def trial(groups: int = 20, effect: float = 1.0) -> ranef.Plan:
    """Half of the rows of each group treated: the effect has variance sigma^2 (1/n1 + 1/n2), and n - 1 - groups df."""
    data = {"g": np.repeat(np.arange(groups), 8), "x": np.tile([0.0, 1.0], 4 * groups)}
    return ranef.planned("y ~ x + (1 | g)", data, beta=[10.0, effect], sd={"g": 2.0}, sigma=4.0)


def exact(rows: int, groups: int, effect: float, alpha: float = 0.05) -> float:
    """Of the two-sided t-test, by the noncentral t distribution."""
    df, delta = rows - 1 - groups, effect / np.sqrt(16.0 * 4.0 / rows)
    c = stats.t.isf(alpha / 2, df)
    return float(stats.nct.sf(c, df, delta) + stats.nct.cdf(-c, df, delta))


@pytest.mark.parametrize("effect", [0.0, 1.5])
def test_power_of_a_balanced_design_is_that_of_the_noncentral_t(effect: float) -> None:
    found = ranef.power(trial(), "x", effect={"x": effect}, nsim=2000, rng=1, df="residual")
    expected = exact(160, 20, effect)
    sd = np.sqrt(expected * (1 - expected) / 2000)
    assert abs(found.power[0] - expected) < 3 * sd + 0.004  # n - p in the place of n - 1 - groups
    assert expected == pytest.approx(0.05 if effect == 0 else 0.65, abs=0.02)


def three(effect: float) -> ranef.Plan:
    """Three treatments within each of 12 groups, twice."""
    data = {"g": np.repeat(np.arange(12), 6), "f": np.tile(["a", "b", "c"], 24)}
    return ranef.planned("y ~ f + (1 | g)", data, beta=[10.0, effect, 0.0], sd={"g": 2.0}, sigma=2.0)


def test_power_of_a_term_is_that_of_the_noncentral_f() -> None:
    found = ranef.power(three(1.5), "f", nsim=300, rng=1)
    df = 72 - 3 - 11
    c = stats.f.isf(0.05, 2, df)
    expected = float(stats.ncf.sf(c, 2, df, 24 * (1.0**2 + 2 * 0.5**2) / 2.0**2))
    assert 0.6 < expected < 0.8
    assert abs(found.power[0] - expected) < 3 * np.sqrt(expected * (1 - expected) / 300)
    assert "F test, Satterthwaite's df, of f" in str(found)


def test_a_term_is_tested_as_by_anova() -> None:
    plan = three(1.0)
    one = ranef.power(plan, "f", nsim=10, rng=2)
    other = ranef.power(plan, lambda m: m.anova()["p_value"][0], nsim=10, rng=2)
    np.testing.assert_allclose(one.p_values[0], other.p_values[0], rtol=1e-9)
    by_ratio = ranef.power(plan, "f", nsim=10, rng=2, method="lrt")
    assert "likelihood ratio test of f" in str(by_ratio)


def test_satterthwaite_agrees_with_single_fits() -> None:
    plan = trial(5, 2.0)
    found = ranef.power(plan, "x", nsim=30, rng=2)
    single = ranef.power(plan, lambda m: m.contrast("x = 0", "satterthwaite")["p_value"][0], nsim=30, rng=2)
    # the blocks differ in nothing but who fits: the seed is the same, and so are the draws
    beyond_z = found.p_values[0] < 0.05
    reached = single.p_values[0] < 0.05
    assert 3 < reached.sum() < 27
    np.testing.assert_array_equal(beyond_z[:20], reached[:20])
    near = np.isclose(found.p_values[0][:20], single.p_values[0][:20], rtol=1e-4)
    assert near[reached[:20]].all()


def test_tests_of_one_hypothesis_agree_where_they_must() -> None:
    plan = trial(20, 1.5)
    by_name, by_text, by_weights = (
        ranef.power(plan, test, nsim=100, rng=3, df="asymptotic").p_values[0] for test in ("x", "x = 0", [0.0, 1.0])
    )
    np.testing.assert_array_equal(by_name, by_text)
    np.testing.assert_array_equal(by_name, by_weights)
    twice = ranef.power(plan, "2 * x = 3", nsim=100, rng=3, df="asymptotic").p_values[0]
    assert (twice < 0.05).mean() < 0.15  # which is true
    joint = ranef.power(plan, {"a": "x = 0", "b": "2 * x + (Intercept) = 10"}, nsim=10, rng=3, df="asymptotic")
    assert ((joint.p_values[0] >= 0) & (joint.p_values[0] <= 1)).all()
    assert "chi-squared" in str(joint)


def test_likelihood_ratios_are_those_of_refits() -> None:
    plan = trial(6, 1.5)
    found = ranef.power(plan, "x", nsim=4, rng=3, method="lrt")
    data = {"g": np.repeat(np.arange(6), 8), "x": np.tile([0.0, 1.0], 24)}
    seed = np.random.default_rng(3).integers(0, 2**32, size=4).tolist()
    rng = np.random.default_rng(np.random.SeedSequence((*seed, 0), spawn_key=(0,)))
    Y = plan._plan.responses(rng, 0, 4)
    for j in range(4):
        small, large = (ranef.lmm(f"y ~ {x} + (1 | g)", {**data, "y": Y[:, j]}, reml=False) for x in ("1", "x"))
        p = ranef.anova(small, large)["p_value"][1]
        assert found.p_values[0][j] == pytest.approx(p, rel=1e-5)


@pytest.mark.parametrize(("test", "options"), [("satterthwaite", {}), ("lrt", {"method": "lrt"})])
def test_power_of_an_unbalanced_design_is_that_of_simulations_by_lme4(test: str, options: dict[str, Any]) -> None:
    """An effect between few groups of unlike sizes: the record of tests/inference/make_simulated.R, by lmerTest."""
    facts = SIMULATED["power"]
    g = np.repeat(np.arange(1, 11), facts["sizes"])
    data = {"g": g, "x": (g % 2).astype(float)}
    sizes = {"beta": [0.0, facts["effect"]], "sd": {"g": facts["sd"]}, "sigma": facts["sigma"]}
    found = ranef.power(ranef.planned("y ~ x + (1 | g)", data, **sizes), "x", nsim=500, rng=1, **options)
    error = np.sqrt(facts[test] * (1 - facts[test]) * (1 / 500 + 1 / facts["nsim"]))
    assert abs(found.power[0] - facts[test]) < 3.5 * error


def test_generalized_models_have_z_tests() -> None:
    data = {"g": np.repeat(np.arange(15), 8), "x": np.tile([0.0, 1.0], 60)}
    plan = ranef.planned("y ~ x + (1 | g)", data, beta=[-0.5, 1.0], sd={"g": 0.5}, family="binomial")
    found = ranef.power(plan, "x", nsim=200, rng=1)
    assert "z-test" in str(found)
    # Without random effects: 0.182 and 0.245 of variance p (1 - p) in 60 rows each, power 0.75; they take a little
    assert 0.5 < found.power[0] < 0.9
    with pytest.raises(ranef.InputError, match="df='satterthwaite' is for linear models"):
        ranef.power(plan, "x", nsim=20, rng=1, df="satterthwaite")


# Random effects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "test"),
    [("y ~ x + (1 | g)", "(1 | g)"), ("y ~ x + (x | g)", "x in (1 + x | g)"), ("y ~ x + (x || g)", "(0 + x | g)")],
)
def test_variances_have_the_p_values_of_ranova(formula: str, test: str) -> None:
    data = {"g": np.repeat(np.arange(12), 8), "x": np.tile([0.0, 1.0], 48), "w": np.tile([1.0, 2.0, 1.0, 3.0], 24)}
    sd = {"g": 0.8} if formula == "y ~ x + (1 | g)" else {"g": [0.8, 0.7]}
    plan = ranef.planned(formula, data, beta=[10.0, 1.0], sd=sd, sigma=2.0, weights="w")
    found = ranef.power(plan, test, nsim=6, rng=3)
    seed = np.random.default_rng(3).integers(0, 2**32, size=4).tolist()
    rng = np.random.default_rng(np.random.SeedSequence((*seed, 0), spawn_key=(0,)))
    for j, y in enumerate(plan._plan.responses(rng, 0, 6).T):
        table = ranef.lmm(formula, {**data, "y": y}, weights="w").ranova()
        row = table["term"].tolist().index(test)
        if table["statistic"][row] > 1e-6:
            assert found.p_values[0][j] == pytest.approx(table["p_mixture"][row], rel=1e-4, abs=1e-6)
        else:
            assert found.p_values[0][j] >= 0.49
    assert f"likelihood ratio test of {test}" in str(found)


def test_power_of_a_variance_in_a_balanced_design() -> None:
    # The F test of groups is exact: F (1 + 8 sd^2 / sigma^2) of 39 and 279 df; the mixture rejects a little less often
    data = {"g": np.repeat(np.arange(40), 8), "x": np.tile([0.0, 1.0], 160)}
    for sd, tolerance in ((0.0, 0.025), (1.0, 0.08)):
        plan = ranef.planned("y ~ x + (1 | g)", data, beta=[10.0, 1.0], sd={"g": sd}, sigma=4.0)
        found = ranef.power(plan, "(1 | g)", nsim=800, rng=1)
        expected = stats.f.sf(stats.f.isf(0.05, 39, 279) / (1.0 + 8.0 * sd**2 / 16.0), 39, 279)
        assert abs(found.power[0] - expected) < tolerance
    assert expected > 0.4


def test_variances_of_generalized_models() -> None:
    data = {"g": np.repeat(np.arange(20), 8)}
    plan = ranef.planned("y ~ 1 + (1 | g)", data, beta=[0.3], sd={"g": 1.2}, family="binomial")
    found = ranef.power(plan, "(1 | g)", nsim=10, rng=1)
    assert (found.reasons[0] == "").all()
    assert (found.p_values[0] < 0.05).sum() >= 5


def test_rows_of_other_designs_have_the_dispersion_of_their_model() -> None:
    """Responses of larger designs: of the rows of mined sites, and of others, the variance that these have."""
    data = ranef.datasets.load("salamanders")
    fit = ranef.glmm("count ~ mined + (1 | site)", data, family="nbinom2", dispersion="~ mined")
    planned = Planned.of_fit(fit._fit, fit._of, "").of_size({"site": 46})
    assert planned.phi is not None
    own = dict(zip(data["mined"].tolist(), fit.predict(type="disp").tolist(), strict=True))
    mined = planned.model.design.X[:, 1] == 1.0
    assert planned.phi.shape == (1, 2 * 644)
    np.testing.assert_allclose(planned.phi[0], np.where(mined, own["yes"], own["no"]), rtol=1e-12)
    assert ranef.power(fit, "mined[T.yes]", n={"site": 30}, nsim=3, rng=1)["power"].tolist() == [1.0]


def test_random_effects_that_cannot_be_tested_are_named() -> None:
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
    with pytest.raises(ranef.InputError, match=r"no random effects '\(1 \| x\)'.*'Days in \(1 \+ Days \| Subject\)'"):
        ranef.power(fit, "(1 | x)", nsim=20, rng=1)
    with pytest.raises(ranef.InputError, match="has several variances"):
        ranef.power(fit, "(1 + Days | Subject)", nsim=20, rng=1)
    with pytest.raises(ranef.InputError, match="no Wald test"):
        ranef.power(fit, "Days in (1 + Days | Subject)", nsim=20, rng=1, method="wald")
    with pytest.raises(ranef.InputTypeError, match="df has no use"):
        ranef.power(fit, "Days in (1 + Days | Subject)", nsim=20, rng=1, df="residual")


# Sizes ----------------------------------------------------------------------------------------------------------------


def test_more_levels_are_taken_evenly() -> None:
    design = trial(4)._plan.model.design
    larger = sized(design, {"g": 6})
    assert larger.n == 48
    assert larger.random.groups[0].levels.tolist() == ["0/1", "0/2", "1/3", "2/4", "2/5", "3/6"]
    smaller = sized(design, {"g": 2})
    assert smaller.random.groups[0].levels.tolist() == ["0/1", "2/2"]
    assert sized(design, 64).n == 64
    np.testing.assert_array_equal(sized(design, 64).X, np.repeat(design.X, 2, axis=0))


def test_truth_is_the_same_in_every_size() -> None:
    # Slopes in a basis of their own, which depends on the rows: variances of the responses do not
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
    plan = Planned.of_fit(fit._fit, fit._of, "").of_size({"Subject": 300}).with_effect({"Days": 20.0})
    Y = plan.responses(np.random.default_rng(1), 0, 60).reshape(300, 10, 60)
    z = np.array([1.0, 9.0])
    expected = z @ fit._fit.covariances[0] @ z + fit.sigma**2
    assert Y[:, 9].var() == pytest.approx(expected, rel=0.05)
    np.testing.assert_allclose(Y.mean(axis=(0, 2)), fit.fixef["(Intercept)"] + 20.0 * np.arange(10), atol=2.0)


def test_a_curve_has_a_row_for_each_size() -> None:
    curve = ranef.power_curve(trial(10, 1.5), "x", {"g": [10, 40]}, nsim=400, rng=1, df="residual")
    assert curve["g"].tolist() == [10, 40]
    assert curve["rows"].tolist() == [80, 320]
    for row, groups in enumerate((10, 40)):
        expected = exact(8 * groups, groups, 1.5)
        assert abs(curve.power[row] - expected) < 3 * np.sqrt(expected * (1 - expected) / 400) + 0.01
    assert max(map(len, str(curve).splitlines())) <= 80
    by_rows = ranef.power_curve(trial(10, 1.5), "x", [80, 160], nsim=20, rng=1, df="residual")
    assert by_rows["rows"].tolist() == [80, 160]


# Simulation error, stopping, workers ----------------------------------------------------------------------------------


def test_limits_and_early_stopping() -> None:
    found = ranef.power(trial(20, 1.5), "x", nsim=2000, rng=1, df="residual", precision=0.06)
    n, k = found["nsim"][0], int((found.p_values[0] <= 0.05).sum())
    assert n == 250 or n == 500
    assert (found["lower"][0], found["upper"][0]) == clopper_pearson(k, n, 0.95)
    assert found["upper"][0] - found["lower"][0] <= 0.12
    full = ranef.power(trial(20, 1.5), "x", nsim=int(n), rng=1, df="residual", interval="wilson", level=0.9)
    np.testing.assert_array_equal(full.p_values[0], found.p_values[0])
    assert (full["lower"][0], full["upper"][0]) == wilson(k, n, 0.9)
    with ThreadPoolExecutor(2) as executor:
        same = ranef.power(trial(20, 1.5), "x", nsim=2000, rng=1, df="residual", precision=0.06, executor=executor)
    np.testing.assert_array_equal(same.p_values[0], found.p_values[0])


def test_failures_are_counted_and_are_not_significant() -> None:
    plan = trial(5, 3.0)
    every = ranef.power(plan, lambda m: m.p_values[1], nsim=40, rng=1)

    def fragile(m: ranef.LMMSolution) -> float:
        if m.sigma < 4.0:
            raise ValueError("too small")
        return float(m.p_values[1])

    found = ranef.power(plan, fragile, nsim=40, rng=1)
    failed = np.isnan(found.p_values[0])
    assert found["failed"].tolist() == [failed.sum()]
    assert 0 < failed.sum() < 40
    assert found.power[0] == (every.p_values[0][~failed] <= 0.05).sum() / 40
    assert f"{failed.sum()} of 40 replicates failed" in str(found)
    assert "as not significant" in " ".join(str(found).split())


def test_an_interruption_keeps_what_is_done() -> None:
    class Stop(Observer):
        def notify(self, event: Event) -> None:
            if isinstance(event, Advanced) and event.done > 250:
                raise KeyboardInterrupt

    found = ranef.power(trial(), "x", nsim=600, rng=1, df="residual", progress=Stop())
    assert found["nsim"].tolist() == [250]
    assert "Interrupted" in str(found)


@pytest.mark.parametrize(("arguments", "message"), [
    ({"test": "z"}, "z"),
    ({"effect": {"z": 1.0}}, "effect: there is no coefficient 'z'; there are \\(Intercept\\), x"),
    ({"effect": 3.0}, "effect must be a dict"),
    ({"effect": {"x": np.inf}}, "effect must be finite"),
    ({"n": {"h": 3}}, "n: there is no grouping factor 'h'; there are g"),
    ({"n": {"g": 1}}, "must be an integer from 2"),
    ({"n": "many"}, "n must be a number of rows, or a dict"),
    ({"nsim": 0}, "nsim must be an integer"),
    ({"alpha": 1.0}, "alpha must lie between"),
    ({"df": "exact"}, "df must be one of"),
    ({"method": "score"}, "method must be 'wald' or 'lrt'"),
    ({"method": "lrt", "df": "residual"}, "df has no use with method='lrt'"),
    ({"method": "lrt", "test": "x = 1"}, "tests combinations against zero"),
    ({"precision": 0.7}, "precision must lie between"),
    ({"interval": "exact"}, "interval must be"),
    ({"rng": None}, "pass rng"),
    ({"fit": 3}, "power takes a fit"),
    ({"test": lambda m: 0.5, "df": "residual"}, "a test that is a function"),
])  # fmt: skip
def test_bad_input_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ranef.RanefError, match=message):
        ranef.power(**({"fit": trial(), "test": "x", "nsim": 5, "rng": 1} | arguments))


def test_bad_plans_and_curves_are_named() -> None:
    data = {"g": np.repeat(np.arange(4), 4), "x": np.tile([0.0, 1.0], 8)}
    with pytest.raises(ranef.InputTypeError, match="planned has no argument nsim"):
        ranef.planned("y ~ x + (1 | g)", data, beta=[1.0, 1.0], sd={"g": 1.0}, nsim=3)
    with pytest.raises(ranef.InputTypeError, match="planned needs beta="):
        ranef.planned("y ~ x + (1 | g)", data, sd={"g": 1.0})
    for n, message in (([], "n has no sizes"), (3, "n must be a list"), ({"g": [3], "h": [2]}, "must name one factor")):
        with pytest.raises(ranef.RanefError, match=message):
            ranef.power_curve(trial(), "x", n, rng=1)
    with pytest.raises(ranef.InputTypeError, match="power_curve has no argument sizes"):
        ranef.power_curve(trial(), "x", [80], sizes=3)
    between = {"g": np.repeat(np.arange(8), 4), "x": np.repeat([1.0] + [0.0] * 7, 4)}
    plan = ranef.planned("y ~ x + (1 | g)", between, beta=[1.0, 1.0], sd={"g": 1.0})
    small = sized(plan._plan.model.design, {"g": 3})  # levels 0, 2 and 5: x is still there
    assert small.fixed.rank == 2
    last = {"g": np.repeat(np.arange(8), 4), "x": np.repeat([0.0] * 7 + [1.0], 4)}
    plan = ranef.planned("y ~ x + (1 | g)", last, beta=[1.0, 1.0], sd={"g": 1.0})
    with pytest.raises(ranef.InputError, match="X does not determine x in so small a design"):
        ranef.power(plan, "x", n={"g": 3}, rng=1, nsim=5)
