"""How far an optimum may be off since log|M| was found from random probes."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from ..contracts.arrays import FloatArray
from ..contracts.linalg import SampledFactor, SampledSymbolic
from .linear_criterion import LinearCriterion, Scaled
from .monte_carlo import MonteCarlo


def monte_carlo(criterion: LinearCriterion, x: FloatArray) -> MonteCarlo | None:
    """The Monte Carlo error of an optimum x, in parameters that are not held; None where nothing is sampled.

    The estimates of exact probes would be -H^-1 g away, with g the gradient's error. Of its covariance S, and 2 H^-1
    that of the estimates, the largest ratio v'H^-1 S H^-1 v / (2 v'H^-1 v) is an eigenvalue of S / 2 beside H. The
    average information stands for H.
    """
    here = criterion.at(x)
    factor = here.at.factor
    if not isinstance(factor, SampledFactor):
        return None
    logdets = factor.probe_logdets
    free = criterion.parameters.free(criterion.unit * x, criterion.eta)
    if not free.any():
        return MonteCarlo(0.0, logdets)
    gradients = np.array([_gradient(here, criterion, i) for i in range(len(logdets))])[:, free]
    S = np.atleast_2d(np.cov(gradients.T)) / len(logdets)
    largest = eigh(0.5 * S, here.curvature[np.ix_(free, free)], eigvals_only=True)[-1]
    return MonteCarlo(float(np.sqrt(max(largest, 0.0))), logdets)


def _gradient(here: Scaled, criterion: LinearCriterion, i: int) -> FloatArray:
    """d log|M| / dx by probe i."""
    factor = here.at.factor
    assert isinstance(factor, SampledFactor)
    by_entries = criterion.parameters.template.entries(tuple(by[:, :, i] for by in factor.probe_gradients))
    return here.unit * (by_entries if here.jacobian is None else by_entries @ here.jacobian)


def with_probes(criterion: LinearCriterion, n_probes: int) -> LinearCriterion:
    """The criterion by another number of probes, of which the first are the same."""
    symbolic = criterion.deviance.symbolic
    assert isinstance(symbolic, SampledSymbolic)
    return criterion.by(symbolic.with_probes(n_probes))
