"""Kenward-Roger's method: pbkrtest, dense matrices by the definition, and what must not change anything."""

import csv
import json
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError
from ranef.contracts.covariance import CovarianceStructure
from ranef.inference import connected as module
from ranef.inference.kenward_roger import scaled_f

from ..laws.designs import linear
from ..lmm.models import arguments, fitted
from ..lmm.models import fit as fit_of
from ..reference.load import load, names
from .dense import design, incidence, kenward_roger, marginal

HERE = Path(__file__).parent
FACTS = json.loads((HERE / "reference.json").read_text(encoding="utf-8"))
KR = "kenward-roger"


def table(solution, rows=None):
    return solution.contrast(np.eye(len(solution.names)) if rows is None else rows, KR)


@cache
def ratings(weighted=False):
    with (HERE / "ratings.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    x, treatment = column["x"].astype(float), column["treatment"]
    X = np.column_stack([np.ones(len(rows)), treatment == "t1", treatment == "t2", x]).astype(float)
    return ranef.lmm(
        column["y"].astype(float),
        X,
        {"judge": column["judge"], "item": column["item"]},
        random_effects={"judge": ["1", "x"]},
        random_data={"x": x},
        weights=column["w"].astype(float) if weighted else None,
        x_names=FACTS["ratings"]["names"],
    )


# R ------------------------------------------------------------------------------------------------------------------

WITH_FACTS = [n for n in names("lmm_") if n.endswith("_reml") and "kenward_roger" in fitted(n).record]


@pytest.mark.parametrize("name", [n for n in WITH_FACTS if "weights" not in n])
def test_the_reference_fits_are_those_of_pbkrtest(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of singular fits
        case = load(name, full_rank=True)
        model = ranef.lmm(case.y, case.X, case.groups, **arguments(case))
    facts = fitted(name).record["kenward_roger"]
    places = [model.names.index(column) for column in facts["names"]]
    ours = table(model, np.eye(len(model.names))[places])
    for column, expected in (("se", "se"), ("df", "df"), ("statistic", "t")):
        np.testing.assert_allclose(ours[column], facts[expected], rtol=1e-6)
    np.testing.assert_allclose(ours["p_value"], facts["p"], rtol=1e-4)
    adjusted = np.array(facts["vcov_adjusted"])
    size = np.sqrt(np.outer(np.diagonal(adjusted), np.diagonal(adjusted)))
    np.testing.assert_allclose(ours.covariance / size, adjusted / size, atol=1e-6)


def test_pbkrtest_leaves_weights_out_of_v():
    """Its figures are those of V with sigma^2 I where the fit has sigma^2 W^-1; ours are those of V."""
    name = "lmm_sleepstudy_weights_reml"
    model, case = fit_of(name), fitted(name).case
    facts = case.expected["kenward_roger"]
    Z = incidence(case.groups["Subject"], np.column_stack([np.ones(180), case.random_data["Days"]]))
    V, first = marginal(model, [(Z, True)], case.weights)
    ours, exact = table(model), kenward_roger(case.X, V, first)
    np.testing.assert_allclose(ours.covariance, exact.adjusted, rtol=1e-6)
    np.testing.assert_allclose(ours["df"], [exact.df(row) for row in np.eye(2)], rtol=1e-6)
    V, first = marginal(model, [(Z, True)], None)
    theirs = kenward_roger_of_two(case.X, V, first, model.vcov)
    np.testing.assert_allclose(theirs, facts["vcov_adjusted"], rtol=1e-5)


def kenward_roger_of_two(X, V, first, Phi):
    """pbkrtest's adjusted covariance, where Phi is not that of V."""
    inverse, m = np.linalg.inv(V), range(len(first))
    P = [-X.T @ inverse @ a @ inverse @ X for a in first]
    Q = [[X.T @ inverse @ a @ inverse @ b @ inverse @ X for b in first] for a in first]
    trace = [[np.trace(inverse @ a @ inverse @ b) for b in first] for a in first]
    information = [
        [trace[i][j] - 2 * np.trace(Phi @ Q[i][j]) + np.trace(Phi @ P[i] @ Phi @ P[j]) for j in m] for i in m
    ]
    W = 2 * np.linalg.inv(information)
    return Phi + 2 * Phi @ sum(W[i, j] * (Q[i][j] - P[i] @ Phi @ P[j]) for i in m for j in m) @ Phi


MODELS = {
    "ratings": ratings,
    "cake": lambda: fit_of("lmm_cake_reml"),
    "sleepstudy": lambda: fit_of("lmm_sleepstudy_slope_reml"),
}


@pytest.mark.parametrize(
    ("name", "place"), [(name, i) for name in MODELS for i in range(len(FACTS[name]["joint"]))], ids=str
)
def test_joint_tests_are_those_of_pbkrtest_and_lmertest(name, place):
    facts = FACTS[name]["joint"][place]
    rhs = np.atleast_1d(facts["rhs"]).astype(float)
    L = np.reshape(facts["L"], (len(rhs), -1))
    for method, rtol in ((KR, 1e-6), ("satterthwaite", 1e-5)):
        joint, expected = MODELS[name]().contrast(L, method, rhs=rhs, joint=True).joint, facts[method.replace("-", "_")]
        assert joint.df == expected["df"]
        assert joint.df_denominator == pytest.approx(expected["df_denominator"], rel=rtol)
        assert joint.statistic == pytest.approx(expected["statistic"], rel=rtol)
        assert joint.p_value == pytest.approx(expected["p_value"], rel=1e-4)
        assert joint.scaling == pytest.approx(expected.get("scaling", 1.0), rel=1e-6)


# The definition -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(14))
def test_random_designs_are_those_of_dense_matrices(seed):
    case = design(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of singular fits
        fit = ranef.lmm(**case.arguments)
    exact = kenward_roger(case.X, *marginal(fit, case.terms, case.weights))
    ours, p = table(fit), case.X.shape[1]
    np.testing.assert_allclose(ours.covariance, exact.adjusted, rtol=1e-6, atol=1e-8 * exact.adjusted.max())
    np.testing.assert_allclose(ours["df"], [exact.df(row) for row in np.eye(p)], rtol=1e-6)
    if p > 1:
        L = np.random.default_rng(seed).normal(size=(2, p))
        joint = fit.contrast(L, KR, rhs=[0.5, 0.0], joint=True).joint
        F, m, scaling = exact.f(L, L @ fit.coefficients - [0.5, 0.0])
        np.testing.assert_allclose([joint.statistic, joint.df_denominator, joint.scaling], [F, m, scaling], rtol=1e-5)


def test_a_known_precision_is_that_of_dense_matrices():
    rng = np.random.default_rng(5)
    n, L = 60, 12
    g, h = rng.integers(0, L, n), rng.integers(0, 5, n)
    steps = np.diff(np.eye(L), axis=0)
    Q = steps.T @ steps + 0.3 * np.eye(L)
    A = np.linalg.inv(Q)
    X = np.column_stack([np.ones(n), rng.normal(size=n)])
    b = np.linalg.cholesky(A) @ rng.normal(size=L)
    y = X @ [1.0, 0.5] + b[g] + rng.normal(size=5)[h] + 0.7 * rng.normal(size=n)
    fit = ranef.lmm(y, X, {"g": g, "h": h}, precision={"g": Q})
    Zg, Zh = np.eye(L)[g], np.eye(5)[h]
    first = [Zg @ A @ Zg.T, Zh @ Zh.T, np.eye(n)]
    V = sum(c.variance * V_i for c, V_i in zip(fit.var_components, first, strict=True))
    exact, ours = kenward_roger(X, V, first), table(fit)
    np.testing.assert_allclose(ours.covariance, exact.adjusted, rtol=1e-7)
    np.testing.assert_allclose(ours["df"], [exact.df(row) for row in np.eye(2)], rtol=1e-7)


# Covariance structures ----------------------------------------------------------------------------------------------

with (HERE.parent / "covariances" / "visits.csv").open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))
VISITS = {name: np.array([float(row[name]) for row in ROWS]) for name in ROWS[0]}
COLUMNS = {f"v{i}": (VISITS["visit"] == i).astype(float) for i in range(5)}
EARLY = {"early": (VISITS["visit"] < 2).astype(float), "late": (VISITS["visit"] >= 2).astype(float)}
X_VISITS = np.column_stack([np.ones(len(ROWS)), VISITS["x"]])


@cache
def visits(covariance, columns="all"):
    chosen = COLUMNS if columns == "all" else EARLY
    return ranef.lmm(
        VISITS["y"],
        X_VISITS,
        {"patient": VISITS["patient"].astype(int)},
        random_effects={"patient": list(chosen)},
        random_data=chosen,
        covariance={"patient": covariance},
    )


def same_tests(one, other, rtol=1e-5):
    one, other = table(one), table(other)
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=rtol)
    np.testing.assert_allclose(one["df"], other["df"], rtol=rtol)


