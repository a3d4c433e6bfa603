"""Monte Carlo error of a fit whose log|M| is from random probes, and how many probes are enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray

#: Monte Carlo error of the covariance parameters, in their standard errors, that is small enough.
ENOUGH = 0.05
#: Probes, at most.
MOST_PROBES = 1024


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """Monte Carlo error of a fit.

    Parameters
    ----------
    theta_error : float
        Of the covariance parameters, in their standard errors: of the combination of them where it is largest.
    logdets : (N,) array
        log|M| at the estimates as each of the N probes has it. The criterion has their mean.
    """

    theta_error: float
    logdets: FloatArray

    @property
    def n_probes(self) -> int:
        """Number of probes."""
        return len(self.logdets)

    @property
    def criterion_error(self) -> float:
        """Standard error of the criterion, -2 log-likelihood or that of REML."""
        return float(self.logdets.std(ddof=1) / np.sqrt(self.n_probes))

    @property
    def is_small(self) -> bool:
        """Whether it is small enough."""
        return self.theta_error <= ENOUGH

    @property
    def enough_probes(self) -> int:
        """The number of probes, doubled until the error is expected to be small enough."""
        n = self.n_probes
        while n < MOST_PROBES and self.theta_error * np.sqrt(self.n_probes / n) > ENOUGH:
            n *= 2
        return n

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.n_probes} random probes, which leave a Monte Carlo error of {self.theta_error:.2g} standard errors "
            f"in theta, and of {self.criterion_error:.2g} in the deviance"
        )
