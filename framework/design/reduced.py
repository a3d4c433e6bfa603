"""Designs with less in them: other columns of X, fewer random effects. The rows stay."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Grouping
from .fixed import orthogonalize
from .mixed import MixedDesign, basis_of_terms
from .random import RandomDesign, RandomFactor
from .terms import INTERCEPT, Term


def with_fixed(design: MixedDesign, X: FloatArray, names: Sequence[str]) -> MixedDesign:
    """The design with other columns of X (n, p)."""
    return replace(design, X=X, fixed=orthogonalize(X, tuple(names), design.fixed.weights), notes=())


def without_effects(design: MixedDesign, factor: str, term: int, columns: Collection[str]) -> MixedDesign | None:
    """The design without some columns of a factor's term; None where no random effect is left.

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
    for f in design.random.factors:
        if f.name != factor:
            factors.append(f)
        elif (some := _reduced(f, term, columns, design)) is not None:
            factors.append(some)
    return replace(design, random=RandomDesign.of(tuple(factors), design.n), notes=()) if factors else None


def _reduced(f: RandomFactor, at: int, columns: Collection[str], design: MixedDesign) -> RandomFactor | None:
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
    return RandomFactor(tuple(terms), f.levels, R, grouping, f.codes, basis)
