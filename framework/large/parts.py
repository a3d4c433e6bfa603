"""Rows that stay in parts, in the labels of all: what generalized models are fitted to, here or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, cast

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from ..contracts.family import Family
from ..design.fixed import FixedDesign
from ..design.labels import GroupLabels, Labels
from ..design.mixed import MixedDesign
from ..design.random import GroupRows, RandomDesign
from ..design.summed import SummedDesign
from ..design.sums import Sums
from ..design.terms import INTERCEPT
from ..estimation.parted import InTurn, Over, PartedDesign, added
from ..formula.recipe import Part, Recipe, make_recipe
from ..formula.terms import Terms
from ..registry import Provenance
from .cluster import head, in_bundles, is_on_cluster
from .gram import Gram
from .sources import length_of, library


@dataclass(frozen=True, eq=False)
class Parted:
    """Rows in parts, and what is known of all of them.

    Parameters
    ----------
    rows : PartedDesign
        In the place of a `MixedDesign`.
    summed : SummedDesign
    terms : Terms
    provenance : tuple of Provenance
    """

    rows: PartedDesign
    summed: SummedDesign
    terms: Terms
    provenance: tuple[Provenance, ...]

    @property
    def standing_in(self) -> MixedDesign:
        """The rows where a model has those that are together: all that is asked of both goes through `Over`."""
        return cast(MixedDesign, self.rows)


def parted(
    formula: str,
    data: Any,
    family: Family,
    *,
    structures: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Parted:
    """Encode parts where they are, in one pass, and a second one when all levels are known.

    Parameters
    ----------
    formula : str
    data : list of data frames, Dask data frame, or list of delayed frames
    family : Family
        Which says what responses may be.
    structures : dict
        ``covariance``, ``relationship`` and ``precision`` of the call.
    options : dict
        As `Gram.of`.

    Raises
    ------
    InputError, InputTypeError
        With the number of the part.
    """
    is_list = isinstance(data, list | tuple) and not any(isinstance(one, str | PathLike) for one in data)
    if not is_on_cluster(data) and not is_list:
        raise InputTypeError(
            "a generalized model looks at its rows many times: give a list of data frames, or a Dask data frame (or "
            "list of delayed frames), whose parts stay where they are; or read the rows into one data frame"
        )
    work: _OnCluster | _Here = _OnCluster() if is_on_cluster(data) else _Here()
    frames = work.filled(data)
    if not frames:
        raise InputError("the source has no rows: there are no observations to fit")
    recipe = make_recipe(formula, work.head(frames[0]), **options)
    parts = work.kept(_encoded, list(enumerate(frames)), recipe, family)
    gram = work.total(_gram, parts, recipe)
    design, terms, provenance = gram.design(**structures)
    rows = work.kept(_rows, [(part,) for part in parts], design.labels, recipe.x_names)
    turned = tuple(np.eye(f.grouping.n_columns) for f in design.random.groups)
    made = PartedDesign(design.labels, design.random, work.over(rows), design.fingerprint, turned)
    return Parted(made, design, terms, provenance)


class _Here:
    """Parts in this process."""

    def filled(self, data: Any) -> list[Any]:
        return [frame for frame in data if length_of(frame)]

    def head(self, frame: Any) -> Any:
        return frame

    def kept(self, function: Callable[..., Any], parts: list[tuple[Any, ...]], *arguments: Any) -> list[Any]:
        return [function(*part, *arguments) for part in parts]

    def total(self, function: Callable[..., Gram], parts: list[Any], *arguments: Any) -> Gram:
        return Gram.merged([function(part, *arguments) for part in parts])

    def over(self, rows: list[Any]) -> Over:
        return InTurn(rows)


class _OnCluster:
    """Parts where Dask has them: by the client that is there, or its own scheduler."""

    def __init__(self) -> None:
        self.dask = library("dask", "dask")

    def filled(self, data: Any) -> list[Any]:
        partitions = list(data) if isinstance(data, list | tuple) else data.to_delayed()
        sizes = self.dask.compute(*[self.dask.delayed(length_of)(partition) for partition in partitions])
        return [partition for partition, n in zip(partitions, sizes, strict=True) if n]

    def head(self, frame: Any) -> Any:
        return self.dask.compute(self.dask.delayed(head)(frame))[0]

    def kept(self, function: Callable[..., Any], parts: list[tuple[Any, ...]], *arguments: Any) -> list[Any]:
        given = [self.dask.delayed(one, traverse=False) for one in arguments]
        return list(self.dask.persist(*[self.dask.delayed(function)(*part, *given) for part in parts]))

    def total(self, function: Callable[..., Gram], parts: list[Any], *arguments: Any) -> Gram:
        given = [self.dask.delayed(one, traverse=False) for one in arguments]
        waiting = [self.dask.delayed(function)(part, *given) for part in parts]
        (gram,) = self.dask.compute(in_bundles(waiting, Gram.merged, self.dask))
        assert isinstance(gram, Gram)
        return gram

    def over(self, rows: list[Any]) -> Over:
        return _OverCluster(rows)


@dataclass(frozen=True)
class _OverCluster:
    """One task for each part, and a tree of sums."""

    parts: list[Any]

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The sum over parts of function(part, *arguments)."""
        dask = library("dask", "dask")
        given = dask.delayed(arguments, traverse=False)
        waiting = [dask.delayed(_applied)(part, function, given) for part in self.parts]
        (total,) = dask.compute(in_bundles(waiting, added, dask))
        return total


