"""Joint tests of rows: of the groups of a table, or of every term of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...contracts.arrays import FloatArray
from ...design.labels import SAME_COLUMN, FixedLabels
from ...display.records import Table
from ...estimation.model import Fit
from .. import caveats
from ..contrasts import estimates, joint_test
from ..methods import JointTest, Method
from .linear import text_of

#: Rows of the basis shorter than this part of the longest are nothing.
NOTHING = 1e-9


def joint_tests_by(
    fit: Fit, method: Method, tests: Sequence[tuple[Mapping[str, Any], FloatArray]], *, title: str = "", frame: str = ""
) -> Table:
    """A table of tests that rows L beta (c, p) are zero together, each with the labels that say which.

    Of rows that X does not determine, what is determined of their span is tested. Where nothing is, there is no row.
    Notes say which these are.
    """
    tried = [(key, L, _test(fit, method, L)) for key, L in tests]
    found = [(key, test) for key, _, test in tried if test is not None]
    columns: dict[str, Any] = {name: [key[name] for key, _ in found] for name in (tests[0][0] if tests else {})}
    columns["df1"] = [test.df for _, test in found]
    f = any(np.isfinite(test.df_denominator) for _, test in found)
    if f:
        columns["df2"] = [test.df_denominator for _, test in found]
    columns |= {"statistic": [t.statistic for _, t in found], "p_value": [t.p_value for _, t in found]}
    names = {"statistic": "F value", "p_value": "Pr(>F)"} if f else {"statistic": "Chisq", "p_value": "Pr(>Chisq)"}
    said = [caveats.first_threshold(fit), *caveats.of_method(fit, method, caveats.CHI_SQUARED), *_not_determined(tried)]
    notes = tuple(filter(None, said))
    return Table(columns, title=title or f"Joint tests by {method.title}", notes=notes, headers=names, frame=frame)


def _not_determined(tried: Sequence[tuple[Mapping[str, Any], FloatArray, JointTest | None]]) -> Iterator[str]:
    """What is said of tests that there are not, and of those of a part of their rows."""
    nothing = [_name(key) for key, _, test in tried if test is None]
    part = [_name(key) for key, L, test in tried if test is not None and test.df < _rank(L)]
    if nothing:
        yield f"Left out, since the data determine nothing of them (empty cells): {', '.join(nothing)}"
    if part:
        yield f"Only what the data determine is tested, with fewer degrees of freedom: {', '.join(part)}"


def _name(key: Mapping[str, Any]) -> str:
    return " ".join(text_of(value) for value in key.values()) or "these rows"


def _rank(L: FloatArray) -> int:
    """Of the rows, with one for each that is a mean of no cell."""
    empty = np.isnan(L).any(axis=1)
    return int(empty.sum()) + int(np.linalg.matrix_rank(L[~empty]) if (~empty).any() else 0)


def _test(fit: Fit, method: Method, L: FloatArray) -> JointTest | None:
    L = determined(fit.labels.fixed, L[~np.isnan(L).any(axis=1)])
    if len(L) == 0:
        return None
    found = estimates(fit, method, L)
    return joint_test(method, found.rows, found.values)


def determined(fixed: FixedLabels, L: FloatArray) -> FloatArray:
    """Rows that span what X determines of the span of L (c, p), independent of each other."""
    L = L[(np.abs(L) > 0.0).any(axis=1)]
    if len(fixed.dropped) and len(L) and not fixed.estimable(L).all():
        size = np.abs(L).max()
        off = (L[:, fixed.dropped] - L[:, fixed.kept] @ fixed.relations) / size
        U, s, _ = np.linalg.svd(off)
        rank = int((s > SAME_COLUMN * max(float(s.max(initial=0.0)), 1.0)).sum())
        L = U[:, rank:].T @ L
        L[np.abs(L) < NOTHING * size] = 0.0
        # what is left over of the dropped columns is rounding
        L[:, fixed.dropped] = L[:, fixed.kept] @ fixed.relations
    rows = fixed.in_basis(L) if len(L) else np.empty((0, fixed.rank))
    return L[np.linalg.norm(rows, axis=1) > NOTHING * np.linalg.norm(rows, axis=1).max(initial=0.0)] if len(L) else L
