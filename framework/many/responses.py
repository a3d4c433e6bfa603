"""Many responses in: arrays, frames, or blocks of either; missing values are kept as NaN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError, InputTypeError
from ..design.reading import Column, frame_columns, read


@dataclass(frozen=True, eq=False)
class Responses:
    """A block of responses.

    Parameters
    ----------
    names : tuple of str
    values : (n, m) array
        NaN where missing.
    """

    names: tuple[str, ...]
    values: FloatArray


def blocks_of(Y: Any, n: int) -> Iterator[Responses]:
    """The responses as given, or block by block where they are an iterator of blocks.

    Parameters
    ----------
    Y : (n, m) array-like, data frame, dict of columns, or iterator of these
    n : int
        Rows that each response needs.

    Raises
    ------
    InputError, InputTypeError
        For a block that is no table of numbers, or of another length.
    """
    known = 0
    for block in Y if isinstance(Y, Iterator) else (Y,):
        responses = _responses(block, known)
        if len(responses.values) != n:
            raise InputError(
                f"Y has {len(responses.values)} rows, the model has {n}: every response needs a value, or NaN, for "
                "each row, and the responses are the columns of Y"
            )
        known += len(responses.names)
        yield responses
    if not known:
        raise InputError("Y has no responses: it needs one column at least")


def patterns_of(values: FloatArray) -> list[tuple[BoolArray, BoolArray]]:
    """The sets of rows (n,) that responses have, each with the responses (m,) that have it; in order of appearance."""
    there = ~np.isnan(values)
    if there.all():
        return [(np.ones(len(values), bool), np.ones(values.shape[1], bool))]
    packed = np.packbits(there, axis=0).T
    _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return [(there[:, first[i]], which.ravel() == i) for i in np.argsort(first)]


def _responses(block: Any, known: int) -> Responses:
    columns = list(block.items()) if isinstance(block, Mapping) else frame_columns(block)
    if columns is not None:
        if not columns:
            return Responses((), np.zeros((0, 0)))
        listed = [_numbers(read(column, f"Y[{name!r}]"), f"Y[{name!r}]", 1) for name, column in columns]
        if len({len(column) for column in listed}) > 1:
            raise InputError("the columns of Y differ in length")
        return Responses(tuple(str(name) for name, _ in columns), np.column_stack(listed))
    values = _numbers(read(block, "Y"), "Y", 2)
    return Responses(tuple(f"y{known + j}" for j in range(values.shape[1])), values)


def _numbers(column: Column, name: str, ndim: int) -> FloatArray:
    """Numbers with NaN for what is missing."""
    values = column.values
    if column.categorical or values.dtype.kind not in "biufO":
        raise InputTypeError(
            f"{name} holds {'categories' if column.categorical else values.dtype} where numbers belong"
        )
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{name} holds values that are not numbers: {error}") from error
    if numbers.ndim != ndim:
        hint = "; one response is Y.reshape(-1, 1)" if numbers.ndim == 1 else ""
        raise InputError(f"{name} must have {ndim} dimension{'s' * (ndim > 1)}; its shape is {numbers.shape}{hint}")
    if column.missing is not None:
        numbers[column.missing] = np.nan
    return numbers


__all__ = ["Responses", "blocks_of", "patterns_of"]
