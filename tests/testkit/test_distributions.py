"""What `ranef new-plugin` writes, and the examples of the documentation: installed by pip, found, checked, fitted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ranef.cli import main

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEMPLATES = {"family": "scratch-family", "backend": "scratch-two-words", "optimizer": "scratch-optimizer"}
EXAMPLES = ["conway-maxwell-poisson", "superlu"]
NAMES = [*TEMPLATES.values(), *EXAMPLES]


def new_plugin(*arguments: str):
    return CliRunner().invoke(main, ["new-plugin", *arguments])


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """All distributions, each in the folder of its name; those of the documentation are copied."""
    folder = tmp_path_factory.mktemp("sources")
    for kind, name in TEMPLATES.items():
        done = new_plugin(kind, name, "--directory", str(folder / name))
        assert done.exit_code == 0, done.output
    for name in EXAMPLES:
        shutil.copytree(DOCS / "examples" / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def environment(sources, tmp_path_factory) -> dict[str, str]:
    """The environment of a process that finds all of them, installed."""
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--disable-pip-version-check", "--target", str(site), *(str(sources / name) for name in NAMES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return os.environ | {"PYTHONPATH": path}


def run(environment: dict[str, str], *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass(sources, environment, name):
    """They apply the laws, look it up by name, and fit with it."""
    done = run(environment, "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=sources / name)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scratch-family", "superlu"])
def test_ranef_check_finds_and_passes_it(environment, name):
    done = run(environment, "ranef", "check", name, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["plugin"]["distribution"] == f"ranef-{name}"
    assert report["passed"]
    assert all(law["passed"] and law["law"] for law in report["laws"])
    assert len(report["laws"]) > 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_short(name):
    (module,) = (DOCS / "examples" / name).glob("*.py")
    assert len(module.read_text().splitlines()) < 150


def test_the_template_in_the_documentation_is_what_the_command_writes(tmp_path):
    new_plugin("family", "example", "--directory", str(tmp_path / "written"))

    def texts(home: Path) -> dict[str, str]:
        caches = {"__pycache__", ".pytest_cache", ".ruff_cache"}
        files = (p for p in home.rglob("*") if p.is_file() and not caches & set(p.parts))
        return {str(path.relative_to(home)): path.read_text() for path in files}

    written = texts(tmp_path / "written")
    assert len(written) == 6
    assert texts(DOCS / "template") == written


@pytest.mark.parametrize("name", ["Family", "my_family", "2nd", "a--b", "a-", ""])
def test_names_that_make_no_module_are_refused(tmp_path, name):
    done = new_plugin("family", name, "--directory", str(tmp_path / "x"))
    assert done.exit_code == 1
    assert "use lower case letters and digits" in done.output
    assert not (tmp_path / "x").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    done = new_plugin("family", "name", "--directory", str(tmp_path))
    assert done.exit_code == 1
    assert "is not empty" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
