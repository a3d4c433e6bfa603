"""Where the searches of a generalized model start: fixed effects alone, moments, and the end of the first stage."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import scipy

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, NotPositiveDefiniteError
from ..contracts.family import Derivatives
from ..contracts.linalg import Blocks
from ..design.basis import lower_root
from ..design.crossproducts import cross_products
from .existence import links_without_edge
from .generalized_criterion import GeneralizedCriterion
from .modes import PenalizedLikelihood
from .moments import SMALLEST, moment_start
from .parameters import Parameters

#: Steps of the regression without random effects, which only has to come near.
START_STEPS = 6
#: How often random effects are halved to find modes inside of the family's domain.
SMALLER = 12


def start_by_moments(model: PenalizedLikelihood, working: Derivatives) -> Blocks:
    """Covariance matrices by moments of the working linear model: response d1 / w, weights w."""
    weights = np.maximum(working.expected_weight, 1e-6 * working.expected_weight.max())
    design = replace(model.design, y=working.d1 / weights, weights=weights, offset=None)
    moments = moment_start(cross_products(design), float(1.0 / np.sqrt(weights.mean())))
    return tuple(moments.sigma * T for T in moments.T)


def fixed_effects_start(model: PenalizedLikelihood) -> tuple[FloatArray, FloatArray, Derivatives]:
    """Fixed effects and dispersion of a model without random effects, by a few steps of Fisher scoring.

    The first step comes from means near the responses, which no fixed effects give. Where that leads astray, the steps
    start from equal means.
    """
    family, y, w = model.family, model.y, model.weights
    mu = family.start_mean(y, w)
    phi = family.start_dispersion(y, mu, w)
    eta = family.link.link(mu)
    at = family.evaluate(y, eta, w, phi, 2)
    gamma = _equal_means(model, float(np.average(mu, weights=w)))
    equal = _scored(model, eta_equal := fixed_predictor(model, gamma), phi)
    found = _scoring(model, phi, gamma, eta, at, -np.inf)
    if equal is not None and (found is None or found[1].log_density.sum() < equal.log_density.sum()):
        found = _scoring(model, phi, gamma, eta_equal, equal, float(equal.log_density.sum())) or (gamma, equal)
    gamma, at = found or (gamma, at)
    return gamma, phi, at


def _scoring(
    model: PenalizedLikelihood, phi: FloatArray, gamma: FloatArray, eta: FloatArray, at: Derivatives, best: float
) -> tuple[FloatArray, Derivatives] | None:
    """Steps of Fisher scoring from eta, halved towards gamma until the log density is not below `best`.

    Returns gamma and the derivatives there; None where no step is possible.
    """
    found = None
    for _ in range(START_STEPS):
        normal, right = normal_equations(model, eta, at)
        if not (np.isfinite(normal).all() and np.isfinite(right).all()):
            break
        target = solved(normal, right)
        step, new = 1.0, _scored(model, fixed_predictor(model, target), phi)
        while step > 1e-4 and (new is None or new.log_density.sum() < best):
            step *= 0.5
            new = _scored(model, fixed_predictor(model, gamma + step * (target - gamma)), phi)
        if new is None or new.log_density.sum() < best:
            break
        gamma = gamma + step * (target - gamma)
        moved = fixed_predictor(model, gamma)
        change, eta = np.abs(moved - eta).max(), moved
        at, best = new, float(new.log_density.sum())
        found = gamma, at
        if change < 1e-2:
            break
    return found


def normal_equations(model: PenalizedLikelihood, eta: FloatArray, at: Derivatives) -> tuple[FloatArray, FloatArray]:
    """Of a step of Fisher scoring from eta: Q'WQ, and Q'W times the working response."""
    working = np.maximum(at.expected_weight, 1e-10 * at.expected_weight.max())
    WQ = model.Q * working[:, None]
    return WQ.T @ model.Q, WQ.T @ (eta - model.design.known + at.d1 / working)


def solved(normal: FloatArray, right: FloatArray) -> FloatArray:
    """Coefficients by normal equations, the shortest ones where there are many."""
    return np.asarray(np.linalg.lstsq(normal, right, rcond=None)[0], dtype=np.float64) if len(right) else right


def _scored(model: PenalizedLikelihood, eta: FloatArray, phi: FloatArray) -> Derivatives | None:
    """Derivatives at eta, where they are finite and eta lies in the family's domain."""
    at = model.evaluate(eta, phi)
    if at is None:
        return None
    finite = all(np.isfinite(part).all() for part in (at.log_density, at.d1, at.expected_weight))
    return at if finite and at.expected_weight.max() > 0.0 else None


