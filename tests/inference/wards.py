"""The data of wards.csv, what R's packages found in them (make_terms.R), and fits that several tests look at."""

import csv
import json
import warnings
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

import ranef

HERE = Path(__file__).parent
FACTS = json.loads((HERE / "terms.json").read_text(encoding="utf-8"))
#: What refits of simulated responses found (make_simulated.R).
SIMULATED = json.loads((HERE / "simulated.json").read_text(encoding="utf-8"))
NUMBERS = ("y", "count", "x", "w")


def _read():
    with (HERE / "wards.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([row[name] for row in rows], dtype=float if name in NUMBERS else str) for name in rows[0]}


WARDS = MappingProxyType(_read())
#: Without a cell of drug and dose.
EMPTY = {name: column[~((WARDS["drug"] == "c") & (WARDS["dose"] == "high"))] for name, column in WARDS.items()}
FORMULAS = {
    "interaction": "y ~ drug * dose + x + (1 | ward) + (1 | nurse)",
    "covariate": "y ~ drug * x + dose + (1 | ward) + (1 | nurse)",
    "nested": "y ~ drug / dose + x + (1 | ward) + (1 | nurse)",
    "weights": "y ~ drug * dose + x + (1 | ward) + (1 | nurse)",
    "empty": "y ~ drug * dose + x + (1 | ward) + (1 | nurse)",
}


@cache
def fitted(name, coding=None):
    """A fit by REML; `coding` are contrasts of both factors."""
    return lmm(
        FORMULAS[name],
        EMPTY if name == "empty" else WARDS,
        contrasts=coding and {"drug": coding, "dose": coding},
        weights="w" if name == "weights" else None,
    )


def lmm(formula, data=WARDS, **options):
    """A fit without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ranef.lmm(formula, dict(data), **options)


def glmm(formula, family="poisson", **options):
    """A fit without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ranef.glmm(formula, dict(WARDS), family=family, **options)


@cache
def counts(formula="count ~ drug * dose + drug * x + (1 | ward)", family="poisson"):
    """A generalized fit."""
    return glmm(formula, family)
