"""Residuals of linear models by kind, marginal and standardized ones; variance inflation and principal components."""

import numpy as np
import pytest

import ranef
from ranef.contracts import InputError, InputTypeError
from ranef.diagnostics.effects import standardized_modes

from .dense import R, dense
from .test_influence import crossed, poisson, related


@pytest.mark.parametrize("fit", [crossed(), related()])
def test_residuals_of_linear_models(fit):
    design = fit._fit.model.design
    w = np.ones(fit.n_obs) if design.weights is None else design.weights
    e = design.y - fit.fitted_values
    for kind in ("response", "working"):
        np.testing.assert_allclose(fit.residuals_of(kind), e)
    for kind in ("pearson", "deviance"):
        np.testing.assert_allclose(fit.residuals_of(kind), e * np.sqrt(w))
    np.testing.assert_allclose(fit.residuals_of("quantile"), e * np.sqrt(w) / fit.sigma)
    np.testing.assert_allclose(fit.residuals_of("quantile"), fit.scaled_residuals)


@pytest.mark.parametrize("fit", [crossed(), related()])
def test_standardized_residuals_have_variance_one_under_the_model(fit):
    d = dense(fit)
    n, V = fit.n_obs, fit.sigma**2 * d.V
    # conditional: e = (I - H) y
    E = np.eye(n) - d.hat
    sd = np.sqrt(np.diagonal(E @ V @ E.T))
    np.testing.assert_allclose(fit.residuals_of("pearson", standardized=True), fit.residuals / sd, rtol=1e-7)
    # marginal: e = (I - X (X'V^-1 X)^-1 X'V^-1) y
    inverse = np.linalg.solve(V, np.eye(n))
    E = np.eye(n) - d.X @ np.linalg.solve(d.X.T @ inverse @ d.X, d.X.T @ inverse)
    sd = np.sqrt(np.diagonal(E @ V @ E.T))
    marginal = fit.residuals_of("response", about="marginal")
    np.testing.assert_allclose(
        fit.residuals_of("pearson", about="marginal", standardized=True), marginal / sd, rtol=1e-7
    )


@pytest.mark.parametrize("fit", [crossed(), related()])
def test_marginal_residuals_of_linear_models(fit):
    d, design = dense(fit), fit._fit.model.design
    offset = 0.0 if design.offset is None else design.offset
    marginal = design.y - offset - d.X @ fit.coefficients
    np.testing.assert_allclose(fit.residuals_of("response", about="marginal"), marginal, atol=1e-10)
    sd = np.sqrt(np.diagonal(d.V))
    np.testing.assert_allclose(fit.residuals_of("pearson", about="marginal"), marginal / sd)
    np.testing.assert_allclose(fit.residuals_of("quantile", about="marginal"), marginal / sd / fit.sigma)


def test_residuals_of_generalized_models():
    fit = poisson()
    y, mu, h = fit._fit.model.design.y, fit.fitted_values, fit.hat_values()
    pearson = (y - mu) / np.sqrt(mu)
    np.testing.assert_allclose(fit.residuals_of("pearson"), pearson)
    np.testing.assert_allclose(fit.residuals_of("pearson", standardized=True), pearson / np.sqrt(1 - h))
    # the mean of exp(eta + b) over b ~ N(0, v) is exp(eta + v / 2)
    v = fit.var_components[0].variance
    mean = np.exp(fit._fit.model.design.X @ fit.coefficients + v / 2)
    np.testing.assert_allclose(fit.residuals_of("response", about="marginal"), y - mean)


def test_a_dispersion_is_in_standardized_residuals():
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(12), 8)
    y = rng.gamma(3.0, np.exp(1 + 0.9 * rng.normal(size=12)[g]) / 3.0)
    fit = ranef.glmm(y, np.ones((96, 1)), {"g": g}, family="gamma")
    phi = next(iter(fit.dispersion.values()))
    expected = fit.residuals_of("deviance") / np.sqrt(phi * (1 - fit.hat_values()))
    np.testing.assert_allclose(fit.residuals_of("deviance", standardized=True), expected)
    assert 0.8 < fit.residuals_of("pearson", standardized=True).std() < 1.2


