"""What is kept of every fit: arrays with a row for each response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates of m responses, NaN where there are none.

    Parameters
    ----------
    coefficients, se : (m, p) arrays
    contrasts, contrasts_se : (m, c) arrays
    theta : (m, d) array
    sigma : (m,) array
    dispersion : (m, s) array
    log_likelihood : (m,) array
    converged, singular : (m,) bool arrays
    gradient_norm, expected_drop, smallest_eigenvalue : (m,) arrays
        Of the certificates.
    n_obs : (m,) int array
    reason : (m,) array of str
        Why there are no estimates, or why they are no optimum; "" elsewhere.
    at_once : (m,) bool array
        Fitted together with others, and not one by one.
    """

    coefficients: FloatArray
    se: FloatArray
    contrasts: FloatArray
    contrasts_se: FloatArray
    theta: FloatArray
    sigma: FloatArray
    dispersion: FloatArray
    log_likelihood: FloatArray
    converged: BoolArray
    singular: BoolArray
    gradient_norm: FloatArray
    expected_drop: FloatArray
    smallest_eigenvalue: FloatArray
    n_obs: IntArray
    reason: AnyArray
    at_once: BoolArray

    @classmethod
    def empty(cls, m: int, *, p: int, c: int, d: int, s: int) -> Self:
        """Of m responses with p coefficients, c contrasts, d covariance and s dispersion parameters."""

        def nothing(*shape: int) -> FloatArray:
            return np.full(shape, np.nan)

        def never() -> BoolArray:
            return np.zeros(m, bool)

        return cls(
            coefficients=nothing(m, p),
            se=nothing(m, p),
            contrasts=nothing(m, c),
            contrasts_se=nothing(m, c),
            theta=nothing(m, d),
            sigma=nothing(m),
            dispersion=nothing(m, s),
            log_likelihood=nothing(m),
            converged=never(),
            singular=never(),
            gradient_norm=nothing(m),
            expected_drop=nothing(m),
            smallest_eigenvalue=nothing(m),
            n_obs=np.zeros(m, dtype=np.intp),
            reason=np.full(m, "", dtype=object),
            at_once=never(),
        )

    def put(self, where: IntArray, others: Estimates) -> None:
        """Write the estimates of others into these rows: for who is still making these."""
        for f in fields(self):
            getattr(self, f.name)[where] = getattr(others, f.name)

    @classmethod
    def joined(cls, parts: Sequence[Estimates]) -> Self:
        """One after the other, frozen."""
        columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)}
        for column in columns.values():
            column.flags.writeable = False
        return cls(**columns)


__all__ = ["Estimates"]
