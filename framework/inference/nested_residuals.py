"""Whether one model's covariance structure of residuals is a part of another's."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import AnyArray, IntArray
from ..design.residual import ResidualRows
from ..estimation.model import Fit

#: What each correlation is a special case of.
WIDER = {
    "ar1": ("ar1", "toep", "us"),
    "car1": ("car1", "us"),
    "cs": ("cs", "toep", "us"),
    "toep": ("toep", "us"),
    "us": ("us",),
}
#: Largest part of a column outside of a span that is rounding.
ROUNDING = 1e-6


def contains_residuals(large: Fit, small: Fit) -> bool:
    """Whether the large model's residuals may have the covariances of the small one's."""
    if small.labels.residual is None:
        return True
    mine = small.model.design.residual
    theirs = None if large.labels.residual is None else large.model.design.residual
    assert mine is not None
    if not len(mine.labels):
        return True
    return theirs is not None and _correlation(theirs, mine) and _scales(theirs, mine)


def _correlation(large: ResidualRows, small: ResidualRows) -> bool:
    kind = small.labels.kind
    if not kind:
        return True
    if large.labels.kind not in WIDER[kind] or not _same(large.group, small.group):
        return False
    if kind == "cs":
        return True
    if large.labels.kind == "us":
        return _same(large.position, small.position)
    return _proportional(large.position, small.position, small.group)


def _same(one: AnyArray, other: AnyArray) -> bool:
    """Whether two codings tell the same rows apart."""
    n = len(np.unique(one))
    return n == len(np.unique(other)) == len(np.unique(np.column_stack([one, other]), axis=0))


def _proportional(one: AnyArray, other: AnyArray, group: IntArray) -> bool:
    """Whether the distances of two codings of times are the same within groups, but for their unit."""
    order = np.lexsort((other, group))
    inside = np.diff(group[order]) == 0
    a, b = (np.diff(times[order].astype(np.float64))[inside] for times in (one, other))
    return bool(np.abs(a * b[0] - b * a[0]).max() <= ROUNDING * np.abs(b * a[0]).max())


def _scales(large: ResidualRows, small: ResidualRows) -> bool:
    if not len(small.basis):
        return True
    if not len(large.basis):
        return False
    n = large.basis.shape[1]  # both are orthogonal to ones
    Q = np.linalg.qr(large.basis.T)[0]
    rest = small.basis.T - Q @ (Q.T @ small.basis.T)
    return bool(np.linalg.norm(rest, axis=0).max() <= ROUNDING * np.sqrt(n))
