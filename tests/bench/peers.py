"""Other packages on the same models, as methods of `ranef.bench`.

Only the fit call is timed; formula packages build their matrices inside of it. A peer that is not installed, or cannot
fit a model, is reported as such. All criteria are -2 log-likelihood (restricted where the model is fitted by REML), so
that differences between methods show who stopped short of the optimum.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ranef.bench.methods import Method
from ranef.bench.model import Prepared, Workload
from ranef.contracts import InputError, RanefError
from ranef.design.grouping import encode


class CannotFitError(RanefError):
    """A peer has no such model."""


@dataclass(frozen=True)
class Peer(Method):
    """Another package. `module` is what has to be there for `adapter`; `distribution` has the version."""

    peer: str
    module: str
    adapter: Callable[[Workload], Prepared]
    distribution: str = ""

    @property
    def label(self) -> str:
        """What tables show."""
        return self.peer

    def prepare(self, model: Workload) -> Prepared:
        """All that is not timed: conversion of the data to what the peer takes."""
        return self.adapter(model)

    def details(self, model: Workload, found: Any, n_fits: int) -> dict[str, Any]:
        """The peer's version."""
        return {"version": self.version}

    @property
    def installed(self) -> bool:
        """Whether the peer is there, without importing it."""
        if self.module == "Rscript":
            return _lme4_version() != ""
        return importlib.util.find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """Version of the distribution."""
        if self.module == "Rscript":
            return _lme4_version()
        return importlib.metadata.version(self.distribution or self.module)


def statsmodels(model: Workload) -> Prepared:
    """`MixedLM`: one factor as groups, several as variance components of one group (dense)."""
    import statsmodels.formula.api as smf

    _refuse(model, "statsmodels", family=True, weights=True)
    frame, formula, terms = as_frame(model)
    fixed = f"y ~ {formula}"
    if len(terms) == 1:
        (group, columns), *_ = terms
        options: dict[str, Any] = {"groups": group, "re_formula": "~ " + columns}
    else:
        if any(columns != "1" for _, columns in terms):
            raise CannotFitError("MixedLM has no random slopes of crossed factors")
        frame["all"] = 1
        components = {group: f"0 + C({group})" for group, _ in terms}
        options = {"groups": "all", "re_formula": "0", "vc_formula": components}
    return Prepared(lambda: smf.mixedlm(fixed, frame, **options).fit(reml=model.reml), lambda fit: -2.0 * fit.llf)


def pystatistics(model: Workload) -> Prepared:
    """The same arrays as ranef's; labels are coded beforehand."""
    from pystatistics.mixed import glmm, lmm

    _refuse(model, "pystatistics", weights=model.family is None)
    groups = {name: encode(labels, name)[0] for name, labels in model.groups.items()}
    effects = {name: _one_term(terms) for name, terms in model.random_effects.items()}
    options: dict[str, Any] = {"random_effects": effects, "random_data": dict(model.random_data) or None}
    if model.family is None:
        options |= {"reml": model.reml, "compute_satterthwaite": False}
        return Prepared(lambda: lmm(model.y, model.X, groups, **options), lambda fit: -2.0 * fit.log_likelihood)
    options |= {"family": model.family, "weights": model.weights}
    coefficients = 0.0 if model.weights is None else _binomial_coefficients(model)
    return Prepared(
        lambda: glmm(model.y, model.X, groups, **options), lambda fit: coefficients - 2.0 * fit.log_likelihood
    )


def rust_glmm(model: Workload) -> Prepared:
    """The package `glmm`, by formula on a data frame."""
    import glmm

    frame, formula, terms = as_frame(model)
    text = f"y ~ {formula} + {_bars(terms)}"
    options: dict[str, Any] = {"weights": model.weights}
    if model.family is None:
        options |= {"reml": model.reml, "satterthwaite": False}
    family = model.family or "gaussian"
    return Prepared(lambda: glmm.fit(frame, text, family, **options), lambda fit: -2.0 * fit.loglik)


def mixedlm(model: Workload) -> Prepared:
    """The package `mixedlm`, by formula on a data frame."""
    import mixedlm as package

    frame, formula, terms = as_frame(model)
    text = f"y ~ {formula} + {_bars(terms)}"
    criterion = lambda fit: -2.0 * fit.logLik().value  # noqa: E731
    if model.family is None:
        _refuse(model, "mixedlm", weights=True)
        return Prepared(lambda: package.lmer(text, frame, REML=model.reml), criterion)
    families = {"binomial": package.families.Binomial, "poisson": package.families.Poisson}
    if model.family not in families:
        raise CannotFitError(f"the family {model.family} is not among those that the adapter knows")
    family = families[model.family]()
    return Prepared(lambda: package.glmer(text, frame, family=family, weights=model.weights), criterion)


def gpboost(model: Workload) -> Prepared:
    """`GPModel` with grouped random effects: maximum likelihood, intercepts only."""
    import gpboost as package

    if model.family is None and model.reml:
        raise CannotFitError("gpboost has no REML: add --ml")
    if any(_one_term(terms) != ["1"] for terms in model.random_effects.values()):
        raise CannotFitError("gpboost has no correlated random slopes")
    group_data = np.column_stack([encode(labels, name)[0] for name, labels in model.groups.items()])
    likelihoods = {None: "gaussian", "poisson": "poisson", "binomial": "bernoulli_logit"}
    if model.family == "binomial" and model.weights is not None:
        likelihoods["binomial"] = "binomial_logit"
    if model.family not in likelihoods:
        raise CannotFitError(f"the family {model.family} is not among those that the adapter knows")

    def fit() -> Any:
        made = package.GPModel(
            group_data=group_data,
            likelihood=likelihoods[model.family],
            weights=model.weights,
            matrix_inversion_method="cholesky",
        )
        return made.fit(y=model.y, X=model.X)

    return Prepared(fit, lambda made: 2.0 * made.get_current_neg_log_likelihood())


