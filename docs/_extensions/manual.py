"""What the manual asks of itself: pages in the contents, public names in the reference, nothing from the network."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

from sphinx.errors import ExtensionError
from sphinx.util import logging

HOME = Path(__file__).resolve().parents[2]
PUBLIC = HOME / "tests" / "public_api.txt"
#: Public modules that public_api.txt has no lines for.
MORE = ("ranef.plots", "ranef.testkit", "ranef.families")
#: In guide.md, where pages stand that no table of contents names.
REST = "% other pages"

logger = logging.getLogger(__name__)


def pages_without_a_place() -> list[str]:
    """Pages of docs/ that stand in no table of contents, by name."""
    docs = HOME / "docs"
    lines = {line.strip() for page in docs.glob("*.md") for line in page.read_text(encoding="utf-8").splitlines()}
    named = lines | {line.partition("<")[2].rstrip(">") for line in lines}
    return sorted(page.stem for page in docs.glob("*.md") if page.stem not in named | {"index"})


def give_the_rest_a_place(app: Any, docname: str, source: list[str]) -> None:
    """Name pages without a place at the end of the guide's contents."""
    if docname == "guide":
        rest = pages_without_a_place()
        contents = "```{toctree}\n:caption: More\n" + "\n".join(rest) + "\n```" if rest else ""
        source[0] = source[0].replace(REST, contents)


def public_names() -> list[str]:
    """Full names of all that is public, of attributes as well."""
    lines = PUBLIC.read_text(encoding="utf-8")
    names = re.findall(r"^(?:class )?(ranef(?:\.(?:__version__|(?!_)\w+))+)\b(?!\.|: module$)", lines, re.MULTILINE)
    return names + [f"{module}.{name}" for module in MORE for name in import_module(module).__all__]


def is_described(name: str, entries: set[str]) -> bool:
    """Whether the reference has an entry for the name, or its class (or that under another name) describes it."""
    if name in entries:
        return True
    owner, _, member = name.rpartition(".")
    module, _, cls = owner.rpartition(".")
    if module and inspect.isclass(thing := getattr(import_module(module), cls, None)):
        same = {entry for entry in entries if entry.endswith(f".{cls}.{member}")}
        documents = "\n".join(inspect.getdoc(c) or "" for c in thing.__mro__ if c.__module__.startswith("ranef"))
        return bool(same) or bool(re.search(rf"^[\w, ]*\b{member}\b[\w, ]* : ", documents, re.MULTILINE))
    return any(entry.endswith(f".{member}") and resolve(entry) is resolve(name) for entry in entries)


def resolve(name: str) -> Any:
    """What a full name of a module's attribute stands for."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError):
        return None


def look_for_public_names(app: Any, env: Any) -> None:
    """Warn of public names without an entry; warnings are errors in `make docs`."""
    entries = set(env.get_domain("py").objects)
    for name in public_names():
        if not is_described(name, entries):
            logger.warning("%s is public, and docs/api has no entry for it", name)


def look_for_the_network(app: Any, exception: Exception | None) -> None:
    """Refuse pages that load anything from elsewhere: the site is read without a network, and tells nobody."""
    if exception is None and app.builder.format == "html":
        asks = re.compile(
            r"""<(?:script|img|iframe)[^>]*\ssrc="(?:https?:)?//|<link(?![^>]*canonical)[^>]*\shref="(?:https?:)?//"""
        )
        pages = [page for page in Path(app.outdir).rglob("*.html") if asks.search(page.read_text(encoding="utf-8"))]
        if pages:
            raise ExtensionError(f"these pages load something from the network: {', '.join(map(str, pages))}")


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("source-read", give_the_rest_a_place)
    app.connect("env-check-consistency", look_for_public_names)
    app.connect("build-finished", look_for_the_network)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
