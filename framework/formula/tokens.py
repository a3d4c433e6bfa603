"""The text of a formula as tokens and nested brackets; errors mark the place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Never

from ..contracts.errors import InputError, InputTypeError, shown

#: Longest formula and deepest nesting that are read.
LONGEST, DEEPEST = 10_000, 30

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    |(?P<quoted>`[^`]+`)
    |(?P<text>"[^"\\\n]*"|'[^'\\\n]*')
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?L?(?!\w))
    |(?P<name>(?:[^\W\d]|\.(?!\d))[\w.]*)
    |(?P<sign>\|\||\*\*|%[^%\s]*%|[<>=!]=|[-+*/:^|~<>=,])
    |(?P<open>[(\[])
    |(?P<close>[)\]])""",
    re.VERBOSE,
)


def refuse(text: str, start: int, end: int, problem: str) -> Never:
    """Raise an `InputError` that shows the formula with the place marked.

    Examples
    --------
    >>> refuse("y ~ x +", 6, 7, "nothing follows +")
    Traceback (most recent call last):
        ...
    ranef.contracts.errors.InputError: nothing follows +
      y ~ x +
            ^
    """
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    line = text[first : len(text) if last < 0 else last]
    marks = "^" * max(1, min(end, first + len(line)) - start)
    if len(line) > 110:
        at = max(0, start - first - 50)
        line, first = line[at : at + 110], first + at
    raise InputError(f"{problem}\n  {line}\n  {' ' * (start - first)}{marks[:110]}")


@dataclass(frozen=True)
class Token:
    """A piece of the text: `kind` is quoted, text, number, name, sign, open or close."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def name(self) -> str | None:
        """The name of a variable, without backticks; None for what is no name."""
        return self.text.strip("`") if self.kind in ("name", "quoted") else None


@dataclass(frozen=True)
class Group:
    """What stands between brackets; with `function` a call."""

    opening: Token
    inside: tuple[Node, ...]
    closing: Token
    function: Token | None = None

    @property
    def start(self) -> int:
        """Where it starts."""
        return (self.function or self.opening).start

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.closing.end


Node = Token | Group
Nodes = tuple[Node, ...]


def is_sign(node: Node, *signs: str) -> bool:
    """Whether a node is one of these signs (any sign where none is given)."""
    return isinstance(node, Token) and node.kind == "sign" and (not signs or node.text in signs)


def tokenize(text: str) -> list[Token]:
    """Tokens with their places, blanks and line breaks left out.

    Examples
    --------
    >>> [token.text for token in tokenize("log(y) ~ `my x` + (1 | g)")]
    ['log', '(', 'y', ')', '~', '`my x`', '+', '(', '1', '|', 'g', ')']
    """
    if not isinstance(text, str):
        raise InputTypeError(f"a formula is a text such as 'y ~ x + (1 | g)'; got {shown(text)}")
    if len(text) > LONGEST:
        raise InputError(f"the formula has {len(text)} characters; at most {LONGEST} are read")
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            sign = text[at]
            hints = {"`": ": its second backtick is missing", '"': ": its end is missing", "'": ": its end is missing"}
            refuse(text, at, at + 1, f"{sign!r} has no meaning in a formula" + hints.get(sign, ""))
        if found.lastgroup != "blank":
            tokens.append(Token(str(found.lastgroup), found.group(), at, found.end()))
        at = found.end()
    return tokens


def nest(text: str, tokens: Sequence[Token]) -> Nodes:
    """Brackets and calls, nested.

    Raises
    ------
    InputError
        Where brackets do not match.
    """
    stack: list[tuple[Token | None, Token | None, list[Node]]] = [(None, None, [])]
    for token in tokens:
        nodes = stack[-1][2]
        if token.kind == "open":
            previous = nodes[-1] if nodes and token.text == "(" else None
            function = previous if isinstance(previous, Token) and previous.kind == "name" else None
            if function is not None:
                nodes.pop()
            stack.append((token, function, []))
            if len(stack) > DEEPEST:
                refuse(text, token.start, token.end, f"brackets are nested more than {DEEPEST} deep")
        elif token.kind == "close":
            opening, function, inside = stack.pop()
            if opening is None or opening.text + token.text not in ("()", "[]"):
                refuse(text, token.start, token.end, f"{token.text} closes no bracket")
            stack[-1][2].append(Group(opening, tuple(inside), token, function))
        else:
            nodes.append(token)
    opening = stack[-1][0]
    if opening is not None:
        refuse(text, opening.start, opening.end, f"{opening.text} is not closed")
    return tuple(stack[0][2])


def span(nodes: Sequence[Node]) -> tuple[int, int]:
    """Where a sequence of nodes starts and ends."""
    return nodes[0].start, nodes[-1].end
