"""Mixed models as dense matrices: what diagnostics are by definition, for tests of what finds them otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ranef.prediction.rows import Rows

R = json.loads((Path(__file__).parent / "r_reference.json").read_text(encoding="utf-8"))


class Dense(NamedTuple):
    """X of the kept columns, Z Lambda, K, W."""

    X: Any
    ZL: Any
    K: Any
    w: Any

    @property
    def V(self) -> Any:
        """Of the response over scale^2."""
        return np.diag(1.0 / self.w) + self.ZL @ np.linalg.solve(self.K, self.ZL.T)

    @property
    def hat(self) -> Any:
        """A (A'WA + diag(0, K))^-1 A'W."""
        A = np.column_stack([self.X, self.ZL])
        p = self.X.shape[1]
        inner = A.T @ (self.w[:, None] * A)
        inner[p:, p:] += self.K
        return A @ np.linalg.solve(inner, A.T * self.w)


def dense(solution: Any, w: Any = None) -> Dense:
    """Of a fit, with its weights or those of a working response."""
    fit = solution._fit
    design = fit.model.design
    rows = Rows.of(design)
    parts, priors = [], []
    for T, g, z, codes in zip(fit.roots_of_model, fit.pattern.groupings, rows.columns, rows.codes, strict=True):
        one = np.eye(g.n_levels)[codes]
        parts.append(np.column_stack([one * (T.T @ z)[a][:, None] for a in range(len(z))]))
        Q = np.eye(g.n_levels) if g.precision is None else g.precision.matrix.toarray()
        priors.append(np.kron(np.eye(len(z)), Q))
    K = np.zeros((sum(map(len, priors)),) * 2)
    at = 0
    for P in priors:
        K[at : at + len(P), at : at + len(P)] = P
        at += len(P)
    if w is None:
        w = np.ones(design.n) if design.weights is None else design.weights
    return Dense(design.X[:, design.fixed.kept], np.column_stack(parts), K, w)
