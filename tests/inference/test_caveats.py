"""What is said below tests that are right for many levels only, or inside of the parameter space only."""

from __future__ import annotations

import numpy as np
import pytest

import ranef
from ranef.inference.caveats import FEW

FEW_LEVELS = "The normal distribution is for many levels, and g has"
CHI_SQUARED = "Chi-squared is for many levels, and g has"
ROWS = "n - p degrees of freedom count rows"
ML = "The fit is by maximum likelihood, whose variances are too small"


def data(levels):
    rng = np.random.default_rng(levels)
    g = np.repeat(np.arange(levels), 6)
    f, x = np.tile(["a", "b", "c"], 2 * levels), rng.normal(size=6 * levels)
    y = x + rng.normal(size=levels)[g] + rng.normal(size=6 * levels)
    return {"g": g, "f": f, "x": x, "y": y, "count": rng.poisson(np.exp(0.2 * x + 1.0)).astype(float)}


def poisson(levels):
    return ranef.glmm("count ~ f + x + (1 | g)", data(levels), family="poisson")


def linear(levels, **options):
    return ranef.lmm("y ~ f + x + (1 | g)", data(levels), **options)


def in_one_line(record):
    return " ".join(str(record).split())


TABLES = {
    "summary": lambda fit, df: fit.summary(),
    "contrast": lambda fit, df: fit.contrast("x", df),
    "term": lambda fit, df: fit.contrast("f", df),
    "means": lambda fit, df: fit.emmeans("f", df=df),
    "pairs": lambda fit, df: fit.emmeans("f", df=df).pairs(),
    "joint_tests": lambda fit, df: fit.joint_tests(df=df),
    "joint": lambda fit, df: fit.emmeans("f", df=df).pairs().joint_tests(),
    "anova": lambda fit, df: fit.anova(df=df),
}


@pytest.mark.filterwarnings("ignore::ranef.SingularFitWarning")
@pytest.mark.parametrize("table", TABLES)
def test_z_of_few_levels(table):
    said = CHI_SQUARED if table in ("joint_tests", "joint", "anova") else FEW_LEVELS
    assert f"{said} {FEW - 1}:" in in_one_line(TABLES[table](poisson(FEW - 1), None))
    assert said not in in_one_line(TABLES[table](poisson(FEW), None))
    if table != "summary":
        assert said in in_one_line(TABLES[table](linear(FEW - 1), "asymptotic"))
        assert said not in in_one_line(TABLES[table](linear(FEW), "asymptotic"))


@pytest.mark.parametrize("table", [name for name in TABLES if name != "summary"])
def test_degrees_of_freedom_that_count_rows(table):
    assert ROWS in in_one_line(TABLES[table](linear(40), "residual"))
    for df in ("satterthwaite", "kenward-roger"):
        assert ROWS not in in_one_line(TABLES[table](linear(40), df))


@pytest.mark.parametrize("table", [name for name in TABLES if name != "summary"])
def test_t_of_fits_by_maximum_likelihood(table):
    assert ML in in_one_line(TABLES[table](linear(10, reml=False), "satterthwaite"))
    assert ML not in in_one_line(TABLES[table](linear(10), "satterthwaite"))


def test_variances_at_zero_in_comparisons_of_two():
    small, large = (ranef.lmm(f"y ~ x + {bar}", data(20), reml=False) for bar in ("(1 | g)", "(x || g)"))
    test = large.compare(small)
    assert "larger: smaller has no variance of x|g; zero is at the boundary" in in_one_line(test)
    assert "zero is at the boundary" in test._repr_html_()
    assert max(map(len, repr(test).splitlines())) <= 80
    less = ranef.lmm("y ~ 1 + (1 | g)", data(20), reml=False)
    assert "boundary" not in str(small.compare(less))
    assert f"{CHI_SQUARED} 20" in in_one_line(small.compare(less))


def test_comparisons_of_two_are_tables():
    small, large = (ranef.lmm(f"y ~ {x} + (1 | g)", data(30), reml=False) for x in ("1", "x"))
    test = large.compare(small)
    columns = test.to_frame()
    assert columns["model"].tolist() == [small.model, large.model]
    assert columns["statistic"][1] == test.statistic
    assert np.isnan(columns["p_value"][0])
    assert test.to_frame("pandas").shape == (2, 8)


def test_lines_are_not_longer_than_80():
    fit = linear(10, reml=False)
    for table in TABLES.values():
        assert max(map(len, repr(table(fit, "residual")).splitlines())) <= 80
