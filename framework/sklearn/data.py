"""What estimators are given, as arguments of the array call: columns of X with names, factors, slopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import InputError, shown
from ..design.terms import INTERCEPT

#: Name of the only factor, and beginning of the names of several, where they have none.
GROUP = "group"


def factors_of(groups: Any, n: int) -> dict[str, AnyArray]:
    """Grouping factors by name: one for labels (n,), one a column for a frame, a dict, or labels (n, k).

    Raises
    ------
    InputError
        For other shapes.

    Examples
    --------
    >>> list(factors_of(["a", "b"], 2)), list(factors_of([["a", 1], ["b", 2]], 2))
    (['group'], ['group1', 'group2'])
    """
    if isinstance(groups, Mapping) or hasattr(groups, "columns"):
        names = list(groups if isinstance(groups, Mapping) else groups.columns)
        factors = {str(name): np.asarray(groups[name]) for name in names}
    else:
        labels = np.asarray(groups) if hasattr(groups, "__array__") else _labels(groups)
        if labels.ndim not in (1, 2):
            raise InputError(f"groups must be labels (n,), or (n, k) of k factors; got shape {labels.shape}")
        factors = {GROUP: labels} if labels.ndim == 1 else {f"{GROUP}{j + 1}": c for j, c in enumerate(labels.T)}
    if not factors:
        raise InputError("groups has no factor: leave it out for a model without random effects")
    for name, labels in factors.items():
        if labels.shape != (n,):
            raise InputError(f"groups: {name} has shape {labels.shape}, but X has {n} rows")
    return factors


def _labels(groups: Any) -> AnyArray:
    """Labels of any types, kept apart: 1 and "1" are two."""
    return np.array(groups, dtype=object)


def names_of(estimator: Any) -> list[str]:
    """Names of the columns of X: those of the frame, or x0, x1 ..."""
    return [str(n) for n in getattr(estimator, "feature_names_in_", [f"x{j}" for j in range(estimator.n_features_in_)])]


def slopes_of(slopes: Sequence[str | int], names: list[str]) -> list[str]:
    """Names of the columns with random slopes.

    Raises
    ------
    InputError
        For a column that X does not have.
    """
    found = []
    for slope in slopes:
        if isinstance(slope, str) and slope in names:
            found.append(slope)
        elif isinstance(slope, int | np.integer) and not isinstance(slope, bool) and 0 <= slope < len(names):
            found.append(names[slope])
        else:
            raise InputError(f"slopes: X has no column {shown(slope)}; it has {', '.join(names)}")
    return found


def model_of(estimator: Any, X: FloatArray, factors: Mapping[str, AnyArray]) -> dict[str, Any]:
    """Arguments of `lmm` and `glmm` that X and the factors make."""
    names = names_of(estimator)
    slopes = slopes_of(estimator.slopes, names)
    effects = [*(["1"] if estimator.fit_intercept else []), *slopes]
    if not effects:
        raise InputError("without an intercept the random effects need slopes")
    return {
        "X": columns(estimator, X),
        "groups": dict(factors),
        "random_effects": dict.fromkeys(factors, effects),
        "random_data": {name: X[:, names.index(name)] for name in slopes},
        "x_names": [*([INTERCEPT] if estimator.fit_intercept else []), *names],
    }


def columns(estimator: Any, X: FloatArray) -> FloatArray:
    """X with the intercept."""
    return np.column_stack([np.ones(len(X)), X]) if estimator.fit_intercept else X


def predicted(estimator: Any, X: FloatArray, groups: Any, scale: str) -> FloatArray:
    """Predictions of the fitted model; of the population where there are no groups, or their levels are new.

    Raises
    ------
    InputError
        For other factors than those of the fit.
    """
    solution, names = estimator.solution_, names_of(estimator)
    known = list(solution.levels)
    slopes = {name: X[:, names.index(name)] for name in slopes_of(estimator.slopes, names)}
    new: dict[str, Any] = {"X": columns(estimator, X), "random_data": slopes}
    if groups is None:
        # effects are left out, so that any level will do
        new["groups"] = {name: np.repeat(solution.levels[name][:1], len(X)) for name in known}
        return np.asarray(solution.predict(new, random="none", scale=scale))
    factors = factors_of(groups, len(X))
    if set(factors) != set(known):
        raise InputError(f"groups: the model has {', '.join(known)}; got {', '.join(factors)}")
    new["groups"] = factors
    return np.asarray(solution.predict(new, new_levels="population", scale=scale))
