"""Tables of the command line fit into the terminal."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from ranef.cli import main
from ranef.cli.table import fitted

ROWS = [
    ("first", "family", "One word after the other, and then some more words that say nothing."),
    ("a-much-longer-name", "optimizer", "Short."),
]
HEADERS = ("name", "kind", "what it is")


def width_of(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("width", [50, 72, 80, 100, 200])
def test_no_line_is_longer_than_the_terminal_and_no_word_is_lost(width):
    table = fitted(ROWS, HEADERS, width)
    assert width_of(table) <= width
    assert {word for row in ROWS for cell in row for word in cell.split()} <= set(table.split())


def test_wide_terminals_have_the_text_beside_and_narrow_ones_below():
    wide, narrow = fitted(ROWS, HEADERS, 200).splitlines(), fitted(ROWS, HEADERS, 60).splitlines()
    assert len(wide) == 4
    assert wide[2].endswith(ROWS[0][-1])
    assert narrow[3].strip() == "One word after the other, and then some more words"
    assert narrow[3].startswith(" " * 8)


def test_paths_stay_whole():
    path = "/a/very/long/path/" + "to-nowhere/" * 8 + "file.py"
    assert path in fitted([("a", "b", path)], HEADERS, 80)


@pytest.mark.parametrize("columns", ["80", "200"])
@pytest.mark.parametrize("command", [["plugins"], ["check", "sqrt"]])
def test_commands_ask_the_terminal(monkeypatch, columns, command):
    monkeypatch.setenv("COLUMNS", columns)
    output = CliRunner().invoke(main, command).output
    assert 80 * (columns == "200") < width_of(output) <= int(columns)
    assert "sqrt" in output


def test_plugins_are_listed_with_what_they_are():
    output = " ".join(CliRunner().invoke(main, ["plugins", "--kind", "family"]).output.split())
    assert "Poisson counts" in output
    assert "ranef 0." in output
    assert "(alias normal)" in output