@pytest.mark.parametrize(("one", "other"), [("cs", "us"), ("toep", "us"), ("ar1", "homcs")])
def test_structures_that_are_linear_spaces_have_their_tests(one, other):
    """However they are parametrized: the bias of the parameters counts (Kenward & Roger 2009)."""
    same_tests(visits(one, "two"), visits(other, "two"), rtol=1e-4)


@pytest.mark.parametrize(("structure", "nested"), [("homdiag", 1), ("homcs", 2)])
def test_homogeneous_structures_are_nested_intercepts(structure, nested):
    patient = VISITS["patient"].astype(int)
    groups = {"cell": 5 * patient + VISITS["visit"].astype(int)} | ({"patient": patient} if nested == 2 else {})
    same_tests(visits(structure), ranef.lmm(VISITS["y"], X_VISITS, groups), rtol=1e-4)


class ByTanh(CovarianceStructure):
    """ar1 with one standard deviation, of sd and atanh(rho)."""

    name, least_columns = "tanh", 2

    def names(self, columns):
        return ("sd", "atanh")

    def scales(self, k):
        return np.array([True, False])

    def relative_factor(self, parameters, k):
        sd, rho = parameters[0], np.tanh(parameters[1])
        times = np.arange(k)
        return sd * np.linalg.cholesky(rho ** np.abs(times[:, None] - times))

    def start(self, covariance):
        correlation = covariance[1, 0] / np.sqrt(covariance[0, 0] * covariance[1, 1])
        return np.array([np.sqrt(np.diagonal(covariance).mean()), np.arctanh(0.9 * correlation)])


