"""d log|M| / dT from M^-1 on the pattern: the formula for any T, and the short one far from singular T."""

import numpy as np
import pytest

import ranef
from ranef.estimation import profiled


def test_both_formulas_agree_for_crossed_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    data = ranef.datasets.load("penicillin")
    fit = ranef.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", data)
    here = fit._fit.factorized().least_squares
    parts = here.pattern, here.Lambda.T, here.cross.ZtWZ, here.factor.selected_inverse()
    short = profiled.logdet_gradient(*parts)
    monkeypatch.setattr(profiled, "FAR_FROM_SINGULAR", np.inf)
    for one, other in zip(short, profiled.logdet_gradient(*parts), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)
