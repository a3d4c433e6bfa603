"""`ranef fit FILE "FORMULA"` on every kind of file, and `ranef bench --formula`."""

from __future__ import annotations

import gzip
import json

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from click.testing import CliRunner

import ranef
from ranef.cli import main

FORMULA = "Reaction ~ Days + (Days | Subject)"


@pytest.fixture
def frame():
    return pd.DataFrame(ranef.datasets.load("sleepstudy"))


def zipped(frame, path):
    with gzip.open(path, "wt") as file:
        frame.to_csv(file, index=False, sep="\t" if ".tsv" in path.name else ",")


WRITERS = {
    "a.csv": lambda d, path: d.to_csv(path, index=False),
    "a.tsv": lambda d, path: d.to_csv(path, index=False, sep="\t"),
    "a.csv.gz": zipped,
    "a.tsv.gz": zipped,
    "a.parquet": lambda d, path: pyarrow.parquet.write_table(pa.Table.from_pandas(d), path, compression="gzip"),
    "a.arrow": lambda d, path: pyarrow.feather.write_feather(d, path, compression="zstd"),
}


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def without_source(output, path):
    """What a summary says beside the file, which stands below the model."""
    title, model, source, *lines = output.strip().splitlines()
    assert source == f"Data: {path}"
    return "\n".join([title, model, *lines])


@pytest.mark.parametrize("name", WRITERS)
def test_fit_by_formula(name, frame, tmp_path):
    WRITERS[name](frame, tmp_path / name)
    done = run("fit", tmp_path / name, FORMULA)
    assert done.exit_code == 0, done.output
    assert without_source(done.output, tmp_path / name) == ranef.lmm(FORMULA, frame).summary().strip()


def test_options_with_a_formula(frame, tmp_path):
    frame["f"], frame["w"] = frame["Days"] % 3, 1.0 + frame["Days"]
    frame.to_csv(tmp_path / "a.csv", index=False)
    text = "Reaction ~ factor(f) + (1 | Subject)"
    done = run(
        "fit", tmp_path / "a.csv", text, "--weights", "w", "--subset", "Days > 0", "--names", "R", "--ml",
        "--covariance", "Subject=us",
    )  # fmt: skip
    expected = ranef.lmm(text, frame, weights="w", subset="Days > 0", reml=False, covariance={"Subject": "us"})
    assert without_source(done.output, tmp_path / "a.csv") == expected.summary(names="R").strip()
    assert "factor(f)1" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give a formula"),
        ((FORMULA, "--y", "Reaction"), "--y: the formula says this"),
        ((FORMULA, "--x", "Days"), "--x: the formula says this"),
        (("--y", "Reaction", "--groups", "Subject", "--subset", "Days > 1"), "are for formulas"),
        (("Reaction ~ Dais + (1 | Subject)",), "there is no column 'Dais'"),
        ((FORMULA, "--contrasts", "f"), 'expected "FACTOR=WORD"'),
    ],
)
def test_what_does_not_go_together(arguments, said, frame, tmp_path):
    frame.to_csv(tmp_path / "a.csv", index=False)
    done = run("fit", tmp_path / "a.csv", *arguments)
    assert done.exit_code != 0
    assert said in done.output


@pytest.mark.parametrize("option", ["--plot", "--html"])
def test_missing_matplotlib_is_told_before_the_fit(option, frame, tmp_path, monkeypatch):
    frame.to_csv(tmp_path / "a.csv", index=False)
    monkeypatch.setattr("ranef.plots.style.importlib.util.find_spec", lambda name: None)
    done = run("fit", tmp_path / "a.csv", FORMULA, option, tmp_path / "out")
    assert done.exit_code == 1
    assert done.output == f'Error: {option} needs matplotlib: pip install "ranef[plots]"\n'


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    done = run("fit", tmp_path / "a.parquet", FORMULA)
    assert done.exit_code == 1
    assert "a.parquet cannot be read" in done.output


@pytest.mark.parametrize("options", [[], ["--weights", "Days1"]])
def test_bench_by_a_file_and_a_formula(options, frame, tmp_path):
    path, text = tmp_path / "a.tsv", "Reaction ~ Days + (1 | Subject)"
    frame.assign(Days1=frame["Days"] + 1).to_csv(path, index=False, sep="\t")
    shared = ["--repeats", 1, "--no-memory", *options, "--json"]
    for arguments, name in (([path, text], "one"), (["--csv", path, "--formula", text], "two")):
        done = run("bench", *arguments, *shared, tmp_path / name)
        assert done.exit_code == 0, done.output
    one, two = (json.loads((tmp_path / name).read_text())["results"][0] for name in ("one", "two"))
    assert (one["case"], one["criterion"]) == (two["case"], two["criterion"])
    assert "--csv and --formula say this" in run("bench", path, text, "--formula", text).output


def test_bench_by_formula(frame, tmp_path):
    frame.to_csv(tmp_path / "a.csv", index=False)
    options = ("--no-memory", "--repeats", 1, "--json", tmp_path / "a.json")
    done = run("bench", "--csv", tmp_path / "a.csv", "--formula", FORMULA, *options)
    assert done.exit_code == 0, done.output
    (result,) = json.loads((tmp_path / "a.json").read_text())["results"]
    assert result["status"] == "ok"
    assert run("bench", "--formula", FORMULA).exit_code == 2
