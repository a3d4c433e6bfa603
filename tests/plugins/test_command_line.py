"""The commands `ranef fit`, `ranef demo`, `ranef doctor`: arguments, CSV files, and what is printed."""

from __future__ import annotations

import gzip
import re
import tomllib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ranef.datasets
from ranef.cli import data, main
from ranef.cli.doctor import SLEEPSTUDY_LOG_LIKELIHOOD
from ranef.cli.fit import fixed_effects, random_effects, variables
from ranef.contracts import InputError, InputTypeError

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def sleepstudy(tmp_path):
    columns = ranef.datasets.load("sleepstudy")
    path = tmp_path / "sleepstudy.csv"
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return str(path)


def test_columns_of_a_csv_file(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text('id,x,group\n1,0.5,"a, b"\n2,NA,c\n3,1e3,\n')
    columns = data.read_csv(path)
    assert list(columns) == ["id", "x", "group"]
    assert columns["id"].dtype.kind == "i"
    np.testing.assert_array_equal(columns["x"], [0.5, np.nan, 1000.0])
    assert list(columns["group"][:2]) == ["a, b", "c"]
    assert columns["group"][2] != columns["group"][2]  # missing: NaN


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n1,2,3,4\n"])
def test_wrong_csv_files(tmp_path, text):
    path = tmp_path / "d.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=r"d\.csv"):
        data.read_csv(path)


@pytest.mark.parametrize("content", [b"a,b\n", b"a,b\n1,\xe9\n"])
def test_csv_files_without_rows_or_in_another_encoding(tmp_path, content):
    path = tmp_path / "d.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"d\.csv"):
        data.read_csv(path)


def test_compressed_csv_files(tmp_path):
    path = tmp_path / "d.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,u\n2,v\n"))
    assert [list(values) for values in data.read_csv(path).values()] == [[1, 2], ["u", "v"]]


def test_missing_labels_are_no_level_of_an_interaction():
    columns = {"a": np.array(["u", np.nan, "v"], dtype=object), "b": np.array([1, 2, 3])}
    with pytest.raises(InputError, match=r"column 'a' has missing labels in 1 row \(counted from 0\): 1"):
        data.labels(columns, "a:b")


def test_columns_by_name():
    columns = {"a": np.array([1, 2]), "b": np.array(["u", "v"], dtype=object)}
    with pytest.raises(InputError, match="no column 'c'; there is: a, b"):
        data.column(columns, "c")
    with pytest.raises(InputTypeError, match=r"column 'b' holds text where numbers belong .*'u' in row 0"):
        data.numbers(columns, "b")
    assert list(data.labels(columns, "a:b")) == ["1:u", "2:v"]


def test_fixed_effects():
    columns = {"a": np.array([3, 4])}
    X, names = fixed_effects(columns, ["1", "a"], intercept=True)
    np.testing.assert_array_equal(X, [[1, 3], [1, 4]])
    assert names == ["(Intercept)", "a"]
    X, names = fixed_effects(columns, ["a"], intercept=False)
    np.testing.assert_array_equal(X, [[3], [4]])
    assert names == ["a"]
    with pytest.raises(InputError, match="without an intercept"):
        fixed_effects(columns, [], intercept=False)


def test_random_effects():
    terms = random_effects(["g", "h"], ("g: 1 + x", "g:y", "a:b: 1"))
    assert terms == {"g": [["1", "x"], ["y"]], "a:b": [["1"]], "h": [["1"]]}
    assert variables(terms) == {"x", "y"}
    for wrong in ("g", "g:", ": 1", "g: 1 + "):
        with pytest.raises(InputError, match=r'expected "FACTOR: 1 \+ COLUMN"'):
            random_effects([], (wrong,))
    with pytest.raises(InputError, match="needs --groups or --random"):
        random_effects([], ())


def test_mistakes_end_with_a_message_and_exit_code_1(sleepstudy):
    done = run("fit", sleepstudy, "--y", "Reaktion", "--groups", "Subject")
    assert done.exit_code == 1
    assert done.output == "Error: there is no column 'Reaktion'; there is: Reaction, Days, Subject\n"


@pytest.mark.parametrize("wrong", [("--link", "log"), ("--ml", "--family", "poisson")])
def test_options_that_do_not_fit_together(sleepstudy, wrong):
    done = run("fit", sleepstudy, "--y", "Reaction", "--groups", "Subject", *wrong)
    assert done.exit_code == 2


def test_fit_prints_the_summary_of_a_linear_model(sleepstudy):
    done = run("fit", sleepstudy, "--y", "Reaction", "--x", "Days", "--random", "Subject: 1 + Days")
    assert done.exit_code == 0, done.output
    # lme4's summary of lmer(Reaction ~ Days + (Days | Subject)): REML criterion, fixed effects, standard deviations
    for text in ("1743.6", "251.405", "10.467", "24.7", "5.92", "Subject"):
        assert text in done.output


def test_fit_prints_the_summary_of_a_generalized_model(tmp_path):
    columns = ranef.datasets.load("cbpp")
    path = tmp_path / "cbpp.csv"
    proportion = columns["incidence"] / columns["size"]
    lines = [f"{h},{p!r},{s}" for h, p, s in zip(columns["herd"], proportion.tolist(), columns["size"], strict=True)]
    path.write_text("\n".join(["herd,proportion,size", *lines]))
    done = run("fit", str(path), "--y", "proportion", "--weights", "size", "--groups", "herd", "--family", "binomial")
    assert done.exit_code == 0, done.output
    assert "herd" in done.output


def test_demo_prints_code_and_summaries():
    done = run("demo")
    assert done.exit_code == 0, done.output
    for text in ("Reaction ~ Days + (Days | Subject)", "1743.6", "plate", "sample"):
        assert text in done.output


def test_doctor_says_what_there_is_and_checks_a_fit(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    done = run("doctor")
    assert done.exit_code == 0, done.output
    for text in ("python", "numpy", "BLAS", "OMP_NUM_THREADS=3", "all is well"):
        assert text in done.output


def test_doctor_names_what_each_extra_brings_once():
    listed = [line.split()[0] for line in run("doctor").output.splitlines()]
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    brought = {
        re.match(r"[\w-]+", r)[0]
        for name, rs in extras.items()
        for r in rs
        if name not in ("all", "test", "docs", "dev")
    }
    assert {name: listed.count(name) for name in brought} == dict.fromkeys(brought, 1)


def test_doctor_notices_a_wrong_fit(monkeypatch):
    # the package ranef.cli has the command, not the module, under that name
    module = import_module("ranef.cli.doctor")
    monkeypatch.setattr(module, "SLEEPSTUDY_LOG_LIKELIHOOD", SLEEPSTUDY_LOG_LIKELIHOOD + 1e-5)
    done = run("doctor")
    assert done.exit_code == 1
    assert "wrong: the reference fit has log-likelihood" in done.output


def test_version():
    assert run("--version").output.strip().endswith(version("ranef"))
