"""Contract of observers: progress displays, traces, logs. They watch fits and cannot change them."""

from __future__ import annotations

from dataclasses import dataclass

from .arrays import FloatArray


@dataclass(frozen=True)
class FitStarted:
    """A fit begins: its kind ("lmm" or "glmm"), sizes, and the names of its plugins."""

    kind: str
    n_obs: int
    n_fixed: int
    n_random: int
    n_parameters: int
    backend: str
    optimizer: str


@dataclass(frozen=True)
class PhaseStarted:
    """A phase of a fit begins: "cross-products", "symbolic", "search", "inference" ..."""

    name: str


@dataclass(frozen=True, eq=False)
class Evaluated:
    """The criterion was evaluated. `gradient` is None for a value alone."""

    count: int
    parameters: FloatArray
    value: float
    gradient: FloatArray | None
    seconds: float


@dataclass(frozen=True)
class FitFinished:
    """A fit ended, with the certificate's verdict."""

    converged: bool
    value: float
    n_evaluations: int
    seconds: float


@dataclass(frozen=True)
class Advanced:
    """Work of many fits went on, a bootstrap for example: `done` of `total` are ready, `failed` of them without one."""

    work: str
    done: int
    total: int
    failed: int
    seconds: float


Event = FitStarted | PhaseStarted | Evaluated | FitFinished | Advanced


class Observer:
    """Receives the events of a fit, and does nothing with them unless `notify` is overridden.

    Examples
    --------
    >>> from ranef.contracts import FitFinished, Observer
    >>> class Report(Observer):
    ...     def notify(self, event):
    ...         if isinstance(event, FitFinished):
    ...             print(f"{event.n_evaluations} evaluations, criterion {event.value:.3f}")
    >>> Report().notify(FitFinished(converged=True, value=1743.628, n_evaluations=9, seconds=0.002))
    9 evaluations, criterion 1743.628
    """

    def notify(self, event: Event) -> None:
        """Take notice of one event. An exception here removes the observer from the fit, with a `PluginWarning`."""

    def close(self) -> None:
        """The fit is over, after `FitFinished` or after an error: release what was taken."""
