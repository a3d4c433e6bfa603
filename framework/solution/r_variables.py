"""The rows of a model under the names that they have in a script of R."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..contracts.arrays import FloatArray
from ..design.mixed import MixedDesign
from ..design.parameter import INFLATION
from ..design.random import GroupRows
from ..design.terms import INTERCEPT, Term
from ..display.rscript import Labelled, RColumn

#: A term by its factor and columns.
TermKey = tuple[str, tuple[str, ...]]


@dataclass(eq=False)
class Variables:
    """What the script calls things, and their values.

    Parameters
    ----------
    columns : dict
        Columns of the data frame: y, x1 ..., g1 ..., z1 ... or t1 ... of random effects, w and o.
    meaning : dict
        What each is called in the model.
    x : tuple of str
        The columns of X that are kept.
    effects : dict
        What stands left of the bar, for each term: "1", variables of its columns, or a factor whose levels they are.
    names : dict of (factor, column) to str
        What R calls a column of random effects in its results.
    g : dict of str to str
        The variables of the grouping factors.
    formula : str
        The formula of the script, where it is the user's own; else it is made of the variables.
    arguments : tuple of str
        Weights, offset and contrasts of the user's own.
    after : tuple of str
        What is done to the data: orders of levels, logical columns.
    """

    columns: dict[str, RColumn]
    meaning: dict[str, str]
    x: tuple[str, ...]
    effects: dict[TermKey, tuple[str, ...]]
    names: dict[tuple[str, str], str]
    g: dict[str, str]
    formula: str = ""
    arguments: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @classmethod
    def of(cls, design: MixedDesign) -> Variables:
        """Those of a model with rows."""
        x = {f"x{i}": j for i, j in enumerate(design.fixed.kept.tolist(), start=1)}
        columns: dict[str, RColumn] = {"y": design.y, **{name: design.X[:, j] for name, j in x.items()}}
        meaning = {"y": design.response, **{name: design.fixed.names[j] for name, j in x.items()}}
        made = cls(columns, meaning, tuple(x), {}, {}, {})
        for f in design.random.groups:
            made.g[f.name] = made._new("g", Labelled(f.codes, labels_in_r(f.levels.tolist())), f.name)
            for term, Z in _terms(f):
                made._add_term(term, Z)
        for parameter, own in design.parameters.items():
            pairs = zip(own.names, own.X.T, strict=True)
            d = [made._new("d", values, f"{parameter}~{column}") for column, values in pairs]
            made.arguments += (f"{formula_of(parameter)} = ~ 0 + {' + '.join(d)}",)
        for name, values, what in (("w", design.weights, "weights"), ("o", design.offset, "offset")):
            if values is not None:
                columns[name], meaning[name] = values, what
        return made

    def _add_term(self, term: Term, Z: FloatArray) -> None:
        """The variables of a term: those of earlier terms, or of X, that have the name and the values."""
        if term.structure is not None and indicators(Z):
            times = Labelled(Z.argmax(axis=0), tuple(f"c{i}" for i in range(1, len(Z) + 1)))
            variable = self._new("t", times, f"which of {', '.join(term.columns)}")
            self.effects[term.group, term.columns] = (variable,)
            self.names.update({(term.group, c): f"{variable}c{i}" for i, c in enumerate(term.columns, start=1)})
            return
        variables = ["1" if c == INTERCEPT else self._variable(c, z) for c, z in zip(term.columns, Z, strict=True)]
        self.effects[term.group, term.columns] = tuple(variables)
        for c, variable in zip(term.columns, variables, strict=True):
            self.names[term.group, c] = INTERCEPT if variable == "1" else variable

    def _variable(self, name: str, values: FloatArray) -> str:
        for variable, meaning in self.meaning.items():
            known = self.columns[variable]
            if meaning == name and variable[0] in "xz" and not isinstance(known, Labelled) and _same(known, values):
                return variable
        return self._new("z", values, name)

    def _new(self, letter: str, values: RColumn, meaning: str) -> str:
        variable = f"{letter}{sum(name[0] == letter for name in self.columns) + 1}"
        self.columns[variable], self.meaning[variable] = values, meaning
        return variable


def formula_of(parameter: str) -> str:
    """The argument of glmmTMB that is the formula of a dispersion parameter: extra zeros have one of their own."""
    return "ziformula" if parameter == INFLATION else "dispformula"


def _same(one: FloatArray, other: FloatArray) -> bool:
    return np.allclose(one, other, rtol=1e-12, atol=1e-12 * float(np.abs(other).max()))


def indicators(Z: FloatArray) -> bool:
    """Whether every row has a one in one of the columns (k, n), and zeros in the others."""
    return bool(np.isin(Z, (0.0, 1.0)).all() and (Z.sum(axis=0) == 1.0).all())


def labels_in_r(levels: Sequence[object]) -> tuple[str, ...]:
    """Labels as text; numbers of the levels where strings of R cannot tell the labels apart."""
    texts = tuple(map(str, levels))
    if len(set(texts)) < len(texts) or any("\0" in text for text in texts):
        return tuple(str(i) for i in range(1, len(texts) + 1))
    return texts


def _terms(f: GroupRows) -> Iterator[tuple[Term, FloatArray]]:
    """Terms with the user's columns (k, n), from their basis without the rounding of its making."""
    Z = np.array([np.round(z, 14 - int(np.ceil(np.log10(np.abs(z).max())))) for z in f.users_values])
    start = 0
    for term in f.terms:
        yield term, Z[start : start + len(term.columns)]
        start += len(term.columns)
