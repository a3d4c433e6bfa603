"""The funnel: kinds of columns, one mask, levels; and new rows by what a fit stored."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ranef
from ranef.contracts import InputTypeError
from ranef.formula.columns import Frame
from ranef.formula.encoder import Encoder

KINDS = {
    "pandas": lambda d: d,
    "pandas with another index": lambda d: d.set_index(np.zeros(len(d), dtype=int)),
    "pandas nullable": lambda d: d.convert_dtypes(),
    "pandas arrow": lambda d: d.convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda d: pl.from_pandas(d).with_columns(pl.col("c").cast(pl.Enum(["none", "low", "high"]))),
    "pyarrow": lambda d: pa.Table.from_pandas(d, preserve_index=False),
    "dict": lambda d: {name: d[name].to_numpy() if name != "c" else d[name].array for name in d},
}
FORMULA = "log(y) ~ x * f + b + c + poly(w, 2) + scale(log(w)) + factor(k) + ns(x, 2) + (1 + x | g/h) + (0 + c || k)"


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    n = 60
    d = pd.DataFrame({"y": rng.uniform(1, 2, n), "x": rng.normal(size=n), "w": rng.uniform(1, 5, n)})
    d["f"] = rng.choice(["b", "a", "Z"], n)
    d["c"] = pd.Categorical(rng.choice(["low", "high"], n), ["none", "low", "high"])
    d["b"], d["k"] = rng.random(n) > 0.5, rng.integers(1, 4, n)
    d["g"], d["h"] = np.repeat(["p", "q", "r"], 20), np.tile([1, 2, 10, 3], 15)
    return d


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:.*stay correlated")
def test_every_kind_of_frame_gives_the_same_model(kind, data):
    expected = ranef.model_frame(FORMULA, data)
    frame = ranef.model_frame(FORMULA, KINDS[kind](data))
    assert frame.x_names == expected.x_names
    np.testing.assert_allclose(frame.X, expected.X, rtol=1e-13)
    np.testing.assert_array_equal(frame.y, expected.y)
    assert frame.random_effects == expected.random_effects
    assert [str(v) for v in frame.groups["h:g"].categories] == [f"{h}:{g}" for h in (1, 2, 3, 10) for g in "pqr"]
    rows = [f"{h}:{g}" for h, g in zip(data["h"], data["g"], strict=True)]
    assert np.asarray(frame.groups["h:g"]).tolist() == rows


@pytest.mark.filterwarnings("ignore:.*stay correlated")
def test_new_rows_are_encoded_as_those_of_the_fit(data):
    frame = ranef.model_frame(FORMULA, data)
    stored = json.loads(json.dumps(frame.terms.encoder.to_state()))
    for encoder in (frame.terms.encoder, pickle.loads(pickle.dumps(frame.terms.encoder)), Encoder.from_state(stored)):
        new = encoder.new_data(data.iloc[[5, 7, 40]].drop(columns="y"))
        np.testing.assert_array_equal(new.X, frame.X[[5, 7, 40]])
        assert new.random_data.keys() == frame.random_data.keys()
        for name, column in new.random_data.items():
            np.testing.assert_array_equal(column, frame.random_data[name][[5, 7, 40]])
        assert new.groups["h:g"].tolist() == [str(v) for v in np.asarray(frame.groups["h:g"])[[5, 7, 40]]]


def new_error(encoder, data, **changed):
    with pytest.raises((ranef.InputError, ranef.InputTypeError)) as error:
        encoder.new_data(data.iloc[:4].assign(**changed))
    return str(error.value)


@pytest.mark.filterwarnings("ignore:.*stay correlated")
def test_new_rows_that_do_not_fit_are_refused(data):
    encoder = ranef.model_frame(FORMULA, data).terms.encoder
    first = data.iloc[:4]
    assert "f has levels that are not among Z, a, b: new in 1 row (counted from 0): 1" in new_error(
        encoder, data, f=["a", "new", "b", "a"]
    )
    assert "factor(k) has levels that are not among 1, 2, 3: 7" in new_error(encoder, data, k=[1, 7, 2, 3])
    assert "f was of kind text in the fit, and is number" in new_error(encoder, data, f=[1, 2, 3, 4])
    assert "x was of kind number in the fit, and is text" in new_error(encoder, data, x=list("abcd"))
    assert "b was of kind logical in the fit, and is number" in new_error(encoder, data, b=[0, 1, 1, 0])
    assert "x is missing in 2 rows (counted from 0): 1, 3" in new_error(encoder, data, x=[0, np.nan, 1, np.nan])
    assert "g is missing in 1 row" in new_error(encoder, data, g=["p", None, "q", "p"])
    assert "is missing or infinite" in new_error(encoder, data, w=[1.0, -1.0, 2.0, 3.0])
    with pytest.raises(ranef.InputError, match="no column 'w'"):
        encoder.new_data(first.drop(columns="w"))
    assert encoder.new_data(first.assign(g="new")).groups["g"].tolist() == ["new"] * 4


def test_a_level_alone_in_new_rows_keeps_its_meaning(data):
    frame = ranef.model_frame("y ~ relevel(f, 'b') + f:b + C(c, contr.sum) + (1 | g)", data)
    for row in range(6):
        np.testing.assert_array_equal(frame.terms.encoder.new_data(data.iloc[[row]]).X[0], frame.X[row])


def test_one_mask_over_all_variables(data):
    data = data.astype({"k": float})
    for row, name in enumerate(["y", "x", "f", "b", "g", "k", "w"]):
        data[name] = data[name].astype(object)
        data.loc[row, name] = None
    with_offset = "y ~ x + f + b + (1 + k | g) + offset(w)"
    weights = np.ones(60)
    weights[[6, 9]] = np.nan
    frame = ranef.model_frame(with_offset, data, weights=weights)
    assert frame.terms.dropped == {"y": 1, "w": 1, "x": 1, "f": 1, "b": 1, "g": 1, "k": 1, "weights": 2}
    assert frame.terms.n_dropped == 8
    assert frame.rows.tolist() == [7, 8, *range(10, 60)]
    assert "8 rows were left out" in frame.terms.rows_text
    with pytest.raises(ranef.InputError, match=r"values are missing: y in 1 row .*: 0; w in"):
        ranef.model_frame(with_offset, data, weights=weights, na_action="raise")


def test_a_transformation_learns_from_the_rows_that_are_used(data):
    data.loc[3, "y"], data.loc[3, "x"] = np.nan, 1e6
    frame = ranef.model_frame("y ~ scale(x) + (1 | g)", data)
    used = data["x"].drop(3)
    np.testing.assert_allclose(frame.X[:, 1], (used - used.mean()) / used.std(), rtol=1e-12)


def test_levels_that_no_row_has_are_left_out(data):
    data.loc[data["f"] == "Z", "y"] = np.nan
    assert ranef.model_frame("y ~ f + c + (1 | g)", data).x_names == ("(Intercept)", "f[T.b]", "c[T.high]")
    one = data.assign(f="a")
    with pytest.raises(ranef.InputError, match="f has the one level a"):
        ranef.model_frame("y ~ f + (1 | g)", one)


def test_subset_levels_and_contrasts(data):
    frame = ranef.model_frame(
        "y ~ f + (1 | g)", data, subset="x > 0", levels={"f": ["b", "Z", "a"]}, contrasts={"f": "sum"}
    )
    assert frame.rows.tolist() == np.flatnonzero(data["x"] > 0).tolist()
    assert frame.x_names == ("(Intercept)", "f[S.b]", "f[S.Z]")
    assert frame.terms.r_names["f[S.b]"] == "f1"
    assert frame.terms.fixed["f"].contrasts == {"f": "sum"}
    mask = ranef.model_frame("y ~ f + (1 | g)", data, subset=data["x"] > 0)
    assert mask.rows.tolist() == frame.rows.tolist()
    for wrong in ({"contrasts": {"zz": "sum"}}, {"contrasts": {"f": "no"}}, {"levels": {"f": ["a"]}}, {"subset": "x"}):
        with pytest.raises((ranef.InputError, ranef.InputTypeError)):
            ranef.model_frame("y ~ f + (1 | g)", data, **wrong)


def test_responses(data):
    data["s"], data["n"] = np.arange(60) % 5, 6
    ratio = ranef.model_frame("s / n ~ x + (1 | g)", data, weights="n")
    np.testing.assert_array_equal(ratio.y, data["s"] / 6)
    np.testing.assert_array_equal(ratio.weights, np.full(60, 6.0))
    counts = ranef.model_frame("cbind(s, n - s) ~ x + (1 | g)", data)
    np.testing.assert_array_equal(counts.y, np.column_stack([data["s"], 6 - data["s"]]))
    assert ranef.model_frame("log(y) ~ x + (1 | g)", data).terms.response == "log(y)"
    np.testing.assert_array_equal(ranef.model_frame("c ~ x + (1 | g)", data).y, data["c"] == "high")
    fits = [
        ranef.glmm("s / n ~ x + (1 | g)", data, weights="n"),
        ranef.glmm("cbind(s, n - s) ~ x + (1 | g)", data),
        ranef.glmm(formula="p ~ x + (1 | g)", data=data.assign(p=data["s"] / 6), weights=np.full(60, 6)),
    ]
    assert len({round(fit.log_likelihood, 9) for fit in fits}) == 1


def test_offsets_add_up_and_come_back_with_new_rows(data):
    frame = ranef.model_frame("y ~ x + offset(w) + (1 | g) + offset(log(w))", data, offset="2 * x")
    expected = data["w"] + np.log(data["w"]) + 2 * data["x"]
    np.testing.assert_allclose(frame.offset, expected, rtol=1e-14)
    np.testing.assert_allclose(frame.terms.encoder.new_data(data[:3]).offset, expected[:3], rtol=1e-14)
    given = ranef.model_frame("y ~ x + (1 | g)", data, offset=np.ones(60)).terms.encoder
    with pytest.raises(ranef.InputError, match="given as numbers: give one"):
        given.new_data(data[:3])
    assert given.new_data(data[:3], offset=[1, 2, 3]).offset.tolist() == [1, 2, 3]


def test_covariance_words(data):
    fit = ranef.lmm("y ~ x + cs(1 + x | g)", data)
    same = ranef.lmm("y ~ x + (1 + x | g)", data, covariance={"g": "cs"})
    assert fit.log_likelihood == same.log_likelihood
    with pytest.raises(ranef.InputError, match="stands in the formula"):
        ranef.lmm("y ~ x + cs(1 + x | g)", data, covariance={"g": "cs"})
    with pytest.raises(ranef.PluginNotFoundError):
        ranef.lmm("y ~ x + nothing(1 + x | g)", data)


def test_a_fit_keeps_its_formula(data):
    fit = ranef.lmm("y ~ f +\n x + (1 | g/h)", data, weights="w", subset="w > 1.5")
    assert fit.formula == "y ~ f +\n x + (1 | g/h)"
    text = fit.summary(names="R")
    assert "Model: y ~ f + x + (1 | g/h)\nWeights: w\nSubset: w > 1.5\nRows: " in text
    assert "\nfa " in text
    assert "f[T.a]" in fit.summary()
    assert set(fit.n_groups) == {"h:g", "g"}
    assert fit.levels["h:g"][0] == "1:p"
    again = pickle.loads(pickle.dumps(fit))
    np.testing.assert_array_equal(again.terms.encoder.new_data(data[:2]).X, fit.terms.encoder.new_data(data[:2]).X)
    arrays = ranef.lmm(data["y"], np.ones((60, 1)), data[["g"]])
    assert arrays.formula is None
    assert arrays.terms is None


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("y ~ x + (1 | g)",), {}, "needs data"),
        ((), {}, "needs a formula and data, or y, X and groups"),
        (("y ~ x + (1 | g)", "data"), {"random_effects": {"g": "1"}}, "random_effects: the formula says this"),
        (("y ~ x + (1 | g)", "data"), {"data": 1}, "takes one data frame"),
        (("y", "data"), {"formula": "y ~ x + (1 | g)"}, "a formula or y, not both"),
        (([1.0, 2.0], [[1], [1]], ["a", "b"]), {"contrasts": {"f": "sum"}}, "for formulas only"),
    ],
)
def test_calls_that_mix_formulas_and_arrays(arguments, options, said, data):
    given = [data if a == "data" else a for a in arguments]
    with pytest.raises(TypeError, match=said):
        ranef.lmm(*given, **options)


def test_lazy_frames_and_other_things_are_refused(data):
    with pytest.raises(ranef.InputTypeError, match="collect it first"):
        ranef.model_frame("y ~ x + (1 | g)", pl.from_pandas(data).lazy())
    with pytest.raises(ranef.InputTypeError, match="or read the rows into one data frame"):
        ranef.glmm("b ~ x + (1 | g)", pl.from_pandas(data).lazy(), family="binomial")
    with pytest.raises(ranef.InputTypeError, match="must be a data frame"):
        ranef.lmm("y ~ x + (1 | g)", 3)
    dates = data.assign(t=pd.Timestamp("2020-01-01"))
    with pytest.raises(ranef.InputTypeError, match="neither numbers nor levels"):
        ranef.lmm("y ~ t + (1 | g)", dates)


def test_dictionaries_of_arrow_with_nulls_keep_their_labels():
    """pyarrow's to_numpy gives a missing entry the label of another row."""
    values = pa.array(["v", "u", None, "v", "Z", "u"]).dictionary_encode()
    y = [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]
    for data in (pa.table({"g": values, "y": y}), pd.DataFrame({"y": y, "g": pd.arrays.ArrowExtensionArray(values)})):
        frame = ranef.model_frame("y ~ 1 + (1 | g)", data)
        assert frame.rows.tolist() == [0, 1, 3, 4, 5]
        assert np.asarray(frame.groups["g"]).tolist() == ["v", "u", "v", "Z", "u"]
        assert list(frame.groups["g"].categories) == ["v", "u", "Z"]  # the dictionary's order


