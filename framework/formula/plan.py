"""What a formula asks for, column by column of the frame not yet looked at: expressions, and text for formulaic."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contracts.errors import InputError, InputTypeError, shown
from ..design.censored import TYPES
from .bars import Bar, Parsed, exponent, names_in, parse, signed
from .expressions import Derive, Names, expression, read_expression, variables
from .formulaic import terms_of
from .functions import CONTRASTS, FACTORS, NUMERIC, STATEFUL
from .smooth_plan import OTHERS, SMOOTHS, SmoothPlan, smooth_plans
from .tokens import Group, Node, Nodes, is_sign, nest, refuse, span, tokenize

#: Responses of two columns.
COLUMNS = ("cbind", "Surv")
#: Products that a power may be expanded to.
MOST_PRODUCTS = 100_000


@dataclass(frozen=True)
class RandomPlan:
    """One grouping factor of a random term: `parts` are combined to its labels, `effects` are independent blocks."""

    label: str
    parts: tuple[ast.expr, ...]
    effects: tuple[str, ...]
    word: str
    text: str


@dataclass(frozen=True)
class Plan:
    """A formula, resolved: what to evaluate, and what to give to formulaic.

    Parameters
    ----------
    response : tuple of ast.expr
        One expression, or the two of ``cbind(successes, failures)`` or ``Surv(time, event)``.
    response_name : str
        As it stands in the formula.
    fixed : str
        The fixed terms, for formulaic.
    random : tuple of RandomPlan
    offsets : tuple of ast.expr
    encoded : tuple of str
        Names of the variables that enter columns of X or of random effects.
    in_fixed : tuple of str
        Those that enter columns of X.
    names : Names
    contrasts : dict of variable -> word
        Of a formula of a parameter, those of its variables.
    censoring : str
        Of ``Surv``, how responses are censored: its `type`.
    smooths : tuple of SmoothPlan
        Smooth terms, whose variables are in neither `encoded` nor `in_fixed`.
    """

    response: tuple[ast.expr, ...]
    response_name: str
    fixed: str
    random: tuple[RandomPlan, ...]
    offsets: tuple[ast.expr, ...]
    encoded: tuple[str, ...]
    in_fixed: tuple[str, ...]
    names: Names
    contrasts: Mapping[str, str] = field(default_factory=dict)
    censoring: str = ""
    smooths: tuple[SmoothPlan, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Everything that formulaic encodes, each once, the fixed terms first."""
        return tuple(dict.fromkeys([self.fixed, *(source for r in self.random for source in r.effects)]))

    def smoothed(self) -> list[str]:
        """Names of the variables of smooth terms."""
        return list(dict.fromkeys(name for smooth in self.smooths for name in smooth.used(self.names)))

    def grouping(self) -> list[str]:
        """Names of the variables that make grouping factors."""
        return list(dict.fromkeys(name for r in self.random for e in r.parts for name in variables(e, self.names)))


def make_plan(text: str, columns: Sequence[str], contrasts: Mapping[str, str], context: Mapping[str, Any]) -> Plan:
    """Read a formula.

    Parameters
    ----------
    text : str
    columns : sequence of str
        What the dot may stand for; those of the response, groups and offsets are left out.
    contrasts : dict of variable -> word
    context : dict
        The user's own functions and constants.
    """
    parsed, names = parse(text), Names(text, check_context(context))
    taken = set(names_in([*parsed.response, *(n for o in parsed.offsets for n in o)]))
    taken |= {name for bar in parsed.bars for group in bar.groups for part in group.parts for name in names_in(part)}
    smooths = smooth_plans(parsed.smooths, names)
    taken.update(*(smooth.used(names) for smooth in smooths))
    writer = Writer(names, [c for c in columns if c not in taken], check_contrasts(contrasts))
    response, censoring = _response(parsed, names)
    offsets = tuple(expression(nodes, names) for nodes in parsed.offsets)
    fixed = writer.sum(parsed.fixed)
    in_fixed = tuple(writer.used)
    random = tuple(plan for bar in parsed.bars for plan in _random(bar, writer))
    if unused := set(writer.contrasts) - names.contrasted:
        raise InputError(f"contrasts names {', '.join(sorted(unused))}, which is no variable of the fixed terms")
    name = " ".join(text[slice(*span(parsed.response))].split())
    _refuse_linear(smooths, fixed, names)
    used = tuple(writer.used)
    return Plan(response, name, fixed, random, offsets, used, in_fixed, names, censoring=censoring, smooths=smooths)


