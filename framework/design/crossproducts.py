"""All that a linear mixed model needs of its rows, in one pass: from here on no cost depends on n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Pattern, PatternBlocks
from .mixed import MixedDesign
from .random import PatternProduct, both_sides
from .template import Template


@dataclass(frozen=True, eq=False)
class Reference:
    """Residuals E0 = [Q y] - Z B0 at effects that are known beforehand.

    [Q y]'V^-1 [Q y] is found from these: where the random effects are large against the residuals it is a small part of
    [Q y]'W [Q y], and would lose its digits as a difference from that.
    """

    B: FloatArray
    EtWE: FloatArray
    ZtWE: FloatArray

    def gram(self, U: FloatArray, KU: FloatArray, B: FloatArray, ZtWE: FloatArray) -> FloatArray:
        """[Q y]'V^-1 [Q y] = E'WE + U'KU with E = [Q y] - Z B, from spherical effects U and B = Lambda U (q, r + 1).

        `ZtWE` is Z'WE = Z'V^-1 [Q y].
        """
        half = 0.5 * (self.EtWE + U.T @ KU - (B - self.B).T @ (self.ZtWE + ZtWE))
        return np.asarray(half + half.T)


@dataclass(frozen=True, eq=False)
class CrossProducts:
    """Z'WZ, Z'W[Q y], Q'WQ, Q'Wy, y'Wy.

    Q is the basis of X's columns (`FixedDesign`), and y stands for the residual of its weighted regression on Q: the
    criterion depends on y only modulo X, and so no digits are lost where the mean is large against the spread.
    `gamma0` are the coefficients of that regression.
    """

    n: int
    pattern: Pattern
    template: Template
    ZtWZ: PatternBlocks
    ZtWQy: FloatArray
    QtWQ: FloatArray
    QtWy: FloatArray
    yWy: float
    gamma0: FloatArray
    sum_log_weights: float
    mean_weight: float
    total: float
    reference: Reference

    @cached_property
    def ZtWZ_times(self) -> PatternProduct:
        """B -> Z'WZ B."""
        return PatternProduct(self.pattern, self.ZtWZ)

    @property
    def dense_ZtWZ(self) -> FloatArray:
        """Z'WZ as one matrix, (q, q)."""
        return self.ZtWZ_times.dense

    def rotated(self, by: Sequence[FloatArray]) -> CrossProducts:
        """The same in bases of the factors' columns that are turned by orthogonal matrices."""
        diagonal = tuple(both_sides(turn.T, A, turn.T) for turn, A in zip(by, self.ZtWZ.diagonal, strict=True))
        cross = {(i, j): both_sides(by[i].T, block, by[j].T) for (i, j), block in self.ZtWZ.cross.items()}
        turned = partial(_turned, self.pattern, by)
        r = self.reference
        return replace(
            self,
            ZtWZ=PatternBlocks(diagonal, cross),
            ZtWQy=turned(self.ZtWQy),
            reference=replace(r, B=turned(r.B), ZtWE=turned(r.ZtWE)),
        )

    def seen_from(self, design: MixedDesign, gamma: FloatArray, B: FloatArray) -> CrossProducts:
        """The same with another reference: y less Q gamma besides, and effects B (q, r + 1) of [Q y] after that.

        Another pass over the rows.
        """
        w, Q, gamma0 = design.weights, design.fixed.Q, self.gamma0 + gamma
        y = design.y_without_offset - Q @ gamma0
        E = np.array([column - design.random.Z(b) for column, b in zip([*Q.T, y], B.T, strict=True)])
        WE, Wy = (E, y) if w is None else (E * w, y * w)
        ZtWQy = self.ZtWQy.copy(order="F")
        ZtWQy[:, -1] = design.random.Zt(Wy)
        reference = Reference(B, WE @ E.T, design.random.Zt(WE.T))
        return replace(self, gamma0=gamma0, ZtWQy=ZtWQy, reference=reference)

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k != "ZtWZ_times"}


def _turned(pattern: Pattern, by: Sequence[FloatArray], V: FloatArray) -> FloatArray:
    """by_j' V_j for every level of every factor; V (q, r)."""
    parts = zip(by, pattern.split(V), strict=True)
    return np.concatenate([np.matmul(turn.T, part).reshape(V.shape[1], -1) for turn, part in parts], axis=1).T


def cross_products(design: MixedDesign) -> CrossProducts:
    """One pass over the rows."""
    w, Q, y = design.weights, design.fixed.Q, design.y_without_offset
    WQ = Q if w is None else Q * w[:, None]
    gamma0: FloatArray = np.zeros(0)
    if Q.shape[1]:
        gamma0 = np.asarray(np.linalg.solve(WQ.T @ Q, WQ.T @ y), dtype=np.float64)
    return products_of(design, w, y - Q @ gamma0, gamma0)


def products_of(design: MixedDesign, w: FloatArray | None, rest: FloatArray, gamma0: FloatArray) -> CrossProducts:
    """Those of rows of weights w (n,), None for ones, where y less Q gamma0 is `rest`; a row may have weight zero."""
    Q, y = design.fixed.Q, design.y_without_offset
    WQ, Wrest = (Q, rest) if w is None else (Q * w[:, None], w * rest)
    total = float(y @ y if w is None else y @ (w * y))
    ZtWQy = np.array([design.random.Zt(column) for column in (*WQ.T, Wrest)]).T
    QtWQ, QtWy, yWy = WQ.T @ Q, WQ.T @ rest, float(Wrest @ rest)
    gram = np.block([[QtWQ, QtWy[:, None]], [QtWy, yWy]])
    return CrossProducts(
        n=design.n,
        pattern=design.random.pattern,
        template=design.random.template,
        ZtWZ=design.random.ZtWZ(w),
        ZtWQy=ZtWQy,
        QtWQ=QtWQ,
        QtWy=QtWy,
        yWy=yWy,
        gamma0=gamma0,
        sum_log_weights=0.0 if w is None else float(np.log(w[w > 0.0]).sum()),
        mean_weight=1.0 if w is None else float(w.mean()),
        total=total,
        reference=Reference(np.zeros_like(ZtWQy), gram, ZtWQy),
    )
