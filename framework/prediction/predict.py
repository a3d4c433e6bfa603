"""Predictions with standard errors and intervals, for rows of the data or new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy

from ..contracts.arrays import FloatArray, real_number
from ..contracts.errors import IdentificationWarning, InputError, InputTypeError, shown
from ..design.reading import rows_text
from ..display.records import Table
from ..estimation.covariance import estimates_covariance
from ..estimation.ending import differs
from ..estimation.generalized import GeneralizedFit
from ..estimation.linear import LinearFit
from ..estimation.model import Fit
from ..formula.terms import Terms
from ..notes import Note, tell
from ..threads import few_threads
from .degrees import degrees_of_freedom, t_quantiles
from .intervals import predictive_quantiles
from .joint import RowUncertainty, Uncertainty
from .marginal import MarginalMean
from .noise import Noise
from .parameter import parameter_of, predict_parameter
from .response import depends_on_phi, limits_of_mean, mean_of, phi_at, slope_of, slopes_by_xi
from .rows import Rows, encoded, new_rows, weights_of

SCALES = ("response", "link")
INTERVALS = (None, "confidence", "prediction")
#: Rows whose full covariance matrix is formed.
MOST_ROWS = 5_000


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(Table):
    """Predictions with their uncertainty: columns ``fit``, ``se``, ``lower`` and ``upper`` as asked for.

    Parameters
    ----------
    covariance : (n, n) array, optional
        Of the predictions on the link scale about the true values.
    """

    covariance: FloatArray | None = None


@dataclass(frozen=True)
class Request:
    """What is asked for: see `MixedSolution.predict`."""

    random: Any = "all"
    new_levels: str = "error"
    scale: str = "response"
    se: bool = False
    interval: str | None = None
    level: float = 0.95
    theta_uncertainty: bool = True
    marginal: bool = False
    covariance: bool = False
    type: str = "mean"
    #: Degrees of freedom of linear models by Satterthwaite's method, or n - p.
    satterthwaite: bool = True

    def checked(self) -> Request:
        """The same.

        Raises
        ------
        InputError, InputTypeError
            Where an argument is out of its range, or two do not go together.
        """
        if self.scale not in SCALES:
            raise InputError(f"scale must be 'response' or 'link'; got {shown(self.scale)}")
        if self.interval not in INTERVALS:
            raise InputError(f"interval must be None, 'confidence' or 'prediction'; got {shown(self.interval)}")
        for name in ("se", "theta_uncertainty", "marginal", "covariance"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise InputTypeError(f"{name} must be True or False; got {shown(getattr(self, name))}")
        if not 0.0 < real_number(self.level, "level") < 1.0:
            raise InputError(f"level must lie between 0 and 1; got {self.level}")
        if self.interval == "prediction" and self.scale == "link":
            raise InputError("a prediction interval is one of responses: scale='response'")
        if self.marginal and self.interval == "prediction":
            raise InputError(
                "marginal=True predicts means over all levels; for a response in a new level write "
                "new_levels='population' without it"
            )
        if self.marginal and self.type == "conditional":
            raise InputError("marginal=True predicts means of the response, extra zeros among them: leave type out")
        if self.marginal and (self.scale == "link" or self.covariance):
            raise InputError("marginal=True predicts means of the response, one by one: scale='response'")
        return self

    @property
    def plain(self) -> bool:
        """Whether numbers alone are asked for."""
        return not (self.se or self.interval or self.covariance)


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predictions of a fit for rows after rows: what does not depend on these is found once.

    Parameters
    ----------
    fit : Fit
    request : Request
        As `Request.checked` gives it.
    terms : Terms, optional
        Of a fit by formula.
    """

    fit: Fit
    request: Request
    terms: Terms | None = None

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """How far predictions may be off."""
        return Uncertainty.of(self.fit, theta=bool(self.request.theta_uncertainty))

    @cached_property
    def covariance(self) -> FloatArray:
        """Covariance of (gamma, theta, xi)."""
        return estimates_covariance(self.fit.factorized())

    @cached_property
    def parameter(self) -> str | None:
        """The dispersion parameter that is predicted; None for means."""
        return parameter_of(self.fit, self.request.type)

    @property
    def needed(self) -> dict[str, bool]:
        """What of new rows is needed, as `Terms.new_rows` is asked."""
        request = self.request
        if self.parameter is not None:
            return {"effects": False, "levels": False, "weights": False, "parameters": True, "scales": False}
        prediction = request.interval == "prediction"
        parameters = prediction or _needs_parameters(self.fit, request)
        effects = request.random != "none"
        levels = effects and not request.marginal
        named = {"weights": prediction, "parameters": parameters, "scales": prediction}
        return {"effects": effects, "levels": levels, **named}

    def columns(
        self, newdata: Any, given: Mapping[str, Any] | None = None
    ) -> tuple[Mapping[str, FloatArray], FloatArray | None, list[Note]]:
        """Predictions with what is asked for of their uncertainty, their covariance, and what to warn of."""
        fit, request = self.fit, self.request
        if self.parameter is not None:
            return self._of_parameter(self.parameter, newdata), None, []
        newdata = encoded(fit, self.terms, newdata, given, **self.needed)
        with few_threads(*fit.labels.dense_sizes):
            rows = _rows(fit, newdata, request)
            notes = _of_dropped_columns(rows)
            if request.covariance and len(rows) > MOST_ROWS:
                raise InputError(f"a covariance matrix of {len(rows)} rows is too large: at most {MOST_ROWS}")
            if request.marginal and isinstance(fit, GeneralizedFit):
                return self._population(fit, rows), None, notes
            return *self.conditional(rows), notes

    def _of_parameter(self, name: str, newdata: Any) -> Mapping[str, FloatArray]:
        """Values of a dispersion parameter.

        Raises
        ------
        InputError
            For what is asked of responses only.
        """
        fit, request = self.fit, self.request
        assert isinstance(fit, GeneralizedFit)
        if request.interval == "prediction" or request.marginal or request.covariance:
            raise InputError(
                f"type={request.type!r} predicts a parameter: no prediction intervals, marginal, covariance"
            )
        asked: dict[str, Any] = {"on_link": request.scale == "link", "se": bool(request.se)}
        asked["level"] = request.level if request.interval else None
        return predict_parameter(fit, name, newdata, self.terms, **asked, covariance=lambda: self.covariance)

    def conditional(self, rows: Rows) -> tuple[Mapping[str, FloatArray], FloatArray | None]:
        """Predictions at the random effects of the rows, with what is asked for of their uncertainty."""
        fit, request = self.fit, self.request
        eta = _determined(fit, rows)
        on_response = request.scale == "response"
        conditional = request.type == "conditional"
        columns = {"fit": mean_of(fit, eta, rows, conditional=conditional) if on_response else eta}
        if request.plain:
            return columns, None
        uncertainty = self.uncertainty.of_rows(rows)
        covariance = uncertainty.covariance if request.covariance else None
        with np.errstate(invalid="ignore"):  # no curvature, no variance: of fits that did not converge
            sd = np.where(np.isnan(eta), np.nan, np.sqrt(uncertainty.variances))
        columns["se"] = sd
        by_xi = slopes_by_xi(fit, eta, rows, conditional=conditional) if on_response else np.zeros((len(eta), 0))
        if on_response:
            slope = slope_of(fit, eta, rows, conditional=conditional)
            columns["se"] = sd * np.abs(slope)
            if by_xi.any():
                of_mean = uncertainty.variances_of_mean(slope, by_xi)
                columns["se"] = np.where(np.isnan(eta), np.nan, np.sqrt(of_mean))
        if request.interval == "confidence" and by_xi.any() and isinstance(fit, GeneralizedFit):
            half = scipy.special.ndtri(0.5 + 0.5 * request.level) * columns["se"]
            columns["lower"], columns["upper"] = limits_of_mean(fit, columns["fit"], half)
        elif request.interval:
            columns["lower"], columns["upper"] = _limits(uncertainty, rows, eta, sd, request)
        return columns, covariance

    def _population(self, fit: GeneralizedFit, rows: Rows) -> Mapping[str, FloatArray]:
        """Means over the random effects, with what is asked for of their uncertainty."""
        request = self.request
        if request.plain:
            return {"fit": MarginalMean(fit, rows).estimates()[0]}
        with_theta = request.theta_uncertainty and fit.has_joint_covariance
        estimates, se = MarginalMean(fit, rows).estimates(self.covariance if with_theta else fit.gamma_covariance)
        half = scipy.special.ndtri(0.5 + 0.5 * request.level) * se
        limits = {"lower": estimates - half, "upper": estimates + half} if request.interval else {}
        return {"fit": estimates, "se": se, **limits}


