"""`Table`: what every table of the project is, with columns of one length, as text, HTML and data frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from html import escape
from types import MappingProxyType
from typing import Any

import numpy as np

from ..contracts.arrays import AnyArray
from ..contracts.errors import InputError
from .frames import framed
from .markup import table_html
from .rformat import (
    TextTable,
    common_format,
    format_numbers,
    format_p_values,
    format_statistics,
    print_table,
    significance_stars,
    wrapped,
)
from .stars import BOUNDS, LEGEND

#: Significant digits of estimates.
DIGITS = 4
#: Of longer tables text and HTML show this many rows.
MAX_ROWS = 60

#: What columns are shown under; others under their own names.
HEADERS = {"estimate": "Estimate", "se": "Std. Error", "p_value": "p value"}
#: Other names of these columns, those of R's broom: with the same decimals, under their own names.
BROOM = {
    "std.error": "se",
    "conf.low": "lower",
    "conf.high": "upper",
    "p.value": "p_value",
    "logLik": "log_likelihood",
    "AIC": "aic",
    "BIC": "bic",
    "REMLcrit": "deviance",
}
#: Columns with as many decimals as each other, as in R's tables of coefficients.
ALIKE = ("estimate", "value", "se", "lower", "upper", "df")
#: Columns with so many decimals: of numbers whose differences matter, and not their size.
DECIMALS = {"aic": 2, "bic": 2, "log_likelihood": 2, "deviance": 2, "weight": 3}
#: Columns that are p-values; the first has stars.
P_VALUES = ("p_value", "p_mixture")


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Named columns of one length: a record that prints itself and goes into data frames.

    Frozen, and so are the columns. Names of columns have one meaning everywhere: ``estimate``, ``se``, ``df``,
    ``statistic``, ``p_value``, ``lower``, ``upper``. By them text and HTML choose decimals (R's ``printCoefmat``), and
    p-values have stars. Columns of text are labels; a single one that comes first names the rows. A subclass adds what
    its users need beside the columns, a covariance matrix for example.

    Parameters
    ----------
    columns : mapping of name -> (n,) array or sequence
        In order; copied. NaN is shown as NA.
    title : str
        Line above the table, the caption in HTML.
    notes : tuple of str
        Lines below it.
    headers : mapping of name -> str
        What columns are shown under, where it is not the default: ``{"statistic": "t value"}``.
    plain : bool
        Whether names of columns mean nothing, such as those of a user's variables; no header and no star then.
    frame : str
        Kind of data frame that `to_frame` makes by default: that of the user's data, "" where there is none.

    Raises
    ------
    InputError
        Where columns are not one-dimensional or differ in length.

    Examples
    --------
    >>> table = Table(
    ...     {"contrast": ("A - B", "A - C"), "estimate": [1.5, -0.25], "se": [0.5, 0.125], "p_value": [0.003, 0.046]},
    ...     title="Contrasts", notes=("Intervals are simultaneous.",), headers={"p_value": "Pr(>|t|)"},
    ... )
    >>> table
    Contrasts
          Estimate Std. Error Pr(>|t|)
    A - B    1.500      0.500    0.003 **
    A - C   -0.250      0.125    0.046 *
    ---
    Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1
    Intervals are simultaneous.
    >>> len(table), table["estimate"].tolist(), table.names
    (2, [1.5, -0.25], ('contrast', 'estimate', 'se', 'p_value'))
    >>> table.to_frame("polars")["contrast"].to_list()
    ['A - B', 'A - C']
    """

    columns: Mapping[str, Any]
    _: KW_ONLY
    title: str = ""
    notes: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    plain: bool = False
    frame: str = ""

    def __post_init__(self) -> None:
        columns = {name: _column(values) for name, values in self.columns.items()}
        shapes = {name: column.shape for name, column in columns.items()}
        if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise InputError(f"the columns of a table must be of one length; their shapes are {shapes}")
        object.__setattr__(self, "columns", MappingProxyType(columns))
        object.__setattr__(self, "headers", MappingProxyType(dict(self.headers)))

    # Columns --------------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.columns)

    def keys(self) -> tuple[str, ...]:
        """Names of the columns, so that ``dict(table)`` has them all."""
        return self.names

    def __len__(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> AnyArray:
        """The column of that name, (n,), read-only."""
        if name not in self.columns:
            raise InputError(f"there is no column {name!r}; the table has {', '.join(self.columns)}")
        column: AnyArray = self.columns[name]
        return column

    def to_dict(self) -> dict[str, AnyArray]:
        """The columns by name."""
        return dict(self.columns)

    def to_frame(self, like: Any = None) -> Any:
        """The columns as a data frame of pandas, polars or pyarrow; without any of them in play as a dict of arrays.

        Parameters
        ----------
        like : str or data frame, optional
            ``"pandas"``, ``"polars"`` or ``"pyarrow"``, or any frame of theirs; default the kind of the model's data.

        Raises
        ------
        InputError, InputTypeError
            Where `like` is none of these.
        MissingExtraError
            Where narwhals or the package itself is not installed; the message names the extra.
        """
        return framed(self.to_dict(), self.frame, like)

    # Text -----------------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        """The table in R's manner."""
        cells = self.cells()
        lines = [*wrapped([self.title] * bool(self.title)), *print_table(cells, right=True)]
        if cells.headers[-1:] == ("",):  # stars
            lines.append("---")
        return "\n".join([*lines, *wrapped(self._below(cells))])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        cells = self.cells()
        notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in self._below(cells))
        return f'<div class="ranef-table">{table_html(self.title, cells)}{notes}</div>'

    def cells(self, rows: int | None = MAX_ROWS) -> TextTable:
        """The text of so many rows, None for all: numbers with their decimals, and stars."""
        columns = {name: column[:rows] for name, column in self.columns.items()}
        known = () if self.plain else columns
        texts = {name: _texts(BROOM.get(name, name) if name in known else "", c) for name, c in columns.items()}
        alike = [name for name in known if BROOM.get(name, name) in ALIKE and not _is_text(columns[name])]
        texts |= zip(alike, common_format([columns[name].tolist() for name in alike], DIGITS), strict=True)
        headers = {name: self.headers.get(name, HEADERS.get(name, name) if known else name) for name in columns}
        labels = [name for name, column in columns.items() if _is_text(column)]
        row_names = [""] * len(next(iter(columns.values()), ()))
        if labels == list(columns)[:1] and len(columns) > 1:
            row_names = texts.pop(labels[0])
        else:
            for name in labels:
                headers[name], *texts[name] = _left([headers[name], *texts[name]])
        cells = [(headers[name], tuple(text)) for name, text in texts.items()]
        if "p_value" in known and (columns["p_value"] < BOUNDS[-1]).any():
            cells.append(("", tuple(significance_stars(columns["p_value"]))))
        return TextTable(tuple(row_names), tuple(header for header, _ in cells), tuple(text for _, text in cells))

    def _below(self, cells: TextTable) -> Iterator[str]:
        if cells.headers[-1:] == ("",):
            yield LEGEND
        if len(self) > MAX_ROWS:
            yield f"... and {len(self) - MAX_ROWS:,} more rows: to_dict() and to_frame() have all"
        yield from self.notes

    # Copies ---------------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "columns": dict(self.columns), "headers": dict(self.headers)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.__post_init__()


def _column(values: Any) -> AnyArray:
    """A read-only copy, of objects where no type of NumPy keeps what was given."""
    column = np.array(values)
    if column.dtype.kind in "US" and column.tolist() != list(values):
        column = np.empty(len(values), dtype=object)
        column[:] = values
    column.flags.writeable = False
    return column


def _is_text(column: AnyArray) -> bool:
    return column.dtype.kind in "OUSmM"


def _texts(name: str, column: AnyArray) -> list[str]:
    """A column as text, its numbers of one width."""
    values = column.tolist()
    if column.dtype.kind != "f":
        return ["" if v is None else str(v) for v in values]
    if name in P_VALUES:
        return format_p_values(values, DIGITS - 1)
    if name in DECIMALS:
        return ["NA" if np.isnan(v) else f"{v:.{DECIMALS[name]}f}" for v in values]
    if name == "statistic":
        return format_statistics(values, DIGITS)
    return format_numbers(values, DIGITS)


def _left(texts: Iterable[str]) -> list[str]:
    texts = list(texts)
    width = max(map(len, texts))
    return [text.ljust(width) for text in texts]
