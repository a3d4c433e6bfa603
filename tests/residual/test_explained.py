"""R2 and parts of the variance of models with a residual structure."""

from __future__ import annotations

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError

from .models import covariance_of_residuals, data
from .test_reference import frame


@pytest.mark.parametrize("weights", [None, "weights"])
def test_the_residual_variance_is_the_mean_of_the_rows(weights):
    """Marginal and conditional R2 of the definitions, from R written out; a row counts with weight 1."""
    d = data()
    given = frame() | {"weights": d.weights}
    call = {"residual": "ar1(time | subject)", "dispersion": "~ 0 + arm", "weights": weights}
    fit = ranef.lmm("y ~ arm + time + (1 | site)", given, **call)
    own = fit._fit
    R = covariance_of_residuals(d, own.model.design, own.theta[own.parameters.of_residual])
    w = d.weights if weights else np.ones(d.n)
    residual = own.sigma**2 * np.mean(w * np.diagonal(R))
    fixed, site = np.var(d.X @ fit.coefficients, ddof=1), own.covariances[0][0, 0]
    total = fixed + site + residual
    found = fit.r2()
    assert [found.marginal, found.conditional] == pytest.approx([fixed / total, (fixed + site) / total], rel=1e-10)
    assert any("mean of those of the rows" in note for note in found.notes)
    assert any("correlated within subject" in note for note in found.notes)
    arms = fit.residual_parameters
    share = np.mean(d.arm)
    mean = share * arms["sd_arm[1]"] ** 2 + (1.0 - share) * arms["sd_arm[0]"] ** 2
    assert residual == pytest.approx(mean, rel=1e-8)


def test_without_random_effects_both_are_the_same():
    fit = ranef.lmm("y ~ arm + time", frame(), residual="cs(1 | subject)")
    found = fit.r2()
    fixed = np.var(data().X @ fit.coefficients, ddof=1)
    assert found.marginal == found.conditional == pytest.approx(fixed / (fixed + fit.sigma**2))
    assert not any("mean of those" in note for note in found.notes)
    with pytest.raises(InputError, match="no random effects"):
        fit.icc_table()
