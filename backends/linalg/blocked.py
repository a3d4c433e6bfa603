"""The default backend: block elimination with NumPy and SciPy alone.

The factor with most levels has a block diagonal in M; its blocks are factorized for all levels at once, nested factors
follow in the same way, and what is left (crossed factors, known precisions) is one dense Schur complement. Derivatives
of log|M| come from the same steps run backwards. See `elimination` for the order and the update plans. Of few effects
of several factors nothing is eliminated: all of M is the dense block, which takes fewer calls.

Longer than other files: solves, selected inverse and derivatives are the same elimination, forwards and backwards, and
are checked one against the other by reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import lapack

from ranef.contracts import (
    Blocks,
    Factor,
    LinalgBackend,
    NotPositiveDefiniteError,
    Pattern,
    PatternBlocks,
    Symbolic,
)
from ranef.contracts.arrays import FloatArray

from . import blocks
from .block_diagonal import BlockDiagonalSymbolic
from .elimination import Plan
from .neighbours import Neighbours, neighbours

#: Smallest singular value of T down to which the short formula of the gradient keeps its digits.
FAR_FROM_SINGULAR = 1e-2
#: Random effects of several factors up to which all of M is one dense block.
SMALL = 100
#: Largest dense trailing block, in rows (8 bytes x 20,000^2 = 3.2 GB).
MAX_DENSE = 20_000


class Blocked(LinalgBackend):
    """Block elimination in pure NumPy/SciPy.

    Parameters
    ----------
    small : int
        Random effects of several factors up to which nothing is eliminated.

    Examples
    --------
    >>> from ranef.backends.linalg.blocked import Blocked
    >>> Blocked().has_selected_inverse
    True
    """

    has_selected_inverse = True

    def __init__(self, small: int = SMALL) -> None:
        self.small = small
        self._latest: Plan | None = None  # `cost`, and `analyze` after it, share the plan of a pattern

    def cost(self, pattern: Pattern) -> float:
        """Block operations, pairs of the Schur updates and the dense trailing Cholesky; inf beyond `MAX_DENSE` rows."""
        levels = sum(10.0 * f.n_columns**3 * f.n_levels for f in pattern.groupings)
        few = len(pattern.groupings) == 1 or pattern.q <= self.small
        if few and not pattern.has_precision:  # so few operations that the calls are what counts
            return levels
        plan = self._plan(pattern)
        if plan.dense_size > MAX_DENSE:
            return np.inf
        updates = sum((10.0 if s.keeps_pairs else 50.0) * s.n_pairs * s.k**2 for s in plan.steps)
        return levels + updates + float(plan.dense_size) ** 3

    def analyze(self, pattern: Pattern) -> Symbolic:
        """Find the elimination order and index plans."""
        if pattern.is_block_diagonal:
            return BlockDiagonalSymbolic(pattern)
        plan, self._latest = self._plan(pattern), None
        return BlockedSymbolic(plan)

    def _plan(self, pattern: Pattern) -> Plan:
        plan = self._latest
        if plan is None or plan.pattern is not pattern:
            plan = self._latest = Plan(pattern, self.small)
        return plan


class BlockedSymbolic(Symbolic):
    """Elimination plan of several factors, and the last Z'WZ in one row."""

    def __init__(self, plan: Plan) -> None:
        self.pattern, self.plan = plan.pattern, plan
        self._latest: Filled | None = None

    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> BlockedFactor:
        """Eliminate all factors at T."""
        filled = self._latest  # read once, and swapped whole: threads share the analysis
        if filled is None or filled.source is not ZtWZ:
            filled = self._latest = Filled(self.plan, ZtWZ, self._flatten(ZtWZ))
        return BlockedFactor(filled, T)

    def _flatten(self, ZtWZ: PatternBlocks) -> FloatArray:
        plan, factors = self.plan, self.pattern.groupings
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
            G[plan.cross_positions[i, j].ravel()] = values.ravel()
        return G


