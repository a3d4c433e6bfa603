"""Intervals from stored replicates, against R's boot (reference.json, by make_reference.R), and counts against R."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranef.bootstrap import limits
from ranef.bootstrap.proportion import clopper_pearson, wilson

REFERENCE = json.loads((Path(__file__).parent / "reference.json").read_text())
CASES = REFERENCE["intervals"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['R']} at {case['level']}")
def test_limits_are_those_of_boot_ci(case: dict[str, Any]) -> None:
    t, se, t0, level = np.array(case["t"]), np.sqrt(case["v"]), case["t0"], case["level"]
    found = {
        "normal": limits.normal(t0, t, level),
        "basic": limits.basic(t0, t, level),
        "percentile": limits.percentile(t, level),
        "studentized": limits.studentized(t0, np.sqrt(case["var0"]), t, se, level),
    }
    for kind, value in found.items():
        np.testing.assert_allclose(value, case[kind], rtol=1e-9, err_msg=kind)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['R']} at {case['level']}")
def test_bca_is_that_of_boot_ci_where_the_replicates_reach(case: dict[str, Any]) -> None:
    L = np.array(case["L"])
    a = (L**3).sum() / (6.0 * (L**2).sum() ** 1.5)  # boot's, of the influences that it was given
    found = limits.bca(case["t0"], np.array(case["t"]), a, case["level"])
    if case["R"] == 1000:  # "extreme order statistics used as endpoints": R takes the largest, we have none
        assert case["bca"][1] == max(case["t"])
        assert np.isnan(found[1])
        np.testing.assert_allclose(found[0], case["bca"][0], rtol=1e-9)
    else:
        np.testing.assert_allclose(found, case["bca"], rtol=1e-9)


def test_acceleration_is_the_skewness_of_influences() -> None:
    # Of the mean leaving x_i out moves it by -(x_i - mean) / (n - 1): a is skewness / (6 sqrt(n)), by its definition
    x = np.array([1.0, 2.0, 4.0, 9.0, 3.5])
    without = np.array([[np.delete(x, i).mean()] for i in range(5)])
    d = x - x.mean()
    assert limits.acceleration(without)[0] == pytest.approx((d**3).mean() / (d**2).mean() ** 1.5 / (6 * np.sqrt(5)))


def test_bca_without_acceleration_and_median_bias_is_the_percentile() -> None:
    t = np.random.default_rng(1).normal(size=400)
    middle = float(np.median(t))
    np.testing.assert_allclose(limits.bca(middle, t, 0.0, 0.9), limits.percentile(t, 0.9), rtol=1e-12)


def test_tails_that_replicates_do_not_reach_are_nan() -> None:
    t = np.arange(1.0, 40.0)  # 40 x 0.025 is 1: the least and the largest are just reached
    assert limits.percentile(t, 0.95).tolist() == [1.0, 39.0]
    assert np.isnan(limits.percentile(t[:-1], 0.95)).all()
    assert np.isnan(limits.bca(0.5, t, 0.0, 0.9)).all()  # the estimate lies below all of them


def test_limits_of_proportions() -> None:
    # R 4.2: binom.test(3, 20), prop.test(3, 20, correct = FALSE), binom.test(0, 20), binom.test(20, 20)
    assert clopper_pearson(3, 20, 0.95) == pytest.approx((0.03207094, 0.37892683), abs=1e-8)
    assert wilson(3, 20, 0.95) == pytest.approx((0.05236875, 0.36041886), abs=1e-8)
    assert clopper_pearson(0, 20, 0.95) == pytest.approx((0.0, 0.16843347), abs=1e-8)
    assert clopper_pearson(20, 20, 0.95) == pytest.approx((0.83156653, 1.0), abs=1e-8)
    assert clopper_pearson(0, 0, 0.95) == (0.0, 1.0)
    assert wilson(0, 0, 0.95) == (0.0, 1.0)
