"""`ranef check`: the laws of the test kit, applied to an installed plugin."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import click

from .. import registry, testkit
from ..contracts import InputError, PluginNotFoundError
from .table import fitted


@dataclass(frozen=True)
class Outcome:
    """A law, and whether the plugin obeys it; it was not looked at where one that it builds on is broken."""

    name: str
    law: str
    passed: bool
    skipped: bool
    message: str


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(list(registry.WORDS)), help="Where plugins of several kinds have the name.")
@click.option("--link", metavar="NAME", help="Link to check a family with; default its own.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the text of every law.")
def check(name: str, kind: str | None, link: str | None, as_json: bool) -> None:
    """Apply the laws of its kind to the plugin NAME, and list what it passes and what it fails.

    The exit code is 1 where a law is broken.

    \b
    ranef check gamma --link inverse
    ranef check my-distribution:my-backend --kind linalg
    """  # noqa: D301 (click reads the character \b)
    having = registry.kind_of(kind) if kind else kind_having(name)
    if link is not None and having.name != "family":
        raise click.UsageError(f"--link is for families; {name} is a {having.text}")
    plugin, provenance = registry.find(having, name, **({"link": link} if link else {}))
    outcomes = list(apply(testkit.checks_of(having)(plugin, name=provenance.name)))
    broken = [outcome for outcome in outcomes if not outcome.passed]
    if as_json:
        report = {"plugin": asdict(provenance), "passed": not broken, "laws": [asdict(o) for o in outcomes]}
        click.echo(json.dumps(report, indent=2))
    else:
        click.echo(f"{provenance}\n\n{table_of(outcomes)}\n\n{count_of(outcomes)}")
    if broken:
        raise SystemExit(1)


def table_of(outcomes: Iterable[Outcome]) -> str:
    """A line for each law that was looked at, what is broken first."""
    rows = [
        ("passed" if o.passed else "FAILED", o.name, o.message or o.law)
        for o in sorted(outcomes, key=lambda o: o.passed)
        if not o.skipped
    ]
    return fitted(rows, ("", "law", "what it says, or how it is broken"))


def count_of(outcomes: Sequence[Outcome]) -> str:
    """How many laws were passed, and how many not looked at."""
    passed, skipped = (sum(getattr(o, state) for o in outcomes) for state in ("passed", "skipped"))
    others = f"; {skipped} were not looked at, because they build on what is broken" if skipped else ""
    return f"{passed} of {len(outcomes)} laws passed{others}"


def kind_having(name: str) -> registry.AnyKind:
    """The one kind that has a plugin of that name."""
    plain = name.rpartition(":")[2]
    having = [
        kind
        for kind in registry.KINDS.values()
        if any(plain == info.name or f"alias {plain}" in info.abilities for info in registry.entries(kind))
    ]
    if len(having) > 1:
        ways = " or ".join(kind.name for kind in having)
        raise InputError(f"{name!r} is the name of plugins of several kinds: choose by --kind {ways}")
    if not having:
        raise PluginNotFoundError("\n  ".join([f"there is no plugin {name!r} that has laws", *why_not(name)]))
    return having[0]


def why_not(name: str) -> Iterator[str]:
    """Entry points that gave nothing, with the reason: those of the plugin's own name alone, where there are any."""
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
            yield Outcome(law.name, law.law, False, False, str(error).removeprefix(f"{law.name}: "))
        except testkit.LawSkipped as error:
            yield Outcome(law.name, law.law, False, True, str(error))
        else:
            yield Outcome(law.name, law.law, True, False, "")
