"""Smooth terms of a formula as columns of X and random terms: learned of the rows of a fit, made again of others.

What a penalty leaves free are columns of X; the rest is a random term of one variance, on a factor of one level.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError
from ..design.reading import rows_text
from .bases import Basis
from .columns import library
from .expressions import Names, evaluate
from .plan import Plan
from .smooth_plan import SmoothPlan
from .source import Source, check_finite
from .tokens import refuse
from .variables import Variable

#: Functions of a basis where none are asked for, by the number of variables.
DEFAULT_SIZE = {1: 10, 2: 5}
#: Covariance structure of what is penalized, and the one level of its factor.
STRUCTURE, LEVEL = "homdiag", "all"
#: Functions that a basis has at least, so that two of them have a penalty.
LEAST = 4


@dataclass(frozen=True, eq=False)
class Curve:
    """One function of a smooth term: its columns by name.

    Parameters
    ----------
    label : str
        ``"s(x)"``; ``"s(x):f[a]"`` of a level, ``"s(x):z"`` of a number.
    fixed : tuple of str
        Names of its columns of X.
    factors : dict of str to tuple of str
        Factors of its random terms, with the names of their columns.
    """

    label: str
    fixed: tuple[str, ...]
    factors: dict[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Smooth:
    """A smooth term that was learned.

    Parameters
    ----------
    label : str
    by : {"", "number", "factor"}
        What it is multiplied by.
    levels : tuple of str
        Of that factor.
    bases : tuple of Basis
        Of each variable.
    means : tuple of arrays
        What is subtracted from the columns: of X, then of each random term.
    ranges : tuple of (float, float)
        Least and largest value of each variable.
    """

    label: str
    by: str
    levels: tuple[str, ...]
    bases: tuple[Basis, ...]
    means: tuple[FloatArray, ...]
    ranges: tuple[tuple[float, float], ...]

    @classmethod
    def learn(cls, plan: SmoothPlan, names: Names, source: Source, rows: IntArray) -> Self:
        """Of the rows of a fit.

        Raises
        ------
        InputError
            With the place in the formula, for variables of which there are no such curves.
        """
        values, by = _values(plan, names, source, rows)
        sizes = [DEFAULT_SIZE[len(values)] if asked is None else asked for asked in plan.sizes]
        for x, kind, size in zip(values, plan.bases, sizes, strict=True):
            _check_size(plan, names, kind, size, x)
        word = "" if by is None else "factor" if by.is_factor else "number"
        whole = zip(values, plan.bases, sizes, strict=True)
        centred = len(values) == 1 and word != "number"
        bases = tuple(Basis.learn(kind, x, size, centred=centred) for x, kind, size in whole)
        levels = () if by is None else by.levels
        ranges = tuple((float(x.min()), float(x.max())) for x in values)
        centres = tuple(block.mean(axis=0) for block in _blocks(bases, values))
        return cls(plan.label, word, levels, bases, centres, ranges)

    @property
    def curves(self) -> tuple[Curve, ...]:
        """One, or one of each level."""
        sizes = [len(mean) for mean in self.means]
        sizes[0] += self.by == "number"
        out = []
        for label in [f"{self.label}[{level}]" for level in self.levels] or [self.label]:
            fixed = (label,) if sizes[0] == 1 else tuple(f"{label}.{i + 1}" for i in range(sizes[0]))
            names = [label] if len(sizes) == 2 else [f"{label}.{j}" for j in range(1, len(sizes))]
            factors = {n: tuple(f"{n}[{i + 1}]" for i in range(k)) for n, k in zip(names, sizes[1:], strict=True)}
            out.append(Curve(label, fixed, factors))
        return tuple(out)

    def columns(self, values: Sequence[FloatArray], by: Variable | None) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Columns of X (n, p), and those of random terms by name, of any rows; `by` in the levels of the fit."""
        centred = [block - mean for block, mean in zip(_blocks(self.bases, values), self.means, strict=True)]
        if self.by == "number":
            centred[0] = np.column_stack([np.ones(len(values[0])), centred[0]])
        fixed: list[FloatArray] = []
        data: dict[str, FloatArray] = {}
        for level, curve in enumerate(self.curves):
            of_rows = 1.0 if by is None else (by.codes == level)[:, None] if by.is_factor else by.values[:, None]
            fixed.append(centred[0] * of_rows)
            for names, block in zip(curve.factors.values(), centred[1:], strict=True):
                data |= dict(zip(names, np.ascontiguousarray((block * of_rows).T), strict=True))
        return np.hstack(fixed), data

    def of_rows(self, plan: SmoothPlan, names: Names, source: Source) -> tuple[FloatArray, dict[str, FloatArray]]:
        """The same for new rows of a frame.

        Raises
        ------
        InputError
            Where values are missing, or levels are not those of the fit.
        """
        for name in plan.used(names):
            if (missing := source.stored(name).missing).any():
                raise InputError(f"{name} is missing in {rows_text(missing)} of the new data; remove these rows")
        return self.columns(*_values(plan, names, source, np.arange(source.frame.n)))

    # Without pickle -------------------------------------------------------------------------------------------------

    def to_state(self) -> dict[str, Any]:
        """All of it as dicts, lists, numbers and text."""
        return {
            "label": self.label,
            "by": self.by,
            "levels": list(self.levels),
            "bases": [basis.to_state() for basis in self.bases],
            "means": [mean.tolist() for mean in self.means],
            "ranges": [list(ends) for ends in self.ranges],
        }

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """From what `to_state` gave.

        Raises
        ------
        InputError
            For one that is not of a smooth term.
        """
        bases = tuple(Basis.from_state(one) for one in state["bases"])
        means = tuple(np.array(mean, dtype=np.float64) for mean in state["means"])
        ranges = tuple((float(low), float(high)) for low, high in state["ranges"])
        blocks = _blocks(bases, [np.array([low]) for low, _ in ranges]) if len(ranges) == len(bases) else []
        if [block.shape[1] for block in blocks] != [mean.size for mean in means] or not means:
            raise InputError("the state of a smooth term does not go together")
        return cls(str(state["label"]), str(state["by"]), tuple(map(str, state["levels"])), bases, means, ranges)


