"""From whatever holds data to NumPy arrays: the one place that knows of pandas, polars and pyarrow.

A column is read with three things kept apart that NumPy's conversions mix up: its values, which of them are missing,
and whether they are categories. Dictionary columns of pyarrow are never given to ``to_numpy``, which fills missing
entries with the label of another row; they are decoded first, wherever they come from.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, IntArray
from ..contracts.errors import InputError, InputTypeError, RanefError, shown
from .dictionaries import arrow_codes, hashed, objects, polars_codes


@dataclass(frozen=True, eq=False)
class Column:
    """One column, or several of one type, as they were given.

    Parameters
    ----------
    values : (n, ...) array
        Numbers, dates or text; objects where no type of NumPy keeps what was given.
    missing : (n,) bool array, optional
        Rows whose entry is missing, where `values` cannot say so.
    categorical : bool
        Whether the values are categories, of which no arithmetic makes sense.
    codes : (n,) int array, optional
        Where given, the rows are ``values[codes]``, and -1 is a missing one.
    ordered : bool
        Whether the values have an order of their own, that of pandas' categories.
    """

    values: AnyArray
    missing: BoolArray | None = None
    categorical: bool = False
    codes: IntArray | None = None
    ordered: bool = False

    def __len__(self) -> int:
        return len(self.values if self.codes is None else self.codes)


def rows_text(bad: Any, shown: int = 5) -> str:
    """'3 rows: 0, 4, 7' for a mask of bad rows."""
    rows = np.flatnonzero(bad)
    listed = ", ".join(str(int(r)) for r in rows[:shown]) + (", ..." if len(rows) > shown else "")
    return f"{len(rows)} row{'s' if len(rows) != 1 else ''} (counted from 0): {listed}"


def is_missing(value: object) -> bool:
    """Whether an object stands for a missing value: None, NaN, NaT, or the NA of pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating | np.datetime64 | np.timedelta64) and bool(value != value)


# Columns ------------------------------------------------------------------------------------------------------------


def read(value: Any, name: str) -> Column:
    """The column that an array, a list, a pandas or polars series or a pyarrow array holds.

    Raises
    ------
    InputTypeError
        Where it holds none.
    InputError
        Where entries are masked.

    Examples
    --------
    >>> read([1, "1"], "labels").values.tolist()
    [1, '1']
    """
    if value is None:
        raise InputTypeError(f"{name} is None where an array belongs")
    try:
        if np.ma.is_masked(value):
            masked = np.atleast_1d(np.ma.getmaskarray(value))
            raise InputError(f"{name} has masked values in {rows_text(masked.reshape(len(masked), -1).any(axis=1))}")
        column = _read(value)
    except RanefError:
        raise
    except Exception as error:  # ragged nested sequences, and whatever other people's conversions raise
        raise InputTypeError(f"{name} is not an array: {type(error).__name__}: {error}") from error
    if column.values.ndim == 0 and column.values.dtype.kind == "O":
        raise InputTypeError(
            f"{name} must be an array, a list, or a column of a data frame; got {shown(value)} of type "
            f"{type(value).__name__}"
        )
    return column


def _read(value: Any) -> Column:
    libraries = _libraries(value)
    if "pandas" in libraries:
        return _from_pandas(value)
    if "polars" in libraries and hasattr(value, "is_null"):
        return _from_polars(value)
    if "pyarrow" in libraries and hasattr(value, "is_null"):
        return _from_arrow(value)
    if _speaks_arrow(value):
        return _from_arrow(_pyarrow().chunked_array(value))
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise TypeError("it is sparse; .toarray() makes it dense")
    if isinstance(value, list | tuple):
        return Column(_from_sequence(value))
    return Column(np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value))


def read_labels(value: Any, name: str) -> Column:
    """The same of labels: text of a frame's column by codes, as its own library hashes it.

    Examples
    --------
    >>> read_labels(["b", "a"], "labels").values.tolist()
    ['b', 'a']
    """
    found = hashed(value, _libraries(value))
    return read(value, name) if found is None else Column(objects(found[1]), codes=found[0])


