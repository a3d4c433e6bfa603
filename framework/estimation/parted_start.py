"""Where the search starts for a generalized model whose rows are in parts, and what is known of it at the end.

As `start` does for rows that are together: Fisher scoring of a model without random effects, and variances by moments
of its working linear model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError
from ..contracts.linalg import Blocks
from ..design.crossproducts import CrossProducts, Reference
from .modes import PenalizedLikelihood
from .moments import moment_start
from .parted import Most, PartedLikelihood
from .separation import SUSPICIOUS
from .start import START_STEPS, fixed_predictor, normal_equations, solved


class Start(NamedTuple):
    """Fixed effects, dispersion parameters, the mean expected weight, and how covariance matrices are found."""

    gamma: FloatArray
    phi: FloatArray
    weight: float
    moments: Callable[[], Blocks]


def start_of_parts(model: PartedLikelihood) -> Start:
    """The start of the search, from reductions over the parts.

    Raises
    ------
    InputError
        Where no start is found.
    """
    n = model.parted.n
    weights, means, phi = model.over(_means)
    phi = phi / n
    goal = float(model.family.link.link(np.array([means / weights]))[0])
    gram, right = model.over(_towards, goal)
    starts = [solved(gram, right)]
    if (near := model.over(_normal_at_means, phi)) is not None:
        starts.append(solved(*near))
    found = [(gamma, scored) for gamma in starts if (scored := model.over(_scored, gamma, phi)) is not None]
    if not found:
        raise InputError("no start was found at which all responses have a density: rescale the predictors")
    gamma, scored = max(found, key=lambda one: float(one[1][0]))
    for _ in range(START_STEPS):
        best, normal, right = scored
        target, step = solved(normal, right), 1.0
        new = model.over(_scored, target, phi)
        while step > 1e-4 and (new is None or new[0] < best):
            step *= 0.5
            new = model.over(_scored, gamma + step * (target - gamma), phi)
        if new is None or new[0] < best:
            break
        gamma, scored = gamma + step * (target - gamma), new
        if new[0] - best < 1e-4 * (abs(best) + 1.0):
            break
    weight, largest = model.over(_expected_weights, gamma, phi)
    least = 1e-6 * largest.value
    return Start(gamma, phi, weight / n, lambda: _by_moments(model, *model.over(_working, gamma, phi, least)))


def _by_moments(
    model: PartedLikelihood,
    ZtWZ: Any,
    ZtWQ: FloatArray,
    ZtWz: FloatArray,
    QtWQ: FloatArray,
    QtWz: FloatArray,
    zWz: float,
    total: float,
) -> Blocks:
    """Covariance matrices by moments of the working linear model."""
    n = model.parted.n
    gamma0 = solved(QtWQ, QtWz)
    ZtWQy = np.column_stack([ZtWQ, ZtWz - ZtWQ @ gamma0])
    yWy = zWz - float(gamma0 @ QtWz)
    gram = np.block([[QtWQ, np.zeros((len(QtWQ), 1))], [np.zeros((1, len(QtWQ))), np.array([[yWy]])]])
    moments = moment_start(
        CrossProducts(
            n=n,
            pattern=model.pattern,
            template=model.template,
            ZtWZ=ZtWZ,
            ZtWQy=ZtWQy,
            QtWQ=QtWQ,
            QtWy=np.zeros(len(QtWQ)),
            yWy=yWy,
            gamma0=gamma0,
            sum_log_weights=0.0,
            mean_weight=total / n,
            total=zWz,
            reference=Reference(np.zeros_like(ZtWQy), gram, ZtWQy),
        ),
        float(1.0 / np.sqrt(total / n)),
    )
    return tuple(moments.sigma * T for T in moments.T)


def refuse_runaways(model: PartedLikelihood, gamma: FloatArray) -> None:
    """Where fixed effects seem to run away, rows that are together would be needed to decide about separation.

    Raises
    ------
    InputError
        For means by fixed effects that are a tiny part of the average one.
    """
    (smallest, total), n = model.over(_smallest_means, gamma), model.parted.n
    if (-np.array([one.value for one in smallest]) < SUSPICIOUS * np.array(total) / n).any():
        raise InputError(
            "the fixed effects give some rows means that are at the end of their range, or nearly so: the likelihood "
            "may have no maximum (separation), which rows in parts cannot decide. Leave out columns that predict some "
            "responses perfectly, or fit the model to rows in memory"
        )


# Functions of the likelihood of one part ----------------------------------------------------------------------------


def _means(one: PenalizedLikelihood) -> Any:
    mu = one.family.start_mean(one.y, one.weights)
    phi = one.family.start_dispersion(one.y, mu, one.weights)
    return float(one.weights.sum()), float(one.weights @ mu), phi * one.design.n


def _towards(one: PenalizedLikelihood, goal: float) -> Any:
    return one.Q.T @ one.Q, one.Q.T @ (goal - one.design.known)


def _normal_at_means(one: PenalizedLikelihood, phi: FloatArray) -> Any:
    eta = one.family.link.link(one.family.start_mean(one.y, one.weights))
    return _normal(one, eta, phi, with_density=False)


def _scored(one: PenalizedLikelihood, gamma: FloatArray, phi: FloatArray) -> Any:
    return _normal(one, fixed_predictor(one, gamma), phi, with_density=True)


def _normal(one: PenalizedLikelihood, eta: FloatArray, phi: FloatArray, *, with_density: bool) -> Any:
    """Normal equations of a step of Fisher scoring from eta, after the log density; None where it is not finite."""
    at = one.evaluate(eta, phi)
    if at is None or not all(np.isfinite(part).all() for part in (at.log_density, at.d1, at.expected_weight)):
        return None
    normal = normal_equations(one, eta, at)
    return (float(at.log_density.sum()), *normal) if with_density else normal


def _expected_weights(one: PenalizedLikelihood, gamma: FloatArray, phi: FloatArray) -> Any:
    w = one.family.evaluate(one.y, fixed_predictor(one, gamma), one.weights, phi, 2).expected_weight
    return float(w.sum()), Most(float(w.max()))


def _working(one: PenalizedLikelihood, gamma: FloatArray, phi: FloatArray, least: float) -> Any:
    at = one.family.evaluate(one.y, fixed_predictor(one, gamma), one.weights, phi, 2)
    w = np.maximum(at.expected_weight, least)
    z = at.d1 / w
    WQ = np.ascontiguousarray(one.Q.T * w).T
    sums = one.design.random.ZtWZ(w), one.Zt(WQ), one.Zt(w * z), WQ.T @ one.Q, WQ.T @ z
    return *sums, float(z @ (w * z)), float(w.sum())


def _smallest_means(one: PenalizedLikelihood, gamma: FloatArray) -> Any:
    with np.errstate(all="ignore"):
        mean = one.family.link.mean(one.Q @ gamma)
    ends = [mean.mu] if np.isinf(one.family.mean_bounds[1]) else [mean.mu, mean.complement]
    return tuple(Most(-float(part.min())) for part in ends), tuple(float(part.sum()) for part in ends)


__all__ = ["Start", "refuse_runaways", "start_of_parts"]
