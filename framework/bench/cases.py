"""The named cases of `ranef bench`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .. import datasets
from ..contracts import InputError
from . import simulate
from .model import Case, Workload


def sleepstudy() -> Workload:
    """Reaction ~ Days + (Days | Subject): 180 rows, 18 subjects."""
    data = datasets.load("sleepstudy")
    return Workload(
        y=data["Reaction"],
        X=np.column_stack([np.ones(180), data["Days"]]),
        x_names=("(Intercept)", "Days"),
        groups={"Subject": data["Subject"]},
        random_effects={"Subject": [["1", "Days"]]},
        random_data={"Days": data["Days"]},
    )


def penicillin() -> Workload:
    """Diameter ~ 1 + (1 | plate) + (1 | sample): 144 rows, 24 plates crossed with 6 samples."""
    data = datasets.load("penicillin")
    groups = {name: data[name] for name in ("plate", "sample")}
    effects = {name: [["1"]] for name in groups}
    return Workload(data["diameter"], np.ones((144, 1)), groups, effects, x_names=("(Intercept)",))


def cbpp() -> Workload:
    """incidence / size ~ period + (1 | herd), binomial: 56 rows, 15 herds."""
    data = datasets.load("cbpp")
    periods = np.unique(data["period"])
    return Workload(
        y=data["incidence"] / data["size"],
        X=np.column_stack([np.ones(56), *(data["period"] == p for p in periods[1:])]),
        x_names=("(Intercept)", *(f"period{p}" for p in periods[1:])),
        groups={"herd": data["herd"]},
        random_effects={"herd": [["1"]]},
        weights=data["size"],
        family="binomial",
    )


SHIPPED = {"sleepstudy": sleepstudy, "penicillin": penicillin, "cbpp": cbpp}

#: Simulated cases with a name; the sizes of the "-like" ones are those of the well-known data sets.
PRESETS = {
    "insteval-like": "crossed:rows=73421,levels=2972x1128x14,ml=1",
    "chem97-like": "nested:rows=31022,levels=131x2410",
    "slopes-1m": "slopes:rows=1000000,levels=100000,columns=2",
    "crossed-1m": "crossed:rows=1000000,levels=20000x2000",
    "slopes-5x5": "slopes:rows=25000,levels=500,columns=5",
    "bernoulli-slopes": "slopes:rows=200000,levels=2000,columns=2,family=binomial",
    "bernoulli-crossed": "crossed:rows=10000,levels=300x25,family=binomial",
}

#: Sets of cases: `--preset`.
SETS = {
    "small": ("sleepstudy", "penicillin"),
    "readme": ("sleepstudy", "penicillin", "insteval-like", "chem97-like", "slopes-1m", "crossed-1m", "slopes-5x5"),
    "glmm": ("cbpp", "bernoulli-crossed", "bernoulli-slopes"),
}


def named(name: str) -> Case:
    """The shipped or preset case of that name."""
    if name in SHIPPED:
        return Case(name, SHIPPED[name])
    if name in PRESETS:
        return simulate.parse(PRESETS[name], name=name)
    raise InputError(f"there is no case {name!r}; there is: {', '.join([*SHIPPED, *PRESETS])}")


def grown(text: str, parameter: str, values: Iterable[str]) -> list[Case]:
    """One case for each value of a generator's parameter."""
    return [simulate.parse(PRESETS.get(text, text), grown=parameter, **{parameter: value}) for value in values]


__all__ = ["PRESETS", "SETS", "SHIPPED", "grown", "named"]
