"""Data that are drawn again: residuals of a structure, levels with their groups; responses without some rows."""

from __future__ import annotations

import numpy as np
import pytest

import ranef
from ranef.bootstrap.schemes import Residuals
from ranef.contracts import InputError
from ranef.design.selection import repeat_levels, select_rows

from .test_reference import frame

MIXED = {"formula": "y ~ arm + time + (1 | site)", "residual": "ar1(time | subject)", "dispersion": "~ 0 + arm"}


@pytest.fixture(scope="module")
def mixed():
    return ranef.lmm(data=frame(), compute_satterthwaite=False, **MIXED)


def test_resampled_residuals_have_the_covariance_of_the_structure(mixed):
    """R of 40,000 draws, at the largest error of its entries; and whitened residuals are those that are drawn."""
    fit, d = mixed._fit, frame()
    scheme = Residuals.of(fit)
    own = d["y"] - fit.linear_predictor
    white = fit.whitening.white(own[None])[0]
    size = fit.scale / np.sqrt(np.mean((white - white.mean()) ** 2))
    assert scheme.residuals == pytest.approx((white - white.mean()) * size, rel=1e-10)
    nothing = Residuals(fit, np.zeros(99), tuple(0.0 * b for b in scheme.effects), scheme.residuals)
    drawn = nothing.drawn(np.random.default_rng(1), 40_000)
    shown = mixed.residual_parameters
    sd = np.where(d["arm"] == "1", shown["sd_arm[1]"], shown["sd_arm[0]"])
    apart = np.abs(np.subtract.outer(d["time"], d["time"]))
    R = np.where(d["subject"][:, None] == d["subject"], shown["Phi|subject"] ** apart, 0.0) * np.outer(sd, sd)
    assert np.abs((np.cov(drawn) - R) / np.outer(sd, sd)).max() < 0.05


def test_copies_of_a_level_have_groups_of_their_own(mixed):
    """Sites 1, 1, 3 and 5: the fit of data in which the second copy has another name, and so have its subjects."""
    d, chosen = frame(), np.array([1, 1, 3, 5])
    parts = []
    for copy, site in enumerate(chosen):
        rows = np.flatnonzero(d["site"] == site)
        named = {"site": np.full(len(rows), copy), "subject": d["subject"][rows] + 1000 * copy}
        parts.append({name: column[rows] for name, column in d.items()} | named)
    again = {name: np.concatenate([part[name] for part in parts]) for name in d}
    expected = ranef.lmm(data=again, compute_satterthwaite=False, **MIXED)
    design = repeat_levels(mixed._fit.model.design, 0, chosen)
    model = mixed._fit.model
    found = type(model).of(design, model.likelihood, model.controls, model.provenance).fit()
    assert mixed._of(found).log_likelihood == pytest.approx(expected.log_likelihood, abs=1e-7)
    assert mixed._of(found).residual_parameters == pytest.approx(expected.residual_parameters, rel=1e-4)
    assert mixed.bootstrap(3, rng=1, type="cases").replicates.shape[0] == 3


def test_rows_are_no_cases_where_they_are_correlated(mixed):
    with pytest.raises(InputError, match="its rows no cases"):
        mixed.bootstrap(3, rng=1, type="cases", by="rows")
    with pytest.raises(InputError, match="is no other row of its subject"):
        select_rows(mixed._fit.model.design, np.repeat(np.arange(99), 2))
    without = ranef.lmm("y ~ arm + time", frame(), residual="cs(1 | subject)", compute_satterthwaite=False)
    with pytest.raises(InputError, match="has none"):
        without.bootstrap(3, rng=1, type="cases")


def test_the_jackknife_leaves_out_groups():
    """Subjects, where there are no random effects: the acceleration of Efron's formula from fits by hand."""
    d, call = frame(), {"residual": "cs(1 | subject)", "compute_satterthwaite": False}
    fit = ranef.lmm("y ~ arm + time", d, **call)
    without = []
    for subject in np.unique(d["subject"]):
        rest = {name: column[d["subject"] != subject] for name, column in d.items()}
        without.append(ranef.lmm("y ~ arm + time", rest, **call).coefficients)
    change = np.mean(without, axis=0) - np.array(without)
    expected = (change**3).sum(axis=0) / (6.0 * (change**2).sum(axis=0) ** 1.5)
    found = fit.jackknife(fit.bootstrap(5, rng=1))
    assert [found[name] for name in ("(Intercept)", "arm[T.1]", "time")] == pytest.approx(expected, rel=1e-3)


def test_responses_with_missing_values_are_fitted_without_these_rows(mixed):
    d = frame()
    Y = np.column_stack([d["y"], np.where(np.arange(99) < 7, np.nan, d["y"])])
    many = mixed.refit_many(Y)
    rest = {name: column[7:] for name, column in d.items()}
    expected = ranef.lmm(data=rest, compute_satterthwaite=False, **MIXED)
    assert many.coefficients[1] == pytest.approx(expected.coefficients, abs=1e-6)
    assert many.coefficients[0] == pytest.approx(mixed.coefficients, abs=1e-6)
