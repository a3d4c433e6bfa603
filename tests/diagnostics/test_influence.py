"""Leverage and influence: dense matrices, fits without the rows, and R."""

import pickle

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError, InputTypeError
from ranef.design.selection import select_rows

from .dense import R, dense

#: Levels of different variances.
RELATIONSHIP = np.diag([0.3, 0.5, 0.7, 0.4, 1.0, 0.6]) + 0.5


def crossed(reml=True, seed=0, **more):
    """Unbalanced and crossed, with slopes, weights and an offset."""
    rng = np.random.default_rng(seed)
    n = 60
    g, h = rng.integers(0, 8, n), rng.integers(0, 5, n)
    x = rng.normal(size=n)
    y = 2.0 + x + rng.normal(size=8)[g] + 0.7 * rng.normal(size=8)[g] * x + rng.normal(size=5)[h] + rng.normal(size=n)
    more = {"weights": rng.uniform(0.5, 2.0, n), "offset": rng.normal(size=n)} | more
    X = np.column_stack([np.ones(n), x])
    effects = {"g": "1 + x", "h": "1"}
    return ranef.lmm(
        y, X, {"g": g, "h": h}, random_effects=effects, random_data={"x": x}, x_names=["1", "x"], reml=reml, **more
    )


def related():
    """Levels with a known relationship."""
    rng = np.random.default_rng(3)
    A = RELATIONSHIP
    g = np.repeat(np.arange(6), 5)
    y = (np.linalg.cholesky(A) @ rng.normal(size=6))[g] * 2.0 + rng.normal(size=30)
    X = np.column_stack([np.ones(30), rng.normal(size=30)])
    return ranef.lmm(y, X, {"g": g}, relationship={"g": A})


def poisson(**more):
    rng = np.random.default_rng(5)
    g, x = np.repeat(np.arange(10), 6), rng.normal(size=60)
    y = rng.poisson(np.exp(0.5 + 0.4 * x + 0.6 * rng.normal(size=10)[g]))
    X = np.column_stack([np.ones(60), x])
    return ranef.glmm(y, X, {"g": g}, family="poisson", x_names=["1", "x"], **more)


def without(fit, keep):
    """By generalized least squares of the rows that are kept, V given: beta, sigma, covariance."""
    d, design = dense(fit), fit._fit.model.design
    V = d.V[np.ix_(keep, keep)]
    y = (design.y if design.offset is None else design.y - design.offset)[keep]
    X = d.X[keep]
    inverse = np.linalg.inv(X.T @ np.linalg.solve(V, X))
    beta = inverse @ X.T @ np.linalg.solve(V, y)
    e = y - X @ beta
    s2 = e @ np.linalg.solve(V, e) / (len(y) - (X.shape[1] if fit.reml else 0))
    return beta, np.sqrt(s2), s2 * inverse


