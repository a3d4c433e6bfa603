"""Anything in any argument ends in a fit, or in an error of ranef's that names the argument."""

from __future__ import annotations

import datetime
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

import ranef
import ranef.families

N = 24
G = np.arange(N) // 4
RNG = np.random.default_rng(2)
X = np.column_stack([np.ones(N), RNG.normal(size=N)])
Y = X @ [1.0, 0.5] + RNG.normal(size=6)[G] + RNG.normal(size=N)
V = RNG.normal(size=N) + 10
COUNTS = RNG.poisson(np.exp(0.3 * Y))


class Hostile:
    """Raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError("hostile")

    def __len__(self) -> int:
        raise RuntimeError("hostile")

    def __repr__(self) -> str:
        raise RuntimeError("hostile")

    def __float__(self) -> float:
        raise RuntimeError("hostile")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("hostile")

    def __hash__(self) -> int:
        raise TypeError("hostile")


def objects(value: Any) -> Any:
    """An array of objects with `value` among its numbers."""
    out = V.astype(object)
    out[3] = value
    return out


DATE = datetime.date(2020, 1, 1)
#: Values of any kind, made anew for every test: generators are used up.
ODD: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "NotImplemented": lambda: NotImplemented,
    "Ellipsis": lambda: ...,
    "True": lambda: True,
    "False": lambda: False,
    "0": lambda: 0,
    "1": lambda: 1,
    "-1": lambda: -1,
    "2": lambda: 2,
    "1.5": lambda: 1.5,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-inf": lambda: float("-inf"),
    "1e300": lambda: 1e300,
    "1e-300": lambda: 1e-300,
    "huge integer": lambda: 10**400,
    "complex": lambda: 1 + 2j,
    "Fraction": lambda: Fraction(1, 2),
    "Decimal": lambda: Decimal("0.5"),
    "Decimal NaN": lambda: Decimal("NaN"),
    "numpy float": lambda: np.float64(0.5),
    "numpy integer": lambda: np.int64(3),
    "numpy bool": lambda: np.bool_(True),
    "numpy text": lambda: np.str_("a"),
    "numpy date": lambda: np.datetime64("2020-01-01"),
    "text": lambda: "a",
    "empty text": lambda: "",
    "g": lambda: "g",
    "1 + x": lambda: "1 + x",
    "text of a number": lambda: "1",
    "NUL": lambda: "a\0",
    "parentheses": lambda: "poisson()",
    "link in parentheses": lambda: "poisson(nope)",
    "bytes": lambda: b"ab",
    "bytearray": lambda: bytearray(b"ab"),
    "memoryview": lambda: memoryview(b"ab"),
    "date": lambda: DATE,
    "timedelta": lambda: datetime.timedelta(1),
    "empty list": list,
    "empty tuple": lambda: (),
    "empty dict": dict,
    "empty set": set,
    "list": lambda: [1, 2],
    "nested": lambda: [[1, 2], [3, 4]],
    "ragged": lambda: [[1, 2], [3]],
    "deeply nested": lambda: [[[[1]]]],
    "list of None": lambda: [None] * N,
    "list of text": lambda: ["a", "b"],
    "list of dicts": lambda: [{}] * N,
    "tuple of mixed": lambda: (1, "a", None),
    "set": lambda: {1, 2},
    "frozenset": lambda: frozenset([1]),
    "dict": lambda: {"a": 1},
    "dict of g": lambda: {"g": 1},
    "dict of g to None": lambda: {"g": None},
    "dict of g to text": lambda: {"g": "x"},
    "dict of g to lists": lambda: {"g": [["1"], [2.5]]},
    "dict of g to a set": lambda: {"g": {"1"}},
    "dict of g to bytes": lambda: {"g": b"1"},
    "dict of g to hostile": lambda: {"g": Hostile()},
    "dict of None": lambda: {None: G},
    "dict of numbers": lambda: {1: G, "1": G},
    "dict of a tuple": lambda: {("a", 1): G},
    "generator": lambda: (i for i in range(N)),
    "iterator": lambda: iter(range(N)),
    "range": lambda: range(N),
    "deque": lambda: deque([1.0] * N),
    "map": lambda: map(str, range(N)),
    "keys": lambda: {"a": 1}.keys(),
    "object": object,
    "class": lambda: int,
    "function": lambda: len,
    "lambda": lambda: lambda: 0,
    "module": lambda: np,
    "exception": lambda: ValueError("a"),
    "type of an array": lambda: np.ndarray,
    "hostile": Hostile,
    "0-d": lambda: np.array(5.0),
    "0-d object": lambda: np.array(None),
    "empty array": lambda: np.zeros(0),
    "no rows": lambda: np.zeros((0, 2)),
    "no columns": lambda: np.zeros((N, 0)),
    "3-d": lambda: np.zeros((N, 2, 2)),
    "numbers": lambda: V,
    "one column": lambda: V[:, None],
    "row": lambda: V[None, :],
    "integers": lambda: G,
    "booleans": lambda: G > 2,
    "half precision": lambda: V.astype(np.float16),
    "long double": lambda: V.astype(np.longdouble),
    "other byte order": lambda: V.astype(">f8"),
    "read-only": lambda: np.broadcast_to(1.0, N),
    "strided": lambda: np.repeat(V, 2)[::-2],
    "all NaN": lambda: np.full(N, np.nan),
    "complex array": lambda: V + 1j,
    "text array": lambda: np.array(list("abcdefgh" * 3)),
    "bytes array": lambda: np.array(list("abcdefgh" * 3), dtype="S"),
    "dates": lambda: np.array("2020-01-01", "M8[D]") + G,
    "NaT": lambda: np.array(["NaT"] * N, "M8[D]"),
    "timedeltas": lambda: G.astype("m8[D]"),
    "structured": lambda: np.zeros(N, dtype=[("a", float), ("b", int)]),
    "void": lambda: G.astype("i8").view("V8"),
    "matrix": lambda: np.asmatrix(X),
    "recarray": lambda: np.rec.fromarrays([V, G]),
    "masked": lambda: np.ma.masked_array(V, mask=G == 2),
    "masked without": lambda: np.ma.masked_array(V),
    "masked constant": lambda: np.ma.masked,
    **{
        f"{name} among numbers": lambda value=value: objects(value)
        for name, value in {
            "None": None,
            "text": "a",
            "huge": 10**400,
            "complex": 1j,
            "Fraction": Fraction(1, 3),
            "list": [1],
            "Decimal": Decimal("1.5"),
            "Decimal sNaN": Decimal("sNaN"),
            "date": DATE,
            "NaT": pd.NaT,
            "NA": pd.NA,
            "array": np.ones(1),
            "date64": np.datetime64("2020"),
            "delta64": np.timedelta64(1, "D"),
            "dict": {},
            "complex128": np.complex128(1),
            "class": int,
            "True": True,
            "bytes": b"1",
            "int64": np.int64(4),
            "hostile": Hostile(),
            "tuple": (1, 2),
            "Interval": pd.Interval(0, 1),
            "Ellipsis": ...,
        }.items()
    },
    "sparse": lambda: scipy.sparse.csr_matrix(X),
    "sparse array": lambda: scipy.sparse.coo_array(X),
    "series": lambda: pd.Series(V),
    "series of another index": lambda: pd.Series(V, index=range(5, N + 5)),
    "short series": lambda: pd.Series(V[:5]),
    "Int64": lambda: pd.Series([None, *G[1:]], dtype="Int64"),
    "Float64": lambda: pd.Series(V, dtype="Float64"),
    "boolean": lambda: pd.Series(G > 2, dtype="boolean"),
    "category": lambda: pd.Series(G, dtype="category"),
    "categorical of booleans": lambda: pd.Categorical(G > 2),
    "Categorical": lambda: pd.Categorical(["a", "b"] * (N // 2)),
    "index": lambda: pd.Index(G),
    "multi-index": lambda: pd.MultiIndex.from_arrays([G, G]),
    "periods": lambda: pd.Series(pd.period_range("2020", periods=N, freq="D")),
    "intervals": lambda: pd.Series(pd.interval_range(0, N)),
    "zoned times": lambda: pd.Series(pd.date_range("2020", periods=N, tz="UTC")),
    "frame": lambda: pd.DataFrame({"a": V, "b": G}),
    "frame of one": lambda: pd.DataFrame({"a": V}),
    "frame of none": lambda: pd.DataFrame(index=range(N)),
    "frame twice": lambda: pd.DataFrame(X, columns=["a", "a"]),
    "frame of text": lambda: pd.DataFrame({"a": ["u", "v"] * (N // 2), "b": V}),
    "frame of levels": lambda: pd.DataFrame(X, columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
    "groupby": lambda: pd.DataFrame({"a": V, "b": G}).groupby("b"),
    "arrow in pandas": lambda: pd.Series(V, dtype=pd.ArrowDtype(pa.float64())),
    "polars": lambda: pl.Series(V),
    "polars text": lambda: pl.Series(list("abcd" * 6)),
    "polars nulls": lambda: pl.Series([None, *V[1:]]),
    "polars lists": lambda: pl.Series([[1, 2]] * N),
    "polars frame": lambda: pl.DataFrame({"a": V, "b": G}),
    "polars lazy": lambda: pl.DataFrame({"a": V}).lazy(),
    "polars expression": lambda: pl.col("a"),
    "arrow": lambda: pa.array(V),
    "arrow nulls": lambda: pa.array([None, *V[1:]]),
    "arrow null": lambda: pa.nulls(N),
    "arrow dictionary": lambda: pa.array(list("abcd" * 6)).dictionary_encode(),
    "arrow chunks": lambda: pa.chunked_array([V[:5], V[5:]]),
    "arrow lists": lambda: pa.array([[1]] * N),
    "arrow structs": lambda: pa.array([{"a": 1}] * N),
    "arrow scalar": lambda: pa.scalar(1.0),
    "arrow table": lambda: pa.table({"a": V, "b": G}),
    "arrow of no chunk": lambda: pa.chunked_array([], pa.float64()),
}
SHARED = [
    "y",
    "X",
    "groups",
    "random_effects",
    "random_data",
    "tol",
    "max_iter",
    "weights",
    "offset",
    "correlated",
    "start",
    "x_names",
    "conf_level",
    "backend",
    "optimizer",
    "callbacks",
    "verbose",
]
ARGUMENTS = [("lmm", name) for name in (*SHARED, "reml", "compute_satterthwaite")]
ARGUMENTS += [
    ("glmm", name)
    for name in ["y", "X", "groups", "tol", "weights", "offset", "start", "family", "nagq", "hessian", "callbacks"]
]
#: Other words for an argument, in messages of those that know it by their own.
WORDS = {"backend": ("backend",), "optimizer": ("optimizer",), "callbacks": ("callbacks", "observer")}
WORDS |= {"random_effects": ("random_effects", "random-effects"), "family": ("family", "link")}


def fit(function: str, **changed: Any) -> Any:
    """A small fit with some arguments changed."""
    given: dict[str, Any] = {"y": Y if function == "lmm" else COUNTS, "X": X, "groups": {"g": G}, "max_iter": 3}
    given |= {"family": "poisson"} if function == "glmm" else {}
    given |= {"random_data": {"x": X[:, 1]}} if "random_effects" in changed else {}
    return getattr(ranef, function)(**(given | changed))


def changes_of(argument: str, make: Callable[[], Any]) -> Iterator[dict[str, Any]]:
    """The odd value as the argument, and inside of it."""
    yield {argument: make()}
    if argument == "groups":
        yield {"groups": {"g": make()}}
    if argument == "random_data":
        yield {"random_data": {"x": make()}, "random_effects": {"g": ["1", "x"]}}
    if argument in ("random_effects", "correlated"):
        yield {argument: {"g": make()}}
        yield {argument: {"g": [make()]}}
    if argument == "callbacks":
        yield {"callbacks": [make()]}


def ending(function: str, argument: str, change: dict[str, Any]) -> str:
    """What is wrong with how a fit ended; nothing is, where it ended well."""
    try:
        result = fit(function, **change)
    except (ranef.InputError, ranef.InputTypeError, ranef.PluginError) as error:
        named = any(word in str(error) for word in (argument, *WORDS.get(argument, ())))
        return "" if named and len(str(error)) < 2000 else f"does not name it, or is too long: {error}"
    except ranef.NoMaximumError as error:
        return "" if argument in ("y", "X", "groups", "offset", "weights", "random_effects") else str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if np.isfinite(result.log_likelihood) and result.summary() and repr(result) else "no log-likelihood"


@pytest.mark.parametrize(("function", "argument"), ARGUMENTS, ids=lambda name: name)
def test_anything_ends_in_a_fit_or_an_error_that_names_the_argument(function: str, argument: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ends = {
            f"{odd} in {list(change)}": ending(function, argument, change)
            for odd, make in ODD.items()
            for change in changes_of(argument, make)
        }
    assert {odd: end for odd, end in ends.items() if end} == {}


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda value: ranef.families.Binomial(link=value), "link"),
        (lambda value: ranef.families.NegativeBinomial(theta=value), "theta"),
        (lambda value: ranef.families.Tweedie(power=value), "power"),
        (lambda value: ranef.families.StudentT(df=value), "df"),
        (lambda value: ranef.families.SkewNormal(alpha=value), "alpha"),
        (lambda value: ranef.families.TruncatedGaussian(lower=value), "lower"),
        (lambda value: ranef.datasets.load(value), "data set"),
    ],
    ids=["link", "theta", "power", "df", "alpha", "lower", "load"],
)
def test_families_and_data_sets_answer_anything(make: Callable[[Any], Any], word: str) -> None:
    wrong = {}
    for odd, value in ODD.items():
        try:
            make(value())
        except (ranef.InputError, ranef.InputTypeError, ranef.PluginError) as error:
            if word not in str(error):
                wrong[odd] = str(error)
        except Exception as error:
            wrong[odd] = f"{type(error).__name__}: {error}"
    assert wrong == {}


METHODS = {
    "anova": lambda fit, value: fit.anova(value, terms={"x": fit.names[-1]}),
    "anova df": lambda fit, value: fit.anova(df=value, terms={"x": fit.names[-1]}),
    "anova test": lambda fit, value: fit.anova(test=value, terms={"x": fit.names[-1]}),
    "drop1": lambda fit, value: fit.drop1(value, terms={"x": fit.names[-1]}),
    "ranova": lambda fit, value: fit.ranova(reduce=value),
    "terms": lambda fit, value: fit.anova(terms={"x": fit.names[-1], "y": value}),
    "compare": lambda fit, value: fit.compare(value),
    "laplace_check": lambda fit, value: fit.laplace_check(value),
    "residuals_of": lambda fit, value: fit.residuals_of(value),
    "rng": lambda fit, value: fit.residuals_of("quantile", rng=value),
}


#: What messages are about, where it is not the method's name.
SUBJECTS = {
    "laplace_check": "nagq",
    "residuals_of": "kind",
    "anova": "type",
    "anova df": "df",
    "anova test": "test",
    "drop1": "test",
    "ranova": "reduce",
}


@pytest.fixture(scope="module")
def fits() -> tuple[ranef.LMMSolution, ranef.GLMMSolution]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit("lmm", max_iter=200), fit("glmm", max_iter=200)


@pytest.mark.parametrize("method", METHODS)
def test_methods_answer_anything(fits: Any, method: str) -> None:
    word = SUBJECTS.get(method, method)
    wrong = {}
    for odd, make in ODD.items():
        for solution in fits if method == "compare" else fits[1:]:
            try:
                METHODS[method](solution, make())
            except ranef.RanefError as error:
                if word not in str(error):
                    wrong[odd] = str(error)
            except Exception as error:
                wrong[odd] = f"{type(error).__name__}: {error}"
    assert wrong == {}
