"""Laws of every linear mixed model: what may change in the data and the arguments, and what changes with it."""

from __future__ import annotations

import pickle
import warnings
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

import ranef
from ranef.contracts import Evaluated, FitFinished, FitStarted, Observer, PhaseStarted
from ranef.contracts.arrays import FloatArray
from ranef.contracts.errors import (
    ComparisonError,
    ConvergenceWarning,
    PluginWarning,
    RankDeficiencyWarning,
    SingularFitWarning,
)
from ranef.inference.lrt import likelihood_ratio_test

from .models import fit, fitted


class Data:
    """Crossed factors g (random intercept and slope) and h, with weights and an offset; nothing is at a boundary."""

    def __init__(self) -> None:
        rng = np.random.default_rng(42)
        n = 300
        self.g, self.h = rng.integers(0, 25, n), rng.integers(0, 12, n)
        self.x, self.z = rng.normal(size=n), rng.normal(3.0, 1.0, n)
        b = rng.normal(size=(25, 2)) @ np.array([[1.5, 0.4], [0.0, 0.8]])
        self.y = 2.0 + self.x - self.z + b[self.g, 0] + b[self.g, 1] * self.x
        self.y += 0.9 * rng.normal(size=12)[self.h] + rng.normal(size=n)
        self.X = np.column_stack([np.ones(n), self.x, self.z])
        self.weights = rng.uniform(0.5, 2.0, n)
        self.offset = rng.normal(size=n)

    def arguments(self, **changed: Any) -> dict[str, Any]:
        return {
            "y": self.y,
            "X": self.X,
            "groups": {"g": self.g, "h": self.h},
            "random_effects": {"g": ["1", "x"]},
            "random_data": {"x": self.x},
            "weights": self.weights,
            "offset": self.offset,
        } | changed

    def fit(self, **changed: Any) -> ranef.LMMSolution:
        arguments = self.arguments(**changed)
        return ranef.lmm(arguments.pop("y"), arguments.pop("X"), arguments.pop("groups"), **arguments)


DATA = Data()
N = len(DATA.y)


@cache
def base() -> ranef.LMMSolution:
    return DATA.fit()


def close(actual: Any, desired: Any, rtol: float = 1e-6, atol: float = 1e-8) -> None:
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=atol)


def assert_same_fit(a: ranef.LMMSolution, b: ranef.LMMSolution) -> None:
    """Everything but the order of rows, levels and terms."""
    assert a.log_likelihood == pytest.approx(b.log_likelihood, abs=1e-7)
    close(a.coefficients, b.coefficients)
    close(a.se, b.se)
    close(a.sigma, b.sigma)
    close(a.df_satterthwaite, b.df_satterthwaite, rtol=1e-4)
    close(sorted(c.std_dev for c in a.var_components), sorted(c.std_dev for c in b.var_components), rtol=1e-5)


# Units -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [1e-4, -3.0, 1e6])
def test_scaling_y(c: float) -> None:
    scaled = DATA.fit(y=c * DATA.y, offset=c * DATA.offset)
    close(scaled.coefficients, c * base().coefficients)
    close(scaled.sigma, abs(c) * base().sigma)
    close(scaled.theta, base().theta, rtol=1e-5)
    close(scaled.ranef["g"], c * base().ranef["g"], rtol=1e-4, atol=1e-5 * abs(c))
    close(scaled.p_values, base().p_values, rtol=1e-4)
    # A density changes by the Jacobian: REML's has n - p dimensions.
    jacobian = (N - 3) * np.log(abs(c))
    assert scaled.log_likelihood == pytest.approx(base().log_likelihood - jacobian, abs=1e-6)


def test_scaling_and_shifting_columns_of_x() -> None:
    A = np.array([[1.0, 5.0, -20.0], [0.0, 1e3, 0.0], [0.0, 0.0, 1e-3]])  # new columns: shifted and scaled
    changed = DATA.fit(X=DATA.X @ A, reml=False)
    plain = DATA.fit(reml=False)
    close(changed.coefficients, np.linalg.solve(A, plain.coefficients))
    close(changed.vcov, np.linalg.inv(A) @ plain.vcov @ np.linalg.inv(A).T)
    assert changed.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-7)
    # REML: the criterion of lme4 has log|X'V^-1 X|, which knows the units.
    reml = DATA.fit(X=DATA.X @ A)
    assert reml.log_likelihood == pytest.approx(base().log_likelihood - np.log(np.linalg.det(A)), abs=1e-6)


