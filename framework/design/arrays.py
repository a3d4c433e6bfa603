"""Numbers in: every array argument is checked here, once, with errors that say which argument and which rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import InputError, InputTypeError

#: Magnitudes whose fourth powers, weighted, neither overflow nor underflow.
SMALLEST, LARGEST = 1e-50, 1e50


def rows_text(bad: Any, shown: int = 5) -> str:
    """'3 rows: 0, 4, 7' for a mask of bad rows."""
    rows = np.flatnonzero(bad)
    listed = ", ".join(str(int(r)) for r in rows[:shown]) + (", ..." if len(rows) > shown else "")
    return f"{len(rows)} row{'s' if len(rows) != 1 else ''} (counted from 0): {listed}"


def as_numbers(value: Any, name: str, ndim: int = 1) -> FloatArray:
    """A finite float array of `ndim` dimensions from an array-like, pandas or polars object.

    Raises
    ------
    InputTypeError
        Where the values are not numbers.
    InputError
        Where the shape is wrong, the array is empty, or values are missing or infinite; rows are counted and located.
    """
    array = as_array(value, name)
    if array.dtype.kind not in "biuf":
        array = _objects_to_numbers(array, name)
    if array.ndim != ndim:
        wanted = {1: "one-dimensional", 2: "two-dimensional, (n, p)"}[ndim]
        hints = {(2, 1): " (a single column is X.reshape(-1, 1))", (1, 2): " (give one column)"}
        hint = hints.get((ndim, array.ndim), "")
        raise InputError(f"{name} must be {wanted}; it has shape {array.shape}{hint}")
    if array.shape[0] == 0:
        raise InputError(f"{name} is empty: there are no observations to fit")
    # Columns are copied: a fit must not change when its caller's arrays do. X is not used after the fit.
    numbers: FloatArray = (np.array if ndim == 1 else np.asarray)(array, dtype=np.float64)
    if numbers.size:
        _check_range(numbers, name)
    return numbers


def _check_range(numbers: FloatArray, name: str) -> None:
    """Refuse missing and infinite values, and such as cannot be squared."""
    largest = max(float(numbers.max()), -float(numbers.min()))  # NaN and inf come through
    if not np.isfinite(largest):
        missing, infinite = (test(numbers).reshape(len(numbers), -1).any(axis=1) for test in (np.isnan, np.isinf))
        kinds = " and ".join(kind for kind, rows in (("missing (NaN)", missing), ("infinite", infinite)) if rows.any())
        raise InputError(
            f"{name} has {kinds} values in {rows_text(missing | infinite)}; remove or impute these rows first"
        )
    if largest > LARGEST or 0 < largest < SMALLEST:
        raise InputError(
            f"{name} has values of magnitude {largest:.1g}, which cannot be computed with: change its unit"
        )


def as_mapping(value: Any, name: str) -> Mapping[str, Any]:
    """A dict, or a pandas or polars data frame as the dict of its columns; None is empty."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    if hasattr(value, "columns") and hasattr(value, "to_numpy"):
        return {column: value[column] for column in value.columns}
    raise InputTypeError(f"{name} must be a dict from names, such as {{'subject': ...}}; got {type(value).__name__}")


def as_array(value: Any, name: str) -> AnyArray:
    """Any array-like as a NumPy array, without a copy where possible."""
    if value is None:
        raise InputTypeError(f"{name} is None where an array belongs")
    if np.ma.is_masked(value):
        masked = np.ma.getmaskarray(value)
        raise InputError(f"{name} has masked values in {rows_text(masked.reshape(len(masked), -1).any(axis=1))}")
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    try:
        return np.asarray(value)
    except ValueError as e:  # ragged nested sequences
        raise InputTypeError(f"{name} is not an array: {e}") from e


def _objects_to_numbers(array: AnyArray, name: str) -> FloatArray:
    if array.dtype.kind in "OUS":
        values = [np.nan if is_missing(v) else v for v in array.ravel().tolist()]
        text = next((v for v in values if isinstance(v, str | bytes)), None)
        if text is not None:
            raise InputTypeError(
                f"{name} holds text where numbers belong (for example {text!r}); convert it, or code categories as "
                "indicator columns"
            )
        try:
            return np.array(values, dtype=np.float64).reshape(array.shape)
        except (TypeError, ValueError) as e:
            kinds = sorted({type(v).__name__ for v in values} - {"float", "int", "bool"})
            raise InputTypeError(f"{name} holds values that are not numbers (types {', '.join(kinds)})") from e
    raise InputTypeError(f"{name} holds {array.dtype} values where real numbers belong")


def is_missing(value: object) -> bool:
    """Whether an object stands for a missing value: None, NaN, NaT, or the NA of pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating | np.datetime64) and bool(value != value)


def check_length(array: AnyArray, n: int, name: str) -> None:
    """All arguments have one row per observation."""
    if len(array) != n:
        raise InputError(f"{name} has {len(array)} rows, y has {n}; every argument needs one row per observation")


def as_weights(weights: Any, n: int) -> FloatArray | None:
    """Positive prior weights, or None."""
    if weights is None:
        return None
    w = as_numbers(weights, "weights")
    check_length(w, n, "weights")
    if (w <= 0).any():
        raise InputError(
            f"weights must be positive; they are zero or negative in {rows_text(w <= 0)}. "
            "Leave out rows that should not count"
        )
    return w


def as_offset(offset: Any, n: int) -> FloatArray | None:
    """A known part of the linear predictor, or None."""
    if offset is None:
        return None
    o = as_numbers(offset, "offset")
    check_length(o, n, "offset")
    return o


def column_names(X: Any, x_names: Sequence[str] | None, p: int) -> tuple[str, ...]:
    """Names of X's columns: given, those of a data frame, or x0, x1, ...; (Intercept) for a first column of ones."""
    if x_names is None:
        columns = getattr(X, "columns", None)
        x_names = None if columns is None else [str(c) for c in columns]
    elif isinstance(x_names, str):
        raise InputTypeError(f"x_names must be a list of names; got the text {x_names!r}")
    if x_names is None:
        array = np.asarray(X)
        return tuple("(Intercept)" if j == 0 and bool(np.all(array[:, 0] == 1)) else f"x{j}" for j in range(p))
    names = tuple(str(name) for name in x_names)
    if len(names) != p:
        raise InputError(f"x_names has {len(names)} names, X has {p} columns")
    if len(set(names)) != p:
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(f"x_names has names that stand twice: {', '.join(twice)}")
    return names


def check_alignment(arguments: Mapping[str, Any]) -> None:
    """Refuse pandas objects that hold the same rows in different orders: rows are taken by position.

    Examples
    --------
    >>> check_alignment({"y": [1.0, 2.0], "X": [[1.0], [1.0]]})
    """
    first: tuple[str, Any] | None = None
    for name, value in arguments.items():
        index = getattr(value, "index", None)
        if index is None or not hasattr(index, "equals"):
            continue
        if first is None:
            first = name, index
        elif not first[1].equals(index) and len(index) == len(first[1]) and set(index) == set(first[1]):
            raise InputError(
                f"{first[0]} and {name} have the same index in different orders, and rows are taken by position: align "
                f"them first, for example with {name}.loc[{first[0]}.index]"
            )
