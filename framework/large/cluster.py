"""Sums over the partitions of a Dask collection: one task for each, and a tree of sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..contracts.errors import InputError
from ..design.sums import Sums
from ..formula.recipe import Recipe, make_recipe
from .gram import Gram
from .sources import library

#: Sums that are added by one task.
BUNDLE = 8


def is_on_cluster(data: Any) -> bool:
    """Whether data are a Dask data frame, or a list of delayed frames."""
    if isinstance(data, list | tuple):
        return bool(data) and all(type(one).__module__.startswith("dask.delayed") for one in data)
    return type(data).__module__.startswith("dask") and hasattr(data, "to_delayed")


def gram_of_cluster(formula: str | Gram, data: Any, options: Mapping[str, Any]) -> Gram:
    """The sums of all partitions, computed where these are: by the client that is there, or Dask's own scheduler.

    A task that is lost with its worker is made again, as Dask does; the sums are added in the order of partitions.
    """
    dask = library("dask", "dask")
    partitions = list(data) if isinstance(data, list | tuple) else data.to_delayed()
    if isinstance(formula, Gram):
        recipe = formula.recipe
    else:
        sizes = dask.compute(*[dask.delayed(len)(partition) for partition in partitions])
        filled = [partition for partition, n in zip(partitions, sizes, strict=True) if n]
        if not filled:
            raise InputError("the source has no rows: there are no observations to fit")
        (first,) = dask.compute(dask.delayed(head)(filled[0]))
        recipe, partitions = make_recipe(formula, first, **options), filled
    waiting = [dask.delayed(_gram)(partition, recipe, number) for number, partition in enumerate(partitions)]
    (gram,) = dask.compute(in_bundles(waiting, _merged, dask))
    if gram is None:
        raise InputError("the source has no rows: there are no observations to fit")
    assert isinstance(gram, Gram)
    return gram


def in_bundles(waiting: list[Any], add: Callable[[list[Any]], Any], dask: Any) -> Any:
    """One delayed sum of several, in the order of these."""
    while len(waiting) > 1:
        waiting = [dask.delayed(add)(waiting[start : start + BUNDLE]) for start in range(0, len(waiting), BUNDLE)]
    return waiting[0]


def head(frame: Any) -> Any:
    """Some rows of a data frame, of which kind variables are."""
    return frame.head(100) if hasattr(frame, "head") else frame.slice(0, 100)


def _gram(frame: Any, recipe: Recipe, number: int) -> Gram | None:
    if not len(frame):
        return None
    try:
        rows = recipe.encode(frame)
    except Exception as error:
        raise InputError(f"partition {number}: {error}") from error
    return Gram(recipe, Sums.of(rows.columns, rows.factors, rows.weights))


def _merged(parts: list[Gram | None]) -> Gram | None:
    there = [part for part in parts if part is not None]
    return Gram.merged(there) if there else None


__all__ = ["gram_of_cluster", "head", "in_bundles", "is_on_cluster"]
