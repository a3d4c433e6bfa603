"""A record of every evaluation of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts import Evaluated, Event, FitStarted, MissingExtraError, Observer, PhaseStarted
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
    """Keeps a `Record` of each evaluation of the last fit it watched.

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

    def plot(self, ax: Any = None) -> Any:
        """Distance of the criterion to its best value against the evaluations, on a log scale.

        Parameters
        ----------
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingExtraError
            Without matplotlib.
        """
        if ax is None:
            try:
                import matplotlib.pyplot as plt
            except ImportError as e:
                raise MissingExtraError('Trace.plot needs matplotlib: pip install "ranef[plots]"') from e
            _, ax = plt.subplots()
        values = self.values
        above = values - values[np.isfinite(values)].min(initial=np.inf)
        for phase in dict.fromkeys(r.phase for r in self.records):
            at = [i for i, r in enumerate(self.records) if r.phase == phase]
            ax.semilogy(at, np.maximum(above[at], 1e-12), "o-", label=phase)
        ax.set_xlabel("evaluation")
        ax.set_ylabel("criterion above its best value")
        ax.legend()
        return ax
