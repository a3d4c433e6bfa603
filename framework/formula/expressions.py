"""Calls and arithmetic inside of a formula: checked against what is listed, and evaluated without Python's `eval`.

R's text becomes a Python expression (``^`` is ``**``, ``TRUE`` is ``True``, names that Python does not have stand for
themselves under a substitute), of which only the kinds of nodes in `ALLOWED` are accepted. What makes factors is cut
out as a variable of its own.
"""

from __future__ import annotations

import ast
import keyword
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..contracts.errors import InputError, InputTypeError, RanefError
from .functions import CONTRASTS, FACTORS, NUMERIC, STATEFUL, listed
from .tokens import Group, Nodes, Token, is_sign, refuse, span
from .variables import LOGICAL, Variable

CONSTANTS = {
    "TRUE": "True",
    "FALSE": "False",
    "True": "True",
    "False": "False",
    "NULL": "None",
    "None": "None",
}
ALLOWED = (
    ast.Expression, ast.Call, ast.keyword, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Constant, ast.Name, ast.List,
    ast.Load, ast.Attribute, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd, ast.Eq, ast.NotEq,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE,
)  # fmt: skip
OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Eq: operator.eq,
    ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
#: What stands for a name that is no identifier of Python: this, a number, and an underscore.
SUBSTITUTE = "_ranef_name_"


@dataclass
class Names:
    """Variables of a formula by the identifiers that stand for them, and what else is known of them.

    `derived` are those made by `FACTORS`; `coded` those whose contrasts are named, and `contrasted` by an argument.
    """

    text: str
    context: Mapping[str, Any] = field(default_factory=dict)
    substitutes: dict[str, str] = field(default_factory=dict)
    derived: dict[str, str] = field(default_factory=dict)
    contrasted: set[str] = field(default_factory=set)
    coded: set[str] = field(default_factory=set)

    def identifier(self, name: str) -> str:
        """The name, or its substitute where it is none of Python's, or a function's."""
        taken = name in NUMERIC or name in FACTORS or name in STATEFUL or name in ("contr", "np", "c")
        taken = taken or callable(self.context.get(name))
        plain = name.isascii() and name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")
        if plain and not taken:
            return name
        return self.substitutes.setdefault(name, f"{SUBSTITUTE}{len(self.substitutes)}_")

    def display(self, text: str) -> str:
        """Text with the names as they were written."""
        for name, substitute in reversed(self.substitutes.items()):
            text = text.replace(substitute, name)
        return text

    def variable(self, identifier: str) -> str:
        """The name that an identifier stands for."""
        return next((name for name, other in self.substitutes.items() if other == identifier), identifier)


# Reading ------------------------------------------------------------------------------------------------------------


def read_expression(nodes: Nodes, names: Names) -> ast.expr:
    """The checked expression that a part of the formula is.

    Raises
    ------
    InputError
        For whatever is not listed, with the place.

    Examples
    --------
    >>> from ranef.formula.tokens import nest, tokenize
    >>> text = "log(x)^2 + `my x`"
    >>> ast.unparse(read_expression(nest(text, tokenize(text)), Names(text)))
    'log(x) ** 2 + _ranef_name_0_'
    """
    source = "".join(_source(nodes, names))
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        refuse(names.text, *span(nodes), "this is no expression")
    for node in ast.walk(tree):
        problem = _problem(node)
        if problem:
            refuse(names.text, *span(nodes), problem)
    try:
        folded: ast.expr = _Folded().visit(tree)
    except (ArithmeticError, TypeError, ValueError) as error:
        refuse(names.text, *span(nodes), f"this cannot be computed ({error})")
    return folded


def _problem(node: ast.AST) -> str:
    """What is wrong with a node, or nothing."""
    if not isinstance(node, ALLOWED) or (isinstance(node, ast.keyword) and node.arg is None):
        return f"{type(node).__name__} is not available in formulas"
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | bool | int | float | None):
        return "this is no number"
    if isinstance(node, ast.Compare) and len(node.ops) > 1:
        return "comparisons cannot be chained: use ifelse"
    if isinstance(node, ast.Attribute):
        named = isinstance(node.value, ast.Name) and node.value.id == "contr" and node.attr in CONTRASTS
        return "" if named else "names have no attributes in formulas"
    return ""


