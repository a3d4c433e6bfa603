"""Tables that fit into the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence

from tabulate import tabulate

#: Characters between two columns.
GAP = 2
#: A last column with less room than this stands below the one before it.
NARROW = 40
#: How far it is indented there, at most.
DEEPEST = 8


def fitted(rows: Iterable[Sequence[str]], headers: Sequence[str], width: int | None = None) -> str:
    """A table whose last column, a text, is wrapped so that the lines end where the terminal does.

    Parameters
    ----------
    rows : iterable of sequences of str
    headers : sequence of str
    width : int, optional
        Of the terminal; default its own.

    Examples
    --------
    >>> print(fitted([("a", "One word after the other, and one more.")], ("", "text"), width=30))
        text
    --  -------------------------
    a   One word after the other,
        and one more.
    """
    rows = list(rows)
    width = width or shutil.get_terminal_size().columns
    room = width - _width_of([row[:-1] for row in (headers, *rows)])
    if room < NARROW and len(headers) > 2:
        return _stacked(rows, headers, width)
    cells = [[*row[:-1], "\n".join(_lines(row[-1], room))] for row in rows]
    return tabulate(cells, headers=headers, disable_numparse=True)


def _stacked(rows: Sequence[Sequence[str]], headers: Sequence[str], width: int) -> str:
    """The text of each row on lines of its own, below the other cells."""
    indent = " " * min(DEEPEST, _width_of([row[:1] for row in rows]))
    table = tabulate([row[:-1] for row in rows], headers=headers[:-1], disable_numparse=True).splitlines()
    lines = table[:2]
    for line, row in zip(table[2:], rows, strict=True):
        lines.append(line.rstrip())
        lines += [indent + part for part in _lines(row[-1], width - len(indent))]
    return "\n".join(lines)


def _width_of(rows: Sequence[Sequence[str]]) -> int:
    """Characters that columns take, with the gap after each."""
    return sum(max(map(len, column)) + GAP for column in zip(*rows, strict=True))


def _lines(text: str, width: int) -> list[str]:
    """A text in lines; paths stay whole, so that they can be copied."""
    return textwrap.wrap(text, max(width, NARROW // 2), break_long_words=False, break_on_hyphens=False)
