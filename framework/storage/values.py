"""Values of no fixed type, options of plugins and labels of levels, as plain data that says what they are."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray
from ..contracts.errors import InputError, StorageError, shown
from .node import NOT_FINITE, Node

#: Types that are kept as text, with the ways there and back.
AS_TEXT: dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    "float": (float, str, NOT_FINITE.__getitem__),
    "integer": (int, str, int),
    "bytes": (bytes, lambda b: base64.b64encode(b).decode(), lambda text: base64.b64decode(text, validate=True)),
}
#: Integers of JSON that every program reads.
SAFE = 2**53


def encoded(value: Any, plugin: Callable[[Any], dict[str, Any] | None] = lambda _: None) -> Any:
    """Plain data: itself, or a dict of one entry, the type's name and the value; `plugin` knows further objects.

    Raises
    ------
    InputError
        For values that no file can hold.

    Examples
    --------
    >>> encoded((1, [None, "a"])), encoded(b"a")
    ({'tuple': [1, {'list': [None, 'a']}]}, {'bytes': 'YQ=='})
    """
    if isinstance(value, np.generic) and value.dtype.kind in "biufUS":
        value = value.item()
    if value is None or type(value) in (bool, str) or (type(value) is int and abs(value) <= SAFE):
        return value
    if type(value) is float and np.isfinite(value):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufUSmM":
        return {"array": value}
    if type(value) in (list, tuple):
        return {type(value).__name__: [encoded(v, plugin) for v in value]}
    if type(value) is dict:
        return {"dict": [[encoded(k, plugin), encoded(v, plugin)] for k, v in value.items()]}
    for name, (kind, text, back) in AS_TEXT.items():
        if type(value) is kind and same(back(text(value)), value):
            return {name: text(value)}
    known = plugin(value)
    if known is None:
        raise InputError(f"a file cannot hold {shown(value)}, a {type(value).__name__}")
    return {"plugin": known}


def decoded(node: Node, name: str, plugin: Callable[[Node], Any] | None = None) -> Any:
    """The value of which a part of a file is plain data.

    Raises
    ------
    StorageError
        Where it is none.
    """
    value = node.value(name)
    if value is None or isinstance(value, bool | str | int | float):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        raise node.wrong(name, f"is {shown(value)}, which is no value")
    inside = node[name]
    ((kind, content),) = value.items()
    if kind == "array":
        return _array(inside)
    if kind in ("list", "tuple") and isinstance(content, list):
        items = [_item(inside, v, plugin) for v in content]
        return items if kind == "list" else tuple(items)
    if kind == "dict" and isinstance(content, list) and all(isinstance(c, list) and len(c) == 2 for c in content):
        try:
            return {_item(inside, k, plugin): _item(inside, v, plugin) for k, v in content}
        except TypeError as error:  # a key without a hash
            raise node.wrong(name, f"is {shown(value)}: {error}") from error
    if kind == "plugin" and plugin is not None:
        return plugin(inside["plugin"])
    if kind in AS_TEXT and isinstance(content, str):
        try:
            return AS_TEXT[kind][2](content)
        except Exception as error:  # text that is no number, say
            raise node.wrong(name, f"is {shown(value)}, which is no {kind}: {error}") from error
    raise node.wrong(name, f"is {shown(value)}, which is no value")


def _item(node: Node, value: Any, plugin: Callable[[Node], Any] | None) -> Any:
    return decoded(node.beside({"item": value}), "item", plugin)


def _array(node: Node) -> AnyArray:
    return node.array("array", None, "biufUSmM")


def same(one: Any, other: Any) -> bool:
    """Whether two values are of one type and equal, arrays and what has some inside included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind in "fmM")
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    return bool(one == other or (one != one and other != other))


# Levels -------------------------------------------------------------------------------------------------------------


def levels_state(levels: AnyArray, factor: str) -> Any:
    """Labels of levels: an array, or where NumPy has no type for them a list of values.

    Raises
    ------
    InputError
        For labels that no file can hold.
    """
    if levels.dtype.kind in "biufUSmM":
        return {"array": levels}
    try:
        return {"objects": [encoded(level) for level in levels.tolist()]}
    except InputError as error:
        raise InputError(f"levels of {factor!r}: {error}; convert the labels to text before the fit") from error


def levels_of(node: Node) -> AnyArray:
    """Labels of levels, each once."""
    if node.has("array"):
        levels = node.array("array", (None,), "biufUSmM")
    else:
        values = [_item(node, v, None) for v in node.listed("objects")]
        levels = np.empty(len(values), dtype=object)
        levels[:] = values
    try:
        distinct = len(set(levels.tolist()))
    except TypeError as error:
        raise StorageError(f"{node.place} has labels that are none: {error}") from error
    if distinct < len(levels):
        raise StorageError(f"{node.place} has levels that stand twice")
    return levels


__all__ = ["decoded", "encoded", "levels_of", "levels_state", "same"]
