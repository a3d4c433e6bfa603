"""Rows that come part by part: every road leads to the sums of all rows, and what is wrong is named with its place."""

import datetime
import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import ranef
from ranef.contracts.errors import InputError, InputTypeError

from .make import frame

DATA = frame()
TABLE = pa.Table.from_pandas(DATA, preserve_index=False)
FORMULA = "y ~ x * f + (1 + x | g) + (1 | h)"
EXPECTED = ranef.lmm(FORMULA, DATA, weights="w")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parquet")
    for number, (start, stop) in enumerate([(0, 900), (900, 901), (901, 901), (901, 3000)]):
        part = TABLE.slice(start, stop - start)
        if number % 2:
            part = part.set_column(3, "g", part["g"].dictionary_encode())
        pq.write_table(part, folder / f"part-{number}.parquet", row_group_size=500)
    return folder


def batches():
    return iter(TABLE.to_batches(max_chunksize=700))


def feather(folder):
    pyarrow.feather.write_feather(TABLE, folder / "all.arrow")
    return folder / "all.arrow"


CONNECTION = duckdb.connect()  # relations of DuckDB 1.0 do not keep theirs
SOURCES = {
    "path": lambda folder: folder / "part-0.parquet",
    "folder": lambda folder: folder,
    "text of a folder": str,
    "pattern": lambda folder: str(folder / "part-*.parquet"),
    "list": lambda folder: sorted(folder.glob("*.parquet"))[::-1],
    "dataset": lambda folder: ds.dataset(folder),
    "dataset in memory": lambda folder: ds.dataset(TABLE),
    "list of frames": lambda folder: [DATA.iloc[:10], TABLE.slice(10, 0), pl.from_arrow(TABLE.slice(10))],
    "lazy": lambda folder: pl.from_arrow(TABLE).lazy(),
    "duckdb": lambda folder: CONNECTION.sql(f"select * from read_parquet('{folder}/*.parquet')"),
    "feather": lambda folder: feather(folder.parent),
}


@pytest.mark.parametrize("kind", [kind for kind in SOURCES if kind != "path"])
def test_every_source_gives_the_fit_of_the_rows(kind, files):
    if kind == "lazy" and not hasattr(pl.LazyFrame, "collect_batches"):
        pytest.skip("this polars has no batches of lazy frames")
    fit = ranef.lmm(FORMULA, SOURCES[kind](files), weights="w")
    assert np.abs(fit.theta - EXPECTED.theta).max() < 1e-9
    assert np.allclose(fit.coefficients, EXPECTED.coefficients, rtol=1e-9)
    assert fit.names == EXPECTED.names
    assert fit.n_obs == 3000


def test_an_old_polars_is_named(monkeypatch):
    monkeypatch.delattr(pl.LazyFrame, "collect_batches", raising=False)
    with pytest.raises(InputError, match="cannot collect a lazy frame in batches"):
        ranef.lmm(FORMULA, pl.from_arrow(TABLE).lazy(), weights="w")


@pytest.mark.parametrize("make", [batches, lambda: pa.RecordBatchReader.from_batches(TABLE.schema, batches())])
def test_iterators_are_read_once(make):
    """Levels of a factor in X are given: there is no second pass to find them."""
    with pytest.raises(InputError, match="batch 0: f is a factor in X, whose levels must be known"):
        ranef.lmm(FORMULA, make(), weights="w")
    fit = ranef.lmm(FORMULA, make(), weights="w", levels={"f": ["low", "mid", "top"]})
    assert np.abs(fit.theta - EXPECTED.theta).max() < 1e-9


def test_partitioned_folders_have_their_partitions_as_columns(tmp_path):
    ds.write_dataset(
        TABLE, tmp_path, format="parquet", partitioning=ds.partitioning(pa.schema([("f", pa.string())]), flavor="hive")
    )
    fit = ranef.lmm(FORMULA, tmp_path, weights="w")
    assert np.abs(fit.theta - EXPECTED.theta).max() < 1e-9


def test_which_files_were_seen(files):
    gram = ranef.gram("y ~ x + (1 | g)", files)
    assert {name.rpartition("/")[2]: n for name, n in gram.seen.items()} == {
        "part-0.parquet": 900,
        "part-1.parquet": 1,
        "part-3.parquet": 2099,
    }
    assert repr(gram) == "Gram of y ~ x + (1 | g): 3,000 rows; g 60; 3 files"


def test_summaries_say_from_which_files_rows_are(files):
    path = files / "part-0.parquet"
    one, all_of_them = ranef.gram("y ~ x + (1 | g)", path), ranef.gram("y ~ x + (1 | g)", files)
    others = ranef.Gram.of(DATA.iloc[2000:], one)
    details = [ranef.lmm(gram).summary().data.details for gram in (one, all_of_them, one + others, others)]
    assert details == [(f"Data: {path}",), ("Data: 3 files",), (), ()]


