"""The manual's reference is complete. `make docs` looks at attributes and methods as well, and at everything else."""

from __future__ import annotations

import doctest
import re
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ranef

DOCS = Path(__file__).parents[1] / "docs"
MODULES = [
    "ranef",
    "ranef.contracts",
    "ranef.registry",
    "ranef.datasets",
    "ranef.families",
    "ranef.plots",
    "ranef.testkit",
]


def reference() -> dict[str, list[str]]:
    """Names with an entry in docs/api, by module."""
    entries: dict[str, list[str]] = {}
    for page in DOCS.glob("api/*.rst"):
        text = page.read_text(encoding="utf-8")
        for module, part in re.findall(r"currentmodule:: ([\w.]+)\n(.*?)(?=\.\. currentmodule|\Z)", text, re.DOTALL):
            summaries = re.findall(r"autosummary::\n   :toctree: generated\n\n((?:   \w+\n)+)", part)
            names = " ".join(summaries).split() + re.findall(r"^\.\. py:data:: (\w+)", part, re.MULTILINE)
            entries.setdefault(module, []).extend(names)
    return entries


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_stands_in_the_reference_once(name):
    entries = reference()
    public = set(import_module(name).__all__)
    if name == "ranef":
        public -= {"contracts", "datasets", "registry", "hookimpl"}  # pages of their own, and a name of contracts
    elif name == "ranef.contracts":
        public -= set(entries["ranef"])  # the errors
    assert sorted(entries[name]) == sorted(public), "add the name to a page of docs/api, or take it away"


def prepared(page: Path) -> dict[str, Any]:
    """Names that the examples before a page's first table leave."""
    names: dict[str, Any] = {}
    for example in doctest.DocTestParser().get_examples(page.read_text(encoding="utf-8").partition("\n| ")[0]):
        exec(example.source, names)
    return names


def calls(page: Path) -> list[str]:
    """Calls of ours in a page's tables: pieces of code in the last column."""
    text = page.read_text(encoding="utf-8").partition("## Where figures differ")[0]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", row)[-2] for row in rows]
    code = [piece.replace("\\|", "|") for cell in cells for piece in re.findall(r"`([^`]+)`", cell)]
    return [piece for piece in code if re.match(r"[\w.]+[.(]\w", piece)]


#: Of fits, without a function in R that they could stand beside.
OURS_ALONE = {
    "conf_int", "has_rows", "jackknife", "laplace_check", "n_evaluations", "n_iter", "params", "predict_stream",
    "provenance", "standard_errors", "thresholds_at", "timings",
}  # fmt: skip


def test_everything_of_a_fit_stands_beside_its_function_in_r():
    page = (DOCS / "coming-from-lme4.md").read_text(encoding="utf-8")
    names = {name for kind in (ranef.LMMSolution, ranef.GLMMSolution) for name in dir(kind) if name[0] != "_"}
    assert {name for name in names if not re.search(rf"\b{name}\b", page)} == OURS_ALONE


def test_examples_are_code_in_the_site():
    """Prompts outside of a fence are quotations within quotations there."""
    pages = [*DOCS.glob("*.md"), *DOCS.glob("case-studies/*.md")]
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    outside = {name: re.sub(r"^```.*?^```", "", t, flags=re.DOTALL | re.MULTILINE) for name, t in texts.items()}
    assert [name for name, text in outside.items() if ">>> " in text] == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("coming-from-*.md")), ids=lambda page: page.stem)
def test_calls_beside_those_of_other_programs_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    names, broken = prepared(page), {}
    for call in calls(page):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ranef.RanefWarning)
                warnings.simplefilter("ignore", ranef.SingularFitWarning)  # of a few in a bootstrap
                eval(call, names)
        except Exception as error:
            broken[call] = repr(error)
    matplotlib.pyplot.close("all")
    assert len(calls(page)) > 5
    assert broken == {}