def covariance(solution: ranef.LMMSolution) -> FloatArray:
    """Covariance matrix of the random effects of g."""
    T = solution._fit.relative_factors[0]
    return np.asarray(solution.sigma**2 * T @ T.T)


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1e3), (0.0, 1e-3), (5.0, 1.0), (-100.0, 7.0)])
def test_scaling_and_shifting_a_random_slope(shift: float, scale: float) -> None:
    # b0 + b1 (s (x + d)) is the same model: (b0, b1) transform linearly.
    changed = DATA.fit(random_data={"x": scale * (DATA.x + shift)})
    back = np.array([[1.0, scale * shift], [0.0, scale]])
    assert changed.log_likelihood == pytest.approx(base().log_likelihood, abs=1e-6)
    close(back @ covariance(changed) @ back.T, covariance(base()), rtol=1e-3, atol=1e-3)
    close(changed.fitted_values, base().fitted_values, rtol=1e-4, atol=1e-4)


def test_an_offset_is_a_shift_of_y() -> None:
    shifted = DATA.fit(y=DATA.y - DATA.offset, offset=None)
    assert_same_fit(shifted, base())
    close(shifted.fitted_values + DATA.offset, base().fitted_values)
    close(shifted.residuals, base().residuals)


def test_a_multiple_of_all_weights_is_a_unit_of_sigma() -> None:
    heavier = DATA.fit(weights=4.0 * DATA.weights)
    close(heavier.coefficients, base().coefficients)
    close(heavier.sigma, 2.0 * base().sigma)
    close(heavier.theta, base().theta / 2.0, rtol=1e-4)
    close(heavier.se, base().se)
    close(heavier.df_satterthwaite, base().df_satterthwaite, rtol=1e-4)
    assert heavier.log_likelihood == pytest.approx(base().log_likelihood, abs=1e-6)


@pytest.mark.parametrize("factor", [1e-22, 1e-8, 1e8])
def test_the_unit_of_the_weights_changes_no_verdict(factor: float) -> None:
    # 1 / variance in small units, say: lme4's isSingular looks at theta as it is, and cries wolf.
    changed = DATA.fit(weights=factor * DATA.weights)
    assert changed.log_likelihood == pytest.approx(base().log_likelihood, abs=1e-6)
    assert not changed.is_singular


def test_weights_and_repeated_rows_agree_at_the_same_variances() -> None:
    # A row of weight 2 is the mean of two rows: at the same theta the same coefficients and random effects.
    doubled = np.repeat(np.arange(N), 2)
    weighted = DATA.fit(weights=np.full(N, 2.0))
    repeated = DATA.fit(
        y=DATA.y[doubled],
        X=DATA.X[doubled],
        groups={"g": DATA.g[doubled], "h": DATA.h[doubled]},
        random_data={"x": DATA.x[doubled]},
        weights=None,
        offset=DATA.offset[doubled],
    )
    at = repeated._fit.factorized().at(weighted.theta)
    fixed = repeated._fit.labels.fixed
    close(fixed.coefficients(repeated._fit.cross.gamma0 + at.gamma), weighted.coefficients)
    close(at.b, weighted._fit.b, atol=1e-6)


# Order and names ---------------------------------------------------------------------------------------------------


def test_permuting_rows() -> None:
    order = np.random.default_rng(0).permutation(N)
    permuted = DATA.fit(
        y=DATA.y[order],
        X=DATA.X[order],
        groups={"g": DATA.g[order], "h": DATA.h[order]},
        random_data={"x": DATA.x[order]},
        weights=DATA.weights[order],
        offset=DATA.offset[order],
    )
    assert_same_fit(permuted, base())
    close(permuted.ranef["g"], base().ranef["g"], rtol=1e-5, atol=1e-6)
    close(permuted.fitted_values, base().fitted_values[order])


