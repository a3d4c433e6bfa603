"""What goes in: pandas, polars and pyarrow as labels and as numbers, indices, R's words, and slips that are named."""

from __future__ import annotations

import bz2
import gzip
import inspect
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner

import ranef
import ranef.contracts.errors
from ranef.cli import main
from ranef.design.grouping import encode
from ranef.families import Binomial, NegativeBinomial1, Poisson

N = 60
RNG = np.random.default_rng(8)
G = np.repeat(np.arange(12), 5)
WORDS = [f"s{g}" for g in G]
T = RNG.normal(size=N)
X = np.column_stack([np.ones(N), T])
Y = 1.0 + T + RNG.normal(size=12)[G] + 0.5 * RNG.normal(size=12)[G] * T + RNG.normal(size=N)
COUNTS = RNG.poisson(np.exp(0.5 * Y))


def lmm(y: Any = Y, x: Any = X, groups: Any = None, **arguments: Any) -> ranef.LMMSolution:
    return ranef.lmm(y, x, {"g": G} if groups is None else groups, **arguments)


def glmm(y: Any = COUNTS, **arguments: Any) -> ranef.GLMMSolution:
    return ranef.glmm(y, X, {"g": G}, **({"family": "poisson"} | arguments))


def same(one: Any, other: Any) -> None:
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-9)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-8)


# Categories ---------------------------------------------------------------------------------------------------------

DOSE = np.arange(N) % 3 + 1
CATEGORIES: dict[str, Callable[[Any], Any]] = {
    "pandas": lambda v: pd.Series(v, dtype="category"),
    "pandas, without a series": pd.Categorical,
    "polars": lambda v: pl.Series([str(i) for i in v], dtype=pl.Categorical),
    "pyarrow": lambda v: pa.array(v).dictionary_encode(),
    "pyarrow, chunks": lambda v: pa.chunked_array(
        [pa.array(v[:9]).dictionary_encode(), pa.array(v[9:]).dictionary_encode()]
    ),
    "pyarrow in pandas": lambda v: pd.Series(pd.arrays.ArrowExtensionArray(pa.array(v).dictionary_encode())),
}


@pytest.mark.parametrize("make", CATEGORIES.values(), ids=CATEGORIES)
def test_categories_are_no_numbers(make: Callable[[Any], Any]) -> None:
    dose = make(DOSE)
    said = r"is categorical \(its categories are 1, 2, 3\), and numbers belong here\. Make an indicator"
    for name, call in {
        "y": lambda: lmm(dose),
        "weights": lambda: lmm(weights=dose),
        "offset": lambda: lmm(offset=dose),
        r"random_data\['dose'\]": lambda: lmm(random_effects={"g": ["1", "dose"]}, random_data={"dose": dose}),
    }.items():
        with pytest.raises(ranef.InputTypeError, match=f"^{name} {said}"):
            call()


@pytest.mark.parametrize("frame", [pd.DataFrame, pa.table], ids=["pandas", "pyarrow"])
def test_a_categorical_column_of_a_frame_is_named(frame: Any) -> None:
    dose = pd.Categorical(DOSE) if frame is pd.DataFrame else pa.array(DOSE).dictionary_encode()
    with pytest.raises(ranef.InputTypeError, match=r"^X\['dose'\] is categorical"):
        lmm(x=frame({"one": X[:, 0], "dose": dose}))


@pytest.mark.parametrize(
    "make",
    [
        pd.Categorical,
        lambda v: pd.Series(v, dtype="boolean"),
        pl.Series,
        pa.array,
        lambda v: pa.array(v).dictionary_encode(),
    ],
)
def test_false_and_true_are_0_and_1(make: Callable[[Any], Any]) -> None:
    above = make(T > 0)
    one = {"random_effects": {"g": ["1", "above"]}, "random_data": {"above": above}}
    same(lmm(**one), lmm(**(one | {"random_data": {"above": (T > 0).astype(float)}})))


# Labels -------------------------------------------------------------------------------------------------------------

