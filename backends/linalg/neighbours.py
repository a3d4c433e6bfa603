"""The blocks X_u between each level u of one eliminated factor and its neighbours, as linear maps.

An elimination step asks for X_u'N_u X_u of all levels, for the transpose of that as a map of N, and for products with
right sides. What is fastest depends on how many neighbours there are. Where the levels meet most of the trailing block,
X is one dense matrix and the work is BLAS's. Where all levels have as many, and few (nested factors: one level of each
later factor, so that X is a parent array and its values), entries need no search, and a sum is a `bincount`. All else
is sparse.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy.sparse import csc_array

from ranef.contracts.arrays import AnyArray, FloatArray, IntArray

from .elimination import PairChunk, Plan, Step

#: Part of the trailing block that levels meet on average, from where on products with zeros cost less than lists.
MOSTLY = 0.5


class Neighbours(ABC):
    """X of one step; `X` is (k, c) in the order of the step's list of neighbours."""

    @abstractmethod
    def subtract(self, G_rest: FloatArray, N: FloatArray) -> None:
        """G_rest -= sum_u X_u' N_u X_u, in place; lower triangle."""

    @abstractmethod
    def adjoint(self, G_bar: FloatArray) -> FloatArray:
        """The transpose of that as a linear map of N: sum over pairs of G_bar X_left X_right' by level, (k, k, L)."""

    @abstractmethod
    def forward(self, W: FloatArray) -> FloatArray:
        """sum_u X_u' w_u over later random effects, (r, later), for (r, k, L) right sides."""

    @abstractmethod
    def backward(self, V: FloatArray) -> FloatArray:
        """X_u v for every level, (r, k, L), for (r, later) right sides."""

    @abstractmethod
    def product(self, V: FloatArray, X: FloatArray, diagonal: float = 1.0) -> FloatArray:
        """X V at the neighbours, (k, c): V symmetric, stored as G_rest, its diagonal times `diagonal`."""


def neighbours(plan: Plan, step: Step, X: FloatArray) -> Neighbours:
    """X in the form that suits the step."""
    if step.meets_most(MOSTLY):
        return Full(plan, step, X)
    return Listed(plan, step, X)


class Full(Neighbours):
    """X as one matrix (k L, d) over the trailing block, zeros included."""

    def __init__(self, plan: Plan, step: Step, X: FloatArray) -> None:
        self.step, self.d, self.later = step, plan.dense_size, plan.pattern.q - step.end
        self.column = step.x - plan.dense_offset
        self.X = self._spread(X)
        self.flat = self.X.reshape(-1, self.d)

    def _spread(self, X: FloatArray) -> FloatArray:
        k, L = self.step.k, self.step.n_levels
        if X.shape[1] == L * self.d:
            return X.reshape(k, L, self.d)
        out = np.zeros((k, L, self.d))
        out[:, self.step.level, self.column] = X
        return out

    def _square(self, G_rest: FloatArray) -> FloatArray:
        return G_rest[len(G_rest) - self.d**2 :].reshape(self.d, self.d)

    def subtract(self, G_rest: FloatArray, N: FloatArray) -> None:
        """By one matrix product."""
        NX = self.X * N[0, 0][:, None] if len(N) == 1 else np.einsum("rsl,sld->rld", N, self.X)
        self._square(G_rest)[...] -= self.flat.T @ NX.reshape(-1, self.d)

    def adjoint(self, G_bar: FloatArray) -> FloatArray:
        """By one matrix product."""
        half = (self.flat @ np.tril(self._square(G_bar))).reshape(self.X.shape)
        Y = np.einsum("rld,sld->rsl", half, self.X)
        return np.asarray(0.5 * (Y + Y.transpose(1, 0, 2)))

    def forward(self, W: FloatArray) -> FloatArray:
        """By one matrix product."""
        out = np.zeros((len(W), self.later))
        out[:, self.later - self.d :] = W.reshape(len(W), len(self.flat)) @ self.flat
        return out

    def backward(self, V: FloatArray) -> FloatArray:
        """By one matrix product."""
        return np.asarray(V[:, self.later - self.d :] @ self.flat.T).reshape(len(V), self.step.k, self.step.n_levels)

    def product(self, V: FloatArray, X: FloatArray, diagonal: float = 1.0) -> FloatArray:
        """By one matrix product."""
        lower = np.tril(self._square(V), -1)
        symmetric = lower + lower.T
        np.fill_diagonal(symmetric, diagonal * np.diagonal(self._square(V)))
        return np.asarray((self._spread(X) @ symmetric)[:, self.step.level, self.column])