def _from_sequence(value: Sequence[Any]) -> AnyArray:
    """As an array; of objects where NumPy would make text of numbers beside text, or the number 1 of True."""
    array = np.asarray(value)
    kinds = set(map(type, value))
    if array.dtype.kind in "US" or (array.ndim == 1 and (len(kinds) > 1 or (kinds == {int} and array.dtype == float))):
        return np.array(value, dtype=object)
    return array


def _from_pandas(value: Any) -> Column:
    import pandas as pd

    if isinstance(value, pd.MultiIndex):
        return Column(value.to_numpy())
    dtype, array = value.dtype, getattr(value, "array", value)
    if isinstance(dtype, pd.CategoricalDtype):
        return Column(_from_pandas(dtype.categories).values, None, True, np.asarray(array.codes), ordered=True)
    if isinstance(dtype, pd.ArrowDtype):
        return _from_arrow(array.__arrow_array__())
    if isinstance(dtype, pd.api.extensions.ExtensionDtype) and hasattr(dtype, "numpy_dtype"):  # Int64, boolean ...
        plain = dtype.numpy_dtype
        return Column(array.to_numpy(dtype=plain, na_value=plain.type(0)), np.asarray(array.isna()))
    return Column(np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value))


def _from_polars(value: Any) -> Column:
    import polars as pl

    if value.dtype in (pl.Categorical, pl.Enum):
        codes, entries = polars_codes(value)
        return Column(objects(entries), None, True, codes)
    return Column(value.to_numpy(), value.is_null().to_numpy())


def _from_arrow(value: Any) -> Column:
    pa = _pyarrow()
    if pa.types.is_dictionary(value.type):
        codes, entries = arrow_codes(value)
        return replace(_from_arrow(entries), missing=None, categorical=True, codes=codes)
    chunks = value.chunks if isinstance(value, pa.ChunkedArray) else [value]
    plain = [_decoded(chunk, pa) for chunk in chunks]
    array = pa.concat_arrays(plain) if plain else pa.nulls(0)
    missing = np.asarray(array.is_null())
    try:
        values = array.to_numpy(zero_copy_only=False)
    except pa.ArrowNotImplementedError:
        values = np.empty(len(array), dtype=object)
        values[:] = array.to_pylist()
    return Column(values, missing)


def _decoded(array: Any, pa: Any) -> Any:
    """The array without dictionaries, runs and types of extensions."""
    while True:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        elif pa.types.is_run_end_encoded(array.type):
            import pyarrow.compute as pc

            array = pc.run_end_decode(array)
        else:
            return array


def _libraries(value: Any) -> set[str]:
    """Top-level packages of an object's classes, those of what they inherit from included."""
    return {str(cls.__module__).partition(".")[0] for cls in type(value).__mro__}


def _speaks_arrow(value: Any) -> bool:
    """Whether an object of another library gives its data as Arrow, and pyarrow is there to take them."""
    return hasattr(type(value), "__arrow_c_stream__") and (
        "pyarrow" in sys.modules or importlib.util.find_spec("pyarrow") is not None
    )


def _pyarrow() -> Any:
    import pyarrow

    return pyarrow


# Frames -------------------------------------------------------------------------------------------------------------


def frame_columns(value: Any) -> list[tuple[Any, Any]] | None:
    """Names and columns of a pandas, polars or pyarrow table; None for whatever is no table.

    Examples
    --------
    >>> frame_columns([1.0, 2.0]) is None
    True
    """
    libraries = _libraries(value)
    if "pandas" in libraries and hasattr(value, "iloc") and hasattr(value, "columns"):
        return [(name, value.iloc[:, j]) for j, name in enumerate(value.columns)]
    if "polars" in libraries and hasattr(value, "get_columns"):
        return [(column.name, column) for column in value.get_columns()]
    if "pyarrow" in libraries and hasattr(value, "column_names") and hasattr(value, "itercolumns"):
        return list(zip(value.column_names, value.itercolumns(), strict=True))
    if not libraries & {"pandas", "polars", "pyarrow"} and _speaks_arrow(value) and hasattr(value, "columns"):
        return frame_columns(_pyarrow().table(value))
    return None