LABELS: dict[str, Any] = {
    "pyarrow text": pa.array(WORDS),
    "pyarrow dictionary": pa.array(WORDS).dictionary_encode(),
    "chunks with dictionaries of their own": pa.chunked_array(
        [pa.array(part, pa.string()).dictionary_encode() for part in (WORDS[:7], [], WORDS[7:])]
    ),
    "column of a table": pa.table({"g": pa.array(WORDS).dictionary_encode()})["g"],
    "pyarrow large text": pa.array(WORDS, pa.large_string()),
    "pyarrow integers": pa.array(G),
    "pyarrow dates": pa.array(np.array("2024-01-01", "M8[D]") + G),
    "runs": pa.RunEndEncodedArray.from_arrays(np.arange(5, N + 1, 5, dtype=np.int32), pa.array(WORDS[::5])),
    "pyarrow in pandas": pd.Series(WORDS, dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    "polars text": pl.Series(WORDS),
    "polars categories": pl.Series(WORDS, dtype=pl.Categorical),
    "polars enum": pl.Series(WORDS, dtype=pl.Enum(sorted(set(WORDS)))),
    "polars dates": pl.Series(np.array("2024-01-01", "M8[D]") + G),
    "frame of one column": pd.DataFrame({"g": WORDS}),
    "timestamps": [pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(g)) for g in G],
    "zoned": pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(G, unit="D")),
    "Python's and NumPy's integers": np.array(
        [int(g) if i % 2 else np.int64(g) for i, g in enumerate(G)], dtype=object
    ),
    "Python's and NumPy's text": [w if i % 2 else np.str_(w) for i, w in enumerate(WORDS)],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_of_any_library_are_the_same_groups(labels: Any) -> None:
    codes, levels = encode(labels, "g")
    assert len(levels) == 12
    assert len(set(zip(codes.tolist(), G.tolist(), strict=True))) == 12
    same(lmm(groups={"g": labels}), lmm())


