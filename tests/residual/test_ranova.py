"""Tests of residual structures: what is left out, by which distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import ranef

from .test_reference import frame

BY_SITE = "y ~ arm + time + (1 | site)"
ARMS = {"residual": "ar1(time | subject)", "dispersion": "~ 0 + arm"}
#: Likelihood ratios without (1 | site), corAR1 and varIdent; nlme's optimizers end at 1e-5 from the optimum.
NLME = np.array([4.906880, 29.692918, 13.032944])


def test_likelihood_ratios_are_nlmes():
    """anova() of nlme 3.1 for lme and gls fits to rows.csv: the structure left out, each part at a time."""
    table = ranef.lmm(BY_SITE, frame(), **ARMS).ranova()
    assert table["term"].tolist() == ["<none>", "(1 | site)", "ar1(time | subject)", "dispersion ~ 0 + arm"]
    assert table["statistic"][1:] == pytest.approx(NLME, abs=2e-5)
    assert table["df"][1:].tolist() == [1, 1, 1]
    assert table["p_value"][1:] == pytest.approx(stats.chi2.sf(NLME, 1), rel=1e-3)
    assert table["p_mixture"][1] == pytest.approx(0.5 * table["p_value"][1])
    assert np.isnan(table["p_mixture"][2:]).all()
    assert any("inside of the range" in note and "ar1" in note and "dispersion" in note for note in table.notes)


def test_refits_are_the_smaller_models():
    d = frame()
    table = ranef.lmm("y ~ arm + time", d, residual="toep(time | subject)", reml=False).ranova()
    X = np.column_stack([np.ones(99), d["arm"] == "1", d["time"]])
    e = d["y"] - X @ np.linalg.lstsq(X, d["y"], rcond=None)[0]
    regression = -0.5 * 99 * (1.0 + np.log(2.0 * np.pi * (e @ e) / 99))
    assert table["npar"].tolist() == [8, 4]
    assert table["log_likelihood"][1] == pytest.approx(regression, abs=1e-8)


def test_strata_of_visits_are_what_us_has_without_correlations():
    d = frame()
    d = {name: column[np.isin(d["time"], [0, 1, 2])] for name, column in d.items()}
    table = ranef.lmm("y ~ arm", d, residual="us(time | subject)").ranova()
    assert table["term"].tolist()[1:] == ["us(time | subject)", "standard deviations of time"]
    assert table["df"][1:].tolist() == [3, 2]
    alone = ranef.lmm("y ~ arm + (1 | site)", d | {"visit": d["time"].astype(str)}, dispersion="~ 0 + visit")
    none = alone.ranova()["log_likelihood"][1]  # strata of visits, without sites
    assert table["log_likelihood"][1] == pytest.approx(none, abs=1e-6)


def rows(seed, gaps):
    """Independent residuals of 40 groups at four times."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(gaps(rng, (40, 4)), axis=1)
    return {"y": rng.normal(size=160), "t": times.ravel(), "g": np.repeat(np.arange(40), 4)}


def test_a_car1_is_at_the_boundary_and_an_ar1_is_not():
    """Independence is Phi = 0, the end of car1's range: where an ar1 is negative its statistic is zero."""
    zero, seen = 0, []
    for seed in range(12):
        d = rows(seed, lambda rng, shape: np.ones(shape))
        one, two = (ranef.lmm("y ~ 1", d, residual=f"{kind}(t | g)").ranova() for kind in ("car1", "ar1"))
        fit = ranef.lmm("y ~ 1", d, residual="ar1(t | g)")
        positive = fit.residual_parameters["Phi|g"] > 0.0
        assert one["statistic"][1] == pytest.approx(two["statistic"][1] if positive else 0.0, abs=1e-4)
        zero += not positive
        seen.append(one["p_mixture"][1] / one["p_value"][1])
    assert 2 <= zero <= 10
    assert min(seen) == pytest.approx(0.5)
    assert any("boundary" in note for note in one.notes)
    assert not any("boundary" in note for note in two.notes)


def test_times_that_differ_from_group_to_group_have_no_mixture():
    d = rows(1, lambda rng, shape: rng.uniform(0.2, 2.0, shape))
    table = ranef.lmm("y ~ 1", d, residual="car1(t | g)").ranova()
    assert np.isnan(table["p_mixture"][1])
    assert any("neither p-value is right" in note for note in table.notes)


def test_comparisons_say_that_independence_is_a_boundary():
    d = frame()
    plain = ranef.lmm(BY_SITE, d)
    notes = [
        " ".join(ranef.anova(plain, ranef.lmm(BY_SITE, d, residual=f"{kind}(time | subject)")).notes)
        for kind in ("car1", "ar1")
    ]
    assert ["Phi = 0" in text for text in notes] == [True, False]
