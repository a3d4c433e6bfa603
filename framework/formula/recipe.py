"""A formula for rows that come part by part: every row is encoded by itself, so that parts can be added up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from ..design.arrays import check_range
from ..design.grouping import encode
from ..design.reading import rows_text
from ..design.terms import INTERCEPT
from .columns import Frame
from .encoder import Encoder, random_columns
from .expressions import variables
from .formulaic import learn
from .functions import STATEFUL
from .grouping import grouping_of
from .model_frame import dots_of, levels_asked
from .observed import columns_behind
from .plan import Plan, check_context, check_contrasts, make_plan, text_expression
from .random_terms import random_terms
from .selection import with_bases
from .source import Source, check_finite, numbers_of, table_of
from .terms import Terms
from .variables import LOGICAL, Variable


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows, encoded.

    Parameters
    ----------
    columns : dict of str to (n,) array
        Columns of X and of random effects by name, without the ones; the response, less the offset, last.
    factors : dict of str to (codes, levels, names)
        Levels of each row, ascending labels, and the names of the factor's columns, without the ones.
    weights : (n,) array, or None
    response, offset : (n,) arrays
        Apart.
    """

    columns: dict[str, FloatArray]
    factors: dict[str, tuple[IntArray, AnyArray, tuple[str, ...]]]
    weights: FloatArray | None
    response: FloatArray
    offset: FloatArray


@dataclass(frozen=True, eq=False)
class Recipe:
    """How rows are encoded, whatever other rows there are.

    Parameters
    ----------
    encoder : Encoder
    weights, offset : str
        Expressions, empty without.
    levels : dict of str to list of str
        Orders of levels that were asked for.
    frame : str
        Kind of the data frames.
    """

    encoder: Encoder
    weights: str
    offset: str
    levels: Mapping[str, Sequence[str]]
    frame: str

    @property
    def plan(self) -> Plan:
        """The formula, read."""
        return self.encoder.plan

    @property
    def x_names(self) -> tuple[str, ...]:
        """Names of the columns of X."""
        return self.encoder.parts[0].columns

    @property
    def used(self) -> tuple[str, ...]:
        """Columns of the frame that are read."""
        return tuple(columns_behind(self.encoder.variables, self.plan.names))

    def refuse_other(self, other: Recipe) -> None:
        """Refuse a recipe that encodes the same rows otherwise.

        Raises
        ------
        InputError
            With what differs.
        """
        for what, one, two in zip(
            ("formula", "weights or offset", "levels or columns of X"), self._key, other._key, strict=True
        ):
            if one != two:
                raise InputError(f"sums of another {what} cannot be added: {one} and {two}")

    @property
    def _key(self) -> tuple[Any, ...]:
        encoder = self.encoder
        levels = {name: encoder.variables[name][1] for name in self.plan.encoded}
        columns = [part.columns for part in encoder.parts]
        return " ".join(encoder.formula.split()), (self.weights, self.offset), (levels, columns)

    def random(self) -> tuple[dict[str, list[list[str]]], dict[str, list[str | None]] | None]:
        """Terms and structures by grouping factor."""
        return random_terms(self.plan, {part.source: part for part in self.encoder.parts})

    def terms(self, n: int, source: str = "") -> Terms:
        """What a fit to n rows from there knows of its data."""
        return Terms(
            formula=self.encoder.formula,
            response=self.plan.response_name,
            encoder=self.encoder,
            weights=self.weights.strip("`"),
            offset=self.offset.strip("`"),
            subset="",
            n_rows=n,
            dropped={},
            n_dropped=0,
            n_outside=0,
            frame=self.frame,
            levels=self.levels,
            na_action="raise",
            source=source,
        )

    def encode(self, data: Any) -> Part:
        """Rows of a data frame.

        Raises
        ------
        InputError, InputTypeError
            Where a column is missing or of another kind, values are missing, with their rows, or levels of factors in
            X are not known.
        """
        frame, encoder, plan = Frame(data), self.encoder, self.plan
        source = Source(frame, plan.names, {name: encoder.variables[name] for name in plan.encoded})
        if kinds := [name for name, (kind, _) in encoder.variables.items() if not _alike(kind, source[name])]:
            raise InputTypeError(
                f"{kinds[0]} is of kind {encoder.variables[kinds[0]][0]} in the rows before, and "
                f"{source[kinds[0]].kind} here: make it of one kind first"
            )
        missing = {name: source[name].missing for name in encoder.variables if source[name].missing.any()}
        if missing:
            said = "; ".join(f"{name} in {rows_text(where)}" for name, where in missing.items())
            raise InputError(f"values are missing: {said}. Leave these rows out first")
        matrices = encoder.matrices(source, encoder.parts, plan.encoded)
        columns = {
            name: np.ascontiguousarray(matrices[plan.fixed][:, j])
            for j, name in enumerate(self.x_names)
            if name != INTERCEPT
        }
        parts = {part.source: part for part in encoder.parts}
        columns |= {name: c for name, c in random_columns(plan, parts, matrices).items() if name not in columns}
        n, rows = frame.n, np.arange(frame.n)
        response, offset = numbers_of(plan.response[0], source, n, plan.response_name), np.zeros(n)
        y = response
        for tree in [*plan.offsets, *self._asked(self.offset)]:
            known = numbers_of(tree, source, n, "offset")
            y, offset = y - known, offset + known
        check_finite(y[:, None], (plan.response_name,), rows)
        weights = next((numbers_of(tree, source, n, "weights") for tree in self._asked(self.weights)), None)
        if weights is not None:
            check_finite(weights[:, None], ("weights",), rows)
            if (weights <= 0).any():
                raise InputError(f"weights must be positive; they are zero or negative in {rows_text(weights <= 0)}")
        if n:
            for name, column in {plan.response_name: y, "weights": weights, **columns}.items():
                if column is not None:
                    check_range(column, name)
        effects, _ = self.random()
        factors = {}
        for random in plan.random:
            if random.label not in factors:
                codes, levels = encode(grouping_of(random, source), random.label)
                rank, ascending = encode(levels, random.label)
                own = (name for term in effects[random.label] for name in term if name != "1")
                factors[random.label] = rank[codes], ascending, tuple(own)
        return Part(columns | {f"{plan.response_name} ~": y}, factors, weights, response, offset)

    def _asked(self, text: str) -> list[Any]:
        return [text_expression(text, self.plan.names)] if text else []


