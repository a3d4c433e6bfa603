"""All that a linear mixed model needs of its rows, in one pass: from here on no cost depends on n."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import PatternBlocks, Structure
from .mixed import MixedDesign
from .random import PatternProduct


@dataclass(frozen=True, eq=False)
class CrossProducts:
    """Z'WZ, Z'W[Q y], Q'WQ, Q'Wy, y'Wy.

    Q is the basis of X's columns (`FixedDesign`), and y stands for the residual of its weighted regression on Q: the
    criterion depends on y only modulo X, and so no digits are lost where the mean is large against the spread.
    `gamma0` are the coefficients of that regression.
    """

    n: int
    structure: Structure
    ZtWZ: PatternBlocks
    ZtWQy: FloatArray
    QtWQ: FloatArray
    QtWy: FloatArray
    yWy: float
    gamma0: FloatArray
    sum_log_weights: float
    total: float

    @cached_property
    def ZtWZ_times(self) -> PatternProduct:
        """B -> Z'WZ B."""
        return PatternProduct(self.structure, self.ZtWZ)

    def __getstate__(self) -> dict[str, object]:
        return {k: v for k, v in self.__dict__.items() if k != "ZtWZ_times"}


def cross_products(design: MixedDesign) -> CrossProducts:
    """One pass over the rows."""
    w, Q = design.weights, design.fixed.Q
    y = design.y if design.offset is None else design.y - design.offset
    WQ = Q if w is None else Q * w[:, None]
    QtWQ = WQ.T @ Q
    total = float(y @ y if w is None else y @ (w * y))
    gamma0: FloatArray = np.zeros(0)
    if Q.shape[1]:
        gamma0 = np.asarray(np.linalg.solve(QtWQ, WQ.T @ y), dtype=np.float64)
    rest = y - Q @ gamma0
    Wrest = rest if w is None else w * rest
    stacked = np.empty((Q.shape[1] + 1, design.n))
    stacked[:-1], stacked[-1] = WQ.T, Wrest
    return CrossProducts(
        n=design.n,
        structure=design.random.structure,
        ZtWZ=design.random.ZtWZ(w),
        ZtWQy=design.random.Zt(stacked.T),
        QtWQ=QtWQ,
        QtWy=WQ.T @ rest,
        yWy=float(Wrest @ rest),
        gamma0=gamma0,
        sum_log_weights=0.0 if w is None else float(np.log(w).sum()),
        total=total,
    )
