"""Residuals of a linear model by formula: ``residual="ar1(time | subject)"``, ``dispersion="~ 0 + group"``."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.reading import rows_text
from ..design.residual import ORDERED, refuse_text
from ..design.residual_labels import KINDS
from .bars import parse
from .columns import Frame, library
from .expressions import Names, evaluate, expression, variables
from .formulaic import learn
from .grouping import grouping_of, labels_of
from .plan import RandomPlan, Writer
from .source import Source, check_finite, table_of
from .tokens import refuse, span
from .variables import Variable


@dataclass(frozen=True)
class ResidualPlan:
    """What `residual` and `dispersion` ask for.

    Parameters
    ----------
    kind : str
        The correlation; "" without.
    group : RandomPlan or None
        The grouping factor.
    time : ast.expr or None
    time_name : str
    dispersion : str
        A sum of terms for formulaic; "" without.
    encoded : tuple of str
        Names of its variables.
    names : Names
    """

    kind: str
    group: RandomPlan | None
    time: ast.expr | None
    time_name: str
    dispersion: str
    encoded: tuple[str, ...]
    names: Names

    @property
    def used(self) -> list[str]:
        """Names of all variables."""
        trees = [*(self.group.parts if self.group else ()), *([self.time] if self.time is not None else [])]
        return [*self.encoded, *(name for tree in trees for name in variables(tree, self.names))]

    def of_scales(self, *, by_visit: bool) -> ResidualPlan:
        """What variances depend on: the dispersion, or the visits that stand for it."""
        return replace(self, group=None, time=self.time if by_visit else None)

    def arguments(self, source: Source, rows: IntArray) -> dict[str, Any]:
        """Arguments `residual`, `dispersion` and `dispersion_names` of the array call."""
        out: dict[str, Any] = {}
        if self.group is not None:
            out["residual"] = {
                "correlation": self.kind,
                "group": grouping_of(self.group, source),
                "group_name": self.group.label,
            }
            if self.time is not None:
                out["residual"] |= {"time": self._times(source, rows), "time_name": self.time_name}
        if self.dispersion:
            used = {name: source[name] for name in self.encoded}
            matrix, part = learn(self.dispersion, table_of(used, self.names, len(rows)), self.names)
            check_finite(matrix, part.columns, rows)
            out |= {"dispersion": matrix, "dispersion_names": part.columns}
        return out

    def of_new_rows(self, data: Any, variables: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
        """`residual` and `dispersion` of other rows, in the levels of the fit; its groups may be new.

        Raises
        ------
        InputError
            For variables that are missing or have other levels, and a dispersion that depends on all rows.
        """
        frame = Frame(data)
        source = Source(frame, self.names, variables)
        rows, out = np.arange(frame.n), dict[str, Any]()
        of_residual = dict[str, Any]()
        if self.group is not None:
            labels, missing = labels_of(self.group, source)
            if missing.any():
                raise InputError(f"{self.group.label} is missing in {rows_text(missing)} of the new rows")
            of_residual["group"] = labels
        if self.time is not None:
            of_residual["time"] = self._times(source, rows, known=True)
        if of_residual:
            out["residual"] = of_residual
        if self.dispersion:
            stored = {name: source.stored(name) for name in self.encoded}
            matrix, part = learn(self.dispersion, table_of(stored, self.names, frame.n), self.names)
            if part.state or part.columns != tuple(columns):
                raise InputError(
                    f"the dispersion ({', '.join(columns)}) has columns that depend on all rows, so that those of new "
                    "rows are not known: write it without poly, scale, bs ..."
                )
            check_finite(matrix, part.columns, rows)
            out["dispersion"] = matrix
        return out

    def _times(self, source: Source, rows: IntArray, *, known: bool = False) -> Any:
        """Numbers, or categories in the order of levels; of text nothing says the order, unless it is known."""
        assert self.time is not None
        value = evaluate(self.time, source, source.names.context)
        if isinstance(value, Variable) and value.kind == "text" and self.kind in ORDERED and not known:
            refuse_text(self.kind, self.time_name)
        if isinstance(value, Variable) and value.is_factor:
            return library("pandas").Categorical.from_codes(value.codes, categories=list(value.levels))
        numbers: FloatArray = value.numbers(self.time_name) if isinstance(value, Variable) else value
        check_finite(numbers[:, None], (self.time_name,), rows)
        return numbers


def residual_plan(residual: Any, dispersion: Any, names: Names) -> ResidualPlan | None:
    """Read the two texts; `names` are those of the formula, whose variables they share.

    Raises
    ------
    InputError, InputTypeError
        With the place in the text.
    """
    if residual is None and dispersion is None:
        return None
    for argument, text in (("residual", residual), ("dispersion", dispersion)):
        if text is not None and not isinstance(text, str):
            example = "'ar1(time | subject)'" if argument == "residual" else "'~ 0 + group'"
            raise InputTypeError(f"{argument} is a text beside a formula, such as {example}; got {shown(text)}")
    kind, group, time, time_name = "", None, None, ""
    if residual is not None:
        kind, group, time, time_name = _correlation(f"residual ~ {residual}", names)
    source, encoded = "", tuple[str, ...]()
    if dispersion is not None:
        text = f"dispersion ~ {dispersion.strip().removeprefix('~').strip()}"
        source, encoded = _sum(text, names)
    return ResidualPlan(kind, group, time, time_name, source, encoded, names)


def _own(text: str, names: Names) -> Names:
    return Names(text, names.context, names.substitutes, names.derived)


def _correlation(text: str, names: Names) -> tuple[str, RandomPlan, ast.expr | None, str]:
    parsed, own = parse(text), _own(text, names)
    if len(parsed.bars) != 1 or parsed.fixed or parsed.offsets or parsed.bars[0].independent:
        refuse(text, 0, len(text), "residual is one correlation, as in 'ar1(time | subject)'")
    bar = parsed.bars[0]
    if bar.word not in KINDS:
        refuse(text, bar.start, bar.end, f"a correlation of residuals is one of {', '.join(KINDS)}, as in ar1(t | g)")
    if len(bar.groups) != 1:
        refuse(text, bar.start, bar.end, "residuals have one grouping factor: write a:b instead of a/b")
    g = bar.groups[0]
    group = RandomPlan(g.label, tuple(expression(part, own) for part in g.parts), (), "", text)
    if bar.word == "cs":
        return "cs", group, None, ""
    time = expression(bar.effects, own)
    if not variables(time, own):
        refuse(text, *span(bar.effects), f"{bar.word} needs the times of the rows before the bar")
    return bar.word, group, time, " ".join(text[slice(*span(bar.effects))].split())


def _sum(text: str, names: Names) -> tuple[str, tuple[str, ...]]:
    parsed, own = parse(text), _own(text, names)
    if parsed.bars or parsed.offsets:
        refuse(text, 0, len(text), "the dispersion has fixed terms only: no bars and no offset")
    writer = Writer(own, (), {})
    return writer.sum(parsed.fixed), tuple(writer.used)
