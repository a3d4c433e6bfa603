"""`MixedModelRegressor`: linear mixed models by scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..contracts.arrays import FloatArray
from ..frontends.lmm import lmm
from .data import factors_of, model_of, predicted


class MixedModelRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Linear mixed model with a random intercept, and random slopes on request, for each grouping factor.

    Parameters
    ----------
    slopes : sequence of str or int, default ()
        Columns of X, by name or place, whose coefficients differ between levels, correlated with the intercept.
    fit_intercept : bool, default True
        Whether there is an intercept, fixed and random.
    reml : bool, default True
        Restricted maximum likelihood; False for maximum likelihood.
    backend, optimizer : str, default "auto"
        As in `ranef.lmm`.

    Attributes
    ----------
    coef_ : (p,) array
        Fixed effects of the columns of X; NaN for columns that are combinations of others.
    intercept_ : float
    solution_ : LMMSolution or None
        The fit, with all that ranef says of it; None without groups.
    n_features_in_, feature_names_in_
        As in all estimators.

    Examples
    --------
    >>> import ranef
    >>> from ranef.sklearn import MixedModelRegressor
    >>> d = ranef.datasets.load("sleepstudy")
    >>> X, y = d["Days"][:, None], d["Reaction"]
    >>> model = MixedModelRegressor(slopes=[0]).fit(X, y, groups=d["Subject"])
    >>> model.coef_.round(3).tolist(), round(model.intercept_, 3)
    ([10.467], 251.405)
    >>> model.predict([[10.0]], groups=["308"]).round(1).tolist(), model.predict([[10.0]]).round(1).tolist()
    ([450.3], [356.1])
    """

    def __init__(
        self,
        slopes: Sequence[str | int] = (),
        *,
        fit_intercept: bool = True,
        reml: bool = True,
        backend: str = "auto",
        optimizer: str = "auto",
    ) -> None:
        self.slopes = slopes
        self.fit_intercept = fit_intercept
        self.reml = reml
        self.backend = backend
        self.optimizer = optimizer

    def fit(self, X: Any, y: Any, groups: Any = None, sample_weight: Any = None) -> MixedModelRegressor:
        """Fit to rows X (n, p) and responses y (n,).

        Parameters
        ----------
        X, y : array-likes
        groups : array-like (n,) or (n, k), frame or dict of k factors, optional
            Labels of the levels; without them the population model: ordinary least squares.
        sample_weight : (n,) array, optional
            Precisions of the rows.

        Raises
        ------
        ValueError
            For rows that scikit-learn or ranef refuse; those of ranef are `ranef.InputError`.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        if groups is None:
            self.solution_ = None
            plain = LinearRegression(fit_intercept=self.fit_intercept).fit(X, y, weights)
            self.coef_, self.intercept_ = plain.coef_, float(plain.intercept_)
            return self
        self.solution_ = lmm(
            y,
            **model_of(self, X, factors_of(groups, len(X))),
            weights=weights,
            reml=self.reml,
            backend=self.backend,
            optimizer=self.optimizer,
        )
        beta = self.solution_.coefficients
        self.coef_ = np.array(beta[1:] if self.fit_intercept else beta)
        self.intercept_ = float(beta[0]) if self.fit_intercept else 0.0
        return self

    def predict(self, X: Any, groups: Any = None) -> FloatArray:
        """Expected responses (n,): given the random effects of the groups, or of the population.

        Parameters
        ----------
        X : array-like (n, p)
        groups : as in `fit`, optional
            Levels that the model does not know have the population's mean.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        if self.solution_ is not None:
            return predicted(self, X, groups, "response")
        if groups is not None:
            factors_of(groups, len(X))
        return np.asarray(X @ self.coef_ + self.intercept_)

    def score(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> float:
        """R2 of predictions, given the random effects of the groups where there are any."""
        return float(r2_score(y, self.predict(X, groups), sample_weight=sample_weight))
