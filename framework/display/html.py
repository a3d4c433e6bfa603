"""The summary as HTML for notebooks: the numbers of `summary`, in tables that a screen reader can follow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from .markup import table_html
from .rformat import TextTable, format_numbers
from .stars import LEGEND
from .summary import (
    DIGITS,
    RESIDUAL_HEADERS,
    coefficient_table,
    correlation_table,
    criterion_cells,
    dispersion_table,
    random_effects_table,
    reml_cell,
    residual_cells,
    shows_correlation,
)
from .tables import InformationCriteria, SummaryData


def render_html(data: SummaryData) -> str:
    """The summary as an HTML fragment without scripts, styles or other assets.

    Parameters
    ----------
    data : SummaryData
        The numbers of a fit.

    Returns
    -------
    str
        A ``<div>`` of headed tables; all text from the user is escaped.
    """
    return "\n".join(('<div class="ranef-summary">', *_parts(data), "</div>"))


def _parts(data: SummaryData) -> Iterator[str]:
    yield f"<p><strong>{escape(data.title)}</strong></p>"
    if data.family:
        yield f"<p>Family: {escape(data.family)} ({escape(data.link)})</p>"
    yield f"<p>Model: <code>{escape(data.model)}</code></p>"
    yield from (f"<p>{escape(line)}</p>" for line in data.details)
    if isinstance(data.criterion, InformationCriteria):
        cells = criterion_cells(data.criterion)
        yield _row("Information criteria", list(cells), list(cells.values()))
    else:
        yield f"<p>REML criterion at convergence: {reml_cell(data.criterion)}</p>"
    if not np.isnan(data.residual_quantiles).all():
        yield _row("Scaled residuals", RESIDUAL_HEADERS, residual_cells(data.residual_quantiles))
    yield table_html("Random effects", random_effects_table(data.var_components))
    groups = "; ".join(f"{name}, {levels}" for name, levels in data.n_groups)
    yield f"<p>Number of obs: {data.n_obs}, groups: {escape(groups)}</p>"
    for section in data.residual:
        caption = "".join([section.title, *section.lines]).rstrip(":")
        yield _row(caption, section.names, format_numbers(section.values, DIGITS))
    if data.dispersion is not None:
        yield table_html("Dispersion parameters", dispersion_table(data.dispersion))
    if data.coefficients.names:
        fixed = coefficient_table(data.coefficients)
        yield table_html("Fixed effects", fixed)
        if fixed.headers[-1] == "":
            yield f"<p><small>{escape(LEGEND)}</small></p>"
    if data.smooths is not None:
        yield data.smooths._repr_html_()
    if data.thresholds is not None:
        yield table_html(data.thresholds_title, coefficient_table(data.thresholds))
    if data.correlation is not None and shows_correlation(data):
        yield table_html("Correlation of fixed effects", correlation_table(data.coefficients.names, data.correlation))
    for title, table in data.models:
        model = coefficient_table(table)
        yield table_html(title, model)
        if model.headers[-1] == "":
            yield f"<p><small>{escape(LEGEND)}</small></p>"
    if data.notes:
        yield "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in data.notes) + "</ul>"


def _row(caption: str, headers: Sequence[str], cells: Sequence[str]) -> str:
    return table_html(caption, TextTable(("",), tuple(headers), tuple((cell,) for cell in cells)))
