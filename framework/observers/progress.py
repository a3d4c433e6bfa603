"""A progress line for long fits, in terminals and notebooks, drawn by rich."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.status import Status

from ..contracts import Evaluated, Event, FitFinished, FitStarted, Observer, PhaseStarted


class Progress(Observer):
    """Shows phase, evaluations and criterion once a fit has run for `delay` seconds; clears itself at the end.

    Parameters
    ----------
    delay : float, default 1.0
        Shorter fits show nothing.
    console : rich.console.Console, optional
        By default standard error; nothing is drawn where that is no terminal or notebook.
    """

    def __init__(self, delay: float = 1.0, console: Any = None) -> None:
        self.delay = delay
        self.console: Console = Console(stderr=True) if console is None else console
        self._status: Status | None = None
        self._began = 0.0
        self._fit, self._phase = "", ""

    def notify(self, event: Event) -> None:
        """Draw on `Evaluated`; clear on `FitFinished`."""
        if isinstance(event, FitStarted):
            self._began = time.perf_counter()
            self._fit = f"{event.kind}, {event.n_obs} observations, {event.backend}, {event.optimizer}"
        elif isinstance(event, PhaseStarted):
            self._phase = event.name
        elif isinstance(event, Evaluated):
            elapsed = time.perf_counter() - self._began
            if self._status is None and elapsed > self.delay:
                self._status = self.console.status("")
                self._status.start()
            if self._status is not None:
                self._status.update(
                    f"{self._fit}: {self._phase}, evaluation {event.count}, criterion {event.value:.6f}, "
                    f"{elapsed:.1f} s"
                )
        elif isinstance(event, FitFinished):
            self.close()

    def close(self) -> None:
        """Clear the line, also after an error."""
        if self._status is not None:
            self._status.stop()
            self._status = None
