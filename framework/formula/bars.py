"""The parts of a formula: response, fixed terms, random terms `(effects | group)`, offsets.

Semantics are lme4's (Bates, Maechler, Bolker & Walker 2015, section 2.2): ``(x || g)`` is split into independent terms,
``(1 | a/b)`` is ``(1 | b:a) + (1 | a)``. What lme4 accepts by accident is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb

from .smooth_plan import OTHERS, SMOOTHS
from .tokens import Group, Node, Nodes, Token, is_sign, nest, refuse, span, tokenize

#: Interactions that one product or power may have.
MOST_TERMS = 2000


@dataclass(frozen=True)
class Bar:
    """A random term as it stands in the text.

    Parameters
    ----------
    effects : Nodes
        What stands left of the bar.
    groups : tuple of GroupPart
        The grouping factors right of it, expanded, inner ones first.
    independent : bool
        ``||``.
    word : str
        The covariance structure, ``""`` where none is named.
    start, end : int
        Place in the text.
    """

    effects: Nodes
    groups: tuple[GroupPart, ...]
    independent: bool
    word: str
    start: int
    end: int


@dataclass(frozen=True)
class GroupPart:
    """A grouping factor: one variable or expression, or the combinations of several; `label` is lme4's."""

    label: str
    parts: tuple[Nodes, ...]


@dataclass(frozen=True)
class Parsed:
    """A formula in its parts. `fixed` are signed terms; offsets stand without their call, smooth terms with it."""

    text: str
    response: Nodes
    fixed: tuple[tuple[str, Nodes], ...]
    bars: tuple[Bar, ...]
    offsets: tuple[Nodes, ...]
    smooths: tuple[Group, ...] = ()


def parse(text: str, *, one_sided: bool = False) -> Parsed:
    """Read a formula; a one-sided one has no response.

    Raises
    ------
    InputError
        With the place in the text, for whatever is no formula or has a meaning by accident only.

    Examples
    --------
    >>> parsed = parse("y ~ x + (1 + x || school/class) + offset(log(e))")
    >>> [(g.label, bar.independent) for bar in parsed.bars for g in bar.groups], len(parsed.fixed), len(parsed.offsets)
    ([('class:school', True), ('school', True)], 1, 1)
    """
    nodes = nest(text, tokenize(text))
    tildes = [i for i, node in enumerate(nodes) if is_sign(node, "~")]
    if not nodes or not tildes:
        refuse(text, 0, len(text), "a formula needs ~ between the response and the terms, as in y ~ x + (1 | g)")
    tilde = nodes[tildes[0]]
    if len(tildes) > 1:
        refuse(text, *span(nodes[tildes[1] : tildes[1] + 1]), "a formula has one ~")
    response, right = nodes[: tildes[0]], nodes[tildes[0] + 1 :]
    if one_sided and response:
        refuse(text, *span(response), "nothing stands before ~ in the formula of a parameter")
    if not response and not one_sided:
        refuse(text, tilde.start, tilde.end, "the response is missing before ~")
    if not right:
        refuse(text, tilde.start, tilde.end, "nothing follows ~: write 1 for an intercept alone")
    fixed: list[tuple[str, Nodes]] = []
    bars: list[Bar] = []
    offsets: list[Nodes] = []
    smooths: list[Group] = []
    for sign, piece in _pieces(text, right):
        if (bar := _bar(text, piece)) is not None:
            if sign == "-":
                refuse(text, *span(piece), "a random term is added, not subtracted: leave it out")
            bars.append(bar)
        elif isinstance(piece[0], Group) and len(piece) == 1 and _is_call(piece[0], "offset"):
            if sign == "-":
                refuse(text, *span(piece), "an offset is added: write offset(-(...))")
            offsets.append(_inside(text, piece[0]))
        elif isinstance(piece[0], Group) and len(piece) == 1 and _is_call(piece[0], *SMOOTHS):
            if sign == "-":
                refuse(text, *span(piece), "a smooth term is added, not subtracted: leave it out")
            smooths.append(piece[0])
        else:
            check_terms(text, piece)
            fixed.append((sign, piece))
    return Parsed(text, response, tuple(fixed), tuple(bars), tuple(offsets), tuple(smooths))


# Sums ---------------------------------------------------------------------------------------------------------------


def signed(text: str, nodes: Nodes) -> Iterator[tuple[str, Nodes]]:
    """Terms of a sum with their signs.

    Raises
    ------
    InputError
        Where a term is missing.
    """
    sign, start = "+", 0
    for i, node in enumerate(nodes):
        if not is_sign(node, "+", "-"):
            continue
        if i > start:
            yield sign, nodes[start:i]
        elif i > 0:
            refuse(text, node.start, node.end, "a term is missing before this sign")
        assert isinstance(node, Token)
        sign, start = node.text, i + 1
    if start == len(nodes):
        place = span(nodes[-1:]) if nodes else (0, len(text))
        refuse(text, *place, "a term is missing after this sign" if nodes else "a term is missing")
    yield sign, nodes[start:]