@pytest.mark.parametrize("fit", [crossed(), crossed(reml=False, seed=4, weights=None), related()])
@pytest.mark.parametrize("by", [None, "g", "labels"])
def test_influence_given_theta_is_least_squares_without_the_rows(fit, by):
    n = fit.n_obs
    codes = {"labels": np.arange(n) % 7, "g": fit._fit.model.design.random.groups[0].codes}.get(by, np.arange(n))
    table = fit.influence(np.char.add("level ", codes.astype(str)) if by == "labels" else by)
    d = dense(fit)
    full = fit.sigma**2 * np.linalg.inv(d.X.T @ np.linalg.solve(d.V, d.X))
    assert len(table) == len(np.unique(codes))
    for i, code in enumerate(np.unique(codes)):
        beta, sigma, covariance = without(fit, codes != code)
        change = fit.coefficients - beta
        np.testing.assert_allclose(table.coefficients[i], beta, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(table["sigma"][i], sigma, rtol=1e-8)
        np.testing.assert_allclose(table["cooks"][i], change @ np.linalg.solve(full, change) / 2, rtol=1e-5, atol=1e-10)
        np.testing.assert_allclose(table["covratio"][i], np.linalg.det(covariance) / np.linalg.det(full), rtol=1e-7)
        names = [f"dfbetas_{name}" for name in fit.names]
        scaled = change / np.sqrt(np.diagonal(full)) * fit.sigma / sigma
        np.testing.assert_allclose([table[name][i] for name in names], scaled, rtol=1e-5, atol=1e-8)


def test_influence_of_a_fit_without_variance_between_levels_is_that_of_lm():
    d = ranef.datasets.load("dyestuff2")
    with pytest.warns(ranef.contracts.SingularFitWarning):
        fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, x_names=["1"])
    table = fit.influence()
    np.testing.assert_allclose(table["cooks"], R["lm_cooks"], rtol=1e-8)
    np.testing.assert_allclose(table["dfbetas_1"], R["lm_dfbetas"], rtol=1e-8)
    np.testing.assert_allclose(table["covratio"], R["lm_covratio"], rtol=1e-8)
    np.testing.assert_allclose(table["sigma"], R["lm_sigma"], rtol=1e-8)
    np.testing.assert_allclose(fit.residuals_of("pearson", standardized=True), R["lm_rstandard"], rtol=1e-8)


def by_hand(fit, keep):
    """The fit of these rows, from arrays."""
    design = fit._fit.model.design
    x, groups = design.X[keep, 1], {f.name: f.codes[keep] for f in design.random.groups}
    if "h" not in groups:
        return ranef.glmm(design.y[keep], design.X[keep], groups, family="poisson")
    return ranef.lmm(
        design.y[keep],
        design.X[keep],
        groups,
        random_effects={"g": "1 + x", "h": "1"},
        random_data={"x": x},
        weights=design.weights[keep],
        offset=design.offset[keep],
    )


@pytest.mark.filterwarnings("ignore::ranef.contracts.SingularFitWarning")
@pytest.mark.parametrize("fit", [crossed(), poisson()])
@pytest.mark.parametrize("by", ["g", "rows"])
def test_refits_are_fits_without_the_rows(fit, by):
    codes = fit._fit.model.design.random.groups[0].codes
    if by == "rows":  # four single rows, and all others in two halves
        codes = np.minimum(np.arange(fit.n_obs), 4) + 1 * (np.arange(fit.n_obs) > 30)
    table = fit.influence("g" if by == "g" else codes, refit=True)
    assert table.reasons == {}
    for i, code in enumerate(np.unique(codes)):
        other = by_hand(fit, codes != code)
        np.testing.assert_allclose(table.coefficients[i], other.coefficients, rtol=1e-6, atol=1e-8)
        covariance, full = (f._fit.gamma_covariance for f in (other, fit))
        R = [f._labels.fixed.R for f in (other, fit)]
        expected = np.linalg.det(covariance) / np.linalg.det(full) * (np.linalg.det(R[1]) / np.linalg.det(R[0])) ** 2
        np.testing.assert_allclose(table["covratio"][i], expected, rtol=1e-5)


def test_refits_are_lme4s():
    d = ranef.datasets.load("sleepstudy")
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", d)
    subjects = d["Subject"]
    rest = np.where(np.isin(subjects, ["309", "337", "371"]), subjects, "rest")
    table = fit.influence(rest, refit=True)
    np.testing.assert_allclose(table.coefficients[:3], np.array(R["sleepstudy_without"]).T, rtol=2e-5)


def test_refits_with_a_known_precision_keep_the_related_levels():
    fit = related()
    design = fit._fit.model.design
    g, A = design.random.groups[0].codes, RELATIONSHIP
    table = fit.influence("g", refit=True)
    keep = g != 2
    among = [0, 1, 3, 4, 5]
    other = ranef.lmm(
        design.y[keep], design.X[keep], {"g": g[keep]}, relationship={"g": (A[np.ix_(among, among)], among)}
    )
    np.testing.assert_allclose(table.coefficients[2], other.coefficients, rtol=1e-6)
    np.testing.assert_allclose(table["sigma"][2], other.sigma, rtol=1e-5)


