"""Numbers in: every array argument is checked here, once, with errors that say which argument and which rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import InputError, InputTypeError, shown
from .reading import Column, frame_columns, is_missing, read, rows_text

#: Magnitudes whose fourth powers, weighted, neither overflow nor underflow.
SMALLEST, LARGEST = 1e-50, 1e50
#: Types that `float` takes, or takes with a warning, though they are no real numbers.
NOT_REAL = (complex, np.complexfloating, np.datetime64, np.timedelta64, np.ndarray)


def width(value: Any, name: str) -> int:
    """Number of columns: 1 for a single one."""
    columns = frame_columns(value)
    shape = (0, len(columns)) if columns is not None else read(value, name).values.shape
    return shape[1] if len(shape) == 2 else 1


def as_numbers(value: Any, name: str, ndim: int = 1) -> FloatArray:
    """A finite float array of `ndim` dimensions from an array-like, or an object of pandas, polars or pyarrow.

    Raises
    ------
    InputTypeError
        Where the values are not numbers.
    InputError
        Where the shape is wrong, the array is empty, or values are missing or infinite; rows are counted and located.
    """
    columns = frame_columns(value)
    if columns is not None and ndim == 2 and len(value) > 0:
        listed = [as_numbers(column, f"{name}[{label!r}]") for label, column in columns]
        return np.column_stack([np.empty((len(value), 0)), *listed])
    if columns is not None and len(columns) == 1:
        value = columns[0][1]
    elif columns is not None:
        raise _of_wrong_shape(name, (len(value), len(columns)), ndim)
    array = _plain_numbers(read(value, name), name)
    if array.ndim != ndim:
        raise _of_wrong_shape(name, array.shape, ndim)
    if array.shape[0] == 0:
        raise InputError(f"{name} is empty: there are no observations to fit")
    # Columns are copied: a fit must not change when its caller's arrays do. X is not used after the fit.
    numbers: FloatArray = (np.array if ndim == 1 else np.asarray)(array, dtype=np.float64)
    if numbers.size:
        check_range(numbers, name)
    return numbers


def _of_wrong_shape(name: str, shape: tuple[int, ...], ndim: int) -> InputError:
    wanted = {1: "one-dimensional", 2: "two-dimensional, (n, p)"}[ndim]
    hints = {(2, 1): " (a single column is X.reshape(-1, 1))", (1, 2): " (give one column)"}
    return InputError(f"{name} must be {wanted}; it has shape {shape}{hints.get((ndim, len(shape)), '')}")


def check_range(numbers: FloatArray, name: str) -> None:
    """Refuse missing and infinite values, and such as cannot be squared.

    Raises
    ------
    InputError
        With the rows, or the magnitude.
    """
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


def _plain_numbers(column: Column, name: str) -> AnyArray:
    """The values of a column as an array of one of NumPy's types of real numbers."""
    values = column.values
    if column.categorical and len(values):
        values = _of_categories(column, name)
    missing = column.missing if column.codes is None else column.codes < 0
    if missing is not None and missing.any():
        raise InputError(f"{name} has missing (NaN) values in {rows_text(missing)}; remove or impute these rows first")
    if values.dtype.kind in "OUST":
        return _objects_to_numbers(values, name)
    if values.dtype.kind not in "biuf":
        raise InputTypeError(f"{name} holds {values.dtype} values where real numbers belong")
    return values


def _of_categories(column: Column, name: str) -> AnyArray:
    """False and True are 0 and 1; other categories are no amounts, even where they are numbers.

    A number for each category, in whatever order, would be fitted as one slope.
    """
    categories = np.unique(column.values) if column.codes is None else column.values
    if all(isinstance(category, bool | np.bool_) for category in categories.tolist()):
        return column.values if column.codes is None else categories.astype(float)[column.codes]
    some = ", ".join(str(category) for category in categories[:3]) + (", ..." if len(categories) > 3 else "")
    raise InputTypeError(
        f"{name} is categorical (its categories are {some}), and numbers belong here. Make an indicator column (0 or "
        "1) of every category but one, as pandas.get_dummies(column, drop_first=True) does; or convert it to numbers, "
        "with .astype(float), if its categories are amounts"
    )


def _objects_to_numbers(array: AnyArray, name: str) -> FloatArray:
    values = [np.nan if is_missing(v) else v for v in array.ravel().tolist()]
    text = next((i for i, v in enumerate(values) if isinstance(v, str | bytes)), None)
    if text is not None:
        row = text // max(1, array.size // max(1, len(array))) if array.ndim else 0
        raise InputTypeError(
            f"{name} holds text where numbers belong (for example {shown(values[text])} in row {row}, counted from 0); "
            "convert it, or code categories as indicator columns"
        )
    kinds = set(map(type, values))
    error: Exception | None = None
    if not any(issubclass(kind, NOT_REAL) for kind in kinds):
        try:
            return np.array(list(map(float, values))).reshape(array.shape)
        except OverflowError as e:
            raise InputError(f"{name} has values that are too large to be computed with: change its unit") from e
        except Exception as e:  # whatever __float__ raises
            error = e
    wrong = sorted({kind.__name__ for kind in kinds} - {"float", "int", "bool"})
    raise InputTypeError(f"{name} holds values that are not numbers (types {', '.join(wrong)})") from error


def check_length(array: AnyArray, n: int, name: str, beside: str = "y") -> None:
    """All arguments have one row per observation, as many as the one that they stand beside."""
    if len(array) != n:
        raise InputError(
            f"{name} has {len(array)} rows, {beside} has {n}; every argument needs one row per observation"
        )


def as_weights(weights: Any, n: int, name: str = "weights", beside: str = "y") -> FloatArray | None:
    """Positive prior weights, or None."""
    if weights is None:
        return None
    w = as_numbers(weights, name)
    check_length(w, n, name, beside)
    if (w <= 0).any():
        raise InputError(
            f"{name} must be positive; they are zero or negative in {rows_text(w <= 0)}. "
            "Leave out rows that should not count"
        )
    return w


def as_offset(offset: Any, n: int, name: str = "offset", beside: str = "y") -> FloatArray | None:
    """A known part of the linear predictor, or None."""
    if offset is None:
        return None
    o = as_numbers(offset, name)
    check_length(o, n, name, beside)
    return o


def column_names(X: Any, x_names: Sequence[str] | None, matrix: FloatArray) -> tuple[str, ...]:
    """Names of X's columns: given, those of a data frame, or x0, x1, ...; (Intercept) for a first column of ones."""
    p = matrix.shape[1]
    if x_names is None:
        columns = frame_columns(X)
        if columns is None:
            return tuple("(Intercept)" if j == 0 and bool(np.all(matrix[:, 0] == 1)) else f"x{j}" for j in range(p))
        listed: list[Any] = [name for name, _ in columns]
    else:
        listed = _list_of_names(x_names)
    names = tuple(str(name) for name in listed)
    if len(names) != p:
        raise InputError(f"x_names has {len(names)} names, X has {p} columns")
    if len(set(names)) != p:
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InputError(f"{'X' if x_names is None else 'x_names'} has names that stand twice: {', '.join(twice)}")
    return names


def _list_of_names(x_names: Any) -> list[Any]:
    if isinstance(x_names, str):
        raise InputTypeError(f"x_names must be a list of names; got the text {x_names!r}")
    if not isinstance(x_names, list | tuple):
        x_names = read(x_names, "x_names").values.tolist()
    if not isinstance(x_names, list | tuple) or not all(isinstance(name, str | int) for name in x_names):
        raise InputTypeError(f"x_names must be a list of names, one for each column of X; got {shown(x_names)}")
    return list(x_names)