def test_arguments_of_residuals_are_checked():
    linear, generalized = crossed(), poisson()
    with pytest.raises(InputError, match="kind must be one of response, pearson"):
        linear.residuals_of("raw")
    with pytest.raises(InputError, match="about must be 'conditional' or 'marginal'"):
        linear.residuals_of("response", about="all")
    with pytest.raises(InputTypeError, match="standardized must be True or False"):
        linear.residuals_of("pearson", standardized=1)
    with pytest.raises(InputError, match="'response' is not standardized by leverage"):
        linear.residuals_of("response", standardized=True)
    with pytest.raises(InputError, match="working residuals are given the random effects"):
        linear.residuals_of("working", about="marginal")
    with pytest.raises(InputError, match="pearson residuals about the marginal mean need its distribution"):
        generalized.residuals_of("pearson", about="marginal")


# Modes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", [crossed(), related()])
def test_standardized_modes_have_variance_one_under_the_model(fit):
    d, model = dense(fit), fit._fit.model
    V = fit.sigma**2 * d.V
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ d.X @ np.linalg.solve(d.X.T @ inverse @ d.X, d.X.T @ inverse)
    at = 0
    for f, T in zip(model.design.random.groups, fit._fit.roots_of_model, strict=True):
        # b^ = C P y with C = Cov(b, y), of the user's columns
        k, L = len(f.columns), f.grouping.n_levels
        ZL = d.ZL[:, at : at + k * L]
        K = d.K[at : at + k * L, at : at + k * L]
        root = np.kron(f.users_effects(T), np.eye(L))
        C = fit.sigma**2 * root @ np.linalg.solve(K, ZL.T)
        sd = np.sqrt(np.diagonal(C @ P @ C.T)).reshape(k, L).T
        np.testing.assert_allclose(standardized_modes(fit._fit)[f.name], fit.ranef[f.name] / sd, rtol=1e-6)
        at += k * L


# Collinearity, components ---------------------------------------------------------------------------------------------


def test_variance_inflation_is_cars():
    d = ranef.datasets.load("sleepstudy")
    fit = ranef.lmm("Reaction ~ Days + I(Days**2) + (1 | Subject)", d)
    np.testing.assert_allclose(fit.vif()["gvif"], R["sleepstudy_vif"], rtol=1e-6)
    d = ranef.datasets.load("cbpp")
    fit = ranef.glmm("cbind(incidence, size - incidence) ~ period + size + (1 | herd)", d, family="binomial")
    table = fit.vif()
    assert (table["term"].tolist(), table["df"].tolist()) == (["period", "size"], [3, 1])
    np.testing.assert_allclose(table["gvif"], R["cbpp_vif"], rtol=2e-3)  # two terms take as much from each other
    np.testing.assert_allclose(table["inflation"], table["gvif"] ** [1 / 6, 1 / 2])


def test_variance_inflation_of_arrays_is_by_column_and_one_term_has_none():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2)) @ [[1.0, 0.8], [0.0, 0.6]]
    fit = ranef.lmm(
        rng.normal(size=40) + np.arange(40) // 5, np.column_stack([np.ones(40), x]), {"g": np.arange(40) // 5}
    )
    sd = np.sqrt(np.diagonal(fit.vcov))
    r = fit.vcov[1, 2] / sd[1] / sd[2]
    np.testing.assert_allclose(fit.vif()["gvif"], [1 / (1 - r**2)] * 2)
    fit = ranef.lmm(rng.normal(size=40) + np.arange(40) // 5, np.ones((40, 1)), {"g": np.arange(40) // 5})
    with pytest.raises(InputError, match="beside the intercept there are 0"):
        fit.vif()


def test_principal_components_are_lme4s():
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
    table = fit.ranef_pca()
    np.testing.assert_allclose(table["sd"], R["sleepstudy_pca"]["sd"], rtol=1e-4)
    np.testing.assert_allclose(table["share"].sum(), 1.0)
    rotation = np.abs(np.array(R["sleepstudy_pca"]["rotation"]))
    loadings = np.array([table["of (Intercept)"], table["of Days"]])
    np.testing.assert_allclose(np.abs(loadings), rotation, atol=1e-4)
    # they are the eigenvectors of the covariance matrix
    v = {(c.name): c for c in fit.var_components}
    cov = v["Days"].corr[0] * v["Days"].std_dev * v["(Intercept)"].std_dev
    S = np.array([[v["(Intercept)"].variance, cov], [cov, v["Days"].variance]])
    np.testing.assert_allclose(loadings * table["sd"] ** 2 @ loadings.T, S, rtol=1e-8)
