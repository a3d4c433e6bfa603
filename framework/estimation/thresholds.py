"""Models of ordered categories: where their thresholds are, and whether their likelihood has a maximum."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray
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


def one_sided(family: OrderedFamily, y: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What has to hold for a direction to separate: rows, how the spacings act there, and the sign of the movement.

    A response is between two thresholds. Along the direction the linear predictor must not rise above the upper one,
    sign -1, nor fall below the lower one, sign 1: a row has one or two of these.

    Returns
    -------
    (N,) int array, (N, r) array, (N,) array
        Of the i-th, ``sign[i] * (eta[rows[i]] - spaced[i] @ phi)`` must not fall.
    """
    place, S = y.astype(np.intp), family.spacings
    under, over = np.flatnonzero(place < len(S)), np.flatnonzero(place > 0)
    spaced = np.vstack([S[place[under]], S[place[over] - 1]])
    return np.concatenate([under, over]), spaced, np.concatenate([-np.ones(len(under)), np.ones(len(over))])


def is_extreme(family: OrderedFamily, eta: FloatArray, phi: FloatArray, suspicious: float) -> bool:
    """Whether some category is nearly impossible somewhere, beside its average."""
    p = family.probabilities(eta, phi)
    return bool((p < suspicious * p.mean(axis=0)).any())


__all__ = ["is_extreme", "one_sided", "refuse_no_intercept"]
