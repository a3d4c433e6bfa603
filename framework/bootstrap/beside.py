"""Bootstrap limits of figures that stand in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..display.records import Table
from ..estimation.model import Fit
from ..inference.intervals import checked_level
from ..many.one_by_one import Of
from ..notes import Note
from .run import with_options

T = TypeVar("T", bound=Table)


def with_limits(
    table: T, fit: Fit, of: Of, again: Callable[[Any], FloatArray], interval: Any, level: Any, given: Mapping[str, Any]
) -> tuple[T, tuple[Note, ...]]:
    """The table with percentile limits beside its last two columns, which `again` finds of a refit, one by one.

    As it is where `interval` is None.

    Raises
    ------
    InputError, InputTypeError
        For arguments that cannot be used.
    """
    if interval is None:
        if given:
            raise InputTypeError(f"{', '.join(given)}: with interval='boot' only")
        return table, ()
    if interval != "boot":
        raise InputError(f"interval must be 'boot', or left out; got {shown(interval)}")
    level = checked_level(level)
    record = with_options(fit, of, given, again, table.frame)
    found = record.confint(level=level)
    columns, of_two = dict(table.columns), table.names[-2:]
    for i, name in enumerate(of_two):
        mine = slice(i * len(table), (i + 1) * len(table))
        columns |= {f"{name}_lower": found["lower"][mine], f"{name}_upper": found["upper"][mine]}
    order = [name for name in table.names if name not in of_two]
    order += [name + end for name in of_two for end in ("", "_lower", "_upper")]
    failed = [note for note in record.notes if "failed" in note]
    notes = (*table.notes, f"{100.0 * level:g}% percentile limits of {record.nsim} bootstrap replicates", *failed)
    return replace(table, columns={name: columns[name] for name in order}, notes=notes), record.messages


__all__ = ["with_limits"]
