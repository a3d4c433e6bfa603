"""What a solution does: contrasts, intervals, predictions, refits, files, tables; each a line on a function."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, Self

import numpy as np

from .. import storage
from ..contracts.arrays import FloatArray
from ..contracts.errors import ComparisonError, InputTypeError, shown
from ..display.records import Table
from ..display.shown import Shown
from ..estimation.model import Digest, Model
from ..inference.confint import confint
from ..inference.contrasts import Contrasts, contrasts
from ..inference.intervals import Coefficients, Intervals
from ..inference.lrt import likelihood_ratio_test
from ..inference.methods import Method
from ..inference.profile import Profile, profile
from ..notes import tell
from ..prediction.predict import Prediction, Request, predict
from ..prediction.simulate import simulate
from . import tables
from .base import F, FittedModel
from .comparison import LikelihoodRatioTest
from .r_code import r_code


class MixedSolution(FittedModel[F]):
    """A fitted mixed model. Frozen: attributes cannot be set, arrays are read-only."""

    # Tests ----------------------------------------------------------------------------------------------------------

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

    @abstractmethod
    def _method(self, df: Any) -> Method:
        """The way of testing contrasts that `df` names, None for that of the coefficients' table."""

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
