"""Stars of significance, as R's tables have them: the one copy of their bounds."""

from __future__ import annotations

import math
from bisect import bisect_left

MARKS = ("***", "**", "*", ".", " ")
BOUNDS = (0.001, 0.01, 0.05, 0.1)
#: What stands below a table with stars.
LEGEND = "Signif. codes:  0 " + " ".join(
    f"‘{mark}’ {bound:g}"  # noqa: RUF001  (R's quotes)
    for mark, bound in zip(MARKS, (*BOUNDS, 1), strict=True)
)


def stars(p: float) -> str:
    """Mark of a p-value, "" where it is missing; R's ``symnum``, whose intervals are closed on the right.

    Examples
    --------
    >>> [stars(p) for p in (0.0004, 0.001, 0.05, 0.2)]
    ['***', '***', '*', ' ']
    """
    return "" if math.isnan(p) else MARKS[bisect_left(BOUNDS, p)]
