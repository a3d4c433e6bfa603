"""Hypotheses of tests of terms, types I, II and III: rows of functions of the coefficients that are zero.

Type I: each term after those before it. Type II: each after all that it is not marginal to. With the columns of F in
such an order and F = QR, both are rows of R: what the term explains that its predecessors do not. F'F is X'X (lmerTest,
SAS), or the information V^-1 (car's and lme4's tests of generalized models).

Type III: functions of the term's effects and of those that contain it, orthogonal to all functions of the latter alone
(SAS/STAT User's Guide, The Four Types of Estimable Functions). They are of the model with an indicator of every
combination of levels, so that they do not depend on the contrasts that coded X; without empty cells the means of the
levels of a factor are means over all others with equal weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.linalg import block_diag

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..design.labels import FixedLabels
from .fixed_terms import FixedTerm

#: Singular values below this part of the largest are zero.
ZERO = 1e-8
#: Weights below this are.
ROUNDING = 1e-12


def estimable_rows(fixed: FixedLabels) -> FloatArray:
    """A basis (r, p) of the functions of beta that the data determine: kept coefficients, with the shares of others."""
    B = np.zeros((fixed.rank, len(fixed.names)))
    B[:, fixed.kept] = np.eye(fixed.rank)
    B[:, fixed.dropped] = fixed.relations
    return B


def type_one(terms: Sequence[FixedTerm], fixed: FixedLabels, F: FloatArray) -> list[FloatArray]:
    """Each term (c, p) after those before it; F (r, r) is of the kept columns."""
    order = np.concatenate([term.columns for term in terms])
    return [_after(term, order, fixed, F) for term in terms]


def type_two(
    terms: Sequence[FixedTerm], fixed: FixedLabels, F: FloatArray, marginal_to: Sequence[Sequence[FixedTerm]]
) -> list[FloatArray]:
    """Each term (c, p) after all that it is not marginal to."""
    out = []
    for term, above in zip(terms, marginal_to, strict=True):
        before = [t for t in terms if t is not term and t not in above]
        order = np.concatenate([t.columns for t in (*before, term, *above)])
        last = estimable_rows(fixed)[np.isin(fixed.kept, term.columns)]
        out.append(_after(term, order, fixed, F) if above else last)
    return out


def _after(term: FixedTerm, order: IntArray, fixed: FixedLabels, F: FloatArray) -> FloatArray:
    """Rows of R, with ones on its diagonal, for the columns of a term in this order."""
    place = {column: i for i, column in enumerate(fixed.kept.tolist())}
    kept = np.array([place[column] for column in order.tolist() if column in place], dtype=np.intp)
    R = np.linalg.qr(F[:, kept], mode="r")
    rows = np.zeros_like(R)
    rows[:, kept] = R / np.diagonal(R)[:, None]
    return np.asarray(rows[np.isin(fixed.kept[kept], term.columns)] @ estimable_rows(fixed))


def type_three(terms: Sequence[FixedTerm], fixed: FixedLabels) -> list[FloatArray]:
    """Each term (c, p) by the functions that involve it and what contains it, orthogonal to what contains it.

    Terms of which no column was kept are left out, as if they were not in the model.
    """
    there = [term for term in terms if np.isin(term.columns, fixed.kept).any()]
    rows = dict(zip((term.name for term in there), _type_three(there, fixed), strict=True))
    return [rows.get(term.name, np.zeros((0, len(fixed.names)))) for term in terms]


def _type_three(terms: Sequence[FixedTerm], fixed: FixedLabels) -> Iterator[FloatArray]:
    columns = np.concatenate([term.columns for term in terms])
    G = np.zeros((sum(len(term.coding) for term in terms), len(fixed.names)))
    G[:, columns] = block_diag(*(term.coding for term in terms))
    owner = np.repeat(np.arange(len(terms)), [len(term.coding) for term in terms])
    # effects of all combinations that mean the same as coefficients beta: theta = G beta, and beta = P theta
    MG = _balanced(terms) @ G[:, columns]
    P = np.zeros((len(fixed.names), len(G)))
    P[columns] = np.linalg.solve(G[:, columns].T @ MG, MG.T)
    B = estimable_rows(fixed)
    E = B @ P
    for i, term in enumerate(terms):
        own = owner == i
        above = np.isin(owner, [j for j, t in enumerate(terms) if term.is_in(t, numbers_too=True)])
        S = _without(E, ~(own | above))
        W = _orthogonal(S, _without(S, own))
        L = _normalized(W, own, term) @ G[:, fixed.kept]
        L[np.abs(L) < ROUNDING] = 0.0
        yield L @ B


def _balanced(terms: Sequence[FixedTerm]) -> FloatArray:
    """Mean products of the indicators of all combinations over a table in which each occurs once."""
    return np.block([[_mean_products(a, b) for b in terms] for a in terms])


def _mean_products(a: FixedTerm, b: FixedTerm) -> FloatArray:
    mine, others = a.cells, b.cells
    sizes = {f.name: f.size for f in (*a.factors, *b.factors)}
    alike = np.full((len(a.coding), len(b.coding)), a.numeric == b.numeric)
    for name in mine.keys() & others.keys():
        alike &= mine[name][:, None] == others[name]
    return np.asarray(alike / np.prod([float(n) for n in sizes.values()]))


def _without(rows: FloatArray, columns: BoolArray) -> FloatArray:
    """Combinations of rows that are zero in these columns."""
    some = rows[:, columns]
    size = np.abs(some).max(axis=0, initial=0.0)
    some = some[:, size > ZERO] / size[size > ZERO]
    if some.size == 0:
        return rows
    U, s, _ = np.linalg.svd(some, full_matrices=some.shape[1] < len(some))
    rank = int((s > ZERO * s[0]).sum())
    return np.asarray(U[:, rank:].T @ rows)


def _orthogonal(rows: FloatArray, to: FloatArray) -> FloatArray:
    """A basis of what the rows span, orthogonal to other rows among them."""
    Q = _span(to)
    rest = rows - (rows @ Q.T) @ Q
    return _span(rest, len(rows) - len(Q))


def _span(rows: FloatArray, rank: int | None = None) -> FloatArray:
    """An orthonormal basis of what rows span."""
    if len(rows) == 0:
        return rows
    _, s, Vt = np.linalg.svd(rows, full_matrices=False)
    return np.asarray(Vt[: int((s > ZERO * s.max(initial=ZERO)).sum()) if rank is None else rank])


def _normalized(W: FloatArray, own: BoolArray, term: FixedTerm) -> FloatArray:
    """Rows that span the same, each of which has one at one combination of levels and zero at those of the others.

    These are levels but the first ones as far as possible: so differences from the first level, as lmerTest has them.
    Satterthwaite's joint tests depend on such a choice, and so do not depend on contrasts.
    """
    if len(W) == 0:
        return W
    mine = W[:, own]
    # among combinations with first levels and those without: the latter first
    later = [(levels > 0) | (name in term.numeric) for name, levels in term.cells.items()]
    order = np.argsort(~np.logical_and.reduce([np.ones(mine.shape[1], dtype=bool), *later]), kind="stable")
    chosen = _independent(mine[:, order], len(W))
    return np.asarray(np.linalg.solve(mine[:, order[chosen]], W))


def _independent(rows: FloatArray, rank: int) -> IntArray:
    """The first `rank` columns that do not depend on those before them."""
    chosen: list[int] = []
    rest = rows / max(float(np.abs(rows).max()), 1e-300)
    for j in range(rows.shape[1]):
        v = rest[:, j]
        length = float(np.linalg.norm(v))
        if length > 1e-6 and len(chosen) < rank:
            chosen.append(j)
            rest = rest - np.outer(v, v @ rest) / length**2
    return np.array(chosen, dtype=np.intp)
