"""Other starts for unstructured residuals of few groups, whose likelihood has several maxima, or grows without end.

It grows where some combination u of visits has no residual in the m groups that have all of a visits: u'(y_i - X_i
beta) = 0 has solutions (u, beta) for some data while m is less than a and the columns of X together. Where it has
residuals that are small beside the others there is a maximum with a covariance matrix that is nearly singular: higher
than one in the middle, perhaps, at which a search ends that begins there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import scipy

from ..contracts.arrays import FloatArray, IntArray
from ..design.mixed import MixedDesign

#: Correlation of visits whose signs are tried; up to so many visits in all combinations.
STRONG, ALL_SIGNS = 0.9, 4
#: So many more groups than visits and columns of X are few.
MORE = 2
#: A combination of visits without residual, in parts of the response; and what is left of its variance at a start.
NOTHING, LEFT = 1e-7, 1e-3
#: How often unit vectors are moved, and the rest of their sum that is none.
TIMES, CLOSED = 200, 1e-6


def unstructured_starts(design: MixedDesign) -> Iterator[FloatArray]:
    """Parameters of C (see `_unstructured`) to begin with; none where groups are many."""
    few = list(few_groups(design))
    if not few:
        return
    assert design.residual is not None
    k = len(design.residual.labels.visits)
    for signs in _signs(k):
        yield _parameters(STRONG * np.outer(signs, signs) + (1.0 - STRONG) * np.eye(k))
    for visits, rows in few:
        for u, _ in small_combinations(design, rows):
            whole = np.zeros(k)
            whole[visits] = u
            V, _ = _closed(whole)
            yield _parameters((1.0 - LEFT) * V @ V.T + LEFT * np.eye(k))


def few_groups(design: MixedDesign) -> Iterator[tuple[IntArray, IntArray]]:
    """Sets of visits, and rows (m, a) of the groups that have all of them, where m < a + the columns of X and MORE."""
    place = places_of_visits(design)
    for seen in np.unique(place >= 0, axis=0):
        rows = place[(place[:, seen] >= 0).all(axis=1)][:, seen]
        m, a = rows.shape
        if a > 1 and m < a + design.fixed.rank + MORE:
            yield np.flatnonzero(seen), rows


def places_of_visits(design: MixedDesign) -> IntArray:
    """The row of every group and visit, (groups, k); -1 where there is none."""
    residual = design.residual
    assert residual is not None
    place = np.full((residual.group.max() + 1, len(residual.labels.visits)), -1)
    place[residual.group, residual.position.astype(np.intp)] = np.arange(design.n)
    return place


def _signs(k: int) -> Iterator[FloatArray]:
    """All signs of few visits but for one of them; of many those that set one visit against the others."""
    if k <= ALL_SIGNS:
        for rest in product((1.0, -1.0), repeat=k - 1):
            yield np.array([1.0, *rest])
        return
    yield np.ones(k)
    for against in range(k):
        yield np.where(np.arange(k) == against, -1.0, 1.0)


def small_combinations(design: MixedDesign, rows: IntArray) -> Iterator[tuple[FloatArray, bool]]:
    """Combinations u (a,) of visits of which u'(y_i - Q_i gamma) is least for some gamma, and whether that is zero."""
    weights = np.ones(design.n) if design.weights is None else design.weights
    w, r = np.sqrt(weights)[rows], design.fixed.rank
    y = w * design.y_without_offset[rows]
    Q = w[:, :, None] * design.fixed.Q[rows]
    gamma = np.linalg.lstsq(Q.reshape(-1, r), y.ravel(), rcond=None)[0]
    scale = float(np.linalg.norm(y - Q @ gamma)) or 1.0

    def excess(at: FloatArray) -> FloatArray:
        u = at[r:]
        return np.append((y - Q @ at[:r]) @ u / scale, u @ u - 1.0)

    for u in np.linalg.svd(y - Q @ gamma)[2]:
        found = scipy.optimize.least_squares(excess, np.append(gamma, u), xtol=1e-15, ftol=1e-15, gtol=1e-15)
        yield found.x[r:], bool(np.abs(found.fun).max() < NOTHING)


def cancels(u: FloatArray) -> bool:
    """Whether some correlations leave a combination of standardized visits no variance."""
    return _closed(u)[1] < CLOSED * float(np.abs(u).max())


def _closed(u: FloatArray) -> tuple[FloatArray, float]:
    """Unit vectors v_a for which sum_a u_a v_a is nothing, or small; and its length."""
    k = len(u)
    V: FloatArray = np.asarray(np.linalg.cholesky((1.0 - STRONG / 2.0) * np.eye(k) + STRONG / 2.0), dtype=np.float64)
    for _ in range(TIMES):
        for a in np.flatnonzero(u):
            rest = u @ V - u[a] * V[a]
            size = float(np.linalg.norm(rest))
            if size > 0.0:
                V[a] = -np.sign(u[a]) * rest / size
    return V, float(np.linalg.norm(u @ V))


def _parameters(C: FloatArray) -> FloatArray:
    """Those of the rows a_i / |a_i| of the Cholesky factor of C."""
    L = np.linalg.cholesky(C)
    return np.asarray((L / np.diagonal(L)[:, None])[np.tril_indices(len(C), -1)])


__all__ = ["cancels", "few_groups", "places_of_visits", "small_combinations", "unstructured_starts"]
