"""The bootstrap test of nested fits, against pbkrtest's (reference.json, by make_reference.R), laws and counts."""

from __future__ import annotations

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranef
from ranef.bootstrap.blocks import Seed
from ranef.bootstrap.lrt import fitted_tails, reaching
from ranef.bootstrap.proportion import clopper_pearson

REFERENCE = json.loads((Path(__file__).parent / "reference.json").read_text())["test"]


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def sleepstudy(formula: str, **options: Any) -> ranef.LMMSolution:
    return ranef.lmm(formula, ranef.datasets.load("sleepstudy"), **options)


def test_fits_by_reml_are_refitted_as_pbkrtest_does() -> None:
    small, large = (sleepstudy(f"Reaction ~ {x} + (Days | Subject)") for x in ("1", "Days"))
    test = ranef.bootstrap_test(large, small, 30, rng=1)
    assert test.statistic == pytest.approx(REFERENCE["statistic"], rel=1e-6)
    assert test["p_value"][0] == pytest.approx(REFERENCE["p_chi2"], rel=1e-5)
    assert any("refitted by maximum likelihood" in note for note in test.notes)
    # PBmodcomp's p of its own reference statistics
    reference = np.array(REFERENCE["reference"])
    p = (1 + reaching(reference, REFERENCE["statistic"])) / (1 + len(reference))
    assert p == pytest.approx(REFERENCE["p_boot"], rel=1e-12)


def test_bartlett_and_gamma_are_those_of_pbkrtest() -> None:
    # summary(PBmodcomp(sugar, small, ref = reference)) of make_reference.R, pbkrtest 0.5.2
    found = fitted_tails(REFERENCE["statistic"], 1, np.array(REFERENCE["reference"]))
    assert found.bartlett_statistic == pytest.approx(25.0640828879756, rel=1e-10)
    assert found.bartlett == pytest.approx(5.54562460397534e-07, rel=1e-8)
    assert found.gamma == pytest.approx(4.17664645424587e-07, rel=1e-8)
    assert fitted_tails(4.0, 2, np.arange(4.0)) == fitted_tails(4.0, 2, np.arange(1.0, 4.0))  # its refpos


def test_rows_with_fitted_moments_are_for_fixed_effects() -> None:
    small, large = (sleepstudy(f"Reaction ~ {x} + (1 | Subject)", reml=False) for x in ("1", "Days + I(Days**2)"))
    test = ranef.bootstrap_test(large, small, 40, rng=1)
    assert test["test"].tolist() == ["chi-squared", "bootstrap", "Bartlett", "gamma"]
    assert test["statistic"][2] == pytest.approx(2 * test.statistic / test.simulated.mean(), rel=1e-12)
    assert test["df"].tolist()[::2] == [2.0, 2.0]
    expected = fitted_tails(test.statistic, 2, test.simulated)
    assert test["p_value"][2:].tolist() == [expected.bartlett, expected.gamma]
    slopes = ranef.bootstrap_test(small, sleepstudy("Reaction ~ 1 + (Days | Subject)", reml=False), 10, rng=1)
    assert np.isnan(slopes["p_value"][2:]).all()
    assert np.isnan(slopes["statistic"][2])
    assert "differ in variances" in str(slopes)


def test_statistics_are_those_of_two_refits() -> None:
    small, large = (sleepstudy(f"Reaction ~ Days + ({z} | Subject)") for z in ("1", "Days"))
    test = ranef.bootstrap_test(small, large, 5, rng=4)
    Y = small.simulate(5, rng=Seed.of(4, 180, at_once=True).generator(0))
    for j, y in enumerate(Y.T):
        expected = large.refit(y).compare(small.refit(y)).statistic
        assert test.simulated[j] == pytest.approx(expected, abs=1e-5)
    reached = int((test.simulated >= test.statistic).sum())
    assert test.p_value == (1 + reached) / 6
    assert (test.lower, test.upper) == clopper_pearson(reached, 5, 0.95)


