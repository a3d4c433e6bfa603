"""Simulated data as real data are: few and single observations, empty cells, variances of zero, correlations of 1.

`python simulated.py FOLDER` writes them as CSV files for make_lme4_reference.R.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Simulated:
    """A model: lme4's formula, the same for `ranef.lmm`, and the columns of its data."""

    formula: str
    reml: bool
    groups: tuple[str, ...]
    random_effects: dict[str, Any]
    columns: dict[str, Array]
    weighted: bool = False

    def arguments(self) -> dict[str, Any]:
        c = self.columns
        return {
            "y": c["y"],
            "X": np.column_stack([np.ones(len(c["y"])), c["x"]]),
            "groups": {g: c[g] for g in self.groups},
            "random_effects": self.random_effects,
            "random_data": {"x": c["x"], "z": c["z"]},
            "reml": self.reml,
            "weights": c["w"] if self.weighted else None,
        }


def simulate(
    seed: int,
    n: int,
    levels: tuple[int, ...],
    T: list[list[float]],
    others: tuple[float, ...] = (),
    *,
    nested: bool = False,
    singletons: bool = False,
    sigma: float = 1.0,
    shift: float = 0.0,
) -> dict[str, Array]:
    """y = 1 + x/2 + b0 + b1 x + b2 z of factor a, by T, + intercepts of b, c (standard deviations `others`) + noise."""
    rng = np.random.default_rng(seed)
    # A third of the levels has most of the observations.
    codes = [(L * rng.beta(0.7, 1.4, n)).astype(int) for L in levels]
    if singletons:
        half = n // 2
        codes[0] = np.where(np.arange(n) < half, np.arange(n), half + codes[0])
    if nested:
        codes[1] = codes[0] * levels[1] + codes[1]
    x, z = rng.normal(size=n), rng.uniform(-1.0, 2.0, n)
    B = rng.normal(size=(int(codes[0].max()) + 1, 3))
    factor = np.zeros((3, 3))
    factor[: len(T), : len(T)] = [row + [0.0] * (len(T) - len(row)) for row in T]
    b = B @ factor.T
    y = 1.0 + 0.5 * x + b[codes[0], 0] + b[codes[0], 1] * x + b[codes[0], 2] * z
    for code, sd in zip(codes[1:], others, strict=True):
        y += sd * rng.normal(size=int(code.max()) + 1)[code]
    w = rng.uniform(0.25, 4.0, n)
    y += sigma * rng.normal(size=n)
    names = "abc"
    return {"y": y, "x": x + shift, "z": z, "w": w, **dict(zip(names, codes, strict=False))}


