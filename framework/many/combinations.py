"""Linear combinations of coefficients, of every response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..design.labels import FixedLabels
from ..inference.hypotheses import hypotheses


@dataclass(frozen=True, eq=False)
class Combinations:
    """L beta, by the columns of X that are kept.

    Parameters
    ----------
    names : tuple of str
    L : (c, p) array
        NaN in rows that X does not determine.
    rhs : (c,) array
    kept : (r,) int array
    """

    names: tuple[str, ...]
    L: FloatArray
    rhs: FloatArray
    kept: IntArray

    @classmethod
    def given(cls, L: Any, fixed: FixedLabels) -> Combinations:
        """As the user writes them; None is none.

        Raises
        ------
        InputError, InputTypeError
            For rows that cannot be read.
        """
        p = len(fixed.names)
        if L is None:
            return cls((), np.zeros((0, p)), np.zeros(0), fixed.kept)
        H = hypotheses(L, fixed.names)
        return cls(H.names, np.where(fixed.estimable(H.L)[:, None], H.L, np.nan), H.rhs, fixed.kept)

    def of(self, beta: FloatArray, vcov: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Estimates and standard errors from coefficients (..., p) and their covariance (..., p, p)."""
        L, kept = self.L[:, self.kept], self.kept
        variances = np.einsum("ca,...ab,cb->...c", L, vcov[..., kept[:, None], kept], L)
        with np.errstate(invalid="ignore"):
            return beta[..., kept] @ L.T, np.sqrt(variances)


__all__ = ["Combinations"]
