"""The laws of linear-algebra backends, and a fit."""

from __future__ import annotations

import numpy as np
import ranef
from ranef.testkit import as_pytest, linalg_checks

from ranef_superlu import SuperLU

test_laws = as_pytest(linalg_checks(SuperLU(), name="superlu"))


def test_a_fit_is_that_of_the_dense_backend():
    data = ranef.datasets.load("penicillin")
    groups = {"plate": data["plate"], "sample": data["sample"]}
    mine = ranef.lmm(data["diameter"], np.ones((144, 1)), groups, backend="superlu")
    dense = ranef.lmm(data["diameter"], np.ones((144, 1)), groups, backend="dense")
    np.testing.assert_allclose(mine.log_likelihood, dense.log_likelihood, rtol=1e-8)


def test_automatic_choice_leaves_it_alone():
    assert "superlu" not in [name for name, _ in ranef.registry.available_backends()]