def make_recipe(
    formula: str,
    data: Any,
    *,
    weights: str | None = None,
    offset: str | None = None,
    contrasts: Mapping[str, str] | None = None,
    levels: Mapping[str, Sequence[Any]] | None = None,
    context: Mapping[str, Any] | None = None,
    more: Iterable[Any] | None = None,
) -> Recipe:
    """The recipe of a formula, from some rows: these say of which kind variables are.

    Parameters
    ----------
    formula : str
    data : data frame
        The first rows.
    weights, offset : str, optional
    contrasts, levels, context
        As `model_frame`.
    more : iterable of data frames, optional
        All rows, to find the levels of factors in X; without it levels that are not known are refused.

    Raises
    ------
    InputError, InputTypeError
        For what cannot be encoded row by row.
    """
    contrasts, context, order = check_contrasts(contrasts), check_context(context), levels_asked(levels)
    if called := [name for name, value in context.items() if callable(value)]:
        raise InputError(
            f"context[{called[0]!r}]: what a function of yours makes of a row may depend on other rows, "
            "which are not together here; make a column of it first"
        )
    frame = Frame(data)
    for name, value in {"weights": weights, "offset": offset}.items():
        if value is not None and not isinstance(value, str):
            raise InputTypeError(f"{name} must be the name of a column, or an expression: rows come part by part")
    texts = {"weights": _quoted(weights, frame), "offset": _quoted(offset, frame)}
    dots = dots_of(formula, frame, {name: text for name, text in texts.items() if text}, context)
    plan = make_plan(formula, dots, contrasts, context)
    if len(plan.response) != 1:
        raise InputTypeError(f"{plan.response_name} is for generalized models, and sums over rows are for linear ones")
    if plan.smooths:
        raise InputError(
            f"{plan.smooths[0].label} learns from all rows, which are not together here: fit a formula with smooth "
            "terms to rows in memory"
        )
    learned = {name for text in plan.sources for name in re.findall(r"(?<![\w.])(\w+)\(", text)} & {*STATEFUL} - {"C"}
    if learned:
        raise InputError(
            f"{', '.join(sorted(learned))} learns from all rows, which are not together here: make columns of it "
            "first, or transform by fixed numbers, as in I((x - 50) / 10)"
        )
    trees = [*plan.response, *plan.offsets, *(text_expression(t, plan.names) for t in texts.values() if t)]
    used = [name for tree in trees for name in variables(tree, plan.names)]
    used = with_bases([*used, *plan.encoded, *plan.grouping()], plan.names)
    if unknown := set(order) - set(used):
        raise InputError(f"levels names {', '.join(sorted(unknown))}, which the formula does not use")
    source = Source(frame, plan.names, levels=order)
    kinds = {n: (v.kind, ()) for n in used if isinstance(v := source[n], Variable)}
    open_ = [
        n for n in plan.encoded if n in kinds and source[n].is_factor and n not in order and not _closed(n, source)
    ]
    if open_ and more is None:
        raise InputError(
            f"{open_[0]} is a factor in X, whose levels must be known before rows are summed: give them, as in "
            f"levels={{{open_[0]!r}: [...]}}, or make it a column of pandas' categories or of polars' Enum"
        )
    found = _levels_of(open_, plan, more) if open_ and more is not None else {}
    for name in plan.encoded:
        if name in kinds and source[name].is_factor:
            known = tuple(order[name] if name in order else found.get(name, source[name].levels))
            if len(known) < 2:
                raise InputError(f"{name} has the one level {', '.join(known)}: leave it out")
            kinds[name] = kinds[name][0], known
    n = max([2, *(len(listed) for _, listed in kinds.values())])
    made = {name: _example(*kinds[name], n) for name in plan.encoded if name in kinds}
    table = table_of(made, plan.names, n)
    encoder = Encoder(
        formula=formula,
        columns=tuple(dots),
        contrasts=contrasts,
        variables=kinds,
        parts=tuple(learn(text, table, plan.names)[1] for text in plan.sources),
        offset=texts["offset"],
        context=context,
    )
    return Recipe(encoder, texts["weights"], texts["offset"], order, frame.kind)


