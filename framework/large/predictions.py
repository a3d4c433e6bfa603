"""Predictions for rows that come part by part: no more than a part of them is in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from ..contracts.errors import InputError, InputTypeError, RanefError, shown
from ..estimation.model import Fit
from ..formula.terms import Terms
from ..notes import Note, tell
from ..prediction.predict import Predictor, Request
from .cluster import is_on_cluster
from .sources import Rows, Source, length_of, library, refuse_unknown, source_of


class PredictionStream:
    """Predictions for rows that come part by part: an iterator of pyarrow's record batches, in the order of the rows.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        It is read once.
    """

    def __init__(self, batches: Iterator[Any]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Any]:
        return self._batches

    def __next__(self) -> Any:
        return next(self._batches)

    def to_parquet(self, path: str | PathLike[str]) -> int:
        """Write what is left to a file of Parquet, which is there when all rows are; the number of rows.

        Raises
        ------
        InputError
            As rows are read, and where columns change their types from part to part. No file is left then.
        OSError
            Where the file cannot be written.
        """
        parquet = library("pyarrow.parquet", "arrow")
        place = Path(path)
        part, writer, n = place.with_name(place.name + ".part"), None, 0
        try:
            for batch in self:
                writer = writer or parquet.ParquetWriter(part, batch.schema)
                if not batch.schema.equals(writer.schema):
                    raise InputError(
                        f"rows from {n} on have columns of other types than those before: {_changed(batch, writer)}"
                    )
                writer.write_batch(batch)
                n += batch.num_rows
            if writer is None:
                raise InputError("the source has no rows: there is nothing to predict")
            writer.close()
            part.replace(place)
        finally:
            if writer is not None:
                writer.close()
                part.unlink(missing_ok=True)
        return n


def prediction_stream(
    fit: Fit,
    data: Any,
    request: Request,
    terms: Terms | None,
    *,
    keep: Sequence[str] | str | None = None,
    given: Mapping[str, Any],
) -> PredictionStream:
    """Predictions of a fit for a source of rows; `given` are expressions of weights and offset.

    Raises
    ------
    InputError, InputTypeError
        For what is wrong with the arguments. What is wrong with rows is said with their place, when they are read.
    """
    request = request.checked()
    if terms is None:
        raise InputError("this model was fitted to arrays: rows that come part by part need a fit by formula")
    if own := [name for name, value in terms.encoder.context.items() if callable(value)]:
        raise InputError(
            f"the formula calls {own[0]}: what a function of yours makes of a row may depend on other rows, which "
            "are not together here"
        )
    if is_on_cluster(data):
        raise InputTypeError("data are on a cluster, which predicts where they are: data.map_partitions(fit.predict)")
    source = source_of(data)
    if source is None:
        raise refuse_unknown(data)
    texts = {name: text for name, text in given.items() if text is not None}
    if wrong := [name for name, text in texts.items() if not isinstance(text, str)]:
        raise InputTypeError(f"{wrong[0]} must be the name of a column, or an expression: rows come part by part")
    kept, predictor = _kept(keep), Predictor(fit, request, terms)
    needs = predictor.needed
    of_scales = fit.labels.residual if needs.pop("scales") else None
    needed = terms.columns_read(**needs, of_scales=of_scales, given=texts.values())
    names = None if kept is None else tuple(dict.fromkeys([*needed, *kept]))
    return PredictionStream(_batches(predictor, source, names, kept, texts))


def _changed(batch: Any, writer: Any) -> str:
    pairs = zip(batch.schema, writer.schema, strict=False)
    return next((f"{one.name} is {one.type}, and was {two.name} ({two.type})" for one, two in pairs if one != two), "")


def _kept(keep: Any) -> tuple[str, ...] | None:
    """Columns that go along; None for all."""
    if isinstance(keep, str) and keep == "all":
        return None
    if keep is not None and (not isinstance(keep, list | tuple) or not all(isinstance(name, str) for name in keep)):
        raise InputTypeError(f"keep must be a list of columns, or 'all'; got {shown(keep)}")
    return tuple(keep or ())


def _batches(
    predictor: Predictor, source: Source, names: tuple[str, ...] | None, kept: tuple[str, ...] | None, given: Any
) -> Iterator[Any]:
    for part in source.parts(names):
        if not length_of(part.data):
            continue
        try:
            columns, _, notes = predictor.columns(part.data, given)
            batch = _batch(part, kept, columns)
        except RanefError as error:
            raise InputError(f"{part.where}: {error}") from error
        tell(Note(note.category, f"{part.where}: {note.text}") for note in notes)
        yield batch


def _batch(part: Rows, kept: tuple[str, ...] | None, columns: Mapping[str, Any]) -> Any:
    """One record batch of the columns that go along, and the predictions."""
    pa = library("pyarrow", "arrow")
    along = _along(part.data, kept)
    if taken := [name for name in along if name in columns]:
        raise InputError(f"the source has a column {taken[0]!r} itself: leave it out of keep, or rename it")
    table = pa.table(along | {name: pa.array(values) for name, values in columns.items()})
    return table.combine_chunks().to_batches()[0]


def _along(data: Any, kept: tuple[str, ...] | None) -> dict[str, Any]:
    """The columns that go along, as they are or as Arrow's."""
    is_dict = isinstance(data, Mapping)
    frame = data if is_dict else library("narwhals.stable.v2", "arrow").from_native(data, eager_only=True)
    there = list(data if is_dict else frame.columns)
    names = there if kept is None else list(dict.fromkeys(kept))
    if lacking := [name for name in names if name not in there]:
        raise InputError(f"there is no column {lacking[0]!r}, which keep names")
    return {name: frame[name] if is_dict else frame.get_column(name).to_arrow() for name in names}


__all__ = ["PredictionStream", "prediction_stream"]
