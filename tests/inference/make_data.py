"""Unbalanced, crossed data for tests of degrees of freedom: `python tests/inference/make_data.py` writes ratings.csv.

Twelve judges rate seven items under three treatments; most cells are empty, and rows have weights.
"""

import csv
from pathlib import Path

import numpy as np


def main() -> None:
    rng = np.random.default_rng(20131)
    n = 66
    judge, item = rng.integers(0, 12, n), rng.integers(0, 7, n)
    treatment, x = rng.integers(0, 3, n), rng.normal(size=n).round(3)
    b, c = rng.normal(size=(12, 2)) @ np.array([[1.0, 0.4], [0.0, 0.7]]), 0.8 * rng.normal(size=7)
    w = rng.uniform(0.5, 2.0, n).round(2)
    y = 4.0 + np.array([0.0, 0.7, 0.2])[treatment] + 0.5 * x + b[judge, 0] + b[judge, 1] * x + c[item]
    y = (y + rng.normal(size=n) / np.sqrt(w)).round(4)
    with (Path(__file__).parent / "ratings.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["y", "judge", "item", "treatment", "x", "w"])
        out.writerows(
            zip(
                y,
                (f"j{j:02d}" for j in judge),
                (f"i{i}" for i in item),
                (f"t{t}" for t in treatment),
                x,
                w,
                strict=True,
            )
        )


if __name__ == "__main__":
    main()
