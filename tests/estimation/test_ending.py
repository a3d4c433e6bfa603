"""What is said at the end of a fit."""

from __future__ import annotations

import numpy as np
import pytest

from ranef.design.mixed import build_design
from ranef.estimation.ending import singular_factors
from ranef.estimation.parameters import Parameters


@pytest.mark.parametrize(("smallest", "singular"), [(0.0, True), (0.9e-4, True), (1.1e-4, False), (1e-2, False)])
def test_a_matrix_is_singular_below_1e_4(smallest: float, singular: bool) -> None:
    # lme4's isSingular: the smallest singular value of T, here that of one turned by 45 degrees.
    g, x = np.arange(40) % 8, np.linspace(-1.0, 1.0, 40)
    effects = {"g": ["1", "x"], "h": ["1"]}
    random = build_design(
        x**2, np.ones((40, 1)), {"g": g, "h": np.arange(40) % 5}, random_effects=effects, random_data={"x": x}
    ).random
    U = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2.0)
    Sigma = U @ np.diag([1.0, smallest**2]) @ U.T
    corner = np.sqrt(max(Sigma[1, 1] - Sigma[1, 0] ** 2 / Sigma[0, 0], 0.0))
    T = np.array([np.sqrt(Sigma[0, 0]), Sigma[1, 0] / np.sqrt(Sigma[0, 0]), corner])
    assert singular_factors(Parameters(random.groups), np.append(T, 1.0)) == (["g"] if singular else [])
