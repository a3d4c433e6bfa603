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
#: Effects of a level are a standard normal row times this.
ROOT = np.array([[1.0, 0.2], [0.0, 0.5]])


def one(rng: np.random.Generator) -> dict[tuple[str, bool], np.ndarray]:
    """Whether limits hold the means of a known and a new level, and responses in them, at three x."""
    n = GROUPS * EACH
    g, x = np.repeat(np.arange(GROUPS), EACH), rng.normal(size=n)
    b = rng.normal(size=(GROUPS, 2)) @ ROOT
    y = 1.0 + 0.5 * x + b[g, 0] + b[g, 1] * x + rng.normal(size=n)
    fit = ranef.lmm(y, np.column_stack([np.ones(n), x]), {"g": g}, random_effects={"g": "1 + x"}, random_data={"x": x})
    known, of_new = int(rng.integers(GROUPS)), rng.normal(size=2) @ ROOT
    out = {}
    for name, level, effects in (("a known level", known, b[known]), ("a new level", GROUPS, of_new)):
        mean = 1.0 + 0.5 * NEW_X + effects[0] + effects[1] * NEW_X
        truths = {"confidence": mean, "prediction": mean + rng.normal(size=3)}
        new = {
            "X": np.column_stack([np.ones(3), NEW_X]),
            "groups": {"g": np.full(3, level)},
            "random_data": {"x": NEW_X},
        }
        for interval, truth in truths.items():
            what = {"confidence": "the mean of", "prediction": "a response in"}[interval]
            for uncertain in (True, False):
                found = fit.predict(new, interval=interval, theta_uncertainty=uncertain, new_levels="population")
                out[f"{what} {name}", uncertain] = (found["lower"] < truth) & (truth < found["upper"])
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
