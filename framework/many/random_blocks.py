"""M = Lambda'Z'WZ Lambda + I for weights of each response: by levels of one factor, or as one matrix of all effects.

Both know the same things: M^-1 times random effects, and what derivatives need of M^-1, or of another matrix with the
pattern of M. Random effects are (q, m), rows (n, m).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from scipy.sparse import csr_array

from ..contracts.arrays import FloatArray, IntArray
from ..design.mixed import MixedDesign
from .matrices import invert, times_root
from .roots import Effects, Roots
from .small import congruence, inverse, product, transposed


class Inverted(NamedTuple):
    """M^-1 and log|M| (m,), which is NaN where M is not positive definite."""

    matrix: FloatArray
    logdet: FloatArray


class Blocks(Protocol):
    """Z'WZ and M in a layout of their own.

    Attributes
    ----------
    cost : int
        Numbers of one response in the largest array.
    """

    @property
    def cost(self) -> int: ...  # noqa: D102

    def gram(self, weights: FloatArray) -> FloatArray:
        """A = Z'WZ for weights of the rows."""

    def invert(self, A: FloatArray, T: Roots) -> Inverted:
        """M^-1."""

    def solve(self, M: FloatArray, v: FloatArray) -> FloatArray:
        """M^-1 v, of M^-1."""

    def by_root(self, A: FloatArray, T: Roots, M: FloatArray) -> Roots:
        """Sums over levels of (A Lambda M)_ll for every factor, (k_j, k_j, m)."""

    def leverages(self, T: Roots, M: FloatArray) -> FloatArray:
        """z_i'Lambda M Lambda'z_i of every row."""

    def times(self, A: FloatArray, b: FloatArray) -> FloatArray:
        """A b."""

    def marginal(self, A: FloatArray, T: Roots, M: FloatArray) -> Roots:
        """Sums over levels of (A - A Lambda M Lambda'A)_ll for every factor, (k_j, k_j, m)."""


class LevelBlocks:
    """One factor: matrices (k, k, L, m)."""

    def __init__(self, design: MixedDesign) -> None:
        (factor,), n = design.random.groups, design.n
        k, L = len(factor.columns), factor.grouping.n_levels
        self.k, self.L = k, L
        z = [np.ones(n) if column is None else column for column in factor.columns]
        values = np.array([a * b for a in z for b in z])
        self.cost = k * k * L
        self._pairs = _sums_of(values, factor.codes + L * np.arange(k * k)[:, None], k * k * L)

    def _split(self, v: FloatArray) -> FloatArray:
        return v.reshape(self.k, self.L, -1)

    def gram(self, weights: FloatArray) -> FloatArray:  # noqa: D102
        return np.asarray(self._pairs @ weights).reshape(self.k, self.k, self.L, -1)

    def invert(self, A: FloatArray, T: Roots) -> Inverted:  # noqa: D102
        M = congruence(transposed(T[0][:, :, None]), A)
        M[range(self.k), range(self.k)] += 1.0
        M, logdet = inverse(M)
        return Inverted(M, logdet.sum(axis=0))

    def solve(self, M: FloatArray, v: FloatArray) -> FloatArray:  # noqa: D102
        return product(M, self._split(v)[:, None])[:, 0].reshape(v.shape)

    def by_root(self, A: FloatArray, T: Roots, M: FloatArray) -> Roots:  # noqa: D102
        return [product(product(A, T[0][:, :, None]), M).sum(axis=2)]

    def leverages(self, T: Roots, M: FloatArray) -> FloatArray:  # noqa: D102
        return np.asarray(self._pairs.T.tocsr() @ congruence(T[0][:, :, None], M).reshape(-1, M.shape[-1]))

    def times(self, A: FloatArray, b: FloatArray) -> FloatArray:  # noqa: D102
        return self.solve(A, b)

    def marginal(self, A: FloatArray, T: Roots, M: FloatArray) -> Roots:  # noqa: D102
        return [(A - congruence(product(A, T[0][:, :, None]), M)).sum(axis=2)]


class DenseBlocks:
    """Several factors of few levels: matrices (m, q, q)."""

    def __init__(self, design: MixedDesign, effects: Effects) -> None:
        self.effects, n, q = effects, design.n, effects.q
        z, places = [], []
        for factor, (k, L, mine) in zip(design.random.groups, effects.factors, strict=True):
            z += [np.ones(n) if column is None else column for column in factor.columns]
            places += [mine.start + a * L + factor.codes for a in range(k)]
        values = np.array([a * b for a in z for b in z])
        self._pairs = _sums_of(values, np.array([q * a + b for a in places for b in places]), q * q)
        k, L, _ = effects.factors[0]
        self.cost = q * q
        self.diagonal = L if k == 1 else 0

    def gram(self, weights: FloatArray) -> FloatArray:  # noqa: D102
        q = self.effects.q
        return np.ascontiguousarray(np.asarray(self._pairs @ weights).T).reshape(-1, q, q)

    def invert(self, A: FloatArray, T: Roots) -> Inverted:  # noqa: D102
        M, q = times_root(times_root(A, T, self.effects, axis=2), T, self.effects, axis=1), np.arange(self.effects.q)
        M[:, q, q] += 1.0
        logdet = invert(M, self.diagonal)
        return Inverted(M, logdet)

    def solve(self, M: FloatArray, v: FloatArray) -> FloatArray:  # noqa: D102
        return np.ascontiguousarray(np.einsum("mab,mb->ma", M, np.ascontiguousarray(v.T)).T)

    def by_root(self, A: FloatArray, T: Roots, M: FloatArray) -> Roots:  # noqa: D102
        AL, out = times_root(A, T, self.effects, axis=2), []
        for k, L, mine in self.effects.factors:
            left, right = AL[:, mine].reshape(-1, k, L, AL.shape[2]), M[:, mine].reshape(-1, k, L, AL.shape[2])
            out.append(np.einsum("malq,mblq->abm", left, right))
        return out

    def leverages(self, T: Roots, M: FloatArray) -> FloatArray:  # noqa: D102
        ML = times_root(M, T, self.effects, axis=2, transpose=True)
        N = times_root(ML, T, self.effects, axis=1, transpose=True)
        return np.asarray(self._pairs.T.tocsr() @ N.reshape(len(N), -1).T)

    def times(self, A: FloatArray, b: FloatArray) -> FloatArray:  # noqa: D102
        return self.solve(A, b)

    def marginal(self, A: FloatArray, T: Roots, M: FloatArray) -> Roots:  # noqa: D102
        AL, out = times_root(A, T, self.effects, axis=2), []
        half = AL @ M
        for k, L, mine in self.effects.factors:
            left, right = half[:, mine].reshape(-1, k, L, AL.shape[2]), AL[:, mine].reshape(-1, k, L, AL.shape[2])
            total = np.einsum("malbl->abm", A[:, mine, mine].reshape(-1, k, L, k, L))
            out.append(total - np.einsum("malq,mblq->abm", left, right))
        return out


def _sums_of(values: FloatArray, places: IntArray, size: int) -> csr_array:
    """(size, n): sums over rows of values (a, n) at these places."""
    rows = np.tile(np.arange(values.shape[1]), len(values))
    return csr_array(
        (values.ravel(), (np.broadcast_to(places, values.shape).ravel(), rows)), shape=(size, values.shape[1])
    )


__all__ = ["Blocks", "DenseBlocks", "Inverted", "LevelBlocks"]
