"""The reference models arrive as R saw them (load checks sums and numbers of levels), and the loader's two rules."""

from __future__ import annotations

import numpy as np
import pytest

from .load import expected, likelihood_ratio_tests, load, names, new_rows


def test_all_models_are_here() -> None:
    assert len(names("lmm_")) == 27
    assert len(names("glmm_")) == 23


@pytest.mark.parametrize("name", names())
def test_data_are_those_that_r_fitted(name: str) -> None:
    # Linear predictor of the first rows = X beta + Z b + offset, with R's beta and b.
    case = load(name, full_rank=True)
    record = case.expected
    rows = slice(0, len(record["linear_predictor"]))
    eta = case.X[rows] @ np.array([record["fixef"][x] for x in case.x_names])
    if case.offset is not None:
        eta = eta + case.offset[rows]
    for block in record["ranef"]:
        levels = dict(zip(block["levels"], block["values"], strict=True))
        terms = case.random_effects[block["group"]]
        Z = np.column_stack([np.ones(len(case.y)) if t == "1" else case.random_data[t] for t in terms])
        nothing = [np.nan] * len(terms)  # a level left out of a truncated list
        b = np.array([levels.get(level, nothing) for level in case.groups[block["group"]][rows].tolist()])
        eta = eta + np.sum(Z[rows] * b, axis=1)
    known = np.isfinite(eta)
    assert known.any()
    # 15 digits in the record; larger where eta is a cancelling sum.
    np.testing.assert_allclose(eta[known], np.array(record["linear_predictor"])[known], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ["lmm_sleepstudy_uncorr_reml", "lmm_cake_reml", "glmm_cbpp_laplace"])
def test_new_rows_give_the_population_prediction(name: str) -> None:
    rows = new_rows(name)
    fixef = np.array([expected(name)["fixef"][x] for x in rows.x_names])
    np.testing.assert_allclose(rows.X @ fixef, expected(name)["predict"]["without_re"], rtol=1e-10)


def test_terms_that_share_a_factor_are_one_uncorrelated_entry() -> None:
    case = load("lmm_sleepstudy_uncorr_reml")
    assert case.random_effects == {"Subject": ["1", "Days"]}
    assert case.correlated == {"Subject": False}


def test_full_rank_leaves_out_what_lme4_dropped() -> None:
    assert load("lmm_sleepstudy_rankdef_reml").x_names == ("(Intercept)", "Days", "DaysLin")
    assert load("lmm_sleepstudy_rankdef_reml", full_rank=True).x_names == ("(Intercept)", "Days")


def test_likelihood_ratio_tests_follow_from_the_fits() -> None:
    for test in likelihood_ratio_tests():
        reduced, full = expected(test["reduced"]), expected(test["full"])
        assert test["chisq"] == pytest.approx(2 * (full["logLik"] - reduced["logLik"]), rel=1e-6)
        assert test["df"] == full["npar"] - reduced["npar"]
