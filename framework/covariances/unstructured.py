"""Covariance matrices without structure: any one, or any diagonal one."""

from __future__ import annotations

import numpy as np

from ranef.contracts import CovarianceStructure
from ranef.contracts.arrays import BoolArray, FloatArray


class Unstructured(CovarianceStructure):
    """Any covariance matrix: theta are the entries of T, column by column of its lower triangle.

    Source: Bates, Maechler, Bolker & Walker (2015), section 2.2; doi 10.18637/jss.v067.i01.

    Examples
    --------
    >>> Unstructured().relative_factor(np.array([1.0, 2.0, 3.0]), 2).tolist()
    [[1.0, 0.0], [2.0, 3.0]]
    """

    name, free = "us", "triangle"

    def names(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """One of each entry of the lower triangle."""
        left, low = np.triu_indices(len(columns))
        pairs = zip(low, left, strict=True)
        return tuple(columns[r] if r == c else f"{columns[r]}.{columns[c]}" for r, c in pairs)

    def scales(self, k: int) -> BoolArray:
        """All."""
        return np.ones(k * (k + 1) // 2, dtype=bool)

    def relative_factor(self, parameters: FloatArray, k: int) -> FloatArray:
        """The triangle."""
        T = np.zeros((k, k))
        T.T[np.triu_indices(k)] = parameters
        return T

    def derivatives(self, parameters: FloatArray, k: int) -> FloatArray:
        """One entry is 1."""
        return np.array([self.relative_factor(e, k) for e in np.eye(len(parameters))])

    def start(self, covariance: FloatArray) -> FloatArray:
        """The Cholesky factor."""
        return np.asarray(np.linalg.cholesky(covariance).T[np.triu_indices(len(covariance))])


class Diagonal(CovarianceStructure):
    """Independent effects, each with a standard deviation of its own.

    Source: Bates, Maechler, Bolker & Walker (2015), section 2.2, `||`; doi 10.18637/jss.v067.i01.

    Examples
    --------
    >>> Diagonal().relative_factor(np.array([1.0, 2.0]), 2).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """

    name, free = "diag", "diagonal"

    def names(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """One of each column."""
        return columns

    def scales(self, k: int) -> BoolArray:
        """All."""
        return np.ones(k, dtype=bool)

    def relative_factor(self, parameters: FloatArray, k: int) -> FloatArray:
        """diag(sd)."""
        return np.diag(parameters)

    def derivatives(self, parameters: FloatArray, k: int) -> FloatArray:
        """One entry is 1."""
        return np.array([np.diag(e) for e in np.eye(k)])

    def start(self, covariance: FloatArray) -> FloatArray:
        """Square roots of the diagonal."""
        return np.sqrt(np.diagonal(covariance))
