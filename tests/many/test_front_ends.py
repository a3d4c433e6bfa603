"""`lmm_many` and `glmm_many` are `lmm` and `glmm`, response by response."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranef


@pytest.fixture
def data() -> dict[str, Any]:
    rng = np.random.default_rng(4)
    g = np.array([f"g{i % 12}" for i in range(96)])
    x, effects = rng.normal(size=96), rng.normal(size=12)
    return {
        "g": g,
        "x": x,
        "w": rng.uniform(1, 2, 96),
        "Y": effects[np.arange(96) % 12, None] + rng.normal(size=(96, 3)),
    }


def test_arrays(data: dict[str, Any]) -> None:
    X = np.column_stack([np.ones(96), data["x"]])
    options: dict[str, Any] = {"weights": data["w"], "reml": False, "x_names": ["(Intercept)", "x"]}
    many = ranef.lmm_many(data["Y"], X, {"g": data["g"]}, L="x = 0", **options)
    for j in range(3):
        single = ranef.lmm(data["Y"][:, j], X, {"g": data["g"]}, **options)
        assert abs(many.log_likelihood[j] - single.log_likelihood) < 1e-9
        assert many[j].log_likelihood == single.log_likelihood
        assert many.contrasts[j, 0] == many.coefficients[j, 1]
    assert many.names == ("(Intercept)", "x")


@pytest.mark.parametrize("like", ["dict", "pandas", "polars"])
def test_formulas(data: dict[str, Any], like: str) -> None:
    columns = {name: data[name] for name in ("g", "x", "w")}
    columns["x"] = columns["x"].copy()
    columns["x"][[3, 50]] = np.nan
    frame: Any = columns
    if like != "dict":
        frame = pytest.importorskip(like).DataFrame(columns)
    many = ranef.lmm_many(data["Y"], "~ x + (1 | g)", frame, weights="w")
    blocks = ranef.lmm_many(iter([data["Y"][:, :1], data["Y"][:, 1:]]), "~ x + (1 | g)", frame, weights="w")
    for j in range(3):
        single = ranef.lmm("y ~ x + (1 | g)", columns | {"y": data["Y"][:, j]}, weights="w")
        assert single.n_obs == 94 == many.n_obs[j]
        assert abs(many.log_likelihood[j] - single.log_likelihood) < 1e-9
        assert abs(many[j].fixef["x"] - single.fixef["x"]) < 1e-9
    np.testing.assert_array_equal(many.se, blocks.se)


def test_generalized_models(data: dict[str, Any]) -> None:
    Y = (data["Y"] > 0).astype(float)
    many = ranef.glmm_many(Y, "~ x + (1 | g)", data, family="binomial(probit)", conf_level=0.9)
    for j in range(3):
        single = ranef.glmm("y ~ x + (1 | g)", data | {"y": Y[:, j]}, family="binomial(probit)")
        assert abs(many.log_likelihood[j] - single.log_likelihood) < 1e-9
        np.testing.assert_allclose(many.se[j], single.se, rtol=1e-6)
    assert many[0].family.link.name == "probit"


def test_a_response_that_the_family_does_not_have(data: dict[str, Any]) -> None:
    Y = (data["Y"] > 0).astype(float)
    Y[0, 1] = 2.0
    with pytest.warns(ranef.ConvergenceWarning, match="1 of 3"):
        many = ranef.glmm_many(Y, "~ x + (1 | g)", data)
    assert many.converged.tolist() == [True, False, True]


def test_bad_arguments(data: dict[str, Any]) -> None:
    with pytest.raises(ranef.InputError, match="nothing before its ~"):
        ranef.lmm_many(data["Y"], "y ~ x + (1 | g)", data)
    with pytest.raises(ranef.InputTypeError, match="lmm_many has no argument family"):
        ranef.lmm_many(data["Y"], "~ x + (1 | g)", data, family="poisson")  # type: ignore[call-arg]
    with pytest.raises(ranef.InputTypeError, match="needs data"):
        ranef.lmm_many(data["Y"], "~ x + (1 | g)", None)
    with pytest.raises(ranef.InputError, match="nodes of quadrature"):
        ranef.glmm_many(data["Y"], "~ x + (1 | g)", data, nagq=-1)
    pd = pytest.importorskip("pandas")
    with pytest.raises(ranef.InputError, match="index"):
        ranef.lmm_many(
            pd.DataFrame(data["Y"], index=range(1, 97)), "~ x + (1 | g)", pd.DataFrame({"g": data["g"], "x": data["x"]})
        )


def test_parameters_have_models_as_in_single_fits() -> None:
    rng = np.random.default_rng(1)
    data = {"g": np.arange(120) % 12, "x": rng.normal(size=120)}
    Y = rng.poisson(3.0, (120, 2)) * (rng.random((120, 2)) > 0.2).astype(float)
    zi = {"family": "zero_inflated_poisson", "zi": "~ x"}
    many = ranef.glmm_many(Y, "~ x + (1 | g)", data, **zi)
    assert many.dispersion_names == ("zi~(Intercept)", "zi~x")
    for j in range(2):
        single = ranef.glmm("y ~ x + (1 | g)", data | {"y": Y[:, j]}, **zi)
        assert abs(many.log_likelihood[j] - single.log_likelihood) < 1e-9
        np.testing.assert_allclose(many.dispersion[j], single.coef_table("zi")["estimate"], rtol=1e-7)
    with pytest.raises(ranef.InputError, match="poisson family has no dispersion parameter"):
        ranef.glmm_many(Y, "~ x + (1 | g)", data, family="poisson", dispersion="~ x")


def test_residuals_have_structures_as_in_single_fits() -> None:
    rng = np.random.default_rng(1)
    data = {"g": np.arange(120) % 12, "t": np.arange(120) // 12, "x": rng.normal(size=120)}
    Y = rng.normal(size=(120, 2)) + rng.normal(size=12)[data["g"]][:, None]
    many = ranef.lmm_many(Y, "~ x + (1 | g)", data, residual="ar1(t | g)")
    single = ranef.lmm("y ~ x + (1 | g)", data | {"y": Y[:, 1]}, residual="ar1(t | g)")
    assert abs(many.log_likelihood[1] - single.log_likelihood) < 1e-9
    np.testing.assert_allclose(many.coefficients[1], single.coefficients, rtol=1e-7)
