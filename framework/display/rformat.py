"""R's rules for printing numbers and tables, so that a summary looks as users of lme4 know it.

Each function names the R function whose documented behaviour it follows.
"""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from .stars import stars

#: Columns of a line, R's ``options(width = 80)``.
LINE_WIDTH = 80
#: p-values below it are printed as ``<2e-16``: the distance from 1 to the next number.
EPSILON = 2.0**-52


@dataclass(frozen=True)
class TextTable:
    """Cells of a table, all text: a header and as many cells as there are row names for each column."""

    row_names: tuple[str, ...]
    headers: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]


# Numbers ----------------------------------------------------------------------------------------------------------


def format_numbers(x: Iterable[float], digits: int = 7, nsmall: int = 0) -> list[str]:
    """Numbers as text of one width with a common number of decimals; R's ``format``.

    So many decimals that every number shows `digits` significant digits, without zeros that all have at the end.
    Scientific notation where it is shorter.

    Parameters
    ----------
    x : iterable of float
        The numbers; NaN is printed as NA.
    digits : int
        Significant digits that every number shows at least.
    nsmall : int
        Decimals at least, in fixed notation.

    Examples
    --------
    >>> format_numbers([251.405, 6.825, 17.0], digits=4)
    ['251.405', '  6.825', ' 17.000']
    >>> format_numbers([1e-10, 1.0])
    ['1e-10', '1e+00']
    """
    numbers = [float(v) + 0.0 for v in x]  # + 0.0: no negative zero
    finite = [v for v in numbers if math.isfinite(v)]
    fixed_decimals, scientific_decimals = _decimals(finite, digits)
    fixed = [f"{v:.{fixed_decimals}f}" for v in finite]
    scientific = [f"{v:.{scientific_decimals}e}" for v in finite]
    if _width(fixed) <= _width(scientific):
        decimals = max(fixed_decimals, nsmall)
        texts = [f"{v:.{decimals}f}" if math.isfinite(v) else _not_finite(v) for v in numbers]
    else:
        texts = [f"{v:.{scientific_decimals}e}" if math.isfinite(v) else _not_finite(v) for v in numbers]
    width = _width(texts)
    return [text.rjust(width) for text in texts]


def _decimals(finite: Sequence[float], digits: int) -> tuple[int, int]:
    """Decimals that show `digits` significant digits of each number, in fixed and in scientific notation."""
    fixed = scientific = 0
    for v in finite:
        mantissa, exponent = f"{abs(v):.{digits - 1}e}".split("e")
        significant = len(mantissa.replace(".", "").rstrip("0")) or 1
        fixed = max(fixed, significant - int(exponent) - 1)
        scientific = max(scientific, significant - 1)
    return fixed, scientific


def _not_finite(v: float) -> str:
    return "NA" if math.isnan(v) else "Inf" if v > 0 else "-Inf"


def _width(texts: Iterable[str]) -> int:
    return max((len(text) for text in texts), default=0)


def round_numbers(x: Iterable[float], decimals: int) -> list[float]:
    """Each number rounded to `decimals` (>= 0) decimals; R's ``round``.

    Of the two nearest decimal numbers the nearer one as far as floating point can tell, else the even one. So 0.1535
    becomes 0.154, where Python's `round`, which sees that the binary number is slightly smaller, gives 0.153.

    Examples
    --------
    >>> round_numbers([0.1535, 2.5, -1.26], 1)
    [0.2, 2.5, -1.3]
    """
    return [_round(float(v), decimals) for v in x]


def _round(v: float, decimals: int) -> float:
    if not math.isfinite(v) or v == 0 or decimals > 15 - math.ceil(math.log10(abs(v))):
        return v
    scale = 10.0**decimals
    units = math.floor(abs(v) * scale)
    below, above = units / scale, math.ceil(abs(v) * scale) / scale
    to_below, to_above = abs(v) - below, above - abs(v)
    nearest = below if to_below < to_above or (to_below == to_above and units % 2 == 0) else above
    return math.copysign(nearest, v)