@pytest.mark.parametrize("hessian", ["observed", "expected"])
def test_one_step_is_newtons_on_the_penalized_likelihood(hessian):
    fit = poisson(hessian=hessian)
    mu = fit.fitted_values
    d, y = dense(fit, mu), fit._fit.model.design.y
    A, K = np.column_stack([d.X, d.ZL]), np.zeros((2 + d.ZL.shape[1],) * 2)
    K[2:, 2:] = d.K
    table, codes = fit.influence("g"), np.repeat(np.arange(10), 6)
    for level in range(10):
        keep, gone = codes != level, codes == level
        H = A[keep].T @ (mu[keep, None] * A[keep]) + K
        step = np.linalg.solve(H, A[gone].T @ (y - mu)[gone])
        np.testing.assert_allclose(table.coefficients[level], fit.coefficients - step[:2], rtol=1e-7)
    rows = fit.influence()
    H = A[1:].T @ (mu[1:, None] * A[1:]) + K
    step = np.linalg.solve(H, A[0] * (y - mu)[0])
    np.testing.assert_allclose(rows.coefficients[0], fit.coefficients - step[:2], rtol=1e-7)


def test_one_step_is_near_the_refit():
    fit = poisson()
    one, refit = fit.influence("g"), fit.influence("g", refit=True)
    assert np.abs(one["dfbetas_x"] - refit["dfbetas_x"]).max() < 0.15
    assert np.corrcoef(one["dfbetas_x"], refit["dfbetas_x"])[0, 1] > 0.99


def test_cases_that_carry_a_coefficient_alone_are_nan_with_a_word():
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(6), 4)
    X = np.column_stack([np.ones(24), g == 5])
    fit = ranef.lmm(rng.normal(size=24) + 0.5 * g, X, {"g": g})
    for refit in (False, True):
        table = fit.influence("g", refit=refit)
        assert np.isnan(table["cooks"]).tolist() == [False] * 5 + [True]
        assert table.reasons == {"5": "the other rows do not determine the coefficients"}
        assert "5: NaN, for the other rows do not determine" in str(table)


def test_labels_of_many_sizes_are_in_their_order():
    fit = crossed()
    sizes = np.array([1, 30, 2, 7, 20])
    labels = np.repeat(list("dbaec"), sizes)
    table = fit.influence(labels)
    assert table["level"].tolist() == list("abcde")
    beta, _, _ = without(fit, labels != "d")
    np.testing.assert_allclose(table.coefficients[3], beta, rtol=1e-8)
    beta, _, _ = without(fit, labels != "b")
    np.testing.assert_allclose(table.coefficients[1], beta, rtol=1e-8)


def test_records_pickle_and_are_frozen():
    table = crossed().influence("g", refit=True)
    again = pickle.loads(pickle.dumps(table))
    np.testing.assert_array_equal(again.coefficients, table.coefficients)
    assert again["cooks"].tolist() == table["cooks"].tolist()
    with pytest.raises(ValueError, match="read-only"):
        table.coefficients[0] = 0.0
    with pytest.raises(AttributeError):
        table.coefficients = None


def test_largest_are_in_order():
    table = crossed().influence()
    largest = table.largest(3)
    assert largest["cooks"].tolist() == sorted(table["cooks"], reverse=True)[:3]
    assert table["cooks"][largest["row"]].tolist() == largest["cooks"].tolist()


