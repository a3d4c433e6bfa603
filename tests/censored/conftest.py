"""Frailty models."""

from __future__ import annotations

import numpy as np
import pytest

collect_ignore = ["make_mpmath.py"]  # needs mpmath


@pytest.fixture(scope="session")
def trial():
    """200 times in 40 clinics, about a third of them censored."""
    rng = np.random.default_rng(5)
    clinic, x = np.repeat(np.arange(40), 5), rng.normal(size=200).round(2)
    time = np.exp(1.0 + 0.5 * x + 0.5 * rng.normal(size=40)[clinic]) * rng.weibull(1.6, size=200)
    limit = rng.exponential(9.0, size=200)
    return {"time": np.minimum(time, limit), "event": (time <= limit).astype(int), "x": x, "clinic": clinic}
