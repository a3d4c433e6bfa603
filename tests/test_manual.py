"""The manual's reference is complete. `make docs` looks at attributes and methods as well, and at everything else."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
MODULES = ["ranef", "ranef.contracts", "ranef.registry", "ranef.datasets", "ranef.families", "ranef.plots", "ranef.testkit"]


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