def lme4(model: Workload) -> Prepared:
    """R's lme4 in a process of its own, which fits a small model first and then times `lmer` or `glmer` itself."""
    if model.family not in (None, "binomial", "poisson"):
        raise CannotFitError(f"the family {model.family} is not among those that the adapter knows")
    frame, formula, terms = as_frame(model)
    text = f"y ~ {formula} + {_bars(terms)}"
    if model.weights is not None:
        frame["w"] = model.weights
    weights = "NULL" if model.weights is None else "d$w"
    call = (
        f"lmer({text}, d, REML = {str(model.reml).upper()}, weights = {weights})"
        if model.family is None
        else f"glmer({text}, d, family = {model.family}, weights = {weights})"
    )
    directory = tempfile.TemporaryDirectory()
    path = Path(directory.name, "data.csv")
    frame.to_csv(path, index=False)
    factors = ", ".join(f'"{group}"' for group, _ in terms)
    program = f"""
        suppressMessages(library(lme4))
        d <- read.csv("{path}")
        for (g in c({factors})) d[[g]] <- factor(d[[g]])
        invisible(lmer(Yield ~ 1 + (1 | Batch), Dyestuff))
        seconds <- system.time(fit <- {call})[["elapsed"]]
        cat(sprintf('{{"seconds": %.6f, "criterion": %.9f}}\\n', seconds, -2 * as.numeric(logLik(fit))))
    """

    def fit() -> dict[str, float]:
        assert directory.name  # keeps the data for as long as the fit may be called
        done = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotFitError(f"Rscript: {done.stderr.strip().splitlines()[-1]}")
        figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
        return figures

    return Prepared(fit, lambda found: found["criterion"], lambda found: found["seconds"])


PEERS = {
    peer.peer: peer
    for peer in (
        Peer("statsmodels", "statsmodels", statsmodels),
        Peer("pystatistics", "pystatistics", pystatistics),
        Peer("glmm", "glmm", rust_glmm),
        Peer("mixedlm", "mixedlm", mixedlm),
        Peer("gpboost", "gpboost", gpboost),
        Peer("lme4", "Rscript", lme4),
    )
}


def chosen(text: str) -> list[Peer]:
    """Installed peers: ``"all"``, or those listed."""
    names = list(PEERS) if text == "all" else [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PEERS:
            raise InputError(f"there is no peer {name!r}; there is: {', '.join(PEERS)}")
        if text != "all" and not PEERS[name].installed:
            raise InputError(f"the peer {name} is not installed")
    return [PEERS[name] for name in names if PEERS[name].installed]


# Data frames and formulas ---------------------------------------------------------------------------------------------


def as_frame(model: Workload) -> tuple[Any, str, list[tuple[str, str]]]:
    """A pandas frame, the fixed part of a formula, and (factor, columns) of each random term, with plain names."""
    import pandas as pd

    if model.offset is not None:
        raise CannotFitError("the adapters pass no offsets")
    if model.correlated and not all(model.correlated.values()):
        raise CannotFitError("the adapters pass no uncorrelated terms")
    if model.covariance:
        raise CannotFitError("the adapters pass no covariance structures")
    columns: dict[str, Any] = {"y": model.y}
    fixed: list[str] = []
    slopes: dict[str, str] = {}
    for j, (name, x) in enumerate(zip(model.x_names, model.X.T, strict=True)):
        if np.all(x == 1.0):
            fixed.insert(0, "1")
            continue
        columns[f"x{j}"] = x
        fixed.append(f"x{j}")
        slopes[name] = f"x{j}"
    for j, (name, z) in enumerate(model.random_data.items()):
        if name not in slopes:
            slopes[name] = f"z{j}"
            columns[f"z{j}"] = z
    terms = []
    for j, (name, labels) in enumerate(model.groups.items()):
        codes, levels = encode(labels, name)
        columns[f"g{j}"] = pd.Categorical.from_codes(codes, pd.Index([f"l{level}" for level in levels]))
        used = _one_term(model.random_effects[name])
        named = [slopes.get(column, column) for column in used]
        terms.append((f"g{j}", " + ".join(named if "1" in used else ["0", *named])))
    return pd.DataFrame(columns), " + ".join(fixed if "1" in fixed else ["0", *fixed]), terms


def _bars(terms: list[tuple[str, str]]) -> str:
    return " + ".join(f"({columns} | {group})" for group, columns in terms)


def _one_term(terms: list[list[str]]) -> list[str]:
    if len(terms) != 1:
        raise CannotFitError("the adapters pass one term for each factor")
    return terms[0]


def _refuse(model: Workload, peer: str, *, family: bool = False, weights: bool = False) -> None:
    if family and model.family is not None:
        raise CannotFitError(f"{peer} fits no generalized linear mixed model by the Laplace approximation")
    if weights and model.weights is not None:
        raise CannotFitError(f"{peer} has no prior weights")


def _binomial_coefficients(model: Workload) -> float:
    """-2 sum of log binomial coefficients, which some likelihoods leave out."""
    from scipy.special import gammaln

    assert model.weights is not None
    n, k = model.weights, np.round(model.y * model.weights)
    return float(-2.0 * np.sum(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)))


def _lme4_version() -> str:
    if shutil.which("Rscript") is None:
        return ""
    program = 'cat(as.character(packageVersion("lme4")))'
    done = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
