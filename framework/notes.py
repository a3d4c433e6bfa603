"""Notes: what a fit has to say to its user. They are data, until a front end warns of them, once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple


class Note(NamedTuple):
    """What to warn of, and the category of the warning."""

    category: type[Warning]
    text: str


def tell(notes: Iterable[Note], result: Any = None) -> None:
    """Warn of every note, at the line outside of ranef that led here.

    `result`, what they are about, is an attribute of the warnings, so that it is not lost where these are errors.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as given:
    ...     warnings.simplefilter("always")
    ...     tell([Note(UserWarning, "the fit is singular")])
    >>> [str(warning.message) for warning in given]
    ['the fit is singular']
    """
    level = _levels_inside()
    for note in notes:
        warning = note.category(note.text)
        warning.result = result  # type: ignore[attr-defined]
        warnings.warn(warning, stacklevel=level)


def _levels_inside() -> int:
    """The `stacklevel` for which `tell` warns at the first line outside of ranef, however many calls are between."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "ranef":
        frame, level = frame.f_back, level + 1
    return level
