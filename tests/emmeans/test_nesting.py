"""Nested factors: which are, that means are averaged within, and R's figures (nesting.R with emmeans 1.8.4)."""

from __future__ import annotations

import numpy as np
import pytest

import ranef
from ranef.inference.emmeans.grid import reference_grid
from ranef.inference.emmeans.nesting import nestings


def data():
    """Levels of b within those of a, both crossed with c; some of b have fewer rows."""
    g, b, c, i = (codes.ravel() for codes in np.indices((4, 5, 2, 6)))
    kept = ~((b == 1) & (i > 1)) & ~((b == 3) & (c == 0) & (i > 2))
    g, b, c = g[kept], b[kept], c[kept]
    k = np.arange(1, len(g) + 1)
    a = np.where(b < 2, "a1", "a2")
    y = np.sin(7 * k) + np.cos(3 * k * k) + (a == "a2") + 0.3 * (b + 1) + 0.5 * np.sin(5 * g + 1)
    return {
        "a": a,
        "b": np.array(["b1", "b2", "b3", "b4", "b5"])[b],
        "c": np.array(["c1", "c2"])[c],
        "g": g,
        "y": np.round(y, 6),
    }


def fit_of(formula, d=None):
    with pytest.warns(ranef.RankDeficiencyWarning):
        return ranef.lmm(f"y ~ {formula} + (1 | g)", d or data())


@pytest.fixture(scope="module", params=["a / b + c", "a + b + c", "c * a / b"])
def fit(request):
    return fit_of(request.param)


@pytest.fixture(scope="module")
def additive():
    return fit_of("a / b + c")


def test_b_is_nested_in_a(fit):
    assert list(nestings(reference_grid(fit._terms, None))) == [("b", "a")]


def test_crossed_factors_with_an_empty_cell_are_not_nested():
    d = data()
    rows = ~((d["a"] == "a1") & (d["c"] == "c1"))
    fit = fit_of("a * c", {name: column[rows] for name, column in d.items()})
    # a1 occurs with c2 alone, but a2 with both
    assert list(nestings(reference_grid(fit._terms, None))) == []
    assert np.isnan(fit.emmeans("a")["estimate"]).tolist() == [True, False]


def test_what_does_not_occur_is_left_out(fit):
    for means in (fit.emmeans("b"), fit.emmeans(["b", "a"]), fit.emmeans("b", by="a")):
        assert list(zip(means["b"], means["a"], strict=True)) == [
            ("b1", "a1"),
            ("b2", "a1"),
            ("b3", "a2"),
            ("b4", "a2"),
            ("b5", "a2"),
        ]
        assert not np.isnan(means["estimate"]).any()
        assert str(means).count("b is nested in a: combinations that do not occur are left out") == 1
    by = fit.emmeans("c", by="b")
    assert by["b"].tolist() == [f"b{i}" for i in (1, 1, 2, 2, 3, 3, 4, 4, 5, 5)]
    assert by["a"].tolist() == ["a1"] * 4 + ["a2"] * 6


def test_means_are_averages_of_means(fit):
    """Of the inner levels within each outer one, and of these."""
    outer, inner = fit.emmeans("a")["estimate"], fit.emmeans("b")["estimate"]
    np.testing.assert_allclose(outer, [inner[:2].mean(), inner[2:].mean()])
    np.testing.assert_allclose(fit.emmeans("1")["estimate"], [outer.mean()])


def test_levels_that_are_named_alike_within_have_the_same_means(additive):
    d = data()
    inside = np.array([{"1": "1", "2": "2", "3": "1", "4": "2", "5": "3"}[b[1]] for b in d["b"]])
    other = fit_of("a / inside + c", d | {"inside": inside})
    assert list(nestings(reference_grid(other._terms, None))) == []
    each, alike = additive.emmeans("b"), other.emmeans("inside", by="a")
    known = ~np.isnan(alike["estimate"])
    np.testing.assert_allclose(alike["estimate"][known], each["estimate"])
    np.testing.assert_allclose(
        other.emmeans("a", at={"inside": ["1", "2"]})["estimate"][0], each["estimate"][:2].mean()
    )


def test_a_chain_is_averaged_from_inside():
    d = data()
    d["d"] = np.array([f"{b}{'xy'[i % 2] if b != 'b3' else 'x'}" for i, b in enumerate(d["b"])])
    fit = fit_of("a / b / d", d)
    assert set(nestings(reference_grid(fit._terms, None))) == {("b", "a"), ("d", "a"), ("d", "b")}
    inner, middle = fit.emmeans("d"), fit.emmeans("b")
    assert list(inner.to_dict())[:3] == ["d", "b", "a"] or list(inner.to_dict())[:3] == ["d", "a", "b"]
    expected = [inner["estimate"][inner["b"] == b].mean() for b in middle["b"]]
    np.testing.assert_allclose(middle["estimate"], expected)
    outer = [np.mean(expected[:2]), np.mean(expected[2:])]
    np.testing.assert_allclose(fit.emmeans("a")["estimate"], outer)
    np.testing.assert_allclose(fit.emmeans("1")["estimate"], [np.mean(outer)])