def make_parameter_plan(text: str, contrasts: Mapping[str, str], context: Mapping[str, Any]) -> Plan:
    """Read the formula of a dispersion parameter, ``"~ x"``: fixed terms alone, of named columns.

    Contrasts of variables that it does not have are left out.

    Raises
    ------
    InputError
        With the place in the formula; for random terms and offsets, which parameters do not have.
    """
    parsed, names = parse(text, one_sided=True), Names(text, check_context(context))
    if parsed.bars:
        bar = parsed.bars[0]
        refuse(text, bar.start, bar.end, "dispersion parameters have no random effects: leave this term out")
    if parsed.offsets:
        refuse(text, *span(parsed.offsets[0]), "dispersion parameters have no offset: leave this term out")
    if parsed.smooths:
        refuse(text, *span(parsed.smooths), "dispersion parameters have no smooth terms: write ns(x, df=4)")
    own = {name: word for name, word in contrasts.items() if name in names_of(text)}
    writer = Writer(names, [], check_contrasts(own))
    fixed = writer.sum(parsed.fixed)
    return Plan((), "", fixed, (), (), tuple(writer.used), tuple(writer.used), names, own)


def names_of(text: str) -> set[str]:
    """Names that a formula has."""
    return set(names_in(nest(text, tokenize(text))))


def text_expression(text: str, names: Names) -> ast.expr:
    """An expression that is given by itself, as ``weights="n"`` or ``subset="x > 3"``."""
    alone = Names(text, names.context, names.substitutes, names.derived)
    nodes = nest(text, tokenize(text))
    if not nodes:
        raise InputError("the text of an expression is empty")
    return expression(nodes, alone)


def check_contrasts(contrasts: Any) -> dict[str, str]:
    """Words of contrasts by variable."""
    if contrasts is None:
        return {}
    if not isinstance(contrasts, Mapping):
        raise InputTypeError(f"contrasts must be a dict such as {{'f': 'sum'}}; got {shown(contrasts)}")
    for name, word in contrasts.items():
        if str(word).removeprefix("contr.") not in CONTRASTS:
            raise InputError(f"contrasts[{name!r}] must be one of {', '.join(CONTRASTS)}; got {shown(word)}")
    return {str(name): str(word).removeprefix("contr.") for name, word in contrasts.items()}


def check_context(context: Any) -> dict[str, Any]:
    """Functions and constants of the user, by identifiers that nothing else has."""
    if context is None:
        return {}
    if not isinstance(context, Mapping):
        raise InputTypeError(f"context must be a dict from names to functions; got {shown(context)}")
    for name in context:
        if not isinstance(name, str) or not name.isidentifier() or name.startswith("_"):
            raise InputError(f"context[{name!r}]: names in it are Python's, without a leading underscore")
        if name in (*NUMERIC, *FACTORS, *STATEFUL, *SMOOTHS, *OTHERS, "c", "contr", "offset", *COLUMNS):
            raise InputError(f"context[{name!r}]: formulas have a function of that name; choose another")
    return dict(context)


# Response, groups ---------------------------------------------------------------------------------------------------


def _response(parsed: Parsed, names: Names) -> tuple[tuple[ast.expr, ...], str]:
    """The expressions of the response, and how it is censored."""
    only = parsed.response[0]
    if len(parsed.response) > 1 or not isinstance(only, Group) or only.function is None:
        return (expression(parsed.response, names),), ""
    if only.function.text not in COLUMNS:
        return (expression(parsed.response, names),), ""
    ends = [*(i for i, node in enumerate(only.inside) if is_sign(node, ",")), len(only.inside)]
    sides = [only.inside[a:b] for a, b in zip([0, *(i + 1 for i in ends)], ends, strict=False)]
    censoring = ""
    if only.function.text == "Surv":
        censoring = "right"
        if len(sides) > 1 and len(sides[-1]) == 3 and is_sign(sides[-1][1], "="):
            name, _, word = sides.pop()
            text, said = (parsed.text[node.start : node.end] for node in (name, word))
            censoring = said.strip("'\"")
            if text != "type" or censoring not in TYPES or censoring == said:
                refuse(parsed.text, name.start, word.end, f"Surv has type= one of {', '.join(map(repr, TYPES))}")
        if len(sides) == 1 and sides[0] and censoring != "interval2":
            return (expression(sides[0], names),), ""
    if len(sides) != 2 or not all(sides):
        call = "Surv takes two columns: Surv(time, event)"
        if only.function.text == "cbind":
            call = "cbind takes two columns: cbind(successes, failures)"
        refuse(parsed.text, only.start, only.end, call)
    return tuple(expression(side, names) for side in sides), censoring


