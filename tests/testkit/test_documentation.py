"""The examples of docs/writing-plugins.md run."""

from __future__ import annotations

import doctest
from pathlib import Path

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def test_writing_plugins():
    path = Path(__file__).resolve().parents[2] / "docs" / "writing-plugins.md"
    result = doctest.testfile(str(path), module_relative=False, optionflags=FLAGS)
    assert result.attempted > 25
    assert result.failed == 0
