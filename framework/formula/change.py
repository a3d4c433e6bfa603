"""Changes of a formula: ``. ~ . + x``, where a dot is that side of the formula before."""

from __future__ import annotations

from collections.abc import Iterator

from .bars import parse, signed
from .smooth_plan import SMOOTHS
from .tokens import Group, Node, Nodes, is_sign, nest, refuse, span, tokenize


def changed_formula(formula: str, change: str) -> str:
    """The formula that a change makes of another, as R's ``update`` reads it.

    Terms that are subtracted go; a random term, a smooth one or an offset goes where it stands in the formula as it is
    written.

    Raises
    ------
    InputError
        With the place in the change.

    Examples
    --------
    >>> changed_formula("y ~ a + b + (1 | g)", "log(.) ~ . - b + x")
    'log(y) ~ a + b + (1 | g) - b + x'
    >>> changed_formula("y ~ a + (1 + a | g)", ". ~ . - (1 + a|g) + (1 | g)")
    'y ~ a + (1 | g)'
    """
    nodes = nest(change, tokenize(change))
    at = next((i for i, node in enumerate(nodes) if is_sign(node, "~")), None)
    if at is None:
        refuse(change, 0, len(change), "a change of a formula has ~ in it, as in . ~ . + x")
    before, after = nodes[:at], nodes[at + 1 :]
    before_text = change[slice(*span(before))] if before else "."
    response = formula[slice(*span(parse(formula).response))]
    left = "".join(response if token == "." else token for token in _pieces(before_text))
    terms: list[tuple[str, str]] = []
    for sign, piece in signed(change, after):
        text = change[slice(*span(piece))]
        if _is_dot(piece[0]) and len(piece) == 1 and sign == "+":
            terms += _terms(formula)
        elif any(_has_dot(node) for node in piece):
            refuse(change, *span(piece), "here the dot stands for all terms, which are added: write . + x")
        elif sign == "-" and _is_special(text):
            kept = [term for term in terms if _plain(term[1]) != _plain(text)]
            if len(kept) == len(terms):
                there = ", ".join(term for _, term in terms if _is_special(term)) or "none"
                refuse(change, *span(piece), f"the formula has no such term to leave out; it has {there}")
            terms = kept
        else:
            terms.append((sign, text))
    right = " ".join(f"{sign} {text}" for sign, text in terms).removeprefix("+ ") or "1"
    return f"{left.strip()} ~ {right}"


def _terms(formula: str) -> Iterator[tuple[str, str]]:
    """Terms of the right side with their signs: fixed ones, random ones, offsets, smooth ones."""
    parsed = parse(formula)
    for sign, nodes in parsed.fixed:
        yield sign, formula[slice(*span(nodes))]
    for bar in parsed.bars:
        yield "+", formula[bar.start : bar.end]
    for nodes in parsed.offsets:
        yield "+", f"offset({formula[slice(*span(nodes))]})"
    for smooth in parsed.smooths:
        yield "+", formula[smooth.start : smooth.end]


def _pieces(text: str) -> Iterator[str]:
    """Tokens, and what stands between them."""
    at = 0
    for token in tokenize(text):
        yield text[at : token.start]
        yield token.text
        at = token.end


def _is_special(text: str) -> bool:
    """Whether a term is a random one, a smooth one, or an offset."""
    nodes: Nodes = nest(text, tokenize(text))
    only = nodes[0]
    if len(nodes) > 1 or not isinstance(only, Group):
        return False
    is_call = only.function is not None and only.function.text in ("offset", *SMOOTHS)
    return is_call or any(is_sign(node, "|", "||") for node in only.inside)


def _plain(text: str) -> str:
    return "".join(token.text for token in tokenize(text))


def _is_dot(node: Node) -> bool:
    return not isinstance(node, Group) and node.text == "."


def _has_dot(node: Node) -> bool:
    return any(map(_has_dot, node.inside)) if isinstance(node, Group) else _is_dot(node)
