"""What is said twice about the project is said alike: checks, versions, extras."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_pre_commit_runs_what_make_lint_runs():
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (HOME / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[1]
    made = {line.strip().removeprefix("$(BIN)/").removesuffix(" .").removesuffix(" .") for line in lint.splitlines()}
    hooks = (HOME / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    hooked = {entry.removesuffix(" --force-exclude") for entry in re.findall(r"entry: \.venv-test/bin/(.+)", hooks)}
    assert hooked == {command.removesuffix(" --check") for command in made}


def test_the_workflow_tries_the_versions_that_are_promised():
    promised = {c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)}
    workflow = (HOME / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert set(re.findall(r'"([\d.]+)"', re.search(r"python: \[(.*)\]", workflow)[1])) == promised
    assert PROJECT["requires-python"] == f">={min(promised, key=lambda v: int(v.split('.')[1]))}"


def test_the_sdist_has_what_stands_beside_the_packages():
    included = (HOME / "MANIFEST.in").read_text(encoding="utf-8").split()
    beside = {path.name for path in HOME.iterdir() if path.suffix in (".md", ".cff")}
    assert beside - {PROJECT["readme"]} <= set(included)


def test_all_has_every_extra_but_those_that_need_a_compiler_or_check_the_code():
    extras = PROJECT["optional-dependencies"]
    listed = re.fullmatch(r"ranef\[(.*)\]", extras["all"][0])[1].split(",")
    assert set(listed) == set(extras) - {"cholmod", "all", "test", "docs", "dev"}


@pytest.mark.parametrize("name", ["dependencies", *PROJECT["optional-dependencies"]])
def test_what_is_needed_to_run_has_a_lowest_version(name):
    wanted = PROJECT["dependencies"] if name == "dependencies" else PROJECT["optional-dependencies"][name]
    if name not in ("all", "test", "docs", "dev"):
        assert [requirement for requirement in wanted if ">=" not in requirement] == []


def test_a_long_file_says_why():
    files = [path for house in ("framework", "backends", "families") for path in (HOME / house).rglob("*.py")]
    long = [path for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 400]
    assert [str(path) for path in long if "\nLonger than other files" not in path.read_text(encoding="utf-8")] == []
