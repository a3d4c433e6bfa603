"""Mixed models of the families that the reference models have none of, against glmmTMB and lme4.

data/fits.json was made by data/make_fits.R: simulated data, and fits of glmmTMB 1.1.5 (of lme4 1.1.31 for the cauchit
link, which glmmTMB lacks) in R 4.2.2, polished by Newton steps on the program's own likelihood until the last step was
below 1e-8 standard errors.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranef
from ranef.contracts import Family
from ranef.families import (
    Beta,
    BetaBinomial,
    Binomial,
    Gamma,
    Gaussian,
    NegativeBinomial,
    NegativeBinomial1,
    Poisson,
    StudentT,
    TruncatedNegativeBinomial,
    TruncatedPoisson,
    Tweedie,
)

RECORD: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "fits.json").read_text(encoding="utf-8"))
DATA = {name: np.array(values) for name, values in RECORD["data"].items()}
FITS: dict[str, dict[str, Any]] = {fit["name"]: fit for fit in RECORD["fits"]}
FAMILIES: dict[str, Any] = {
    "beta": Beta,
    "betabinomial": BetaBinomial,
    "binomial": Binomial,
    "Gamma": Gamma,
    "gaussian": Gaussian,
    "nbinom1": NegativeBinomial1,
    "nbinom2": NegativeBinomial,
    "poisson": Poisson,
    "t": StudentT,
    "truncated_nbinom2": TruncatedNegativeBinomial,
    "truncated_poisson": TruncatedPoisson,
    "tweedie": Tweedie,
}
#: The values that were given in make_fits.R.
GIVEN = {"nbinom2_given": {"theta": 2.0}, "t_given": {"df": 4.0}, "tweedie_given": {"power": 1.4}}


def family_of(name: str) -> Family:
    fit = FITS[name]
    made: Family = FAMILIES[fit["family"]](link=fit["link"], **GIVEN.get(name, {}))
    return made


@cache
def fitted(name: str) -> ranef.GLMMSolution:
    fit = FITS[name]
    y: Any = DATA.get(fit["response"])
    if y is None:  # cbind(successes, failures)
        y = DATA[fit["family"]]
    if fit["family"] in ("betabinomial", "binomial"):
        y = np.column_stack([y, DATA["trials"] - y])
    terms = [fit["random"]] if isinstance(fit["random"], str) else fit["random"]
    return ranef.glmm(
        y,
        np.column_stack([np.ones(len(DATA["x"])), DATA["x"]]),
        {factor: DATA[factor] for factor in "gh" if any(f"| {factor})" in term for term in terms)},
        family=family_of(name),
        random_effects={"g": ["1", "x"] if "(1 + x | g)" in terms else ["1"]},
        random_data={"x": DATA["x"]},
        weights=DATA[fit["weights"]] if fit.get("weights") else None,
        offset=DATA[fit["offset"]] if fit.get("offset") else None,
        hessian="expected" if fit["program"] == "lme4" else "observed",
    )


def numbers(values: Any) -> np.ndarray:
    return np.atleast_1d(np.array(values, dtype=float))


@pytest.mark.parametrize("name", FITS)
def test_log_likelihood(name: str) -> None:
    assert FITS[name]["newton_step"] < 1e-7
    assert fitted(name).converged
    assert fitted(name).log_likelihood == pytest.approx(FITS[name]["logLik"], abs=1e-5)


@pytest.mark.parametrize("name", FITS)
def test_fixed_effects(name: str) -> None:
    ours, theirs = fitted(name), FITS[name]
    se = numbers(theirs["se"])
    np.testing.assert_allclose((ours.coefficients - numbers(theirs["fixef"])) / se, 0, atol=1e-4)
    np.testing.assert_allclose(ours.se, se, rtol=1e-3)


@pytest.mark.parametrize("name", FITS)
def test_standard_deviations(name: str) -> None:
    ours, log_sd = fitted(name), numbers(FITS[name]["log_sd"])
    sd = [c.std_dev for c in ours.var_components]
    np.testing.assert_allclose(sd, np.exp(log_sd[: len(sd)]), rtol=1e-4)
    if len(log_sd) > len(sd):  # glmmTMB's parameter of one correlation is rho / sqrt(1 - rho^2)
        rho = ours.var_components[1].corr[0]
        assert rho / np.sqrt(1 - rho**2) == pytest.approx(log_sd[2], abs=1e-4)
    if len(log_sd) == 1:
        variance = ours._covariance[2, 2]
        assert np.sqrt(variance) / sd[0] == pytest.approx(FITS[name]["log_sd_se"], rel=1e-3)


@pytest.mark.parametrize("name", FITS)
def test_dispersion_and_its_standard_errors(name: str) -> None:
    ours, theirs = fitted(name), FITS[name]
    given = theirs["fixed"] or []
    estimated = [p.name for p in ours.family.parameters if p.fixed is None]
    first, second = numbers(theirs.get("betad") or []), numbers(theirs.get("psi") or [])
    if not ours.family.parameters:
        assert ours.dispersion == ours.dispersion_se == {}
        return
    expected, relative = {}, {}
    if len(first) and "betad" not in given:
        # log of our parameter, but for the Gamma distribution, where it is the log of the shape.
        expected[ours.family.parameters[0].name] = np.exp(-first[0] if theirs["family"] == "Gamma" else first[0])
        relative[ours.family.parameters[0].name] = numbers(theirs["betad_se"])[0]
    if len(second) and "psi" not in given:
        if theirs["family"] == "t":
            expected["df"], relative["df"] = np.exp(second[0]), numbers(theirs["psi_se"])[0]
        else:
            share = 1 / (1 + np.exp(-second[0]))
            expected["power"] = 1 + share
            relative["power"] = numbers(theirs["psi_se"])[0] * share * (1 - share) / (1 + share)
    assert list(expected) == estimated
    for key in estimated:
        assert ours.dispersion[key] == pytest.approx(expected[key], rel=1e-4)
        assert ours.dispersion_se[key] == pytest.approx(expected[key] * relative[key], rel=1e-3)
    for key, value in GIVEN.get(name, {}).items():
        assert ours.dispersion[key] == value
        assert key not in ours.dispersion_se
    assert ours.n_parameters == 2 + len(numbers(theirs["log_sd"])) + len(estimated)


def test_a_dispersion_given_at_its_estimate_changes_nothing_but_the_number_of_parameters() -> None:
    free = fitted("nbinom2_offset")
    case = {"groups": {"g": DATA["g"]}, "offset": DATA["off"]}
    X = np.column_stack([np.ones(240), DATA["x"]])
    given = ranef.glmm(DATA["nbinom2"], X, family=NegativeBinomial(theta=free.dispersion["theta"]), **case)
    assert given.log_likelihood == pytest.approx(free.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(given.coefficients, free.coefficients, rtol=1e-5)
    assert given.n_parameters == free.n_parameters - 1
    assert given.dispersion_se == {}
    assert (given.se <= free.se).all()


def test_a_gaussian_family_is_the_linear_model_by_maximum_likelihood() -> None:
    X = np.column_stack([np.ones(240), DATA["x"]])
    groups = {"g": DATA["g"], "h": DATA["h"]}
    linear = ranef.lmm(DATA["beta"], X, groups, reml=False)
    general = ranef.glmm(DATA["beta"], X, groups, family=Gaussian())
    assert general.log_likelihood == pytest.approx(linear.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(general.coefficients, linear.coefficients, rtol=1e-5)
    assert general.dispersion["dispersion"] == pytest.approx(linear.sigma**2, rel=1e-4)
    for one, other in zip(general.var_components, linear.var_components, strict=False):
        assert one.std_dev == pytest.approx(other.std_dev, rel=1e-4)
