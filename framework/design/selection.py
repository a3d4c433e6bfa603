"""Some rows of a design, as if the others had never been given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError
from .fixed import orthogonalize
from .mixed import MixedDesign, assembled, basis_of_terms
from .parameter import select_parameters
from .random import RandomFactor
from .terms import INTERCEPT


def select_rows(design: MixedDesign, rows: BoolArray) -> MixedDesign:
    """The design of these rows: levels that have none are left out, bases are made anew.

    Levels of a known precision stay, as they do where they have no rows in the data.

    Parameters
    ----------
    design : MixedDesign
    rows : (n,) bool array

    Raises
    ------
    InputError
        Where too little is left: one level of a factor, or no more rows than columns of X.
    """
    if not rows.any():
        raise InputError("there are no observations to fit")
    metric = design.fixed.weights
    weights, offset, within = (None if v is None else v[rows] for v in (design.weights, design.offset, metric))
    X = design.X[rows]
    fixed = orthogonalize(X, design.fixed.names, within)
    if fixed.rank >= len(X):
        raise InputError(f"X has {fixed.rank} independent columns for the {len(X)} rows that are left")
    factors = tuple(_selected(f, rows, within) for f in design.random.factors)
    selected = assembled(design.y[rows], X, fixed, factors, weights, offset).called(design.response)
    return replace(selected, parameters=select_parameters(design.parameters, rows))


def _selected(f: RandomFactor, rows: BoolArray, weights: FloatArray | None) -> RandomFactor:
    codes, levels, grouping = f.codes[rows], f.levels, f.grouping
    if grouping.precision is None:
        used, codes = np.unique(codes, return_inverse=True)
        levels = levels[used]
        if len(levels) < 2:
            raise InputError(f"one level of {f.name} is left: a variance between levels needs at least two")
        grouping = replace(grouping, n_levels=len(levels))
    users = dict(zip(f.column_names, f.users_values[:, rows], strict=True))
    users.pop(INTERCEPT, None)
    columns, R = basis_of_terms(f.terms, users, weights)
    return replace(f, codes=codes, levels=levels, grouping=grouping, columns=columns, R=R)
