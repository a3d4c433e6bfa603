"""The Laplace criterion of models with one scalar factor, of many responses at once, with exact gradients.

`estimation.modes` and `estimation.laplace` where M is diagonal. Arrays of rows are (n, m), of levels (L, m); a family
sees rows times responses as so many rows more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.family import Derivatives, Family
from ..design.mixed import MixedDesign
from ..estimation.weighted import weight_derivatives
from .small import inverse

#: Newton decrements from which steps need no look at h, and from which one more leaves nothing.
QUADRATIC, LAST_STEP = 1e-2, 1e-10
MAX_STEPS = 40


@dataclass(frozen=True, eq=False)
class Design:
    """What all responses share: sums over rows as sparse matrices.

    Parameters
    ----------
    family : Family
    hessian : {"observed", "expected"}
    codes : (n,) int array
    z : (n, 1) array
    Zt, ZtZ : (L, n) sparse arrays
        Sums by level of z and of z^2.
    Q : (n, r) sparse array
    QQ : (r r, n) sparse array
        Products of Q's columns.
    ZtQ : tuple of (L, n) sparse arrays
        Sums by level of z times each column of Q.
    offset, weights : (n, 1) arrays
    phi : (s,) array
        Dispersion parameters where none is estimated.
    """

    family: Family
    hessian: str
    codes: IntArray
    z: FloatArray
    Zt: csr_array
    ZtZ: csr_array
    Q: csr_array
    QQ: csr_array
    ZtQ: tuple[csr_array, ...]
    offset: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, design: MixedDesign, family: Family, hessian: str) -> Design:
        """The sums of a design with one factor of one column."""
        (factor,), n = design.random.factors, design.n
        z, L = (np.ones(n) if factor.columns[0] is None else factor.columns[0]), factor.grouping.n_levels
        Q = np.ascontiguousarray(design.fixed.Q)

        def by_level(values: FloatArray) -> csr_array:
            return csr_array((values, (factor.codes, np.arange(n))), shape=(L, n))

        QQ = (Q[:, :, None] * Q[:, None, :]).reshape(n, -1).T
        return cls(
            family=family,
            hessian=hessian,
            codes=factor.codes,
            z=z[:, None],
            Zt=by_level(z),
            ZtZ=by_level(z**2),
            Q=csr_array(Q),
            QQ=csr_array(QQ),
            ZtQ=tuple(by_level(z * q) for q in Q.T),
            offset=(np.zeros(n) if design.offset is None else design.offset)[:, None],
            weights=(np.ones(n) if design.weights is None else design.weights)[:, None],
        )

    def predictor(self, gamma: FloatArray) -> FloatArray:
        """Offset + Q gamma, (n, m)."""
        return np.asarray(self.offset + self.Q @ gamma)

    def Qt(self, v: FloatArray) -> FloatArray:
        """Q'v, (r, m)."""
        return np.asarray(self.Q.T.tocsr() @ v)

    def evaluate(self, y: FloatArray, eta: FloatArray, phi: FloatArray, order: Literal[2, 3] = 2) -> Derivatives:
        """Log densities and derivatives, (n, m) and (s, n, m)."""
        n, m = y.shape
        flat = np.repeat(phi[:, None, :], n, axis=1).reshape(len(phi), -1) if len(phi) else np.zeros(0)
        weights = np.repeat(self.weights, m, axis=1).ravel()
        at = self.family.evaluate(y.ravel(), eta.ravel(), weights, flat, order)
        return replace(
            at,
            **{name: value.reshape(*value.shape[:-1], n, m) for name, value in vars(at).items() if value is not None},
        )


