"""Which plugin a name means."""

from __future__ import annotations

import difflib
import re
import warnings
from typing import Any

from ..contracts import InputError, NameConflictWarning, PluginError, PluginNotFoundError
from .kinds import KINDS, Entry, Kind, Product
from .records import Candidate, Found, canonical
from .validation import keeper


def resolve(found: Found, kind: Kind[Entry, Product], asked: str) -> Candidate[Entry, Product]:
    """The candidate meant by ``"name"`` or ``"distribution:name"``, or an error that says what to do."""
    distribution, _, name = asked.rpartition(":")
    matches = [
        c
        for c in found.of(kind)
        if name in c.names and (not distribution or canonical(distribution) == canonical(c.source.distribution))
    ]
    usable = [c for c in matches if c.state != "refused"]
    if len(usable) == 1:
        return usable[0]
    if keeps := keeper(usable):
        _warn_of_rivals(keeps, [c for c in usable if c is not keeps], name)
        return keeps
    if len({c.source.distribution for c in usable}) > 1:
        ways = [repr(f"{c.source.distribution}:{name}") for c in usable]
        raise PluginError(
            f"{kind.text} {name!r} comes from {', '.join(c.source.text for c in usable)}: "
            f"choose one by writing {' or '.join(ways)}"
        )
    if usable:
        raise PluginError(f"{usable[0].source.text} gives {len(usable)} plugins of kind {kind.name} the name {name!r}")
    if matches:
        raise PluginError(f"{matches[0].text} is refused: {matches[0].reason}")
    for f in found.failures:
        if f.concerns(kind) and name == f.source.name and distribution in ("", f.source.distribution):
            raise PluginError(f"entry point {name!r} of {f.source.text}: {f.state}: {f.reason}")
    raise PluginNotFoundError(_not_found(found, kind, asked))


def with_link(family: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and options of ``"poisson(log)"`` or ``"binomial(link='probit')"``, as R prints families.

    Examples
    --------
    >>> with_link("student_t(link = 'log')", {"df": 4.0})
    ('student_t', {'df': 4.0, 'link': 'log'})
    """
    pattern = r"\s*([^()]+?)\s*\(\s*(?:link\s*=\s*)?[\"']?([\w:.-]+)[\"']?\s*\)\s*"
    found = re.fullmatch(pattern, str(family))  # what is no name at all is refused by the look-up
    if not found:
        return family, options
    if options.get("link") is not None:
        raise InputError(f"family {family!r} has its link, and link={options['link']!r} is another: leave one out")
    return found[1], options | {"link": found[2]}


def unique_name(candidate: Candidate[Any, Any]) -> str:
    """The plain name where that finds it, else the one with its distribution."""
    return candidate.qualified_name if candidate.state == "conflict" else candidate.entry.name


def did_you_mean(asked: str, names: list[str]) -> str:
    """The closest one of some names, as the end of a message; "" where none is close."""
    close = difflib.get_close_matches(asked.lower(), names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _warn_of_rivals(keeps: Candidate[Any, Any], rivals: list[Candidate[Entry, Product]], name: str) -> None:
    """A plugin that is installed by the way must not change what ranef's own names mean, nor break them."""
    ways = [repr(f"{c.source.distribution}:{name}") for c in rivals]
    warnings.warn(
        f"{keeps.kind.text} {name!r} is ranef's own and of {', '.join(c.source.text for c in rivals)}; ranef's own "
        f"was taken, as where nothing else is installed: write {' or '.join(ways)} for the other",
        NameConflictWarning,
        stacklevel=2,
    )


def _not_found(found: Found, kind: Kind[Entry, Product], asked: str) -> str:
    """What there is, what comes close, what would be there after an install, and what failed."""
    candidates = found.of(kind)
    names = sorted({c.entry.name for c in candidates if c.state in ("ready", "conflict")})
    aliases = [alias for c in candidates for alias in c.entry.aliases]
    lines = [
        f"there is no {kind.text} {asked!r}{did_you_mean(asked, names + aliases)}",
        f"there is: {', '.join(names) or 'none'}",
    ]
    others = [other for other in KINDS.values() if other is not kind]
    elsewhere = [other.text for other in others if any(asked in c.names for c in found.of(other))]
    if elsewhere:
        lines.append(f"{asked!r} is a {', '.join(elsewhere)}")
    lines += [f"after an install: {c.entry.name} ({c.reason})" for c in candidates if c.state == "missing dependency"]
    lines += [f"refused: {c.entry.name} of {c.source.text} ({c.reason})" for c in candidates if c.state == "refused"]
    lines += [f"{f.state}: {f.source.name} of {f.source.text} ({f.reason})" for f in found.failures if f.concerns(kind)]
    return "\n  ".join(lines)
