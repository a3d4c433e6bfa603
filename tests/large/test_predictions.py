"""Predictions part by part: the numbers of `predict`, from any source, to batches or a file."""

import warnings

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import ranef

from .make import frame

DATA = frame(600).assign(id=np.arange(600))
TABLE = pa.Table.from_pandas(DATA, preserve_index=False)
LINEAR = ranef.lmm("y ~ x * f + offset(o) + (1 + x | g) + (1 | h)", DATA, weights="w")
COUNTS = DATA.assign(k=np.random.default_rng(3).poisson(np.exp(0.3 + 0.1 * (DATA["x"] - 50) + 0.5 * np.sin(DATA["h"]))))
GENERALIZED = ranef.glmm("k ~ poly(x, 2) + (1 | h)", COUNTS, family="poisson")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parquet")
    for number, (start, stop) in enumerate([(0, 250), (250, 250), (250, 600)]):
        pq.write_table(TABLE.slice(start, stop - start), folder / f"part-{number}.parquet", row_group_size=100)
    return folder


CONNECTION = duckdb.connect()  # relations of DuckDB 1.0 do not keep theirs
SOURCES = {
    "folder": lambda folder: folder,
    "pattern": lambda folder: str(folder / "*.parquet"),
    "dataset": lambda folder: ds.dataset(folder),
    "record batches": lambda folder: iter(TABLE.to_batches(max_chunksize=70)),
    "frames": lambda folder: [DATA.iloc[:10], TABLE.slice(10, 0), pl.from_arrow(TABLE.slice(10))],
    "dicts": lambda folder: ({c: DATA[c].to_numpy()[a : a + 100] for c in DATA} for a in range(0, 600, 100)),
    "lazy": lambda folder: pl.from_arrow(TABLE).lazy(),
    "duckdb": lambda folder: CONNECTION.sql(f"select * from read_parquet('{folder}/*.parquet') order by id"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_has_the_predictions_of_the_rows(kind, folder):
    if kind == "lazy" and not hasattr(pl.LazyFrame, "collect_batches"):
        pytest.skip("this polars has no batches of lazy frames")
    table = pa.Table.from_batches(LINEAR.predict_stream(SOURCES[kind](folder), keep=["id"]))
    assert table.column_names == ["id", "fit"]
    assert table["id"].to_pylist() == list(range(600))
    assert np.allclose(table["fit"], LINEAR.predict(DATA), rtol=1e-13)


@pytest.mark.parametrize(
    "asked",
    [
        {"se": True},
        {"interval": "prediction", "level": 0.8},
        {"interval": "confidence", "random": ["h"]},
        {"random": "none", "theta_uncertainty": False, "se": True},
        {"marginal": True, "se": True},
    ],
)
def test_what_is_asked_for_is_that_of_predict(asked, folder):
    table = pa.Table.from_batches(LINEAR.predict_stream(folder, **asked))
    expected = LINEAR.predict(DATA, **asked)
    assert table.column_names == list(expected)
    for name in expected:
        assert np.allclose(table[name], expected[name], rtol=1e-9), name


@pytest.mark.parametrize(
    "asked", [{"scale": "link"}, {"se": True}, {"marginal": True, "interval": "confidence"}, {"interval": "prediction"}]
)
def test_generalized_models_and_columns_that_learned_from_all_rows(asked):
    """`poly` has the coefficients of the fit's rows; standard errors the covariance of one factorization."""
    parts = [COUNTS.iloc[:100], COUNTS.iloc[100:]]
    table = pa.Table.from_batches(GENERALIZED.predict_stream(parts, **asked))
    expected = GENERALIZED.predict(COUNTS, **asked)
    for name in table.column_names:
        values = expected if isinstance(expected, np.ndarray) else expected[name]
        assert np.allclose(table[name], values, rtol=1e-9), name


def test_parameters_with_a_model():
    fit = ranef.glmm("k ~ x + (1 | h)", COUNTS, family="nbinom2", dispersion="~ z")
    asked = {"type": "disp", "se": True}
    table = pa.Table.from_batches(fit.predict_stream([COUNTS[["z"]].iloc[:300], COUNTS.iloc[300:]], **asked))
    expected = fit.predict(COUNTS, **asked)
    assert np.allclose(table["fit"], expected["fit"], rtol=1e-12)
    assert np.allclose(table["se"], expected["se"], rtol=1e-9)


def test_fits_of_sums_predict_their_own_source(folder):
    fit = ranef.lmm("y ~ x + (1 | g)", folder)
    table = pa.Table.from_batches(fit.predict_stream(folder))
    assert np.allclose(table["fit"], ranef.lmm("y ~ x + (1 | g)", DATA).fitted_values, rtol=1e-9)


def test_a_file_of_parquet(folder, tmp_path):
    path = tmp_path / "out.parquet"
    assert LINEAR.predict_stream(folder, keep="all", se=True).to_parquet(path) == 600
    written = pq.read_table(path)
    assert written.column_names == [*TABLE.column_names, "fit", "se"]
    assert written.select(TABLE.column_names).equals(TABLE)
    assert np.allclose(written["fit"], LINEAR.predict(DATA), rtol=1e-13)
    assert [one.name for one in tmp_path.iterdir()] == ["out.parquet"]


def test_only_columns_that_are_needed_are_read(tmp_path):
    """A source without the response, the weights, and what the random effects need."""
    pq.write_table(TABLE.select(["x", "f", "o"]), tmp_path / "new.parquet")
    table = pa.Table.from_batches(LINEAR.predict_stream(tmp_path / "new.parquet", random="none"))
    assert np.allclose(table["fit"], LINEAR.predict(DATA, random="none"), rtol=1e-13)
    with pytest.raises(ranef.InputError, match=r"new.parquet has no column 'g'"):
        next(LINEAR.predict_stream(tmp_path / "new.parquet"))
    with pytest.raises(ranef.InputError, match=r"new.parquet has no column 'w'"):
        next(LINEAR.predict_stream(tmp_path / "new.parquet", random="none", interval="prediction"))


def test_weights_that_were_an_array(tmp_path):
    """Their column is read from a file, of which columns that are not needed stay where they are."""
    fit = ranef.lmm("y ~ x + (1 | g)", DATA, weights=DATA["w"].to_numpy())
    DATA.to_parquet(tmp_path / "rows.parquet")
    stream = fit.predict_stream(tmp_path / "rows.parquet", interval="prediction", weights="w")
    table = pa.Table.from_batches(stream)
    expected = fit.predict(DATA, interval="prediction", weights=DATA["w"].to_numpy())
    assert np.allclose(table["upper"], expected["upper"], rtol=1e-12)


# What is wrong ------------------------------------------------------------------------------------------------------


def test_what_is_wrong_is_named_with_its_place_and_leaves_no_file(tmp_path):
    values = DATA["x"].where(DATA["id"] != 303)
    parts = [DATA.iloc[:300], DATA.assign(x=values).iloc[300:]]
    with pytest.raises(ranef.InputError, match=r"batch 1: x is missing in 1 row .*: 3 of the new data"):
        LINEAR.predict_stream(parts).to_parquet(tmp_path / "out.parquet")
    with pytest.raises(ranef.InputError, match=r"batch 0: groups\['g'\] has levels .*: s999"):
        LINEAR.predict_stream([DATA.assign(g="s999")]).to_parquet(tmp_path / "out.parquet")
    parts[1] = DATA.assign(id=DATA["id"].astype(str))
    with pytest.raises(ranef.InputError, match=r"rows from 300 on .*: id is (large_)?string, and was id \(int64\)"):
        LINEAR.predict_stream(parts, keep=["id"]).to_parquet(tmp_path / "out.parquet")
    with pytest.raises(ranef.InputError, match="no rows"):
        LINEAR.predict_stream([]).to_parquet(tmp_path / "out.parquet")
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_there_stays_where_something_is_wrong(tmp_path):
    path = tmp_path / "out.parquet"
    LINEAR.predict_stream([DATA]).to_parquet(path)
    before = path.read_bytes()
    with pytest.raises(ranef.InputError):
        LINEAR.predict_stream([DATA, DATA.drop(columns="x")]).to_parquet(path)
    assert path.read_bytes() == before


def test_arguments_are_refused_before_rows_are_read():
    rows = iter([DATA])
    with pytest.raises(ranef.InputTypeError, match="keep must be a list of columns, or 'all'"):
        LINEAR.predict_stream(rows, keep="id")
    with pytest.raises(ranef.InputError, match="scale must be"):
        LINEAR.predict_stream(rows, scale="log")
    with pytest.raises(ranef.InputTypeError, match="weights must be the name of a column"):
        LINEAR.predict_stream(rows, weights=DATA["w"])
    assert len(list(rows)) == 1
    with pytest.raises(ranef.InputTypeError, match="a source of rows is"):
        LINEAR.predict_stream(DATA)
    with pytest.raises(ranef.InputError, match="batch 0: there is no column 'nowhere', which keep names"):
        next(LINEAR.predict_stream([DATA], keep=["nowhere"]))
    with pytest.raises(ranef.InputError, match="batch 0: the source has a column 'fit' itself"):
        next(LINEAR.predict_stream([DATA.assign(fit=0.0)], keep="all"))
    arrays = ranef.lmm(DATA["y"], np.ones((600, 1)), {"g": DATA["g"]})
    with pytest.raises(ranef.InputError, match="fitted to arrays"):
        arrays.predict_stream(rows)
    own = ranef.lmm("y ~ own(x) + (1 | g)", DATA, context={"own": lambda x: x - x.mean()})
    with pytest.raises(ranef.InputError, match="calls own: what a function of yours"):
        own.predict_stream(rows)


def test_warnings_name_the_part():
    """A column of X that was a combination of others in the fit, and is none here."""
    twice = DATA.assign(x2=2.0 * DATA["x"])
    with pytest.warns(ranef.RankDeficiencyWarning):
        fit = ranef.lmm("y ~ x + x2 + (1 | g)", twice)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = fit.predict_stream([twice, twice.assign(x2=twice["x2"].where(twice["id"] != 5, 0.0))])
        next(stream)
    with pytest.warns(ranef.IdentificationWarning, match=r"^batch 1: .*5.* of newdata depend on columns") as told:
        (batch,) = stream
    assert told[0].filename == __file__
    assert np.isnan(batch["fit"][5].as_py())


def test_new_levels_have_the_mean_over_levels():
    new = DATA.assign(g="s999")
    (batch,) = LINEAR.predict_stream([new], new_levels="population", se=True)
    assert np.allclose(batch["se"], LINEAR.predict(new, new_levels="population", se=True)["se"], rtol=1e-12)
