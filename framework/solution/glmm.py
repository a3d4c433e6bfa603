"""`GLMMSolution`: a fitted generalized linear mixed model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..contracts.errors import InputError, shown
from ..contracts.family import Family
from ..contracts.ordered import OrderedFamily
from ..design.parameter import INFLATION
from ..design.terms import INTERCEPT
from ..display.records import Table
from ..display.summary import coefficient_record, glmm_title
from ..display.tables import CoefficientTable, SummaryData, VarCompSummary
from ..estimation.covariance import joint_covariance
from ..estimation.dispersion import scale_text, to_natural
from ..estimation.generalized import GeneralizedFit
from ..estimation.generalized_factors import GeneralizedDigest
from ..formula.terms import Terms
from ..inference.contrasts import method_of
from ..inference.laplace_check import LaplaceCheck, laplace_check
from ..inference.methods import Asymptotic, Method
from ..inference.observation_level import average_mean
from ..inference.thresholds import ordered_family, thresholds
from ..inference.wald import ZTest
from ..prediction.residuals import Responses
from . import tables
from .base import _expand, _frozen
from .mixed import MixedSolution

#: Relative standard error of a dispersion parameter of which the data only say that it is very large, or very small.
INDEFINITE = 100.0
#: ... where the search has taken it as far as this from its start, on the unconstrained (mostly logarithmic) scale.
FAR = 3.0


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


class GLMMSolution(MixedSolution[GeneralizedFit]):
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

    @property
    def dispersion(self) -> dict[str, float]:
        """Dispersion parameters by name, those that are the same for all rows; {} for families without.

        Others have a model: `coef_table` has its coefficients, ``predict(type=...)`` the values of rows.
        """
        phi = self._determined(lambda fit: np.array(list(fit.constant_dispersion.values())))
        return dict(zip(self._fit.constant_dispersion, phi.tolist(), strict=True))

    @property
    def _dispersion_values(self) -> dict[str, float]:
        """Those, and the coefficients of the models of others."""
        scale = self._fit.dispersion
        out = dict(self.dispersion)
        for name, labels in scale.models.items():
            values = self._determined(lambda fit, name=name: scale.coefficients(fit.xi, name), 1.0)  # type: ignore[misc]
            out |= dict(zip((f"{name}~{c}" for c in labels.names), values.tolist(), strict=True))
        return out

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
        return _expand(root @ root.T, fixed.kept, len(self.names))

    @cached_property
    def dispersion_se(self) -> dict[str, float]:
        """Standard errors of the estimated dispersion parameters, on their natural scale (delta method)."""
        scale = self._fit.dispersion
        if self.nagq == 0 or not scale.estimated:
            return dict.fromkeys(scale.names, float("nan"))
        out = {}
        for name in scale.names:
            parameter = next(p for p in scale.parameters if p.name == name)
            xi, slope = self._fit.xi[scale.place(name)], np.sqrt(np.diagonal(self._covariance_of(name)))
            out[name] = float(slope[0] * to_natural(parameter, float(xi[0]))[1])
        return out

    def _covariance_of(self, parameter: str) -> FloatArray:
        """Of the unconstrained value of a dispersion parameter, or of the coefficients of its model's basis."""
        first = len(self._fit.gamma) + len(self._fit.theta)
        place = self._fit.dispersion.place(parameter)
        if self.nagq == 0:
            return np.full((place.stop - place.start,) * 2, np.nan)
        return self._covariance[first:, first:][place, place]

    def coef_table(self, which: str | None = None) -> Table:
        """Coefficients with tests and intervals: name, estimate, se, lower, upper, statistic, p_value.

        Parameters
        ----------
        which : str, optional
            The model of a dispersion parameter, by its name, "disp" or "zi", instead of the fixed effects; of one
            without a model its value on the unconstrained scale, as an intercept.

        Raises
        ------
        InputError
            For a parameter that the model does not estimate.

        Examples
        --------
        >>> import ranef
        >>> d = ranef.datasets.load("salamanders")
        >>> fit = ranef.glmm("count ~ mined + (1 | site)", d, family="nbinom2", dispersion="~ DOP")
        >>> fit.coef_table("theta")["name"].tolist()
        ['(Intercept)', 'DOP']
        """
        if which is None:
            return super().coef_table()
        return tables.model_table(
            self._model_of_parameter(self._parameter_called(which)), self._conf_level, self._frame
        )

    def _parameter_called(self, which: Any) -> str:
        names = self._fit.dispersion.estimated_names
        first = next((name for name in names if name != INFLATION), None)
        name = first if which == "disp" and "disp" not in names else which
        if name is None or name not in names:
            raise InputError(
                f"which must be an estimated parameter of the {self.family.name} family, "
                f"{', '.join(names) or 'which has none'}; got {shown(which)}"
            )
        return str(name)

    def _model_of_parameter(self, name: str) -> CoefficientTable:
        """Coefficients of a parameter's model with Wald's tests."""
        scale = self._fit.dispersion
        labels = scale.models.get(name)
        names = (INTERCEPT,) if labels is None else labels.names
        R_inverse = np.linalg.inv(np.eye(1) if labels is None else labels.R)
        place, C = scale.place(name), self._covariance_of(name)
        estimates = self._determined(lambda fit: R_inverse @ fit.xi[place], 1.0)
        variances = np.diagonal(R_inverse @ np.where(np.isnan(C), 0.0, C) @ R_inverse.T)
        moving = ((np.isnan(np.diagonal(C)) & (np.abs(R_inverse) > 0.0)).any(axis=1)) | np.isnan(estimates)
        errors = np.sqrt(np.where(moving, np.nan, variances))
        z = estimates / errors
        test = self._test
        return CoefficientTable(
            names, estimates, errors, z, p_value=test.p_values(z), statistic_header="z value", p_header="Pr(>|z|)"
        )

    # Ordered categories ---------------------------------------------------------------------------------------------

    @cached_property
    def thresholds(self) -> Table:
        """Thresholds between ordered categories, with standard errors by the delta method: a row each.

        Raises
        ------
        InputError
            Where the family is none of ordered categories.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.glmm("rating ~ temp + contact + (1 | judge)", ranef.datasets.load("wine"), family="ordinal")
        >>> fit.thresholds["name"].tolist(), fit.thresholds["estimate"].round(3).tolist()
        (['1|2', '2|3', '3|4', '4|5'], [-1.624, 1.513, 4.229, 6.089])
        """
        return replace(coefficient_record(self._thresholds()), frame=self._frame)

    def _thresholds(self) -> CoefficientTable:
        ordered_family(self._fit)
        return thresholds(self._fit, self._covariance if self.nagq else None)

    def probabilities(self, newdata: Any = None, **options: Any) -> Table:
        """Probability of every ordered category: a row each as in `predict`, a column for each category.

        Parameters
        ----------
        newdata, **options
            As of `predict`: `random`, `new_levels`, `offset`.

        Raises
        ------
        InputError
            Where the family is none of ordered categories.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.glmm("rating ~ temp + contact + (1 | judge)", ranef.datasets.load("wine"), family="ordinal")
        >>> new = {"temp": ["cold", "warm"], "contact": ["no", "no"]}
        >>> fit.probabilities(new, random="none")
                1      2      3      4        5
         0.164699 0.6549 0.1661 0.0121 0.002263
         0.009133 0.1660 0.5872 0.1914 0.046275
        """
        family = ordered_family(self._fit)
        eta = self.predict(newdata, scale="link", **options)
        P = family.probabilities(np.asarray(eta), self._fit.phi)
        return Table(dict(zip(family.labels, P.T, strict=True)), plain=True, frame=self._frame)

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
        return self.residuals_of("pearson")

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

    def _title_of(self, name: str) -> str:
        """What a summary calls the model of a parameter, with its scale."""
        scale = self._fit.dispersion
        parameter = next(p for p in scale.parameters if p.name == name)
        if name == INFLATION:
            kind = "Zero-inflation model"
        elif name == self._parameter_called("disp"):
            kind = "Dispersion model"
        else:
            kind = f"Model of {name}"
        return f"{kind} ({scale_text(parameter)})"

    def _details(self) -> tuple[str, ...]:
        given = [f"{p.name} = {p.fixed:.7g}" for p in self.family.parameters if p.fixed is not None]
        return (*super()._details(), *[f"Dispersion: {', '.join(given)} (given)"] * bool(given))

    def _parameter_tables(self) -> dict[str, Any]:
        """Of the family: thresholds, or dispersion parameters."""
        if isinstance(self.family, OrderedFamily):
            return {"thresholds": self._thresholds()}
        return {"dispersion": self._dispersion_table()}

    def _dispersion_table(self) -> CoefficientTable | None:
        """Estimated dispersion parameters; None where there are none."""
        names = self._fit.dispersion.names
        if not names:
            return None
        estimates = np.array([self.dispersion[name] for name in names])
        errors = np.array([self.dispersion_se[name] for name in names])
        return CoefficientTable(names, estimates, errors, estimates / errors)

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
        return (*super()._notes(), *limits, *in_rows)

    def _is_at_limit(self, name: str) -> bool:
        """Whether a parameter without a model went as far as the search goes, or so far that its error says nothing."""
        fit = self._fit
        at = fit.dispersion.place(name).start
        far = abs(fit.xi[at] - fit.xi_start[at]) > FAR
        known = self.dispersion_se[name] <= INDEFINITE * self.dispersion[name]
        return bool(fit.dispersion_at_bound[at] or (far and not known and self.nagq and self.converged))
