"""Known relationships in: a relationship matrix or a precision of a factor's levels, matched by label and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy
from scipy.linalg.lapack import dpotrf, dpotri

from ..contracts.arrays import AnyArray, IntArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..contracts.precision import KnownPrecision
from .arrays import as_numbers
from .pedigree import Pedigree
from .reading import as_mapping, frame_labels, read
from .terms import refuse_unknown_factors

#: Entries of a matrix and its transpose that differ by more than this part of the largest are not symmetric.
SYMMETRIC = 1e-8
#: A pivot that is not more than this part of its diagonal has no digits: the matrix is singular to rounding.
SINGULAR = 1e-10
#: Levels that are related with each other, directly or through others, beyond which a matrix is not inverted.
LARGEST_FAMILY = 20_000


class Relation(NamedTuple):
    """What a user gave for one factor: the matrix, as the argument of that name."""

    argument: str
    matrix: Any
    is_precision: bool

    def of_levels(self, levels: AnyArray) -> tuple[AnyArray, KnownPrecision]:
        """The levels of the model and their precision.

        A precision keeps levels that are not in the data, after those that are: leaving them out would say that they
        are known. Of a relationship matrix they are left out, which does not change what it says of the others.

        Raises
        ------
        InputError, InputTypeError
            Where it is no positive definite matrix with a row for each level.
        """
        matrix, labels = self._read()
        if labels is None:
            if matrix.shape[0] != len(levels):
                raise InputError(
                    f"{self.argument} is of shape {matrix.shape}, and the factor has {len(levels)} levels. Without "
                    "labels its rows stand for the sorted levels; give them as (matrix, labels), or a pandas frame"
                )
            chosen, names = np.arange(len(levels)), levels
        else:
            chosen = self._places(labels, levels)
            rest = np.setdiff1d(np.arange(len(labels)), chosen)
            names = levels
            if self.is_precision and len(rest):
                chosen, names = np.concatenate([chosen, rest]), _joined(levels, labels[rest])
        matrix = scipy.sparse.csc_array(matrix[chosen][:, chosen])
        return names, self._precision(matrix, names)

    def _read(self) -> tuple[scipy.sparse.csc_array, AnyArray | None]:
        """The matrix, square and symmetric, and its labels."""
        given, labels = self._parts()
        matrix = self._numbers(given)
        if matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
            raise InputError(f"{self.argument} must be square, with rows; it has shape {matrix.shape}")
        difference = float(abs(matrix - matrix.T).max())
        if difference > SYMMETRIC * abs(matrix).max():
            raise InputError(f"{self.argument} must be symmetric; entries differ by up to {difference:.3g}")
        if labels is None:
            return matrix, None
        column = read(labels, f"the labels of {self.argument}")
        array = column.values if column.codes is None else column.values[column.codes]
        if array.shape != matrix.shape[:1]:
            raise InputError(f"{self.argument} has {matrix.shape[0]} rows and labels of shape {array.shape}")
        return matrix, array

    def _parts(self) -> tuple[Any, Any]:
        """The matrix and its labels, None where there are none, as they were given."""
        given = self.matrix
        if isinstance(given, Pedigree):
            return given.precision, given.labels
        if isinstance(given, tuple):
            if len(given) != 2:
                raise InputTypeError(f"{self.argument} must be a matrix or (matrix, labels); got {len(given)} parts")
            return given
        labels = frame_labels(given)
        if labels is None:
            return given, None
        rows, columns = labels
        if rows != columns:
            raise InputError(
                f"{self.argument} has other labels on its rows than on its columns, or in another order; "
                "frame.loc[labels, labels] has them alike"
            )
        return given, rows

    def _numbers(self, given: Any) -> scipy.sparse.csc_array:
        is_sparse: bool = scipy.sparse.issparse(given)
        if not is_sparse:
            return scipy.sparse.csc_array(as_numbers(given, self.argument, ndim=2))
        if given.dtype.kind not in "biuf":
            raise InputTypeError(f"{self.argument} holds {given.dtype} values where real numbers belong")
        matrix = scipy.sparse.csc_array(given, dtype=np.float64)
        if not np.isfinite(matrix.data).all():
            raise InputError(f"{self.argument} has missing (NaN) or infinite values")
        return matrix

    def _places(self, labels: AnyArray, levels: AnyArray) -> IntArray:
        """Where the levels are among the labels."""
        place = {label: i for i, label in enumerate(labels.tolist())}
        if len(place) < len(labels):
            raise InputError(f"{self.argument} has labels that stand twice")
        missing = [level for level in levels.tolist() if level not in place]
        if missing:
            text = {str(label) for label in place}
            advice = (
                "Its labels are of another type than those of groups: convert one of them"
                if all(str(level) in text for level in missing)
                else "Add them, or leave out their rows of the data"
            )
            raise InputError(f"{self.argument} has no row for {len(missing)} levels: {_some(missing)}. {advice}")
        return np.array([place[level] for level in levels.tolist()], dtype=np.intp)

    def _precision(self, matrix: scipy.sparse.csc_array, names: AnyArray) -> KnownPrecision:
        at = np.flatnonzero(matrix.diagonal() <= 0.0)
        if len(at):
            raise InputError(
                f"{self.argument} is not positive definite: its diagonal is zero or negative for {_some(names[at])}"
            )
        symmetric = scipy.sparse.csc_array(0.5 * (matrix + matrix.T))
        if not self.is_precision:
            symmetric = self._inverse(symmetric, names)
        symmetric.eliminate_zeros()
        symmetric.sort_indices()
        precision = KnownPrecision(symmetric)
        try:
            smallest = precision.pivots.min()
        except RuntimeError:  # SuperLU on a matrix that is exactly singular
            smallest = 0.0
        if not smallest > SINGULAR:
            raise InputError(
                f"{self.argument} is not positive definite (or only by rounding). An intrinsic precision, such as that "
                "of a random walk or an intrinsic CAR, leaves a direction open: add a small ridge to its diagonal, "
                "such as 1e-6 of its size"
            )
        return precision

    def _inverse(self, A: scipy.sparse.csc_array, names: AnyArray) -> scipy.sparse.csc_array:
        """A^-1, family by family."""
        rows, columns, values = [], [], []
        for family in _families(A):
            if len(family) > LARGEST_FAMILY:
                raise InputError(
                    f"{self.argument} relates {len(family)} levels with each other, too many to invert it. Give its "
                    "sparse inverse by precision= (ranef.pedigree makes that of a pedigree)"
                )
            block = A[family][:, family].toarray()
            L, broken = dpotrf(block, lower=1)
            small = np.diagonal(L) ** 2 <= SINGULAR * np.diagonal(block)
            if broken or small.any():
                at = family[broken - 1 if broken else int(np.flatnonzero(small)[0])]
                raise InputError(
                    f"{self.argument} is not positive definite (or only by rounding): what it says of "
                    f"{_some(names[[at]])} follows from other levels, or contradicts them, as where two levels are "
                    "copies of each other. Merge such levels, or add a little to the diagonal"
                )
            lower = np.tril(dpotri(L, lower=1)[0])
            inverse = lower + np.tril(lower, -1).T
            size = len(family)
            rows.append(np.repeat(family, size))
            columns.append(np.tile(family, size))
            values.append(inverse.ravel())
        where = np.concatenate(rows), np.concatenate(columns)
        return scipy.sparse.csc_array(scipy.sparse.coo_array((np.concatenate(values), where), shape=A.shape))


def relations(
    relationship: Mapping[str, Any] | None, precision: Mapping[str, Any] | None, factors: Sequence[Any]
) -> dict[Any, Relation]:
    """Relations by factor.

    Raises
    ------
    InputError
        For factors that `groups` does not have, or that have both.
    """
    out: dict[Any, Relation] = {}
    for argument, given in (("relationship", relationship), ("precision", precision)):
        if given is not None and not isinstance(given, Mapping):
            raise InputTypeError(
                f"{argument} must be a dict from factors, such as {{'animal': matrix}}; got {shown(given)}"
            )
        by_factor = as_mapping(given, argument)
        refuse_unknown_factors(argument, by_factor, factors)
        for factor, matrix in by_factor.items():
            if factor in out:
                raise InputError(
                    f"{factor!r} has a relationship and a precision, which is its inverse: give one of them"
                )
            out[factor] = Relation(f"{argument}[{factor!r}]", matrix, argument == "precision")
    return out


def _families(A: scipy.sparse.csc_array) -> Iterator[IntArray]:
    """Levels that are related with each other."""
    n, family = scipy.sparse.csgraph.connected_components(A, directed=False)
    order = np.argsort(family, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(family, minlength=n))[:-1])


def _joined(levels: AnyArray, more: AnyArray) -> AnyArray:
    """One array of both; of objects where NumPy would make text of numbers."""
    if levels.dtype.kind == more.dtype.kind:
        return np.concatenate([levels, more])
    return np.concatenate([levels.astype(object), more.astype(object)])


def _some(labels: Any) -> str:
    names = [str(label) for label in labels]
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


__all__ = ["Relation", "relations"]
