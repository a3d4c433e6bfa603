"""Which laws a plugin of a kind has to obey."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

from ..registry import AnyKind, kind_of
from .check import Check


def checks_of(kind: str | AnyKind) -> Callable[..., Iterator[Check]]:
    """What gives the checks of a plugin of that kind: `family_checks` for "family", and so on.

    Examples
    --------
    >>> from ranef import registry
    >>> from ranef.testkit import checks_of
    >>> for check in checks_of("link")(registry.link("probit")[0]):
    ...     check.run()
    """
    module, _, name = kind_of(kind).checks.partition(":")
    checks: Callable[..., Iterator[Check]] = getattr(import_module(f".{module}", __package__), name)
    return checks
