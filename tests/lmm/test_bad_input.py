"""Bad input: each kind has its own error or warning, which says what is wrong, where, and what to do."""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import ranef
from ranef.contracts.errors import (
    DataWarning,
    InputError,
    InputTypeError,
    PluginNotFoundError,
    RankDeficiencyWarning,
)
from ranef.design.fixed import orthogonalize

pytestmark = pytest.mark.filterwarnings("ignore::ranef.contracts.errors.SingularFitWarning")

N = 60
RNG = np.random.default_rng(1)
G = np.repeat(np.arange(12), 5)
T = RNG.normal(size=N)
X = np.column_stack([np.ones(N), T])
Y = 1.0 + T + RNG.normal(size=12)[G] + RNG.normal(size=N)
AB = ["a", "b"] * (N // 2)


def lmm(**changed: Any) -> ranef.LMMSolution:
    """Fit y ~ 1 + x1 + (1 | g), with some arguments changed."""
    arguments: dict[str, Any] = {"y": Y, "X": X, "groups": {"g": G}} | changed
    return ranef.lmm(arguments.pop("y"), arguments.pop("X"), arguments.pop("groups"), **arguments)


def put(array: Any, at: Any, value: Any, dtype: Any = float) -> Any:
    """A copy of an array with some values changed."""
    out = np.array(array, dtype=dtype)
    out[at] = value
    return out


def slope(z: Any) -> dict[str, Any]:
    return {"random_effects": {"g": ["1", "z"]}, "random_data": {"z": z}}


def labels(values: Any) -> dict[str, Any]:
    return {"groups": {"g": values}}


def cases(listed: list[Any]) -> pytest.MarkDecorator:
    """Parametrize a test by a list of (id, arguments, ..., message)."""
    fields = {3: ("changed", "message"), 4: ("changed", "error", "message")}[len(listed[0])]
    return pytest.mark.parametrize(fields, [c[1:] for c in listed], ids=[c[0].replace(" ", "-") for c in listed])


def forbid(monkeypatch: pytest.MonkeyPatch, work: str) -> None:
    """Make a test fail that gets as far as this function of `ranef.estimation.linear`."""

    def accepted(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the input was accepted")

    monkeypatch.setattr(f"ranef.estimation.linear.{work}", accepted)


ERRORS: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    # Missing and infinite numbers: counted and located
    ("NaN in y", {"y": put(Y, [3, 7], np.nan)}, InputError, r"y has missing \(NaN\) values in 2 rows .*: 3, 7;"),
    ("inf in y", {"y": put(Y, 3, np.inf)}, InputError, r"y has infinite values in 1 row .*: 3;"),
    (
        "inf and -inf",
        {"y": put(put(Y, 3, np.inf), 5, -np.inf)},
        InputError,
        r"y has infinite values in 2 rows .*: 3, 5;",
    ),
    ("NaN and inf", {"y": put(put(Y, 3, np.inf), 5, np.nan)}, InputError, r"missing \(NaN\) and infinite .*: 3, 5;"),
    ("many NaN", {"y": put(Y, slice(9), np.nan)}, InputError, r"9 rows \(counted from 0\): 0, 1, 2, 3, 4, \.\.\.;"),
    ("None in y", {"y": put(Y, 3, None, object)}, InputError, r"y has missing \(NaN\) values in 1 row .*: 3;"),
    ("pd.NA in y", {"y": put(Y, 3, pd.NA, object)}, InputError, r"y has missing \(NaN\) values in 1 row .*: 3;"),
    ("null in polars y", {"y": pl.Series([None, *Y[1:]])}, InputError, r"y has missing \(NaN\) values in 1 row .*: 0;"),
    ("NA in pandas y", {"y": pd.Series([*Y[1:], None], dtype="Float64")}, InputError, r"missing .* 1 row .*: 59;"),
    (
        "masked y",
        {"y": np.ma.masked_array(Y, mask=G == 0)},
        InputError,
        r"y has masked values in 5 rows .*: 0, 1, 2, 3, 4",
    ),
    ("NaN in X", {"X": put(X, ([4, 4, 8], [0, 1, 1]), np.nan)}, InputError, r"X has missing .* 2 rows .*: 4, 8;"),
    ("inf in X", {"X": put(X, (4, 1), -np.inf)}, InputError, r"X has infinite values in 1 row .*: 4;"),
    ("NaN in weights", {"weights": put(np.ones(N), 2, np.nan)}, InputError, r"weights has missing .* 1 row .*: 2;"),
    ("inf in weights", {"weights": put(np.ones(N), 2, np.inf)}, InputError, r"weights has infinite .* 1 row .*: 2;"),
    ("inf in offset", {"offset": put(np.zeros(N), 2, np.inf)}, InputError, r"offset has infinite .* 1 row .*: 2;"),
    ("NaN in random_data", slope(put(T, 9, np.nan)), InputError, r"random_data\['z'\] has missing .* 1 row .*: 9;"),
    # Missing labels: never an extra level
    ("NaN labels", labels(put(G, 3, np.nan)), InputError, r"groups\['g'\] has missing labels in 1 row .*: 3;"),
    ("inf labels", labels(put(G, 3, np.inf)), InputError, r"groups\['g'\] has infinite labels in 1 row .*: 3;"),
    ("None labels", labels(put(G, [3, 4], None, object)), InputError, r"missing labels in 2 rows .*: 3, 4;"),
    ("None among text", labels([None, *AB[1:]]), InputError, r"missing labels in 1 row .*: 0;"),
    ("NaN among text", labels([*AB[1:], float("nan")]), InputError, r"missing labels in 1 row .*: 59;"),
    ("NaN among text, array", labels(put(AB, 5, np.nan, object)), InputError, r"missing labels in 1 row .*: 5;"),
    ("pd.NA labels", labels(put(AB, 5, pd.NA, object)), InputError, r"missing labels in 1 row .*: 5;"),
    ("NaT labels", labels(put(AB, 5, pd.NaT, object)), InputError, r"missing labels in 1 row .*: 5;"),
    ("datetime NaT", labels(put(G, 6, "NaT", "M8[D]")), InputError, r"missing labels in 1 row .*: 6;"),
    ("pandas string", labels(pd.Series([None, *AB[1:]], dtype="string")), InputError, r"missing labels .*: 0;"),
    ("pandas Int64", labels(pd.Series([None, *G[1:]], dtype="Int64")), InputError, r"missing labels .*: 0;"),
    ("pandas category", labels(pd.Categorical([None, *AB[1:]])), InputError, r"missing labels in 1 row .*: 0;"),
    ("pandas category series", labels(pd.Series([None, *AB[1:]], dtype="category")), InputError, r"missing .*: 0;"),
    ("polars text", labels(pl.Series([None, *AB[1:]])), InputError, r"missing labels in 1 row .*: 0;"),
    ("polars integers", labels(pl.Series([None, *G[1:].tolist()])), InputError, r"missing labels in 1 row .*: 0;"),
    ("polars category", labels(pl.Series([None, *AB[1:]], dtype=pl.Categorical)), InputError, r"missing .*: 0;"),
    (
        "masked labels",
        labels(np.ma.masked_array(G, mask=G == 11)),
        InputError,
        r"groups\['g'\] has masked values in 5 rows",
    ),
    # Shapes
    (
        "empty y",
        {"y": [], "X": np.zeros((0, 2)), "groups": {"g": []}},
        InputError,
        "y is empty: there are no observations",
    ),
    ("empty X", {"X": np.zeros((0, 2))}, InputError, "X is empty"),
    ("empty labels", labels([]), InputError, r"groups\['g'\] is empty"),
    ("short X", {"X": X[:-1]}, InputError, "X has 59 rows, y has 60"),
    ("short labels", labels(G[:-1]), InputError, r"groups\['g'\] has 59 rows, y has 60"),
    ("short weights", {"weights": np.ones(3)}, InputError, "weights has 3 rows, y has 60"),
    ("short offset", {"offset": np.ones(3)}, InputError, "offset has 3 rows, y has 60"),
    ("short random_data", slope(T[:-1]), InputError, r"random_data\['z'\] has 59 rows, y has 60"),
    ("X of one dimension", {"X": T}, InputError, r"X must be two-dimensional.*\(60,\).*X\.reshape\(-1, 1\)"),
    ("y of two dimensions", {"y": Y[:, None]}, InputError, r"y must be one-dimensional.*\(60, 1\).*give one column"),
    ("data frame as y", {"y": pd.DataFrame(X)}, InputError, r"y must be one-dimensional.*\(60, 2\)"),
    ("scalar y", {"y": 3.0}, InputError, "y must be one-dimensional"),
    ("None as y", {"y": None}, InputTypeError, "y is None"),
    ("None as X", {"X": None}, InputTypeError, "X is None"),
    ("ragged X", {"X": [[1, 2], [1]]}, InputTypeError, "X is not an array"),
    ("two-column labels", labels(np.zeros((N, 2))), InputError, r"must be one-dimensional.*\(60, 2\).*school:class"),
    # Types
    ("text in y", {"y": AB}, InputTypeError, "y holds text where numbers belong .*'a'"),
    ("numbers as text", {"y": Y.astype(str)}, InputTypeError, "y holds text where numbers belong"),
    (
        "text in X",
        {"X": np.array([[1, "b"]] * N, dtype=object)},
        InputTypeError,
        "X holds text .*'b'.*indicator columns",
    ),
    ("text in weights", {"weights": AB}, InputTypeError, "weights holds text"),
    ("text in random_data", slope(AB), InputTypeError, r"random_data\['z'\] holds text"),
    ("complex y", {"y": Y + 0j}, InputTypeError, "y holds complex128 values where real numbers belong"),
    ("complex X", {"X": X + 0j}, InputTypeError, "X holds complex128"),
    ("dates in y", {"y": np.array(["2020-01-01"] * N, dtype="M8[D]")}, InputTypeError, "y holds datetime64"),
    ("objects in y", {"y": [{}] * N}, InputTypeError, r"y holds values that are not numbers \(types dict\)"),
    ("labels of mixed types", labels(["a", 1] * 30), InputTypeError, r"mixes labels of several types \(int, str\)"),
    ("mixed, array", labels(np.array(["a", 1.5] * 30, dtype=object)), InputTypeError, r"several types \(float, str\)"),
    # Grouping factors
    ("one level", labels(np.zeros(N, int)), InputError, r"groups\['g'\] has one level only \(0\)"),
    ("one level of text", labels(["a"] * N), InputError, r"one level only \(a\).*needs at least two"),
    ("a level for every row", labels(np.arange(N)), InputError, "60 levels for 60 observations.*residual variance"),
    ("groups as a list", {"groups": [G]}, InputTypeError, "groups must be a dict from names.*got list"),
    ("groups as a matrix", {"groups": X}, InputTypeError, "groups must be a dict from names.*got ndarray"),
    ("groups as text", {"groups": "g"}, InputTypeError, "groups must be a dict from names.*got str"),
    ("no groups", {"groups": {}}, InputError, "groups is empty: a mixed model needs a grouping factor"),
    # Fixed effects
    (
        "n < p",
        {"y": Y[:4], "X": RNG.normal(size=(4, 6)), **labels([0, 0, 1, 1])},
        InputError,
        "X has 4 independent .* 4 obs",
    ),
    ("n = p", {"y": Y[:4], "X": RNG.normal(size=(4, 4)), **labels([0, 0, 1, 1])}, InputError, "nothing is left"),
    (
        "n = p + 1",
        {"y": Y[:6], "X": RNG.normal(size=(6, 5)), **labels([0, 0, 0, 1, 1, 1])},
        InputError,
        "from one residual degree of freedom two variances cannot be estimated",
    ),
    ("names twice", {"x_names": ["a", "a"]}, InputError, "x_names has names that stand twice: a"),
    ("names twice in a frame", {"X": pd.DataFrame(X, columns=["a", "a"])}, InputError, "names that stand twice: a"),
    ("too few names", {"x_names": ["a"]}, InputError, "x_names has 1 names, X has 2 columns"),
    ("text as names", {"x_names": "ab"}, InputTypeError, "x_names must be a list of names"),
    # Weights
    ("zero weights", {"weights": put(np.ones(N), [2, 3], 0)}, InputError, r"weights must be positive.*2 rows .*: 2, 3"),
    (
        "negative weights",
        {"weights": put(np.ones(N), 2, -1)},
        InputError,
        r"zero or negative in 1 row .*: 2\. Leave out",
    ),
    # Scales that cannot be squared
    ("huge y", {"y": Y * 1e160}, InputError, r"y has values of magnitude \de\+160.*change its unit"),
    ("tiny y", {"y": Y * 1e-160}, InputError, r"y has values of magnitude \de-160.*change its unit"),
    ("tiny column", {"X": X * [1, 1e-200]}, InputError, "X has values too small to be computed with in x1"),
    ("tiny weights", {"weights": np.full(N, 1e-300)}, InputError, "weights has values of magnitude 1e-300"),
    # Terms
    (
        "unknown variable",
        {"random_effects": {"g": ["1", "zz"]}, "random_data": {"z": T}},
        InputError,
        r"random_effects\['g'\] uses 'zz', which is neither in random_data nor a column of X; there is z, .*, x1",
    ),
    ("unknown factor", {"random_effects": {"h": ["1"]}}, InputError, "random_effects names h, .*groups has g"),
    ("unknown correlated", {"correlated": {"h": False}}, InputError, "correlated names h, .*groups has g"),
    ("correlated as text", {"correlated": "no"}, InputTypeError, "correlated must be a dict"),
    (
        "correlated as text",
        {"correlated": {"g": "no"}},
        InputTypeError,
        r"correlated\['g'\] must be True or False; got 'no'",
    ),
    ("terms as list", {"random_effects": ["1"]}, InputTypeError, "random_effects must be a dict"),
    ("no terms", {"random_effects": {"g": []}}, InputError, r"random_effects\['g'\] must be a list of terms such as"),
    ("None as terms", {"random_effects": {"g": None}}, InputError, "must be a list of terms such as"),
    ("empty term", {"random_effects": {"g": [[]]}}, InputError, "a term without columns; '1' is a random intercept"),
    ("0 alone", {"random_effects": {"g": ["0"]}}, InputError, "a term without columns"),
    ("names and lists", {"random_effects": {"g": ["1", ["x1"]]}}, InputTypeError, "mixes names and lists"),
    ("a term twice", {"random_effects": {"g": ["1", "1"]}}, InputError, r"has \(Intercept\) more than once"),
    ("a column in two terms", {"random_effects": {"g": [["1", "x1"], ["x1"]]}}, InputError, "has x1 more than once"),
    ("zero column", slope(np.zeros(N)), InputError, "z is zero everywhere, its variance cannot be estimated"),
    ("a variable named 1", {"random_data": {"1": T}}, InputError, "named '1', which always is the intercept"),
    (
        "random_data as list",
        {"random_effects": {"g": ["z"]}, "random_data": [T]},
        InputTypeError,
        "random_data must be a dict",
    ),
    ("two-column variable", slope(X), InputError, r"random_data\['z'\] must be one-dimensional"),
    # Settings
    *(("tol", {"tol": v}, InputError, "tol must be positive and finite") for v in (0, -1, np.nan, np.inf)),
    *(("tol", {"tol": v}, InputTypeError, "tol must be a number") for v in ("small", None)),
    *(("max_iter", {"max_iter": v}, InputError, "max_iter must be an integer") for v in (0, -3, 1.5, "a", True)),
    *(("conf_level", {"conf_level": v}, InputError, "conf_level must lie between") for v in (0, 1, 95, np.nan)),
    ("conf_level", {"conf_level": "95%"}, InputTypeError, "conf_level must be a number"),
    ("reml", {"reml": "no"}, InputTypeError, "reml must be True or False; got 'no'"),
    ("satterthwaite", {"compute_satterthwaite": 1}, InputTypeError, "compute_satterthwaite must be True or False"),
    (
        "start of a wrong length",
        {"start": [1, 2]},
        InputError,
        "start has 2 values, the model has 1 covariance parameters",
    ),
    ("negative start", {"start": [-1]}, InputError, "start has negative standard deviations"),
    ("NaN in start", {"start": [np.nan]}, InputError, "start has missing"),
    ("text in start", {"start": "auto"}, InputTypeError, "start holds text"),
    ("observer", {"callbacks": "nope"}, PluginNotFoundError, "no observer 'nope'"),
    ("observer of a wrong type", {"callbacks": [3]}, InputError, "callbacks must be Observer objects or names"),
]

PLUGINS: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    (
        "backend",
        {"backend": "nope"},
        PluginNotFoundError,
        r"no linear-algebra backend 'nope'\s+there is: .*blocked.*dense",
    ),
    (
        "optimizer",
        {"optimizer": "nope"},
        PluginNotFoundError,
        r"no optimizer 'nope'\s+there is: .*lbfgsb.*trust-region",
    ),
    ("backend of a wrong type", {"backend": 3}, InputTypeError, "linear-algebra backend: expected a name"),
    ("optimizer of a wrong type", {"optimizer": None}, InputTypeError, "optimizer: expected a name"),
]


