"""Columns of frames as codes and entries: categories as their library keeps them, other labels by its own hashing.

Entries are what a library has of them: in any order, perhaps twice, perhaps more than occur.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, IntArray

#: Integers are spread widely where a table of all between the least and the largest would have so many cells a row.
WIDE, MORE = 4, 1000


def polars_codes(series: Any) -> tuple[IntArray, list[str]]:
    """Codes (-1 is missing) and labels of a Categorical or Enum; those that occur, an Enum's in its order."""
    import polars as pl

    physical = np.asarray(series.to_physical().cast(pl.Int64).fill_null(-1).to_numpy(), dtype=np.intp)
    row = np.full(int(physical.max(initial=-1)) + 2, -1, dtype=np.intp)
    row[physical] = np.arange(len(physical))  # of each code some row; missing ones are the last entry
    used = np.flatnonzero(row[:-1] >= 0)
    rank = np.full(len(row), -1, dtype=np.intp)
    rank[used] = np.arange(len(used))
    return rank[physical], series.gather(row[used]).cast(pl.String).to_list()


def arrow_codes(array: Any) -> tuple[IntArray, Any]:
    """Codes (-1 is missing) and the entries of a dictionary array, whose chunks may have other dictionaries.

    Never by ``to_numpy`` of the column, which fills missing rows with the labels of others.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries()
        if not array.num_chunks:
            return np.zeros(0, dtype=np.intp), pa.nulls(0, array.type.value_type)
        entries = array.chunk(0).dictionary
        indices = pa.concat_arrays([chunk.indices for chunk in array.chunks])
    else:
        entries, indices = array.dictionary, array.indices
    codes = np.asarray(pc.fill_null(indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False), dtype=np.intp)
    if entries.null_count:  # a missing label may be an entry
        absent = np.append(np.asarray(entries.is_null()), True)
        codes = np.where(absent[codes], -1, codes)
    return codes, entries


def hashed(value: Any, libraries: set[str]) -> tuple[IntArray, list[Any]] | None:
    """Codes (-1 is missing) and distinct labels of a frame's column of text; None of whatever is none.

    Parameters
    ----------
    value : object
    libraries : set of str
        Packages that its class is of.
    """
    if "polars" in libraries:
        import polars as pl

        is_text = isinstance(value, pl.Series) and value.dtype == pl.String
        return polars_codes(value.cast(pl.Categorical)) if is_text else None
    if "pandas" in libraries and hasattr(value, "factorize") and hasattr(value, "dtype"):
        return _of_pandas(value)
    if "pyarrow" in libraries and hasattr(value, "dictionary_encode"):
        import pyarrow as pa

        kinds = pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view
        if any(kind(value.type) for kind in kinds):
            plain = _without_views(value) if pa.types.is_string_view(value.type) else value
            codes, entries = arrow_codes(plain.dictionary_encode())
            return codes, entries.to_pylist()
    return None


def _of_pandas(value: Any) -> tuple[IntArray, list[Any]] | None:
    import pandas as pd

    text = isinstance(value.dtype, pd.StringDtype)
    if not text and (value.dtype != object or pd.api.types.infer_dtype(value, skipna=True) != "string"):
        return None
    return text_codes(value)


def text_codes(values: Any) -> tuple[IntArray, list[Any]]:
    """Codes (-1 is missing) and distinct labels of text with missing ones, by pandas."""
    import pandas as pd

    if not _pandas_hashes_whole_labels() and any("\0" in label for label in values if isinstance(label, str)):
        rank = {label: code for code, label in enumerate(dict.fromkeys(v for v in values if isinstance(v, str)))}
        return np.array([rank.get(label, -1) for label in values], dtype=np.intp), list(rank)
    codes, entries = pd.factorize(values)
    return np.asarray(codes, dtype=np.intp), list(entries)


@cache
def _pandas_hashes_whole_labels() -> bool:
    """Whether text is hashed to its end: pandas 2.0 stops at NUL, and takes what begins alike for one."""
    import pandas as pd

    return len(pd.factorize(np.array(["v", "v\0"], dtype=object))[1]) == 2


def _without_views(value: Any) -> Any:
    """A column of string views as one of strings; pyarrow 16 has no cast for that."""
    import pyarrow as pa

    try:
        return value.cast(pa.large_string())
    except pa.ArrowNotImplementedError:
        return pa.array(value.to_pylist(), pa.large_string())


def is_wide(array: AnyArray) -> bool:
    """Whether a table of all integers between the least and the largest would be much longer than the rows."""
    low, high = int(array.min()), int(array.max())
    return high - low > WIDE * len(array) + MORE or high > np.iinfo(np.intp).max


def hashed_integers(value: Any, integers: AnyArray) -> tuple[IntArray, AnyArray] | None:
    """Codes and ascending levels of integers that a frame's column holds; None of other columns.

    Parameters
    ----------
    value : object
        The column.
    integers : (n,) array
        What it holds, nothing missing.
    """
    libraries = {str(cls.__module__).partition(".")[0] for cls in type(value).__mro__}
    if "pandas" in libraries:
        import pandas as pd

        codes, found = pd.factorize(integers)
    elif libraries & {"polars", "pyarrow"} and importlib.util.find_spec("pyarrow") is not None:
        import pyarrow as pa

        codes, entries = arrow_codes(pa.array(integers).dictionary_encode())
        found = entries.to_numpy()
    else:
        return None
    order = np.argsort(found)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[codes], np.asarray(found)[order]


def objects(labels: Sequence[Any]) -> AnyArray:
    """Labels as an array of objects, whatever they are."""
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array
