"""A benchmark's results as plain data: run, saved, read, compared."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from ..contracts import InputError
from .measure import Comparison, Probe, Result
from .methods import Method
from .model import Case
from .worker import run

FORMAT = 1


def benchmark(
    cases: Iterable[Case],
    methods: Sequence[Method],
    *,
    repeats: int | None = None,
    threads: int = 1,
    memory: bool = True,
    timeout: float = 300.0,
    built_ins_only: bool = False,
    tell: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Measure every method on every case.

    Parameters
    ----------
    repeats : int, optional
        Timed fits of each method; by default 3 to 51, as many as take about 5 seconds.
    threads : int
        Threads of BLAS and of other packages.
    memory : bool
        Fit once before in a process of its own, for its memory; methods that fail, or take longer than `timeout`
        seconds there, are not timed.
    built_ins_only : bool
        Leave plugins of other distributions out.
    tell : callable
        Is told what happens.

    Returns
    -------
    dict
        ``format``, ``environment``, ``settings``, and ``results``: one for each case and method.
    """
    process: dict[str, Any] = {"threads": threads, "built_ins_only": built_ins_only}
    results: list[Result] = []
    about: dict[str, str] = {}
    for case in cases:
        probed: dict[Method, Result] = {}
        if memory:
            for method in methods:
                tell(f"{case.name}: memory of {method.label}")
                (probed[method],), here = run(Probe(case, method), timeout=timeout, **process)
                about = about or here
        able = [method for method in methods if probed.get(method, {"status": "ok"})["status"] == "ok"]
        timed: dict[Method, Result] = {}
        if able:
            tell(f"{case.name}: time of {', '.join(method.label for method in able)}")
            found, here = run(Comparison(case, able, repeats), **process)
            about = about or here
            timed = dict(zip(able, found if len(found) == len(able) else found * len(able), strict=True))
        both = [
            {"case": case.name, "grown": case.grown, "method": method.label, "peer": method.peer}
            | probed.get(method, {})
            | timed.get(method, {})
            for method in methods
        ]
        results += _with_excess(both)
    settings = {"repeats": repeats, "memory": memory, "timeout": timeout, **process}
    return {"format": FORMAT, "environment": about, "settings": settings, "results": results}


def _with_excess(results: list[Result]) -> list[Result]:
    """How much worse each criterion is than the best of the case."""
    best = min((r["criterion"] for r in results if "criterion" in r), default=0.0)
    return [r | {"excess": r["criterion"] - best} if "criterion" in r else r for r in results]


def save(record: dict[str, Any], path: Path) -> None:
    """Write JSON."""
    path.write_text(json.dumps(record, indent=1) + "\n")


def read(path: Path) -> dict[str, Any]:
    """Read what `save` wrote."""
    try:
        record: Any = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is not a saved benchmark: {error}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"{path} is not a saved benchmark of format {FORMAT} (`ranef bench --json FILE` writes one)")
    return cast("dict[str, Any]", record)


def save_csv(record: dict[str, Any], path: Path) -> None:
    """One line for each case and method; nested figures as ``phases.numeric`` and so on."""
    lines = [flat(result) for result in record["results"]]
    names = list(dict.fromkeys(name for line in lines for name in line))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(lines)


def flat(result: Result, prefix: str = "") -> dict[str, Any]:
    """Nested figures with dotted names; lists of single times are left out.

    Examples
    --------
    >>> flat({"case": "a", "seconds": {"median": 0.1}, "times": [0.1]})
    {'case': 'a', 'seconds.median': 0.1}
    """
    out: dict[str, Any] = {}
    for name, value in result.items():
        if isinstance(value, dict):
            out |= flat(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            out[prefix + name] = value
    return out
