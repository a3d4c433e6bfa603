"""Thresholds between ordered categories, from the linear predictor and the spacings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..contracts.ordered import OrderedFamily
from ..design.labels import FixedLabels
from ..design.terms import INTERCEPT
from ..display.tables import CoefficientTable
from ..estimation.ending import differs
from ..estimation.generalized import GeneralizedFit
from ..estimation.model import Fit
from ..prediction.response import phi_at
from ..prediction.rows import Rows


def ordered_family_of(fit: Fit) -> OrderedFamily | None:
    """The family of a fit, where it is one of ordered categories."""
    family = fit.family if isinstance(fit, GeneralizedFit) else None
    return family if isinstance(family, OrderedFamily) else None


def ordered_family(fit: GeneralizedFit) -> OrderedFamily:
    """The family of a fit, where it is one of ordered categories.

    Raises
    ------
    InputError
        Where it is another.
    """
    family = ordered_family_of(fit)
    if family is None:
        raise InputError(
            f"thresholds and probabilities of categories are of ordered families, not of {fit.family.name}"
        )
    return family


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Thresholds of rows less their fixed part, S phi - X beta: P(y <= k) = F(threshold_k - Z b).

    Parameters
    ----------
    estimate : (n, K - 1) array
    J : (n, K - 1, m) array
        Derivatives by (gamma, theta, xi).
    """

    estimate: FloatArray
    J: FloatArray

    @classmethod
    def of(cls, fit: GeneralizedFit, rows: Rows) -> Thresholds:
        """At the estimates; NaN where the data do not determine them."""
        family, scale = ordered_family(fit), fit.dispersion
        S, n = family.spacings, len(rows)
        estimate = _estimates(fit, rows)
        undetermined = np.zeros(estimate.shape, bool) | ~rows.estimable[:, None]
        for other in fit.elsewhere:
            undetermined |= differs(estimate, _estimates(other, rows), 1.0)
        slope = scale.to_natural(fit.xi, rows.parameters if scale.models else None)[1]
        by_xi = np.empty((n, len(S), len(scale)))
        for i, s, name, place in zip(scale.estimated, slope, scale.estimated_names, scale.places, strict=True):
            by_free = np.broadcast_to(S[:, i] * np.reshape(s, (-1, 1)), (n, len(S)))
            by_xi[:, :, place] = by_free[..., None] * (rows.parameters[name][:, None] if name in scale.models else 1.0)
        by_gamma = np.broadcast_to(-rows.Q[:, None], (n, len(S), rows.Q.shape[1]))
        by_theta = np.zeros((n, len(S), len(fit.theta)))
        return cls(np.where(undetermined, np.nan, estimate), np.concatenate([by_gamma, by_theta, by_xi], 2))

    @classmethod
    def of_reference(cls, fit: GeneralizedFit) -> Thresholds:
        """Where all columns but constants are zero, those of the spacings' models as well.

        Raises
        ------
        InputError
            Where a model has no constant.
        """
        models = fit.dispersion.models
        if without := [name for name, labels in models.items() if INTERCEPT not in labels.names]:
            raise InputError(
                f"the model of {without[0]} has no column {INTERCEPT}, so that there is no spacing, and no thresholds, "
                "where its columns are zero: thresholds_at(newdata) has those of rows"
            )
        Q = _constant(fit.labels.fixed)
        return cls.of(fit, Rows(Q, np.ones(1, bool), (), (), None, None, {k: _constant(m) for k, m in models.items()}))

    def __sub__(self, other: Thresholds) -> Thresholds:
        return Thresholds(self.estimate - other.estimate, self.J - other.J)

    def table(self, names: tuple[str, ...], covariance: FloatArray | None) -> CoefficientTable:
        """Row after row, with standard errors by the delta method.

        Parameters
        ----------
        names : tuple of str
        covariance : array, optional
            Of (gamma, theta, xi); None: standard errors are NaN.
        """
        estimate, J = self.estimate.ravel(), self.J.reshape(-1, self.J.shape[2])
        se = np.full(len(estimate), np.nan)
        if covariance is not None:
            unknown = np.isnan(np.diagonal(covariance))  # of those at a boundary, or that the data do not determine
            V = np.where(np.isnan(covariance), 0.0, covariance)
            undetermined = np.isnan(estimate) | J[:, unknown].any(axis=1)
            se = np.where(undetermined, np.nan, np.sqrt(np.einsum("ia,ab,ib->i", J, V, J)))
        with np.errstate(divide="ignore", invalid="ignore"):  # differences of rows that are the same
            z = estimate / se
        return CoefficientTable(names, estimate, se, z, statistic_header="z value")


def _estimates(fit: GeneralizedFit, rows: Rows) -> FloatArray:
    """S phi - X beta, (n, K - 1), with bits that do not depend on which rows stand beside."""
    eta = np.einsum("nr,r->n", rows.Q, fit.gamma)
    return np.asarray(ordered_family(fit).relative_thresholds(phi_at(fit, rows)).T - eta[:, None])


def _constant(labels: FixedLabels) -> FloatArray:
    """The row (1, r) of a basis where the constant is 1 and other columns are 0."""
    return labels.in_basis(np.array([[float(name == INTERCEPT) for name in labels.names]]))


__all__ = ["Thresholds", "ordered_family", "ordered_family_of"]