def predict(
    fit: Fit, newdata: Any, request: Request, terms: Terms | None = None, given: Mapping[str, Any] | None = None
) -> FloatArray | Prediction:
    """Predictions of a fit; `given` are weights and offset of the new rows of a fit by formula.

    Raises
    ------
    InputError, InputTypeError
        For arguments or new data that cannot be used.
    """
    predictor = Predictor(fit, request.checked(), terms)
    columns, covariance, notes = predictor.columns(newdata, given)
    tell(notes)
    if request.plain:
        return columns["fit"]
    of = f" of {predictor.parameter}" if predictor.parameter is not None else ""
    title = "Predictions" + (f", with {100 * request.level:g} % {request.interval} limits" if request.interval else "")
    return Prediction(columns, title=title + of, covariance=covariance, frame=terms.frame if terms else "")


def _needs_parameters(fit: Fit, request: Request) -> bool:
    """Whether the mean depends on dispersion parameters."""
    if request.scale == "link" or not isinstance(fit, GeneralizedFit):
        return False
    return depends_on_phi(fit.family, conditional=request.type == "conditional")


def _rows(fit: Fit, newdata: Any, request: Request) -> Rows:
    labels = fit.model.labels
    if newdata is None:
        rows = Rows.of(fit.model.design).with_effects(labels, request.random)
    else:
        needed = {"with_levels": not request.marginal, "scales": request.interval == "prediction"}
        rows = new_rows(labels, newdata, random=request.random, new_levels=request.new_levels, **needed)
    if not request.marginal:
        return rows
    # the mean over all levels: of a linear model that without effects
    pairs = zip(labels.groups, rows.codes, strict=True)
    rows = replace(rows, codes=tuple(c if g.is_penalty else np.full(len(rows), -1) for g, c in pairs))
    return rows.with_effects(labels, "none") if isinstance(fit, LinearFit) else rows


