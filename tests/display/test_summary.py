"""The summary equals R's output line by line, when it is given R's own numbers (see tests/reference)."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from ranef.display.html import render_html
from ranef.display.summary import glmm_title, lmm_title, render_text
from ranef.display.tables import (
    CoefficientTable,
    InformationCriteria,
    SummaryData,
    VarCompSummary,
    residual_quantiles,
)

from ..reference.load import expected, load, names

SCALED_FAMILIES = ("gaussian", "Gamma", "inverse.gaussian")  # those with a residual row in lme4


def printed(record: dict[str, Any]) -> list[str]:
    """What R printed below the title, the formula and the call."""
    lines: list[str] = record.get("summary_lmerTest") or record["summary"]
    lines = lines[lines.index("") + 1 :]
    return lines[: lines.index("fit warnings:")] if "fit warnings:" in lines else lines


def summary_data(name: str) -> SummaryData:
    record = expected(name)
    linear = record["kind"] == "lmm"
    kept = [x for x in record["fixef"] if x not in record["dropped_columns"]]
    components = [
        VarCompSummary(term["group"], column, term["variance"][i], term["sd"][i], tuple(term["corr"][i][:i]))
        for term in record["varcorr"]
        for i, column in enumerate(term["names"])
    ]
    if record["family"] in SCALED_FAMILIES:
        components.append(VarCompSummary("Residual", "", record["sigma"] ** 2, record["sigma"]))
    tests = record["satterthwaite"] if "summary_lmerTest" in record else None
    p_value = [record["p_z"][x] for x in kept] if not linear else tests["p"] if tests else None
    covariance = np.array(record["vcov"]["matrix"])
    scale = np.sqrt(np.diag(covariance))
    return SummaryData(
        title=lmm_title(record["reml"]) if linear else glmm_title(record["nAGQ"]),
        model=record["formula"],
        family="" if linear else record["family"],
        link="" if linear else record["link"],
        criterion=record["REMLcrit"]
        if record["reml"]
        else InformationCriteria(
            record["AIC"], record["BIC"], record["logLik"], -2 * record["logLik"], record["df_residual"]
        ),
        residual_quantiles=quantiles(name),
        var_components=tuple(components),
        n_obs=record["nobs"],
        n_groups=tuple((factor["group"], factor["n_levels"]) for factor in record["ranef"]),
        coefficients=CoefficientTable(
            names=tuple(kept),
            estimate=np.array([record["fixef"][x] for x in kept]),
            std_error=np.array([record["se"][x] for x in kept]),
            statistic=np.array([record["stat"][x] for x in kept]),
            df=np.array(tests["df"]) if tests else None,
            p_value=None if p_value is None else np.array(p_value),
            statistic_header="t value" if record["family"] in SCALED_FAMILIES else "z value",
            p_header="Pr(>|t|)" if linear else "Pr(>|z|)",
        ),
        # R was told to leave out the correlations where it is lme4's summary that is on record.
        correlation=covariance / np.outer(scale, scale) if tests else None,
    )


def quantiles(name: str) -> np.ndarray:
    """Quantiles of the scaled residuals: of linear models from the data and R's estimates, else as R printed them."""
    record = expected(name)
    if record["kind"] == "glmm" or any(block["truncated"] for block in record["ranef"]):
        lines = printed(record)
        return np.array(lines[lines.index("Scaled residuals: ") + 2].split(), dtype=float)
    case = load(name, full_rank=True)
    fitted = case.X @ np.array([record["fixef"][x] for x in case.x_names])
    fitted = fitted if case.offset is None else fitted + case.offset
    for block in record["ranef"]:
        row = {level: i for i, level in enumerate(block["levels"])}
        b = np.array(block["values"])[[row[level] for level in case.groups[block["group"]].tolist()]]
        terms = case.random_effects[block["group"]]
        Z = np.column_stack([np.ones(len(case.y)) if t == "1" else case.random_data[t] for t in terms])
        fitted = fitted + np.sum(Z * b, axis=1)
    weights = np.ones(len(case.y)) if case.weights is None else case.weights
    return residual_quantiles(np.sqrt(weights) * (case.y - fitted) / record["sigma"])


@pytest.mark.parametrize("name", names())
def test_text_equals_r(name: str) -> None:
    head, _, body = render_text(summary_data(name)).partition("\n\n")
    lines = body.split("\n")
    hidden = [i for i, line in enumerate(lines) if line.startswith("Correlation of Fixed Effects: not shown")]
    if hidden:  # R says it by a message, not in the output
        lines = lines[: hidden[0] - 1]
    assert lines == printed(expected(name))
    assert f"Model: {expected(name)['formula']}" in head


def test_titles_say_the_method_as_lme4_does() -> None:
    assert render_text(summary_data("lmm_dyestuff_reml")).split("\n")[0] == (
        "Linear mixed model fit by REML. t-tests use Satterthwaite's method"
    )
    # Wrapped to 80 columns, and the family as R gives it in its second line.
    lines = render_text(summary_data("glmm_cbpp_nagq25")).split("\n")
    assert lines[:3] == [
        "Generalized linear mixed model fit by maximum likelihood (Adaptive Gauss-Hermite",
        "  Quadrature, nAGQ = 25)",
        " Family: binomial  ( logit )",
    ]