@cases(ERRORS)
def test_errors_come_before_any_work(
    changed: dict[str, Any], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, "cross_products")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing else is said
        with pytest.raises(error, match=message) as raised:
            lmm(**changed)
    assert type(raised.value) is error
    # An InputError is a ValueError, an InputTypeError a TypeError: as every array library raises them.
    assert isinstance(raised.value, TypeError if error is InputTypeError else ValueError)


@cases(PLUGINS)
def test_errors_of_plugins_come_before_the_search(
    changed: dict[str, Any], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, "search")
    with pytest.raises(error, match=message):
        lmm(**changed)


@pytest.mark.parametrize("y", [np.full(N, 3.0), np.zeros(N), X @ [2.0, 3.0], X @ [2.0, 3.0] + 1e-14 * T**3])
def test_y_without_variation_beside_x(y: Any) -> None:
    with pytest.raises(InputError, match=r"the columns of X give y to ten digits \(a constant y"):
        lmm(y=y)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("y", [G.astype(float), X @ [1.0, 2.0] + np.sin(G)], ids=["groups", "X-and-groups"])
def test_y_without_variation_beside_x_and_groups(y: Any, reml: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match="exactly"):
            lmm(y=y, reml=reml)


# Legal, but worth a warning ----------------------------------------------------------------------------------------

