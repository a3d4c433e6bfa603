"""Benchmark results as tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from scipy.special import bdtr
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
            "a response": seconds(r["seconds"]["median"] / r["responses"]) if "responses" in r else "",
            "without a fit": _without_fit(r),
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
    """Why methods failed, and fits that did not converge: each reason once, with its cases and methods."""
    told: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for r in record["results"]:
        reason = r.get("reason") or ("not converged" if r.get("converged") is False else "")
        if reason:
            told[reason][r["case"]].append(r["method"])
    return "\n".join(
        ", ".join(f"{case} ({', '.join(methods)})" for case, methods in cases.items()) + f": {reason}"
        for reason, cases in told.items()
    )


def environment(record: Record) -> str:
    """One paragraph: machine, versions, threads, and how it was measured."""
    peers = {r["peer"]: r["version"] for r in record["results"] if r["peer"] and "version" in r}
    about = ", ".join(f"{name} {value}" for name, value in (record["environment"] | peers).items())
    parts = [f"{about}." if about else ""]
    if any(r["status"] == "ok" for r in record["results"]):
        parts.append(
            "Time of the fit call, without tests: medians and quartiles of interleaved fits in one process; deviances "
            "are -2 log-likelihood (restricted for REML)."
        )
    return " ".join(part for part in parts if part)


def compare(old: Record, new: Record, style: str = "table") -> str:
    """Two saved runs side by side; see `verdict` for what counts as faster and slower."""
    before = {(r["case"], r["method"]): r for r in old["results"]}
    rows = []
    for r in new["results"]:
        past = before.pop((r["case"], r["method"]), None)
        if past is None or past["status"] != "ok" or r["status"] != "ok":
            told = ("not run" if past is None else past["status"], r["status"])
            rows.append({"case": r["case"], "method": r["method"], "old": told[0], "new": told[1]})
            continue
        low, high = ratio_interval(past["times"], r["times"])
        work = ratio_interval(past.get("control", (1.0,)), r.get("control", (1.0,)))
        rows.append(
            {
                "case": r["case"],
                "method": r["method"],
                "old": seconds(past["seconds"]["median"]),
                "new": seconds(r["seconds"]["median"]),
                "new / old": f"{r['seconds']['median'] / past['seconds']['median']:.2f} ({low:.2f} - {high:.2f})",
                "verdict": verdict((low, high), work),
                "same work": f"{work[0]:.2f} - {work[1]:.2f}" if "control" in past and "control" in r else "",
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
    return "\n\n".join(part for part in (_table(rows, style), COMPARED, note) if part)


#: A ratio of medians nearer to 1 than this is what two runs of one code differ by on a machine that others use.
NOTICEABLE = 1.1
#: Chance that a median lies beyond its interval.
CHANCE = 0.05
COMPARED = (
    f"new / old: ratio of the medians, and the range that the {1 - CHANCE:.0%} intervals of both leave to it; same "
    "work: that range for work that was the same in both runs, which tells what the machine did. Faster, slower: all "
    f"of the range is more than {NOTICEABLE - 1:.0%} away from 1, and from all of the range of the same work."
)


def ratio_interval(old: Sequence[float], new: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest ratio of two medians, each anywhere in its interval.

    Examples
    --------
    >>> ratio_interval([1.0, 1.0, 2.0], [3.0, 4.0, 4.0])
    (1.5, 4.0)
    """
    (old_low, old_high), (new_low, new_high) = median_interval(old), median_interval(new)
    return new_low / old_high, new_high / old_low


def median_interval(times: Sequence[float]) -> tuple[float, float]:
    """Order statistics with the median between them; lowest and highest where there are fewer than six.

    They hold it with the chance that 1 - `CHANCE` asks for, whatever the distribution (David & Nagaraja 2003, Order
    Statistics, section 7.1).

    Examples
    --------
    >>> median_interval([3.0, 1.0, 2.0]), median_interval(range(20))
    ((1.0, 3.0), (5, 14))
    """
    ordered, n = sorted(times), len(times)
    # B times of n are below the median, B binomial: all but the `beyond` lowest are above it with chance P(B <= beyond)
    beyond = max(0, int(np.searchsorted(bdtr(np.arange(n + 1), n, 0.5), CHANCE / 2)) - 1)
    return ordered[beyond], ordered[n - 1 - beyond]


def verdict(fits: tuple[float, float], same_work: tuple[float, float] = (1.0, 1.0)) -> str:
    """What a range of ratios says: "faster" or "slower" where all of it is noticeably away from that of the same work.

    Examples
    --------
    >>> verdict((0.5, 0.8)), verdict((1.05, 1.3)), verdict((1.2, 1.3)), verdict((1.2, 1.3), (0.9, 1.15))
    ('faster', 'same', 'slower', 'same')
    """
    if fits[1] < min(1.0, same_work[0]) / NOTICEABLE:
        return "faster"
    return "slower" if fits[0] > max(1.0, same_work[1]) * NOTICEABLE else "same"


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


def _without_fit(result: dict[str, Any]) -> str:
    return str(result["responses"] - result["fitted"] or "") if "responses" in result else ""


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
