"""Tails and quantiles of the t, normal, chi-squared and F distributions, by `scipy.special`.

`scipy.stats` has them too, on top of the same functions: but to import it takes longer than to import all of ranef.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from ..contracts.arrays import FloatArray


def t_sf(t: Any, df: Any) -> FloatArray:
    """Chance that a t variable with df degrees of freedom, infinite for a normal one, is above t.

    Examples
    --------
    >>> t_sf(2.228, [10.0, np.inf]).round(4).tolist()
    [0.025, 0.0129]
    """
    return np.asarray(scipy.special.stdtr(df, -np.asarray(t)))


def t_quantile(p: Any, df: Any) -> FloatArray:
    """What a t variable is below with chance p.

    Examples
    --------
    >>> t_quantile(0.975, [10.0, np.inf]).round(3).tolist()
    [2.228, 1.96]
    """
    return np.asarray(scipy.special.stdtrit(df, p))


def normal_sf(z: Any) -> FloatArray:
    """Chance that a standard normal variable is above z.

    Examples
    --------
    >>> float(normal_sf(1.96).round(4))
    0.025
    """
    return np.asarray(scipy.special.ndtr(-np.asarray(z)))


def chi2_sf(x: Any, df: Any) -> FloatArray:
    """Chance that a chi-squared variable is above x; it always is above a negative number.

    Examples
    --------
    >>> chi2_sf([3.841, -1e-20], 1).round(4).tolist()
    [0.05, 1.0]
    """
    return np.asarray(scipy.special.chdtrc(df, np.maximum(x, 0.0)))


def chi2_quantile(p: Any, df: Any) -> FloatArray:
    """What a chi-squared variable is below with chance p.

    Examples
    --------
    >>> float(chi2_quantile(0.95, 1).round(3))
    3.841
    """
    return np.asarray(2.0 * scipy.special.gammaincinv(0.5 * np.asarray(df), p))


def f_sf(x: Any, df: Any, df_denominator: Any) -> FloatArray:
    """Chance that an F variable is above x; it always is above a negative number.

    Examples
    --------
    >>> float(f_sf(4.103, 2, 10.0).round(4))
    0.05
    """
    return np.asarray(scipy.special.fdtrc(df, df_denominator, np.maximum(x, 0.0)))


def f_quantile(p: Any, df: Any, df_denominator: Any) -> FloatArray:
    """What an F variable is below with chance p.

    Examples
    --------
    >>> float(f_quantile(0.95, 2, 10.0).round(3))
    4.103
    """
    return np.asarray(scipy.special.fdtri(df, df_denominator, p))
