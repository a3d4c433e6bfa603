"""Labels by the codes of the frame's library: the same codes and levels as a sort of the labels gives."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ranef.contracts.errors import InputError
from ranef.design.dictionaries import arrow_codes, hashed_integers, is_wide, polars_codes
from ranef.design.grouping import encode
from ranef.formula.columns import read_variable

LABELS = ["u", "Zürich", "", "u", "v\0", "v", "Zürich", "é", "10", "9", "u"]
FRAMES = {
    "pandas str": lambda x: pd.Series(x),
    "pandas object": lambda x: pd.Series(x, dtype=object),
    "pandas string": lambda x: pd.Series(x, dtype=pd.StringDtype("python")),
    "pandas Arrow": lambda x: pd.Series(x, dtype=pd.ArrowDtype(pa.string())),
    "polars String": pl.Series,
    "polars Categorical": lambda x: pl.Series(x, dtype=pl.Categorical),
    "polars Enum": lambda x: pl.Series(x, dtype=pl.Enum([*sorted({v for v in x if v is not None}), "unused"][::-1])),
    "Arrow": pa.array,
    "Arrow large": lambda x: pa.array(x, pa.large_string()),
    "Arrow view": lambda x: pa.array(x, pa.string_view()),
    "Arrow chunks": lambda x: pa.chunked_array([x[:4], [], x[4:]], pa.string()),
    "Arrow dictionary": lambda x: pa.array(x).dictionary_encode(),
    "Arrow dictionaries": lambda x: pa.chunked_array([pa.array(p).dictionary_encode() for p in (x[5:], x[:5])][::-1]),
    "Arrow sliced": lambda x: pa.chunked_array([pa.array(["gone", *x, None]).dictionary_encode().slice(1, len(x))]),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_codes_and_levels_are_those_of_sorted_labels(kind):
    codes, levels = encode(FRAMES[kind](LABELS), "g")
    assert levels.tolist() == sorted(set(LABELS))
    assert [levels[c] for c in codes] == LABELS


@pytest.mark.parametrize("kind", FRAMES)
def test_missing_labels_are_refused_with_their_rows(kind):
    with pytest.raises(InputError, match=r"missing labels in 2 rows \(counted from 0\): 1, 4"):
        encode(FRAMES[kind](["a", None, "b", "a", None, "c"]), "g")


@pytest.mark.parametrize("kind", FRAMES)
def test_formulas_read_the_same_labels(kind):
    """Of categories with an order of their own levels keep that; of all others they are sorted."""
    variable = read_variable(FRAMES[kind]([*LABELS, None]), "g")
    assert [variable.levels[c] for c in variable.codes[:-1]] == LABELS
    assert variable.codes[-1] == -1
    assert variable.missing.tolist() == [False] * len(LABELS) + [True]
    known = read_variable(FRAMES[kind](LABELS), "g")
    assert [known.levels[c] for c in known.codes] == LABELS
    if kind not in ("polars Enum", "Arrow dictionary", "Arrow dictionaries", "Arrow sliced"):
        assert list(variable.levels) == sorted(set(LABELS))


def test_categories_of_pandas_keep_their_order_without_those_that_do_not_occur():
    labels = pd.Series(pd.Categorical(["b", "a", "b"], categories=["zz", "b", "a"]))
    codes, levels = encode(labels, "g")
    assert (codes.tolist(), levels.tolist()) == ([0, 1, 0], ["b", "a"])


def test_codes_of_categoricals_that_know_other_labels():
    """Physical codes of polars are those of all labels that it has seen; rows that were cut off do not count."""
    pl.Series(["x", "y", "z"], dtype=pl.Categorical)
    some = pl.Series(["z", "a", None, "z"], dtype=pl.Categorical)[1:]
    codes, labels = polars_codes(some)
    assert [None if c < 0 else labels[c] for c in codes] == ["a", None, "z"]
    assert sorted(labels) == ["a", "z"]


def test_missing_entries_of_a_dictionary_are_missing_rows():
    array = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 1]), pa.array(["a", None]))
    assert arrow_codes(array)[0].tolist() == [0, -1, -1, -1]
    assert arrow_codes(pa.chunked_array([], array.type))[0].tolist() == []


def test_dictionaries_of_numbers_and_dates_have_levels_of_their_type():
    days = np.array(["2020-02-01", "2020-01-01"], "datetime64[D]")
    assert encode(pa.array([7, 3, 7]).dictionary_encode(), "g")[1].tolist() == [3, 7]
    assert encode(pa.array(days).dictionary_encode(), "g")[1].tolist() == np.sort(days).tolist()


@pytest.mark.parametrize("make", [pd.Series, pl.Series, pa.array, lambda x: pa.chunked_array([x]), np.asarray])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_integers_that_are_spread_widely(make, dtype):
    values = np.array([2**60, 5, 2**62, 5, 7], dtype)
    codes, levels = encode(make(values), "g")
    assert (codes.tolist(), levels.tolist(), levels.dtype) == ([2, 0, 3, 0, 1], [5, 7, 2**60, 2**62], dtype)
    assert is_wide(values)
    assert (hashed_integers(make(values), values) is None) == isinstance(make(values), np.ndarray)


def test_text_beside_numbers_is_still_refused():
    with pytest.raises(TypeError, match="mixes labels of several types"):
        encode(pd.Series([1, "1"], dtype=object), "g")


def test_many_responses_beside_a_category_in_the_first_column():
    """The number of rows is not that of the categories."""
    import ranef

    rng = np.random.default_rng(1)
    g = np.repeat(list("abcdef"), 5)
    Y = rng.normal(size=(30, 2)) + rng.normal(size=6)[np.unique(g, return_inverse=True)[1]][:, None]
    plain = ranef.lmm_many(Y, "~ 1 + (1 | g)", {"g": g})
    fits = ranef.lmm_many(Y, "~ 1 + (1 | g)", {"g": pd.Categorical(g)})
    assert np.allclose(fits.theta, plain.theta, rtol=1e-12)