RANK = [
    ("two intercepts", np.column_stack([X, np.ones(N)]), r"dropped x2 \(a multiple of \(Intercept\)\)"),
    ("another constant", np.column_stack([X[:, 0], 5 * X[:, 0], T]), r"dropped x1 \(a multiple of \(Intercept\)\)"),
    ("zero column", np.column_stack([X, np.zeros(N)]), r"dropped x2 \(zero everywhere\)"),
    ("collinear", np.column_stack([X, 2 * T + 3]), r"dropped x2 \(a linear combination of \(Intercept\), x1\)"),
    ("twice", np.column_stack([X, T, T]), r"dropped x2 \(a multiple of x1\); x3 \(a multiple of x1\)"),
    ("many", np.column_stack([X] + [T] * 8), r"x6 \(a multiple of x1\) and 3 more\. Coefficients"),
]


@cases(RANK)
def test_redundant_columns_are_named_and_dropped(changed: Any, message: str) -> None:
    with pytest.warns(RankDeficiencyWarning, match=message) as caught:
        fit = lmm(X=changed)
    assert [w.filename for w in caught] == [__file__]  # points at the caller
    plain = lmm()
    kept = np.isfinite(fit.coefficients)
    assert kept.sum() == 2
    np.testing.assert_allclose(fit.coefficients[kept], plain.coefficients, rtol=1e-9)
    assert np.isnan(fit.se[~kept]).all()
    assert np.isnan(fit.p_values[~kept]).all()
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-9)
    assert "X is rank deficient: dropped x" in fit.summary()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("distance", "rank"), [(1e-9, 2), (0.9e-7, 2), (1.2e-7, 3), (1e-5, 3)])
