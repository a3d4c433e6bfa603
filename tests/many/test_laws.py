"""`refit_many(Y)[j]` is `refit(Y[:, j])`, whatever else is in Y, however it is cut, whoever fits it."""

from __future__ import annotations

import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import ranef

from .make import LINEAR, ONE_BY_ONE, linear

pytestmark = pytest.mark.filterwarnings("ignore::ranef.contracts.errors.RanefWarning")
FIELDS = ("coefficients", "se", "theta", "sigma", "dispersion", "log_likelihood", "converged", "singular", "reason")


def assert_alike(many: Any, singles: list[Any]) -> None:
    """To 1e-9 and 1e-7, and to what single fits say that they have left to gain: a drop of d is sqrt(d) errors."""
    for j, single in enumerate(singles):
        errors, left = np.sqrt(single.vcov.diagonal()), 1e-7 + 2.0 * np.sqrt(single.certificate.expected_drop)
        assert abs(many.log_likelihood[j] - single.log_likelihood) < 1e-9
        np.testing.assert_array_less(
            _distance(many.coefficients[j], single.coefficients), np.nan_to_num(left * errors) + 1e-300
        )
        np.testing.assert_allclose(many.se[j], single.se, rtol=left)
        np.testing.assert_allclose(many.theta[j], single.theta, rtol=10.0 * left, atol=10.0 * left)
        assert many.converged[j] == single.converged
        assert many.singular[j] == single.is_singular


def _distance(one: Any, other: Any) -> Any:
    """Absolute differences, 0 where both are NaN."""
    np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
    return np.nan_to_num(np.abs(one - other))


@pytest.mark.parametrize("name", [name for name in LINEAR if name not in ONE_BY_ONE])
def test_the_criterion_of_single_fits_has_no_slope_at_the_estimates(name: str) -> None:
    """A gradient of 1e-6 is what single fits leave."""
    fit, Y = linear(name, 8, 0.6)
    many = fit.refit_many(Y)
    for j in np.flatnonzero(many.at_once & ~many.singular):
        single = fit.refit(Y[:, j])._fit
        criterion = single.factorized().criterion
        x = single.parameters.basis(many.theta[j]) / criterion.unit
        assert np.abs(criterion.gradient(x)[1]).max() < 1e-8


@pytest.mark.parametrize(
    ("name", "size"), [*((name, 0.6) for name in LINEAR), *((name, 0.05) for name in LINEAR if name != "slopes_in_two")]
)
def test_linear_models(name: str, size: float) -> None:
    fit, Y = linear(name, 24, size)
    many = fit.refit_many(Y)
    assert_alike(many, [fit.refit(y) for y in Y.T])
    np.testing.assert_allclose(many.sigma, [fit.refit(y).sigma for y in Y.T], rtol=1e-7)
    assert many.at_once.any() == (name not in ONE_BY_ONE) or (name, size) == ("three_columns", 0.05)


def test_most_responses_are_fitted_at_once() -> None:
    for name in (
        "balanced",
        "intercepts",
        "slopes",
        "three_columns",
        "uncorrelated",
        "balanced_crossed",
        "mixed_covariate",
        "crossed",
        "nested_ml",
    ):
        fit, Y = linear(name, 50, 1.0)
        assert fit.refit_many(Y).at_once.mean() > 0.8, name


def test_one_of_two_responses_may_be_done_before_the_other() -> None:
    fit, Y = linear("mixed_covariate", 41, 0.3)
    many = fit.refit_many(Y)
    for j in range(0, 40, 2):
        pair = fit.refit_many(Y[:, j : j + 2])
        np.testing.assert_array_equal(pair.at_once, many.at_once[j : j + 2])
        np.testing.assert_array_equal(pair.log_likelihood, many.log_likelihood[j : j + 2])


