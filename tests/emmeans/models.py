"""Models of the tests, fitted once, and what emmeans says of them."""

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import ranef

HERE = Path(__file__).parent
FACTS = json.loads((HERE / "reference.json").read_text(encoding="utf-8"))
TEXT = ("g", "trt", "week", "holes")


def weeks() -> dict[str, Any]:
    with (HERE / "weeks.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        name: np.array(
            [row[name] if name in TEXT else float(row[name]) for row in rows], object if name in TEXT else float
        )
        for name in rows[0]
    }


FORMULAS = {
    "weeks": "y ~ trt * week + x + z + (1 | g)",
    "curves": "y ~ trt * poly(x, 2) + ns(time, 3) + (1 | g)",
    "dose": "y ~ factor(dose) + log(x) + (1 | g)",
    "logged": "log(size) ~ trt + x + (1 | g)",
    "roots": "sqrt(size) ~ trt + x + (1 | g)",
    "shifted": "log(size + 1) ~ trt + x + (1 | g)",
    "holes": "y ~ trt * holes + (1 | g)",
    "additive": "y ~ trt + holes + (1 | g)",
    "crossed": "log(size) ~ trt * factor(z) + x + (1 | g)",
}


@cache
def fit(name: str) -> Any:
    if name == "cake":
        return ranef.lmm("angle ~ recipe * temperature + (1 | replicate:recipe)", ranef.datasets.load("cake"))
    if name in ("cbpp", "probit"):
        data = ranef.datasets.load("cbpp")
        formula = "cbind(incidence, size - incidence) ~ period + (1 | herd)"
        if name == "probit":  # by quadrature: lme4's Laplace approximation is another one for this link
            return ranef.glmm(formula, data, family=ranef.families.Binomial("probit"), nagq=25)
        return ranef.glmm(formula, data, family="binomial")
    if name == "counts":
        return ranef.glmm("count ~ trt * x + offset(log(time)) + (1 | g)", weeks(), family="poisson")
    return ranef.lmm(FORMULAS[name], weeks())


def agree(ours: Any, facts: dict[str, list[Any]], rtol: float = 1e-6, p: float = 1e-5) -> None:
    """Labels in the same order, numbers to a part of their size (p-values to `p`)."""
    for name, values in facts.items():
        if name in ("statistic", "p_value") and name not in ours:
            continue
        if name == "1" or (name == "df" and "df" not in ours):
            continue
        if name in ("trt", "week", "holes", "contrast", "recipe", "period", "term") or isinstance(values[0], str):
            assert ours[name].tolist() == values, name
            continue
        wanted = np.array([np.nan if v is None else float(v) for v in values])
        tolerance = p if name in ("p_value", "df", "df2") else rtol
        np.testing.assert_allclose(ours[name], wanted, rtol=tolerance, atol=rtol * 1e-1, err_msg=name)
