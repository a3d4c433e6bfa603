"""Residuals by kind: given the random effects or the population's mean, or over their standard deviations."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.censoring import observed
from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.linalg import Grouping
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..prediction.marginal import MarginalMean
from ..prediction.residuals import KINDS, Responses
from ..prediction.rows import Rows
from ..threads import few_threads
from .leverage import Leverage

#: What residuals are about: the mean given the random effects, or that of the population.
ABOUT = ("conditional", "marginal")
#: Kinds that leverage says the standard deviation of.
STANDARD = ("pearson", "deviance")
#: A leverage this near to 1 leaves nothing of a residual but rounding.
ALL = 1.0 - 1e-8
#: Related levels whose relationship matrix, dense, is still made for its diagonal.
MOST_RELATED = 5_000


def residuals(
    fit: Fit, kind: Any, rng: Any = None, *, about: Any = "conditional", standardized: Any = False
) -> FloatArray:
    """Residuals of one kind, (n,): see `MixedSolution.residuals_of`.

    Raises
    ------
    InputError, InputTypeError
        For kinds that are unknown or do not go together, or a fit without rows.
    """
    kinds = (*KINDS, "normalized") if isinstance(fit, LinearFit) else KINDS
    if not isinstance(kind, str) or kind not in kinds:
        raise InputError(f"kind must be one of {', '.join(kinds)}; got {shown(kind)}")
    if about not in ABOUT:
        raise InputError(f"about must be 'conditional' or 'marginal'; got {shown(about)}")
    if not isinstance(standardized, bool | np.bool_):
        raise InputTypeError(f"standardized must be True or False; got {shown(standardized)}")
    if standardized and kind not in STANDARD:
        raise InputError(f"kind={kind!r} is not standardized by leverage; pearson and deviance residuals are")
    if about == "marginal":
        return _marginal(fit, kind, bool(standardized))
    if isinstance(fit, GeneralizedFit):
        return _generalized(fit, kind, rng, bool(standardized))
    assert isinstance(fit, LinearFit)
    return _linear(fit, kind, bool(standardized))


def _linear(fit: LinearFit, kind: str, standardized: bool) -> FloatArray:
    design = fit.model.design
    response = design.y - fit.linear_predictor
    if kind in ("response", "working"):
        return response
    if kind == "normalized":
        return np.asarray(fit.white(response[None])[0] / fit.sigma)
    root = fit.precision_root
    pearson = response if root is None else response * root
    if standardized:  # Var(e) = sigma^2 (R - A C A')
        return pearson / (fit.sigma * _left(_shares(fit)))
    return pearson / fit.sigma if kind == "quantile" else pearson


def _generalized(fit: GeneralizedFit, kind: str, rng: Any, standardized: bool) -> FloatArray:
    of_kind = Responses(fit.family, fit.model.design.y, fit.linear_predictor, fit.weights, fit.phi).residuals(kind, rng)
    if not standardized:
        return of_kind
    scale = np.sqrt(fit.phi[0]) if fit.family.multiplicative_dispersion else 1.0
    return np.asarray(of_kind / (scale * _left(_shares(fit))))


def _shares(fit: Fit) -> FloatArray:
    """Parts of the rows' residual variances that the fitted values take."""
    with few_threads(*fit.labels.dense_sizes):
        return Leverage.of(fit).shares


def _left(hat: FloatArray) -> FloatArray:
    """Root of what leverage leaves of a residual's variance; NaN where that is nothing."""
    return np.sqrt(np.where(hat < ALL, 1.0 - hat, np.nan))


def _marginal(fit: Fit, kind: str, standardized: bool) -> FloatArray:
    """About the mean over random effects; of linear models also over its standard deviation."""
    rows = Rows.of(fit.model.design)
    if isinstance(fit, GeneralizedFit):
        if kind != "response":
            raise InputError(
                f"{kind} residuals about the marginal mean need its distribution, which generalized models have by "
                "simulation only: simulated_residuals"
            )
        unknown = tuple(np.full(len(rows), -1) for _ in rows.codes)
        mean, _ = MarginalMean(fit, Rows(**(vars(rows) | {"codes": unknown}))).estimates()
        return np.asarray(observed(fit.model.design.y) - mean)
    if kind in ("deviance", "working", "normalized"):
        raise InputError(f"{kind} residuals are given the random effects: about='conditional'")
    response = fit.model.design.y - rows.population(fit.gamma)
    if kind == "response":
        return response
    variance = _marginal_variance(fit)
    if standardized:  # that of y - X beta^ is V - X (X'V^-1 X)^-1 X'
        variance = variance - np.einsum("na,ab,nb->n", rows.Q, fit.gamma_covariance / fit.scale**2, rows.Q)
        variance = np.where(variance > 1e-10, variance, np.nan)
    over = 1.0 if kind == "pearson" and not standardized else fit.scale
    return np.asarray(response / (over * np.sqrt(variance)))


def _marginal_variance(fit: Fit) -> FloatArray:
    """Diagonal of V = W^-1 + Z Lambda K^-1 Lambda'Z', (n,)."""
    design = fit.model.design
    out = np.ones(design.n) if design.weights is None else 1.0 / design.weights
    if isinstance(fit, LinearFit) and fit.parameters.residual is not None:
        out = fit.whitening.precision_root**-2
    rows = Rows.of(design)
    for T, g, z, codes in zip(fit.roots_of_model, fit.pattern.groupings, rows.columns, rows.codes, strict=True):
        out = out + ((T.T @ z) ** 2).sum(axis=0) * prior_variances(g)[codes]
    return np.asarray(out)


def prior_variances(g: Grouping) -> FloatArray:
    """Variance of each level, times that of an independent one: ones, or the diagonal of the relationship matrix."""
    if g.precision is None:
        return np.ones(g.n_levels)
    if g.n_levels > MOST_RELATED:
        raise InputError(
            f"{g.name} has {g.n_levels} related levels: their variances are found of {MOST_RELATED} at most"
        )
    return np.diagonal(g.precision.solve(np.eye(g.n_levels))).copy()
