"""Models of all structures, and responses that their own parameters make: laws are checked on these."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import ranef

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


def _x(rng: np.random.Generator, n: int) -> FloatArray:
    return np.column_stack([np.ones(n), rng.normal(size=n)])


def balanced(rng: np.random.Generator) -> dict[str, Any]:
    """(1 + x | g), the same x in every level: one class."""
    x = np.tile(np.arange(6.0), 15)
    X = np.column_stack([np.ones(90), x])
    return {"X": X, "groups": {"g": np.repeat(np.arange(15), 6)}, "random_effects": {"g": "1 + x1"}}


def intercepts(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | g), unbalanced."""
    return {"X": _x(rng, 70), "groups": {"g": rng.integers(0, 12, 70)}}


def few_levels(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | g) of six levels: zero is looked at."""
    return {"X": _x(rng, 40), "groups": {"g": np.arange(40) % 6}}


def slopes(rng: np.random.Generator) -> dict[str, Any]:
    """(1 + x | g), unbalanced, with weights and an offset, by maximum likelihood."""
    n = 120
    X = np.column_stack([_x(rng, n), rng.normal(size=n)])
    return {
        "X": X,
        "groups": {"g": rng.integers(0, 14, n)},
        "random_effects": {"g": "1 + x1"},
        "weights": rng.uniform(0.5, 2.0, n),
        "offset": 10.0 * rng.normal(size=n),
        "reml": False,
    }


def uncorrelated(rng: np.random.Generator) -> dict[str, Any]:
    """(1 + x || g)."""
    g = rng.integers(0, 15, 100)
    return {"X": _x(rng, 100), "groups": {"g": g}, "random_effects": {"g": "1 + x1"}, "correlated": False}


def three_columns(rng: np.random.Generator) -> dict[str, Any]:
    """(1 + x + z | g)."""
    n = 240
    X = np.column_stack([_x(rng, n), rng.normal(size=n)])
    return {"X": X, "groups": {"g": np.arange(n) % 20}, "random_effects": {"g": "1 + x1 + x2"}}


def no_fixed_effects(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | g) without X."""
    return {"X": np.zeros((50, 0)), "groups": {"g": rng.integers(0, 9, 50)}}


def dependent_columns(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | g) with a column of X that is dropped."""
    X = _x(rng, 60)
    return {"X": np.column_stack([X, X.sum(axis=1)]), "groups": {"g": rng.integers(0, 10, 60)}}


def crossed(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | f) + (1 | g)."""
    f, g = np.divmod(np.arange(96), 8)
    return {"X": _x(rng, 96), "groups": {"f": f, "g": g}}


def nested(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | f:g) + (1 | f)."""
    child = np.arange(120) // 4
    return {"X": _x(rng, 120), "groups": {"child": child, "parent": child // 3}}


def nested_ml(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | f:g) + (1 | f), unbalanced, by maximum likelihood."""
    child = rng.integers(0, 30, 130)
    return {"X": _x(rng, 130), "groups": {"child": child, "parent": child // 3}, "reml": False}


def slopes_in_two(rng: np.random.Generator) -> dict[str, Any]:
    """(1 + x | f) + (1 + x || g), with weights and an offset."""
    f, g, n = rng.integers(0, 14, 220), rng.integers(0, 13, 220), 220
    return {
        "X": _x(rng, n),
        "groups": {"f": f, "g": g},
        "random_effects": {"f": "1 + x1", "g": "1 + x1"},
        "correlated": {"f": True, "g": False},
        "weights": rng.uniform(0.5, 2.0, n),
        "offset": rng.normal(size=n),
    }


def balanced_crossed(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | f) + (1 | g), balanced, with x of f's levels, by maximum likelihood: strata of X."""
    f, g = np.divmod(np.arange(120), 10)
    X = np.column_stack([np.ones(120), (f - 5.5) / 3.0])
    return {"X": X, "groups": {"f": f, "g": g}, "weights": np.full(120, 2.0), "reml": False}


def mixed_covariate(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | f) + (1 | g), balanced, with x that varies between and within f's levels, but not with g's."""
    f, g = np.divmod(np.arange(96), 8)
    within = rng.normal(size=(12, 8))
    within = within - within.mean(axis=0) - within.mean(axis=1)[:, None] + within.mean()
    X = np.column_stack([np.ones(96), rng.normal(size=12)[f] + within.ravel()])
    return {"X": X, "groups": {"f": f, "g": g}, "offset": rng.normal(size=96)}


def balanced_nested(rng: np.random.Generator) -> dict[str, Any]:
    """(1 | f:g) + (1 | f), balanced."""
    child = np.arange(120) // 4
    return {"X": np.ones((120, 1)), "groups": {"child": child, "parent": child // 3}}


def compound_symmetry(rng: np.random.Generator) -> dict[str, Any]:
    """cs(1 + x | g)."""
    g = rng.integers(0, 12, 80)
    return {"X": _x(rng, 80), "groups": {"g": g}, "random_effects": {"g": "1 + x1"}, "covariance": {"g": "cs"}}


LINEAR: dict[str, Callable[[np.random.Generator], dict[str, Any]]] = {
    make.__name__: make
    for make in (
        balanced,
        intercepts,
        few_levels,
        slopes,
        uncorrelated,
        three_columns,
        no_fixed_effects,
        dependent_columns,
        crossed,
        nested,
        nested_ml,
        slopes_in_two,
        balanced_crossed,
        mixed_covariate,
        balanced_nested,
        compound_symmetry,
    )
}
#: What is fitted one by one.
ONE_BY_ONE = ("compound_symmetry",)


def linear(name: str, m: int, size: float = 0.6) -> tuple[ranef.LMMSolution, FloatArray]:
    """A fit of this structure, and m responses with random effects of that size."""
    rng = np.random.default_rng(sum(map(ord, name)))
    arguments = LINEAR[name](rng)
    n = len(arguments["X"])
    effects = np.zeros((n, m))
    for labels in arguments["groups"].values():
        columns = [
            np.ones(n),
            *arguments["X"][:, 1 : 1 + arguments.get("random_effects", {}).get("g", "").count("x")].T,
        ]
        for z in columns:
            effects += z[:, None] * rng.normal(size=(labels.max() + 1, m))[labels]
    noise = rng.normal(size=(n, m)) / np.sqrt(arguments.get("weights", np.ones(n)))[:, None]
    known = 100.0 * arguments["X"].sum(axis=1) + arguments.get("offset", 0.0)
    Y = known[:, None] + size * effects + noise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ranef.lmm(Y[:, 0], **arguments), Y