def zap_small(x: Sequence[float], digits: int) -> list[float]:
    """Numbers rounded so that the largest keeps about `digits` significant digits; R's ``zapsmall`` before R 4.4.

    Examples
    --------
    >>> zap_small([1234.5678, 0.0001, -3.0], digits=5)
    [1234.57, 0.0, -3.0]
    """
    largest = max((abs(v) for v in x if math.isfinite(v)), default=0.0)
    decimals = digits - math.log10(largest) if largest > 0 else digits
    return round_numbers(x, max(0, math.floor(decimals + 0.5)))


def format_p_values(p: Iterable[float], digits: int = 3) -> list[str]:
    """P-values as text, those below machine precision as ``<2e-16``; R's ``format.pval``.

    Examples
    --------
    >>> format_p_values([0.00871, 0.19869, 1e-30])
    ['0.00871', '0.19869', '< 2e-16']
    """
    values = [float(v) for v in p]
    large = [v for v in values if v >= 1e-3 or (v >= 1e-4 and digits > 1)]
    small = [v for v in values if EPSILON <= v < (1e-4 if digits > 1 else 1e-3)]
    # Either kind has its own common number of decimals.
    texts = dict(zip(large, format_numbers(large, digits), strict=True))
    texts |= dict(zip(small, format_numbers(small, digits), strict=True))
    widest = _width(texts.values())
    tiny_digits = max(1, digits - 2)
    if texts and tiny_digits > 1 and tiny_digits + 6 > widest:
        tiny_digits = max(1, widest - 7)
    separator = "" if tiny_digits == 1 and widest <= 6 else " "
    tiny = f"<{separator}{format_numbers([EPSILON], tiny_digits)[0]}"
    return ["NA" if math.isnan(v) else texts.get(v, tiny) for v in values]


def significance_stars(p: Iterable[float]) -> list[str]:
    """Stars of p-values, of one width; R's ``symnum`` as ``printCoefmat`` calls it.

    Examples
    --------
    >>> significance_stars([0.0004, 0.05, 0.2])
    ['***', '*  ', '   ']
    """
    marks = [stars(v) for v in p]
    width = _width(marks)
    return [mark.ljust(width) for mark in marks]


# Coefficients ------------------------------------------------------------------------------------------------------


def common_format(columns: Sequence[Sequence[float]], digits: int) -> list[list[str]]:
    """Columns rounded to `digits` significant digits of the smallest number of all; what became 0 gets its own format.

    Examples
    --------
    >>> common_format([[251.405, 10.4673], [6.8246, 1.5458]], digits=4)
    [['251.405', ' 10.467'], ['  6.825', '  1.546']]
    """
    values = [float(v) for column in columns for v in column]
    sizes = [abs(v) for v in values if math.isfinite(v) and v != 0]
    smallest = 1 + math.floor(math.log10(min(sizes))) if sizes else 0
    cells = format_numbers(round_numbers(values, max(1, digits - smallest)), digits)
    lost = [i for i, v in enumerate(values) if v != 0 and math.isfinite(v) and float(cells[i]) == 0]
    for i, text in zip(lost, format_numbers([values[i] for i in lost], max(1, digits - 1)), strict=True):
        cells[i] = text
    left = iter(cells)
    return [[next(left) for _ in column] for column in columns]


def format_statistics(x: Sequence[float], digits: int) -> list[str]:
    """Test statistics: `digits` significant digits of each, but no more than `digits` - 1 decimals.

    Examples
    --------
    >>> format_statistics([36.8376, -6.7714], digits=4)
    ['36.838', '-6.771']
    """
    return format_numbers(round_numbers(x, _test_decimals(digits)), digits)


def _test_decimals(digits: int) -> int:
    return max(1, min(5, digits - 1))


# Names -------------------------------------------------------------------------------------------------------------


