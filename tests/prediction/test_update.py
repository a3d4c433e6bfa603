"""`update` with another formula and other data: the fit that a call with these arguments makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranef
from ranef.formula.change import changed_formula

pytest.importorskip("formulaic")

SLEEP = ranef.datasets.load("sleepstudy")
DATA: dict[str, Any] = {name: SLEEP[name] for name in ("Reaction", "Days", "Subject")} | {
    "late": np.where(SLEEP["Days"] > 4, "yes", "no"),
    "w": np.where(SLEEP["Days"] > 4, 2.0, 1.0),
    "base": np.linspace(0.0, 10.0, 180),
}
FORMULA = "Reaction ~ Days + (Days | Subject)"


def same(one: Any, other: Any) -> None:
    assert one.names == other.names
    assert one.formula == other.formula
    for name in ("coefficients", "theta", "se", "p_values"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.log_likelihood == other.log_likelihood


@pytest.fixture(scope="module")
def fit() -> ranef.LMMSolution:
    options: dict[str, Any] = {"contrasts": {"late": "sum"}, "levels": {"late": ["yes", "no"]}}
    return ranef.lmm("Reaction ~ Days + late + (Days | Subject)", DATA, weights="w", offset="base", reml=False,
                     conf_level=0.9, tol=1e-9, subset="Days < 9", **options)  # fmt: skip


def test_other_data_are_fitted_by_the_same_call(fit: ranef.LMMSolution) -> None:
    other = DATA | {"Reaction": DATA["Reaction"][::-1]}
    options: dict[str, Any] = {"contrasts": {"late": "sum"}, "levels": {"late": ["yes", "no"]}}
    fresh = ranef.lmm("Reaction ~ Days + late + (Days | Subject)", other, weights="w", offset="base", reml=False,
                      tol=1e-9, subset="Days < 9", conf_level=0.9, **options)  # fmt: skip
    again = fit.update(data=other)
    same(again, fresh)
    np.testing.assert_array_equal(again.conf_int, fresh.conf_int)
    assert str(again.summary()) == str(fresh.summary())
    same(fit.update(data=DATA), fit)


def test_a_change_of_the_formula(fit: ranef.LMMSolution) -> None:
    """What was said of a variable that is no longer there goes with it."""
    fresh = ranef.lmm("log(Reaction) ~ Days + late + (Days | Subject) - late + I(Days^2)", DATA, weights="w",
                      reml=True, tol=1e-9, subset="Days < 9", levels={"late": ["yes", "no"]},
                      contrasts={"late": "sum"})  # fmt: skip
    found = fit.update(formula="log(.) ~ . - late + I(Days^2)", data=DATA, offset=None, reml=True)
    same(found, fresh)
    without = fit.update(formula="Reaction ~ Days + (1 | Subject)", data=DATA)
    same(without, ranef.lmm("Reaction ~ Days + (1 | Subject)", DATA, weights="w", offset="base", reml=False,
                            tol=1e-9, subset="Days < 9"))  # fmt: skip


def test_a_generalized_fit_keeps_its_family_and_trials() -> None:
    d = ranef.datasets.load("cbpp")
    data = {name: d[name] for name in ("incidence", "size", "period", "herd")}
    fit = ranef.glmm("incidence / size ~ period + (1 | herd)", data, family="binomial(probit)", weights="size", nagq=5)
    fresh = ranef.glmm("incidence / size ~ 1 + (1 | herd)", data, family="binomial(probit)", weights="size", nagq=5)
    same(fit.update(formula=". ~ 1 + (1 | herd)", data=data), fresh)
    assert fit.update(formula=". ~ 1 + (1 | herd)", data=data, nagq=1).nagq == 1


def test_structures_and_relations_follow() -> None:
    A = 0.3 + 0.7 * np.eye(18)
    labels = sorted(set(DATA["Subject"]))
    options: dict[str, Any] = {"relationship": {"Subject": (A, labels)}, "covariance": {"Subject": "diag"}}
    fit = ranef.lmm("Reaction ~ 1 + (Days | Subject)", DATA, **options)
    fresh = ranef.lmm("Reaction ~ 1 + (Days | Subject) + Days", DATA, **options)
    found = fit.update(formula=". ~ . + Days", data=DATA)
    np.testing.assert_allclose(found.log_likelihood, fresh.log_likelihood, rtol=1e-10)
    np.testing.assert_allclose(found.coefficients, fresh.coefficients, rtol=1e-6)
    assert len(found.theta) == 2
    unrelated = fit.update(formula=". ~ . + Days", data=DATA, precision=None, covariance=None)
    plain = ranef.lmm("Reaction ~ 1 + (Days | Subject) + Days", DATA)
    assert unrelated.log_likelihood == plain.log_likelihood
    again = unrelated.update(data=DATA, relationship=options["relationship"], covariance=options["covariance"])
    assert again.log_likelihood == fresh.log_likelihood
    both = fit.update(data=DATA, relationship={"Subject": (np.eye(18), labels)}, covariance=None)
    assert both.log_likelihood == pytest.approx(ranef.lmm("Reaction ~ 1 + (Days | Subject)", DATA).log_likelihood)


def test_words_of_the_formula_stay_words() -> None:
    fit = ranef.lmm("Reaction ~ 1 + cs(Days | Subject)", DATA)
    assert fit.update(formula=". ~ . + Days", data=DATA).formula == "Reaction ~ 1 + cs(Days | Subject) + Days"


def test_a_loaded_fit_is_updated(fit: ranef.LMMSolution, tmp_path: Path) -> None:
    fit.save(tmp_path / "m.ranef")
    same(ranef.load(tmp_path / "m.ranef").update(data=DATA), fit)


def test_levels_of_a_file_are_lists(fit: ranef.LMMSolution) -> None:
    state = fit.terms.to_state()
    assert type(fit.terms).from_state(state).levels == {"late": ["yes", "no"]}
    with pytest.raises(TypeError, match="its levels are no lists"):
        type(fit.terms).from_state(state | {"levels": {"late": "yes"}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"formula": ". ~ . + x"}, "update of formula needs data= as well"),
        ({"weights": None}, "update of weights needs data= as well"),
        ({"data": DATA, "y": DATA["Reaction"]}, "y is the left side of the formula"),
        ({"data": DATA, "family": "poisson"}, "update has no argument family"),
        ({"data": DATA, "formula": ". + x"}, "a change of a formula has ~ in it"),
        ({"data": DATA, "formula": ". ~ . + x"}, "x"),
        ({"data": {"Days": DATA["Days"]}}, "Reaction|late"),
    ],
)
def test_bad_updates_are_named(fit: ranef.LMMSolution, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ranef.RanefError, match=message):
        fit.update(**changes)


def test_arrays_are_asked_for_again() -> None:
    fit = ranef.lmm(FORMULA, DATA, weights=DATA["w"], offset=DATA["base"])
    with pytest.raises(ranef.InputError, match="given weights and offset as an array, with the rows of its data"):
        fit.update(data=DATA)
    same(fit.update(data=DATA, weights=DATA["w"], offset=None), ranef.lmm(FORMULA, DATA, weights=DATA["w"]))
    with pytest.raises(ranef.InputTypeError, match="is for fits by formula; this one is to arrays"):
        ranef.lmm(DATA["Reaction"], np.ones((180, 1)), {"g": DATA["Subject"]}).update(data=DATA)


@pytest.mark.parametrize(
    ("formula", "change", "expected"),
    [
        ("y ~ a + (1 | g)", ". ~ . + b", "y ~ a + (1 | g) + b"),
        ("y ~ a + (1 | g)", "~ . + b", "y ~ a + (1 | g) + b"),
        ("y ~ 0 + a - b + (1 | g) + offset(log(e))", "z ~ .", "z ~ 0 + a - b + (1 | g) + offset(log(e))"),
        ("y ~ a + (1 | g) + offset(e)", ". ~ . - offset( e )", "y ~ a + (1 | g)"),
        ("y ~ (a + (1 | g))", ". ~ .", "y ~ a + (1 | g)"),
        ("cbind(s, f) ~ a + (1 | g)", ". ~ 1 + (1 | h)", "cbind(s, f) ~ 1 + (1 | h)"),
        ("`my y` ~ a + (1 | g)", "log(.) ~ .", "log(`my y`) ~ a + (1 | g)"),
        ("y ~ . + (1 | g)", ". ~ . - b", "y ~ . + (1 | g) - b"),
    ],
)
def test_dots_are_the_sides_before(formula: str, change: str, expected: str) -> None:
    assert changed_formula(formula, change) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (". ~ . - (1 | h)", r"no such term to leave out; it has \(1 \| g\)"),
        (". ~ .:x", r"here the dot stands for all terms"),
        (". ~ (. + x)^2", r"here the dot stands for all terms"),
        (". ~ . - .", r"here the dot stands for all terms"),
        (". ~", "a term is missing"),
    ],
)
def test_bad_changes_mark_the_place(change: str, message: str) -> None:
    with pytest.raises(ranef.InputError, match=message):
        changed_formula("y ~ a + (1 | g)", change)


COUNTS = ranef.datasets.load("salamanders")
MODELS: dict[str, Any] = {"family": "zero_inflated_negative_binomial", "zi": "~ mined", "dispersion": "~ DOP"}


def counts(**options: Any) -> ranef.GLMMSolution:
    return ranef.glmm("count ~ mined + (1 | site)", COUNTS, **(MODELS | options))


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"zi": None}, {"zi": None}),
        ({"dispersion": "~ 1"}, {"dispersion": None}),
        ({"parameters": {"theta": None, "zi": "~1"}}, {"zi": None, "dispersion": None}),
    ],
)
def test_models_are_taken_away_without_data(changes: dict[str, Any], options: dict[str, Any]) -> None:
    """And with data None is the same: a model of another parameter stays."""
    fit, expected = counts(), counts(**options)
    for made in (fit.update(**changes), fit.update(data=COUNTS, **changes)):
        assert made.log_likelihood == pytest.approx(expected.log_likelihood, abs=1e-7)
        assert set(made._fit.labels.parameters) == set(expected._fit.labels.parameters)
        new = {"mined": ["no"], "DOP": [0.5]}
        assert made.predict(new, random="none") == pytest.approx(expected.predict(new, random="none"), rel=1e-4)


def test_a_model_needs_data_and_known_names() -> None:
    fit = counts()
    with pytest.raises(ranef.InputTypeError, match="needs data="):
        fit.update(zi="~ cover")
    with pytest.raises(ranef.InputTypeError, match="needs data="):
        fit.update(zi=None, dispersion="~ cover")
    with pytest.raises(ranef.InputError, match="names phi, which"):
        fit.update(parameters={"phi": None})


RESIDUAL = {"residual": "ar1(Days | Subject)", "dispersion": "~ late"}


@pytest.mark.parametrize(
    "changes", [{"residual": None}, {"dispersion": None}, {"residual": None, "dispersion": None, "reml": False}]
)
def test_structures_of_residuals_are_taken_away_without_data(changes: dict[str, Any]) -> None:
    formula = "Reaction ~ Days + (1 | Subject)"
    fit, expected = ranef.lmm(formula, DATA, **RESIDUAL), ranef.lmm(formula, DATA, **(RESIDUAL | changes))
    made = fit.update(**changes)
    assert made.log_likelihood == pytest.approx(expected.log_likelihood, abs=1e-7)
    assert (made._terms.residual, made._terms.dispersion) == (expected._terms.residual, expected._terms.dispersion)
    arrays = ranef.lmm(DATA["Reaction"], np.ones((180, 1)), {"Subject": DATA["Subject"]},
                       dispersion=np.column_stack([np.ones(180), DATA["Days"]]))  # fmt: skip
    plain = ranef.lmm(DATA["Reaction"], np.ones((180, 1)), {"Subject": DATA["Subject"]})
    assert arrays.update(dispersion=None).log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-7)


def test_unstructured_residuals_have_the_variances_of_their_visits() -> None:
    """They go with the correlations; another dispersion of theirs is no part that can go without the data."""
    short = {name: column[np.isin(SLEEP["Days"], (0, 4, 9))] for name, column in DATA.items()}
    fit = ranef.lmm("Reaction ~ Days", short, residual="us(Days | Subject)")
    assert fit.update(dispersion=None).log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-7)
    with pytest.raises(ranef.InputError, match="nothing is left but an ordinary regression"):
        fit.update(residual=None)
    alike = ranef.lmm("Reaction ~ Days", short, residual="us(Days | Subject)", dispersion="~ 1")
    with pytest.raises(ranef.InputTypeError, match="needs data="):
        alike.update(dispersion=None)
    assert alike.update(dispersion=None, data=short).log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)
