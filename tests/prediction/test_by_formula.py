"""Predictions, simulation and saved models of fits by formula, in Python and from the shell."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import ranef
from ranef.cli import main
from tests.reference import load

pytest.importorskip("formulaic")
KINDS = ("pandas", "polars", "pyarrow")
#: Reference models with what lme4 writes, and how ours are called.
MODELS: dict[str, dict[str, Any]] = {
    "lmm_sleepstudy_slope_reml": {},
    "lmm_cake_reml": {},
    "lmm_penicillin_reml": {},
    "glmm_contraception_slope": {"family": "binomial"},
}


def frame_of(kind: str, columns: Any) -> Any:
    narwhals = pytest.importorskip("narwhals.stable.v2")
    plain = {name: np.asarray(c).tolist() for name, c in columns.items()}
    return narwhals.from_dict(plain, backend=kind).to_native()


def fitted(name: str, kind: str) -> Any:
    record = load.expected(name)
    data = frame_of(kind, load.read_csv(record["data_file"], record["spec"]["factor_columns"]))
    formula = record["formula"]
    if record["kind"] == "lmm":
        return ranef.lmm(formula, data, reml=bool(record["reml"]))
    return ranef.glmm(formula, data, **MODELS[name])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", MODELS)
def test_new_rows_of_a_frame_are_predicted_as_lme4_does(name: str, kind: str) -> None:
    record, fit = load.expected(name), fitted(name, kind)
    new = frame_of(kind, record["predict"]["newdata"])
    scale = {"scale": "link"}
    found = fit.predict(new, new_levels="population", **scale)
    np.testing.assert_allclose(found, record["predict"]["with_re"], rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(fit.predict(new, random="none", **scale), record["predict"]["without_re"], rtol=2e-4)
    with pytest.raises(ranef.InputError, match="levels that the model was not fitted to"):
        fit.predict(new)
    table = fit.predict(new, new_levels="population", se=True, **scale)
    assert type(table.to_frame()).__module__.partition(".")[0] == kind


@pytest.fixture(scope="module")
def sleep() -> Any:
    d = ranef.datasets.load("sleepstudy")
    data = {"Reaction": d["Reaction"], "Days": d["Days"], "Subject": d["Subject"]}
    return ranef.lmm("Reaction ~ poly(Days, 2) + (1 + Days | Subject)", data)


NEW = {"Days": [1.5, 9.0], "Subject": ["308", "309"]}


def test_transformations_are_those_of_the_fit(sleep: Any) -> None:
    """poly of the new days by the fit's polynomials: a fit of plain powers has the same means."""
    d = ranef.datasets.load("sleepstudy")
    powers = np.column_stack([np.ones(180), d["Days"], np.square(d["Days"])])
    plain = ranef.lmm(d["Reaction"], powers, {"Subject": d["Subject"]}, random_effects={"Subject": "1 + Days"},
                      random_data={"Days": d["Days"]})  # fmt: skip
    X = np.column_stack([np.ones(2), NEW["Days"], np.square(NEW["Days"])])
    new = {"X": X, "groups": {"Subject": NEW["Subject"]}, "random_data": {"Days": NEW["Days"]}}
    a, b = sleep.predict(NEW, se=True), plain.predict(new, se=True)
    np.testing.assert_allclose(a["fit"], b["fit"], rtol=1e-6)
    np.testing.assert_allclose(a["se"], b["se"], rtol=1e-4)


def test_only_what_is_needed_is_asked_for(sleep: Any) -> None:
    fixed = sleep.predict({"Days": [1.5]}, random="none")
    assert sleep.predict({"Days": [1.5]}, marginal=True) == pytest.approx(fixed)
    with pytest.raises(ranef.InputError, match="Subject"):
        sleep.predict({"Days": [1.5]})
    with pytest.raises(ranef.InputError, match="Days"):
        sleep.predict({"Subject": ["308"]})


def test_a_loaded_model_predicts_the_same(sleep: Any, tmp_path: Path) -> None:
    sleep.save(tmp_path / "m.ranef")
    again = ranef.load(tmp_path / "m.ranef")
    assert again.formula == sleep.formula
    assert str(again.summary()) == str(sleep.summary())
    assert str(again.summary("R")) == str(sleep.summary("R"))
    for one, other in zip(
        *(f.predict(NEW, interval="prediction").to_dict().values() for f in (again, sleep)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-9)


def test_functions_of_ones_own_are_asked_for(tmp_path: Path) -> None:
    d = ranef.datasets.load("sleepstudy")
    data = {"y": d["Reaction"], "t": d["Days"], "g": d["Subject"]}
    fit = ranef.lmm("y ~ double(t) + (1 | g)", data, context={"double": _double})
    fit.save(tmp_path / "m.ranef")
    with pytest.raises(ranef.RanefError, match=r"the formula calls double: pass them in context"):
        ranef.load(tmp_path / "m.ranef")
    again = ranef.load(tmp_path / "m.ranef", context={"double": _double})
    np.testing.assert_allclose(again.predict({"t": [2.0], "g": ["308"]}), fit.predict({"t": [2.0], "g": ["308"]}))


def _double(x: np.ndarray) -> np.ndarray:
    return 2.0 * x


def test_weights_of_new_rows_are_those_of_the_formula() -> None:
    d = ranef.datasets.load("cbpp")
    data = {name: d[name] for name in ("incidence", "size", "period", "herd")}
    fit = ranef.glmm("incidence / size ~ period + (1 | herd)", data, family="binomial", weights="size")
    new = {"period": d["period"][:4], "herd": d["herd"][:4], "size": d["size"][:4]}
    counts = fit.predict(new, interval="prediction")["upper"] * d["size"][:4]
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    drawn = fit.simulate(5, rng=1, newdata=new) * np.asarray(d["size"][:4])[:, None]
    np.testing.assert_allclose(drawn, np.round(drawn), atol=1e-9)


# From the shell -------------------------------------------------------------------------------------------------------


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, list(arguments))


