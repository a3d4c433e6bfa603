"""Data of one model with a factor in X, two crossed factors, weights, an offset, and means far from zero."""

import numpy as np
import pandas as pd


def frame(n=3000, seed=1):
    rng = np.random.default_rng(seed)
    g, h = rng.integers(0, 60, n), rng.integers(0, 25, n)
    u, v = rng.normal(size=(60, 2)), rng.normal(size=25)
    data = pd.DataFrame(
        {
            "x": rng.normal(50.0, 3.0, n),
            "z": rng.normal(size=n),
            "f": rng.choice(["low", "mid", "top"], n),
            "g": [f"s{one:03d}" for one in g],
            "h": 3 * h + 5,
            "w": rng.uniform(0.5, 2.0, n),
            "o": rng.normal(size=n),
        }
    )
    slope = 0.5 + 0.2 * u[g, 1]
    data["y"] = 1e4 + slope * (data["x"] - 50) + (data["f"] == "mid") + u[g, 0] + 0.7 * v[h] + rng.normal(size=n)
    return data
