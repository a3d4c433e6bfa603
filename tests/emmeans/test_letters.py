"""Compact letter displays by their definition: every table of decisions about few means, and some about more."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from ranef.inference.emmeans.letters import letters_of


def table(k, decisions):
    """(k, k) from one decision for each pair."""
    differ = np.zeros((k, k), dtype=bool)
    for (i, j), differs in zip(combinations(range(k), 2), decisions, strict=True):
        differ[i, j] = differ[j, i] = differs
    return differ


def groups_of(letters):
    """The means that have each letter."""
    return [frozenset(np.flatnonzero([row[n] != " " for row in letters]).tolist()) for n in range(len(letters[0]))]


def alike(differ):
    """What letters have to say: the pairs that do not differ, and that every mean has one."""
    k = len(differ)
    return {frozenset(pair) for pair in combinations(range(k), 2) if not differ[pair]} | {
        frozenset([i]) for i in range(k)
    }


def least(differ):
    """The smallest number of sets of means that do not differ among which all pairs are: by trying all."""
    k, said = len(differ), alike(differ)
    every = (frozenset(s) for r in range(1, k + 1) for s in combinations(range(k), r))
    cliques = [s for s in every if all(frozenset(pair) in said for pair in combinations(s, 2))]
    cliques = [s for s in cliques if not any(s < other for other in cliques)]
    for r in range(1, len(cliques) + 1):
        for chosen in combinations(cliques, r):
            if all(any(pair <= s for s in chosen) for pair in said):
                return r
    raise AssertionError("single means are cliques")


def check(differ):
    letters = letters_of(differ)
    groups = groups_of(letters)
    covered = {frozenset(pair) for group in groups for r in (1, 2) for pair in combinations(sorted(group), r)}
    assert covered == alike(differ)
    return groups


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_every_table_of_few_means(k):
    """Pairs share a letter where they do not differ, and nowhere else; and no fewer letters would do."""
    for decisions in product([False, True], repeat=k * (k - 1) // 2):
        differ = table(k, decisions)
        assert len(check(differ)) == least(differ)


@pytest.mark.parametrize("k", [5, 6, 9, 14])
def test_tables_of_more_means(k):
    """No letter can be left out, and for few means none of all."""
    rng = np.random.default_rng(k)
    for _ in range(60):
        differ = table(k, rng.random(k * (k - 1) // 2) < rng.random())
        groups = check(differ)
        for group in groups:
            others = [other for other in groups if other is not group]
            covered = {frozenset(pair) for g in others for r in (1, 2) for pair in combinations(sorted(g), r)}
            assert not alike(differ) <= covered
        if k <= 6:
            assert len(groups) == least(differ)
