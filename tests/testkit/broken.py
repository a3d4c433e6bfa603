"""Which laws a plugin breaks."""

from __future__ import annotations

from collections.abc import Iterable

from ranef.testkit import Check, LawBroken


def broken_laws(checks: Iterable[Check]) -> dict[str, str]:
    """Name of every law that is broken, with the message."""
    broken = {}
    for check in checks:
        try:
            check.run()
        except LawBroken as error:
            broken[check.name] = str(error)
    return broken
