"""Estimators keep scikit-learn's contract, and are lmm and glmm."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn
from packaging import version
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import ranef
from ranef.sklearn import MixedModelClassifier, MixedModelRegressor


def wrong_checks(estimator):
    """Of scikit-learn 1.6: makes two classes of three by the first row's, and looks at the rows in two orders."""
    if version.parse(sklearn.__version__) >= version.parse("1.7") or isinstance(estimator, MixedModelRegressor):
        return {}
    return {"check_sample_weight_equivalence_on_dense_data": "other labels with weights than with repeated rows"}


@parametrize_with_checks([MixedModelRegressor(), MixedModelClassifier()], expected_failed_checks=wrong_checks)
def test_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def sleep():
    return ranef.datasets.load("sleepstudy")


@pytest.fixture(scope="module")
def classes():
    rng = np.random.default_rng(3)
    groups, X = np.repeat([f"g{i}" for i in range(15)], 20), rng.normal(size=(300, 2))
    effects = np.repeat(rng.normal(size=15), 20)
    return X, np.where(rng.random(300) < 1 / (1 + np.exp(-X[:, 0] - effects)), "yes", "no"), groups


def test_a_regressor_is_the_linear_mixed_model(sleep):
    frame = {"Days": sleep["Days"]}
    X = np.column_stack(list(frame.values()))
    model = MixedModelRegressor(slopes=[0]).fit(X, sleep["Reaction"], groups=sleep["Subject"])
    fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", sleep)
    np.testing.assert_allclose([model.intercept_, *model.coef_], fit.coefficients, rtol=1e-8)
    assert model.solution_.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(model.predict(X, groups=sleep["Subject"]), fit.fitted_values, rtol=1e-7)
    np.testing.assert_allclose(model.predict(X), fit.predict(random="none"), rtol=1e-8)
    np.testing.assert_allclose(model.predict(X[:2], groups=["new", "309"]), [model.predict(X[:1])[0], fit.predict(
        {"Days": [1.0], "Subject": ["309"]})[0]], rtol=1e-7)  # fmt: skip


def test_maximum_likelihood_and_weights(sleep):
    X, w = sleep["Days"][:, None], 1.0 + sleep["Days"] % 3
    model = MixedModelRegressor(reml=False).fit(X, sleep["Reaction"], sleep["Subject"], sample_weight=w)
    fit = ranef.lmm("Reaction ~ Days + (1 | Subject)", sleep, weights=w, reml=False)
    assert model.solution_.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-8)


def test_several_factors_and_no_intercept():
    d = ranef.datasets.load("penicillin")
    X = np.ones((144, 1))
    factors = {"plate": d["plate"], "sample": d["sample"]}
    fit = ranef.lmm("diameter ~ 1 + (1 | plate) + (1 | sample)", d)
    for groups in (factors, np.column_stack(list(factors.values()))):
        model = MixedModelRegressor(slopes=["x0"], fit_intercept=False).fit(X, d["diameter"], groups=groups)
        assert model.intercept_ == 0.0
        assert model.solution_.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-7)
        np.testing.assert_allclose(model.predict(X, groups=groups), fit.fitted_values, rtol=1e-6)


def test_a_classifier_is_the_logistic_mixed_model(classes):
    X, y, groups = classes
    model = MixedModelClassifier().fit(X, y, groups=groups)
    fit = ranef.glmm((y == "yes").astype(float), np.column_stack([np.ones(300), X]), {"g": groups}, family="binomial")
    assert model.classes_.tolist() == ["no", "yes"]
    np.testing.assert_allclose([*model.intercept_, *model.coef_[0]], fit.coefficients, rtol=1e-6)
    np.testing.assert_allclose(model.predict_proba(X, groups)[:, 1], fit.fitted_values, rtol=1e-6)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)
    assert (model.predict(X, groups) == np.where(fit.fitted_values > 0.5, "yes", "no")).all()


