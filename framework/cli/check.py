"""`ranef check`: the laws of the test kit, applied to an installed plugin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click
from tabulate import tabulate

from .. import registry, testkit
from ..contracts import InputError, PluginNotFoundError


@dataclass(frozen=True)
class Kit:
    """How a plugin of a kind is found, and what its laws are."""

    find: Callable[..., tuple[Any, registry.Provenance]]
    checks: Callable[[Any], Iterable[testkit.Check]]


KITS: dict[registry.Kind, Kit] = {
    "family": Kit(registry.family, testkit.family_checks),
    "link": Kit(registry.link, testkit.link_checks),
    "linalg": Kit(registry.linalg_backend, testkit.linalg_checks),
    "optimizer": Kit(registry.optimizer, testkit.optimizer_checks),
}


@dataclass(frozen=True)
class Outcome:
    """A law, and whether the plugin obeys it."""

    name: str
    law: str
    passed: bool
    message: str


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(list(KITS)), help="Where plugins of several kinds have the name.")
@click.option("--link", metavar="NAME", help="Link to check a family with; default its own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the text of every law.")
def check(name: str, kind: registry.Kind | None, link: str | None, as_json: bool) -> None:
    """Apply the laws of its kind to the plugin NAME, and list what it passes and what it fails.

    The exit code is 1 where a law is broken.

    \b
    ranef check gamma --link inverse
    ranef check my-distribution:my-backend --kind linalg
    """  # noqa: D301 (click reads the character \b)
    kind = kind or kind_of(name)
    if link is not None and kind != "family":
        raise click.UsageError(f"--link is for families; {name} is a {registry.KINDS[kind].text}")
    plugin, provenance = KITS[kind].find(name, **({"link": link} if link else {}))
    outcomes = list(apply(KITS[kind].checks(plugin)))
    broken = [outcome for outcome in outcomes if not outcome.passed]
    if as_json:
        report = {"plugin": asdict(provenance), "passed": not broken, "laws": [asdict(o) for o in outcomes]}
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo(f"{provenance}\n")
        rows = [("passed" if o.passed else "FAILED", o.name, o.message or o.law) for o in outcomes]
        headers = ("", "law", "what it says, or how it is broken")
        click.echo(tabulate(rows, headers=headers, maxcolwidths=[None, None, 70], disable_numparse=True))
        click.echo(f"\n{len(outcomes) - len(broken)} of {len(outcomes)} laws passed")
    if broken:
        raise SystemExit(1)


def kind_of(name: str) -> registry.Kind:
    """The one kind that has a plugin of that name."""
    plain = name.rpartition(":")[2]
    having: list[registry.Kind] = [
        kind
        for kind in KITS
        if any(plain == info.name or f"alias {plain}" in info.abilities for info in registry.entries(kind))
    ]
    if len(having) > 1:
        raise InputError(f"{name!r} is the name of plugins of several kinds: choose by --kind {' or '.join(having)}")
    if not having:
        raise PluginNotFoundError("\n  ".join([f"there is no plugin {name!r} that has laws", *why_not(name)]))
    return having[0]


def why_not(name: str) -> Iterator[str]:
    """What may have kept a plugin from being found: entry points that gave nothing, those of its own name alone if any."""
    silent = [info for info in registry.entries() if info.kind == "entry point"]
    mine = [i for i in silent if name in (i.name, i.distribution) or i.distribution == f"ranef-{name}"]
    for info in mine or silent:
        yield f"{info.state}: {info.name} of {info.distribution} {info.version}: {info.reason}"
    if not mine:
        yield "`ranef plugins` lists all there are"


def apply(checks: Iterable[testkit.Check]) -> Iterator[Outcome]:
    """Run all checks; what a law says of the first failure is its message."""
    for law in checks:
        try:
            law.run()
        except testkit.LawBroken as error:
            yield Outcome(law.name, law.law, False, str(error).removeprefix(f"{law.name}: "))
        else:
            yield Outcome(law.name, law.law, True, "")
