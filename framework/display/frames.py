"""Columns as a data frame of the kind that the user works with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contracts.arrays import AnyArray
from ..contracts.errors import InputError, InputTypeError, MissingExtraError, shown

KINDS = ("pandas", "polars", "pyarrow")


def kind_of(like: Any) -> str:
    """Which of `KINDS` is meant, by its name or by a frame.

    Raises
    ------
    InputError, InputTypeError
        Where it is another name, or no frame of these.

    Examples
    --------
    >>> kind_of("polars")
    'polars'
    """
    if isinstance(like, str):
        if like not in KINDS:
            raise InputError(f"like must be one of {', '.join(KINDS)}, or a frame of theirs; got {shown(like)}")
        return like
    for base in type(like).__mro__:
        if (package := base.__module__.partition(".")[0]) in KINDS:
            return package
    raise InputTypeError(f"like must be a frame of {', '.join(KINDS)}, or one of these names; got {shown(like)}")


def frame_of(columns: Mapping[str, AnyArray], kind: str) -> Any:
    """The columns as a frame of that kind.

    Raises
    ------
    MissingExtraError
        Where narwhals or the kind itself is not installed.
    """
    plain = {name: column.tolist() if column.dtype.kind in "OU" else column for name, column in columns.items()}
    try:
        from narwhals.stable import v2 as narwhals

        return narwhals.from_dict(plain, backend=kind).to_native()  # type: ignore[arg-type]
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f'a frame of {kind} needs narwhals and {kind} ({error}): pip install "ranef[{kind}]", or take to_dict()'
        ) from error


def framed(columns: dict[str, AnyArray], kind: str, like: Any = None) -> Any:
    """The columns as a frame of that kind, or of that of `like`; as they are where there is none.

    Raises
    ------
    InputError, InputTypeError, MissingExtraError
        As `kind_of` and `frame_of`.
    """
    kind = kind if like is None else kind_of(like)
    return frame_of(columns, kind) if kind else columns
