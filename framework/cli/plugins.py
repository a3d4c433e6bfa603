"""`ranef plugins`: what is installed, where it comes from, and why it does not work."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from .. import registry
from .table import fitted


@click.command()
@click.option("--kind", type=click.Choice(list(registry.WORDS)), help="Only plugins of this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the version of the contracts too.")
def plugins(kind: str | None, as_json: bool) -> None:
    """List all plugins, with their state and the reason where it is not "ready".

    RANEF_PLUGINS=off in the environment runs with built-ins only.
    """
    infos = registry.entries(kind)
    if as_json:
        click.echo(json.dumps([asdict(info) for info in infos], indent=2))
        return
    click.echo(fitted(map(line, infos), ("name", "kind", "from", "state", "what it is, or why it is not ready")))


def line(info: registry.PluginInfo) -> tuple[str, ...]:
    """Name, kind, distribution, state, and the summary with abilities or the reason."""
    abilities = f" ({', '.join(info.abilities)})" if info.abilities else ""
    source = f"{info.distribution} {info.version}".rstrip()
    return info.name, info.kind, source, info.state, info.reason or f"{info.summary}{abilities}"
