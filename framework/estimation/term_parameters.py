"""Covariance parameters of one term: the entries of T, or the parameters of a covariance structure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from ..contracts.arrays import BoolArray, FloatArray, IntArray
from ..contracts.covariance import CovarianceStructure
from ..contracts.errors import NotPositiveDefiniteError
from ..design.terms import Term
from .independent import Independent


@cache
def _lower(k: int) -> tuple[IntArray, IntArray]:
    return np.tril_indices(k)


@cache
def by_columns(k: int) -> tuple[IntArray, IntArray]:
    """Rows and columns of the entries of a lower triangle, column by column."""
    columns, rows = np.triu_indices(k)
    return rows, columns


@dataclass(frozen=True, eq=False)
class Root:
    """Where one unstructured covariance matrix, that of a term's correlated columns, stands in x.

    Parameters
    ----------
    term : Term
    group, first : int
        The grouping factor, and the first of its columns that belongs to the matrix.
    places : (k, k) int array
        Positions of T's entries in x, on and below the diagonal.
    """

    term: Term
    group: int
    first: int
    places: IntArray

    def __len__(self) -> int:
        return len(self.places)

    def __str__(self) -> str:
        """As in lme4's formulas."""
        return str(self.term)

    @property
    def lower(self) -> tuple[IntArray, IntArray]:
        """Rows and columns of all entries, row by row."""
        return _lower(len(self))

    @cached_property
    def entries(self) -> IntArray:
        """Positions of all entries, row by row."""
        return self.places[self.lower]

    def of(self, x: FloatArray) -> FloatArray:
        """T (k, k), lower triangular."""
        T = np.zeros(self.places.shape)
        T[self.lower] = x[self.entries]
        return T

    def zero_columns(self, x: FloatArray) -> IntArray:
        """Positions in x of the columns of T that are zero."""
        T = self.of(x)
        return self.places[np.tril(np.ones_like(T, dtype=bool)) & ~T.any(axis=0)]

    def put(self, x: FloatArray, T: FloatArray) -> FloatArray:
        """x with another T."""
        out = x.copy()
        out[self.entries] = T[self.lower]
        return out


@dataclass(frozen=True, eq=False)
class Structured:
    """Where the parameters of one term's covariance structure stand in theta, and its T among all entries.

    Parameters
    ----------
    structure : CovarianceStructure
    term : Term
    group, first : int
        The grouping factor, and the first of its columns that belongs to the term.
    mine : slice
        Of theta.
    triangle : (k (k + 1) / 2,) int array, or (k,)
        Positions of T's lower triangle, column by column, or of its diagonal, among the entries of the template.
    unit : (m,) array
        Scales are those of the user's columns times this.
    """

    structure: CovarianceStructure
    term: Term
    group: int
    first: int
    mine: slice
    triangle: IntArray
    unit: FloatArray

    def __len__(self) -> int:
        return len(self.term.columns)

    def __str__(self) -> str:
        """As in glmmTMB's formulas."""
        return str(self.term)

    @cached_property
    def scales(self) -> BoolArray:
        """Which parameters are scales."""
        return np.asarray(self.structure.scales(len(self)), dtype=bool)

    def T(self, theta: FloatArray) -> FloatArray:
        """The structure's T.

        Raises
        ------
        NotPositiveDefiniteError
            Where the structure cannot factorize its matrix: far out correlations round to 1.
        """
        try:
            return self.structure.relative_factor(theta[self.mine], len(self))
        except np.linalg.LinAlgError as error:
            raise NotPositiveDefiniteError(f"the covariance structure of {self.term} has no T here: {error}") from error

    def entries(self, T: FloatArray) -> FloatArray:
        """Those of T, or of a derivative of it, that the template has."""
        if self.term.is_diagonal:
            return np.diagonal(T)
        return T[by_columns(len(T))]

    def covariance_derivatives(self, parameters: FloatArray) -> FloatArray:
        """Derivatives of T T' by the parameters, (m, k, k)."""
        T = self.structure.relative_factor(parameters, len(self))
        moved = self.structure.derivatives(parameters, len(self)) @ T.T
        return np.asarray(moved + moved.transpose(0, 2, 1))

    def in_units(self, parameters: FloatArray, unit: float | FloatArray) -> FloatArray:
        """Parameters of T times `unit`."""
        return np.where(self.scales, unit * parameters, parameters)

    def upright(self, parameters: FloatArray) -> FloatArray:
        """The same T T' by scales that are not negative, where none is positive: T of -s is -T of s."""
        return np.where(self.scales & (parameters[self.scales] <= 0.0).all(), np.abs(parameters), parameters)

    def smallest_singular_value(self, theta: FloatArray) -> float:
        """Of T."""
        return float(np.linalg.svd(self.T(theta), compute_uv=False)[-1])

    def moderate(self, theta: FloatArray, size: float) -> Iterator[FloatArray]:
        """Parameters with independent effects of moderate size: instead of what there is, and more."""
        T = self.T(theta)
        for kept in (0.0, 1.0):
            yield self.structure.start(kept * T @ T.T + size**2 * np.eye(len(self)))

    @property
    def apart(self) -> FloatArray | float:
        """How large scales are beside what sets their columns apart: 1 of columns that are not nearly dependent."""
        return 1.0


@dataclass(frozen=True, eq=False)
class Disentangled(Structured):
    """Independent effects in a basis that mixes their columns: standard deviations, each of either sign."""

    structure: Independent

    def upright(self, parameters: FloatArray) -> FloatArray:
        """Each standard deviation is not negative."""
        return np.abs(parameters)

    def smallest_singular_value(self, theta: FloatArray) -> float:
        """The smallest standard deviation."""
        return float(np.abs(theta[self.mine]).min())

    def moderate(self, theta: FloatArray, size: float) -> Iterator[FloatArray]:
        """Also large ones that cancel each other but for what sets their columns apart."""
        yield from super().moderate(theta, size)
        yield size * self.apart

    @property
    def apart(self) -> FloatArray:
        """How large standard deviations are beside what sets their columns apart."""
        return self.structure.apart(1.0)
