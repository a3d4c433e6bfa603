"""The terms of the fixed effects: their columns of X, what these are at the levels of factors, which contain which."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.labels import FixedLabels
from ..design.reading import as_mapping
from ..design.terms import INTERCEPT
from ..formula.formulaic import TermColumns
from ..formula.terms import Terms


@dataclass(frozen=True, eq=False)
class Factor:
    """What a term is a product of: a factor with levels, or columns of numbers, each of which is a "level" then.

    Parameters
    ----------
    name : str
    labels : mapping of str -> (size,) array
        What it is at its levels, by how columns of X call it.
    """

    name: str
    labels: Mapping[str, FloatArray]

    @property
    def size(self) -> int:
        """Number of levels."""
        return len(next(iter(self.labels.values())))


@dataclass(frozen=True, eq=False)
class FixedTerm:
    """A term of the fixed effects.

    Parameters
    ----------
    name : str
        "" for columns that belong to no term and are not tested.
    columns : (m,) int array
        Its columns among those of X.
    factors : tuple of Factor
        () for the intercept.
    numeric : frozenset of str
        Which of these have no levels.
    variables : frozenset of str
        Names by which one term is seen to be marginal to another.
    coding : (cells, m) array
        Its columns at the combinations of levels, the first factor's fastest.
    """

    name: str
    columns: IntArray
    factors: tuple[Factor, ...]
    numeric: frozenset[str]
    variables: frozenset[str]
    coding: FloatArray

    @property
    def cells(self) -> dict[str, IntArray]:
        """Level of each factor in each combination."""
        return dict(zip((f.name for f in self.factors), combinations([f.size for f in self.factors]), strict=True))

    def is_in(self, other: FixedTerm, *, numbers_too: bool) -> bool:
        """Whether this term is marginal to the other one; `numbers_too`: where they have the same numeric variables.

        An interaction with a covariate says nothing of a factor's effect where the covariate is zero: SAS and lmerTest
        ask for the same covariates in both, and others do not.
        """
        return self.variables < other.variables and (not numbers_too or self.numeric == other.numeric)

    @property
    def is_tested(self) -> bool:
        """Whether it is neither the intercept nor what belongs to no term."""
        return bool(self.name) and self.name != INTERCEPT


def combinations(sizes: Sequence[int]) -> IntArray:
    """All combinations of levels (factors, cells), the first factor's level fastest."""
    n = int(np.prod(sizes, dtype=np.intp))
    return np.indices(sizes).reshape(len(sizes), n, order="F") if sizes else np.zeros((0, 1), dtype=np.intp)


def fixed_terms(fixed: FixedLabels, terms: Terms | None, given: Any = None) -> tuple[FixedTerm, ...]:
    """The terms of a fit by formula, or as they are given.

    Parameters
    ----------
    fixed : FixedLabels
    terms : Terms, optional
        Those of a formula.
    given : dict of name -> names of columns, optional
        For fits to arrays. ``"a:b"`` is an interaction of the terms ``"a"`` and ``"b"``.

    Raises
    ------
    InputError, InputTypeError
        Where there are none of either kind, or those given are not of this model.
    """
    if given is not None:
        return tuple(_given(fixed, given))
    if terms is None:
        raise InputError(
            "a fit to arrays has columns of X and no terms: say which columns make a term, as in "
            f"terms={{'a name': {list(fixed.names[-1:])}}}, or fit by formula"
        )
    codings = terms.encoder.codings()
    listed = [_of_formula(term, fixed, codings) for term in terms.fixed.values()]
    taken = {column for term in terms.fixed.values() for column in term.columns}
    rest = [column for column in fixed.names if column not in taken]  # of smooth terms
    return tuple([*listed, _of_columns("", rest, fixed)] if rest else listed)


def _of_formula(term: TermColumns, fixed: FixedLabels, codings: Mapping[str, Mapping[str, FloatArray]]) -> FixedTerm:
    named = () if term.name == INTERCEPT else term.factors
    factors = tuple(
        Factor(name, codings[name]) if name in term.contrasts else _numbers(name, term.columns) for name in named
    )
    places = np.array([fixed.names.index(c) for c in term.columns], dtype=np.intp)
    numeric = frozenset(name for name in named if name not in term.contrasts)
    return FixedTerm(term.name, places, factors, numeric, frozenset(named), _coding(term, factors))


def _numbers(name: str, columns: Sequence[str]) -> Factor:
    """A covariate: itself, or the columns that a call such as ``poly`` makes."""
    found = dict.fromkeys(k for c in columns for k in re.findall(re.escape(name) + r"\[(\d+)\]", c))
    labels = [f"{name}[{k}]" for k in found] or [name]
    return Factor(name, dict(zip(labels, np.eye(len(labels)), strict=True)))


def _coding(term: TermColumns, factors: Sequence[Factor]) -> FloatArray:
    """The columns at the combinations of levels: products of what their names say. A factor may be absent from one."""
    at = combinations([f.size for f in factors])
    own = [{"": np.ones(f.size), **f.labels} for f in factors]
    by_name = {}
    for labels in itertools.product(*own):
        values = [mine[label][levels] for mine, label, levels in zip(own, labels, at, strict=True)]
        by_name[":".join(filter(None, labels))] = np.prod([np.ones(at.shape[1]), *values], axis=0)
    names = [""] if not factors else term.columns
    return np.column_stack([by_name[name] for name in names])


def _given(fixed: FixedLabels, given: Any) -> Iterator[FixedTerm]:
    terms = as_mapping(given, "terms")
    if not terms:
        raise InputError("terms is empty: give a dict of names and the columns of X that each has")
    taken: dict[str, str] = {}
    named: list[tuple[str, list[str]]] = []
    for name, listed in terms.items():
        columns = [listed] if isinstance(listed, str) else listed
        if not isinstance(columns, Sequence) or not columns or not all(isinstance(c, str) for c in columns):
            raise InputTypeError(f"terms[{name!r}] must be a list of names of columns of X; got {shown(listed)}")
        if not str(name):
            raise InputError("terms has a term without a name")
        for column in columns:
            if column not in fixed.names:
                raise InputError(f"terms[{name!r}] has {column!r}; the columns of X are {', '.join(fixed.names)}")
            if column in taken:
                raise InputError(f"terms[{name!r}] has {column!r}, which is in terms[{taken[column]!r}] already")
            taken[column] = str(name)
        named.append((str(name), list(columns)))
    rest = [column for column in fixed.names if column not in taken]
    for name, columns in [("", rest), *named] if rest else named:
        yield _of_columns(name, columns, fixed)


def _of_columns(name: str, columns: Sequence[str], fixed: FixedLabels) -> FixedTerm:
    """A term of these columns, whatever they are made from."""
    factor = Factor(name, dict(zip(columns, np.eye(len(columns)), strict=True)))
    places = np.array([fixed.names.index(c) for c in columns], dtype=np.intp)
    return FixedTerm(name, places, (factor,), frozenset((name,)), frozenset(name.split(":")), np.eye(len(columns)))