def _applied(part: MixedDesign, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return function(part, *arguments)


# Parts --------------------------------------------------------------------------------------------------------------


def _encoded(number: int, frame: Any, recipe: Recipe, family: Family) -> Part:
    try:
        part = recipe.encode(frame)
        family.check_response(part.response, np.ones(len(part.response)) if part.weights is None else part.weights)
    except Exception as error:
        raise InputError(f"part {number}: {error}") from error
    return part


def _gram(part: Part, recipe: Recipe) -> Gram:
    return Gram(recipe, Sums.of(part.columns, part.factors, part.weights))


def _rows(part: Part, labels: Labels, x_names: tuple[str, ...]) -> MixedDesign:
    """The rows of a part, in the labels of all."""
    n, fixed = len(part.response), labels.fixed
    columns = {INTERCEPT: np.ones(n), **part.columns}
    X = np.column_stack([columns[name] for name in x_names]) if x_names else np.zeros((n, 0))
    factors = tuple(_factor(part, g, columns) for g in labels.groups)
    pairs = {}
    for (i, j), (rows, met) in labels.pattern.pairs.items():
        wide = labels.groups[j].grouping.n_levels
        pairs[i, j] = np.searchsorted(rows * wide + met, factors[i].codes * wide + factors[j].codes)
    random = RandomDesign(factors, n, labels.pattern, pairs)
    Q = FixedDesign(fixed.R, fixed.kept, fixed.names, fixed.relations, fixed.in_basis(X), None)
    offset = part.offset if labels.has_offset else None
    return MixedDesign(part.response, X[:, :0], Q, random, part.weights, offset, labels.response)


def _factor(part: Part, g: GroupLabels, columns: Mapping[str, FloatArray]) -> GroupRows:
    codes, levels, _ = part.factors[g.name]
    place = {label: i for i, label in enumerate(g.levels.tolist())}
    at: IntArray = np.array([place[label] for label in levels.tolist()], dtype=np.intp)
    Z = np.linalg.solve(g.R.T, np.array([columns[name] for name in g.column_names]))
    basis = tuple(None if np.all(z == 1.0) else z for z in Z)
    return GroupRows(g.terms, g.levels, g.R, g.grouping, at[codes], basis)


__all__ = ["Parted", "parted"]
