"""R2, intraclass correlations and parts of the variance by hand, and their laws."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, polygamma

import ranef
from ranef.contracts.errors import InputError, InputTypeError

N, LEVELS = 400, 40


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    rng = np.random.default_rng(20)
    g, x = np.arange(N) % LEVELS, rng.normal(size=N)
    eta = 0.4 + 0.5 * x + rng.normal(scale=0.7, size=LEVELS)[g]
    mu = np.exp(eta)
    a = 8.0 * expit(eta)
    return {
        "g": g.astype(str),
        "x": x,
        "z": rng.normal(size=N) + 0.5 * x,
        "poisson": rng.poisson(mu).astype(float),
        "negative_binomial": rng.negative_binomial(2.0, 2.0 / (2.0 + mu)).astype(float),
        "gamma": rng.gamma(3.0, mu / 3.0),
        "beta": rng.beta(a, 8.0 - a),
        "binomial": (rng.random(N) < expit(eta)).astype(float),
        "gaussian": eta + rng.normal(size=N),
    }


def glmm(data: dict[str, Any], name: str, family: str | None = None, formula: str = "x") -> Any:
    return ranef.glmm(f"{name} ~ {formula} + (1 | g)", data, family=family or name)


def by_hand(fit: Any, data: dict[str, Any], level: float) -> list[float]:
    """Marginal and conditional R2, adjusted and conditional ICC of a random intercept and the slope of x."""
    f, r = np.var(fit.coefficients[1] * data["x"], ddof=1), fit.var_components[0].variance
    return [f / (f + r + level), (f + r) / (f + r + level), r / (r + level), r / (f + r + level)]


def ours(fit: Any, **how: Any) -> list[float]:
    r2, icc = fit.r2(**how), fit.icc_table(**how)
    return [r2.marginal, r2.conditional, icc["adjusted"][0], icc["conditional"][0]]


def null_mean(data: dict[str, Any], name: str) -> float:
    null = glmm(data, name, formula="1")
    return float(np.exp(null.coefficients[0] + null.var_components[0].variance / 2))


@pytest.mark.parametrize(
    ("approximation", "level"),
    [
        ("default", lambda cv2: np.log1p(cv2)),
        ("lognormal", lambda cv2: np.log1p(cv2)),
        ("delta", lambda cv2: cv2),
        ("trigamma", lambda cv2: polygamma(1, 1 / cv2)),
    ],
)
@pytest.mark.parametrize(
    ("name", "cv2"),
    [
        ("poisson", lambda mean, phi: 1 / mean),
        ("negative_binomial", lambda mean, phi: 1 / mean + 1 / phi),
        ("gamma", lambda mean, phi: phi),
    ],
)
def test_log_links(data: dict[str, Any], name: str, cv2: Any, approximation: str, level: Any) -> None:
    # Nakagawa, Johnson & Schielzeth (2017), table 1 and section 3: at exp(b0 + variance/2) of the null model.
    fit = ranef.glmm(f"{name} ~ x + (1 | g)", data, family="gamma(log)" if name == "gamma" else name)
    phi = next(iter(fit.dispersion.values()), np.nan)
    mean = 1.0 if name == "gamma" else null_mean(data, name)
    expected = by_hand(fit, data, float(level(cv2(mean, phi))))
    assert ours(fit, approximation=approximation) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("link", "level"), [("logit", np.pi**2 / 3), ("probit", 1.0), ("cloglog", np.pi**2 / 6)])
def test_binary_responses(data: dict[str, Any], link: str, level: float) -> None:
    fit = glmm(data, "binomial", f"binomial({link})")
    expected = by_hand(fit, data, level)
    assert ours(fit) == pytest.approx(expected, rel=1e-12)
    assert ours(fit, approximation="theoretical") == pytest.approx(expected, rel=1e-12)
    assert np.isnan(fit.r2().mean)


def test_delta_of_the_logit_is_at_the_mean_of_the_null_model(data: dict[str, Any]) -> None:
    fit = glmm(data, "binomial")
    p = expit(glmm(data, "binomial", formula="1").coefficients[0])
    assert ours(fit, approximation="delta") == pytest.approx(by_hand(fit, data, 1 / (p * (1 - p))), rel=1e-6)
    assert fit.r2(approximation="delta").mean == pytest.approx(p, rel=1e-6)


def test_beta(data: dict[str, Any]) -> None:
    fit = glmm(data, "beta")
    p = expit(glmm(data, "beta", formula="1").coefficients[0])
    (phi,) = fit.dispersion.values()
    assert ours(fit) == pytest.approx(by_hand(fit, data, 1 / (p * (1 - p) * (1 + phi))), rel=1e-6)


def test_a_given_mean_and_the_one_of_the_model(data: dict[str, Any]) -> None:
    fit = glmm(data, "poisson")
    assert ours(fit, null=2.5) == pytest.approx(by_hand(fit, data, np.log1p(1 / 2.5)), rel=1e-12)
    b0, b1 = fit.coefficients
    mean = np.exp(b0 + b1 * data["x"] + fit.var_components[0].variance / 2).mean()
    assert ours(fit, null="model") == pytest.approx(by_hand(fit, data, np.log1p(1 / mean)), rel=1e-12)
    assert fit.r2(null="model").mean == pytest.approx(mean, rel=1e-12)
    assert fit.icc["g"] == pytest.approx(ours(fit, null="model")[2], rel=1e-12)


def test_a_level_a_row_is_overdispersion(data: dict[str, Any]) -> None:
    rows = data | {"row": np.arange(N).astype(str)}
    fit = ranef.glmm("negative_binomial ~ x + (1 | g) + (1 | row)", rows, family="poisson")
    variances = {c.group: c.variance for c in fit.var_components}
    level = variances["row"] + np.log1p(1 / 3.0)
    f = np.var(fit.coefficients[1] * data["x"], ddof=1)
    total = f + variances["g"] + level
    r2 = fit.r2(null=3.0)
    assert [r2.marginal, r2.conditional] == pytest.approx([f / total, (f + variances["g"]) / total], rel=1e-12)
    icc = fit.icc_table(null=3.0)
    assert icc["factor"].tolist() == ["g"]
    assert icc["adjusted"][0] == pytest.approx(variances["g"] / (variances["g"] + level), rel=1e-12)
    assert "overdispersion" in icc.notes[0]
    parts = fit.variance_parts(null=3.0)
    assert "overdispersion" in parts["source"].tolist()
    assert parts["share"].sum() == pytest.approx(1.0, rel=1e-12)


# Parts of X ---------------------------------------------------------------------------------------------------------


def test_semi_partial_r2_is_what_a_refit_loses(data: dict[str, Any]) -> None:
    full, without = (glmm(data, "poisson", formula=f) for f in ("x + z", "z"))
    mean = full.r2().mean
    table = full.r2({"of x": ["x"], "both": ["x", "z"]})
    small, null = without.r2(null=mean), glmm(data, "poisson", formula="1").r2(null=mean)
    assert table["part"].tolist() == ["model", "of x", "both"]
    assert table["marginal"][1:] == pytest.approx(
        [table.marginal - small.marginal, table.marginal - null.marginal], rel=1e-5
    )
    assert table["conditional"][1] == pytest.approx(table.conditional - small.conditional, rel=1e-4)
    assert table["marginal"][2] == pytest.approx(table.marginal, rel=1e-12)


def test_a_term_is_left_out_with_its_interactions() -> None:
    cake = ranef.datasets.load("cake")
    fit = ranef.lmm("angle ~ recipe * temp + (1 | recipe:replicate)", cake)
    table = fit.r2("terms")
    smaller = [
        ranef.lmm(f"angle ~ {f} + (1 | recipe:replicate)", cake).r2().marginal
        for f in ("temp", "recipe", "recipe + temp")
    ]
    assert table["part"].tolist() == ["model", "recipe", "temp", "recipe:temp"]
    assert table["marginal"][1:] == pytest.approx(table.marginal - np.array(smaller), abs=1e-7)
    assert fit.r2(["recipe:temp"])["marginal"][1] == pytest.approx(table["marginal"][3], abs=1e-12)


def test_the_constant_stays_when_a_factor_without_intercept_is_left_out() -> None:
    cake = ranef.datasets.load("cake")
    formulas = (f"angle ~ {first} + recipe + temp + (1 | recipe:replicate)" for first in (1, 0))
    one, other = (ranef.lmm(formula, cake) for formula in formulas)
    assert other.r2("terms")["marginal"] == pytest.approx(one.r2("terms")["marginal"], abs=1e-7)


def test_a_constant_column_is_no_part_whatever_it_is_called(data: dict[str, Any]) -> None:
    fit = ranef.lmm(data["gaussian"], np.column_stack([np.ones(N), data["x"]]), {"g": data["g"]}, x_names=["c", "x"])
    with pytest.raises(InputError, match="the intercept is no part"):
        fit.r2(["c"])
    assert fit.r2(["x"])["marginal"][1] == pytest.approx(fit.r2().marginal, rel=1e-12)


def test_a_column_of_which_another_one_is_a_multiple_explains_nothing_alone(data: dict[str, Any]) -> None:
    X = np.column_stack([np.ones(N), data["x"], 2 * data["x"]])
    with pytest.warns(Warning, match="rank deficient"):
        fit = ranef.lmm(data["gaussian"], X, {"g": data["g"]}, x_names=["(Intercept)", "x", "twice"])
    alone, both = fit.r2({"x": ["x"], "both": ["x", "twice"]})["marginal"][1:]
    assert alone == pytest.approx(0.0, abs=1e-9)
    assert both == pytest.approx(fit.r2().marginal, rel=1e-12)


# Weights, offsets, no variance --------------------------------------------------------------------------------------


def test_rows_of_weight_one_and_trials(data: dict[str, Any]) -> None:
    w = np.linspace(0.5, 2.0, N)
    linear = ranef.lmm("gaussian ~ x + (1 | g)", data, weights=w)
    assert "weight 1" in linear.r2().notes[-1]
    assert ours(linear) == pytest.approx(by_hand(linear, data, linear.sigma**2), rel=1e-12)
    trials = ranef.glmm("binomial ~ x + (1 | g)", data, family="binomial", weights=np.full(N, 2.0))
    assert trials.r2().notes == ()


def test_an_offset_is_no_fixed_effect(data: dict[str, Any]) -> None:
    fit = ranef.glmm("poisson ~ x + (1 | g)", data, family="poisson", offset=np.log(np.linspace(1, 3, N)))
    assert ours(fit, null=2.0) == pytest.approx(by_hand(fit, data, np.log1p(1 / 2.0)), rel=1e-12)


def test_a_family_without_variance_has_no_r2() -> None:
    rng = np.random.default_rng(3)
    g = np.arange(600) % 30
    y = rng.standard_t(1.2, size=600) + rng.normal(size=30)[g]
    fit = ranef.glmm(y, np.ones((600, 1)), {"g": g}, family="student_t")
    assert fit.dispersion["df"] < 2
    r2 = fit.r2()
    assert np.isnan(r2.conditional)
    assert "no finite variance" in r2.notes[-1]


# Rights & Sterba ----------------------------------------------------------------------------------------------------


def test_decomposition_of_rights_and_sterba(data: dict[str, Any]) -> None:
    fit = ranef.lmm("gaussian ~ x + z + (x | g)", data)
    Z = np.column_stack([np.ones(N), data["x"]])
    a, b, residual = fit.var_components
    cov = b.corr[0] * a.std_dev * b.std_dev
    T = np.array([[a.variance, cov], [cov, b.variance]])
    m, S = Z.mean(axis=0), np.cov(Z.T, ddof=0)
    eta = fit.coefficients[1] * data["x"] + fit.coefficients[2] * data["z"]
    means = np.array([eta[data["g"] == level].mean() for level in data["g"]])
    between, total = np.var(means, ddof=1), np.var(eta, ddof=1)
    expected = [total - between, between, np.trace(T @ S), m @ T @ m, residual.variance]
    table = fit.variance_parts()
    assert table["source"].tolist() == ["fixed, within", "fixed, between", "slopes", "intercepts", "residual"]
    assert table["variance"] == pytest.approx(expected, rel=1e-8)
    assert table["share"] == pytest.approx(np.array(expected) / np.sum(expected), rel=1e-8)
    r2 = fit.r2()
    assert r2.marginal == pytest.approx(table["share"][:2].sum(), rel=1e-12)
    assert r2.conditional == pytest.approx(table["share"][:4].sum(), rel=1e-12)


def test_the_origin_of_a_covariate_is_of_no_effect(data: dict[str, Any]) -> None:
    moved, plain = (
        ranef.lmm("gaussian ~ x + (x | g)", data | {"x": data["x"] + origin}).variance_parts()
        for origin in (2000.0, 0.0)
    )
    assert moved["variance"] == pytest.approx(plain["variance"], rel=1e-5)


def test_several_factors_have_one_fixed_part_unless_one_is_named() -> None:
    fit = ranef.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", ranef.datasets.load("penicillin"))
    assert fit.variance_parts()["source"].tolist() == ["fixed", "intercepts", "intercepts", "residual"]
    assert fit.variance_parts("plate")["source"].tolist()[:2] == ["fixed, within", "fixed, between"]
    icc = fit.icc_table()
    assert icc["factor"].tolist() == ["plate", "sample", "all"]
    assert icc["variance"][:2].sum() == pytest.approx(icc["variance"][2], rel=1e-12)
    with pytest.raises(InputError, match="by must be one of the grouping factors plate, sample"):
        fit.variance_parts("room")


# Records and bad input ----------------------------------------------------------------------------------------------


def test_records(data: dict[str, Any]) -> None:
    r2 = glmm(data, "poisson").r2(["x"])
    again = pickle.loads(pickle.dumps(r2))
    assert (again.marginal, str(again)) == (r2.marginal, str(r2))
    assert list(r2.to_frame("pandas").columns) == ["part", "marginal", "conditional"]
    assert "refit without these columns" in str(r2)
    with pytest.raises(AttributeError):
        r2.marginal = 1.0


def test_what_the_data_do_not_determine_is_nan_with_a_word() -> None:
    rng = np.random.default_rng(0)
    g, h, x = np.repeat(np.arange(4), 9), rng.integers(0, 6, 36), rng.standard_normal(36)
    X = np.column_stack([*((g == i) * 1.0 for i in range(4)), x])
    y = rng.standard_normal(36) + rng.standard_normal(6)[h]
    with pytest.warns(ranef.IdentificationWarning):
        fit = ranef.lmm(y, X, {"g": g, "h": h})
    icc, r2 = fit.icc_table(), fit.r2()
    assert np.isnan(icc["variance"]).tolist() == [True, False, True]
    assert np.isnan([r2.marginal, r2.conditional]).all()
    assert "do not determine" in icc.notes[-1]
    assert "do not determine" in r2.notes[-1]


@pytest.mark.parametrize(
    ("family", "how", "words"),
    [
        ("poisson", {"approximation": "theoretical"}, "for binary responses"),
        ("binomial", {"approximation": "trigamma"}, "for the log link"),
        ("binomial", {"approximation": "lognormal"}, "for the log link"),
        ("poisson", {"approximation": "magic"}, "must be one of default, theoretical"),
        ("poisson", {"null": "none"}, "'refit', 'model' or a mean"),
        ("poisson", {"null": -1.0}, r"in \(0, inf\)"),
        ("binomial", {"null": 1.5}, r"in \(0, 1\)"),
        ("poisson", {"null": float("nan")}, r"in \(0, inf\)"),
        ("poisson", {"partition": ["w"]}, "which the model does not have"),
        ("poisson", {"partition": ["(Intercept)"]}, "the intercept is no part"),
    ],
)
def test_bad_input(data: dict[str, Any], family: str, how: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        glmm(data, family).r2(**how)


def test_bad_types(data: dict[str, Any]) -> None:
    fit = glmm(data, "poisson")
    for how in ({"null": None}, {"partition": 3}, {"partition": {"a": 3}}, {"partition": {"a": []}}):
        with pytest.raises(InputTypeError):
            fit.r2(**how)


def test_linear_models_take_no_mean_and_no_approximation(data: dict[str, Any]) -> None:
    fit = ranef.lmm(data["gaussian"], np.ones((N, 1)), {"g": data["g"]})
    with pytest.raises(InputError, match="does not depend on a mean"):
        fit.r2(null=2.0)
    with pytest.raises(InputError, match="has a residual variance"):
        fit.icc_table(approximation="delta")
    with pytest.raises(InputError, match="is for fits by formula"):
        fit.r2("terms")


def test_families_with_a_variance_of_their_own_have_the_default_only(data: dict[str, Any]) -> None:
    fit = glmm(data, "poisson", "zero_inflated_poisson")
    assert 0 < fit.r2().marginal < fit.r2().conditional < 1
    assert fit.r2().notes == ()
    with pytest.raises(InputError, match="has its own variance; use 'default'"):
        fit.r2(approximation="delta")


def test_truncated_counts_have_a_rough_default_that_says_so(data: dict[str, Any]) -> None:
    fit = ranef.glmm("poisson ~ x + (1 | g)", data, family="truncated_poisson", subset=data["poisson"] > 0)
    assert "is rough" in fit.r2().notes[-1]
    with pytest.raises(InputError, match="not that of its mean"):
        fit.r2(approximation="delta")


def test_fits_without_rows_say_so(data: dict[str, Any], tmp_path: Any) -> None:
    glmm(data, "poisson").save(tmp_path / "fit.ranef", rows=False)
    with pytest.raises(InputError, match="has no rows"):
        ranef.load(tmp_path / "fit.ranef").r2()
