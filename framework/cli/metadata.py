"""What the metadata of the installed ranef say: what it needs, and where it came from."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Where ranef is, as long as neither its metadata nor its installation say so.
UNKNOWN = "git+https://example.org/ranef.git"


@dataclass(frozen=True)
class Requirement:
    """A distribution that ranef needs: its bounds (">=1.26"), and the extra that brings it ("" for the core)."""

    name: str
    bounds: str
    extra: str


def requirements() -> Iterator[Requirement]:
    """All distributions that ranef's metadata ask for, extras included (of ranef itself, too)."""
    for line in importlib.metadata.requires("ranef") or ():
        text, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"]([\w-]+)", marker)
        if found := re.match(r"([\w.-]+)(?:\[[^]]*\])?\s*([^\[\s]*)\s*$", text):
            yield Requirement(found[1], found[2], extra[1] if extra else "")


def bounds_of(name: str) -> str:
    """The bounds that ranef puts on a distribution.

    Examples
    --------
    >>> bounds_of("click").startswith(">=")
    True
    """
    return next(requirement.bounds for requirement in requirements() if requirement.name == name)


def own_bounds() -> str:
    """Bounds on ranef for what is written with this version of it: from here to the next major version."""
    major, minor = importlib.metadata.version("ranef").split(".")[:2]
    return f">={major}.{minor},<{int(major) + 1}"


def python_bounds() -> str:
    """The versions of Python that ranef runs on."""
    return str(importlib.metadata.metadata("ranef")["Requires-Python"])


def whereabouts() -> str:
    """What pip installs ranef from: the repository that it was installed from, or that its metadata name."""
    installed = json.loads(importlib.metadata.distribution("ranef").read_text("direct_url.json") or "{}")
    if version_control := installed.get("vcs_info"):
        return f"{version_control['vcs']}+{installed['url']}"
    urls = importlib.metadata.metadata("ranef").get_all("Project-URL") or []
    named = dict(re.split(r"\s*,\s*", url, maxsplit=1) for url in urls)
    return next((f"git+{named[label]}" for label in ("Repository", "Source") if label in named), UNKNOWN)
