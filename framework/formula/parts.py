"""Variables of a formula, and the columns that they make."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from .formulaic import Part, learn
from .plan import Plan
from .size import check_size
from .source import Source, check_finite, table_of
from .variables import Variable


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
