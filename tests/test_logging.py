"""The logger `ranef`: silent by default; what a search did, which plugins made it and why, how far long work is."""

from __future__ import annotations

import logging
import subprocess
import sys

import numpy as np
import pytest

import ranef
from ranef.contracts import Advanced, Observer

SLEEP = ranef.datasets.load("sleepstudy")


def fit(**options):
    return ranef.lmm("Reaction ~ Days + (Days | Subject)", SLEEP, **options)


def messages(caplog, name, level=logging.DEBUG):
    return [r.getMessage() for r in caplog.records if r.name == name and r.levelno == level]


def test_a_fit_says_where_it_began_and_ended_to_those_who_listen(caplog):
    with caplog.at_level(logging.INFO, "ranef"):
        found = fit()
    began, ended = messages(caplog, "ranef.estimation.model", logging.INFO)
    assert began.endswith(": 180 observations, 36 random effects")
    assert ended.startswith("fit ended: converged")
    assert f"criterion {-2 * found.log_likelihood:.6f}, {found.n_evaluations} evaluations" in ended
    assert {r.levelno for r in caplog.records} == {logging.INFO}


def test_choices_have_their_reasons(caplog):
    with caplog.at_level(logging.DEBUG, "ranef"):
        fit()
        fit(backend="dense", optimizer="bobyqa")
    said = messages(caplog, "ranef.estimation.pipeline")
    assert any(text.startswith("backend blocked: the lowest predicted cost of blocked ") for text in said)
    assert "optimizer trust-region: the first by priority, with gradients" in said
    assert "backend dense: asked for by name" in said


def test_every_descent_is_told(caplog):
    with caplog.at_level(logging.DEBUG, "ranef.estimation.search"):
        found = fit()
    said = messages(caplog, "ranef.estimation.search")
    evaluations = [
        int(text.split(", ")[1].split()[0]) for text in said if text.startswith("optimizer ended: CONVERGED")
    ]
    assert evaluations
    assert sum(evaluations) <= found.n_evaluations
    assert said[-1].startswith("search ended at ")


def test_refits_are_parts_of_other_work(caplog):
    found = fit()
    with caplog.at_level(logging.INFO, "ranef"):
        found.anova(type=1)
        found.refit(SLEEP["Reaction"])
        found.bootstrap(5, rng=1)
    (text,) = [r.getMessage() for r in caplog.records]
    assert text.startswith("bootstrap: 5 of 5, 0 failed, ")


def test_nobody_hears_of_it_by_default():
    code = "import ranef; ranef.lmm('Yield ~ 1 + (1 | Batch)', ranef.datasets.load('dyestuff')).bootstrap(3, rng=1)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")


class Listener(Observer):
    def __init__(self):
        self.heard = []

    def notify(self, event):
        if isinstance(event, Advanced):
            self.heard.append((event.work, event.done, event.total, event.failed))


def test_profiles_tell_of_each_parameter():
    listener = Listener()
    fit().profile(progress=listener)
    assert listener.heard == [("profile", k, 6, 0) for k in range(1, 7)]


@pytest.mark.parametrize("blocks", [1, 2])
def test_refits_tell_of_responses(blocks):
    found, listener = fit(), Listener()
    Y = found.simulate(7, rng=1)
    Y[3, 5] = np.nan
    Y[:, 6] = np.nan  # no rows are left of it
    given = Y if blocks == 1 else iter([Y[:, :4], Y[:, 4:]])
    with pytest.warns(ranef.RanefWarning):
        found.refit_many(given, progress=listener)
    assert listener.heard[-1] == ("refits", 7, 7, 1)
    totals = [total for _, _, total, _ in listener.heard]
    assert set(totals) == ({7} if blocks == 1 else {4, 7})
    assert [done for _, done, _, _ in listener.heard] == sorted({done for _, done, _, _ in listener.heard})
