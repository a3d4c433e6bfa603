"""Saved benchmarks: reading, writing, tables and comparison."""

from __future__ import annotations

import csv

import pytest

from ranef.bench import record, report
from ranef.contracts import InputError


def result(method="blocked / auto", case="a", median=0.02, spread=0.001, **more):
    return {
        "case": case,
        "grown": "",
        "method": method,
        "peer": "",
        "status": "ok",
        "seconds": {"q1": median - spread, "median": median, "q3": median + spread},
        "times": [median] * 3,
        "criterion": 100.0,
        "excess": 0.0,
        **more,
    }


def saved(*results, **environment):
    about = {"ranef": "0.1.0", "processor": "P", "load average": "0.1"} | environment
    return {"format": 1, "environment": about, "settings": {"threads": 1}, "results": list(results)}


def test_what_is_saved_is_read(tmp_path):
    done = saved(result())
    record.save(done, tmp_path / "a.json")
    assert record.read(tmp_path / "a.json") == done


@pytest.mark.parametrize("text", ["", "[]", '{"format": 0}', '{"results": []}'])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match="is not a saved benchmark"):
        record.read(path)


def test_csv_has_nested_figures_and_empty_cells(tmp_path):
    path = tmp_path / "a.csv"
    failed = {"case": "a", "method": "dense / auto", "status": "failed", "reason": "no"}
    record.save_csv(saved(result(phases={"numeric": 0.5}), failed), path)
    with path.open() as file:
        first, second = csv.DictReader(file)
    assert first["phases.numeric"] == "0.5"
    assert first["seconds.median"] == "0.02"
    assert second["reason"] == "no"
    assert second["seconds.median"] == ""
    assert "times" not in first


def test_excess_is_the_distance_from_the_best():
    failed = {"status": "failed"}
    found = record._with_excess([{"criterion": 5.0}, {"criterion": 3.5}, failed])
    assert found == [{"criterion": 5.0, "excess": 1.5}, {"criterion": 3.5, "excess": 0.0}, failed]


def rows(table):
    return [line.split("|") for line in table.splitlines() if line.startswith("|")][2:]


@pytest.mark.parametrize(
    ("old", "new", "verdict"), [(0.020, 0.0205, "same"), (0.020, 0.010, "faster"), (0.020, 0.030, "slower")]
)
def test_comparison_looks_at_the_quartiles(old, new, verdict):
    text = report.compare(saved(result(median=old)), saved(result(median=new)), "markdown")
    (row,) = rows(text)
    assert row[6].strip() == verdict
    assert row[5].strip() == f"{new / old:.2f}"


def test_comparison_tells_other_environments_and_missing_methods():
    old = saved(result(), result("dense / auto"))
    new = saved(result(evaluations=9), result("new / auto"), processor="Q", **{"load average": "9"})
    text = report.compare(old, new)
    assert "processor: P -> Q" in text
    assert "load average" not in text
    for method in ("new / auto", "dense / auto"):
        assert any(method in line and "not run" in line for line in text.splitlines())


def test_table_shows_what_auto_stood_for_and_why_methods_failed():
    used = {"linalg": "blocked", "optimizer": "trust-region"}
    failed = {"case": "a", "grown": "", "method": "dense / auto", "peer": "", "status": "failed", "reason": "too large"}
    text = report.report(saved(result("auto / auto", used=used, converged=False), failed))
    assert "blocked / trust-region" in text
    assert "a, dense / auto: too large" in text
    assert "a, auto / auto: not converged" in text
    assert "20.0 ms" in text
