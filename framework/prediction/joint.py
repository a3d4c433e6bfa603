"""How far predictions may be off: the covariance of estimated effects less the true ones.

Given the variance parameters, with A = Q - Z B and B = Lambda M^-1 Lambda'Z'WQ (both of the rows predicted for),

    Var(Q gamma^ + Z b^ - Q gamma - Z b) = A Var(gamma^) A' + scale^2 Z Lambda M^-1 Lambda' Z'

(Henderson's mixed model equations: McLean, Sanders & Stroup 1991, doi 10.1080/00031305.1991.10475767). Estimated
variance parameters move gamma^ and b^: the delta method adds D Var(theta^) D', D their derivatives (Kackar & Harville
1984, doi 10.1080/01621459.1984.10477102, to first order). Effects of levels that the model does not know have their
whole variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.linalg import PatternBlocks
from ..estimation.covariance import estimates_covariance
from ..estimation.model import Factorized, Fit
from .rows import Rows

#: Columns of the identity that are solved for at once.
CHUNK = 64


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Covariance of what a fit estimates, for the rows of any data.

    Parameters
    ----------
    fit : Fit
    at : Factorized
    V : (r + m, r + m) array
        Covariance of gamma and of the other parameters (theta, xi); m = 0 where these are taken as known.
    by_gamma, by_b : (r, m), (q, m) arrays
        Derivatives of gamma and b by the other parameters.
    """

    fit: Fit
    at: Factorized
    V: FloatArray
    by_gamma: FloatArray
    by_b: FloatArray

    @classmethod
    def of(cls, fit: Fit, *, theta: bool) -> Uncertainty:
        """That of a fit, with or without the uncertainty of its variance parameters."""
        at = fit.factorized()
        if not (theta and fit.has_joint_covariance):
            return cls(fit, at, fit.gamma_covariance, np.zeros((len(fit.gamma), 0)), np.zeros((len(fit.b), 0)))
        return cls(fit, at, estimates_covariance(at), *at.moved())

    def variances(self, rows: Rows) -> FloatArray:
        """Variance of the linear predictor of each row about the true one, (n,)."""
        rows = rows.rotated(self.fit.turned)
        D = self.derivatives(rows)
        return np.asarray(np.einsum("na,ab,nb->n", D, self.V, D) + self.of_effects(rows))

    def covariance(self, rows: Rows) -> FloatArray:
        """Covariance matrix (n, n) of the linear predictors of all rows about the true ones."""
        rows = rows.rotated(self.fit.turned)
        D, scale2 = self.derivatives(rows), self.fit.scale**2
        half = self.at.factor.half_solve(self.at.Lambda.t @ self.Zt(rows))
        out = D @ self.V @ D.T + scale2 * half.T @ half
        for T, z, codes in zip(self.at.Lambda.T, rows.columns, rows.codes, strict=True):
            new = np.flatnonzero(codes < 0)
            t = T.T @ z[:, new]
            same = codes[new][:, None] == codes[new]
            out[np.ix_(new, new)] += scale2 * np.where(same, t.T @ t, 0.0)
        return np.asarray(out)

    def derivatives(self, rows: Rows) -> FloatArray:
        """Of the linear predictor by gamma (which b follows) and by the other parameters, (n, r + m)."""
        B = self.at.Lambda @ self.at.solved
        split = self.fit.pattern.split
        by_gamma = rows.Q - rows.Z(split(B))
        return np.column_stack([by_gamma, rows.Q @ self.by_gamma + rows.Z(split(self.by_b))])

    def Zt(self, rows: Rows) -> FloatArray:
        """Z' (q, n), dense."""
        pattern = self.fit.pattern
        out = np.zeros((pattern.q, len(rows)))
        parts = zip(pattern.offsets, pattern.groupings, rows.columns, rows.codes, strict=True)
        for o, g, z, codes in parts:
            known = np.flatnonzero(codes >= 0)
            for a in range(g.n_columns):
                out[o + a * g.n_levels + codes[known], known] = z[a, known]
        return out

    def of_effects(self, rows: Rows) -> FloatArray:
        """scale^2 z'Lambda M^-1 Lambda'z of each row, and z'Sigma z where its level is not known, (n,)."""
        T, out = self.at.Lambda.T, np.zeros(len(rows))
        K = self.at.Lambda.sandwich(self.at.factor.selected_inverse())
        for block, t, z, codes in zip(K.diagonal, T, rows.columns, rows.codes, strict=True):
            known = codes >= 0
            out[known] += np.einsum("an,abn,bn->n", z[:, known], block[:, :, codes[known]], z[:, known])
            out[~known] += ((t.T @ z[:, ~known]) ** 2).sum(axis=0)
        for i, j in self.fit.pattern.pairs:
            zi, zj = rows.columns[i], rows.columns[j]
            known = (rows.codes[i] >= 0) & (rows.codes[j] >= 0) & zi.any(axis=0) & zj.any(axis=0)
            blocks, at = self._crosswise(K, i, j, rows.codes[i][known], rows.codes[j][known])
            out[known] += 2.0 * np.einsum("an,abn,bn->n", zi[:, known], blocks[:, :, at], zj[:, known])
        return np.asarray(self.fit.scale**2 * out)

    def _crosswise(
        self, K: PatternBlocks, i: int, j: int, level: IntArray, other: IntArray
    ) -> tuple[FloatArray, IntArray]:
        """Blocks (k_i, k_j, pairs) of Lambda M^-1 Lambda' for pairs of levels, and the pair of each row.

        Pairs that met in the data of the fit are in K; the others are solved for.
        """
        n = self.fit.pattern.groupings[j].n_levels
        pairs, at = np.unique(level * n + other, return_inverse=True)
        rows, columns = self.fit.pattern.pairs[i, j]
        met = rows * n + columns
        order = np.argsort(met)
        place = np.minimum(np.searchsorted(met[order], pairs), len(met) - 1)
        place = order[place]
        known = met[place] == pairs
        block = K.cross[i, j]
        out = np.empty((*block.shape[:2], len(pairs)))
        out[:, :, known] = block[:, :, place[known]]
        if not known.all():
            out[:, :, ~known] = self._solved_for(i, j, *np.divmod(pairs[~known], n))
        return out, at

    def _solved_for(self, i: int, j: int, level: IntArray, other: IntArray) -> FloatArray:
        """Blocks of Lambda M^-1 Lambda' off the pattern, by solving with columns of the factor with fewer levels."""
        if len(np.unique(level)) < len(np.unique(other)):
            return self._solved_for(j, i, other, level).transpose(1, 0, 2)
        pattern, Lambda, factor = self.fit.pattern, self.at.Lambda, self.at.factor
        gi, gj = pattern.groupings[i], pattern.groupings[j]
        out = np.empty((gi.n_columns, gj.n_columns, len(level)))
        wanted, at = np.unique(other, return_inverse=True)
        for first in range(0, len(wanted), CHUNK):
            chunk = wanted[first : first + CHUNK]
            here = (at >= first) & (at < first + CHUNK)
            for b in range(gj.n_columns):
                E = np.zeros((pattern.q, len(chunk)))
                E[pattern.offsets[j] + b * gj.n_levels + chunk, np.arange(len(chunk))] = 1.0
                solved = Lambda @ factor.back_solve(factor.half_solve(Lambda.t @ E))
                effects = pattern.split(solved)[i]  # (columns of E, k_i, levels)
                out[:, b, here] = effects[at[here] - first, :, level[here]].T
        return out