def write(path: Path, columns: dict[str, Any]) -> str:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([columns, *zip(*columns.values(), strict=True)])
    return str(path)


def test_the_commands_are_the_calls(sleep: Any, tmp_path: Path) -> None:
    d = ranef.datasets.load("sleepstudy")
    data = write(tmp_path / "d.csv", {name: list(d[name]) for name in ("Reaction", "Days", "Subject")})
    new, model = write(tmp_path / "new.csv", NEW), str(tmp_path / "m.ranef")
    done = run("fit", data, sleep.formula, "--save", model)
    assert done.exit_code == 0, done.output
    assert f"\nData: {data}\n" in run("show", model).output
    done = run("predict", model, new, "--interval", "prediction", "--level", "0.9", "-o", str(tmp_path / "out.csv"))
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    expected = sleep.predict(NEW, interval="prediction", level=0.9)
    for name in ("fit", "se", "lower", "upper"):
        np.testing.assert_allclose([float(r[name]) for r in rows], expected[name], rtol=1e-5)
    shown = run("predict", model, new, "--random", "none").output.splitlines()
    np.testing.assert_allclose([float(v) for v in shown[1:]], sleep.predict(NEW, random="none"), rtol=1e-5)
    drawn = run("simulate", model, new, "--nsim", "2", "--seed", "3").output.splitlines()
    assert drawn[0] == "sim_1,sim_2"
    np.testing.assert_allclose(
        [[float(v) for v in line.split(",")] for line in drawn[1:]], sleep.simulate(2, 3, newdata=NEW), rtol=1e-4
    )


def test_a_table_of_columns_for_other_programs(sleep: Any, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    d = ranef.datasets.load("sleepstudy")
    data = write(tmp_path / "d.csv", {name: list(d[name]) for name in ("Reaction", "Days", "Subject")})
    assert run("fit", data, sleep.formula, "--save", str(tmp_path / "m.ranef")).exit_code == 0
    new, out = write(tmp_path / "new.csv", NEW), tmp_path / "out.parquet"
    assert run("predict", str(tmp_path / "m.ranef"), new, "--se", "-o", str(out)).exit_code == 0
    np.testing.assert_allclose(parquet.read_table(out)["fit"].to_numpy(), sleep.predict(NEW), rtol=1e-5)


def test_a_model_of_arrays_is_named(tmp_path: Path) -> None:
    d = ranef.datasets.load("dyestuff")
    ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}).save(tmp_path / "m.ranef")
    done = run("predict", str(tmp_path / "m.ranef"), write(tmp_path / "new.csv", NEW))
    assert done.exit_code == 1
    assert "was fitted to arrays, not by a formula" in done.output


def test_weights_and_offset_that_were_arrays_are_given_again() -> None:
    """A fit that has them by name is the same model."""
    d = ranef.datasets.load("sleepstudy")
    data = {name: d[name] for name in ("Reaction", "Days", "Subject")}
    w, known = np.where(d["Days"] > 4, 2.0, 1.0), np.linspace(0.0, 9.0, 180)
    formula = "Reaction ~ Days + (1 | Subject)"
    fit = ranef.lmm(formula, data, weights=w, offset=known)
    named = ranef.lmm(formula, data | {"w": w, "known": known}, weights="w", offset="known")
    more = NEW | {"w": [2.0, 0.5], "known": [1.0, 3.0]}
    expected = named.predict(more, interval="prediction").to_dict()
    for given in ({"weights": more["w"], "offset": more["known"]}, {"weights": "w", "offset": "known"}):
        found = fit.predict(more, interval="prediction", **given)
        for name, column in expected.items():
            np.testing.assert_allclose(found[name], column, rtol=1e-10)
        drawn = fit.simulate(2, 1, newdata=more, random="conditional", **given)
        np.testing.assert_allclose(drawn, named.simulate(2, 1, newdata=more, random="conditional"), rtol=1e-10)
    with pytest.raises(ranef.InputError, match=r"offset that was given as numbers: give one .*, by offset="):
        fit.predict(NEW)
    with pytest.raises(ranef.InputError, match=r"newdata has no weights.* or weights= to a fit by formula"):
        fit.predict(NEW, offset=[0.0, 0.0], interval="prediction")
    with pytest.raises(ranef.InputError, match="offset has 3 rows, newdata has 2"):
        fit.predict(NEW, offset=np.zeros(3))
    with pytest.raises(ranef.InputError, match=r"newdata\['weights'\] has 3 rows"):
        fit.predict(NEW, offset=np.zeros(2), weights=np.ones(3), interval="prediction")
    with pytest.raises(ranef.InputTypeError, match="offset: with newdata only"):
        fit.predict(offset=np.zeros(180))
    arrays = ranef.lmm(d["Reaction"], np.ones((180, 1)), {"Subject": d["Subject"]})
    with pytest.raises(ranef.InputTypeError, match="weights: a part of newdata"):
        arrays.predict({"X": [[1.0]], "groups": {"Subject": ["308"]}}, weights=[1.0])


def test_a_column_of_another_kind_says_what_to_do(sleep: Any) -> None:
    with pytest.raises(ranef.InputError, match=r"Subject was of kind .*, and is number .*: make text of it"):
        sleep.predict({"Days": [1.0], "Subject": [308]})
    with pytest.raises(ranef.InputError, match=r"Days was of kind number .*, and is text .*: make numbers of it"):
        sleep.predict({"Days": ["one"], "Subject": ["308"]})
