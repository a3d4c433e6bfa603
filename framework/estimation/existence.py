"""Does the likelihood have a maximum at all? Separation, and responses that are fitted perfectly.

Separation (Albert & Anderson 1984, doi 10.1093/biomet/71.1.1): there is a direction d in which no linear predictor
moves against its response, and some move towards a mean at the end of its range that suits the response best. Along d
the likelihood grows without end, whatever the random effects are. A linear program decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from scipy.optimize import linprog

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import NoMaximumError, NotPositiveDefiniteError
from .modes import Model

#: Means that are so small a part of the average one, by fixed effects alone, raise the suspicion of separation.
SUSPICIOUS = 1e-5
#: Movements of a linear predictor by a unit direction that are more than the linear program's rounding.
MOVES = 1e-5
#: Derivative of the criterion by a dispersion, a row, at which the likelihood still grows at the end of its range.
GROWING = 1e-3
#: Largest residual, as a part of the largest response, of an exact fit.
EXACT = 1e-10


@contextmanager
def explained(model: Model) -> Iterator[None]:
    """Say by `NoMaximumError` why a search broke down, where separation is the reason."""
    try:
        yield
    except NotPositiveDefiniteError as breakdown:
        family, y, w = model.family, model.y, model.weights
        _decide(model, family.start_dispersion(y, family.start_mean(y, w), w))
        raise NotPositiveDefiniteError(
            f"the search broke down: {breakdown}. Rescale the predictors, pass start=, or simplify the model"
        ) from breakdown


def refuse_separation(model: Model, gamma: FloatArray, phi: FloatArray) -> None:
    """Where fixed effects seem to run away, decide whether the likelihood has a maximum.

    Raises
    ------
    NoMaximumError
        With the names of the columns.
    """
    mean = model.family.link.mean(model.Q @ gamma)
    ends = [mean.mu] if np.isinf(model.family.mean_bounds[1]) else [mean.mu, mean.complement]
    if np.ptp(model.y) == 0.0 or any((part < SUSPICIOUS * part.mean()).any() for part in ends):
        _decide(model, phi)


def _decide(model: Model, phi: FloatArray) -> None:
    fixed, toward = model.design.fixed, _toward_the_ends(model, phi)
    if not fixed.rank or not toward.any():
        return
    X = model.design.X[:, fixed.kept]
    alone = [name for name, x in zip(fixed.kept_names, X.T, strict=True) if _separates(x, toward)]
    if not alone:
        d = _separating_direction(model.Q * np.sqrt(len(X)), toward)
        if d is None:
            return
        size = np.abs(fixed.coefficients(d)) * np.abs(X).max(axis=0)
        alone = [name for name, s in zip(fixed.kept_names, size, strict=True) if s > MOVES * size.max()]
    raise NoMaximumError(
        "the likelihood has no maximum (complete or quasi-complete separation): "
        f"{alone[0] if len(alone) == 1 else 'a combination of ' + ', '.join(alone)} predicts some responses perfectly, "
        "so that coefficients grow without end. Leave such columns out, merge levels, or collect more data"
    )


def _toward_the_ends(model: Model, phi: FloatArray) -> FloatArray:
    """For every row the direction of eta, -1 or 1, in which its likelihood grows without end; 0 where there is none."""
    family = model.family
    best, toward = family.saturated_mean(model.y, model.weights, phi), np.zeros(len(model.y))
    lower, upper = family.mean_bounds
    with np.errstate(all="ignore"):
        eta = family.link.link(np.array([lower, upper]))
    for end, there in zip(eta, (best <= lower, best >= upper), strict=True):
        if np.isinf(end):
            toward[there] = np.sign(end)
    return toward


def _separates(x: FloatArray, toward: FloatArray) -> bool:
    moved = x * toward
    return bool(not x[toward == 0].any() and moved.any() and ((moved >= 0).all() or (moved <= 0).all()))


def _separating_direction(Q: FloatArray, toward: FloatArray) -> FloatArray | None:
    at_end = toward != 0
    signed, inner = Q[at_end] * toward[at_end, None], Q[~at_end]
    program = linprog(
        -signed.sum(axis=0),
        A_ub=-signed,
        b_ub=np.zeros(len(signed)),
        A_eq=inner if len(inner) else None,
        b_eq=np.zeros(len(inner)) if len(inner) else None,
        bounds=[(-1.0, 1.0)] * Q.shape[1],
    )
    if program.status != 0 or (signed @ program.x).max() < MOVES:
        return None
    return np.asarray(program.x)


def refuse_exact_fit(model: Model, gamma: FloatArray) -> None:
    """Fixed effects that give every response exactly leave no dispersion to estimate.

    Raises
    ------
    NoMaximumError
        For continuous responses.
    """
    design, family = model.design, model.family
    if family.discrete or not any(p.fixed is None for p in family.parameters):
        return
    eta = model.Q @ gamma if design.offset is None else model.Q @ gamma + design.offset
    if np.abs(model.y - family.link.mean(eta).mu).max() < EXACT * np.abs(model.y).max():
        raise NoMaximumError(
            "the likelihood has no maximum: the columns of X give y exactly (a constant y, for example), and nothing "
            "is left to estimate a dispersion from"
        )


def refuse_growing_dispersion(names: tuple[str, ...], at_bound: BoolArray, gradient: FloatArray, n: int) -> None:
    """Where the likelihood still grows with a dispersion at the end of its range, it has no maximum.

    Raises
    ------
    NoMaximumError
        With the names of the parameters.
    """
    growing = [name for name, b, g in zip(names, at_bound, gradient, strict=True) if b and abs(g) > GROWING * n]
    if growing:
        raise NoMaximumError(
            f"the likelihood has no maximum: it grows without end with {', '.join(growing)}, because the model fits "
            "the responses perfectly (they do not vary within levels, for example). Simplify the model"
        )
