"""Whether an entry is what its hook promises, and what is in the way of using it."""

from __future__ import annotations

import importlib.util
import re
from collections import defaultdict
from typing import Any

from ..contracts import API_VERSION, PluginError
from .kinds import Entry, Kind, Product
from .records import Candidate, Source


def candidate_of(kind: Kind[Entry, Product], entry: object, source: Source) -> Candidate[Entry, Product]:
    """The candidate for what a hook yielded."""
    if not isinstance(entry, kind.entry):
        raise PluginError(
            f"{source.text}: {kind.hook} must yield {kind.entry.__name__} objects; it yielded {type_of(entry)}"
        )
    names: tuple[object, ...] = (entry.name, *entry.aliases)
    for name in names:
        if not (isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name)):
            raise PluginError(
                f"{source.text}: {kind.hook} yielded the name {name!r}; "
                "names have lower case letters, digits, hyphens and underscores"
            )
    for attribute in ("requires", "aliases"):
        if isinstance(value := getattr(entry, attribute), str):
            raise PluginError(
                f"{source.text}: {kind.hook} yielded {entry.name!r} with {attribute}={value!r}; "
                f"expected a tuple: ({value!r},)"
            )
    if not callable(entry.make):
        raise PluginError(
            f"{source.text}: {kind.hook} yielded {entry.name!r} with make={entry.make!r}; "
            f"make must be a callable that returns a {kind.product.__name__}"
        )
    candidate = Candidate(kind, entry, source)
    if broken := _incompatible(str(entry.api_version)):
        candidate.state = "refused"
        candidate.reason = (
            f"written for version {entry.api_version} of ranef's contracts; this ranef has {API_VERSION}, and "
            f"{broken}: install a version of {source.distribution} for it"
        )
    elif missing := [module for module in entry.requires if not _installed(module)]:
        candidate.state = "missing dependency"
        candidate.reason = f"needs {', '.join(missing)}{hint(candidate)}"
    return candidate


def mark_conflicts(candidates: list[Candidate[Any, Any]]) -> None:
    """Two plugins of one kind with one name: neither can be had by the plain name, unless one is ranef's own."""
    named: dict[str, list[Candidate[Any, Any]]] = defaultdict(list)
    for c in candidates:
        if c.state != "refused":
            for name in c.names:
                named[name].append(c)
    for name, rivals in named.items():
        keeps = keeper(rivals)
        for c in rivals if len(rivals) > 1 else ():
            if c is not keeps:
                others = "ranef itself" if keeps else ", ".join(r.source.distribution for r in rivals if r is not c)
                why = f"{others} also gives {name!r}: choose with {c.source.distribution + ':' + name!r}"
                c.reason = f"{c.reason}; {why}" if c.reason else why
                if c.state == "ready":
                    c.state = "conflict"


def keeper(rivals: list[Candidate[Entry, Product]]) -> Candidate[Entry, Product] | None:
    """The one of several plugins with one name that has it, since it is ranef's own."""
    own = [c for c in rivals if c.source.is_built_in]
    return own[0] if len(own) == 1 else None


def hint(candidate: Candidate[Any, Any]) -> str:
    """What to install, as the end of a message."""
    return f": {candidate.entry.install_hint}" if candidate.entry.install_hint else ""


def type_of(thing: object) -> str:
    """What messages call something that is not what it should be."""
    return (
        f"the class {thing.__name__} itself" if isinstance(thing, type) else f"an object of type {type(thing).__name__}"
    )


def _incompatible(version: str, ours: str = API_VERSION) -> str:
    """Why what was written for a version of the contracts cannot be used with another one; "" where it can.

    Examples
    --------
    >>> _incompatible("1.0", "1.2"), _incompatible("0.8", "0.9")
    ('', 'before 1.0 no minor version takes what was written for another')
    """
    (major, minor), (our_major, our_minor) = (v.split(".")[:2] for v in (f"{version}.0", f"{ours}.0"))
    if major != our_major:
        return "no major version takes what was written for another"
    if major == "0" and minor != our_minor:
        return "before 1.0 no minor version takes what was written for another"
    return ""


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except ValueError:  # a module in sys.modules without a spec, or None there to block it
        return False