def _models() -> dict[str, Callable[[], Simulated]]:
    slope = {"a": ["1", "x"]}
    return {
        "correlation of 1": lambda: Simulated(
            "y ~ x + (x | a)", True, ("a",), slope, simulate(1, 150, (12,), [[1.0], [0.5, 0.0]])
        ),
        "correlation of -1": lambda: Simulated(
            "y ~ x + (x | a)", False, ("a",), slope, simulate(2, 150, (12,), [[1.0], [-0.5, 0.0]])
        ),
        "no slope variance": lambda: Simulated(
            "y ~ x + (x | a)", True, ("a",), slope, simulate(3, 200, (20,), [[1.0], [0.0, 0.0]])
        ),
        "no intercept variance": lambda: Simulated(
            "y ~ x + (x | a)", True, ("a",), slope, simulate(4, 200, (20,), [[0.0], [0.0, 0.8]])
        ),
        "no variance at all": lambda: Simulated(
            "y ~ x + (x | a)", True, ("a",), slope, simulate(5, 120, (10,), [[0.0], [0.0, 0.0]])
        ),
        "two observations a level": lambda: Simulated(
            "y ~ x + (x | a)", True, ("a",), slope, simulate(6, 120, (45,), [[1.0], [0.2, 0.3]])
        ),
        "mostly single observations": lambda: Simulated(
            "y ~ x + (1 | a)", True, ("a",), {}, simulate(7, 160, (30,), [[1.0]], singletons=True)
        ),
        "two levels": lambda: Simulated("y ~ x + (1 | a)", True, ("a",), {}, simulate(8, 40, (2,), [[1.0]])),
        "slope alone": lambda: Simulated(
            "y ~ x + (0 + x | a)", False, ("a",), {"a": ["x"]}, simulate(9, 150, (15,), [[0.0], [0.0, 0.7]])
        ),
        "crossed with empty cells": lambda: Simulated(
            "y ~ x + (1 | a) + (1 | b)", True, ("a", "b"), {}, simulate(10, 150, (25, 18), [[1.0]], (0.7,))
        ),
        "crossed, one variance zero": lambda: Simulated(
            "y ~ x + (1 | a) + (1 | b)", True, ("a", "b"), {}, simulate(11, 150, (25, 8), [[1.0]], (0.0,))
        ),
        "nested with singletons": lambda: Simulated(
            "y ~ x + (1 | a) + (1 | b)", True, ("a", "b"), {}, simulate(12, 180, (12, 8), [[0.8]], (0.6,), nested=True)
        ),
        "nested, slopes": lambda: Simulated(
            "y ~ x + (x | a) + (1 | b)",
            False,
            ("a", "b"),
            slope,
            simulate(13, 180, (10, 6), [[0.8], [0.2, 0.4]], (0.5,), nested=True),
        ),
        "three factors": lambda: Simulated(
            "y ~ x + (1 | a) + (1 | b) + (1 | c)",
            True,
            ("a", "b", "c"),
            {},
            simulate(14, 220, (25, 12, 6), [[1.0]], (0.7, 0.4)),
        ),
        "crossed slopes": lambda: Simulated(
            "y ~ x + (x | a) + (x | b)",
            True,
            ("a", "b"),
            {"a": ["1", "x"], "b": ["1", "x"]},
            simulate(15, 250, (20, 15), [[1.0], [0.3, 0.5]], (0.5,)),
        ),
        "three columns": lambda: Simulated(
            "y ~ x + (x + z | a)",
            True,
            ("a",),
            {"a": ["1", "x", "z"]},
            simulate(16, 250, (15,), [[1.0], [0.3, 0.4], [-0.5, 0.2, 0.0]]),
        ),
        "three uncorrelated columns": lambda: Simulated(
            "y ~ x + (1 | a) + (0 + x | a) + (0 + z | a)",
            True,
            ("a",),
            {"a": [["1"], ["x"], ["z"]]},
            simulate(17, 250, (15,), [[1.0], [0.0, 0.4], [0.0, 0.0, 0.0]]),
        ),
        "two terms of a factor": lambda: Simulated(
            "y ~ x + (x | a) + (0 + z | a) + (1 | b)",
            False,
            ("a", "b"),
            {"a": [["1", "x"], ["z"]]},
            simulate(18, 250, (15, 7), [[1.0], [0.4, 0.2], [0.0, 0.0, 0.6]], (0.5,)),
        ),
        "weights": lambda: Simulated(
            "y ~ x + (x | a)",
            True,
            ("a",),
            slope,
            simulate(19, 150, (12,), [[1.0], [0.3, 0.4]]),
            weighted=True,
        ),
        "little noise": lambda: Simulated(
            "y ~ x + (x | a)", True, ("a",), slope, simulate(20, 150, (12,), [[1.0], [0.3, 0.4]], sigma=0.01)
        ),
        "years": lambda: Simulated(
            "y ~ x + (x | a)", True, ("a",), slope, simulate(21, 150, (12,), [[1.0], [0.3, 0.4]], shift=2000.0)
        ),
    }


MODELS = _models()


def write(folder: Path) -> None:
    """One CSV file a model, with all digits, and models.csv with the formulas."""
    listed = ["name,formula,reml,weighted"]
    for i, (name, make) in enumerate(MODELS.items()):
        model = make()
        listed.append(f'"{name}","{model.formula}",{str(model.reml).upper()},{str(model.weighted).upper()}')
        rows = zip(*(column.tolist() for column in model.columns.values()), strict=True)
        lines = [",".join(model.columns), *(",".join(map(repr, row)) for row in rows)]
        (folder / f"{i + 1}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "models.csv").write_text("\n".join(listed) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
