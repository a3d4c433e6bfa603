"""What a solution tests: contrasts and comparisons; each a line on a function of inference."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np

from ..contracts.errors import ComparisonError
from ..display.records import Table
from .base import F, FittedModel
from .comparing import anova as anova_of_fits
from .comparison import LikelihoodRatioTest

if TYPE_CHECKING:
    from ..inference.anova import Anova
    from ..inference.comparison import Comparison
    from ..inference.contrasts import Contrasts
    from ..inference.exact_lrt import ExactTest
    from ..inference.methods import Method


class Tested(FittedModel[F]):
    """Tests of a fitted model."""

    def contrast(
        self, L: Any, df: str | None = None, *, rhs: Any = None, level: float | None = None, joint: bool = False
    ) -> Contrasts:
        """Linear combinations L beta of the coefficients, with tests and intervals.

        Parameters
        ----------
        L : array, dict, str, or list or dict of these
            Weights of all p coefficients, (p,) or (c, p); a dict of coefficient and weight; or a text such as
            ``"trtB - trtA = 0"``. A list of dicts and texts has a row for each, a dict of label and row names them.
            The name of a term of the formula, ``"trt"``, which is not that of a coefficient, is what `anova` of type
            III tests: all rows of it, and together.
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

        A term of a formula:

        >>> fit = ranef.lmm("angle ~ recipe + temp + (1 | recipe:replicate)", ranef.datasets.load("cake"))
        >>> print(fit.contrast("recipe").joint)
        F(2, 42) = 0.2488, p = 0.7809

        References
        ----------
        Kenward & Roger (1997), doi 10.2307/2533558; Kuznetsova, Brockhoff & Christensen (2017), doi
        10.18637/jss.v082.i13.
        """
        from ..inference.contrasts import contrasts

        level = self._conf_level if level is None else level
        method, frame, terms = self._method(df), self._frame, self._terms
        return contrasts(self._fit, method, L, rhs, level=level, joint=joint, frame=frame, terms=terms)

    def anova(
        self,
        type: int = 3,  # noqa: A002 (R's name of it)
        df: str | None = None,
        *,
        test: str = "Wald",
        terms: Any = None,
    ) -> Anova:
        """Analysis of variance table: a joint test of every term of the fixed effects.

        Parameters
        ----------
        type : {1, 2, 3}
            Each term after those before it; after all that it is not marginal to; or averaged over what contains it,
            with equal weights, whatever the contrasts of factors are.
        df : {"satterthwaite", "kenward-roger", "residual", "asymptotic"}, optional
            As in `contrast`: F for linear models, Wald's chi-squared for generalized ones and for "asymptotic".
        test : {"Wald", "LRT"}
            "LRT" refits the model by maximum likelihood without each term.
        terms : dict of name -> names of columns of X, optional
            The terms of a fit to arrays, in order; ``"a:b"`` is the interaction of ``"a"`` and ``"b"``.

        Returns
        -------
        Anova
            A table with a row for each term; `hypotheses` has the rows L of each.

        Raises
        ------
        InputError, InputTypeError
            For fits to arrays without `terms`, and for methods that this fit does not have; with what would work.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("angle ~ recipe * temp + (1 | recipe:replicate)", ranef.datasets.load("cake"))
        >>> fit.anova()
        Type III Analysis of Variance Table with Satterthwaite's method
                      Sum Sq   Mean Sq NumDF DenDF F value Pr(>F)
        recipe         3.997    1.9983     2   254   0.096  0.909
        temp        1966.705 1966.7051     1   222  94.163 <2e-16 ***
        recipe:temp    1.742    0.8708     2   222   0.042  0.959
        ---
        Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1
        recipe is tested where temp is zero: they interact

        References
        ----------
        Kuznetsova, Brockhoff & Christensen (2017), doi 10.18637/jss.v082.i13.
        """
        from ..inference.anova import anova

        return anova(self._fit, self._method(df), self._terms, type, test, terms)

    def drop1(self, test: str = "LRT", df: str | None = None, *, terms: Any = None) -> Table:
        """Single terms of the fixed effects left out, those that no other term is an interaction of.

        Parameters
        ----------
        test : {"LRT", "F"}
            Likelihood ratios of refits by maximum likelihood; or, for linear models, F tests that refit nothing.
        df : str, optional
            Degrees of freedom of F, as in `contrast`.
        terms : dict of name -> names of columns of X, optional
            The terms of a fit to arrays, as in `anova`.

        Returns
        -------
        Table
            With a row for each term: ``term``, ``df``, ``aic``, ``statistic``, ``p_value``; of F as in `anova`.

        Raises
        ------
        InputError, InputTypeError
            For fits to arrays without `terms`, fits without rows, or tests that this fit does not have.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("angle ~ recipe + temp + (1 | recipe:replicate)", ranef.datasets.load("cake"))
        >>> fit.drop1()["statistic"].round(3).tolist()
        [nan, 0.53, 79.531]
        """
        from ..inference.deletions import drop1

        return drop1(self._fit, self._method(df), self._terms, test, terms)

    def ranova(self, *, reduce: bool = True) -> Table:
        """Likelihood ratio tests of the random effects: each term left out or reduced, and the model refitted.

        Parameters
        ----------
        reduce : bool, default True
            Take slopes out of correlated terms one by one; False leaves out whole terms.

        Returns
        -------
        Table
            With columns ``term``, ``npar``, ``log_likelihood``, ``aic``, ``statistic``, ``df``, ``p_value`` by
            chi-squared, which is too large for a variance at zero, and ``p_mixture`` by the mixture that is right
            there for many levels. The likelihood is that of the fit, REML or ML.

        Raises
        ------
        InputError, InputTypeError
            For fits without rows, or with nagq=0.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Reaction ~ Days + (Days | Subject)", ranef.datasets.load("sleepstudy"))
        >>> table = fit.ranova()
        >>> table["term"].tolist(), table["statistic"].round(3).tolist(), table["df"].tolist()
        (['<none>', 'Days in (1 + Days | Subject)'], [nan, 42.837], [nan, 2.0])

        References
        ----------
        Stram & Lee (1994), doi 10.2307/2533455.
        """
        from ..inference.variance_tests import ranova

        return ranova(self._fit, self._terms, reduce=reduce, frame=self._frame)

    def exact_lrt(self, nsim: int = 10_000, rng: np.random.Generator | int | None = None) -> ExactTest:
        """Exact likelihood ratio test of the only variance of a linear model, restricted for fits by REML.

        Parameters
        ----------
        nsim : int, default 10,000
            Draws of the distribution of the statistic where the variance is zero.
        rng : numpy.random.Generator or int
            The generator, or a seed.

        Returns
        -------
        ExactTest
            A table of one row; `simulated` has the draws.

        Raises
        ------
        InputError, InputTypeError
            For generalized models, more than one variance, or more than 3,000 levels.

        Examples
        --------
        >>> import ranef
        >>> fit = ranef.lmm("Yield ~ 1 + (1 | Batch)", ranef.datasets.load("dyestuff"))
        >>> test = fit.exact_lrt(rng=1)
        >>> round(float(test["statistic"][0]), 3), bool(test["p_value"][0] < 0.02)
        (6.369, True)

        References
        ----------
        Crainiceanu & Ruppert (2004), doi 10.1111/j.1467-9868.2004.00438.x.
        """
        from ..inference.exact_lrt import exact_lrt

        return exact_lrt(self._fit, nsim, rng, frame=self._frame)

    @abstractmethod
    def _method(self, df: Any) -> Method:
        """The way of testing contrasts that `df` names, None for that of the coefficients' table."""

    @overload
    def compare(self, other: Self) -> LikelihoodRatioTest: ...

    @overload
    def compare(self, other: Self, another: Self, /, *others: Self) -> Comparison: ...

    def compare(self, other: Self, *others: Self) -> LikelihoodRatioTest | Comparison:
        """Likelihood ratio test against a nested (or a larger) model, as text that carries its figures.

        With several others the table of `ranef.anova`, in which nothing is refitted.

        Raises
        ------
        ComparisonError
            Where the models are of different kinds, families or links, are not fitted to the same data, were fitted by
            REML with different fixed effects, mix REML and ML, or are not nested; the message says which.
        """
        from ..inference.lrt import likelihood_ratio_test

        for one in (other, *others):
            if type(self) is not type(one):
                raise ComparisonError(
                    f"compare needs two fits of one kind; got {type(self).__name__} and {type(one).__name__}"
                )
        if others:
            return anova_of_fits(self, other, *others, refit=False)
        record = likelihood_ratio_test(self._fit, other._fit, (self.model, other.model))
        return LikelihoodRatioTest(replace(record, frame=self._frame))