def test_the_rank_of_x_is_decided_at_1e_7(distance: float, rank: int, weighted: bool) -> None:
    # lme4's tolerance: the part of a column's length that is left beside those before it.
    n, rng = 60, np.random.default_rng(4)
    weights = rng.uniform(0.5, 2.0, n)
    A, _ = np.linalg.qr(rng.normal(size=(n, 3)))  # orthonormal, in the weights where there are such
    if weighted:
        A /= np.sqrt(weights)[:, None]
    X = np.column_stack([A[:, 0], A[:, 1], A[:, 1] + distance * A[:, 2]])
    fixed = orthogonalize(X, ("a", "b", "c"), weights if weighted else None)
    assert fixed.rank == rank
    W = weights if weighted else np.ones(n)
    np.testing.assert_allclose(fixed.Q.T @ (W[:, None] * fixed.Q), np.eye(rank), atol=1e-6)


def test_an_x_of_zeros_is_no_fixed_effects() -> None:
    with pytest.warns(RankDeficiencyWarning, match=r"x0 \(zero everywhere\); x1 \(zero everywhere\)"):
        fit = lmm(X=np.zeros((N, 2)))
    assert np.isnan(fit.coefficients).all()
    assert fit.log_likelihood == pytest.approx(lmm(X=np.zeros((N, 0))).log_likelihood, abs=1e-9)


