"""What a solution says of explained variance: R2, intraclass correlations, parts; each a line on a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..contracts.arrays import FloatArray
from ..display.records import Table
from ..notes import tell
from .base import F, FittedModel

if TYPE_CHECKING:
    from ..inference.explained import R2

T = TypeVar("T", bound=Table)


class Explained(FittedModel[F]):
    """Explained variance of a fitted model."""

    def r2(
        self,
        partition: Any = None,
        *,
        null: str | float = "refit",
        approximation: str = "default",
        interval: str | None = None,
        level: float = 0.95,
        **bootstrap: Any,
    ) -> R2:
        """R2 of Nakagawa, Johnson & Schielzeth: marginal, conditional, and semi-partial ones of parts of X.

        The marginal one is the variance of X beta over the rows, as a part of the whole: fixed effects, random
        effects (the mean of z'T z, with slopes) and the variance of one observation, on the scale of the linear
        predictor. In the conditional one random effects are explained as well.

        Parameters
        ----------
        partition : "terms", list of str, or dict of name -> list of str, optional
            Terms of the formula or columns of X, or sets of them, which may overlap. Each is left out and the model
            refitted; a term is left out together with the interactions that it is in.
        null : {"refit", "model"} or float, default "refit"
            Mean of the response at which the family's variance is taken: that of a refit with the intercept alone, that
            of the model itself, or a number. Linear models and the latent variance of a link depend on none.
        approximation : {"default", "theoretical", "lognormal", "delta", "trigamma"}
            Variance of one observation: the link's latent one (binary responses), that of a log-normal or of the log of
            a gamma variable with the same mean and variance (log link), or by the delta method. "default" is the first
            of "theoretical", "lognormal" and "delta" that there is.
        interval : {None, "boot"}
            Percentile limits by a bootstrap, in which each refit has its own null model.
        level : float, default 0.95
            Of these.
        **bootstrap
            Arguments of `bootstrap`: ``nsim=1000``, ``rng=``, ``type="parametric"``, ``workers=`` ...

        Returns
        -------
        R2
            A table with columns ``part``, ``marginal`` and ``conditional``, and these of the model as attributes; with
            limits ``marginal_lower``, ``marginal_upper`` ... besides.

        Raises
        ------
        InputError, InputTypeError
            For parts, null models or approximations that there are not, and for fits without rows.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
        >>> fit.r2()
        R2 of Nakagawa, Johnson & Schielzeth
              marginal conditional
        model   0.2787      0.7992

        References
        ----------
        Nakagawa, Johnson & Schielzeth (2017), doi 10.1098/rsif.2017.0213; Johnson (2014), doi
        10.1111/2041-210X.12225; Stoffel, Nakagawa & Schielzeth (2021), doi 10.7717/peerj.11414.
        """
        from ..inference.explained import r2

        found = r2(self._fit, self._terms, partition, null, approximation)
        again = partial(_r2, partition=partition, null=null, approximation=approximation)
        return self._with_limits(found, again, interval, level, bootstrap)

    def icc_table(
        self,
        *,
        null: str | float = "refit",
        approximation: str = "default",
        interval: str | None = None,
        level: float = 0.95,
        **bootstrap: Any,
    ) -> Table:
        """Intraclass correlations by factor, and of all together: adjusted for the fixed effects, and not.

        Variance of a factor's random effects, slopes included (the mean of z'T z over the rows), as a part of all
        random and observation-level variance, or of that and the variance of X beta. `icc` is of the intercept alone.

        Parameters
        ----------
        null, approximation, interval, level, **bootstrap
            As in `r2`.

        Returns
        -------
        Table
            With columns ``factor``, ``variance``, ``adjusted``, ``conditional``, and limits of the last two.

        Raises
        ------
        InputError, InputTypeError
            As `r2`.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
        >>> fit.icc_table()["adjusted"].round(4).tolist()
        [0.7217]

        References
        ----------
        Nakagawa, Johnson & Schielzeth (2017), doi 10.1098/rsif.2017.0213.
        """
        from ..inference.explained import icc_table

        found = icc_table(self._fit, null, approximation, self._frame)
        again = partial(_icc, null=null, approximation=approximation)
        return self._with_limits(found, again, interval, level, bootstrap)

    def variance_parts(
        self, by: str | None = None, *, null: str | float = "refit", approximation: str = "default"
    ) -> Table:
        """Decomposition of the variance: fixed effects, random slopes, random intercepts, residual.

        Parameters
        ----------
        by : str, optional
            Factor within and between whose levels the fixed effects are split; by default the only one.
        null, approximation
            As in `r2`.

        Returns
        -------
        Table
            With columns ``source``, ``factor``, ``variance`` and ``share``, which adds up to 1. With m and S the mean
            and covariance matrix of a factor's columns of Z, slopes have tr(T S) and intercepts m'T m.

        Raises
        ------
        InputError, InputTypeError
            For factors that the model does not have, and as `r2`.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
        >>> fit.variance_parts()["share"].round(3).tolist()
        [0.279, 0.0, 0.089, 0.432, 0.201]

        References
        ----------
        Rights & Sterba (2019), doi 10.1037/met0000184.
        """
        from ..inference.explained import variance_parts

        return variance_parts(self._fit, by, null, approximation, self._frame)

    def _with_limits(
        self, found: T, again: Callable[[Any], FloatArray], interval: Any, level: Any, options: Mapping[str, Any]
    ) -> T:
        """The table with limits of its columns from a bootstrap, where these are asked for."""
        from ..bootstrap.beside import with_limits

        table, messages = with_limits(found, self._fit, self._of, again, interval, level, options)
        tell(messages, table)
        return table


def _r2(solution: Explained[Any], partition: Any, null: Any, approximation: Any) -> FloatArray:
    """Marginal R2, then conditional ones, for replicates: in the order of columns."""
    from ..inference.explained import r2

    table = r2(solution._fit, solution._terms, partition, null, approximation)
    return np.concatenate([table["marginal"], table["conditional"]])


def _icc(solution: Explained[Any], null: Any, approximation: Any) -> FloatArray:
    """Adjusted ones, then conditional ones."""
    from ..inference.explained import icc_table

    table = icc_table(solution._fit, null, approximation, "")
    return np.concatenate([table["adjusted"], table["conditional"]])
