"""The command `ranef`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from .. import registry
from ..contracts import RanefError, RanefWarning
from .bench import bench
from .check import check
from .demo import demo
from .doctor import doctor
from .fit import fit
from .new_plugin import new_plugin
from .plugins import plugins
from .predict import predict, simulate
from .show import show


class _Commands(click.Group):
    """A group whose commands end with a message, not with a traceback, where ranef raised the error on purpose.

    Warnings of ranef are messages too: the line of code that gave one says nothing to who typed a command.
    """

    def invoke(self, ctx: click.Context) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = partial(_show, warnings.showwarning)
            try:
                return super().invoke(ctx)
            except RanefError as error:
                raise click.ClickException(str(error)) from error


def _show(otherwise: Callable[..., None], message: Warning | str, *arguments: Any, **others: Any) -> None:
    if isinstance(message, RanefWarning):
        click.echo(f"Warning: {message}", err=True)
    else:
        otherwise(message, *arguments, **others)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ranef")
@click.option("--built-ins-only", is_flag=True, help="Leave plugins of other distributions out, as RANEF_PLUGINS=off.")
@click.pass_context
def main(context: click.Context, built_ins_only: bool) -> None:
    """Linear and generalized linear mixed models, with swappable backends, optimizers and families."""
    if built_ins_only:
        context.with_resource(registry.built_ins_only())


for command in (fit, show, predict, simulate, demo, bench, plugins, check, new_plugin, doctor):
    main.add_command(command)

__all__ = ["main"]
