"""Columns of data frames as variables: pandas, polars, pyarrow and dicts of arrays alike, through narwhals.

Levels of categories keep their order where the frame has one (pandas categories, polars Enum, dictionaries of Arrow);
text and polars' Categorical, whose order is that of appearance, are sorted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray
from ..contracts.errors import InputError, InputTypeError, MissingExtraError
from ..design.dictionaries import arrow_codes, hashed, polars_codes, text_codes
from ..design.reading import check_alignment, is_missing, rows_text
from ..display.frames import kind_of
from .variables import LOGICAL, Variable, number_label


def library(name: str) -> ModuleType:
    """A library of the extra "formula", on first use.

    Raises
    ------
    MissingExtraError
        Where it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f'formulas need {name.partition(".")[0]}: pip install "ranef[formula]". Arrays need nothing: '
            "ranef.lmm(y, X, groups), or ranef fit --y --x --groups in the shell"
        ) from error


class Frame:
    """The columns of a data frame by name, read when they are asked for.

    Attributes
    ----------
    n : int
        Number of rows.
    kind : str
        "pandas", "polars", "pyarrow", or "" for a dict.
    """

    def __init__(self, data: Any) -> None:
        nw, self.kind = library("narwhals.stable.v2"), ""
        if isinstance(data, Mapping):
            self._columns: Mapping[str, Any] = {str(name): column for name, column in data.items()}
            check_alignment(**{str(k): v for k, v in data.items() if hasattr(v, "index") and not callable(v.index)})
            self.n = _rows(self._columns)
        else:
            frame = self._narwhals(data, nw)
            self._columns, self.n = _ColumnsOf(frame), len(frame)
            with suppress(InputTypeError):  # a frame of another library that narwhals knows
                self.kind = kind_of(data)
        if not self._columns:
            raise InputError("data has no columns")
        if self.n == 0:
            raise InputError("data has no rows: there are no observations to fit")

    @staticmethod
    def _narwhals(data: Any, nw: ModuleType) -> Any:
        try:
            frame = nw.from_native(data)
        except TypeError as error:
            raise InputTypeError(
                "data must be a data frame of pandas, polars or pyarrow, or a dict of arrays; got "
                f"{type(data).__name__}"
            ) from error
        except Exception as error:  # columns of one name, and whatever narwhals' back ends refuse
            raise InputError(f"data cannot be read: {error}") from error
        if isinstance(frame, nw.LazyFrame):
            raise InputTypeError(
                f"data is lazy ({type(data).__module__.partition('.')[0]}): collect it first, with data.collect(), "
                ".pl() or .arrow(); the order of its rows is that of the result"
            )
        if not isinstance(frame, nw.DataFrame):
            raise InputTypeError(f"data must be a data frame; got {type(data).__name__}")
        return frame

    @property
    def names(self) -> list[str]:
        """Names of all columns."""
        return list(self._columns)

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def __getitem__(self, name: str) -> Variable:
        """The variable of that name."""
        if name not in self._columns:
            raise InputError(self.unknown(name))
        return read_variable(self._columns[name], name)

    def has_fixed_levels(self, name: str) -> bool:
        """Whether the type of a column says which levels there may be: pandas' categories, polars' Enum."""
        native = _native(self._columns[name])
        named = type(getattr(native, "dtype", None)).__name__
        return named in ("CategoricalDtype", "Enum")

    def unknown(self, name: str) -> str:
        """What to say of a name that no column has."""
        close = difflib.get_close_matches(name, self.names, n=1)
        some = ", ".join(self.names[:20]) + (", ..." if len(self.names) > 20 else "")
        return f"there is no column {name!r}; there is: {some}" + (f". Is it {close[0]!r}?" if close else "")


