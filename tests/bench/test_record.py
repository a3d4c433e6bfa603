"""Saved benchmarks: reading, writing, tables and comparison."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from ranef.bench import record, report
from ranef.bench.measure import quartiles
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
def test_comparison_looks_at_the_times(old, new, verdict):
    text = report.compare(saved(result(median=old)), saved(result(median=new)), "markdown")
    (row,) = rows(text)
    assert row[6].strip() == verdict
    assert row[5].strip().startswith(f"{new / old:.2f} (")
    assert "more than 10% away from 1" in text


def times(rng, n, slower=1.0, spread=0.05):
    """Fits of one run: every run has a pace of its own, and some fits are interrupted."""
    fits = slower * np.exp(spread * rng.normal(size=n)) + rng.choice([0.0, 0.5], size=n, p=[0.9, 0.1])
    return fits.tolist()


def verdicts(n, slower, runs=400):
    """How often two runs, of which the second is that much slower, are called what."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(runs):
        pair = [saved({**result(), "times": times(rng, n, factor)}) for factor in (1.0, slower)]
        found.append(rows(report.compare(*pair, "markdown"))[0][6].strip())
    return {verdict: found.count(verdict) / runs for verdict in ("same", "slower", "faster")}


@pytest.mark.parametrize("n", [3, 5, 20])
def test_the_same_code_is_not_called_slower_for_noise(n):
    assert verdicts(n, 1.0)["same"] > 0.99
    # the pace of a whole run differs by some percent
    assert verdicts(n, 1.05)["same"] > 0.98


def test_what_is_slower_is_called_slower():
    assert verdicts(20, 1.5)["slower"] > 0.95
    assert verdicts(20, 1 / 1.5)["faster"] > 0.95


@pytest.mark.parametrize(("n", "outside"), [(3, 0.25), (5, 0.0625), (9, 0.05), (20, 0.05), (51, 0.05)])
def test_intervals_hold_the_median_with_their_chance(n, outside):
    # the chance does not depend on the distribution: uniform, with the median 1/2
    x = np.random.default_rng(8).uniform(size=(4000, n))
    missed = np.mean([not low <= 0.5 <= high for low, high in map(report.median_interval, x.tolist())])
    assert missed < outside + 3 * np.sqrt(outside / 4000)
    assert missed > 0.3 * outside


def test_what_the_machine_did_is_taken_from_the_same_work():
    """All takes 1.5 times as long in the second run, work that no version changes included."""
    old, new = result(median=0.02, control=[0.010] * 9), result(median=0.03, control=[0.015] * 9)
    (row,) = rows(report.compare(saved(old), saved(new), "markdown"))
    assert (row[6].strip(), row[7].strip()) == ("same", "1.50 - 1.50")
    (row,) = rows(report.compare(saved(old), saved(new | {"control": [0.010] * 9}), "markdown"))
    assert row[6].strip() == "slower"
    (row,) = rows(report.compare(saved(new), saved(old), "markdown"))
    assert row[6].strip() == "same"


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
    assert "a (dense / auto): too large" in text
    assert "a (auto / auto): not converged" in text
    assert "20.0 ms" in text


def test_a_reason_is_told_once_with_all_that_it_belongs_to():
    failed = {"grown": "", "peer": "", "status": "failed", "reason": "too large"}
    cells = [("a", "dense / auto"), ("a", "blocked / auto"), ("b", "dense / auto")]
    text = report.report(saved(*({"case": case, "method": method} | failed for case, method in cells)))
    assert text.count("too large") == 1
    assert "a (dense / auto, blocked / auto), b (dense / auto): too large" in text


@pytest.mark.parametrize("about", [{}, {"ranef": "0.1.0"}])
def test_the_footer_says_what_is_known_and_no_more(about):
    failed = {"case": "a", "grown": "", "method": "m", "peer": "", "status": "failed", "reason": "no"}
    footer = report.environment({"environment": about, "results": [failed]})
    assert footer == ("ranef 0.1.0." if about else "")
    assert report.environment({"environment": {}, "results": [result()]}).startswith("Time of the fit call")
    done = report.environment({"environment": {"ranef": "0.1.0"}, "results": [result(peer="lme4", version="1.1")]})
    assert done.startswith("ranef 0.1.0, lme4 1.1. Time of the fit call")


def test_quartiles_are_those_of_the_times():
    assert quartiles([1.0, 2.0, 4.0, 8.0, 16.0]) == {"q1": 2.0, "median": 4.0, "q3": 8.0}
