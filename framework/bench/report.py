"""Benchmark results as tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tabulate import tabulate

from .phases import PHASES

Record = dict[str, Any]
#: tabulate's names of the two styles.
STYLES = {"table": "simple", "markdown": "github"}


def report(record: Record, style: str = "table") -> str:
    """Times, phases and environment."""
    parts = [times(record, style), phases(record, style), remarks(record), environment(record)]
    return "\n\n".join(part for part in parts if part)


def times(record: Record, style: str = "table") -> str:
    """Case by method: seconds, evaluations, deviance above the best, memory, agreement with the oracle."""
    rows = [
        {
            "case": r["case"],
            "method": method_name(r),
            "median": seconds(r["seconds"]["median"]) if r["status"] == "ok" else r["status"],
            "quartiles": f"{seconds(r['seconds']['q1'])} - {seconds(r['seconds']['q3'])}"
            if r["status"] == "ok"
            else "",
            "fits": len(r.get("times", ())) or "",
            "evaluations": r.get("evaluations", ""),
            "deviance - best": _excess(r),
            "peak MB": f"{r['memory']['peak_mb']:.0f}" if "memory" in r else "",
            "vs dense": f"{max(r['oracle'].values()):.0e}" if r.get("oracle") else "",
        }
        for r in record["results"]
    ]
    return _table(rows, style)


def phases(record: Record, style: str = "table") -> str:
    """Where the time of ranef's fits goes."""
    rows = [
        {"case": r["case"], "method": method_name(r)}
        | {phase: seconds(r["phases"][phase]) if phase in r["phases"] else "" for phase in PHASES}
        for r in record["results"]
        if "phases" in r
    ]
    return _table(rows, style)


def remarks(record: Record) -> str:
    """Why methods failed, and fits that did not converge."""
    lines = [f"{r['case']}, {r['method']}: {r['reason']}" for r in record["results"] if r.get("reason")]
    lines += [f"{r['case']}, {r['method']}: not converged" for r in record["results"] if r.get("converged") is False]
    return "\n".join(lines)


def environment(record: Record) -> str:
    """One paragraph: machine, versions, threads, and how it was measured."""
    about = ", ".join(f"{name} {value}" for name, value in record["environment"].items())
    peers = {r["peer"]: r["version"] for r in record["results"] if r["peer"] and "version" in r}
    others = "".join(f", {name} {version}" for name, version in peers.items())
    return (
        f"{about}{others}. Time of the fit call, without tests: medians and quartiles of interleaved fits in one "
        "process; deviances are -2 log-likelihood (restricted for REML)."
    )


def compare(old: Record, new: Record, style: str = "table") -> str:
    """Two saved runs side by side; "same" where the quartiles overlap."""
    before = {(r["case"], r["method"]): r for r in old["results"]}
    rows = []
    for r in new["results"]:
        past = before.pop((r["case"], r["method"]), None)
        if past is None or past["status"] != "ok" or r["status"] != "ok":
            told = ("not run" if past is None else past["status"], r["status"])
            rows.append({"case": r["case"], "method": r["method"], "old": told[0], "new": told[1]})
            continue
        rows.append(
            {
                "case": r["case"],
                "method": r["method"],
                "old": seconds(past["seconds"]["median"]),
                "new": seconds(r["seconds"]["median"]),
                "new / old": f"{r['seconds']['median'] / past['seconds']['median']:.2f}",
                "verdict": _verdict(past["seconds"], r["seconds"]),
                "evaluations": _change(past, r, lambda x: x.get("evaluations")),
                "deviance": f"{r['criterion'] - past['criterion']:+.1e}",
                "peak MB": _change(past, r, lambda x: round(x["memory"]["peak_mb"]) if "memory" in x else None),
            }
        )
    rows += [{"case": case, "method": method, "old": "", "new": "not run"} for case, method in before]
    differs = [
        f"{name}: {old['environment'].get(name)} -> {value}"
        for name, value in new["environment"].items()
        if name != "load average" and old["environment"].get(name) != value
    ]
    note = "The two runs differ in their environment. " + "; ".join(differs) if differs else ""
    return "\n\n".join(part for part in (_table(rows, style), note) if part)


def method_name(result: dict[str, Any]) -> str:
    """The method, with the plugins that "auto" stood for."""
    used = result.get("used")
    return result["method"] if used is None else f"{used['linalg']} / {used['optimizer']}"


def seconds(value: float) -> str:
    """A time with its unit.

    Examples
    --------
    >>> [seconds(x) for x in (0.000123, 0.0456, 7.89, 123.4)]
    ['0.12 ms', '45.6 ms', '7.89 s', '123 s']
    """
    if value < 0.01:
        return f"{1e3 * value:.2f} ms"
    if value < 1:
        return f"{1e3 * value:.1f} ms"
    return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"


def _excess(result: dict[str, Any]) -> str:
    return f"{result['excess']:.1e}" if "excess" in result else ""


def _verdict(old: dict[str, float], new: dict[str, float]) -> str:
    if new["q3"] < old["q1"]:
        return "faster"
    return "slower" if new["q1"] > old["q3"] else "same"


def _change(old: dict[str, Any], new: dict[str, Any], figure: Callable[[dict[str, Any]], Any]) -> str:
    a, b = figure(old), figure(new)
    return "" if a is None or b is None else f"{a}" if a == b else f"{a} -> {b}"


def _table(rows: Iterable[dict[str, Any]], style: str) -> str:
    """Columns without content are left out."""
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row)
    shown = [name for name in names if any(row.get(name, "") != "" for row in rows)]
    if not rows:
        return ""
    return tabulate(
        [[row.get(name, "") for name in shown] for row in rows],
        headers=shown,
        tablefmt=STYLES[style],
        disable_numparse=True,
    )
