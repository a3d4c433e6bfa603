"""The example family, for ranef."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ranef.contracts import FamilyEntry, hookimpl


def make(**options: Any) -> Any:
    """Imports on first use."""
    from .family import Example

    return Example(**options)


@hookimpl
def ranef_families() -> Iterator[FamilyEntry]:
    """What this distribution adds."""
    yield FamilyEntry(
        "example",
        "The example family",
        make,
        api_version="0.9",
    )
