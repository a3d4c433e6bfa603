"""The bootstrap: laws of the draws, of blocks and workers, of failures, and of records in files."""

from __future__ import annotations

import io
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import ranef
from ranef.bootstrap.blocks import Seed
from ranef.bootstrap.parameters import UsersParameters, estimates_of_solution
from ranef.bootstrap.record import Bootstrap, Origin
from ranef.bootstrap.replicates import Replicates
from ranef.bootstrap.schemes import Residuals
from ranef.contracts import Advanced, Event, Observer
from ranef.design.selection import repeat_levels
from ranef.observers.progress import Progress


@pytest.fixture(scope="module")
def sleepstudy() -> ranef.LMMSolution:
    return ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))


@pytest.fixture(scope="module")
def cbpp() -> ranef.GLMMSolution:
    d = ranef.datasets.load("cbpp")
    data = {name: d[name] for name in d} | {"rate": d["incidence"] / d["size"]}
    return ranef.glmm("rate ~ period + (1 | herd)", data, family="binomial", weights="size")


@pytest.fixture(scope="module")
def dyestuff() -> ranef.LMMSolution:
    return ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff"))


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def same(one: ranef.Bootstrap, other: ranef.Bootstrap) -> None:
    for name in ("replicates", "replicates_se", "original", "singular", "failed"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.reason.tolist() == other.reason.tolist()
    assert str(one) == str(other)


# Figures --------------------------------------------------------------------------------------------------------------


def test_replicates_are_refits_of_what_the_seed_draws(sleepstudy: ranef.LMMSolution) -> None:
    record = sleepstudy.bootstrap(6, rng=3)
    Y = sleepstudy.simulate(6, rng=Seed.of(3, 180, at_once=True).generator(0))
    for j in (0, 5):
        refit = sleepstudy.refit(Y[:, j])
        table = refit.confint()  # of the single fit
        assert record.statistics == tuple(table["parameter"].tolist())
        np.testing.assert_allclose(record.replicates[j], table["estimate"], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(record.replicates_se[j, -2:], refit.se, rtol=1e-5)


@pytest.mark.parametrize("formula", [
    "diameter ~ 1 + (1 | plate) + (1 | sample)",
    "Reaction ~ Days + (1 + Days || Subject)",
    "Reaction ~ Days + homcs(1 + Days | Subject)",
    "Reaction ~ Days + cs(1 + Days | Subject)",
])  # fmt: skip
def test_originals_are_the_estimates_of_confint(formula: str) -> None:
    data = ranef.datasets.load("penicillin" if "plate" in formula else "sleepstudy")
    fit = ranef.lmm(formula, data)
    table = fit.confint()
    record = fit.bootstrap(2, rng=1)
    assert record.statistics == tuple(table["parameter"].tolist())
    np.testing.assert_allclose(record.original, table["estimate"], rtol=1e-9)


def test_dispersion_is_among_the_parameters() -> None:
    g = np.repeat(np.arange(12), 5)
    X = np.ones((60, 1))
    y = ranef.simulate(
        X, {"g": g}, beta=[1.0], theta=[0.5], family="negative_binomial", dispersion={"theta": 3.0}, rng=1
    )
    fit = ranef.glmm(y[:, 0], X, {"g": g}, family="negative_binomial")
    record = fit.bootstrap(3, rng=1)
    np.testing.assert_allclose(record.original, fit.confint()["estimate"], rtol=1e-9)
    assert record.statistics == tuple(fit.confint()["parameter"].tolist())


def test_coefficients_of_models_of_parameters_are_among_them() -> None:
    data = ranef.datasets.load("salamanders")
    fit = ranef.glmm("count ~ mined + (1 | site)", data, family="nbinom2", dispersion="~ mined")
    record = fit.bootstrap(2, rng=1)
    np.testing.assert_allclose(record.original, fit.confint()["estimate"], rtol=1e-9)
    assert record.statistics == tuple(fit.confint()["parameter"].tolist())
    drawn = fit.simulate(2, rng=Seed.of(1, 644, at_once=False).generator(0))[:, 0]
    np.testing.assert_allclose(record.replicates[0], fit.refit(drawn).confint()["estimate"], rtol=1e-4)


def test_spread_is_that_of_the_estimator(sleepstudy: ranef.LMMSolution) -> None:
    # Balanced: the coefficients' standard errors are exact, that of a standard deviation of 2,000 draws is 1.6 %
    record = sleepstudy.bootstrap(2000, rng=1)
    np.testing.assert_allclose(record["se"][-2:], sleepstudy.se, rtol=0.06)
    assert np.abs(record["bias"][-2:] / sleepstudy.se).max() < 0.09
    t = record.replicates[:, -1]
    assert record["bias"][-1] == pytest.approx(t.mean() - record.original[-1], rel=1e-9)
    assert record["se"][-1] == pytest.approx(t.std(ddof=1), rel=1e-12)


def test_own_statistics_are_of_the_same_refits(sleepstudy: ranef.LMMSolution) -> None:
    numbers = sleepstudy.bootstrap(3, lambda m: [m.sigma, m.fixef["Days"]], rng=2)
    by_name = sleepstudy.bootstrap(
        3, lambda m: {"s": m.sigma, "d": m.fixef["Days"]}, rng=2, se=lambda m: [1.0, m.se[1]]
    )
    assert numbers.statistics == ("statistic[0]", "statistic[1]")
    assert by_name.statistics == ("s", "d")
    np.testing.assert_array_equal(numbers.replicates, by_name.replicates)
    assert (by_name.replicates_se[:, 0] == 1.0).all()
    Y = sleepstudy.simulate(3, rng=Seed.of(2, 180, at_once=False).generator(0))
    assert numbers.replicates[2, 0] == sleepstudy.refit(Y[:, 2]).sigma


def test_fixed_random_effects_leave_less_spread(sleepstudy: ranef.LMMSolution) -> None:
    # Given the modes, Days varies by sigma / root of its sum of squares alone: 25.59 / sqrt(18 x 82.5) = 0.664
    record = sleepstudy.bootstrap(1000, rng=1, random="conditional")
    assert record["se"][-1] == pytest.approx(25.592 / np.sqrt(18 * 82.5), rel=0.1)


# Residuals ------------------------------------------------------------------------------------------------------------


def test_resampled_effects_and_residuals_have_the_models_covariance(sleepstudy: ranef.LMMSolution) -> None:
    scheme = Residuals.of(sleepstudy._fit)
    b = np.linalg.solve(sleepstudy._fit.model.labels.groups[0].R, scheme.effects[0])
    np.testing.assert_allclose(b @ b.T / 18, sleepstudy._fit.covariances[0], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(b.mean(axis=1), 0.0, atol=1e-8)
    assert np.sqrt((scheme.residuals**2).mean()) == pytest.approx(sleepstudy.sigma, rel=1e-12)


def test_every_residual_response_is_made_of_levels_and_residuals(dyestuff: ranef.LMMSolution) -> None:
    scheme = Residuals.of(dyestuff._fit)
    y = scheme.responses(np.random.default_rng(1), 0, 1)[:, 0]
    possible = (scheme.population[0] + scheme.effects[0][0][:, None] + scheme.residuals).ravel()
    Z = dyestuff._fit.model.design.random.groups[0].values[0]
    assert (Z[0] == Z).all()
    possible = (scheme.population[0] + Z[0] * scheme.effects[0][0][:, None] + scheme.residuals).ravel()
    assert all(np.abs(possible - value).min() < 1e-9 for value in y)


def test_weighted_residuals_are_of_rows_with_weight_one() -> None:
    d = ranef.datasets.load("dyestuff")
    w = np.where(np.arange(30) % 2, 100.0, 1.0)
    fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, weights=w)
    scheme = Residuals.of(fit._fit)
    variances = scheme.responses(np.random.default_rng(1), 0, 1000).var(axis=1)  # of the levels, and sigma^2 / w
    difference = variances[w == 1.0].mean() - variances[w == 100.0].mean()
    assert difference == pytest.approx(0.99 * fit.sigma**2, rel=0.1)


# Cases ----------------------------------------------------------------------------------------------------------------


def test_copies_of_levels_are_levels_of_their_own() -> None:
    d = ranef.datasets.load("pastes")
    fit = ranef.lmm("strength ~ 1 + (1 | batch / cask)", d)
    names = [g.name for g in fit._fit.groups]
    j = names.index("batch")
    design = fit._fit.model.design
    drawn = repeat_levels(design, j, np.array([3, 3, 0]))
    rows = np.concatenate([np.flatnonzero(design.random.groups[j].codes == level) for level in (3, 3, 0)])
    np.testing.assert_array_equal(drawn.y, design.y[rows])
    assert {f.name: f.grouping.n_levels for f in drawn.random.groups} == {"batch": 3, names[1 - j]: 9}


def test_all_levels_once_are_the_same_fit(sleepstudy: ranef.LMMSolution) -> None:
    design = sleepstudy._fit.model.design
    drawn = repeat_levels(design, 0, np.arange(17, -1, -1))
    refit = type(sleepstudy._fit.model).of(drawn, sleepstudy._fit.model.likelihood).fit()
    assert refit.criterion == pytest.approx(sleepstudy._fit.criterion, abs=1e-8)


def test_crossed_factors_ask_what_the_cases_are() -> None:
    fit = ranef.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", ranef.datasets.load("penicillin"))
    with pytest.raises(ranef.InputError, match="plate, sample are crossed: name the one"):
        fit.bootstrap(2, type="cases", rng=1)
    record = fit.bootstrap(2, type="cases", by="plate", rng=1)
    assert record.origin.by == "plate"
    assert "levels of plate" in str(record)
    assert fit.bootstrap(2, type="cases", by="rows", rng=1).origin.by == "rows"


def test_cases_that_lose_columns_of_x_have_failed() -> None:
    g, x = np.repeat(np.arange(8), 4), np.repeat([1.0] + [0.0] * 7, 4)
    y = np.random.default_rng(1).normal(size=32) + np.random.default_rng(2).normal(size=8)[g]
    fit = ranef.lmm("y ~ x + (1 | g)", {"y": y, "x": x, "g": g})
    record = fit.bootstrap(40, type="cases", rng=1)
    lost = record.reason == "X does not determine x in these cases"
    assert 5 < lost.sum() < 25  # (7/8)^8 = 0.34 of 40
    assert (record.failed == (record.reason != "")).all()
    assert np.isnan(record.replicates[lost]).all()
    assert f"{record.failed.sum()} of 40 replicates failed and are left out: X does not" in str(record)
    assert f"{record.failed.sum()} of 40" in record.confint(level=0.5).notes[1]
    used = record.replicates[~record.failed, -1]
    assert record["se"][-1] == pytest.approx(used.std(ddof=1))


# Blocks, workers, interruptions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    {"nsim": 1300}, {"nsim": 24, "type": "residual", "statistic": lambda m: m.sigma}, {"nsim": 24, "type": "cases"},
])  # fmt: skip
def test_workers_and_extensions_change_no_bit(dyestuff: ranef.LMMSolution, options: dict[str, Any]) -> None:
    whole = dyestuff.bootstrap(**options, rng=5)
    with ThreadPoolExecutor(3) as executor:
        same(dyestuff.bootstrap(**options, rng=5, executor=executor), whole)
    n = options["nsim"]
    part = dyestuff.bootstrap(**{**options, "nsim": n // 3}, rng=5)
    same(part.extended(dyestuff, n // 3).extended(dyestuff, n - 2 * (n // 3)), whole)
    assert not np.array_equal(dyestuff.bootstrap(**options, rng=6).replicates, whole.replicates)


def test_blocks_are_drawn_apart(dyestuff: ranef.LMMSolution) -> None:
    values = dyestuff.bootstrap(40, lambda m: m.sigma, rng=1).replicates[:, 0]
    assert len(np.unique(values)) == 40


def test_processes_change_no_bit(dyestuff: ranef.LMMSolution) -> None:
    same(dyestuff.bootstrap(1100, rng=5, workers=2), dyestuff.bootstrap(1100, rng=5))


class Interrupting(Observer):
    def __init__(self, after: int) -> None:
        self.after, self.events = after, []

    def notify(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Advanced) and event.done > self.after:
            raise KeyboardInterrupt


def test_an_interruption_keeps_what_is_done(dyestuff: ranef.LMMSolution) -> None:
    with pytest.warns(ranef.RanefWarning, match="interrupted after 40 of 100 replicates"):
        part = dyestuff.bootstrap(100, lambda m: m.sigma, rng=1, progress=Interrupting(40))
    assert part.nsim == 40
    assert not part.complete
    assert "Interrupted after 40 of 100" in str(part)
    whole = part.extended(dyestuff, 60)
    assert whole.complete
    same(whole, dyestuff.bootstrap(100, lambda m: m.sigma, rng=1))
    with pytest.raises(KeyboardInterrupt):
        dyestuff.bootstrap(100, lambda m: m.sigma, rng=1, progress=Interrupting(0))


def test_generalized_models_are_heard_of_and_kept_more_often() -> None:
    """They take longer: 200 small ones at once, of many rows fewer; the bits do not depend on who computes them."""
    d = ranef.datasets.load("cbpp")
    fit = ranef.glmm("incidence / size ~ period + (1 | herd)", d, family="binomial", weights="size")
    listener = Interrupting(10**9)
    fit.bootstrap(450, rng=1, progress=listener)
    assert [event.done for event in listener.events if isinstance(event, Advanced)] == [200, 400, 450]
    with pytest.warns(ranef.RanefWarning, match="interrupted after 200 of 450 replicates"):
        part = fit.bootstrap(450, rng=1, progress=Interrupting(200))
    assert part.nsim == 200
    assert [Seed.of(1, n, at_once=True, generalized=True).block for n in (56, 10_000, 10**6)] == [200, 20, 1]
    assert [Seed.of(1, n, at_once=True).block for n in (56, 10_000, 10**6)] == [1000, 200, 2]


def test_progress_counts_and_draws_in_terminals_only(dyestuff: ranef.LMMSolution) -> None:
    listener = Interrupting(10**9)
    dyestuff.bootstrap(45, lambda m: 1 / (m.sigma < 50), rng=1, progress=listener)
    told = [e for e in listener.events if isinstance(e, Advanced)]
    assert [(e.work, e.done, e.total) for e in told] == [("bootstrap", n, 45) for n in (20, 40, 45)]
    assert 0 < told[-1].failed < 45
    for terminal in (False, True):
        out = io.StringIO()
        bar = Progress(delay=0.0, console=Console(file=out, force_terminal=terminal, width=80))
        bar.notify(Advanced("bootstrap", 20, 45, 3, 2.0))
        bar.close()
        text = out.getvalue()
        assert ("bootstrap, 3 failed" in text and "20/45" in text) == terminal
        assert terminal or not text


# Failures -------------------------------------------------------------------------------------------------------------


def test_statistics_that_raise_are_counted_and_named(dyestuff: ranef.LMMSolution) -> None:
    sigmas = dyestuff.bootstrap(40, lambda m: m.sigma, rng=1).replicates[:, 0]

    def fragile(m: ranef.LMMSolution) -> float:
        if m.sigma < 45.0:
            raise KeyError("gone")
        return m.sigma

    record = dyestuff.bootstrap(40, fragile, rng=1)
    assert record.failed.tolist() == (sigmas < 45.0).tolist()
    assert 0 < record.failed.sum() < 40
    assert f"{record.failed.sum()} of 40 replicates failed and are left out: KeyError: 'gone'" in str(record)
    np.testing.assert_array_equal(record.replicates[~record.failed, 0], sigmas[sigmas >= 45.0])


def test_what_is_no_optimum_is_in_no_figure() -> None:
    t = np.array([1.0, 2.0, 3.0, 6.0] * 10 + [1000.0])
    reason = np.array([""] * 40 + ["no optimum"], dtype=object)
    found = Replicates(t[:, None], np.full((41, 1), np.nan), np.zeros(41, bool), reason)
    origin = Origin("parametric", "new", None, Seed((1,), 20), 41)
    record = Bootstrap.of(("a",), (np.array([2.0]), np.array([np.nan])), found, origin)
    assert record["bias"][0] == pytest.approx(1.0)
    assert record["se"][0] == pytest.approx(t[:40].std(ddof=1))
    assert record.confint(level=0.9)["upper"][0] == 6.0


def test_statistics_that_do_not_exist_are_undefined(sleepstudy: ranef.LMMSolution, dyestuff: ranef.LMMSolution) -> None:
    parameters = UsersParameters.of(sleepstudy._fit)
    found = estimates_of_solution(sleepstudy, sleepstudy._fit)
    found.theta[0] = 0.0, 0.0, 0.5  # no variance of the intercept: no correlation
    values = parameters.values(found)[0]
    np.testing.assert_array_equal(np.isnan(values), [False, True, False, False, False, False])
    assert values[2] == pytest.approx(0.5 * sleepstudy.sigma)
    record = dyestuff.bootstrap(40, lambda m: m.sigma if m.sigma > 48 else np.nan, rng=1)
    gone = np.isnan(record.replicates[:, 0])
    assert 0 < gone.sum() < 40
    assert not record.failed.any()
    assert record["undefined"].tolist() == [gone.sum()]
    assert record["se"][0] == pytest.approx(np.nanstd(record.replicates[:, 0], ddof=1))


# Intervals ------------------------------------------------------------------------------------------------------------


def test_confint_is_a_bootstrap(sleepstudy: ranef.LMMSolution) -> None:
    record = sleepstudy.bootstrap(400, rng=1)
    for kind in ("percentile", "basic", "normal", "studentized"):
        found = sleepstudy.confint("fixed", method="boot", nsim=400, rng=1, kind=kind, level=0.9)
        expected = record.confint(["(Intercept)", "Days"], kind=kind, level=0.9)
        np.testing.assert_array_equal(found["lower"], expected["lower"])
        np.testing.assert_array_equal(found["upper"], expected["upper"])
    assert found.method == "bootstrap"
    assert found["parameter"].tolist() == ["(Intercept)", "Days"]


def test_bca_leaves_out_levels_or_rows(dyestuff: ranef.LMMSolution) -> None:
    found = dyestuff.confint("sigma", method="boot", nsim=400, rng=1, kind="bca")
    assert "without each of the levels of Batch" in found.notes[-1]
    d = ranef.datasets.load("dyestuff")
    sigmas = []
    for batch in np.unique(d["Batch"]):
        rest = d["Batch"] != batch
        sigmas.append(ranef.lmm("Yield ~ 1 + (1 | Batch)", {k: v[rest] for k, v in d.items()}).sigma)
    influence = np.mean(sigmas) - np.array(sigmas)
    a = (influence**3).sum() / 6 / (influence**2).sum() ** 1.5
    record = dyestuff.bootstrap(400, rng=1)
    assert dyestuff.jackknife(record)["sigma"] == pytest.approx(a, rel=1e-4)
    crossed = ranef.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", {
        name: column[:48] for name, column in ranef.datasets.load("penicillin").items()})  # fmt: skip
    assert "without each of the rows" in crossed.confint("sigma", method="boot", nsim=40, rng=1, kind="bca").notes[-1]


@pytest.mark.parametrize("bad", ["Batch", None, 3])
def test_what_is_no_record_has_no_jackknife(bad: Any, dyestuff: ranef.LMMSolution) -> None:
    with pytest.raises(ranef.InputTypeError, match=r"record must be what fit\.bootstrap gave; got"):
        dyestuff.jackknife(bad)


def test_too_few_replicates_are_said(dyestuff: ranef.LMMSolution) -> None:
    found = dyestuff.bootstrap(30, rng=1).confint("sigma")
    assert np.isnan(found["lower"]).all()
    assert "do not reach so far" in found.reasons["sigma"]
    assert "too few" in dyestuff.bootstrap(5, rng=1).confint("sigma", level=0.5).reasons["sigma"]


def test_r2_and_icc_have_limits(dyestuff: ranef.LMMSolution) -> None:
    table = dyestuff.icc_table(interval="boot", nsim=60, rng=1, level=0.8)
    record = dyestuff.bootstrap(60, lambda m: m.icc["Batch"], rng=1)
    expected = record.confint(level=0.8)
    np.testing.assert_allclose(table["adjusted_lower"], expected["lower"], rtol=1e-10)
    np.testing.assert_allclose(table["adjusted_upper"], expected["upper"], rtol=1e-10)
    fit = ranef.lmm("Reaction ~ Days + (1 | Subject)", ranef.datasets.load("sleepstudy"))
    r2 = fit.r2(interval="boot", nsim=45, rng=1, level=0.8)
    assert r2.names == ("part", "marginal", "marginal_lower", "marginal_upper", "conditional", "conditional_lower",
                        "conditional_upper")  # fmt: skip
    record = fit.bootstrap(45, lambda m: [m.r2().marginal, m.r2().conditional], rng=1)
    limits = record.confint(level=0.8)
    assert [r2["marginal_lower"][0], r2["conditional_upper"][0]] == [limits["lower"][0], limits["upper"][1]]


# Files ----------------------------------------------------------------------------------------------------------------


def test_records_in_files_go_on(dyestuff: ranef.LMMSolution, tmp_path: Path) -> None:
    path = tmp_path / "record.boot"
    dyestuff.bootstrap(45, lambda m: 1 / (m.sigma < 50), rng=1).save(path)
    copy = ranef.Bootstrap.load(path)
    same(copy, dyestuff.bootstrap(45, lambda m: 1 / (m.sigma < 50), rng=1))
    assert copy.failed.any()
    with pytest.raises(ranef.InputTypeError, match="was a function, which a file does not keep"):
        copy.extended(dyestuff, 5)
    whole = copy.extended(dyestuff, 5, statistic=lambda m: 1 / (m.sigma < 50))
    np.testing.assert_array_equal(
        whole.replicates, dyestuff.bootstrap(50, lambda m: 1 / (m.sigma < 50), rng=1).replicates
    )
    with pytest.raises(ranef.StorageError, match="not of 'ranef model'"):
        ranef.load(path)
    dyestuff.save(tmp_path / "fit.ranef")
    with pytest.raises(ranef.StorageError, match="it is of 'ranef model', not of 'ranef bootstrap'"):
        ranef.Bootstrap.load(tmp_path / "fit.ranef")


@pytest.mark.parametrize(("old", "new", "message"), [
    ('"kind": "parametric"', '"kind": "paramedic"', "kind is 'paramedic'"),
    ('"block": 1000', '"block": 0', "block is 0"),
    ('"statistics": [', '"statistics": ["more",', "original is of shape"),
    ('"asked": 30', '"asked": "many"', "asked is 'many'"),
    ('"own": false', '"own": 1', "own is 1"),
])  # fmt: skip
def test_damaged_records_are_refused(
    dyestuff: ranef.LMMSolution, tmp_path: Path, old: str, new: str, message: str
) -> None:
    path, damaged = tmp_path / "record.boot", tmp_path / "damaged.boot"
    dyestuff.bootstrap(30, rng=1).save(path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(damaged, "w") as target:
        for info in source.infolist():
            content = source.read(info)
            if info.filename == "model.json":
                assert old in content.decode()
                content = content.decode().replace(old, new).encode()
            target.writestr(info, content)
    with pytest.raises(ranef.StorageError, match=message):
        ranef.Bootstrap.load(damaged)


def test_records_are_of_one_fit(dyestuff: ranef.LMMSolution, sleepstudy: ranef.LMMSolution) -> None:
    record = dyestuff.bootstrap(10, rng=1)
    with pytest.raises(ranef.InputError, match="the record has the statistics"):
        record.extended(sleepstudy, 5)
    with pytest.raises(ranef.InputError, match="of another fit: its estimates differ"):
        record.extended(dyestuff.update(reml=False), 5)
    with pytest.raises(ranef.InputTypeError, match="fit must be the solution"):
        record.extended(3, 5)


# Input ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "message"), [
    ({"nsim": 0}, "nsim must be an integer from 1"),
    ({"nsim": 2.5}, "nsim must be an integer from 1"),
    ({"type": "bayesian"}, "type must be 'parametric', 'residual' or 'cases'"),
    ({"rng": None}, "pass rng"),
    ({"random": "old"}, "random must be 'new' or 'conditional'"),
    ({"random": "conditional", "type": "cases"}, "random is for type='parametric'"),
    ({"by": "Batch"}, "by is for type='cases'"),
    ({"by": "Bath", "type": "cases"}, "by must be one of Batch, or 'rows'"),
    ({"workers": 0}, "workers must be an integer of at least 1"),
    ({"workers": 2, "executor": ThreadPoolExecutor(1)}, "give executor or workers"),
    ({"executor": 3}, "executor must be one of concurrent.futures"),
    ({"statistic": "sigma"}, "statistic must be a function"),
    ({"statistic": lambda m: "a"}, "statistic must give numbers"),
    ({"statistic": lambda m: np.eye(2)}, "array of shape"),
    ({"se": lambda m: 1.0}, "se belongs to a statistic"),
])  # fmt: skip
def test_bad_input_is_named(dyestuff: ranef.LMMSolution, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ranef.RanefError, match=message):
        dyestuff.bootstrap(**({"nsim": 5, "rng": 1} | arguments))


def test_generalized_models_have_no_residual_bootstrap(cbpp: ranef.GLMMSolution) -> None:
    with pytest.raises(ranef.InputError, match="type='residual' is for linear models"):
        cbpp.bootstrap(5, type="residual", rng=1)


def test_arguments_of_a_bootstrap_need_one(dyestuff: ranef.LMMSolution) -> None:
    with pytest.raises(ranef.InputTypeError, match="confint has nsim with method='boot' only"):
        dyestuff.confint(nsim=10)
    with pytest.raises(ranef.InputTypeError, match="a bootstrap has no argument seed here"):
        dyestuff.confint(method="boot", seed=10)
    with pytest.raises(ranef.InputTypeError, match="with interval='boot' only"):
        dyestuff.r2(nsim=10)
    with pytest.raises(ranef.InputError, match="kind must be one of"):
        dyestuff.confint(method="boot", rng=1, kind="t")
    with pytest.raises(ranef.InputTypeError, match="kind='bca' needs acceleration"):
        dyestuff.bootstrap(20, rng=1).confint(kind="bca")