def test_a_state_of_another_formula_is_refused(data):
    state = ranef.model_frame("y ~ x + (1 | g)", data).terms.encoder.to_state()
    with pytest.raises(ranef.InputError, match="does not belong"):
        Encoder.from_state(state | {"formula": "y ~ w + (1 | g)"})
    with pytest.raises(ranef.InputError, match="no function exec"):
        Encoder.from_state(state | {"formula": "y ~ exec('1') + (1 | g)"})
    with pytest.raises(ranef.InputError, match="version"):
        Encoder.from_state(state | {"version": 99})


def test_import_brings_no_data_frames():
    code = (
        "import sys, ranef; print(sorted({'pandas', 'formulaic', 'narwhals', 'polars', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_library_names_the_extra(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "narwhals.stable.v2", None)
    with pytest.raises(ranef.MissingExtraError, match=r"ranef\[formula\]"):
        ranef.lmm("y ~ x + (1 | g)", data)


def test_names_that_functions_have(data):
    named = data.rename(columns={"x": "log", "w": "Intercept", "f": "my f", "k": "double"})
    frame = ranef.model_frame(
        "y ~ log(log + 9) + Intercept + `my f`:log + double(double) + (1 | g)",
        named,
        context={"double": lambda v: 2 * v},
    )
    assert frame.x_names[:4] == ("(Intercept)", "log(log + 9)", "Intercept", "double(double)")
    np.testing.assert_allclose(frame.X[:, 1], np.log(data["x"] + 9), rtol=1e-15)
    np.testing.assert_array_equal(frame.X[:, 3], 2 * data["k"])
    with pytest.raises(ranef.InputError, match="have a function of that name"):
        ranef.model_frame("y ~ x + (1 | g)", data, context={"log": np.log})


def test_columns_that_sanitizing_would_confuse(data):
    """formulaic keeps the state of scale(a.b) and of scale(a_b) under one name."""
    data["a.b"], data["a_b"] = data["x"], 100 * data["w"]
    frame = ranef.model_frame("y ~ scale(a.b) + scale(a_b) + (1 | g)", data)
    np.testing.assert_allclose(frame.X[:, 1:].std(axis=0, ddof=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(frame.terms.encoder.new_data(data[:9]).X, frame.X[:9])


def test_weights_by_a_column_with_a_blank_and_such_that_are_not_positive(data):
    named = data.rename(columns={"w": "my w"})
    np.testing.assert_array_equal(ranef.model_frame("y ~ x + (1 | g)", named, weights="my w").weights, data["w"])
    data.loc[0, "x"], data.loc[7, "w"] = np.nan, 0.0
    with pytest.raises(ranef.InputError, match=r"zero or negative in 1 row \(counted from 0\): 7"):
        ranef.model_frame("y ~ x + (1 | g)", data, weights="w")


def test_arguments_of_another_index_are_refused(data):
    with pytest.raises(ranef.InputError, match="index of data and the index of weights differ"):
        ranef.model_frame("y ~ x + (1 | g)", data, weights=data["w"].iloc[::-1])


def test_contrasts_are_for_fixed_terms(data):
    frame = ranef.model_frame("y ~ f + (f | g)", data, contrasts={"f": "sum"})
    assert frame.x_names == ("(Intercept)", "f[S.Z]", "f[S.a]")
    assert frame.random_effects == {"g": [["1", "f[T.a]", "f[T.b]"]]}


def test_cut_closes_its_intervals_as_r_does():
    """cut(c(0, 1, 2, 5), c(0, 1, 5)) is NA (0,1] (1,5] (1,5] in R; with right=FALSE [0,1) [1,5) [1,5) NA."""
    data = {"y": [1.0, 2.0, 4.0, 3.0], "x": [0.0, 1.0, 2.0, 5.0], "g": list("abab")}
    frame = ranef.model_frame("y ~ cut(x, c(0, 1, 5)) + (1 | g)", data)
    assert frame.rows.tolist() == [1, 2, 3]
    assert frame.X[:, 1].tolist() == [0, 1, 1]
    other = ranef.model_frame("y ~ cut(x, c(0, 1, 5), right = FALSE) + (1 | g)", data)
    assert other.X[:, 1].tolist() == [0, 1, 1]
    assert other.x_names[1].endswith("[T.[1,5)]")
    whole = ranef.model_frame("y ~ cut(x, c(0, 1, 5), include.lowest = TRUE) + (1 | g)", data)
    assert whole.X[:, 1].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "term",
    [
        "poly(x, 3)", "poly(scale(x), 2)", "poly(w, 2, raw = TRUE)", "bs(x, df = 5)", "bs(w, knots = c(2, 3))",
        "center(x)", "scale(log(w))", "scale(x, center = FALSE)", "ns(x, 3)", "ns(w, knots = c(2, 3))",
        "cr(x, df = 4)",
        "cr(x, df = 3, constraints = 'center')", "cc(w, df = 4)", "C(f, contr.poly)", "C(c, contr.helmert):x",
        "C(factor(k), contr.diff)", "cut(x, c(-9, 0, 9))", "ifelse(w > 2, 'a', 'b'):b", "pmin(x, w, 0)", "log(w, 2)",
        "interaction(f, c)", "as.numeric(factor(k))", "relevel(factor(k), '3')", "I(f != 'a')", "round(x, 1)",
    ],
)  # fmt: skip
def test_every_transformation_comes_back_with_new_rows(term, data):
    frame = ranef.model_frame(f"y ~ {term} + (1 | g)", data)
    encoder = Encoder.from_state(json.loads(json.dumps(frame.terms.encoder.to_state())))
    for rows in (slice(0, 1), slice(3, 60, 7)):
        np.testing.assert_allclose(encoder.new_data(data.iloc[rows]).X, frame.X[rows], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("C(k)", "k is numeric: write factor"),
        ("C(k, contr.sum)", "k is numeric"),
        ("C(log(w))", "C takes a column, or a factor"),
        ("C(f, levels = c('a', 'b'))", "levels= is an argument"),
        ("I(1)", "the same for all rows"),
        ("I(NULL)", "the same for all rows"),
        ("exp(x, w)", "terms cannot be encoded"),
    ],
)
def test_what_would_be_silently_wrong(term, said, data):
    before = data.copy()
    with pytest.raises((ranef.InputError, ranef.InputTypeError), match=said):
        ranef.model_frame(f"y ~ {term} + (1 | g)", data)
    pd.testing.assert_frame_equal(data, before)


def test_a_factor_is_a_response_of_proportions_only() -> None:
    """0 and 1 for its levels would be fitted as amounts: R's lmer and glmer refuse such a response too."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"x": rng.normal(size=60), "g": np.arange(60) % 6})
    data["healed"] = pd.Categorical(np.where(rng.random(60) < 0.5, "no", "yes"))
    fit = ranef.glmm("healed ~ x + (1 | g)", data, family="binomial")
    assert set(np.unique(fit._fit.model.design.y)) == {0.0, 1.0}
    with pytest.raises(
        ranef.InputTypeError, match="the response healed is a factor, with level 'no' first, and a linear"
    ):
        ranef.lmm("healed ~ x + (1 | g)", data)
    with pytest.raises(ranef.InputTypeError, match="and the poisson family needs numbers"):
        ranef.glmm("healed ~ x + (1 | g)", data, family="poisson")


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("factor(x) * factor(w)", r"3,721 columns of 60 rows, factor\(x\):factor\(w\) alone"),
        ("(factor(x) * factor(w) || k)", r"alone 3,600: more than any data could tell apart"),
        ("poly(x, 60)", r"poly\(x, 60\) makes 60 columns of 60 rows"),
        ("poly(k, 3)", r"poly\(k, 3\): a polynomial of degree 3 needs 4 distinct values, and there are 3"),
        ("poly(scale(k^2), 40)", "needs 41 distinct values, and there are 3"),  # R: less than number of unique points
        ("ns(w, df = 999999999)", "makes 999,999,999 columns of 60 rows"),
        ("(0 + bs(w, df = d) | k)", r"bs\(w, df=d\) makes 77 columns"),
    ],
)
def test_columns_that_no_data_tell_apart_are_refused_before_they_are_made(term, said, data, monkeypatch):
    monkeypatch.setattr("ranef.formula.parts.learn", lambda *arguments: pytest.fail("columns were made"))
    with pytest.raises(ranef.InputError, match=said):
        ranef.model_frame(f"y ~ {term} + (1 | g)", data, context={"d": 77})


def test_columns_that_no_memory_holds_are_refused(data, monkeypatch):
    frame = ranef.model_frame("y ~ f * x + (1 + x | g)", data)  # at most 8 columns of X, and 2 of the random term
    monkeypatch.setattr("ranef.formula.size.MOST_BYTES", 8 * 60 * 9)
    np.testing.assert_array_equal(ranef.model_frame("y ~ f + x + (1 + x | g)", data).X, frame.X[:, [0, 1, 2, 3]])
    with pytest.raises(
        ranef.InputError, match=r"10 columns of 60 rows, f in 1 .* alone 3: .* GiB, and at most 8 are made"
    ):
        ranef.model_frame("y ~ f * x + (1 + x | g)", data)


@pytest.mark.parametrize("piece", [1, 7, 59, 60, 1000])
def test_pieces_of_the_rows_make_the_same_columns(piece, data, monkeypatch):
    text = "y ~ x * f + log(w):C(c, contr.sum) + b + factor(k) + I(x^2) + (1 + x:f | g)"
    whole = ranef.model_frame(text, data)
    monkeypatch.setattr("ranef.formula.formulaic.PIECE", piece)
    made = ranef.model_frame(text, data)
    assert made.x_names == whole.x_names
    np.testing.assert_array_equal(made.X, whole.X)
    assert made.X.flags.f_contiguous
    for name, column in whole.random_data.items():
        np.testing.assert_array_equal(made.random_data[name], column)


def test_what_learns_from_all_rows_is_not_cut_into_pieces(data, monkeypatch):
    text = "y ~ scale(x) + poly(w, 2) + ns(x, 2) + shifted(w) + (1 | g)"
    context = {"shifted": lambda v: v - np.mean(v)}
    whole = ranef.model_frame(text, data, context=context)
    monkeypatch.setattr("ranef.formula.formulaic.PIECE", 7)
    np.testing.assert_array_equal(ranef.model_frame(text, data, context=context).X, whole.X)


def test_more_covariances_than_observations_are_refused(data):
    with pytest.raises(
        ranef.InputError, match=r"66 variances and covariances, 66 of them for the 11 effects .* by g: more than 60 obs"
    ):
        ranef.lmm("y ~ x + (poly(x, 10) | g)", data)
    assert ranef.model_frame("y ~ x + (poly(x, 10) || g)", data).random_effects["g"][0] == ["1"]
    arrays = {"random_effects": {"g": [[f"z{i}" for i in range(11)]]}, "correlated": {"g": False}}
    columns = {f"z{i}": np.random.default_rng(i).normal(size=60) for i in range(11)}
    fit = ranef.lmm(data["y"], np.ones((60, 1)), data[["g"]], random_data=columns, max_iter=2, **arrays)
    assert len(fit.theta) == 11


def test_text_has_the_same_codes_in_every_frame(data):
    """In the order of code points, which is not that of appearance; and missing where it is."""
    text = np.array(["c", "Z", None, "é", "a", "\uff5e", "🙂", "b", "ab", ""] * 6, dtype=object)
    columns = {"text": text.tolist(), "y": data["y"].tolist()}
    frames = [
        pl.DataFrame(columns),
        pl.DataFrame(columns).with_columns(pl.col("text").cast(pl.Categorical)),
        pa.table(columns),
        pa.table({"text": pa.chunked_array([pa.array(text[:13]), pa.array(text[13:])]), "y": pa.array(columns["y"])}),
        pd.DataFrame({"text": pd.Series(text, dtype=object), "y": columns["y"]}),
        pd.DataFrame({"text": pd.Series(text, dtype="str"), "y": columns["y"]}),
        columns,
    ]
    levels = sorted(label for label in set(text) if label is not None)
    for frame in frames:
        variable = Frame(frame)["text"]
        assert (variable.kind, variable.levels) == ("text", tuple(levels))
        assert variable.codes.tolist() == [-1 if label is None else levels.index(label) for label in text]


def test_a_polynomial_of_few_values_may_have_as_many_degrees_as_these_allow(data):
    assert ranef.model_frame("y ~ poly(k, 2) + poly(k, 3, raw = TRUE) + (1 | g)", data).X.shape[1] == 6


@pytest.mark.parametrize("base", [2**53, 2**63])
def test_wide_integers_among_objects_stay_apart(base):
    """2^53 and 2^53 + 1 are one float, and two levels: the fit is that of the levels 0, 1, ..."""
    rng, g = np.random.default_rng(0), np.arange(60) % 6
    y = rng.normal(size=6)[g] + rng.normal(size=60)
    fit = ranef.lmm("y ~ 1 + (1 | g)", {"y": y, "g": np.array([base + k for k in g.tolist()], dtype=object)})
    assert fit.n_groups == {"g": 6}
    assert fit.log_likelihood == ranef.lmm("y ~ 1 + (1 | g)", {"y": y, "g": g}).log_likelihood


@pytest.mark.parametrize("base", [2**70, 10**400], ids=["2^70", "10^400"])
def test_integers_wider_than_any_type_are_refused(base):
    g = np.array([base + k % 6 for k in range(60)], dtype=object)
    with pytest.raises(InputTypeError, match="make text of them"):
        ranef.lmm("y ~ 1 + (1 | g)", {"y": np.arange(60.0) ** 0.5, "g": g})
