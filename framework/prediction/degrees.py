"""Degrees of freedom of predictions of linear models, by Satterthwaite's method.

v is the variance of a prediction about the true value given theta, with the noise of a new response where that is
predicted. Its estimate is taken for a multiple of chi-squared on 2 v^2 / (g'A g) degrees of freedom, with g the
gradient of v by (theta, sigma), and A the covariance of these (as of coefficients: Kuznetsova, Brockhoff & Christensen
2017, doi 10.18637/jss.v082.i13). Variance parameters at the boundary are left out.
"""

from __future__ import annotations

import numpy as np
import scipy

from ..contracts.arrays import FloatArray
from ..estimation.covariance import parameter_covariance
from ..estimation.linear_factors import MOVE, FactorizedLinear
from ..estimation.profiled import PenalizedLeastSquares
from .conditional import Conditional
from .joint import RowUncertainty
from .noise import Noise

#: No estimate of a variance is from fewer degrees of freedom. Matching moments gives less where theta is near zero, and
#: limits without bounds, which hold the truth no more often.
LEAST = 1.0


def t_quantiles(df: FloatArray | float, level: float) -> FloatArray:
    """How many standard errors the limits of an interval of that level are away.

    Examples
    --------
    >>> t_quantiles(10.0, 0.95).round(3).tolist()
    2.228
    """
    return np.asarray(scipy.special.stdtrit(df, 0.5 + 0.5 * level))


def degrees_of_freedom(of_rows: RowUncertainty, noise: Noise) -> FloatArray:
    """Degrees of freedom (n,) of each row's variance, that of its prediction given theta plus that of `noise`."""
    at, rows = of_rows.uncertainty.at, of_rows.rows
    assert isinstance(at, FactorizedLinear)
    fit, criterion, unit = at.fit, at.criterion, at.criterion.unit
    x = fit.theta / unit

    def relative(here: PenalizedLeastSquares) -> FloatArray:
        conditional = Conditional.at(fit.pattern, here)
        return _given_theta(here, conditional.by_gamma(rows), conditional.of_effects(rows, of_rows.among))

    v = _given_theta(at.least_squares, of_rows.derivatives[:, : len(fit.gamma)], of_rows.of_effects) + noise.variances
    by_theta = []
    for j, step in enumerate(MOVE * criterion.sizes(x)):
        if fit.free_theta[j]:
            up, down = (relative(criterion.at(x + h * np.eye(len(x))[j]).at) for h in (step, -step))
            by_theta.append((up - down) / (2.0 * step * unit[j]) + noise.by_theta[j])
    g = np.array([*by_theta, 2.0 * v / fit.sigma])
    with np.errstate(invalid="ignore", divide="ignore"):  # of rows that are known exactly
        matched = 2.0 * v**2 / np.einsum("mn,mk,kn->n", g, parameter_covariance(at), g)
    return np.asarray(np.maximum(matched, LEAST))


def _given_theta(here: PenalizedLeastSquares, by_gamma: FloatArray, of_effects: FloatArray) -> FloatArray:
    """Variances of predictions relative to sigma^2, (n,)."""
    return np.asarray(np.einsum("na,na->n", by_gamma @ here.C, by_gamma) + of_effects)
