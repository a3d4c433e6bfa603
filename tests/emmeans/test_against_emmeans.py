"""Means, slopes, contrasts, adjustments and joint tests of R's emmeans 1.8.4 (make_reference.R)."""

import json
import warnings

import numpy as np
import pytest

from .models import FACTS, HERE, agree, fit

BLOCKS = json.loads((HERE / "reference_set.json").read_text(encoding="utf-8"))


def test_means_of_an_unbalanced_model():
    facts, m = FACTS["weeks"], fit("weeks")
    agree(m.emmeans("trt"), facts["trt"])
    agree(m.emmeans(["trt", "week"]), facts["both"])
    agree(m.emmeans("trt", by="week"), facts["by"])
    agree(m.emmeans(), facts["overall"])
    agree(m.emmeans("trt", at={"x": [2, 5], "week": ["w1", "w3"], "z": 0}), facts["at"])
    agree(m.emmeans("trt", adjust="sidak"), facts["sidak"])
    given = {"x": 2, "week": ["w3", "w1"], "z": 1}
    agree(m.emmeans("trt", at=given, weights="proportional"), facts["at_weights"])


def test_kenward_roger_is_emmeans_default():
    agree(fit("weeks").emmeans("trt", df="kenward-roger"), FACTS["weeks"]["kr"])
    agree(fit("cake").emmeans("recipe", df="kenward-roger"), FACTS["cake"]["recipe"])


@pytest.mark.parametrize("weights", ["proportional", "outer", "cells"])
def test_weights(weights):
    agree(fit("weeks").emmeans("trt", weights=weights), FACTS["weeks"]["weights"][weights])


@pytest.mark.parametrize("family", ["pairwise", "trt.vs.ctrl", "poly", "eff", "del.eff"])
def test_families_with_their_own_adjustments(family):
    # emmeans finds the quantile of its "dunnettx" limits to 5e-4 only
    facts = dict(FACTS["weeks"]["family"][family])
    if family == "trt.vs.ctrl":
        limits = [np.array(facts.pop(name)) for name in ("lower", "upper")]
        ours = fit("weeks").emmeans("week").contrast(family)
        np.testing.assert_allclose([ours["lower"], ours["upper"]], limits, atol=5e-4)
    agree(fit("weeks").emmeans("week").contrast(family), facts)


@pytest.mark.parametrize("adjust", FACTS["weeks"]["adjust"])
def test_adjustments(adjust):
    agree(fit("weeks").emmeans("week").pairs(adjust=adjust), FACTS["weeks"]["adjust"][adjust])


def test_interaction_contrasts():
    facts, m = FACTS["weeks"]["interaction"], fit("weeks")
    means = m.emmeans(["trt", "week"])
    agree(means.contrast(interaction="pairwise"), facts["one"])
    agree(means.contrast(interaction=["consec", "poly"]), facts["two"])
    within = m.emmeans(["trt", "week"], by="z")
    agree(within.contrast(interaction="pairwise", adjust="holm"), facts["by"])
    ratios = fit("crossed").emmeans(["trt", "z"], type="response").contrast(interaction="pairwise")
    agree(ratios, FACTS["logged"]["interaction"])


def test_cells_with_nothing_to_average_over():
    # emmeans 1.8.4: the cell hi:w4 is empty, and the additive model has a mean there: 1.4202920
    agree(fit("additive").emmeans(["trt", "holes"], weights="cells"), FACTS["additive"]["cells"])


def test_other_contrasts():
    facts, means = FACTS["weeks"], fit("weeks").emmeans("week")
    control = {k: v for k, v in facts["control"].items() if k not in ("lower", "upper")}
    agree(means.contrast("revpairwise"), facts["reversed"])
    agree(means.contrast("trt.vs.ctrl", ref="w3"), control)
    agree(means.contrast("trt.vs.ctrl", ref=2), control)
    agree(means.contrast("consec", adjust="sidak"), facts["sidak_for_tukey"])
    agree(means.contrast({"early": [0.5, 0.5, -1, 0], "last": {"w4": 1, "w3": -1}}), facts["custom"])
    agree(fit("weeks").emmeans("trt", by="week").pairs(), facts["pairs_by"])


def test_slopes():
    agree(fit("weeks").emtrends("trt", "x"), FACTS["weeks"]["slope"], rtol=1e-6)
    facts, m = FACTS["curves"], fit("curves")
    agree(m.emmeans("trt", at={"x": 3}), facts["means"])
    # emmeans' slopes are differences to one side
    agree(m.emtrends("trt", "x"), facts["slopes"], rtol=1e-3, p=1e-2)
    agree(m.emtrends("trt", "x", at={"x": 7}).pairs(), facts["pairs"], rtol=1e-3, p=1e-2)
    agree(m.emtrends("time", "time", at={"time": [1, 2.5, 5]}), facts["time"], rtol=2e-3, p=2e-2)


def test_factors_of_numbers():
    means = fit("dose").emmeans("dose")
    agree(means, FACTS["dose"]["means"])
    agree(means.contrast("poly"), FACTS["dose"]["poly"])
    agree(fit("dose").emmeans("dose", at={"dose": [1, 4]}).pairs(), FACTS["dose"]["pairs"])


