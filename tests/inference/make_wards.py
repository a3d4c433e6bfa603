"""Unbalanced factors with a covariate, for tests of terms: `python tests/inference/make_wards.py` writes wards.csv.

Twelve wards and eight nurses; drug and dose in unequal numbers. Without drug c at dose high a cell is empty.
"""

import csv
from pathlib import Path

import numpy as np


def main() -> None:
    rng = np.random.default_rng(20170)
    n = 150
    ward, nurse = rng.integers(0, 12, n), rng.integers(0, 8, n)
    drug, dose = rng.choice(3, n, p=[0.5, 0.3, 0.2]), rng.choice(3, n, p=[0.25, 0.45, 0.3])
    x, w = rng.normal(0.4, 1.0, n).round(3), rng.uniform(0.5, 2.0, n).round(2)
    b, c = rng.normal(size=(12, 2)) @ np.array([[0.9, 0.3], [0.0, 0.6]]), 0.7 * rng.normal(size=8)
    effects = np.array([[0.0, 0.3, 0.1], [0.4, 1.0, -0.2], [0.6, 0.2, 0.9]])[drug, dose]
    eta = effects + (0.4 + np.array([0.0, 0.3, -0.2])[drug]) * x + b[ward, 0] + b[ward, 1] * x + c[nurse]
    y = (3.0 + eta + rng.normal(size=n) / np.sqrt(w)).round(4)
    count = rng.poisson(np.exp(0.3 + 0.6 * (eta - c[nurse])))
    with (Path(__file__).parent / "wards.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["y", "count", "ward", "nurse", "drug", "dose", "x", "w"])
        rows = zip(
            y,
            count,
            (f"w{j:02d}" for j in ward),
            (f"n{j}" for j in nurse),
            ("abc"[j] for j in drug),
            (["high", "low", "mid"][j] for j in dose),
            x,
            w,
            strict=True,
        )
        out.writerows(rows)


if __name__ == "__main__":
    main()