def _random(bar: Bar, writer: Writer) -> list[RandomPlan]:
    text = writer.names.text
    if bar.word in FACTORS or bar.word in STATEFUL or bar.word in ("I", "offset", "log", "exp", "sqrt", "c"):
        refuse(text, bar.start, bar.end, f"a bar inside of {bar.word}(...) is no random term")
    source = writer.sum(tuple(signed(text, bar.effects)), contrasts=False)
    terms = terms_of(source)
    if not terms:
        refuse(text, *span(bar.effects), "this random term has no effects: write 1 for a random intercept")
    effects = tuple("1" if term == "1" else f"0 + {term}" for term in terms) if bar.independent else (source,)
    written = " ".join(text[bar.start : bar.end].split())
    return [
        RandomPlan(g.label, tuple(expression(part, writer.names) for part in g.parts), effects, bar.word, written)
        for g in bar.groups
    ]


def _refuse_linear(smooths: Sequence[SmoothPlan], fixed: str, names: Names) -> None:
    """Refuse a fixed term that is the straight line of a smooth term without ``by``."""
    terms = terms_of(fixed)
    for smooth in smooths:
        inside = [text for tree in smooth.variables if (text := ast.unparse(tree)) in terms]
        if smooth.by is None and inside:
            shown_text = names.display(inside[0])
            refuse(
                names.text, smooth.start, smooth.end, f"{smooth.label} has {shown_text} in it: leave {shown_text} out"
            )


# Text for formulaic -------------------------------------------------------------------------------------------------


class Writer:
    """Terms as formulaic reads them: identifiers for names, the dot written out, factors that were cut out."""

    def __init__(self, names: Names, dots: Sequence[str], contrasts: Mapping[str, str]) -> None:
        self.names, self.dots, self.contrasts = names, dots, contrasts
        self.used: dict[str, None] = {}

    def sum(self, terms: Sequence[tuple[str, Nodes]], contrasts: bool = True) -> str:
        """A sum with an intercept, unless its terms say otherwise."""
        return " ".join(["1", *(f"{sign} {self.term(nodes, contrasts)}" for sign, nodes in terms)])

    def term(self, nodes: Nodes, contrasts: bool) -> str:
        """One term with its operators."""
        out: list[str] = []
        for i, node in enumerate(nodes):
            if i % 2:
                out.append("**" if is_sign(node, "^", "**") else self.names.text[node.start : node.end])
            elif i and out[-1] == "**":
                out.append(str(self.power(nodes[i - 2], node)))
            else:
                out.append(self.operand(node, contrasts))
        return " ".join(out)

    def operand(self, node: Node, contrasts: bool) -> str:
        """A name, a call, a number, or a sum in brackets."""
        if isinstance(node, Group) and node.function is None:
            parts = [f"{s} {self.term(t, contrasts)}" for s, t in signed(self.names.text, node.inside)]
            return f"({' '.join(parts).removeprefix('+ ')})"
        if isinstance(node, Group):
            tree = Derive(self.names).visit(read_expression((node,), self.names))
            if isinstance(tree, ast.Name):
                return self.contrast(self.names.variable(tree.id), contrasts)
            self.check(node, tree)
            self.used |= dict.fromkeys(variables(tree, self.names))
            return ast.unparse(tree)
        if node.text == ".":
            if not self.dots:
                refuse(self.names.text, node.start, node.end, "the dot stands for no column: all others are in use")
            return f"({' + '.join(self.contrast(name, contrasts) for name in self.dots)})"
        return self.contrast(node.name, contrasts) if node.name is not None else node.text

    def check(self, node: Node, tree: ast.expr) -> None:
        """Refuse constants, and ``C`` of what has no levels that are kept."""
        if not variables(tree, self.names):
            refuse(self.names.text, node.start, node.end, "this is the same for all rows")
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "C":
                continue
            if not call.args or not isinstance(call.args[0], ast.Name):
                refuse(self.names.text, node.start, node.end, "C takes a column, or a factor: C(factor(k), contr.sum)")
            if len(call.args) > 2 or any(named.arg != "contrasts" for named in call.keywords):
                refuse(self.names.text, node.start, node.end, "C takes a factor and contrasts; levels= is an argument")
            self.names.coded.add(self.names.variable(call.args[0].id))

    def contrast(self, name: str, contrasts: bool) -> str:
        """The identifier, with the contrasts that were asked for."""
        self.used[name] = None
        identifier = self.names.identifier(name)
        if not contrasts or name not in self.contrasts:
            return identifier
        self.names.contrasted.add(name)
        self.names.coded.add(name)
        return f"C({identifier}, contr.{self.contrasts[name]})"

    def power(self, base: Node, node: Node) -> int:
        """An exponent, no larger than what it makes a difference for."""
        inside = base.inside if isinstance(base, Group) else (base,)
        dots = sum(1 for n in inside if not isinstance(n, Group) and n.text == ".")
        count = len(list(names_in(inside))) + dots * len(self.dots) or 1
        degree = min(exponent(node) or 1, count)
        if count**degree > MOST_PRODUCTS:
            refuse(self.names.text, node.start, node.end, "this power has too many interactions: write a smaller one")
        return degree
