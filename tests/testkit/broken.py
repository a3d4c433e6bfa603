"""Which laws a plugin breaks, and which are not looked at."""

from __future__ import annotations

from collections.abc import Iterable

from ranef.testkit import Check, LawBroken, LawSkipped


def broken_laws(checks: Iterable[Check]) -> dict[str, str]:
    """Name of every law that is broken, with the message."""
    broken = {}
    for check in checks:
        try:
            check.run()
        except LawBroken as error:
            broken[check.name] = str(error)
        except LawSkipped:
            continue  # one that it builds on is broken
    return broken


def skipped_laws(checks: Iterable[Check]) -> dict[str, str]:
    """Name of every law that is not looked at, with the reason."""
    skipped = {}
    for check in checks:
        try:
            check.run()
        except LawBroken:
            continue
        except LawSkipped as error:
            skipped[check.name] = str(error)
    return skipped
