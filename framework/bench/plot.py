"""How cost grows, and times by case: matplotlib."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from ..contracts import InputError, MissingExtraError
from .report import method_name

#: The size that a generator's parameter stands for, on the plot's axis.
SIZES = {
    "rows": ("n", "observations n"),
    "levels": ("q", "random effects q"),
    "factors": ("q", "random effects q"),
    "columns": ("m", "covariance parameters m"),
}


def require_matplotlib() -> None:
    """Better now than after an hour of measuring."""
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError('--plot needs matplotlib: pip install "ranef[plots]"')


def plot(record: dict[str, Any], path: Path) -> None:
    """Median seconds with quartiles, by method: against the size that grows, or by case."""
    from matplotlib.figure import Figure

    done = [r for r in record["results"] if r["status"] == "ok"]
    if not done:
        raise InputError("there is nothing to plot: no method finished")
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="", ylabel="seconds", yscale="log")
    parameter = next((r["grown"] for r in done if r["grown"]), "")
    name, label = SIZES.get(parameter, ("", ""))
    sizes = {r["case"]: r["size"][name] for r in done if name and "size" in r}
    cases = list(dict.fromkeys(r["case"] for r in done))
    for method in dict.fromkeys(r["method"] for r in done):
        mine = [r for r in done if r["method"] == method and (not name or r["case"] in sizes)]
        x = [sizes[r["case"]] if name else cases.index(r["case"]) for r in mine]
        q1, median, q3 = (np.array([r["seconds"][at] for r in mine]) for at in ("q1", "median", "q3"))
        label_of = method if method != "auto / auto" else " or ".join(dict.fromkeys(map(method_name, mine)))
        axes.errorbar(x, median, yerr=[median - q1, q3 - median], fmt="o-" if name else "o", capsize=3, label=label_of)
    if name:
        axes.set(xscale="log", xlabel=label)
    else:
        axes.set_xticks(range(len(cases)), cases, rotation=20, ha="right")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    axes.set_title(
        f"{record['environment'].get('processor', '')}, {record['settings']['threads']} thread(s)", fontsize=9
    )
    figure.savefig(path)
