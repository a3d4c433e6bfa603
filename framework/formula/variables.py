"""A variable of a formula: numbers, or codes and levels, with missing values marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, BoolArray, FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError
from ..design.reading import rows_text

#: R's rule: a logical is a factor of these levels.
LOGICAL = ("False", "True")


@dataclass(frozen=True, eq=False)
class Variable:
    """One variable, a value for each row.

    Parameters
    ----------
    kind : {"number", "logical", "text", "category"}
        All but the first are factors; the levels of a category have an order of their own.
    values : (n,) array
        Numbers, or codes of levels, -1 for a missing one.
    missing : (n,) bool array
        Rows without a value.
    levels : tuple of str
        Levels of a factor, ``()`` of numbers.
    unordered : bool
        Whether it is a category of which its type says that its levels have no order.
    """

    kind: str
    values: AnyArray
    missing: BoolArray
    levels: tuple[str, ...] = ()
    unordered: bool = False

    @classmethod
    def of_numbers(cls, values: AnyArray, missing: BoolArray | None = None) -> Variable:
        """Numbers, NaN is missing."""
        values = np.atleast_1d(values)
        nan = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
        return cls("number", values, nan if missing is None else nan | missing)

    @classmethod
    def of_codes(cls, codes: AnyArray, levels: Sequence[str], kind: str = "category") -> Variable:
        """A factor, -1 is missing."""
        codes = np.asarray(codes, dtype=np.intp)
        return cls(kind, codes, codes < 0, tuple(levels))

    @property
    def is_factor(self) -> bool:
        """Whether it has levels."""
        return self.kind != "number"

    @property
    def codes(self) -> IntArray:
        """Codes of the levels."""
        return np.asarray(self.values, dtype=np.intp)

    def numbers(self, name: str) -> FloatArray:
        """The numbers, NaN where missing; FALSE and TRUE are 0 and 1.

        Raises
        ------
        InputTypeError
            Where it is a factor.
        """
        if self.is_factor and self.kind != "logical":
            some = ", ".join(self.levels[:3]) + (", ..." if len(self.levels) > 3 else "")
            raise InputTypeError(f"{name} needs numbers, and there are levels: {some}")
        numbers = self.values.astype(np.float64)
        if self.kind == "logical":  # of which one level may be unused
            numbers = np.array([level == LOGICAL[1] for level in self.levels], dtype=np.float64)[self.values]
        if self.missing.any():
            numbers[self.missing] = np.nan
        return numbers

    def as_factor(self) -> Variable:
        """Numbers as a factor, levels in their order; a factor is itself."""
        if self.is_factor:
            return self
        known = self.values[~self.missing]
        found, inverse = np.unique(known, return_inverse=True)
        codes = np.full(len(self.values), -1, dtype=np.intp)
        codes[~self.missing] = inverse
        return Variable.of_codes(codes, [number_label(v) for v in found.tolist()])

    def take(self, rows: AnyArray) -> Variable:
        """Some rows."""
        return replace(self, values=self.values[rows], missing=self.missing[rows])

    def recode(self, levels: Sequence[str]) -> IntArray:
        """Codes in other levels; what is not among these is -1."""
        at = {level: i for i, level in enumerate(levels)}
        table = np.array([*(at.get(level, -1) for level in self.levels), -1], dtype=np.intp)
        return table[self.codes]

    def with_levels(self, levels: Sequence[str], name: str) -> Variable:
        """The same in stored levels.

        Raises
        ------
        InputError
            Where there are others, with the rows.
        """
        codes = self.recode(levels)
        if (unseen := (codes < 0) & ~self.missing).any():
            new = sorted({self.levels[c] for c in self.codes[unseen].tolist()})
            raise InputError(
                f"{name} has levels that are not among {', '.join(levels)}: {', '.join(new[:5])}"
                f"{', ...' if len(new) > 5 else ''} in {rows_text(unseen)}"
            )
        return replace(self, values=codes, levels=tuple(levels))

    def used_levels(self) -> Variable:
        """Without the levels that do not occur."""
        if not self.is_factor:
            return self
        count = np.bincount(self.codes[~self.missing], minlength=len(self.levels))
        if count.all():
            return self
        kept = tuple(level for level, n in zip(self.levels, count, strict=True) if n)
        return replace(self, values=self.recode(kept), levels=kept)


def number_label(value: Any) -> str:
    """A number as a level: without a point where it is whole.

    Examples
    --------
    >>> number_label(3.0), number_label(0.1)
    ('3', '0.1')
    """
    return str(int(value)) if float(value).is_integer() else repr(float(value))
