"""The Laplace criterion of generalized models, of many responses at once, with exact gradients.

`estimation.modes`, `estimation.laplace` and, for one factor of one column, `estimation.quadrature`. Arrays of rows are
(n, m), of random effects (q, m); a family sees rows times responses as so many rows more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.family import Derivatives, Family
from ..design.mixed import MixedDesign
from ..estimation.quadrature import Grid, gauss_hermite_grid
from ..estimation.weighted import weight_derivatives
from .newton import spectrum
from .nodes import Explicit, Nodes
from .random_blocks import Blocks, DenseBlocks, Inverted, LevelBlocks
from .roots import Effects, Roots
from .small import by_matrix, inverse

#: Newton decrements from which steps need no look at h, and from which one more leaves nothing.
QUADRATIC, LAST_STEP = 1e-2, 1e-10
MAX_STEPS = 40


@dataclass(frozen=True, eq=False)
class Design:
    """What all responses share: sums over rows as sparse matrices.

    Parameters
    ----------
    family : Family
    weights_in_logdet : {"observed", "expected"}
    effects : Effects
    blocks : Blocks
    Z : (n, q) sparse array
    Zt : (q, n) sparse array
    Q : (n, r) sparse array
    QQ : (r r, n) sparse array
        Products of Q's columns.
    ZtQ : tuple of (q, n) sparse arrays
        Sums by level of Z times each column of Q.
    member : (q, n) sparse array
        Sums by level.
    offset, weights : (n, 1) arrays
    grid : Grid or None
        Nodes of quadrature for one factor of one column.
    """

    family: Family
    weights_in_logdet: str
    effects: Effects
    blocks: Blocks
    Z: csr_array
    Zt: csr_array
    Q: csr_array
    QQ: csr_array
    ZtQ: tuple[csr_array, ...]
    member: csr_array
    offset: FloatArray
    weights: FloatArray
    grid: Grid | None

    @classmethod
    def of(cls, design: MixedDesign, family: Family, weights_in_logdet: str, nagq: int) -> Design:
        """The sums of a design."""
        n, effects = design.n, Effects.of(design.random)
        places, values = [], []
        for factor, (k, L, mine) in zip(design.random.groups, effects.factors, strict=True):
            places += [mine.start + a * L + factor.codes for a in range(k)]
            values += [np.ones(n) if z is None else z for z in factor.columns]
        rows, columns, Q = np.concatenate(places), np.tile(np.arange(n), len(places)), design.fixed.Q

        def by_level(values: FloatArray) -> csr_array:
            return csr_array((values, (rows, columns)), shape=(effects.q, n))

        z = np.concatenate(values)
        Zt = by_level(z)
        return cls(
            family=family,
            weights_in_logdet=weights_in_logdet,
            effects=effects,
            blocks=LevelBlocks(design) if len(effects.levels) == 1 else DenseBlocks(design, effects),
            Z=Zt.T.tocsr(),
            Zt=Zt,
            Q=csr_array(np.ascontiguousarray(Q)),
            QQ=csr_array((Q[:, :, None] * Q[:, None, :]).reshape(n, -1).T),
            ZtQ=tuple(by_level(z * np.tile(q, len(places))) for q in Q.T),
            member=by_level(np.ones_like(z)),
            offset=design.known[:, None],
            weights=(np.ones(n) if design.weights is None else design.weights)[:, None],
            grid=gauss_hermite_grid(nagq, 1) if nagq > 1 else None,
        )

    def predictor(self, gamma: FloatArray) -> FloatArray:
        """Offset + Q gamma, (n, m)."""
        return np.asarray(self.offset + self.Q @ gamma)

    def Qt(self, v: FloatArray) -> FloatArray:
        """Q'v, (r, m)."""
        return np.asarray(self.Q.T.tocsr() @ v)

    def responses(self, y: FloatArray) -> Responses:
        """Responses (n, m), for evaluations again and again."""
        flat, weights = y.ravel(), np.repeat(self.weights, y.shape[1], axis=1).ravel()
        return Responses(self.family.of_response(flat, weights), flat, weights, y.shape)


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses of one design, row by row.

    Parameters
    ----------
    family : Family
        Which knows them (`Family.of_response`).
    y, weights : (n m,) arrays
    shape : (n, m)
    """

    family: Family
    y: FloatArray
    weights: FloatArray
    shape: tuple[int, ...]

    def take(self, which: IntArray) -> Responses:
        """Some of the m responses."""
        n, m = self.shape
        places = (m * np.arange(n)[:, None] + which).ravel()
        y, weights = self.y[places], self.weights[places]
        return Responses(self.family.of_rows(y, weights, places), y, weights, (n, len(which)))

    def evaluate(self, eta: FloatArray, phi: FloatArray, order: Literal[2, 3] = 2) -> Derivatives:
        """Log densities and derivatives, (n, m) and (s, n, m)."""
        n = self.shape[0]
        flat = np.repeat(phi[:, None, :], n, axis=1).reshape(len(phi), -1) if len(phi) else np.zeros(0)
        at = self.family.evaluate(self.y, eta.ravel(), self.weights, flat, order)
        shaped = {
            k: value.reshape(*value.shape[:-1], *self.shape) for k, value in vars(at).items() if value is not None
        }
        return replace(at, **shaped)


@dataclass(frozen=True, eq=False)
class Modes:
    """The conditional modes of m responses, and derivatives there.

    Parameters
    ----------
    T : tuple of (k_j, k_j, m) arrays
    u : (q, m) array
        Spherical modes.
    A : array
        Z'WZ with the weights that enter log|M|, in the layout of the design's blocks.
    M, M_newton : Inverted
        With these weights, and with observed ones.
    found : (m,) bool array
    """

    design: Design
    T: Roots
    responses: Responses
    phi: FloatArray
    fixed: FloatArray
    u: FloatArray
    d: Derivatives
    A: FloatArray
    M: Inverted
    M_newton: Inverted
    weight: FloatArray
    found: BoolArray

    @cached_property
    def nodes(self) -> Nodes | None:
        """Those of quadrature, where there are any."""
        return None if self.design.grid is None else Nodes.of(self, self.design.grid)

    @property
    def value(self) -> FloatArray:
        """The criterion, NaN where there are no modes."""
        if self.nodes is not None:
            return np.where(self.found, self.M.logdet - 2.0 * self.nodes.log_integral.sum(axis=0), np.nan)
        value = -2.0 * self.d.log_density.sum(axis=0) + (self.u**2).sum(axis=0) + self.M.logdet
        return np.where(self.found, value, np.nan)

    def gradient(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """By gamma (r, m), the entries of T (d, m) and phi (s, m)."""
        design, d, T, effects = self.design, self.d, self.T, self.design.effects
        assert d.phi1_eta is not None
        w_eta, w_phi = weight_derivatives(design.weights_in_logdet, d)
        by = self._of_modes() if self.nodes is None else self.nodes.explicit(self)
        leverages = design.blocks.leverages(T, by.M)
        c = leverages * w_eta
        v = design.blocks.solve(self.M_newton.matrix, effects.transposed_times(T, design.Zt @ c) + by.u)
        t = design.Z @ effects.times(T, v)
        moved = c + d.d2 * t
        by_T = zip(
            by.T,
            effects.outer(by.b + design.Zt @ moved, self.u),
            effects.outer(design.Zt @ d.d1, v),
            design.blocks.by_root(self.A, T, by.M),
            strict=True,
        )
        entries = effects.entries([a + b + e + 2.0 * f for a, b, e, f in by_T])
        return design.Qt(by.eta + moved), entries, by.phi + (leverages * w_phi + t * d.phi1_eta).sum(axis=1)

    def _of_modes(self) -> Explicit:
        d = self.d
        assert d.phi1 is not None
        by_eta = -2.0 * d.d1
        nothing = [np.zeros_like(t) for t in self.T]
        by_u = np.zeros_like(self.u)
        return Explicit(by_eta, self.design.Zt @ by_eta, by_u, nothing, -2.0 * d.phi1.sum(axis=1), self.M.matrix)

    def curvature(self) -> FloatArray:
        """Approximate Hessian by (gamma, entries), (r + d, r + d, m), see `estimation.laplace.curvature`."""
        design, effects, T, r = self.design, self.design.effects, self.T, self.design.Q.shape[1]
        blocks, m, M = design.blocks, self.u.shape[1], self.M.matrix
        e = np.asarray(design.Zt @ self.d.d1)
        pairs = zip(blocks.marginal(self.A, T, M), effects.outer(e, e), strict=True)
        bent, W = effects.bent([_positive_part(total - ee) for total, ee in pairs]), []
        for dG, (k, L, mine) in zip(effects.directions(T), effects.factors, strict=True):
            for direction in dG:
                w = np.zeros((effects.q, m))
                w[mine] = np.einsum("abm,blm->alm", direction, e[mine].reshape(k, L, m)).reshape(-1, m)
                W.append(w)
        S = [np.asarray(by_level @ self.weight) for by_level in design.ZtQ] + [blocks.times(self.A, w) for w in W]
        LS = [effects.transposed_times(T, s) for s in S]
        MS = [blocks.solve(M, s) for s in LS]
        H = -np.array([[(a * b).sum(axis=0) for b in MS] for a in LS]).reshape(len(S), len(S), m)
        H[:r, :r] += np.asarray(design.QQ @ self.weight).reshape(r, r, -1)
        for i, w in enumerate(W):
            H[:, r + i] += np.array([(s * w).sum(axis=0) for s in S])
        H[r:, :r] = H[:r, r:].swapaxes(0, 1)
        taken_up = np.einsum("xim,xym,yjm->ijm", H[:r, r:], inverse(H[:r, :r])[0], H[:r, r:])
        for mine, more in zip(effects.template.slices, bent, strict=True):
            own = slice(r + mine.start, r + mine.stop)
            H[own, own] += more
        least = spectrum(np.nan_to_num(H[r:, r:] - 2.0 * taken_up))[0][:, 0]
        crosswise = np.where(least < 0.0, np.sqrt(2.0), 2.0)
        H[:r, :r] *= 2.0
        H[:r, r:] *= crosswise
        H[r:, :r] *= crosswise
        return H


def _positive_part(S: FloatArray) -> FloatArray:
    """Of symmetric matrices (k, k, m)."""
    if len(S) == 1:
        return np.maximum(S, 0.0)
    eigenvalues, V = np.linalg.eigh(by_matrix(np.nan_to_num(0.5 * (S + S.swapaxes(0, 1)))))
    half = V * np.sqrt(np.maximum(eigenvalues, 0.0))[:, None]
    return np.moveaxis(half @ half.swapaxes(1, 2), 0, -1)


def find_modes(
    design: Design, responses: Responses, gamma: FloatArray, T: Roots, phi: FloatArray, u: FloatArray
) -> Modes:
    """PIRLS from u (q, m), of all responses at once: Newton steps with halving; those that are done wait."""
    fixed, u, effects, blocks = design.predictor(gamma), u.copy(), design.effects, design.blocks
    m = u.shape[1]
    before, h_before, step = u.copy(), np.full(m, np.inf), np.zeros_like(u)
    active, found = np.arange(m), np.zeros(m, bool)
    near_before = np.zeros(m, bool)
    for _ in range(MAX_STEPS):
        if len(active) == 1:
            active = np.repeat(active, 2)
        t, own = [root.take(active, axis=2) for root in T], u.take(active, axis=1)
        eta = fixed.take(active, axis=1) + design.Z @ effects.times(t, own)
        d = responses.take(active).evaluate(eta, phi.take(active, axis=1))
        h = -2.0 * d.log_density.sum(axis=0) + (own**2).sum(axis=0)
        worse = ~(h <= h_before[active] + 1e-12 * (np.abs(h_before[active]) + 1.0)) & ~near_before[active]
        M = blocks.invert(blocks.gram(-d.d2), t)
        newton = np.isfinite(M.logdet)
        if not newton.all():
            weight = np.where(newton, -d.d2, d.expected_weight)
            M = blocks.invert(blocks.gram(weight), t)
        g = effects.transposed_times(t, design.Zt @ d.d1) - own
        solved = blocks.solve(M.matrix, g)
        decrement = (g * solved).sum(axis=0)
        good, bad = active[~worse], active[worse]
        before[:, good], h_before[good], step[:, good] = own[:, ~worse], h[~worse], solved[:, ~worse]
        step[:, bad] *= 0.5
        near_before[good] = decrement[~worse] <= QUADRATIC
        u[:, active] = before.take(active, axis=1) + step.take(active, axis=1)
        done = ~worse & newton & (decrement <= LAST_STEP)
        found[active[done]] = True
        active = active[~done]
        if not len(active):
            break
    eta = fixed + design.Z @ effects.times(T, u)
    d = responses.evaluate(eta, phi, 3)
    observed = blocks.gram(-d.d2)
    M_newton = blocks.invert(observed, T)
    if design.weights_in_logdet == "observed":
        weight, A, M = -d.d2, observed, M_newton
    else:
        weight = d.expected_weight
        A = blocks.gram(weight)
        M = blocks.invert(A, T)
    found &= np.isfinite(M.logdet) & np.isfinite(M_newton.logdet)
    return Modes(design, T, responses, phi, fixed, u, d, A, M, M_newton, weight, found)


__all__ = ["Design", "Modes", "find_modes"]
