"""The text of `summary()`, laid out as lmerTest's ``summary(lmer(...))`` and lme4's ``summary(glmer(...))``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np

from ..contracts.arrays import FloatArray
from .records import Table
from .rformat import (
    LINE_WIDTH,
    TextTable,
    abbreviate,
    format_numbers,
    print_table,
    print_vector,
    round_numbers,
    wrapped,
    zap_small,
)
from .stars import LEGEND
from .tables import CoefficientTable, InformationCriteria, SummaryData, VarCompSummary

#: Significant digits of estimates.
DIGITS = 4
#: The correlations of more fixed effects than these are left out, as lme4 does (``lme4.summary.cor.max``).
MAX_CORRELATED = 12

RESIDUAL_HEADERS = ("Min", "1Q", "Median", "3Q", "Max")


def render_text(data: SummaryData) -> str:
    """The summary as text.

    Parameters
    ----------
    data : SummaryData
        The numbers of a fit.

    Examples
    --------
    >>> import numpy as np
    >>> from ranef.display.tables import CoefficientTable, SummaryData, VarCompSummary
    >>> data = SummaryData(
    ...     title=lmm_title(reml=True),
    ...     model="Yield ~ (Intercept) + (1 | Batch)",
    ...     criterion=319.6543,
    ...     residual_quantiles=np.array([-1.4117, -0.7634, 0.1418, 0.7792, 1.8296]),
    ...     var_components=(VarCompSummary("Batch", "(Intercept)", 1764.05, 42.0006),
    ...                     VarCompSummary("Residual", "", 2451.25, 49.5101)),
    ...     n_obs=30,
    ...     n_groups=(("Batch", 6),),
    ...     coefficients=CoefficientTable(("(Intercept)",), np.array([1527.5]), np.array([19.3834]),
    ...                                   np.array([78.8045]), np.array([5.0]), np.array([6.23e-9])),
    ... )
    >>> print(render_text(data))
    Linear mixed model fit by REML. t-tests use Satterthwaite's method
    Model: Yield ~ (Intercept) + (1 | Batch)
    <BLANKLINE>
    REML criterion at convergence: 319.7
    <BLANKLINE>
    Scaled residuals:
        Min      1Q  Median      3Q     Max
    -1.4117 -0.7634  0.1418  0.7792  1.8296
    <BLANKLINE>
    Random effects:
     Groups   Name        Variance Std.Dev.
     Batch    (Intercept) 1764     42.00
     Residual             2451     49.51
    Number of obs: 30, groups:  Batch, 6
    <BLANKLINE>
    Fixed effects:
                Estimate Std. Error      df t value Pr(>|t|)
    (Intercept)  1527.50      19.38    5.00    78.8 6.23e-09 ***
    ---
    Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1
    """
    return "\n".join(_lines(data))


def _lines(data: SummaryData) -> Iterator[str]:
    yield from textwrap.wrap(data.title, LINE_WIDTH, subsequent_indent="  ")
    if data.family:
        yield f" Family: {data.family}  ( {data.link} )"
    yield f"Model: {data.model}"
    yield from data.details
    yield ""
    yield from _criterion_lines(data.criterion)
    yield ""
    if not np.isnan(data.residual_quantiles).all():
        yield "Scaled residuals: "
        yield from print_vector(RESIDUAL_HEADERS, residual_cells(data.residual_quantiles))
        yield ""
    yield "Random effects:" if data.n_groups else "Residuals:"
    yield from print_table(random_effects_table(data.var_components))
    yield from _group_lines(data)
    for section in data.residual:
        yield ""
        yield section.title
        yield from section.lines
        yield from print_vector(section.names, format_numbers(section.values, DIGITS))
    if data.dispersion is not None:
        yield ""
        yield "Dispersion parameters:"
        yield from print_table(dispersion_table(data.dispersion), right=True)
    if data.coefficients.names:
        yield ""
        yield "Fixed effects:"
        yield from _coefficient_lines(data.coefficients)
    if data.smooths is not None:
        yield ""
        yield from str(data.smooths).splitlines()
    if data.thresholds is not None:
        yield ""
        yield f"{data.thresholds_title}:"
        yield from print_table(coefficient_table(data.thresholds), right=True)
    yield from _correlation_lines(data)
    for title, table in data.models:
        yield ""
        yield f"{title}:"
        yield from _coefficient_lines(table)
    if data.notes:
        yield ""
        yield from wrapped(data.notes)


# Titles ------------------------------------------------------------------------------------------------------------


def lmm_title(reml: bool, satterthwaite: bool = True) -> str:
    """The method of a linear mixed model in words.

    Examples
    --------
    >>> lmm_title(reml=False, satterthwaite=False)
    'Linear mixed model fit by maximum likelihood. t-tests use residual degrees of freedom'
    """
    criterion = "REML" if reml else "maximum likelihood"
    df = "Satterthwaite's method" if satterthwaite else "residual degrees of freedom"
    return f"Linear mixed model fit by {criterion}. t-tests use {df}"


def glmm_title(nagq: int) -> str:
    """The method of a generalized linear mixed model in words.

    Examples
    --------
    >>> glmm_title(nagq=1)
    'Generalized linear mixed model fit by maximum likelihood (Laplace Approximation)'
    """
    method = "Laplace Approximation" if nagq == 1 else f"Adaptive Gauss-Hermite Quadrature, nAGQ = {nagq}"
    return f"Generalized linear mixed model fit by maximum likelihood ({method})"


# Cells, for text and HTML -----------------------------------------------------------------------------------------


def criterion_cells(criterion: InformationCriteria) -> dict[str, str]:
    """Text of the information criteria by header."""
    numbers = (criterion.aic, criterion.bic, criterion.log_likelihood, criterion.deviance, criterion.df_residual)
    *cells, _ = format_numbers(round_numbers(numbers, 1))
    headers = ("AIC", "BIC", "logLik", "deviance", "df.resid")
    return dict(zip(headers, (*cells, str(criterion.df_residual)), strict=True))


def reml_cell(criterion: float) -> str:
    """Text of the REML criterion at convergence."""
    return format_numbers(round_numbers([criterion], 1))[0]


def residual_cells(quantiles: FloatArray) -> list[str]:
    """Text of the quantiles of the scaled residuals."""
    return format_numbers(zap_small(quantiles.tolist(), DIGITS + 1), DIGITS)


def random_effects_table(components: Sequence[VarCompSummary]) -> TextTable:
    """Variances, standard deviations and correlations of the random effects."""
    previous = ("", *(c.group for c in components))
    columns = [
        ["" if c.group == before else c.group for c, before in zip(components, previous, strict=False)],
        [c.name for c in components],
        format_numbers([c.variance for c in components], DIGITS),
        format_numbers([c.std_dev for c in components], DIGITS),
    ]
    headers = ["Groups", "Name", "Variance", "Std.Dev."]
    correlations = _correlation_cells(components)
    for j in range(max(len(row) for row in correlations)):
        columns.append([row[j] if j < len(row) else "" for row in correlations])
        headers.append("" if j else "Corr")
    return TextTable(("",) * len(components), tuple(headers), tuple(tuple(column) for column in columns))


def _correlation_cells(components: Sequence[VarCompSummary]) -> list[list[str]]:
    """Correlations with two decimals, of one width within a term; those of a covariance structure with its name."""
    starts = [i for i, c in enumerate(components) if not c.corr or c.structure]
    rows: list[list[str]] = []
    for start, stop in zip(starts, [*starts[1:], len(components)], strict=True):
        term = components[start:stop]
        # 1, the diagonal: R makes room for it too.
        cells = format_numbers(round_numbers([1.0, *(r for c in term for r in c.corr)], 2), nsmall=2)[1:]
        for c in term:
            own, cells = cells[: len(c.corr)], cells[len(c.corr) :]
            rows.append([*own[:-1], f"{' '.join(own[-1:])} ({c.structure})".lstrip()] if c.structure else own)
    return rows


def coefficient_record(table: CoefficientTable) -> Table:
    """Estimates, standard errors, degrees of freedom, statistics and p-values: what there is of them."""
    columns = {
        "name": table.names,
        "estimate": table.estimate,
        "se": table.std_error,
        "df": table.df,
        "statistic": table.statistic,
        "p_value": table.p_value,
    }
    headers = {"statistic": table.statistic_header, "p_value": table.p_header}
    return Table({name: column for name, column in columns.items() if column is not None}, headers=headers)


def coefficient_table(table: CoefficientTable) -> TextTable:
    """The text of `coefficient_record`, all rows, with stars."""
    return coefficient_record(table).cells(rows=None)


def dispersion_table(table: CoefficientTable) -> TextTable:
    """Estimates and standard errors of dispersion parameters."""
    columns = (format_numbers(table.estimate, DIGITS), format_numbers(table.std_error, DIGITS))
    return TextTable(table.names, ("Estimate", "Std. Error"), tuple(tuple(column) for column in columns))


def correlation_table(names: Sequence[str], correlation: FloatArray) -> TextTable:
    """The lower triangle of the correlation matrix of the fixed effects, with short names."""
    p = len(names)
    cells = np.reshape(format_numbers(round_numbers(correlation.ravel(), 3), nsmall=3), (p, p))
    lower = np.where(np.tri(p, k=-1, dtype=bool), cells, "")[1:, :-1]
    return TextTable(
        tuple(abbreviate(names, 11)[1:]),
        tuple(abbreviate(names, 6)[:-1]),
        tuple(tuple(column.tolist()) for column in lower.T),
    )


def shows_correlation(data: SummaryData) -> bool:
    """Whether there are correlations of fixed effects to show, and not too many."""
    return data.correlation is not None and 1 < len(data.coefficients.names) <= MAX_CORRELATED


# Lines -------------------------------------------------------------------------------------------------------------


def _criterion_lines(criterion: float | InformationCriteria) -> Iterator[str]:
    if isinstance(criterion, InformationCriteria):
        cells = criterion_cells(criterion)
        yield from print_vector(list(cells), list(cells.values()))
    else:
        yield f"REML criterion at convergence: {reml_cell(criterion)}"


def _group_lines(data: SummaryData) -> Iterator[str]:
    if not data.n_groups:
        yield f"Number of obs: {data.n_obs}"
        return
    counts = f"Number of obs: {data.n_obs}, groups: "
    groups = "; ".join(f"{name}, {levels}" for name, levels in data.n_groups)
    if len(counts) + 1 + len(groups) < LINE_WIDTH:
        yield f"{counts} {groups}"
    else:
        yield f"{counts} "
        yield groups


def _coefficient_lines(coefficients: CoefficientTable) -> Iterator[str]:
    table = coefficient_table(coefficients)
    yield from print_table(table, right=True)
    if table.headers[-1] == "":
        yield "---"
        yield LEGEND


def _correlation_lines(data: SummaryData) -> Iterator[str]:
    if data.correlation is not None and shows_correlation(data):
        yield ""
        yield "Correlation of Fixed Effects:"
        yield from print_table(correlation_table(data.coefficients.names, data.correlation))
    elif data.correlation is not None and len(data.coefficients.names) > MAX_CORRELATED:
        yield ""
        yield f"Correlation of Fixed Effects: not shown for more than {MAX_CORRELATED}; `vcov` has their covariances."