class ByCorrelation(ByTanh):
    """The same, of sd and rho."""

    name = "rho"

    def relative_factor(self, parameters, k):
        return super().relative_factor(np.array([parameters[0], np.arctanh(parameters[1])]), k)

    def start(self, covariance):
        sd, atanh = super().start(covariance)
        return np.array([sd, np.tanh(atanh)])


def test_curved_structures_do_not_depend_on_their_parameters():
    one, other = visits(ByTanh()), visits(ByCorrelation())
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-6)
    same_tests(one, other, rtol=1e-4)


@pytest.mark.parametrize("structure", [ByTanh(), "cs", "toep"], ids=["tanh", "cs", "toep"])
def test_curved_structures_are_those_of_dense_matrices(structure):
    fit = visits(structure)
    own = fit._fit.parameters.structured[0].structure
    Z = incidence(VISITS["patient"], np.column_stack(list(COLUMNS.values())))

    def V(parameters):
        T = own.relative_factor(parameters[:-1], 5)
        return np.exp(2 * parameters[-1]) * (np.eye(len(Z)) + np.einsum("ila,ab,jlb->ij", Z, T @ T.T, Z, optimize=True))

    at, h = np.array([*fit.theta, np.log(fit.sigma)]), 1e-4
    E, m = h * np.eye(len(at)), len(at)
    first = [(V(at + e) - V(at - e)) / (2 * h) for e in E]
    second = {
        (i, j): (V(at + E[i] + E[j]) - V(at + E[i] - E[j]) - V(at - E[i] + E[j]) + V(at - E[i] - E[j])) / (4 * h**2)
        for i in range(m)
        for j in range(m)
    }
    exact, ours = kenward_roger(X_VISITS, V(at), first, second), table(fit)
    np.testing.assert_allclose(ours.covariance, exact.adjusted, rtol=1e-6, atol=1e-8 * exact.adjusted.max())
    np.testing.assert_allclose(ours["df"], [exact.df(row) for row in np.eye(2)], rtol=1e-6)
    without = kenward_roger(X_VISITS, V(at), first)
    assert np.abs(without.adjusted / exact.adjusted - 1).max() > 1e-4  # the curvature is there to be seen


# Laws ---------------------------------------------------------------------------------------------------------------


def test_balanced_data_have_satterthwaites_degrees_of_freedom():
    rng = np.random.default_rng(8)
    g, t = np.repeat(np.arange(9), 8), np.tile(np.arange(4), 18)
    X = np.column_stack([np.ones(72), *(t == j for j in (1, 2, 3))]).astype(float)
    y = X @ [1.0, 0.2, 0.4, 0.0] + 2.0 * rng.normal(size=9)[g] + rng.normal(size=72)
    fit = ranef.lmm(y, X, {"g": g})
    one, other = table(fit, np.eye(4)[1:]), fit.contrast(np.eye(4)[1:], "satterthwaite")
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-8)
    np.testing.assert_allclose(one["df"], 72 - 9 - 3, rtol=1e-8)
    np.testing.assert_allclose(other["df"], 72 - 9 - 3, rtol=1e-8)
    joint = fit.contrast(np.eye(4)[1:], KR, joint=True).joint
    assert (joint.df, joint.scaling) == (3, pytest.approx(1.0))
    assert joint.df_denominator == pytest.approx(72 - 9 - 3)  # where F is exact


