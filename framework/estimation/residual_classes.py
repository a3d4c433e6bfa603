"""Rows of few different residual variances: their cross-products by variance, of which those of all rows are a sum.

With R = diag(1 / (w_i lambda_c)) for rows i of class c, lambda_c = exp(-2 beta_c' x),

    Z'R^-1 Z = sum_c lambda_c (Z'WZ)_c

and so on, so that no evaluation looks at the rows. With E = [Q y] - Z B as in `residual_criterion`, the derivatives by
lambda_c are those by the sums:

    d log|M| = sum_c <S, (Z'WZ)_c> dlambda_c,   d [Q y]'V^-1 [Q y] = sum_c (E'WE)_c dlambda_c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.linalg import PatternBlocks
from ..design.crossproducts import CrossProducts, cross_products, products_of
from ..design.mixed import MixedDesign
from ..design.residual import ResidualRows

#: Most classes, how many rows there are at least for each entry of their sums, and in each class.
MOST, ROWS, LEAST = 16, 4, 20
#: Precisions that are further apart leave sums few digits of the residuals of a class: its rows have them. The same
#: where so large a part of the responses is taken up by effects.
FAR_APART = 1e6
#: Values of the columns that variances depend on are the same up to this: rows of one matrix product may differ.
SAME = 1e-12


@dataclass(frozen=True, eq=False)
class ResidualClasses:
    """Cross-products of the rows of each variance.

    Parameters
    ----------
    whole : CrossProducts
        Those of all rows, of one variance.
    parts : tuple of CrossProducts
        Those of each class c, with the same regression taken out of y.
    beta : (C, m) array
        The columns that variances depend on.
    counts : (C,) array
        Numbers of rows.
    """

    whole: CrossProducts
    parts: tuple[CrossProducts, ...]
    beta: FloatArray
    counts: FloatArray

    @classmethod
    def of(cls, design: MixedDesign) -> ResidualClasses | None:
        """The classes of a design's rows; None where residuals are correlated, or variances too many."""
        rows = design.residual
        assert rows is not None
        codes = (
            None if rows.labels.n_correlations else classes_of(rows, min(MOST, design.n // (ROWS * _entries(design))))
        )
        if codes is None or np.bincount(codes).min() < LEAST:
            return None
        first = np.unique(codes, return_index=True)[1]
        w = np.ones(design.n) if design.weights is None else design.weights
        whole = cross_products(replace(design, weights=w))
        rest = design.y_without_offset - design.fixed.Q @ whole.gamma0
        parts = [products_of(design, np.where(codes == c, w, 0.0), rest, whole.gamma0) for c in range(len(first))]
        return cls(whole, tuple(parts), rows.basis[:, first].T, np.bincount(codes).astype(np.float64))

    def serve(self, x: FloatArray) -> bool:
        """Whether the sums have the digits of the rows."""
        return bool(np.ptp(2.0 * self.beta @ x) <= np.log(FAR_APART))

    def precisions(self, x: FloatArray) -> FloatArray:
        """lambda, (C,)."""
        return np.asarray(np.exp(-2.0 * self.beta @ x))

    def at(self, x: FloatArray) -> CrossProducts:
        """The cross-products of all rows, each with its precision."""
        by = self.precisions(x)

        def added(values: Sequence[FloatArray]) -> FloatArray:
            out: FloatArray = by[0] * values[0]
            for precision, value in zip(by[1:], values[1:], strict=True):
                out += precision * value
            return out

        parts, whole = self.parts, self.whole
        diagonal = tuple(map(added, zip(*(part.ZtWZ.diagonal for part in parts), strict=True)))
        cross = {pair: added([part.ZtWZ.cross[pair] for part in parts]) for pair in whole.ZtWZ.cross}
        ZtWQy, gram = added([part.ZtWQy for part in parts]), added([part.reference.EtWE for part in parts])
        return replace(
            whole,
            ZtWZ=PatternBlocks(diagonal, cross),
            ZtWQy=ZtWQy,
            QtWQ=gram[:-1, :-1],
            QtWy=gram[:-1, -1],
            yWy=float(gram[-1, -1]),
            sum_log_weights=whole.sum_log_weights + float(self.counts @ np.log(by)),
            mean_weight=float(by @ [part.mean_weight for part in parts]),
            total=float(by @ [part.total for part in parts]),
            reference=replace(whole.reference, EtWE=gram, ZtWE=ZtWQy),
        )

    def pulled(self, x: FloatArray, S: PatternBlocks, by_gram: FloatArray, B: FloatArray) -> FloatArray:
        """Derivatives by x of log|R| + f, of which those of f by Z'R^-1 Z and by E'R^-1 E are S and `by_gram`.

        Parameters
        ----------
        B : (q, r + 1) array
            Effects of [Q y], which E is without.
        """
        by = np.array([_inner(S, part.ZtWZ) + float((by_gram * _residual_gram(part, B)).sum()) for part in self.parts])
        return 2.0 * (self.counts - by * self.precisions(x)) @ self.beta


def classes_of(rows: ResidualRows, most: int) -> IntArray | None:
    """Numbers of the rows' classes, (n,), in order of appearance; None where there are more than `most`."""
    codes = np.full(rows.basis.shape[1], -1)
    for c in range(most):
        first = int(np.argmin(codes))
        if codes[first] >= 0:
            return codes
        codes[(np.abs(rows.basis - rows.basis[:, first, None]) <= SAME).all(axis=0)] = c
    return codes if codes.min() >= 0 else None


def _entries(design: MixedDesign) -> int:
    """Of Z'WZ and Z'W [Q y]; one at least."""
    groupings = design.random.pattern.groupings
    pairs = sum(len(design.random.pattern.pairs[ij][0]) for ij in design.random.pairs)
    return 1 + sum(g.size * (g.n_columns + design.fixed.rank + 1) for g in groupings) + pairs


def _inner(S: PatternBlocks, A: PatternBlocks) -> float:
    """Sum of products of the entries of two symmetric matrices."""
    inside = sum(float(np.vdot(s, a)) for s, a in zip(S.diagonal, A.diagonal, strict=True))
    return inside + 2.0 * sum(float(np.vdot(block, A.cross[pair])) for pair, block in S.cross.items())


def _residual_gram(part: CrossProducts, B: FloatArray) -> FloatArray:
    """E'WE with E = [Q y] - Z B."""
    half = 0.5 * (part.reference.EtWE + B.T @ part.ZtWZ_times(B)) - B.T @ part.ZtWQy
    return np.asarray(half + half.T)
