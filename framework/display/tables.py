"""What a summary shows, as plain numbers: the solutions fill these records, `summary` and `html` render them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..contracts.arrays import FloatArray
from .records import Table


@dataclass(frozen=True)
class VarCompSummary:
    """One row of the table of variance components.

    Parameters
    ----------
    group : str
        The grouping factor, or ``"Residual"``.
    name : str
        The column of the term (``"(Intercept)"``, ``"Days"`` ...), ``""`` for the residual.
    variance, std_dev : float
        The estimated variance and its square root.
    corr : tuple of float
        Correlations with the earlier columns of the same term; ``()`` for a term's first column and where the term's
        columns are uncorrelated. Of a term with a covariance structure what the structure shows.
    structure : str
        Name of the term's covariance structure, ``""`` for any covariance matrix and for uncorrelated columns.

    Examples
    --------
    >>> VarCompSummary("Subject", "Days", 35.07, 5.922, (0.066,)).corr
    (0.066,)
    """

    group: str
    name: str
    variance: float
    std_dev: float
    corr: tuple[float, ...] = ()
    structure: str = ""


@dataclass(frozen=True)
class InformationCriteria:
    """Akaike's and Bayes' information criterion, log-likelihood, -2 log-likelihood and residual degrees of freedom."""

    aic: float
    bic: float
    log_likelihood: float
    deviance: float
    df_residual: int


@dataclass(frozen=True, eq=False)
class CoefficientTable:
    """Estimates of fixed effects (or dispersion parameters) with their tests.

    Parameters
    ----------
    names : tuple of str
        The p columns of X.
    estimate, std_error, statistic : (p,) arrays
        Estimates, standard errors, and their ratios; NaN is shown as NA.
    df : (p,) array, optional
        Denominator degrees of freedom of t-tests.
    p_value : (p,) array, optional
        Two-sided p-values.
    statistic_header, p_header : str
        Headers of the columns: ``"t value"`` and ``"Pr(>|t|)"``, or ``"z value"`` and ``"Pr(>|z|)"``.
    """

    names: tuple[str, ...]
    estimate: FloatArray
    std_error: FloatArray
    statistic: FloatArray
    df: FloatArray | None = None
    p_value: FloatArray | None = None
    statistic_header: str = "t value"
    p_header: str = "Pr(>|t|)"


@dataclass(frozen=True)
class ResidualSection:
    """A part of the covariance structure of residuals: a title, lines below it, and parameters by name."""

    title: str
    lines: tuple[str, ...]
    names: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class SummaryData:
    """All that a summary shows.

    Parameters
    ----------
    title : str
        The method, see `summary.lmm_title` and `summary.glmm_title`.
    model : str
        The model in the notation of a formula: ``"Reaction ~ (Intercept) + Days + (1 + Days | Subject)"``.
    criterion : float or InformationCriteria
        The REML criterion, or the table of a fit by maximum likelihood.
    residual_quantiles : (5,) array
        Minimum, quartiles and maximum of the scaled residuals, see `residual_quantiles`.
    var_components : tuple of VarCompSummary
        The terms in order, the residual last where there is one.
    n_obs : int
        Number of observations.
    n_groups : tuple of (str, int)
        Number of levels by factor.
    coefficients : CoefficientTable
        The fixed effects.
    correlation : (p, p) array, optional
        Correlation matrix of the fixed effects; None leaves it out.
    family, link : str
        Of a generalized linear mixed model.
    residual : tuple of ResidualSection
        Correlations of residuals, and what their variances depend on.
    dispersion : CoefficientTable, optional
        Dispersion parameters that were estimated; only estimates and standard errors are shown.
    thresholds : CoefficientTable, optional
        Those between ordered categories.
    thresholds_title : str
        What they are called.
    models : tuple of (str, CoefficientTable)
        Titles and coefficients of the models of dispersion parameters.
    notes : tuple of str
        What a reader should know: singular fit, convergence, dropped columns, how p-values were found.
    smooths : Table, optional
        Smooth terms with their tests.
    details : tuple of str
        Below the model: weights, offset, rows left out, known relationships, dispersion that was given.
    """

    title: str
    model: str
    criterion: float | InformationCriteria
    residual_quantiles: FloatArray
    var_components: tuple[VarCompSummary, ...]
    n_obs: int
    n_groups: tuple[tuple[str, int], ...]
    coefficients: CoefficientTable
    correlation: FloatArray | None = None
    family: str = ""
    link: str = ""
    dispersion: CoefficientTable | None = None
    thresholds: CoefficientTable | None = None
    thresholds_title: str = "Threshold coefficients"
    models: tuple[tuple[str, CoefficientTable], ...] = ()
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    residual: tuple[ResidualSection, ...] = ()
    smooths: Table | None = None

    def renamed(self, names: Mapping[str, str]) -> SummaryData:
        """The same with other names of columns."""

        def of(table: CoefficientTable) -> CoefficientTable:
            return replace(table, names=tuple(names.get(name, name) for name in table.names))

        components = tuple(replace(c, name=names.get(c.name, c.name)) for c in self.var_components)
        models = tuple((title, of(table)) for title, table in self.models)
        return replace(self, coefficients=of(self.coefficients), var_components=components, models=models)


def residual_quantiles(scaled_residuals: FloatArray) -> FloatArray:
    """Minimum, quartiles and maximum by linear interpolation, R's ``quantile(type = 7)``.

    Parameters
    ----------
    scaled_residuals : (n,) array
        Pearson residuals divided by sigma.

    Examples
    --------
    >>> residual_quantiles(np.array([3.0, -1.0, 0.0, 1.0]))
    array([-1.  , -0.25,  0.5 ,  1.5 ,  3.  ])
    """
    with np.errstate(invalid="ignore"):  # between infinite ones
        return np.quantile(scaled_residuals, [0.0, 0.25, 0.5, 0.75, 1.0])
