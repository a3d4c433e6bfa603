"""Nested factors: which are, what is said of their means, and that weights="cells" averages within."""

from __future__ import annotations

import numpy as np
import pytest

import ranef
from ranef.inference.emmeans.grid import reference_grid
from ranef.inference.emmeans.nesting import nestings


def data():
    rng = np.random.default_rng(1)
    b = np.tile(np.repeat(["b1", "b2", "b3", "b4", "b5"], 6), 4)
    a = np.where(np.isin(b, ["b1", "b2"]), "a1", "a2")
    c, g = np.tile(["c1", "c2"], 60), np.repeat(np.arange(4), 30)
    return {"a": a, "b": b, "c": c, "g": g, "y": rng.normal(size=120) + rng.normal(size=4)[g] + (a == "a2")}


@pytest.fixture(scope="module", params=["a / b + c", "a + b + c", "c * a / b"])
def fit(request):
    with pytest.warns(ranef.RankDeficiencyWarning):
        return ranef.lmm(f"y ~ {request.param} + (1 | g)", data())


def test_b_is_nested_in_a(fit):
    assert list(nestings(reference_grid(fit._terms, None))) == [("b", "a")]


def test_crossed_factors_with_an_empty_cell_are_not_nested():
    d = data()
    rows = ~((d["a"] == "a1") & (d["c"] == "c1"))
    with pytest.warns(ranef.RankDeficiencyWarning):
        fit = ranef.lmm("y ~ a * c + (1 | g)", {name: column[rows] for name, column in d.items()})
    # a1 occurs with c2 alone, but a2 with both
    assert list(nestings(reference_grid(fit._terms, None))) == []


def test_a_note_says_what_to_do(fit):
    for means in (fit.emmeans("a"), fit.emmeans("b"), fit.emmeans(["a", "b"]), fit.emmeans("b", by="a")):
        assert np.isnan(means["estimate"]).any()
        assert "b is nested in a" in str(means)
        assert 'weights="cells"' in str(means)
    within = fit.emmeans("a", weights="cells")
    assert "nested" not in str(within)


def test_cells_average_within(fit):
    within, each = fit.emmeans("a", weights="cells"), fit.emmeans("b", weights="cells")
    np.testing.assert_allclose(within["estimate"], [each["estimate"][:2].mean(), each["estimate"][2:].mean()])
    table = fit.emmeans("b", by="a", weights="cells")
    known = ~np.isnan(table["estimate"])
    assert list(zip(table["b"][known], table["a"][known], strict=True)) == [
        ("b1", "a1"),
        ("b2", "a1"),
        ("b3", "a2"),
        ("b4", "a2"),
        ("b5", "a2"),
    ]
    np.testing.assert_allclose(table["estimate"][known], each["estimate"])
