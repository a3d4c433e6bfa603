"""Models with a residual structure, and their covariance matrices written out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ranef.contracts.arrays import FloatArray
from ranef.design.mixed import MixedDesign, build_design
from ranef.estimation.correlations import correlations
from ranef.estimation.parameters import Parameters


@dataclass(frozen=True)
class Data:
    """Rows of visits of subjects at sites, some visits missing, in no order."""

    y: FloatArray
    X: FloatArray
    subject: Any
    site: Any
    time: Any
    arm: Any
    weights: FloatArray

    @property
    def n(self) -> int:
        return len(self.y)


def data(subjects: int = 24, visits: int = 5, seed: int = 3) -> Data:
    rng = np.random.default_rng(seed)
    subject, time = np.repeat(np.arange(subjects), visits), np.tile(np.arange(visits), subjects)
    rows = rng.permutation(np.flatnonzero(rng.random(subjects * visits) > 0.2))
    subject, time = subject[rows], time[rows]
    n, arm = len(rows), subject % 2
    L = np.linalg.cholesky(0.6 ** np.abs(np.subtract.outer(np.arange(visits), np.arange(visits))))
    e = (rng.normal(size=(subjects, visits)) @ L.T)[subject, time] * np.where(arm, 1.6, 1.0)
    b = rng.normal(size=(subjects // 4, 2)) * [0.9, 0.3]
    site = subject // 4
    X = np.column_stack([np.ones(n), arm, time])
    y = X @ [3.0, 1.0, 0.4] + b[site, 0] + b[site, 1] * time + e
    return Data(y, X, subject, site, time, arm, rng.uniform(0.5, 2.0, n))


def design(d: Data, kind: str, random: str = "site", scales: bool = True, weights: bool = False) -> MixedDesign:
    """The model of a kind of correlation within subjects."""
    groups = {"": {}, "site": {"site": d.site}, "subject": {"subject": d.subject}, "both": {}}[random]
    if random == "both":
        groups = {"site": d.site, "arm by site": d.site * 2 + d.arm}
    return build_design(
        d.y,
        d.X,
        groups,
        random_effects={"site": ["1", "time"]} if "site" in groups else None,
        random_data={"time": d.time.astype(float)} if "site" in groups else None,
        residual={"correlation": kind, "time": d.time, "group": d.subject} if kind else None,
        dispersion=np.column_stack([d.arm == 0, d.arm == 1]).astype(float) if scales else None,
        weights=d.weights if weights else None,
    )


def covariance_of_residuals(d: Data, made: MixedDesign, x: FloatArray) -> FloatArray:
    """R (n, n) of the definitions, entry by entry."""
    labels = made.residual.labels
    m, n = labels.n_correlations, d.n
    shown = correlations(labels, x[:m])
    C = np.eye(n)
    for i in range(n):
        for j in range(n):
            if i != j and d.subject[i] == d.subject[j] and labels.kind:
                a, b = sorted((int(d.time[i]), int(d.time[j])))
                C[i, j] = {
                    "ar1": lambda a=a, b=b: shown[0] ** (b - a),
                    "car1": lambda a=a, b=b: shown[0] ** (b - a),
                    "cs": lambda: shown[0],
                    "toep": lambda a=a, b=b: shown[b - a - 1],
                    "us": lambda a=a, b=b: shown[b * (b - 1) // 2 + a],
                }[labels.kind]()
    sd = np.exp(x[m:] @ made.residual.basis)
    if made.weights is not None:
        sd = sd / np.sqrt(made.weights)
    return C * np.outer(sd, sd)


def dense_criterion(d: Data, made: MixedDesign, theta: FloatArray, reml: bool) -> float:
    """The profiled criterion from V as one matrix."""
    parameters = Parameters(made.random.groups, made.labels.residual)
    V = covariance_of_residuals(d, made, theta[parameters.of_residual])
    for f, T in zip(made.random.groups, parameters.T(theta), strict=True):
        same = f.codes[:, None] == f.codes
        zt = T.T @ f.values
        V = V + np.where(same, zt.T @ zt, 0.0)
    return profiled(V, made.X, d.y, reml)


def profiled(V: FloatArray, X: FloatArray, y: FloatArray, reml: bool) -> float:
    """-2 log L of y ~ N(X beta, sigma^2 V) at the best beta and sigma."""
    inverse = np.linalg.inv(V)
    gram = X.T @ inverse @ X
    beta = np.linalg.solve(gram, X.T @ inverse @ y)
    e = y - X @ beta
    df = len(y) - (X.shape[1] if reml else 0)
    d = np.linalg.slogdet(V)[1] + df * (1.0 + np.log(2.0 * np.pi * (e @ inverse @ e) / df))
    return float(d + (np.linalg.slogdet(gram)[1] if reml else 0.0))
