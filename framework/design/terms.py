"""Random-effects terms: which columns each grouping factor has, and which correlations are estimated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray, IntArray
from ..contracts.errors import InputError, InputTypeError, shown
from .arrays import as_numbers, check_length
from .reading import as_mapping

INTERCEPT = "(Intercept)"


@dataclass(frozen=True)
class Term:
    """One term `(columns | factor)`, or `(columns || factor)` when not correlated."""

    factor: str
    columns: tuple[str, ...]
    correlated: bool = True

    def __str__(self) -> str:
        """As in lme4's formulas."""
        inside = " + ".join("1" if c == INTERCEPT else c for c in self.columns)
        if INTERCEPT not in self.columns:
            inside = "0 + " + inside
        return f"({inside} {'|' if self.correlated or len(self.columns) == 1 else '||'} {self.factor})"


def parse_terms(
    factors: Sequence[str],
    random_effects: Mapping[str, Any] | None,
    correlated: Mapping[str, bool] | bool | None,
) -> dict[str, tuple[Term, ...]]:
    """Terms by grouping factor; a random intercept for factors that `random_effects` does not mention."""
    random_effects = as_mapping(random_effects, "random_effects")
    if isinstance(correlated, bool | np.bool_):
        correlated = dict.fromkeys(factors, bool(correlated))
    correlated = as_mapping(correlated, "correlated")
    for argument, given in (("random_effects", random_effects), ("correlated", correlated)):
        unknown = [str(k) for k in given if k not in factors]
        if unknown:
            known = ", ".join(map(str, factors))
            raise InputError(f"{argument} names {', '.join(unknown)}, which groups does not have; groups has {known}")
    for factor, value in correlated.items():
        if not isinstance(value, bool | np.bool_):
            raise InputTypeError(f"correlated[{factor!r}] must be True or False; got {shown(value)}")
    out = {}
    for factor in factors:
        listed = random_effects.get(factor, ["1"])
        out[factor] = tuple(
            Term(factor, _columns(columns, factor), bool(correlated.get(factor, True)))
            for columns in _as_list_of_terms(listed, factor)
        )
        names = [c for term in out[factor] for c in term.columns]
        if len(set(names)) != len(names):
            twice = sorted({c for c in names if names.count(c) > 1})
            raise InputError(f"random_effects[{factor!r}] has {', '.join(twice)} more than once")
    return out


def _as_list_of_terms(listed: Any, factor: str) -> list[list[str]]:
    if isinstance(listed, str):
        return [columns_of(listed, factor)]
    if isinstance(listed, int):
        listed = [listed]
    if not isinstance(listed, Sequence) or isinstance(listed, bytes) or len(listed) == 0:
        raise InputError(
            f"random_effects[{factor!r}] must be a list of terms such as ['1', 'time'], or a list of such lists"
        )
    if all(isinstance(item, str | int) for item in listed):  # the number 1 is as good as '1'
        return [[str(item) for item in listed]]
    if all(isinstance(item, Sequence) and not isinstance(item, str) for item in listed):
        return [[str(c) for c in item] for item in listed]
    raise InputTypeError(f"random_effects[{factor!r}] mixes names and lists; give a list of names or a list of lists")


def columns_of(text: str, factor: str) -> list[str]:
    """Columns of a term in lme4's words, what stands left of the bar: with an intercept unless 0 or -1 is there.

    Examples
    --------
    >>> columns_of("1 + x", "g"), columns_of("x", "g"), columns_of("0 + x", "g"), columns_of("x - 1", "g")
    (['1', 'x'], ['1', 'x'], ['x'], ['x'])
    """
    names = [name.strip() for name in re.sub(r"-\s*1\s*$", "+ 0", text).split("+")]
    intercept = {"1", INTERCEPT} & set(names)
    if not all(names) or "|" in text or (intercept and "0" in names):
        raise InputError(
            f"random_effects[{factor!r}] is {text!r}: expected what stands left of lme4's bar, such as '1 + time', or "
            "'0 + time' without an intercept"
        )
    return ([] if "0" in names else ["1"]) + [name for name in names if name not in {"0", *intercept}]


def _columns(columns: Sequence[str], factor: str) -> tuple[str, ...]:
    names = tuple(INTERCEPT if c in ("1", INTERCEPT) else c for c in columns if c != "0")
    if not names:
        raise InputError(f"random_effects[{factor!r}] has a term without columns; '1' is a random intercept")
    return names


def template(terms: Sequence[Term]) -> tuple[IntArray, IntArray]:
    """Rows and columns of theta's entries in the factor's T, column by column of each term."""
    rows, columns, start = [], [], 0
    for term in terms:
        k = len(term.columns)
        for c in range(k):
            last = k if term.correlated else c + 1
            for r in range(c, last):
                rows.append(start + r)
                columns.append(start + c)
        start += k
    return np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp)


def random_columns(
    terms: Mapping[str, Sequence[Term]],
    random_data: Mapping[str, Any] | None,
    X: FloatArray,
    x_names: Sequence[str],
) -> dict[str, FloatArray]:
    """Values (n,) of every named column; looked up in `random_data`, then among the columns of X."""
    data = as_mapping(random_data, "random_data")
    out: dict[str, FloatArray] = {}
    for factor, listed in terms.items():
        for name in (c for term in listed for c in term.columns):
            if name == INTERCEPT or name in out:
                continue
            if name in data:
                out[name] = as_numbers(data[name], f"random_data[{name!r}]")
                check_length(out[name], len(X), f"random_data[{name!r}]")
            elif name in x_names:
                out[name] = np.ascontiguousarray(X[:, list(x_names).index(name)])
            else:
                known = ", ".join([*map(str, data), *x_names]) or "nothing"
                hint = f"; write {name!r} without the list, or its columns one by one" if "+" in name else ""
                raise InputError(
                    f"random_effects[{factor!r}] uses {name!r}, which is neither in random_data nor a column of X; "
                    f"there is {known}{hint}"
                )
            if not out[name].any():
                raise InputError(
                    f"random_effects[{factor!r}]: {name} is zero everywhere, its variance cannot be estimated"
                )
    return out
