"""Responses of new rows: residuals of new groups, as the structure has them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ranef
from ranef.contracts import InputError

from .models import data
from .test_reference import frame

#: Two new subjects of a new site, one of another; times in no order.
NEW = {
    "arm": np.array(["1", "1", "1", "0", "0", "0", "1"]),
    "time": np.array([3, 0, 1, 4, 2, 0, 2]),
    "subject": np.array([70, 70, 70, 71, 71, 80, 70]),
    "site": np.array([50, 50, 50, 50, 50, 51, 50]),
}
NEW["visit"] = NEW["time"].astype(str)


def correlation(kind, shown, a, b):
    """Of two times."""
    if kind == "us":
        low, high = sorted((a, b))
        return shown[f"cor_{high}.{low}|subject"]
    if kind == "toep":
        return shown[f"cor_lag {abs(a - b)}|subject"]
    return shown["Rho|subject"] if kind == "cs" else shown["Phi|subject"] ** abs(a - b)


@pytest.mark.parametrize(
    ("formula", "kind", "residual", "dispersion"),
    [
        ("y ~ arm + time + (1 | site)", "ar1", "ar1(time | subject)", "~ 0 + arm"),
        ("y ~ arm + time + (1 | site)", "car1", "car1(time | subject)", None),
        ("y ~ arm + time", "cs", "cs(1 | subject)", "~ time"),
        ("y ~ arm + time", "toep", "toep(time | subject)", None),
        ("y ~ arm + time", "us", "us(visit | subject)", None),
        ("y ~ arm + time + (1 | site)", "", None, "~ 0 + arm"),
    ],
)
def test_new_responses_have_the_moments_of_the_model(formula, kind, residual, dispersion):
    """Mean and covariance of 40,000 draws, against the parameters that tables show."""
    fit = ranef.lmm(formula, frame(), residual=residual, dispersion=dispersion, compute_satterthwaite=False)
    shown, n = fit.residual_parameters, 7
    sd = np.full(n, fit.sigma)
    if dispersion == "~ 0 + arm":
        sd = np.array([shown[f"sd_arm[{arm}]"] for arm in NEW["arm"]])
    elif dispersion == "~ time":
        sd = np.exp(shown["logsd_(Intercept)"] + shown["logsd_time"] * NEW["time"])
    elif kind == "us":
        sd = np.array([shown[f"sd_{visit}"] for visit in NEW["visit"]])
    C = np.eye(n)
    for i in range(n):
        for j in range(n):
            if kind and i != j and NEW["subject"][i] == NEW["subject"][j]:
                C[i, j] = correlation(kind, shown, int(NEW["time"][i]), int(NEW["time"][j]))
    V = C * np.outer(sd, sd)
    if "site" in formula:
        V = V + fit._fit.covariances[0][0, 0] * (NEW["site"][:, None] == NEW["site"])
    draws = fit.simulate(40_000, 1, newdata=NEW)
    mean = np.column_stack([np.ones(n), NEW["arm"] == "1", NEW["time"]]) @ fit.coefficients
    error = np.sqrt((np.outer(np.diagonal(V), np.diagonal(V)) + V**2) / 40_000)
    assert np.abs((np.cov(draws) - V) / error).max() < 4.5
    assert np.abs((draws.mean(axis=1) - mean) / np.sqrt(np.diagonal(V) / 40_000)).max() < 4.5


def test_the_rows_of_the_fit_as_new_ones_are_drawn_alike():
    fit = ranef.lmm("y ~ arm + time", frame(), residual="us(time | subject)", reml=False)
    assert "sd_0" in fit.residual_parameters
    assert fit.simulate(3, 1, newdata=frame()) == pytest.approx(fit.simulate(3, 1), abs=1e-8)
    uncertain = fit.simulate(3, 1, newdata=frame(), theta_uncertainty=True)
    assert uncertain == pytest.approx(fit.simulate(3, 1, theta_uncertainty=True), abs=1e-8)


def test_arrays_name_the_parts_of_the_residual():
    d = data()
    structure = {"correlation": "ar1", "time": d.time, "group": d.subject}
    fit = ranef.lmm(d.y, d.X, {"site": d.site}, residual=structure, compute_satterthwaite=False)
    new = {"X": d.X, "groups": {"site": d.site}, "residual": {"time": d.time, "group": d.subject}}
    assert fit.simulate(2, 1, newdata=new) == pytest.approx(fit.simulate(2, 1), abs=1e-8)
    with pytest.raises(InputError, match="has no group and no time"):
        fit.simulate(2, 1, newdata={name: new[name] for name in ("X", "groups")})


def test_what_new_rows_cannot_be():
    visits = frame() | {"visit": pd.Categorical(frame()["visit"])}
    fit = ranef.lmm("y ~ arm + time", visits, residual="toep(visit | subject)", compute_satterthwaite=False)
    assert fit.simulate(1, 1, newdata=frame()) == pytest.approx(fit.simulate(1, 1), abs=1e-8)
    for changes, said in [
        ({"visit": np.array(["9"] * 7)}, "of which the fit says nothing"),
        ({"subject": np.zeros(7)}, "twice within a level of subject"),
    ]:
        with pytest.raises(InputError, match=said):
            fit.simulate(1, 1, newdata=NEW | changes)
    with pytest.raises(InputError, match="subject that was in the fit"):
        fit.simulate(1, 1, newdata=NEW, random="conditional")
    scaled = ranef.lmm("y ~ arm + (1 | site)", frame(), dispersion="~ scale(time)", compute_satterthwaite=False)
    with pytest.raises(InputError, match="depend on all rows"):
        scaled.simulate(1, 1, newdata=NEW)


def test_groups_larger_than_a_negative_correlation_allows():
    rng = np.random.default_rng(5)
    e = rng.normal(size=(60, 3))
    d = {"y": (e - 0.9 * e.mean(axis=1, keepdims=True)).ravel(), "g": np.repeat(np.arange(60), 3), "x": np.arange(180)}
    fit = ranef.lmm("y ~ 1", d, residual="cs(1 | g)")
    assert fit.residual_parameters["Rho|g"] < -0.3
    with pytest.raises(InputError, match="cannot all be correlated"):
        fit.simulate(1, 1, newdata={"g": np.zeros(6)})
