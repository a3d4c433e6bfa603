"""Where rows come from, part by part: files of Arrow and Parquet, batches, lazy frames, relations."""

from __future__ import annotations

import glob
import importlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from ..contracts.errors import InputError, InputTypeError, MissingExtraError, RanefError, shown

#: Rows of a part: its columns take some tens of megabytes.
ROWS = 2**19
#: Files that are read as Arrow's, by their endings.
FORMATS = {".arrow": "ipc", ".ipc": "ipc", ".feather": "ipc", ".parquet": "parquet", ".pq": "parquet"}


@dataclass(frozen=True)
class Rows:
    """A part of the rows.

    Parameters
    ----------
    data : data frame
    where : str
        For messages: the file and its row group, or the number of the batch.
    file : str
        The file, empty where there is none.
    """

    data: Any
    where: str
    file: str = ""


@dataclass(frozen=True)
class Source:
    """Rows that come part by part.

    Parameters
    ----------
    parts : callable
        Parts, of the columns that are named, or of all.
    again : bool
        Whether the rows can be read a second time.
    """

    parts: Callable[[tuple[str, ...] | None], Generator[Rows, None, None]]
    again: bool


def library(name: str, extra: str) -> Any:
    """A library of an extra, on first use.

    Raises
    ------
    MissingExtraError
        Where it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(f'these data need {name.partition(".")[0]}: pip install "ranef[{extra}]"') from error


def source_of(data: Any) -> Source | None:
    """Where rows come from; None for data that are in memory."""
    package = type(data).__module__.partition(".")[0].lstrip("_")
    if isinstance(data, str | PathLike):
        return _of_files(_paths(data))
    if isinstance(data, list | tuple) and data and all(isinstance(one, str | PathLike) for one in data):
        return _of_files([path for one in data for path in _paths(one)])
    if package == "pyarrow" and hasattr(data, "get_fragments"):
        return _of_dataset(data)
    if package == "polars" and type(data).__name__ == "LazyFrame":
        return Source(lambda names: _numbered(_lazy(data, names)), again=True)
    if package == "duckdb" and hasattr(data, "fetch_arrow_reader"):
        return Source(lambda names: _numbered(_relation(data, names)), again=True)
    if isinstance(data, list | tuple):
        return Source(lambda _: _numbered(data), again=True)
    if isinstance(data, Iterator) or type(data).__name__ == "RecordBatchReader":
        return Source(lambda _: _numbered(data), again=False)
    return None


def _numbered(frames: Iterable[Any]) -> Generator[Rows, None, None]:
    for number, frame in enumerate(frames):
        yield Rows(_table(frame), f"batch {number}")


def _table(frame: Any) -> Any:
    """A record batch as a table, which frames are read from."""
    if type(frame).__name__ == "RecordBatch" and type(frame).__module__.startswith("pyarrow"):
        return library("pyarrow", "arrow").Table.from_batches([frame])
    return frame


def _lazy(frame: Any, names: tuple[str, ...] | None) -> Iterator[Any]:
    chosen = frame if names is None else frame.select(list(names))
    if not hasattr(chosen, "collect_batches"):
        raise InputError(
            "this polars cannot collect a lazy frame in batches (LazyFrame.collect_batches): use 1.34 or newer, or "
            "pass the frame's files, or frame.collect() where it fits into memory"
        )
    return iter(chosen.collect_batches(chunk_size=ROWS, maintain_order=True))


def _relation(relation: Any, names: tuple[str, ...] | None) -> Iterator[Any]:
    columns = "*" if names is None else ", ".join(f'"{n.replace(chr(34), chr(34) * 2)}"' for n in names)
    chosen = relation.project(columns)  # a relation of its own: DuckDB 1.0 gives the result of one only once
    read = getattr(chosen, "to_arrow_reader", None) or chosen.fetch_arrow_reader  # its name before DuckDB 1.4
    with read(ROWS) as reader:  # a connection has one open result
        yield from reader


# Files --------------------------------------------------------------------------------------------------------------


def _paths(path: str | PathLike[str]) -> list[Path]:
    """The files of a path, a folder or a pattern; a folder stays one, since its subfolders may be partitions."""
    text = str(path)
    found = sorted(map(Path, glob.glob(text, recursive=True))) if glob.has_magic(text) else [Path(text)]
    if not found:
        raise InputError(f"no file is like {text}")
    for one in found:
        if not one.exists():
            raise InputError(f"there is no file {one}")
        if one.is_file() and one.suffix not in FORMATS:
            raise InputError(f"{one} is none of the files that are read part by part: {', '.join(FORMATS)}")
    return found


def _of_files(paths: list[Path]) -> Source:
    dataset = library("pyarrow.dataset", "arrow")
    kinds = {FORMATS[path.suffix] for path in paths if path.is_file()}
    given: str | list[str] = list(map(str, paths))
    if any(path.is_dir() for path in paths):
        if len(paths) > 1:
            raise InputError("give one folder, or a list of files: one of the paths is a folder")
        inside = {FORMATS[file.suffix] for file in paths[0].rglob("*") if file.suffix in FORMATS}
        if not inside:
            raise InputError(f"there is no file in {paths[0]} that is read part by part: {', '.join(FORMATS)}")
        kinds, given = inside, str(paths[0])
    if len(kinds) > 1:
        raise InputError("files of Parquet and of Arrow are read separately; add their Grams")
    try:
        found = dataset.dataset(given, format=kinds.pop(), partitioning="hive")
    except Exception as error:  # whatever pyarrow says to a file that is none
        raise InputError(f"{paths[0]} cannot be read: {_first(error)}") from error
    return _of_dataset(found)


def _of_dataset(dataset: Any) -> Source:
    return Source(lambda names: _fragments(dataset, names), again=True)


def _fragments(dataset: Any, names: tuple[str, ...] | None) -> Generator[Rows, None, None]:
    """Row groups of files, of at most `ROWS` rows at a time."""
    schema = dataset.schema
    for fragment in dataset.get_fragments():
        path = getattr(fragment, "path", "") or ""
        try:
            own = fragment.physical_schema
            _check_schema(own, schema, names, path, fragment)
            split = getattr(fragment, "split_by_row_group", None)
            pieces = split() if split is not None else [fragment]
            for number, piece in enumerate(pieces):
                where = f"{path}, row group {number}" if split is not None else path or "batch"
                columns = None if names is None else list(names)
                start = 0
                for batch in piece.to_batches(schema=schema, columns=columns, batch_size=ROWS):
                    if batch.num_rows:
                        yield Rows(_table(batch), f"{where}, from row {start}" if start else where, path)
                    start += batch.num_rows
        except (RanefError, GeneratorExit):
            raise
        except Exception as error:  # files that are cut off, and whatever else pyarrow finds
            raise InputError(f"{path} cannot be read: {_first(error)}") from error


def _check_schema(own: Any, schema: Any, names: tuple[str, ...] | None, path: str, fragment: Any) -> None:
    """Refuse a file without a column, or with one of another kind: it would be read as missing, or converted."""
    partition = str(getattr(fragment, "partition_expression", ""))
    for name in schema.names if names is None else names:
        if name not in own.names:
            if name in schema.names and f"{name} ==" in partition.replace("(", "").replace('"', ""):
                continue
            if names is None:
                continue  # nobody knows yet whether it is needed
            raise InputError(f"{path} has no column {name!r}; it has {', '.join(own.names[:20])}")
        if name in schema.names:
            here, there = _family(own.field(name).type), _family(schema.field(name).type)
            if here != there:
                raise InputError(
                    f"{path}: the column {name!r} holds {own.field(name).type}, and in files before it "
                    f"{schema.field(name).type}: make it of one type first"
                )


def _family(kind: Any) -> str:
    """Types between which nothing is lost: numbers, text, and others by themselves."""
    pa = library("pyarrow", "arrow")
    if pa.types.is_dictionary(kind):
        return _family(kind.value_type)
    if pa.types.is_integer(kind):
        return "integers"
    if pa.types.is_floating(kind):
        return "numbers with a point"
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return "text" if text else str(kind)


def _first(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def length_of(data: Any) -> int:
    """Number of rows; 1 for what is no frame, which is refused when it is read."""
    if isinstance(data, Mapping):
        return len(next(iter(data.values()), ()))
    return len(data) if hasattr(data, "__len__") else 1


def refuse_unknown(data: Any) -> InputTypeError:
    """The error for what no rows come from."""
    return InputTypeError(
        "a source of rows is a path, a folder, a pattern or a list of files of Parquet or Arrow, a pyarrow dataset, an "
        f"iterator of frames or record batches, a polars LazyFrame or a DuckDB relation; got {shown(data)}"
    )


__all__ = ["ROWS", "Rows", "Source", "length_of", "library", "refuse_unknown", "source_of"]
