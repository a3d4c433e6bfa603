"""Grouping factors of a formula: columns, calls, and combinations such as ``class:school``."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray
from ..contracts.errors import InputError
from ..design.dictionaries import hashed_integers, is_wide
from .columns import library
from .expressions import evaluate
from .plan import RandomPlan
from .source import Source
from .variables import Variable


def labels_of(random: RandomPlan, source: Source) -> tuple[AnyArray, AnyArray]:
    """Labels (n,) of a grouping factor, and where they are missing."""
    parts = [_grouping(tree, source) for tree in random.parts]
    missing = np.logical_or.reduce([part.missing for part in parts])
    if len(parts) == 1:
        return _labels(parts[0]), missing
    texts = [np.array([*f.levels, ""], dtype=object)[f.codes] for f in (part.as_factor() for part in parts)]
    joined = np.array([":".join(labels) for labels in zip(*texts, strict=True)])
    return joined, missing


def grouping_of(random: RandomPlan, source: Source) -> Any:
    """Labels of a grouping factor for the array front end: numbers, or categories in the order of levels.

    Levels of combinations are those that occur, the first factor's vary slowest.
    """
    parts = [_grouping(tree, source) for tree in random.parts]
    if len(parts) == 1 and not parts[0].is_factor:
        return _numbers(parts[0].values)
    factors = [part.as_factor().used_levels() for part in parts]
    codes, levels = factors[0].codes, factors[0].levels
    for more in factors[1:]:
        cells, codes = np.unique(codes * len(more.levels) + more.codes, return_inverse=True)
        first, second = np.divmod(cells, len(more.levels))
        levels = tuple(f"{levels[a]}:{more.levels[b]}" for a, b in zip(first.tolist(), second.tolist(), strict=True))
    if len(set(levels)) < len(levels):
        raise InputError(f"{random.label}: labels with a colon in them make two combinations read alike; rename them")
    return library("pandas").Categorical.from_codes(codes, categories=list(levels))


def _numbers(values: AnyArray) -> Any:
    """Numbers as labels; integers that are spread widely as categories, which hashing finds sooner than sorting."""
    if values.dtype.kind not in "iu" or not is_wide(values):
        return values
    pd = library("pandas")
    found = hashed_integers(pd.Series(values, copy=False), values)
    assert found is not None
    return pd.Categorical.from_codes(found[0], categories=found[1])


def _grouping(tree: ast.expr, source: Source) -> Variable:
    value = source(tree.id) if isinstance(tree, ast.Name) else evaluate(tree, source, source.names.context)
    if isinstance(value, Variable):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 1 and len(value) > 0:
        return Variable.of_numbers(value)
    raise InputError(f"the grouping factor {source.names.display(ast.unparse(tree))} is no column")


def _labels(variable: Variable) -> AnyArray:
    if variable.is_factor:
        return np.array([*variable.levels, ""], dtype=object)[variable.codes]
    return variable.values