def test_permuting_and_renaming_levels() -> None:
    new = np.random.default_rng(0).permutation(25)
    names = np.array([f"level {k:02}" for k in range(25)])
    renamed = DATA.fit(groups={"g": names[new[DATA.g]], "h": DATA.h})
    assert_same_fit(renamed, base())
    assert renamed.levels["g"].tolist() == names.tolist()
    close(renamed.ranef["g"][new], base().ranef["g"], rtol=1e-5, atol=1e-6)
    close(renamed.ranef_variances["g"][new], base().ranef_variances["g"], rtol=1e-5, atol=1e-7)


def test_order_of_factors() -> None:
    swapped = DATA.fit(groups={"h": DATA.h, "g": DATA.g})
    assert_same_fit(swapped, base())
    assert list(swapped.ranef) == ["h", "g"]
    close(swapped.ranef["h"], base().ranef["h"], rtol=1e-5, atol=1e-6)
    close(swapped.theta, np.roll(base().theta, 1), rtol=1e-4)


def test_order_of_the_columns_of_a_term() -> None:
    swapped = DATA.fit(random_effects={"g": ["x", "1"]})
    assert_same_fit(swapped, base())
    close(swapped.ranef["g"][:, ::-1], base().ranef["g"], rtol=1e-4, atol=1e-5)
    assert swapped.ranef_names["g"] == ("x", "(Intercept)")


def test_order_of_the_columns_of_x() -> None:
    swapped = DATA.fit(X=DATA.X[:, ::-1], x_names=["z", "x", "one"])
    close(swapped.coefficients[::-1], base().coefficients)
    close(swapped.df_satterthwaite[::-1], base().df_satterthwaite, rtol=1e-4)


def test_dropping_a_redundant_column_is_leaving_it_out() -> None:
    with pytest.warns(RankDeficiencyWarning, match="x3"):
        dropped = DATA.fit(X=np.column_stack([DATA.X, DATA.X @ [1.0, 2.0, 3.0]]))
    close(dropped.coefficients[:3], base().coefficients)
    close(dropped.vcov[:3, :3], base().vcov)
    assert dropped.n_parameters == base().n_parameters
    assert dropped.log_likelihood == pytest.approx(base().log_likelihood, abs=1e-8)
    assert np.isnan([dropped.coefficients[3], dropped.se[3], dropped.t_values[3], dropped.p_values[3]]).all()
    assert np.isnan(dropped.conf_int[3]).all()


# Arguments that say the same ---------------------------------------------------------------------------------------


def test_separate_terms_are_an_uncorrelated_one() -> None:
    separate = DATA.fit(random_effects={"g": [["1"], ["x"]]})
    uncorrelated = DATA.fit(correlated={"g": False})
    assert_same_fit(separate, uncorrelated)
    np.testing.assert_array_equal(separate.theta, uncorrelated.theta)
    assert all(c.corr == () for c in separate.var_components + uncorrelated.var_components)
    # One factor, in the two lists and in `||`.
    assert separate.n_groups == uncorrelated.n_groups == {"g": 25, "h": 12}
    assert separate.ranef["g"].shape == (25, 2)


def test_a_factor_under_two_names_is_two_terms_of_one() -> None:
    twice = DATA.fit(groups={"g": DATA.g, "g2": DATA.g, "h": DATA.h}, random_effects={"g": ["1"], "g2": ["x"]})
    assert_same_fit(twice, DATA.fit(correlated={"g": False}))
    close(twice.ranef["g2"], DATA.fit(correlated={"g": False}).ranef["g"][:, 1:], rtol=1e-4, atol=1e-5)


def test_a_random_intercept_is_the_default() -> None:
    assert_same_fit(DATA.fit(random_effects=None), DATA.fit(random_effects={"g": ["1"], "h": "1"}))
    assert DATA.fit(random_effects={"g": ["0", "x"]}).ranef_names["g"] == ("x",)


def test_columns_of_x_need_not_be_given_twice() -> None:
    frame = pd.DataFrame(DATA.X, columns=["one", "x", "z"])
    close(DATA.fit(X=frame, random_data=None).coefficients, base().coefficients, rtol=1e-12)


