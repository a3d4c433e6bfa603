"""The criterion, evaluated again: a file whose numbers do not agree with each other is damaged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..contracts.errors import MissingExtraError, NotPositiveDefiniteError, PluginNotFoundError, StorageError
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..estimation.prior import Prior
from ..estimation.relative import RelativeFactor
from ..threads import few_threads

#: Criteria differ by less than this for each observation and each unit of deviance, by whatever was computed with.
ROUNDING = 1e-8
#: Residual standard deviations differ by less than this part of themselves.
SAME = 1e-6


def refuse_disagreement(fit: Fit) -> None:
    """Evaluate the criterion at the estimates, and b = Lambda u, and refuse a fit that says otherwise.

    From the cross-products of a linear fit, the rows of a generalized one, or what that keeps of them. With quadrature
    and without rows there is nothing to evaluate it from; M is factorized all the same.

    Raises
    ------
    StorageError
        Where both differ, or the criterion cannot be evaluated.
    PluginNotFoundError, MissingExtraError
        Where the backend of the fit is not there.
    """
    _refuse_other_effects(fit)
    for other in fit.elsewhere:
        _refuse_other_effects(other)
    try:
        with few_threads(*fit.labels.dense_sizes):
            value = _linear(fit) if isinstance(fit, LinearFit) else _generalized(fit)
    except NotPositiveDefiniteError as error:
        raise StorageError(f"it is damaged: its criterion cannot be evaluated: {error}") from error
    except (PluginNotFoundError, MissingExtraError) as error:
        raise type(error)(
            f"the fit was made with {fit.provenance[0]}, which is not there: {error}\n"
            "Install it, or load the fit with another backend: load(path, backend='auto')"
        ) from error
    if value is not None and not abs(value - fit.criterion) <= ROUNDING * (abs(fit.criterion) + fit.labels.n):
        raise StorageError(
            f"it is damaged: its criterion is {fit.criterion:.10g}, and {value:.10g} when evaluated again"
        )


def _refuse_other_effects(fit: Fit) -> None:
    if not fit.pattern.q:
        return
    Lambda = RelativeFactor(fit.pattern, fit.parameters.template, fit.parameters.entries(fit.theta))
    size = max(float(np.abs(T).max()) for T in Lambda.T) * float(np.abs(fit.u).max())
    if not float(np.abs(Lambda @ fit.u - fit.b).max()) <= ROUNDING * size:
        raise StorageError("it is damaged: its random effects are not those of its parameters")


def _linear(fit: LinearFit) -> float:
    at = fit.factorized().least_squares
    if not abs(np.sqrt(at.sigma2) / fit.sigma - 1.0) <= SAME:
        raise StorageError(f"it is damaged: sigma is {fit.sigma:.10g}, and found again {np.sqrt(at.sigma2):.10g}")
    of_R = 2.0 * float(np.log(np.abs(np.diagonal(fit.labels.fixed.R))).sum())
    again = replace(fit, pwrss=at.pwrss, logdet_L2=at.logdet_L2, logdet_RX2=at.logdet_RX2 + of_R)
    return again.criterion


def _generalized(fit: Fit) -> float | None:
    assert isinstance(fit, GeneralizedFit)
    at = fit.factorized()
    if fit.digest is None:
        return at.criterion.value(at.x)
    logdet = at.factor.logdet
    if fit.nagq > 1:
        return None
    K = Prior(fit.pattern)
    return float(fit.u @ (K @ fit.u)) - 2.0 * fit.digest.log_density + logdet - K.logdet


__all__ = ["refuse_disagreement"]
