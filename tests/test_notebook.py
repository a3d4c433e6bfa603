"""docs/notebook.md as a newcomer runs it, on pandas and on polars: every cell runs, and both say the same.

`make docs` runs the cells with IPython, on pandas.
"""

from __future__ import annotations

import ast
import re
import warnings
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

import ranef

PAGE = Path(__file__).parents[1] / "docs" / "notebook.md"
#: Cells whose output is a frame of the library itself.
OF_FRAMES = ("cakes.head()", "to_frame()")


def cells(library):
    """Code of the page's cells, as one writes it who uses that library."""
    code = re.findall(r"^```\{code-cell\}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    code = [cell for cell in code if not cell.startswith(":tags: [remove-cell]")]
    if library == "polars":
        code = [re.sub(r"\bpd\.", "pl.", cell.replace("import pandas as pd", "import polars as pl")) for cell in code]
    return code


def shown(code, names):
    """Run a cell; what it prints, and its last expression as a prompt shows it."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with redirect_stdout(StringIO()) as printed:
        exec(compile(tree, "<cell>", "exec"), names)
        value = None if last is None else eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    return printed.getvalue() + ("" if value is None else repr(value))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """By library, all names and what each cell shows."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    out = {}
    for library in ("pandas", "polars"):
        pytest.importorskip(library)
        pyplot.close("all")  # of other tests
        names: dict = {"folder": tmp_path_factory.mktemp(library)}
        with chdir(names["folder"]), warnings.catch_warnings():
            warnings.simplefilter("error", ranef.RanefWarning)
            said = {code.strip(): shown(code, names) for code in cells(library)}
        out[library] = names, said
        assert len(pyplot.get_fignums()) == 3
        pyplot.close("all")
    return out


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_cells_have_the_figures_of_r(runs, library):
    names, said = runs[library]
    # lme4 1.1-31, lmerTest 3.1-3, emmeans 1.8.4-1: lmer(angle ~ recipe * temperature + (1 | replicate/recipe)), and +
    assert names["fit"].log_likelihood == pytest.approx(-832.6838913, abs=1e-6)
    F = dict(zip(names["fit"].anova()["term"], names["fit"].anova()["statistic"], strict=True))
    assert F["recipe:I(temperature - 200)"] == pytest.approx(0.04169, abs=1e-5)
    np.testing.assert_allclose(names["simple"].se, [3.678947, 0.9752778, 0.9752778, 0.01621577], rtol=1e-5)
    np.testing.assert_allclose(names["means"]["estimate"], [33.122, 31.644, 31.600], atol=1e-3)
    pairs = names["means"].pairs()
    np.testing.assert_allclose(pairs["estimate"], [1.4778, 1.5222, 0.0444], atol=1e-4)
    np.testing.assert_allclose(pairs["p_value"], [0.2993, 0.2790, 0.9989], atol=1e-4)
    assert said['simple.report("cakes.html", rng=1)'].endswith(" characters, written to cakes.html>")
    assert "Analysis of Variance" in (names["folder"] / "cakes.html").read_text(encoding="utf-8")


def test_both_libraries_say_the_same(runs):
    (a, pandas), (b, polars) = runs["pandas"], runs["polars"]
    for one, other in zip(pandas, polars, strict=True):
        if not one.endswith(OF_FRAMES):
            assert polars[other] == pandas[one], one
    assert a["fit"] == b["fit"]
    kinds = [type(names["fit"].coef_table().to_frame()).__module__.partition(".")[0] for names in (a, b)]
    assert kinds == ["pandas", "polars"]


def test_what_is_shown_fits_a_screen(runs):
    for _, said in runs.values():
        assert max(map(len, "\n".join(said.values()).splitlines())) <= 110


def test_the_installation_that_the_page_asks_for_is_enough():
    """Extras of the page are those that the project has."""
    page = PAGE.read_text(encoding="utf-8")
    asked = set(",".join(re.findall(r'pip install "\.\[(.*?)\]"', page)).split(","))
    project = (PAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert asked == {name for name in asked if re.search(rf"^{name} = \[", project, re.MULTILINE)}
