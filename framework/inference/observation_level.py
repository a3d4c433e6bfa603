"""The variance of one observation on the scale of the linear predictor, and the mean that it is taken at."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import scipy

from ..contracts.arrays import FloatArray, real_number
from ..contracts.errors import InputError, shown
from ..contracts.family import Family
from ..design.reduced import with_fixed
from ..design.terms import INTERCEPT
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from .refits import of_design

F = TypeVar("F", bound=Fit)
APPROXIMATIONS = ("default", "theoretical", "lognormal", "delta", "trigamma")


def average_mean(fit: GeneralizedFit) -> float:
    """Average over the rows of the mean of a new level; where effects do not multiply it, at b = 0.

    That is where the delta method looks at a family's variance; the variance of log-normal effects is that at their
    mean. NaN where a new level has no mean in some row, with links that have an edge.
    """
    if fit.digest is not None:
        return fit.digest.average_mean
    design, family = fit.model.design, fit.family
    eta = design.linear_predictor(fit.gamma, np.zeros(fit.pattern.q))
    if not family.valid(eta):
        return float("nan")
    if not family.link.multiplicative:
        return float(family.link.mean(eta).mu.mean())
    mu = family.link.marginal_mean(eta, design.random.variances(fit.roots_of_model))
    inside = np.all((mu >= family.mean_bounds[0]) & (mu <= family.mean_bounds[1]))
    return float(mu.mean()) if inside else float("nan")


def null_model(fit: F) -> F:
    """The fit without fixed effects but the intercept; its random effects, offset and settings are the same."""
    design = fit.model.design
    return of_design(fit, with_fixed(design, np.ones((design.n, 1), order="F"), [INTERCEPT]))


def check_null(fit: Fit, null: Any) -> None:
    """Raise `InputError` where `null` is neither "refit" nor "model" nor a mean that the family can have."""
    if isinstance(null, str):
        if null not in ("refit", "model"):
            raise InputError(f"null must be 'refit', 'model' or a mean of the response; got {shown(null)}")
        return
    mean = real_number(null, "null")
    if not isinstance(fit, GeneralizedFit):
        raise InputError("null: the residual variance of a linear model does not depend on a mean; leave it out")
    lower, upper = fit.family.mean_bounds
    if not lower < mean < upper:
        raise InputError(f"null must be a mean of the {fit.family.name} family, in ({lower:g}, {upper:g}); got {mean}")


def check_approximation(fit: Fit, how: Any) -> None:
    """Raise `InputError` where `how` is no way to an observation-level variance that this model has."""
    if not isinstance(how, str) or how not in APPROXIMATIONS:
        raise InputError(f"approximation must be one of {', '.join(APPROXIMATIONS)}; got {shown(how)}")
    if how == "default":
        return
    if not isinstance(fit, GeneralizedFit):
        raise InputError(f"approximation={how!r}: a linear model has a residual variance; use 'default'")
    family = fit.family
    if type(family).latent_variance is not Family.latent_variance:
        raise InputError(f"approximation={how!r}: the {family.name} family has its own variance; use 'default'")
    if has_other_mean(family):
        raise InputError(f"approximation={how!r}: the link of {family.name} is not that of its mean; use 'default'")
    if how == "theoretical" and not (family.weights_are_trials and family.link.latent_variance is not None):
        raise InputError(
            "approximation='theoretical' is for binary responses whose link has a latent distribution (logit, probit, "
            f"cloglog, loglog), and not for {family.name}({family.link.name}); use 'default' or 'delta'"
        )
    if how in ("lognormal", "trigamma") and not family.link.multiplicative:
        raise InputError(f"approximation={how!r} is for the log link, and not for {family.link.name}; use 'delta'")


def has_other_mean(family: Family) -> bool:
    """Whether the link is that of another mean than E(y), of the counts before truncation, and no variance is given."""
    kind = type(family)
    return kind.response_mean is not Family.response_mean and kind.latent_variance is Family.latent_variance


def level_variance(fit: Fit, mean: float, how: str) -> float:
    """Variance of one observation or trial: sigma^2, or the family's at this mean. NaN where it is infinite."""
    if isinstance(fit, LinearFit):
        return residual_variance(fit)
    assert isinstance(fit, GeneralizedFit)
    if how in ("default", "theoretical"):
        value = fit.family.latent_variance(mean, fit.phi)
    else:
        value = float(np.mean(_by_rows(fit.family, mean, fit.phi, how)))
    return value if np.isfinite(value) else float("nan")


def residual_variance(fit: LinearFit) -> float:
    """Variance of a residual of weight 1: sigma^2, or the mean over the rows where it depends on them."""
    if fit.parameters.residual is None:
        return fit.sigma**2
    weights = fit.model.design.weights
    variances = fit.whitening.precision_root**-2.0
    return float(fit.sigma**2 * np.mean(variances if weights is None else weights * variances))


def _by_rows(family: Family, mean: float, phi: FloatArray, how: str) -> FloatArray:
    """One value for all rows, or one a row where dispersion parameters have one a row."""
    mu = np.full(phi.shape[1:] or 1, mean)
    with np.errstate(all="ignore"):  # a mean at the end of its range
        variance = family.variance(mu, phi)
        if how == "delta":
            return np.asarray(variance / family.link.mean(family.link.link(mu)).mu_eta ** 2)
        if how == "lognormal":
            return np.asarray(np.log1p(variance / mu**2))
        # of the log of a gamma variable with this mean and variance
        return np.asarray(scipy.special.polygamma(1, mu**2 / variance))
