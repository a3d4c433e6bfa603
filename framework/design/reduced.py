"""Designs with less in them: other columns of X, fewer random effects, a simpler residual. The rows stay."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Grouping
from .fixed import orthogonalize
from .mixed import MixedDesign, basis_of_terms
from .random import GroupRows, RandomDesign
from .residual import ResidualRows
from .residual_labels import ResidualLabels
from .terms import INTERCEPT, Term


def with_fixed(design: MixedDesign, X: FloatArray, names: Sequence[str]) -> MixedDesign:
    """The design with other columns of X (n, p)."""
    return replace(design, X=X, fixed=orthogonalize(X, tuple(names), design.fixed.weights), notes=())


def without_effects(design: MixedDesign, factor: str, term: int, columns: Collection[str]) -> MixedDesign | None:
    """The design without some columns of a factor's term; None where neither a random effect is left nor a residual.

    Parameters
    ----------
    design : MixedDesign
    factor : str
    term : int
        Which of the factor's terms.
    columns : names
        What to leave out; all of a term are the term.
    """
    factors = []
    for f in design.random.groups:
        if f.name != factor:
            factors.append(f)
        elif (some := _reduced(f, term, columns, design)) is not None:
            factors.append(some)
    if not factors and design.residual is None:
        return None
    return replace(design, random=RandomDesign.of(tuple(factors), design.n), notes=())


def without_correlation(design: MixedDesign) -> MixedDesign | None:
    """The design with independent residuals, of the same variances; None where no model but a regression is left."""
    rows = design.residual
    assert rows is not None
    labels = ResidualLabels("", "", "", (), 0, rows.labels.dispersion, rows.labels.to_users, rows.labels.strata)
    nowhere = np.zeros(design.n)
    return _of_residual(design, ResidualRows(labels, nowhere.astype(np.intp), nowhere, rows.basis))


def without_dispersion(design: MixedDesign) -> MixedDesign | None:
    """The design with residuals of one variance, correlated as they were; None where only a regression is left."""
    rows = design.residual
    assert rows is not None
    labels = replace(rows.labels, dispersion=(), to_users=np.zeros((0, 0)), strata=False)
    return _of_residual(design, replace(rows, labels=labels, basis=np.zeros((0, design.n))))


def _of_residual(design: MixedDesign, rows: ResidualRows) -> MixedDesign | None:
    if len(rows.labels):
        return replace(design, residual=rows, notes=())
    return replace(design, residual=None, notes=()) if design.random.groups else None


def _reduced(f: GroupRows, at: int, columns: Collection[str], design: MixedDesign) -> GroupRows | None:
    """The factor without these columns; None without any."""
    terms: list[Term] = []
    for i, term in enumerate(f.terms):
        left = tuple(c for c in term.columns if i != at or c not in columns)
        if left:
            terms.append(replace(term, columns=left))
    if not terms:
        return None
    values = dict(zip(f.column_names, f.users_values, strict=True))
    basis, R = basis_of_terms(terms, {name: z for name, z in values.items() if name != INTERCEPT}, design.fixed.weights)
    grouping = Grouping(f.name, f.grouping.n_levels, len(basis), f.grouping.precision)
    return GroupRows(tuple(terms), f.levels, R, grouping, f.codes, basis)
