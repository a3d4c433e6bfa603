"""Random-effects terms: which columns each grouping factor has, and which correlations are estimated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.covariance import CovarianceStructure
from ..contracts.errors import InputError, InputTypeError, shown
from .arrays import as_numbers, check_length
from .reading import as_mapping

INTERCEPT = "(Intercept)"
#: The covariance structure of all terms of a factor, or of each; None: any covariance matrix.
Structures = CovarianceStructure | None | Sequence[CovarianceStructure | None]


@dataclass(frozen=True)
class Term:
    """One term `(columns | factor)`, or `(columns || factor)` when not correlated, or `cs(columns | factor)`.

    `structure` is the covariance structure of correlated columns; None: any covariance matrix.
    """

    group: str
    columns: tuple[str, ...]
    correlated: bool = True
    structure: CovarianceStructure | None = None

    @property
    def is_diagonal(self) -> bool:
        """Whether T is diagonal."""
        return not self.correlated or (self.structure is not None and self.structure.diagonal)

    @property
    def is_penalty(self) -> bool:
        """Whether one level is enough: several effects of one variance, as the coefficients of a penalized curve."""
        k = len(self.columns)
        return self.structure is not None and k > len(self.structure.scales(k))

    def __str__(self) -> str:
        """As in lme4's and glmmTMB's formulas."""
        inside = " + ".join("1" if c == INTERCEPT else c for c in self.columns)
        if INTERCEPT not in self.columns:
            inside = "0 + " + inside
        word = "" if self.structure is None else self.structure.name
        return f"{word}({inside} {'|' if self.correlated or len(self.columns) == 1 else '||'} {self.group})"


def parse_terms(
    factors: Sequence[str],
    random_effects: Mapping[str, Any] | None,
    correlated: Mapping[str, bool] | bool | None,
    covariance: Mapping[str, Structures] | None = None,
) -> dict[str, tuple[Term, ...]]:
    """Terms by grouping factor; a random intercept for factors that `random_effects` does not mention."""
    structures = as_mapping(covariance, "covariance")
    random_effects = as_mapping(random_effects, "random_effects")
    if isinstance(correlated, bool | np.bool_):
        correlated = dict.fromkeys(factors, bool(correlated))
    correlated = as_mapping(correlated, "correlated")
    arguments = {"random_effects": random_effects, "correlated": correlated, "covariance": structures}
    for argument, given in arguments.items():
        refuse_unknown_factors(argument, given, factors)
    for factor, value in correlated.items():
        if not isinstance(value, bool | np.bool_):
            raise InputTypeError(f"correlated[{factor!r}] must be True or False; got {shown(value)}")
    out = {}
    for factor in factors:
        listed = random_effects.get(factor, ["1"])
        plain = [
            Term(factor, _columns(columns, factor), bool(correlated.get(factor, True)))
            for columns in _as_list_of_terms(listed, factor)
        ]
        out[factor] = tuple(_structured(plain, structures[factor])) if factor in structures else tuple(plain)
        names = [c for term in out[factor] for c in term.columns]
        if len(set(names)) != len(names):
            twice = sorted({c for c in names if names.count(c) > 1})
            raise InputError(f"random_effects[{factor!r}] has {', '.join(twice)} more than once")
    return out


def refuse_unknown_factors(argument: str, given: Mapping[Any, Any], factors: Sequence[Any]) -> None:
    """Refuse an argument by factor that names some which `groups` does not have."""
    unknown = [str(k) for k in given if k not in factors]
    if unknown:
        known = ", ".join(map(str, factors))
        raise InputError(f"{argument} names {', '.join(unknown)}, which groups does not have; groups has {known}")


def _structured(terms: Sequence[Term], structures: Structures) -> Iterator[Term]:
    """The terms of a factor with one structure for all of them, or with one each."""
    factor = terms[0].group
    each = [structures] * len(terms) if not isinstance(structures, Sequence) else list(structures)
    if len(each) != len(terms):
        raise InputError(f"covariance[{factor!r}] has {len(each)} structures for {len(terms)} terms: give one each")
    for term, structure in zip(terms, each, strict=True):
        if structure is None:
            yield term
            continue
        if not term.correlated and structure.free != "diagonal":
            raise InputError(
                f"correlated[{factor!r}] is False, which is the structure diag, and covariance[{factor!r}] is "
                f"{structure.name}: leave one of the two out"
            )
        k, most = len(term.columns), structure.most_columns
        if k < structure.least_columns or (most is not None and k > most):
            least = (
                f"{structure.least_columns} columns or more"
                if most is None
                else f"{structure.least_columns} to {most} columns"
            )
            raise InputError(
                f"covariance[{factor!r}] is {structure.name}, which needs {least}; the term {term} has {k}"
            )
        free = structure.free
        yield replace(term, correlated=free != "diagonal", structure=None if free else structure)


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
