"""Fingerprints of rows, by which two fits are known to be of the same data where the rows are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray, IntArray

if TYPE_CHECKING:
    from .mixed import MixedDesign


@dataclass(frozen=True)
class Fingerprint:
    """SHA-256 of the parts of some rows: equal where these are equal, row by row.

    Parameters
    ----------
    y, weights, offset : str
        Without weights that of ones, without an offset that of zeros.
    columns : tuple of str
        Those of the columns of X that are kept.
    groups : tuple of str
        Which rows are together by each factor, whatever the levels are called.
    parameters : dict of str to tuple of str
        Those of the columns of dispersion parameters that have a model.
    """

    y: str
    weights: str
    offset: str
    columns: tuple[str, ...]
    groups: tuple[str, ...]
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, design: MixedDesign) -> Fingerprint:
        """That of the rows of a model."""
        n = design.n
        return cls(
            _of_numbers(design.y),
            _of_numbers(np.ones(n) if design.weights is None else design.weights),
            _of_numbers(design.known),
            tuple(_of_numbers(design.X[:, j]) for j in design.fixed.kept),
            tuple(_of_groups(f.codes) for f in design.random.groups),
            {name: tuple(map(_of_numbers, own.X.T)) for name, own in design.parameters.items()},
        )

    @staticmethod
    def of_ones(n: int) -> str:
        """That of a column of ones."""
        return _of_numbers(np.ones(n))


def _of_numbers(values: FloatArray) -> str:
    return _digest((values + 0.0).astype("<f8"))  # -0 is 0


def _of_groups(codes: IntArray) -> str:
    """By the first row of each row's level."""
    _, first, level = np.unique(codes, return_index=True, return_inverse=True)
    return _digest(first[level].astype("<i8"))


def _digest(array: AnyArray) -> str:
    return sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
