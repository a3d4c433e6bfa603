"""What a fit by formula knows of its data: enough to encode new rows as those of the fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import InputError
from ..design.arrays import check_length
from ..design.reading import rows_text
from ..design.terms import INTERCEPT
from .columns import Frame
from .formulaic import Part, TermColumns, codings, encode
from .grouping import labels_of
from .plan import Plan, make_parameter_plan, make_plan, text_expression
from .smooths import Smooth, SmoothColumns
from .source import Source, check_finite, numbers_of, table_of
from .variables import Variable

#: Version of `Encoder.to_state`.
STATE_VERSION = 1


@dataclass(frozen=True, eq=False)
class NewData:
    """New rows, encoded: what the array front end's arguments of the same names are to the fit's rows."""

    X: FloatArray
    groups: dict[str, AnyArray]
    random_data: dict[str, FloatArray]
    offset: FloatArray | None


@dataclass(frozen=True, eq=False)
class Encoder:
    """A formula with what was learned from the data of a fit; no rows of them.

    Parameters
    ----------
    formula : str
        As written.
    columns : tuple of str
        What the dot may stand for.
    contrasts : dict of str to str
    variables : dict of str to (str, tuple of str)
        Kind and levels of every variable, those made by calls such as ``factor(k)`` included.
    parts : tuple of Part
        The fixed terms, then those of random effects, in the order of `Plan.sources`.
    offset : str
        The argument `offset` where it was a text, ``"array"`` where it was given as numbers, ``""`` without one.
    context : dict
        The user's own functions. They are not part of `to_state`.
    smooths : tuple of Smooth
        Smooth terms, whose columns of X are the last.
    """

    formula: str
    columns: tuple[str, ...]
    contrasts: Mapping[str, str]
    variables: Mapping[str, tuple[str, tuple[str, ...]]]
    parts: tuple[Part, ...]
    offset: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    smooths: tuple[Smooth, ...] = ()

    @cached_property
    def plan(self) -> Plan:
        """The formula, read again."""
        if self.is_of_parameter:
            return make_parameter_plan(self.formula, self.contrasts, self.context)
        return make_plan(self.formula, self.columns, self.contrasts, self.context)

    @property
    def is_of_parameter(self) -> bool:
        """Whether the formula is that of a dispersion parameter, which has nothing before its ``~``."""
        return self.formula.lstrip().startswith("~")

    @property
    def terms(self) -> dict[str, TermColumns]:
        """Fixed terms by name."""
        return {term.name: term for term in self.parts[0].terms}

    def codings(self) -> dict[str, dict[str, FloatArray]]:
        """What the columns of every factor of the fixed terms are at each of its levels, by factor and label."""
        levels = {name: kept for name in self.plan.in_fixed if (kept := self.variables[name][1])}
        n = max(map(len, levels.values()), default=0)
        variables = {name: Variable.of_codes(np.arange(n) % len(kept), kept) for name, kept in levels.items()}
        return codings(self.parts[0], table_of(variables, self.plan.names, n), self.plan.names) if n else {}

    def new_data(self, data: Any, offset: Any = None, *, effects: bool = True, levels: bool = True) -> NewData:
        """Encode other rows as those of the fit.

        Variables of random effects are not needed without `effects`, grouping factors not without `levels`.

        Parameters
        ----------
        data : data frame or dict of arrays
            With the variables of the formula; the response is not needed.
        offset : (n,) array-like, optional
            Needed where the fit had one as numbers.

        Raises
        ------
        InputError
            Where a column is missing or of another kind, levels of a factor in X were not in the fit, values are
            missing; with rows and levels. No row is left out. Levels of grouping factors may be new.
        """
        frame, plan = Frame(data), self.plan
        source = Source(frame, plan.names, self.variables)
        parts = self.parts if effects else self.parts[:1]
        matrices = self.matrices(source, parts, plan.encoded if effects else plan.in_fixed)
        groups = {}
        for random in plan.random if effects and levels else ():
            labels, missing = labels_of(random, source)
            _refuse_missing(random.label, missing)
            groups[random.label] = labels
        smooths = SmoothColumns.of(self.smooths, plan, source)
        own = random_columns(plan, {part.source: part for part in parts}, matrices) if effects else {}
        return NewData(
            smooths.beside(matrices[plan.fixed]),
            groups | smooths.groups(frame.n),
            own | smooths.data,
            self._offset(source, offset, frame.n),
        )

    def fixed_columns(self, data: Any) -> FloatArray:
        """Columns (n, p) of X for other rows, of which nothing else need be known.

        Raises
        ------
        InputError
            As `new_data`; and for formulas with smooth terms, of which X is a part only.
        """
        if self.smooths:
            raise InputError(
                f"{self.smooths[0].label} is a smooth term, whose penalized part is no fixed effect, and this is "
                "computed from fixed effects alone: use predict, with random='none' for what is common to all groups"
            )
        source = Source(Frame(data), self.plan.names, self.variables)
        return self.matrices(source, self.parts[:1], self.plan.in_fixed)[self.plan.fixed]

    def matrices(self, source: Source, parts: Sequence[Part], used: Iterable[str]) -> dict[str, FloatArray]:
        """Columns of the parts, by their sources."""
        n = source.frame.n
        variables = {name: source.stored(name) for name in used}
        for name, variable in variables.items():
            _refuse_missing(name, variable.missing)
        table = table_of(variables, self.plan.names, n)
        matrices = {part.source: encode(part, table, self.plan.names) for part in parts}
        for part in parts:
            check_finite(matrices[part.source], part.columns, np.arange(n))
        return matrices

    def _offset(self, source: Source, given: Any, n: int) -> FloatArray | None:
        if (given is None) == (self.offset == "array"):
            raise InputError(
                "the fit had an offset that was given as numbers: give one for the new rows, by offset="
                if given is None
                else "the fit had no offset that was given as numbers: leave offset= out"
            )
        expressions = list(self.plan.offsets)
        if self.offset not in ("", "array"):
            expressions.append(text_expression(self.offset, self.plan.names))
        if not expressions and given is None:
            return None
        if given is not None:
            check_length(given, n, "offset", "newdata")
        total = np.zeros(n) if given is None else np.asarray(given, dtype=np.float64)
        for tree in expressions:
            total = total + numbers_of(tree, source, n, "offset")
        check_finite(total[:, None], ("offset",), np.arange(n))
        return total

    def numbers(self, data: Any, text: str, name: str) -> FloatArray:
        """An expression given by itself, such as that of the weights, for other rows."""
        frame = Frame(data)
        source = Source(frame, self.plan.names, self.variables)
        return numbers_of(text_expression(text, self.plan.names), source, frame.n, name)

    # Without pickle -------------------------------------------------------------------------------------------------

    def to_state(self) -> dict[str, Any]:
        """All of it as dicts, lists, numbers and text, which JSON keeps; functions of `context` by name only."""
        return {
            "version": STATE_VERSION,
            "formula": self.formula,
            "columns": list(self.columns),
            "contrasts": dict(self.contrasts),
            "variables": {name: [kind, list(levels)] for name, (kind, levels) in self.variables.items()},
            "parts": [
                {
                    "source": part.source,
                    "columns": list(part.columns),
                    "r_names": list(part.r_names),
                    "terms": [[t.name, list(t.columns), list(t.factors), dict(t.contrasts)] for t in part.terms],
                    "state": _pairs(part.state),
                }
                for part in self.parts
            ],
            "offset": self.offset,
            "smooths": [smooth.to_state() for smooth in self.smooths],
            "context": sorted(self.context),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], context: Mapping[str, Any] | None = None) -> Encoder:
        """From what `to_state` gave. The formula is read and checked again: nothing of the state is run.

        Parameters
        ----------
        state : dict
        context : dict, optional
            The functions that the formula was fitted with.

        Raises
        ------
        InputError
            For another version, functions that are missing, or a state that is not of this formula.
        """
        if state.get("version") != STATE_VERSION:
            raise InputError(f"the state has version {state.get('version')!r}; {STATE_VERSION} can be read")
        given = dict(context or {})
        if lacking := [name for name in state["context"] if name not in given]:
            raise InputError(f"the formula calls {', '.join(lacking)}: pass them in context={{...}}")
        made = cls(
            formula=state["formula"],
            columns=tuple(state["columns"]),
            contrasts=dict(state["contrasts"]),
            variables={name: (kind, tuple(levels)) for name, (kind, levels) in state["variables"].items()},
            parts=tuple(
                Part(
                    part["source"],
                    tuple(part["columns"]),
                    tuple(part["r_names"]),
                    tuple(TermColumns(n, tuple(c), tuple(f), dict(k)) for n, c, f, k in part["terms"]),
                    _dicts(part["state"]),
                )
                for part in state["parts"]
            ),
            offset=state["offset"],
            context=given,
            smooths=tuple(Smooth.from_state(one) for one in state.get("smooths", ())),
        )
        if [smooth.label for smooth in made.smooths] != [smooth.label for smooth in made.plan.smooths]:
            raise InputError("the smooth terms of the state are not those of its formula")
        if tuple(part.source for part in made.parts) != made.plan.sources:
            raise InputError("the state does not belong to its formula")
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "plan"}


def random_columns(plan: Plan, parts: Mapping[str, Part], matrices: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Columns of the random effects by name, the intercept left out."""
    return {
        column: matrices[source][:, j]
        for random in plan.random
        for source in random.effects
        for j, column in enumerate(parts[source].columns)
        if column != INTERCEPT
    }


def _pairs(value: Any) -> Any:
    """Dicts as lists of pairs: JSON would make text of whole-number keys."""
    if isinstance(value, Mapping):
        return {"pairs": [[key, _pairs(one)] for key, one in value.items()]}
    return [_pairs(one) for one in value] if isinstance(value, list) else value


def _dicts(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _dicts(one) for key, one in value["pairs"]}
    return [_dicts(one) for one in value] if isinstance(value, list) else value


def _refuse_missing(name: str, missing: AnyArray) -> None:
    if missing.any():
        raise InputError(f"{name} is missing in {rows_text(missing)} of the new data; remove or impute these rows")
