"""How a solution is kept and shown: files, tables, the same model in R."""

from __future__ import annotations

import os
from abc import abstractmethod
from os import PathLike
from typing import Any

import numpy as np

from ..contracts.errors import InputError, InputTypeError, shown
from ..display.records import Table
from ..display.shown import Shown
from ..estimation.model import Digest
from . import tables
from .base import F, FittedModel
from .r_code import r_code


class Kept(FittedModel[F]):
    """Files and tables of a fitted model."""

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
            a fit that has none; without rows of one whose residuals have a covariance structure.
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
        if not rows and self._labels.residual is not None:
            raise InputError(
                "a fit whose residuals have a covariance structure is saved with its rows, which all that is computed "
                "from it needs: save(path, rows=True)"
            )
        from .. import storage

        storage.save(path, self._fit, None if rows else self._fit.digest or self._digest(), self._options())

    @abstractmethod
    def _digest(self) -> Digest:
        """What is kept of the rows where these are left out."""

    def _options(self) -> dict[str, Any]:
        """What a file keeps beside the fit. `terms` is for what a fit by formula knows of its data."""
        return {"conf_level": self._conf_level, "terms": self._terms and self._terms.to_state()}

    def coef_table(self) -> Table:
        """Coefficients with tests and intervals: name, estimate, se, lower, upper, df, statistic, p_value."""
        return tables.coef_table(self)

    def var_table(self) -> Table:
        """Variance components: factor, column, variance, sd, and correlations with earlier columns of the term."""
        return tables.var_table(self)

    def ranef_table(
        self, level: float | None = None, *, beta_uncertainty: bool = False, theta_uncertainty: bool = False
    ) -> Table:
        """Random effects: factor, level, column, value (the conditional mode), se, and limits on request.

        Parameters
        ----------
        level : float, optional
            Of limits ``lower`` and ``upper``.
        beta_uncertainty : bool
            Standard errors of the modes about the true effects with those of the fixed effects in them; without they
            are conditional on all parameters, as lme4's ``condVar``.
        theta_uncertainty : bool
            Those of the variance parameters too, as glmmTMB has them (delta method); with `beta_uncertainty` only.

        Raises
        ------
        InputError
            For a level that is none, or `theta_uncertainty` by itself.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> [fit.ranef_table(beta_uncertainty=b)["se"][0].round(2).item() for b in (False, True)]
        [19.59, 24.77]
        """
        return tables.ranef_table(self, level, beta_uncertainty=beta_uncertainty, theta_uncertainty=theta_uncertainty)

    def level_coefficients(self, level: float | None = None, *, theta_uncertainty: bool = True) -> Table:
        """Coefficients of every level: fixed effects plus its random effects, as lme4's `coef` has them.

        Parameters
        ----------
        level : float, optional
            Of limits ``lower`` and ``upper``, by the quantiles that `predict` takes.
        theta_uncertainty : bool
            Whether standard errors account for the estimation of variance parameters.

        Returns
        -------
        Table
            ``factor``, ``level``, ``column``, ``value``, ``se`` (of fixed and random effects together). Columns are
            those of X, then those of random effects that have no fixed one.

        Raises
        ------
        InputError
            For a level that is none.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
        >>> table = fit.level_coefficients()
        >>> table["column"][:2].tolist(), table["value"][:2].round(2).tolist()  # of the first level, 308
        (['(Intercept)', 'Days'], [253.66, 19.67])
        """
        return tables.level_coefficients(self, level, theta_uncertainty=theta_uncertainty)

    def vcov_table(self) -> Table:
        """Covariance matrix of the coefficients: name, and a column of each coefficient."""
        return tables.vcov_table(self)

    def r_code(self, data: str | PathLike[str] | None = None, *, frame: Any = None) -> Shown:
        """The script that fits the same model in R, with lme4 or glmmTMB, and prints these figures beside R's.

        The rows are in it, under the names y, x1 ..., z1 ..., g1 ..., with comments that say what they are.

        Parameters
        ----------
        data : str or path, optional
            A CSV file to be written with the rows, which the script then reads; needed for more than 1,000 of them. A
            file that is there is not written over.
        frame : data frame, optional
            That of a fit by formula. The script then has the formula, weights, offset and contrasts as they were
            written, and the columns of the frame, where R has all that the formula calls; else columns as without it,
            and a comment why.

        Raises
        ------
        InputError
            Where neither package fits the model, with the reasons; for too many rows without `data`; where the file is
            there already or cannot be written; for a fit without rows; for a frame of other data.

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
        return r_code(self, data, frame)
