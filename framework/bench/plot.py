"""How cost grows, and times by case: matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..contracts import InputError
from ..plots.style import style
from .measure import Result

Record = dict[str, Any]

#: The size that a generator's parameter stands for, on the plot's axis.
SIZES = {
    "rows": ("n", "observations n"),
    "levels": ("q", "random effects q"),
    "factors": ("q", "random effects q"),
    "columns": ("m", "covariance parameters m"),
}


def plot(record: Record, path: Path) -> None:
    """Median seconds with quartiles, by method: against the size that grows, or by case."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        draw(record, figure.add_subplot())
        figure.savefig(path)


def draw(record: Record, axes: Any) -> None:
    """Draw into axes of matplotlib."""
    done = [r for r in record["results"] if r["status"] == "ok"]
    if not done:
        raise InputError("there is nothing to plot: no method finished")
    parameter = next((r["grown"] for r in done if r["grown"]), "")
    name, what = SIZES.get(parameter, ("", ""))
    if name:
        known = {r["case"] for r in done if "size" in r}
        done = [r for r in done if r["case"] in known]  # where a peer alone finished, the size is not known
        places = {r["case"]: float(r["size"][name]) for r in done if "size" in r}
    else:
        places = {case: float(i) for i, case in enumerate(dict.fromkeys(r["case"] for r in done))}
    methods = list(dict.fromkeys(r["method"] for r in done))
    differing = _differing(done)
    for i, method in enumerate(methods):
        mine = [r for r in done if r["method"] == method]
        # several methods on one case stand side by side
        beside = 0.0 if name else min(0.12, 0.8 / len(methods)) * (i - (len(methods) - 1) / 2)
        q1, median, q3 = (np.array([r["seconds"][at] for r in mine]) for at in ("q1", "median", "q3"))
        axes.errorbar(
            [places[r["case"]] + beside for r in mine],
            median,
            yerr=[median - q1, q3 - median],
            fmt="o-" if name else "o",
            capsize=3,
            label=_label(mine, differing),
        )
    _scale_seconds(axes, done)
    if name:
        _scale_sizes(axes, sorted(set(places.values())), what)
    else:
        _scale_cases(axes, list(places))
    axes.grid(alpha=0.3)
    title = " / ".join(PARTS[i] for i in differing)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), alignment="left", title=title)
    threads = record["settings"]["threads"]
    axes.set_title(f"{record['environment'].get('processor', '')}, {threads} thread(s)", fontsize=9)


#: What a method consists of, and where the record has what "auto" stood for.
PARTS = ("backend", "optimizer")
USED = ("linalg", "optimizer")


def _differing(results: list[Result]) -> list[int]:
    """In which of `PARTS` ranef's methods differ; the backend where they do in none."""
    own = [r["method"].split(" / ") for r in results if not r["peer"]]
    return [i for i in range(len(PARTS)) if len({parts[i] for parts in own}) > 1] or [0]


def _label(results: list[Result], differing: list[int]) -> str:
    """A method in the legend: the name of a peer, or what it differs in, with the plugins that "auto" stood for."""
    if results[0]["peer"]:
        return str(results[0]["peer"])
    asked = results[0]["method"].split(" / ")
    used = [" or ".join(dict.fromkeys(r["used"][USED[i]] for r in results if "used" in r)) for i in differing]
    return " / ".join(
        f"auto: {u}" if asked[i] == "auto" and u else asked[i] for i, u in zip(differing, used, strict=True)
    )


def _scale_seconds(axes: Any, results: list[Result]) -> None:
    """A log scale with round times as ticks, whether it spans a tenth of a millisecond or some hours."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    low, high = min(r["seconds"]["q1"] for r in results) / 1.3, 1.3 * max(r["seconds"]["q3"] for r in results)
    axes.set(yscale="log", ylim=(low, high), ylabel="time of a fit")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 10 * low else MaxNLocator(6, steps=(1, 2, 5, 10)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{1e3 * y:g} ms" if y < 1 else f"{y:g} s"))


def _scale_sizes(axes: Any, sizes: list[float], what: str) -> None:
    """A log scale whose ticks are the sizes that were run, none of them at an edge."""
    from matplotlib.ticker import NullLocator

    margin = max((sizes[-1] / sizes[0]) ** 0.08, 1.2)
    axes.set(xscale="log", xlabel=what, xlim=(sizes[0] / margin, sizes[-1] * margin))
    axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())


def _scale_cases(axes: Any, cases: list[str]) -> None:
    """A place for each case, none of them at an edge."""
    axes.set_xticks(range(len(cases)), cases, rotation=20, ha="right")
    axes.set_xlim(-0.6, len(cases) - 0.4)