def test_unit_weights_and_zero_offset_are_none() -> None:
    assert_same_fit(DATA.fit(weights=np.ones(N), offset=np.zeros(N)), DATA.fit(weights=None, offset=None))


def test_a_start_at_the_optimum_saves_work_and_changes_nothing() -> None:
    again = DATA.fit(start=base().theta)
    assert_same_fit(again, base())
    assert again.n_evaluations < base().n_evaluations


# Data frames -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_data_frames_are_accepted_everywhere(library: Any) -> None:
    names = np.array([f"g{k:02}" for k in range(25)])
    series, frame = library.Series, library.DataFrame
    y = series(DATA.y, name="yield") if library is pd else pl.Series("yield", DATA.y)
    given = DATA.fit(
        y=y,
        X=frame({"(Intercept)": np.ones(N), "x": DATA.x, "dose": DATA.z}),
        groups={"g": series(names[DATA.g].tolist()), "h": series(DATA.h.tolist())},
        random_data={"x": series(DATA.x.tolist())},
        weights=series(DATA.weights.tolist()),
        offset=series(DATA.offset.tolist()),
        start=series(base().theta.tolist()),
    )
    assert_same_fit(given, base())
    assert list(given.fixef) == ["(Intercept)", "x", "dose"]
    assert given.model == "yield ~ (Intercept) + x + dose + (1 + x | g) + (1 | h)"
    assert given.levels["g"].tolist() == names.tolist()
    # Whole frames for the dicts.
    table = frame({"g": DATA.g, "h": DATA.h, "x": DATA.x})
    groups = table[["g", "h"]] if library is pd else table.select("g", "h")
    assert_same_fit(DATA.fit(groups=groups, random_data=table), base())


@pytest.mark.parametrize(
    "labels",
    [
        pd.Categorical.from_codes(DATA.g, categories=[f"c{k}" for k in range(40)]),
        pd.Series(pd.Categorical.from_codes(DATA.g, categories=[f"c{k}" for k in range(40)])),
        pl.Series([f"c{k}" for k in DATA.g], dtype=pl.Enum([f"c{k}" for k in range(40)])),
    ],
    ids=["Categorical", "Series", "Enum"],
)
def test_unused_categories_are_not_levels(labels: Any) -> None:
    given = DATA.fit(groups={"g": labels, "h": DATA.h})
    assert given.n_groups["g"] == 25
    at = [int(str(level)[1:]) for level in given.levels["g"].tolist()]
    close(given.ranef["g"], base().ranef["g"][at], rtol=1e-5, atol=1e-6)


def test_names_of_columns() -> None:
    assert base().names == ("(Intercept)", "x1", "x2")
    assert DATA.fit(x_names=["a", "b", "c"]).names == ("a", "b", "c")
    assert DATA.fit(X=DATA.X[:, 1:]).names == ("x0", "x1")


# The solution ------------------------------------------------------------------------------------------------------

PROPERTIES = [name for name, value in vars(ranef.LMMSolution).items() if not name.startswith("_")] + [
    name
    for kind in ranef.LMMSolution.__mro__[1:-2]
    for name, value in vars(kind).items()
    if not name.startswith("_") and not callable(value)
]
CALLABLE = {name for name in PROPERTIES if callable(getattr(ranef.LMMSolution, name))}


def same(a: Any, b: Any) -> bool:
    """Equality to the bit, for the types that a solution has."""
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
    if hasattr(a, "keys"):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(same(getattr(a, f), getattr(b, f)) for f in a.__dataclass_fields__)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b or (a != a and b != b))


def test_the_list_of_properties_is_whole() -> None:
    promised = """params coefficients fixef se t_values p_values df_satterthwaite ranef var_components icc
        log_likelihood aic bic fitted_values residuals converged vcov conf_int theta sigma levels ranef_names deviance
        df_residual n_obs n_groups is_singular certificate provenance timings ranef_variances"""
    assert set(promised.split()) <= set(PROPERTIES)


