"""Fits of reference models, and of small ones, for tests of intervals."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import ranef
from ranef.contracts.arrays import FloatArray
from tests.glmm import models as generalized
from tests.lmm import models as linear

#: By lme4 and glmmTMB (make_r_reference.R).
BY_R: dict[str, Any] = json.loads((Path(__file__).parent / "r_reference.json").read_text(encoding="utf-8"))


@cache
def fitted(name: str, **changed: Any) -> ranef.LMMSolution | ranef.GLMMSolution:
    """A reference model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (linear if name.startswith("lmm") else generalized).fit(name, **changed)


def sleepstudy(*, y: float = 1.0, days: float = 1.0, **settings: Any) -> ranef.LMMSolution:
    """`Reaction ~ Days + (Days | Subject)` by maximum likelihood, in other units."""
    d = ranef.datasets.load("sleepstudy")
    x = days * d["Days"]
    defaults = {"random_effects": {"Subject": "1 + Days"}, "x_names": ["(Intercept)", "Days"], "reml": False}
    X = np.column_stack([np.ones(180), x])
    return ranef.lmm(y * d["Reaction"], X, {"Subject": d["Subject"]}, random_data={"Days": x}, **(defaults | settings))


def slopes(
    seed: int, L: Any, n_groups: int = 12, n_each: int = 6
) -> tuple[FloatArray, FloatArray, Any, dict[str, Any]]:
    """y, X, groups and columns of a model with an intercept and slopes, whose effects have the root L."""
    rng = np.random.default_rng(seed)
    L = np.array(L, dtype=float)
    g = np.repeat(np.arange(n_groups), n_each)
    columns = {f"x{i}": rng.standard_normal(len(g)) for i in range(1, len(L))}
    X = np.column_stack([np.ones(len(g)), *columns.values()])
    b = rng.standard_normal((n_groups, len(L))) @ L.T
    return X.sum(axis=1) + (X * b[g]).sum(axis=1) + rng.standard_normal(len(g)), X, {"g": g}, columns


def limits(table: Any) -> dict[str, tuple[float, float]]:
    """Of intervals by parameter."""
    return dict(zip(table["parameter"].tolist(), zip(table["lower"], table["upper"], strict=True), strict=True))
