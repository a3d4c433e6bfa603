"""Pieces of scripts in R: text and numbers as R reads them, columns as a data frame. No text of a user becomes code."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray, IntArray

WIDTH = 100


@dataclass(frozen=True, eq=False)
class Labelled:
    """A factor: the label of each row by its code, from 0 on."""

    codes: IntArray
    labels: tuple[str, ...]


RColumn = FloatArray | Labelled


def r_text(text: str) -> str:
    """A string of R, in ASCII."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    if " " <= letter <= "~":
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def r_comment(text: str) -> str:
    """A text as one line of comment, without what could end it.

    Examples
    --------
    >>> r_comment("y: Yield")
    '# y: Yield'
    """
    return "# " + "".join(letter if letter.isprintable() else " " for letter in text)


def r_number(x: float, digits: int = 17) -> str:
    """A number of R, in no more than so many significant digits; NaN is NA.

    Examples
    --------
    >>> r_number(3.0), r_number(0.1), r_number(1 / 3, digits=4), r_number(float("nan"))
    ('3', '0.1', '0.3333', 'NA')
    """
    if np.isnan(x):
        return "NA"
    if np.isinf(x):
        return "Inf" if x > 0 else "-Inf"
    text = repr(float(x)) if digits >= 17 else f"{x:.{digits}g}"
    return text.removesuffix(".0")


def r_vector(items: Iterable[str]) -> str:
    """Elements that are written in R, as a vector in lines of moderate length."""
    lines = textwrap.wrap(", ".join(items), WIDTH, break_long_words=False, break_on_hyphens=False)
    return "c(" + "\n    ".join(lines) + ")"


def r_strings(texts: Iterable[str]) -> str:
    """A vector of strings; these are not broken into lines.

    Examples
    --------
    >>> r_strings(["a b", "c"])
    'c("a b", "c")'
    """
    return "c(" + ", ".join(map(r_text, texts)) + ")"


def data_frame(columns: Mapping[str, RColumn]) -> str:
    """An expression of R that makes the columns.

    Examples
    --------
    >>> print(data_frame({"y": np.array([1.5, 2.0]), "x": np.ones(2), "g": Labelled(np.array([1, 0]), ("a", "b"))}))
    data.frame(
      y = c(1.5, 2),
      x = rep(1, 2),
      g = factor(c(2, 1), levels = 1:2, labels = c("a", "b"))
    )
    """
    made = []
    for name, column in columns.items():
        if isinstance(column, Labelled):
            codes = r_vector(str(code + 1) for code in column.codes.tolist())
            levels = f"levels = 1:{len(column.labels)}, labels = {r_strings(column.labels)}"
            made.append(f"  {name} = factor({codes}, {levels})")
        else:
            made.append(f"  {name} = {_numbers(column)}")
    return "data.frame(\n" + ",\n".join(made) + "\n)"


def _numbers(column: FloatArray) -> str:
    """A vector of numbers, a constant one in short."""
    if len(column) > 1 and np.ptp(column) == 0.0:
        return f"rep({r_number(column[0])}, {len(column)})"
    return r_vector(map(r_number, column.tolist()))


def csv_text(columns: Mapping[str, RColumn]) -> str:
    """The columns as CSV, numbers with all digits."""
    cells = [
        [column.labels[code] for code in column.codes.tolist()]
        if isinstance(column, Labelled)
        else [r_number(x) for x in column.tolist()]
        for column in columns.values()
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue()


def reading_csv(columns: Mapping[str, RColumn], path: str) -> str:
    """An expression of R that reads what `csv_text` has written there; no label is taken for a missing one.

    Examples
    --------
    >>> print(reading_csv({"y": np.ones(1), "g": Labelled(np.zeros(1, int), ("NA",))}, "d.csv"))
    read.csv("d.csv", colClasses = c("numeric", "factor"), na.strings = character(0), encoding = "UTF-8")
    """
    kinds = r_strings("factor" if isinstance(column, Labelled) else "numeric" for column in columns.values())
    rest = 'na.strings = character(0), encoding = "UTF-8"'
    return f"read.csv({r_text(path)}, colClasses = {kinds}, {rest})"
