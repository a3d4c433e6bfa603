"""Labels in: grouping factors as integer codes and levels, without a loop over observations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, IntArray
from ..contracts.errors import InputError, InputTypeError, shown
from .dictionaries import hashed_integers, is_wide, objects
from .reading import frame_columns, is_missing, read_labels, rows_text

#: Labels that are sorted as they are.
FEW = 5_000


def encode(labels: Any, name: str) -> tuple[IntArray, AnyArray]:
    """Codes (n,) and sorted levels of a label array; levels that do not occur are left out.

    Labels are the same where they are of one type and equal, and only there.

    Raises
    ------
    InputTypeError
        Where labels are of several types (text and numbers, say).
    InputError
        Where labels are missing: never an extra level.
    """
    columns = frame_columns(labels)
    if columns is not None and len(columns) == 1:
        labels = columns[0][1]
    elif columns is not None:
        raise _of_wrong_shape(name, (len(labels), len(columns)))
    column = read_labels(labels, f"groups[{name!r}]")
    if column.values.ndim != 1:
        raise _of_wrong_shape(name, column.values.shape)
    rows = column.values if column.codes is None else column.codes
    if rows.size == 0:
        raise InputError(f"groups[{name!r}] is empty: there are no observations to fit")
    if column.missing is not None:
        _refuse_missing(column.missing, name)
    if column.codes is None:
        found = hashed_integers(labels, rows) if rows.dtype.kind in "iu" and is_wide(rows) else None
        return _encode(rows, name) if found is None else found
    _refuse_missing(rows < 0, name)
    codes, used = _encode_integers(rows)
    if column.ordered:
        return codes, column.values[used]
    rank, levels = _encode(column.values[used], name)  # in their order, and each once
    return rank[codes], levels


def _encode(array: AnyArray, name: str) -> tuple[IntArray, AnyArray]:
    kind = array.dtype.kind
    if kind in "biu":
        return _encode_integers(array)
    if kind == "f":
        _refuse_missing(np.isnan(array), name)
        _refuse_missing(np.isinf(array), name, "infinite")
        return _unique(array)
    if kind in "mM":
        _refuse_missing(np.isnat(array), name)
        return _unique(array)
    if kind in "US":
        return _encode_text(array)
    if kind in "OT":
        return _encode_objects(array.tolist(), name)
    raise InputTypeError(f"groups[{name!r}] holds {array.dtype} values, which are no labels; convert them to text")


def _of_wrong_shape(name: str, shape: tuple[int, ...]) -> InputError:
    return InputError(
        f"groups[{name!r}] must be one-dimensional; it has shape {shape}. Labels of several parts are text, such as "
        "'school:class'"
    )


def _refuse_missing(bad: AnyArray, name: str, what: str = "missing") -> None:
    if bad.any():
        raise InputError(f"groups[{name!r}] has {what} labels in {rows_text(bad)}; remove these rows or name the level")


def _encode_integers(array: AnyArray) -> tuple[IntArray, AnyArray]:
    low, high = int(array.min()), int(array.max())
    if is_wide(array):
        return _unique(array)
    shifted = array.astype(np.intp) - low
    present = np.bincount(shifted, minlength=high - low + 1) > 0
    levels = np.flatnonzero(present) + low
    if len(levels) == high - low + 1:
        return shifted, levels.astype(array.dtype)
    return (np.cumsum(present) - 1)[shifted], levels.astype(array.dtype)


def _encode_text(array: AnyArray) -> tuple[IntArray, AnyArray]:
    """Sorting a million strings is slow, sorting their 64-bit hashes is not; a collision falls back to sorting."""
    if len(array) < FEW:
        return _unique(array)
    words = np.ascontiguousarray(array).view(np.uint8).reshape(len(array), -1)
    width = -words.shape[1] % 8
    words64 = np.pad(words, ((0, 0), (0, width))).view(np.uint64)
    draws = np.random.default_rng(0).integers(1, 2**63, size=words64.shape[1], dtype=np.uint64)
    odd = np.uint64(2) * draws + np.uint64(1)
    mixed = words64 * odd
    mixed ^= mixed >> np.uint64(29)
    hashes = (mixed * odd).sum(axis=1, dtype=np.uint64)
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    levels = array[first]
    if not np.array_equal(levels[inverse], array):
        return _unique(array)
    order = np.argsort(levels)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[inverse], levels[order]


def _unique(array: AnyArray) -> tuple[IntArray, AnyArray]:
    levels, codes = np.unique(array, return_inverse=True)
    return codes.astype(np.intp), levels


def _encode_objects(values: list[Any], name: str) -> tuple[IntArray, AnyArray]:
    """By a dict: labels that Python tells apart stay apart, as text with trailing NULs, which NumPy's does not keep."""
    kinds = set(map(type, values))
    if any(issubclass(kind, list | tuple | dict | set | np.ndarray) for kind in kinds):
        raise InputTypeError(
            f"groups[{name!r}] has labels of several parts, such as {shown(values[0])}; make them text ('school:class')"
        )
    if not all(issubclass(kind, str) for kind in kinds):
        _refuse_missing(np.array([is_missing(v) for v in values]), name)
    families = {_family(kind) for kind in kinds}
    if len(families) > 1 and not families <= {int, float}:
        found = ", ".join(sorted(kind.__name__ for kind in families))
        raise InputTypeError(
            f"groups[{name!r}] mixes labels of several types ({found}); convert them to one, such as str"
        )
    if families <= {int, float} and (plain := np.array(values)).dtype.kind in ("iu" if int in families else "f"):
        return _encode(plain, name)
    try:
        distinct = dict.fromkeys(values)
    except Exception as error:  # no hash, or one that raises
        raise InputTypeError(f"groups[{name!r}] has labels that cannot be told apart: {error}") from error
    try:
        levels = sorted(distinct)
    except Exception:  # labels without an order
        levels = sorted(distinct, key=str)
    rank = {level: code for code, level in enumerate(levels)}
    return np.fromiter(map(rank.__getitem__, values), np.intp, len(values)), _levels(levels, families)


def _family(kind: type) -> type:
    """Types whose labels are compared with each other: Python's and NumPy's numbers, for example."""
    alike = {bool: (bool, np.bool_), int: (int, np.integer), float: (float, np.floating), str: (str,), bytes: (bytes,)}
    return next((plain for plain, members in alike.items() if issubclass(kind, members)), kind)


def _levels(levels: list[Any], families: set[type]) -> AnyArray:
    """Levels as an array: of numbers or text where these say all, else of the objects themselves."""
    plain = levels if families <= {int, float, str, bytes, bool} else [str(level) for level in levels]
    array = np.array(plain)
    return array if array.tolist() == plain and len(set(plain)) == len(plain) else objects(levels)
