"""What Kenward & Roger's tests need of the parameters of the residuals' covariance R, group by group.

R has a block for each group, and groups lie within one level of every random factor. With W R W' = I for each block,
K_a = W R_a W', E = W (Q - Z B) for the best B, A = Z'R^-1 Z, S the relative covariance matrix of the random effects,
L = (I + A S)^-1 and G = S L,

    X'V^-1 R_a V^-1 X = E'K_a E
    X'V^-1 R_a V^-1 R_b V^-1 X = (K_a E)'(K_b E) - t_a'G t_b                t_a = Z'W'K_a E
    tr V^-1 R_a V^-1 R_b = tr K_a K_b - 2 tr G J_ab + tr G H_a G H_b         H_a = Z'W'K_a W Z, J_ab = Z'W'K_a K_b W Z
    tr V^-1 R_a V^-1 Z D Z' = tr D L H_a L'
    X'V^-1 Z D Z'V^-1 R_a V^-1 X = (D Z'V^-1 X)'L t_a

H_a and J_ab meet the pattern of Z'Z. No matrix is larger than a group, or a set of levels that rows connect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.linalg import PatternBlocks
from ..design.mixed import MixedDesign
from ..estimation.residual_criterion import ResidualEvaluation
from .connected import dense_parts
from .marginal import Direction
from .residual_blocks import ResidualBlocks


@dataclass(frozen=True, eq=False)
class Sums:
    """For directions V_i, sums over rows.

    Parameters
    ----------
    P : (m, r, r) array
        X'V^-1 V_i V^-1 X.
    Q : (m, m, r, r) array
        X'V^-1 V_i V^-1 V_j V^-1 X.
    traces : (m, m) array
        tr(V^-1 V_i V^-1 V_j).
    """

    P: FloatArray
    Q: FloatArray
    traces: FloatArray


class ResidualDirections:
    """R_a by all parameters of R that are `free`, (m,)."""

    def __init__(self, here: ResidualEvaluation, free: BoolArray) -> None:
        of_rows, mine = here.criterion.residual, here.criterion.parameters.of_residual
        self.here, self.design = here, here.criterion.design
        self.blocks = ResidualBlocks(of_rows.rows, of_rows.root_weights, here.theta[mine], free[mine])

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def bends(self) -> bool:
        """Whether V has second derivatives by these parameters."""
        return self.blocks.bends

    def beside(self, known: Sums, effects: Sequence[Direction], W: FloatArray | None = None) -> Sums:
        """The sums of directions of random effects and of V itself, which are known, and of these, in this order.

        With a matrix `W` (m, m) there is one more direction, the sum of W_ab R_ab.
        """
        own = _OverRows(self.here, self.blocks, W)
        x, r = len(effects), len(self.here.at.gamma)
        traces, Q = np.zeros((x, own.m)), np.zeros((x, own.m, r, r))
        if len(own.Z):
            traces, Q = _through_effects(self.here, self.design, own, effects)
        return Sums(
            np.concatenate([known.P, own.P]),
            _bordered(known.Q, np.concatenate([Q, own.P[None]]), own.Q, (0, 1, 3, 2)),
            _bordered(known.traces, np.concatenate([traces, own.trace[None]]), own.products, (0, 1)),
        )


class _OverRows:
    """Sums over groups; those over random effects are not yet in them.

    Attributes
    ----------
    Z : (k, n) array
    P : (m, r, r) array
    gram : (m r, m r) array
        (K_a E)'(K_b E).
    products, trace : (m, m), (m,) arrays
        tr K_a K_b - 2 tr G J_ab, tr K_a.
    turned : (m, k, n) array
        Columns of W'K_a W Z.
    t : (m r, n) array
        Columns of W'K_a E.
    """

    def __init__(self, here: ResidualEvaluation, blocks: ResidualBlocks, W: FloatArray | None) -> None:
        at, columns = here.at, here.criterion.rows
        self.m, self.r = len(blocks) + (W is not None), len(at.gamma)
        m, r, n = self.m, self.r, columns.shape[1]
        self.Z = Z = columns[r + 1 :]
        E0 = columns[:r] - here.Z_times(Z, (at.Lambda @ at.solved)[:, :r])
        GZ, k = here.S_times_rows(Z), len(Z)
        self.P, self.gram = np.zeros((m, r, r)), np.zeros((m * r, m * r))
        self.products, self.trace = np.zeros((m, m)), np.zeros(m)
        self.turned, t = np.zeros((m, k, n)), np.zeros((m, r, n if k else 0))
        for rows, root, K in blocks.each(W):
            E = root @ _by_group(E0, rows)
            KE = K @ E
            self.P += np.einsum("gax,mgay->mxy", E, KE)
            flat = KE.transpose(0, 3, 1, 2).reshape(m * r, -1)
            self.gram += flat @ flat.T
            flat = K.reshape(m, -1)
            self.products += flat @ flat.T
            self.trace += np.einsum("mgaa->m", K)
            if k:
                KZ, KGZ = K @ (root @ _by_group(Z, rows)), K @ (root @ _by_group(GZ, rows))
                self.products -= 2.0 * (KGZ.reshape(m, -1) @ KZ.reshape(m, -1).T)
                back = root.transpose(0, 2, 1)
                self.turned[:, :, rows] = (back @ KZ).transpose(0, 3, 1, 2)
                t[:, :, rows] = (back @ KE).transpose(0, 3, 1, 2)
        self.t = t.reshape(m * r, -1)

    @property
    def Q(self) -> FloatArray:
        """X'V^-1 R_a V^-1 R_b V^-1 X."""
        return self.gram.reshape(self.m, self.r, self.m, self.r).transpose(0, 2, 1, 3)


