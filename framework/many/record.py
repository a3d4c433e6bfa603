"""`ManyFits`: the fits of one model to many responses, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray, FloatArray
from ..contracts.errors import ConvergenceWarning, InputError, SingularFitWarning, shown
from ..design.labels import FixedLabels
from ..display.records import Table
from ..estimation.dispersion import DispersionScale
from ..estimation.generalized import Laplace
from ..estimation.model import Model
from ..estimation.pipeline import watch_of
from ..inference.wald import TTest, ZTest
from ..notes import Note
from .fitting import Task, estimates_of, part_of

#: Most responses that a message names.
SHOWN = 5


@dataclass(frozen=True, eq=False, repr=False)
class ManyFits:
    """The fits of one model to m responses: arrays with a row for each response, read-only.

    NaN stands where a response has no estimates; `reason` says why.

    Parameters
    ----------
    responses : tuple of str
        Names of the responses.
    names : tuple of str
        Names of the p coefficients.
    contrast_names : tuple of str
        Names of the c contrasts that were asked for.
    theta_names, dispersion_names : tuple of str
        Names of covariance and dispersion parameters.
    coefficients, se : (m, p) arrays
        Fixed effects and their standard errors.
    contrasts, contrasts_se : (m, c) arrays
        Contrasts and their standard errors.
    theta : (m, d) array
        Relative covariance parameters, as `theta` of a solution.
    sigma : (m,) array
        Residual standard deviations; NaN for generalized models.
    dispersion : (m, s) array
        Dispersion parameters of the family.
    log_likelihood : (m,) array
        Maximized log-likelihoods, restricted ones for fits by REML.
    converged, singular : (m,) bool arrays
        The certificates' verdicts, and whether some covariance matrix has no full rank.
    gradient_norm, expected_drop, smallest_eigenvalue : (m,) arrays
        Of the certificates, see `LMMSolution.certificate`.
    n_obs : (m,) int array
        Rows that the response has.
    reason : (m,) array of str
        Why there is no fit or why it is no optimum; "" elsewhere.
    at_once : (m,) bool array
        Fitted together with others; what was not was fitted one by one.

    Examples
    --------
    >>> import numpy as np, ranef
    >>> d = ranef.datasets.load("dyestuff")
    >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, x_names=["(Intercept)"])
    >>> many = fit.refit_many(fit.simulate(200, rng=1))
    >>> len(many), many.coefficients.shape, bool(many.converged.all())
    (200, (200, 1), True)
    >>> many[3].theta.round(4).tolist() == many.theta[3].round(4).tolist()
    True
    """

    responses: tuple[str, ...]
    names: tuple[str, ...]
    contrast_names: tuple[str, ...]
    theta_names: tuple[str, ...]
    dispersion_names: tuple[str, ...]
    coefficients: FloatArray
    se: FloatArray
    contrasts: FloatArray
    contrasts_se: FloatArray
    theta: FloatArray
    sigma: FloatArray
    dispersion: FloatArray
    log_likelihood: FloatArray
    converged: AnyArray
    singular: AnyArray
    gradient_norm: FloatArray
    expected_drop: FloatArray
    smallest_eigenvalue: FloatArray
    n_obs: AnyArray
    reason: AnyArray
    at_once: AnyArray
    _model: Model[Any] = field(repr=False)
    _of: Callable[[Any], Any] = field(repr=False)
    _Y: FloatArray | None = field(repr=False)
    _frame: str = field(repr=False)

    # One response -----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Number of responses."""
        return len(self.responses)

    def __getitem__(self, response: int | str) -> Any:
        """The solution of one response, by number or name: fitted now, by itself.

        Raises
        ------
        InputError
            For a response that there is not, or that cannot be fitted; or where the responses came block by block and
            were not kept.
        """
        j = self._position(response)
        if self._Y is None:
            raise InputError("the responses came block by block and were not kept; fit.refit(y) fits a single one")
        y = self._Y[:, j]
        rows = ~np.isnan(y)
        model = self._model if rows.all() else part_of(self._model, rows)
        return self._of(model.with_response(y[rows]).fit())

    def __iter__(self) -> Iterator[Any]:
        return (self[j] for j in range(len(self)))

    def _position(self, response: int | str) -> int:
        if isinstance(response, str) and self.responses.count(response) == 1:
            return self.responses.index(response)
        if isinstance(response, int | np.integer) and -len(self) <= response < len(self):
            return int(response) % len(self)
        raise InputError(f"there is no response {shown(response)}; there are {len(self)}, counted from 0")

    # Tests ------------------------------------------------------------------------------------------------------------

    @property
    def statistics(self) -> FloatArray:
        """Coefficients over their standard errors, (m, p)."""
        return self.coefficients / self.se

    @property
    def p_values(self) -> FloatArray:
        """Two-sided p-values, (m, p): t-tests on the residual degrees of freedom, of generalized models z-tests.

        ``record[j]`` has those by Satterthwaite's.
        """
        return self._p_values(self.statistics)

    @property
    def contrasts_p_values(self) -> FloatArray:
        """The same for the contrasts, (m, c)."""
        return self._p_values(self.contrasts / self.contrasts_se)

    def _p_values(self, statistics: FloatArray) -> FloatArray:
        if isinstance(self._model.likelihood, Laplace):
            return ZTest().p_values(statistics)
        fixed: FixedLabels = self._model.labels.fixed
        df = np.maximum(self.n_obs - fixed.rank, 1).astype(float)
        return TTest(df[:, None]).p_values(statistics)

    # Tables -----------------------------------------------------------------------------------------------------------

    def table(self, shape: str = "wide") -> Table:
        """All estimates as a table.

        Parameters
        ----------
        shape : {"wide", "long"}
            A row for each response, with the coefficients under their names and standard errors under ``se_NAME``; or
            a row for each coefficient of each response, with ``response``, ``name``, ``estimate``, ``se``,
            ``statistic`` and ``p_value``.

        Raises
        ------
        InputError
            For another shape.
        """
        if shape == "long":
            m, p = self.coefficients.shape
            parts = {
                "estimate": self.coefficients,
                "se": self.se,
                "statistic": self.statistics,
                "p_value": self.p_values,
            }
            labels = {"response": np.repeat(np.array(self.responses, dtype=object), p), "name": list(self.names) * m}
            return Table(labels | {name: part.ravel() for name, part in parts.items()}, frame=self._frame)
        if shape != "wide":
            raise InputError(f"shape must be 'wide' or 'long'; got {shown(shape)}")
        columns: dict[str, Any] = {"response": np.array(self.responses, dtype=object)}
        for names, values, errors in (
            (self.names, self.coefficients, self.se),
            (self.contrast_names, self.contrasts, self.contrasts_se),
        ):
            columns |= dict(zip(names, values.T, strict=True))
            columns |= {f"se_{name}": column for name, column in zip(names, errors.T, strict=True)}
        columns |= dict(zip(self.theta_names, self.theta.T, strict=True))
        columns |= {} if np.isnan(self.sigma).all() else {"sigma": self.sigma}
        columns |= dict(zip(self.dispersion_names, self.dispersion.T, strict=True))
        columns |= {
            name: getattr(self, name) for name in ("log_likelihood", "converged", "singular", "n_obs", "reason")
        }
        return Table(columns, plain=True, frame=self._frame)

    def to_frame(self, like: Any = None, *, shape: str = "wide") -> Any:
        """`table` as a data frame of pandas, polars or pyarrow, see `Table.to_frame`."""
        return self.table(shape).to_frame(like)

    def __repr__(self) -> str:
        """Size and verdicts."""
        counts = [f"{len(self)} responses", f"{int(self.converged.sum())} converged"]
        counts += [f"{int(self.singular.sum())} singular"] if self.singular.any() else []
        return f"<ManyFits: {self._model.labels}; {', '.join(counts)}>"

    @property
    def notes(self) -> tuple[Note, ...]:
        """What to warn of: one summary, or nothing."""
        failed = np.flatnonzero(~self.converged)
        if len(failed):
            listed = "; ".join(f"{self.responses[j]}: {self.reason[j]}" for j in failed[:SHOWN])
            more = "; ..." if len(failed) > SHOWN else ""
            text = (
                f"{len(failed)} of {len(self)} responses have no converged fit ({listed}{more}). `converged` marks "
                "them, and `reason` says why; the others are not affected"
            )
            return (Note(ConvergenceWarning, text),)
        if self.singular.any():
            text = (
                f"{int(self.singular.sum())} of {len(self)} fits are singular: a covariance matrix of random effects "
                "is estimated without full rank (`singular` marks them). The estimates are the optimum"
            )
            return (Note(SingularFitWarning, text),)
        return ()


def fit_many(
    model: Model[Any], Y: Any, of: Callable[[Any], Any], *, L: Any, executor: Executor | None, progress: Any, frame: str
) -> ManyFits:
    """Fit the model to every column of Y; `of` leads from a fit to its solution.

    Raises
    ------
    InputError, InputTypeError
        Where Y is no table of numbers with the model's rows, or L cannot be read.
    """
    task = Task.make(model, of, L)
    with watch_of(progress) as watch:
        names, estimates, kept = estimates_of(task, Y, L, executor, watch)
    likelihood = model.likelihood
    scale = DispersionScale(
        likelihood.family.parameters if isinstance(likelihood, Laplace) else (), model.labels.parameters
    )
    return ManyFits(
        responses=names,
        names=model.labels.fixed.names,
        contrast_names=task.combinations.names,
        theta_names=tuple(f"theta[{i}]" for i in range(estimates.theta.shape[1])),
        dispersion_names=scale.shown_names,
        **vars(estimates),
        _model=model,
        _of=of,
        _Y=kept,
        _frame=frame,
    )


__all__ = ["ManyFits", "fit_many"]
