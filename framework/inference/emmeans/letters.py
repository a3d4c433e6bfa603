"""Compact letter displays: means that share a letter do not differ (Piepho 2004, doi 10.1198/1061860043515)."""

from __future__ import annotations

import string

from ...contracts.arrays import BoolArray

#: What groups are called, in order.
LETTERS = string.ascii_lowercase + string.ascii_uppercase


def letters_of(differ: BoolArray) -> list[str]:
    """Letters of each mean, with blanks where it has none, from which pairs (k, k) differ: insert, absorb, sweep.

    Examples
    --------
    >>> import numpy as np
    >>> letters_of(np.array([[False, False, True], [False, False, False], [True, False, False]]))
    ['a ', 'ab', ' b']
    """
    k = len(differ)
    groups = [set(range(k))]
    for i in range(k):
        for j in range(i + 1, k):
            if differ[i, j]:
                split = [g - {end} for g in groups if {i, j} <= g for end in (i, j)]
                groups = _largest([g for g in groups if not {i, j} <= g] + split)
    groups = _needed(sorted(groups, key=sorted), k)
    return ["".join(_letter(n) if i in g else " " for n, g in enumerate(groups)) for i in range(k)]


def _largest(groups: list[set[int]]) -> list[set[int]]:
    """Without those that are part of another one."""
    distinct = [g for n, g in enumerate(groups) if g not in groups[:n]]
    return [g for g in distinct if not any(g < other for other in distinct)]


def _needed(groups: list[set[int]], k: int) -> list[set[int]]:
    """Without those all of whose pairs, and members, others have too."""
    for g in list(groups):
        others = [h for h in groups if h is not g]
        if all(any({i, j} <= h for h in others) for i in g for j in g):
            groups = others
    return groups


def _letter(n: int) -> str:
    return LETTERS[n] if n < len(LETTERS) else f"({n + 1})"
