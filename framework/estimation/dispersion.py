"""Dispersion parameters as the search sees them: unconstrained."""

from __future__ import annotations

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.family import DispersionParameter


class DispersionScale:
    """Dispersion parameters as the search sees them: unconstrained, fixed ones left out."""

    def __init__(self, parameters: tuple[DispersionParameter, ...]) -> None:
        self.parameters = parameters
        self.estimated = [i for i, p in enumerate(parameters) if p.fixed is None]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the estimated parameters."""
        return tuple(self.parameters[i].name for i in self.estimated)

    def to_free(self, phi: FloatArray) -> FloatArray:
        """Unconstrained values of the estimated parameters."""
        return np.array([_to_free(self.parameters[i], float(phi[i])) for i in self.estimated])

    def to_natural(self, xi: FloatArray) -> tuple[FloatArray, FloatArray]:
        """All parameters (r,), and the derivatives of the estimated ones by their unconstrained values."""
        phi = np.array([0.0 if p.fixed is None else p.fixed for p in self.parameters])
        slope = np.empty(len(self.estimated))
        for j, i in enumerate(self.estimated):
            phi[i], slope[j] = _to_natural(self.parameters[i], float(xi[j]))
        return phi, slope


def _to_free(p: DispersionParameter, value: float) -> float:
    if np.isfinite(p.lower) and np.isfinite(p.upper):
        share = (value - p.lower) / (p.upper - p.lower)
        return float(np.log(share) - np.log1p(-share))
    if np.isfinite(p.lower):
        return float(np.log(value - p.lower))
    if np.isfinite(p.upper):
        return float(-np.log(p.upper - value))
    return value


def _to_natural(p: DispersionParameter, xi: float) -> tuple[float, float]:
    if np.isfinite(p.lower) and np.isfinite(p.upper):
        share = 1.0 / (1.0 + np.exp(-xi))
        return p.lower + (p.upper - p.lower) * share, (p.upper - p.lower) * share * (1.0 - share)
    if np.isfinite(p.lower):
        return p.lower + float(np.exp(xi)), float(np.exp(xi))
    if np.isfinite(p.upper):
        return p.upper - float(np.exp(-xi)), float(np.exp(-xi))
    return xi, 1.0
