"""The jackknife: statistics of the data without each independent unit, for the acceleration of BCa intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError, RanefError
from ..design.selection import select_rows
from ..estimation.model import Fit, Model
from ..many.one_by_one import Of
from .replicates import Measured, OneByOne
from .schemes import outermost


@dataclass(frozen=True, eq=False)
class WithoutEach:
    """The model without each unit of rows: their codes."""

    fit: Fit
    codes: IntArray

    @property
    def size(self) -> int:
        """How many there are."""
        return len(np.unique(self.codes))

    def models(self, rng: np.random.Generator, skip: int, count: int) -> Iterator[Model[Any] | str]:
        """One after the other; nothing is drawn."""
        design = self.fit.model.design
        for unit in np.unique(self.codes)[skip : skip + count]:
            try:
                left = select_rows(design, self.codes != unit)
                yield replace(self.fit.model, labels=left.labels, rows=left)
            except RanefError as error:
                yield str(error)


def left_out(fit: Fit, of: Of, measured: Measured) -> tuple[FloatArray, str]:
    """Statistics (g, q) without each unit, and what the units are.

    Units are the levels of the factor that all others are nested in; where factors are crossed or there are none the
    groups of correlated residuals, or rows.

    Raises
    ------
    InputError
        Where some cannot be left out.
    """
    codes, what = _units(fit)
    units = WithoutEach(fit, codes)
    work = OneByOne(units, of, measured, fit.labels.fixed.dropped_names)
    found = work(np.random.default_rng(0), 0, units.size)
    failed = np.flatnonzero(found.reason != "")
    if len(failed):
        raise InputError(
            f"kind='bca' needs the fit without each of the {what}; {len(failed)} of {units.size} cannot be had "
            f"({found.reason[failed[0]]}). Use another kind"
        )
    return found.values, what


def _units(fit: Fit) -> tuple[IntArray, str]:
    """What is left out one by one: code of each row, and what it is."""
    design, by = fit.model.design, outermost(fit)
    if by is not None:
        return design.random.groups[by].codes, f"levels of {fit.groups[by].name}"
    if design.residual is not None and design.residual.labels.kind:
        return design.residual.group, f"levels of {design.residual.labels.group}"
    return np.arange(design.n), "rows"


__all__ = ["left_out"]
