"""Text that shows itself: an interactive session prints it, a notebook has it as HTML, and it stays text."""

from __future__ import annotations

from html import escape

from .html import render_html
from .summary import render_text
from .tables import SummaryData


class Shown(str):
    """Text whose `repr` is the text.

    Examples
    --------
    >>> Shown("without quotes")
    without quotes
    """

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self)}</pre>"


class Page(str):
    """A page of HTML, which is too long to be shown: its `repr` says how long it is and where it was written.

    Examples
    --------
    >>> Page("<p>It converged.</p>")
    <HTML page of 20 characters>
    """

    written: str = ""

    def __repr__(self) -> str:
        where = f", written to {self.written}" if self.written else ""
        return f"<HTML page of {len(self):,} characters{where}>"


class Summary(Shown):
    """The summary of a fit, as text that also carries its numbers.

    Parameters
    ----------
    data : SummaryData
        The numbers.
    """

    data: SummaryData

    def __new__(cls, data: SummaryData) -> Summary:
        """The text of the numbers."""
        self = super().__new__(cls, render_text(data))
        self.data = data
        return self

    def _repr_html_(self) -> str:
        return render_html(self.data)

    def __getnewargs__(self) -> tuple[SummaryData]:  # type: ignore[override]
        return (self.data,)
