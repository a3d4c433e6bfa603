"""Columns of a CSV file as numpy arrays, with pandas where it is installed."""

from __future__ import annotations

import csv
import gzip
import importlib.util
from pathlib import Path

import numpy as np

from ..contracts import InputError, InputTypeError
from ..contracts.arrays import AnyArray, FloatArray
from ..design.reading import is_missing, rows_text

MISSING = ("", "NA", "NaN", "nan")

Columns = dict[str, AnyArray]


def read_csv(path: Path) -> Columns:
    """All columns: numbers where every cell is one or is missing (NaN), else text."""
    if importlib.util.find_spec("pandas"):
        import pandas as pd

        try:
            frame = pd.read_csv(path, na_values=list(MISSING), keep_default_na=False, skipinitialspace=True)
        except ValueError as error:  # pandas' own errors, and bytes that are not UTF-8
            raise InputError(f"{path} cannot be read as CSV: {error}") from error
        if frame.empty:
            raise InputError(f"{path} has no observations: expected a line for each below the column names")
        return {str(name): frame[name].to_numpy() for name in frame}
    return read_csv_plainly(path)


def read_csv_plainly(path: Path) -> Columns:
    """`read_csv` with nothing but the standard library and numpy."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file, skipinitialspace=True) if row]
    except (UnicodeDecodeError, csv.Error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error
    if not rows:
        raise InputError(f"{path} is empty: expected a line of column names, then a line for each observation")
    header, *body = rows
    if not body:
        raise InputError(f"{path} has no observations: expected a line for each below the column names")
    if len(set(header)) != len(header):
        twice = ", ".join(sorted({name for name in header if header.count(name) > 1}))
        raise InputError(f"{path} has columns of one name: {twice}")
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise InputError(f"{path}, line {number}: {len(row)} cells, but there are {len(header)} column names")
    return {name: _column([row[j] for row in body]) for j, name in enumerate(header)}


def _column(cells: list[str]) -> AnyArray:
    try:
        return np.array([int(cell) for cell in cells])
    except ValueError:
        pass
    try:
        return np.array([np.nan if cell in MISSING else float(cell) for cell in cells])
    except ValueError:
        return np.array([np.nan if cell in MISSING else cell for cell in cells], dtype=object)


def column(columns: Columns, name: str) -> AnyArray:
    """The column of that name."""
    if name not in columns:
        raise InputError(f"there is no column {name!r}; there is: {', '.join(columns)}")
    return columns[name]


def numbers(columns: Columns, name: str) -> FloatArray:
    """A column of numbers."""
    values = column(columns, name)
    if values.dtype.kind not in "biuf":
        raise InputTypeError(f"column {name!r} holds text, for example {str(values[0])!r}; numbers are needed here")
    return values.astype(float)


def labels(columns: Columns, factor: str) -> AnyArray:
    """Labels of a grouping factor; those of ``a:b`` are the combinations of the labels of a and b that occur."""
    if factor in columns or ":" not in factor:
        return column(columns, factor)
    parts = [column(columns, part) for part in factor.split(":")]
    for name, part in zip(factor.split(":"), parts, strict=True):
        if (missing := np.array([is_missing(label) for label in part.tolist()], dtype=bool)).any():
            raise InputError(f"column {name!r} has missing labels in {rows_text(missing)}; remove these rows first")
    return np.array([":".join(map(str, combination)) for combination in zip(*parts, strict=True)], dtype=object)
