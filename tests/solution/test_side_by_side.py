"""Models side by side: every figure is the fit's, in text, Markdown, HTML and LaTeX."""

from __future__ import annotations

import re
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranef

D = ranef.datasets.load("sleepstudy")
CBPP = ranef.datasets.load("cbpp")


def three() -> dict[str, Any]:
    return {
        "intercepts": ranef.lmm("Reaction ~ Days + (1 | Subject)", D),
        "slopes": ranef.lmm("Reaction ~ Days + (Days | Subject)", D),
        "herds": ranef.glmm("incidence / size ~ period + (1 | herd)", CBPP, weights="size"),
    }


def cells(table: ranef.ModelTable, label: str) -> list[str]:
    return [str(cell) for row in table.rows if row.label == label for cell in row.cells]


def below(table: ranef.ModelTable, label: str) -> list[str]:
    at = [row.label for row in table.rows].index(label)
    return [str(cell) for cell in table.rows[at + 1].cells]


def test_figures_are_the_fits() -> None:
    fits = three()
    table, (one, two, herds) = ranef.table(fits), fits.values()
    assert table.names == ("intercepts", "slopes", "herds")
    assert cells(table, "Days") == ["10.467***", "10.467***", ""]
    assert below(table, "Days") == ["(0.804)", "(1.546)", ""]  # lme4 1.1: 0.8042, 1.5458
    assert cells(table, herds.names[1])[2] == "-0.992**"
    assert cells(table, "SD (Intercept) | Subject") == ["37.124", f"{two.var_components[0].std_dev:.3f}", ""]
    assert cells(table, "Cor (Intercept).Days | Subject") == ["", "0.066", ""]
    assert cells(table, "SD residual") == ["30.991", "25.592", ""]
    assert cells(table, "SD (Intercept) | herd") == ["", "", "0.642"]
    assert cells(table, "Subject") == [f"{one.icc['Subject']:.3f}", f"{two.icc['Subject']:.3f}", ""]
    for label, of in (("AIC", "aic"), ("BIC", "bic"), ("logLik", "log_likelihood")):
        assert cells(table, label) == [f"{getattr(fit, of):.1f}" for fit in fits.values()]
    assert cells(table, "N") == ["180", "180", "56"]
    assert cells(table, "Levels of herd") == ["", "", "15"]
    assert cells(table, "Method") == ["REML", "REML", "Laplace"]
    assert cells(table, "Family") == ["", "", "binomial (logit)"]


def test_r2_is_that_of_the_fits(tmp_path: Path) -> None:
    fits = three()
    flat = ranef.lmm("Reaction ~ 1 + (1 | Subject)", D)
    small = ranef.lmm("Reaction ~ wave + (1 | Subject)", {**D, "wave": np.cos(5.0 * np.arange(180))})
    assert 0.0 < small.r2().marginal < 0.01
    fits["slopes"].save(tmp_path / "slopes.ranef")  # without rows
    table = ranef.table(fits | {"flat": flat, "small": small, "kept": ranef.load(tmp_path / "slopes.ranef")})
    for label, of in (("Marginal", "marginal"), ("Conditional", "conditional")):
        numbers = [getattr(fit.r2(), of) for fit in (*fits.values(), flat, small)]
        assert cells(table, label) == [*(f"{number:.3f}" for number in numbers), ""]
    assert cells(table, "Conditional")[1] == "0.799"  # performance 0.10.2: 0.7992
    assert "R2" not in [row.label for row in ranef.table(fits, r2=False).rows]


def test_rows_stand_in_the_order_of_their_models() -> None:
    fits = list(three().values())[:2]
    labels = [row.label for row in ranef.table(fits).rows if row.label.startswith(("SD", "Cor"))]
    assert labels == ["SD (Intercept) | Subject", "Cor (Intercept).Days | Subject", "SD Days | Subject", "SD residual"]
    less = ranef.lmm("Reaction ~ 1 + (1 | Subject)", D, reml=False)
    other = ranef.lmm("Reaction ~ 1 + I(Days ** 2) + Days + (1 | Subject)", D, reml=False)
    table = ranef.table([less, fits[0], other])
    labels = [row.label for row in table.rows]
    assert labels.index("(Intercept)") < labels.index(other.names[1]) < labels.index("Days")
    assert cells(table, "Method") == ["ML", "REML", "ML"]
    assert table.names == ("(1)", "(2)", "(3)")


def test_what_stands_below() -> None:
    one = three()["intercepts"]
    intervals = ranef.table(one, "ci")
    assert below(intervals, "Days") == ["[{:.3f}, {:.3f}]".format(*one.conf_int[1])]
    assert "95%" in intervals.notes[0]
    assert below(ranef.table([one], "p"), "Days") == ["(<0.001)"]
    weak = ranef.lmm("Reaction ~ Days + (1 | Subject)", D, subset="Days < 3")
    assert below(ranef.table([weak], "p", digits=2), "Days") == [f"({weak.p_values[1]:.2f})"]
    plain = ranef.table([one], stars=False, digits=2)
    assert cells(plain, "Days") == ["10.47"]
    assert "*" not in str(plain)


