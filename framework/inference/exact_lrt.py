"""Exact likelihood ratio test of the only variance of a linear mixed model, by simulation.

The (restricted) likelihood ratio for variance zero has a distribution that depends on eigenvalues of the design alone
(Crainiceanu & Ruppert 2004, doi 10.1111/j.1467-9868.2004.00438.x, theorems 1 and 2). With mu the eigenvalues of
Z'P Z, P the projection on the residuals of X, and w independent squares of standard normals,

    N(lambda) = sum_s lambda mu_s / (1 + lambda mu_s) w_s,  D(lambda) = sum_s w_s / (1 + lambda mu_s) + w_rest
    LRT = sup over lambda >= 0 of  n log(1 + N / D) - sum_s log(1 + lambda xi_s)

xi are the eigenvalues of Z'Z; of the restricted one n is n - p, and xi are mu. w_rest is chi-squared on the degrees of
freedom that are left. Z stands for W^1/2 Z Q^-1/2 with weights W of rows, a known precision Q of levels.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, shown
from ..display.records import Table
from ..estimation.linear import LinearFit
from ..estimation.model import Fit, is_integer
from ..prediction.residuals import generator
from .criteria import information_criteria
from .variance_tests import criterion_of_fixed_effects

#: Points of the grid of lambda, over its range around 1 / mean(mu); steps of the golden section beside the best one.
GRID, RANGE, STEPS = 120, 1e6, 24
#: Draws at once.
CHUNK = 2_000
#: Most levels, whose eigenvalues are those of a dense matrix.
LARGEST = 3_000
#: Eigenvalues below this part of the largest are zero.
ZERO = 1e-10


@dataclass(frozen=True, eq=False, repr=False)
class ExactTest(Table):
    """The test: a table of one row, with ``term``, ``statistic``, ``p_value`` and its Monte Carlo error ``error``.

    Parameters
    ----------
    simulated : (nsim,) array
        Statistics under the hypothesis of no variance.
    """

    _: KW_ONLY
    simulated: FloatArray = field(repr=False)


@dataclass(frozen=True, eq=False)
class NullDistribution:
    """Of the likelihood ratio where the variance is zero.

    Parameters
    ----------
    mu, xi : (K,) arrays
    n : int
        n, or n - p for the restricted one.
    rest : int
        Degrees of freedom of w_rest.
    """

    mu: FloatArray
    xi: FloatArray
    n: int
    rest: int

    @classmethod
    def of(cls, fit: LinearFit) -> NullDistribution:
        """Of the design of a fit with one random effect a level."""
        design, w = fit.model.design, fit.model.design.weights
        ZtZ = np.diag(design.random.ZtWZ(w).diagonal[0][0, 0])
        Q = design.fixed.Q
        ZtQ = design.random.Zt(Q if w is None else np.asfortranarray(Q * w[:, None]))
        precision = design.random.groups[0].grouping.precision
        if precision is not None:
            L = cholesky(precision.matrix.toarray(), lower=True)
            ZtQ = solve_triangular(L, ZtQ, lower=True)
            ZtZ = solve_triangular(L, solve_triangular(L, ZtZ, lower=True).T, lower=True)
        mu, xi = (np.linalg.eigvalsh(S)[::-1] for S in (ZtZ - ZtQ @ ZtQ.T, ZtZ))
        used = mu > ZERO * xi[0]
        mu, r = mu[used], design.fixed.rank
        n = design.n - (r if fit.reml else 0)
        return cls(mu, mu if fit.reml else np.maximum(xi, 0.0), n, design.n - r - len(mu))

    def draw(self, nsim: int, rng: np.random.Generator) -> FloatArray:
        """Statistics (nsim,)."""
        out = []
        for start in range(0, nsim, CHUNK):
            m = min(CHUNK, nsim - start)
            w = rng.chisquare(1.0, size=(m, len(self.mu)))
            out.append(self.largest(w, rng.chisquare(self.rest, size=m) if self.rest else np.zeros(m)))
        return np.concatenate(out)

    def largest(self, w: FloatArray, rest: FloatArray) -> FloatArray:
        """The supremum over lambda for each row of w (m, K): on a grid, then by golden section."""
        grid = np.geomspace(1.0 / RANGE, RANGE, GRID) / self.mu.mean()
        values = np.column_stack([self._at(w, rest, np.full(len(w), point)) for point in grid])
        best = values.argmax(axis=1)
        low, high = np.log(grid[np.maximum(best - 1, 0)]), np.log(grid[np.minimum(best + 1, GRID - 1)])
        golden = 0.5 * (np.sqrt(5.0) - 1.0)
        found = values.max(axis=1)
        for _ in range(STEPS):
            one, other = high - golden * (high - low), low + golden * (high - low)
            f, g = self._at(w, rest, np.exp(one)), self._at(w, rest, np.exp(other))
            low, high = np.where(f < g, one, low), np.where(f < g, high, other)
            found = np.maximum(found, np.maximum(f, g))
        return np.asarray(np.maximum(found, 0.0))

    def _at(self, w: FloatArray, rest: FloatArray, at: FloatArray) -> FloatArray:
        """n log(1 + N / D) - sum log(1 + lambda xi), for a lambda each."""
        shrunk = w / (1.0 + at[:, None] * self.mu)
        D = shrunk.sum(axis=1) + rest
        penalty = np.log1p(at[:, None] * self.xi).sum(axis=1)
        return np.asarray(self.n * np.log((w.sum(axis=1) + rest) / D) - penalty)


def exact_lrt(fit: Fit, nsim: Any, rng: Any, *, frame: str = "") -> ExactTest:
    """Test that the only variance is zero: restricted for fits by REML.

    Raises
    ------
    InputError, InputTypeError
        For generalized models, more than one variance, too many levels, or a number of draws that is none.
    """
    if not isinstance(fit, LinearFit):
        raise InputError("the exact test is for linear models: ranova() has likelihood ratios of generalized ones")
    fit.labels.refuse_residual("exact_lrt")
    if not is_integer(nsim) or nsim < 1:
        raise InputError(f"nsim must be a positive integer; got {shown(nsim)}")
    if len(fit.theta) != 1 or len(fit.groups) != 1 or fit.groups[0].grouping.n_columns != 1:
        terms = " + ".join(map(str, fit.model.labels.terms))
        raise InputError(
            f"the exact test is for models with one variance of random effects, and this one has {terms}: ranova() has "
            "likelihood ratios with their mixtures"
        )
    if fit.groups[0].grouping.n_levels > LARGEST:
        raise InputError(
            f"{fit.groups[0].name} has {fit.groups[0].grouping.n_levels:,} levels, and the exact test stops at "
            f"{LARGEST:,}: with so many the mixture of ranova() is right"
        )
    random = generator(rng)
    null = criterion_of_fixed_effects(fit, fit.model.design)
    statistic = max(0.0, null + 2.0 * information_criteria(fit).log_likelihood)
    simulated = NullDistribution.of(fit).draw(int(nsim), random)
    p = (1.0 + float((simulated >= statistic).sum())) / (1.0 + nsim)
    return ExactTest(
        {
            "term": [str(fit.model.labels.terms[0])],
            "statistic": [statistic],
            "p_value": [p],
            "error": [float(np.sqrt(p * (1.0 - p) / nsim))],
        },
        title=f"Exact {'restricted ' if fit.reml else ''}likelihood ratio test of a variance of zero",
        notes=(f"{int(nsim):,} draws of the distribution without the variance; `error` is the Monte Carlo error of p",),
        headers={"statistic": "RLRT" if fit.reml else "LRT", "p_value": "p value"},
        simulated=simulated,
        frame=frame,
    )