@pytest.mark.parametrize("name", sorted(set(PROPERTIES) - CALLABLE - {"timings", "plot"}))
def test_pickle_keeps_every_property(name: str) -> None:
    fresh = DATA.fit()
    before = pickle.loads(pickle.dumps(fresh))
    value = getattr(fresh, name)  # computed lazily, after the first pickle
    after = pickle.loads(pickle.dumps(fresh))
    assert same(getattr(before, name), value)
    assert same(getattr(after, name), value)
    # Determinism: the same bits from the same data.
    assert same(getattr(base(), name), value)


def test_pickle_keeps_summary_and_comparison() -> None:
    copy = pickle.loads(pickle.dumps(base()))
    assert copy.summary() == base().summary()
    assert copy._repr_html_() == base()._repr_html_()
    assert repr(copy) == repr(base())
    test = base().compare(DATA.fit(random_effects=None))
    again = pickle.loads(pickle.dumps(test))
    assert (again, again.statistic, again.df, again.p_value) == (test, test.statistic, test.df, test.p_value)
    assert type(again) is type(test)


def arrays(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        return [value]
    if hasattr(value, "values") and callable(value.values):
        return [a for v in value.values() for a in arrays(v)]
    if hasattr(value, "__dataclass_fields__"):
        return [a for f in value.__dataclass_fields__ for a in arrays(getattr(value, f))]
    return []


def test_a_solution_is_frozen() -> None:
    with pytest.raises(AttributeError, match="frozen: sigma cannot be set"):
        base().sigma = 1.0  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        base().note = "mine"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        base().params.sigma = 1.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        base().ranef["g"] = None  # type: ignore[index]
    found = {name: arrays(getattr(base(), name)) for name in set(PROPERTIES) - CALLABLE}
    assert sum(map(len, found.values())) > 15
    assert [name for name, listed in found.items() if any(a.flags.writeable for a in listed)] == []


def test_a_fit_does_not_change_its_input_and_is_not_changed_by_it() -> None:
    mine = pickle.loads(pickle.dumps(DATA.arguments(start=base().theta.copy())))
    solution = DATA.fit(**mine)
    assert same(mine, DATA.arguments(start=base().theta))
    for array in arrays(mine):
        array[...] = 1  # what the caller does with his arrays afterwards
    untouched = DATA.fit(start=base().theta)
    for name in ("fitted_values", "residuals", "scaled_residuals", "ranef", "levels", "df_satterthwaite", "vcov"):
        assert same(getattr(solution, name), getattr(untouched, name))
    assert solution.compare(DATA.fit(random_effects=None)).df == 2


def test_provenance_and_timings() -> None:
    backend, optimizer = base().provenance
    assert (backend.kind, optimizer.kind) == ("linalg", "optimizer")
    assert (backend.distribution, optimizer.distribution) == ("ranef", "ranef")
    assert DATA.fit(backend="dense", optimizer="lbfgsb").provenance[0].name == "dense"
    assert DATA.fit(backend="dense", optimizer="lbfgsb").provenance[1].name == "lbfgsb"
    assert {"cross-products", "symbolic", "search"} <= set(base().timings)
    assert all(seconds >= 0 for seconds in base().timings.values())


def test_fixed_plus_random_is_fitted() -> None:
    b = base().ranef
    fitted_values = DATA.X @ base().coefficients + DATA.offset + b["g"][DATA.g, 0] + b["g"][DATA.g, 1] * DATA.x
    close(base().fitted_values, fitted_values + b["h"][DATA.h, 0])
    close(base().residuals, DATA.y - base().fitted_values)
    close(base().scaled_residuals, base().residuals * np.sqrt(DATA.weights) / base().sigma)
    # Henderson's equations for the fixed effects.
    close(DATA.X.T @ (DATA.weights * base().residuals), 0, atol=1e-7)


def test_conditional_variances_are_those_of_the_marginal_model() -> None:
    # Var(b | y) = S - S Z'V^-1 Z S by dense matrices, theta and beta held, as lme4's condVar.
    f = DATA.fit(random_effects={"g": ["1", "x"], "h": ["1"]})
    Zg = (DATA.g[:, None] == np.arange(25)).astype(float)
    Z = np.hstack([Zg, Zg * DATA.x[:, None], (DATA.h[:, None] == np.arange(12)).astype(float)])
    S = np.zeros((62, 62))
    S[:50, :50] = np.kron(covariance(f), np.eye(25))
    S[50:, 50:] = f.var_components[2].variance * np.eye(12)
    V = Z @ S @ Z.T + np.diag(f.sigma**2 / DATA.weights)
    conditional = S - S @ Z.T @ np.linalg.solve(V, Z @ S)
    by_level = conditional[:50, :50].reshape(2, 25, 2, 25)
    close(f.ranef_variances["g"], np.einsum("alcl->lac", by_level), rtol=1e-6)
    close(f.ranef_variances["h"][:, 0, 0], np.diagonal(conditional[50:, 50:]), rtol=1e-6)
    # The log-likelihood is the density of y.
    r = DATA.y - DATA.offset - DATA.X @ f.coefficients
    density = -0.5 * (N * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + r @ np.linalg.solve(V, r))
    XtVX = DATA.X.T @ np.linalg.solve(V, DATA.X)
    restricted = density + 0.5 * (3 * np.log(2 * np.pi) - np.linalg.slogdet(XtVX)[1])
    assert f.log_likelihood == pytest.approx(restricted, abs=1e-8)
    close(f.vcov, np.linalg.inv(XtVX))


def test_intervals() -> None:
    wide, narrow = DATA.fit(conf_level=0.99).conf_int, DATA.fit(conf_level=0.5).conf_int
    assert (wide[:, 0] < base().conf_int[:, 0]).all()
    assert (narrow[:, 0] > base().conf_int[:, 0]).all()
    close(base().conf_int.mean(axis=1), base().coefficients)
    # A p-value is 0.05 at the edge of the 95% interval.
    shifted = DATA.fit(offset=DATA.offset + DATA.x * base().conf_int[1, 0])
    assert shifted.p_values[1] == pytest.approx(0.05, rel=1e-4)


def test_without_satterthwaite() -> None:
    plain = DATA.fit(compute_satterthwaite=False)
    assert plain.df_satterthwaite is None
    # scipy.stats.t with n - p degrees of freedom

    close(plain.p_values, 2 * stats.t.sf(np.abs(plain.t_values), N - 3), rtol=1e-12)
    assert plain.summary().startswith("Linear mixed model fit by REML. t-tests use residual degrees of freedom")
    assert "Satterthwaite" in base().summary()
    close(plain.coefficients, base().coefficients, rtol=1e-12)


def test_an_unfinished_fit_says_so() -> None:
    with pytest.warns(ConvergenceWarning, match="the deviance is expected to fall by another") as caught:
        unfinished = DATA.fit(max_iter=3)  # inside of where the criterion is convex
    assert [w.filename for w in caught] == [__file__]
    assert not unfinished.converged
    assert unfinished.certificate.status == "MAX_EVALUATIONS"
    assert unfinished.certificate.expected_drop > 1e-6
    assert "NOT CONVERGED: the deviance is expected to fall" in unfinished.summary()
    assert "NOT converged" in repr(unfinished)
    assert "NOT CONVERGED" in unfinished._repr_html_()
    # Going on from there ends at the optimum.
    assert_same_fit(DATA.fit(start=unfinished.theta), base())


def test_a_singular_fit_says_so() -> None:
    with pytest.warns(SingularFitWarning, match="covariance matrix of Batch"):
        singular = fit("lmm_dyestuff2_reml")
    assert singular.is_singular
    assert singular.converged
    assert "the fit is singular" in singular.summary()
    assert singular.certificate.at_boundary == (0,)
    assert not base().is_singular
    assert "singular" not in base().summary()


# Observers ---------------------------------------------------------------------------------------------------------


class Recorder(Observer):
    def __init__(self) -> None:
        self.events: list[Any] = []

    def notify(self, event: Any) -> None:
        self.events.append(event)


class Broken(Observer):
    def __init__(self) -> None:
        self.calls = 0

    def notify(self, event: Any) -> None:
        self.calls += 1
        raise RuntimeError("out of paper")


def test_observers_see_the_whole_fit() -> None:
    recorder = Recorder()
    watched = DATA.fit(callbacks=recorder)
    kinds = [type(e) for e in recorder.events]
    assert kinds.count(FitStarted) == kinds.count(FitFinished) == 1
    assert kinds[-1] is FitFinished
    phases = [e.name for e in recorder.events if isinstance(e, PhaseStarted)]
    assert phases == ["choice", "cross-products", "symbolic", "search"]
    started = next(e for e in recorder.events if isinstance(e, FitStarted))
    assert (started.kind, started.n_obs, started.n_fixed, started.n_random, started.n_parameters) == (
        "lmm",
        N,
        3,
        62,
        4,
    )
    assert (started.backend, started.optimizer) == tuple(p.name for p in watched.provenance)
    evaluations = [e for e in recorder.events if isinstance(e, Evaluated)]
    assert [e.count for e in evaluations] == list(range(1, len(evaluations) + 1))
    finished = recorder.events[-1]
    assert finished.converged
    assert finished.n_evaluations == watched.n_evaluations == len(evaluations)
    assert finished.value == pytest.approx(watched.reml_criterion, rel=1e-12)
    # Watching changes no bit.
    np.testing.assert_array_equal(watched.theta, base().theta)


def test_an_observer_that_raises_is_left_out_and_the_fit_is_intact() -> None:
    broken, recorder = Broken(), Recorder()
    with pytest.warns(
        PluginWarning, match="observer Broken raised RuntimeError: out of paper; it was left out"
    ) as caught:
        watched = DATA.fit(callbacks=[broken, recorder])
    assert len(caught) == 1
    assert broken.calls == 1
    assert isinstance(recorder.events[-1], FitFinished)
    np.testing.assert_array_equal(watched.theta, base().theta)


@pytest.mark.parametrize("size", [1.0, 1e4, 1e6, 1e8])
def test_balanced_groups_are_an_analysis_of_variance(size: float) -> None:
    # REML is ANOVA there (Searle et al. 1992, section 4.5), however large the groups are against the residuals.
    rng = np.random.default_rng(8)
    effects, residuals = rng.normal(size=12), rng.normal(size=(12, 5))
    y = size * effects[:, None] + residuals
    within = ((residuals - residuals.mean(axis=1, keepdims=True)) ** 2).sum() / 48
    between = 5 * (size * effects + residuals.mean(axis=1)).var(ddof=1)
    one_way = ranef.lmm(y.ravel(), np.ones((60, 1)), {"g": np.repeat(np.arange(12), 5)})
    assert one_way.sigma**2 == pytest.approx(within, rel=1e-5)
    assert one_way.var_components[0].variance == pytest.approx((between - within) / 5, rel=1e-5)


# Comparisons -------------------------------------------------------------------------------------------------------


def test_compare_is_text_with_figures() -> None:
    small, large = DATA.fit(reml=False, X=DATA.X[:, :2]), DATA.fit(reml=False)
    test = small.compare(large)
    assert isinstance(test, str)
    assert test.df == 1
    assert test.statistic == pytest.approx(2 * (large.log_likelihood - small.log_likelihood), rel=1e-12)
    assert "Chisq" in test
    assert f"{test.statistic:.4f}" in test
    assert large.compare(small) == test


def test_two_fits_compare_without_solutions() -> None:
    small, large = DATA.fit(reml=False, X=DATA.X[:, :2]), DATA.fit(reml=False)
    record, test = likelihood_ratio_test(large._fit, small._fit), small.compare(large)
    assert record.smaller.model == "(Intercept) + x1 + (1 + x | g) + (1 | h)"
    assert (record.smaller.n_parameters, record.larger.n_parameters) == (small.n_parameters, large.n_parameters)
    assert record.larger.criteria.deviance == -2.0 * large.log_likelihood
    assert (record.larger.criteria.aic, record.larger.criteria.bic) == (large.aic, large.bic)
    assert (record.statistic, record.df, record.p_value) == (test.statistic, test.df, test.p_value)
    assert str(record).splitlines()[4:] == test.splitlines()[4:]  # all but the names
    assert test.record.smaller.model == f"y ~ {record.smaller.model}"


def refused() -> list[Any]:
    ml = DATA.fit(reml=False)
    no_h = {"groups": {"g": DATA.g}}
    other_h = {"groups": {"g": DATA.g, "h": DATA.h % 7}}
    half = slice(0, N // 2)
    halved = {
        "y": DATA.y[half],
        "X": DATA.X[half],
        "groups": {"g": DATA.g[half], "h": DATA.h[half]},
        "random_data": {"x": DATA.x[half]},
        "weights": DATA.weights[half],
        "offset": DATA.offset[half],
    }
    return [
        ("REML and ML", base(), ml, "one model was fitted by REML and the other by maximum likelihood"),
        ("REML, X differs", base(), DATA.fit(X=DATA.X[:, :2]), "fitted by REML and differ in fixed effects"),
        ("other rows", base(), DATA.fit(**halved), "different data: (150 and 300|300 and 150) observations"),
        ("other y", base(), DATA.fit(y=DATA.y + DATA.x**2, **no_h), "their y differ"),
        ("other weights", base(), DATA.fit(weights=None, **no_h), "their weights differ"),
        ("other offset", base(), DATA.fit(offset=None, **no_h), "their offset differ"),
        ("itself", base(), base(), "the same number of parameters"),
        ("X not nested", ml, DATA.fit(reml=False, X=np.column_stack([np.ones(N), DATA.x**2])), "not in the span"),
        ("factor not nested", base(), DATA.fit(random_effects=None, **other_h), r"does not contain .* \(1 \| h\)"),
        (
            "correlation not nested",
            DATA.fit(
                correlated={"g": False}, random_effects={"g": ["1", "x", "z"]}, random_data={"x": DATA.x, "z": DATA.z}
            ),
            DATA.fit(groups={"g": DATA.g}),
            r"does not contain the random effects \(1 \+ x \| g\)",
        ),
        ("another kind", base(), "a text", "two fits of one kind; got LMMSolution and str"),
    ]


def test_refused_comparisons_give_the_reason() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)
        listed = refused()
    for _, one, other, reason in listed:
        with pytest.raises(ComparisonError, match=reason):
            one.compare(other)


def test_equal_spans_compare_under_reml() -> None:
    # Another basis of the same columns: the same fixed effects, though lme4's REML criterion knows the units of X.
    A = np.array([[1.0, 2.0, 0.0], [0.0, 10.0, 1.0], [0.0, 0.0, 1e3]])
    test, plain = (base().compare(DATA.fit(X=X, groups={"g": DATA.g})) for X in (DATA.X @ A, DATA.X))
    assert test.df == plain.df == 1
    assert test.statistic == pytest.approx(plain.statistic, abs=1e-6)


def test_a_larger_model_that_is_unfinished_gains_nothing() -> None:
    # Its log-likelihood is below the smaller model's, by more than twenty: no statistic is negative.
    small = DATA.fit(reml=False, groups={"g": DATA.g})
    with pytest.warns(ConvergenceWarning):
        large = DATA.fit(reml=False, max_iter=1, start=[1e-3, 0.0, 1e-3, 1e-3])
    assert large.log_likelihood < small.log_likelihood - 20.0
    test = small.compare(large)
    assert (test.statistic, test.p_value) == (0.0, 1.0)


@pytest.mark.parametrize(("p", "mark"), [(0.0009, "***"), (0.009, "**"), (0.011, "*"), (0.06, "."), (0.11, "")])
def test_a_comparison_has_the_stars_of_its_p_value(p: float, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The bounds are those of the table of coefficients (R's printCoefmat).
    monkeypatch.setattr("ranef.inference.lrt.chi2_sf", lambda statistic, df: p)
    test = DATA.fit(groups={"g": DATA.g}).compare(base())
    assert test.p_value == p
    (larger,) = (line.split() for line in test.splitlines() if line.startswith("larger "))
    assert larger[-2:] == ([f"{p:g}", mark] if mark else ["1", f"{p:g}"])


def test_a_reference_fit_twice_is_the_same_to_the_bit() -> None:
    one, two = fitted("lmm_penicillin_reml").solution, fit("lmm_penicillin_reml")
    assert same(one.theta, two.theta)
    assert one.summary() == two.summary()