def test_rows_that_span_the_same_are_one_test():
    rng = np.random.default_rng(2)
    L = np.array([[0.0, 1.0, -1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    other = np.vstack([rng.normal(size=(2, 2)) @ L, L[0] + 3.0 * L[1]])
    for method in (KR, "residual", "asymptotic"):
        one, two = (ratings().contrast(rows, method, joint=True).joint for rows in (L, other))
        assert one.df == two.df == 2
        assert two.statistic == pytest.approx(one.statistic, rel=1e-9)
        assert two.p_value == pytest.approx(one.p_value, rel=1e-9)


def test_one_row_is_a_t_test():
    for method in (KR, "satterthwaite", "residual"):
        found = ratings().contrast([0, 1, 0, 0], method, joint=True)
        assert found.joint.statistic == pytest.approx(found["statistic"][0] ** 2, rel=1e-9)
        assert found.joint.p_value == pytest.approx(found["p_value"][0], rel=1e-9)
        assert found.joint.df_denominator == pytest.approx(found["df"][0], rel=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_units_and_order_change_nothing(weighted):
    fit = ratings(weighted)
    design = fit._fit.model.design
    y, w = design.y, design.weights
    X = design.fixed.Q @ design.fixed.R
    groups = {f.name: f.levels[f.codes] for f in design.random.groups}
    order = np.random.default_rng(3).permutation(len(y))
    x = X[:, 3]
    other = ranef.lmm(
        1e3 * y[order],
        (X * [1.0, 10.0, 1.0, 1e-3])[order],
        {name: groups[name][order] for name in ("item", "judge")},
        random_effects={"judge": ["1", "x"]},
        random_data={"x": 50.0 * x[order] + 7.0},
        weights=None if w is None else 4.0 * w[order],
    )
    one, two = table(fit), table(other)
    np.testing.assert_allclose(two["df"], one["df"], rtol=1e-5)
    np.testing.assert_allclose(two["se"] * [1.0, 10.0, 1.0, 1e-3], 1e3 * one["se"], rtol=1e-6)


def test_levels_may_be_taken_together_or_apart(monkeypatch):
    """Twelve classes with pupils, in sets of one class or all at once."""
    rng = np.random.default_rng(4)
    pupil = rng.integers(0, 60, 300)
    X = np.column_stack([np.ones(300), rng.normal(size=300)])
    y = rng.normal(size=60)[pupil] + rng.normal(size=12)[pupil % 12] + rng.normal(size=300)
    fits = []
    for size in (1, 5, 256):
        monkeypatch.setattr(module, "TOGETHER", size)
        fits.append(ranef.lmm(y, X, {"pupil": pupil, "class": pupil % 12}))
        fits[-1].contrast(np.eye(2), KR)  # it is kept
    monkeypatch.undo()
    for fit in fits[:2]:
        same_tests(fit, fits[2], rtol=1e-10)


def test_degrees_of_freedom_that_there_are_none_of_are_nan():
    df, scaling = scaled_f(0.1, 5.09, 2)
    assert np.isnan(df)
    assert np.isnan(scaling)


def test_what_rounding_hid_is_found():
    """Independent slopes of an x around 1e7, a constant to seven digits, beside a random intercept: by a basis of both.

    The columns themselves left the first one without a digit.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is not determined
        found = table(linear(74).fit(reml=True))
    np.testing.assert_allclose(found["se"], [119.797, 3.99284, 0.772569], rtol=2e-3)  # by long double numbers
    np.testing.assert_allclose(found["se"][1:], [3.99284, 0.772569], rtol=3e-4)


def test_fits_by_maximum_likelihood_are_refused():
    fit = fit_of("lmm_sleepstudy_slope_ml")
    with pytest.raises(InputError, match=r"by maximum likelihood: use fit.update\(reml=True\)"):
        fit.contrast(np.eye(2), KR)
    same_tests(fit.update(reml=True), fit_of("lmm_sleepstudy_slope_reml"), rtol=1e-6)


def test_dense_matrices_that_are_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 6)
    fit = ratings().update()
    with pytest.raises(InputError, match=r"7 random effects that the data connect .* use df='satterthwaite'"):
        fit.contrast(np.eye(4), KR)