class Listed(Neighbours):
    """X by its list, and the products of two neighbours of one level by theirs (see `Step.pairs`)."""

    def __init__(self, plan: Plan, step: Step, X: FloatArray) -> None:
        self.step, self.X = step, X
        self.later, self.n_rest = plan.pattern.q - step.end, plan.size - step.tail
        self._kept = list(self._make()) if step.keeps_pairs else None

    def _make(self) -> Iterator[tuple[PairChunk, list[tuple[int, int, Map]]]]:
        """By chunk of levels the maps N_rs -> what X'NX adds to G_rest (off the diagonal N_rs stands for two)."""
        for chunk in self.step.pairs():
            left, right = chunk.operands()
            maps = []
            for r in range(len(self.X)):
                for s in range(r + 1):
                    coefficient = self.X[r, left]
                    coefficient *= self.X[s, right]
                    if r != s:
                        coefficient += self.X[s, left] * self.X[r, right]
                    maps.append((r, s, _map(coefficient, chunk.target, chunk.start, self.n_rest, self.step.even)))
            yield chunk, maps

    def _maps(self) -> Iterator[tuple[PairChunk, list[tuple[int, int, Map]]]]:
        return self._make() if self._kept is None else iter(self._kept)

    @cached_property
    def _columns(self) -> list[Map]:
        """For each of the k columns its (later, L) matrix."""
        s = self.step
        return [_map(x, s.x - s.end, s.start, self.later, s.even) for x in self.X]

    def subtract(self, G_rest: FloatArray, N: FloatArray) -> None:
        """Chunk by chunk."""
        for chunk, maps in self._maps():
            for r, s, add in maps:
                G_rest -= add.times(N[r, s, None, chunk.first : chunk.last])[0]

    def adjoint(self, G_bar: FloatArray) -> FloatArray:
        """Chunk by chunk."""
        k, n_levels = self.step.k, self.step.n_levels
        Y = np.zeros((k, k, n_levels))
        for chunk, maps in self._maps():
            for r, c, add in maps:
                value = add.transposed_times(G_bar[None])[0]
                if r == c:
                    Y[r, c, chunk.first : chunk.last] = value
                else:  # N_rc stands for two entries of the symmetric N
                    Y[r, c, chunk.first : chunk.last] = Y[c, r, chunk.first : chunk.last] = 0.5 * value
        return Y

    def forward(self, W: FloatArray) -> FloatArray:
        """Column by column."""
        return np.asarray(sum(X.times(W[:, a]) for a, X in enumerate(self._columns)))

    def backward(self, V: FloatArray) -> FloatArray:
        """Column by column."""
        return np.stack([X.transposed_times(V) for X in self._columns], axis=1)

    def product(self, V: FloatArray, X: FloatArray, diagonal: float = 1.0) -> FloatArray:
        """Chunk by chunk: every pair twice, and once where both are the same."""
        out = np.zeros_like(X)
        for chunk in self.step.pairs():
            weight = V[chunk.target]
            left, right = chunk.operands()
            same = left == right
            first, second = np.where(same, diagonal * weight, weight), np.where(same, 0.0, weight)
            for a in range(self.step.k):
                out[a] += np.bincount(left, weights=first * X[a, right], minlength=X.shape[1])
                out[a] += np.bincount(right, weights=second * X[a, left], minlength=X.shape[1])
        return out


class Map(ABC):
    """A sparse matrix (m, L) that multiplies rows of right sides."""

    @abstractmethod
    def times(self, V: FloatArray) -> FloatArray:
        """(A V')', (r, m), for (r, L)."""

    @abstractmethod
    def transposed_times(self, V: FloatArray) -> FloatArray:
        """(A'V')', (r, L), for (r, m)."""


class SparseMap(Map):
    """Columns of any length, by scipy."""

    def __init__(self, values: FloatArray, rows: AnyArray, starts: AnyArray, m: int) -> None:
        self.matrix = csc_array((values, rows, starts), shape=(m, len(starts) - 1))
        self.transposed = self.matrix.T

    def times(self, V: FloatArray) -> FloatArray:
        """One product."""
        return np.asarray((self.matrix @ V.T).T)

    def transposed_times(self, V: FloatArray) -> FloatArray:
        """One product."""
        return np.asarray((self.transposed @ V.T).T)


class EvenMap(Map):
    """Columns of one length: the values are a matrix (L, length), and nothing has to be checked or transposed."""

    def __init__(self, values: FloatArray, rows: IntArray, length: int, m: int) -> None:
        self.values, self.rows, self.m = values.reshape(-1, length), rows, m

    def times(self, V: FloatArray) -> FloatArray:
        """Sums by row."""
        parts = V[:, :, None] * self.values
        sums = [np.bincount(self.rows, weights=part.ravel(), minlength=self.m) for part in parts]
        return np.asarray(np.array(sums, dtype=np.float64).reshape(len(V), self.m))

    def transposed_times(self, V: FloatArray) -> FloatArray:
        """Sums by column."""
        taken = V[:, self.rows].reshape(len(V), *self.values.shape)
        taken *= self.values
        return taken[:, :, 0] if taken.shape[2] == 1 else taken.sum(axis=2)


def _map(values: FloatArray, rows: AnyArray, starts: AnyArray, m: int, even: int | None) -> Map:
    if even is None:
        return SparseMap(values, rows, starts, m)
    return EvenMap(values, rows, len(values) // (len(starts) - 1), m)