CONFOUNDED: list[tuple[str, dict[str, Any], str]] = [
    ("constant slope", slope(np.full(N, 2.0)), r"columns \(Intercept\), z of groups\['g'\] are linearly dependent"),
    (
        "slopes twice",
        {"random_effects": {"g": ["x1", "z"]}, "random_data": {"z": 2 * T}},
        r"columns x1, z of groups\['g'\] are linearly dependent",
    ),
    (
        "separate terms",
        {"random_effects": {"g": [["1"], ["z"]]}, "random_data": {"z": np.full(N, 2.0)}},
        "cannot be told from each other",
    ),
    ("a factor twice", {"groups": {"g": G, "h": -G}}, r"groups\['g'\] and groups\['h'\] group .* in the same way"),
]


@cases(CONFOUNDED)
def test_random_effects_that_cannot_be_told_from_each_other(changed: dict[str, Any], message: str) -> None:
    with pytest.warns(DataWarning, match=message) as caught:
        fit = lmm(**changed)
    assert [w.filename for w in caught if w.category is DataWarning] == [__file__]
    # The fit of the model without the redundant column is the same.
    alone: dict[str, Any] = {"random_effects": {"g": ["x1"]}} if "x1" in message else {}
    assert fit.log_likelihood == pytest.approx(lmm(**alone).log_likelihood, abs=1e-6)


