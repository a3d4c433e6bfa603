"""Random mixed models of all kinds, from a seed: what the laws are held to, and the reliability script at size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import ranef
from ranef.contracts import Family
from ranef.contracts.arrays import FloatArray, IntArray
from ranef.families import (
    Beta,
    BetaBinomial,
    Binomial,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    NegativeBinomial1,
    Poisson,
    StudentT,
    TruncatedNegativeBinomial,
    TruncatedPoisson,
    Tweedie,
)

#: Standard deviations of random effects, relative to the residual's (or on the link scale), with zero twice as often:
#: variances from 0 to 10,000 times the residual one.
SPREADS = (0.0, 0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
LINK_SPREADS = (0.0, 0.0, 0.1, 0.3, 1.0)
#: Where a slope's variable may be counted from, in its standard deviations.
ORIGINS = (0.0, 0.0, 2.0, 1e3, 1e7)
#: Families with their usual links, whose linear predictors have no edge.
FAMILIES: tuple[Family, ...] = (
    Binomial(),
    Binomial("probit"),
    Binomial("cloglog"),
    Poisson(),
    NegativeBinomial(),
    NegativeBinomial1(),
    Gamma("log"),
    InverseGaussian("log"),
    Gaussian(),
    Beta(),
    BetaBinomial(),
    StudentT(df=5.0),
    Tweedie(power=1.5),
    TruncatedPoisson(),
    TruncatedNegativeBinomial(theta=2.0),
)
#: Dispersion parameters that data are simulated with.
DISPERSION = {
    "negative_binomial": [2.0],
    "negative_binomial1": [1.0],
    "gamma": [0.5],
    "inverse_gaussian": [0.3],
    "gaussian": [1.0],
    "beta": [8.0],
    "beta_binomial": [4.0],
    "student_t": [1.0, 5.0],
    "tweedie": [1.0, 1.5],
    "truncated_negative_binomial": [2.0],
}


@dataclass(frozen=True, eq=False)
class Case:
    """Arguments of `ranef.lmm`, or of `ranef.glmm` where there is a family."""

    y: FloatArray
    X: FloatArray
    groups: dict[str, IntArray]
    random_effects: dict[str, list[str]]
    random_data: dict[str, FloatArray]
    correlated: dict[str, bool]
    weights: FloatArray | None = None
    reml: bool = True
    family: Family | None = None

    def fit(self, **changed: Any) -> Any:
        """The fit, with some arguments changed."""
        names = ["random_effects", "random_data", "correlated", "weights"]
        arguments = {name: getattr(self, name) for name in names}
        if self.family is None:
            return ranef.lmm(self.y, self.X, self.groups, **(arguments | {"reml": self.reml} | changed))
        return ranef.glmm(self.y, self.X, self.groups, **(arguments | {"family": self.family} | changed))

    def terms(self) -> list[tuple[IntArray, FloatArray, bool]]:
        """Codes, columns of Z (n, k) and whether they are correlated, by factor.

        Columns of correlated terms with an intercept are counted from their means, which is the same model.
        """
        ones, out = np.ones(len(self.y)), []
        for g, codes in self.groups.items():
            names, correlated = self.random_effects[g], self.correlated[g]
            Z = np.column_stack([ones if v == "1" else self.random_data[v] for v in names])
            if correlated and "1" in names:
                Z -= np.where([v == "1" for v in names], 0.0, Z.mean(axis=0))
            out.append((np.unique(codes, return_inverse=True)[1], Z, correlated))
        return out

    def rows(self, order: IntArray) -> Case:
        """The same rows in another order."""
        return replace(
            self,
            y=self.y[order],
            X=self.X[order],
            groups={g: codes[order] for g, codes in self.groups.items()},
            random_data={v: x[order] for v, x in self.random_data.items()},
            weights=None if self.weights is None else self.weights[order],
        )


def _predictors(rng: np.random.Generator, n: int, origins: tuple[float, ...]) -> dict[str, FloatArray]:
    """A uniform, a normal, an indicator, and one nearly collinear with the first."""
    x = rng.uniform(-1.7, 1.7, n).round(2)
    return {
        "x": x + float(rng.choice(origins)),
        "z": rng.normal(size=n).round(2),
        "i": (rng.random(n) < 0.4).astype(float),
        "c": x + 10.0 ** rng.uniform(-4, 0) * rng.normal(size=n),
    }


def _random_part(
    rng: np.random.Generator, data: dict[str, FloatArray], n: int, spreads: tuple[float, ...], most: int
) -> tuple[dict[str, Any], FloatArray]:
    """Factors (nested or crossed) with their terms, and what they add to the predictor."""
    groups: dict[str, IntArray] = {}
    effects: dict[str, list[str]] = {}
    correlated: dict[str, bool] = {}
    added = np.zeros(n)
    for j in range(int(rng.integers(1, most + 1))):
        n_levels = int(rng.integers(2, max(3, n // 5)))
        codes = rng.integers(0, n_levels, n)
        if j == 1 and rng.random() < 0.4:  # nested in the first
            codes = 2 * groups["g0"] + rng.integers(0, 2, n)
        if rng.random() < 0.1:  # one level with nearly all rows
            codes = np.where(rng.random(n) < 0.9, codes[0], codes)
        if len(np.unique(codes)) < 2 or len(np.unique(codes)) >= n:
            codes = np.arange(n) % 3
        names = [str(v) for v in rng.permutation(list(data))[: int(rng.integers(0, 4 if j == 0 else 2))]]
        columns = (["1"] if rng.random() < 0.85 or not names else []) + names
        levels, codes = np.unique(codes, return_inverse=True)
        Z = np.column_stack([np.ones(n) if v == "1" else data[v] - data[v].mean() for v in columns])
        spread = rng.choice(spreads, size=len(columns)) / np.maximum(Z.std(axis=0), 0.3)
        b = rng.normal(size=(len(levels), len(columns))) * spread
        if rng.random() < 0.3:  # perfectly correlated
            b = rng.normal(size=(len(levels), 1)) * spread
        added += (b[codes] * Z).sum(axis=1)
        groups[f"g{j}"], effects[f"g{j}"] = codes, columns
        correlated[f"g{j}"] = bool(rng.random() < 0.75)
    return {"groups": groups, "random_effects": effects, "correlated": correlated, "random_data": data}, added


def linear(seed: int, most_rows: int = 100) -> Case:
    """A linear model and data simulated from it (its effects are of the columns counted from their means)."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, most_rows))
    data = _predictors(rng, n, ORIGINS)
    p = int(rng.integers(0, min(4, n - 4)))
    X = np.column_stack([np.ones(n), data["x"] - data["x"].mean(), data["z"]])[:, :p]
    random, added = _random_part(rng, data, n, SPREADS, 3)
    weights = 10.0 ** rng.uniform(-2, 2, n) if rng.random() < 0.25 else None
    noise = rng.normal(size=n) / (1.0 if weights is None else np.sqrt(weights))
    y = X @ rng.normal(size=p) + added + noise
    return Case(y=y, X=X, weights=weights, reml=bool(rng.random() < 0.6), **random)


