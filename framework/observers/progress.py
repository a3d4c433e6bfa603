"""A progress line for long fits and a bar for work of many fits, in terminals and notebooks, drawn by rich."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.status import Status

from ..contracts import Advanced, Evaluated, Event, FitFinished, FitStarted, Observer, PhaseStarted


class Progress(Observer):
    """Shows phase, evaluations and criterion once a fit has run for `delay` seconds; clears itself at the end.

    Work of many fits, a bootstrap for example, has a bar with the time that is left.

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
        self._bar: Bar | None = None
        self._began = 0.0
        self._fit, self._phase = "", ""

    def notify(self, event: Event) -> None:
        """Draw on `Evaluated` and `Advanced`; clear on `FitFinished` and when all work is done."""
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
        elif isinstance(event, Advanced):
            self._advance(event)
        elif isinstance(event, FitFinished):
            self.close()

    def close(self) -> None:
        """Clear the line, also after an error."""
        for drawn in (self._status, self._bar):
            if drawn is not None:
                drawn.stop()
        self._status = self._bar = None

    def _advance(self, event: Advanced) -> None:
        if event.done >= event.total:
            self.close()
            return
        if self._bar is None and event.seconds > self.delay and (self.console.is_terminal or self.console.is_jupyter):
            self._bar = bar_of(self.console)
            self._bar.add_task(event.work)
            self._bar.start()
        if self._bar is not None:
            failed = f"{event.work}, {event.failed} failed" if event.failed else event.work
            self._bar.update(self._bar.task_ids[0], completed=event.done, total=event.total, description=failed)


def bar_of(console: Console) -> Bar:
    """Name, bar, how many of how many, time left; gone at the end."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Bar(*columns, console=console, transient=True)
