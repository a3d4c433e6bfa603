"""What a file must have, asked for by name and type: what is missing or otherwise is an error that says where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, isfinite
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..contracts.errors import StorageError, shown

#: Largest size that is one: integers up to here are real numbers.
MOST = 2**53
#: Numbers that JSON has no word for.
NOT_FINITE = {"nan": float("nan"), "inf": inf, "-inf": -inf}


def number_of(value: float) -> float | str:
    """A real number as plain data."""
    value = float(value)
    return value if isfinite(value) else str(value)


class Node:
    """A part of a file: a dict of JSON, with a way to its arrays.

    Parameters
    ----------
    value : object
        The part.
    read : callable
        Gives the array of a name.
    place : str
        Where it stands in the file, for messages.

    Raises
    ------
    StorageError
        By all methods, where the file has not what is asked for.

    Examples
    --------
    >>> node = Node({"n": 3, "eta": "inf"}, None)
    >>> node.integer("n", least=1), node.number("eta", finite=False)
    (3, inf)
    >>> node.text("n")
    Traceback (most recent call last):
      ...
    ranef.contracts.errors.StorageError: n is 3; expected text
    """

    def __init__(self, value: Any, read: Callable[[str], AnyArray] | None, place: str = "") -> None:
        self._value, self._read, self.place = value, read, place
        if not isinstance(value, dict):
            raise StorageError(f"{place or 'the file'} is {shown(value)}; expected a dict")

    # Parts ----------------------------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Node:
        """A part that is a dict itself."""
        return Node(self.value(name), self._read, self._at(name))

    def has(self, name: str) -> bool:
        """Whether there is such a part, and it is not null."""
        return self._value.get(name) is not None

    @property
    def names(self) -> list[str]:
        """Names of the parts."""
        return list(self._value)

    def parts(self, name: str, count: int | None = None) -> list[Node]:
        """A list of dicts."""
        return [Node(v, self._read, f"{self._at(name)}[{i}]") for i, v in enumerate(self.listed(name, count))]

    def listed(self, name: str, count: int | None = None) -> list[Any]:
        """A list, as it is."""
        value = self.value(name)
        if not isinstance(value, list) or (count is not None and len(value) != count):
            raise self._other(name, "a list" if count is None else f"a list of {count}")
        return value

    def beside(self, value: Any) -> Node:
        """Another part, at the same place."""
        return Node(value, self._read, self.place)

    def value(self, name: str) -> Any:
        """A part as it is."""
        if name not in self._value:
            raise StorageError(f"{self._at(name)} is missing")
        return self._value[name]

    # Plain values ---------------------------------------------------------------------------------------------------

    def text(self, name: str, among: Sequence[str] = ()) -> str:
        """Text, one of some where they are given."""
        value = self.value(name)
        if not isinstance(value, str):
            raise self._other(name, "text")
        if among and value not in among:
            raise self._other(name, " or ".join(map(repr, among)))
        return value

    def texts(self, name: str, count: int | None = None) -> tuple[str, ...]:
        """A list of text."""
        values = self.listed(name, count)
        if not all(isinstance(value, str) for value in values):
            raise self._other(name, "a list of text")
        return tuple(values)

    def boolean(self, name: str) -> bool:
        """True or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise self._other(name, "true or false")
        return value

    def integer(self, name: str, least: int = 0, most: int = MOST) -> int:
        """An integer within bounds."""
        value = self.value(name)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self._other(name, f"an integer from {least} to {most}")
        return value

    def number(self, name: str, *, positive: bool = False, finite: bool = True) -> float:
        """A real number."""
        value = self.value(name)
        if not finite and isinstance(value, str) and value in NOT_FINITE:
            return NOT_FINITE[value]
        real = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e308
        if not real or (positive and not value > 0):
            raise self._other(name, "a positive number" if positive else "a number")
        return float(value)

    # Arrays ---------------------------------------------------------------------------------------------------------

    def array(self, name: str, shape: tuple[int | None, ...] | None, kinds: str) -> AnyArray:
        """An array of a shape, in which None is any length, and of one of some kinds of NumPy's types."""
        assert self._read is not None
        array = self._read(self.text(name))
        if array.dtype.kind not in kinds:
            raise StorageError(f"{self._at(name)} is an array of {array.dtype}, which it cannot be")
        if shape is not None and not _fits(array.shape, shape):
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise StorageError(f"{self._at(name)} is of shape {array.shape}; expected ({wanted})")
        return array

    def floats(self, name: str, *shape: int | None, finite: bool = True) -> FloatArray:
        """An array of real numbers."""
        array = self.array(name, shape, "f")
        if array.dtype.itemsize != 8:
            raise StorageError(f"{self._at(name)} is an array of {array.dtype}, which it cannot be")
        if finite and not np.isfinite(array).all():
            raise StorageError(f"{self._at(name)} has missing or infinite values")
        return array.astype(np.float64, copy=False)

    def integers(self, name: str, *shape: int | None, below: int) -> IntArray:
        """An array of integers from 0, which are positions among so many."""
        array = self.array(name, shape, "i")
        if array.size and (array.min() < 0 or array.max() >= below):
            raise StorageError(f"{self._at(name)} has positions outside of 0 to {below - 1}")
        return array.astype(np.intp, copy=False)

    def truths(self, name: str, *shape: int | None) -> BoolArray:
        """An array of truth values."""
        return self.array(name, shape, "b")

    # Messages -------------------------------------------------------------------------------------------------------

    def wrong(self, name: str, why: str) -> StorageError:
        """The error that a part is not what it must be."""
        return StorageError(f"{self._at(name)} {why}")

    def _other(self, name: str, expected: str) -> StorageError:
        return StorageError(f"{self._at(name)} is {shown(self._value[name])}; expected {expected}")

    def _at(self, name: str) -> str:
        return f"{self.place}.{name}".lstrip(".")


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(n in (None, have) for n, have in zip(wanted, shape, strict=True))


__all__ = ["Node", "number_of"]