def _pieces(text: str, nodes: Nodes) -> Iterator[tuple[str, Nodes]]:
    """Terms of the right side; brackets around sums that have random terms in them are opened."""
    for sign, piece in signed(text, nodes):
        only = piece[0] if len(piece) == 1 else None
        is_bracket = isinstance(only, Group) and only.function is None
        if isinstance(only, Group) and is_bracket and not _bars_in(only.inside) and _has_special(only):
            if sign == "-":
                refuse(text, only.start, only.end, "random terms, smooth terms and offsets are added, not subtracted")
            yield from _pieces(text, only.inside)
        else:
            yield sign, piece


def _has_special(group: Group) -> bool:
    """Whether random terms, smooth terms or offsets are somewhere in brackets."""
    return any(
        isinstance(node, Group)
        and (
            bool(_bars_in(node.inside))
            or _is_call(node, "offset", *SMOOTHS)
            or (node.function is None and _has_special(node))
        )
        for node in group.inside
    )


# Random terms -------------------------------------------------------------------------------------------------------


def _bars_in(nodes: Nodes) -> list[int]:
    return [i for i, node in enumerate(nodes) if is_sign(node, "|", "||")]


def _is_call(node: Node, *names: str) -> bool:
    return isinstance(node, Group) and node.function is not None and node.function.text in names


def _bar(text: str, piece: Nodes) -> Bar | None:
    """The random term that a piece of the sum is, or None."""
    only = piece[0]
    if len(piece) > 1 or not isinstance(only, Group) or only.opening.text != "(":
        return None
    at = _bars_in(only.inside)
    if not at:
        return None
    word = only.function.text if only.function else ""
    if word in SMOOTHS:
        refuse(text, only.start, only.end, f"a bar inside of {word}(...): a curve for each level is s(x, by=f)")
    if len(at) > 1:
        refuse(text, *span(only.inside[at[1] : at[1] + 1]), "a random term has one bar: (effects | group)")
    bar = only.inside[at[0]]
    effects, right = only.inside[: at[0]], only.inside[at[0] + 1 :]
    if not effects:
        refuse(text, bar.start, bar.end, "nothing stands before the bar: write (1 | group) for a random intercept")
    if not right:
        refuse(text, bar.start, bar.end, "no grouping factor follows the bar")
    independent = is_sign(bar, "||")
    if independent and word:
        refuse(text, bar.start, bar.end, f"|| is a covariance structure itself: write {word}(... | group)")
    for _, term in signed(text, effects):
        check_terms(text, term)
    return Bar(effects, tuple(_groups(text, right)), independent, word, only.start, only.end)


def _groups(text: str, nodes: Nodes) -> list[GroupPart]:
    """``a/b/c`` is ``c:(b:a), b:a, a``; ``a:b`` is itself."""
    only = nodes[0]
    if len(nodes) == 1 and isinstance(only, Group) and only.function is None and only.opening.text == "(":
        return _groups(text, _inside(text, only))
    slashes = [i for i, node in enumerate(nodes) if is_sign(node, "/")]
    if not slashes:
        return [_combination(text, nodes)]
    outer = _groups(text, _side(text, nodes, slashes[-1], nodes[: slashes[-1]]))
    inner = _groups(text, _side(text, nodes, slashes[-1], nodes[slashes[-1] + 1 :]))
    if len(inner) > 1:
        refuse(text, *span(nodes[slashes[-1] + 1 :]), "a nested factor follows /: write a/b/c without brackets")
    around = f"({outer[0].label})" if len(outer[0].parts) > 1 else outer[0].label
    inside = f"({inner[0].label})" if len(inner[0].parts) > 1 else inner[0].label
    return [GroupPart(f"{inside}:{around}", inner[0].parts + outer[0].parts), *outer]


def _combination(text: str, nodes: Nodes) -> GroupPart:
    """``a:b``, whose parts are names, calls, or brackets."""
    parts: list[Nodes] = []
    labels: list[str] = []
    start = 0
    for i in range(len(nodes) + 1):
        if i < len(nodes) and not is_sign(nodes[i]):
            continue
        if i < len(nodes) and not is_sign(nodes[i], ":"):
            node = nodes[i]
            assert isinstance(node, Token)
            advice = {
                "*": "write (... | g) + (... | h) + (... | g:h)",
                "+": "write (... | g) + (... | h)",
                "|": "a random term has one bar",
            }.get(node.text, "use :, / or a call such as interaction(g, h)")
            refuse(text, node.start, node.end, f"{node.text} makes no grouping factor: {advice}")
        part = _side(text, nodes, min(i, len(nodes) - 1), nodes[start:i])
        start = i + 1
        first = part[0]
        if (
            len(part) > 1
            or (isinstance(first, Token) and first.name is None)
            or (isinstance(first, Group) and first.opening.text != "(")
        ):
            refuse(text, *span(part), "a grouping factor is a column, or a call such as factor(k)")
        if isinstance(first, Group) and first.function is None:
            within = _groups(text, _inside(text, first))
            if len(within) > 1:
                refuse(text, first.start, first.end, "/ stands inside of a combination: write the factors one by one")
            parts += within[0].parts
            labels.append(f"({within[0].label})" if len(within[0].parts) > 1 else within[0].label)
        else:
            parts.append(part)
            labels.append(first.name or "" if isinstance(first, Token) else _plain(text, first))
    return GroupPart(":".join(labels), tuple(parts))


