"""Kenward & Roger's tests of models with a residual structure: by V as one matrix, and where they are exact."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError
from ranef.inference import residual_blocks
from ranef.inference.kenward_roger import KenwardRoger
from ranef.inference.residual_blocks import _powers

from ..inference.dense import kenward_roger
from .models import covariance_of_residuals, data
from .test_reference import frame

KR = "kenward-roger"


def dense(fit, d, step=1e-3):
    """From V as a function of the search's parameters of residuals, by differences, and of entries of Sigma."""
    made, parameters, s2 = fit.model.design.rotated(fit.turned), fit.parameters, fit.sigma**2
    V, of_effects = np.zeros((d.n, d.n)), []
    for f, T in zip(made.random.groups, parameters.T(fit.theta), strict=True):
        same, z, k = f.codes[:, None] == f.codes, f.values, len(T)
        V += np.where(same, z.T @ T @ T.T @ z, 0.0)
        for a, b in zip(*np.tril_indices(k), strict=True):
            G = np.zeros((k, k))
            G[a, b] = G[b, a] = 1.0
            of_effects.append(np.where(same, z.T @ G @ z, 0.0))
    at = fit.theta[parameters.of_residual]

    def R(x):
        return covariance_of_residuals(d, made, x)

    e = step * np.eye(len(at))
    V += R(at)
    # fourth-order differences
    first = [(8.0 * (R(at + h) - R(at - h)) - (R(at + 2 * h) - R(at - 2 * h))) / (12.0 * step) for h in e]
    second, m = {}, len(of_effects)
    for i, a in enumerate(e):
        for j, b in enumerate(e[: i + 1]):
            moved = (R(at + a + b) - R(at + a - b) - R(at - a + b) + R(at - a - b)) / (4.0 * step**2)
            second[m + i, m + j] = second[m + j, m + i] = s2 * moved
    return kenward_roger(made.X, s2 * V, [s2 * dV for dV in [*of_effects, *first, V]], second)


CASES = [
    ("ar1", "", True, False),
    ("ar1", "site", True, True),
    ("ar1", "both", False, False),
    ("car1", "site", False, False),
    ("cs", "site", True, False),
    ("cs", "", False, True),
    ("toep", "site", False, False),
    ("toep", "both", True, True),
    ("us", "", True, False),
    ("us", "", False, True),
    ("", "site", True, False),
    ("", "both", True, True),
]


@pytest.mark.parametrize(("kind", "random", "scales", "weights"), CASES)
def test_as_from_dense_matrices(kind, random, scales, weights):
    d = data(subjects=16, visits=4)
    groups = {"": {}, "site": {"site": d.site}, "both": {"site": d.site, "arm by site": d.site * 2 + d.arm}}[random]
    strata = np.column_stack([d.arm == 0, d.arm == 1]).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of singular fits
        fit = ranef.lmm(
            d.y,
            d.X,
            groups,
            random_effects={"site": ["1", "time"]} if random == "site" else None,
            random_data={"time": d.time.astype(float)} if random == "site" else None,
            residual={"correlation": kind, "time": d.time, "group": d.subject} if kind else None,
            dispersion=strata if scales else None,
            weights=d.weights if weights else None,
        )
    exact = dense(fit._fit, d)
    ours = fit.contrast(np.eye(3), KR)
    np.testing.assert_allclose(ours.covariance, exact.adjusted, rtol=1e-5, atol=1e-6 * exact.adjusted.max())
    np.testing.assert_allclose(ours["df"], [exact.df(row) for row in np.eye(3)], rtol=1e-5)
    L = np.random.default_rng(1).normal(size=(2, 3))
    joint = fit.contrast(L, KR, joint=True).joint
    F, m, scaling = exact.f(L, L @ fit.coefficients)
    np.testing.assert_allclose([joint.statistic, joint.df_denominator, joint.scaling], [F, m, scaling], rtol=1e-4)


def trial(seed=0, subjects=14, visits=3):
    """All subjects of two arms at all visits."""
    rng = np.random.default_rng(seed)
    subject, visit = np.repeat(np.arange(subjects), visits), np.tile(np.arange(visits), subjects)
    y = rng.multivariate_normal(np.zeros(visits), np.diag(np.arange(1.0, visits + 1.0)) + 1.0, size=subjects).ravel()
    arm = np.array(["a", "b"])[subject % 2]
    return {"y": y, "subject": subject, "visit": np.array(["p", "q", "r"])[visit], "arm": arm, "place": visit}


