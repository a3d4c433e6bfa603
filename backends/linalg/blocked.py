"""The default backend: block elimination with NumPy and SciPy alone.

The factor with most levels has a block diagonal in M; its blocks are factorized for all levels at once, nested factors
follow in the same way, and what is left (crossed factors) is one dense Schur complement. Derivatives of log|M| come
from the same steps run backwards. See `elimination` for the order and the update plans.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csc_array

from ranef.contracts import (
    Factor,
    LinalgBackend,
    NotPositiveDefiniteError,
    PatternBlocks,
    Structure,
    Symbolic,
)
from ranef.contracts.arrays import FloatArray

from . import blocks
from .elimination import PairChunk, Plan, Step

#: Largest dense trailing block, in rows (8 bytes x 20,000^2 = 3.2 GB).
MAX_DENSE = 20_000


class Blocked(LinalgBackend):
    """Block elimination in pure NumPy/SciPy.

    Examples
    --------
    >>> from ranef.backends.linalg.blocked import Blocked
    >>> Blocked().has_selected_inverse
    True
    """

    has_selected_inverse = True

    def cost(self, structure: Structure) -> float:
        """Block operations, pairs of the Schur updates and the dense trailing Cholesky; inf beyond `MAX_DENSE` rows."""
        plan = Plan(structure)
        if plan.dense_size > MAX_DENSE:
            return np.inf
        levels = sum(10.0 * f.n_columns**3 * f.n_levels for f in structure.factors)
        updates = sum(10.0 * s.n_pairs * s.k**2 for s in plan.steps)
        return levels + updates + float(plan.dense_size) ** 3

    def analyze(self, structure: Structure) -> BlockedSymbolic:
        """Find the elimination order and index plans."""
        return BlockedSymbolic(structure)


class BlockedSymbolic(Symbolic):
    """Elimination plan, and the flat copy of the last Z'WZ."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.plan = Plan(structure)
        self._source: PatternBlocks | None = None
        self._start = np.zeros(0)
        self._products: dict[int, list[list[FloatArray]]] = {}

    def factorize(self, ZtWZ: PatternBlocks, theta: FloatArray) -> BlockedFactor:
        """Eliminate all factors at theta."""
        if ZtWZ is not self._source:
            self._source, self._start = ZtWZ, self._flatten(ZtWZ)
            self._products = {}
        return BlockedFactor(self, theta)

    def _flatten(self, ZtWZ: PatternBlocks) -> FloatArray:
        plan, factors = self.plan, self.structure.factors
        G = np.zeros(plan.size)
        for e, place in plan.sparse.items():
            blocks_e = ZtWZ.diagonal[e]
            G[place.diagonal : place.diagonal + blocks_e.size] = blocks_e.ravel()
        for b in plan.dense_factors:
            f = factors[b]
            for r in range(f.n_columns):
                for c in range(r + 1):
                    x = plan.offsets[b] + r * f.n_levels + np.arange(f.n_levels)
                    G[plan.dense_position(x, x - (r - c) * f.n_levels)] = ZtWZ.diagonal[b][r, c]
        for (i, j), values in ZtWZ.cross.items():
            G[self.cross_positions[i, j].ravel()] = values.ravel()
        return G

    @cached_property
    def cross_positions(self) -> dict[tuple[int, int], FloatArray]:
        """Where the (k_i, k_j, n_pairs) blocks of each pair of factors stand in G."""
        plan, factors = self.plan, self.structure.factors
        out = {}
        for (i, j), (rows, columns) in self.structure.pairs.items():
            position = np.empty((factors[i].n_columns, factors[j].n_columns, len(rows)), dtype=np.intp)
            for r in range(factors[i].n_columns):
                for c in range(factors[j].n_columns):
                    x = plan.offsets[i] + r * factors[i].n_levels + rows
                    y = plan.offsets[j] + c * factors[j].n_levels + columns
                    low, high = (x, y) if plan.offsets[i] < plan.offsets[j] else (y, x)
                    position[r, c] = plan.target(high, low, 0)
            out[i, j] = position
        return out

    def products(self, i: int, step: Step, X: FloatArray) -> list[list[FloatArray]] | None:
        """Products X_r[left] X_s[right] by chunk and (r, s), kept for the first step, whose X is part of Z'WZ.

        None where they are too many to keep.
        """
        if step._kept is None:
            return None
        if i == 0:
            if 0 not in self._products:
                self._products[0] = [_products(X, c) for c in step.pairs()]
            return self._products[0]
        return [_products(X, c) for c in step.pairs()]