def test_without_groups_it_is_the_population_model(sleep, classes):
    X, y = sleep["Days"][:, None], sleep["Reaction"]
    beta = np.linalg.lstsq(np.column_stack([np.ones(180), X]), y, rcond=None)[0]
    model = MixedModelRegressor().fit(X, y)
    np.testing.assert_allclose([model.intercept_, *model.coef_], beta, rtol=1e-10)
    assert model.solution_ is None
    X, y, _ = classes
    model = MixedModelClassifier().fit(X, y)
    # the score of logistic regression is zero at its maximum
    score = np.column_stack([np.ones(300), X]).T @ ((y == "yes") - model.predict_proba(X)[:, 1])
    np.testing.assert_allclose(score, 0.0, atol=0.05)


def test_groups_are_routed_through_pipelines_and_group_folds(sleep):
    X, y, groups = sleep["Days"][:, None].astype(float), sleep["Reaction"], sleep["Subject"]
    with sklearn.config_context(enable_metadata_routing=True):
        model = MixedModelRegressor(slopes=[0]).set_fit_request(groups=True)
        scores = cross_val_score(
            make_pipeline(StandardScaler(), model), X, y, params={"groups": groups}, cv=GroupKFold(3),
            scoring="neg_root_mean_squared_error",
        )  # fmt: skip
        by_hand = []
        for train, test in GroupKFold(3).split(X, y, groups):
            fit = ranef.lmm("y ~ x + (x | g)", {"y": y[train], "x": X[train, 0], "g": groups[train]})
            mean = fit.coefficients[0] + fit.coefficients[1] * X[test, 0]
            by_hand.append(-np.sqrt(np.mean((y[test] - mean) ** 2)))
        np.testing.assert_allclose(scores, by_hand, rtol=1e-6)
        known = model.set_score_request(groups=True)
        scores = cross_val_score(known, X, y, params={"groups": groups}, cv=KFold(2, shuffle=True, random_state=1))
    by_hand = []
    for train, test in KFold(2, shuffle=True, random_state=1).split(X):
        fit = ranef.lmm("y ~ x + (x | g)", {"y": y[train], "x": X[train, 0], "g": groups[train]})
        left = y[test] - fit.predict({"x": X[test, 0], "g": groups[test]})
        by_hand.append(1.0 - np.sum(left**2) / np.sum((y[test] - y[test].mean()) ** 2))
    np.testing.assert_allclose(scores, by_hand, rtol=1e-6)


def test_accuracy_is_given_the_groups(classes):
    X, y, groups = classes
    model = MixedModelClassifier().fit(X, y, groups=groups)
    assert model.score(X, y, groups=groups) == np.mean(model.predict(X, groups) == y)
    assert model.score(X, y) == np.mean(model.predict(X) == y) != model.score(X, y, groups=groups)


def test_estimators_pickle(sleep):
    X = sleep["Days"][:, None]
    model = MixedModelRegressor().fit(X, sleep["Reaction"], groups=sleep["Subject"])
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.predict(X, sleep["Subject"]) == model.predict(X, sleep["Subject"])).all()


@pytest.mark.parametrize(
    ("settings", "groups", "said"),
    [
        ({}, np.zeros(3), "has shape"),
        ({}, np.zeros((180, 2, 2)), "got shape"),
        ({}, {}, "no factor"),
        ({"slopes": ["Weeks"]}, "Subject", "X has no column 'Weeks'; it has x0"),
        ({"slopes": [1]}, "Subject", "X has no column 1"),
        ({"fit_intercept": False}, "Subject", "need slopes"),
    ],
)
def test_bad_input(sleep, settings, groups, said):
    groups = sleep[groups] if isinstance(groups, str) else groups
    with pytest.raises(ranef.InputError, match=said):
        MixedModelRegressor(**settings).fit(sleep["Days"][:, None], sleep["Reaction"], groups=groups)


def test_other_factors_than_those_of_the_fit(sleep):
    X = sleep["Days"][:, None]
    model = MixedModelRegressor().fit(X, sleep["Reaction"], groups={"Subject": sleep["Subject"]})
    with pytest.raises(ranef.InputError, match="the model has Subject; got group"):
        model.predict(X, groups=sleep["Subject"])