def test_many_correlations_are_left_out_and_it_says_so() -> None:
    text = render_text(summary_data("lmm_cake_reml"))  # 18 fixed effects; lme4 shows 12 at most
    assert "not shown for more than 12" in text
    assert "recipB" not in text


def test_notes_come_last() -> None:
    data = replace(summary_data("lmm_dyestuff2_reml"), notes=("boundary (singular) fit",))
    assert render_text(data).split("\n")[-2:] == ["", "boundary (singular) fit"]


def test_uncorrelated_columns_of_one_term_have_no_correlation_column() -> None:
    data = summary_data("lmm_sleepstudy_slope_reml")
    rows = tuple(replace(row, corr=()) for row in data.var_components)
    assert "Corr" not in render_text(replace(data, var_components=rows)).split("Fixed effects")[0]


def test_three_columns_of_a_term_make_a_triangle_of_correlations() -> None:
    rows = (
        VarCompSummary("g", "(Intercept)", 4.0, 2.0),
        VarCompSummary("g", "x", 1.0, 1.0, (-0.25,)),
        VarCompSummary("g", "z", 0.25, 0.5, (0.5, 0.125)),
        VarCompSummary("h", "(Intercept)", 9.0, 3.0),
        VarCompSummary("Residual", "", 2.25, 1.5),
    )
    lines = render_text(replace(summary_data("lmm_dyestuff_reml"), var_components=rows)).split("\n")
    start = lines.index("Random effects:")
    # lme4:::formatVC of R 4.2.2, lme4 1.1.31, on these figures.
    assert lines[start + 1 : start + 7] == [
        " Groups   Name        Variance Std.Dev. Corr       ",
        " g        (Intercept) 4.00     2.0                 ",
        "          x           1.00     1.0      -0.25      ",
        "          z           0.25     0.5       0.50  0.12",
        " h        (Intercept) 9.00     3.0                 ",
        " Residual             2.25     1.5                 ",
    ]


def test_dropped_coefficient_is_na() -> None:
    data = summary_data("lmm_sleepstudy_int_reml")
    nan = np.array([np.nan])
    c = data.coefficients
    assert c.df is not None
    assert c.p_value is not None
    table = replace(
        c,
        names=(*c.names, "DaysLin"),
        estimate=np.r_[c.estimate, nan],
        std_error=np.r_[c.std_error, nan],
        statistic=np.r_[c.statistic, nan],
        df=np.r_[c.df, nan],
        p_value=np.r_[c.p_value, nan],
    )
    text = render_text(replace(data, coefficients=table, correlation=None))
    row = next(line for line in text.split("\n") if line.startswith("DaysLin"))
    assert row.split() == ["DaysLin"] + ["NA"] * 5
    # The other rows stay as they were.
    assert "Days         10.4673     0.8042 161.0000   13.02   <2e-16 ***" in text


class Cells(HTMLParser):
    """Collects the text of an HTML fragment and checks that its tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("name", ["lmm_sleepstudy_slope_reml", "lmm_sleepstudy_quad_ml", "glmm_cbpp_laplace"])
def test_html_has_every_number_of_the_text(name: str) -> None:
    data = summary_data(name)
    parser = Cells()
    parser.feed(render_html(data))
    assert not parser.open
    shown = " ".join(parser.texts)
    number = re.compile(r"-?\d[\d.e-]*")
    assert set(number.findall(render_text(data))) <= set(number.findall(shown))


def test_html_escapes_every_text_of_the_user() -> None:
    """Names of columns, factors, families and dispersion parameters, wherever they stand: cells, headers, notes."""
    places = ["title", "model", "group", "effect", "level-count", "x0", "x1", "family", "link", "dispersion", "note"]
    text = {place: f'<i>"{place}"&' for place in places}
    numbers = np.array([1.0, 2.0])
    names = (text["x0"], text["x1"])
    html = render_html(
        SummaryData(
            title=text["title"],
            model=text["model"],
            criterion=1.0,
            residual_quantiles=np.arange(5.0),
            var_components=(VarCompSummary(text["group"], text["effect"], 1.0, 1.0),),
            n_obs=9,
            n_groups=((text["level-count"], 3),),
            coefficients=CoefficientTable(names, numbers, numbers, numbers),
            correlation=np.eye(2),
            family=text["family"],
            link=text["link"],
            dispersion=CoefficientTable((text["dispersion"],), *(numbers[:1],) * 3),
            notes=(text["note"],),
        )
    )
    assert "<i" not in html
    for place in places:
        assert f"&lt;i&gt;&quot;{place}&quot;&amp;" in html
    assert '<th scope="col">&lt;&gt;&quot;0&quot;&amp;</th>' in html  # abbreviated, in the table of correlations