class _Eliminated:
    """One step at one theta: C C' = T'G_ee T + I, and N = T (C C')^-1 T'."""

    def __init__(self, step: Step, T: FloatArray, G: FloatArray) -> None:
        k = step.k
        self.step, self.T = step, T
        self.G = blocks.symmetric(G[step.diagonal].reshape(k, k, step.n_levels))
        M = blocks.congruence(T, self.G)
        M[np.arange(k), np.arange(k)] += 1.0
        self.C = blocks.cholesky(M)
        self.X = G[step.position]

    @cached_property
    def logdet(self) -> float:
        return 2.0 * sum(float(np.log(self.C[j, j]).sum()) for j in range(self.step.k))

    @cached_property
    def M_inverse(self) -> FloatArray:
        return blocks.inverse(self.C)

    @cached_property
    def N(self) -> FloatArray:
        return blocks.congruence(self.T.T, self.M_inverse)

    def neighbours(self, n_rest: int, offset: int) -> list[csc_array]:
        """For each of the k columns the sparse (rest, levels) matrix of blocks with later factors."""
        s = self.step
        shape = (n_rest, s.n_levels)
        return [csc_array((x, s.x - offset, s.start), shape=shape) for x in self.X]


class BlockedFactor(Factor):
    """Cholesky factor of M by blocks."""

    def __init__(self, symbolic: BlockedSymbolic, theta: FloatArray) -> None:
        self.symbolic, self.plan, self.structure = symbolic, symbolic.plan, symbolic.structure
        self.T = self.structure.relative_factors(theta)
        self._source_start = symbolic._start
        steps = self.plan.steps
        needs_copy = len(steps) > 1 or self.plan.dense_size > 0
        G = symbolic._start.copy() if needs_copy else symbolic._start
        self.eliminated: list[_Eliminated] = []
        self._products: list[list[list[FloatArray]] | None] = []
        for i, step in enumerate(steps):
            e = _Eliminated(step, self.T[step.factor], G)
            self.eliminated.append(e)
            if len(step.x):
                products = symbolic.products(i, step, e.X)
                self._products.append(products if i == 0 else None)
                _update(G[step.tail :], e, products)
            else:
                self._products.append(None)
        self._log_dense = 0.0
        if d := self.plan.dense_size:
            # Row-major lower is column-major upper: LAPACK sees the transpose, S = U'U.
            lower = np.tril(G[self.plan.dense_start :].reshape(d, d))
            self.G_dense = lower + np.tril(lower, -1).T
            S = self._congruence_dense(self.G_dense)
            S[np.arange(d), np.arange(d)] += 1.0
            self.U, info = lapack.dpotrf(S.T, lower=0, overwrite_a=1, clean=1)
            if info:
                raise NotPositiveDefiniteError(f"the Schur complement of M is not positive definite at theta = {theta}")
            self._log_dense = 2.0 * float(np.log(np.diagonal(self.U)).sum())

    @property
    def logdet(self) -> float:
        """log|M|."""
        return sum(e.logdet for e in self.eliminated) + self._log_dense

    @property
    def _places(self) -> list[int]:
        """Where each factor of the structure starts in elimination order."""
        return [self.plan.offsets[j] for j in range(len(self.structure.factors))]

    # Solves -------------------------------------------------------------------------------------------------------

    def half_solve(self, B: FloatArray) -> FloatArray:
        """L^-1 P B, in elimination order."""
        n_rhs, q = B.shape[1], self.structure.q
        Y = np.empty((n_rhs, q))
        for o, f, p in zip(self.structure.offsets, self.structure.factors, self._places, strict=True):
            Y[:, p : p + f.size] = B.T[:, o : o + f.size]
        for e in self.eliminated:
            s = e.step
            mine = slice(s.offset, s.offset + s.k * s.n_levels)
            y = blocks.forward_solve(e.C, Y[:, mine].reshape(n_rhs, s.k, s.n_levels))
            Y[:, mine] = y.reshape(n_rhs, s.k * s.n_levels)
            if len(s.x):
                after = mine.stop
                w = np.einsum("ac,rcl->arl", e.T, blocks.backward_solve(e.C, y))
                moved = sum(X @ w[a].T for a, X in enumerate(e.neighbours(q - after, after)))
                Y[:, after:] -= self._lambda_t(np.asarray(moved).T, after)
        if self.plan.dense_size:
            rest = Y[:, self.plan.dense_offset :]
            solved, _ = lapack.dtrtrs(self.U, rest.T, lower=0, trans=1)
            Y[:, self.plan.dense_offset :] = solved.T
        return Y.T

    def back_solve(self, C: FloatArray) -> FloatArray:
        """P' L^-T C, for C in elimination order."""
        n_rhs, q = C.shape[1], self.structure.q
        V = np.array(C.T, order="C")
        if self.plan.dense_size:
            solved, _ = lapack.dtrtrs(self.U, V[:, self.plan.dense_offset :].T, lower=0, trans=0)
            V[:, self.plan.dense_offset :] = solved.T
        for e in reversed(self.eliminated):
            s = e.step
            mine = slice(s.offset, s.offset + s.k * s.n_levels)
            v = V[:, mine].reshape(n_rhs, s.k, s.n_levels)
            if len(s.x):
                after = mine.stop
                later = self._lambda(V[:, after:], after).T
                met = np.stack([(X.T @ later).T for X in e.neighbours(q - after, after)], axis=1)
                v = v - blocks.forward_solve(e.C, np.einsum("ca,rcl->ral", e.T, met))
            V[:, mine] = blocks.backward_solve(e.C, v).reshape(n_rhs, s.k * s.n_levels)
        out = np.empty((n_rhs, q))
        for o, f, p in zip(self.structure.offsets, self.structure.factors, self._places, strict=True):
            out[:, o : o + f.size] = V[:, p : p + f.size]
        return out.T

    def _lambda_t(self, B: FloatArray, after: int) -> FloatArray:
        """Lambda' B for (r, q - after) rows B over the factors that follow in elimination order."""
        return self._apply(B, after, transpose=True)

    def _lambda(self, B: FloatArray, after: int) -> FloatArray:
        return self._apply(B, after, transpose=False)

    def _apply(self, B: FloatArray, after: int, transpose: bool) -> FloatArray:
        out = np.empty_like(B)
        for j in self.plan.order:
            o, f = self.plan.offsets[j] - after, self.structure.factors[j]
            if o >= 0:
                T = self.T[j].T if transpose else self.T[j]
                part = B[:, o : o + f.size].reshape(len(B), f.n_columns, f.n_levels)
                out[:, o : o + f.size] = np.matmul(T, part).reshape(len(B), f.size)
        return out

    def _congruence_dense(self, G: FloatArray) -> FloatArray:
        """Lambda' G Lambda of the trailing block."""
        left = self._lambda_t(G, self.plan.dense_offset)
        return self._lambda_t(np.ascontiguousarray(left.T), self.plan.dense_offset)

    # Derivatives --------------------------------------------------------------------------------------------------

    @cached_property
    def _dense_inverse(self) -> FloatArray:
        """S^-1 of the trailing block."""
        upper, _ = lapack.dpotri(self.U, lower=0)
        upper = np.triu(upper)
        return np.asarray(upper + np.triu(upper, 1).T)

    def logdet_gradient(self) -> tuple[FloatArray, ...]:
        """d log|M| / dT_j by running the elimination backwards (reverse-mode differentiation).

        G_bar holds the derivative by each stored entry of G. From d log|T'GT + I| and N = T (T'GT + I)^-1 T' with
        Y = d/dN:  dT: 2 (G T + (I - G N) Y T) M^-1,  dG: N - N Y N.
        """
        T_bar: list[FloatArray] = [np.zeros_like(T) for T in self.T]
        G_bar = np.zeros(self.plan.size) if self.plan.dense_size or len(self.eliminated) > 1 else None
        if d := self.plan.dense_size:
            assert G_bar is not None
            Sinv = self._dense_inverse
            after = self.plan.dense_offset
            half = self._lambda(Sinv, after)  # S^-1 Lambda'
            for j in self.plan.dense_factors:
                f = self.structure.factors[j]
                at = slice(self.plan.offsets[j] - after, self.plan.offsets[j] - after + f.size)
                rows = self.G_dense[at].reshape(f.n_columns, f.n_levels, d)
                columns = half[at].reshape(f.n_columns, f.n_levels, d)  # (Lambda S^-1)' in the factor's columns
                T_bar[j] = 2.0 * np.einsum("alx,clx->ac", rows, columns, optimize=True)
            Gram = self._lambda(np.ascontiguousarray(half.T), after)
            lower = np.tril(Gram, -1) * 2.0
            lower[np.arange(d), np.arange(d)] = np.diagonal(Gram)
            G_bar[self.plan.dense_start :] = lower.ravel()
        for i in reversed(range(len(self.eliminated))):
            e = self.eliminated[i]
            s, T = e.step, e.T
            B = blocks.multiply(e.G, T)
            if len(s.x):
                assert G_bar is not None
                products = self._products[i]
                if products is None:
                    products = self.symbolic.products(i, s, e.X) if i else None
                Y = -_adjoint(G_bar[s.tail :], e, products)
                YT = blocks.multiply(Y, T)
                B = B + YT - blocks.multiply(e.G, blocks.multiply(e.N, YT))
                if i:  # the first step's X and G are constants
                    G_bar[s.position] += _neighbour_bar(G_bar[s.tail :], e)
            T_bar[s.factor] = 2.0 * np.einsum("abl,bcl->ac", B, e.M_inverse)
            if i:
                assert G_bar is not None
                K = e.N
                if len(s.x):
                    K = K - blocks.multiply(e.N, blocks.multiply(Y, e.N))
                # entries below the diagonal stand for two
                k = s.k
                twice = np.tril(np.full((k, k), 2.0), -1) + np.eye(k)
                G_bar[s.diagonal] += (K * twice[:, :, None]).ravel()
        return tuple(T_bar)

    def selected_inverse(self) -> PatternBlocks:
        """M^-1 on the pattern of Z'Z.

        With the spherical neighbours X~ = T' X Lambda:  (M^-1)_er = -C^-T C^-1 X~ (M^-1)_rr on the pattern, and
        (M^-1)_ee = (C C')^-1 - (M^-1)_er X~' (C C')^-1.
        """
        plan, factors = self.plan, self.structure.factors
        V = np.zeros(plan.size)
        if plan.dense_size:
            V[plan.dense_start :] = self._dense_inverse.ravel()
        for e in reversed(self.eliminated):
            s = e.step
            inverse = e.M_inverse
            if len(s.x):
                X = self._spherical(e, V)
                met = _row_product(V[s.tail :], X, s)  # X~ M^-1_rr on the neighbours
                crossed = -np.einsum("acn,cn->an", inverse[:, :, s.level], met)
                V[s.position] = crossed
                bent = np.stack(
                    [
                        [np.bincount(s.level, weights=crossed[a] * X[c], minlength=s.n_levels) for c in range(s.k)]
                        for a in range(s.k)
                    ]
                )
                inverse = inverse - blocks.multiply(bent, inverse)
            V[s.diagonal] = inverse.ravel()
        diagonal = []
        for j, f in enumerate(factors):
            if j in plan.sparse:
                k = f.n_columns
                start = plan.sparse[j].diagonal
                diagonal.append(blocks.symmetric(V[start : start + k * k * f.n_levels].reshape(k, k, f.n_levels)))
            else:
                x = plan.offsets[j] + np.arange(f.size).reshape(f.n_columns, f.n_levels)
                diagonal.append(V[plan.dense_position(x[:, None], x[None, :])])
        cross = {pair: V[position] for pair, position in self.symbolic.cross_positions.items()}
        return PatternBlocks(tuple(diagonal), cross)

    def _spherical(self, e: _Eliminated, scratch: FloatArray) -> FloatArray:
        """T' X Lambda on the neighbour list; `scratch` is laid out as G."""
        factors, s = self.structure.factors, e.step
        scratch[s.position] = e.X
        for b, (base, rows, _) in self.plan.sparse[s.factor].cross.items():
            shape = (s.k, factors[b].n_columns, len(rows))
            at = slice(base, base + shape[0] * shape[1] * shape[2])
            scratch[at] = np.einsum("ca,cdn,db->abn", e.T, scratch[at].reshape(shape), self.T[b]).ravel()
        return scratch[s.position]