# Legal -------------------------------------------------------------------------------------------------------------

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("object numbers in X", {"X": X.astype(object)}),
    ("lists", {"y": Y.tolist(), "X": X.tolist(), "groups": {"g": G.tolist()}}),
    ("text labels", labels(np.char.zfill(G.astype(str), 2))),
    ("bytes labels", labels(np.char.zfill(G.astype(str), 2).astype("S"))),
    ("float labels", labels(G + 0.5)),
    ("object float labels", labels((G + 0.5).astype(object))),
    ("object integer labels", labels(G.astype(object))),
    ("integers and floats", labels([float(g) if g % 2 else int(g) for g in G])),
    ("huge integers", labels([int(g) + 10**30 for g in G])),
    ("unsigned", labels(G.astype(np.uint64) + np.uint64(2**63))),
    ("small signed", labels((G - 128).astype(np.int8))),
    ("dates", labels([datetime.date(2020, 1, 1 + int(g)) for g in G])),
    ("datetimes", labels(np.array("2020-01-01", dtype="M8[D]") + G)),
    ("category", labels(pd.Categorical(G))),
    ("polars category", labels(pl.Series([f"{g:02}" for g in G], dtype=pl.Categorical))),
    ("frames", {"groups": pd.DataFrame({"g": G}), "random_effects": {"g": "1"}, "random_data": pl.DataFrame({"z": T})}),
    ("number one for the intercept", {"random_effects": {"g": [1]}}),
    ("unused random_data may have NaN", {"random_data": {"q": put(T, 0, np.nan), "short": T[:3]}}),
    ("numpy settings", {"max_iter": np.int64(100), "reml": np.bool_(True), "tol": np.float64(1e-8)}),
    ("start at zero", {"start": [0.0]}),
    ("far start", {"start": [1e6]}),
]


