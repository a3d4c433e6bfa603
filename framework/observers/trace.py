"""A record of every evaluation of a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contracts import Evaluated, Event, FitStarted, Observer, PhaseStarted
from ..contracts.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Record:
    """One evaluation: phase of the fit, parameters as the search sees them (scaled), value, gradient norm, seconds."""

    phase: str
    parameters: FloatArray
    value: float
    gradient_norm: float
    seconds: float


class Trace(Observer):
    """Keeps a `Record` of each evaluation of the last fit it watched; `ranef.plots.trace` draws them.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> from ranef.observers import Trace
    >>> d, trace = ranef.datasets.load("dyestuff"), Trace()
    >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, callbacks=trace)
    >>> len(trace.records) == fit.n_evaluations
    True
    >>> bool(abs(min(trace.values) - (-2 * fit.log_likelihood - np.log(30))) < 1e-6)
    True
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._phase = ""

    def notify(self, event: Event) -> None:
        """Start anew at `FitStarted`; record each `Evaluated`."""
        if isinstance(event, FitStarted):
            self.records = []
        elif isinstance(event, PhaseStarted):
            self._phase = event.name
        elif isinstance(event, Evaluated):
            norm = float("nan") if event.gradient is None else float(np.abs(event.gradient).max(initial=0.0))
            self.records.append(Record(self._phase, event.parameters, event.value, norm, event.seconds))

    @property
    def values(self) -> FloatArray:
        """The criterion at each evaluation (for REML up to a constant of X)."""
        return np.array([r.value for r in self.records])
