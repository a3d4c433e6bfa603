"""Adaptive Gauss-Hermite quadrature for one factor of one column, of many responses at once, with its exact gradient.

`estimation.quadrature` where M_l and C are numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..contracts.arrays import FloatArray
from ..estimation.quadrature import Grid
from .roots import Roots

if TYPE_CHECKING:
    from .generalized_rows import Modes


class Explicit(NamedTuple):
    """Derivatives that do not go through the weights and the modes.

    Parameters
    ----------
    eta : (n, m) array
    b, u : (q, m) arrays
        By random effects, and by spherical ones beside that.
    T : tuple of (k_j, k_j, m) arrays
        What does not go through eta.
    phi : (s, m) array
    M : array
        By M, in the layout of the design's blocks.
    """

    eta: FloatArray
    b: FloatArray
    u: FloatArray
    T: Roots
    phi: FloatArray
    M: FloatArray


@dataclass(frozen=True, eq=False)
class Nodes:
    """The integrals of all levels.

    Parameters
    ----------
    grid : Grid
    scale : (L, m) array
        C^-1 = M^(-1/2).
    share : (Q, L, m) array
        Each node's part of the integral.
    log_integral : (L, m) array
    """

    grid: Grid
    scale: FloatArray
    share: FloatArray
    log_integral: FloatArray

    @classmethod
    def of(cls, modes: Modes, grid: Grid) -> Nodes:
        """The integrand at the nodes."""
        design, scale = modes.design, np.sqrt(modes.M.matrix[0, 0])
        exponent = np.empty((len(grid.z), *modes.u.shape))
        for q, (z,) in enumerate(grid.z):
            u = modes.u + scale * z
            d = modes.responses.evaluate(modes.fixed + design.Z @ design.effects.times(modes.T, u), modes.phi)
            exponent[q] = grid.log_weights[q] + 0.5 * z**2 - 0.5 * u**2 + design.member @ d.log_density
        largest = exponent.max(axis=0)
        terms = np.exp(exponent - largest)
        total = terms.sum(axis=0)
        return cls(grid, scale, terms / total, largest + np.log(total))

    def explicit(self, modes: Modes) -> Explicit:
        """The derivatives of the criterion, back through the nodes and the scale."""
        design, effects, T = modes.design, modes.design.effects, modes.T
        by_eta, by_phi = np.zeros_like(modes.fixed), np.zeros_like(modes.phi)
        by_u, by_scale, by_T = np.zeros_like(modes.u), np.zeros_like(modes.u), np.zeros_like(T[0])
        for (z,), share in zip(self.grid.z, self.share, strict=True):
            u, of_rows = modes.u + self.scale * z, design.member.T.tocsr() @ share
            d = modes.responses.evaluate(modes.fixed + design.Z @ effects.times(T, u), modes.phi, 3)
            assert d.phi1 is not None
            weighted = -2.0 * of_rows * d.d1
            by_b = design.Zt @ weighted
            by_node = 2.0 * share * u + effects.transposed_times(T, by_b)
            by_eta += weighted
            by_T += effects.outer(by_b, self.scale * z)[0]
            by_u += by_node
            by_scale += z * by_node
            by_phi -= 2.0 * (d.phi1 * of_rows).sum(axis=1)
        by_M = self.scale**2 - 0.5 * by_scale * self.scale**3
        return Explicit(by_eta, design.Zt @ by_eta, by_u, [by_T], by_phi, by_M[None, None])


__all__ = ["Explicit", "Nodes"]