@pytest.mark.parametrize("changed", [g[1] for g in GOOD], ids=[g[0].replace(" ", "-") for g in GOOD])
def test_legal_input_in_other_clothes_is_the_same_fit(changed: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit = lmm(**changed)
    plain = lmm()
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(fit.coefficients, plain.coefficients, rtol=1e-6)
    np.testing.assert_allclose(fit.ranef["g"], plain.ranef["g"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [1e12, 1e-12, 1e30, 1e-30])
def test_scale_of_y_does_not_matter(scale: float) -> None:
    fit, plain = lmm(y=Y * scale), lmm()
    assert fit.converged
    np.testing.assert_allclose(fit.theta, plain.theta, rtol=1e-6)
    np.testing.assert_allclose(fit.coefficients, scale * plain.coefficients, rtol=1e-8)


@pytest.mark.parametrize(
    "shift",
    [
        1e6,
        1e9,
    ],
)
def test_a_large_mean_of_y_does_not_matter(shift: float) -> None:
    fit, plain = lmm(y=Y + shift), lmm()
    np.testing.assert_allclose(fit.coefficients - [shift, 0], plain.coefficients, atol=1e-5)
    np.testing.assert_allclose(fit.sigma, plain.sigma, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e12, 1e-12, 1e30, 1e-30])
def test_scale_of_x_does_not_matter(scale: float) -> None:
    fit, plain = lmm(X=X * [1, scale]), lmm()
    np.testing.assert_allclose(fit.coefficients * [1, scale], plain.coefficients, rtol=1e-8)
    np.testing.assert_allclose(fit.p_values, plain.p_values, rtol=1e-6)
    # REML's criterion depends on the units of X by 2 log|R|, as in lme4.
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood - np.log(scale), abs=1e-6)


@pytest.mark.parametrize("reml", [True, False])
def test_no_fixed_effects(reml: bool) -> None:
    fit = lmm(X=np.zeros((N, 0)), reml=reml)
    assert fit.converged
    assert fit.coefficients.shape == (0,)
    assert fit.fixef == {}
    assert fit.vcov.shape == (0, 0)
    assert fit.p_values.shape == (0,)
    assert fit.conf_int.shape == (0, 2)
    assert fit.n_parameters == 2
    assert "Fixed effects" not in fit.summary()
    assert fit._repr_html_()


def test_levels_of_one_observation_are_fine() -> None:
    codes = np.r_[np.arange(30), np.repeat(np.arange(6), 5)]
    fit = lmm(groups={"g": codes}, y=Y + np.random.default_rng(3).normal(size=30)[codes])
    assert fit.converged
    assert fit.n_groups == {"g": 30}


