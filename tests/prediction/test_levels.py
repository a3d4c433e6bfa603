"""Effects and coefficients of single levels, with standard errors and limits."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import ranef

REFERENCE = json.loads((Path(__file__).parent / "levels_reference.json").read_text())
NAMES = ("sleepstudy", "penicillin", "cbpp")


@cache
def fit(name: str) -> Any:
    d = ranef.datasets.load(name)
    if name == "sleepstudy":
        X, slope = np.column_stack([np.ones(180), d["Days"]]), {"Subject": "1 + Days"}
        return ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, random_effects=slope, reml=False,
                         x_names=["(Intercept)", "Days"])  # fmt: skip
    if name == "penicillin":
        return ranef.lmm(d["diameter"], np.ones((144, 1)), {"plate": d["plate"], "sample": d["sample"]}, reml=False)
    X = np.column_stack([np.ones(56), *(d["period"] == p for p in "234")])
    names = ["(Intercept)", "period2", "period3", "period4"]
    return ranef.glmm(d["incidence"] / d["size"], X, {"herd": d["herd"]}, weights=d["size"], x_names=names)


def ordered(table: Any) -> dict[tuple[str, str, str], int]:
    """Row of every (factor, level, column)."""
    keys = zip(table["factor"], map(str, table["level"]), table["column"], strict=True)
    return {key: row for row, key in enumerate(keys)}


def rows_of(table: Any, modes: Any) -> list[int]:
    where = ordered(table)
    return [where[key] for key in zip(modes["factor"], modes["level"], modes["column"], strict=True)]


@pytest.mark.parametrize("name", NAMES)
def test_conditional_standard_deviations_are_lme4s(name: str) -> None:
    """lme4 1.1.31, ranef(condVar = TRUE): every parameter taken as known."""
    modes, table = REFERENCE["lme4"][name]["modes"], fit(name).ranef_table()
    rows = rows_of(table, modes)
    assert sorted(rows) == list(range(len(table)))
    np.testing.assert_allclose(table["value"][rows], modes["value"], rtol=1e-4, atol=1e-4 * np.std(modes["value"]))
    np.testing.assert_allclose(table["se"][rows], modes["se"], rtol=2e-4)


@pytest.mark.parametrize("name", NAMES)
def test_standard_deviations_with_all_parameters_are_glmmtmbs(name: str) -> None:
    """glmmTMB 1.1.5, ranef's condsd: fixed effects and variance parameters are estimated, in ML fits."""
    modes = REFERENCE["glmmTMB"][name]
    table = fit(name).ranef_table(beta_uncertainty=True, theta_uncertainty=True)
    rows = rows_of(table, modes)
    np.testing.assert_allclose(table["value"][rows], modes["value"], rtol=1e-3, atol=1e-3 * np.std(modes["value"]))
    np.testing.assert_allclose(table["se"][rows], modes["se"], rtol=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_coefficients_are_lme4s(name: str) -> None:
    """lme4 1.1.31, coef: a frame for each factor, with a column for each coefficient."""
    table = fit(name).level_coefficients()
    where = ordered(table)
    expected = REFERENCE["lme4"][name]["coef"]
    assert sum(np.size(block["value"]) for block in expected.values()) == len(table)
    for factor, block in expected.items():
        columns = [block["column"]] if isinstance(block["column"], str) else block["column"]
        rows = [[where[factor, level, column] for column in columns] for level in block["level"]]
        np.testing.assert_allclose(table["value"][np.array(rows)], block["value"], rtol=1e-4, atol=1e-4)


def test_standard_errors_of_coefficients_are_those_of_predictions() -> None:
    """A subject's intercept is its prediction at day 0, its slope a difference of two."""
    model = fit("sleepstudy")
    new = {"X": [[1.0, 0.0], [1.0, 1.0]], "groups": {"Subject": ["330", "330"]}, "random_data": {"Days": [0.0, 1.0]}}
    for theta_uncertainty in (True, False):
        found = model.predict(new, covariance=True, theta_uncertainty=theta_uncertainty)
        table = model.level_coefficients(theta_uncertainty=theta_uncertainty)
        where = ordered(table)
        at, slope = (where["Subject", "330", column] for column in ("(Intercept)", "Days"))
        assert table["value"][at] == pytest.approx(found["fit"][0], rel=1e-12)
        assert table["value"][slope] == pytest.approx(found["fit"][1] - found["fit"][0], rel=1e-9)
        V = found.covariance
        assert table["se"][at] == pytest.approx(np.sqrt(V[0, 0]), rel=1e-9)
        assert table["se"][slope] == pytest.approx(np.sqrt(V[0, 0] + V[1, 1] - 2 * V[0, 1]), rel=1e-6)


def test_effects_with_the_uncertainty_of_beta_are_hendersons() -> None:
    """The inverse of the mixed model equations, crossed factors and a slope without a fixed effect."""
    rng = np.random.default_rng(2)
    g, h, x = rng.integers(0, 6, 80), rng.integers(0, 4, 80), rng.normal(size=80)
    B = rng.normal(size=(6, 2))
    y = 1.0 + B[g, 0] + B[g, 1] * x + rng.normal(size=4)[h] + rng.normal(size=80)
    model = ranef.lmm(y, np.ones((80, 1)), {"g": g, "h": h}, random_effects={"g": "1 + x"}, random_data={"x": x})
    Z = np.column_stack([np.eye(6)[g], x[:, None] * np.eye(6)[g], np.eye(4)[h]])
    G = np.zeros((16, 16))
    G[:12, :12], G[12:, 12:] = np.kron(model._fit.covariances[0], np.eye(6)), model._fit.covariances[1] * np.eye(4)
    A = np.column_stack([np.ones(80), Z])
    C = A.T @ A / model.sigma**2
    C[1:, 1:] += np.linalg.inv(G)
    V = np.linalg.inv(C)
    table = model.ranef_table(beta_uncertainty=True)
    se = np.sqrt(np.diagonal(V)[1:])
    expected = np.concatenate([np.column_stack([se[:6], se[6:12]]).ravel(), se[12:]])
    np.testing.assert_allclose(table["se"], expected, rtol=1e-6)
    # the levels of g have an intercept, and a slope that has no fixed effect; those of h the intercept alone
    of_levels = model.level_coefficients(theta_uncertainty=False)
    assert of_levels["column"][:2].tolist() == ["(Intercept)", "x"]
    np.testing.assert_allclose(of_levels["value"][1:12:2], model.ranef["g"][:, 1], rtol=1e-9)
    np.testing.assert_allclose(of_levels["se"][1:12:2], se[6:12], rtol=1e-6)
    intercepts = np.sqrt(V[0, 0] + np.diagonal(V)[13:] + 2 * V[0, 13:])
    np.testing.assert_allclose(of_levels["se"][12:], intercepts, rtol=1e-6)


def test_limits() -> None:
    """Normal quantiles where all parameters are known, and of generalized models; else Satterthwaite's t."""
    model, z = fit("penicillin"), stats.norm.ppf(0.95)
    known = model.ranef_table(0.9)
    np.testing.assert_allclose(known["upper"] - known["value"], z * known["se"], rtol=1e-12)
    assert "5 %" in str(known)
    estimated = model.ranef_table(0.9, beta_uncertainty=True)
    ratio = (estimated["upper"] - estimated["value"]) / estimated["se"]
    assert (ratio > 1.001 * z).all()
    coefficients = model.level_coefficients(0.9)
    found = model.predict(
        {"X": [[1.0]], "groups": {"plate": ["a"]}}, random=["plate"], interval="confidence", level=0.9
    )
    assert coefficients["lower"][0] == pytest.approx(found["lower"][0], rel=1e-9)
    assert coefficients["upper"][0] == pytest.approx(found["upper"][0], rel=1e-9)
    herds = fit("cbpp").level_coefficients(0.9)
    np.testing.assert_allclose(herds["upper"] - herds["value"], z * herds["se"], rtol=1e-9)
    for call in (model.ranef_table, model.level_coefficients):
        with pytest.raises(ranef.InputError, match="level must lie between 0 and 1; got 95"):
            call(95)
    with pytest.raises(ranef.InputError, match="theta_uncertainty=True needs beta_uncertainty=True"):
        model.ranef_table(theta_uncertainty=True)


def test_dropped_coefficients_have_no_value() -> None:
    d = ranef.datasets.load("sleepstudy")
    X = np.column_stack([np.ones(180), d["Days"], 2.0 * d["Days"]])
    with pytest.warns(ranef.RankDeficiencyWarning):
        model = ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, x_names=["(Intercept)", "Days", "twice"])
    table = model.level_coefficients(0.95)
    for name in ("value", "se", "lower", "upper"):
        assert np.isfinite(table[name][table["column"] != "twice"]).all()
        assert np.isnan(table[name][table["column"] == "twice"]).all()
    np.testing.assert_allclose(table["value"][1::3], model.fixef["Days"], rtol=1e-12)


def test_a_loaded_fit_has_them(tmp_path: Path) -> None:
    model = fit("sleepstudy")
    model.save(tmp_path / "m.ranef")
    again = ranef.load(tmp_path / "m.ranef")
    for name, options in (("ranef_table", {"beta_uncertainty": True}), ("level_coefficients", {})):
        one, other = (getattr(m, name)(0.95, **options) for m in (model, again))
        for column in ("value", "se", "lower", "upper"):
            np.testing.assert_allclose(one[column], other[column], rtol=1e-8)
