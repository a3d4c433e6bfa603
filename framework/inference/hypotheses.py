"""Linear hypotheses about coefficients as users write them: arrays, weights by name, or text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Protocol

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray, real_number
from ..contracts.errors import InputError, InputTypeError, shown
from ..design.arrays import as_numbers

#: Longest text that a row's weights are shown as; longer ones are numbered.
LONGEST = 32
FORMS = (
    "an array with a weight for each coefficient (one row, or several), a dict of coefficient and weight, a text such "
    "as 'a - b = 0', the name of a term of the formula, a list of these, or a dict of label and one of these"
)


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """L beta = rhs.

    Parameters
    ----------
    names : tuple of str
        What the rows are called.
    L : (c, p) array
    rhs : (c,) array
    """

    names: tuple[str, ...]
    L: FloatArray
    rhs: FloatArray


class NamedRows(Protocol):
    """Rows L (c, p) that have a name together."""

    @property
    def names(self) -> Sequence[str]:
        """Which names there are."""

    def __getitem__(self, name: str) -> FloatArray:
        """Those of a name."""


def hypotheses(given: Any, coefficients: Sequence[str], rhs: Any = None, terms: NamedRows | None = None) -> Hypotheses:
    """Rows of weights of the coefficients; `terms` are known by name too, where no coefficient is called so.

    Raises
    ------
    InputError, InputTypeError
        For names that the model does not have, wrong lengths, values that are no numbers, or text that cannot be read.

    Examples
    --------
    >>> H = hypotheses({"slopes": "2*a - b = 1", "sum": {"a": 1, "b": 1}}, ("a", "b"))
    >>> H.names, H.L.tolist(), H.rhs.tolist()
    (('slopes', 'sum'), [[2.0, -1.0], [1.0, 1.0]], [1.0, 0.0])
    """
    names: list[str] = []
    rows: list[FloatArray] = []
    values: list[float] = []
    written = False
    for label, row, value in _rows(given, tuple(coefficients), terms):
        written |= value is not None
        names.append(label or _text(row, coefficients, value or 0.0) or f"[{len(rows)}]")
        rows.append(row)
        values.append(value or 0.0)
    if not rows:
        raise InputError(f"L has no rows; give {FORMS}")
    L = np.array(rows)
    if rhs is None:
        return Hypotheses(tuple(names), L, np.array(values))
    if written:
        raise InputError("the right-hand side is in the text after '=' and in rhs: give one of them")
    right = np.full(len(L), real_number(rhs, "rhs")) if isinstance(rhs, Real) else as_numbers(rhs, "rhs")
    if len(right) != len(L) or not np.isfinite(right).all():
        raise InputError(f"rhs must be one finite number, or one for each of the {len(L)} rows; got {shown(rhs)}")
    return Hypotheses(tuple(names), L, right)


#: A label or "", weights (p,), and the value after "=" or None.
Row = tuple[str, FloatArray, float | None]


def _rows(given: Any, names: tuple[str, ...], terms: NamedRows | None) -> Iterator[Row]:
    if isinstance(given, str):
        if terms and given in terms.names:
            yield from _of_term(given, names, terms)
        else:
            yield _parsed(given, names, terms.names if terms else ())
    elif isinstance(given, Mapping):
        if not given or all(isinstance(value, Real) for value in given.values()):
            yield "", _weights(given, names), None
            return
        for label, one in given.items():
            found = list(_rows(one, names, terms))
            if len(found) != 1:
                raise InputError(f"L[{label!r}] has {len(found)} rows; a label stands for one")
            yield str(label), *found[0][1:]
    elif isinstance(given, list | tuple) and any(isinstance(one, str | Mapping) for one in given):
        for one in given:
            yield from _rows(one, names, terms)
    else:
        for row in _matrix(given, names):
            yield "", row, None


def _of_term(name: str, coefficients: tuple[str, ...], terms: NamedRows) -> Iterator[Row]:
    rows = terms[name]
    if len(rows) == 0:
        raise InputError(f"X determines nothing of {name} that other terms do not explain")
    for i, row in enumerate(rows):
        yield _text(row, coefficients, 0.0) or f"{name} [{i + 1}]", row, None


def _matrix(given: Any, names: tuple[str, ...]) -> FloatArray:
    try:
        plain: AnyArray = np.asarray(given)
    except ValueError as error:
        raise InputError(f"the rows of L differ in length; give {FORMS}") from error
    if plain.ndim not in (1, 2) or plain.size == 0:
        raise InputTypeError(f"L must be {FORMS}; got {shown(given)}")
    L = np.atleast_2d(as_numbers(given, "L", ndim=plain.ndim))
    if L.shape[1] != len(names):
        raise InputError(
            f"L has {L.shape[1]} weights a row, and the model has {len(names)} coefficients (dropped ones included): "
            f"{', '.join(names)}"
        )
    return L


def _weights(given: Mapping[Any, Any], names: tuple[str, ...]) -> FloatArray:
    row = np.zeros(len(names))
    for name, weight in given.items():
        row[_place(str(name), names)] = _finite(real_number(weight, f"L[{name!r}]"), f"L[{name!r}]")
    return row


def _place(name: str, names: tuple[str, ...]) -> int:
    if name not in names:
        raise InputError(f"L names {name!r}, which is no coefficient; the model has {', '.join(names)}")
    return names.index(name)


def _finite(value: float, what: str) -> float:
    if not np.isfinite(value):
        raise InputError(f"{what} must be finite; got {value}")
    return value


def _parsed(text: str, names: tuple[str, ...], terms: Sequence[str]) -> Row:
    """A sum of coefficients times numbers, with a number after "=" if there is one."""
    # Names as they are, the longest first: they may have signs, blanks, brackets and "=" of their own.
    name = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if n) or r"(?!)"
    equals = [found.start() for found in re.finditer(rf"{name}|=", text) if found[0] == "=" and "=" not in names]
    left = text[: equals[0]] if equals else text
    number = r"\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?"
    term = re.compile(rf"\s*([+-]?)\s*(?:({number})\s*\*\s*)?({name})(?![\w.])\s*(?:/\s*({number})\s*)?")
    row, at = np.zeros(len(names)), 0
    while at < len(left):
        found = term.match(left, at)
        if found is None or (at > 0 and not found[1]):
            raise InputError(
                f"cannot read {left[at:].strip()!r} in {text!r}: a hypothesis is a sum of coefficients, each with a "
                f"number and * before it if there is one{', or the name of a term' if terms else ''}; the model has "
                f"{', '.join(names)}{'; terms: ' + ', '.join(terms) if terms else ''}"
            )
        sign = -1.0 if found[1] == "-" else 1.0
        row[names.index(found[3])] += sign * float(found[2] or 1.0) / float(found[4] or 1.0)
        at = found.end()
    if not left.strip():
        raise InputError(f"there is no coefficient in {text!r}")
    value = _value(text[equals[0] + 1 :], text) if equals else None
    return " ".join((text if value else left).split()), row, value


def _value(right: str, text: str) -> float:
    try:
        value = float(right)
    except ValueError:
        raise InputError(f"after '=' in {text!r} there must be a number; got {right.strip()!r}") from None
    return _finite(value, f"the value after '=' in {text!r}")


def _text(row: FloatArray, names: Sequence[str], value: float) -> str:
    """The row as a sum, positive weights first, "" where that is long."""
    out = ""
    for j in [*np.flatnonzero(row > 0).tolist(), *np.flatnonzero(row < 0).tolist()]:
        size = abs(float(row[j]))
        sign = "-" if row[j] < 0 else "+"
        joined = f" {sign} " if out else sign.strip("+")
        weight = f"{size:.4g}*"
        out += joined + ("" if weight == "1*" else weight) + names[j]
    if value and out:
        out += f" = {value:.4g}"
    return out if len(out) <= LONGEST else ""


__all__ = ["Hypotheses", "hypotheses"]
