"""How often 95 % limits of predictions hold the truth: `python tests/bench/coverage.py N SEED`.

Small designs, 6 groups of 5 rows with (1 + x | g), for which the uncertainty of the variance parameters matters most.
Prints the table of docs/prediction.md.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from tabulate import tabulate

import ranef

GROUPS, EACH = 6, 5
NEW_X = np.array([-1.0, 0.0, 1.0])


def one(rng: np.random.Generator) -> dict[tuple[str, bool], np.ndarray]:
    """Whether limits hold the mean of a known level, and a new response of it, at three x: by theta_uncertainty."""
    n = GROUPS * EACH
    g, x = np.repeat(np.arange(GROUPS), EACH), rng.normal(size=n)
    b = rng.normal(size=(GROUPS, 2)) @ np.array([[1.0, 0.2], [0.0, 0.5]])
    y = 1.0 + 0.5 * x + b[g, 0] + b[g, 1] * x + rng.normal(size=n)
    fit = ranef.lmm(y, np.column_stack([np.ones(n), x]), {"g": g}, random_effects={"g": "1 + x"}, random_data={"x": x})
    level = int(rng.integers(GROUPS))
    truth = 1.0 + 0.5 * NEW_X + b[level, 0] + b[level, 1] * NEW_X
    response = truth + rng.normal(size=3)
    new = {
        "X": np.column_stack([np.ones(3), NEW_X]),
        "groups": {"g": np.full(3, level)},
        "random_data": {"x": NEW_X},
    }
    out = {}
    for uncertain in (True, False):
        mean = fit.predict(new, interval="confidence", theta_uncertainty=uncertain)
        drawn = fit.predict(new, interval="prediction", theta_uncertainty=uncertain)
        out["the mean of a known level", uncertain] = (mean["lower"] < truth) & (truth < mean["upper"])
        out["a new response of it", uncertain] = (drawn["lower"] < response) & (response < drawn["upper"])
    return out


def main() -> None:
    """Simulate, count, print."""
    n, seed = int(sys.argv[1]), int(sys.argv[2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [one(np.random.default_rng([seed, i])) for i in range(n)]
    shares = {key: 100.0 * np.mean([case[key] for case in cases]) for key in cases[0]}
    names = dict.fromkeys(name for name, _ in shares)
    rows = [[name, *(f"{shares[name, uncertain]:.1f} %" for uncertain in (True, False))] for name in names]
    print(tabulate(rows, headers=["limits for", "with theta_uncertainty", "without"], tablefmt="github"))


if __name__ == "__main__":
    main()
