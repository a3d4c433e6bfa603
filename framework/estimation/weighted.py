"""Sums over rows with working weights: all that a step of PIRLS solves with."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.family import Derivatives
from ..contracts.linalg import PatternBlocks
from ..design.mixed import MixedDesign


class Weighted(Protocol):
    """Sums with the diagonal of W: of rows in memory, or of parts that were added up."""

    @property
    def largest(self) -> float:
        """The largest weight."""

    @property
    def mean(self) -> float:
        """Mean weight."""

    @property
    def ZtWZ(self) -> PatternBlocks:
        """Z'WZ by blocks."""

    @property
    def ZtWQ(self) -> FloatArray:
        """Z'WQ, (q, r) with contiguous columns."""

    @property
    def QtWQ(self) -> FloatArray:
        """Q'WQ, (r, r)."""


class WeightedRows:
    """Sums over rows that are in memory, each when it is asked for.

    Parameters
    ----------
    design : MixedDesign
    weights : (n,) array
    """

    def __init__(self, design: MixedDesign, weights: FloatArray) -> None:
        self.design, self.weights = design, weights

    @property
    def largest(self) -> float:
        """The largest weight."""
        return float(self.weights.max())

    @property
    def mean(self) -> float:
        """Mean weight."""
        return float(self.weights.mean())

    @cached_property
    def ZtWZ(self) -> PatternBlocks:
        """Z'WZ by blocks."""
        return self.design.random.ZtWZ(self.weights)

    @cached_property
    def WQ(self) -> FloatArray:
        """WQ, with contiguous columns."""
        return np.ascontiguousarray(self.design.fixed.Q.T * self.weights).T

    @cached_property
    def ZtWQ(self) -> FloatArray:
        """Z'WQ, (q, r) with contiguous columns."""
        return self.design.random.Zt(self.WQ)

    @cached_property
    def QtWQ(self) -> FloatArray:
        """Q'WQ, (r, r)."""
        return np.asarray(self.WQ.T @ self.design.fixed.Q)


def weight_derivatives(weights_in_logdet: str, d: Derivatives) -> tuple[FloatArray, FloatArray]:
    """dw/deta (n,) and dw/dphi (r, n) of the weights in log|M|."""
    if weights_in_logdet == "observed":
        assert d.d3 is not None
        assert d.phi1_eta2 is not None
        return -d.d3, -d.phi1_eta2
    assert d.expected_weight_eta is not None
    assert d.expected_weight_phi is not None
    return d.expected_weight_eta, d.expected_weight_phi


__all__ = ["Weighted", "WeightedRows", "weight_derivatives"]