def test_a_file_that_is_added_twice_is_told(files):
    days = sorted(files.glob("*.parquet"))
    one, other = ranef.gram("y ~ x + (1 | g)", days[0]), ranef.gram("y ~ x + (1 | g)", days[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        both = one + other
    with pytest.warns(ranef.DataWarning, match=r"rows of .*part-0.parquet are in both sums, and count twice") as told:
        assert (both + one).n == both.n + one.n
    assert told[0].filename == __file__


def test_daily_updates(files, tmp_path):
    """A day at a time, through a file: the fit of all days."""
    days = sorted(files.glob("*.parquet"))
    ranef.gram(FORMULA, days[0], levels={"f": ["low", "mid", "top"]}, weights="w").save(tmp_path / "gram")
    for day in (days[1], days[3]):
        gram = ranef.Gram.load(tmp_path / "gram")
        (gram + ranef.gram(gram, day)).save(tmp_path / "gram")
    fit = ranef.lmm(ranef.Gram.load(tmp_path / "gram"))
    assert np.abs(fit.theta - EXPECTED.theta).max() < 1e-9


# What is wrong ------------------------------------------------------------------------------------------------------


def broken(folder, table):
    """Two good files and one more."""
    pq.write_table(TABLE.slice(0, 800), folder / "a.parquet", row_group_size=300)
    pq.write_table(TABLE.slice(800, 800), folder / "b.parquet")
    pq.write_table(table, folder / "c.parquet", row_group_size=500)
    return folder


def replaced(name, values):
    return TABLE.set_column(TABLE.schema.names.index(name), name, values)


def missing(name, at):
    values = TABLE[name].to_pylist()
    for row in at:
        values[row] = None
    return replaced(name, pa.array(values))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (lambda: missing("y", [1203]), r"c.parquet, row group 2: values are missing: y in 1 row .*: 203"),
        (lambda: missing("g", [3, 7]), r"c.parquet, row group 0: values are missing: g in 2 rows .*: 3, 7"),
        (
            lambda: replaced("x", pa.array(np.where(np.arange(3000) == 4, np.inf, DATA["x"]))),
            "c.parquet, row group 0: x is",
        ),
        (lambda: replaced("g", pa.array(range(3000))), "c.parquet: the column 'g' holds int64, .* before it "),
        (lambda: replaced("y", TABLE["y"].cast(pa.string())), "c.parquet: the column 'y' holds string"),
        (lambda: TABLE.drop_columns(["x"]), "c.parquet has no column 'x'; it has z, f"),
        (lambda: replaced("w", pa.array(DATA["w"] - 1.0)), "c.parquet, row group 0: weights must be positive"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_the_sums_before_it_are_kept(table, message, tmp_path):
    with pytest.raises(ranef.StreamError, match=message) as ended:
        ranef.lmm("y ~ x + (1 | g)", broken(tmp_path, table()), weights="w")
    gram = ended.value.gram
    assert [name.rpartition("/")[2] for name in gram.seen][:2] == ["a.parquet", "b.parquet"]
    assert gram.n >= 1600
    assert f"the {gram.n:,} rows before are in this error's `gram`" in str(ended.value)
    assert ranef.lmm(gram).n_obs == gram.n


def test_files_that_are_cut_off(tmp_path):
    folder = broken(tmp_path, TABLE)
    content = (folder / "c.parquet").read_bytes()
    (folder / "c.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(ranef.StreamError, match=r"c\.parquet cannot be read") as ended:
        ranef.lmm("y ~ x + (1 | g)", folder)
    assert ended.value.gram.n == 1600


def test_iterators_that_change_their_minds():
    """Labels of another type, and a column of another kind."""
    parts = [DATA.iloc[:500], DATA.iloc[500:].assign(h=DATA["h"].astype(str))]
    with pytest.raises(ranef.StreamError, match="batch 1: h is of kind number in the rows before, and text here"):
        ranef.lmm("y ~ x + (1 | h)", iter(parts))
    parts[1] = DATA.iloc[500:].assign(h=DATA["h"].astype(float) + 0.5)
    with pytest.raises(ranef.StreamError, match="labels of h are integers in one part and numbers with a"):
        ranef.lmm("y ~ x + (1 | h)", iter(parts))


def test_an_iterator_that_raises_is_not_hidden():
    def parts():
        yield DATA
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        ranef.lmm("y ~ x + (1 | g)", parts())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.parquet", "there is no file nowhere.parquet"),
        ("nowhere-*.parquet", "no file is like nowhere"),
        (__file__, "none of the files that are read part by part"),
        ([DATA.iloc[:0]], "no rows"),
        (iter([]), "no rows"),
        (["a.parquet", "b.parquet"], "there is no file a.parquet"),
        ([1, 2], "data must be a data frame"),
    ],
)
def test_sources_that_are_none(source, message):
    with pytest.raises((InputError, InputTypeError), match=message):
        ranef.lmm("y ~ x + (1 | g)", source)


def test_dates_are_levels_too():
    days = pa.array([datetime.date(2024, 1, 1 + i % 20) for i in range(3000)])
    data = pd.DataFrame({"y": DATA["y"], "day": np.datetime_as_string(np.asarray(days).astype("M8[D]"))})
    assert ranef.gram("y ~ 1 + (1 | day)", [data]).n_groups == {"day": 20}
