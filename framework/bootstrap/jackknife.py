"""The jackknife: statistics of the data without each independent unit, for the acceleration of BCa intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, RanefError
from ..design.selection import select_rows
from ..estimation.model import Fit, Model
from ..many.one_by_one import Of
from .replicates import Measured, OneByOne
from .schemes import outermost


@dataclass(frozen=True, eq=False)
class WithoutEach:
    """The model without each level of a factor, or without each row."""

    fit: Fit
    by: int | None

    @property
    def size(self) -> int:
        """How many there are."""
        design = self.fit.model.design
        return design.n if self.by is None else int(np.unique(design.random.factors[self.by].codes).size)

    def models(self, rng: np.random.Generator, skip: int, count: int) -> Iterator[Model[Any] | str]:
        """One after the other; nothing is drawn."""
        design = self.fit.model.design
        codes = np.arange(design.n) if self.by is None else design.random.factors[self.by].codes
        for unit in np.unique(codes)[skip : skip + count]:
            try:
                left = select_rows(design, codes != unit)
                yield replace(self.fit.model, labels=left.labels, rows=left)
            except RanefError as error:
                yield str(error)


def left_out(fit: Fit, of: Of, measured: Measured) -> tuple[FloatArray, str]:
    """Statistics (g, q) without each unit, and what the units are.

    Units are the levels of the factor that all others are nested in, and rows where factors are crossed.

    Raises
    ------
    InputError
        Where some cannot be left out.
    """
    by = outermost(fit)
    units = WithoutEach(fit, by)
    what = "rows" if by is None else f"levels of {fit.groups[by].name}"
    work = OneByOne(units, of, measured, fit.labels.fixed.dropped_names)
    found = work(np.random.default_rng(0), 0, units.size)
    failed = np.flatnonzero(found.reason != "")
    if len(failed):
        raise InputError(
            f"kind='bca' needs the fit without each of the {what}; {len(failed)} of {units.size} cannot be had "
            f"({found.reason[failed[0]]}). Use another kind"
        )
    return found.values, what


__all__ = ["left_out"]