def as_mapping(value: Any, name: str) -> Mapping[Any, Any]:
    """A dict, or a pandas, polars or pyarrow table as the dict of its columns; None is empty."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    columns = frame_columns(value)
    if columns is None:
        raise InputTypeError(
            f"{name} must be a dict from names, such as {{'subject': ...}}; got {type(value).__name__}"
        )
    named = dict(columns)
    if len(named) != len(columns):
        names = [column for column, _ in columns]
        twice = sorted({str(column) for column in names if names.count(column) > 1})
        raise InputError(f"{name} has columns of one name: {', '.join(twice)}")
    return named


def as_groups(value: Any) -> Mapping[Any, Any]:
    """Grouping factors by name; one column of labels is a factor under its own name, or "group".

    Examples
    --------
    >>> as_groups(["a", "b"])
    {'group': ['a', 'b']}
    """
    if value is None or isinstance(value, Mapping | str | bytes) or frame_columns(value) is not None:
        return as_mapping(value, "groups")
    if read(value, "groups").values.ndim != 1:
        return as_mapping(value, "groups")
    return {name_of(value, "group"): value}


def frame_labels(value: Any) -> tuple[list[Any], list[Any]] | None:
    """Labels of the rows and of the columns of a pandas frame; None for whatever is none."""
    if frame_columns(value) is None or not hasattr(value, "iloc"):
        return None
    return value.index.tolist(), value.columns.tolist()


def name_of(value: Any, default: str) -> str:
    """Name of a column, or of the only column of a table."""
    columns = frame_columns(value)
    name = getattr(value, "name", None) if columns is None else columns[0][0] if len(columns) == 1 else None
    return default if name is None or callable(name) else str(name)


# Rows that belong together ------------------------------------------------------------------------------------------


def check_alignment(groups: Any = None, random_data: Any = None, **columns: Any) -> None:
    """Refuse pandas objects whose indices differ: rows are taken by position.

    What has no index is taken by position beside any index.

    Examples
    --------
    >>> check_alignment({"g": [1, 2]}, y=[1.0, 2.0], X=[[1.0], [1.0]])
    """
    columns |= {f"groups[{key!r}]": value for key, value in as_groups(groups).items()}
    columns |= {f"random_data[{key!r}]": value for key, value in as_mapping(random_data, "random_data").items()}
    indexed = [(name, index) for name, value in columns.items() if (index := _index(value)) is not None]
    for name, index in indexed[1:]:
        first, expected = indexed[0]
        if not expected.equals(index) and (at := _first_difference(expected, index)) is not None:
            raise InputError(_misaligned(first, expected, name, index, at))


def _index(value: Any) -> Any:
    """The index of a pandas object, or None."""
    index = getattr(value, "index", None) if "pandas" in _libraries(value) else None
    return index if hasattr(index, "equals") else None


def _first_difference(one: Any, other: Any) -> int | None:
    """Where two indices differ first; None where they do not."""
    pairs: Iterator[tuple[Any, Any]] = zip(one, other, strict=False)
    for at, (a, b) in enumerate(pairs):
        if not (a is b or (is_missing(a) and is_missing(b)) or bool(a == b)):
            return at
    return None if len(one) == len(other) else min(len(one), len(other))


def _misaligned(first: str, expected: Any, name: str, index: Any, at: int) -> str:
    labels = [f"{shown(i[at])}" if at < len(i) else f"no label (it has {len(i)} rows)" for i in (expected, index)]
    same = len(index) == len(expected) and set(index) == set(expected)
    advice = (
        f"align them, for example with {name}.loc[{first}.index]"
        if same
        else "select the same rows of both, or pass .to_numpy() of them where positions are right and labels are not"
    )
    return (
        f"the index of {first} and the index of {name} differ: at position {at} {first} has {labels[0]} and {name} has "
        f"{labels[1]}. Rows are taken by position, so {advice}"
    )
