"""Tables: frozen columns, R's text, escaped HTML, and frames of every kind."""

from __future__ import annotations

import builtins
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import ranef
from ranef.display.frames import kind_of
from ranef.display.records import MAX_ROWS, Table
from ranef.display.stars import LEGEND

NAMES = ("(Intercept)", "Days")
ESTIMATE, SE, DF, T, P = (
    [251.4051, 10.46729],
    [6.824597, 1.545790],
    [16.99973, 16.99998],
    [36.838, 6.771],
    [1e-17, 3e-6],
)


def coefficients(**others: Any) -> Table:
    columns = {"name": NAMES, "estimate": ESTIMATE, "se": SE, "df": DF, "statistic": T, "p_value": P}
    return Table(columns, headers={"statistic": "t value", "p_value": "Pr(>|t|)"}, **others)


def test_coefficients_are_printed_as_r_prints_them() -> None:
    """printCoefmat(m, digits = 4, has.Pvalue = TRUE, cs.ind = 1:3, tst.ind = 4) of these figures, R 4.2.2."""
    *lines, rule, legend = str(coefficients()).split("\n")
    assert [line.rstrip() for line in lines] == [
        "            Estimate Std. Error      df t value Pr(>|t|)",
        "(Intercept)  251.405      6.825  17.000  36.838   <2e-16 ***",
        "Days          10.467      1.546  17.000   6.771    3e-06 ***",
    ]
    assert (rule, legend) == ("---", LEGEND)


def test_no_stars_and_no_legend_without_small_p_values() -> None:
    text = str(Table({"name": ("a",), "estimate": [1.0], "p_value": [0.4]}))
    assert text.split("\n") == ["  Estimate p value", "a        1     0.4"]
    assert "Signif" not in str(Table({"estimate": [1.0]}))


def test_nan_is_na_and_integers_have_no_decimals() -> None:
    text = str(Table({"name": ("a", "b"), "npar": [3, 12], "estimate": [0.5, np.nan], "chisq": [np.nan, 1.25]}))
    assert [line.split() for line in text.split("\n")] == [
        ["npar", "Estimate", "chisq"],
        ["a", "3", "0.5", "NA"],
        ["b", "12", "NA", "1.25"],
    ]


def test_several_columns_of_labels_are_headed_and_left_aligned() -> None:
    text = str(Table({"factor": ("g", "school"), "level": ("a", "b"), "value": [1.0, -2.5]}, title="Modes"))
    assert text.split("\n") == [
        "Modes",
        " factor level value",
        " g      a       1.0",
        " school b      -2.5",
    ]


def test_title_first_notes_last() -> None:
    lines = str(coefficients(title="Fixed effects", notes=("One.", "Two."))).split("\n")
    assert (lines[0], lines[-2:]) == ("Fixed effects", ["One.", "Two."])


def test_long_tables_say_how_many_rows_are_not_shown() -> None:
    table = Table({"level": np.arange(1500), "value": np.arange(1500.0)})
    lines = str(table).split("\n")
    assert len(lines) == MAX_ROWS + 2
    assert lines[-1] == f"... and {1500 - MAX_ROWS:,} more rows: to_dict() and to_frame() have all"
    assert len(table) == len(table.to_frame("pandas")) == 1500
    assert table._repr_html_().count("<tr>") == MAX_ROWS + 1
    assert "more rows" not in str(Table({"value": np.arange(float(MAX_ROWS))}))


def test_a_table_without_rows_or_columns() -> None:
    assert str(Table({"name": (), "estimate": np.zeros(0)})).strip() == "name Estimate"
    assert (len(Table({})), str(Table({}))) == (0, "")
    assert len(Table({"name": ()}).to_frame("polars")) == 0


def test_html_escapes_all_text_of_the_user() -> None:
    evil = '<b>"x"&'
    table = Table({evil: (evil, "a"), "estimate": [1.0, 2.0], "other": (evil, "b")}, title=evil, notes=(evil,))
    html = table._repr_html_()
    assert "<b" not in html
    assert html.count("&lt;b&gt;&quot;x&quot;&amp;") == 5
    named = Table({"name": (evil,), "x": [1.0]}, headers={"x": evil})._repr_html_()
    assert "<b" not in named
    assert named.count("&lt;b&gt;&quot;x&quot;&amp;") == 2