@dataclass(frozen=True, eq=False)
class Filled:
    """One Z'WZ in the order of elimination; nothing of it changes, so that factors of many threads can share it.

    Parameters
    ----------
    plan : Plan
    source : PatternBlocks
    G : (plan.size,) array
        What the blocks of M start from.
    """

    plan: Plan
    source: PatternBlocks
    G: FloatArray

    @cached_property
    def first_root(self) -> FloatArray | None:
        """R' with R'R the diagonal blocks of Z'WZ of the first step; None where blocks are numbers, or indefinite.

        With R N R', which lies between 0 and I, in the place of N the update has all digits: N itself is large where
        a level has little to say, and multiplies neighbours that are nothing there.
        """
        step = self.plan.steps[0]
        if step.k == 1:
            return None
        return blocks.root(blocks.symmetric(self.G[step.diagonal].reshape(step.k, step.k, step.n_levels)))

    @cached_property
    def first(self) -> Neighbours:
        """The neighbours R^-T X of the first step, which are part of Z'WZ and the same at every T."""
        step, R_t = self.plan.steps[0], self.first_root
        X = self.G[step.position]
        return neighbours(
            self.plan, step, X if R_t is None else blocks.forward_solve(R_t[:, :, step.level], X[None])[0]
        )


class _Eliminated:
    """One step at one T: C C' = T'G_ee T + I, and N = T (C C')^-1 T'.

    The neighbours of the first step are R^-T X where there is an R, with R'R = G_ee.
    """

    def __init__(self, filled: Filled, i: int, T: FloatArray, G: FloatArray) -> None:
        self.plan = filled.plan
        step = self.plan.steps[i]
        k = step.k
        self.step, self.T = step, T
        self.G = blocks.symmetric(G[step.diagonal].reshape(k, k, step.n_levels))
        self.C = blocks.cholesky(blocks.plus_identity(blocks.congruence(T, self.G)))
        self.X = G[step.position]
        self.R_t: FloatArray | None = None
        self.met: Neighbours | None = None
        if len(step.x):
            self.met = neighbours(self.plan, step, self.X) if i else filled.first
            self.R_t = None if i else filled.first_root

    @cached_property
    def logdet(self) -> float:
        return blocks.logdet(self.C)

    @cached_property
    def M_inverse(self) -> FloatArray:
        return blocks.inverse(self.C)

    @cached_property
    def N(self) -> FloatArray:
        return blocks.congruence(self.T.T, self.M_inverse)

    @cached_property
    def RT(self) -> FloatArray:
        """R T for every level, (k, k, L)."""
        assert self.R_t is not None
        return blocks.multiply(self.R_t.transpose(1, 0, 2), self.T)

    @cached_property
    def core(self) -> FloatArray:
        """R N R', or N where there is no R."""
        if self.R_t is None:
            return self.N
        half = blocks.forward_solve(self.C, self.RT)  # row r is C^-1 (R T)_r
        return np.asarray(np.einsum("rcl,scl->rsl", half, half))

    def by_T(self, Y: FloatArray) -> FloatArray:
        """What Y, the derivative by `core`, adds to G T: Y T - G N Y T of the derivative by N."""
        if self.R_t is None:
            YT = blocks.multiply(Y, self.T)
            return YT - blocks.multiply(self.G, blocks.multiply(self.N, YT))
        YRT = blocks.multiply(Y, self.RT)
        return blocks.multiply(self.R_t, YRT - blocks.multiply(self.core, YRT))

    def forward(self, v: FloatArray) -> FloatArray:
        """sum_u X_u' T v_u over later random effects, for (r, k, L) right sides."""
        assert self.met is not None
        return self.met.forward(np.matmul(self.T, v) if self.R_t is None else np.einsum("abl,rbl->ral", self.RT, v))

    def backward(self, V: FloatArray) -> FloatArray:
        """T' X_u v for every level, (r, k, L)."""
        assert self.met is not None
        v = self.met.backward(V)
        return np.asarray(np.matmul(self.T.T, v) if self.R_t is None else np.einsum("abl,ral->rbl", self.RT, v))


