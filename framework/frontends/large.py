"""What `lmm` and `glmm` make of sums, and of rows that come part by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contracts.errors import InputTypeError
from ..contracts.family import Family
from ..large.gram import Gram
from ..large.parts import Parted, parted
from ..large.stream import gram_of, is_stream


def sums_of(
    y: Any,
    X: Any,
    groups: Any,
    formula: Any,
    data: Any,
    weights: Any,
    offset: Any,
    contrasts: Any,
    levels: Any,
    context: Any,
) -> Gram | None:
    """The sums that are given, or those of a source of rows; None where rows are in memory.

    Raises
    ------
    InputTypeError
        For arguments that say what the sums say already.
    """
    said = {"weights": weights, "offset": offset, "contrasts": contrasts, "levels": levels, "context": context}
    said = {name: value for name, value in said.items() if value is not None}
    text, table = (y if formula is None else formula), (X if data is None else data)
    if isinstance(text, Gram):
        if others := [
            name for name, value in {"X": X, "groups": groups, "data": data, **said}.items() if value is not None
        ]:
            raise InputTypeError(f"{', '.join(others)}: a Gram says this itself; leave it out")
        return text
    if not isinstance(text, str) or groups is not None or table is None or not is_stream(table):
        return None
    return gram_of(text, table, **said)


def parts_of(
    y: Any,
    X: Any,
    groups: Any,
    formula: Any,
    data: Any,
    family: Family,
    structures: Mapping[str, Any],
    **said: Any,
) -> Parted | None:
    """Rows that stay in parts, for a generalized model; None where they are together, in memory.

    Raises
    ------
    InputTypeError
        For sources that are read once, from which no such model can be fitted.
    """
    text, table = (y if formula is None else formula), (X if data is None else data)
    if not isinstance(text, str) or groups is not None or table is None or not is_stream(table):
        return None
    options = {name: value for name, value in said.items() if value is not None}
    return parted(text, table, family, structures=structures, options=options)


def refuse_of_sums(na_action: Any, **given: Any) -> None:
    """Refuse arguments of rows that are in memory."""
    others = [name for name, value in given.items() if value is not None]
    if others or na_action not in (None, "raise"):
        listed = ", ".join([*others, *(["na_action"] if na_action not in (None, "raise") else [])])
        raise InputTypeError(
            f"{listed}: for rows that are in memory; leave out rows in the source itself, and values may not be missing"
        )


__all__ = ["parts_of", "refuse_of_sums", "sums_of"]
