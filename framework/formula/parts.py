"""Variables of a part of a formula: which rows have them, and the columns that they make."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from .expressions import variables
from .formulaic import Part, learn
from .plan import Plan
from .size import check_size
from .source import Source, check_finite, table_of
from .variables import Variable


def with_bases(used: Sequence[str], plan: Plan) -> list[str]:
    """Names of variables, and of those that they are made of."""
    return list(dict.fromkeys([*used, *(name for listed in _bases(plan).values() for name in listed)]))


def _bases(plan: Plan) -> dict[str, Sequence[str]]:
    """What the variables that calls make are made of."""
    made = plan.names.derived
    return {d: variables(ast.parse(text, mode="eval").body, plan.names) for d, text in made.items()}


def missing_rows(used: Sequence[str], plan: Plan, source: Source, inside: BoolArray) -> dict[str, BoolArray]:
    """Rows in which each variable is missing; what is missing because a column is, is that column's."""
    missing = {name: v.missing & inside for name in used if isinstance(v := source[name], Variable)}
    for name, listed in _bases(plan).items():
        if name in missing:
            missing[name] &= ~np.logical_or.reduce([missing.get(base, ~inside) for base in listed])
    return missing


def kinds(used: Sequence[str], source: Source) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Kind and levels of each variable."""
    return {n: (v.kind, v.levels) for n in used if isinstance(v := source[n], Variable)}


def columns_of(plan: Plan, source: Source, rows: IntArray) -> tuple[dict[str, FloatArray], dict[str, Part]]:
    """Matrices and what was learned, by the text that formulaic was given."""
    used = {name: source[name] for name in plan.encoded}
    for name, variable in used.items():
        if isinstance(variable, Variable) and variable.is_factor and len(variable.levels) < 2:
            raise InputError(
                f"{name} has the one level {', '.join(variable.levels)} in the rows that are used: leave it out"
            )
        if name in plan.names.coded and not (isinstance(variable, Variable) and variable.is_factor):
            raise InputTypeError(f"contrasts are for factors, and {name} is numeric: write factor({name})")
        if isinstance(variable, Variable) and not variable.is_factor:
            check_finite(variable.values[:, None].astype(np.float64), (name,), rows)
    table = table_of(used, plan.names, len(rows))
    check_size(plan.sources, table, plan.names)
    matrices, parts = {}, {}
    for text in plan.sources:
        matrices[text], parts[text] = learn(text, table, plan.names)
        check_finite(matrices[text], parts[text].columns, rows)
    return matrices, parts
