"""Scripts for R with the user's own formula; lme4 1.1-31 was seen to fit such scripts to the figures beside."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ranef


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    d = pd.DataFrame({"y": rng.normal(size=120), "x": rng.normal(size=120), "w": rng.uniform(1, 5, 120)})
    d["b"], d["k"] = rng.random(120) > 0.5, rng.integers(1, 4, 120)
    d["g"], d["h"] = np.repeat([f"g{i}" for i in range(6)], 20), np.tile(list("uvwz"), 30)
    d["f"] = pd.Categorical(rng.choice(list("abc"), 120), ["c", "b", "a"])
    d["y"] += np.repeat(rng.normal(size=6), 20)
    d.loc[3, "x"] = np.nan
    return d


def call(script):
    text = str(script)
    return text[text.index("m <- ") : text.index("\nprint(summary(m))")]


SCRIPTS = {
    "log(y + 9) ~ x * f + b +\n ns(w, 3) + factor(k) + (1 | g/h)": (
        {"weights": "w", "subset": "w > 1.2", "contrasts": {"f": "sum"}},
        (
            "m <- lmer(\n  log(y + 9) ~ x * f + b + ns(w, 3) + factor(k) + (1 | g/h),\n  data = d,\n  REML = TRUE,\n"
            '  contrasts = list(f = "contr.sum"),\n  weights = w\n)'
        ),
    ),
    "y ~ poly(w, 2) + relevel(f, 'a') + scale(x) + (1 + scale(x) || g)": (
        {"weights": np.linspace(1, 2, 120), "offset": "log(w)"},
        (
            "m <- lmer(\n  y ~ poly(w, 2) + relevel(f, 'a') + scale(x) + (1 + scale(x) || g),\n  data = d,\n"
            "  REML = TRUE,\n  weights = prior_weights,\n  offset = log(w)\n)"
        ),
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", SCRIPTS)
def test_the_formula_stands_as_it_was_written(text, data):
    options, expected = SCRIPTS[text]
    script = ranef.lmm(text, data, **options).r_code(frame=data)
    assert call(script) == expected
    assert 'd$f <- factor(d$f, levels = c("c", "b", "a"))' in script
    assert ("library(splines)" in script) == ("ns(" in text)
    assert ('d$b <- d$b == "TRUE"' in script) == (" b " in text)
    assert "written in columns" not in script


def test_formulas_of_zeros_and_of_the_dispersion_stand_as_they_were_written():
    """Run in R by glmmTMB 1.1.5: log-likelihood -864.7108, as here."""
    data = ranef.datasets.load("salamanders")
    model = {"family": "zero_inflated_negative_binomial", "zi": "~ mined", "dispersion": "~ 1 "}
    fit = ranef.glmm("count ~ mined + (1 | site)", data, **model)
    assert fit.log_likelihood == pytest.approx(-864.7108, abs=5e-5)
    script = fit.r_code(frame=data)
    assert call(script) == (
        'm <- glmmTMB(\n  count ~ mined + (1 | site),\n  data = d,\n  family = nbinom2(link = "log"),\n'
        "  dispformula = ~ 1,\n  ziformula = ~ mined\n)"
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("y ~ center(x) + (1 | g)", "center is another function in R"),
        ("y ~ as.numeric(factor(k)) + (1 | g)", "as.numeric is another function"),
        ("y ~ `x` + (1 | g)", "another meaning in R"),
        ("y ~ C(f, contr.diff) + (1 | g)", "contr.diff has another meaning"),
        ("y ~ f:b + (1 | g)", "R has other columns for f:b"),
        ("y ~ (0 + f):x + (1 | g)", "an intercept inside of brackets"),
        ("y ~ x + (1 | factor(k))", "columns as grouping factors"),
        ("y ~ scale(x, center = True) + (1 | g)", "center has another meaning"),
        ("y ~ I(f == 'é') + (1 | g)", None),
        ("y ~ x + cs(0 + f | g)", "cs is another function"),
    ],
)
def test_what_r_would_read_otherwise_is_written_in_columns(text, why, data):
    data = data.assign(f=data["f"].cat.rename_categories({"a": "é"}))
    fit = ranef.lmm(text, data)
    script = fit.r_code(frame=data)
    assert "y ~ 0 + x1" in call(script)
    assert f"# The formula is written in columns, since {'it has text' if why is None else ''}" in script
    assert why is None or why in script


def test_no_other_frame(data):
    fit = ranef.lmm("y ~ x + f + (1 | g)", data)
    for other in (data.assign(y=data["y"] + 1), data.assign(x=2 * data["x"]), data.iloc[:60]):
        with pytest.raises(ranef.InputError, match=r"frame has other data|levels"):
            fit.r_code(frame=other)
    arrays = ranef.lmm(data["y"], np.ones((120, 1)), data[["g"]])
    with pytest.raises(ranef.InputError, match="frame is for fits by formula"):
        arrays.r_code(frame=data)