class _ColumnsOf(Mapping[str, Any]):
    """The columns of a frame of narwhals by name, taken out one by one: there may be many that no formula names."""

    def __init__(self, frame: Any) -> None:
        self.frame, self._names = frame, {str(name): name for name in frame.columns}

    def __getitem__(self, name: str) -> Any:
        return self.frame.get_column(self._names[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _rows(columns: Mapping[str, Any]) -> int:
    """How many rows all columns have; 0 without columns."""
    lengths = {name: _length(column, name) for name, column in columns.items()}
    n = next(iter(lengths.values()), 0)
    if other := next((name for name, m in lengths.items() if m != n), None):
        raise InputError(
            f"data has columns of {n} and of {lengths[other]} rows ({other}); all need one row per observation"
        )
    return n


def _native(column: Any) -> Any:
    """The column as its own library has it."""
    return column.to_native() if hasattr(column, "to_native") else column


def _length(column: Any, name: str) -> int:
    try:
        return len(column)
    except TypeError as error:
        raise InputTypeError(f"column {name!r} must be an array, one value for each row") from error


def read_variable(column: Any, name: str) -> Variable:
    """A column as a variable.

    Raises
    ------
    InputTypeError
        For dates, complex numbers, lists, and mixtures of types.
    """
    nw, pd = library("narwhals.stable.v2"), library("pandas")
    if not isinstance(column, nw.Series):
        try:
            column = nw.from_native(column, series_only=True)
        except TypeError:
            column = nw.from_native(_series(column, name, pd), series_only=True)
    dtype = column.dtype
    missing = column.is_null().to_numpy().astype(bool)
    if dtype == nw.Boolean:
        values = column.fill_null(False).to_numpy().astype(np.intp)
        return Variable("logical", np.where(missing, -1, values), missing, LOGICAL)
    if dtype.is_integer():
        return Variable("number", column.fill_null(0).to_numpy() if missing.any() else column.to_numpy(), missing)
    if dtype.is_float() or dtype.is_decimal():
        values = column.cast(nw.Float64).to_numpy()
        values = np.where(missing, np.nan, values) if missing.any() else values
        return Variable.of_numbers(values.astype(np.float64, copy=False), missing)
    if isinstance(dtype, nw.Categorical | nw.Enum):
        return _category(column, missing, name, pd)
    if dtype == nw.String:
        native = column.to_native()
        found = hashed(native, {type(native).__module__.partition(".")[0]})
        return _sorted(*(text_codes(column.to_numpy()) if found is None else found))
    if dtype == nw.Object or dtype == nw.Unknown:
        return _objects(column.to_list(), name)
    raise InputTypeError(
        f"column {name!r} holds {dtype}, which is neither numbers nor levels: convert it, dates to days since one of "
        "them or to text"
    )


def _series(values: Any, name: str, pd: ModuleType) -> Any:
    """An array, or a list of one type, as pandas' series."""
    if isinstance(values, pd.api.extensions.ExtensionArray | pd.Index):
        return pd.Series(values)
    array = np.asarray(values) if isinstance(values, np.ndarray) else None
    if array is None:
        kinds = set(map(type, values)) if isinstance(values, list | tuple) else set()
        try:
            array = np.array(values, dtype=object) if len(kinds) > 1 else np.asarray(values)
        except ValueError as error:
            raise InputTypeError(f"column {name!r} is no column: {error}") from error
    if array.ndim != 1:
        raise InputError(f"column {name!r} must be one-dimensional; it has shape {array.shape}")
    if np.ma.is_masked(values):
        raise InputError(f"column {name!r} has masked values in {rows_text(np.ma.getmaskarray(values))}")
    if array.dtype.kind in "US":
        array = array.astype(object)
    if array.dtype.kind == "f":
        array = array.astype(np.float64)
    try:
        return pd.Series(array)
    except OverflowError:  # pandas 2.0 tries whether integers are times
        return pd.Series(array, dtype=array.dtype)


def _sorted(codes: AnyArray, labels: list[Any]) -> Variable:
    """Text by codes of distinct labels, levels in the order of code points."""
    order = sorted(range(len(labels)), key=labels.__getitem__)
    rank = np.full(len(labels) + 1, -1, dtype=np.intp)
    rank[order] = np.arange(len(labels))
    return Variable.of_codes(rank[codes], [labels[at] for at in order], "text")


def _objects(values: list[Any], name: str) -> Variable:
    """Objects that are of one type, missing ones apart."""
    missing = np.array([is_missing(value) for value in values], dtype=bool)
    known = [value for value, absent in zip(values, missing.tolist(), strict=True) if not absent]
    if all(isinstance(value, str) for value in known):
        labels = np.array([None if m else str(v) for v, m in zip(values, missing, strict=True)], dtype=object)
        return _sorted(*text_codes(labels))
    if all(isinstance(value, bool | np.bool_) for value in known):
        flags = np.array([-1 if m else int(v) for v, m in zip(values, missing, strict=True)])
        return Variable.of_codes(flags, LOGICAL, "logical")
    if all(isinstance(value, int | np.integer) for value in known):
        return _integers(list(map(int, known)), missing, name)
    kinds = sorted({type(value).__name__ for value in known})
    try:
        if any(isinstance(value, str | bytes | bool | np.bool_ | complex) for value in known):
            raise TypeError
        numbers = [np.nan if m else float(v) for v, m in zip(values, missing.tolist(), strict=True)]
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(
            f"column {name!r} mixes or holds {', '.join(kinds)}: convert it to numbers or to text"
        ) from error
    return Variable.of_numbers(np.array(numbers, dtype=np.float64))


def _integers(known: list[int], missing: BoolArray, name: str) -> Variable:
    """Integers as such, since floats of wide ones are the same; as numbers where they are wider than any type."""
    for kind in (np.int64, np.uint64):
        if np.iinfo(kind).min <= min(known, default=0) and max(known, default=0) <= np.iinfo(kind).max:
            values = np.zeros(len(missing), dtype=kind)
            values[~missing] = known
            return Variable("number", values, missing)
    numbers = np.full(len(missing), np.nan)
    try:
        numbers[~missing] = list(map(float, known))
    except OverflowError as error:
        raise InputTypeError(
            f"column {name!r} has integers that are too large for numbers: make text of them"
        ) from error
    if len(set(known)) > len(np.unique(numbers[~missing])):
        raise InputTypeError(
            f"column {name!r} has integers that differ, and not as numbers of 64 bits: make text of them"
        )
    return Variable.of_numbers(numbers)


def _category(column: Any, missing: BoolArray, name: str, pd: ModuleType) -> Variable:
    """Categories in their order; polars' Categorical has none and is sorted."""
    native, unordered = column.to_native(), False
    if isinstance(getattr(native, "dtype", None), pd.ArrowDtype):
        native = native.array.__arrow_array__()
    if isinstance(getattr(native, "dtype", None), pd.CategoricalDtype):
        codes, labels = np.asarray(native.cat.codes), native.cat.categories.tolist()
        unordered = not native.cat.ordered
    elif type(native).__module__.startswith("polars") and hasattr(column.dtype, "categories"):
        codes, labels = native.to_physical().cast(int).fill_null(-1).to_numpy(), list(column.dtype.categories)
    elif type(native).__module__.startswith("polars"):
        return _sorted(*polars_codes(native))
    elif type(native).__module__.startswith("pyarrow"):
        codes, entries = arrow_codes(native)
        labels = entries.to_pylist()
    else:
        labels_of_rows = column.cast(library("narwhals.stable.v2").String).to_numpy().astype(object)
        labels_of_rows[missing] = None
        return _sorted(*text_codes(labels_of_rows))
    levels = [_category_label(label) for label in labels]
    if len(set(levels)) < len(levels) or any(is_missing(label) for label in labels):
        raise InputError(f"column {name!r} has categories that read alike, or a missing one: {', '.join(levels[:10])}")
    found = Variable.of_codes(np.where(missing, -1, codes) if missing.any() else codes, levels)
    return replace(found, unordered=unordered)


def _category_label(label: Any) -> str:
    is_number = isinstance(label, int | float | np.number) and not isinstance(label, bool)
    return number_label(label) if is_number and not is_missing(label) else str(label)