@pytest.mark.parametrize("table", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"])
def test_tables_are_y_and_x_and_groups(table: Any) -> None:
    fit = ranef.lmm(table({"score": Y}), table({"one": X[:, 0], "t": T}), table({"g": WORDS}))
    same(fit, lmm())
    assert fit.model == "score ~ one + t + (1 | g)"
    hits = np.column_stack([COUNTS, COUNTS.max() - COUNTS])
    fit = ranef.glmm(table({"yes": hits[:, 0], "no": hits[:, 1]}), X, table({"g": G}))
    same(fit, ranef.glmm(hits, X, {"g": G}))


DICTIONARY = pa.array(["a", None, "b", *WORDS[3:]]).dictionary_encode()
MISSING: dict[str, Any] = {
    "dictionary": DICTIONARY,
    "chunks": pa.chunked_array([DICTIONARY[:10], DICTIONARY[10:]]),
    "column of a table": pa.table({"g": DICTIONARY})["g"],
    "a null in the dictionary": pa.DictionaryArray.from_arrays(
        pa.array([0, 1, *[2] * (N - 2)], pa.int32()), pa.array(["a", None, "b"])
    ),
    "text": pa.array(["a", None, *WORDS[2:]]),
    "dates": pa.array([pd.Timestamp("2024-01-01"), None] * 30, pa.date32()),
    "integers": pa.array([1, None, *G[2:]]),
    "pandas": pd.Series(["a", None, *WORDS[2:]], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    "polars": pl.from_arrow(DICTIONARY),
}


@pytest.mark.parametrize("labels", MISSING.values(), ids=MISSING)
def test_nulls_of_arrow_are_refused_with_their_rows(labels: Any) -> None:
    with pytest.raises(ranef.InputError, match=r"^groups\['g'\] has missing labels in .*: 1[,;]"):
        lmm(groups={"g": labels})


def test_other_data_frame_libraries_give_arrow_and_not_numpy() -> None:
    narwhals = pytest.importorskip("narwhals.stable.v1")
    column = narwhals.from_native(pa.chunked_array([DICTIONARY]), series_only=True)
    with pytest.raises(ranef.InputError, match=r"missing labels in 1 row .*: 1;"):
        lmm(groups={"g": column})


def test_nulls_among_numbers_are_refused_with_their_rows() -> None:
    for y in (pa.array([None, *Y[1:]]), pl.Series([None, *Y[1:]]), pd.Series([None, *Y[1:]], dtype="Float64")):
        with pytest.raises(ranef.InputError, match=r"y has missing \(NaN\) values in 1 row .*: 0;"):
            lmm(y)


@pytest.mark.parametrize("make", [list, lambda v: np.array(v, dtype=object), pd.Series, pl.Series, pa.array])
def test_labels_that_differ_by_trailing_nuls_are_two(make: Callable[[Any], Any]) -> None:
    labels = [f"s{g // 2}" + "\0" * (g % 2) for g in G]
    codes, levels = encode(make(labels), "g")
    assert levels.tolist() == sorted(set(labels))
    assert np.array_equal(levels[codes], np.array(labels, dtype=object))
    same(lmm(groups={"g": make(labels)}), lmm())


@pytest.mark.parametrize("pair", [(1, "1"), (1, True), ("a", b"a"), (1.5, "1.5"), (np.int64(1), np.str_("1"))])
def test_labels_that_differ_in_type_are_never_merged(pair: tuple[Any, Any]) -> None:
    for labels in (list(pair) * 30, np.array(list(pair) * 30, dtype=object)):
        with pytest.raises(ranef.InputTypeError, match=r"groups\['g'\] mixes labels of several types"):
            lmm(groups={"g": labels})


def test_large_integers_and_floats_in_one_list_stay_apart() -> None:
    codes, levels = encode([2**53 + 1, float(2**53), 2**53 + 1, 0.5], "g")
    assert codes.tolist() == [2, 1, 2, 0]
    assert levels.tolist() == [0.5, float(2**53), 2**53 + 1]


# Indices ------------------------------------------------------------------------------------------------------------

SERIES = pd.Series(Y)
DIFFERENT = {
    "shifted": (range(1, N + 1), "position 0 y has 0 and {name} has 1"),
    "in another order": (range(N - 1, -1, -1), "position 0 y has 0 and {name} has 59"),
    "one label": ([*range(N - 1), 99], "position 59 y has 59 and {name} has 99"),
    "text": ([f"r{i}" for i in range(N)], "position 0 y has 0 and {name} has 'r0'"),
}
PLACES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "X": lambda index: {"X": pd.DataFrame(X, index=index)},
    "groups['g']": lambda index: {"groups": {"g": pd.Series(G, index=index)}},
    "weights": lambda index: {"weights": pd.Series(np.ones(N), index=index)},
    "offset": lambda index: {"offset": pd.Series(T, index=index)},
    "random_data['z']": lambda index: {"random_data": pd.DataFrame({"z": T}, index=index)},
}


@pytest.mark.parametrize("function", ["lmm", "glmm"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("different", DIFFERENT)
def test_indices_that_differ_are_refused(function: str, place: str, different: str) -> None:
    index, said = DIFFERENT[different]
    y = pd.Series(Y if function == "lmm" else np.abs(np.round(Y)))
    options = {"family": "poisson"} if function == "glmm" else {}
    arguments = {"y": y, "X": X, "groups": {"g": G}} | options | PLACES[place](index)
    with pytest.raises(ranef.InputError) as caught:
        getattr(ranef, function)(**arguments)
    assert f"the index of y and the index of {place} differ" in str(caught.value)
    assert said.format(name=place) in str(caught.value)


def test_indices_of_other_lengths_are_refused_by_their_labels() -> None:
    with pytest.raises(ranef.InputError, match=r"position 57 y has 57 and X has no label \(it has 57 rows\)"):
        lmm(SERIES, pd.DataFrame(X).iloc[:57])


def test_arrays_beside_an_index_are_taken_by_position() -> None:
    shifted = pd.Series(Y, index=range(100, 100 + N))
    same(lmm(shifted), lmm())
    same(lmm(shifted, pd.DataFrame(X, columns=["(Intercept)", "t"], index=shifted.index), {"g": pl.Series(G)}), lmm())
    same(lmm(SERIES, pd.DataFrame(X, index=np.arange(N, dtype=float))), lmm())  # 0 and 0.0 are one label


# Slips that are named -----------------------------------------------------------------------------------------------


def test_a_random_intercept_without_an_intercept_in_x() -> None:
    data = ranef.datasets.load("sleepstudy")
    arguments = {"random_effects": {"Subject": "1 + Days"}, "random_data": {"Days": data["Days"]}}
    days = np.asarray(data["Days"], dtype=float)
    with pytest.warns(ranef.DataWarning, match=r"X has no intercept .*groups\['Subject'\] a random one.*np\.ones") as w:
        slip = ranef.lmm(data["Reaction"], days[:, None], {"Subject": data["Subject"]}, **arguments)
    assert w[0].filename == __file__
    assert slip.reml_criterion == pytest.approx(1828, abs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ranef.DataWarning)
        for ones in (np.ones(180), np.full(180, 3.0), 5 - days):  # ones, or what spans them
            matrix = np.column_stack([ones, days])
            fit = ranef.lmm(data["Reaction"], matrix, {"Subject": data["Subject"]}, **arguments)
            assert fit.deviance == pytest.approx(1752, abs=1)
        ranef.lmm(data["Reaction"], np.eye(3)[np.arange(180) % 3], {"Subject": data["Subject"]})
        ranef.lmm(Y, T[:, None], {"g": G}, random_effects={"g": "0 + x0"})  # no random intercept
        ranef.lmm(Y, X, {"g": G}, weights=np.exp(T))
    with pytest.warns(ranef.DataWarning, match="X has no intercept"):
        ranef.glmm(COUNTS, T[:, None], {"g": G}, family="poisson")


@pytest.mark.parametrize("family", ["poisson", "nb", "gamma", "binomial"])
def test_an_offset_without_its_logarithm(family: str) -> None:
    exposure = np.exp(RNG.uniform(np.log(50), np.log(5000), size=N))
    y = (COUNTS > 1) if family == "binomial" else RNG.poisson(exposure / 20) + 1
    with pytest.raises(ranef.InputError, match=r"^offset differs .*goes up to .* write offset=np\.log\(exposure\)"):
        glmm(y.astype(float), family=family, offset=exposure)


def test_offsets_on_the_scale_of_the_link_are_taken() -> None:
    exposure = np.exp(RNG.uniform(np.log(50), np.log(5e6), size=N))
    assert glmm(RNG.poisson(exposure / 20), offset=np.log(exposure)).converged
    for offset in (40.0 * T, 40.0 * (T - T.min()) + 1.0):  # X makes up for them
        assert glmm(offset=offset).log_likelihood == pytest.approx(glmm().log_likelihood, abs=1e-6)


def test_a_breakdown_names_the_offset() -> None:
    with pytest.raises(ranef.NotPositiveDefiniteError, match=r"The offset is as large as .* the scale of the log link"):
        glmm(offset=3000.0 * np.sin(np.arange(N)))


# R's words ----------------------------------------------------------------------------------------------------------

ANSWERED: list[tuple[str, dict[str, Any], str]] = [
    ("lmm", {"REML": False}, "lmm has no argument REML: write reml="),
    ("lmm", {"link": "log"}, r"family='binomial\(probit\)'"),
    ("lmm", {"family": "poisson"}, r"ranef\.glmm"),
    ("glmm", {"link": "probit"}, r"glmm has no argument link: .*Binomial\('probit'\)"),
    ("glmm", {"nAGQ": 5}, "write nagq="),
    ("glmm", {"reml": True}, "maximum likelihood"),
    ("glmm", {"trials": 5}, "weights=trials"),
    ("lmm", {"data": {}}, "data: for formulas only"),
    ("lmm", {"weight": None}, "write weights="),
    ("lmm", {"qqq": None}, "it has y, X, groups"),
]


@pytest.mark.parametrize(("function", "given", "said"), ANSWERED, ids=[next(iter(a[1])) for a in ANSWERED])
def test_arguments_of_other_programs_are_answered(function: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ranef.InputTypeError, match=said):
        getattr(ranef, function)(Y, X, {"g": G}, **given)


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("poisson(log)", Poisson()),
        ("poisson(link = 'sqrt')", Poisson("sqrt")),
        ('poisson(link="sqrt")', Poisson("sqrt")),
        ("nb", "negative_binomial"),
        ("nb1", NegativeBinomial1()),
        ("negative_binomial(sqrt)", ranef.registry.family("negative_binomial", link="sqrt")[0]),
    ],
)
def test_families_as_r_writes_them(text: str, family: Any) -> None:
    same(glmm(family=text), glmm(family=family))


def test_a_link_in_parentheses_that_does_not_fit() -> None:
    same(glmm(COUNTS > 1, family="binomial(probit)"), glmm(COUNTS > 1, family=Binomial("probit")))
    with pytest.raises(ranef.InputError, match="link 'logit' does not fit"):
        glmm(family="poisson(logit)")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("1 + x", ["1", "x"]),
        ("x", ["1", "x"]),  # as lme4's (x | g)
        ("x + 1", ["1", "x"]),
        ("0 + x", ["x"]),
        ("x+0", ["x"]),
        ("-1 + x", None),
        ("x - 1", ["x"]),
        ("1", ["1"]),
        ("1 + x + z", ["1", "x", "z"]),
        ("(1 | g)", None),
        ("0 + 1", None),
        ("1 + ", None),
        ("", None),
    ],
)
def test_terms_as_text(text: str, columns: list[str] | None) -> None:
    data = {"random_data": {"x": T, "z": T**2}}
    if columns is None:
        with pytest.raises(ranef.InputError, match=r"random_effects\['g'\]"):
            lmm(random_effects={"g": text}, **data)
    else:
        fit = lmm(random_effects={"g": text}, **data)
        assert fit.ranef_names == lmm(random_effects={"g": columns}, **data).ranef_names