def _plain(text: str, node: Node) -> str:
    """The text of a call on one line."""
    return " ".join(text[node.start : node.end].split())


def _side(text: str, nodes: Nodes, at: int, side: Nodes) -> Nodes:
    if not side:
        refuse(text, *span(nodes[at : at + 1]), "a grouping factor is missing beside this sign")
    return side


def _inside(text: str, group: Group) -> Nodes:
    if not group.inside:
        refuse(text, group.start, group.end, "nothing stands between these brackets")
    return group.inside


# Fixed terms --------------------------------------------------------------------------------------------------------


def check_terms(text: str, nodes: Nodes) -> int:
    """Check a term such as ``a*b``, ``(a + b)^2``, ``log(x):f``; the number of terms that it has at most."""
    count, base, sign = 0, 0, "+"
    for i, node in enumerate(nodes):
        if i % 2:
            if is_sign(node, "|", "||"):
                refuse(text, node.start, node.end, "random terms need brackets around them: (effects | group)")
            if not is_sign(node, "*", "/", ":", "^", "**", "%in%"):
                problem = "is not for terms" if is_sign(node) else "stands beside a term without a sign between"
                shown_text = text[node.start : node.end]
                refuse(text, node.start, node.end, f"{shown_text} {problem}; put arithmetic into I(...)")
            assert isinstance(node, Token)
            sign = node.text
            continue
        if sign in ("^", "**"):
            base = _power(text, node, base)
            count = base
        else:
            base = _operand(text, node)
            count = base if i == 0 else count * base + (count + base if sign == "*" else count)
        if count > MOST_TERMS:
            refuse(text, *span(nodes), f"this has more than {MOST_TERMS} interactions")
    if len(nodes) % 2 == 0:
        refuse(text, *span(nodes[-1:]), "a term is missing after this sign")
    return count


def exponent(node: Node) -> int | None:
    """The number of ``(a + b)^2``; None for what is no small whole number."""
    if isinstance(node, Token) and node.kind == "number" and node.text.isdigit() and len(node.text) < 4:
        return int(node.text) or None
    return None


def _power(text: str, node: Node, base: int) -> int:
    most = exponent(node)
    if most is None:
        refuse(text, node.start, node.end, "a power of terms is a whole number, as in (a + b)^2; x squared is I(x^2)")
    if base ** min(most, 20) > 50 * MOST_TERMS:
        refuse(text, node.start, node.end, "this power has too many interactions: write a smaller one")
    return sum(comb(base, k) for k in range(1, min(most, base) + 1))


def _operand(text: str, node: Node) -> int:
    """Check a name, a call, 0, 1, or a bracket; the number of its terms."""
    if isinstance(node, Token):
        if node.kind == "number" and node.text not in ("0", "1"):
            refuse(text, node.start, node.end, "only 0 and 1 are terms; put arithmetic into I(...), as in I(2 * x)")
        if node.kind == "text" or node.kind == "sign":
            refuse(text, node.start, node.end, f"{node.text} stands where a term belongs")
        return 1
    if node.opening.text != "(":
        refuse(text, node.start, node.end, "square brackets are for lists inside of calls")
    if _bars_in(node.inside) and node.function is None:
        refuse(text, node.start, node.end, "a random term is added to the others, and enters no products")
    if node.function is not None:
        if node.function.text == "offset":
            refuse(text, node.start, node.end, "an offset is added to the terms, and enters no products")
        if node.function.text in SMOOTHS:
            advice = "a smooth term is added to the others, and enters no products, bars or calls; by= multiplies it"
            refuse(text, node.start, node.end, advice)
        if node.function.text in OTHERS:
            refuse(text, node.start, node.end, f"there is no {node.function.text}: {OTHERS[node.function.text]}")
        if _bars_in(node.inside):
            refuse(text, node.start, node.end, "a bar inside of a call, or a random term in a product")
        return 1
    if _has_special(node):
        refuse(text, node.start, node.end, "random terms, smooth terms and offsets are added, and enter no products")
    return sum(check_terms(text, term) for _, term in signed(text, _inside(text, node)))


def names_in(nodes: Sequence[Node]) -> Iterator[str]:
    """Names of all variables in a formula's part, in order; the dot is none."""
    for node in nodes:
        if isinstance(node, Group):
            yield from names_in(node.inside)
        elif node.name is not None and node.text != ".":
            yield node.name