def test_complete_visits_give_hotellings_test():
    """T^2 of two samples, with p and S - 1 - p degrees of freedom, from the samples' covariance matrix."""
    d = trial()
    fit = ranef.lmm("y ~ 0 + visit + visit:arm", d, residual="us(visit | subject)")
    Y, arm = d["y"].reshape(14, 3), np.arange(14) % 2
    one, other = Y[arm == 0], Y[arm == 1]
    pooled = (6 * np.cov(one.T) + 6 * np.cov(other.T)) / 12
    difference = other.mean(axis=0) - one.mean(axis=0)
    T2 = 14 / 4 * difference @ np.linalg.solve(pooled, difference)
    of_arm = [j for j, name in enumerate(fit.names) if "arm" in name]
    assert len(of_arm) == 3
    joint = fit.contrast(np.eye(6)[of_arm], KR, joint=True).joint
    assert joint.df_denominator == pytest.approx(10.0, rel=1e-5)
    assert joint.statistic == pytest.approx(10 / (12 * 3) * T2, rel=1e-5)
    each = fit.contrast(np.eye(6)[of_arm], KR)
    assert np.asarray(each["df"]) == pytest.approx(np.full(3, 12.0), rel=1e-5)


def test_complete_compound_symmetry_has_two_strata():
    """Degrees of freedom of a split plot's analysis of variance: subjects - 2, and what is left within subjects."""
    fit = ranef.lmm("y ~ arm + place", trial(1), residual="cs(1 | subject)")
    assert np.asarray(fit.contrast(np.eye(3)[1:], KR)["df"]) == pytest.approx([12.0, 27.0], rel=1e-5)


def test_compound_symmetry_is_a_random_intercept():
    """By the other road: sums of Z'V^-1 Z, without a residual structure."""
    d = frame()
    one = ranef.lmm("y ~ arm + time", d, residual="cs(1 | subject)").contrast(np.eye(3), KR)
    other = ranef.lmm("y ~ arm + time + (1 | subject)", d).contrast(np.eye(3), KR)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-4)
    np.testing.assert_allclose(one["df"], other["df"], rtol=1e-4)


@pytest.mark.parametrize("phi", [0.0, -0.4, 0.6])
def test_powers_of_an_ar1_have_derivatives_wherever_phi_is(phi):
    """phi^d with d = 0, ..., 4, by hand: 0, 1, 2 phi, 3 phi^2, 4 phi^3, and 0, 0, 2, 6 phi, 12 phi^2."""
    C, once, twice = _powers(np.arange(5.0), phi)
    assert pytest.approx([1.0, phi, phi**2, phi**3, phi**4]) == C
    assert once == pytest.approx([0.0, 1.0, 2.0 * phi, 3.0 * phi**2, 4.0 * phi**3])
    assert twice == pytest.approx([0.0, 0.0, 2.0, 6.0 * phi, 12.0 * phi**2])


def test_batches_of_groups_do_not_matter(monkeypatch):
    fit = ranef.lmm("y ~ arm + time + (1 | site)", frame(), residual="ar1(time | subject)")._fit
    at_once = KenwardRoger.of(fit)
    monkeypatch.setattr(residual_blocks, "AT_ONCE", 1)
    np.testing.assert_allclose(KenwardRoger.of(fit).V, at_once.V, rtol=1e-10)


def test_a_group_of_too_many_rows_is_refused(monkeypatch):
    monkeypatch.setattr(residual_blocks, "LARGEST", 4)
    fit = ranef.lmm("y ~ arm + time", frame(), residual="ar1(time | subject)")
    with pytest.raises(InputError, match="rows of a level of subject"):
        fit.contrast("time", df=KR)


def test_tables_take_it():
    fit = ranef.lmm("y ~ arm + time", frame(), residual="ar1(time | subject)", dispersion="~ 0 + arm")
    table = fit.anova(df=KR)
    assert "Kenward-Roger" in str(table)
    by_emmeans = fit.emmeans("arm", df=KR).contrast("pairwise")
    by_contrast = fit.contrast([0.0, -1.0, 0.0], KR)
    assert by_emmeans["df"][0] == pytest.approx(by_contrast["df"][0])


def test_a_correlation_that_ends_at_nothing_takes_no_part():
    """Neighbours that repel each other: car1 has no correlation below 0, and what is left is the model without."""
    rng = np.random.default_rng(1)
    g, time = np.repeat(np.arange(6), 5), np.tile(np.arange(5.0), 6)
    x = rng.normal(size=30)
    d = {"y": rng.normal(size=30) - 0.4 * np.where(time % 2, 1.0, -1.0), "x": x, "g": g, "time": time}
    fit, without = (ranef.lmm("y ~ x + (1 | g)", d, **more) for more in ({"residual": "car1(time | g)"}, {}))
    assert fit.residual_parameters["Phi|g"] < 1e-8
    found, expected = (f.contrast(np.eye(2), df=KR) for f in (fit, without))
    assert found["df"] == pytest.approx(expected["df"], rel=1e-6)
    assert found["se"] == pytest.approx(expected["se"], rel=1e-6)
