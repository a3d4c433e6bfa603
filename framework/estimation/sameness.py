"""When two fits are one: the same model of the same data with the same estimates, whatever they were made in."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.precision import KnownPrecision
from ..design.labels import GroupLabels, Labels
from .generalized import GeneralizedFit, Laplace
from .linear import LinearFit
from .model import Fit


def estimates_of(fit: Fit) -> tuple[bytes, ...]:
    """The bits of all estimates, by which fits may be hashed: equal where fits are."""
    own: tuple[FloatArray | float, ...] = ()
    if isinstance(fit, LinearFit):
        own = (fit.sigma,)
    elif isinstance(fit, GeneralizedFit):
        own = (fit.xi,)
    return tuple(_bits(value) for value in (fit.theta, fit.gamma, fit.b, fit.criterion, *fit.turned, *own))


def same(one: Fit, other: Fit) -> bool:
    """Whether both have the same likelihood, labels, estimates and rows; the last by their fingerprints."""
    return (
        _likelihood(one) == _likelihood(other)
        and estimates_of(one) == estimates_of(other)
        and _same_labels(one.model.labels, other.model.labels)
        and one.fingerprint == other.fingerprint
    )


def _likelihood(fit: Fit) -> object:
    likelihood = fit.model.likelihood
    if isinstance(likelihood, Laplace):
        return likelihood.family, likelihood.nagq, likelihood.weights_in_logdet
    return likelihood


def _same_labels(one: Labels, other: Labels) -> bool:
    return (
        (str(one), str(one.residual), one.fixed.names) == (str(other), str(other.residual), other.fixed.names)
        and one.fixed.kept.tolist() == other.fixed.kept.tolist()
        and len(one.groups) == len(other.groups)
        and all(map(_same_group, one.groups, other.groups))
    )


def _same_group(one: GroupLabels, other: GroupLabels) -> bool:
    precisions = one.grouping.precision, other.grouping.precision
    return one.levels.tolist() == other.levels.tolist() and _same_precision(*precisions)


def _same_precision(one: KnownPrecision | None, other: KnownPrecision | None) -> bool:
    if one is None or other is None:
        return one is other
    A, B = one.matrix, other.matrix  # row indices are ascending in both
    return all(map(np.array_equal, (A.indptr, A.indices, A.data), (B.indptr, B.indices, B.data)))


def _bits(value: FloatArray | float) -> bytes:
    return np.asarray(value, dtype=np.float64).tobytes()