def test_arguments_of_influence_are_checked():
    fit = crossed()
    with pytest.raises(InputError, match="by='k' is no grouping factor of the model, which has g, h"):
        fit.influence("k")
    with pytest.raises(InputError, match="by has 3 labels, the fit has 60 rows"):
        fit.influence([1, 2, 3])
    with pytest.raises(InputTypeError, match="by must be None, a factor's name"):
        fit.influence(3)
    with pytest.raises(InputTypeError, match="refit must be True or False"):
        fit.influence(refit="yes")


# Leverage -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", [crossed(), crossed(weights=None), related()])
def test_hat_values_are_the_diagonal_of_the_hat_matrix(fit):
    H = dense(fit).hat
    np.testing.assert_allclose(fit.hat_values(), np.diagonal(H), rtol=1e-8)
    np.testing.assert_allclose(fit.hat_values().sum(), np.trace(H), rtol=1e-10)


def test_hat_values_take_the_response_to_the_fitted_values():
    fit = crossed(offset=None)
    H = dense(fit).hat
    np.testing.assert_allclose(H @ fit._fit.model.design.y, fit.fitted_values, rtol=1e-8)


def test_hat_values_of_a_generalized_model():
    fit = poisson()
    np.testing.assert_allclose(fit.hat_values(), np.diagonal(dense(fit, fit.fitted_values).hat), rtol=1e-8)


@pytest.mark.parametrize("hessian", ["observed", "expected"])
def test_hat_values_have_the_weights_that_enter_the_determinant(hessian):
    rng = np.random.default_rng(8)
    g, x = np.repeat(np.arange(10), 6), rng.normal(size=60)
    y = (x + rng.normal(size=10)[g] + rng.logistic(size=60) > 0.0) * 1.0
    fit = ranef.glmm(y, np.column_stack([np.ones(60), x]), {"g": g}, family="binomial(cloglog)", hessian=hessian)
    at = fit.family.evaluate(y, fit.linear_predictor, np.ones(60), np.zeros(0))
    weights = -at.d2 if hessian == "observed" else at.expected_weight
    np.testing.assert_allclose(fit.hat_values(), np.diagonal(dense(fit, weights).hat), rtol=1e-6)


def test_hat_values_are_lme4s():
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
    np.testing.assert_allclose(fit.hat_values(), R["sleepstudy_hat"], rtol=1e-4)
    np.testing.assert_allclose(fit.residuals_of("pearson", standardized=True), R["sleepstudy_rstudent"], atol=1e-4)


def test_frames_have_the_kind_of_the_data():
    pandas = pytest.importorskip("pandas")
    d = pandas.DataFrame(ranef.datasets.load("sleepstudy"))
    table = ranef.lmm("Reaction ~ Days + (1 | Subject)", d).influence("Subject")
    assert isinstance(table.to_frame(), pandas.DataFrame)
    assert table.to_frame().columns[0] == "Subject"


# Rows of a design -----------------------------------------------------------------------------------------------------


def test_a_subset_forgets_levels_and_keeps_columns():
    design = crossed()._fit.model.design
    keep = design.random.groups[0].codes != 0
    some = select_rows(design, keep)
    f = some.random.groups[0]
    assert f.levels.tolist() == [1, 2, 3, 4, 5, 6, 7]
    users = f.R.T @ np.array([np.ones(some.n) if z is None else z for z in f.columns])
    np.testing.assert_allclose(users, [np.ones(some.n), design.X[keep, 1]], atol=1e-12)
    np.testing.assert_allclose(some.fixed.Q @ some.fixed.R, design.X[keep], atol=1e-12)
    np.testing.assert_allclose(some.fixed.Q.T @ (some.weights[:, None] * some.fixed.Q), np.eye(2), atol=1e-12)


def test_a_subset_of_one_level_is_refused():
    design = crossed()._fit.model.design
    with pytest.raises(InputError, match="one level of g is left"):
        select_rows(design, design.random.groups[0].codes == 0)
    with pytest.raises(InputError, match="X has 2 independent columns for the 2 rows that are left"):
        select_rows(design, np.arange(60) < 2)
