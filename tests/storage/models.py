"""Fits of many kinds, small: what is saved, and what is looked at. Run as a script it writes files that are kept.

`python -m tests.storage.models` adds files of the present schema to `files/`, with the numbers that they must give.
Those that are there are never made anew: they stand for what was written by the versions that wrote them.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csc_array

import ranef
from ranef.families import NegativeBinomial, Poisson

FILES = Path(__file__).with_name("files")
RNG = np.random.default_rng(11)
N = 60
G, H = np.arange(N) % 6, np.arange(N) // 5 % 4
X1, E = RNG.normal(size=(2, N))
X = np.column_stack([np.ones(N), X1])
MEAN = 0.4 + 0.3 * X1 + RNG.normal(size=6)[G] * (1 + 0.4 * X1) + 0.5 * RNG.normal(size=4)[H]
COUNTS = RNG.poisson(np.exp(MEAN)).astype(float)
HITS = (RNG.uniform(size=N) < 1 / (1 + np.exp(-MEAN))) * 1.0
WEIGHTS, OFFSET = RNG.uniform(0.5, 2.0, N), 0.1 * RNG.normal(size=N)
Q = csc_array(np.diag(np.full(7, 2.0)) - 0.7 * np.eye(7, k=1) - 0.7 * np.eye(7, k=-1))
OCCASIONS = {f"t{k}": (np.arange(N) % 4 == k) * 1.0 for k in range(4)}
SLOPE = {"random_effects": {"g": "1 + x"}, "random_data": {"x": X1}, "x_names": ["(Intercept)", "x"]}


def slopes() -> ranef.LMMSolution:
    """Weights, an offset, slopes; levels are text."""
    arguments: dict[str, Any] = {"weights": WEIGHTS, "offset": OFFSET, "conf_level": 0.9, **SLOPE}
    return ranef.lmm(MEAN + E, X, {"g": np.array(list("abcdef"))[G]}, **arguments)


def crossed() -> ranef.LMMSolution:
    """Crossed factors, maximum likelihood, a dropped column, levels that NumPy has no type for, no df."""
    labels = np.array(["a", "a\0", "b", "c"], dtype=object)
    arguments: dict[str, Any] = {"reml": False, "compute_satterthwaite": False, "y_name": "score"}
    return ranef.lmm(MEAN + E, np.column_stack([X, 2.0 - X1]), {"g": G, "h": labels[H]}, **arguments)


def related() -> ranef.LMMSolution:
    """A known precision, with a level that is not in the data."""
    return ranef.lmm(MEAN + E, X, {"g": G}, precision={"g": (Q, range(7))})


def occasions() -> ranef.LMMSolution:
    """A covariance structure."""
    arguments: dict[str, Any] = {"random_effects": {"s": list(OCCASIONS)}, "random_data": OCCASIONS}
    return ranef.lmm(MEAN + E, X, {"s": np.arange(N) // 6}, covariance={"s": "ar1"}, **arguments)


def undetermined() -> ranef.LMMSolution:
    """Two factors that group alike: only the sum of their variances is determined."""
    return ranef.lmm(MEAN + E, X, {"g": G, "same": G + 1})


def singular() -> ranef.LMMSolution:
    """A variance of zero, in another basis than the model's."""
    return ranef.lmm(E, X, {"g": G}, **SLOPE)


def poisson() -> ranef.GLMMSolution:
    """Crossed factors, an offset, slopes."""
    return ranef.glmm(COUNTS, X, {"g": G, "h": H}, family="poisson", offset=OFFSET, **SLOPE)


def negative_binomial() -> ranef.GLMMSolution:
    """A dispersion parameter that is estimated, and a link that is not the first."""
    return ranef.glmm(COUNTS, X, {"g": G}, family=NegativeBinomial(link="log"), weights=WEIGHTS)


def given_theta() -> ranef.GLMMSolution:
    """An option of the family."""
    return ranef.glmm(COUNTS, X, {"g": G}, family=NegativeBinomial(theta=3.0), hessian="expected")


def quadrature() -> ranef.GLMMSolution:
    """Seven nodes."""
    return ranef.glmm(HITS, X, {"g": G}, family="binomial(probit)", nagq=7)


def modes_only() -> ranef.GLMMSolution:
    """Coefficients estimated with the modes."""
    return ranef.glmm(COUNTS, X, {"g": G}, family=Poisson(), nagq=0)


MODELS: dict[str, Callable[[], Any]] = {
    f.__name__: f
    for f in (
        slopes,
        crossed,
        related,
        occasions,
        undetermined,
        singular,
        poisson,
        negative_binomial,
        given_theta,
        quadrature,
        modes_only,
    )
}
#: Those of which files are kept, and whether with rows.
KEPT = {"slopes": True, "crossed": False, "related": False, "occasions": False, "poisson": False, "quadrature": True}


@cache
def model(name: str) -> Any:
    """A fit, made once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ranef.RanefWarning)
        return MODELS[name]()


def numbers(solution: Any) -> dict[str, Any]:
    """What a solution says, as lists of numbers and text: all that works without rows."""
    out: dict[str, Any] = {
        name: np.asarray(getattr(solution, name), dtype=float).tolist()
        for name in ("coefficients", "se", "p_values", "conf_int", "theta", "log_likelihood", "aic", "vcov", "deviance")
    }
    out["ranef"] = {name: values.tolist() for name, values in solution.ranef.items()}
    out["ranef_variances"] = {name: values.tolist() for name, values in solution.ranef_variances.items()}
    out["levels"] = {name: list(map(str, values)) for name, values in solution.levels.items()}
    out["icc"] = solution.icc
    out["components"] = [[v.group, v.name, v.std_dev, list(v.corr), v.structure] for v in solution.var_components]
    out["summary"] = solution.summary()
    out["provenance"] = [str(p).split(" (")[0] for p in solution.provenance]
    return out


def new_rows(solution: Any) -> dict[str, Any]:
    """Three new rows, in levels of the fit."""
    groups = {g.name: g.levels[:3] for g in solution._fit.groups}
    names = {c for g in solution._fit.groups for c in g.column_names}
    x = np.array([0.5, -1.0, 2.0])
    p = len(solution.names)
    return {
        "X": np.column_stack([np.ones(3), x, 2.0 - x])[:, :p],
        "groups": groups,
        "random_data": dict.fromkeys(names, x),
        "offset": np.full(3, 0.1),
        "weights": np.ones(3),
    }


def predictions(solution: Any) -> dict[str, list[float]]:
    """Predictions for new rows, with standard errors and intervals."""
    found = solution.predict(new_rows(solution), interval="prediction")
    return {name: np.asarray(column, dtype=float).tolist() for name, column in found.columns.items()}


def main() -> None:
    """Write what is not there yet."""
    for name, rows in KEPT.items():
        path = FILES / f"schema1_{name}.ranef"
        if path.exists():
            print(f"{path.name} is there, and stays", file=sys.stderr)
            continue
        model(name).save(path, rows=rows)
        said = numbers(model(name)) | {"predictions": predictions(model(name))}
        path.with_suffix(".json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
