"""Adaptive Gauss-Hermite quadrature for one grouping factor, with its exact gradient.

The integral over a level's k random effects is taken on a product grid, centred at the mode and scaled by the Cholesky
factor C C' = M_l there (Pinheiro & Bates 1995, doi 10.1080/10618600.1995.10474663; one node is the Laplace
approximation):

    -2 log L_l = log|M_l| - 2 log sum_q w_q exp(|z_q|^2/2 - h_l(u + C^-T z_q)/2).

The gradient runs the same steps backwards, through the Cholesky factor (Murray 2016, arXiv:1602.07527) and the modes.

Nodes beyond an edge of the family's domain, where there is no density, count as zero: the integral is that over the
domain. Where the density vanishes towards the edge the rule stays accurate. Where it does not (no counts at mean 0) the
integrand breaks off there, which the rule cannot follow: `Quadrature.cut` says by how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, NotPositiveDefiniteError
from ..contracts.linalg import PatternBlocks
from ..design.labels import Labels
from .laplace import Gradient, total_gradient
from .modes import Mode

#: Largest number of random-effect columns: a product rule has nagq^3 nodes then.
MAX_COLUMNS = 3
#: Largest number of nodes in a dimension, lme4's: they are a fifth of the integrand's standard deviation apart, and the
#: outermost are 19 of it from the mode. What they do not resolve is no matter of more nodes.
MAX_NODES = 100
#: Largest number of nodes times rows: numbers that are kept, a gigabyte.
MAX_VALUES = 2**27
#: A node at the edge of the domain that would hold this part of a level's integral makes the rule inaccurate.
CUT = 1e-3


def refuse_quadrature(nagq: int, labels: Labels) -> None:
    """Refuse quadrature where it is not possible, or would take too much.

    Raises
    ------
    InputError
        For too many nodes, factors or columns.
    """
    if nagq <= 1:
        return
    if nagq > MAX_NODES:
        raise InputError(f"nagq={nagq}: at most {MAX_NODES} nodes a dimension are supported; 25 are mostly enough")
    groups = labels.groups
    if len(groups) > 1:
        raise InputError(
            f"nagq={nagq}: quadrature integrates over one grouping factor, and this model has {len(groups)} "
            f"({', '.join(g.name for g in groups)}): {' + '.join(map(str, labels.terms))}. Use nagq=1, the Laplace "
            "approximation"
        )
    if groups[0].grouping.precision is not None:
        raise InputError(
            f"nagq={nagq}: quadrature integrates over one level after the other, and the levels of {groups[0].name} "
            "depend on each other by their known relationship. Use nagq=1, the Laplace approximation"
        )
    k = groups[0].grouping.n_columns
    if k > MAX_COLUMNS:
        raise InputError(
            f"nagq={nagq}: the product rule has {nagq}^{k} nodes for {k} random-effect columns; at most "
            f"{MAX_COLUMNS} columns are supported. Use nagq=1, the Laplace approximation"
        )
    if nagq**k * labels.n > MAX_VALUES:
        most = int((MAX_VALUES / labels.n) ** (1 / k))
        raise InputError(
            f"nagq={nagq}: the product rule has {nagq}^{k} nodes for {k} random-effect columns, at each of which "
            f"{labels.n} rows are looked at; that is too much. Use at most nagq={max(most, 1)}"
        )


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
        f = model.pattern.groupings[0]
        self.k, self.n_levels = f.n_columns, f.n_levels
        self.codes = model.design.random.groups[0].codes
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
            at = model.within(self.eta(u), mode.phi, 2, mode.point.eta)
            h[q] = self._h(u, at.log_density)
            self.d1[q] = at.d1
        exponent = grid.log_weights[:, None] + 0.5 * (grid.z**2).sum(axis=1)[:, None] - 0.5 * h
        largest = exponent.max(axis=0)
        if not np.isfinite(largest).all():
            raise NotPositiveDefiniteError(
                "no node of a level lies inside of the family's domain: use an odd nagq, which has one at the mode"
            )
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

    @cached_property
    def cut(self) -> FloatArray:
        """What a node at the edge of the domain would hold of each level's integral, (levels,).

        The error of the rule is of that order where the integrand breaks off at the edge, and this is zero where the
        integrand vanishes there. Looked at on the way from the mode to the node that is nearest to the edge, beyond it.
        """
        mode, model = self.mode, self.mode.model
        cut, nearest = np.zeros(self.n_levels), np.zeros(self.n_levels)
        for q in range(len(self.grid.z)) if np.isfinite(model.support).any() else ():
            change = self.eta(self.node(q)) - mode.point.eta
            length = np.full(self.n_levels, np.inf)
            np.minimum.at(length, self.codes, model.steps_to_edge(mode.point.eta, change, model.support))
            nearer = (length < 1.0) & (length > nearest)
            if nearer.any():
                u = self.u + (1.0 - 1e-9) * np.minimum(length, 1.0) * (self.node(q) - self.u)
                at = model.within(self.eta(u), mode.phi, 2, mode.point.eta)
                volume = self.grid.log_weights[q] + 0.5 * (self.grid.z[q] ** 2).sum()
                held = np.exp(volume - 0.5 * self._h(u, at.log_density) - self.log_integral)
                cut, nearest = np.where(nearer, held, cut), np.where(nearer, length, nearest)
        return cut

    def _h(self, u: FloatArray, log_density: FloatArray) -> FloatArray:
        """The penalized likelihood of each level."""
        return np.asarray((u**2).sum(axis=0) - 2.0 * np.bincount(self.codes, log_density, minlength=self.n_levels))

    def gradient(self) -> Gradient:
        """Exact gradient of `criterion`."""
        mode, model, k = self.mode, self.mode.model, self.k
        explicit = np.zeros(len(model.y))
        by_T = np.zeros((k, k))
        by_u = np.zeros((k, self.n_levels))
        B = np.zeros((self.n_levels, k, k))
        by_phi = np.zeros((len(mode.phi), len(model.y)))
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
                phi1 = model.within(self.eta(u), mode.phi, 3, mode.point.eta).phi1
                assert phi1 is not None
                by_phi -= 2.0 * phi1 * share[self.codes]
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
