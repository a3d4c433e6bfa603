"""Censored responses in: what is refused, and what follows rows."""

from __future__ import annotations

import numpy as np
import pytest

import ranef
from ranef import InputError, InputTypeError, NoMaximumError
from ranef.families import Tobit

FORMULA = "Surv(time, event) ~ x + (1 | clinic)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"event": lambda t: np.where(np.arange(200) == 7, 2, t["event"])}, r"event must be 1.*1 row.*: 7"),
        ({"time": lambda t: np.where(np.arange(200) == 9, -1.0, t["time"])}, r"positive times.*row 9: -1"),
        ({"event": lambda t: np.zeros(200)}, "all responses are censored from the right"),
    ],
)
def test_bad_values_are_named_with_their_rows(trial, change, message):
    data = trial | {name: make(trial) for name, make in change.items()}
    with pytest.raises(InputError, match=message):
        ranef.glmm(FORMULA, data, family="weibull")


def test_rows_are_those_of_the_frame(trial):
    event = np.where(np.arange(200) == 150, 3, trial["event"])
    with pytest.raises(InputError, match=r"1 row .*: 150"):
        ranef.glmm(FORMULA, trial | {"event": event}, family="weibull", subset=np.arange(200) > 99)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("Surv(time, event, x) ~ x + (1 | clinic)", "Surv takes two columns"),
        ("Surv(time, event, type='counting') ~ x + (1 | clinic)", "type= one of 'right', 'left', 'interval2'"),
        ("Surv(time, event, kind='left') ~ x + (1 | clinic)", "Surv has type="),
        ("Surv(time, type='interval2') ~ x + (1 | clinic)", "Surv takes two columns"),
        ("Surv(time, time - 1, type='interval2') ~ x + (1 | clinic)", "upper end lies below the lower one in 200 rows"),
    ],
)
def test_calls_that_are_none(trial, formula, message):
    with pytest.raises(InputError, match=message):
        ranef.glmm(formula, trial, family="weibull")


def test_models_that_take_no_censored_responses(trial):
    for name in ("gamma", "poisson", "binomial"):
        with pytest.raises(InputTypeError, match=rf"censored responses.*the {name} family does not take"):
            ranef.glmm(FORMULA, trial, family=name)
    with pytest.raises(InputTypeError, match="a linear model does not take"):
        ranef.lmm(FORMULA, trial)
    with pytest.raises(InputError, match="ordered categories are one"):
        ranef.glmm(FORMULA, trial, family="ordinal")
    gamma = ranef.glmm("time ~ x + (1 | clinic)", trial, family="gamma")
    with pytest.raises(InputTypeError, match="the gamma family does not take"):
        gamma.refit(ranef.Surv(trial["time"], trial["event"]))
    with pytest.raises(InputError, match=r"Tobit\(left=None\)"):
        ranef.glmm(FORMULA, trial, family=Tobit())


def test_two_bare_columns_are_not_guessed(trial):
    """They could be times and events, or ends of intervals."""
    y, X = np.column_stack([trial["time"], trial["event"]]), np.column_stack([np.ones(200), trial["x"]])
    with pytest.raises(InputError, match=r"y=ranef.Surv\(time, event\)"):
        ranef.glmm(y, X, {"clinic": trial["clinic"]}, family="weibull")


def test_a_group_without_an_event_has_no_maximum(trial):
    data = trial | {"arm": (np.arange(200) % 4 == 0) * 1.0}
    data["event"] = np.where(data["arm"] == 1, 0, data["event"])
    with pytest.raises(NoMaximumError, match="arm predicts some responses perfectly"):
        ranef.glmm("Surv(time, event) ~ x + arm + (1 | clinic)", data, family="weibull")


def test_the_record():
    assert repr(ranef.Surv([1, 2, 3], [1, 0, 1])) == "Surv(1, 2+, 3)"
    assert repr(ranef.Surv([1, 2], [True, False], type="left")) == "Surv(1, <2)"
    assert ranef.Surv([1, 2], [1.5, np.inf], type="interval2").ends.tolist() == [[1, 1.5], [2, np.inf]]
    assert ranef.Surv([1, 2]).y.tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match="missing"):
        ranef.Surv([1, np.nan], [1, 1])
    with pytest.raises(InputError, match="event has 1 row"):
        ranef.Surv([1, 2], [1])
    with pytest.raises(InputError, match="type must be one of"):
        ranef.Surv([1, 2], [1, 1], type="counting")


def test_indices_are_aligned(trial):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(trial)
    with pytest.raises(InputError, match="index"):
        ranef.Surv(frame["time"], frame["event"][::-1])
    y = ranef.Surv(frame["time"][::-1], frame["event"][::-1])
    with pytest.raises(InputError, match="index"):
        ranef.glmm(y, np.ones((200, 1)), {"clinic": frame["clinic"]}, family="weibull")


def test_subset_and_missing_rows_of_either_column(trial):
    """Rows with a missing time or event are left out, as those outside of the subset."""
    time, event = trial["time"].copy(), trial["event"].astype(float)
    time[3], event[8] = np.nan, np.nan
    fit = ranef.glmm(FORMULA, trial | {"time": time, "event": event}, family="weibull", subset="x < 1.5")
    kept = (trial["x"] < 1.5) & ~np.isin(np.arange(200), [3, 8])
    same = ranef.glmm(FORMULA, {name: column[kept] for name, column in trial.items()}, family="weibull")
    assert fit.n_obs == kept.sum()
    assert np.array_equal(fit.coefficients, same.coefficients)


def test_a_column_of_true_is_ones(trial):
    """Of a logical variable a level may be unused: the other one is still 1."""
    frame = ranef.model_frame("I(2 * flag) ~ x + (1 | clinic)", trial | {"flag": np.ones(200, bool)})
    assert (frame.y == 2.0).all()
