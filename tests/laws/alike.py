"""Two ways to write one model end alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ranef.contracts import RanefError, RanefWarning

from .designs import Case

#: Deviance by which two converged fits of one model may differ.
SAME = 1e-5


def over_seeds(examples: int) -> Callable[[Any], Any]:
    """A hypothesis test over so many random models, the same ones in every run."""

    def decorate(test: Any) -> Any:
        chosen = settings(
            max_examples=examples,
            derandomize=True,
            deadline=None,
            phases=[Phase.generate],  # a smaller seed is no smaller model
            suppress_health_check=[HealthCheck.too_slow],
        )
        return chosen(given(seed=st.integers(0, 2**32 - 1))(test))

    return decorate


def fitted(case: Case, **changed: Any) -> Any:
    """The fit, or the named error that it ends in."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", RanefWarning)
        try:
            return case.fit(**changed)
        except RanefError as error:
            return error


@cache
def fitted_once(design: Callable[[int], Case], seed: int) -> Any:
    """The fit of a random design as it is, which several laws compare with another one."""
    return fitted(design(seed))


def same_end(one: Any, other: Any, gained: float = 0.0) -> None:
    """Both named errors of one class, or both fits, of one deviance where both have converged (but for `gained`)."""
    if isinstance(one, RanefError) or isinstance(other, RanefError):
        assert type(one) is type(other), f"{one!r}\n{other!r}"
        return
    if one.converged and other.converged:
        difference = 2.0 * (one.log_likelihood - other.log_likelihood) - gained
        assert abs(difference) < SAME + 1e-9 * abs(gained), f"{difference}: {one!r}, {other!r}"


# Ways to write it -----------------------------------------------------------------------------------------------------


def rows_shuffled(case: Case, rng: np.random.Generator) -> Case:
    """The rows in another order."""
    return case.rows(rng.permutation(len(case.y)))


def levels_renamed(case: Case, rng: np.random.Generator) -> Case:
    """Other numbers for the levels, in another order."""
    groups = {}
    for g, codes in case.groups.items():
        levels, codes = np.unique(codes, return_inverse=True)
        groups[g] = rng.permutation(len(levels))[codes]
    return replace(case, groups=groups)


def factors_shuffled(case: Case, rng: np.random.Generator) -> Case:
    """The grouping factors in another order."""
    return replace(case, groups={g: case.groups[g] for g in rng.permutation(list(case.groups)).tolist()})


def columns_shuffled(case: Case, rng: np.random.Generator) -> Case:
    """The columns of X and of each term in another order."""
    effects = {g: rng.permutation(names).tolist() for g, names in case.random_effects.items()}
    return replace(case, X=case.X[:, rng.permutation(case.X.shape[1])], random_effects=effects)


def origins_moved(case: Case, rng: np.random.Generator) -> Case:
    """Slopes' variables counted from elsewhere, where all their terms have an intercept to take it."""
    fixed = {v for g, names in case.random_effects.items() for v in names if not (case.correlated[g] and "1" in names)}
    moved = {v: x if v in fixed else x - float(rng.choice([-50.0, 3.0, 2e3])) for v, x in case.random_data.items()}
    return replace(case, random_data=moved)


WAYS = (rows_shuffled, levels_renamed, factors_shuffled, columns_shuffled, origins_moved)
