"""One grouping factor: M is block diagonal, one k x k block a level, and all of them are treated at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ranef.contracts import Blocks, Factor, Pattern, PatternBlocks, Symbolic
from ranef.contracts.arrays import FloatArray

from . import blocks


class BlockDiagonalSymbolic(Symbolic):
    """Nothing to find out: the pattern is known."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern

    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> BlockDiagonalFactor:
        """C_l C_l' = T'A_l T + I for every level l."""
        return BlockDiagonalFactor(ZtWZ.diagonal[0], T[0])


class BlockDiagonalFactor(Factor):
    """Cholesky factors C_l of the blocks of M, (k, k, L)."""

    def __init__(self, A: FloatArray, T: FloatArray) -> None:
        self.A, self.T = A, T
        self.C = blocks.cholesky(blocks.plus_identity(blocks.congruence(T, A)))

    @cached_property
    def logdet(self) -> float:
        """log|M|."""
        return blocks.logdet(self.C)

    def half_solve(self, B: FloatArray) -> FloatArray:
        """C^-1 B."""
        return blocks.forward_solve(self.C, self._by_level(B)).reshape(B.T.shape).T

    def back_solve(self, C: FloatArray) -> FloatArray:
        """C^-T C."""
        return blocks.backward_solve(self.C, self._by_level(C)).reshape(C.T.shape).T

    def _by_level(self, B: FloatArray) -> FloatArray:
        return B.T.reshape(B.shape[1], *self.C.shape[1:])

    @cached_property
    def inverse(self) -> FloatArray:
        """(C_l C_l')^-1."""
        return blocks.inverse(self.C)

    def selected_inverse(self) -> PatternBlocks:
        """M^-1, all of it."""
        return PatternBlocks((self.inverse,), {})

    def logdet_gradient(self) -> tuple[FloatArray, ...]:
        """d log|M| / dT = 2 sum over levels of A T M^-1."""
        return (2.0 * np.einsum("abl,bcl->ac", blocks.multiply(self.A, self.T), self.inverse),)
