"""The left side of a formula: numbers, two columns of counts, censored responses, or a factor's places."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import AnyArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from ..design.censored import Surv
from .expressions import evaluate
from .plan import Plan
from .source import Source, check_finite, numbers_of
from .variables import Variable


def response_of(plan: Plan, source: Source, rows: IntArray) -> tuple[AnyArray | Surv, tuple[str, ...], bool]:
    """The response, its levels where it is a factor, whose places it then has, and whether these have no order."""
    if len(plan.response) == 2:
        both = np.column_stack([numbers_of(tree, source, len(rows), plan.response_name) for tree in plan.response])
        if plan.censoring == "interval2":  # open ends are infinite
            check_finite(np.where(np.isnan(both), both, 0.0), (plan.response_name,) * 2, rows)
        else:
            check_finite(both, (plan.response_name,) * 2, rows)
        if plan.censoring:
            return Surv.of_rows(both[:, 0], both[:, 1], plan.censoring, rows), (), False
        return both, (), False
    value = evaluate(plan.response[0], source, source.names.context)
    if isinstance(value, Variable) and value.kind == "text":
        raise InputTypeError(
            f"the response {plan.response_name} is text. For two outcomes write I({plan.response_name} == 'yes'), with "
            "the level that counts as a success; for ordered categories make it a category with its levels in order"
        )
    if isinstance(value, Variable) and value.kind == "category":
        if len(value.levels) < 2:
            raise InputError(f"the response {plan.response_name} has one level: {value.levels[0]}")
        return value.codes.astype(np.float64), value.levels, value.unordered
    y = numbers_of(plan.response[0], source, len(rows), plan.response_name)
    check_finite(y[:, None], (plan.response_name,), rows)
    return y, (), False