def _source(nodes: Nodes, names: Names) -> list[str]:
    """Python's text of nodes, with a blank between."""
    out: list[str] = []
    for i, node in enumerate(nodes):
        if isinstance(node, Group):
            out.append(_call(node, names))
        elif node.kind == "sign":
            if is_sign(node, "|", "||"):
                refuse(
                    names.text, node.start, node.end, "a bar inside of an expression: random terms are (effects | g)"
                )
            if is_sign(node, ":", "~") or node.text.startswith("%"):
                refuse(names.text, node.start, node.end, f"{node.text} is not available in expressions")
            out.append({"^": "**"}.get(node.text, node.text))
        elif node.kind == "number":
            whole = node.text.rstrip("L")
            out.append(str(int(whole)) if whole.isdigit() and len(whole) < 16 else repr(float(whole)))
        elif node.kind == "text":
            out.append(repr(node.text[1:-1]))
        elif i + 1 < len(nodes) and is_sign(nodes[i + 1], "="):
            out.append(node.text.replace(".", "_"))
        elif node.text in CONSTANTS:
            out.append(CONSTANTS[node.text])
        elif node.text.startswith("contr."):
            out.append(_contrast(node, names))
        else:
            out.append(names.identifier(node.name or ""))
    return [f"{piece} " for piece in out]


def _call(group: Group, names: Names) -> str:
    inside = "".join(_source(group.inside, names))
    if group.function is None:
        return f"({inside})" if group.opening.text == "(" else f"[{inside}]"
    function = group.function.text
    if function == "c":
        return f"[{inside}]"
    if function.startswith("contr."):
        return f"{_contrast(group.function, names)}({inside})"
    python = function.replace(".", "_")
    if not _is_known(python) and not (function in names.context and callable(names.context[function])):
        module, _, plain = function.rpartition(".")
        meant = f" (write {plain})" if module in ("np", "numpy") and _is_known(plain) else ""
        refuse(
            names.text,
            group.function.start,
            group.function.end,
            f"there is no function {function}{meant}; there are {listed()}, and those passed in context={{...}}",
        )
    return f"{python}({inside})"


def _is_known(python: str) -> bool:
    return python in NUMERIC or python in FACTORS or python in STATEFUL


def _contrast(token: Token, names: Names) -> str:
    if token.text.partition(".")[2] not in CONTRASTS:
        known = ", ".join(f"contr.{kind}" for kind in CONTRASTS)
        refuse(names.text, token.start, token.end, f"there is no {token.text}; there are {known}")
    return token.text


class _Folded(ast.NodeTransformer):
    """Arithmetic of constants, done in floating point before anybody else does it in whole numbers of any size."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        a, b = (_constant(side) for side in (node.left, node.right))
        if a is None or b is None:
            return node
        return _number(OPERATORS[type(node.op)](float(a), float(b)))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        value = _constant(node.operand)
        return node if value is None else _number(OPERATORS[type(node.op)](value))


def _number(value: Any) -> ast.Constant:
    if isinstance(value, complex) or not np.isfinite(value):
        raise ArithmeticError("it is no finite number")
    return ast.Constant(int(value) if float(value).is_integer() and abs(value) < 2**53 else value)


def _constant(node: ast.expr) -> int | float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def calls(tree: ast.expr) -> set[str]:
    """Names of the functions that an expression calls."""
    return {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def variables(tree: ast.expr, names: Names) -> list[str]:
    """Variables of an expression, in order, with those that made factors are made from."""
    functions = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    attributes = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in functions | attributes]
    return list(dict.fromkeys(names.variable(n.id) for n in found))


class Derive(ast.NodeTransformer):
    """Calls that make factors, and logical ``I(x > 5)``, cut out as variables of `names.derived`."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Cut out a call."""
        function = node.func.id if isinstance(node.func, ast.Name) else ""
        logical = function == "I" and len(node.args) == 1 and isinstance(node.args[0], ast.Compare)
        if function not in FACTORS and not logical:
            self.generic_visit(node)
            return node
        if learned := calls(node) & set(STATEFUL):
            raise InputError(f"{', '.join(sorted(learned))} inside of {function}(...) is not available in formulas")
        source = ast.unparse(node)
        shown = self.names.display(source).replace("as_", "as.")
        self.names.derived[shown] = source
        identifier = self.names.substitutes.setdefault(shown, f"{SUBSTITUTE}{len(self.names.substitutes)}_")
        return ast.Name(identifier, ast.Load())


