"""`MixedModelClassifier`: logistic mixed models by scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..contracts.arrays import AnyArray, FloatArray
from ..frontends.glmm import glmm
from .data import factors_of, model_of, predicted


class MixedModelClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic mixed model of two classes, with a random intercept, and random slopes, for each grouping factor.

    Parameters
    ----------
    slopes : sequence of str or int, default ()
        Columns of X, by name or place, whose coefficients differ between levels, correlated with the intercept.
    fit_intercept : bool, default True
        Whether there is an intercept, fixed and random.
    nagq : int, default 1
        Nodes of adaptive quadrature; 1 is the Laplace approximation.
    backend, optimizer : str, default "auto"
        As in `ranef.glmm`.

    Attributes
    ----------
    classes_ : (2,) array
        Labels of the classes; probabilities are of the second.
    coef_ : (1, p) array
        Fixed effects of the columns of X on the logit scale.
    intercept_ : (1,) array
    solution_ : GLMMSolution or None
        The fit, with all that ranef says of it; None without groups.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.sklearn import MixedModelClassifier
    >>> rng = np.random.default_rng(1)
    >>> groups, X = np.repeat(np.arange(20), 30), rng.normal(size=(600, 1))
    >>> y = rng.random(600) < 1 / (1 + np.exp(-X[:, 0] - rng.normal(size=20)[groups]))
    >>> model = MixedModelClassifier().fit(X, y, groups=groups)
    >>> model.predict_proba([[0.5]], groups=[3]).shape
    (1, 2)
    """

    def __init__(
        self,
        slopes: Sequence[str | int] = (),
        *,
        fit_intercept: bool = True,
        nagq: int = 1,
        backend: str = "auto",
        optimizer: str = "auto",
    ) -> None:
        self.slopes = slopes
        self.fit_intercept = fit_intercept
        self.nagq = nagq
        self.backend = backend
        self.optimizer = optimizer

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X: Any, y: Any, groups: Any = None, sample_weight: Any = None) -> MixedModelClassifier:
        """Fit to rows X (n, p) and labels y (n,) of two classes.

        Parameters
        ----------
        X, y : array-likes
        groups : array-like (n,) or (n, k), frame or dict of k factors, optional
            Labels of the levels; without them the population model: logistic regression without penalty.
        sample_weight : (n,) array, optional
            Multiples of the rows' log-likelihoods.

        Raises
        ------
        ValueError
            For other numbers of classes, and rows that scikit-learn or ranef refuse (`ranef.InputError`). Where groups
            and classes are such that there is no maximum, `ranef.NoMaximumError`.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(f"Only binary classification is supported. The type of the target is {kind}.")
        self.classes_, second = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y needs two classes; there is one class in it, {self.classes_[0]!r}")
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        if groups is None:
            self.solution_ = None
            plain = LogisticRegression(C=np.inf, tol=1e-8, fit_intercept=self.fit_intercept, max_iter=1000)
            plain.fit(X, y, weights)
            self.coef_, self.intercept_ = plain.coef_, plain.intercept_
            return self
        self.solution_ = glmm(
            second.astype(np.float64),
            **model_of(self, X, factors_of(groups, len(X))),
            family="binomial",
            weights=weights,
            nagq=self.nagq,
            backend=self.backend,
            optimizer=self.optimizer,
        )
        beta = self.solution_.coefficients
        self.coef_ = np.array(beta[1:] if self.fit_intercept else beta)[None, :]
        self.intercept_ = np.array(beta[:1]) if self.fit_intercept else np.zeros(1)
        return self

    def decision_function(self, X: Any, groups: Any = None) -> FloatArray:
        """Log odds (n,) of the second class."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        if self.solution_ is not None:
            return predicted(self, X, groups, "link")
        if groups is not None:
            factors_of(groups, len(X))
        return np.asarray(X @ self.coef_[0] + self.intercept_[0])

    def predict_proba(self, X: Any, groups: Any = None) -> FloatArray:
        """Probabilities (n, 2) of the classes: given the random effects of the groups, or where these are zero.

        Parameters
        ----------
        X : array-like (n, p)
        groups : as in `fit`, optional
            Levels that the model does not know have effects of zero.
        """
        eta = self.decision_function(X, groups)
        return np.column_stack([expit(-eta), expit(eta)])

    def predict(self, X: Any, groups: Any = None) -> AnyArray:
        """The more likely classes (n,)."""
        second = self.decision_function(X, groups) > 0.0
        return np.asarray(self.classes_[second.astype(int)])

    def score(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> float:
        """Accuracy of predictions, given the random effects of the groups where there are any."""
        return float(accuracy_score(y, self.predict(X, groups), sample_weight=sample_weight))
