"""Smooth terms as they stand in a formula: ``s(x, k=10, bs="ps", by=f)``, ``t2(x, z, k=c(5, 6))``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .expressions import Names, expression, variables
from .tokens import Group, Nodes, Token, is_sign, refuse, span

#: Calls that make smooth terms, with the number of variables of each.
SMOOTHS = {"s": 1, "t2": 2}
#: Of R's mgcv, and not here.
OTHERS = {"te": "write t2(x, z)", "ti": "write t2(x, z)"}
#: Bases by mgcv's words: thin-plate regression splines, and P-splines.
BASES = ("tp", "ps")
ARGUMENTS = ("k", "bs", "by")
#: Functions of a basis that are made at most.
MOST_FUNCTIONS = 60


@dataclass(frozen=True)
class SmoothPlan:
    """A smooth term: a curve of one variable, or a surface over two.

    Parameters
    ----------
    label : str
        ``"s(x)"``, ``"s(x):f"``: the term without its settings, as mgcv writes it.
    variables : tuple of ast.expr
        What it is a function of.
    by : ast.expr, optional
        What it is multiplied by: numbers, or a factor of whose levels each has a curve.
    sizes : tuple of (int or None)
        Functions in the basis of each variable; None for the default.
    bases : tuple of str
        Basis of each variable.
    start, end : int
        Place in the text.
    """

    label: str
    variables: tuple[ast.expr, ...]
    by: ast.expr | None
    sizes: tuple[int | None, ...]
    bases: tuple[str, ...]
    start: int
    end: int

    def used(self, names: Names) -> list[str]:
        """Names of its variables."""
        trees = [*self.variables, *([] if self.by is None else [self.by])]
        return [name for tree in trees for name in variables(tree, names)]


def smooth_plans(calls: Sequence[Group], names: Names) -> tuple[SmoothPlan, ...]:
    """The smooth terms of a formula.

    Raises
    ------
    InputError
        With the place, for arguments that there are not, and terms that have one another in them.
    """
    plans = [_plan(call, names) for call in calls]
    for i, plan in enumerate(plans):
        for other in plans[:i]:
            _refuse_nested(plan, other, names)
    return tuple(plans)


def _plan(call: Group, names: Names) -> SmoothPlan:
    word = "" if call.function is None else call.function.text
    positional, named = _arguments(call, names)
    count = SMOOTHS[word]
    if len(positional) != count:
        wanted = "one variable, as in s(x); a surface is t2(x, z)" if count == 1 else "two variables, as in t2(x, z)"
        refuse(names.text, call.start, call.end, f"{word} takes {wanted}")
    texts = [" ".join(names.text[slice(*span(nodes))].split()) for nodes in positional]
    label = f"{word}({', '.join(texts)})"
    if "by" in named:
        label += f":{names.text[slice(*span(named['by']))].strip('`')}"
    return SmoothPlan(
        label=label,
        variables=tuple(expression(nodes, names) for nodes in positional),
        by=expression(named["by"], names) if "by" in named else None,
        sizes=tuple(_size(token, names) for token in _each(named.get("k"), count, names)),
        bases=tuple(_basis(token, names) for token in _each(named.get("bs"), count, names)),
        start=call.start,
        end=call.end,
    )


def _refuse_nested(plan: SmoothPlan, other: SmoothPlan, names: Names) -> None:
    """Refuse a term twice, and a curve beside the surface that has it."""
    one, two = ({ast.unparse(tree) for tree in each.variables} for each in (plan, other))
    if plan.label == other.label:
        refuse(names.text, plan.start, plan.end, f"{plan.label} is in the formula twice: leave one out")
    if plan.by is None and other.by is None and (one <= two or two <= one):
        small, large = (plan, other) if len(one) <= len(two) else (other, plan)
        refuse(names.text, small.start, small.end, f"{large.label} has {small.label} in it: leave {small.label} out")


# Arguments ----------------------------------------------------------------------------------------------------------


def _arguments(call: Group, names: Names) -> tuple[list[Nodes], dict[str, Nodes]]:
    """Those without and those with a name."""
    positional: list[Nodes] = []
    named: dict[str, Nodes] = {}
    for nodes in _separated(call, names):
        first = nodes[0]
        if len(nodes) < 2 or not is_sign(nodes[1], "="):
            if named:
                refuse(names.text, *span(nodes), "variables stand before the arguments with a name")
            positional.append(nodes)
            continue
        word = first.text if isinstance(first, Token) else ""
        if word not in ARGUMENTS:
            advice = f"there is no argument {word}: there are {', '.join(ARGUMENTS)}"
            refuse(names.text, first.start, first.end, advice)
        if word in named or len(nodes) < 3:
            refuse(names.text, *span(nodes), f"{word} needs one value")
        named[word] = nodes[2:]
    return positional, named


def _separated(call: Group, names: Names) -> Iterator[Nodes]:
    """What stands between commas."""
    commas = [-1, *(i for i, node in enumerate(call.inside) if is_sign(node, ",")), len(call.inside)]
    for first, last in pairwise(commas):
        if last <= first + 1:
            refuse(names.text, call.start, call.end, "an argument is missing: write s(x)")
        yield call.inside[first + 1 : last]


def _each(nodes: Nodes | None, count: int, names: Names) -> list[Token | None]:
    """A value for each variable: one for all, or as many in ``c(...)``; None without."""
    if nodes is None:
        return [None] * count
    listed: list[Nodes] = [nodes]
    only = nodes[0]
    if len(nodes) == 1 and isinstance(only, Group) and only.function is not None and only.function.text == "c":
        listed = list(_separated(only, names))
    if len(listed) not in (1, count) or any(len(one) > 1 or isinstance(one[0], Group) for one in listed):
        refuse(
            names.text, *span(nodes), f"this is one value, or {count} in c(...)" if count > 1 else "this is one value"
        )
    values = [one[0] for one in listed if isinstance(one[0], Token)]
    return [*values] * (count // len(values))


def _size(token: Token | None, names: Names) -> int | None:
    if token is None:
        return None
    if token.kind != "number" or not token.text.isdigit() or not 3 <= int(token.text) <= MOST_FUNCTIONS:
        refuse(names.text, token.start, token.end, f"k is a whole number of functions, from 3 to {MOST_FUNCTIONS}")
    return int(token.text)


def _basis(token: Token | None, names: Names) -> str:
    if token is None:
        return BASES[0]
    if token.kind != "text" or token.text[1:-1] not in BASES:
        known = ", ".join(f'"{word}"' for word in BASES)
        refuse(names.text, token.start, token.end, f"bs is one of {known}")
    return token.text[1:-1]
