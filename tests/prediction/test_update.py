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
