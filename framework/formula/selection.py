"""Which rows of a frame are used: those of the subset in which nothing of the model is missing."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from ..design.reading import rows_text
from .expressions import Names, evaluate, variables
from .source import Source
from .variables import Variable


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows that are used, and how many are not.

    Parameters
    ----------
    rows : (n,) int array
    dropped : dict of str to int
        Rows of the subset in which a variable is missing, by variable.
    n_dropped, n_outside : int
        Rows in which any is missing, and rows that are not in the subset.
    """

    rows: IntArray
    dropped: dict[str, int]
    n_dropped: int
    n_outside: int


def select(
    source: Source,
    used: Sequence[str],
    subset: ast.expr | None,
    read: Mapping[str, FloatArray],
    na_action: str,
    others: Sequence[tuple[Source, Sequence[str]]] = (),
) -> Selection:
    """One mask over all variables of the model, before anything is encoded.

    Parameters
    ----------
    source : Source
    used : sequence of str
        Variables that no row may lack.
    subset : ast.expr, optional
    read : dict of str to (n,) array
        Arrays that were given as weights, offset and subset.
    na_action : {"omit", "raise"}
    others : sequence of (Source, names)
        Variables of formulas beside the model's.

    Raises
    ------
    InputError, InputTypeError
        Where values are missing and may not be, no row is left, or the subset is no mask.
    """
    inside = _subset(subset, read.get("subset"), source)
    missing: dict[str, BoolArray] = {}
    for each, names in (*others, (source, used)):
        missing |= _missing(each, names, inside)
    missing |= {name: np.isnan(a) & inside for name, a in read.items() if name != "subset"}
    missing = {name: where for name, where in missing.items() if where.any()}
    if missing and na_action == "raise":
        said = "; ".join(f"{name} in {rows_text(where)}" for name, where in missing.items())
        raise InputError(f"values are missing: {said}. na_action='omit' leaves these rows out")
    lost = np.logical_or.reduce([np.zeros(source.frame.n, dtype=bool), *missing.values()])
    rows = np.flatnonzero(inside & ~lost)
    if len(rows) == 0:
        raise InputError("no row is left: " + (", ".join(missing) + " missing" if missing else "the subset is empty"))
    dropped = {name: int(where.sum()) for name, where in missing.items()}
    return Selection(rows, dropped, int(lost.sum()), int((~inside).sum()))


def behind(names: Names) -> dict[str, list[str]]:
    """Variables that those made by calls are made from: ``k`` of ``factor(k)``."""
    return {d: variables(ast.parse(text, mode="eval").body, names) for d, text in names.derived.items()}


def with_bases(used: Sequence[str], names: Names) -> list[str]:
    """Names of variables, and of those that they are made from."""
    return list(dict.fromkeys([*used, *(name for listed in behind(names).values() for name in listed)]))


def _missing(source: Source, used: Sequence[str], inside: BoolArray) -> dict[str, BoolArray]:
    """Rows of the subset in which each variable is missing."""
    missing = {name: v.missing & inside for name in used if isinstance(v := source[name], Variable)}
    for name, listed in behind(source.names).items():  # what is missing because a column is, is that column's
        if name in missing:
            missing[name] &= ~np.logical_or.reduce([missing.get(base, ~inside) for base in listed])
    return missing


def _subset(tree: Any, mask: FloatArray | None, source: Source) -> BoolArray:
    if mask is not None:
        if not np.isin(mask[~np.isnan(mask)], (0.0, 1.0)).all():
            raise InputTypeError("subset must be a mask of True and False, a value for each row, or an expression")
        return np.asarray(mask == 1)
    if tree is None:
        return np.ones(source.frame.n, dtype=bool)
    value = evaluate(tree, source, source.names.context)
    if not isinstance(value, Variable) or value.kind != "logical":
        raise InputTypeError("subset must be logical, as in subset='age > 20'")
    return np.asarray(value.codes == 1)