def test_html_has_the_cells_and_the_legend_of_the_text() -> None:
    html = coefficients(notes=("A note.",))._repr_html_()
    assert '<th scope="row">(Intercept)</th><td>251.405</td><td>6.825</td>' in html
    assert "<small>Signif. codes" in html
    assert "<p><small>A note.</small></p>" in html


# Columns -----------------------------------------------------------------------------------------------------------


def test_columns_are_copies_and_read_only() -> None:
    mine = np.array([1.0, 2.0])
    table = Table({"estimate": mine})
    mine[0] = 9.0
    assert table["estimate"].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        table["estimate"][0] = 0.0
    with pytest.raises(AttributeError):
        table.title = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        table.columns["estimate"] = mine  # type: ignore[index]


def test_columns_by_name() -> None:
    table = coefficients()
    assert list(table) == list(table.names) == ["name", "estimate", "se", "df", "statistic", "p_value"]
    assert ("se" in table, "x" in table, len(table)) == (True, False, 2)
    assert dict(table).keys() == table.to_dict().keys()
    with pytest.raises(ranef.InputError, match="no column 'Estimate'; the table has name, estimate"):
        table["Estimate"]


def test_labels_stay_what_they_are() -> None:
    assert Table({"level": ("a\0", "a")})["level"].tolist() == ["a\0", "a"]
    assert Table({"level": (1, "a")})["level"].tolist() == [1, "a"]
    assert Table({"level": (7, 8)})["level"].dtype.kind == "i"
    days = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")
    assert Table({"day": days})["day"].dtype == days.dtype


@pytest.mark.parametrize("columns", [{"a": [1.0], "b": [1.0, 2.0]}, {"a": np.eye(2)}, {"a": 1.0}])
def test_columns_of_other_shapes_are_refused(columns: Any) -> None:
    with pytest.raises(ranef.InputError, match="of one length; their shapes are"):
        Table(columns)


@dataclass(frozen=True, eq=False, repr=False)
class Contrasts(Table):
    vcov: Any


def test_a_subclass_has_more_beside_the_columns() -> None:
    table = Contrasts({"name": NAMES, "estimate": ESTIMATE}, np.eye(2), title="Contrasts")
    assert (table.vcov.shape, table.title) == ((2, 2), "Contrasts")
    assert replace(table, title="Other").vcov is table.vcov


def test_pickles() -> None:
    table = coefficients(title="x", frame="polars")
    copy = pickle.loads(pickle.dumps(table))
    assert str(copy) == str(table)
    assert copy.frame == "polars"
    assert not copy["estimate"].flags.writeable


# Frames ------------------------------------------------------------------------------------------------------------

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_by_name_by_example_and_by_default(kind: str) -> None:
    like = FRAMES[kind]({"z": [1]}) if kind != "pyarrow" else pa.table({"z": [1]})
    for frame in (
        coefficients().to_frame(kind),
        coefficients().to_frame(like),
        coefficients(frame=kind).to_frame(),
    ):
        assert isinstance(frame, FRAMES[kind])
        assert tuple(frame.column_names if kind == "pyarrow" else frame.columns) == coefficients().names
        assert np.asarray(frame["name"]).tolist() == list(NAMES)
        assert np.asarray(frame["estimate"]).tolist() == ESTIMATE


def test_without_a_kind_it_is_a_dict_of_arrays() -> None:
    made = coefficients().to_frame()
    assert type(made) is dict
    assert all(isinstance(column, np.ndarray) for column in made.values())


def test_a_frame_s_subclass_is_its_kind() -> None:
    class Geo(pd.DataFrame):
        pass

    assert kind_of(Geo()) == "pandas"


def test_other_kinds_are_refused() -> None:
    with pytest.raises(ranef.InputError, match="like must be one of pandas, polars, pyarrow"):
        coefficients().to_frame("excel")
    with pytest.raises(ranef.InputTypeError, match="like must be a frame of pandas, polars, pyarrow"):
        coefficients().to_frame([1])


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("narwhals"):
            raise ModuleNotFoundError("No module named 'narwhals'", name="narwhals")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ranef.MissingExtraError, match=r"No module named 'narwhals'.*ranef\[polars\].*to_dict"):
        coefficients().to_frame("polars")


def test_narwhals_is_imported_on_first_use_only() -> None:

    code = (
        "import sys, ranef, ranef.display.records; assert 'narwhals' not in sys.modules and 'pandas' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