def _through_effects(
    here: ResidualEvaluation, design: MixedDesign, own: _OverRows, effects: Sequence[Direction]
) -> tuple[FloatArray, FloatArray]:
    """Add what goes through random effects; and the sums with their directions."""
    at, m, r = here.at, own.m, own.r
    t = design.random.Zt(own.t.T)
    H = [_on_pattern(design, own.Z, turned) for turned in own.turned]
    B = at.pattern.split(at.criterion.K.solve(at.marginal[:, :r]))
    Sigma = tuple(T @ T.T for T in at.Lambda.T)
    Q, around = np.zeros((len(effects), m, r, r)), [np.zeros((m, len(S), len(S))) for S in Sigma]
    for part, (A, *h) in dense_parts(at.pattern, [at.cross.ZtWZ, *H]):
        S = part.around_roots(part.scaled(Sigma, np.eye(len(A))))
        L = np.asarray(np.linalg.inv(np.eye(len(A)) + A @ S))
        G = S @ L
        Gh = 0.5 * (G + G.T) @ np.array(h)
        own.products += np.einsum("aij,bji->ab", Gh, Gh, optimize=True)
        own.trace -= np.einsum("aii->a", Gh)
        mine = t[part.place]
        own.gram -= mine.T @ G @ mine
        Lt = (L @ mine).reshape(len(A), m, r)
        for i, (j, D) in enumerate(effects):
            if j in part.slices:
                DB = (D @ B[j][:, :, part.levels[j]]).reshape(r, -1)
                Q[i] += np.einsum("xq,qmy->mxy", DB, Lt[part.slices[j]])
        for a, one in enumerate(h):
            LhL = part.between_roots(L @ one @ L.T)
            for j, where in part.slices.items():
                k = len(Sigma[j])
                around[j][a] += np.einsum("cldl->cd", LhL[where, where].reshape(k, -1, k, len(part.levels[j])))
    traces = [np.tensordot(around[j], D, axes=2) for j, D in effects]
    return np.array(traces).reshape(len(effects), m), Q


def _on_pattern(design: MixedDesign, Z: FloatArray, turned: FloatArray) -> PatternBlocks:
    """Z'M Z from M Z, for blocks M within levels of all factors; columns (k, n)."""
    random, at, parts = design.random, 0, []
    for f in random.groups:
        parts.append(slice(at, at + len(f.columns)))
        at += len(f.columns)

    def block(codes: IntArray, size: int, i: int, j: int) -> FloatArray:
        pairs = [[np.bincount(codes, a * b, size) for b in turned[parts[j]]] for a in Z[parts[i]]]
        return np.array(pairs)

    diagonal = (block(f.codes, f.grouping.n_levels, j, j) for j, f in enumerate(random.groups))
    cross = {(i, j): block(met, len(random.pattern.pairs[i, j][0]), i, j) for (i, j), met in random.pairs.items()}
    return PatternBlocks(tuple(diagonal), cross)


def _by_group(columns: FloatArray, rows: IntArray) -> FloatArray:
    """Columns (c, n) as (g, v, c)."""
    return np.moveaxis(columns[:, rows], 0, 2)


def _bordered(known: FloatArray, beside: FloatArray, own: FloatArray, turn: tuple[int, ...]) -> FloatArray:
    """[[known, beside], [beside', own]] by the first two axes."""
    below = np.swapaxes(beside, 0, 1).transpose(turn)
    return np.concatenate([np.concatenate([known, beside], axis=1), np.concatenate([below, own], axis=1)])


__all__ = ["ResidualDirections", "Sums"]
