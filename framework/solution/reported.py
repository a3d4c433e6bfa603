"""What a solution gives to other packages' tables and reports: broom.mixed's columns, and what maketables asks for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..display.records import Table
from ..display.shown import Page
from . import broom, maketables
from .base import F, FittedModel
from .report import report

if TYPE_CHECKING:
    from .mixed import MixedSolution


class Reported(FittedModel[F]):
    """The fit in the form of other packages."""

    def tidy(
        self, effects: str | Sequence[str] = broom.DEFAULT, *, conf_int: bool = False, level: float = 0.95
    ) -> Table:
        """Parameters, a row each, in the columns of R's broom.mixed.

        Parameters
        ----------
        effects : {"fixed", "ran_pars", "ran_vals"} or sequence of these
            Coefficients; standard deviations, correlations and dispersion parameters; conditional modes. The first two
            by default.
        conf_int : bool, default False
            Limits ``conf.low`` and ``conf.high``: of `confint` by Wald's method, of modes by normal quantiles.
        level : float, default 0.95
            Of the limits.

        Returns
        -------
        Table
            Of ``effect, group, level, term, estimate, std.error, df, statistic, p.value, conf.low, conf.high`` those
            that the effects have; None or NaN where a row has none. Terms are ``sd__Days``, ``cor__(Intercept).Days``,
            ``sd__Observation`` for sigma.

        Raises
        ------
        InputError, InputTypeError
            For effects that are unknown, or a level that is none.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, x_names=["(Intercept)"])
        >>> fit.tidy("ran_pars")
         effect    group    term             estimate
         ran_pars  Batch    sd__(Intercept)     42.00
         ran_pars  Residual sd__Observation     49.51
        """
        return broom.tidy(cast("MixedSolution[F]", self), effects, conf_int, level)

    def glance(self) -> Table:
        """The whole fit in one row, in the columns of R's broom.mixed.

        Returns
        -------
        Table
            ``nobs``, ``sigma`` (1 for families without dispersion; those with one have their parameters instead),
            ``logLik``, ``AIC``, ``BIC``, ``REMLcrit`` of fits by REML or ``deviance`` of others, ``df.residual``.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> fit.glance().names
        ('nobs', 'sigma', 'logLik', 'AIC', 'BIC', 'REMLcrit', 'df.residual')
        """
        return broom.glance(cast("MixedSolution[F]", self))

    def augment(self, data: Any = None) -> Table:
        """The rows with fitted values and residuals beside, in the columns of R's broom.mixed.

        Parameters
        ----------
        data : data frame or dict of arrays, optional
            The rows that were fitted, in their order, with all their columns; by default the response, columns of X
            and grouping factors.

        Returns
        -------
        Table
            These columns, and ``.fitted`` (linear predictor), ``.resid`` (y less fitted values; deviance residuals of
            generalized models), ``.fixed`` (linear predictor without random effects), ``.mu`` (expected response),
            ``.offset``, ``.weights``, ``.wtres`` (residuals times the root of weights; Pearson residuals).

        Raises
        ------
        InputError, InputTypeError
            For data of other rows, and for a fit without rows.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]}, y_name="Yield")
        >>> rows = fit.augment(d)
        >>> rows.names
        ('Batch', 'Yield', '.fitted', '.resid', '.fixed', '.mu', '.offset', '.weights', '.wtres')
        >>> bool(np.allclose(rows["Yield"], rows[".fitted"] + rows[".resid"]))
        True
        """
        return broom.augment(cast("MixedSolution[F]", self), data)

    def report(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        rng: np.random.Generator | int | None = None,
        anova: int = 3,
        df: str | None = None,
        nsim: int = 250,
    ) -> str:
        """The fit as one HTML page that needs no other file: summary, tests, intervals, findings of `check`, plots.

        Parameters
        ----------
        path : str or path, optional
            Where to write it.
        rng : numpy.random.Generator or int
            The generator of simulated residuals, or a seed.
        anova : {1, 2, 3}
            Type of the tests of terms.
        df : str, optional
            Their degrees of freedom, as in `anova`.
        nsim : int, default 250
            Number of simulated responses.

        Returns
        -------
        str
            The page, which at a prompt says how long it is and where it was written. What this model does not have is a
            sentence there that says why.

        Raises
        ------
        MissingExtraError
            Without matplotlib: the extra `plots`.
        InputError, InputTypeError
            For a type, a number of simulations or a generator that cannot be used.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
        >>> page = fit.report(rng=1)
        >>> page.count("<figure>"), "Analysis of Variance" in page
        (5, True)
        >>> page
        <HTML page of ... characters>
        """
        from ..prediction.simulate import checked_count, checked_rng

        solution = cast("MixedSolution[F]", self)
        page = Page(report(solution, checked_rng(rng), anova=anova, df=df, nsim=checked_count(nsim)))
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
            page.written = str(path)
        return page

    # The plug-in format of maketables: attributes that its tables look for -------------------------------------------

    @property
    def __maketables_coef_table__(self) -> Any:
        """Coefficients as maketables has them, a frame of pandas."""
        return maketables.coefficients(cast("MixedSolution[F]", self))

    @property
    def __maketables_depvar__(self) -> str:
        """Name of the response."""
        return self._labels.response

    def __maketables_stat__(self, key: str) -> Any:
        """A figure of the whole fit, None where there is none of that name."""
        return maketables.statistics(cast("MixedSolution[F]", self)).get(key)

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        """What is shown below the coefficients."""
        return list(maketables.statistics(cast("MixedSolution[F]", self)))

    @property
    def __maketables_stat_labels__(self) -> dict[str, str]:
        """Labels of the figures that maketables does not know."""
        return maketables.labels(cast("MixedSolution[F]", self))
