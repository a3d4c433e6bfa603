"""Formulas against what R makes of them: lme4's `lFormula` for bars, `model.matrix` for the rest (make_reference.R)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ranef

from .formulas import REFUSED

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference.json").read_text(encoding="utf-8"))
#: Same space, other columns: formulaic drops what R leaves aliased, or keeps an order of its own.
OTHER_COLUMNS = {"f:g", "x + f:g", "f %in% g", "f:b", "x:b"}
#: formulaic puts the intercept of a bracket back.
OTHER_SPACE = {"(0 + f):x"}
#: Only lme4 2 evaluates groups that are calls, and reads brackets around them.
NOT_LME4 = {
    "y ~ x + (1 | factor(k))": {"factor(k)": ["1", "2", "10"]},
    "y ~ x + (1 | interaction(g, h))": {"interaction(g, h)": ["p.u", "q.u", "r.u", "p.v", "q.v", "r.v"]},
    "y ~ x + (1 | (g/h))": {"h:g": ["u:p", "u:q", "u:r", "v:p", "v:q", "v:r"], "g": ["p", "q", "r"]},
}


@pytest.fixture(scope="module")
def data():
    d = pd.read_csv(HERE / "data.csv")
    d["f"] = pd.Categorical(d["f"], ["c", "a", "b"])
    d["u"] = pd.Categorical(d["u"], ["none", "lo", "hi"])
    return d


def plain(name):
    """R's names without blanks and kinds of quotes, in which it differs from Python."""
    return name.replace(" ", "").replace('"', "'").replace("c(", "(").replace("[", "(").replace("]", ")")


def levels_of(labels):
    return list(labels.categories) if hasattr(labels, "categories") else [str(v) for v in np.unique(labels)]


@pytest.mark.parametrize("r", REFERENCE["bars"], ids=lambda r: r["formula"])
@pytest.mark.filterwarnings("ignore:.*stay correlated")
def test_bars(r, data):
    frame = ranef.model_frame(r["formula"], data)
    if "error" in r:
        expected = NOT_LME4[r["formula"]]
        assert {name: levels_of(labels) for name, labels in frame.groups.items()} == expected
        return
    names = frame.terms.r_names | {"1": "(Intercept)"}
    ours = Counter((g, tuple(names[c] for c in t)) for g, ts in frame.random_effects.items() for t in ts)
    assert ours == Counter((g, tuple(e)) for g, e in zip(r["groups"], r["effects"], strict=True))
    assert sum(len(t) * (len(t) + 1) // 2 for ts in frame.random_effects.values() for t in ts) == r["n_theta"]
    assert [names[c] for c in frame.x_names] == r["x"]
    assert {g: levels_of(labels) for g, labels in frame.groups.items()} == r["levels"]
    np.testing.assert_allclose(np.array([]) if frame.offset is None else frame.offset, r["offset"], atol=1e-9)
    assert frame.terms.response == r["response"]


@pytest.mark.parametrize("r", REFERENCE["fixed"], ids=lambda r: r["formula"])
def test_fixed(r, data):
    kept = data[["y", "x", "z", "f", "m", "b", "h"]] if r["formula"].startswith(".") else data
    frame = ranef.model_frame(f"y ~ {r['formula']} + (1 | h)", kept)
    theirs = np.array(r["X"], dtype=float).reshape(len(frame.y), -1)
    if r["formula"] in OTHER_SPACE:
        assert frame.X.shape[1] == theirs.shape[1] + 1
        return
    both = np.column_stack([frame.X, theirs])
    ranks = {np.linalg.matrix_rank(m, tol=1e-8) for m in (frame.X, theirs, both) if m.size}
    assert len(ranks) <= 1
    if r["formula"] in OTHER_COLUMNS:
        assert frame.X.shape[1] <= theirs.shape[1]
        return
    assert [plain(frame.terms.r_names[c]) for c in frame.x_names] == [plain(name) for name in r["names"]]
    np.testing.assert_allclose(frame.X, theirs, atol=1e-9)


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_the_place(text, data):
    frame = data.assign(f=data["f"].astype(str))
    with pytest.raises(ranef.InputError if REFUSED[text] not in ("is text", "needs numbers") else TypeError) as error:
        ranef.model_frame(text, frame)
    assert REFUSED[text] in str(error.value)
