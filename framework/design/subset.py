"""Some of the rows of a design, as if no others had ever been there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import InputError
from ..contracts.linalg import Grouping
from .fixed import orthogonalize
from .mixed import MixedDesign, basis_of_terms
from .random import RandomDesign, RandomFactor
from .terms import INTERCEPT


def subset(design: MixedDesign, keep: BoolArray) -> MixedDesign:
    """The rows that are kept: bases are made anew, and levels that are left without rows are gone.

    Those of a known precision stay, as they do in a fit to these rows with that precision.

    Raises
    ------
    InputError
        Where nothing is left to estimate variances from.
    """
    weights, offset = (None if v is None else v[keep] for v in (design.weights, design.offset))
    metric = None if design.fixed.weights is None else weights
    X = design.X[keep]
    fixed = orthogonalize(X, design.fixed.names, metric)
    if fixed.rank >= len(X):
        raise InputError(f"X has {fixed.rank} independent columns for the {len(X)} rows that are left")
    factors = tuple(_of_rows(f, keep, metric) for f in design.random.factors)
    return replace(
        design,
        y=design.y[keep],
        X=X,
        fixed=fixed,
        random=RandomDesign.of(factors, len(X)),
        weights=weights,
        offset=offset,
        notes=(),
    )


def _of_rows(f: RandomFactor, keep: BoolArray, metric: FloatArray | None) -> RandomFactor:
    codes, levels, grouping = f.codes[keep], f.levels, f.grouping
    if grouping.precision is None:
        there, codes = np.unique(codes, return_inverse=True)
        levels, grouping = f.levels[there], Grouping(f.name, len(there), grouping.n_columns)
    if len(levels) < 2:
        raise InputError(f"one level of {f.name} is left: a variance between levels needs at least two")
    ones = np.ones(len(codes))
    users = f.R.T @ np.array([ones if z is None else z[keep] for z in f.columns])
    columns = {name: z for name, z in zip(f.column_names, users, strict=True) if name != INTERCEPT}
    basis, R = basis_of_terms(f.terms, columns, metric)
    return RandomFactor(terms=f.terms, levels=levels, codes=codes, columns=basis, R=R, grouping=grouping)
