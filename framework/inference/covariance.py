"""Covariance of estimates from the Hessian of the criterion, where the data determine them."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray

#: A direction is flat where the deviance has less than this curvature: half a unit along it changes it by 1e-6.
FLAT = 8e-6
#: Curvatures, of parameters scaled to curvature 1, that are the rounding of differences of gradients.
ROUNDING = 1e-8
#: A parameter is not determined where one unit along a flat direction changes it by this part of its standard error.
MOVED = 1e-2


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
    scaled = H * np.outer(unit, unit)
    # curvatures above 1 are scaled to 1, so that small ones are seen beside them
    size = np.sqrt(np.maximum(np.abs(np.diagonal(scaled)), 1.0))
    eigenvalues, V = np.linalg.eigh(scaled / np.outer(size, size))
    directions = V / size[:, None]
    lengths = np.sqrt((directions**2).sum(axis=0))
    steep = eigenvalues > np.maximum(FLAT * lengths**2, ROUNDING)
    root = unit[:, None] * directions[:, steep] / np.sqrt(eigenvalues[steep])
    covariance = 2.0 * root @ root.T
    moves = unit * np.abs(directions / lengths)[:, ~steep].max(axis=1, initial=0.0)
    unknown = moves > MOVED * np.sqrt(np.diagonal(covariance))
    covariance[unknown] = np.nan
    covariance[:, unknown] = np.nan
    return np.asarray(covariance)


def identified_inverse(H: FloatArray, n_flat: int) -> FloatArray:
    """Inverse of H, but for the `n_flat` directions of least curvature, in which the data say nothing.

    NaN where H could not be found.

    Examples
    --------
    >>> identified_inverse(np.array([[0.0, 0.0], [0.0, 4.0]]), 1).tolist()
    [[0.0, 0.0], [0.0, 0.25]]
    >>> identified_inverse(np.full((1, 1), np.nan), 0).tolist()
    [[nan]]
    """
    if not np.isfinite(H).all():
        return np.full_like(H, np.nan)
    size = 1.0 / np.sqrt(np.maximum(np.diagonal(H), 1e-300))
    eigenvalues, V = np.linalg.eigh(H * np.outer(size, size))
    V = V[:, n_flat:] * size[:, None]
    return np.asarray((V / eigenvalues[n_flat:]) @ V.T)
