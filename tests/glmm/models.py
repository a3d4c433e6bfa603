"""The reference GLMMs as fits of ours, made once for each way to fit them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import ranef
from ranef.contracts import Family
from ranef.contracts.arrays import BoolArray, FloatArray
from ranef.families import Binomial, Gamma, InverseGaussian, NegativeBinomial, Poisson

from ..reference.load import Case, load, names

NAMES = names("glmm_")
FAMILIES = {
    "binomial": Binomial,
    "poisson": Poisson,
    "Gamma": Gamma,
    "inverse.gaussian": InverseGaussian,
    "negative.binomial": NegativeBinomial,
}


@dataclass(frozen=True, eq=False)
class Fitted:
    """A reference model, our fit of it, and the warnings that were given."""

    case: Case
    solution: ranef.GLMMSolution
    warned: tuple[type[Warning], ...]

    @property
    def record(self) -> dict[str, Any]:
        return self.case.expected


@dataclass(frozen=True, eq=False)
class Target:
    """Maximum likelihood figures of a reference model, out of one block of its record."""

    fixef: FloatArray
    se: FloatArray
    sd: FloatArray
    corr: tuple[tuple[float, ...], ...]
    dispersion: tuple[float, ...]
    log_likelihood: float
    npar: int


def arguments(case: Case) -> dict[str, Any]:
    """The keyword arguments of `ranef.glmm` for a reference model."""
    fields = ("random_effects", "random_data", "correlated", "weights", "offset", "x_names", "nagq")
    return {field: getattr(case, field) for field in fields} | {"family": FAMILIES[case.family](link=case.link)}


def fit(name: str, **changed: Any) -> ranef.GLMMSolution:
    """Fit a reference model, with some arguments changed."""
    case = load(name)
    return ranef.glmm(**({"y": case.y, "X": case.X, "groups": case.groups} | arguments(case) | changed))


@cache
def fitted(name: str, backend: str = "auto", optimizer: str = "auto") -> Fitted:
    """The reference model `name` by maximum likelihood, fitted once."""
    return _watched(name, backend=backend, optimizer=optimizer)


@cache
def fitted_as_lme4(name: str) -> Fitted:
    """The same by lme4's criterion: expected weights in log|M|, and theta of the negative binomial as given."""
    case = load(name)
    family: dict[str, Family] = {}
    if case.family == "negative.binomial":
        family["family"] = NegativeBinomial(theta=case.expected["nb_theta"], link=case.link)
    return _watched(name, hessian="expected", **family)


def _watched(name: str, **changed: Any) -> Fitted:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        solution = fit(name, **changed)
        solution.summary()  # what is computed lazily warns here or never
    return Fitted(load(name), solution, tuple(w.category for w in caught))


def target(case: Case) -> Target:
    """What maximum likelihood gives: from the record's exact block where it has one, or glmmTMB's, or lme4's.

    See "Which block to compare with" in tests/reference/README.md.
    """
    record = case.expected
    exact = (record.get("exact") or {}).get("laplace")
    if exact and case.nagq == 1:
        dispersion = () if exact["dispersion"] is None else (exact["dispersion"],)
        return Target(
            _values(exact["fixef"]),
            _values(exact["se"]),
            np.array([exact["sd"]]),
            ((),),
            dispersion,
            exact["logLik"],
            exact["npar"],
        )
    block = record.get("glmmTMB") or record
    terms = {term["group"]: term for term in block["varcorr"]}  # glmmTMB has them in another order
    block = block | {"varcorr": [terms[term["group"]] for term in record["varcorr"]]}
    # glmmTMB's sigma is theta of the negative binomial; the Gamma models have an exact block.
    dispersion = (block["sigma"],) if case.family == "negative.binomial" else ()
    return Target(
        _values(block["fixef"]),
        _values(block["se"]),
        np.array([sd for _, _, sd, _ in components(block)]),
        tuple(corr for *_, corr in components(block)),
        dispersion,
        record["logLik_comparable"] if case.nagq and case.nagq > 1 else block["logLik"],
        block["npar"],
    )


def components(block: dict[str, Any]) -> Iterator[tuple[str, str, float, tuple[float, ...]]]:
    """Group, column, standard deviation and correlations with the columns before, from a record's `varcorr`."""
    for term in block["varcorr"]:
        for i, name in enumerate(term["names"]):
            yield term["group"], name, term["sd"][i], tuple(term["corr"][i][:i])


def _values(by_name: dict[str, float]) -> FloatArray:
    return np.array(list(by_name.values()))


class Geometric(Family):
    """The smallest family, as a third party writes it: everything else is the contract's default."""

    name, links, discrete = "geometric", ("log", "identity"), True

    def log_density(self, y: FloatArray, mu: FloatArray, weights: FloatArray, phi: FloatArray) -> FloatArray:
        return weights * (y * np.log(mu / (1 + mu)) - np.log1p(mu))

    def variance(self, mu: FloatArray, phi: FloatArray) -> FloatArray:
        return mu * (1 + mu)

    def support(self, y: FloatArray, weights: FloatArray) -> BoolArray:
        return (y >= 0) & (y == np.round(y))

    def sample(self, mu: FloatArray, weights: FloatArray, phi: FloatArray, rng: np.random.Generator) -> FloatArray:
        return rng.geometric(1 / (1 + mu)) - 1.0
