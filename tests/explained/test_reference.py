"""R2 and intraclass correlations of R's `performance` (blocks `r2` and `icc` of the reference models)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ..glmm.models import fit as glmm
from ..glmm.models import fitted_as_lme4
from ..lmm.models import fitted
from ..reference.load import expected, names

#: performance looks for columns of Z in X by name: it does not find the second term of (Days || Subject), nor slopes
#: without a fixed effect, and leaves their variances out.
SLOPES_NOT_FOUND = ("uncorr", "sleepstudy_null")
LINEAR = [
    name
    for name in names("lmm_")
    if "error" not in expected(name)["r2"] and not any(part in name for part in SLOPES_NOT_FOUND)
]
BINARY = [name for name in names("glmm_") if expected(name)["family"] == "binomial"]
COUNTS = ["glmm_grouseticks", "glmm_negbin", "glmm_negbin_grouseticks", "glmm_poisson_offset_int"]


def compared(solution: Any, record: dict[str, Any], rel: float, **how: Any) -> None:
    r2, icc = solution.r2(**how), solution.icc_table(**how)
    theirs = record["r2"]
    assert r2.marginal == pytest.approx(theirs["R2_marginal"], rel=rel, abs=1e-9)
    if theirs["R2_conditional"] is not None:
        assert r2.conditional == pytest.approx(theirs["R2_conditional"], rel=rel)
    if record.get("icc"):
        assert icc["adjusted"][-1] == pytest.approx(record["icc"]["ICC_adjusted"], rel=rel)
        assert icc["conditional"][-1] == pytest.approx(record["icc"]["ICC_unadjusted"], rel=rel)


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models(name: str) -> None:
    compared(fitted(name).solution, expected(name), 1e-4)


@pytest.mark.parametrize("name", BINARY)
def test_binary_responses(name: str) -> None:
    compared(fitted_as_lme4(name).solution, expected(name), 3e-4)


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str) -> None:
    # performance 0.10.2 takes the variance at exp(intercept of the null model), without offset and random variance.
    f = fitted_as_lme4(name)
    ones = np.ones((f.solution.n_obs, 1))
    null = glmm(name, X=ones, x_names=None, family=f.solution.family, hessian="expected")
    compared(f.solution, f.record, 3e-4, null=float(np.exp(null.coefficients[0])))


@pytest.mark.parametrize("name", ["lmm_sleepstudy_uncorr_reml", "lmm_sleepstudy_uncorr_ml"])
def test_uncorrelated_slopes_count(name: str) -> None:
    f = fitted(name)
    intercept, slope, residual = (c.variance for c in f.solution.var_components)
    share = intercept / (intercept + residual)
    assert share == pytest.approx(f.record["icc"]["ICC_adjusted"], rel=1e-4)
    with_slopes = intercept + slope * np.mean(np.arange(10.0) ** 2)
    assert f.solution.icc_table()["adjusted"][0] == pytest.approx(with_slopes / (with_slopes + residual), rel=1e-9)
