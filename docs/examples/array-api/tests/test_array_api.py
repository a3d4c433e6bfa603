"""The laws of linear-algebra backends by NumPy and by nothing but the standard, and a fit."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import ranef
from ranef.contracts import Grouping, NotPositiveDefiniteError, Pattern, PatternBlocks
from ranef.testkit import as_pytest, linalg_checks

from ranef_array_api import ArrayBackend, backend

test_laws = as_pytest(linalg_checks(backend("numpy"), name="array-numpy"))
test_laws_by_the_standard = as_pytest(linalg_checks(ArrayBackend("array_api_strict"), name="array-strict"))


@pytest.mark.parametrize("mine", ["array-numpy", ArrayBackend("array_api_strict", array_api_strict.Device("device1"))])
def test_a_fit_is_that_of_the_dense_backend(mine):
    data = ranef.datasets.load("penicillin")
    groups = {"plate": data["plate"], "sample": data["sample"]}
    fit = ranef.lmm(data["diameter"], np.ones((144, 1)), groups, backend=mine)
    dense = ranef.lmm(data["diameter"], np.ones((144, 1)), groups, backend="dense")
    np.testing.assert_allclose(fit.log_likelihood, dense.log_likelihood, rtol=1e-10)
    np.testing.assert_allclose(fit.ranef_variances["plate"], dense.ranef_variances["plate"], rtol=1e-8)


def test_a_library_that_says_nothing_of_an_indefinite_matrix(monkeypatch):
    monkeypatch.setattr(array_api_strict.linalg, "cholesky", lambda M: M * float("nan"))
    pattern = Pattern((Grouping("g", 2, 1),), {})
    ZtWZ = PatternBlocks((np.ones((1, 1, 2)),), {})
    with pytest.raises(NotPositiveDefiniteError, match="not positive definite"):
        ArrayBackend("array_api_strict").analyze(pattern).factorize(ZtWZ, (np.ones((1, 1)),))


def test_what_is_missing_is_said():
    ready = {info.name: info.state for info in ranef.registry.entries("linalg")}
    assert ready["array-numpy"] == "ready"
    assert {"array-torch", "array-cupy"} <= set(ready)