def test_restricted_likelihoods_do_not_depend_on_the_units_of_x() -> None:
    d = ranef.datasets.load("sleepstudy")
    days, hours = ({**d, "t": d["Days"] * unit} for unit in (1.0, 24.0))
    one, other = (
        ranef.bootstrap_test(
            ranef.lmm("Reaction ~ t + (1 | Subject)", data), ranef.lmm("Reaction ~ I(t / 2) + (Days | Subject)", data),
            8, rng=1,
        )
        for data in (days, hours)
    )  # fmt: skip
    np.testing.assert_allclose(one.simulated, other.simulated, atol=1e-5)
    assert one.statistic == pytest.approx(42.837, abs=1e-3)  # ranova of lmerTest
    alike = (sleepstudy(f"Reaction ~ Days + ({z} | Subject)") for z in ("1", "Days"))
    np.testing.assert_allclose(one.simulated, ranef.bootstrap_test(*alike, 8, rng=1).simulated, atol=1e-5)


def test_the_distribution_at_the_boundary_is_a_mixture() -> None:
    # One variance at zero: half of the statistics are zero, the others chi-squared with 1 df (Stram & Lee 1994)
    g = np.repeat(np.arange(40), 5)
    data = {"y": np.random.default_rng(1).normal(size=200), "g": g, "h": np.tile(np.arange(20), 10)}
    large = ranef.lmm("y ~ 1 + (1 | g) + (1 | h)", data, reml=False)
    small = ranef.lmm("y ~ 1 + (1 | g)", data, reml=False)
    test = ranef.bootstrap_test(small, large, 300, rng=1)
    used = test.simulated[~test.failed]
    assert 0.4 < (used < 1e-6).mean() < 0.75
    assert 0.01 < (used > 2.706).mean() < 0.09  # 0.05


def test_workers_change_no_bit() -> None:
    small, large = (sleepstudy(f"Reaction ~ Days + ({z} | Subject)") for z in ("1", "Days"))
    with ThreadPoolExecutor(2) as executor:
        many = ranef.bootstrap_test(small, large, 1050, rng=4, executor=executor)
    np.testing.assert_array_equal(many.simulated, ranef.bootstrap_test(small, large, 1050, rng=4).simulated)


def test_failures_are_counted_and_left_out() -> None:
    data = {"g": np.repeat(np.arange(12), 3), "x": np.tile([0.0, 0.0, 1.0], 12)}
    data["y"] = np.random.default_rng(3).binomial(1, 0.3, size=36).astype(float)
    small, large = (ranef.glmm(f"y ~ {x} + (1 | g)", data, family="binomial") for x in ("1", "x"))
    test = ranef.bootstrap_test(small, large, 100, rng=1)
    assert 0 < test.failed.sum() < 100  # no success where x is 1: no maximum
    assert np.isnan(test.simulated[test.failed]).all()
    assert np.isfinite(test.simulated[~test.failed]).all()
    assert any(f"{test.failed.sum()} of 100 replicates failed" in note for note in test.notes)
    reached, n = int((test.simulated > test.statistic - 1e-6).sum()), int((~test.failed).sum())
    assert reached > int((test.simulated > test.statistic + 1e-6).sum())  # binary responses have ties
    assert test.p_value == (1 + reached) / (1 + n)


def test_bad_input_is_named() -> None:
    small, large = (sleepstudy(f"Reaction ~ Days + ({z} | Subject)") for z in ("1", "Days"))
    with pytest.raises(ranef.InputTypeError, match="bootstrap_test takes fits"):
        ranef.bootstrap_test(small, 3, rng=1)
    with pytest.raises(ranef.ComparisonError, match="same number of parameters"):
        ranef.bootstrap_test(small, small, rng=1)
    with pytest.raises(ranef.InputError, match="pass rng"):
        ranef.bootstrap_test(small, large)
    other = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff"))
    with pytest.raises(ranef.ComparisonError, match="different data"):
        ranef.bootstrap_test(large, other, rng=1)
