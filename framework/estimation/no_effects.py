"""Models without random effects: M is an empty matrix, which no backend need know of."""

from __future__ import annotations

from ..contracts.arrays import FloatArray
from ..contracts.linalg import Blocks, Factor, LinalgBackend, Pattern, PatternBlocks, Symbolic


class NoEffects(LinalgBackend):
    """Nothing to factorize."""

    name = "none"
    has_selected_inverse = True

    def cost(self, pattern: Pattern) -> float:
        """Nothing."""
        return 0.0

    def analyze(self, pattern: Pattern) -> Symbolic:
        """Nothing."""
        return _NoSymbolic()


class _NoSymbolic(Symbolic):
    def factorize(self, ZtWZ: PatternBlocks, T: Blocks) -> Factor:
        return _NoFactor()


class _NoFactor(Factor):
    logdet = 0.0

    def half_solve(self, B: FloatArray) -> FloatArray:
        return B

    def back_solve(self, C: FloatArray) -> FloatArray:
        return C

    def selected_inverse(self) -> PatternBlocks:
        return PatternBlocks((), {})

    def logdet_gradient(self) -> Blocks:
        return ()


__all__ = ["NoEffects"]
