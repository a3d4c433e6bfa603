"""`LMMSolution`: a fitted linear mixed model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import stats

from ..contracts.arrays import FloatArray
from ..estimation.linear import LinearFit
from ..inference.lrt import LikelihoodRatioTest, likelihood_ratio_test
from ..inference.satterthwaite import satterthwaite_df
from .base import MixedSolution, _expand, _frozen
from .summary import lmm_title
from .tables import CoefficientTable, InformationCriteria, SummaryData, VarCompSummary, residual_quantiles


@dataclass(frozen=True, eq=False)
class LMMParams:
    """Estimated parameters of a linear mixed model.

    Parameters
    ----------
    names : tuple of str
        Names of X's columns.
    coefficients : (p,) array
        Fixed effects.
    theta : (m,) array
        Relative covariance parameters.
    sigma : float
        Residual standard deviation.
    var_components : tuple of VarCompSummary
        Variance components, the residual last.
    n_groups : dict of str to int
        Number of levels by factor.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    theta: FloatArray
    sigma: float
    var_components: tuple[VarCompSummary, ...]
    n_groups: dict[str, int]

    @property
    def residual_variance(self) -> float:
        """Square of `sigma`."""
        return self.sigma**2


class LMMSolution(MixedSolution):
    """A linear mixed model fitted by `ranef.lmm`.

    Tests and intervals are computed on first use.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> d = ranef.datasets.load("dyestuff")
    >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
    >>> [(v.group, round(v.std_dev, 2)) for v in fit.var_components]
    [('Batch', 42.0), ('Residual', 49.51)]
    >>> round(fit.icc["Batch"], 3)
    0.418
    """

    _fit: LinearFit
    _options: dict[str, Any]

    def __init__(self, fit: LinearFit, *, satterthwaite: bool, conf_level: float, response: str) -> None:
        super().__init__(fit, response, conf_level)
        object.__setattr__(self, "_options", {"satterthwaite": satterthwaite})

    # Estimates ------------------------------------------------------------------------------------------------------

    @cached_property
    def params(self) -> LMMParams:
        """All estimated parameters as one frozen record."""
        return LMMParams(self.names, self.coefficients, self.theta, self.sigma, self.var_components, self.n_groups)

    @property
    def reml(self) -> bool:
        """Whether the fit is by REML."""
        return self._fit.reml

    @property
    def sigma(self) -> float:
        """Residual standard deviation."""
        return float(self._determined(lambda fit: np.array(fit.sigma)))

    @property
    def _scale(self) -> float:
        return self._fit.sigma

    @cached_property
    def var_components(self) -> tuple[VarCompSummary, ...]:
        """Variances, standard deviations and correlations of all terms, the residual last."""
        residual = VarCompSummary("Residual", "", self.sigma**2, self.sigma)
        return (*self._term_components(), residual)

    @property
    def icc(self) -> dict[str, float]:
        """Intraclass correlation by factor: intercept variance over itself plus the residual variance."""
        return {name: v / (v + self.sigma**2) for name, v in self._intercept_variances().items()}

    @cached_property
    def vcov(self) -> FloatArray:
        """Covariance matrix sigma^2 (X'V^-1 X)^-1 of the coefficients, (p, p); NaN for dropped columns."""
        return _expand(self._vcov_kept, self._design.fixed.kept, len(self.names))

    @cached_property
    def _vcov_kept(self) -> FloatArray:
        se = self._se_kept
        return self._determined(_vcov, np.outer(se, se))

    @property
    def _se_kept(self) -> FloatArray:
        return np.sqrt(np.diagonal(_vcov(self._fit)))

    # Tests ----------------------------------------------------------------------------------------------------------

    @property
    def t_values(self) -> FloatArray:
        """Estimates over standard errors, (p,)."""
        return _frozen(self.coefficients / self.se)

    @cached_property
    def df_satterthwaite(self) -> FloatArray | None:
        """Satterthwaite's degrees of freedom (p,); None where the fit was asked to skip them."""
        if not self._options["satterthwaite"]:
            return None
        kept = self._design.fixed.kept
        df = satterthwaite_df(self._fit, np.eye(len(kept)), _vcov(self._fit)) if len(kept) else np.zeros(0)
        df[np.isnan(np.diagonal(self._vcov_kept))] = np.nan
        self._fit.release()
        return _expand(df, kept, len(self.names))

    @property
    def _df(self) -> FloatArray:
        df = self.df_satterthwaite
        return np.full(len(self.names), float(self.n_obs - self._design.fixed.rank)) if df is None else df

    @cached_property
    def p_values(self) -> FloatArray:
        """Two-sided p-values of the t-tests, by `df_satterthwaite`, or by n - p where these were skipped."""
        return _frozen(2.0 * stats.t.sf(np.abs(self.t_values), self._df))

    @cached_property
    def conf_int(self) -> FloatArray:
        """Confidence limits (p, 2) at `conf_level`, from the same t distributions as `p_values`."""
        half = stats.t.ppf(0.5 + self._conf_level / 2.0, self._df) * self.se
        return _frozen(np.column_stack([self.coefficients - half, self.coefficients + half]))

    def compare(self, other: LMMSolution) -> LikelihoodRatioTest:
        """Likelihood ratio test against a nested (or a larger) model, as text that carries its figures.

        Raises
        ------
        ComparisonError
            Where the models are not fitted to the same data, were fitted by REML with different fixed effects, mix
            REML and ML, or are not nested; the message says which.
        """
        return likelihood_ratio_test(self, other)

    # Likelihood -----------------------------------------------------------------------------------------------------

    @property
    def log_likelihood(self) -> float:
        """Maximized log-likelihood; the restricted one for REML fits, as in lme4."""
        return -0.5 * self._fit.criterion

    @property
    def deviance(self) -> float:
        """-2 log-likelihood of maximum likelihood; of REML fits at their estimates."""
        return self._fit.ml_deviance

    @property
    def reml_criterion(self) -> float:
        """-2 restricted log-likelihood; NaN for fits by maximum likelihood."""
        return self._fit.criterion if self.reml else float("nan")

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters and sigma."""
        return self._fit.n_parameters

    # Rows -----------------------------------------------------------------------------------------------------------

    @cached_property
    def fitted_values(self) -> FloatArray:
        """X beta + Z b + offset, (n,)."""
        return _frozen(self._determined(_fitted, self._fit.sigma))

    @cached_property
    def residuals(self) -> FloatArray:
        """y less fitted values, (n,)."""
        return _frozen(self._design.y - self.fitted_values)

    @property
    def scaled_residuals(self) -> FloatArray:
        """Residuals times the root of the weights, over sigma: lme4's scaled Pearson residuals."""
        w = self._design.weights
        return _frozen((self.residuals if w is None else self.residuals * np.sqrt(w)) / self.sigma)

    # Text -----------------------------------------------------------------------------------------------------------

    def _summary_data(self) -> SummaryData:
        kept = self._design.fixed.kept
        se = self.se[kept]
        criterion: float | InformationCriteria = self._fit.criterion
        if not self.reml:
            criterion = InformationCriteria(self.aic, self.bic, self.log_likelihood, self.deviance, self.df_residual)
        satterthwaite = self._options["satterthwaite"]
        return SummaryData(
            title=lmm_title(self.reml, satterthwaite),
            model=self.model,
            criterion=criterion,
            residual_quantiles=residual_quantiles(self.scaled_residuals),
            var_components=self.var_components,
            n_obs=self.n_obs,
            n_groups=tuple(self.n_groups.items()),
            coefficients=CoefficientTable(
                self._design.fixed.kept_names,
                self.coefficients[kept],
                se,
                self.t_values[kept],
                df=self._df[kept],
                p_value=self.p_values[kept],
            ),
            correlation=self._vcov_kept / np.outer(se, se),
            notes=self._notes(),
        )


def _vcov(fit: LinearFit) -> FloatArray:
    """Covariance matrix of the kept coefficients."""
    root = fit.vcov_root()
    return np.asarray(fit.sigma**2 * root @ root.T)


def _fitted(fit: LinearFit) -> FloatArray:
    """X beta + Z b + offset."""
    d = fit.design
    fitted = d.fixed.Q @ fit.gamma + d.random.Z(fit.b)
    return fitted if d.offset is None else fitted + d.offset
