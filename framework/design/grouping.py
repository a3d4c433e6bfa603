"""Labels in: grouping factors as integer codes and levels, without a loop over observations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from .arrays import as_array, is_missing, rows_text


def encode(labels: Any, name: str) -> tuple[IntArray, AnyArray]:
    """Codes (n,) and sorted levels of a label array; levels that do not occur are left out.

    Raises
    ------
    InputTypeError
        Where labels are of several types (text and numbers, say).
    InputError
        Where labels are missing: never an extra level.
    """
    if hasattr(labels, "cat") and hasattr(labels.cat, "codes"):  # pandas Series of categories
        return _from_categories(labels.cat.codes.to_numpy(), labels.cat.categories.to_numpy(), name)
    if hasattr(labels, "codes") and hasattr(labels, "categories"):  # pandas Categorical
        return _from_categories(np.asarray(labels.codes), np.asarray(labels.categories), name)
    array = as_array(labels, f"groups[{name!r}]")
    if array.dtype.kind in "US" and isinstance(labels, list | tuple):
        array = np.array(labels, dtype=object)  # NumPy made text of all labels, of NaN and numbers too
    if array.ndim != 1:
        raise InputError(
            f"groups[{name!r}] must be one-dimensional; it has shape {array.shape}. Labels of several parts are text, "
            "such as 'school:class'"
        )
    if array.size == 0:
        raise InputError(f"groups[{name!r}] is empty: there are no observations to fit")
    if array.dtype.kind in "biu":
        return _encode_integers(array)
    if array.dtype.kind == "f":
        _refuse_missing(np.isnan(array), name)
        _refuse_missing(np.isinf(array), name, "infinite")
        return _unique(array)
    if array.dtype.kind in "mM":
        _refuse_missing(np.isnat(array), name)
        return _unique(array)
    if array.dtype.kind == "O":
        array = _objects_to_text_or_numbers(array, name)
        if array.dtype.kind in "iuf":
            return encode(array, name)
    elif array.dtype.kind not in "US":
        array = np.asarray(array, dtype=str)
    return _encode_text(array)


def _from_categories(codes: AnyArray, categories: AnyArray, name: str) -> tuple[IntArray, AnyArray]:
    _refuse_missing(codes < 0, name)
    used, compact = _encode_integers(codes)
    return used, categories[compact]


def _refuse_missing(bad: AnyArray, name: str, what: str = "missing") -> None:
    if bad.any():
        raise InputError(f"groups[{name!r}] has {what} labels in {rows_text(bad)}; remove these rows or name the level")


def _encode_integers(array: AnyArray) -> tuple[IntArray, AnyArray]:
    low, high = int(array.min()), int(array.max())
    if high - low > 4 * len(array) + 1000 or high > np.iinfo(np.intp).max:
        return _unique(array)
    shifted = array.astype(np.intp) - low
    present = np.bincount(shifted, minlength=high - low + 1) > 0
    levels = np.flatnonzero(present) + low
    if len(levels) == high - low + 1:
        return shifted, levels.astype(array.dtype)
    return (np.cumsum(present) - 1)[shifted], levels.astype(array.dtype)


def _encode_text(array: AnyArray) -> tuple[IntArray, AnyArray]:
    """Sorting a million strings is slow, sorting their 64-bit hashes is not; a collision falls back to sorting."""
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


def _objects_to_text_or_numbers(array: AnyArray, name: str) -> AnyArray:
    values = array.tolist()
    kinds = set(map(type, values))
    if any(issubclass(kind, list | tuple | dict | set | np.ndarray) for kind in kinds):
        raise InputTypeError(
            f"groups[{name!r}] has labels of several parts, such as {values[0]!r}; make them text ('school:class')"
        )
    if not all(issubclass(kind, str) for kind in kinds):
        _refuse_missing(np.array([is_missing(v) for v in values]), name)
    if len(kinds) > 1 and not any(all(issubclass(kind, same) for kind in kinds) for same in (str, int)):
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InputTypeError(
            f"groups[{name!r}] mixes labels of several types ({found}); convert them to one, such as str"
        )
    if kinds <= {int, float} and (plain := np.array(values)).dtype.kind in "iuf":
        return plain
    return np.asarray(array, dtype=str)
