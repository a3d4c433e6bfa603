"""The functions that a formula may call."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from ..contracts.errors import InputError, InputTypeError, shown
from .variables import Variable


def _of_one(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of NumPy without its further arguments, the second of which it would write to."""
    return lambda x: function(x)


def _log(x: Any, base: Any = None) -> Any:
    return np.log(x) if base is None else np.log(x) / np.log(base)


def _round(x: Any, digits: Any = 0) -> Any:
    return np.round(x, int(digits))


#: Of numbers, value by value.
NUMERIC: dict[str, Callable[..., Any]] = {
    "I": _of_one(lambda x: x),
    "log": _log,
    "round": _round,
    "ceiling": _of_one(np.ceil),
    "pmin": lambda x, *more: functools.reduce(np.minimum, more, x),
    "pmax": lambda x, *more: functools.reduce(np.maximum, more, x),
} | {
    name: _of_one(getattr(np, name))
    for name in ("log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "sin", "cos", "tan", "floor")
}
#: Learned from the data of the fit; formulaic's, and `ns` (see `splines`).
STATEFUL = ("poly", "bs", "ns", "cr", "cc", "scale", "center", "C")
#: Contrasts of ``C(f, contr.sum)``.
CONTRASTS = ("treatment", "sum", "helmert", "poly", "SAS", "diff")


def factor(x: Any, levels: Any = None) -> Variable:
    """The values as a factor, levels sorted or as given.

    Examples
    --------
    >>> factor(np.array([10.0, 2.0, np.nan])).levels
    ('2', '10')
    """
    if isinstance(x, Variable) and levels is None and x.kind == "category":
        return x
    made = _as_variable(x).as_factor()
    if levels is None:
        return Variable.of_codes(made.codes, made.levels)
    wanted = tuple(_label(level) for level in (levels if isinstance(levels, list) else [levels]))
    return Variable.of_codes(made.recode(wanted), wanted)


def relevel(x: Any, ref: Any = None) -> Variable:
    """The factor with `ref` as its first level."""
    made, first = factor(x), _label(ref)
    if first not in made.levels:
        raise InputError(f"relevel: there is no level {first!r}; there is {', '.join(made.levels)}")
    wanted = (first, *(level for level in made.levels if level != first))
    return Variable.of_codes(made.recode(wanted), wanted)


def interaction(*factors: Any) -> Variable:
    """Combinations of the levels of factors, the first varies fastest, with a dot between."""
    if not factors:
        raise InputError("interaction needs factors: interaction(a, b)")
    made = factor(factors[0])
    codes, levels = made.codes, made.levels
    for more in map(factor, factors[1:]):
        joined = tuple(f"{a}.{b}" for b in more.levels for a in levels)
        if len(set(joined)) < len(joined):
            raise InputError("interaction: levels with a dot in them make two combinations read alike; rename them")
        codes = np.where((codes < 0) | (more.codes < 0), -1, codes + len(levels) * more.codes)
        levels = joined
    return Variable.of_codes(codes, levels)


def cut(x: Any, breaks: Any, labels: Any = None, right: Any = True, include_lowest: Any = False) -> Variable:
    """Intervals of numbers: ``(a, b]``, or ``[a, b)`` with ``right=FALSE``; values outside are missing.

    Examples
    --------
    >>> cut(np.array([0.0, 1.0, 2.5]), [0.0, 1.0, 5.0]).levels
    ('(0,1]', '(1,5]')
    """
    values = _numbers(x, "cut")
    if not isinstance(breaks, list) or len(breaks) < 2 or not all(isinstance(b, int | float) for b in breaks):
        raise InputError("cut: give the breaks as a list, as in cut(x, c(0, 10, 20)): a number of bins is not enough")
    edges = np.sort(np.array(breaks, dtype=np.float64))
    codes = np.searchsorted(edges, values, side="left" if right else "right") - 1
    if include_lowest:
        edge = 0 if right else len(edges) - 1
        codes[values == edges[edge]] = 0 if right else len(edges) - 2
    outside = np.isnan(values) | (codes < 0) | (codes >= len(edges) - 1)
    names = [f"{e:.3g}" for e in edges]
    if labels is None:
        pattern = "({},{}]" if right else "[{},{})"
        levels = tuple(pattern.format(a, b) for a, b in pairwise(names))
    else:
        levels = tuple(map(_label, labels)) if isinstance(labels, list) else ()
    if len(levels) != len(edges) - 1 or len(set(levels)) < len(levels):
        raise InputError(f"cut: {len(edges) - 1} intervals need as many labels, all different")
    return Variable.of_codes(np.where(outside, -1, codes), levels)


def ifelse(test: Any, yes: Any, no: Any) -> Any:
    """`yes` where the test holds, else `no`: numbers, or text, which makes a factor; missing where the test is."""
    if not isinstance(test, Variable) or test.kind != "logical":
        raise InputTypeError("ifelse: the test must be logical, as in ifelse(x > 5, 'high', 'low')")
    holds = test.codes == 1
    if isinstance(yes, str) and isinstance(no, str):
        levels = tuple(sorted({yes, no}))
        return Variable.of_codes(
            np.where(test.codes < 0, -1, np.where(holds, levels.index(yes), levels.index(no))), levels
        )
    values = np.where(holds, _numbers(yes, "ifelse"), _numbers(no, "ifelse"))
    return np.where(test.codes < 0, np.nan, values)


def as_numeric(x: Any) -> Any:
    """Numbers of text, of the labels of a factor, or of FALSE and TRUE."""
    if not isinstance(x, Variable) or x.kind == "number":
        return _numbers(x, "as.numeric")
    if x.kind == "logical":
        return np.where(x.codes < 0, np.nan, x.codes)
    try:
        numbers = np.array([*map(float, x.levels), np.nan])
    except ValueError as error:
        raise InputTypeError(f"as.numeric: {error}") from error
    return numbers[x.codes]


#: Made before formulaic sees the data; what they give is a variable of its own, with levels that are kept.
FACTORS: dict[str, Callable[..., Any]] = {
    "factor": factor,
    "as_factor": factor,
    "relevel": relevel,
    "interaction": interaction,
    "cut": cut,
    "ifelse": ifelse,
    "as_numeric": as_numeric,
}


def listed() -> str:
    """All names, for messages."""
    names = [*NUMERIC, *FACTORS, *STATEFUL, "offset", "c", *(f"contr.{kind}" for kind in CONTRASTS)]
    return ", ".join(name.replace("as_", "as.") for name in names)


def _as_variable(x: Any) -> Variable:
    return x if isinstance(x, Variable) else Variable.of_numbers(_numbers(x, "factor"))


def _numbers(x: Any, name: str) -> Any:
    if isinstance(x, Variable):
        return x.numbers(name)
    if isinstance(x, bool) or not isinstance(x, int | float | np.ndarray):
        raise InputTypeError(f"{name} needs numbers; got {shown(x)}")
    return x


def _label(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
