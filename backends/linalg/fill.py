"""How much of a sparse factor of M is filled in: bounds that need no analysis, from the graph of levels that meet."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from ranef.contracts import Pattern
from ranef.contracts.arrays import IntArray

#: Multiplications that a count of pairs may take.
MOST_PAIRS = 1e9


def envelope_work(pattern: Pattern) -> float:
    """Operations of a factorization that fills the envelope of M, of levels in the reverse Cuthill-McKee order.

    A bound from above: tight for chains and grids of levels, and far too high where levels meet at random.

    Examples
    --------
    >>> from ranef.contracts import Grouping
    >>> ones = Grouping("f", 4, 1), Grouping("g", 4, 1)
    >>> envelope_work(Pattern(ones, {(0, 1): (np.arange(4), np.arange(4))}))  # four pairs: one entry beside each
    4.0
    """
    links = _links(pattern)
    order = reverse_cuthill_mckee(links, symmetric_mode=True)
    place = np.argsort(order)
    rows, columns = place[links.indices], np.repeat(place, np.diff(links.indptr))
    first = np.arange(len(place))
    np.minimum.at(first, rows, columns)
    widths = (np.arange(len(place)) - first).astype(np.float64)
    return float(max(f.n_columns for f in pattern.groupings) ** 3 * (widths**2).sum())


def meeting(pattern: Pattern) -> float:
    """Which part of the pairs of levels outside of the largest factor are neighbours of one of its levels.

    These are entries of the Schur complement: where it is dense, so is every factor. NaN where counting is much work.

    Examples
    --------
    >>> from ranef.contracts import Grouping
    >>> factors = Grouping("f", 4, 1), Grouping("g", 2, 1)
    >>> meeting(Pattern(factors, {(0, 1): (np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]))}))
    1.0
    """
    start = _starts(pattern)
    lead = int(np.argmax([f.size for f in pattern.groupings]))
    leading = np.zeros(start[-1], dtype=bool)
    leading[start[lead] : start[lead + 1]] = True
    up = _links(pattern)[leading][:, ~leading]
    if float((np.diff(up.indptr).astype(np.float64) ** 2).sum()) > MOST_PAIRS:
        return float("nan")
    return float((up.T @ up).nnz / max(up.shape[1], 1) ** 2)


def _starts(pattern: Pattern) -> IntArray:
    return np.cumsum([0, *(f.n_levels for f in pattern.groupings)])


def _links(pattern: Pattern) -> csr_array:
    """Which levels of different factors meet, by ones."""
    start = _starts(pattern)
    rows = [start[i] + rows for (i, _), (rows, _) in pattern.pairs.items()]
    columns = [start[j] + columns for (_, j), (_, columns) in pattern.pairs.items()]
    one, other = np.concatenate(rows), np.concatenate(columns)
    size = int(start[-1])
    half = coo_array((np.ones(len(one)), (one, other)), shape=(size, size)).tocsr()
    return csr_array(half + half.T)
