"""Covariance of estimates from the Hessian of the criterion, where the data determine them."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray
from .generalized_factors import FactorizedGeneralized
from .linear_factors import FactorizedLinear
from .model import Factorized

#: A direction is flat where the deviance has less than this curvature: half a unit along it changes it by 1e-6.
FLAT = 8e-6
#: Curvatures, of parameters scaled to curvature 1, that are the rounding of differences of gradients.
ROUNDING = 1e-8
#: A parameter is not determined where one unit along a flat direction changes it by this part of its standard error.
MOVED = 1e-2


def parameter_covariance(at: FactorizedLinear) -> FloatArray:
    """A: asymptotic covariance of (theta, sigma), free parameters only, (f + 1, f + 1).

    Nothing along directions that the data do not determine: for contrasts that do not depend on these.
    """
    H, unit = variance_hessian(at)
    return 2.0 * identified_inverse(H, unit, len(at.fit.elsewhere))


def variance_covariance(at: FactorizedLinear) -> FloatArray:
    """Of (theta, sigma), (m + 1, m + 1); NaN for those at a boundary, or that the data do not determine."""
    free = np.append(at.fit.free_theta, True)
    out = np.full((len(free),) * 2, np.nan)
    out[np.ix_(free, free)] = covariance_of(*variance_hessian(at))
    return out


def variance_hessian(at: FactorizedLinear) -> tuple[FloatArray, FloatArray]:
    """Second derivatives of the criterion by the free (theta, sigma), and what is a large change of each."""
    fit, here, free = at.fit, at.least_squares, at.fit.free_theta
    df = here.criterion.df
    s2, v = here.sigma2, at.pwrss_gradient[free]
    m = int(free.sum())
    H = np.empty((m + 1, m + 1))
    # The profiled criterion lacks what log(sigma^2) contributes: put it back.
    H[:m, :m] = at.hessian[np.ix_(free, free)] + np.outer(v, v) / (df * s2**2)
    H[:m, m] = H[m, :m] = -2.0 * v / s2**1.5
    H[m, m] = 4.0 * df / s2
    return H, np.append(fit.parameters.unit(fit.eta)[free], fit.sigma)


def joint_covariance(at: FactorizedGeneralized) -> FloatArray:
    """Of all parameters (gamma, theta, xi); NaN for those at a boundary, or that the data do not determine."""
    fit, H = at.fit, at.hessian
    free, out = np.ix_(fit.free, fit.free), np.full_like(H, np.nan)
    out[free] = covariance_of(H[free], fit.sizes[fit.free])
    return out


def estimates_covariance(at: Factorized) -> FloatArray:
    """Of gamma and all other parameters, (theta, xi); 0 for those at a boundary, which are taken as known."""
    if isinstance(at, FactorizedGeneralized):
        return np.where(np.outer(at.fit.free, at.fit.free), joint_covariance(at), 0.0)
    assert isinstance(at, FactorizedLinear)
    r, free = len(at.fit.gamma), np.flatnonzero(at.fit.free_theta)
    V = np.zeros((r + len(at.fit.theta),) * 2)
    V[:r, :r] = at.fit.gamma_covariance
    V[np.ix_(r + free, r + free)] = parameter_covariance(at)[:-1, :-1]  # the last is sigma
    return V


def covariance_of(H: FloatArray, unit: FloatArray) -> FloatArray:
    """Covariance 2 H^-1 of parameters, NaN for those that the data do not determine.

    Along a flat direction of the deviance (or one along which it falls: no minimum) the estimates are arbitrary. A
    parameter that moves with it has no standard error; those that do not move have the one of all other directions.

    Parameters
    ----------
    H : (m, m) array
        Hessian of the deviance; NaN where it could not be found.
    unit : (m,) array
        A large change of each parameter.

    Examples
    --------
    >>> import numpy as np
    >>> covariance_of(np.array([[8.0, 0.0], [0.0, 0.0]]), np.ones(2)).round(12).tolist()
    [[0.25, nan], [nan, nan]]
    """
    if not np.isfinite(H).all():
        return np.full_like(H, np.nan)
    eigenvalues, directions = _spectrum(H, unit)
    lengths = np.sqrt((directions**2).sum(axis=0))
    steep = eigenvalues > np.maximum(FLAT * lengths**2, ROUNDING)
    root = unit[:, None] * directions[:, steep] / np.sqrt(eigenvalues[steep])
    covariance = 2.0 * root @ root.T
    moves = unit * np.abs(directions / lengths)[:, ~steep].max(axis=1, initial=0.0)
    unknown = moves > MOVED * np.sqrt(np.diagonal(covariance))
    covariance[unknown] = np.nan
    covariance[:, unknown] = np.nan
    return np.asarray(covariance)


def identified_inverse(H: FloatArray, unit: FloatArray, n_flat: int) -> FloatArray:
    """Inverse of H, but for the `n_flat` directions of least curvature, in which the data say nothing.

    NaN where H could not be found.

    Examples
    --------
    >>> identified_inverse(np.array([[1e-9, 0.0], [0.0, 4.0]]), np.ones(2), 1).tolist()
    [[0.0, 0.0], [0.0, 0.25]]
    >>> identified_inverse(np.full((1, 1), np.nan), np.ones(1), 0).tolist()
    [[nan]]
    """
    if not np.isfinite(H).all():
        return np.full_like(H, np.nan)
    eigenvalues, directions = _spectrum(H, unit)
    V = unit[:, None] * directions[:, n_flat:]
    return np.asarray((V / eigenvalues[n_flat:]) @ V.T)


def _spectrum(H: FloatArray, unit: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues and directions of H by parameters over their units; directions of little curvature come first.

    Curvatures above 1 are scaled to 1, so that small ones are seen beside them, and small ones stay what they are.
    """
    scaled = H * np.outer(unit, unit)
    size = np.sqrt(np.maximum(np.abs(np.diagonal(scaled)), 1.0))
    eigenvalues, V = np.linalg.eigh(scaled / np.outer(size, size))
    return eigenvalues, V / size[:, None]
