"""Laws of observers of fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..contracts import Advanced, Evaluated, Event, FitFinished, FitStarted, Observer, PhaseStarted
from .check import Check, LawBook, read_only, same_bits
from .plugin import Held, plugin_checks


def observer_checks(
    observer: Observer, *, name: str | None = None, expected_failures: Mapping[str, str] | None = None
) -> Iterator[Check]:
    """One check for every law that an observer has to obey.

    Parameters
    ----------
    observer : Observer
    name : str, optional
        Name of its entry.
    expected_failures : mapping, optional
        Names of laws that the observer is known to break, with the reason. Strict: they must be broken.

    Examples
    --------
    >>> from ranef import registry
    >>> from ranef.testkit import observer_checks
    >>> for check in observer_checks(registry.observer("trace")[0]):
    ...     check.run()
    """
    return plugin_checks(Held(observer, name), LAWS, observer, expected_failures)


def events() -> list[Event]:
    """The life of a fit, as an observer sees it, and work of many; nobody can write to its arrays."""
    x, gradient = read_only(np.array([0.9, 0.1]), np.array([1.0, -2.0]))
    return [
        FitStarted("lmm", 180, 2, 36, 2, "blocked", "trust-region"),
        PhaseStarted("search"),
        Evaluated(1, x, 1750.0, gradient, 0.001),
        Evaluated(2, x, np.inf, None, 0.001),
        PhaseStarted("inference"),
        FitFinished(True, 1743.6, 2, 0.01),
        Advanced("bootstrap", 100, 200, 1, 2.0),
        Advanced("bootstrap", 200, 200, 1, 4.0),
    ]


LAWS: LawBook[Observer] = LawBook()


@LAWS.law()
def every_event_is_taken(observer: Observer) -> None:
    """`notify` raises nothing, also at a value without gradient, and for one fit after the other."""
    for event in events() * 2:
        observer.notify(event)


@LAWS.law()
def close_can_come_at_any_time(observer: Observer) -> None:
    """`close` raises nothing before, in and after a fit, nor the second time; another fit can follow."""
    for end in range(len(events()) + 1):
        for event in events()[:end]:
            observer.notify(event)
        observer.close()
        observer.close()


@LAWS.law()
def events_are_not_changed(observer: Observer) -> None:
    """The arrays of an event may be read-only, and stay as they are."""
    seen = events()
    for event in seen:
        observer.notify(event)
    for event, before in zip(seen, events(), strict=True):
        if isinstance(event, Evaluated) and isinstance(before, Evaluated):
            same_bits("parameters", event.parameters, before.parameters)