def _products(X: FloatArray, chunk: PairChunk) -> list[FloatArray]:
    """For each r >= s the coefficient of N_rs in the products X_left' N X_right."""
    out = []
    for r in range(len(X)):
        for s in range(r + 1):
            coefficient = X[r, chunk.left] * X[s, chunk.right]
            if r != s:
                coefficient += X[s, chunk.left] * X[r, chunk.right]
            out.append(coefficient)
    return out


def _update(G_rest: FloatArray, e: _Eliminated, products: list[list[FloatArray]] | None) -> None:
    """G_rest -= sum_u X_u' N_u X_u, in place."""
    rows, columns = np.tril_indices(e.step.k)
    for i, chunk in enumerate(e.step.pairs()):
        coefficients = _products(e.X, chunk) if products is None else products[i]
        for r, s, data in zip(rows, columns, coefficients, strict=True):
            plan = csc_array((data, chunk.target, chunk.start), shape=(len(G_rest), chunk.last - chunk.first))
            G_rest -= plan @ e.N[r, s, chunk.first : chunk.last]


def _adjoint(G_bar: FloatArray, e: _Eliminated, products: list[list[FloatArray]] | None) -> FloatArray:
    """sum over pairs of G_bar X_left X_right' by level: the transpose of `_update` as a linear map of N, (k, k, L)."""
    s = e.step
    Y = np.zeros((s.k, s.k, s.n_levels))
    rows, columns = np.tril_indices(s.k)
    for i, chunk in enumerate(s.pairs()):
        coefficients = _products(e.X, chunk) if products is None else products[i]
        for r, c, data in zip(rows, columns, coefficients, strict=True):
            plan = csc_array((data, chunk.target, chunk.start), shape=(len(G_bar), chunk.last - chunk.first))
            value = plan.T @ G_bar
            if r == c:
                Y[r, c, chunk.first : chunk.last] = value
            else:  # N_rc stands for two entries of the symmetric N
                Y[r, c, chunk.first : chunk.last] = Y[c, r, chunk.first : chunk.last] = 0.5 * value
    return Y


