"""Fits of nlme's gls and lme (3.1), and of glmmTMB: reference.json, by make_reference.R."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ranef

from .models import data

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference.json").read_text())
#: Formula, residual, dispersion.
CALLS = {
    "ar1 arms": ("y ~ arm + time", "ar1(time | subject)", "~ 0 + arm"),
    "car1": ("y ~ arm + time", "car1(time | subject)", None),
    "cs exp": ("y ~ arm + time", "cs(1 | subject)", "~ time"),
    "us": ("y ~ arm * visit", "us(visit | subject)", None),
    "lme ar1 arms": ("y ~ arm + time + (1 | site)", "ar1(time | subject)", "~ 0 + arm"),
    "lme arms": ("y ~ arm + time + (time | site)", None, "~ 0 + arm"),
    "glmmTMB ar1": ("y ~ arm + time + (1 | site)", "ar1(time | subject)", None),
    "glmmTMB toep": ("y ~ arm + time", "toep(time | subject)", "~ 0 + visit"),
    "glmmTMB cs": ("y ~ arm + time + (1 | site)", "cs(1 | subject)", "~ 0 + visit"),
}
#: nlme's optimizers end at this distance from the optimum, in log-likelihood.
ITS_END = 2e-4


def frame():
    d = data()
    return {
        "y": d.y,
        "arm": np.where(d.arm, "1", "0"),
        "time": d.time,
        "visit": np.array([f"{t}" for t in d.time]),
        "subject": d.subject,
        "site": d.site,
        "weights": d.weights,
    }


def fitted(name, reml):
    formula, residual, dispersion = CALLS[name]
    return ranef.lmm(formula, frame(), residual=residual, dispersion=dispersion, reml=reml)


def test_the_data_are_those_of_r():
    d = data()
    rows = np.loadtxt(HERE / "rows.csv", delimiter=",", skiprows=1)
    assert np.array_equal(rows, np.column_stack([d.y, d.arm, d.time, d.subject, d.site, d.weights]))


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("name", [name for name in CALLS if "TMB" not in name])
def test_nlme(name, method):
    theirs, fit = REFERENCE[f"{name} {method}"], fitted(name, method == "REML")
    assert fit.converged
    assert -1e-6 < fit.log_likelihood - theirs["loglik"] < ITS_END
    close = {"rel": 2e-3, "abs": 2e-3}
    assert fit.coefficients == pytest.approx(np.array(theirs["beta"]), **close)
    if method == "REML":  # nlme's standard errors by ML are over n - p
        assert fit.se == pytest.approx(np.array(theirs["se"]), **close)
    ours = fit.residual_parameters
    correlations = np.array([v for k, v in ours.items() if k.startswith(("Phi", "Rho", "cor_"))])
    their_correlations = np.atleast_1d(np.array(theirs.get("cor") or [], dtype=float))
    if name == "us":  # nlme has pairs column by column
        low, left = np.tril_indices(5, -1)
        correlations = correlations[np.lexsort((low, left))]
    assert correlations == pytest.approx(their_correlations, **close)
    var = theirs["var"]
    if "expon" in var:  # varExp: sigma exp(expon time), with sigma where time is 0
        assert ours["logsd_time"] == pytest.approx(var["expon"], abs=2e-3)
        assert np.exp(ours["logsd_(Intercept)"]) == pytest.approx(theirs["sigma"], rel=2e-3)
    elif var:
        of = "visit" if name == "us" else "arm"
        sd = [ours[f"sd_{level}" if of == "visit" else f"sd_arm[{level}]"] for level in var]
        assert np.array(sd) == pytest.approx(theirs["sigma"] * np.array(list(var.values())), **close)
    else:
        assert fit.sigma == pytest.approx(theirs["sigma"], rel=2e-3)
    if name in ("ar1 arms", "car1", "us"):  # of others nlme's root is not the Cholesky factor in the order of times
        d = data()
        rows = np.lexsort((d.time, d.subject))[:8]
        assert fit.residuals_of("normalized")[rows] == pytest.approx(np.array(theirs["normalized"]), abs=1e-2)


@pytest.mark.parametrize("name", [name for name in CALLS if "TMB" in name])
def test_glmmtmb(name):
    theirs, fit = REFERENCE[name], fitted(name, False)
    assert -1e-6 < fit.log_likelihood - theirs["loglik"] < 1e-5
    assert fit.coefficients == pytest.approx(np.array(theirs["beta"]), abs=1e-3)
