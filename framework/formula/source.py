"""Variables of a formula, out of a frame: as they are, or in the levels of a fit."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import InputError
from ..design.reading import rows_text
from .columns import Frame, library
from .expressions import Names, evaluate
from .tokens import refuse, tokenize
from .variables import Variable

#: What to do about a column of new data that is not of the kind of the fit's.
ADVICE = {
    "text": "make text of it that reads as the fit's levels do, as with .astype(str)",
    "number": "make numbers of it, as with .astype(float)",
    "logical": "make it True and False",
}


class Source:
    """Variables by name or identifier, read once: columns, what calls make of them, constants of the context.

    With `stored` kinds must be those of the fit.
    """

    def __init__(
        self,
        frame: Frame,
        names: Names,
        stored: Mapping[str, tuple[str, tuple[str, ...]]] | None = None,
        levels: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.frame, self.names, self._stored, self._levels = frame, names, stored, levels or {}
        self._read: dict[str, Any] = {}

    def __call__(self, identifier: str) -> Any:
        """What an identifier of an expression stands for."""
        return self[self.names.variable(identifier)]

    def __getitem__(self, name: str) -> Any:
        if name not in self._read:
            self._read[name] = self._value(name)
        return self._read[name]

    def _value(self, name: str) -> Any:
        if name in self.names.derived and name not in self.frame:
            tree = ast.parse(self.names.derived[name], mode="eval").body
            value = evaluate(tree, self, self.names.context)
            made = value if isinstance(value, Variable) else Variable.of_numbers(value)
        elif name in self.frame:
            if name in self.names.derived:
                raise InputError(f"the column {name!r} has the text of a call in the formula as its name: rename it")
            made = self.frame[name]
        elif name in self.names.context and not callable(self.names.context[name]):
            return self.names.context[name]
        else:
            raise InputError(self._unknown(name))
        if name in self._levels:
            if not made.is_factor:
                raise InputError(f"levels names {name!r}, which is numeric: write factor({name}) in the formula")
            made = replace(made.with_levels(self._levels[name], name), kind="category")
        if self._stored is not None and name in self._stored and not _same_kind(self._stored[name][0], made.kind):
            was, now = self._stored[name][0], made.kind
            advice = ADVICE.get("text" if was == "category" else was, "make it one of these")
            raise InputError(f"{name} was of kind {was} in the fit, and is {now} in the new data: {advice}")
        if self._stored is not None and name in self._stored and made.is_factor:
            kept = self._stored[name][1]  # codes of the fit, so that relevel finds a level that no new row has
            made = made.with_levels((*kept, *(level for level in made.levels if level not in kept)), name)
        return made

    def _unknown(self, name: str) -> str:
        """What to say of a name, with its place in the formula where it has one."""
        problem = self.frame.unknown(name)
        for token in tokenize(self.names.text):
            if token.name == name:
                refuse(self.names.text, token.start, token.end, problem)
        return problem

    def stored(self, name: str) -> Variable:
        """The variable in the levels of the fit."""
        variable: Variable = self[name]
        if self._stored is None or name not in self._stored or not variable.is_factor:
            return variable
        kind, levels = self._stored[name]
        return replace(variable.with_levels(levels, name), kind=kind)

    def keep(self, rows: AnyArray) -> None:
        """Leave out rows, and levels that no longer occur."""
        for name, value in self._read.items():
            if isinstance(value, Variable):
                some = value if len(rows) == len(value.values) else value.take(rows)
                self._read[name] = some.used_levels()


def _same_kind(fitted: str, new: str) -> bool:
    return fitted == new or {fitted, new} <= {"text", "category"}


def table_of(variables: Mapping[str, Any], names: Names, n: int) -> Any:
    """Variables as formulaic's data: a frame of numbers and categories, under their identifiers."""
    pd = library("pandas")
    columns = {
        names.identifier(name): pd.Categorical.from_codes(v.codes, categories=list(v.levels))
        if v.is_factor
        else v.values.astype(np.float64, copy=False)
        for name, v in variables.items()
        if isinstance(v, Variable)
    }
    return pd.DataFrame(columns, index=range(n))


def numbers_of(tree: ast.expr, source: Source, n: int, name: str) -> FloatArray:
    """The numbers (n,) that an expression gives."""
    value = evaluate(tree, source, source.names.context)
    if isinstance(value, Variable):
        value = value.numbers(name)
    if not isinstance(value, np.ndarray | float | int) or isinstance(value, bool):
        raise InputError(f"{name} is no column of numbers")
    return np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), (n,)))


def check_finite(matrix: FloatArray, columns: Sequence[str], rows: AnyArray) -> None:
    """Refuse columns that a transformation made missing or infinite, as ``log(-1)``; `rows` are those of the frame."""
    if matrix.size == 0 or np.isfinite(matrix.sum()):
        return
    for j, name in enumerate(columns):
        if (bad := ~np.isfinite(matrix[:, j])).any():
            at = np.zeros(int(rows.max()) + 1, dtype=bool)
            at[rows[bad]] = True
            raise InputError(
                f"{name} is missing or infinite in {rows_text(at)}: the data are there, and what the formula makes of "
                "them is no number. Leave these rows out with subset=, or change the formula"
            )
