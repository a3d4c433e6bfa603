"""`ModelTable`: models side by side, as text, Markdown, HTML and LaTeX."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from tabulate import tabulate

from .markup import table_html
from .rformat import TextTable, print_table
from .stars import BOUNDS, MARKS, stars

#: p-values below it have a star in these tables: R's "." would look like a decimal point.
STARRED = 3
STARS = ", ".join(f"{mark} p < {bound:g}" for mark, bound in zip(MARKS[:STARRED], BOUNDS[:STARRED], strict=True))
#: Numbers of more decimals, or as large as this, are in scientific notation.
MOST_DECIMALS, LARGE = 10, 1e10
#: Signs that mean something in Markdown.
MARKDOWN = re.compile(r"([\\`*_|<>\[\]])")
#: What tabulate does not know in LaTeX: signs that stand for others until it is done, and those in LaTeX.
MINUS, BAR = "\N{MINUS SIGN}", "\N{DIVIDES}"
IN_LATEX = {MINUS: "$-$", BAR: r"\textbar{}"}


@dataclass(frozen=True)
class Cell:
    """Text of a number, and what stands behind it: stars, or a closing bracket."""

    text: str = ""
    mark: str = ""

    def __str__(self) -> str:
        return self.text + self.mark


@dataclass(frozen=True)
class Row:
    """A label and a cell for each model; without cells the heading of the rows below."""

    label: str
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, repr=False)
class ModelTable:
    r"""Models side by side: it prints as text, and notebooks show it as HTML.

    Parameters
    ----------
    names : tuple of str
        The models.
    rows : tuple of Row
    notes : tuple of str
        Lines below.

    Examples
    --------
    >>> number, error = Cell("10.467", "***"), Cell("(1.546", ")")
    >>> table = ModelTable(("(1)",), (Row("Fixed effects"), Row("Days", (number,)), Row("", (error,))), (STARS,))
    >>> table
                         (1)
    Fixed effects
    Days           10.467***
                   (1.546)
    <BLANKLINE>
    *** p < 0.001, ** p < 0.01, * p < 0.05
    >>> print(table.to_latex())
    \begin{tabular}{lr}
    \toprule
                   &       (1) \\
    \midrule
     Fixed effects &           \\
     Days          & 10.467*** \\
                   &   (1.546) \\
    \bottomrule
    \end{tabular}
    """

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Text, whose numbers stand below each other; continued below where 80 columns are full."""
        lines = [line.rstrip() for line in print_table(self._cells(self._aligned), right=True)]
        return "\n".join([*lines, "", *self.notes])

    def __repr__(self) -> str:
        return str(self)

    def to_markdown(self) -> str:
        """A pipe table, as GitHub and Pandoc read it, and the notes."""
        notes = "\n".join(_in_markdown(note) + "  " for note in self.notes)
        return f"{self._tabulated('pipe', _in_markdown)}\n\n{notes}".rstrip()

    def to_html(self) -> str:
        """A ``<div>`` with a table, without styles, and the notes."""
        notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in self.notes)
        return f'<div class="ranef-models">{table_html("", self._cells(str))}{notes}</div>'

    def to_latex(self) -> str:
        """A ``tabular``, which needs the package booktabs; without the notes, which belong into a caption."""
        text = self._tabulated("latex_booktabs", _for_latex)
        for sign, latex in IN_LATEX.items():
            text = text.replace(sign, latex)
        return text

    def _repr_html_(self) -> str:
        return self.to_html()

    def _tabulated(self, style: str, of: Callable[[str], str]) -> str:
        table = self._cells(lambda cell: of(str(cell)))
        rows = [[of(label), *row] for label, *row in zip(table.row_names, *table.columns, strict=True)]
        return tabulate(
            rows,
            headers=["", *map(of, self.names)],
            tablefmt=style,
            colalign=("left", *("right",) * len(self.names)),
            disable_numparse=True,
        )

    def _cells(self, text_of: Callable[[Cell], str]) -> TextTable:
        empty = (Cell(),) * len(self.names)
        columns = zip(*(map(text_of, row.cells or empty) for row in self.rows), strict=True)
        return TextTable(tuple(row.label for row in self.rows), self.names, tuple(columns))

    @property
    def _aligned(self) -> Callable[[Cell], str]:
        """Cells that end in as many characters for marks as the longest one has."""
        room = max((len(cell.mark) for row in self.rows for cell in row.cells), default=0)
        return lambda cell: cell.text + cell.mark.ljust(room)


def _in_markdown(text: str) -> str:
    return MARKDOWN.sub(r"\\\1", text)


def _for_latex(text: str) -> str:
    return re.sub(r"(?<!\w)-(?=[\d.])", MINUS, text).replace("|", BAR)


# Numbers ------------------------------------------------------------------------------------------------------------


def decimals_for(sizes: Sequence[float], digits: int) -> int:
    """So many decimals, or more where the least of the sizes would show fewer than two significant digits.

    Examples
    --------
    >>> decimals_for([6.825, 1.546], 3), decimals_for([0.00021, 5.0], 3)
    (3, 5)
    """
    return max([digits, *(1 - math.floor(math.log10(v)) for v in map(abs, sizes) if v > 0.0 and math.isfinite(v))])


def number(value: float, decimals: int, digits: int) -> str:
    """A number with so many decimals; scientific, with `digits` of them, where it is too small or too large for that.

    Examples
    --------
    >>> number(10.46729, 3, 3), number(float("nan"), 3, 3), number(1.5e-12, 13, 3), number(-0.0001, 3, 3)
    ('10.467', 'NA', '1.500e-12', '0.000')
    """
    if math.isnan(value):
        return "NA"
    scientific = value != 0.0 and (decimals > MOST_DECIMALS or abs(value) >= LARGE)
    text = f"{value:.{digits}e}" if scientific else f"{value:.{decimals}f}"
    return text.removeprefix("-") if not scientific and float(text) == 0.0 else text


def star_marks(p: float) -> str:
    """Stars of a p-value.

    Examples
    --------
    >>> star_marks(0.003), star_marks(0.07)
    ('**', '')
    """
    mark = stars(p)
    return mark if mark in MARKS[:STARRED] else ""
