"""Models of ordered categories: where their thresholds are, and whether their likelihood has a maximum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError
from ..contracts.ordered import OrderedFamily
from ..design.labels import Labels
from ..design.terms import INTERCEPT


def refuse_no_intercept(family: OrderedFamily, labels: Labels) -> None:
    """The first threshold is minus the intercept: X needs one.

    Raises
    ------
    InputError
        Where it has none.
    """
    if INTERCEPT not in labels.fixed.kept_names:
        raise InputError(
            f"X has no column {INTERCEPT}, and the {family.name} family needs it: its first threshold is minus the "
            "intercept. Leave out the 0 of the formula, or give X a first column of ones"
        )


def groups_of_spacings(family: OrderedFamily, bases: Mapping[str, FloatArray], n: int) -> list[IntArray | None]:
    """For each spacing the group (n,) of every row: those of a group share a spacing, and groups may have any.

    All rows are one group without a model, and those of equal columns with one. None where there are fewer columns than
    groups, of numbers for example, so that their spacings depend on each other; and of a spacing that is given.
    """
    out: list[IntArray | None] = []
    for parameter in family.parameters:
        columns = bases.get(parameter.name, np.ones((n, 1)))
        different, group = np.unique(columns.round(9), axis=0, return_inverse=True)
        free = parameter.fixed is None and len(different) <= different.shape[1]
        out.append(group.ravel() if free else None)
    return out


def one_sided(
    family: OrderedFamily, y: FloatArray, groups: Sequence[IntArray | None] | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What has to hold for a direction to separate: rows, how the spacings act there, and the sign of the movement.

    A response is between two thresholds. Along the direction the linear predictor must not rise above the upper one,
    sign -1, nor fall below the lower one, sign 1: a row has one or two of these.

    Parameters
    ----------
    family : OrderedFamily
    y : (n,) array
    groups : list, optional
        Of `groups_of_spacings`, where spacings have models. Those that depend on each other are left where they are.

    Returns
    -------
    (N,) int array, (N, r) array, (N,) array
        Of the i-th, ``sign[i] * (eta[rows[i]] - spaced[i] @ phi)`` must not fall. phi has a value for each group.
    """
    place, S = y.astype(np.intp), family.spacings
    under, over = np.flatnonzero(place < len(S)), np.flatnonzero(place > 0)
    spaced = np.vstack([S[place[under]], S[place[over] - 1]])
    rows, sign = np.concatenate([under, over]), np.concatenate([-np.ones(len(under)), np.ones(len(over))])
    if groups is not None:
        pairs = [(column, g) for column, g in zip(spaced.T, groups, strict=True) if g is not None]
        spaced = np.hstack([spaced[:, :0], *(column[:, None] * np.eye(g.max() + 1)[g[rows]] for column, g in pairs)])
    return rows, spaced, sign


def is_extreme(family: OrderedFamily, eta: FloatArray, phi: FloatArray, suspicious: float) -> bool:
    """Whether some category is nearly impossible somewhere, beside its average."""
    p = family.probabilities(eta, phi)
    return bool((p < suspicious * p.mean(axis=0)).any())


__all__ = ["groups_of_spacings", "is_extreme", "one_sided", "refuse_no_intercept"]
