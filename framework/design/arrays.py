"""Numbers in: every array argument is checked here, once, with errors that say which argument and which rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray
from ..contracts.errors import InputError, InputTypeError


def rows_text(bad: BoolArray, shown: int = 5) -> str:
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
        hint = " (a single column is X.reshape(-1, 1))" if ndim == 2 and array.ndim == 1 else ""
        raise InputError(f"{name} must be {wanted}; it has shape {array.shape}{hint}")
    if array.shape[0] == 0:
        raise InputError(f"{name} is empty: there are no observations to fit")
    numbers = np.asarray(array, dtype=np.float64)
    if not np.isfinite(numbers.sum() if numbers.size else 0.0):
        finite = np.isfinite(numbers)
        bad = ~finite if ndim == 1 else ~finite.all(axis=1)
        if bad.any():
            kind = "missing (NaN)" if np.isnan(numbers).any() else "infinite"
            raise InputError(f"{name} has {kind} values in {rows_text(bad)}; remove or impute these rows first")
    return numbers


def as_array(value: Any, name: str) -> AnyArray:
    """Any array-like as a NumPy array, without a copy where possible."""
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    try:
        return np.asarray(value)
    except ValueError as e:  # ragged nested sequences
        raise InputTypeError(f"{name} is not an array: {e}") from e


def _objects_to_numbers(array: AnyArray, name: str) -> FloatArray:
    if array.dtype.kind in "OUS":
        kinds = sorted({type(v).__name__ for v in array.ravel().tolist()} - {"float", "int", "bool", "NoneType"})
        if kinds and set(kinds) <= {"str", "str_", "bytes"}:
            raise InputTypeError(
                f"{name} holds text where numbers belong (for example {array.ravel()[0]!r}); convert it, or code "
                "categories as indicator columns"
            )
        try:
            return np.asarray(array, dtype=np.float64)
        except (TypeError, ValueError) as e:
            raise InputTypeError(f"{name} holds values that are not numbers (types {', '.join(kinds)})") from e
    raise InputTypeError(f"{name} holds {array.dtype} values where real numbers belong")


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
    """Names of X's columns: given, or those of a data frame, or x0, x1, ... with (Intercept) for a first column of ones."""
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
