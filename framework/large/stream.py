"""One pass over rows that come part by part: each is encoded and summed, and sums are added in bundles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from ..contracts.errors import InputError, RanefError
from ..design.sums import Sums
from ..formula.recipe import Recipe, make_recipe
from .cluster import gram_of_cluster, is_on_cluster
from .gram import Gram
from .sources import Rows, Source, length_of, refuse_unknown, source_of

#: Sums that are added at once: labels are put in order once for all of them.
BUNDLE = 8


class StreamError(InputError):
    """A stream of rows that ended early.

    Attributes
    ----------
    gram : Gram or None
        The sums of the rows before; which files these are of, its `seen` says. None where there are none.
    """

    gram: Gram | None = None


def is_stream(data: Any) -> bool:
    """Whether rows come part by part, rather than being in memory."""
    return is_on_cluster(data) or source_of(data) is not None


def gram_of(
    formula: str | Gram,
    data: Any,
    *,
    weights: str | None = None,
    offset: str | None = None,
    contrasts: Mapping[str, str] | None = None,
    levels: Mapping[str, Sequence[Any]] | None = None,
    context: Mapping[str, Any] | None = None,
) -> Gram:
    """Sums over all rows of a source, in one pass; where levels of factors in X must be found, in two.

    Parameters
    ----------
    formula : str, or Gram
        Or a Gram of other rows, to encode these in the same way.
    data : source of rows
        A path, folder, pattern or list of files of Parquet or Arrow; a pyarrow dataset; an iterator or list of data
        frames or record batches; a polars LazyFrame; a DuckDB relation; a Dask data frame, or a list of delayed frames.
    weights, offset, contrasts, levels, context
        As `Gram.of`.

    Returns
    -------
    Gram

    Raises
    ------
    StreamError
        Where some rows cannot be read or counted, with the file and its row group; it has the sums of those before.
    InputError, InputTypeError, MissingExtraError
        Before any rows are read.

    Examples
    --------
    >>> import ranef
    >>> d = ranef.datasets.load("sleepstudy")
    >>> days = ({name: column[d["Days"] == day] for name, column in d.items()} for day in range(10))
    >>> ranef.gram("Reaction ~ Days + (Days | Subject)", days)
    Gram of Reaction ~ Days + (Days | Subject): 180 rows; Subject 18
    """
    given = {"weights": weights, "offset": offset, "contrasts": contrasts, "levels": levels, "context": context}
    options = {name: value for name, value in given.items() if value is not None}
    if is_on_cluster(data):
        return gram_of_cluster(formula, data, options)
    source = source_of(data)
    if source is None:
        raise refuse_unknown(data)
    if isinstance(formula, Gram):
        recipe = formula.recipe
        parts: Iterable[Rows] = source.parts(recipe.used)
    else:
        recipe, parts = _recipe(formula, source, options)
    return _summed(recipe, parts)


def _recipe(formula: str, source: Source, options: Mapping[str, Any]) -> tuple[Recipe, Iterable[Rows]]:
    """The recipe by the first rows, and all rows."""
    parts = source.parts(None)
    first = next((part for part in parts if length_of(part.data)), None)
    if first is None:
        raise InputError("the source has no rows: there are no observations to fit")
    if source.again:
        parts.close()
    again = (part.data for part in source.parts(None) if length_of(part.data)) if source.again else None
    try:
        recipe = make_recipe(formula, first.data, more=again, **options)
    except RanefError as error:
        raise type(error)(f"{first.where}: {error}") from error
    return recipe, source.parts(recipe.used) if source.again else chain([first], parts)


def _summed(recipe: Recipe, parts: Iterable[Rows]) -> Gram:
    waiting: list[Gram] = []
    try:
        for part in parts:
            if length_of(part.data):
                waiting.append(_one(recipe, part, waiting))
            if len(waiting) == BUNDLE:
                waiting = [Gram.merged(waiting)]
        if not waiting:
            raise InputError("the source has no rows: there are no observations to fit")
        return Gram.merged(waiting)
    except RanefError as error:
        counted = sum(gram.n for gram in waiting)
        ended = StreamError(
            f"{error}" + (f" (the {counted:,} rows before are in this error's `gram`)" if counted else "")
        )
        ended.gram = Gram.merged(waiting) if waiting else None
        raise ended from error


def _one(recipe: Recipe, part: Rows, before: Sequence[Gram]) -> Gram:
    """The sums of one part, which can be added to those before."""
    try:
        rows = recipe.encode(part.data)
        sums = Sums.of(rows.columns, rows.factors, rows.weights)
        for gram in before[:1]:
            gram.sums.refuse_other(sums)
    except RanefError as error:
        raise InputError(f"{part.where}: {error}") from error
    return Gram(recipe, sums, {part.file: sums.n} if part.file else {})


__all__ = ["StreamError", "gram_of", "is_stream"]
