"""A model whose rows come from a Parquet file, in one pass."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..contracts import InputError
from ..contracts.arrays import AnyArray
from ..design.terms import INTERCEPT
from ..frontends.lmm import lmm
from ..large.sources import library
from .methods import Method, Plugins
from .model import Prepared, Workload


@dataclass(frozen=True)
class Streamed(Method):
    """Ranef on a file, which is read, encoded and summed at each fit."""

    peer = ""
    plugins: Plugins

    @property
    def label(self) -> str:
        """What tables show."""
        return f"{self.plugins.label}, from a file"

    def prepare(self, model: Workload) -> Prepared:
        """The rows in a file, which is there as long as what is returned."""
        formula, columns = as_formula(model)
        folder = TemporaryDirectory()
        path = Path(folder.name) / "rows.parquet"
        _write(columns, path)
        options = {"reml": model.reml, "backend": self.plugins.backend, "optimizer": self.plugins.optimizer}
        options |= {name: name for name in ("weights", "offset") if name in columns}
        return Prepared(partial(_fit, formula, path, options, folder), lambda fit: -2.0 * fit.log_likelihood)

    def refuse(self, model: Workload) -> None:
        """Generalized models have no sums, and arrays no formula where covariances have a structure or are known."""
        if model.family is not None:
            raise InputError("generalized models have no sums over rows, in which a stream could be kept")
        if model.covariance or model.relationship or model.precision or model.residual or model.dispersion:
            raise InputError("covariance structures and known relationships are not streamed here")
        self.plugins.refuse(model)

    def details(self, model: Workload, found: Any, n_fits: int) -> dict[str, Any]:
        """Evaluations and sizes."""
        design = model.checked()
        return {
            "version": str(found.provenance[0].version),
            "evaluations": found.n_evaluations,
            "converged": found.converged,
            "size": {"n": design.n, "p": design.labels.p, "q": design.random.pattern.q, "m": len(found.theta)},
        }


def streamed(methods: Sequence[Method]) -> list[Method]:
    """Every method on the arrays, and from a file."""
    plugins = [method for method in methods if isinstance(method, Plugins)]
    return [each for method in plugins for each in (method, Streamed(method))]


def as_formula(model: Workload) -> tuple[str, dict[str, AnyArray]]:
    """A formula of the same model, and the columns that it is of.

    Examples
    --------
    >>> from ranef.bench.cases import sleepstudy
    >>> formula, columns = as_formula(sleepstudy())
    >>> formula
    'y ~ 0 + one + x1 + (0 + one + z0 | g0)'
    >>> list(columns)
    ['y', 'one', 'x1', 'g0', 'z0']
    """
    X, groups = np.asarray(model.X, np.float64), list(model.groups.items())
    fixed = ["one" if (X[:, j] == 1.0).all() else f"x{j}" for j in range(X.shape[1])]
    named = {"1": "one", INTERCEPT: "one"} | dict(zip(model.x_names or (), fixed, strict=False))
    named |= {name: f"z{j}" for j, name in enumerate(model.random_data)}
    columns = {"y": np.asarray(model.y, np.float64)} | dict(zip(fixed, X.T, strict=True))
    places = {name: f"g{j}" for j, (name, _) in enumerate(groups)}
    columns |= {places[name]: np.asarray(labels) for name, labels in groups}
    columns |= {named[name]: np.asarray(values, np.float64) for name, values in model.random_data.items()}
    columns |= {name: np.asarray(v) for name in ("weights", "offset") if (v := getattr(model, name)) is not None}
    bars = []
    for factor, terms in (model.random_effects or {name: [["1"]] for name, _ in groups}).items():
        bar = "|" if _is_correlated(model.correlated, factor) else "||"
        for term in terms:
            effects = " + ".join(named[name] for name in term)
            bars.append(f"(0 + {effects} {bar} {places[factor]})")
    if any("one" in bar for bar in bars):
        columns.setdefault("one", np.ones(len(X)))
    return " + ".join([f"y ~ 0 + {' + '.join(fixed)}", *bars]), columns


def _is_correlated(correlated: Mapping[str, bool] | bool | None, factor: str) -> bool:
    return correlated.get(factor, True) if isinstance(correlated, Mapping) else correlated is not False


def _write(columns: Mapping[str, AnyArray], path: Path) -> None:
    pyarrow = library("pyarrow", "arrow")
    library("pyarrow.parquet", "arrow").write_table(pyarrow.table(dict(columns)), path)


def _fit(formula: str, path: Path, options: Mapping[str, Any], folder: object) -> Any:
    """The fit, without tests; `folder` is held for the file in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lmm(formula, path, compute_satterthwaite=False, **options)
