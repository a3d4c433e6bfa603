"""After a fit to censored responses: residuals, files, refits, bootstrap, checks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import special, stats

import ranef
from ranef import InputError
from ranef.bootstrap.censored import TimesOfCensoring

KM = json.loads((Path(__file__).parent / "survreg.json").read_text())["km"]
FORMULA = "Surv(time, event) ~ x + (1 | clinic)"


@pytest.fixture(scope="module")
def fit(trial):
    return ranef.glmm(FORMULA, trial, family="weibull")


def test_residuals(fit, trial):
    """Unknown where the response is; deviance residuals of censored rows by hand."""
    events = trial["event"] == 1
    for kind in ("response", "pearson", "working"):
        assert np.array_equal(np.isfinite(fit.residuals_of(kind)), events)
    k = fit.dispersion["shape"]
    cumulative = (trial["time"] * special.gamma(1 + 1 / k) / fit.fitted_values) ** k
    deviance = fit.residuals_of("deviance")
    np.testing.assert_allclose(deviance[~events], np.sqrt(2 * cumulative[~events]), rtol=1e-9)
    best = np.sqrt(2 * (cumulative[events] - 1 - np.log(cumulative[events])))
    np.testing.assert_allclose(np.abs(deviance[events]), best, rtol=1e-7)
    with pytest.raises(InputError, match="randomized: pass rng"):
        fit.residuals_of("quantile")


def test_quantile_residuals_are_normal_where_the_model_is_right():
    """Of 4000 rows, with about a third censored, at their true parameters nearly."""
    rng = np.random.default_rng(2)
    clinic = np.repeat(np.arange(40), 100)
    time = np.exp(0.5 * rng.normal(size=40)[clinic]) * rng.weibull(1.5, size=4000)
    limit = rng.exponential(2.0, size=4000)
    data = {"time": np.minimum(time, limit), "event": time <= limit, "clinic": clinic}
    fit = ranef.glmm("Surv(time, event) ~ 1 + (1 | clinic)", data, family="weibull")
    residuals = fit.residuals_of("quantile", rng=1)
    assert stats.kstest(residuals, "norm").pvalue > 0.05
    assert stats.kstest(residuals[data["event"] == 0], "norm").pvalue < 1e-6  # of the later times they are, alone
    wrong = ranef.glmm("Surv(time, event) ~ 1 + (1 | clinic)", data, family="exponential")
    assert stats.kstest(wrong.residuals_of("quantile", rng=1), "norm").pvalue < 1e-6


def test_files_refits_and_updates(fit, trial, tmp_path):
    fit.save(tmp_path / "fit.ranef", rows=True)
    again = ranef.load(tmp_path / "fit.ranef")
    assert again.log_likelihood == fit.log_likelihood
    assert np.array_equal(again.residuals_of("quantile", rng=1), fit.residuals_of("quantile", rng=1))
    assert again.refit(ranef.Surv(trial["time"], trial["event"])).log_likelihood == fit.log_likelihood
    drawn = fit.simulate(2, rng=1)
    assert drawn.shape == (200, 2)
    assert fit.refit(drawn[:, 0]).converged
    assert fit.update(formula=". ~ . - x", data=trial).log_likelihood < fit.log_likelihood
    new = fit.predict({"x": [0.0], "clinic": ["new"]}, random="none", scale="link")
    assert new.item() == pytest.approx(fit.coefficients[0])


def test_times_of_censoring_are_those_of_survfit():
    """Kaplan-Meier estimate by R's survfit, events before censoring at the same time."""
    d = ranef.datasets.load("kidney")
    found = TimesOfCensoring.of(ranef.Surv(d["time"], d["event"]).y, np.ones(76))
    np.testing.assert_allclose(found.times, KM["time"])
    np.testing.assert_allclose(found.after, KM["after"], rtol=1e-12)


def test_drawn_times_of_censoring_follow_the_estimate():
    """Given that they are not before the event; those of censored rows are known."""
    y = np.array([[1.0, 1.0], [2.0, np.inf], [3.0, 3.0], [4.0, np.inf], [9.0, 9.0]])
    times = TimesOfCensoring.of(y, np.ones(5))
    np.testing.assert_allclose(times.after, [0.75, 0.375])
    rng = np.random.default_rng(1)
    drawn = np.array([times.draw(rng) for _ in range(20_000)])
    assert (drawn[:, 1] == 2).all()
    assert (drawn[:, 3] == 4).all()
    assert (drawn[:, 4] == np.inf).all()
    share = [(drawn[:, 0] == c).mean() for c in (2, 4, np.inf)]
    np.testing.assert_allclose(share, [0.25, 0.375, 0.375], atol=0.015)
    np.testing.assert_allclose([(drawn[:, 2] == c).mean() for c in (4, np.inf)], [0.5, 0.5], atol=0.015)


def test_bootstrap_draws_censored_responses(fit, trial):
    """As many events as there are, nearly; and the same replicates for any number of workers."""
    from ranef.bootstrap.schemes import scheme_of

    models = list(scheme_of(fit._fit, "parametric", "new", None).models(np.random.default_rng(1), 0, 30))
    events = np.array([np.isfinite(model.design.y).all(axis=1).mean() for model in models])
    assert abs(events.mean() - trial["event"].mean()) < 4 * events.std() / np.sqrt(30) + 0.02
    one = fit.bootstrap(6, rng=3)
    assert np.array_equal(one.replicates, fit.bootstrap(6, rng=3, workers=2).replicates)
    assert np.isfinite(one.replicates).all()
    assert fit.bootstrap(3, rng=3, type="cases").replicates.shape[0] == 3


def test_what_censoring_does_not_allow(fit, trial):
    left = ranef.glmm(FORMULA.replace("event)", "event, type='left')"), trial, family="weibull")
    with pytest.raises(InputError, match=r"censored from the left.*type='cases'"):
        left.bootstrap(3, rng=1)
    smaller = ranef.glmm("Surv(time, event) ~ 1 + (1 | clinic)", trial, family="weibull")
    with pytest.raises(InputError, match="compare the models by anova"):
        ranef.bootstrap_test(smaller, fit, 5, rng=1)
    assert ranef.anova(smaller, fit)["p_value"][1] < 0.01
    with pytest.raises(InputError, match="nothing says when"):
        ranef.power(fit, "x", nsim=5, rng=1)


def test_simulated_residuals_complete_what_is_censored(fit, trial):
    """By a simulated response beyond the bound; the ranks are uniform, and others are not."""
    simulated = fit.simulated_residuals(200, rng=1, random="conditional")
    observed = np.asarray(simulated["observed"])
    events = trial["event"] == 1
    assert np.array_equal(observed[events], trial["time"][events])
    assert (observed[~events] >= trial["time"][~events]).all()
    assert stats.kstest(np.asarray(simulated["residual"]), "uniform").pvalue > 0.05
