"""What a solution says of how well its parameters are known: each a line on a function of inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..contracts.errors import InputTypeError
from ..notes import tell
from .base import F, FittedModel

if TYPE_CHECKING:
    from ..inference.intervals import Coefficients, Intervals
    from ..inference.profile import Profile


class Estimated(FittedModel[F]):
    """Intervals of a fitted model."""

    def confint(
        self,
        which: str | Sequence[str] = "all",
        *,
        method: str = "wald",
        level: float = 0.95,
        kind: str = "percentile",
        **bootstrap: Any,
    ) -> Intervals:
        """Confidence intervals of all parameters.

        These are the fixed effects, standard deviations and correlations of the random effects, and sigma or the
        family's dispersion parameters.

        Parameters
        ----------
        which : {"all", "fixed", "random"} or list of str
            Which parameters: sets, or names as lme4's `confint` has them.
        method : {"wald", "profile", "boot"}
            Estimates and multiples of their standard errors, of standard deviations on the log scale and of
            correlations on that of Fisher's z; or values at which the deviance rises by no more than the quantile of
            chi-squared on one degree of freedom; or a bootstrap. Profiles of fits by REML are of the ML criterion.
        level : float, default 0.95
        kind : {"percentile", "basic", "normal", "bca", "studentized"}
            Of bootstrap intervals, see `Bootstrap.confint`; "bca" refits the model without each level, or row, as well.
        **bootstrap
            Arguments of `bootstrap`: ``nsim=1000``, ``rng=``, ``type="parametric"``, ``workers=`` ...

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
        from ..bootstrap.run import boot_intervals
        from ..inference.confint import confint

        if method == "boot":
            found = boot_intervals(self._fit, self._of, which, level, kind, bootstrap, self._frame)
            tell(found[1], found[0])
            return found[0]
        if bootstrap or kind != "percentile":
            names = ", ".join([*bootstrap, *["kind"] * (kind != "percentile")])
            raise InputTypeError(f"confint has {names} with method='boot' only")
        return replace(confint(self._fit, self._tested, which, method, level), frame=self._frame)

    def profile(self, which: str | Sequence[str] = "all", *, level: float = 0.99, progress: Any = None) -> Profile:
        """Profiles of the deviance: its least value at each value of a parameter.

        Parameters
        ----------
        which : {"all", "fixed", "random"} or list of str
            Which parameters, as in `confint`.
        level : float, default 0.99
            Of the intervals that the curves reach to.
        progress : bool or observers, optional
            As in `bootstrap`: a bar of the parameters that are done.

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
        from ..inference.profile import profile

        return replace(profile(self._fit, which, level, progress), frame=self._frame)

    @property
    def _tested(self) -> Coefficients:
        """The fixed effects with their tests."""
        from ..inference.intervals import Coefficients

        return Coefficients(self.coefficients, self.se, self._test)