def _blocks(bases: Sequence[Basis], values: Sequence[FloatArray]) -> list[FloatArray]:
    """Columns without a penalty but for the constant, then those of each penalty.

    Of two variables these are products: what is free in one and penalized in the other, and penalized in both (Wood,
    Scheipl & Faraway 2013).
    """
    parts = [basis(x) for basis, x in zip(bases, values, strict=True)]
    lines = np.column_stack(values)
    if len(parts) == 1:
        return [lines, parts[0][1]]
    (free, penalized), (free_z, penalized_z) = parts
    middle = [np.mean(basis.knots[[0, -1]]) for basis in bases]
    twisted = np.prod(lines - middle, axis=1, keepdims=True)
    pairs = (penalized, penalized_z), (penalized, free_z), (free, penalized_z)
    return [np.hstack([lines, twisted]), *(_products(a, b) for a, b in pairs)]


def _products(A: FloatArray, B: FloatArray) -> FloatArray:
    """All products of a column of A and one of B."""
    return np.asarray((A[:, :, None] * B[:, None, :]).reshape(len(A), -1))


# Reading ------------------------------------------------------------------------------------------------------------


def _values(plan: SmoothPlan, names: Names, source: Source, rows: IntArray) -> tuple[list[FloatArray], Variable | None]:
    """Numbers of each variable, and what the term is by."""
    values = []
    for tree in plan.variables:
        shown = names.display(ast.unparse(tree))
        value = evaluate(tree, source, names.context)
        if isinstance(value, Variable) or not isinstance(value, np.ndarray):
            refuse(names.text, plan.start, plan.end, f"{shown} has levels: a smooth term needs numbers")
        x = np.asarray(value, dtype=np.float64)
        check_finite(x[:, None], (shown,), rows)
        values.append(x)
    if plan.by is None:
        return values, None
    by = evaluate(plan.by, source, names.context)
    if isinstance(plan.by, ast.Name) and isinstance(by, Variable):
        by = source.stored(names.variable(plan.by.id))
    if isinstance(by, np.ndarray):
        by = Variable.of_numbers(by.astype(np.float64))
        check_finite(by.values[:, None], (names.display(ast.unparse(plan.by)),), rows)
    if not isinstance(by, Variable):
        refuse(names.text, plan.start, plan.end, "by= is a column, of numbers or of levels")
    return values, by


def _check_size(plan: SmoothPlan, names: Names, kind: str, size: int, x: FloatArray) -> None:
    """Refuse more functions than values tell apart, and fewer than the basis has without and with a penalty."""
    distinct = len(np.unique(x))
    if size < LEAST:
        refuse(names.text, plan.start, plan.end, f'k={size} is too small: bs="{kind}" needs {LEAST} functions or more')
    if distinct < size:
        problem = f"k={size} functions need as many distinct values, and there are {distinct}"
        refuse(names.text, plan.start, plan.end, f"{problem}: give a smaller k=, or take the values as levels")


# Of a whole formula -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SmoothColumns:
    """What the smooth terms of a formula are to the array call, for n rows.

    Parameters
    ----------
    X : (n, p) array
        Columns of X, after those of the other terms.
    data : dict of str to (n,) array
        Columns of random terms by name.
    terms : tuple of Smooth
    """

    X: FloatArray
    data: dict[str, FloatArray]
    terms: tuple[Smooth, ...] = ()

    @classmethod
    def learn(cls, plan: Plan, source: Source, rows: IntArray) -> Self:
        """Of the rows of a fit."""
        terms = tuple(Smooth.learn(smooth, plan.names, source, rows) for smooth in plan.smooths)
        return cls.of(terms, plan, source)

    @classmethod
    def of(cls, terms: Sequence[Smooth], plan: Plan, source: Source) -> Self:
        """Of the rows that a source has."""
        made = [term.of_rows(smooth, plan.names, source) for term, smooth in zip(terms, plan.smooths, strict=True)]
        X = [X for X, _ in made]
        return cls(
            np.hstack(X) if X else np.zeros((0, 0)),
            {name: column for _, data in made for name, column in data.items()},
            tuple(terms),
        )

    def beside(self, X: FloatArray) -> FloatArray:
        """The columns of X after those of other terms."""
        return np.asfortranarray(np.hstack([X, self.X])) if self.terms else X

    @property
    def curves(self) -> list[Curve]:
        """Of all terms."""
        return [curve for term in self.terms for curve in term.curves]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of X."""
        return tuple(name for curve in self.curves for name in curve.fixed)

    @property
    def effects(self) -> dict[str, list[list[str]]]:
        """Random terms by factor."""
        return {name: [list(columns)] for curve in self.curves for name, columns in curve.factors.items()}

    @property
    def structures(self) -> dict[str, list[str | None]]:
        """Their covariance structures."""
        return {name: [STRUCTURE] for name in self.effects}

    def groups(self, n: int) -> dict[str, Any]:
        """Labels (n,) of the factors: one level."""
        pd = library("pandas")
        return {
            name: pd.Categorical.from_codes(np.zeros(n, dtype=np.intp), categories=[LEVEL]) for name in self.effects
        }
