"""The command `ranef`."""

from __future__ import annotations

from typing import Any

import click

from ..contracts import RanefError
from .bench import bench
from .check import check
from .demo import demo
from .doctor import doctor
from .fit import fit
from .new_plugin import new_plugin
from .plugins import plugins


class _Commands(click.Group):
    """A group whose commands end with a message, not with a traceback, where ranef raised the error on purpose."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RanefError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ranef")
def main() -> None:
    """Linear and generalized linear mixed models, with swappable backends, optimizers and families."""


for command in (fit, demo, bench, plugins, check, new_plugin, doctor):
    main.add_command(command)

__all__ = ["main"]
