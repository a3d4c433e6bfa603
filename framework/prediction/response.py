"""From the linear predictor to the response: the mean, and its slopes."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..contracts.family import Family
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from .rows import Rows

#: Step of differences by eta.
STEP = 1e-5
#: Step of differences by unconstrained dispersion parameters.
STEP_OF_XI = 1e-5


def phi_at(fit: GeneralizedFit, rows: Rows | None, xi: FloatArray | None = None) -> FloatArray:
    """Dispersion parameters of rows: (r,), or (r, n) where some have a model.

    Raises
    ------
    InputError
        Where they have a model, and the rows have not its columns.
    """
    scale, xi = fit.dispersion, fit.xi if xi is None else xi
    if not scale.models:
        return scale.to_natural(xi)[0]
    names = ", ".join(scale.models)
    if rows is None:
        raise InputError(
            f"the mean of a response depends on {names}, which differs from row to row by its model: ask for the scale "
            "of the link, or for predict(newdata)"
        )
    if missing := [name for name in scale.models if name not in rows.parameters]:
        raise InputError(f"newdata has no parameters[{missing[0]!r}], the columns of a dispersion parameter")
    return scale.to_natural(xi, rows.parameters)[0]


def depends_on_phi(family: Family, *, conditional: bool = False) -> bool:
    """Whether E(y), or that without extra zeros, is not mu, and may depend on dispersion parameters."""
    kind = type(family)
    own = kind.response_mean is not Family.response_mean
    return own or (conditional and kind.conditional_mean is not Family.conditional_mean)


def mean_of(
    fit: Fit, eta: FloatArray, rows: Rows | None = None, *, conditional: bool = False, xi: FloatArray | None = None
) -> FloatArray:
    """Expected response at linear predictors (n,): eta itself in linear models. NaN beyond an edge of the link.

    Parameters
    ----------
    rows : Rows, optional
        Whose dispersion parameters; needed where the mean depends on some that differ from row to row.
    conditional : bool
        Without extra zeros.
    xi : (s,) array, optional
        Other dispersion parameters.
    """
    if not isinstance(fit, GeneralizedFit):
        return eta
    family = fit.family
    lower, upper = family.eta_bounds
    with np.errstate(all="ignore"):
        mean = family.link.mean(eta).mu
        if depends_on_phi(family, conditional=conditional):
            of = family.conditional_mean if conditional else family.response_mean
            mean = np.asarray(of(mean, phi_at(fit, rows, xi)), dtype=np.float64)
    return np.where((eta > lower) & (eta < upper), mean, np.nan)


def slope_of(fit: Fit, eta: FloatArray, rows: Rows | None = None, *, conditional: bool = False) -> FloatArray:
    """Derivative of `mean_of` by eta, (n,)."""
    if not isinstance(fit, GeneralizedFit):
        return np.ones_like(eta)
    if not depends_on_phi(fit.family, conditional=conditional):
        with np.errstate(all="ignore"):
            return fit.family.link.mean(eta).mu_eta
    h = STEP * np.maximum(np.abs(eta), 1.0)
    above, below = (mean_of(fit, eta + step, rows, conditional=conditional) for step in (h, -h))
    return (above - below) / (2.0 * h)


def slopes_of_mean(fit: GeneralizedFit, eta: FloatArray, Q: FloatArray, rows: Rows | None = None) -> FloatArray:
    """Derivatives of `mean_of` by all parameters (gamma, theta, xi), with eta that of rows Q (n, r)."""
    by_gamma, by_xi = slope_of(fit, eta, rows)[:, None] * Q, slopes_by_xi(fit, eta, rows)
    return np.column_stack([by_gamma, np.zeros((len(Q), len(fit.theta))), by_xi])


def limits_of_mean(fit: GeneralizedFit, mean: FloatArray, half: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Limits of means that depend on dispersion parameters too: `half` around them, by way of the scale of the link."""
    link = fit.family.link
    with np.errstate(all="ignore"):
        eta = link.link(mean)
        half = half / np.abs(link.mean(eta).mu_eta)
        ends = link.mean(eta - half).mu, link.mean(eta + half).mu
    return np.minimum(*ends), np.maximum(*ends)


def slopes_by_xi(fit: Fit, eta: FloatArray, rows: Rows | None = None, *, conditional: bool = False) -> FloatArray:
    """Derivatives of `mean_of` by unconstrained dispersion parameters, (n, s); none where there are none."""
    if not isinstance(fit, GeneralizedFit) or not depends_on_phi(fit.family, conditional=conditional):
        return np.zeros((len(eta), 0))
    out = np.empty((len(eta), len(fit.xi)))
    for j in range(len(fit.xi)):
        step = STEP_OF_XI * np.eye(len(fit.xi))[j]
        above, below = (mean_of(fit, eta, rows, conditional=conditional, xi=fit.xi + s * step) for s in (1.0, -1.0))
        out[:, j] = (above - below) / (2.0 * STEP_OF_XI)
    return out