def test_a_list_of_one_name_is_a_slope_without_intercept() -> None:
    assert lmm(random_effects={"g": ["x1"]}).ranef_names == {"g": ("x1",)}
    with pytest.raises(ranef.InputError, match=r"uses '1 \+ x1'.*write '1 \+ x1' without the list"):
        lmm(random_effects={"g": ["1 + x1"]})


@pytest.mark.parametrize(
    ("groups", "name"),
    [
        (G, "group"),
        (WORDS, "group"),
        (pd.Series(G, name="school"), "school"),
        (pl.Series("school", WORDS), "school"),
        (pa.array(WORDS).dictionary_encode(), "group"),
        (pd.Categorical(WORDS), "group"),
        (pd.DataFrame({"school": G}), "school"),
    ],
)
def test_groups_as_one_column(groups: Any, name: str) -> None:
    fit = lmm(groups=groups)
    assert fit.n_groups == {name: 12}
    same(fit, lmm())


def test_correlated_for_all_factors() -> None:
    terms: dict[str, Any] = {
        "groups": {"g": G, "h": np.arange(N) % 6},
        "random_effects": {"g": "1 + x1", "h": "1 + x1"},
    }
    fit = lmm(correlated=False, **terms)
    assert fit.model == lmm(correlated={"g": False, "h": False}, **terms).model
    assert fit.model.count("||") == 2
    assert lmm(correlated=True, **terms).model.count("||") == 0