def test_transformed_responses():
    facts, m = FACTS["logged"], fit("logged")
    agree(m.emmeans("trt"), facts["link"])
    agree(m.emmeans("trt", type="response"), facts["response"])
    ratios = m.emmeans("trt", type="response").pairs()
    agree(ratios, facts["ratios"])
    assert ratios.headers["estimate"] == "ratio"
    agree(m.emmeans("trt").contrast("eff"), facts["effects"])
    agree(fit("roots").emmeans("trt", type="response"), FACTS["roots"]["response"])
    roots = fit("roots").emmeans("trt", type="response").pairs()
    agree(roots, FACTS["roots"]["pairs"])
    assert any("sqrt" in note for note in roots.notes)
    agree(fit("shifted").emmeans("trt", type="response"), FACTS["shifted"]["response"])


def test_empty_cells():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m = fit("holes")
    facts = FACTS["holes"]
    agree(m.emmeans("trt"), facts["trt"])
    agree(m.emmeans("trt", by="holes"), facts["by"])
    agree(m.emmeans("trt", weights="cells"), facts["cells"])
    agree(m.emmeans("holes").pairs(), facts["pairs"], p=2e-4)  # R's ptukey is off by 1e-4 here
    joint = m.joint_tests()
    assert joint["term"].tolist() == facts["joint"]["term"]
    assert joint["df1"].tolist() == facts["joint"]["df1"]
    np.testing.assert_allclose(joint["statistic"], facts["joint"]["statistic"], atol=6e-4)


@pytest.mark.parametrize("name", ["weeks", "cake"])
def test_joint_tests(name):
    """emmeans rounds F to three decimals, and takes the least df of the rows where ours are Fai & Cornelius'."""
    for facts, ours in (
        (FACTS[name]["joint"], fit(name).joint_tests()),
        (FACTS[name].get("joint_by"), name == "weeks" and fit(name).joint_tests(by="week")),
    ):
        if facts:
            assert ours["term"].tolist() == facts["term"]
            assert ours["df1"].tolist() == facts["df1"]
            np.testing.assert_allclose(ours["statistic"], facts["statistic"], atol=6e-4)
            np.testing.assert_allclose(ours["df2"], facts["df2"], rtol=0.05)


def test_generalized_models():
    facts, m = FACTS["cbpp"], fit("cbpp")
    agree(m.emmeans("period"), facts["link"], rtol=2e-4, p=2e-3)
    agree(m.emmeans("period", type="response"), facts["response"], rtol=2e-4, p=2e-3)
    odds = m.emmeans("period", type="response").pairs()
    agree(odds, facts["odds"], rtol=2e-4, p=2e-3)
    assert odds.headers["estimate"] == "odds.ratio"
    joint = m.joint_tests()
    np.testing.assert_allclose(joint["statistic"] / joint["df1"], facts["joint"]["statistic"], rtol=1e-3)
    probit = fit("probit").emmeans("period", type="response")
    agree(probit, FACTS["probit"]["response"], rtol=2e-4, p=2e-3)
    agree(probit.pairs(), FACTS["probit"]["pairs"], rtol=2e-4, p=2e-3)


def test_offsets():
    facts, m = FACTS["counts"], fit("counts")
    agree(m.emmeans("trt"), facts["link"], rtol=2e-4)
    agree(m.emmeans("trt", at={"x": 2}, type="response"), facts["response"], rtol=2e-4)
    unit = m.emmeans("trt", offset=0, type="response")
    agree(unit, facts["unit"], rtol=2e-4)
    assert unit.headers["estimate"] == "rate"
    agree(m.emmeans("trt", type="response").pairs(), facts["ratios"], rtol=2e-4, p=2e-3)
    agree(m.emtrends("trt", "x"), facts["slopes"], rtol=2e-4)


def test_multivariate_t():
    """mvtnorm to 1e-6; ours are the same points always, good to 1e-4."""
    ours = fit("cake").emmeans("temperature").contrast("consec")
    facts = FACTS["cake"]["consec"]
    agree(fit("cake").emmeans("temperature").contrast("consec", adjust="none"), facts)
    np.testing.assert_allclose(ours["p_value"], FACTS["cake"]["mvt"]["p_value"], atol=1e-4)
    half = 0.5 * (ours["upper"] - ours["lower"]) / ours["se"]
    np.testing.assert_allclose(half, FACTS["cake"]["mvt"]["quantile"][0], atol=1e-3)
    again = fit("cake").emmeans("temperature").contrast("consec")
    assert np.array_equal(ours["p_value"], again["p_value"])


def test_letters():
    table = fit("cake").emmeans("temperature").cld()
    assert table["temperature"].tolist() == FACTS["cake"]["letters"]["levels"]
    assert [t.strip() for t in table["group"]] == [t.strip() for t in FACTS["cake"]["letters"]["letters"]]


@pytest.mark.parametrize("name", BLOCKS)
def test_the_block_of_the_reference_set(name):
    """Marginal means in the records that tests/reference/README.md tells of: fits without rounding."""
    block = BLOCKS[name]
    m, specs = (fit("cake"), "recipe") if name == "lmm_cake_reml" else (fit("cbpp"), "period")
    means = m.emmeans(specs)
    plain, tukey = means.pairs(adjust="none"), means.pairs()
    blocks = (means, block["emmeans"]), (plain, block["pairs_no_adjust"]), (tukey, block["pairs_tukey"])
    for ours, theirs in blocks:
        facts = dict(zip(theirs["cols"], theirs["values"], strict=True))
        for column, label in (
            ("estimate", "emmean"),
            ("estimate", "estimate"),
            ("se", "SE"),
            ("df", "df"),
            ("p_value", "p.value"),
        ):
            if label in facts and column in ours:
                np.testing.assert_allclose(ours[column], np.array(facts[label], float), rtol=5e-6)
