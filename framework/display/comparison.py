"""A comparison of two models as text and HTML, in the columns of R's `anova`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .markup import table_html
from .rformat import TextTable, print_table, wrapped
from .stars import stars
from .tables import InformationCriteria

TITLE = "Likelihood ratio test"
HEADERS = ("npar", "AIC", "BIC", "logLik", "-2logLik", "Chisq", "Df", "Pr(>Chisq)", "")


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


def render_comparison(
    smaller: ComparedModel,
    larger: ComparedModel,
    statistic: float,
    df: int,
    p_value: float,
    notes: Sequence[str] = (),
) -> str:
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
            npar   AIC   BIC logLik -2logLik  Chisq Df Pr(>Chisq)
    smaller    2 24.00 25.00 -10.00    20.00
    larger     3 20.00 22.00  -7.00    14.00 6.0000  1    0.01431 *
    """
    lines = [TITLE, f"smaller: {smaller.model}", f"larger:  {larger.model}", ""]
    lines += print_table(_cells(smaller, larger, statistic, df, p_value), right=True)
    lines += wrapped(notes)
    return "\n".join(line.rstrip() for line in lines)


def comparison_html(
    smaller: ComparedModel,
    larger: ComparedModel,
    statistic: float,
    df: int,
    p_value: float,
    notes: Sequence[str] = (),
) -> str:
    """The same as HTML."""
    models = "".join(
        f"<p>{name}: <code>{escape(model.model)}</code></p>"
        for name, model in (("smaller", smaller), ("larger", larger))
    )
    table = table_html(TITLE, _cells(smaller, larger, statistic, df, p_value))
    below = "".join(f"<p><small>{escape(note)}</small></p>" for note in notes)
    return f'<div class="ranef-comparison">{models}{table}{below}</div>'


def _cells(smaller: ComparedModel, larger: ComparedModel, statistic: float, df: int, p_value: float) -> TextTable:
    criteria = [
        (str(m.n_parameters), *(f"{x:.2f}" for x in (c.aic, c.bic, c.log_likelihood, c.deviance)))
        for m, c in ((smaller, smaller.criteria), (larger, larger.criteria))
    ]
    test = (f"{statistic:.4f}", str(df), f"{p_value:.4g}", stars(p_value))
    columns = [*zip(*criteria, strict=True), *(("", cell) for cell in test)]
    return TextTable(("smaller", "larger"), HEADERS, tuple(columns))