@pytest.mark.filterwarnings("ignore::ranef.RanefWarning")
def test_names_that_other_packages_have() -> None:
    linear, counts = lmm(), glmm()
    for fit in (linear, counts):
        np.testing.assert_array_equal(fit.standard_errors, fit.se)
        assert fit.n_iter == fit.n_evaluations
        assert fit.params.n_groups == {"g": 12}
    assert linear.params.residual_variance == linear.sigma**2
    assert counts.params.family_name == "poisson"


def test_errors_and_warnings_are_in_ranef() -> None:
    errors = ranef.contracts.errors
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]
    assert len(classes) > 10
    for cls in classes:
        assert getattr(ranef, cls.__name__) is cls
        assert cls.__name__ in ranef.__all__


# Files --------------------------------------------------------------------------------------------------------------

CSV = "y,x,g\n" + "".join(f"{y:.3f},{t:.3f},{w}\n" for y, t, w in zip(Y, T, WORDS, strict=True))
PACKED = gzip.compress(CSV.encode())
LINES = CSV.splitlines(keepends=True)
DAMAGED = {
    "no gzip.csv.gz": (CSV.encode(), "Not a gzipped file"),
    "cut off.csv.gz": (PACKED[: len(PACKED) // 2], "cannot be read"),
    "overwritten.csv.gz": (PACKED[:40] + b"\0" * 30 + PACKED[70:], "cannot be read"),
    "no zip.zip": (b"PK\x03\x04 no archive", "not a zip file"),
    "no bz2.csv.bz2": (b"BZh9 nothing", "cannot be read"),
    "no xz.csv.xz": (b"\xfd7zXZ\0 nothing", "cannot be read"),
    "empty.csv": (b"", "is empty"),
    "blank.csv": (b"\n\n", "is empty"),
    "names only.csv": (b"y,x,g\n", "no observations"),
    "latin1.csv": (CSV.replace("s3", "sé").encode("latin-1"), "is not UTF-8 text (byte 0xe9"),
    "utf16.csv": (CSV.encode("utf-16"), "is not UTF-8 text"),
    "ragged.csv": ("".join([*LINES[:4], "1,2\n", *LINES[4:]]).encode(), "line 5: 2 cells, but there are 3"),
    "names twice.csv": (CSV.replace("y,x,g", "y,y,g", 1).encode(), "columns of one name: y"),
    "semicolons.csv": (CSV.replace(",", ";").encode(), "separated by ';'"),
    "a word.csv": ("".join([*LINES[:4], "hello,1,s0\n", *LINES[4:]]).encode(), "column 'y' .*'hello' in row 3"),
    "a comma.csv": ("".join([*LINES[:4], '"1,5",1,s0\n', *LINES[4:]]).encode(), "column 'y' .*'1,5' in row 3"),
    "a gap.csv": ("".join([*LINES[:4], ",1,s0\n", *LINES[4:]]).encode(), r"column 'y' has missing .* 1 row .*: 3"),
    "underscores.csv": ("".join([*LINES[:4], "1_0,1,s0\n", *LINES[4:]]).encode(), "column 'y' .*'1_0' in row 3"),
}


def command(path: Path) -> Any:
    return CliRunner().invoke(main, ["fit", str(path), "--y", "y", "--x", "x", "--groups", "g"])


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_end_in_a_message(tmp_path: Path, name: str) -> None:
    content, said = DAMAGED[name]
    (tmp_path / name).write_bytes(content)
    done = command(tmp_path / name)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)  # no traceback
    assert done.output.startswith("Error: ")
    parts = said.split(" .*")
    assert all(part in done.output or part.strip(".*") in done.output for part in parts), done.output


def test_compressed_files_are_read(tmp_path: Path) -> None:
    plain = tmp_path / "d.csv"
    plain.write_text(CSV)
    (tmp_path / "d.csv.gz").write_bytes(PACKED)
    (tmp_path / "d.csv.bz2").write_bytes(bz2.compress(CSV.encode()))
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("d.csv", CSV)
    printed = {command(path).output for path in tmp_path.iterdir()}
    assert len(printed) == 1
    assert "groups:  g, 12" in printed.pop()


@pytest.mark.parametrize("label", [lambda g: "0" * (g % 2) + str(g // 2), lambda g: f"{g // 2}.0" + "0" * (g % 2)])
def test_labels_of_the_command_are_the_cells(tmp_path: Path, label: Callable[[int], str]) -> None:
    path = tmp_path / "d.csv"
    path.write_text("y,x,g\n" + "".join(f"{y},{t},{label(g)}\n" for y, t, g in zip(Y, T, G.tolist(), strict=True)))
    done = command(path)
    assert "groups:  g, 12" in done.output
    assert lmm(x_names=["(Intercept)", "x"]).summary() in done.output
