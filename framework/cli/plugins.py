"""`ranef plugins`: what is installed, where it comes from, and why it does not work."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from tabulate import tabulate

from .. import registry

COLUMNS = {
    "name": "name",
    "kind": "kind",
    "distribution": "distribution",
    "version": "version",
    "api_version": "api",
    "abilities": "abilities",
    "state": "state",
    "reason": "why",
}
WIDEST = {"abilities": 34, "reason": 60}


@click.command()
@click.option("--kind", type=click.Choice(list(registry.KINDS)), help="Only plugins of this kind.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the summary of every plugin.")
def plugins(kind: registry.Kind | None, as_json: bool) -> None:
    """List all plugins, with their state and the reason where it is not "ready".

    RANEF_PLUGINS=off in the environment runs with built-ins only.
    """
    infos = registry.entries(kind)
    if as_json:
        click.echo(json.dumps([asdict(info) for info in infos], indent=2))
        return
    rows = [asdict(info) | {"abilities": ", ".join(info.abilities)} for info in infos]
    # columns without content are left out: on most machines nothing is wrong, so there is no "why"
    shown = [column for column in COLUMNS if any(row[column] for row in rows)]
    click.echo(
        tabulate(
            [[row[column] for column in shown] for row in rows],
            headers=[COLUMNS[column] for column in shown],
            maxcolwidths=[WIDEST.get(column) for column in shown] if rows else None,
            disable_numparse=True,
        )
    )