def expression(nodes: Nodes, names: Names) -> ast.expr:
    """The tree of an expression, without what makes columns of X."""
    tree: ast.expr = Derive(names).visit(read_expression(nodes, names))
    if learned := calls(tree) & set(STATEFUL):
        refuse(names.text, *span(nodes), f"{', '.join(sorted(learned))} makes columns of X, and is not available here")
    return tree


# Evaluating ---------------------------------------------------------------------------------------------------------


def evaluate(tree: ast.expr, lookup: Callable[[str], Any], context: Mapping[str, Any]) -> Any:
    """The value of a checked expression: an array of numbers, a factor as a `Variable`, or a constant.

    Parameters
    ----------
    tree : ast.expr
        From `read_expression`.
    lookup : callable
        The `Variable` (or constant of the context) of an identifier.
    context : dict
        The user's own functions.
    """

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                found = lookup(node.id)
                return found.numbers(node.id) if isinstance(found, Variable) and not found.is_factor else found
            case ast.List():
                return [value(element) for element in node.elts]
            case ast.BinOp():
                return OPERATORS[type(node.op)](_number_of(value(node.left)), _number_of(value(node.right)))
            case ast.UnaryOp():
                return OPERATORS[type(node.op)](_number_of(value(node.operand)))
            case ast.Compare():
                return _compare(value(node.left), node.ops[0], value(node.comparators[0]))
            case ast.Call(func=ast.Name(id=function)):
                arguments = [value(argument) for argument in node.args]
                named = {str(k.arg): value(k.value) for k in node.keywords}
                return _apply(function, arguments, named, context)
        raise InputError(f"{ast.unparse(node)} is not available here")

    with np.errstate(all="ignore"):
        return value(tree)


def _apply(function: str, arguments: list[Any], named: dict[str, Any], context: Mapping[str, Any]) -> Any:
    if function in STATEFUL:
        raise InputError(f"{function}(...) makes columns of X; it is not available here")
    called = NUMERIC.get(function) or FACTORS.get(function) or context[function]
    if function in NUMERIC and not (function == "I" and len(arguments) == 1):
        arguments = [_number_of(argument) for argument in arguments]
    try:
        return called(*arguments, **named)
    except RanefError:
        raise
    except Exception as error:  # whatever the user's own functions raise
        raise InputError(f"{function}(...) in the formula: {error}") from error


def _number_of(value: Any) -> Any:
    """An operand of arithmetic."""
    if isinstance(value, Variable):
        return value.numbers("arithmetic in the formula")
    if isinstance(value, bool) or not isinstance(value, int | float | np.ndarray):
        raise InputTypeError(f"arithmetic in the formula needs numbers; got {value!r}")
    return float(value) if isinstance(value, int | float) else value


def _compare(left: Any, sign: ast.cmpop, right: Any) -> Variable:
    """A logical variable; a factor is compared with the text of a level."""
    if isinstance(right, Variable) and not isinstance(left, Variable):
        flipped = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
        return _compare(right, flipped.get(type(sign), type(sign))(), left)
    if isinstance(left, Variable):
        if isinstance(right, Variable) or not isinstance(sign, ast.Eq | ast.NotEq):
            raise InputTypeError("a factor in the formula is compared by == and != with one of its levels")
        holds = np.array([OPERATORS[type(sign)](level, str(right)) for level in left.levels] + [False])[left.codes]
        return Variable.of_codes(np.where(left.missing, -1, holds), LOGICAL, "logical")
    a, b = np.broadcast_arrays(np.atleast_1d(_number_of(left)), np.atleast_1d(_number_of(right)))
    holds = OPERATORS[type(sign)](a, b)
    return Variable.of_codes(np.where(np.isnan(a) | np.isnan(b), -1, holds), LOGICAL, "logical")