def abbreviate(names: Sequence[str], minlength: int) -> list[str]:
    """Short names, as long as needed to stay distinct; R's ``abbreviate``.

    From the right, and only until a name has `minlength` letters: lower case vowels at the ends of words, other lower
    case vowels, lower case letters at the ends, other lower case letters, anything; never the first letter of a word.
    Names that became equal are made again, one letter longer.

    Examples
    --------
    >>> abbreviate(["(Intercept)", "temperature185", "recipeB:temperature185"], 6)
    ['(Intr)', 'tmp185', 'rB:185']
    """
    distinct = list(dict.fromkeys(name.strip(" ") for name in names))
    short = {name: _shorten(name, minlength) for name in distinct}
    while len(set(short.values())) < len(distinct):
        minlength += 1
        counts = Counter(short.values())
        short |= {name: _shorten(name, minlength) for name in distinct if counts[short[name]] > 1}
    return [short[name.strip(" ")] for name in names]


def _shorten(name: str, minlength: int) -> str:
    if len(name) < minlength:
        return name
    letters = list(name)
    excess = len(name) - name.count(" ") - minlength
    for removable in _REMOVABLE:
        i = len(letters) - 1
        while i > 0 and excess > 0:
            if removable(letters, i):
                del letters[i]
                excess -= 1
            i -= 1
    return "".join(letters[:1] + [c for c in letters[1:] if c != " "]) if len(letters) > minlength else "".join(letters)


def _starts_word(letters: list[str], i: int) -> bool:
    return letters[i - 1] == " "


def _ends_word(letters: list[str], i: int) -> bool:
    return letters[i - 1] != " " and (i + 1 >= len(letters) or letters[i + 1] == " ")


def _lower(letters: list[str], i: int) -> bool:
    return "a" <= letters[i] <= "z"


def _vowel(letters: list[str], i: int) -> bool:
    return letters[i] in "aeiou"


#: Which letter may go, in the order of the passes over a name.
_REMOVABLE: tuple[Callable[[list[str], int], bool], ...] = (
    lambda s, i: _vowel(s, i) and _ends_word(s, i),
    lambda s, i: _vowel(s, i) and not _starts_word(s, i),
    lambda s, i: _lower(s, i) and _ends_word(s, i),
    lambda s, i: _lower(s, i) and not _starts_word(s, i),
    lambda s, i: s[i] != " " and not _starts_word(s, i),
)


# Layout ------------------------------------------------------------------------------------------------------------


def print_vector(names: Sequence[str], cells: Sequence[str]) -> list[str]:
    """Lines of a named vector; R's ``print``.

    Examples
    --------
    >>> print_vector(["Min", "Max"], ["-1.25", "10.50"])
    ['  Min   Max ', '-1.25 10.50 ']
    """
    width = _width((*names, *cells))
    per_line = max(1, LINE_WIDTH // (width + 1))
    lines = []
    for start in range(0, len(names), per_line):
        part = slice(start, start + per_line)
        lines += ["".join(text.rjust(width) + " " for text in row[part]) for row in (names, cells)]
    return lines


def wrapped(texts: Iterable[str]) -> Iterator[str]:
    """Sentences as lines that fit; what has no blanks stays whole.

    Examples
    --------
    >>> [len(line) for line in wrapped(["word " * 30, "one"])]
    [79, 69, 3]
    """
    for line in (line for text in texts for line in text.split("\n")):
        yield from textwrap.wrap(line, LINE_WIDTH, break_long_words=False, break_on_hyphens=False) or [""]


def print_table(table: TextTable, *, right: bool = False) -> list[str]:
    """Lines of a table, its columns aligned left or right, continued below where the line is full; R's ``print``.

    Examples
    --------
    >>> print_table(TextTable(("a", "bb"), ("x", "long"), (("1", "2"), ("3", "4"))), right=True)
    ['   x long', 'a  1    3', 'bb 2    4']
    """
    label_width = _width(table.row_names)
    labels = [name.ljust(label_width) for name in ("", *table.row_names)]
    blocks: list[list[str]] = []
    used = LINE_WIDTH
    for header, column in zip(table.headers, table.columns, strict=True):
        width = _width((header, *column))
        if used + 1 + width >= LINE_WIDTH:
            blocks.append(labels)
            used = label_width
        cells = [text.rjust(width) if right else text.ljust(width) for text in (header, *column)]
        blocks[-1] = [f"{line} {cell}" for line, cell in zip(blocks[-1], cells, strict=True)]
        used += 1 + width
    return [line for block in blocks for line in block]
