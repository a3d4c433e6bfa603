"""The built-in observers, and what they may not do to a fit."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

import ranef
from ranef.contracts import Evaluated, Event, FitFinished, FitStarted, Observer, PluginWarning
from ranef.observers import Trace
from ranef.observers.progress import Progress


def fit(**arguments: object) -> ranef.LMMSolution:
    d = ranef.datasets.load("penicillin")
    groups = {"plate": d["plate"], "sample": d["sample"]}
    return ranef.lmm(d["diameter"], np.ones((len(d["diameter"]), 1)), groups, **arguments)


class Listener(Observer):
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed = 0

    def notify(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed += 1


def test_a_fit_is_announced_from_start_to_finish() -> None:
    listener = Listener()
    solution = fit(callbacks=listener)
    starts = [e for e in listener.events if isinstance(e, FitStarted)]
    ends = [e for e in listener.events if isinstance(e, FitFinished)]
    assert [(e.kind, e.n_obs, e.n_fixed, e.n_random, e.n_parameters) for e in starts] == [("lmm", 144, 1, 30, 2)]
    assert [e.converged for e in ends] == [True]
    assert ends[0].value == pytest.approx(-2 * solution.log_likelihood)
    assert listener.closed == 1


def test_observers_are_closed_after_an_error() -> None:
    listener = Listener()
    with pytest.raises(ranef.contracts.InputError):
        fit(callbacks=listener, start=[1.0])
    assert listener.closed == 1


@pytest.mark.parametrize("method", ["notify", "close"])
def test_an_observer_that_raises_is_left_out(method: str) -> None:
    class Broken(Listener):
        pass

    def fail(*_: object) -> None:
        raise RuntimeError("out of paper")

    setattr(Broken, method, fail)
    healthy = Listener()
    with pytest.warns(PluginWarning, match="Broken raised RuntimeError: out of paper"):
        solution = fit(callbacks=[Broken(), healthy])
    assert solution.log_likelihood == fit().log_likelihood
    assert isinstance(healthy.events[-1], FitFinished)


def test_trace_records_every_evaluation_of_the_last_fit() -> None:
    trace = Trace()
    fit(callbacks=trace)
    solution = fit(callbacks=trace)
    assert len(trace.records) == solution.n_evaluations
    assert {r.phase for r in trace.records} == {"search"}
    best = trace.records[int(np.argmin(trace.values))]
    np.testing.assert_allclose(best.parameters, solution.theta, rtol=1e-3)  # intercepts: the scale is 1


def test_trace_ends_at_the_deviance_of_the_fit() -> None:
    # Weights and their logarithms included.
    trace = Trace()
    solution = fit(callbacks=trace, reml=False, weights=np.linspace(0.5, 2.0, 144))
    assert min(trace.values) == pytest.approx(solution.deviance, abs=1e-7)


def test_trace_has_the_largest_component_of_each_gradient() -> None:
    trace, listener = Trace(), Listener()
    fit(callbacks=[trace, listener], start=[0.3, 0.3])
    gradients = [e.gradient for e in listener.events if isinstance(e, Evaluated)]
    norms = [np.nan if g is None else np.linalg.norm(g, np.inf) for g in gradients]
    np.testing.assert_array_equal([r.gradient_norm for r in trace.records], norms)
    assert np.nanmax(norms) > 1.0
    assert np.nanmin(norms) < 1e-3


def test_progress_shows_long_fits_only() -> None:
    def drawn(delay: float) -> str:
        console = Console(file=io.StringIO(), force_terminal=True, width=200)
        fit(callbacks=Progress(delay=delay, console=console))
        text = console.file.getvalue()
        assert isinstance(text, str)
        return text

    assert drawn(delay=3600.0) == ""
    assert "144 observations" in drawn(delay=0.0)


def test_registered_by_name() -> None:
    assert isinstance(ranef.registry.observer("trace")[0], Trace)
    assert fit(callbacks="trace", verbose=True).converged
