"""`GLMMSolution`: a fitted generalized linear mixed model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.family import Family
from ..display.summary import glmm_title
from ..display.tables import SummaryData, VarCompSummary
from ..estimation.covariance import joint_covariance
from ..estimation.generalized import GeneralizedFit
from ..estimation.generalized_factors import GeneralizedDigest
from ..formula.terms import Terms
from ..inference import caveats
from ..inference.contrasts import method_of
from ..inference.laplace_check import LaplaceCheck, laplace_check
from ..inference.methods import Asymptotic, Method
from ..inference.observation_level import average_mean
from ..inference.wald import ZTest
from .base import _expand, _frozen
from .family_parameters import FamilyParameters

if TYPE_CHECKING:
    from ..prediction.residuals import Responses


@dataclass(frozen=True, eq=False)
class GLMMParams:
    """Estimated parameters of a generalized linear mixed model.

    Parameters
    ----------
    names : tuple of str
        Names of X's columns.
    coefficients : (p,) array
        Fixed effects on the link scale.
    theta : (m,) array
        Covariance parameters.
    dispersion : dict of str to float
        Dispersion parameters of the family, fixed ones included.
    var_components : tuple of VarCompSummary
        Variance components.
    n_groups : dict of str to int
        Number of levels by factor.
    family_name : str
        Name of the response family.
    """

    names: tuple[str, ...]
    coefficients: FloatArray
    theta: FloatArray
    dispersion: dict[str, float]
    var_components: tuple[VarCompSummary, ...]
    n_groups: dict[str, int]
    family_name: str


class GLMMSolution(FamilyParameters):
    """A generalized linear mixed model fitted by `ranef.glmm`.

    ``log_likelihood`` is the maximized (Laplace or quadrature) log-likelihood with all constants; ``deviance`` is the
    conditional one, the sum of squared deviance residuals given the modes of the random effects, as lme4's.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> d = ranef.datasets.load("cbpp")
    >>> X = np.column_stack([np.ones(56), *(d["period"] == p for p in "234")])
    >>> fit = ranef.glmm(d["incidence"] / d["size"], X, {"herd": d["herd"]}, weights=d["size"])
    >>> fit.coefficients.round(3).tolist(), fit.se.round(3).tolist()
    ([-1.399, -0.992, -1.129, -1.58], [0.232, 0.307, 0.327, 0.427])
    """

    def __init__(self, fit: GeneralizedFit, *, conf_level: float, terms: Terms | None = None) -> None:
        super().__init__(fit, conf_level, terms)

    # Estimates ------------------------------------------------------------------------------------------------------

    @cached_property
    def params(self) -> GLMMParams:
        """All estimated parameters as one frozen record."""
        return GLMMParams(
            self.names,
            self.coefficients,
            self.theta,
            self.dispersion,
            self.var_components,
            self.n_groups,
            self.family.name,
        )

    @property
    def family(self) -> Family:
        """The response family, with its link."""
        return self._fit.family

    @property
    def nagq(self) -> int:
        """Nodes of the quadrature: 0 and 1 as in `ranef.glmm`."""
        return self._fit.nagq

    @cached_property
    def var_components(self) -> tuple[VarCompSummary, ...]:
        """Variances, standard deviations and correlations of all terms, on the link scale."""
        return tuple(self._term_components())

    @property
    def icc(self) -> dict[str, float]:
        """Intraclass correlation on the link scale by factor.

        Intercept variance over itself plus the observation-level variance (Nakagawa, Johnson & Schielzeth 2017, doi
        10.1098/rsif.2017.0213): pi^2/3 for the logit, 1 for the probit, pi^2/6 for the cloglog link; else that of the
        family (`Family.latent_variance`) at the average of the marginal means with the log link, and of the means at
        b = 0 with others.
        """
        level = self.family.latent_variance(average_mean(self._fit), self._fit.phi)
        return {name: v / (v + level) for name, v in self._intercept_variances().items()}

    @property
    def _se_kept(self) -> FloatArray:
        return np.asarray(self.se[self._labels.fixed.kept])

    # Covariance -----------------------------------------------------------------------------------------------------

    @cached_property
    def _covariance(self) -> FloatArray:
        """Of all parameters (gamma, theta, xi); NaN for those at a boundary, or that the data do not determine."""
        return joint_covariance(self._fit.factorized())

    @cached_property
    def vcov(self) -> FloatArray:
        """Covariance of the coefficients (p, p) from the Hessian of the criterion in all parameters; NaN where dropped.

        For nagq=0 the conditional one, given the variance components: `vcov_conditional`.
        """
        if self.nagq == 0:
            return self.vcov_conditional
        fixed = self._labels.fixed
        Rinv = np.linalg.inv(fixed.R)
        return _expand(Rinv @ self._vcov_of_basis @ Rinv.T, fixed.kept, len(self.names))

    @property
    def _vcov_of_basis(self) -> FloatArray:
        """Covariance (r, r) of gamma."""
        if self.nagq == 0:
            root = np.linalg.inv(self._fit.RX)
            return np.asarray(root @ root.T)
        r = self._labels.fixed.rank
        return self._covariance[:r, :r]

    @cached_property
    def vcov_conditional(self) -> FloatArray:
        """Covariance (R_X'R_X)^-1 of the coefficients given the variance components; lme4's `use.hessian = FALSE`.

        From the weights in log|M|: with ``hessian="expected"`` it is lme4's for every link.
        """
        fixed = self._labels.fixed
        root = np.linalg.inv(self._fit.RX @ fixed.R) if fixed.rank else np.zeros((0, 0))
        with np.errstate(
            over="ignore", invalid="ignore"
        ):  # what a search that did not converge knows nothing of is inf
            return _expand(root @ root.T, fixed.kept, len(self.names))

    def _of(self, fit: GeneralizedFit, terms: Terms | None = None) -> GLMMSolution:
        return GLMMSolution(fit, conf_level=self._conf_level, terms=terms or self._terms)

    # Tests ----------------------------------------------------------------------------------------------------------

    @property
    def z_values(self) -> FloatArray:
        """Estimates over standard errors, (p,)."""
        return self._statistics

    def _method(self, df: Any) -> Method:
        return method_of(self._fit, self._vcov_of_basis, Asymptotic.name if df is None else df)

    @property
    def _test(self) -> ZTest:
        return ZTest()

    def laplace_check(self, nagq: int = 9) -> LaplaceCheck:
        """How much of each level's log-likelihood the Laplace approximation misses, with advice.

        Compares with `nagq` nodes of quadrature at the same estimates; for models with one grouping factor.
        """
        return laplace_check(self._fit, nagq)

    # Likelihood -----------------------------------------------------------------------------------------------------

    @property
    def deviance(self) -> float:
        """Conditional deviance: the sum of squared deviance residuals given the random effects."""
        digest = self._fit.digest
        return float(self._rows.unit_deviances.sum()) if digest is None else digest.deviance

    # Rows -----------------------------------------------------------------------------------------------------------

    @property
    def linear_predictor(self) -> FloatArray:
        """eta = X beta + Z b + offset, (n,)."""
        return _frozen(self._determined(lambda fit: fit.linear_predictor, 1.0))

    @cached_property
    def _rows(self) -> Responses:
        from ..prediction.residuals import Responses

        fit = self._fit
        return Responses(self.family, fit.model.design.y, self.linear_predictor, fit.weights, fit.phi)

    @property
    def fitted_values(self) -> FloatArray:
        """Expected responses given the random effects, (n,): mu on the response scale."""
        return _frozen(self._rows.fitted)

    @property
    def residuals(self) -> FloatArray:
        """Response residuals y - mu, (n,)."""
        return self.residuals_of("response")

    def _digest(self) -> GeneralizedDigest:
        return self._fit.factorized().digested(self._residual_quantiles, self.deviance, average_mean(self._fit))

    # Text -----------------------------------------------------------------------------------------------------------

    @property
    def _title(self) -> str:
        return glmm_title(self.nagq)

    @property
    def _scaled_residuals(self) -> FloatArray:
        """Those of a variance of one, as lme4's over sigma."""
        censored = self._fit.model.design.y.ndim == 2
        residuals = self.residuals_of("deviance" if censored else "pearson")
        return residuals / np.sqrt(self._fit.phi[0]) if self.family.multiplicative_dispersion else residuals

    def _summary_data(self) -> SummaryData:
        return replace(
            super()._summary_data(),
            family=self.family.name,
            link=self.family.link.name,
            **self._parameter_tables(),
            models=tuple(
                (self._title_of(name), self._model_of_parameter(name)) for name in self._fit.dispersion.models
            ),
        )

    def _details(self) -> tuple[str, ...]:
        given = [f"{p.name} = {p.fixed:.7g}" for p in self.family.parameters if p.fixed is not None]
        return (*super()._details(), *[f"Dispersion: {', '.join(given)} (given)"] * bool(given))

    def _notes(self) -> tuple[str, ...]:
        fit = self._fit
        limits = [
            f"{name} has run to the end of its range: the data ask for the limit that the family has there"
            for name in fit.dispersion.names
            if self._is_at_limit(name)
        ]
        in_rows = [
            f"{name} has run to the end of its range in some rows, the limit that the family has there: "
            "its coefficients are not determined (NaN)"
            for name in fit.dispersion.models
            if any(text.startswith(f"{name}~") for text in fit.certificate.not_identified)
        ]
        flat = []
        unknown = [self.names[j] for j in fit.labels.fixed.kept if np.isnan(self.se[j])]
        if unknown and self.converged and not fit.certificate.not_identified:
            flat.append(
                f"{', '.join(unknown)}: no standard error (NaN), since the deviance hardly changes along a direction "
                "in which the estimate moves, with the dispersion or random effects: the data do not determine it"
            )
        of_tests = [caveats.first_threshold(fit), caveats.few_levels(fit.labels, caveats.NORMAL)]
        return (*super()._notes(), *limits, *in_rows, *flat, *filter(None, of_tests))
