"""Built-in observers of fits, registered through the same hook as everybody's: "progress" and "trace"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..contracts import Observer, ObserverEntry, hookimpl
from .trace import Trace

__all__ = ["Trace"]


def _progress(**options: Any) -> Observer:
    from .progress import Progress

    return Progress(**options)


@hookimpl
def ranef_observers() -> Iterator[ObserverEntry]:
    """The observers."""
    yield ObserverEntry(
        "progress",
        "A line that shows the criterion while a fit runs; silent when the fit is short",
        _progress,
        requires=("rich",),
        install_hint='pip install "ranef[progress]"',
    )
    yield ObserverEntry("trace", "Records parameters, criterion, gradient norm and time of each evaluation", Trace)
