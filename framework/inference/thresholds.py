"""Thresholds between ordered categories, from the intercept and the spacings."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..contracts.ordered import OrderedFamily
from ..design.terms import INTERCEPT
from ..display.tables import CoefficientTable
from ..estimation.generalized import GeneralizedFit


def ordered_family(fit: GeneralizedFit) -> OrderedFamily:
    """The family of a fit, where it is one of ordered categories.

    Raises
    ------
    InputError
        Where it is another.
    """
    if not isinstance(fit.family, OrderedFamily):
        raise InputError(
            f"thresholds and probabilities of categories are of ordered families, not of {fit.family.name}"
        )
    return fit.family


def thresholds(fit: GeneralizedFit, covariance: FloatArray | None) -> CoefficientTable:
    """S phi less the intercept, with standard errors by the delta method.

    Parameters
    ----------
    fit : GeneralizedFit
    covariance : array, optional
        Of (gamma, theta, xi); None: standard errors are NaN.

    Raises
    ------
    InputError
        Where the family is none of ordered categories.
    """
    family, fixed = ordered_family(fit), fit.labels.fixed
    S, at = family.spacings, fixed.kept_names.index(INTERCEPT)
    estimate = S @ fit.phi - fixed.coefficients(fit.gamma)[at]
    se = np.full(len(S), np.nan)
    if covariance is not None:
        _, slope = fit.dispersion.to_natural(fit.dispersion.to_free(fit.phi))
        of_gamma = np.tile(-np.linalg.inv(fixed.R)[at], (len(S), 1))
        J = np.hstack([of_gamma, np.zeros((len(S), len(fit.theta))), S * slope])
        moving = np.flatnonzero(J.any(axis=0))  # others may be at a boundary, where there is no covariance
        J, V = J[:, moving], covariance[np.ix_(moving, moving)]
        se = np.sqrt(np.einsum("ia,ab,ib->i", J, V, J))
    return CoefficientTable(family.threshold_names, estimate, se, estimate / se, statistic_header="z value")


__all__ = ["ordered_family", "thresholds"]
