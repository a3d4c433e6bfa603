"""What `ranef new-plugin` writes, and the examples of the documentation: installed by pip, found, checked, fitted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from ranef import registry
from ranef.cli import main, metadata
from ranef.cli.metadata import UNKNOWN
from ranef.contracts import API_VERSION

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEMPLATES = {
    "family": "scratch-family",
    "link": "scratch-link",
    "covariance": "scratch-covariance",
    "backend": "scratch-two-words",
    "optimizer": "scratch-optimizer",
    "observer": "scratch-observer",
}
EXAMPLES = ["conway-maxwell-poisson", "superlu", "exponential-covariance", "array-api"]
NAMES = [*TEMPLATES.values(), *EXAMPLES]


def test_there_is_one_for_every_kind():
    assert set(TEMPLATES) == {kind.noun for kind in registry.KINDS.values()}


def new_plugin(*arguments: str):
    return CliRunner().invoke(main, ["new-plugin", *arguments])


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """All distributions, each in the folder of its name; those of the documentation are copied."""
    folder = tmp_path_factory.mktemp("sources")
    for kind, name in TEMPLATES.items():
        done = new_plugin(kind, name, "--directory", str(folder / name), "--description", f"What {name} is")
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
@pytest.mark.parametrize(
    ("distribution", "name"),
    [
        *((name, name) for name in [*TEMPLATES.values(), "superlu"]),
        ("exponential-covariance", "exponential"),
        ("array-api", "array-numpy"),
    ],
)
def test_ranef_check_finds_and_passes_it(environment, distribution, name):
    kind = ["--kind", "covariance"] if name == "exponential" else []  # there is a family of that name
    done = run(environment, "ranef", "check", name, "--json", *kind)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["plugin"]["distribution"] == f"ranef-{distribution}"
    assert report["passed"]
    assert all(law["passed"] and law["law"] for law in report["laws"])
    assert len(report["laws"]) > (10 if report["plugin"]["kind"] != "observer" else 4)


@pytest.mark.slow
def test_ranef_lists_them_by_their_own_descriptions(environment):
    done = run(environment, "ranef", "plugins", "--json")
    summaries = {info["name"]: info["summary"] for info in json.loads(done.stdout)}
    assert {name: summaries[name] for name in TEMPLATES.values()} == {n: f"What {n} is" for n in TEMPLATES.values()}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_short(name):
    (module,) = (DOCS / "examples" / name).glob("*.py")
    assert len(module.read_text().splitlines()) < 150


def test_the_template_in_the_documentation_is_what_the_command_writes(tmp_path):
    new_plugin("family", "example", "--directory", str(tmp_path / "written"), "--ranef", UNKNOWN)

    def texts(home: Path) -> dict[str, str]:
        caches = {"__pycache__", ".pytest_cache", ".ruff_cache"}
        files = (p for p in home.rglob("*") if p.is_file() and not caches & set(p.parts))
        return {str(path.relative_to(home)): path.read_text() for path in files}

    written = texts(tmp_path / "written")
    assert len(written) == 6
    assert texts(DOCS / "template") == written


def read(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("kind", TEMPLATES)
def test_descriptions_are_the_plugins_own(tmp_path, kind):
    """The one given, or one with the plugin's name: nothing says what the template does as if the plugin did it."""
    for given, expected in (
        ("Waiting times of buses.", "Waiting times of buses"),
        (None, registry.kind_of(kind).description),
    ):
        home = tmp_path / str(given)
        done = new_plugin(kind, "two-words", "--directory", str(home), *(["--description", given] if given else []))
        assert done.exit_code == 0, done.output
        text = expected.format("two words")
        assert tomllib.loads((home / "pyproject.toml").read_text())["project"]["description"] == text
        entry = re.sub(r"\s+", " ", (home / "src/ranef_two_words/__init__.py").read_text())
        assert f'Entry( "two-words", "{text}", make, ' in entry
        assert f'api_version="{API_VERSION}", )' in entry
        assert (home / f"src/ranef_two_words/{kind}.py").read_text().count(f'"""{text}.\n') == 2
        assert (home / "README.md").read_text().startswith(f"# ranef-two-words\n\n{text}: ")
        assert "$" not in read(home).replace("$RANEF", "")