class BlockedFactor(Factor):
    """Cholesky factor of M by blocks."""

    def __init__(self, filled: Filled, T: Blocks) -> None:
        self.plan, self.pattern, self.T = filled.plan, filled.plan.pattern, T
        G = filled.G.copy() if self.plan.steps else filled.G
        self.eliminated: list[_Eliminated] = []
        for i, step in enumerate(self.plan.steps):
            e = _Eliminated(filled, i, self.T[step.factor], G)
            self.eliminated.append(e)
            if e.met:
                e.met.subtract(G[step.tail :], e.core)
        self._log_dense = 0.0
        if d := self.plan.dense_size:
            self.G_dense = G[self.plan.dense_start :].reshape(d, d)  # lower triangle
            S = self._congruence_dense(self.G_dense, transpose=True)
            rows, columns, values = self.plan.prior
            S[rows, columns] += values
            # Row-major lower is column-major upper: LAPACK sees the transpose, S = U'U.
            self.U, info = lapack.dpotrf(S.T, lower=0, overwrite_a=1, clean=0)
            if info:
                raise NotPositiveDefiniteError("the Schur complement of M is not positive definite")
            self._log_dense = 2.0 * float(np.log(np.diagonal(self.U)).sum())

    @property
    def logdet(self) -> float:
        """log|M|."""
        return sum(e.logdet for e in self.eliminated) + self._log_dense

    # Solves -------------------------------------------------------------------------------------------------------

    def half_solve(self, B: FloatArray) -> FloatArray:
        """L^-1 P B, in elimination order."""
        n_rhs = B.shape[1]
        Y = np.empty((n_rhs, self.pattern.q))
        for here, there, size in self.plan.moves:
            Y[:, there : there + size] = B.T[:, here : here + size]
        for e in self.eliminated:
            s = e.step
            mine = slice(s.offset, s.end)
            if not Y[:, mine].any():  # columns of the identity for a later factor: nothing to carry on
                continue
            y = blocks.forward_solve(e.C, Y[:, mine].reshape(n_rhs, s.k, s.n_levels))
            Y[:, mine] = y.reshape(n_rhs, s.k * s.n_levels)
            if e.met:
                Y[:, s.end :] -= self._lambda_t(e.forward(blocks.backward_solve(e.C, y)), s.end)
        if self.plan.dense_size:
            rest = Y[:, self.plan.dense_offset :]
            solved, _ = lapack.dtrtrs(self.U, rest.T, lower=0, trans=1)
            Y[:, self.plan.dense_offset :] = solved.T
        return Y.T

    def back_solve(self, C: FloatArray) -> FloatArray:
        """P' L^-T C, for C in elimination order."""
        n_rhs = C.shape[1]
        V = np.array(C.T, order="C")
        if self.plan.dense_size:
            solved, _ = lapack.dtrtrs(self.U, V[:, self.plan.dense_offset :].T, lower=0, trans=0)
            V[:, self.plan.dense_offset :] = solved.T
        for e in reversed(self.eliminated):
            s = e.step
            mine = slice(s.offset, s.end)
            v = V[:, mine].reshape(n_rhs, s.k, s.n_levels)
            if e.met:
                v = v - blocks.forward_solve(e.C, e.backward(self._lambda(V[:, s.end :], s.end)))
            V[:, mine] = blocks.backward_solve(e.C, v).reshape(n_rhs, s.k * s.n_levels)
        out = np.empty((n_rhs, self.pattern.q))
        for here, there, size in self.plan.moves:
            out[:, here : here + size] = V[:, there : there + size]
        return out.T

    def _lambda_t(self, B: FloatArray, after: int) -> FloatArray:
        """Lambda' B for (r, q - after) rows B over the factors that follow in elimination order."""
        return self._apply(B, after, transpose=True)

    def _lambda(self, B: FloatArray, after: int) -> FloatArray:
        return self._apply(B, after, transpose=False)

    def _apply(self, B: FloatArray, after: int, transpose: bool) -> FloatArray:
        out = np.empty_like(B)
        for j, mine, shape in self.plan.parts_after(after):
            T = self.T[j].T if transpose else self.T[j]
            np.matmul(T, B[:, mine].reshape(len(B), *shape), out=out[:, mine].reshape(len(B), *shape))
        return out

    def _congruence_dense(self, lower: FloatArray, transpose: bool) -> FloatArray:
        """Lambda' A Lambda (transpose), or Lambda A Lambda', of a trailing block of which the lower triangle is given.

        The lower triangle of the result is right; the upper one only where some factor has several columns.
        """
        factors = [self.pattern.groupings[j] for j in self.plan.dense_factors]
        if all(f.n_columns == 1 for f in factors):
            scale = np.repeat([self.T[j][0, 0] for j in self.plan.dense_factors], [f.n_levels for f in factors])
            return np.asarray(lower * scale * scale[:, None])
        half = self._apply(_mirrored(lower), self.plan.dense_offset, transpose)
        return self._apply(np.ascontiguousarray(half.T), self.plan.dense_offset, transpose)

    # Derivatives --------------------------------------------------------------------------------------------------

    @cached_property
    def _dense_inverse(self) -> FloatArray:
        """S^-1 of the trailing block, lower triangle."""
        upper, _ = lapack.dpotri(self.U, lower=0)
        return np.asarray(upper.T)

    @cached_property
    def _whole_dense(self) -> tuple[FloatArray, FloatArray]:
        """G and S^-1 Lambda' of the trailing block."""
        return _mirrored(self.G_dense), self._lambda(_mirrored(self._dense_inverse), self.plan.dense_offset)

    def logdet_gradient(self) -> tuple[FloatArray, ...]:
        """d log|M| / dT_j by running the elimination backwards (reverse-mode differentiation).

        G_bar holds the derivative by each stored entry of G. From d log|T'GT + I| and N = T (T'GT + I)^-1 T' with
        Y = d/dN:  dT: 2 (G T + (I - G N) Y T) M^-1,  dG: N - N Y N.
        """
        T_bar: list[FloatArray] = [np.zeros_like(T) for T in self.T]
        G_bar = np.zeros(self.plan.size)
        if d := self.plan.dense_size:
            for j in self.plan.dense_factors:
                T_bar[j] = self._dense_gradient(j)
            if self.eliminated:
                by_pair = self._congruence_dense(self._dense_inverse, transpose=False)
                by_pair *= 2.0  # an entry below the diagonal stands for two
                by_pair[np.arange(d), np.arange(d)] *= 0.5
                G_bar[self.plan.dense_start :] = by_pair.ravel()  # nothing reads the upper triangle
        for i in reversed(range(len(self.eliminated))):
            e = self.eliminated[i]
            s, T, Y = e.step, e.T, None
            B = blocks.multiply(e.G, T)
            if e.met:
                Y = -e.met.adjoint(G_bar[s.tail :])
                B = B + e.by_T(Y)
            T_bar[s.factor] = 2.0 * np.einsum("abl,bcl->ac", B, e.M_inverse)
            if i:  # the first step's G and X are constants
                K = e.N
                if e.met and Y is not None:
                    NX = np.einsum("acn,cn->an", e.N[:, :, s.level], e.X)
                    G_bar[s.position] -= e.met.product(G_bar[s.tail :], NX, diagonal=2.0)
                    K = K - blocks.multiply(e.N, blocks.multiply(Y, e.N))
                twice = np.tril(np.full((s.k, s.k), 2.0), -1) + np.eye(s.k)
                G_bar[s.diagonal] += (K * twice[:, :, None]).ravel()
        return tuple(T_bar)

    def _dense_gradient(self, j: int) -> FloatArray:
        """d log|S| / dT_j = 2 sum over levels of (G Lambda S^-1)_ll, for a factor of the trailing block.

        In a large block, where T is far from singular, this is T^-T (I - S^-1)_ll, since Lambda'G Lambda = S - I but
        for levels of known precision; elsewhere that cancels.
        """
        f, T = self.pattern.groupings[j], self.T[j]
        k, n_levels, at = f.n_columns, f.n_levels, self.plan.offsets[j] - self.plan.dense_offset
        mine = slice(at, at + f.size)
        if k == 1 and T[0, 0] == 0.0:  # log|S| is even in T
            return np.zeros((1, 1))
        smallest = abs(T[0, 0]) if k == 1 or not self.eliminated else np.linalg.svd(T, compute_uv=False)[-1]
        if smallest > FAR_FROM_SINGULAR and self.eliminated and f.precision is None:
            inverse = np.empty((k, k))
            for r in range(k):
                for c in range(r + 1):
                    rows = at + r * n_levels + np.arange(n_levels)
                    inverse[r, c] = inverse[c, r] = self._dense_inverse[rows, rows - (r - c) * n_levels].sum()
            return np.asarray(2.0 * np.linalg.solve(T.T, n_levels * np.eye(k) - inverse))
        G, half = self._whole_dense
        return np.asarray(2.0 * G[mine].reshape(k, -1) @ half[mine].reshape(k, -1).T)

    def selected_inverse(self) -> PatternBlocks:
        """M^-1 on the pattern of Z'Z.

        With the spherical neighbours X~ = T' X Lambda:  (M^-1)_er = -C^-T C^-1 X~ (M^-1)_rr on the pattern, and
        (M^-1)_ee = (C C')^-1 - (M^-1)_er X~' (C C')^-1.
        """
        plan, factors = self.plan, self.pattern.groupings
        V = np.zeros(plan.size)
        if plan.dense_size:
            V[plan.dense_start :] = self._dense_inverse.ravel()  # lower triangle
        for e in reversed(self.eliminated):
            s = e.step
            inverse = e.M_inverse
            if e.met:
                X = self._spherical(e, V)
                met = e.met.product(V[s.tail :], X)  # X~ M^-1_rr on the neighbours
                crossed = -np.einsum("acn,cn->an", inverse[:, :, s.level], met)
                V[s.position] = crossed
                bent = np.empty((s.k, s.k, s.n_levels))
                for a in range(s.k):
                    for c in range(s.k):
                        bent[a, c] = np.bincount(s.level, weights=crossed[a] * X[c], minlength=s.n_levels)
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
                rows, columns = np.maximum(x[:, None], x[None, :]), np.minimum(x[:, None], x[None, :])
                diagonal.append(V[plan.dense_position(rows, columns)])
        cross = {pair: V[position] for pair, position in self.plan.cross_positions.items()}
        return PatternBlocks(tuple(diagonal), cross)

    def _spherical(self, e: _Eliminated, scratch: FloatArray) -> FloatArray:
        """T' X Lambda on the neighbour list; `scratch` is laid out as G."""
        factors, s = self.pattern.groupings, e.step
        scratch[s.position] = e.X
        for b, (base, rows, _) in self.plan.sparse[s.factor].cross.items():
            shape = (s.k, factors[b].n_columns, len(rows))
            at = slice(base, base + shape[0] * shape[1] * shape[2])
            scratch[at] = np.einsum("ca,cdn,db->abn", e.T, scratch[at].reshape(shape), self.T[b]).ravel()
        return scratch[s.position]


def _mirrored(lower: FloatArray) -> FloatArray:
    """The symmetric matrix of a lower triangle."""
    return np.where(np.tri(len(lower), dtype=bool), lower, lower.T)
