"""Limits of linear-algebra backends; that they are right is what the laws of the kit say (tests/testkit)."""

from __future__ import annotations

import numpy as np

from ranef.backends.linalg.dense import Dense
from ranef.contracts.linalg import Grouping, Pattern


def test_dense_refuses_what_does_not_fit_in_memory() -> None:
    assert Dense().cost(Pattern((Grouping("f", 30_000, 1),), {})) == np.inf
