"""Separation: directions of the fixed effects in which the likelihood grows without end.

There is a direction d in which no linear predictor moves against its response, and some move towards a mean at the end
of its range that suits the response best (Albert & Anderson 1984, doi 10.1093/biomet/71.1.1). Along d the likelihood
grows without end, whatever the random effects are. A linear program decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import NoMaximumError
from ..contracts.ordered import OrderedFamily
from .modes import PenalizedLikelihood
from .thresholds import groups_of_spacings, is_extreme, one_sided

#: Means that are so small a part of the average one, by fixed effects alone, raise the suspicion of separation.
SUSPICIOUS = 1e-5
#: Information about a direction of the fixed effects, as a part of the largest, below which the likelihood is flat.
UNINFORMED = 1e-6
#: Movements of a linear predictor by a unit direction that are more than the linear program's rounding.
MOVES = 1e-5


def refuse_separation(model: PenalizedLikelihood, gamma: FloatArray, phi: FloatArray, converged: bool) -> None:
    """Where fixed effects seem to run away, or a search did not end, decide whether the likelihood has a maximum.

    Raises
    ------
    NoMaximumError
        With the names of the columns.
    """
    family = model.family
    if isinstance(family, OrderedFamily):
        if not converged or is_extreme(family, model.Q @ gamma, phi, SUSPICIOUS):
            decide(model, phi)
        return
    with np.errstate(all="ignore"):
        mean = family.link.mean(model.Q @ gamma)
    ends = [mean.mu] if np.isinf(family.mean_bounds[1]) else [mean.mu, mean.complement]
    suspicious = any((part < SUSPICIOUS * part.mean()).any() for part in ends)
    if not converged or np.ptp(model.y) == 0.0 or suspicious:
        decide(model, phi)
    if suspicious:
        _refuse_flat(model, gamma, phi)


def _refuse_flat(model: PenalizedLikelihood, gamma: FloatArray, phi: FloatArray) -> None:
    """Where means run away and nothing is known of the direction, the likelihood grows towards a limit.

    Counts without their zeros are such: as the mean before truncation falls to 0, those of a negative binomial become
    logarithmic, which may be the best that there is for rows that no separation sets apart.
    """
    eta = model.design.known + model.Q @ gamma
    if not model.family.valid(eta):  # without random effects
        return
    curvature = -model.family.evaluate(model.y, eta, model.weights, phi).d2
    values, directions = np.linalg.eigh(model.Q.T @ (curvature[:, None] * model.Q))
    if abs(values[0]) < UNINFORMED * values[-1]:
        columns = _moved(model, directions[:, 0])
        raise NoMaximumError(
            f"the likelihood has no maximum: means run to the end of their range with {', '.join(columns)}, where the "
            f"{model.family.name} density no longer depends on them, so that coefficients grow without end. Use "
            "another family (a Poisson one of the same kind, say), or leave such columns out"
        )


def decide(model: PenalizedLikelihood, phi: FloatArray) -> None:
    """By linear programs, whether a direction separates the responses.

    Raises
    ------
    NoMaximumError
        With the names of the columns.
    """
    fixed = model.design.fixed
    if isinstance(model.family, OrderedFamily):
        if model.design.parameters:
            _decide_with_models(model, model.family)
            return
        signed = _signed(model, model.family)
        d = _separating_direction(signed, np.ones(len(signed)))
        if d is not None:
            raise NoMaximumError(_separation(_moved(model, d[: fixed.rank])))
        return
    toward = _toward_the_ends(model, phi)
    if not fixed.rank or not toward.any():
        return
    X = model.design.X[:, fixed.kept]
    alone = [name for name, x in zip(fixed.kept_names, X.T, strict=True) if _separates(x, toward)]
    if not alone:
        d = _separating_direction(model.Q * np.sqrt(len(X)), toward)
        if d is None:
            return
        alone = _moved(model, d)
    raise NoMaximumError(_separation(alone))


def _decide_with_models(model: PenalizedLikelihood, family: OrderedFamily) -> None:
    """Whether fixed effects run away where spacings differ from row to row, which may go with them.

    Spacings alone may go to a limit where others do not: their coefficients are not determined, and all else is. Of
    spacings that are exponentials of numbers nobody knows such directions but those in which all rows are set apart.
    """
    n, rank = len(model.y), model.design.fixed.rank
    groups = groups_of_spacings(family, model.design.parameter_rows, n)
    signed = np.unique(_signed(model, family, groups), axis=0)
    bounds = [(-1.0, 1.0)] * rank + [(0.0, None)] * (signed.shape[1] - rank)
    one = np.eye(rank, signed.shape[1])
    for objective in np.vstack([one, -one]):
        program = scipy.optimize.linprog(-objective, A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=bounds)
        if program.status == 0 and objective @ (d := np.asarray(program.x)) > MOVES:
            columns = _moved(model, d[:rank])
            raise NoMaximumError(f"{_separation(columns)}; or leave them out of the models of the spacings")
    constant = all(np.allclose(B @ B.mean(axis=0), 1.0) for B in model.design.parameter_rows.values())
    if constant and any(group is None for group in groups):
        signed = _signed(model, family)
        gap = scipy.optimize.linprog(
            np.append(np.zeros(signed.shape[1]), -1.0),
            A_ub=np.column_stack([-signed, np.ones(len(signed))]),
            b_ub=np.zeros(len(signed)),
            bounds=[(-1.0, 1.0)] * rank + [(0.0, None)] * (signed.shape[1] - rank + 1),
        )
        if gap.status == 0 and (d := np.asarray(gap.x))[-1] > MOVES:
            raise NoMaximumError(_separation(_moved(model, d[:rank])))


def _signed(
    model: PenalizedLikelihood, family: OrderedFamily, groups: Sequence[IntArray | None] | None = None
) -> FloatArray:
    """By a direction of fixed effects and spacings, what must not fall in any row: see `one_sided`."""
    rows, spaced, toward = one_sided(family, model.y, groups)
    return np.column_stack([model.Q[rows] * np.sqrt(len(model.y)), -spaced]) * toward[:, None]


def _moved(model: PenalizedLikelihood, d: FloatArray) -> list[str]:
    """Columns of X of which a direction in their basis is made."""
    fixed = model.design.fixed
    size = np.abs(fixed.coefficients(d)) * np.abs(model.design.X[:, fixed.kept]).max(axis=0)
    return [name for name, s in zip(fixed.kept_names, size, strict=True) if s > MOVES * size.max()]


def _separation(columns: list[str]) -> str:
    return (
        "the likelihood has no maximum (complete or quasi-complete separation): "
        f"{columns[0] if len(columns) == 1 else 'a combination of ' + ', '.join(columns)} predicts some responses "
        "perfectly, so that coefficients grow without end. Leave such columns out, merge levels, or collect more data"
    )


def _toward_the_ends(model: PenalizedLikelihood, phi: FloatArray) -> FloatArray:
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
    program = scipy.optimize.linprog(
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
