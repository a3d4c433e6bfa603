"""Power of linear models whose residuals are correlated or have several variances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError
from ranef.design.residual_labels import ResidualLabels
from ranef.estimation.correlations import correlations, correlations_in
from ranef.planning.planned import Planned

STRUCTURES = {
    "ar1": {"residual": "ar1(time | g)"},
    "car1": {"residual": "car1(when | g)"},
    "cs": {"residual": "cs(time | g)"},
    "toep": {"residual": "toep(time | g)"},
    "us": {"residual": "us(time | g)"},
    "strata": {"dispersion": "~ 0 + half"},
    "ar1 and a slope": {"residual": "ar1(time | g)", "dispersion": "~ x"},
}


def fitted(name: str, levels: int = 24) -> ranef.LMMSolution:
    """Four visits of every level, a few of them missing."""
    rng = np.random.default_rng(8)
    g, time = np.repeat(np.arange(levels), 4), np.tile(np.arange(4), levels)
    x, half = rng.normal(size=4 * levels), np.where(g < levels // 2, "a", "b")
    y = 1.0 + 0.4 * x + rng.normal(size=levels)[g] + np.where(half == "a", 1.0, 1.5) * rng.normal(size=4 * levels)
    kept = rng.uniform(size=4 * levels) > 0.1
    data = {"y": y, "x": x, "g": g, "time": time, "when": time + 0.25 * (time == 3), "half": half}
    random = "" if name in ("cs", "us", "toep") else " + (1 | g)"
    return ranef.lmm(f"y ~ x{random}", {k: v[kept] for k, v in data.items()}, **STRUCTURES[name])


def planned(fit: ranef.LMMSolution) -> Planned:
    return Planned.of_fit(fit._fit, lambda one, _: one, "", fit.terms)


@pytest.mark.parametrize("name", STRUCTURES)
def test_responses_are_those_that_the_fit_simulates(name: str) -> None:
    fit = fitted(name)
    own = planned(fit).responses(np.random.default_rng(3), 0, 4)
    np.testing.assert_allclose(own, fit.simulate(4, rng=np.random.default_rng(3)), rtol=1e-12)


@pytest.mark.parametrize("name", ["ar1", "car1", "strata", "ar1 and a slope"])
@pytest.mark.parametrize("levels", [11, 60])
def test_residuals_of_other_sizes_are_the_same(name: str, levels: int) -> None:
    """The standard deviation of every row, the correlations, and the covariance of effects."""
    fit = fitted(name)
    here = planned(fit)
    there = here.of_size({"g": levels})
    one, other = here.truth, there.truth
    chosen = np.arange(levels) * 24 // levels
    codes = here.model.design.random.groups[0].codes
    rows = np.concatenate([np.flatnonzero(codes == level) for level in chosen])
    sds = (truth.scale / truth.residual.precision_root for truth in (one, other))
    ours, theirs = sds
    np.testing.assert_allclose(np.sort(theirs), np.sort(ours[rows]), rtol=1e-10)
    ours, theirs = (
        correlations(labels, plan.residual[: labels.n_correlations])
        for plan in (here, there)
        if (labels := plan.model.labels.residual)
    )
    np.testing.assert_allclose(theirs, ours, rtol=1e-10)
    np.testing.assert_allclose(one.scale * one.T[0], other.scale * other.T[0], rtol=1e-10)


def test_power_grows_with_levels() -> None:
    fit = fitted("ar1")
    found = ranef.power_curve(fit, "x", {"g": [8, 48]}, effect={"x": 0.3}, nsim=60, rng=1, df="residual")
    assert found.power[1] > found.power[0] + 0.2


def test_exchangeable_residuals_of_larger_groups_are_the_same_or_do_not_exist() -> None:
    own, there = (ResidualLabels("cs", "time", "g", (), rows, (), np.zeros((0, 0))) for rows in (3, 4))
    share = (0.2 + 0.5) / 1.5
    x = np.array([np.log(share / (1.0 - share))])
    assert correlations(own, x) == pytest.approx(0.2)
    assert correlations(there, correlations_in(own, there, x)) == pytest.approx(0.2)
    with pytest.raises(InputError, match=r"a level of g would have 4 rows, which cannot all be correlated by -0\.4"):
        correlations_in(own, there, np.array([np.log(0.1 / 1.5) - np.log1p(-0.1 / 1.5)]))


def test_a_decay_in_another_unit_of_time_is_the_same() -> None:
    own = ResidualLabels("car1", "time", "g", (), 4, (), np.zeros((0, 0)), step=2.0)
    there, x = replace(own, step=5.0), np.array([0.7])
    assert correlations(there, correlations_in(own, there, x)) == pytest.approx(correlations(own, x), rel=1e-12)