def assert_same_bits(one: Any, other: Any) -> None:
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(
    "name",
    [
        "balanced",
        "slopes",
        "three_columns",
        "few_levels",
        "crossed",
        "slopes_in_two",
        "mixed_covariate",
        "balanced_nested",
    ],
)
def test_the_same_bits_for_any_blocks_and_order(name: str) -> None:
    fit, Y = linear(name, 41, 0.3)
    many = fit.refit_many(Y)
    assert_same_bits(many, fit.refit_many(iter([Y[:, :1], Y[:, 1:4], Y[:, 4:21], Y[:, 21:]])))
    order = np.random.default_rng(1).permutation(41)
    shuffled = fit.refit_many(Y[:, order])
    np.testing.assert_array_equal(shuffled.coefficients, many.coefficients[order])
    np.testing.assert_array_equal(shuffled.log_likelihood, many.log_likelihood[order])
    np.testing.assert_array_equal(fit.refit_many(np.asfortranarray(Y)).se, many.se)


@pytest.mark.parametrize("make", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_the_same_bits_by_any_number_of_workers(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranef.many.fitting.ONE_BY_ONE", 3)
    for name in ("slopes", "crossed", "balanced_nested"):
        fit, Y = linear(name, 8)
        with make(2) as executor:
            assert_same_bits(fit.refit_many(Y, executor=executor), fit.refit_many(Y))


def test_a_response_is_a_solution_on_demand() -> None:
    fit, Y = linear("slopes", 5)
    many = fit.refit_many(Y)
    single = fit.refit(Y[:, 3])
    assert many[3].log_likelihood == single.log_likelihood == many["y3"].log_likelihood
    assert many[-2].coefficients.tolist() == single.coefficients.tolist()
    with pytest.raises(ranef.InputError, match="there is no response 5; there are 5"):
        many[5]
    with pytest.raises(ranef.InputError, match="block by block"):
        fit.refit_many(iter([Y]))[0]


@pytest.mark.parametrize("name", ["slopes", "uncorrelated", "crossed", "dependent_columns"])
def test_missing_values_leave_rows_out(name: str) -> None:
    fit, Y = linear(name, 6)
    rng = np.random.default_rng(3)
    full, first = Y.copy(), np.asarray(fit._fit.model.design.random.groups[0].codes)
    Y[rng.random(len(Y)) < 0.1, 0:2] = np.nan
    Y[first == 0, 2] = np.nan  # a level is left without rows
    Y[5, 3] = np.nan
    many = fit.refit_many(Y)
    arguments = LINEAR[name](np.random.default_rng(sum(map(ord, name))))
    for j in range(6):
        rows = ~np.isnan(Y[:, j])
        per_row = {k: v[rows] for k, v in arguments.items() if k in ("X", "weights", "offset")}
        groups = {k: v[rows] for k, v in arguments["groups"].items()}
        single = ranef.lmm(full[rows, j], **(arguments | per_row | {"groups": groups}))
        assert many.n_obs[j] == rows.sum()
        assert_alike(_only(many, j), [single])
        assert abs(many[j].log_likelihood - single.log_likelihood) < 1e-9


class _only:
    """One response of a record."""

    def __init__(self, many: Any, j: int) -> None:
        for name in FIELDS:
            setattr(self, name, getattr(many, name)[j : j + 1])


def test_a_response_that_fails_is_marked_and_disturbs_nobody() -> None:
    fit, Y = linear("intercepts", 7)
    good = fit.refit_many(Y)
    bad = Y.copy()
    bad[:, 1] = 3.0  # X explains it
    bad[2, 2] = np.inf
    bad[:, 3] = np.nan
    bad[4:, 4] = np.nan  # one level and hardly a row
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        many = fit.refit_many(bad)
    assert [w.category for w in given] == [ranef.ConvergenceWarning]
    assert "4 of 7 responses" in str(given[0].message)
    assert many.converged.tolist() == [True, False, False, False, False, True, True]
    assert "ten digits" in many.reason[1]
    assert "infinite" in many.reason[2]
    assert "no observations" in many.reason[3]
    assert many.reason[4]
    assert np.isnan(many.coefficients[1:5]).all()
    for j in (0, 5, 6):
        assert many.log_likelihood[j] == good.log_likelihood[j]
        assert many.reason[j] == ""


def test_one_summary_of_singular_fits() -> None:
    fit, Y = linear("intercepts", 30, 0.01)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        many = fit.refit_many(Y)
    assert many.singular.sum() > 5
    assert [w.category for w in given] == [ranef.SingularFitWarning]
    assert f"{many.singular.sum()} of 30" in str(given[0].message)


def test_contrasts_are_those_of_solutions() -> None:
    fit, Y = linear("dependent_columns", 4)
    many = fit.refit_many(Y, L={"sum": [1.0, 1.0, 2.0], "alone": [0.0, 0.0, 1.0]})
    for j in range(4):
        table = fit.refit(Y[:, j]).contrast([[1.0, 1.0, 2.0], [0.0, 0.0, 1.0]], df="residual")
        np.testing.assert_allclose(many.contrasts[j], table["estimate"], rtol=1e-7)
        np.testing.assert_allclose(many.contrasts_se[j], table["se"], rtol=1e-7)
    assert np.isnan(many.contrasts[:, 1]).all()
    assert many.contrast_names == ("sum", "alone")


def test_p_values_are_those_on_residual_degrees_of_freedom() -> None:
    fit, Y = linear("slopes", 3)
    many = fit.refit_many(Y)
    for j in range(3):
        table = fit.refit(Y[:, j]).contrast(np.eye(3), df="residual")
        np.testing.assert_allclose(many.p_values[j], table["p_value"], rtol=1e-5)
    assert many.contrasts_p_values.shape == (3, 0)


def test_frames() -> None:
    fit, Y = linear("slopes", 3)
    many = fit.refit_many({"a": Y[:, 0], "b": Y[:, 1], "c": Y[:, 2]}, L={"both": [0.0, 1.0, 1.0]})
    wide, long = many.to_frame("pandas"), many.to_frame("polars", shape="long")
    assert wide["response"].tolist() == ["a", "b", "c"]
    assert wide["x1"].tolist() == many.coefficients[:, 1].tolist()
    assert wide["se_both"].tolist() == many.contrasts_se[:, 0].tolist()
    assert wide["theta[2]"].tolist() == many.theta[:, 2].tolist()
    assert long["estimate"].to_list() == many.coefficients.ravel().tolist()
    assert long["name"].to_list()[:4] == ["(Intercept)", "x1", "x2", "(Intercept)"]
    assert long["response"].to_list()[2:4] == ["a", "b"]
    by_frame = fit.refit_many(wide[[]].reindex(range(len(Y))).assign(u=Y[:, 1]))
    assert by_frame.responses == ("u",)
    assert by_frame.se[0].tolist() == many.se[1].tolist()
    with pytest.raises(ranef.InputError, match="'wide' or 'long'; got 'tall'"):
        many.to_frame(shape="tall")


def test_bad_responses_are_refused() -> None:
    fit, Y = linear("intercepts", 2)
    with pytest.raises(ranef.InputError, match="Y has 69 rows, the model has 70"):
        fit.refit_many(Y[1:])
    with pytest.raises(ranef.InputError, match=r"Y.reshape\(-1, 1\)"):
        fit.refit_many(Y[:, 0])
    with pytest.raises(ranef.InputTypeError, match="numbers belong"):
        fit.refit_many(Y.astype(str))
    with pytest.raises(ranef.InputError, match="no responses"):
        fit.refit_many(iter([]))
    with pytest.raises(ranef.InputError, match="no responses"):
        fit.refit_many(Y[:, :0])
    with pytest.raises(ranef.InputTypeError, match=r"concurrent\.futures"):
        fit.refit_many(Y, executor=2)  # type: ignore[arg-type]