def test_means_are_those_of_emmeans(additive):
    a, overall, b = additive.emmeans("a"), additive.emmeans("1"), additive.emmeans("b")
    np.testing.assert_allclose(a["estimate"], [0.2471062, 2.0995481], atol=1e-6)
    np.testing.assert_allclose(a["se"], [0.27206287, 0.24916408], rtol=1e-5)
    np.testing.assert_allclose(a["df"], [4.62, 3.25], atol=0.01)
    np.testing.assert_allclose([overall["estimate"][0], overall["se"][0]], [1.1733272, 0.24801106], rtol=1e-5)
    np.testing.assert_allclose(b["estimate"], [0.1623324, 0.3318801, 1.7834434, 2.2856671, 2.2295337], atol=1e-6)
    np.testing.assert_allclose(b["se"], [0.2720629, 0.3348397, 0.2720629, 0.2844244, 0.2720629], rtol=1e-5)


@pytest.mark.parametrize("weights", ["proportional", "outer", "cells"])
def test_weights_are_those_of_emmeans(weights, additive):
    # which has one column of weights here; c is nearly independent of b
    within, overall = additive.emmeans("a", weights=weights), additive.emmeans("1", weights=weights)
    np.testing.assert_allclose(within["estimate"], [0.2047193, 2.0711483], atol=2e-2)
    np.testing.assert_allclose(overall["estimate"], [1.4617021], atol=1e-6 if weights == "outer" else 1e-2)


def test_contrasts_within_are_those_of_emmeans(additive):
    pairs = additive.emmeans("b", by="a").pairs()
    assert pairs["contrast"].tolist() == ["b1 - b2", "b3 - b4", "b3 - b5", "b4 - b5"]
    np.testing.assert_allclose(pairs["estimate"], [-0.1695477, -0.5022237, -0.4460903, 0.0561334], atol=1e-6)
    np.testing.assert_allclose(pairs["p_value"], [0.5398, 0.0493, 0.0603, 0.9621], atol=6e-5)
    among = additive.emmeans("b").pairs()
    assert among["contrast"].tolist()[:2] == ["b1 a1 - b2 a1", "b1 a1 - b3 a2"]
    assert len(among["contrast"]) == 10


def rows_of(table):
    return [
        (t, df, pytest.approx(f, abs=2e-3))
        for t, df, f in zip(*(table[c] for c in ("term", "df1", "statistic")), strict=True)
    ]


def test_joint_tests_are_those_of_emmeans(additive):
    # with by="a" those of b within each level: emmeans' test(pairs(emmeans(m, "b", by = "a")), joint = TRUE)
    assert rows_of(additive.joint_tests()) == [("a", 1, 131.155), ("c", 1, 3.348), ("a:b", 3, 2.600)]
    by = additive.joint_tests(by="a")
    assert rows_of(by) == [("b", 1, 0.378), ("b", 2, 3.711), ("c", 1, 3.348), ("c", 1, 3.348)]
    assert by["a"].tolist() == ["a1", "a2"] * 2
    crossed = fit_of("(a / b) * c")
    assert rows_of(crossed.joint_tests()) == [
        ("a", 1, 129.974),
        ("c", 1, 2.673),
        ("a:b", 3, 2.614),
        ("a:c", 1, 0.068),
        ("a:b:c", 3, 1.041),
    ]
    assert rows_of(crossed.joint_tests(by="c")) == [
        ("a", 1, 65.385),
        ("a", 1, 64.627),
        ("a:b", 3, 0.639),
        ("a:b", 3, 3.034),
    ]
    assert not crossed.joint_tests().notes


def test_slopes_and_responses_of_nested_factors():
    d = data()
    d |= {"x": np.cos(np.arange(len(d["y"]))), "n": np.round(np.exp(0.4 * d["y"]))}
    slopes = fit_of("a / b + a:x", d).emtrends("b", "x")["estimate"]
    np.testing.assert_allclose(slopes, np.repeat([slopes[0], slopes[-1]], [2, 3]))
    with pytest.warns(ranef.RankDeficiencyWarning):
        counts = ranef.glmm("n ~ a / b + (1 | g)", d, family="poisson")
    link, response = counts.emmeans("a"), counts.emmeans("a", type="response")
    np.testing.assert_allclose(response["estimate"], np.exp(link["estimate"]))


def test_means_of_responses_with_parameters_of_their_own():
    """Cells that do not occur have no mean of the response, and no part in averages."""
    rng = np.random.default_rng(4)
    d = data()
    extra = rng.random(len(d["y"])) < np.where(d["c"] == "c1", 0.3, 0.1)
    d["n"] = np.where(extra, 0, rng.poisson(np.exp(0.5 + 0.3 * (d["a"] == "a2"))))
    with pytest.warns(ranef.RankDeficiencyWarning):
        fit = ranef.glmm("n ~ a / b + c + (1 | g)", d, family="zero_inflated_poisson", zi="~ c")
    outer, inner = (fit.emmeans(name, type="response")["estimate"] for name in "ab")
    np.testing.assert_allclose(outer, [inner[:2].mean(), inner[2:].mean()])