def test_small_numbers_have_digits() -> None:
    small = ranef.lmm(D["Reaction"] * 1e-4, np.column_stack([np.ones(180), D["Days"]]), {"s": D["Subject"]})
    table = ranef.table([small])
    assert below(table, small.names[1]) == [f"({small.se[1]:.6f})"]
    tiny = ranef.lmm(D["Reaction"] * 1e-15, np.column_stack([np.ones(180), D["Days"]]), {"s": D["Subject"]})
    assert cells(ranef.table([tiny], stars=False), tiny.names[1]) == [f"{tiny.coefficients[1]:.3e}"]


def test_text_fits_into_80_columns() -> None:
    lines = str(ranef.table([*three().values(), *three().values()])).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("Response") for line in lines) == 2
    dots = {line.index(".") for line in lines[3:7] if line.startswith(("(Intercept)", "Days", "  "))}
    assert len(dots) == 1


def test_markdown_is_a_pipe_table_with_escapes() -> None:
    lines = ranef.table(three()).to_markdown().splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
    assert re.fullmatch(r"\|:-+\|-+:\|-+:\|-+:\|", rows[1])
    assert any(r"SD (Intercept) \| Subject" in row for row in rows)
    assert any(r"10.467\*\*\*" in row for row in rows)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_html_has_all_cells_and_escapes() -> None:
    table = ranef.table({"<b>": three()["intercepts"], "two": three()["slopes"]})
    reader = Reader()
    reader.feed(table.to_html())
    assert reader.open == []
    assert reader.rows[0] == ["", "<b>", "two"]
    expected = [[row.label, *(map(str, row.cells or ("", "")))] for row in table.rows]
    assert [[cell.strip() for cell in row] for row in reader.rows[1:]] == expected
    assert table._repr_html_() == table.to_html()


def test_latex() -> None:
    d = {**CBPP, "a_b": CBPP["size"] - 5.0}
    fit = ranef.glmm("incidence / size ~ a_b + (1 | herd)", d, weights="size")
    text = ranef.table({"50%": fit}).to_latex()
    assert text.startswith("\\begin{tabular}{lr}\n\\toprule")
    assert "50\\%" in text
    assert "a\\_b" in text
    assert f"$-${abs(fit.coefficients[0]):.3f}" in text
    assert "SD (Intercept) \\textbar{} herd" in text
    assert text.count("\\\\") == len(ranef.table([fit]).rows) + 1


def test_notes_say_what_is_wrong() -> None:
    y = np.tile([1.0, 2.0, 3.0, 4.0, 5.0], 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        singular = ranef.lmm(y, np.ones((30, 1)), {"g": np.repeat(np.arange(6), 5)})
    notes = ranef.table({"flat": singular, "sleep": three()["slopes"]}).notes
    assert "flat: singular, a covariance matrix of random effects has no full rank" in notes
    assert any("REML" in note for note in notes)
    assert not any("REML" in note for note in ranef.table(list(three().values())[:2]).notes)


def test_dropped_columns_are_na() -> None:
    X = np.column_stack([np.ones(180), D["Days"], 2.0 * D["Days"]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ranef.lmm(D["Reaction"], X, {"s": D["Subject"]}, x_names=["one", "x", "twice"])
    table = ranef.table([fit])
    assert cells(table, "twice") == ["NA"]
    assert below(table, "twice") == ["(NA)"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([],), ranef.InputError, "no fit"),
        (("fit",), ranef.InputTypeError, "fits must be a list of fits or a dict"),
        (({"a": 3},), ranef.InputTypeError, "a is no fit of lmm or glmm"),
    ],
)
def test_what_is_no_fit(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ranef.table(*arguments)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"statistic": "t"}, "statistic must be"), ({"stars": 1}, "stars must be"), ({"digits": True}, "digits must be"),
     ({"digits": -1}, "digits must be"), ({"r2": None}, "r2 must be")],
)  # fmt: skip
def test_unknown_settings(settings: Any, words: str) -> None:
    with pytest.raises((ranef.InputError, ranef.InputTypeError), match=words):
        ranef.table(three()["intercepts"], **settings)


# Summaries ----------------------------------------------------------------------------------------------------------


def test_summaries_name_weights_offset_and_dispersion() -> None:
    X, groups = np.ones((180, 1)), {"s": D["Subject"]}
    bare = ranef.lmm(D["Reaction"], X, groups).summary()
    assert "Weights" not in bare
    assert "Offset" not in bare
    weighted = ranef.lmm(D["Reaction"], X, groups, weights=1.0 + D["Days"]).summary().splitlines()
    assert weighted[2] == "Weights: array"
    shifted = ranef.lmm(D["Reaction"], X, groups, offset=D["Days"]).summary()
    assert shifted.splitlines()[2] == "Offset: array"
    assert "<p>Offset: array</p>" in shifted._repr_html_()
    counts = np.random.default_rng(3).poisson(4.0, 180)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = ranef.glmm(counts, X, groups, family=ranef.families.NegativeBinomial(theta=3.0)).summary()
        free = ranef.glmm(counts, X, groups, family="negative_binomial").summary()
    assert "Dispersion: theta = 3 (given)" in given.splitlines()
    assert "(given)" not in free


def test_summaries_name_known_relationships() -> None:
    levels = [str(level) for level in np.unique(D["Subject"])]
    fit = ranef.lmm("Reaction ~ Days + (1 | Subject)", D, relationship={"Subject": (np.eye(18), levels)})
    assert "Known relationship of levels: Subject" in fit.summary().splitlines()
