"""Linear functions of the coefficients, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from ...contracts.arrays import AnyArray, BoolArray, FloatArray
from ...contracts.errors import InputError, InputTypeError, shown
from ...estimation.model import Fit
from ...formula.variables import number_label
from ..contrasts import Estimates, estimates
from ..methods import Method
from .scale import Scale

_NUMBER = re.compile(r"-?\d+\.?\d*(e[+-]?\d+)?")
#: Weights below this part of what they are sums of are rounding.
ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class Linear:
    """Linear functions of the coefficients, with the columns that say what they are.

    Parameters
    ----------
    fit : Fit
    method : Method
        Of testing.
    labels : dict of str to (c,) array
        Factors and covariates, or names of contrasts; then those of `by`.
    by : tuple of str
        Variables that divide the rows into families.
    L : (c, p) array
        NaN where cells are empty.
    offset : (c,) array
        Added to L beta.
    scale : Scale
    what : str
        "means", "slopes" or "contrasts".
    adjust : str
        Adjustment by default.
    means : int
        Number of means that a family of all pairwise differences compares; 0 for other rows.
    notes : tuple of str
    frame : str
        Kind of data frame that the user works with.
    """

    fit: Fit
    method: Method
    labels: Mapping[str, AnyArray]
    by: tuple[str, ...]
    L: FloatArray
    offset: FloatArray
    scale: Scale
    what: str
    adjust: str = "none"
    means: int = 0
    notes: tuple[str, ...] = ()
    frame: str = ""

    @cached_property
    def empty(self) -> BoolArray:
        """Rows that are means of no cell."""
        return np.asarray(np.isnan(self.L).any(axis=1))

    @cached_property
    def estimates(self) -> Estimates:
        """Estimates on the scale of the coefficients, offsets left out."""
        empty = self.empty
        found = self._estimates(np.where(empty[:, None], 0.0, self.L))
        covariance = found.covariance.copy()
        covariance[empty] = covariance[:, empty] = np.nan
        return replace(found, values=np.where(empty, np.nan, found.values), covariance=covariance)

    def _estimates(self, L: FloatArray) -> Estimates:
        """Of rows without empty ones."""
        return estimates(self.fit, self.method, L)

    def families(self) -> Iterator[tuple[dict[str, Any], AnyArray]]:
        """Values of `by`, and the rows that have them."""
        c = len(self.L)
        if not self.by:
            yield {}, np.arange(c)
            return
        keys = list(zip(*(self.labels[name].tolist() for name in self.by), strict=True))
        for key in dict.fromkeys(keys):
            yield dict(zip(self.by, key, strict=True)), np.array([i for i, other in enumerate(keys) if other == key])

    def names_of(self, rows: AnyArray, full: bool = True) -> list[str]:
        """What rows are called within their family; `full` with the variable before levels that are numbers."""
        columns = self._texts(rows, full).values()
        return [" ".join(texts) for texts in zip(*columns, strict=True)] or [""] * len(rows)

    def factors_of(self, rows: AnyArray) -> dict[str, list[str]]:
        """Levels of the variables whose combinations, the first variable fastest, are the rows of a family.

        Raises
        ------
        InputError
            Where the rows are other ones.
        """
        texts = self._texts(rows, full=False)
        factors = {name: list(dict.fromkeys(column)) for name, column in texts.items()}
        grid = [tuple(reversed(row)) for row in product(*reversed(factors.values()))]
        if not factors or grid != list(zip(*texts.values(), strict=True)):
            raise InputError("interaction contrasts are of means of all combinations of some variables")
        return factors

    def _texts(self, rows: AnyArray, full: bool) -> dict[str, list[str]]:
        """By variable, what its values in the rows are called."""
        columns = {}
        for name in (name for name in self.labels if name not in self.by):
            texts = [text_of(value) for value in self.labels[name][rows].tolist()]
            numbers = full and all(_NUMBER.fullmatch(text) for text in texts)
            columns[name] = [name * numbers + text for text in texts]
        return columns

    def combined(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rows of L and offsets of combinations (r, c), rounding left out; NaN where they need an unknown row."""
        L = np.where(np.isnan(self.L), 0.0, self.L)
        made = weights @ L
        made[np.abs(made) <= ROUNDING * (np.abs(weights) @ np.abs(L))] = 0.0
        made[(weights[:, self.empty] != 0.0).any(axis=1)] = np.nan
        return made, weights @ self.offset


def text_of(value: Any) -> str:
    """A level, or a number without a needless point."""
    return number_label(value) if isinstance(value, float) else str(value)


def names_of(given: Any, argument: str) -> tuple[str, ...]:
    """Names of variables: a text, or several; none in ``"1"``, as in R's formulas.

    Raises
    ------
    InputError, InputTypeError
        For other things, or a name that is there twice.
    """
    if given is None or given == "1":
        return ()
    names: Sequence[Any] = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputTypeError(f"{argument} must be the name of a variable, or a list of names; got {shown(given)}")
    if len(set(names)) < len(names):
        raise InputError(f"{argument} has a name twice: {', '.join(names)}")
    return tuple(names)
