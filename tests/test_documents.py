"""The examples in README.md and docs/*.md run, and links between documents lead somewhere."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
#: writing-plugins.md runs with the test kit, in tests/testkit.
DOCUMENTS = [HOME / "README.md", HOME / "CONTRIBUTING.md", *sorted((HOME / "docs").glob("*.md"))]
EXAMPLES = [path for path in DOCUMENTS if path.name != "writing-plugins.md"]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples(path):
    failed, _ = doctest.testfile(str(path), module_relative=False, optionflags=FLAGS, encoding="utf-8")
    assert failed == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links(path):
    targets = re.findall(r"\]\((?!http)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_diffs_are_of_this_repository():
    """Every line that CONTRIBUTING.md adds to a file is in that file, in this order."""
    blocks = re.findall(r"```diff\n(.*?)```", (HOME / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 4
    for file, added in re.findall(r"--- (\S+)\n(.*?)(?=\n *---|\Z)", "\n".join(blocks), re.DOTALL):
        lines = iter((HOME / file).read_text(encoding="utf-8").splitlines())
        for line in re.findall(r"^ *\+(.*)$", added, re.MULTILINE):
            assert line in lines, f"{file} has no {line!r}"