@pytest.mark.parametrize("text", ["two\nlines", 'with "quotes"', "back\\slash", "long" * 30, " . "])
def test_descriptions_that_break_strings_are_refused(tmp_path, text):
    done = new_plugin("family", "name", "--directory", str(tmp_path / "x"), "--description", text)
    assert done.exit_code == 1
    assert "expected one line of at most 70 characters, without double quotes and backslashes" in done.output
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("family", "poisson"),
        ("family", "negbin"),
        ("family", "student-t"),
        ("link", "logit"),
        ("backend", "dense"),
        ("optimizer", "lbfgsb"),
        ("observer", "trace"),
    ],
)
def test_names_of_built_ins_are_refused(tmp_path, kind, name):
    done = new_plugin(kind, name, "--directory", str(tmp_path / "x"))
    assert done.exit_code == 1
    assert f"the name '{name}' is that of a {kind} of ranef (" in done.output
    assert f"yours could be had as 'ranef-{name}:{name}' only" in done.output
    assert not (tmp_path / "x").exists()


def test_names_of_other_kinds_are_free(tmp_path):
    assert new_plugin("link", "poisson", "--directory", str(tmp_path / "x")).exit_code == 0


def bounds(project: dict) -> dict[str, str]:
    """Bounds of everything that a distribution needs, its tests included."""
    extras = [line for lines in project.get("optional-dependencies", {}).values() for line in lines]
    lines = [*project["dependencies"], *extras, f"python{project['requires-python']}"]
    return {match[1]: match[2] for line in lines if (match := re.fullmatch(r"([\w-]+)([<>=].*)", line))}


def test_bounds_are_those_of_ranef_itself(tmp_path):
    """In what the command writes and in the examples: a plugin that asks for less is not installed beside ranef."""
    ours = tomllib.loads((DOCS.parent / "pyproject.toml").read_text())
    new_plugin("family", "name", "--directory", str(tmp_path / "written"))
    major, minor, _ = ours["project"]["version"].split(".")
    expected = bounds(ours["project"]) | {"ranef": f">={major}.{minor},<{int(major) + 1}"}
    for home in (tmp_path / "written", *(DOCS / "examples" / name for name in EXAMPLES)):
        theirs = tomllib.loads((home / "pyproject.toml").read_text())
        needed = bounds(theirs["project"])
        assert {"ranef", "numpy", "pytest", "python"} <= set(needed)
        assert set(needed) <= {*expected, "torch", "cupy-cuda12x"}  # which ranef knows nothing of
        assert {name: needed[name] for name in needed if name in expected} == {
            name: expected[name] for name in needed if name in expected
        }
        assert theirs["build-system"]["requires"] == ours["build-system"]["requires"]


def test_what_is_written_says_where_ranef_comes_from(tmp_path):
    """It is on no index: tests of a push install it first, from a place that the author names."""
    source = "git+https://git.example.org/statistics/ranef@main"
    new_plugin("family", "name", "--directory", str(tmp_path / "given"), "--ranef", source)
    assert f'    pip install "{source}"\n    pip install -e ".[test]"\n' in (tmp_path / "given/README.md").read_text()
    steps = (tmp_path / "given/.github/workflows/tests.yml").read_text()
    assert f'  RANEF: "{source}"' in steps
    assert steps.index('pip install "$RANEF"') < steps.index('pip install ".[test]"')


class Installed:
    """Metadata of an installation."""

    def __init__(self, urls=None, direct=None):
        self.urls, self.direct = urls, direct

    def get_all(self, key):
        return self.urls

    def read_text(self, file):
        return self.direct


@pytest.mark.parametrize(
    ("installed", "where"),
    [
        (Installed(), UNKNOWN),
        (Installed(direct='{"url": "file:///somewhere", "dir_info": {}}'), UNKNOWN),
        (Installed(["Issues, https://a.org/i", "Repository, https://a.org/r"]), "git+https://a.org/r"),
        (
            Installed(["Source, https://a.org/r"], '{"url": "https://b.org/r", "vcs_info": {"vcs": "git"}}'),
            "git+https://b.org/r",
        ),
    ],
)
def test_ranef_is_looked_for_where_it_was_installed_from(monkeypatch, installed, where):
    monkeypatch.setattr(metadata.importlib.metadata, "distribution", lambda name: installed)
    monkeypatch.setattr(metadata.importlib.metadata, "metadata", lambda name: installed)
    assert metadata.whereabouts() == where


def test_an_unknown_place_is_told_to_be_replaced(tmp_path, monkeypatch):
    for where, told in ((UNKNOWN, True), ("git+https://a.org/r", False)):
        done = new_plugin("family", "name", "--directory", str(tmp_path / where[-1:]), "--ranef", where)
        assert ("replace git+https://example.org/ranef.git in README.md and tests.yml" in done.output) == told


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