def _quoted(text: str | None, frame: Frame) -> str:
    return "" if text is None else f"`{text}`" if text in frame else text


def _alike(kind: str, variable: Any) -> bool:
    return kind == variable.kind or {kind, variable.kind} <= {"text", "category"}


def _closed(name: str, source: Source) -> bool:
    """Whether the type of a column says which levels there may be."""
    if source[name].kind == "logical":
        return True
    return name in source.frame and source.frame.has_fixed_levels(name)


def _levels_of(names: Sequence[str], plan: Plan, more: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """Levels of factors in all rows: of text in the order of code points, of others by appearance."""
    found: dict[str, dict[str, None]] = {name: {} for name in names}
    text: set[str] = set()
    for data in more:
        source = Source(Frame(data), plan.names)
        for name in names:
            variable = source[name].used_levels()
            found[name] |= dict.fromkeys(variable.levels)
            text |= {name} if variable.kind == "text" else set()
    return {
        name: tuple(sorted(seen)) if name in text else _in_numbers_order(tuple(seen), name in plan.names.derived)
        for name, seen in found.items()
    }


def _in_numbers_order(levels: tuple[str, ...], made: bool) -> tuple[str, ...]:
    """Levels that a call makes of numbers in their order."""
    try:
        return tuple(sorted(levels, key=float)) if made else levels
    except ValueError:
        return levels


def _example(kind: str, levels: Sequence[str], n: int) -> Variable:
    """Some rows of a variable, with all its levels."""
    if kind == "number":
        return Variable.of_numbers(np.linspace(1.0, 2.0, n))
    return Variable.of_codes(np.arange(n) % len(levels or LOGICAL), levels or LOGICAL, kind)


__all__ = ["Part", "Recipe", "make_recipe"]
