"""`LMMSolution`: a fitted linear mixed model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..display.summary import lmm_title
from ..display.tables import SummaryData, VarCompSummary
from ..estimation.linear import LinearFit
from ..estimation.model import Digest
from ..formula.terms import Terms
from ..inference.contrasts import method_of
from ..inference.kenward_roger import KenwardRoger
from ..inference.methods import Method, Residual
from ..inference.satterthwaite import Satterthwaite
from ..inference.wald import TTest
from .base import _expand, _frozen
from .mixed import MixedSolution
from .residual import residual_parameters, residual_sections


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


class LMMSolution(MixedSolution[LinearFit]):
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

    _satterthwaite: bool
    _state = (*MixedSolution._state, "_satterthwaite")

    def __init__(self, fit: LinearFit, *, satterthwaite: bool, conf_level: float, terms: Terms | None = None) -> None:
        super().__init__(fit, conf_level, terms)
        object.__setattr__(self, "_satterthwaite", satterthwaite)

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

    @cached_property
    def var_components(self) -> tuple[VarCompSummary, ...]:
        """Variances, standard deviations and correlations of all terms, the residual last."""
        residual = VarCompSummary("Residual", "", self.sigma**2, self.sigma)
        return (*self._term_components(), residual)

    @property
    def icc(self) -> dict[str, float]:
        """Intraclass correlation by factor: intercept variance over itself plus the residual variance."""
        self._labels.refuse_residual("icc")
        self._labels.refuse_penalty("icc")
        return {name: v / (v + self.sigma**2) for name, v in self._intercept_variances().items()}

    @property
    def residual_parameters(self) -> dict[str, float]:
        """Correlations of residuals, and standard deviations of strata or coefficients of the dispersion, by name.

        Empty where residuals are independent and of one variance. `confint` has their intervals.
        """
        return residual_parameters(self._fit)

    @cached_property
    def vcov(self) -> FloatArray:
        """Covariance matrix sigma^2 (X'V^-1 X)^-1 of the coefficients, (p, p); NaN for dropped columns."""
        return _expand(self._vcov_kept, self._labels.fixed.kept, len(self.names))

    @cached_property
    def _vcov_kept(self) -> FloatArray:
        se = self._se_kept
        return self._determined(_vcov, np.outer(se, se))

    @property
    def _se_kept(self) -> FloatArray:
        return np.sqrt(np.diagonal(_vcov(self._fit)))

    def _of(self, fit: LinearFit, terms: Terms | None = None) -> LMMSolution:
        terms = terms or self._terms
        return LMMSolution(fit, satterthwaite=self._satterthwaite, conf_level=self._conf_level, terms=terms)

    # Tests ----------------------------------------------------------------------------------------------------------

    @property
    def t_values(self) -> FloatArray:
        """Estimates over standard errors, (p,)."""
        return self._statistics

    @cached_property
    def df_satterthwaite(self) -> FloatArray | None:
        """Satterthwaite's degrees of freedom (p,); None where the fit was asked to skip them."""
        if not self._satterthwaite:
            return None
        fixed, kept = self._labels.fixed, self._labels.fixed.kept
        df = self._by_satterthwaite.df(fixed.in_basis(np.eye(len(self.names))[kept])) if len(kept) else np.zeros(0)
        df[np.isnan(np.diagonal(self._vcov_kept))] = np.nan
        return _expand(df, kept, len(self.names))

    def _method(self, df: Any) -> Method:
        if df is None:
            df = Satterthwaite.name if self._satterthwaite else Residual.name
        if df == Satterthwaite.name:
            return self._by_satterthwaite
        if df == KenwardRoger.name:
            return self._by_kenward_roger
        return method_of(self._fit, self._fit.vcov_of_basis, df)

    @cached_property
    def _by_satterthwaite(self) -> Satterthwaite:
        return Satterthwaite.of(self._fit)

    @cached_property
    def _by_kenward_roger(self) -> KenwardRoger:
        return KenwardRoger.of(self._fit)

    @property
    def _test(self) -> TTest:
        """By `df_satterthwaite`, or by n - p where these were skipped."""
        df = self.df_satterthwaite
        return TTest(np.full(len(self.names), float(self.n_obs - self._labels.fixed.rank)) if df is None else df)

    # Likelihood -----------------------------------------------------------------------------------------------------

    @property
    def deviance(self) -> float:
        """-2 log-likelihood of maximum likelihood; of REML fits at their estimates."""
        return self._fit.ml_deviance

    @property
    def reml_criterion(self) -> float:
        """-2 restricted log-likelihood; NaN for fits by maximum likelihood."""
        return self._fit.criterion if self.reml else float("nan")

    # Rows -----------------------------------------------------------------------------------------------------------

    @cached_property
    def fitted_values(self) -> FloatArray:
        """X beta + Z b + offset, (n,)."""
        return _frozen(self._determined(lambda fit: fit.linear_predictor, self._fit.sigma))

    @cached_property
    def residuals(self) -> FloatArray:
        """y less fitted values, (n,)."""
        return _frozen(self._fit.model.design.y - self.fitted_values)

    @property
    def scaled_residuals(self) -> FloatArray:
        """Residuals over their standard deviations, sigma over the root of weights: lme4's scaled Pearson residuals."""
        root = self._fit.precision_root
        return _frozen((self.residuals if root is None else self.residuals * root) / self.sigma)

    def _digest(self) -> Digest:
        return Digest(residual_quantiles=self._residual_quantiles, fingerprint=self._fit.fingerprint)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"satterthwaite": self._satterthwaite}

    # Text -----------------------------------------------------------------------------------------------------------

    @property
    def _title(self) -> str:
        return lmm_title(self.reml, self._satterthwaite)

    @property
    def _scaled_residuals(self) -> FloatArray:
        return self.scaled_residuals

    def _summary_data(self) -> SummaryData:
        sections = residual_sections(self._fit, self._terms.dispersion if self._terms else "")
        data = replace(super()._summary_data(), residual=sections)
        return replace(data, criterion=self._fit.criterion) if self.reml else data


def _vcov(fit: LinearFit) -> FloatArray:
    """Covariance matrix of the kept coefficients."""
    root = fit.vcov_root()
    return np.asarray(fit.sigma**2 * root @ root.T)