def _of_dropped_columns(rows: Rows) -> list[Note]:
    if rows.estimable.all():
        return []
    text = (
        f"{rows_text(~rows.estimable)} of newdata depend on columns of X that were dropped from the fit, because they "
        "were combinations of others: here they are not. The data do not determine these means; they are NaN"
    )
    return [Note(IdentificationWarning, text)]


def linear_predictor(fit: Fit, rows: Rows) -> FloatArray:
    """Offset + Q gamma + Z b, (n,); 0 for effects of levels that are not known."""
    effects = rows.rotated(fit.turned).Z(fit.pattern.split(fit.b[:, None]))
    return np.asarray(rows.population(fit.gamma) + effects[:, 0])


def _determined(fit: Fit, rows: Rows) -> FloatArray:
    """The linear predictor; NaN where the data do not determine it."""
    eta = linear_predictor(fit, rows)
    size = fit.scale
    undetermined = ~rows.estimable
    for other in fit.elsewhere:
        undetermined |= differs(eta, linear_predictor(other, rows), size)
    return np.where(undetermined, np.nan, eta)


def _limits(
    of_rows: RowUncertainty, rows: Rows, eta: FloatArray, sd: FloatArray, request: Request
) -> tuple[FloatArray, FloatArray]:
    """For the predictions, or for new responses."""
    fit = of_rows.uncertainty.fit
    of_responses = request.interval == "prediction"
    if isinstance(fit, LinearFit):
        noise = Noise.of(fit, rows) if of_responses else Noise.none(fit, rows)
        df: FloatArray | float = float(fit.labels.n - len(fit.gamma))
        if request.satterthwaite:
            df = degrees_of_freedom(of_rows, noise)
        half = t_quantiles(df, request.level) * np.sqrt(sd**2 + fit.sigma**2 * noise.variances)
        return eta - half, eta + half
    if of_responses:
        assert isinstance(fit, GeneralizedFit)
        weights = weights_of(fit.model.labels, rows)
        return predictive_quantiles(fit, eta, sd, weights, request.level, phi_at(fit, rows))
    half = scipy.special.ndtri(0.5 + 0.5 * request.level) * sd
    lower, upper = eta - half, eta + half
    if request.scale == "response":
        conditional = request.type == "conditional"
        lower, upper = (mean_of(fit, end, rows, conditional=conditional) for end in (lower, upper))
    return np.minimum(lower, upper), np.maximum(lower, upper)
