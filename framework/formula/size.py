"""How large the columns of a formula would be: those that no computer holds, or no data can tell apart, are refused."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from ..contracts.errors import InputError
from .expressions import Names, calls, evaluate
from .formulaic import factors_of
from .functions import STATEFUL

#: Columns that one sum of terms may make: a few for each row, but of small data some more.
MOST_FOR_A_ROW, MOST_OF_FEW_ROWS = 10, 1000
#: Memory of the columns of all sums.
MOST_BYTES = 8 * 2**30


def check_size(sources: Sequence[str], table: Any, names: Names) -> None:
    """Refuse sums of terms by what their columns would take, before any is made.

    Parameters
    ----------
    sources : sequence of str
        Sums of terms, as formulaic reads them.
    table : pandas.DataFrame
        Numbers and categories of the rows.
    names : Names

    Raises
    ------
    InputError
        With the largest term.
    """
    n = len(table)
    advice = "Use fewer interactions or levels; a factor of many levels is a random term, as in (1 | g)"
    everything: dict[str, int] = {}
    for source in sources:
        sizes = {term: _columns(factors, table, names) for term, factors in factors_of(source).items()}
        if sum(sizes.values()) > max(MOST_FOR_A_ROW * n, MOST_OF_FEW_ROWS):
            raise InputError(f"{_said(sizes, n, names)}: more than any data could tell apart. {advice}")
        everything |= {f"{term} in {source}": size for term, size in sizes.items()}
    if (size := 8 * n * sum(everything.values())) > MOST_BYTES:
        said = _said(everything, n, names)
        raise InputError(f"{said}: {size / 2**30:,.1f} GiB, and at most 8 are made. {advice}")


def _said(sizes: Mapping[str, int], n: int, names: Names) -> str:
    largest = max(sizes, key=lambda term: sizes[term])
    count = sum(sizes.values())
    return f"the terms make {count:,} columns of {n:,} rows, {names.display(largest)} alone {sizes[largest]:,}"


def _columns(factors: Sequence[str], table: Any, names: Names) -> int:
    """Columns that a product makes at most."""
    return prod(_columns_of(ast.parse(factor, mode="eval").body, table, names) for factor in factors)


def _columns_of(tree: ast.expr, table: Any, names: Names) -> int:
    """Columns of one factor: its levels; what `poly` and the splines are asked for; else one."""
    if isinstance(tree, ast.Name) and tree.id in table:
        return len(getattr(table[tree.id].dtype, "categories", "1"))
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.func.id not in STATEFUL:
        return 1
    if tree.func.id == "C":
        return _columns_of(tree.args[0], table, names)
    asked = [*tree.args[1:], *(k.value for k in tree.keywords if k.arg in ("degree", "df", "knots"))]
    made, written = max((_whole(node, names) for node in asked), default=1), names.display(ast.unparse(tree))
    if made >= len(table):
        raise InputError(f"{written} makes {made:,} columns of {len(table):,} rows: ask for fewer")
    if tree.func.id == "poly" and not _raw(tree) and made >= (count := _distinct(tree.args[0], table, names)):
        raise InputError(
            f"{written}: a polynomial of degree {made:,} needs {made + 1:,} distinct values, and there are {count:,}: "
            "ask for a lower degree, or take the values as levels, by factor(...)"
        )
    return made


def _raw(call: ast.Call) -> bool:
    """Whether powers are asked for, which need not be independent."""
    asked = [*call.args[2:3], *(k.value for k in call.keywords if k.arg == "raw")]
    return any(isinstance(node, ast.Constant) and node.value is True for node in asked)


def _distinct(tree: ast.expr, table: Any, names: Names) -> int:
    """Distinct values of an expression; what `scale` and `center` make of one keeps them apart."""
    while isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in ("scale", "center"):
        tree = tree.args[0]
    if calls(tree) & set(STATEFUL):
        return len(table)
    values = evaluate(
        tree, lambda name: table[name].to_numpy() if name in table else names.context[name], names.context
    )
    return len(np.unique(np.asarray(values)))


def _whole(node: ast.expr, names: Names) -> int:
    """A number of columns: a whole number, a constant of the context, or one for each knot of a list."""
    if isinstance(node, ast.List):
        return len(node.elts) + 4
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(node, ast.Name):
        value = names.context.get(names.variable(node.id))
    return value if isinstance(value, int) and value > 1 else 1