def generalized(seed: int, most_rows: int = 150, family: Family | None = None) -> Case:
    """A generalized model of a random family, and data simulated from it."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, most_rows))
    data = _predictors(rng, n, ORIGINS[:3])
    p = int(rng.integers(1, 4))
    X = np.column_stack([np.ones(n), data["x"] - data["x"].mean(), data["z"]])[:, :p]
    random, added = _random_part(rng, data, n, LINK_SPREADS, 2)
    chosen: Family = FAMILIES[int(rng.integers(len(FAMILIES)))] if family is None else family
    weights = None
    if chosen.weights_are_trials:
        bernoulli = rng.random() < 0.4 and chosen.name == "binomial"
        weights = np.ones(n) if bernoulli else rng.integers(1, 9, n).astype(float)
    eta = np.clip(X @ (0.5 * rng.normal(size=p)) + added, -6.0, 6.0)
    phi = np.array(DISPERSION.get(chosen.name, []))
    mu = chosen.link.mean(eta).mu
    y = chosen.sample(mu, np.ones(n) if weights is None else weights, phi, rng)
    if chosen.name in ("gamma", "inverse_gaussian", "beta"):
        y = np.clip(y, 1e-8, 1.0 - 1e-8 if chosen.name == "beta" else np.inf)
    return Case(y=y, X=X, weights=weights, family=chosen, **random)


def pure_noise(seed: int) -> Case:
    """A linear model whose data have no random effects at all."""
    case = linear(seed)
    rng = np.random.default_rng([seed, 1])
    return replace(case, y=case.X.sum(axis=1) + rng.normal(size=len(case.y)), weights=None)
