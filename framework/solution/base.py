"""What linear and generalized linear solutions share: names, coefficients, random effects, variance components."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from os import PathLike
from types import MappingProxyType
from typing import Any, Generic, Self, TypeVar, cast

import numpy as np

from .. import storage
from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.covariance import Component, CovarianceStructure
from ..contracts.errors import ComparisonError, InputError, InputTypeError, shown
from ..design.labels import GroupLabels, Labels
from ..design.terms import INTERCEPT, Term
from ..display.html import render_html
from ..display.records import Table
from ..display.shown import Shown, Summary
from ..display.tables import InformationCriteria, SummaryData, VarCompSummary, residual_quantiles
from ..estimation.certificate import Certificate
from ..estimation.ending import differs
from ..estimation.model import Digest, Fit, Model
from ..formula.terms import Terms
from ..inference.confint import confint
from ..inference.contrasts import Contrasts, contrasts
from ..inference.criteria import information_criteria
from ..inference.intervals import Coefficients, Intervals
from ..inference.lrt import likelihood_ratio_test
from ..inference.methods import Method
from ..inference.profile import Profile, profile
from ..inference.wald import WaldTest
from ..notes import tell
from ..prediction.predict import Prediction, Request, predict
from ..prediction.simulate import simulate
from ..registry import Provenance
from . import tables
from .comparison import LikelihoodRatioTest
from .r_code import r_code

F = TypeVar("F", bound=Fit)


class MixedSolution(ABC, Generic[F]):
    """A fitted mixed model. Frozen: attributes cannot be set, arrays are read-only."""

    _fit: F
    _conf_level: float
    _terms: Terms | None
    #: What a pickle holds; all else is computed again.
    _state: tuple[str, ...] = ("_fit", "_conf_level", "_terms")

    def __init__(self, fit: F, conf_level: float, terms: Terms | None) -> None:
        object.__setattr__(self, "_fit", fit)
        object.__setattr__(self, "_conf_level", conf_level)
        object.__setattr__(self, "_terms", terms)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a solution is frozen: {name} cannot be set")

    # What the two kinds give ----------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def vcov(self) -> FloatArray:
        """Covariance matrix (p, p) of the coefficients; NaN for dropped columns."""

    @property
    @abstractmethod
    def var_components(self) -> tuple[VarCompSummary, ...]:
        """Variances, standard deviations and correlations of all terms."""

    @property
    def _frame(self) -> str:
        """Kind of data frame that the user gave, which tables have by default."""
        return self._terms.frame if self._terms else ""

    @property
    def _scale(self) -> float:
        """Standard deviation that relative covariance factors are relative to: sigma, or 1."""
        return self._fit.scale

    @property
    @abstractmethod
    def _se_kept(self) -> FloatArray:
        """Standard errors of the kept coefficients, by which differences between coefficients are measured."""

    @property
    @abstractmethod
    def _test(self) -> WaldTest:
        """The distribution of coefficients over their standard errors."""

    @abstractmethod
    def _method(self, df: Any) -> Method:
        """The way of testing contrasts that `df` names, None for that of the coefficients' table."""

    @property
    @abstractmethod
    def _title(self) -> str:
        """The method in words."""

    @property
    @abstractmethod
    def _scaled_residuals(self) -> FloatArray:
        """Pearson residuals, (n,)."""

    @property
    def _labels(self) -> Labels:
        return self._fit.model.labels

    # Fixed effects --------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the p columns of X."""
        return self._labels.fixed.names

    @cached_property
    def coefficients(self) -> FloatArray:
        """Estimates beta (p,), NaN for columns that were dropped."""
        fixed = self._labels.fixed
        beta = self._determined(lambda fit: fixed.coefficients(fit.gamma), self._se_kept)
        return _expand(beta, fixed.kept, len(fixed.names))

    @property
    def fixef(self) -> dict[str, float]:
        """Estimates by column name."""
        return dict(zip(self.names, self.coefficients.tolist(), strict=True))

    @cached_property
    def se(self) -> FloatArray:
        """Standard errors (p,)."""
        return _frozen(np.sqrt(np.diagonal(self.vcov)))

    @property
    def standard_errors(self) -> FloatArray:
        """Standard errors (p,), by their long name."""
        return self.se

    @property
    def _statistics(self) -> FloatArray:
        """Estimates over standard errors, (p,)."""
        return _frozen(self.coefficients / self.se)

    @cached_property
    def p_values(self) -> FloatArray:
        """Two-sided p-values of Wald's tests: t-tests of linear models, z-tests of generalized ones."""
        return _frozen(self._test.p_values(self._statistics))

    @cached_property
    def conf_int(self) -> FloatArray:
        """Confidence limits (p, 2) at `conf_level`, from the same distributions as `p_values`."""
        half = self._test.quantiles(self._conf_level) * self.se
        return _frozen(np.column_stack([self.coefficients - half, self.coefficients + half]))

    def contrast(
        self, L: Any, df: str | None = None, *, rhs: Any = None, level: float | None = None, joint: bool = False
    ) -> Contrasts:
        """Linear combinations L beta of the coefficients, with tests and intervals.

        Parameters
        ----------
        L : array, dict, str, or list or dict of these
            Weights of all p coefficients, (p,) or (c, p); a dict of coefficient and weight; or a text such as
            ``"trtB - trtA = 0"``. A list of dicts and texts has a row for each, a dict of label and row names them.
        df : {"satterthwaite", "kenward-roger", "residual", "asymptotic"}, optional
            Degrees of freedom; by default those of the table of coefficients. "kenward-roger" corrects standard errors
            too, and needs a fit by REML. "residual" are n less the rank of X. Generalized models have "asymptotic".
        rhs : float or (c,) array, default 0
            Values that the combinations are tested against.
        level : float, optional
            Of the intervals; by default `conf_level` of the fit.
        joint : bool
            Test all rows together as well: F (Fai & Cornelius; Kenward & Roger) or Wald's chi-squared.

        Returns
        -------
        Contrasts
            A table with columns ``contrast``, ``estimate``, ``se``, ``df``, ``statistic``, ``p_value``, ``lower``,
            ``upper``; `covariance` and `joint` besides. Combinations that X does not determine are NaN.

        Raises
        ------
        InputError, InputTypeError
            For rows that cannot be read, or a method that this fit does not have; with what would work.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("sleepstudy")
        >>> X = np.column_stack([np.ones(180), d["Days"]])
        >>> fit = ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, x_names=["(Intercept)", "Days"])
        >>> nine = fit.contrast({"day 9": {"(Intercept)": 1, "Days": 9}, "none": "Days = 0"}, df="kenward-roger")
        >>> nine["estimate"].round(3).tolist(), nine["se"].round(3).tolist(), nine["df"].round(2).tolist()
        ([345.611, 10.467], [9.747, 0.804], [22.81, 161.0])

        References
        ----------
        Kenward & Roger (1997), doi 10.2307/2533558; Kuznetsova, Brockhoff & Christensen (2017), doi
        10.18637/jss.v082.i13.
        """
        level = self._conf_level if level is None else level
        return contrasts(self._fit, self._method(df), L, rhs, level=level, joint=joint, frame=self._frame)

    # Random effects -------------------------------------------------------------------------------------------------

    @cached_property
    def ranef(self) -> MappingProxyType[str, FloatArray]:
        """Conditional modes by factor, (levels, columns) in the order of `levels` and `ranef_names`."""
        return MappingProxyType(
            {f.name: _frozen(self._determined(partial(_modes, j))) for j, f in enumerate(self._fit.groups)}
        )

    @cached_property
    def ranef_variances(self) -> MappingProxyType[str, FloatArray]:
        """Conditional covariance matrices of the random effects by factor, (levels, columns, columns)."""
        out = {}
        inverse = self._fit.factorized().factor.selected_inverse().diagonal
        roots = self._fit.parameters.T(self._fit.theta)
        for f, T, block, (_, sigma) in zip(self._fit.groups, roots, inverse, self._covariances, strict=True):
            A = f.users_effects(T)
            covariance = np.einsum("ab,bcl,dc->lad", A, block, A, optimize=True) * self._scale**2
            out[f.name] = _frozen(np.where(np.isnan(sigma), np.nan, covariance))
        return MappingProxyType(out)

    @property
    def levels(self) -> dict[str, AnyArray]:
        """Labels of the levels by factor."""
        return {f.name: _frozen(f.levels) for f in self._fit.groups}

    @property
    def ranef_names(self) -> dict[str, tuple[str, ...]]:
        """Column names of the random effects by factor."""
        return {f.name: f.column_names for f in self._fit.groups}

    @property
    def theta(self) -> FloatArray:
        """Relative covariance parameters: lower triangles of the terms' factors, column by column."""
        return _frozen(self._determined(lambda fit: fit.parameters.users(fit.theta)))

    @cached_property
    def _covariances(self) -> list[tuple[GroupLabels, FloatArray]]:
        """Covariance matrices of the random effects by factor."""
        return [(f, self._determined(partial(_covariance, j))) for j, f in enumerate(self._fit.groups)]

    def _determined(self, of: Callable[[F], FloatArray], size: FloatArray | float | None = None) -> FloatArray:
        """What `of` finds in the fit; NaN where other parameters of the same deviance give another value."""
        value = np.array(of(self._fit), dtype=np.float64)
        for other in cast(tuple[F, ...], self._fit.elsewhere):
            value[differs(value, of(other), size)] = np.nan
        return value

    def _term_components(self) -> list[VarCompSummary]:
        rows: list[VarCompSummary] = []
        for f, covariance in self._covariances:
            start = 0
            sd = np.sqrt(np.diagonal(covariance))
            for term in f.terms:
                if term.structure is not None:
                    rows += self._structured_components(term, term.structure)
                    start += len(term.columns)
                    continue
                for i, name in enumerate(term.columns):
                    a = start + i
                    earlier = range(start, a) if term.correlated else range(0)
                    with np.errstate(invalid="ignore", divide="ignore"):
                        corr = tuple(float(covariance[a, b] / (sd[a] * sd[b])) for b in earlier)
                    rows.append(VarCompSummary(f.name, name, float(covariance[a, a]), float(sd[a]), corr))
                start += len(term.columns)
        return rows

    def _structured_components(self, term: Term, structure: CovarianceStructure) -> Iterator[VarCompSummary]:
        """What the term's covariance structure shows, with its name on the first line."""

        def components(fit: F) -> tuple[Component, ...]:
            s = next(s for s in fit.parameters.structured if s.term is term)
            return structure.components(s.in_units(fit.parameters.users(fit.theta)[s.mine], fit.scale), term.columns)

        def correlations(fit: F) -> FloatArray:
            return np.array([r for c in components(fit) for r in c.correlations])

        sds = self._determined(lambda fit: np.array([c.sd for c in components(fit)]))
        left = iter(self._determined(correlations, 1.0).tolist())
        for i, (c, sd) in enumerate(zip(components(self._fit), sds.tolist(), strict=True)):
            corr = tuple(next(left) for _ in c.correlations)
            yield VarCompSummary(term.factor, c.name, sd**2, sd, corr, "" if i else structure.name)

    @property
    def is_singular(self) -> bool:
        """Whether some covariance matrix of random effects is estimated without full rank."""
        return bool(self._fit.singular_factors)

    def _intercept_variances(self) -> dict[str, float]:
        """Variance of the random intercept by factor; NaN where a factor has none."""
        out = {}
        for f, covariance in self._covariances:
            names = f.column_names
            at = names.index(INTERCEPT) if INTERCEPT in names else None
            out[f.name] = float("nan") if at is None else float(covariance[at, at])
        return out

    # Intervals ------------------------------------------------------------------------------------------------------

    def confint(self, which: str | Sequence[str] = "all", *, method: str = "wald", level: float = 0.95) -> Intervals:
        """Confidence intervals of all parameters.

        These are the fixed effects, standard deviations and correlations of the random effects, and sigma or the
        family's dispersion parameters.

        Parameters
        ----------
        which : {"all", "fixed", "random"} or list of str
            Which parameters: sets, or names as lme4's `confint` has them.
        method : {"wald", "profile"}
            Estimates and multiples of their standard errors, of standard deviations on the log scale and of
            correlations on that of Fisher's z; or values at which the deviance rises by no more than the quantile of
            chi-squared on one degree of freedom. Profiles of fits by REML are of the ML criterion.
        level : float, default 0.95

        Returns
        -------
        Intervals
            A table with columns ``parameter``, ``estimate``, ``lower``, ``upper``. Limits are NaN at a boundary, where
            the data do not determine a parameter, or where the profile does not reach the level; `reasons` says why.

        Raises
        ------
        InputError, InputTypeError
            For parameters or methods that are unknown, or a level that is none.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, x_names=["(Intercept)"], reml=False)
        >>> fit.confint(method="profile")
        95% profile intervals
                             Estimate   2.5 %  97.5 %
        sd_(Intercept)|Batch    37.26   12.20   84.06
        sigma                   49.51   38.23   67.66
        (Intercept)           1527.50 1486.45 1568.55

        References
        ----------
        Bates, Maechler, Bolker & Walker (2015), section 5.1, doi 10.18637/jss.v067.i01.
        """
        return replace(confint(self._fit, self._tested, which, method, level), frame=self._frame)

    def profile(self, which: str | Sequence[str] = "all", *, level: float = 0.99) -> Profile:
        """Profiles of the deviance: its least value at each value of a parameter.

        Parameters
        ----------
        which : {"all", "fixed", "random"} or list of str
            Which parameters, as in `confint`.
        level : float, default 0.99
            Of the intervals that the curves reach to.

        Returns
        -------
        Profile
            A table with a row for each point: ``parameter``, ``value``, the signed root ``zeta`` of how much the
            deviance has risen, and all parameters there. Its `curves` have points for plots, and its `confint` the
            intervals of any level.

        Raises
        ------
        InputError, InputTypeError
            For parameters that are unknown, or a level that is none.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, x_names=["(Intercept)"], reml=False)
        >>> profile = fit.profile("random")
        >>> profile.confint(0.9)["upper"].round(2).tolist()
        [72.87, 64.07]
        >>> values, zeta = profile.curves["sigma"].sample(50)

        References
        ----------
        Bates, Maechler, Bolker & Walker (2015), section 5.1, doi 10.18637/jss.v067.i01.
        """
        return replace(profile(self._fit, which, level), frame=self._frame)

    @property
    def _tested(self) -> Coefficients:
        """The fixed effects with their tests."""
        return Coefficients(self.coefficients, self.se, self._test)

    # Predictions ----------------------------------------------------------------------------------------------------

    def predict(
        self,
        newdata: Any = None,
        *,
        random: Any = "all",
        new_levels: str = "error",
        scale: str = "response",
        se: bool = False,
        interval: str | None = None,
        level: float = 0.95,
        theta_uncertainty: bool = True,
        marginal: bool = False,
        covariance: bool = False,
    ) -> FloatArray | Prediction:
        """Predictions for the rows of the fit or for new ones, with standard errors and intervals on request.

        Parameters
        ----------
        newdata : data frame or dict, optional
            Of a fit by formula a frame (or dict of arrays) with the formula's variables; of a fit to arrays
            ``{"X": ..., "groups": ..., "random_data": ..., "offset": ..., "weights": ...}``, with what the model was
            fitted to. The data of the fit by default.
        random : {"all", "none"} or list of str
            Which random effects are in it: names of factors, or terms as the summary writes them.
        new_levels : {"error", "population"}
            Levels that the model does not know: refuse them, or predict the mean over all levels, with their whole
            variance in the standard error.
        scale : {"response", "link"}
            Expected responses, or linear predictors.
        se : bool
            Standard errors of the predictions about the true values, those of beta and of the random effects together.
        interval : {None, "confidence", "prediction"}
            Limits for the prediction, or for a new response.
        level : float, default 0.95
            Of the interval, which is by normal quantiles on the link scale.
        theta_uncertainty : bool
            Whether standard errors account for the estimation of variance and dispersion parameters (delta method).
        marginal : bool
            Mean over the random effects instead of the value at them: the population mean.
        covariance : bool
            Give the full covariance matrix of the rows' predictions, as `covariance` of the result.

        Returns
        -------
        (n,) array, or Prediction
            A record with columns ``fit``, ``se``, ``lower``, ``upper`` where more than predictions are asked for.

        Raises
        ------
        InputError, InputTypeError
            With the argument, the rows or levels, and what to do.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("sleepstudy")
        >>> X = np.column_stack([np.ones(180), d["Days"]])
        >>> fit = ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, random_effects={"Subject": "1 + Days"},
        ...                 random_data={"Days": d["Days"]}, x_names=["(Intercept)", "Days"])
        >>> new = {"X": [[1.0, 10.0]], "groups": {"Subject": ["308"]}, "random_data": {"Days": [10.0]}}
        >>> fit.predict(new).round(2).tolist()
        [450.33]
        >>> fit.predict(new, interval="prediction")["upper"].round(1).tolist()
        [510.0]

        References
        ----------
        McLean, Sanders & Stroup (1991), doi 10.1080/00031305.1991.10475767; Kackar & Harville (1984), doi
        10.1080/01621459.1984.10477102.
        """
        request = Request(random, new_levels, scale, se, interval, level, theta_uncertainty, marginal, covariance)
        return predict(self._fit, newdata, request, self._terms)

    def simulate(
        self,
        nsim: int = 1,
        rng: np.random.Generator | int | None = None,
        *,
        random: str = "new",
        newdata: Any = None,
        theta_uncertainty: bool = False,
    ) -> FloatArray:
        """Responses drawn from the fitted model, (n, nsim).

        Parameters
        ----------
        nsim : int
            Number of responses.
        rng : numpy.random.Generator or int
            The generator, or a seed.
        random : {"new", "conditional"}
            Draw random effects too, as of new levels; or take the conditional modes.
        newdata : dict, optional
            Rows to draw for, as in `predict`; those of the fit by default.
        theta_uncertainty : bool
            Draw the parameters as well, from the normal distribution of their estimates.

        Raises
        ------
        InputError, InputTypeError
            With the argument, the rows or levels, and what to do.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> fit.simulate(1000, rng=1).shape
        (30, 1000)
        """
        return simulate(
            self._fit, nsim, rng, random=random, newdata=newdata, theta_uncertainty=theta_uncertainty, terms=self._terms
        )

    # Refits ---------------------------------------------------------------------------------------------------------

    def refit(self, y: Any) -> Self:
        """The same model of another response: weights, offset and settings stay.

        A refit of the same response has the same bits.

        Raises
        ------
        InputError, InputTypeError
            For a y that does not fit, or a model without rows.
        """
        return self._fitted(self._fit.model.with_response(y))

    def update(self, **changes: Any) -> Self:
        """The model with other settings.

        These are `y`, `backend`, `optimizer`, `tol`, `max_iter`; of a linear model `reml`, of a generalized one
        `family`, `nagq` and `hessian`.

        Raises
        ------
        InputError, InputTypeError
            For settings that do not exist or are out of their range.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> round(fit.update(reml=False).log_likelihood, 4)
        -163.6635
        """
        return self._fitted(self._fit.model.updated(changes))

    def _fitted(self, model: Model[F]) -> Self:
        fit = model.fit()
        tell(fit.notes)
        return self._of(fit)

    @abstractmethod
    def _of(self, fit: F) -> Self:
        """The solution of another fit, with the same options."""

    # Files ----------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str], *, rows: bool = False) -> None:
        """Write the fit to one file, from which `ranef.load` makes it again.

        Without rows its size does not depend on their number, and all works that needs none: the summary, tests,
        intervals, conditional modes and predictions for new data. Files are not pickles: nothing in them is executed.

        Parameters
        ----------
        path : str or path
            An older file of that name is replaced when the new one is complete.
        rows : bool, default False
            Keep the rows: y, X, the groups, weights and offset. A refit of the loaded model then has the same bits.

        Raises
        ------
        InputError
            Where a plugin that the fit was made with is not registered, so that no file can name it; or for `rows` of
            a fit that has none.
        OSError
            Where the file cannot be written.

        Examples
        --------
        >>> import numpy as np, ranef, tempfile, pathlib
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     fit.save(pathlib.Path(folder) / "dyestuff.ranef")
        ...     copy = ranef.load(pathlib.Path(folder) / "dyestuff.ranef")
        >>> copy.summary() == fit.summary()
        True
        """
        if not isinstance(rows, bool | np.bool_):
            raise InputTypeError(f"rows must be True or False; got {shown(rows)}")
        storage.save(path, self._fit, None if rows else self._fit.digest or self._digest(), self._options())

    @abstractmethod
    def _digest(self) -> Digest:
        """What is kept of the rows where these are left out."""

    def _options(self) -> dict[str, Any]:
        """What a file keeps beside the fit. `terms` is for what a fit by formula knows of its data."""
        return {"conf_level": self._conf_level, "terms": self._terms and self._terms.to_state()}

    @property
    def _residual_quantiles(self) -> FloatArray:
        """Of the scaled residuals, (5,)."""
        digest = self._fit.digest
        return residual_quantiles(self._scaled_residuals) if digest is None else digest.residual_quantiles

    # Likelihood -----------------------------------------------------------------------------------------------------

    @property
    def log_likelihood(self) -> float:
        """Maximized log-likelihood, with all constants; the restricted one for fits by REML, as in lme4."""
        return self._criteria.log_likelihood

    @property
    def n_parameters(self) -> int:
        """Fixed effects, covariance parameters, and sigma or the estimated dispersion parameters."""
        return self._fit.n_parameters

    @property
    def aic(self) -> float:
        """Akaike's criterion, -2 log L + 2 k."""
        return self._criteria.aic

    @property
    def bic(self) -> float:
        """Bayes' criterion, -2 log L + k log n."""
        return self._criteria.bic

    @property
    def df_residual(self) -> int:
        """Observations less parameters."""
        return self._criteria.df_residual

    @property
    def _criteria(self) -> InformationCriteria:
        return information_criteria(self._fit)

    def compare(self, other: Self) -> LikelihoodRatioTest:
        """Likelihood ratio test against a nested (or a larger) model, as text that carries its figures.

        Raises
        ------
        ComparisonError
            Where the models are of different kinds, families or links, are not fitted to the same data, were fitted by
            REML with different fixed effects, mix REML and ML, or are not nested; the message says which.
        """
        if type(self) is not type(other):
            raise ComparisonError(
                f"compare needs two fits of one kind; got {type(self).__name__} and {type(other).__name__}"
            )
        return LikelihoodRatioTest(likelihood_ratio_test(self._fit, other._fit, (self.model, other.model)))

    # The fit --------------------------------------------------------------------------------------------------------

    @property
    def n_obs(self) -> int:
        """Number of observations."""
        return self._labels.n

    @property
    def has_rows(self) -> bool:
        """Whether the fit has the rows that it was made from; one that was saved without them has not."""
        return self._fit.model.rows is not None

    @property
    def n_groups(self) -> dict[str, int]:
        """Number of levels by factor."""
        return {f.name: f.grouping.n_levels for f in self._fit.groups}

    @property
    def certificate(self) -> Certificate:
        """Evidence that the fit is an optimum."""
        return self._fit.certificate

    @property
    def converged(self) -> bool:
        """The certificate's verdict."""
        return self.certificate.converged

    @property
    def provenance(self) -> tuple[Provenance, ...]:
        """Plugins that made the fit, with distributions and versions."""
        return self._fit.provenance

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by phase of the fit."""
        return dict(self._fit.timings)

    @property
    def n_evaluations(self) -> int:
        """Evaluations of the criterion, those of the certificate included."""
        return self._fit.n_evaluations

    @property
    def n_iter(self) -> int:
        """The same, under the name that other packages have for it."""
        return self.n_evaluations

    @property
    def model(self) -> str:
        """The formula as written, or the model of arrays in the manner of one."""
        return str(self._labels) if self._terms is None else " ".join(self._terms.formula.split())

    @property
    def formula(self) -> str | None:
        """The formula as written; None for fits of arrays."""
        return None if self._terms is None else self._terms.formula

    @property
    def terms(self) -> Terms | None:
        """Fixed terms with their columns, what encodes new data, rows left out; None for fits of arrays."""
        return self._terms

    # Text -----------------------------------------------------------------------------------------------------------

    def _summary_data(self) -> SummaryData:
        kept = self._labels.fixed.kept
        se = self.se[kept]
        return SummaryData(
            title=self._title,
            model=self.model,
            criterion=self._criteria,
            residual_quantiles=self._residual_quantiles,
            var_components=self.var_components,
            n_obs=self.n_obs,
            n_groups=tuple(self.n_groups.items()),
            coefficients=tables.tests_of(self, kept),
            correlation=self.vcov[np.ix_(kept, kept)] / np.outer(se, se),
            notes=self._notes(),
            details=() if self._terms is None else self._terms.details,
        )

    def summary(self, names: str | None = None) -> Summary:
        """The fit as text, in the look of R's `summary`; ``names="R"`` shows columns under R's names.

        A notebook shows it as HTML.
        """
        if names not in (None, "R"):
            raise InputError(f"names must be 'R', or left out; got {shown(names)}")
        data = self._summary_data()
        return Summary(data.renamed(self._terms.r_names) if names and self._terms else data)

    # Tables: records that print themselves and go `to_frame()` -------------------------------------------------------

    def coef_table(self) -> Table:
        """Coefficients with tests and intervals: name, estimate, se, lower, upper, df, statistic, p_value."""
        return tables.coef_table(self)

    def var_table(self) -> Table:
        """Variance components: factor, column, variance, sd, and correlations with earlier columns of the term."""
        return tables.var_table(self)

    def ranef_table(self) -> Table:
        """Random effects: factor, level, column, value (the conditional mode), se (conditional)."""
        return tables.ranef_table(self)

    def vcov_table(self) -> Table:
        """Covariance matrix of the coefficients: name, and a column of each coefficient."""
        return tables.vcov_table(self)

    def r_code(self, data: str | PathLike[str] | None = None) -> Shown:
        """The script that fits the same model in R, with lme4 or glmmTMB, and prints these figures beside R's.

        The rows are in it, under the names y, x1 ..., z1 ..., g1 ..., with comments that say what they are.

        Parameters
        ----------
        data : str or path, optional
            A CSV file to be written with the rows, which the script then reads; needed for more than 1,000 of them. A
            file that is there is not written over.

        Raises
        ------
        InputError
            Where neither package fits the model, with the reasons; for too many rows without `data`; where the file is
            there already or cannot be written; for a fit without rows.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, y_name="Yield")
        >>> print(fit.r_code())
        # The model that ranef fitted as Yield ~ (Intercept) + (1 | Batch)
        ...
        m <- lmer(
          y ~ 0 + x1 + (1 | g1),
          data = d,
          REML = TRUE
        )
        ...
        """
        return r_code(self, data)

    def _repr_html_(self) -> str:
        return render_html(self._summary_data())

    def __repr__(self) -> str:
        """Model, size, and verdict."""
        verdict = "converged" if self.converged else "NOT converged"
        return f"<{type(self).__name__}: {self.model}; {self.n_obs} observations; {verdict}>"

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k in self._state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if dropped := self._labels.fixed.dropped_names:
            notes.append(f"X is rank deficient: dropped {', '.join(dropped)}")
        if not self.converged:
            notes.append(f"NOT CONVERGED: {self.certificate.message}")
        if self.certificate.not_identified:
            notes.append(f"the data do not determine {', '.join(self.certificate.not_identified)}: NaN")
        if self.certificate.other_optima:
            notes.append(
                f"another optimum of the criterion is {self.certificate.other_optima[0]:.2g} higher in deviance"
            )
        if self.is_singular:
            notes.append("the fit is singular: a covariance matrix of random effects has no full rank (is_singular)")
        return tuple(notes)


def _modes(j: int, fit: Fit) -> FloatArray:
    """Conditional modes of factor j, (levels, columns)."""
    f, o = fit.groups[j], fit.pattern.offsets[j]
    block = fit.b[o : o + f.grouping.size].reshape(f.grouping.n_columns, f.grouping.n_levels)
    return np.asarray(f.users_effects(block).T)


def _covariance(j: int, fit: Fit) -> FloatArray:
    """Covariance matrix of the random effects of factor j."""
    return fit.covariances[j]


def _expand(values: FloatArray, kept: AnyArray, p: int) -> FloatArray:
    """Values of kept columns among all p, NaN elsewhere; for vectors and matrices."""
    out = np.full((p,) * values.ndim, np.nan)
    out[np.ix_(*(kept,) * values.ndim)] = values
    return _frozen(out)


def _frozen(array: Any) -> FloatArray:
    array.flags.writeable = False
    frozen: FloatArray = array
    return frozen
