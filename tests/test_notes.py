"""Notes: a fit carries them as data, and the front end warns of them once, at the line that asked for the fit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import ranef
from ranef.contracts import Event, Observer
from ranef.design.mixed import build_design
from ranef.estimation.linear import Gaussian
from ranef.estimation.model import Model
from ranef.estimation.pipeline import Watch
from ranef.notes import Note

N = 60
G = np.arange(N) % 12
X = np.column_stack([np.ones(N), np.linspace(-1.0, 1.0, N)])
#: Every group has the same values: nothing varies between them.
Y = np.repeat([0.0, 2.0, 1.0, 5.0, 3.0], 12)


class Broken(Observer):
    def notify(self, event: Event) -> None:
        raise RuntimeError("out of paper")


#: A call of the user's, and all that it is warned of.
CALLS: dict[str, tuple[str, list[type[Warning]]]] = {
    "singular": ("ranef.lmm(Y, X, {'g': G})", [ranef.SingularFitWarning]),
    "singular, generalized": ("ranef.glmm(Y, X, {'g': G}, family='poisson')", [ranef.SingularFitWarning]),
    "dropped": (
        "ranef.lmm(Y, np.column_stack([X, X[:, 1]]), {'g': G})",
        [ranef.RankDeficiencyWarning, ranef.SingularFitWarning],
    ),
    "no intercept": ("ranef.lmm(Y, X[:, 1:], {'g': G})", [ranef.DataWarning]),
    "not converged": ("ranef.lmm(Y + G, X, {'g': G}, max_iter=1, start=[1e-3])", [ranef.ConvergenceWarning]),
    "observer": ("ranef.lmm(Y + G % 5, X, {'g': G}, callbacks=Broken())", [ranef.PluginWarning]),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_warning_points_at_the_users_line(call: str) -> None:
    code, expected = CALLS[call]
    namespace: dict[str, Any] = globals() | {"__name__": "analysis"}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(compile(f"\n\n{code}", "analysis.py", "exec"), namespace)
    assert [w.category for w in caught] == expected
    assert {(w.filename, w.lineno) for w in caught} == {("analysis.py", 3)}


def test_many_effects_are_told_where_they_may_be_determined() -> None:
    with pytest.warns(ranef.DataWarning, match=r"the term \(1 \+ x \| g\) has 60 random effects for 60") as caught:
        ranef.lmm(Y + G, X, {"g": np.arange(N) // 2}, random_effects={"g": "1 + x"}, random_data={"x": X[:, 1]})
    assert caught[0].filename == __file__


def test_an_inner_fit_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        design = build_design(Y, np.column_stack([X, X[:, 1]]), {"g": G})
        fit = Model.of(design, Gaussian(reml=True)).fit()
    assert [note.category for note in design.notes] == [ranef.RankDeficiencyWarning]
    assert [note.category for note in fit.notes] == [ranef.SingularFitWarning]
    assert all(isinstance(note, Note) for note in (*design.notes, *fit.notes))


def test_a_phase_that_fails_has_taken_time_too() -> None:
    watch = Watch()
    with pytest.raises(ZeroDivisionError), watch.phase("search"):
        1 / 0  # noqa: B018
    assert watch.timings["search"] > 0.0


def test_the_response_has_the_name_that_is_given() -> None:
    pandas = pytest.importorskip("pandas")
    named = pandas.Series(Y + G, name="score")
    assert ranef.lmm(named, X, {"g": G}).model.startswith("score ~")
    assert ranef.lmm(named, X, {"g": G}, y_name="points").model.startswith("points ~")
    assert ranef.lmm(Y + G, X, {"g": G}, y_name="points").model.startswith("points ~")
    assert ranef.glmm(Y + G, X, {"g": G}, family="poisson", y_name="count").model.startswith("count ~")
    with pytest.raises(ranef.InputTypeError, match="y_name must be a text, the name of the response; got 3"):
        ranef.lmm(Y, X, {"g": G}, y_name=3)


@pytest.mark.parametrize("call", [name for name, (_, kinds) in CALLS.items() if len(kinds) == 1])
def test_a_fit_is_not_lost_where_its_warning_is_an_error(call: str) -> None:
    """Warnings of what was given come before any work; those of a fit have it, whole, with all else there is to say."""
    code, (kind,) = CALLS[call]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(kind) as raised:
            eval(code)
    result = getattr(raised.value, "result", None)
    if kind in (ranef.DataWarning, ranef.PluginWarning):
        assert result is None
        return
    with pytest.warns(kind):
        assert result == eval(code)


def test_neither_are_many() -> None:
    with pytest.warns(ranef.SingularFitWarning):
        fit = ranef.lmm(Y, X, {"g": G})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ranef.RanefWarning) as of_many:
            fit.refit_many(np.column_stack([Y, Y + G]))
        with pytest.raises(ranef.RanefWarning) as of_update:
            fit.update(reml=False)
    assert of_many.value.result.responses == ("y0", "y1")
    assert not of_update.value.result.reml
