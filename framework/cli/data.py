"""Data files: CSV and TSV, compressed or not, as NumPy arrays by column; Parquet and Arrow as tables."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..contracts import InputError, MissingExtraError
from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import shown
from ..design.arrays import as_numbers
from ..design.reading import is_missing, rows_text

MISSING = ("", "NA", "NaN", "nan")
#: What opens a file, by the end of its name.
OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
#: Ends of names of files that pyarrow reads, which know of their compression themselves.
COLUMNAR = (".parquet", ".arrow", ".feather", ".ipc")
#: What a damaged or encrypted archive raises.
DAMAGED = (EOFError, OSError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)

Columns = dict[str, AnyArray]


def read_data(path: Path) -> Any:
    """The data frame in a file: a table of pyarrow for Parquet and Arrow (Feather), else the columns of `read_csv`."""
    if path.suffix.lower() not in COLUMNAR:
        return read_csv(path)
    try:
        if path.suffix.lower() == ".parquet":
            from pyarrow import parquet

            return parquet.read_table(path)
        from pyarrow import feather

        return feather.read_table(path)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f'{path} needs pyarrow: pip install "ranef[pyarrow]"') from error
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise InputError(f"{path} cannot be read: {error}") from error


def read_csv(path: Path) -> Columns:
    """All columns, separated by commas, or by tabs in a file named .tsv.

    They are numbers where every cell is one or is missing (NaN), else text. A column stays text where its cells are
    told apart by more than their numbers: 01 and 1 are two labels.
    """
    delimiter = "\t" if {".tsv", ".tab"} & {suffix.lower() for suffix in path.suffixes} else ","
    try:
        with _opened(path) as file:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=delimiter == ",")
            lines = [(reader.line_num, row) for row in reader if row]
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 text (byte 0x{error.object[error.start]:02x}: {error.reason}): save it as CSV UTF-8"
        ) from error
    except csv.Error as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error
    except DAMAGED as error:
        raise InputError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    if not lines:
        raise InputError(f"{path} is empty: expected a line of column names, then a line for each observation")
    (_, header), *body = lines
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise InputError(f"{path} has columns of one name: {', '.join(twice)}")
    if not body:
        raise InputError(f"{path} has no observations: expected a line for each below the column names")
    for number, row in body:
        if len(row) != len(header):
            raise InputError(
                f"{path}, line {number}: {len(row)} cells, but there are {len(header)} column names; the line is "
                f"{shown(','.join(row))}"
            )
    return {name: _column([row[j] for _, row in body]) for j, name in enumerate(header)}


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """The text of a file, of a compressed one, or of the only file in an archive."""
    text: dict[str, Any] = {"newline": "", "encoding": "utf-8-sig"}
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            if len(names := archive.namelist()) != 1:
                raise InputError(f"{path} has {len(names)} files in it: expected one, a CSV file")
            with archive.open(names[0]) as inside, io.TextIOWrapper(inside, **text) as file:
                yield file
    else:
        with OPENERS.get(path.suffix.lower(), open)(path, "rt", **text) as file:
            yield file


def _column(cells: list[str]) -> AnyArray:
    """Numbers where all cells are, and no two of different text are one number."""
    different = len(set(cells) - set(MISSING))
    for kind in (int, float):
        try:
            numbers = np.array([np.nan if kind is float and cell in MISSING else kind(cell) for cell in cells])
        except ValueError:
            continue
        known = numbers[~np.isnan(numbers)] if kind is float else numbers
        if numbers.dtype.kind in "if" and len(np.unique(known)) == different and not any("_" in cell for cell in cells):
            return numbers
    return np.array([np.nan if cell in MISSING else cell for cell in cells], dtype=object)


def column(columns: Columns, name: str) -> AnyArray:
    """The column of that name."""
    if name in columns:
        return columns[name]
    only = next(iter(columns), "")
    other = next((sign for sign in (";", "\t", "|") if len(columns) == 1 and sign in only), None)
    hint = f". The file seems to be separated by {other!r}: commas are needed" if other else ""
    raise InputError(f"there is no column {name!r}; there is: {', '.join(columns)}{hint}")


def numbers(columns: Columns, name: str) -> FloatArray:
    """A column of numbers."""
    values = column(columns, name)
    if values.dtype.kind == "O":
        values = np.array([_number(cell) for cell in values.tolist()], dtype=object)
    return as_numbers(values, f"column {name!r}")


def _number(cell: Any) -> Any:
    """The number that a cell holds, or its text."""
    try:
        return cell if "_" in str(cell) else float(cell)
    except ValueError:
        return cell


def labels(columns: Columns, factor: str) -> AnyArray:
    """Labels of a grouping factor; those of ``a:b`` are the combinations of the labels of a and b that occur."""
    if factor in columns or ":" not in factor:
        return column(columns, factor)
    parts = [column(columns, part) for part in factor.split(":")]
    for name, part in zip(factor.split(":"), parts, strict=True):
        if (missing := np.array([is_missing(label) for label in part.tolist()], dtype=bool)).any():
            raise InputError(f"column {name!r} has missing labels in {rows_text(missing)}; remove these rows first")
    combinations = [tuple(map(str, combination)) for combination in zip(*parts, strict=True)]
    texts = [":".join(combination) for combination in combinations]
    if len(set(texts)) < len(set(combinations)):
        raise InputError(f"{factor}: labels with a colon in them make two combinations read alike; rename these labels")
    return np.array(texts, dtype=object)