@dataclass(frozen=True, eq=False)
class Modes:
    """The conditional modes of m responses, and derivatives there.

    Parameters
    ----------
    u, M, A : (L, m) arrays
        Spherical modes, M = 1 + theta^2 A with the weights that enter log|M|, and A = Z'WZ.
    M_newton : (L, m) array
        The same with observed weights.
    found : (m,) bool array
    """

    design: Design
    theta: FloatArray
    u: FloatArray
    d: Derivatives
    A: FloatArray
    M: FloatArray
    M_newton: FloatArray
    weight: FloatArray
    found: BoolArray

    @property
    def value(self) -> FloatArray:
        """The criterion, NaN where there are no modes."""
        value = -2.0 * self.d.log_density.sum(axis=0) + (self.u**2).sum(axis=0) + np.log(self.M).sum(axis=0)
        return np.where(self.found, value, np.nan)

    def gradient(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """By gamma (r, m), theta (m,) and phi (s, m)."""
        design, d, theta = self.design, self.d, self.theta
        assert d.phi1 is not None
        assert d.phi1_eta is not None
        w_eta, w_phi = weight_derivatives(design.hessian, d)
        leverages = (theta**2 / self.M).take(design.codes, axis=0) * design.z**2
        c = leverages * w_eta
        v = theta * (design.Zt @ c) / self.M_newton
        t = (theta * v).take(design.codes, axis=0) * design.z
        r = -2.0 * d.d1 + c + d.d2 * t
        by_theta = (design.Zt @ r * self.u + design.Zt @ d.d1 * v).sum(axis=0)
        by_theta += 2.0 * theta * (self.A / self.M).sum(axis=0)
        by_phi = (-2.0 * d.phi1 + leverages * w_phi + t * d.phi1_eta).sum(axis=1)
        return design.Qt(r), by_theta, by_phi

    def curvature(self) -> FloatArray:
        """Approximate Hessian by (gamma, theta), (r + 1, r + 1, m), see `estimation.laplace.curvature`."""
        design, theta, r = self.design, self.theta, self.design.Q.shape[1]
        ZtWQ = np.array([by_level @ self.weight for by_level in design.ZtQ]).reshape(r, *self.u.shape)
        shrunk = theta**2 / self.M
        gram = np.asarray(design.QQ @ self.weight).reshape(r, r, -1)
        gram = gram - np.einsum("xlm,ylm->xym", ZtWQ * shrunk, ZtWQ)
        e = design.Zt @ self.d.d1
        w = 2.0 * theta * e
        H = np.empty((r + 1, r + 1, self.u.shape[1]))
        S = np.maximum((self.A / self.M).sum(axis=0) - (e**2).sum(axis=0), 0.0)
        H[:r, :r], H[r, r] = 2.0 * gram, (self.A / self.M * w**2).sum(axis=0) + 2.0 * S
        crosswise = (ZtWQ / self.M * w).sum(axis=1)
        taken_up = np.einsum("xm,xym,ym->m", crosswise, inverse(gram)[0], crosswise)
        H[:r, r] = H[r, :r] = np.where(H[r, r] < 2.0 * taken_up, np.sqrt(2.0), 2.0) * crosswise
        return H


def find_modes(
    design: Design, y: FloatArray, gamma: FloatArray, theta: FloatArray, phi: FloatArray, u: FloatArray
) -> Modes:
    """PIRLS from u (L, m), of all responses at once: Newton steps with halving; those that are done wait."""
    fixed, u = design.predictor(gamma), u.copy()
    before, h_before, step = u.copy(), np.full(len(theta), np.inf), np.zeros_like(u)
    active, found = np.arange(len(theta)), np.zeros(len(theta), bool)
    near_before = np.zeros(len(theta), bool)
    for _ in range(MAX_STEPS):
        if len(active) == 1:
            active = np.repeat(active, 2)
        t, own = theta[active], u.take(active, axis=1)
        eta = fixed.take(active, axis=1) + (t * own).take(design.codes, axis=0) * design.z
        d = design.evaluate(y.take(active, axis=1), eta, phi.take(active, axis=1))
        h = -2.0 * d.log_density.sum(axis=0) + (own**2).sum(axis=0)
        worse = ~(h <= h_before[active] + 1e-12 * (np.abs(h_before[active]) + 1.0)) & ~near_before[active]
        M = 1.0 + t**2 * (design.ZtZ @ -d.d2)
        newton = (M > 0.0).all(axis=0)
        M = np.where(newton, M, 1.0 + t**2 * (design.ZtZ @ d.expected_weight))
        g = t * (design.Zt @ d.d1) - own
        decrement = (g**2 / M).sum(axis=0)
        good, bad = active[~worse], active[worse]
        before[:, good], h_before[good], step[:, good] = own[:, ~worse], h[~worse], (g / M)[:, ~worse]
        step[:, bad] *= 0.5
        near_before[good] = decrement[~worse] <= QUADRATIC
        u[:, active] = before.take(active, axis=1) + step.take(active, axis=1)
        done = ~worse & newton & (decrement <= LAST_STEP)
        found[active[done]] = True
        active = active[~done]
        if not len(active):
            break
    eta = fixed + (theta * u).take(design.codes, axis=0) * design.z
    d = design.evaluate(y, eta, phi, 3)
    weight = -d.d2 if design.hessian == "observed" else d.expected_weight
    A = np.asarray(design.ZtZ @ weight)
    M_newton = 1.0 + theta**2 * np.asarray(design.ZtZ @ -d.d2)
    M = 1.0 + theta**2 * A
    found &= (M > 0.0).all(axis=0) & (M_newton > 0.0).all(axis=0)
    return Modes(design, theta, u, d, A, M, M_newton, weight, found)


__all__ = ["Design", "Modes", "find_modes"]
