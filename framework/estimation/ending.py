"""The end of every fit: what the data do not determine, which matrices are singular, and what to warn of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray
from ..contracts.errors import ConvergenceWarning, IdentificationWarning, SeveralOptimaWarning, SingularFitWarning
from ..notes import Note
from .certificate import Certificate
from .eigenbasis import SINGULAR
from .parameters import Parameters

#: Quantities that differ by less than this part of themselves between points of one deviance are the same.
SAME = 1e-2
#: Another optimum whose deviance is no more than this higher is told of: the likelihood is not even a seventh of it.
NEAR = 4.0


def singular_factors(parameters: Parameters, x: FloatArray) -> list[str]:
    """Names of the factors whose covariance matrix has no full rank, for theta in units of an average observation.

    Penalized parts of the mean are not among them: without a variance a curve is a straight line, as good as any other.
    """
    penalties = {g.name for g in parameters.groups if g.is_penalty}
    smallest = parameters.smallest_singular_values(x)
    return [name for name, value in smallest.items() if value < SINGULAR and name not in penalties]


#: Values by description, each with the size in comparison with which a difference is one.
Quantities = dict[str, tuple[float, float]]


def own_size(values: Mapping[str, float]) -> Quantities:
    """Values that are compared in their own size."""
    return {name: (value, abs(value)) for name, value in values.items()}


def covariance_quantities(parameters: Parameters, theta: FloatArray, sigma: float = 1.0) -> Quantities:
    """Variances and correlations of the random effects."""
    out: Quantities = {}
    for f, T in zip(parameters.groups, parameters.users_roots(theta), strict=True):
        covariance = sigma**2 * T @ T.T
        sd = np.sqrt(np.diagonal(covariance))
        variances = zip(f.column_names, (sd**2).tolist(), strict=True)
        out |= own_size({f"the variance of {c} by {f.name}": v for c, v in variances})
        for a, one in enumerate(f.column_names):
            for b in range(a):
                if covariance[a, b] != 0.0:
                    text = f"the correlation of {f.column_names[b]} and {one} by {f.name}"
                    out[text] = float(covariance[a, b] / (sd[a] * sd[b])), 1.0
    return out


def not_identified(here: Quantities, elsewhere: Sequence[Quantities]) -> tuple[str, ...]:
    """Descriptions of the quantities that differ between points of one deviance."""
    nothing = 0.0, 0.0
    return tuple(
        name
        for name, (value, size) in here.items()
        if any(abs(value - there) > SAME * max(size, own) for there, own in (q.get(name, nothing) for q in elsewhere))
    )


def differs(one: FloatArray, other: FloatArray, size: FloatArray | float | None = None) -> BoolArray:
    """Where two values are not the same, in comparison with `size`, or with their own size."""
    size = np.maximum(np.abs(one), np.abs(other)) if size is None else size
    return np.asarray(np.abs(one - other) > SAME * size)


def determined(fit: Any, of: Callable[[Any], FloatArray], size: FloatArray | float | None = None) -> FloatArray:
    """What `of` finds in the fit; NaN where other parameters of the same deviance give another value."""
    value = np.array(of(fit), dtype=np.float64)
    for other in fit.elsewhere:
        value[differs(value, of(other), size)] = np.nan
    return value


def notes_of(certificate: Certificate, singular: Sequence[str]) -> tuple[Note, ...]:
    """What to warn of: the certificate's verdict, what the data do not determine, and singular covariance matrices."""
    if not certificate.converged:
        return (Note(ConvergenceWarning, f"the fit did not converge: {certificate.message}"),)
    notes = []
    if certificate.not_identified:
        text = (
            f"the data do not determine {', '.join(certificate.not_identified)}: the deviance stays the same while "
            "they change. They are NaN, as is all that depends on them. Leave out the terms they belong to, or use "
            "data that tell them apart"
        )
        notes.append(Note(IdentificationWarning, text))
    if certificate.other_optima and certificate.other_optima[0] < NEAR:
        text = (
            "the criterion has several optima: the deviance of another one is only "
            f"{certificate.other_optima[0]:.2g} higher than that of the one reported. The data hardly choose between "
            "them, and there may be others that were not found. Use fewer random effects, or data with more levels"
        )
        notes.append(Note(SeveralOptimaWarning, text))
    if singular:
        text = (
            f"the fit is singular: the covariance matrix of {', '.join(singular)} is estimated without full rank (a "
            "variance of zero or a correlation of +-1). The estimates are the optimum; a simpler random-effects "
            "structure would fit as well"
        )
        notes.append(Note(SingularFitWarning, text))
    return tuple(notes)
