"""What a generalized fit keeps of rows that were in parts, and which models there are of such rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..contracts.family import Family
from ..design.mixed import notes_of_no_intercept
from ..design.summed import SummedDesign
from ..notes import Note
from .generalized import GeneralizedFit, Laplace
from .modes import PenalizedLikelihood
from .parted import PartedLikelihood


def check_of_parts(likelihood: Laplace, design: SummedDesign) -> list[Note]:
    """What to warn of in rows that are in parts.

    Raises
    ------
    InputError
        For what needs rows that are together.
    """
    family = likelihood.family
    if likelihood.nagq != 1:
        raise InputError(
            f"nagq={likelihood.nagq}: rows in parts are fitted by the Laplace approximation, nagq=1; other numbers of "
            "nodes need rows in memory"
        )
    if type(family).check_identified is not Family.check_identified:
        raise InputError(
            f"the {family.name} family looks at all responses together before it is fitted, and rows are in parts: fit "
            "it to rows in memory"
        )
    if np.isfinite(family.eta_bounds).any():
        raise InputError(
            f"the {family.name} family with the {family.link.name} link has linear predictors that end at an edge, "
            "near which rows have to be together: use another link, or rows in memory"
        )
    return notes_of_no_intercept(design)


def without_parts(fit: GeneralizedFit, design: SummedDesign) -> GeneralizedFit:
    """The fit with a digest of its rows in their place."""
    at = fit.factorized()
    model = at.criterion.model
    assert isinstance(model, PartedLikelihood)
    n, b, phi = design.n, fit.b, fit.phi
    deviance = model.over(_deviance, b, fit.gamma, phi)
    mean = model.over(_mean, fit.gamma, fit.parameters.T(fit.theta))
    digest = at.digested(np.full(5, np.nan), deviance, float("nan") if mean is None else mean / n)
    return replace(
        fit,
        digest=digest,
        model=replace(fit.model, rows=None, summed=design),
        elsewhere=tuple(without_parts(other, design) for other in fit.elsewhere),
    )


def _deviance(one: PenalizedLikelihood, b: FloatArray, gamma: FloatArray, phi: FloatArray) -> float:
    """Sum of squared deviance residuals."""
    with np.errstate(over="ignore"):
        mu = one.family.link.mean(one.eta(b, gamma)).mu
    return float(one.family.deviance(one.y, mu, one.weights, phi).sum())


def _mean(one: PenalizedLikelihood, gamma: FloatArray, roots: Any) -> float | None:
    """Sum of the means that intraclass correlations are taken at: see `inference.observation_level.average_mean`."""
    link, (lower, upper) = one.family.link, one.family.mean_bounds
    eta = one.eta(np.zeros(one.pattern.q), gamma)
    if not link.multiplicative:
        return float(link.mean(eta).mu.sum())
    mu = link.marginal_mean(eta, one.design.random.variances(roots))
    return float(mu.sum()) if np.all((mu >= lower) & (mu <= upper)) else None


__all__ = ["check_of_parts", "without_parts"]
