"""Numbers and tables as R prints them: R's own output in r_printing.json, and special cases tried in R 4.2.2."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from ranef.display.records import Table
from ranef.display.rformat import (
    TextTable,
    abbreviate,
    format_numbers,
    format_p_values,
    print_table,
    print_vector,
    round_numbers,
    significance_stars,
    zap_small,
)

R: dict[str, Any] = json.loads(Path(__file__).with_name("r_printing.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", R["format"])
def test_format(case: dict[str, Any]) -> None:
    assert format_numbers(case["x"], case["digits"]) == case["text"]


@pytest.mark.parametrize(
    ("x", "digits", "text"),
    [
        ([1234567.891, 0.5], 4, ["1234567.9", "      0.5"]),
        ([1234567.891, 0.5], 3, ["1.23e+06", "5.00e-01"]),
        ([100000.0, 1.0], 7, ["1e+05", "1e+00"]),
        ([123456789.0], 7, ["123456789"]),
        ([9.9996, 1.0], 4, ["10", " 1"]),
        ([99999.9], 4, ["1e+05"]),
        ([0.0, 13.346], 4, [" 0.00", "13.35"]),
        ([0.0, 0.0], 4, ["0", "0"]),
        ([-0.0, 1.5], 4, ["0.0", "1.5"]),
        ([-1.5e-300, 1e300], 4, ["-1.5e-300", " 1.0e+300"]),
        ([math.nan, 1.5, -2.0], 4, ["  NA", " 1.5", "-2.0"]),
        ([math.inf, -1.25], 4, ["  Inf", "-1.25"]),
        ([], 4, []),
    ],
)
def test_format_of_special_numbers(x: list[float], digits: int, text: list[str]) -> None:
    assert format_numbers(x, digits) == text


@pytest.mark.parametrize("case", R["round"])
def test_round_and_format_with_nsmall(case: dict[str, Any]) -> None:
    assert format_numbers(round_numbers(case["x"], 3), case["digits"], nsmall=3) == case["text"]


@pytest.mark.parametrize("case", R["p_values"])
def test_p_values(case: dict[str, Any]) -> None:
    assert format_p_values(case["p"]) == case["text"]


def test_missing_p_value() -> None:
    assert format_p_values([math.nan, 0.01]) == ["NA", "0.01"]
    assert significance_stars([math.nan, 0.01]) == ["  ", "**"]


def test_stars_change_after_the_bounds() -> None:
    # symnum's intervals are closed on the right.
    p = [0.0, 0.001, 0.0011, 0.01, 0.05, 0.1, 0.11, 1.0]
    assert [s.strip() for s in significance_stars(p)] == ["***", "***", "**", "**", "*", ".", "", ""]


def table_of(columns: list[list[float]]) -> Table:
    """A table of coefficients, with degrees of freedom where there are five columns."""
    names = [n for n in ("estimate", "se", "df", "statistic", "p_value") if n != "df" or len(columns) == 5]
    headers = {"statistic": "t value", "p_value": "Pr(>|t|)"}
    return Table({"name": tuple("abcd"[: len(columns[0])]), **dict(zip(names, columns, strict=True))}, headers=headers)


@pytest.mark.parametrize("case", R["coefficients"])
def test_coefficients(case: dict[str, Any]) -> None:
    assert str(table_of(case["columns"])).split("\n") == case["lines"]


def test_coefficients_that_are_zero_or_lost_by_rounding() -> None:
    cells = table_of([[1e-8, 2.5, 0.0], [1e-9, 0.5, 0.1], [10.0, 5.0, 0.0], [1e-10, 1e-5, 1.0]]).cells()
    assert [[cell.strip() for cell in column] for column in cells.columns] == [
        ["1.0e-08", "2.5e+00", "0.0e+00"],
        ["1.0e-09", "5.0e-01", "1.0e-01"],
        ["10", "5", "0"],
        ["1e-10", "1e-05", "1"],
        ["***", "***", ""],
    ]


@pytest.mark.parametrize("case", R["residuals"])
def test_residual_quantiles(case: dict[str, Any]) -> None:
    cells = format_numbers(zap_small(case["x"], 5), 4)
    assert print_vector(["Min", "1Q", "Median", "3Q", "Max"], cells) == case["lines"]


@pytest.mark.parametrize("length", [6, 11])
def test_abbreviate(length: int) -> None:
    assert abbreviate(R["abbreviate"]["names"], length) == R["abbreviate"][str(length)]


def test_abbreviate_keeps_names_distinct() -> None:
    # abbreviate(paste0("variable", letters[c(1, 2, 5)]), 6): the first and the last need all their letters.
    assert abbreviate(["variablea", "variableb", "variablee"], 6) == ["variablea", "varblb", "variablee"]


@pytest.mark.parametrize(("width", "lines"), [(79, 2), (80, 4)])
def test_table_is_continued_where_the_line_is_full(width: int, lines: int) -> None:
    table = TextTable(("r",), ("a" * (width - 10), "b" * 7), (("1",), ("2",)))
    assert len(print_table(table)) == lines


def test_vector_is_continued_where_the_line_is_full() -> None:
    names = ["a", "b", "c", "d", "e" * 16]
    assert print_vector(names, ["1"] * 5)[2:] == ["e" * 16 + " ", "1".rjust(16) + " "]
