"""A point of the search in the basis of its covariance matrices' eigenvectors.

With Sigma = T T' = U S^2 U', T = U S in one basis of the random effects is T = S in another: diagonal, so that rank is
lost along a straight line, and columns of zeros are the null space.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ..contracts.arrays import FloatArray
from .criterion import Criterion, Root

#: A covariance matrix is singular when its relative factor's smallest singular value is below this (lme4's isSingular).
SINGULAR = 1e-4
#: Below this it is looked at in the basis of its eigenvectors, and zero is tried.
NEARLY_SINGULAR = 0.05
#: A singular value below `SINGULAR` is zero where the deviance is higher by no more than this without it.
UNNOTICED = 1e-7
#: Values are exact up to this part of themselves.
ROUNDING = 1e-12

C = TypeVar("C", bound=Criterion[Any])


def leveled(criterion: C, x: FloatArray) -> tuple[C, FloatArray]:
    """The same point in the basis of eigenvectors of all matrices that are nearly singular.

    Small eigenvalues are put to zero where the criterion is not higher there.
    """
    criterion, x, small = aligned(criterion, x, NEARLY_SINGULAR)
    value = criterion.exact.value(x) if small else np.inf
    for root in small:
        s = np.diagonal(root.of(x))
        for rank in range(int((s >= NEARLY_SINGULAR).sum()), len(s)):
            zeroed = root.put(x, np.diag(np.where(np.arange(len(s)) < rank, s, 0.0)))
            there = value if np.array_equal(zeroed, x) else criterion.exact.value(zeroed)
            nothing = UNNOTICED if s[rank] < SINGULAR else 1e-10 + ROUNDING * abs(value)
            if there <= value + nothing:
                x, value = zeroed, there
                break
    return criterion, x


def aligned(criterion: C, x: FloatArray, below: float = np.inf) -> tuple[C, FloatArray, list[Root]]:
    """The same point in the basis of eigenvectors of all matrices whose smallest singular value of T is `below`.

    T is diagonal there, and loses rank along a straight line; elsewhere valleys towards lower rank are curved.
    """
    by, there = [np.eye(k) for k in criterion.columns], x
    turned = []
    for root in criterion.roots:
        U, s, _ = np.linalg.svd(root.of(x))
        if s[-1] < below:
            mine = slice(root.first, root.first + len(root))
            by[root.group][mine, mine] = U
            there = root.put(there, np.diag(s))
            turned.append(root)
    if all(len(root) == 1 for root in turned):
        return criterion, there, turned
    rotated = criterion.rotated(by)
    if not np.isfinite(rotated.exact.value(there)):  # modes beside an edge, which are found from their neighbours only
        return criterion, x, []
    return rotated, there, turned


def by_covariance(criterion: Criterion[Any], x: FloatArray, sizes: FloatArray) -> FloatArray:
    """Steps of T that change Sigma by its own size, or by 1 where that is larger: d Sigma = dT T' + T dT'."""
    out = sizes.copy()
    for root in criterion.roots:
        columns = np.sqrt((root.of(x) ** 2).sum(axis=0))
        stretch = 1.0 / np.where(columns > 0, np.minimum(columns, 1.0), 1.0)
        out[root.entries] *= stretch[root.lower[1]]
    return out


__all__ = ["NEARLY_SINGULAR", "ROUNDING", "SINGULAR", "C", "aligned", "by_covariance", "leveled"]
