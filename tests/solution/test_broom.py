"""tidy, glance and augment have the figures of the fit under the names of broom.mixed's documentation."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ranef

from ..lmm.models import fitted

SLOPE = "lmm_sleepstudy_slope_reml"
D = ranef.datasets.load("sleepstudy")
CBPP = ranef.datasets.load("cbpp")
BESIDE = (".fitted", ".resid", ".fixed", ".mu", ".offset", ".weights", ".wtres")


def slope() -> ranef.LMMSolution:
    return fitted(SLOPE).solution


def herds(**others: Any) -> ranef.GLMMSolution:
    return ranef.glmm("incidence / size ~ period + (1 | herd)", CBPP, weights="size", **others)


# tidy ---------------------------------------------------------------------------------------------------------------


def test_fixed_effects_have_lmertest_s_figures() -> None:
    record, table = fitted(SLOPE).record, slope().tidy("fixed")
    assert table.names == ("effect", "term", "estimate", "std.error", "df", "statistic", "p.value")
    assert set(table["effect"]) == {"fixed"}
    np.testing.assert_allclose(table["estimate"], list(record["fixef"].values()), rtol=1e-7)
    np.testing.assert_allclose(table["std.error"], list(record["se"].values()), rtol=1e-6)
    np.testing.assert_allclose(table["p.value"], record["satterthwaite"]["p"], rtol=1e-3)
    assert "df" not in herds().tidy("fixed")


def test_variance_parameters_in_brooms_words() -> None:
    fit, table = slope(), slope().tidy("ran_pars")
    assert table.names == ("effect", "group", "term", "estimate")
    one, two, residual = fit.var_components
    assert list(zip(table["group"].tolist(), table["term"].tolist(), strict=True)) == [
        ("Subject", "sd__(Intercept)"),
        ("Subject", "cor__(Intercept).Days"),
        ("Subject", "sd__Days"),
        ("Residual", "sd__Observation"),
    ]
    expected = [one.std_dev, two.corr[0], two.std_dev, residual.std_dev]
    np.testing.assert_allclose(table["estimate"], expected, rtol=1e-12)


def test_both_are_the_default_with_holes() -> None:
    table = slope().tidy()
    assert table["effect"].tolist() == ["fixed"] * 2 + ["ran_pars"] * 4
    assert table["group"].tolist() == [None, None, "Subject", "Subject", "Subject", "Residual"]
    assert np.isnan(table["std.error"]).tolist() == [False] * 2 + [True] * 4
    assert "level" not in table
    assert table.to_frame("polars")["group"].null_count() == 2
    assert "None" not in str(table)


def test_conditional_modes() -> None:
    fit, table = slope(), slope().tidy("ran_vals", conf_int=True, level=0.9)
    assert table.names == ("effect", "group", "level", "term", "estimate", "std.error", "conf.low", "conf.high")
    np.testing.assert_array_equal(table["estimate"], fit.ranef["Subject"].ravel())
    np.testing.assert_allclose(table["conf.high"] - table["estimate"], 1.6448536269514722 * table["std.error"])
    assert table["term"][:2].tolist() == ["(Intercept)", "Days"]
    assert table["level"][::2].tolist() == fit.levels["Subject"].tolist()


def test_limits_are_confints() -> None:
    fit, table = slope(), slope().tidy(conf_int=True, level=0.9)
    intervals = fit.confint(level=0.9)
    order = [*range(4, 6), *range(4)]
    np.testing.assert_array_equal(table["conf.low"], intervals["lower"][order])
    np.testing.assert_array_equal(table["conf.high"], intervals["upper"][order])


def test_dispersion_structures_and_several_factors() -> None:
    y = np.random.default_rng(5).negative_binomial(2.0, 0.2, 180)
    fit = ranef.glmm(y, np.ones((180, 1)), {"g": np.arange(180) % 12}, family="negative_binomial")
    table = fit.tidy("ran_pars")
    assert (table["group"][-1], table["term"][-1]) == ("Residual", "theta")
    assert table["estimate"][-1] == pytest.approx(fit.dispersion["theta"], rel=1e-12)
    structured = ranef.lmm("Reaction ~ Days + cs(Days | Subject)", D)
    assert structured.tidy("ran_pars")["term"].tolist() == ["sd__(Intercept)", "cor__cs", "sd__Days", "sd__Observation"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"effects": "random"}, ranef.InputError, "'ran_vals'; got 'random'"),
        ({"effects": []}, ranef.InputError, "effects must be"),
        ({"conf_int": 0.9}, ranef.InputTypeError, "conf_int must be True or False"),
        ({"level": 95}, ranef.InputError, "level"),
    ],
)
def test_what_tidy_refuses(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        slope().tidy(**arguments)


# glance -------------------------------------------------------------------------------------------------------------


def test_glance() -> None:
    fit, table = slope(), slope().glance()
    assert table.names == ("nobs", "sigma", "logLik", "AIC", "BIC", "REMLcrit", "df.residual")
    values = (fit.n_obs, fit.sigma, fit.log_likelihood, fit.aic, fit.bic, fit.reml_criterion, fit.df_residual)
    assert tuple(table[name][0] for name in table) == values
    ml = fit.update(reml=False)
    assert ml.glance().names[5] == "deviance"
    assert ml.glance()["deviance"][0] == -2.0 * ml.log_likelihood
    of_counts = herds().glance()
    assert of_counts["sigma"][0] == 1.0
    assert of_counts["deviance"][0] == herds().deviance


# augment ------------------------------------------------------------------------------------------------------------


def test_rows_of_a_linear_model() -> None:
    weights, offset = np.linspace(1.0, 2.0, 180), np.linspace(0.0, 5.0, 180)
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", D, weights=weights, offset=offset)
    rows = fit.augment()
    assert rows.names == ("Reaction", "Days", "Subject", *BESIDE)
    np.testing.assert_array_equal(rows["Reaction"], D["Reaction"])
    np.testing.assert_array_equal(rows["Subject"], D["Subject"])
    np.testing.assert_allclose(rows[".fitted"], fit.fitted_values, rtol=1e-12)
    np.testing.assert_array_equal(rows[".mu"], fit.fitted_values)
    np.testing.assert_array_equal(rows[".resid"], fit.residuals)
    np.testing.assert_allclose(rows[".fixed"], fit.coefficients @ [np.ones(180), D["Days"]] + offset, rtol=1e-12)
    np.testing.assert_array_equal(rows[".offset"], offset)
    np.testing.assert_array_equal(rows[".weights"], weights)
    np.testing.assert_allclose(rows[".wtres"], fit.scaled_residuals * fit.sigma, rtol=1e-12)


def test_rows_of_a_generalized_model() -> None:
    fit = herds()
    rows = fit.augment(CBPP)
    assert rows.names == (*CBPP, *BESIDE)
    np.testing.assert_allclose(rows[".fitted"], fit.linear_predictor, rtol=1e-12)
    np.testing.assert_array_equal(rows[".mu"], fit.fitted_values)
    np.testing.assert_array_equal(rows[".resid"], fit.residuals_of("deviance"))
    np.testing.assert_array_equal(rows[".wtres"], fit.residuals_of("pearson"))
    np.testing.assert_allclose(rows[".fitted"] - rows[".fixed"], fit.ranef["herd"][_codes(fit), 0], rtol=1e-9)
    assert rows[".weights"].sum() == CBPP["size"].sum()


def _codes(fit: ranef.GLMMSolution) -> Any:
    return np.searchsorted(fit.levels["herd"], CBPP["herd"])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_frames_are_of_the_users_kind(make: Any) -> None:
    data = make({**D, "note": ["a", None] * 90})
    fit = ranef.lmm("Reaction ~ Days + (1 | Subject)", data)
    for table in (fit.tidy(), fit.glance(), fit.augment(), fit.augment(data)):
        assert isinstance(table.to_frame(), make)
    assert list(fit.augment(data).to_frame().columns) == [*data.columns, *BESIDE]
    assert pd.isna(fit.augment(data)["note"][:2]).tolist() == [False, True]
    assert isinstance(slope().augment(data).to_frame(), make)
    assert isinstance(fit.augment(dict(D)).to_frame(), make)


def test_categories_and_missing_numbers_stay() -> None:
    data = pd.DataFrame(dict(D))
    data["kind"] = pd.Categorical(["b", None, "a"] * 60)
    data["count"] = pd.array([1, None] * 90, dtype="Int64")
    rows = slope().augment(data)
    assert rows["kind"][:3].tolist() == ["b", None, "a"]
    assert rows["count"][:2].tolist() == [1, None]


def test_names_that_are_taken() -> None:
    y = np.arange(12.0) % 5
    fit = ranef.lmm(y, np.column_stack([np.ones(12), y**2]), {"g": np.arange(12) % 3}, x_names=["(Intercept)", "g"])
    assert fit.augment().names[:3] == ("y", "g", "g_")


def test_what_augment_refuses() -> None:
    fit = herds()
    with pytest.raises(ranef.InputError, match=r"data\['herd'\] has 55 rows, the fit 56"):
        fit.augment({name: column[1:] for name, column in CBPP.items()})
    by_formula = ranef.lmm("Reaction ~ Days + (1 | Subject)", D)
    with pytest.raises(ranef.InputError, match=r"data\['Reaction'\] differs from the response"):
        by_formula.augment({name: column[::-1] for name, column in D.items()})
    with pytest.raises(ranef.InputError, match=r"columns .mu already"):
        fit.augment({".mu": np.ones(56)})


def test_a_fit_without_rows_has_parameters_only(tmp_path: Any) -> None:
    fit = ranef.lmm("Reaction ~ Days + (1 | Subject)", D)
    fit.save(tmp_path / "fit")
    copy = ranef.load(tmp_path / "fit")
    assert str(copy.tidy()) == str(fit.tidy())
    assert str(copy.glance()) == str(fit.glance())
    with pytest.raises(ranef.InputError, match="rows"):
        copy.augment()


def test_pickles() -> None:
    table = slope().tidy()
    assert str(pickle.loads(pickle.dumps(table))) == str(table)


# maketables ---------------------------------------------------------------------------------------------------------


def test_what_maketables_asks_for() -> None:
    """Names by the plug-in format of maketables 0.2.0, whose tables were made with it."""
    fit = slope()
    frame: pd.DataFrame = fit.__maketables_coef_table__
    assert frame.index.name == "Coefficient"
    assert list(frame.index) == ["(Intercept)", "Days"]
    assert list(frame.columns) == ["b", "se", "t", "p", "ci95l", "ci95u"]
    np.testing.assert_array_equal(frame["b"], fit.coefficients)
    np.testing.assert_array_equal(frame[["ci95l", "ci95u"]], fit.conf_int)
    assert fit.__maketables_depvar__ == fit.model.split()[0]
    assert fit.__maketables_stat__("N") == 180
    assert fit.__maketables_stat__("aic") == fit.aic
    assert fit.__maketables_stat__("sigma") == pytest.approx(fit.sigma, rel=1e-12)
    assert fit.__maketables_stat__("r2") is None
    keys = fit.__maketables_default_stat_keys__
    assert isinstance(keys, list)
    assert all(fit.__maketables_stat__(key) is not None for key in keys)
    assert set(fit.__maketables_stat_labels__) <= set(keys)