def test_the_error_for_mixed_labels_says_what_to_do() -> None:
    with pytest.raises(InputTypeError) as raised:
        lmm(groups={"school": ["a", 1] * 30})
    assert re.fullmatch(
        r"groups\['school'\] mixes labels of several types \(int, str\); convert them to one, such as str",
        str(raised.value),
    )


@pytest.mark.parametrize("make", [np.asarray, list, pd.Series, pl.Series], ids=["numpy", "list", "pandas", "polars"])
def test_boolean_and_integer_columns_are_numbers(make: Callable[[Any], Any]) -> None:
    above, count = T > 0, np.round(3 * Y).astype(int)
    columns = {"above": make(above.tolist()), "count": make(count.tolist()), "g": make(G.tolist())}
    fit = lmm(
        y=columns["count"],
        groups={"g": columns["g"], "above": columns["above"]},
        offset=columns["above"],
        **slope(columns["above"]),
    )
    plain = lmm(
        y=count.astype(float), groups={"g": G, "above": above}, offset=above.astype(float), **slope(above.astype(float))
    )
    np.testing.assert_array_equal(fit.coefficients, plain.coefficients)
    np.testing.assert_array_equal(fit.fitted_values, plain.fitted_values)


def test_a_start_where_the_criterion_is_not_finite() -> None:
    draws = np.random.default_rng(0)
    y, g = draws.normal(size=400), draws.integers(0, 20, size=400)  # unbalanced: R_X loses its digits
    with pytest.raises(InputError, match="not finite at start"):
        ranef.lmm(y, np.ones((400, 1)), {"g": g}, start=[1e12])


def test_callbacks_that_are_no_observers() -> None:
    with pytest.raises(InputTypeError, match="callbacks must be Observer objects"):
        ranef.lmm(np.arange(4.0), np.ones((4, 1)), {"g": [0, 0, 1, 1]}, callbacks=3)


def test_labels_of_several_parts() -> None:
    labels = np.empty(4, dtype=object)
    labels[:] = [("a", 1), ("a", 1), ("b", 1), ("b", 2)]
    with pytest.raises(InputTypeError, match=r"labels of several parts, such as \('a', 1\)"):
        ranef.lmm(np.arange(4.0), np.ones((4, 1)), {"g": labels})


def test_uncorrelated_columns_count_as_terms_of_their_own() -> None:
    """20 random effects in two terms of 10 for 20 observations: lme4 fits (x || g) too, and would refuse (x | g)."""
    draws = np.random.default_rng(1)
    x, y, g = draws.normal(size=20), draws.normal(size=20), np.repeat(np.arange(10), 2)
    model = {"random_effects": {"g": ["1", "x"]}, "random_data": {"x": x}}
    with pytest.warns(DataWarning, match=r"the term \(1 \+ x \| g\) has 20 random effects for 20 observations"):
        assert ranef.lmm(y, np.ones((20, 1)), {"g": g}, **model).converged
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        assert ranef.lmm(y, np.ones((20, 1)), {"g": g}, correlated={"g": False}, **model).converged


def test_pandas_rows_in_another_order_are_refused() -> None:
    frame = pd.DataFrame({"y": Y, "g": G, "one": 1.0})
    shuffled = frame.sample(frac=1, random_state=1)
    with pytest.raises(
        InputError, match=r"index of y and the index of X differ: at position 0 .* align.*X\.loc\[y\.index\]"
    ):
        ranef.lmm(frame["y"], shuffled[["one"]], {"g": frame["g"]})
    with pytest.raises(InputError, match=r"index of y and the index of groups\['g'\] differ"):
        ranef.lmm(frame["y"], frame[["one"]], {"g": shuffled["g"]})
    whole = ranef.lmm(shuffled["y"], shuffled[["one"]], {"g": shuffled["g"]})
    assert whole.log_likelihood == pytest.approx(ranef.lmm(Y, frame[["one"]], {"g": G}).log_likelihood, abs=1e-9)
