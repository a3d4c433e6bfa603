"""What a solution says of means over a reference grid: marginal means, slopes, joint tests of factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..display.records import Table
from .base import F
from .tested import Tested

if TYPE_CHECKING:
    from ..inference.emmeans.record import MarginalMeans


class Averaged(Tested[F]):
    """Marginal means of a fitted model."""

    def emmeans(
        self,
        specs: Any = None,
        *,
        by: Any = None,
        at: Mapping[str, Any] | None = None,
        weights: str = "equal",
        offset: float | None = None,
        df: str | None = None,
        adjust: str | None = None,
        level: float | None = None,
        type: str = "link",  # noqa: A002 - R's name of it
    ) -> MarginalMeans:
        """Estimated marginal means: averages of the model's predictions over a reference grid.

        Parameters
        ----------
        specs : str or list of str, optional
            Variables for whose combinations means are wanted; the mean of the whole grid by default.
        by : str or list of str, optional
            Variables for whose values contrasts and adjustments are made apart.
        at : dict of variable -> values, optional
            Values of numeric variables, or levels of factors, that the grid has; a function gives a variable as one of
            others, named by its parameters. By default factors have all levels, numeric variables are at their mean,
            those with two values and those inside of ``factor(...)`` at all.
        weights : {"equal", "proportional", "outer", "cells"}
            Of the levels that are averaged over: equal; frequencies of their combinations in the data; products of
            each variable's own frequencies; frequencies in the cells of each mean.
        offset : float, optional
            Offset of the means; by default the mean of the offset in the data.
        df : str, optional
            As of `contrast`: for linear models "satterthwaite", "kenward-roger" (emmeans' default), "residual",
            "asymptotic".
        adjust : str, optional
            Of the limits, for their number; none by default.
        level : float, optional
            Of the intervals; by default `conf_level` of the fit.
        type : {"link", "response"}
            Scale of estimates and limits: that of the coefficients, or back through the link, or through a
            transformation of the response such as ``log(y)``.

        Returns
        -------
        MarginalMeans
            A table with the variables, ``estimate``, ``se``, ``df``, ``lower``, ``upper``; its methods `contrast`,
            `pairs`, `joint_tests` and `cld` go on from there. Means that the data do not determine are NaN.

        Raises
        ------
        InputError, InputTypeError
            For a fit to arrays, variables that the fixed part does not have, levels and words that there are not.

        Examples
        --------
        >>> import ranef
        >>> cake = ranef.datasets.load("cake")
        >>> fit = ranef.lmm("angle ~ recipe * temperature + (1 | replicate:recipe)", cake)
        >>> fit.emmeans("recipe")["estimate"].round(3).tolist()
        [33.122, 31.644, 31.6]

        References
        ----------
        Searle, Speed & Milliken (1980), doi 10.1080/00031305.1980.10483031.
        """
        from ..inference.emmeans.means import marginal_means

        given = {"by": by, "at": at, "weights": weights, "offset": offset, "adjust": adjust, "on": type}
        level = self._conf_level if level is None else level
        return marginal_means(self._fit, self._terms, self._method(df), specs, level=level, **given)

    def emtrends(
        self,
        specs: Any = None,
        var: Any = None,
        *,
        by: Any = None,
        at: Mapping[str, Any] | None = None,
        weights: str = "equal",
        df: str | None = None,
        adjust: str | None = None,
        level: float | None = None,
    ) -> MarginalMeans:
        """Slopes by a numeric variable, averaged over a reference grid as `emmeans` averages means.

        They are slopes of the linear predictor, from derivatives of X that are exact for polynomials and splines.

        Parameters
        ----------
        specs, by, at, weights, df, adjust, level
            As of `emmeans`.
        var : str
            The variable.

        Raises
        ------
        InputError, InputTypeError
            As `emmeans`, and where X has no derivative by the variable.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Reaction ~ poly(Days, 2) + (Days | Subject)", ranef.datasets.load("sleepstudy"))
        >>> fit.emtrends("Days", "Days", at={"Days": [0, 9]})["estimate"].round(3).tolist()
        [7.434, 13.5]
        """
        from ..inference.emmeans.means import marginal_slopes

        given = {"by": by, "at": at, "weights": weights, "adjust": adjust}
        level = self._conf_level if level is None else level
        return marginal_slopes(self._fit, self._terms, self._method(df), specs, var, level=level, **given)

    def joint_tests(self, *, by: Any = None, at: Mapping[str, Any] | None = None, df: str | None = None) -> Table:
        """Tests of all terms by equally weighted marginal means: emmeans' `joint_tests`.

        Numeric variables are compared at their means less and plus 1. F with the degrees of freedom of Fai &
        Cornelius or Kenward & Roger for linear models, Wald's chi-squared for generalized ones.

        Parameters
        ----------
        by : str or list of str, optional
            Variables for whose values the others are tested apart.
        at : dict of variable -> values, optional
            As of `emmeans`.
        df : str, optional
            As of `contrast`.

        Raises
        ------
        InputError, InputTypeError
            As `emmeans`.

        Examples
        --------
        >>> import ranef
        >>> cake = ranef.datasets.load("cake")
        >>> fit = ranef.lmm("angle ~ recipe * temperature + (1 | replicate:recipe)", cake)
        >>> tests = fit.joint_tests()
        >>> tests["term"].tolist(), tests["df1"].tolist(), tests["statistic"].round(3).tolist()
        (['recipe', 'temperature', 'recipe:temperature'], [2, 5, 10], [0.249, 20.52, 1.006])
        """
        from ..inference.emmeans.means import joint_tests

        return joint_tests(self._fit, self._terms, self._method(df), by, at)
