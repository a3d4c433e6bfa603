"""How much of a sparse factor of M is filled in: a bound that needs no analysis, from the graph of levels that meet."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from ranef.contracts import Pattern

#: Pairs of neighbours of the largest factor's levels that are counted: beyond them the answer is inf.
MOST_PAIRS = 1e8


def envelope_work(pattern: Pattern) -> float:
    """Operations of a factorization, with selected inverse, that fills the envelope of all but the largest factor.

    The largest factor is eliminated first, levels of the others are in the reverse Cuthill-McKee order. A bound from
    above: tight for chains and strips of levels, and as large as dense where levels meet at random. inf where counting
    is too much work.

    Examples
    --------
    >>> from ranef.contracts import Grouping
    >>> factors = Grouping("f", 5, 1), Grouping("g", 4, 1)
    >>> path = np.array([0, 0, 1, 1, 2, 2, 3, 4]), np.array([0, 1, 1, 2, 2, 3, 3, 3])
    >>> envelope_work(Pattern(factors, {(0, 1): path}))  # 3 (14 products for f, and 3 entries beside the diagonal)
    51.0
    """
    start = np.cumsum([0, *(f.n_levels for f in pattern.groupings)])
    one = np.concatenate([start[i] + rows for (i, _), (rows, _) in pattern.pairs.items()])
    other = np.concatenate([start[j] + columns for (_, j), (_, columns) in pattern.pairs.items()])
    half = coo_array((np.ones(len(one)), (one, other)), shape=(start[-1], start[-1])).tocsr()
    links = csr_array(half + half.T)
    lead = int(np.argmax([f.size for f in pattern.groupings]))
    leading = np.zeros(start[-1], dtype=bool)
    leading[start[lead] : start[lead + 1]] = True
    up = links[leading][:, ~leading]
    products = float((np.diff(up.indptr).astype(np.float64) ** 2).sum())
    if products > MOST_PAIRS:
        return float("inf")
    schur = csr_array(links[~leading][:, ~leading] + up.T @ up)
    place = np.argsort(reverse_cuthill_mckee(schur, symmetric_mode=True))
    first = np.arange(len(place))
    np.minimum.at(first, np.repeat(place, np.diff(schur.indptr)), place[schur.indices])
    widths = (np.arange(len(place)) - first).astype(np.float64)
    return float(max(f.n_columns for f in pattern.groupings) ** 3 * 3.0 * (products + (widths**2).sum()))
