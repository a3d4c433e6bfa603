"""Some rows of a design, as if the others had never been given; and rows or levels that are taken several times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError
from .fixed import orthogonalize
from .mixed import MixedDesign, assembled, basis_of_terms
from .parameter import select_parameters
from .random import GroupRows
from .residual import select_residual
from .terms import INTERCEPT

#: Level of each row that is taken and labels of the levels, by position of the factor.
Regrouped = dict[int, tuple[IntArray, AnyArray]]


def select_rows(design: MixedDesign, rows: BoolArray | IntArray) -> MixedDesign:
    """The design of these rows: levels that have none are left out, bases are made anew.

    Levels of a known precision stay, as they do where they have no rows in the data.

    Parameters
    ----------
    design : MixedDesign
    rows : (n,) bool array, or int array
        Which rows; by their numbers they may be taken several times.

    Raises
    ------
    InputError
        Where too little is left: one level of a factor, no more rows than columns of X, no pair of two visits whose
        residuals are correlated.
    """
    return _taken(design, rows, {}, None)


def repeat_levels(design: MixedDesign, by: int, chosen: IntArray) -> MixedDesign:
    """The design of the rows of chosen levels, each copy of which is a level of its own.

    So are the levels of factors that are nested in it; those of other factors stay what they are.

    Parameters
    ----------
    design : MixedDesign
    by : int
        Position of the factor.
    chosen : (m,) int array
        Its levels, in any order, any number of times.

    Raises
    ------
    InputError
        For levels of a known precision, and as `select_rows`.
    """
    factors, outer = design.random.groups, design.random.groups[by]
    order = np.argsort(outer.codes, kind="stable")
    ends = np.cumsum(np.bincount(outer.codes, minlength=outer.grouping.n_levels))
    parts = [order[ends[i - 1] if i else 0 : ends[i]] for i in chosen.tolist()]
    rows, copies = np.concatenate(parts), np.repeat(np.arange(len(chosen)), [len(part) for part in parts])
    regrouped: Regrouped = {}
    for j, f in enumerate(factors):
        if j != by and not is_nested(f, outer):
            continue
        if f.grouping.precision is not None:
            raise InputError(f"the levels of {f.name} are related: nothing says how their copies are")
        pairs, codes = np.unique(copies * f.grouping.n_levels + f.codes[rows], return_inverse=True)
        copy, level = np.divmod(pairs, f.grouping.n_levels)
        names = [f"{f.levels[old]}/{number + 1}" for old, number in zip(level.tolist(), copy.tolist(), strict=True)]
        regrouped[j] = codes.ravel(), np.array(names)
    return _taken(design, rows, regrouped, copies)


def is_nested(inner: GroupRows, outer: GroupRows) -> bool:
    """Whether each level of a factor meets one level of another."""
    pairs = np.unique(inner.codes.astype(np.int64) * outer.grouping.n_levels + outer.codes)
    return len(pairs) == len(np.unique(inner.codes))


def _taken(
    design: MixedDesign, rows: BoolArray | IntArray, regrouped: Regrouped, copies: IntArray | None
) -> MixedDesign:
    metric = design.fixed.weights
    weights, offset, within = (None if v is None else v[rows] for v in (design.weights, design.offset, metric))
    X = design.X[rows]
    if not len(X):
        raise InputError("there are no observations to fit")
    fixed = orthogonalize(X, design.fixed.names, within)
    if fixed.rank >= len(X):
        raise InputError(f"X has {fixed.rank} independent columns for the {len(X)} rows that are left")
    factors = tuple(_selected(f, rows, within, regrouped.get(j)) for j, f in enumerate(design.random.groups))
    selected = assembled(design.y[rows], X, fixed, factors, weights, offset).called(design.response)
    residual = design.residual and select_residual(design.residual, rows, factors, weights, copies)
    return replace(selected, parameters=select_parameters(design.parameters, rows), residual=residual)


def _selected(
    f: GroupRows, rows: BoolArray | IntArray, weights: FloatArray | None, new: tuple[IntArray, AnyArray] | None
) -> GroupRows:
    codes, levels, grouping = f.codes[rows], f.levels, f.grouping
    if new is not None:
        codes, levels = new
    elif grouping.precision is None:
        used, codes = np.unique(codes, return_inverse=True)
        levels = levels[used]
    if grouping.precision is None:
        if len(levels) < 2 and not f.is_penalty:
            raise InputError(f"one level of {f.name} is left: a variance between levels needs at least two")
        grouping = replace(grouping, n_levels=len(levels))
    users = dict(zip(f.column_names, f.users_values[:, rows], strict=True))
    users.pop(INTERCEPT, None)
    columns, R = basis_of_terms(f.terms, users, weights)
    return replace(f, codes=codes, levels=levels, grouping=grouping, columns=columns, R=R)