def _neighbour_bar(G_bar: FloatArray, e: _Eliminated) -> FloatArray:
    """Derivative by the blocks with later factors, (k, c): -sum over pairs of G_bar N X."""
    s = e.step
    NX = np.einsum("acn,cn->an", e.N[:, :, s.level], e.X)
    bar = np.zeros_like(e.X)
    for chunk in s.pairs():
        weight = G_bar[chunk.target]
        for a in range(s.k):
            bar[a] -= np.bincount(chunk.left, weights=weight * NX[a, chunk.right], minlength=len(s.x))
            bar[a] -= np.bincount(chunk.right, weights=weight * NX[a, chunk.left], minlength=len(s.x))
    return bar


def _row_product(V: FloatArray, X: FloatArray, s: Step) -> FloatArray:
    """(X V)_ux for every neighbour x of level u, V symmetric on the filled pattern of the rest, (k, c)."""
    out = np.zeros_like(X)
    for chunk in s.pairs():
        weight = V[chunk.target]
        off = np.where(chunk.left == chunk.right, 0.0, weight)
        for a in range(s.k):
            out[a] += np.bincount(chunk.left, weights=weight * X[a, chunk.right], minlength=len(s.x))
            out[a] += np.bincount(chunk.right, weights=off * X[a, chunk.left], minlength=len(s.x))
    return out
