"""The oracle: M as one q x q array, by LAPACK's Cholesky factorization."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from scipy.linalg.lapack import dpotri

from ranef.contracts.arrays import FloatArray
from ranef.contracts.errors import NotPositiveDefiniteError
from ranef.contracts.linalg import Blocks, Factor, LinalgBackend, Pattern, PatternBlocks, Symbolic

from .pattern import Positions, positions, prior_precision, spherical_cross_product

#: Above this number of random effects M, its factor and its inverse would take some 10 GB: `cost` is then infinite.
LARGEST_Q = 20_000


class DenseFactor(Factor):
    """L as a lower triangular array; no permutation (P = I)."""

    def __init__(self, L: FloatArray, where: Positions) -> None:
        self._L = L
        self._where = where

    @property
    def logdet(self) -> float:
        """From the diagonal of L."""
        return 2.0 * float(np.log(np.diagonal(self._L)).sum())

    def half_solve(self, B: FloatArray) -> FloatArray:
        """L^-1 B."""
        solution: FloatArray = solve_triangular(self._L, B, lower=True, check_finite=False)
        return solution

    def back_solve(self, C: FloatArray) -> FloatArray:
        """L^-T C."""
        solution: FloatArray = solve_triangular(self._L, C, lower=True, trans="T", check_finite=False)
        return solution

    def selected_inverse(self) -> PatternBlocks:
        """The whole inverse, read where Z'Z is not zero."""
        lower, _ = dpotri(self._L, lower=1)
        inverse = np.tril(lower) + np.tril(lower, -1).T
        return PatternBlocks(
            tuple(inverse[rows, columns] for rows, columns in self._where.diagonal),
            {pair: inverse[rows, columns] for pair, (rows, columns) in self._where.cross.items()},
        )


class DenseSymbolic(Symbolic):
    """Where each block goes in M, and K."""

    def __init__(self, pattern: Pattern) -> None:
        self._where = positions(pattern)
        self._K = prior_precision(pattern)

    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> DenseFactor:
        """Put the blocks of M in their places and factorize it."""
        blocks = spherical_cross_product(ZtWZ, T)
        M: FloatArray = self._K.toarray(order="C")
        for (rows, columns), block in zip(self._where.diagonal, blocks.diagonal, strict=True):
            M[rows, columns] += block
        for pair, (rows, columns) in self._where.cross.items():
            M[rows, columns] = blocks.cross[pair]
            M[columns, rows] = blocks.cross[pair]
        try:
            L: FloatArray = cholesky(M, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError as error:
            raise NotPositiveDefiniteError(f"M is not positive definite: {error}") from error
        return DenseFactor(L, self._where)


class Dense(LinalgBackend):
    """Forms M = Lambda' Z'WZ Lambda + K as a q x q array: clear and obviously right.

    The oracle of the other backends, and good enough below some hundred random effects. Memory is 8 q^2 bytes an array,
    so that `cost` is infinite above q = 20,000.

    Source: Bates, Maechler, Bolker & Walker (2015), doi 10.18637/jss.v067.i01.

    Examples
    --------
    One factor with two levels, seen 3 times and once, at T = 1: M = diag(3, 1) + I.

    >>> import numpy as np
    >>> from ranef.contracts.linalg import Grouping, PatternBlocks, Pattern
    >>> g = Grouping("g", n_levels=2, n_columns=1)
    >>> ZtWZ = PatternBlocks((np.array([[[3.0, 1.0]]]),), {})
    >>> factor = Dense().analyze(Pattern((g,), {})).factorize(ZtWZ, (np.array([[1.0]]),))
    >>> round(float(np.exp(factor.logdet)), 12)
    8.0
    >>> factor.selected_inverse().diagonal[0].round(12).tolist()
    [[[0.25, 0.5]]]
    """

    has_selected_inverse = True

    def cost(self, pattern: Pattern) -> float:
        """q^3 operations: a third of it for the factorization, two thirds for the inverse."""
        return float(pattern.q) ** 3 if pattern.q <= LARGEST_Q else math.inf

    def analyze(self, pattern: Pattern) -> DenseSymbolic:
        """Find where each block of M goes."""
        return DenseSymbolic(pattern)
