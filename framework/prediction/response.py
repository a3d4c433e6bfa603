"""From the linear predictor to the response: the mean, and its slope."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.family import Family
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit

#: Step of differences by eta.
STEP = 1e-5


def mean_of(fit: Fit, eta: FloatArray) -> FloatArray:
    """Expected response at linear predictors (n,): eta itself in linear models. NaN beyond an edge of the link."""
    if not isinstance(fit, GeneralizedFit):
        return eta
    lower, upper = fit.family.eta_bounds
    with np.errstate(all="ignore"):
        mu = fit.family.link.mean(eta).mu
        mean = np.asarray(fit.family.response_mean(mu, fit.phi), dtype=np.float64)
    return np.where((eta > lower) & (eta < upper), mean, np.nan)


def slope_of(fit: Fit, eta: FloatArray) -> FloatArray:
    """Derivative of `mean_of` by eta, (n,)."""
    if not isinstance(fit, GeneralizedFit):
        return np.ones_like(eta)
    if type(fit.family).response_mean is Family.response_mean:
        with np.errstate(all="ignore"):
            return fit.family.link.mean(eta).mu_eta
    h = STEP * np.maximum(np.abs(eta), 1.0)
    return (mean_of(fit, eta + h) - mean_of(fit, eta - h)) / (2.0 * h)
