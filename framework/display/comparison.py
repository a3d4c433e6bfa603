"""A comparison of two models as text and HTML, in the columns of R's `anova`."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Comparison:
    """The likelihood ratio test of two nested models.

    Parameters
    ----------
    smaller, larger : ComparedModel
    statistic : float
    df : int
    p_value : float
    notes : tuple of str
        Where the p-value is not right.

    Examples
    --------
    >>> small = ComparedModel("y ~ 1", 2, InformationCriteria(24.0, 25.0, -10.0, 20.0, 18))
    >>> large = ComparedModel("y ~ x", 3, InformationCriteria(20.0, 22.0, -7.0, 14.0, 17))
    >>> print(Comparison(small, large, 6.0, 1, 0.01431))
    Likelihood ratio test
    smaller: y ~ 1
    larger:  y ~ x
    <BLANKLINE>
            npar   AIC   BIC logLik -2logLik  Chisq Df Pr(>Chisq)
    smaller    2 24.00 25.00 -10.00    20.00
    larger     3 20.00 22.00  -7.00    14.00 6.0000  1    0.01431 *
    """

    smaller: ComparedModel
    larger: ComparedModel
    statistic: float
    df: int
    p_value: float
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The test as a table."""
        lines = [TITLE, f"smaller: {self.smaller.model}", f"larger:  {self.larger.model}", ""]
        lines += print_table(_cells(self), right=True)
        lines += wrapped(self.notes)
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        models = "".join(
            f"<p>{name}: <code>{escape(model.model)}</code></p>"
            for name, model in (("smaller", self.smaller), ("larger", self.larger))
        )
        below = "".join(f"<p><small>{escape(note)}</small></p>" for note in self.notes)
        return f'<div class="ranef-comparison">{models}{table_html(TITLE, _cells(self))}{below}</div>'


def _cells(test: Comparison) -> TextTable:
    criteria = [
        (str(m.n_parameters), *(f"{x:.2f}" for x in (c.aic, c.bic, c.log_likelihood, c.deviance)))
        for m, c in ((test.smaller, test.smaller.criteria), (test.larger, test.larger.criteria))
    ]
    cells = (f"{test.statistic:.4f}", str(test.df), f"{test.p_value:.4g}", stars(test.p_value))
    columns = [*zip(*criteria, strict=True), *(("", cell) for cell in cells)]
    return TextTable(("smaller", "larger"), HEADERS, tuple(columns))