def fixed_predictor(model: PenalizedLikelihood, gamma: FloatArray) -> FloatArray:
    """The linear predictor by fixed effects alone."""
    return model.Q @ gamma + model.design.known


def _equal_means(model: PenalizedLikelihood, mu: float) -> FloatArray:
    """Coefficients with which all means come near to mu; others, where these leave the domain."""
    goal = float(model.family.link.link(np.array([mu]))[0])
    gamma = model.Q.T @ (goal - model.design.known)  # Q is orthonormal
    if model.family.valid(fixed_predictor(model, gamma)):
        return gamma
    return _far_from_the_edge(model, goal) if model.bounded else np.zeros_like(gamma)


def _far_from_the_edge(model: PenalizedLikelihood, goal: float) -> FloatArray:
    """Coefficients with which no linear predictor is nearer to an edge of the domain than need be, by a linear program.

    Raises
    ------
    InputError
        Where none are inside.
    """
    family, Q = model.family, model.Q
    known = model.design.known
    lower, upper = model.domain
    room = min(goal - lower, upper - goal)
    rows = [(sign * Q, sign * (known - edge)) for sign, edge in ((-1, lower), (1, upper)) if np.isfinite(edge)]
    program = scipy.optimize.linprog(
        np.append(np.zeros(Q.shape[1]), -1.0),
        A_ub=np.vstack([np.column_stack([A / room, np.ones(len(A))]) for A, _ in rows]),
        b_ub=np.concatenate([-b / room for _, b in rows]),
        bounds=[(None, None)] * Q.shape[1] + [(None, 1.0)],
    )
    gamma = np.zeros(Q.shape[1]) if program.x is None else np.asarray(program.x[:-1])
    if not family.valid(fixed_predictor(model, gamma)):
        others = links_without_edge(family)
        use = f", or use the {'log' if 'log' in others else others[0]} link" if others else ""
        raise InputError(
            f"no start was found at which all means lie inside the domain of the {family.name} family with the "
            f"{family.link.name} link: include an intercept in X{use}"
        )
    return gamma


def second_stage(
    criterion_of: partial[GeneralizedCriterion], first: GeneralizedCriterion, near_by: FloatArray, x: FloatArray
) -> tuple[GeneralizedCriterion, FloatArray]:
    """The criterion in all parameters, and where its search starts: at the end of the first stage's."""
    gamma, theta, xi = first.unpack(x)
    try:
        mode = first.at(near_by).mode
    except NotPositiveDefiniteError:  # modes that were found from their neighbours only, or none inside
        criterion = criterion_of(origin=gamma)
        return criterion, _start_with_modes(criterion, gamma, theta, xi)
    criterion = criterion_of(origin=mode.point.gamma)
    criterion.u, criterion.gamma = mode.point.u, mode.point.gamma
    _, theta, xi = first.unpack(near_by)
    unit = first.unit_of_theta
    return criterion, criterion.pack(mode.point.gamma, _inside(first.parameters, theta / unit) * unit, xi)


def _start_with_modes(
    criterion: GeneralizedCriterion, gamma: FloatArray, theta: FloatArray, xi: FloatArray
) -> FloatArray:
    """x where the first stage found no modes inside of the domain: small random effects have some."""
    for _ in range(SMALLER):
        if np.isfinite(criterion.value(criterion.pack(gamma, theta, xi))):
            break
        theta = 0.5 * theta
    return criterion.pack(gamma, theta, xi)


def _inside(parameters: Parameters, theta: FloatArray) -> FloatArray:
    """theta with covariance matrices away from the boundary: from zero no step leads away."""
    for root in parameters.roots:
        U, s, _ = np.linalg.svd(root.of(theta))
        if s[-1] < SMALLEST:
            theta = root.put(theta, lower_root(U * np.maximum(s, SMALLEST)))
    return theta
