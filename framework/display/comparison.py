"""The text of a comparison of two models, in the columns of R's `anova`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .stars import stars
from .tables import InformationCriteria


@dataclass(frozen=True)
class ComparedModel:
    """One of two models that are compared.

    Parameters
    ----------
    model : str
        The model in the manner of a formula.
    n_parameters : int
        Number of its parameters.
    criteria : InformationCriteria
        Its log-likelihood, deviance and information criteria.
    """

    model: str
    n_parameters: int
    criteria: InformationCriteria


def render_comparison(smaller: ComparedModel, larger: ComparedModel, statistic: float, df: int, p_value: float) -> str:
    """The likelihood ratio test of two nested models as text.

    Examples
    --------
    >>> small = ComparedModel("y ~ 1", 2, InformationCriteria(24.0, 25.0, -10.0, 20.0, 18))
    >>> large = ComparedModel("y ~ x", 3, InformationCriteria(20.0, 22.0, -7.0, 14.0, 17))
    >>> print(render_comparison(small, large, 6.0, 1, 0.01431))
    Likelihood ratio test
    smaller: y ~ 1
    larger:  y ~ x
    <BLANKLINE>
             npar        AIC        BIC     logLik   -2logLik    Chisq  Df  Pr(>Chisq)
    smaller     2      24.00      25.00     -10.00      20.00
    larger      3      20.00      22.00      -7.00      14.00   6.0000   1  0.01431 *
    """
    return "\n".join(_lines(smaller, larger, f"{statistic:9.4f}{df:4d}  {p_value:.4g} {stars(p_value)}".rstrip()))


def _lines(smaller: ComparedModel, larger: ComparedModel, test: str) -> Iterator[str]:
    yield "Likelihood ratio test"
    yield f"smaller: {smaller.model}"
    yield f"larger:  {larger.model}"
    yield ""
    yield f"{'':8}{'npar':>5}{'AIC':>11}{'BIC':>11}{'logLik':>11}{'-2logLik':>11}{'Chisq':>9}{'Df':>4}  Pr(>Chisq)"
    yield _figures("smaller", smaller)
    yield _figures("larger", larger) + test


def _figures(name: str, model: ComparedModel) -> str:
    c = model.criteria
    return f"{name:8}{model.n_parameters:5d}{c.aic:11.2f}{c.bic:11.2f}{c.log_likelihood:11.2f}{c.deviance:11.2f}"
