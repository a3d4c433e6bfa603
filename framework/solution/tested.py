"""What a solution tests: contrasts and comparisons; each a line on a function of inference."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

from ..contracts.errors import ComparisonError
from ..inference.anova import Anova, anova
from ..inference.contrasts import Contrasts, contrasts
from ..inference.lrt import likelihood_ratio_test
from ..inference.methods import Method
from .base import F, FittedModel
from .comparison import LikelihoodRatioTest


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

        References
        ----------
        Kuznetsova, Brockhoff & Christensen (2017), doi 10.18637/jss.v082.i13.
        """
        return anova(self._fit, self._method(df), self._terms, type, test, terms)

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
