"""What a solution says of its own faults: each a line on a function of diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..contracts.arrays import FloatArray
from ..display.records import Table
from .base import F, FittedModel, _frozen

if TYPE_CHECKING:
    from ..diagnostics.findings import Findings
    from ..diagnostics.influence import Influence
    from ..diagnostics.simulated import SimulatedResiduals


class Diagnosed(FittedModel[F]):
    """Diagnostics of a fitted model."""

    def residuals_of(
        self,
        kind: str,
        rng: np.random.Generator | int | None = None,
        *,
        about: str = "conditional",
        standardized: bool = False,
    ) -> FloatArray:
        """Residuals of one kind, (n,).

        Parameters
        ----------
        kind : {"response", "pearson", "deviance", "working", "quantile", "normalized"}
            Pearson residuals are over the standard deviation (without sigma and multiplicative dispersions, as R's);
            quantile residuals are standard normal if the model is right (Dunn & Smyth 1996, doi
            10.1080/10618600.1996.10474708). Normalized ones, of linear models, are independent and of variance 1 where
            residuals have a covariance structure: multiplied with the inverse of its Cholesky factor, in order of time.
        rng : numpy.random.Generator or int
            For quantile residuals of discrete responses, which are randomized.
        about : {"conditional", "marginal"}
            Given the random effects, or about the mean over them. Generalized models have marginal response residuals.
        standardized : bool
            Over their own standard deviations, which leverage makes smaller: Pearson and deviance residuals.

        Raises
        ------
        InputError, InputTypeError
            For kinds that are unknown or that this model does not have.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> fit.residuals_of("pearson", standardized=True)[:3].round(3).tolist()
        [0.775, -1.544, -1.544]
        """
        from ..diagnostics.residuals import residuals

        undetermined = np.isnan(self._determined(lambda fit: fit.linear_predictor, self._scale))
        of_kind = residuals(self._fit, kind, rng, about=about, standardized=standardized)
        return _frozen(np.where(undetermined, np.nan, of_kind))

    def hat_values(self) -> FloatArray:
        """Leverages (n,): the diagonal of the matrix that takes responses to fitted values, theta given.

        Their sum is the effective number of degrees of freedom. Of generalized models those of the working response.

        Raises
        ------
        InputError
            For a fit without rows.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> round(float(fit.hat_values().sum()), 3)
        4.913

        References
        ----------
        Hodges & Sargent (2001), doi 10.1093/biomet/88.2.367.
        """
        from ..diagnostics.leverage import hat_values

        return _frozen(self._determined(hat_values, 1.0))

    def influence(self, by: Any = None, *, refit: bool = False) -> Influence:
        """Cook's distances, DFBETAS and COVRATIO: what the fit would be without each row, or level.

        Exact given the variance parameters for linear models, one Newton step for generalized ones.

        Parameters
        ----------
        by : str or (n,) array, optional
            A grouping factor whose levels are left out, or the label of each row; each row by default.
        refit : bool
            Fit the model without each case instead: as many fits as there are cases.

        Returns
        -------
        Influence
            A table with a row for each case; `largest` has those that matter most.

        Raises
        ------
        InputError, InputTypeError
            For cases that there are not, or a fit without rows.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("sleepstudy")
        >>> X = np.column_stack([np.ones(180), d["Days"]])
        >>> fit = ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, x_names=["(Intercept)", "Days"])
        >>> fit.influence("Subject").largest(2)["Subject"].tolist()
        ['335', '308']

        References
        ----------
        Belsley, Kuh & Welsch (1980), doi 10.1002/0471725153; Christensen, Pearson & Johnson (1992), doi
        10.2307/1269550.
        """
        from ..diagnostics.influence import influence

        return influence(self._fit, by, refit=refit, frame=self._frame)

    def simulated_residuals(
        self, nsim: int = 250, rng: np.random.Generator | int | None = None, *, random: str = "new", by: Any = None
    ) -> SimulatedResiduals:
        """Quantile residuals by simulation, uniform on (0, 1) if the model is right, whatever its family.

        Parameters
        ----------
        nsim : int, default 250
            Number of simulated responses.
        rng : numpy.random.Generator or int
            The generator, or a seed. It breaks ties of discrete responses, too.
        random : {"new", "conditional"}
            Draw random effects too; or take the conditional modes, which follow the data, so that residuals are a
            little too small.
        by : str or (n,) array, optional
            A grouping factor, or labels of the rows: residuals of the sums of its levels.

        Returns
        -------
        SimulatedResiduals
            A table; `tests()` are of uniformity, dispersion, outliers and zeros, `test_groups` and `test_against` of
            differences between groups and along a variable.

        Raises
        ------
        InputError, InputTypeError
            For arguments that cannot be used, or a fit without rows.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("cbpp")
        >>> X = np.column_stack([np.ones(56), *(d["period"] == p for p in "234")])
        >>> fit = ranef.glmm(d["incidence"] / d["size"], X, {"herd": d["herd"]}, weights=d["size"])
        >>> fit.simulated_residuals(rng=1).tests()["test"].tolist()
        ['uniformity', 'dispersion', 'outliers', 'zeros']

        References
        ----------
        Dunn & Smyth (1996), doi 10.1080/10618600.1996.10474708.
        """
        from ..diagnostics.simulated import simulated_residuals

        return simulated_residuals(self._fit, nsim, rng, random=random, by=by, terms=self._terms, frame=self._frame)

    def vif(self) -> Table:
        """Generalized variance inflation factors of the fixed terms; of fits to arrays, of X's columns.

        Raises
        ------
        InputError
            Where there are fewer than two terms beside the intercept.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("sleepstudy")
        >>> days = d["Days"]
        >>> X = np.column_stack([np.ones(180), days, days**2])
        >>> fit = ranef.lmm(d["Reaction"], X, {"Subject": d["Subject"]}, x_names=["(Intercept)", "Days", "Days^2"])
        >>> fit.vif()["gvif"].round(2).tolist()
        [13.66, 13.66]

        References
        ----------
        Fox & Monette (1992), doi 10.1080/01621459.1992.10475190.
        """
        from ..diagnostics.collinearity import vif

        return vif(self._fit, self.vcov, self._columns_of_terms, self._frame)

    def ranef_pca(self) -> Table:
        """Principal components of the random effects by factor: how many dimensions they have.

        Columns are ``factor``, ``component``, ``sd``, ``share`` and ``cumulative`` of the variance, and the loadings.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> fit.ranef_pca()["sd"].round(2).tolist()
        [42.0]

        References
        ----------
        Bates, Kliegl, Vasishth & Baayen (2015), arXiv 1506.04967.
        """
        from ..diagnostics.collinearity import ranef_pca

        return ranef_pca(self._fit, self._frame)

    def check(self, nsim: int = 250, rng: np.random.Generator | int | None = None) -> Findings:
        """Look at everything that can be looked at; findings in sentences, worst first, each with what to do.

        Parameters
        ----------
        nsim : int, default 250
            Number of simulated responses.
        rng : numpy.random.Generator or int
            The generator, or a seed.

        Raises
        ------
        InputError, InputTypeError
            For a number of simulations or a generator that cannot be used.

        Examples
        --------
        >>> import numpy as np, ranef
        >>> d = ranef.datasets.load("dyestuff")
        >>> fit = ranef.lmm(d["Yield"], np.ones((30, 1)), {"Batch": d["Batch"]})
        >>> fit.check(rng=1).ok
        True
        """
        from ..diagnostics.check import Checked, check
        from ..prediction.simulate import checked_count, checked_rng

        nsim, rng = checked_count(nsim), checked_rng(rng)
        checked = Checked(self._fit, self.vcov, self._terms, self._columns_of_terms, nsim, rng)
        return check(checked, self._frame)

    @property
    def _columns_of_terms(self) -> dict[str, list[int]] | None:
        if self._terms is None:
            return None
        return {term.name: [self.names.index(c) for c in term.columns] for term in self._terms.fixed.values()}
