"""What a solution says of other data: predictions, simulations, refits."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..contracts.arrays import FloatArray
from ..estimation.model import Model
from ..formula.terms import Terms
from ..notes import tell
from .base import F, FittedModel
from .updating import OF_DATA, model_of_data

if TYPE_CHECKING:
    from ..large.predictions import PredictionStream
    from ..many.record import ManyFits
    from ..prediction.predict import Prediction


class Predicting(FittedModel[F]):
    """Predictions and refits of a fitted model."""

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
        type: str = "mean",  # noqa: A002
        theta_uncertainty: bool = True,
        marginal: bool = False,
        covariance: bool = False,
        weights: Any = None,
        offset: Any = None,
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
            Of the interval: of linear models by t with Satterthwaite's degrees of freedom for the variance given theta,
            at least 1 (n - p of a fit with ``compute_satterthwaite=False``); of generalized ones by normal quantiles on
            the link scale.
        type : str
            Of generalized models: "mean", the expected response, with extra zeros among them; "conditional", without
            them; "zprob", the probability of an extra zero; "disp", the dispersion parameter, or any other one by its
            name. Parameters are predicted by their models, on the scale of these with ``scale="link"``.
        theta_uncertainty : bool
            Whether standard errors account for the estimation of variance and dispersion parameters (delta method).
        marginal : bool
            Mean over the random effects instead of the value at them: the population mean.
        covariance : bool
            Give the full covariance matrix of the rows' predictions, as `covariance` of the result.
        weights, offset : str or (n,) array-like, optional
            Of new rows, for fits by formula that were given theirs as arrays.

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
        [510.4]

        References
        ----------
        McLean, Sanders & Stroup (1991), doi 10.1080/00031305.1991.10475767; Kackar & Harville (1984), doi
        10.1080/01621459.1984.10477102.
        """
        from ..prediction.predict import Request, predict

        request = Request(random, new_levels, scale, se, interval, level, theta_uncertainty, marginal, covariance,
                          type, self._satterthwaite)  # fmt: skip
        return predict(self._fit, newdata, request, self._terms, {"weights": weights, "offset": offset})

    def predict_stream(
        self,
        source: Any,
        *,
        keep: Sequence[str] | str | None = None,
        random: Any = "all",
        new_levels: str = "error",
        scale: str = "response",
        se: bool = False,
        interval: str | None = None,
        level: float = 0.95,
        type: str = "mean",  # noqa: A002
        theta_uncertainty: bool = True,
        marginal: bool = False,
        weights: str | None = None,
        offset: str | None = None,
    ) -> PredictionStream:
        """Predictions for rows that come part by part: those of `predict`, with no more than a part in memory.

        Parameters
        ----------
        source : source of rows
            A path, folder, pattern or list of files of Parquet or Arrow; a pyarrow dataset; an iterator or list of data
            frames or record batches; a polars LazyFrame; a DuckDB relation. Only columns that are needed are read.
        keep : list of str, or "all", optional
            Columns of the source that go along, such as keys of rows; none by default.
        random, new_levels, scale, se, interval, level, type, theta_uncertainty, marginal
            As in `predict`.
        weights, offset : str, optional
            Columns or expressions, for fits by formula that were given theirs as arrays.

        Returns
        -------
        PredictionStream
            An iterator of pyarrow's record batches in the order of the rows, with the columns that are kept, and
            ``fit``, ``se``, ``lower``, ``upper`` as asked for; its `to_parquet(path)` writes them to a file.

        Raises
        ------
        InputError, InputTypeError, MissingExtraError
            With the file and its row group, the rows or levels, and what to do.

        Examples
        --------
        >>> import ranef
        >>> d = ranef.datasets.load("sleepstudy")
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", d)
        >>> days = ({name: column[d["Days"] == day] for name, column in d.items()} for day in range(10))
        >>> batches = list(fit.predict_stream(days, keep=["Subject"], se=True))
        >>> len(batches), batches[0].num_rows, batches[0].schema.names
        (10, 18, ['Subject', 'fit', 'se'])
        """
        from ..large.predictions import prediction_stream
        from ..prediction.predict import Request

        request = Request(random, new_levels, scale, se, interval, level, theta_uncertainty, marginal, False,
                          type, self._satterthwaite)  # fmt: skip
        given = {"weights": weights, "offset": offset}
        return prediction_stream(self._fit, source, request, self._terms, keep=keep, given=given)

    def simulate(
        self,
        nsim: int = 1,
        rng: np.random.Generator | int | None = None,
        *,
        random: str = "new",
        newdata: Any = None,
        theta_uncertainty: bool = False,
        weights: Any = None,
        offset: Any = None,
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
        weights, offset : str or (n,) array-like, optional
            Of new rows, as in `predict`.

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
        from ..prediction.simulate import simulate

        given = {"weights": weights, "offset": offset}
        options = {"random": random, "newdata": newdata, "theta_uncertainty": theta_uncertainty}
        return simulate(self._fit, nsim, rng, **options, terms=self._terms, given=given)

    def refit(self, y: Any) -> Self:
        """The same model of another response: weights, offset and settings stay.

        A refit of the same response has the same bits.

        Raises
        ------
        InputError, InputTypeError
            For a y that does not fit, or a model without rows.
        """
        return self._fitted(self._fit.model.with_response(y))

    def refit_many(self, Y: Any, *, L: Any = None, executor: Executor | None = None, progress: Any = None) -> ManyFits:
        """The same model of many responses: weights, offset and settings stay.

        Each has the estimates that `refit` gives it. Most models are fitted to all responses at once, others one by
        one; see docs/many-responses.md.

        Parameters
        ----------
        Y : (n, m) array-like, data frame, dict of columns, or iterator of these
            A response in each column, with NaN where a value is missing: the row is left out of that response's fit. An
            iterator gives block after block of responses, and none is kept.
        L : as of `contrast`, optional
            Linear combinations of the coefficients to be estimated too.
        executor : concurrent.futures.Executor, optional
            Runs blocks of responses in its workers; the results have the same bits.
        progress : bool or observers, optional
            As in `bootstrap`.

        Returns
        -------
        ManyFits
            Arrays with a row for each response. A response without a fit is marked, with its `reason`; one warning sums
            up what there is to say.

        Raises
        ------
        InputError, InputTypeError
            Where Y is no table of numbers with the model's rows, or L cannot be read.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("sleepstudy")
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", d)
        >>> many = fit.refit_many(fit.simulate(100, rng=1))
        >>> many.coefficients.mean(axis=0).round(1).tolist()
        [251.8, 10.5]
        """
        from ..many.record import fit_many

        many = fit_many(self._fit.model, Y, self._of, L=L, executor=executor, progress=progress, frame=self._frame)
        tell(many.notes, many)
        return many

    def update(self, **changes: Any) -> Self:
        """The model with other settings, another formula, or of other data.

        Parameters
        ----------
        **changes
            Settings: `y`, `backend`, `optimizer`, `tol`, `max_iter`; of a linear model `reml`, of a generalized one
            `family`, `nagq` and `hessian`. Of a fit by formula also `formula` and other arguments of formulas, with
            `data`, since a fit does not keep the frame: ``fit.update(formula=". ~ . + x", data=d)``. A dot is that side
            of the formula before; `weights`, `offset`, `subset`, contrasts, orders of levels, covariance structures and
            known precisions are those of the fit, unless they are given; so are models of dispersion parameters
            (`dispersion`, `zi`, `parameters`) and of residuals (`residual`). None takes one of these away, which needs
            no data: ``fit.update(zi=None)``.

        Raises
        ------
        InputError, InputTypeError
            For settings that do not exist or are out of their range; where data are needed, or weights, offset or
            subset that the fit was given as arrays.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> round(fit.update(reml=False).log_likelihood, 4)
        -163.6635
        >>> d = ranef.datasets.load("sleepstudy")
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", d)
        >>> fit.update(formula="log(.) ~ . + I(Days^2)", data=d).formula
        'log(Reaction) ~ Days + (Days | Subject) + I(Days^2)'
        """
        if not any(name in OF_DATA for name in changes):
            return self._fitted(self._fit.model.updated(changes))
        return self._fitted(*model_of_data(self._fit, self._terms, changes))

    def _fitted(self, model: Model[F], terms: Terms | None = None) -> Self:
        fit = model.fit()
        solution = self._of(fit, terms)
        tell(fit.notes, solution)
        return solution
