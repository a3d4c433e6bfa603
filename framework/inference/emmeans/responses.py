"""Marginal means of responses whose mean depends on modelled parameters, such as the probability of extra zeros.

Such a mean is no function of the linear predictor alone: that of every cell of the grid has its own parameters. Means
are averaged over cells on the scale of the response, as emmeans does for glmmTMB with ``component = "response"``, and
differences are differences of means. Their covariance is by the delta method from all parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ...contracts.arrays import FloatArray
from ...contracts.errors import InputError
from ...contracts.ordered import OrderedFamily
from ...estimation.covariance import estimates_covariance
from ...estimation.generalized import GeneralizedFit
from ...formula.observed import columns_behind
from ...prediction.response import depends_on_phi, limits_of_mean, mean_of, slopes_of_mean
from ...prediction.rows import Rows
from ..contrasts import Estimates
from ..methods import Asymptotic
from .grid import Grid
from .linear import Linear
from .scale import Scale

SAID = "Means of the response, of every cell of the grid: averages and differences are of these"


@dataclass(frozen=True, eq=False)
class ResponseMeans(Linear):
    """Means of responses, and linear functions of them.

    `L` has their derivatives by all parameters (gamma, theta, xi), and `offset` the means themselves, which are not
    linear in these; `method` has the covariance of all parameters.
    """

    def _estimates(self, L: FloatArray) -> Estimates:
        """Nothing beside the offsets, with the covariance of these."""
        known = np.ones(len(L), dtype=bool)
        return Estimates(L, np.zeros(len(L)), L @ self.method.V @ L.T, self.method.test(L), known, known)


@dataclass(frozen=True)
class ScaleOfResponses(Scale):
    """That of means: estimates are back, and limits go by way of the scale of the link."""

    fit: GeneralizedFit | None = None

    def shown(
        self, value: FloatArray, se: FloatArray, quantiles: FloatArray, rows: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """The same, with limits as `predict` has them."""
        assert self.fit is not None
        return value, se, *limits_of_mean(self.fit, value, quantiles * se)


def differ_by_cell(fit: GeneralizedFit) -> bool:
    """Whether means of the response depend on parameters that have a model; those of ordered categories are refused."""
    return bool(fit.dispersion.models) and depends_on_phi(fit.family) and not isinstance(fit.family, OrderedFamily)


def cells(fit: GeneralizedFit, grid: Grid, offset: float) -> FloatArray:
    """Derivatives of the mean response in every cell of a grid by all parameters, and that mean, (k1, k2, ..., m + 1).

    NaN where X does not determine it.

    Raises
    ------
    InputError
        Where a parameter depends on variables that the grid does not have.
    """
    data, fixed, encoders = grid.data(), fit.labels.fixed, grid.terms.parameters
    rows = {}
    for name, labels in fit.labels.parameters.items():
        plan = encoders[name].plan
        if missing := [c for c in columns_behind(plan.in_fixed, plan.names) if c not in data]:
            raise InputError(
                f"means of the response depend on {name}, and that on {', '.join(missing)}, which the fixed part does "
                "not have, so that the reference grid has no values of it. predict(newdata, random='none', "
                "interval='confidence') has the mean of every row that you name; type='link' has marginal means of "
                "the linear predictor"
            )
        rows[name] = labels.in_basis(encoders[name].fixed_columns(data))
    X = grid.rows().reshape(-1, len(fixed.names))
    Q, estimable = fixed.in_basis(X), fixed.estimable(X)
    at = Rows(Q, estimable, (), (), None, None, rows)
    eta = np.where(estimable, Q @ fit.gamma + offset, np.nan)
    made = np.column_stack([slopes_of_mean(fit, eta, Q, at), mean_of(fit, eta, at)])
    made[~estimable] = np.nan
    return made.reshape(*grid.shape, -1)


def of_responses(linear: Linear, fit: GeneralizedFit) -> ResponseMeans:
    """Rows of averages over `cells` as what they are."""
    given = {field.name: getattr(linear, field.name) for field in fields(Linear)}
    D, means = linear.L[:, :-1], linear.L[:, -1]
    known = ~np.isnan(means)
    given |= {
        "L": np.where(known[:, None], D, np.nan),
        "offset": np.where(known, means, 0.0),
        "method": Asymptotic(_covariance(fit)),
        "scale": ScaleOfResponses(header="response", differences=Scale(), fit=fit),
        "notes": (*linear.notes, SAID),
    }
    return ResponseMeans(**given)


def _covariance(fit: GeneralizedFit) -> FloatArray:
    """Of (gamma, theta, xi); of gamma, the others taken as known, where there is no joint one."""
    if fit.has_joint_covariance:
        return estimates_covariance(fit.factorized())
    r, m = len(fit.gamma), len(fit.theta) + len(fit.xi)
    V = np.zeros((r + m, r + m))
    V[:r, :r] = fit.gamma_covariance
    return V
