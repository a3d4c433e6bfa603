"""Simulated visits of patients: `python tests/covariances/make_data.py` writes visits.csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def main() -> None:
    """40 patients, five visits with two readings each, some missing; effects of visits with correlations 0.7^d."""
    rng = np.random.default_rng(20150107)
    patient, visit = np.repeat(np.arange(40), 10), np.tile(np.repeat(np.arange(5), 2), 40)
    root = np.linalg.cholesky(0.7 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5))))
    effect = (rng.normal(size=(40, 5)) @ root.T)[patient, visit]
    x = rng.normal(size=400).round(2)
    y = (2.0 + 0.5 * x + effect + 0.8 * rng.normal(size=400)).round(3)
    count = rng.poisson(np.exp(1.0 + 0.3 * x + 0.6 * effect))
    seen = rng.random(400) < 0.9
    rows = zip(patient[seen], visit[seen], x[seen], y[seen], count[seen], strict=True)
    lines = ["patient,visit,x,y,count", *(",".join(map(str, row)) for row in rows)]
    (HERE / "visits.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
