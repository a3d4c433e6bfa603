"""Adaptive Gauss-Hermite quadrature for one grouping factor, with its exact gradient.

The integral over a level's k random effects is taken on a product grid, centred at the mode and scaled by the Cholesky
factor C C' = M_l there (Pinheiro & Bates 1995, doi 10.1080/10618600.1995.10474663; one node is the Laplace
approximation):

    -2 log L_l = log|M_l| - 2 log sum_q w_q exp(|z_q|^2/2 - h_l(u + C^-T z_q)/2).

The gradient runs the same steps backwards, through the Cholesky factor (Murray 2016, arXiv:1602.07527) and the modes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.linalg import PatternBlocks
from .laplace import Gradient, total_gradient
from .modes import Mode


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes z (Q, k) and logarithms of the weights of a standard normal density (Q,)."""

    z: FloatArray
    log_weights: FloatArray


def gauss_hermite_grid(n_nodes: int, k: int) -> Grid:
    """Product rule of `n_nodes` in each of k dimensions, symmetrized.

    Examples
    --------
    >>> grid = gauss_hermite_grid(5, 1)
    >>> float((np.exp(grid.log_weights) * grid.z[:, 0] ** 4).sum().round(12))
    3.0
    """
    z, w = np.polynomial.hermite_e.hermegauss(n_nodes)
    z, w = 0.5 * (z - z[::-1]), 0.5 * (w + w[::-1])
    w = w / w.sum()
    grid = np.array(list(product(z, repeat=k)))
    return Grid(grid, np.log(np.array(list(product(w, repeat=k)))).sum(axis=1))


class Quadrature:
    """The criterion at one mode, node by node."""

    def __init__(self, mode: Mode, grid: Grid) -> None:
        self.mode, self.grid = mode, grid
        model = mode.model
        f = model.structure.factors[0]
        self.k, self.n_levels = f.n_columns, f.n_levels
        self.codes = model.design.random.factors[0].codes
        self.T = mode.Lambda.T[0]
        A = np.moveaxis(mode.system.ZtWZ.diagonal[0], 2, 0)
        M = self.T.T @ A @ self.T + np.eye(self.k)
        self.A, self.C = A, np.linalg.cholesky(M)
        self.Cinv = np.linalg.inv(self.C)
        self.u = mode.point.u.reshape(self.k, self.n_levels)
        self.fixed_eta = mode.point.eta - model.design.random.Z(mode.point.b)
        Q = len(grid.z)
        h = np.empty((Q, self.n_levels))
        self.d1 = np.empty((Q, len(model.y)))
        for q in range(Q):
            u = self.node(q)
            at = model.family.evaluate(model.y, self.eta(u), model.weights, mode.phi, 2)
            h[q] = (u**2).sum(axis=0) - 2.0 * np.bincount(self.codes, at.log_density, minlength=self.n_levels)
            self.d1[q] = at.d1
        exponent = grid.log_weights[:, None] + 0.5 * (grid.z**2).sum(axis=1)[:, None] - 0.5 * h
        largest = exponent.max(axis=0)
        terms = np.exp(exponent - largest)
        total = terms.sum(axis=0)
        self.share = terms / total
        self.log_integral = largest + np.log(total)

    def node(self, q: int) -> FloatArray:
        """u + C^-T z_q, (k, levels)."""
        return np.asarray(self.u + np.einsum("lca,c->al", self.Cinv, self.grid.z[q]))

    def eta(self, u: FloatArray) -> FloatArray:
        """Linear predictor with spherical random effects u (k, levels)."""
        return self.fixed_eta + self.mode.model.design.random.Z((self.T @ u).ravel())

    @cached_property
    def criterion(self) -> float:
        """-2 log-likelihood by quadrature."""
        logdet = 2.0 * np.log(np.diagonal(self.C, axis1=1, axis2=2)).sum()
        return float(logdet - 2.0 * self.log_integral.sum())

    @property
    def by_level(self) -> FloatArray:
        """-2 log-likelihood of each level."""
        logdet = 2.0 * np.log(np.diagonal(self.C, axis1=1, axis2=2)).sum(axis=1)
        return np.asarray(logdet - 2.0 * self.log_integral)

    def gradient(self) -> Gradient:
        """Exact gradient of `criterion`."""
        mode, model, k = self.mode, self.mode.model, self.k
        explicit = np.zeros(len(model.y))
        by_T = np.zeros((k, k))
        by_u = np.zeros((k, self.n_levels))
        B = np.zeros((self.n_levels, k, k))
        by_phi = np.zeros(len(mode.phi))
        for q, z in enumerate(self.grid.z):
            u, share = self.node(q), self.share[q]
            weighted = -2.0 * share[self.codes] * self.d1[q]
            Zt = model.Zt(weighted).reshape(k, self.n_levels)
            explicit += weighted
            by_T += Zt @ (u - self.u).T  # what goes through the modes is in `explicit`
            by_node = 2.0 * share * u + self.T.T @ Zt
            by_u += by_node
            B += np.einsum("al,c->lac", by_node, z)
            if len(mode.phi):
                phi1 = model.family.evaluate(model.y, self.eta(u), model.weights, mode.phi, 3).phi1
                assert phi1 is not None
                by_phi -= 2.0 * phi1 @ share[self.codes]
        M_bar = self._by_M(B)
        by_T += 2.0 * (self.A @ self.T @ M_bar).sum(axis=0)
        K = np.moveaxis(self.T @ M_bar @ self.T.T, 0, 2)
        leverages = model.design.random.quadratic_rows(PatternBlocks((K,), {}))
        return total_gradient(
            mode,
            leverages,
            by_eta=explicit,
            by_T=(by_T,),
            by_phi=by_phi,
            by_u=by_u.ravel(),
        )

    def _by_M(self, B: FloatArray) -> FloatArray:
        """Derivative by M_l, from log|M_l| and from B, the derivative by C^-T: (levels, k, k)."""
        Cinv, Ct = self.Cinv, np.swapaxes(self.C, 1, 2)
        Cinv_t = np.swapaxes(Cinv, 1, 2)
        C_bar = np.tril(-Cinv_t @ np.swapaxes(B, 1, 2) @ Cinv_t)
        inner = np.tril(Ct @ C_bar)
        inner[:, np.arange(self.k), np.arange(self.k)] *= 0.5
        S = Cinv_t @ inner @ Cinv
        return np.asarray(Cinv_t @ Cinv + 0.5 * (S + np.swapaxes(S, 1, 2)))
