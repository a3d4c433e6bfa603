"""The reference fits as plain arrays, and the figures that R's packages gave for them (see README.md)."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
LabelArray = npt.NDArray[np.str_]
Columns = dict[str, FloatArray | LabelArray]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, eq=False)
class Rows:
    """The predictor side of a model on some rows: those of its data, or new ones.

    `groups`, `random_effects`, `random_data` and `correlated` are named as the arguments of `ranef.lmm`. Single-column
    terms that share a factor, as in (Days || Subject), are one uncorrelated entry.
    """

    X: FloatArray
    x_names: tuple[str, ...]
    groups: dict[str, LabelArray]
    random_effects: dict[str, list[str]]
    random_data: dict[str, FloatArray]
    correlated: dict[str, bool]
    offset: FloatArray | None


@dataclass(frozen=True, eq=False)
class Case(Rows):
    """A reference model: its data, how to fit it, and `expected`, the whole record of the fit."""

    name: str
    kind: str
    y: FloatArray
    weights: FloatArray | None
    reml: bool
    family: str
    link: str
    nagq: int | None
    expected: dict[str, Any]


def names(prefix: str = "") -> list[str]:
    """Names of the reference fits that start with `prefix` ("lmm_", "glmm_cbpp" ...)."""
    return sorted(path.stem for path in (HERE / "fits").glob(f"{prefix}*.json"))


@cache
def expected(name: str) -> dict[str, Any]:
    """The record of a fit."""
    record: dict[str, Any] = json.loads((HERE / "fits" / f"{name}.json").read_text(encoding="utf-8"))
    return record


def likelihood_ratio_tests() -> list[dict[str, Any]]:
    """The likelihood ratio tests of nested pairs of reference fits: reduced, full, chisq, df, p."""
    tests: list[dict[str, Any]] = json.loads((HERE / "lrt.json").read_text(encoding="utf-8"))
    return tests


@cache
def load(name: str, *, full_rank: bool = False) -> Case:
    """The model `name`; `full_rank=True` leaves out the columns of X that lme4 dropped."""
    record = expected(name)
    data = read_csv(record["data_file"], record["spec"]["factor_columns"])
    response = record["spec"]["response"]
    y = _floats(data[response["col"]])
    if response.get("divide_by"):
        y = y / _floats(data[response["divide_by"]])
    case = Case(
        **_rows(record, data, full_rank),
        name=name,
        kind=record["kind"],
        y=y,
        weights=_floats(data[record["weights"]]) if record["weights"] else None,
        reml=bool(record["reml"]),
        family=record["family"],
        link=record["link"],
        nagq=record["nAGQ"],
        expected=record,
    )
    _check(case)
    return case


def new_rows(name: str, *, full_rank: bool = False) -> Rows:
    """The five rows of `expected["predict"]["newdata"]`; labels with NEWLEVEL in them are not in the data."""
    record = expected(name)
    factors = record["spec"]["factor_columns"]
    newdata: Columns = {
        column: np.array(values, dtype=str) if column in factors else np.array(values, dtype=float)
        for column, values in record["predict"]["newdata"].items()
    }
    return Rows(**_rows(record, newdata, full_rank))


def read_csv(file_name: str, factors: Collection[str]) -> Columns:
    """A CSV file of this folder, gzipped or not, by columns: factors as text, all else as numbers."""
    path = HERE / file_name
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return {
        column: np.array(values, dtype=str if column in factors else float)
        for column, values in zip(header, zip(*rows, strict=True), strict=True)
    }


def _floats(column: FloatArray | LabelArray) -> FloatArray:
    return np.asarray(column, dtype=float)


def _rows(record: dict[str, Any], data: Columns, full_rank: bool) -> dict[str, Any]:
    """The fields of `Rows`, by the record's specification of the model."""
    spec = record["spec"]
    x_columns = [c for c in spec["x"] if not (full_rank and c["name"] in record["dropped_columns"])]
    groups, random_effects, correlated = {}, {}, {}
    random_data: dict[str, FloatArray] = {}
    for group, columns, labels, diagonal in _terms(spec["random"]):
        groups[group] = _interaction([np.asarray(data[column], dtype=str) for column in labels])
        random_effects[group] = ["1" if c["name"] == "(Intercept)" else c["name"] for c in columns]
        correlated[group] = not diagonal
        random_data |= {c["name"]: _product(c, data) for c in columns if c["name"] != "(Intercept)"}
    return {
        "X": np.column_stack([_product(c, data) for c in x_columns]),
        "x_names": tuple(c["name"] for c in x_columns),
        "groups": groups,
        "random_effects": random_effects,
        "random_data": random_data,
        "correlated": correlated,
        "offset": _floats(data[spec["offset"]]) if spec["offset"] else None,
    }


def _terms(terms: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]], list[str], bool]]:
    """Group, columns, label columns and whether the covariance is diagonal, with one entry for each factor."""
    for group in dict.fromkeys(term["group"] for term in terms):
        shared = [term for term in terms if term["group"] == group]
        if len(shared) > 1 and any(len(term["columns"]) > 1 for term in shared):
            raise NotImplementedError(f"several terms of the factor {group!r}, with several columns")
        columns = [column for term in shared for column in term["columns"]]
        yield group, columns, shared[0]["cols"], len(shared) > 1


def _product(column: dict[str, Any], data: Columns) -> FloatArray:
    """A design column: the product of numeric columns and coded levels (`map`: value by level, others are 0)."""
    values = np.ones(len(next(iter(data.values()))))
    for factor in column["factors"]:
        source = data[factor["col"]]
        coding = factor.get("map")
        if coding is None:
            values = values * _floats(source)
        else:
            values = values * np.array([float(coding.get(level, 0.0)) for level in source.tolist()])
    return values


def _interaction(labels: list[LabelArray]) -> LabelArray:
    """Labels joined by ":"."""
    joined = labels[0]
    for more in labels[1:]:
        joined = np.char.add(np.char.add(joined, ":"), more)
    return joined


def _check(case: Case) -> None:
    """The sums that R found in the same data."""
    check = case.expected["check"]
    assert len(case.y) == check["n"]
    np.testing.assert_allclose(case.y.sum(), check["y_sum"], rtol=1e-10)
    for name, column in zip(case.x_names, case.X.T, strict=True):
        np.testing.assert_allclose(column.sum(), check["X_colsum"][name], rtol=1e-9, atol=1e-9 * np.abs(column).sum())
        np.testing.assert_allclose(column @ column, check["X_sumsq"][name], rtol=1e-9)
    for group, labels in case.groups.items():
        assert len(np.unique(labels)) == check["n_levels"][group]
    if case.weights is not None:
        np.testing.assert_allclose(case.weights.sum(), check["weights_sum"], rtol=1e-10)
