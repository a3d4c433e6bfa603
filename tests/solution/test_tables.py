"""The tables of fits have lme4's figures, and those of the fits' attributes, in frames of any kind."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ranef
from ranef.display.html import render_html
from ranef.display.records import Table

from ..lmm.models import fitted

SLOPE = "lmm_sleepstudy_slope_reml"


def slope() -> ranef.LMMSolution:
    return fitted(SLOPE).solution


def cbpp(columns: int = 4, **others: Any) -> ranef.GLMMSolution:
    d = ranef.datasets.load("cbpp")
    X = np.column_stack([np.ones(56), *(d["period"] == p for p in "234")])[:, :columns]
    return ranef.glmm(d["incidence"] / d["size"], X, {"herd": d["herd"]}, weights=d["size"], **others)


def test_coefficients_are_lmertest_s() -> None:
    record, table = fitted(SLOPE).record, slope().coef_table()
    tests = record["satterthwaite"]
    assert table.names == ("name", "estimate", "se", "lower", "upper", "df", "statistic", "p_value")
    assert table["name"].tolist() == tests["names"]
    np.testing.assert_allclose(table["estimate"], list(record["fixef"].values()), rtol=1e-7)
    np.testing.assert_allclose(table["se"], list(record["se"].values()), rtol=1e-6)
    np.testing.assert_allclose(table["df"], tests["df"], rtol=1e-4)
    np.testing.assert_allclose(table["p_value"], tests["p"], rtol=1e-3)
    assert np.array_equal(np.column_stack([table["lower"], table["upper"]]), slope().conf_int)


def test_coefficients_are_printed_as_in_the_summary() -> None:
    """Cell by cell, without the intervals."""
    table = slope().coef_table()
    rows = [line.split() for line in str(table).split("\n")[1:3]]
    theirs = [line.split() for line in slope().summary().split("\n") if line.startswith(("(Intercept) ", "Days "))]
    assert [[*row[:3], *row[5:]] for row in rows] == theirs[:2]
    assert str(table).split("\n")[0].split()[3:7] == ["2.5", "%", "97.5", "%"]


def test_generalized_models_have_z_tests_and_no_df() -> None:
    table = cbpp(conf_level=0.9).coef_table()
    assert "df" not in table
    assert table.headers["statistic"] == "z value"
    assert (table.headers["lower"], table.headers["upper"]) == ("5 %", "95 %")
    half = table["upper"] - table["estimate"]
    np.testing.assert_allclose(half / table["se"], 1.6448536269514722, rtol=1e-12)  # qnorm(0.95)


def test_dropped_columns_are_na() -> None:
    d = ranef.datasets.load("dyestuff")
    with pytest.warns(ranef.RankDeficiencyWarning):
        bad = ranef.lmm(d["Yield"], np.ones((30, 2)), {"Batch": d["Batch"]}, x_names=["a", "b"])
    table = bad.coef_table()
    assert table["name"].tolist() == ["a", "b"]
    assert np.isnan([table[c][1] for c in ("estimate", "se", "lower", "upper", "df", "statistic", "p_value")]).all()
    assert str(table).split("\n")[2].split() == ["b", *["NA"] * 7]
    assert np.isnan(bad.vcov_table()["b"]).all()


def test_a_model_without_fixed_effects() -> None:
    d = ranef.datasets.load("dyestuff")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        none = ranef.lmm(d["Yield"] - 1500.0, np.zeros((30, 0)), {"Batch": d["Batch"]})
    assert len(none.coef_table()) == len(none.vcov_table()) == 0
    assert len(none.ranef_table()) == 6


def test_variance_components() -> None:
    """as.data.frame(VarCorr(m)) of lme4 1.1-31."""
    table = slope().var_table()
    assert table.names == ("factor", "column", "variance", "sd", "corr_1")
    assert table["factor"].tolist() == ["Subject", "Subject", "Residual"]
    assert table["column"].tolist() == ["(Intercept)", "Days", ""]
    np.testing.assert_allclose(table["variance"], [612.089939, 35.071660, 654.941028], rtol=1e-6)
    np.testing.assert_allclose(table["sd"] ** 2, table["variance"], rtol=1e-14)
    np.testing.assert_allclose(table["corr_1"], [np.nan, 0.065551, np.nan], rtol=1e-4)


def test_variance_components_without_correlations_and_with_structures() -> None:
    assert cbpp().var_table().names == ("factor", "column", "variance", "sd")
    d = ranef.datasets.load("sleepstudy")
    columns = {f"d{i}": d["Days"] // 2 == i for i in range(5)}
    ar1 = ranef.lmm(
        d["Reaction"],
        np.column_stack([np.ones(180), d["Days"]]),
        {"Subject": d["Subject"]},
        random_effects={"Subject": list(columns)},
        random_data=columns,
        covariance={"Subject": "ar1"},
    )
    table = ar1.var_table()
    assert table["structure"].tolist() == ["ar1", ""]
    assert table["corr_1"][0] == ar1.var_components[0].corr[0]


def test_random_effects_have_their_conditional_deviations() -> None:
    """as.data.frame(ranef(m)), ordered by grp and term, lme4 1.1-31 with tight tolerances."""
    table = slope().ranef_table()
    assert table.names == ("factor", "level", "column", "value", "se")
    assert len(table) == 36
    assert table["column"][:4].tolist() == ["(Intercept)", "Days"] * 2
    assert table["level"][:4].tolist() == ["308", "308", "309", "309"]
    np.testing.assert_allclose(table["value"][:4], [2.2585509, 9.1989758, -40.3985, -8.61968], rtol=1e-4)
    np.testing.assert_allclose(table["se"][:4], [12.070855, 2.3048397] * 2, rtol=1e-5)


def test_random_effects_of_several_factors() -> None:
    """condsd of lme4 1.1-31: one of all plates, one of all samples."""
    both = fitted("lmm_penicillin_reml").solution
    table = both.ranef_table()
    for factor, sd in (("plate", 0.27135930), ("sample", 0.20217069)):
        rows = table["factor"] == factor
        assert table["level"][rows].tolist() == both.levels[factor].tolist()
        assert np.array_equal(table["value"][rows], both.ranef[factor][:, 0])
        np.testing.assert_allclose(table["se"][rows], sd, rtol=1e-5)


def crossed(first: Any, second: Any) -> Table:
    rng = np.random.default_rng(3)
    y = rng.normal(size=40) + np.repeat(rng.normal(size=8), 5) + np.tile(rng.normal(size=5), 8)
    groups = {"a": np.repeat(first, 5), "b": np.tile(second, 8)}
    return ranef.lmm(y, np.ones((40, 1)), groups).ranef_table()


def test_levels_keep_their_type_where_all_factors_have_one() -> None:
    assert crossed(np.arange(8), np.arange(10, 15))["level"].tolist() == [*range(8), *range(10, 15)]
    mixed = crossed(np.arange(8), np.array(list("abcde")))["level"].tolist()
    assert mixed == [*"01234567", *"abcde"]


def test_covariances_have_names() -> None:
    table = slope().vcov_table()
    assert table.names == ("name", "(Intercept)", "Days")
    assert table["name"].tolist() == ["(Intercept)", "Days"]
    assert np.array_equal(np.column_stack([table["(Intercept)"], table["Days"]]), slope().vcov)


def test_covariances_of_coefficients_with_the_names_of_columns() -> None:
    d = ranef.datasets.load("sleepstudy")
    X = np.column_stack([np.ones(180), d["Days"], d["Days"] ** 2])
    table = ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, x_names=["name", "p_value", "se"]).vcov_table()
    assert table.names == ("name_", "name", "p_value", "se")
    assert [line.split()[0] for line in str(table).split("\n")[1:]] == ["name", "p_value", "se"]
    assert "<2e-16" not in str(table)  # negative covariances are no p-values
    assert "Signif" not in str(table)
    assert str(table).split("\n")[0].split() == ["name", "p_value", "se"]


@pytest.mark.parametrize("table", ["coef_table", "var_table", "ranef_table", "vcov_table"])
@pytest.mark.parametrize("made", [slope, cbpp])
def test_frames(table: str, made: Any) -> None:
    record = getattr(made(), table)()
    frame = record.to_frame("pandas")
    assert isinstance(frame, pd.DataFrame)
    assert (tuple(frame.columns), len(frame)) == (record.names, len(record))
    assert type(record.to_frame()) is dict
    assert record._repr_html_().startswith('<div class="ranef-table">')


# Text that shows itself --------------------------------------------------------------------------------------------


def test_scaled_residuals_of_a_summary_have_the_dispersion_in_them() -> None:
    """The normal family is the linear model by maximum likelihood; lme4's are Pearson residuals over sigma."""
    d = ranef.datasets.load("sleepstudy")
    model = "Reaction ~ Days + (Days | Subject)"
    linear, generalized = ranef.lmm(model, d, reml=False), ranef.glmm(model, d, family="gaussian")
    theirs = np.quantile(linear.scaled_residuals, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(generalized.summary().data.residual_quantiles, theirs, rtol=1e-4)
    gamma = ranef.glmm(model, d, family="gamma(log)")
    pearson = gamma.residuals_of("pearson") / np.sqrt(gamma.dispersion["dispersion"])
    quantiles = np.quantile(pearson, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(gamma.summary().data.residual_quantiles, quantiles, rtol=1e-12)


def test_a_summary_is_text_that_prints_itself_and_is_html_in_notebooks() -> None:
    summary = slope().summary()
    assert isinstance(summary, str)
    assert repr(summary) == str(summary) == f"{summary}"
    assert "Fixed effects:" in summary
    assert summary.data.n_obs == 180
    assert summary._repr_html_() == slope()._repr_html_() == render_html(summary.data)
    copy = pickle.loads(pickle.dumps(summary))
    assert (type(copy), copy, copy.data.n_obs) == (type(summary), summary, 180)


def test_a_comparison_is_text_that_prints_itself_and_is_html_in_notebooks() -> None:
    test = cbpp(columns=1).compare(cbpp(y_name="<y>"))
    assert repr(test) == str(test)
    html = test._repr_html_()
    assert "<code>&lt;y&gt; ~ (Intercept)" in html
    assert "<y>" not in html
    for row in [line for line in test.splitlines() if line.startswith(("smaller ", "larger "))]:
        for cell in row.split():
            assert f">{cell}<" in html
